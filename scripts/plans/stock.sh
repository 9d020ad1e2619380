# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# Plan: load all modules but the tests into a stock kernel, use them, unload them,
# and see that no page stays behind.

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

clients=
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
