# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# Plan of scripts/graph: the objects of an example, garbage among them.
heap=/sys/kernel/debug/pheap/family

# Before the collector comes by itself, some seconds later.
start() {
	load pheap && load hello_objects && echo 0 >$heap/gc/enable
}

need "load" start
need "graph" cp $heap/graph.dot /out/graph.dot
need "unload" unload hello_objects pheap
