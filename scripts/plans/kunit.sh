# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# Plan: run the KUnit suites.  The kernel's log between the two marks holds their
# KTAP, which scripts/check cuts out and has judged.
log "kunit begin"
load pheap || exit 1
load pheap_kunit || exit 1
log "kunit end"
ls /sys/kernel/debug/kunit

# found TEXT: how many of the objects that leak.c made kmemleak takes for leaks.
found() {
	grep -c "pheap: $1" /sys/kernel/debug/kmemleak
}

# look: kmemleak tells of nothing that is younger than five seconds, nor of what
# has changed since it last looked.
look() {
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
	echo scan >/sys/kernel/debug/kmemleak
	lost=$(found lost)
	passed=$(found passed)
	kept=$(found kept)
	echo "taken for leaks: of 16 lost objects $lost, of 16 lost blocks $passed," \
		"of 96 objects that blocks refer to $kept"
	[ "$lost" -gt 0 ] && [ "$passed" -gt 0 ] && [ "$kept" = 0 ]
}

# A process of its own makes them, so that no address is left on a stack.
if [ -e /sys/kernel/debug/kmemleak ]; then
	log "pheap-expect: begin leaks"
	sh -c 'echo 1 >/sys/module/pheap_kunit/parameters/leak' || exit 1
	need "kmemleak finds what is lost, not what blocks refer to" look
	echo 0 >/sys/module/pheap_kunit/parameters/leak
	log "pheap-expect: end"
fi
unload pheap_kunit pheap || exit 1
