# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# Plan of scripts/demo: replay /trace with kmalloc and with pheap, and leave in
# /out what scripts/demo shows.

bench=/proc/pheap_bench

# shrink_slabs: have SLUB give back what it can, so that it starts afresh.
shrink_slabs() {
	for file in /sys/kernel/slab/*/shrink; do
		[ ! -w "$file" ] || echo 1 >"$file"
	done
}

# all_free_pages: those that CPUs keep to themselves included.
all_free_pages() {
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
	awk '$1 == "pages" && $2 == "free" { n += $3 }
		$1 == "count:" { n += $2 }
		END { print n }' /proc/zoneinfo
}

start() {
	load pheap && load pheap_bench && cat /trace >$bench/trace
}

stop() {
	cat /sys/module/pheap/parameters/bytes_held >"/out/held.$1"
	unload pheap_bench pheap
}

compare() {
	shrink_slabs
	echo "both rounds=3" >$bench/replay && cat $bench/replay >/out/replay
	cat $bench/trace >/out/trace
}

# to_the_peak: up to when the most is live, then all freed, then no heap.
to_the_peak() {
	echo "pheap hold=1" >$bench/replay || return 1
	all_free_pages >/out/free.peak
	cat /proc/pheapinfo >/out/pheapinfo.peak
	cat /sys/module/pheap/parameters/bytes_held >/out/held.peak
	echo empty >$bench/replay || return 1
	cat /proc/pheapinfo >/out/pheapinfo.empty
	echo release >$bench/replay || return 1
	cat /proc/pheapinfo >/out/pheapinfo.after
}

need "load" start
need "replay with both" compare
need "replay with pheap, stopping at the peak" to_the_peak
need "unload" stop first

# All of it again, now that the kernel has made what it keeps for later.
shrink_slabs
all_free_pages >/out/free.idle
all_free_pages >/out/free.before
need "load again" start
need "replay again" to_the_peak
need "unload again" stop second
shrink_slabs
all_free_pages >/out/free.after
dmesg | grep 'pheap: ' >/out/pheap.log
