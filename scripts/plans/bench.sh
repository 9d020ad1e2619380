# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# Plan of scripts/bench: do what the lines of /jobs say, and collect what they
# measure in /out/results.tsv.
#
#	micro TEST KEY=VALUE...		a test of /proc/pheap_bench/micro
#	replay TRACE KEY=VALUE...	a replay of /traces/TRACE.tr with both

bench=/proc/pheap_bench

run_micro() {
	echo "$*" >$bench/micro || return 1
	sed '/^# tests:/d; /^test\t/d' $bench/micro >>/out/results.tsv
}

run_replay() {
	trace=$1
	shift
	cat "/traces/$trace.tr" >$bench/trace || return 1
	for file in /sys/kernel/slab/*/shrink; do
		[ ! -w "$file" ] || echo 1 >"$file"
	done
	echo "both $*" >$bench/replay || return 1
	replay_rows "$trace" <$bench/replay >>/out/results.tsv
}

# replay_rows TRACE: what was measured, in the form of the other tests.
replay_rows() {
	awk -F '[.=]' -v trace="$1" '
	{ value[$1, $2] = $3 }
	function row(from, side, what, median, min, max) {
		printf "replay-%s\t0\t%s\t%s\t%.2f\t%.2f\t%.2f\t%d\n", trace,
			side, what, median, min, max, value[from, "rounds"]
	}
	function times(from, side, what, n) {
		n = value[from, "events"]
		row(from, side, what, value[from, "ns_median"] / n,
			value[from, "ns_min"] / n, value[from, "ns_max"] / n)
	}
	function all(from, side, n) {
		times(from, side, "event_ns")
		n = value[from, "taken_peak"]
		row(from, side, "peak_bytes", n, n, n)
		n = value[from, "again_peak"]
		row(from, side, "again_bytes", n, n, n)
		n = value[from, "asked_peak"]
		row(from, side, "asked_bytes", n, n, n)
	}
	END {
		times("loop", "loop", "event_ns")
		all("kmalloc", "kmalloc")
		all("pheap", "pheap_alloc")
		times("kmalloc", "kmalloc", "new_heap_ns")
		times("pheap-new", "pheap_alloc", "new_heap_ns")
	}'
}

# A kernel that has just booted has much to do.  (When instructions are counted,
# idle time passes at once.)
case $GUEST_KERNEL in
um-*) sleep 2 ;;
*) sleep 30 ;;
esac
load pheap || exit 1
load pheap_bench || exit 1
while read -r job; do
	echo "$job"
	# shellcheck disable=SC2086 # words
	run_$job || exit 1
done </jobs
unload pheap_bench pheap
