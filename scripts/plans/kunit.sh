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
unload pheap_kunit pheap || exit 1
