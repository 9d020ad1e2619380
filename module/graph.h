/* SPDX-License-Identifier: GPL-2.0 */
/*
 * graph - a picture of some objects of a heap, and of who refers to whom
 *
 * Taken while others go on, without stopping them: true to the last reference
 * only for a heap at rest.
 */
#ifndef _PHEAP_GRAPH_H
#define _PHEAP_GRAPH_H

#include "object.h"

/* Objects in a picture: unless said otherwise, and at most. */
#define GRAPH_DEFAULT	200U
#define GRAPH_MAX	20000U

/* Where a picture begins. */
enum graph_from {
	GRAPH_ALL,	/* with the heap's first object, to the last */
	GRAPH_ROOT,	/* with a root's object, and goes on to its neighbours */
	GRAPH_OBJECT,	/* the same with any */
};

/**
 * struct graph_args - which objects
 * @from: where to begin.
 * @max: how many.
 * @root: name of the root.
 * @address: of the object, as the kernel prints it: a hash of the real one,
 *	unless it was told not to.
 */
struct graph_args {
	enum graph_from from;
	unsigned int max;
	char root[PHEAP_NAME_MAX + 1];
	unsigned long address;
};

/**
 * struct graph_node - an object
 * @obj: where it is, or was.
 * @type: its type.
 * @rc: count and flags.
 * @tracked: the collector may have to look at it.
 * @live: somebody outside of the picture refers to it, or to what leads to it.
 * @from_elsewhere: references that are not in the picture.
 * @edge: the first of its edges.
 * @nr_edges: how many.
 * @next: for a list of nodes.
 */
struct graph_node {
	struct pheap_object *obj;
	const struct pheap_type *type;
	int rc;
	bool tracked;
	bool live;
	int from_elsewhere;
	unsigned int edge;
	unsigned int nr_edges;
	unsigned int next;
};

/**
 * struct graph_edge - a slot that is not empty
 * @from: whose it is.
 * @to: what it holds.
 */
struct graph_edge {
	unsigned int from;
	unsigned int to;
};

/**
 * struct graph_root - a root of an object in the picture
 * @node: the object.
 * @name: name.
 */
struct graph_root {
	unsigned int node;
	char name[PHEAP_NAME_MAX + 1];
};

/**
 * struct graph - a picture
 * @heap: of which heap.
 * @args: how it was asked for.
 * @found: there was something to begin with.
 * @cut: there was more than it had room for.
 * @objects: of the heap, if all were asked for.
 * @max: room in @nodes; the other arrays have some for each.
 * @nr: nodes.
 * @nr_edges: edges.
 * @nr_roots: roots.
 * @nodes: in the order in which they were come upon.
 * @edges: by the node that they are from.
 * @roots: in the order of their naming.
 * @hash: numbers of nodes plus one, by address.
 * @hash_bits: log2 of the room in it.
 * @seen: for a search: nodes from here on are looked for,
 * @limit: up to here.
 */
struct graph {
	struct pheap *heap;
	struct graph_args args;
	bool found;
	bool cut;
	size_t objects;
	unsigned int max;
	unsigned int nr;
	unsigned int nr_edges;
	unsigned int nr_roots;
	struct graph_node *nodes;
	struct graph_edge *edges;
	struct graph_root *roots;
	u32 *hash;
	unsigned int hash_bits;
	unsigned int seen;
	unsigned int limit;
};

/* Take a picture; may sleep.  Returns it, or an ERR_PTR(). */
struct graph *graph_take(struct gc *gc, const struct graph_args *args);

void graph_drop(struct graph *graph);

#endif /* _PHEAP_GRAPH_H */
