// SPDX-License-Identifier: GPL-2.0
/*
 * Graphs of objects: pairs, rings of ten, a list linked both ways in the order
 * of memory and in a random one, and three references from each to any.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/math.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "graph.h"

#define GRAPH_SEED	19690720
#define GRAPH_RESCHED	1024

static const char * const graph_names[] = {
	[GRAPH_PAIRS]		= "pairs",
	[GRAPH_RINGS]		= "rings",
	[GRAPH_LIST]		= "list",
	[GRAPH_SHUFFLED]	= "shuffled",
	[GRAPH_RANDOM]		= "random",
};

static const unsigned int graph_slots[] = {
	[GRAPH_PAIRS]		= 1,
	[GRAPH_RINGS]		= 1,
	[GRAPH_LIST]		= 2,
	[GRAPH_SHUFFLED]	= 2,
	[GRAPH_RANDOM]		= 3,
};

/**
 * graph_name() - name of a shape
 * @shape: which.
 *
 * Return: its name.
 */
const char *graph_name(enum graph_shape shape)
{
	return graph_names[shape];
}

static int graph_open_types(struct graph *graph)
{
	static const size_t slots[GRAPH_SLOTS] = {
		offsetof(struct graph_node, to[0]),
		offsetof(struct graph_node, to[1]),
		offsetof(struct graph_node, to[2]),
	};
	static const char * const names[] = { "one", "two", "three" };
	struct pheap_type_ops ops = {
		.size = sizeof(struct graph_node),
		.slots = slots,
	};
	unsigned int i;

	for (i = 0; i < GRAPH_SLOTS; i++) {
		ops.name = names[i];
		ops.nr_slots = i + 1;
		graph->types[i] = pheap_type_register(graph->heap, &ops);
		if (IS_ERR(graph->types[i]))
			return PTR_ERR(graph->types[i]);
	}
	return 0;
}

/**
 * graph_open() - make room for a graph
 * @graph: filled in; to be given to graph_close() in any case.
 * @count: objects.
 *
 * Return: 0 or a negative error.
 */
int graph_open(struct graph *graph, size_t count)
{
	*graph = (struct graph) { .count = roundup(count, GRAPH_RING) };
	graph->nodes = vzalloc(array_size(graph->count, sizeof(void *)));
	if (!graph->nodes)
		return -ENOMEM;
	graph->heap = pheap_create("bench", NULL);
	if (IS_ERR(graph->heap))
		return PTR_ERR(graph->heap);
	return graph_open_types(graph);
}

/**
 * graph_close() - unmake what graph_open() made
 * @graph: what it filled in.
 */
void graph_close(struct graph *graph)
{
	if (graph->nodes)
		graph_drop(graph);
	pheap_destroy(graph->heap);
	vfree(graph->nodes);
}

static int graph_fill(struct graph *graph, struct pheap_type *type)
{
	size_t i;

	for (i = 0; i < graph->count; i++) {
		graph->nodes[i] = pheap_new(type, GFP_KERNEL);
		if (!graph->nodes[i])
			return -ENOMEM;
		if (i % GRAPH_RESCHED == 0)
			cond_resched();
	}
	return 0;
}

static void graph_shuffle(struct graph *graph, struct rnd_state *rnd)
{
	size_t i, j;

	for (i = graph->count; i > 1; i--) {
		j = prandom_u32_state(rnd) % i;
		swap(graph->nodes[i - 1], graph->nodes[j]);
	}
}

static void graph_link(struct graph *graph, size_t from, unsigned int slot,
		       size_t to)
{
	struct graph_node *node = graph->nodes[from];

	pheap_slot_set(&node->obj, &node->to[slot], &graph->nodes[to]->obj);
}

static void graph_link_rings(struct graph *graph, size_t length)
{
	size_t i;

	for (i = 0; i < graph->count; i++)
		graph_link(graph, i, 0,
			   (i + 1) % length ? i + 1 : i + 1 - length);
}

static void graph_link_list(struct graph *graph)
{
	size_t i;

	for (i = 1; i < graph->count; i++) {
		graph_link(graph, i - 1, 0, i);
		graph_link(graph, i, 1, i - 1);
	}
}

static void graph_link_random(struct graph *graph, struct rnd_state *rnd)
{
	unsigned int slot;
	size_t i;

	for (i = 0; i < graph->count; i++)
		for (slot = 0; slot < GRAPH_SLOTS; slot++)
			graph_link(graph, i, slot,
				   prandom_u32_state(rnd) % graph->count);
}

/**
 * graph_build() - make the objects, and references between them
 * @graph: a graph without objects.
 * @shape: what to make of it.
 *
 * The graph has a reference to each as well.
 *
 * Return: 0 or -ENOMEM.
 */
int graph_build(struct graph *graph, enum graph_shape shape)
{
	struct rnd_state rnd;
	int err;

	err = graph_fill(graph, graph->types[graph_slots[shape] - 1]);
	if (err)
		return err;
	prandom_seed_state(&rnd, GRAPH_SEED);
	if (shape == GRAPH_SHUFFLED)
		graph_shuffle(graph, &rnd);
	if (shape == GRAPH_PAIRS)
		graph_link_rings(graph, 2);
	else if (shape == GRAPH_RINGS)
		graph_link_rings(graph, GRAPH_RING);
	else if (shape == GRAPH_RANDOM)
		graph_link_random(graph, &rnd);
	else
		graph_link_list(graph);
	return 0;
}

static void graph_put(struct graph *graph, size_t i)
{
	if (graph->nodes[i])
		pheap_put(&graph->nodes[i]->obj);
	graph->nodes[i] = NULL;
}

/**
 * graph_hang() - let all objects of a graph hang on a few
 * @graph: a graph that has been built.
 * @shape: its shape.
 *
 * One of each cycle is held; of a random graph, all are, for some would lead
 * to nothing but themselves.
 */
void graph_hang(struct graph *graph, enum graph_shape shape)
{
	size_t i, step = graph->count;

	if (shape == GRAPH_RANDOM)
		return;
	if (shape == GRAPH_PAIRS)
		step = 2;
	else if (shape == GRAPH_RINGS)
		step = GRAPH_RING;
	for (i = 0; i < graph->count; i++)
		if (i % step)
			graph_put(graph, i);
}

/**
 * graph_drop() - give up all references that the graph has
 * @graph: graph.
 */
void graph_drop(struct graph *graph)
{
	size_t i;

	for (i = 0; i < graph->count; i++)
		graph_put(graph, i);
}

/**
 * graph_touch() - make candidates of all objects that the graph has
 * @graph: graph.
 */
void graph_touch(struct graph *graph)
{
	size_t i;

	for (i = 0; i < graph->count; i++)
		if (graph->nodes[i])
			pheap_put(pheap_get(&graph->nodes[i]->obj));
}
