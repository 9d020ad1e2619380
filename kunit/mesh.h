/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mesh - graphs of objects that refer to each other, and what must become of them
 *
 * A graph knows its nodes, edges and who is held by the case, and so which
 * nodes somebody reaches.  All that the heap does to them is noted: when each
 * was finalized and when it ended, and how often.
 */
#ifndef _PHEAP_KUNIT_MESH_H
#define _PHEAP_KUNIT_MESH_H

#include <linux/container_of.h>
#include <pheap/object.h>

#include "pheap_kunit.h"

#define NODE_SLOTS	3

#define NODE_ALIVE	0x600df00d
#define NODE_DEAD	0x0badf00d

/**
 * enum node_kind - types of nodes
 * @NODE_TABLE: slots by a table.
 * @NODE_FUNC: slots by a function.
 * @NODE_WIDE: any number of slots; see node_wide().
 * @NODE_FINAL: as NODE_TABLE, with a finalizer; ended by a worker.
 * @NODE_WORKER: as NODE_TABLE; ended by a worker.
 * @NODE_RCU: as NODE_TABLE, with memory that stays for a grace period.
 * @NODE_TUPLE: as NODE_TABLE, immutable.
 * @NODE_LEAF: no slots, acyclic.
 * @NODE_BARE: as NODE_TABLE, no weak references.
 * @NODE_SHY: by a function that leaves the last slot out.
 * @NODE_BOAST: by a function that reports the first slot twice.
 * @NODE_KINDS: how many kinds there are.
 */
enum node_kind {
	NODE_TABLE,
	NODE_FUNC,
	NODE_WIDE,
	NODE_FINAL,
	NODE_WORKER,
	NODE_RCU,
	NODE_TUPLE,
	NODE_LEAF,
	NODE_BARE,
	NODE_SHY,
	NODE_BOAST,
	NODE_KINDS,
};

struct graph;

/**
 * struct node - an object of a graph
 * @obj: what objects begin with.
 * @weaks: weak references to it.
 * @graph: graph.
 * @id: 0, 1, ... in the order of creation.
 * @canary: NODE_ALIVE until it is released.
 * @nr: slots.
 * @slot: slots.
 */
struct node {
	struct pheap_object obj;
	struct pheap_weaks weaks;
	struct graph *graph;
	u32 id;
	u32 canary;
	u32 nr;
	struct pheap_slot slot[];
};

/**
 * struct fate - what is known of a node
 * @node: the node; not to be looked at if it may be dead.
 * @edges: where its edges are in graph->edge.
 * @nr: slots.
 * @held: references that the case holds.
 * @count: references that it must have.
 * @ended: when it was released; 0: not yet.
 * @finalized: when it was finalized.
 * @ends: how often it was released.
 * @finals: how often it was finalized.
 * @marked: somebody reaches it.
 */
struct fate {
	struct node *node;
	u32 edges;
	u32 nr;
	u32 held;
	u32 count;
	u32 ended;
	u32 finalized;
	u8 ends;
	u8 finals;
	bool marked;
};

/**
 * struct graph - nodes, and what is known of them
 * @test: case.
 * @heap: heap.
 * @type: types, NULL if not made yet.
 * @nr: nodes.
 * @most: most nodes.
 * @nr_edges: slots of all nodes.
 * @fate: of each node.
 * @edge: 1 + the id of the node that each slot refers to, or 0.
 * @stack: for marking.
 * @clock: counts what happens.
 * @ends: releases.
 * @finals: finalizers called.
 * @wrong: what must not happen.
 * @finalize: what a finalizer is to do, or NULL.
 * @release: what a release function is to do, or NULL.
 * @data: the case's.
 */
struct graph {
	struct kunit *test;
	struct pheap *heap;
	struct pheap_type *type[NODE_KINDS];
	unsigned int nr;
	unsigned int most;
	unsigned int nr_edges;
	struct fate *fate;
	u32 *edge;
	u32 *stack;
	atomic_t clock;
	atomic_t ends;
	atomic_t finals;
	atomic_t wrong;
	void (*finalize)(struct node *node);
	void (*release)(struct node *node);
	void *data;
};

static inline struct node *node_of(const struct pheap_object *obj)
{
	return obj ? container_of(obj, struct node, obj) : NULL;
}

static inline struct fate *node_fate(const struct node *node)
{
	return &node->graph->fate[node->id];
}

/* A graph of up to @most nodes; the heap collects only when asked to. */
struct graph *graph_make(struct kunit *test, unsigned int most);

/* The same on another heap. */
struct graph *graph_make_on(struct kunit *test, struct pheap *heap,
			    unsigned int most);

/* All nodes are gone: begin anew. */
void graph_again(struct graph *graph);

struct pheap_type *graph_type(struct graph *graph, enum node_kind kind);

/* A node that the case holds; NULL without memory. */
struct node *node_try(struct graph *graph, enum node_kind kind, gfp_t gfp);
struct node *node_new(struct graph *graph, enum node_kind kind);
struct node *node_wide(struct graph *graph, unsigned int slots);

/* @nr of them; returns the id of the first. */
unsigned int nodes_new(struct graph *graph, enum node_kind kind,
		       unsigned int nr);

/* One made by pheap_new() gets its number. */
void node_adopt(struct graph *graph, struct node *node, unsigned int slots);

/* Store, by pheap_slot_set(); @to may be NULL. */
void node_link(struct node *from, unsigned int slot, struct node *to);

/* The same by id. */
void graph_link(struct graph *graph, unsigned int from, unsigned int slot,
		unsigned int to);

/* The case takes, or gives up, a reference. */
void node_hold(struct node *node);
void node_drop(struct node *node);

/* Give up all that are held. */
void graph_drop_all(struct graph *graph);

static inline struct node *graph_node(struct graph *graph, unsigned int id)
{
	return graph->fate[id].node;
}

/* It is over, and was finalized that often. */
static inline bool graph_ended(struct graph *graph, unsigned int id)
{
	return READ_ONCE(graph->fate[id].ends);
}

/* Nodes that are not marked, after graph_mark(). */
unsigned int graph_mark(struct graph *graph);

/* Collect, as often as it may take at most; returns the sum. */
size_t graph_collect(struct graph *graph);

/* Workers and RCU get time until so many nodes have ended. */
bool graph_wait(struct graph *graph, unsigned int ends);

/*
 * Exactly those nodes that nobody reaches have ended, each once; the others
 * have exactly the references that they should have.
 */
void graph_check_at(struct graph *graph, const char *what, const char *file,
		    int line);
#define GRAPH_CHECK(graph, what) \
	graph_check_at(graph, what, __FILE__, __LINE__)

/* Drop all, collect: nothing is left. */
void graph_end(struct graph *graph);

/* How slow kernels get by with less. */
unsigned int graph_scaled(unsigned int nr);

#endif /* _PHEAP_KUNIT_MESH_H */
