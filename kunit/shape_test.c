// SPDX-License-Identifier: GPL-2.0
/*
 * Graphs of every shape, held in every way: what nobody reaches goes, and
 * nothing else does, as a naive mark says.
 */
#include <linux/mm.h>

#include "mesh.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(plain, MODE_PLAIN);

#define SHAPE_MOST	2000

/**
 * struct shape - how nodes are linked
 * @name: what it is called.
 * @build: make it of about so many nodes.
 * @nr: how many.
 */
struct shape {
	const char *name;
	void (*build)(struct graph *graph, enum node_kind kind,
		      unsigned int nr);
	unsigned int nr;
};

/* Each refers to the next, the last to the first. */
static void shape_ring(struct graph *graph, enum node_kind kind,
		       unsigned int nr)
{
	unsigned int i, first = nodes_new(graph, kind, nr);

	for (i = 0; i < nr; i++)
		graph_link(graph, first + i, 0, first + (i + 1) % nr);
}

/* All slots refer to their own object. */
static void shape_self(struct graph *graph, enum node_kind kind,
		       unsigned int nr)
{
	unsigned int i, first = nodes_new(graph, kind, nr);

	for (i = 0; i < nr * NODE_SLOTS; i++)
		graph_link(graph, first + i / NODE_SLOTS, i % NODE_SLOTS,
			   first + i / NODE_SLOTS);
}

/* Two or three references from each to the next. */
static void shape_thick_ring(struct graph *graph, enum node_kind kind,
			     unsigned int nr)
{
	unsigned int i, first = nodes_new(graph, kind, nr);

	for (i = 0; i < nr * NODE_SLOTS; i++)
		if (i % 5)
			graph_link(graph, first + i / NODE_SLOTS,
				   i % NODE_SLOTS,
				   first + (i / NODE_SLOTS + 1) % nr);
}

static void shape_double_list(struct graph *graph, enum node_kind kind,
			      unsigned int nr)
{
	unsigned int i, first = nodes_new(graph, kind, nr);

	for (i = 1; i < nr; i++) {
		graph_link(graph, first + i - 1, 0, first + i);
		graph_link(graph, first + i, 1, first + i - 1);
	}
}

/* No cycle at all: ends by counts alone. */
static void shape_list(struct graph *graph, enum node_kind kind,
		       unsigned int nr)
{
	unsigned int i, first = nodes_new(graph, kind, nr);

	for (i = 1; i < nr; i++)
		graph_link(graph, first + i - 1, 0, first + i);
}

/* Rings of 5, the head of each refers to the head of the next. */
static void shape_chain_of_rings(struct graph *graph, enum node_kind kind,
				 unsigned int nr)
{
	unsigned int at, last = 0;

	for (at = 0; at + 5 <= nr; at += 5) {
		last = graph->nr;
		shape_ring(graph, kind, 5);
		if (at)
			graph_link(graph, last - 5, 1, last);
	}
}

/* The same the other way round: the newest ring keeps all the older. */
static void shape_chain_back(struct graph *graph, enum node_kind kind,
			     unsigned int nr)
{
	unsigned int at, last = 0;

	for (at = 0; at + 5 <= nr; at += 5) {
		last = graph->nr;
		shape_ring(graph, kind, 5);
		if (at)
			graph_link(graph, last, 1, last - 5);
	}
}

/* A list that leads to a ring, from which another list leads on. */
static void shape_head_and_tail(struct graph *graph, enum node_kind kind,
				unsigned int nr)
{
	unsigned int part = nr / 3, first = graph->nr;

	shape_list(graph, kind, part);
	shape_ring(graph, kind, part);
	shape_list(graph, kind, part);
	graph_link(graph, first + part - 1, 0, first + part);
	graph_link(graph, first + part, 1, first + 2 * part);
}

/* A tree of two branches, with links to the parent. */
static void shape_tree(struct graph *graph, enum node_kind kind,
		       unsigned int nr)
{
	unsigned int i, first = nodes_new(graph, kind, nr);

	for (i = 1; i < nr; i++) {
		graph_link(graph, first + (i - 1) / 2, i % 2, first + i);
		graph_link(graph, first + i, 2, first + (i - 1) / 2);
	}
}

static void shape_digraph(struct graph *graph, enum node_kind kind,
			  unsigned int nr)
{
	unsigned int i, first = nodes_new(graph, kind, nr);

	for (i = 0; i < nr * NODE_SLOTS; i++)
		graph_link(graph, first + i / NODE_SLOTS, i % NODE_SLOTS,
			   first + fixture_random(graph->test, nr));
}

/* Few enough edges that there are many parts. */
static void shape_sparse(struct graph *graph, enum node_kind kind,
			 unsigned int nr)
{
	unsigned int i, first = nodes_new(graph, kind, nr);

	for (i = 0; i < nr; i++)
		graph_link(graph, first + fixture_random(graph->test, nr),
			   fixture_random(graph->test, NODE_SLOTS),
			   first + fixture_random(graph->test, nr));
}

/* A hub that refers to all, and all to it. */
static void shape_star(struct graph *graph, enum node_kind kind,
		       unsigned int nr)
{
	struct node *hub = node_wide(graph, nr - 1);
	unsigned int i, first = nodes_new(graph, kind, nr - 1);

	for (i = 0; i < nr - 1; i++) {
		node_link(hub, i, graph_node(graph, first + i));
		node_link(graph_node(graph, first + i), 1, hub);
	}
}

/* Each refers to all, itself among them. */
static void shape_clique(struct graph *graph, enum node_kind kind,
			 unsigned int nr)
{
	unsigned int i, first = graph->nr;

	for (i = 0; i < nr; i++)
		node_wide(graph, nr);
	for (i = 0; i < nr * nr; i++)
		graph_link(graph, first + i / nr, i % nr, first + i % nr);
}

static const struct shape shapes[] = {
	{ "self-loop", shape_self, 1 },
	{ "self-loops", shape_self, 100 },
	{ "pair", shape_ring, 2 },
	{ "ring", shape_ring, 10 },
	{ "long ring", shape_ring, 1500 },
	{ "thick ring", shape_thick_ring, 60 },
	{ "doubly linked list", shape_double_list, 500 },
	{ "list", shape_list, 300 },
	{ "chain of rings", shape_chain_of_rings, 500 },
	{ "chain of rings, backwards", shape_chain_back, 500 },
	{ "head and tail", shape_head_and_tail, 99 },
	{ "tree", shape_tree, 511 },
	{ "random digraph", shape_digraph, 900 },
	{ "small digraph", shape_digraph, 7 },
	{ "sparse digraph", shape_sparse, 900 },
	{ "star", shape_star, 400 },
	{ "clique", shape_clique, 9 },
};

static const enum node_kind shape_kinds[] = { NODE_TABLE, NODE_FUNC, NODE_RCU };

/* Who goes on holding what: all but those are dropped. */
typedef bool (*shape_hold)(struct graph *graph, unsigned int id);

static bool hold_none(struct graph *graph, unsigned int id)
{
	return false;
}

static bool hold_all(struct graph *graph, unsigned int id)
{
	return true;
}

static bool hold_first(struct graph *graph, unsigned int id)
{
	return !id;
}

static bool hold_last(struct graph *graph, unsigned int id)
{
	return id == graph->nr - 1;
}

static bool hold_half(struct graph *graph, unsigned int id)
{
	return fixture_random(graph->test, 2);
}

static bool hold_few(struct graph *graph, unsigned int id)
{
	return !fixture_random(graph->test, 100);
}

static void shape_drop(struct graph *graph, shape_hold hold)
{
	unsigned int id;

	for (id = 0; id < graph->nr; id++) {
		if (!hold(graph, id))
			node_drop(graph_node(graph, id));
		if (id % 256 == 0)
			cond_resched();
	}
}

static void shape_try(struct graph *graph, const struct shape *shape,
		      enum node_kind kind, shape_hold hold)
{
	shape->build(graph, kind, shape->nr);
	shape_drop(graph, hold);
	graph_collect(graph);
	GRAPH_CHECK(graph, shape->name);
	graph_end(graph);
	graph_again(graph);
}

static void shape_all(struct kunit *test, shape_hold hold)
{
	struct graph *graph = graph_make(test, SHAPE_MOST);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(shapes) * ARRAY_SIZE(shape_kinds); i++)
		shape_try(graph, &shapes[i / ARRAY_SIZE(shape_kinds)],
			  shape_kinds[i % ARRAY_SIZE(shape_kinds)], hold);
}

static void shape_garbage(struct kunit *test)
{
	shape_all(test, hold_none);
}

static void shape_live(struct kunit *test)
{
	shape_all(test, hold_all);
}

/* Live heads with dead tails, dead heads with live tails. */
static void shape_held_by_first(struct kunit *test)
{
	shape_all(test, hold_first);
}

static void shape_held_by_last(struct kunit *test)
{
	shape_all(test, hold_last);
}

static void shape_half_held(struct kunit *test)
{
	shape_all(test, hold_half);
}

static void shape_few_held(struct kunit *test)
{
	shape_all(test, hold_few);
}

/* Collected while they were live, and again when a part of them is not. */
static void shape_aged(struct kunit *test)
{
	struct graph *graph = graph_make(test, SHAPE_MOST);
	unsigned int i, round;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		shapes[i].build(graph, NODE_TABLE, shapes[i].nr);
		for (round = 0; round < 4; round++)
			graph_collect(graph);
		GRAPH_CHECK(graph, shapes[i].name);
		shape_drop(graph, hold_half);
		graph_collect(graph);
		GRAPH_CHECK(graph, shapes[i].name);
		graph_end(graph);
		graph_again(graph);
	}
}

/* Edges come and go between collections, and so do those who hold nodes. */
static void shape_change(struct graph *graph, unsigned int nr)
{
	unsigned int from = fixture_random(graph->test, nr);
	struct fate *fate = &graph->fate[from];

	if (!fate->held)
		return;
	switch (fixture_random(graph->test, 4)) {
	case 0:
		node_link(fate->node, fixture_random(graph->test, NODE_SLOTS),
			  NULL);
		break;
	case 1:
		node_drop(fate->node);
		break;
	default:
		fate = &graph->fate[fixture_random(graph->test, nr)];
		if (fate->held)
			graph_link(graph, from,
				   fixture_random(graph->test, NODE_SLOTS),
				   fate->node->id);
	}
}

static void shape_changing(struct kunit *test)
{
	struct graph *graph = graph_make(test, SHAPE_MOST);
	unsigned int round, i, nr = 300;

	kunit_info(test, "seed %llu\n", fixture_of(test)->seed);
	shape_digraph(graph, NODE_TABLE, nr);
	for (round = 0; round < 12; round++) {
		for (i = 0; i < 60; i++)
			shape_change(graph, nr);
		graph_collect(graph);
		GRAPH_CHECK(graph, "changing digraph");
	}
	graph_end(graph);
}

/* So many that a scan takes its time. */
static void shape_large(struct kunit *test)
{
	static const struct shape large[] = {
		{ "ring", shape_ring, 100000 },
		{ "doubly linked list", shape_double_list, 100000 },
		{ "random digraph", shape_digraph, 100000 },
		{ "star", shape_star, 10000 },
	};
	struct graph *graph = graph_make(test, 100001);
	struct shape shape;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(large); i++) {
		shape = large[i];
		if (i)
			shape.nr = graph_scaled(shape.nr);
		shape_try(graph, &shape, NODE_TABLE, hold_none);
		shape.nr = graph_scaled(shape.nr);
		shape_try(graph, &shape, NODE_TABLE, hold_first);
		shape_try(graph, &shape, NODE_TABLE, hold_half);
	}
}

/* The same heap, with types of all kinds linked at random. */
static void shape_mixed(struct kunit *test)
{
	static const enum node_kind kinds[] = {
		NODE_TABLE, NODE_FUNC, NODE_FINAL, NODE_WORKER, NODE_RCU,
		NODE_BARE,
	};
	struct graph *graph = graph_make(test, SHAPE_MOST);
	unsigned int i, nr = 600;

	for (i = 0; i < nr; i++)
		node_new(graph, kinds[fixture_random(test,
						     ARRAY_SIZE(kinds))]);
	for (i = 0; i < nr * NODE_SLOTS; i++)
		graph_link(graph, i / NODE_SLOTS, i % NODE_SLOTS,
			   fixture_random(test, nr));
	shape_drop(graph, hold_few);
	graph_collect(graph);
	GRAPH_CHECK(graph, "mixed");
	graph_end(graph);
}

static struct kunit_case shape_cases[] = {
	MODE_CASE(all, shape_garbage),
	MODE_CASE(all, shape_live),
	MODE_CASE(all, shape_held_by_first),
	MODE_CASE(plain, shape_held_by_last),
	MODE_CASE(all, shape_half_held),
	MODE_CASE(plain, shape_few_held),
	MODE_CASE(all, shape_aged),
	MODE_CASE(all, shape_changing),
	MODE_CASE(plain, shape_large),
	MODE_CASE(all, shape_mixed),
	{}
};

struct kunit_suite shape_suite = {
	.name = "pheap_shape",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = shape_cases,
};
