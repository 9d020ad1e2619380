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

# used: KiB that are charged to the cgroup.
used() {
	echo $(($(cat /tmp/cgroup/pheap/memory.current) / 1024))
}

# grow HOW: in the cgroup; see kunit/grow.c.
grow() {
	sh -c 'echo $$ >/tmp/cgroup/pheap/cgroup.procs && echo "$1" >"$2"' - \
		"$1" /sys/module/pheap_kunit/parameters/grow
}

# charged HOW FROM TO: what growing by 16 MiB charges, in KiB, and that it goes.
charged() {
	before=$(used)
	grow "$1" || return 1
	more=$(($(used) - before))
	grow 0 || return 1
	left=$(($(used) - before))
	echo "charged: $more KiB, then $left KiB"
	[ "$more" -ge "$2" ] && [ "$more" -le "$3" ] && [ "$left" -le 2048 ]
}

# limited: the cgroup's limit is that of a heap that is charged to it, and of no
# other.
limited() {
	echo 8M >/tmp/cgroup/pheap/memory.max
	! grow 2 2>/dev/null && grep '^max [1-9]' /tmp/cgroup/pheap/memory.events &&
		grow 1 && grow 0
}

cgroup() {
	mkdir /tmp/cgroup && mount -t cgroup2 cgroup2 /tmp/cgroup &&
		echo +memory >/tmp/cgroup/cgroup.subtree_control &&
		mkdir /tmp/cgroup/pheap
}

# The pages of a heap are charged to who made it grow, if PHEAP_ACCOUNT says so;
# 256 KiB may be charged ahead for each processor.
need "a memory cgroup" cgroup
need "a heap's pages are charged to nobody" charged 1 -2048 2048
need "with PHEAP_ACCOUNT to the cgroup" charged 2 14336 18432
need "within the cgroup's limit" limited

unload pheap_kunit pheap || exit 1
