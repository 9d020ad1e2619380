# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# Plan: load all modules but the tests into a stock kernel, use them, look at all
# that pheap shows meanwhile, unload them, and see that no page stays behind.

# shellcheck source=plans/figures.sh
. /lib/pheap/figures.sh

bench=/proc/pheap_bench

# of FILE KEY: the value in a line KEY=value.
of() {
	sed -n "s/^$2=//p" "$bench/$1"
}

# soon COMMAND...: it succeeds, perhaps only when RCU has given back what waits.
soon() {
	"$@" || { sleep 1 && "$@"; } || { sleep 1 && "$@"; }
}

figures_hold() {
	need "/proc/pheapinfo adds up" soon proc_adds_up
	for heap; do
		need "$heap: the files of debugfs agree" \
			soon debugfs_agrees "$heap"
		need "$heap: validate and trim take 1 only" controls_work "$heap"
	done
}

# What the example says of its heap, by pheap_get_stats(), is what the files say.
example_agrees() {
	said=$(dmesg | sed -n 's/.*hello_pheap: .*: \(.*\) bytes$/\1/p' | tail -n 1)
	echo "the example said: $said"
	[ "$said" = "2 live blocks, $(stat hello live) of $(stat hello taken)" ] &&
		[ "$(stat hello live_blocks)" = 2 ] &&
		[ "$(stat hello limit)" = 1048576 ] &&
		grep -q '^greeting  *16  *1  *16$' $heaps/hello/leaks
}

to_the_peak() {
	xzcat /trace.xz >$bench/trace && echo "pheap hold=1" >$bench/replay &&
		[ "$(of trace state)" = loaded ] &&
		[ "$(of replay pheap.failed)" = 0 ] &&
		[ "$(stat replay live)" -ge "$(of trace asked_peak)" ]
}

all_freed() {
	echo empty >$bench/replay && [ "$(stat replay live_blocks)" = 0 ] &&
		[ "$(wc -l <$heaps/replay/leaks)" = 1 ]
}

whole_replay() {
	echo release >$bench/replay && [ ! -e $heaps/replay ] &&
		echo "pheap rounds=1" >$bench/replay &&
		[ "$(of replay pheap.failed)" = 0 ] &&
		[ "$(of replay pheap.events)" = "$(of trace events)" ] &&
		[ "$(of replay pheap.rounds)" = 1 ]
}

look() {
	need "load" load pheap
	need "load the benchmarks" load pheap_bench
	need "load the example" load hello_pheap
	need "the example's figures are those of the files" example_agrees
	need "replay a program up to its peak" to_the_peak
	figures_hold hello replay
	need "trim gives back what it said" trim_keeps_its_word replay
	figures_hold replay
	need "all blocks freed" all_freed
	figures_hold replay
	need "trim leaves nothing" trim_keeps_its_word replay
	need "no arena is left" [ "$(stat replay arenas)" = 0 ]
	need "replay all of the program" whole_replay
	need "unload all" unload hello_pheap pheap_bench pheap
}

cycle() {
	need "load pheap" load pheap
	need "load pheap_bench" load pheap_bench
	for ko in /modules/*.ko; do
		client=$(basename "$ko" .ko)
		case $client in
		pheap | pheap_bench | pheap_kunit) ;;
		*)
			need "load client $client" load "$client"
			clients="$client $clients"
			;;
		esac
	done
	need "read /proc/pheapinfo" cat /proc/pheapinfo
	# shellcheck disable=SC2086 # a list of modules
	need "unload" unload $clients pheap_bench pheap
	clients=
}

# What people see of objects, on the example's heap.
seen=/sys/kernel/debug/pheap/family

# refuses_all FILE TEXT...: none of which the file takes.
refuses_all() {
	_file=$seen/$1
	shift
	for _word; do
		if ! refuses "$_file" "$_word"; then
			echo "$_file takes '$_word'"
			return 1
		fi
	done
}

# live TYPE: how many objects there are.
live() {
	awk -v type="$1" '$1 == type { print $2 }' $seen/objects
}

# gc COLUMN: of the heap's row in /proc/pheap_gc.
gc() {
	awk -v column="$1" '$2 == "family" && $3 != "durations" { print $column }' \
		/proc/pheap_gc
}

# One family is in the root's hand, one in nobody's.
families() {
	[ "$(live person)" = 6 ] && [ "$(live name)" = 6 ] &&
		grep -q '^ada  *person ' $seen/roots &&
		[ "$(grep -c '"#ff8080"' $seen/graph.dot)" = 6 ] &&
		grep -q 'digraph "family"' $seen/graph.dot
}

# Three are in cycles; their names end with them.
collected() {
	echo 1 >$seen/gc/collect &&
		[ "$(live person)" = 3 ] && [ "$(live name)" = 3 ] &&
		[ "$(gc 6)" = 3 ] && [ "$(gc 3)" -ge 1 ] &&
		[ "$(grep -vc '^#' $seen/gc/log)" = "$(gc 3)" ] &&
		! grep -q '"#ff8080"' $seen/graph.dot
}

bounded() {
	echo "root ada 4" >$seen/graph.dot &&
		[ "$(grep -c '^	n[0-9]* \[' $seen/graph.dot)" = 4 ] &&
		grep -q 'there are more' $seen/graph.dot
}

bad_writes() {
	refuses_all gc/collect 0 2 x && refuses_all gc/enable 2 x &&
		refuses_all gc/threshold "" x "1 2 3" -1 "1 x" &&
		refuses_all graph.dot "" some "all 0" "all x" "all 20001" \
			"all 1 2" root "root a 1 2" object "object zz" \
			"root a-name-that-is-longer-than-all-are"
}

settings() {
	echo 500 60000 >$seen/gc/threshold && echo 0 >$seen/gc/enable &&
		[ "$(head -n 1 $seen/gc/threshold)" = "500 60000" ] &&
		[ "$(cat $seen/gc/enable)" = 0 ] &&
		grep -q '^# family: collects only when' /proc/pheap_gc
}

see() {
	need "load pheap" load pheap
	need "load an example" load hello_objects
	need "switch the collector off" settings
	need "objects, roots and garbage" families
	need "collect" collected
	need "a graph is bounded" bounded
	need "bad writes are refused" bad_writes
	cat /proc/pheap_gc $seen/objects $seen/gc/log
	need "unload the example" unload hello_objects pheap
}

look
clients=
see
cycle
cycles=25

cycle_often() {
	n=0
	while [ $n -lt $cycles ]; do
		cycle >/dev/null
		n=$((n + 1))
	done
}

# settled: a leak of a page in a cycle shows every time.  What the kernel keeps
# of the first cycles, some 50 pages, and what it does meanwhile, does not.
settled() {
	try=0
	while [ $try -lt 5 ]; do
		try=$((try + 1))
		before=$(free_pages)
		cycle_often
		after=$(free_pages)
		echo "free pages before and after $cycles more cycles: $before $after"
		[ $((before - after)) -ge $cycles ] || return 0
	done
	return 1
}

need "no page stays behind" settled
