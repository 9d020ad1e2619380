/* SPDX-License-Identifier: GPL-2.0 */
/*
 * graph - objects of 64 bytes that refer to each other
 *
 * scripts/bench-python builds the same of CPython's objects.
 */
#ifndef _PHEAP_BENCH_GRAPH_H
#define _PHEAP_BENCH_GRAPH_H

#include <linux/types.h>

#include <pheap/object.h>

#define GRAPH_SLOTS	3
#define GRAPH_RING	10

enum graph_shape {
	GRAPH_PAIRS,
	GRAPH_RINGS,
	GRAPH_LIST,
	GRAPH_SHUFFLED,
	GRAPH_RANDOM,
	GRAPH_SHAPES,
};

struct graph_node {
	struct pheap_object obj;
	struct pheap_slot to[GRAPH_SLOTS];
	u64 value[4];
};

/**
 * struct graph - objects and references to them
 * @heap: where they are; scans only when asked to.
 * @types: by number of slots, less one.
 * @count: objects, a multiple of %GRAPH_RING.
 * @nodes: the objects, in the order in which they were made, unless that was
 *	shuffled; %NULL where the graph has no reference any more.
 */
struct graph {
	struct pheap *heap;
	struct pheap_type *types[GRAPH_SLOTS];
	size_t count;
	struct graph_node **nodes;
};

int graph_open(struct graph *graph, size_t count);
void graph_close(struct graph *graph);
const char *graph_name(enum graph_shape shape);
int graph_build(struct graph *graph, enum graph_shape shape);
void graph_hang(struct graph *graph, enum graph_shape shape);
void graph_drop(struct graph *graph);
void graph_touch(struct graph *graph);

#endif /* _PHEAP_BENCH_GRAPH_H */
