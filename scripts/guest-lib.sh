# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# Functions for plans, sourced by the guest before the plan (busybox sh).

# load MODULE [PARAMETER...]: insert /modules/MODULE.ko.
load() {
	_module=$1
	shift
	insmod "/modules/$_module.ko" "$@"
}

# unload MODULE...: remove modules, in this order.
unload() {
	for _module; do
		rmmod "$_module" || return 1
	done
}

# log TEXT: write a line to the kernel's log.
log() {
	echo "pheap-plan: $*" >/dev/kmsg
}

# free_pages: the system's free pages, those in the lists of the processors too,
# once caches are dropped: the most of several readings, as some pages are always
# on their way.
free_pages() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		cat /proc/sys/vm/stat_refresh
		awk '$1 == "nr_free_pages" || $1 == "count:" { n += $2 }
			END { print n }' /proc/zoneinfo
		usleep 50000
	done | sort -n | tail -n 1
}

# need TEXT COMMAND...: say whether the command succeeds; end the plan if not.
need() {
	_text=$1
	shift
	if "$@"; then
		echo "ok    $_text"
	else
		echo "FAIL  $_text"
		exit 1
	fi
}

banner() {
	cat <<END

$(uname -s) $(uname -r), $GUEST_CPUS processors.  Modules in /modules:

$(find /modules -name '*.ko' | sort | sed 's/^/	/')

	load pheap		insert a module
	cat /proc/pheapinfo	the heaps
	ls /sys/kernel/debug/pheap
	dmesg | tail		the kernel's log
	exit			power off

END
}
