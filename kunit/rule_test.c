// SPDX-License-Identifier: GPL-2.0
/*
 * CPython's rules of garbage collection, by their numbers in the study of it,
 * as far as they apply here.
 *
 *	 7	no case of its own: gc_stress would find it
 *	13	C has no exceptions
 *	20, 22	weak_callbacks_of_a_cycle(), weak_made_by_finalizers()
 *	19, 31	no legacy finalizers, no DEBUG_SAVEALL
 *	23	a weak reference is no object: weak_cleared_by_release()
 *	25	no generations
 *	34	object_order_along_a_chain(), object_long_chain()
 */
#include <linux/delay.h>
#include <linux/mm.h>

#include "mesh.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);

/* Nodes in a ring, by slot 0. */
static void rule_ring(struct graph *graph, enum node_kind kind,
		      unsigned int nr)
{
	unsigned int i, first = nodes_new(graph, kind, nr);

	for (i = 0; i < nr; i++)
		graph_link(graph, first + i, 0, first + (i + 1) % nr);
}

/* What is not reported is held by somebody unknown: it leaks, and is safe. */
static void rule_08_unreported(struct kunit *test)
{
	struct pheap *other = fixture_extra(test, "shy");
	struct graph *graph = graph_make_on(test, other, 4);

	/* 0 and 1 by reported slots; 2 and 3 by one that is not. */
	nodes_new(graph, NODE_SHY, 4);
	graph_link(graph, 0, 0, 1);
	graph_link(graph, 1, 0, 0);
	graph_link(graph, 2, 0, 3);
	graph_link(graph, 3, NODE_SLOTS - 1, 2);
	graph_drop_all(graph);
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 2);
	KUNIT_EXPECT_TRUE(test, graph_ended(graph, 0));
	KUNIT_EXPECT_TRUE(test, graph_ended(graph, 1));
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 2);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&graph_node(graph, 2)->obj), 1);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&graph_node(graph, 3)->obj), 1);
	log_expect(test, "objects left");
	fixture_drop_extra(test, other);
	log_end(test);
	KUNIT_EXPECT_TRUE(test, log_has(test, "shy"));
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 4);
}

/* Reported once too often: found out, and live. */
static void rule_08_reported_twice(struct kunit *test)
{
	struct pheap *other = fixture_extra(test, "boast");
	struct graph *graph = graph_make_on(test, other, 2);

	nodes_new(graph, NODE_BOAST, 2);
	graph_link(graph, 0, 0, 1);
	graph_link(graph, 1, 0, 0);
	node_drop(graph_node(graph, 1));
	log_expect(test, "a slot reported twice");
	graph_collect(graph);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 0);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&graph_node(graph, 1)->obj), 1);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&graph_node(graph, 0)->obj), 2);
	node_drop(graph_node(graph, 0));
	graph_collect(graph);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 0);
	fixture_drop_extra(test, other);
	log_end(test);
	KUNIT_EXPECT_TRUE(test, log_has(test, "not what the type says"));
	KUNIT_EXPECT_TRUE(test, log_has(test, "boast"));
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 2);
}

/**
 * struct rule_order - when what happened
 * @graph: graph.
 * @start: a scan began.
 * @end: the last one ended.
 * @called: weak callbacks.
 * @weak: weak references.
 */
struct rule_order {
	struct graph *graph;
	u32 start;
	u32 end;
	u32 called[4];
	struct pheap_weak weak[4];
};

static struct rule_order *rule_order;

static void rule_scan_starts(const struct pheap_gc_info *info, void *arg)
{
	struct rule_order *order = arg;

	if (!order->start)
		order->start = atomic_inc_return(&order->graph->clock);
}

static void rule_scan_ends(const struct pheap_gc_info *info, void *arg)
{
	struct rule_order *order = arg;

	order->end = atomic_inc_return(&order->graph->clock);
}

static void rule_weak_called(struct pheap_weak *weak)
{
	struct rule_order *order = rule_order;

	WRITE_ONCE(order->called[weak - order->weak],
		   atomic_inc_return(&order->graph->clock));
}

static void rule_order_check(struct kunit *test, struct graph *graph,
			     struct rule_order *order)
{
	u32 first = min(graph->fate[0].finalized, graph->fate[2].finalized);
	u32 last = max(graph->fate[0].finalized, graph->fate[2].finalized);
	unsigned int i;

	KUNIT_EXPECT_GT(test, order->start, 0);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_LT(test, order->start, order->called[i]);
		KUNIT_EXPECT_LT(test, order->called[i], first);
		KUNIT_EXPECT_LT(test, last, graph->fate[i].ended);
		KUNIT_EXPECT_LT(test, graph->fate[i].ended, order->end);
		KUNIT_EXPECT_EQ(test, graph->fate[i].finals, i % 2 == 0);
	}
}

/* Start, weak references, finalizers, the end of the rest, end. */
static void rule_09_order(struct kunit *test)
{
	struct rule_order *order = kunit_kzalloc(test, sizeof(*order),
						 GFP_KERNEL);
	struct graph *graph = graph_make(test, 4);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, order);
	rule_order = order;
	order->graph = graph;
	for (i = 0; i < 4; i++)
		node_new(graph, i % 2 ? NODE_TABLE : NODE_FINAL);
	for (i = 0; i < 4; i++) {
		graph_link(graph, i, 0, (i + 1) % 4);
		pheap_weak_init(&order->weak[i], &graph_node(graph, i)->obj,
				rule_weak_called);
	}
	pheap_gc_callbacks(heap_of(test), rule_scan_starts, rule_scan_ends,
			   order);
	graph_drop_all(graph);
	graph_collect(graph);
	pheap_gc_callbacks(heap_of(test), NULL, NULL, NULL);
	GRAPH_CHECK(graph, "ring");
	rule_order_check(test, graph, order);
	graph_end(graph);
}

static size_t rule_nested;

static void rule_collect_in_finalizer(struct node *node)
{
	rule_nested += pheap_collect(node->graph->heap);
}

static void rule_10_nested(struct kunit *test)
{
	struct graph *graph = graph_make(test, 20);

	rule_nested = 0;
	graph->finalize = rule_collect_in_finalizer;
	rule_ring(graph, NODE_FINAL, 5);
	rule_ring(graph, NODE_TABLE, 5);
	graph_drop_all(graph);
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 10);
	KUNIT_EXPECT_EQ(test, rule_nested, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->finals), 5);
	graph_end(graph);
}

/* Whether enabled or not. */
static void rule_10_collect_always(struct kunit *test)
{
	struct graph *graph = graph_make(test, 20);

	rule_ring(graph, NODE_TABLE, 5);
	graph_drop_all(graph);
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 5);
	pheap_gc_enable(heap_of(test));
	rule_ring(graph, NODE_TABLE, 5);
	graph_drop_all(graph);
	graph_collect(graph);
	GRAPH_CHECK(graph, "enabled");
	graph_end(graph);
}

/* Where finalizers put what they save: a node that the case holds. */
static void rule_save(struct node *node, struct node *saved)
{
	struct node *shelf = node->graph->data;
	unsigned int slot = saved->id;

	pheap_slot_set(&shelf->obj, &shelf->slot[slot], &saved->obj);
	node->graph->edge[node_fate(shelf)->edges + slot] = saved->id + 1;
}

static void rule_save_itself(struct node *node)
{
	rule_save(node, node);
}

static void rule_save_next(struct node *node)
{
	struct pheap_object *next = pheap_slot_get(&node->obj, &node->slot[0]);

	rule_save(node, node_of(next));
	pheap_put(next);
}

static void rule_save_one(struct node *node)
{
	if (node->id == 2)
		rule_save(node, node);
}

static void rule_unsave(struct graph *graph)
{
	struct node *shelf = graph->data;
	unsigned int i;

	for (i = 0; i < shelf->nr; i++)
		node_link(shelf, i, NULL);
}

/* A shelf, and rings of finalizers that save something. */
static struct graph *rule_savers(struct kunit *test,
				 void (*finalize)(struct node *node))
{
	struct graph *graph = graph_make(test, 30);

	rule_ring(graph, NODE_FINAL, 5);
	rule_ring(graph, NODE_TABLE, 5);
	graph->data = node_wide(graph, 12);
	graph->finalize = finalize;
	return graph;
}

static void rule_drop_all_but_shelf(struct graph *graph)
{
	unsigned int i;

	for (i = 0; i < 10; i++)
		node_drop(graph_node(graph, i));
}

/* Those who came back are not counted as freed. */
static void rule_11_count(struct kunit *test)
{
	struct graph *graph = rule_savers(test, rule_save_itself);

	rule_drop_all_but_shelf(graph);
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 5);
	GRAPH_CHECK(graph, "saved themselves");
	rule_unsave(graph);
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 5);
	GRAPH_CHECK(graph, "not saved again");
	graph_end(graph);
}

static void rule_new_garbage(struct node *node)
{
	struct graph *graph = node->graph;
	struct node *made = node_try(graph, NODE_TABLE, GFP_KERNEL);

	if (!made)
		return;
	node_link(made, 0, made);
	node_drop(made);
}

/* What finalizers make is for a later scan. */
static void rule_12_new_in_finalizer(struct kunit *test)
{
	struct graph *graph = graph_make(test, 30);

	graph->finalize = rule_new_garbage;
	rule_ring(graph, NODE_FINAL, 5);
	graph_drop_all(graph);
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 10);
	KUNIT_EXPECT_EQ(test, graph->nr, 10);
	GRAPH_CHECK(graph, "made by finalizers");
	graph_end(graph);
}

static void rule_walk_ring(struct node *node)
{
	struct graph *graph = node->graph;
	struct pheap_object *at = pheap_get(&node->obj), *next;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		next = pheap_slot_get(at, &node_of(at)->slot[0]);
		pheap_put(at);
		at = next;
		if (!at || node_of(at)->canary != NODE_ALIVE)
			break;
	}
	if (at != &node->obj || atomic_read(&graph->ends))
		atomic_inc(&graph->wrong);
	pheap_put(at);
}

/* Each finalizer finds all of it whole. */
static void rule_14_intact(struct kunit *test)
{
	struct graph *graph = graph_make(test, 5);

	graph->finalize = rule_walk_ring;
	rule_ring(graph, NODE_FINAL, 5);
	graph_drop_all(graph);
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 5);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->finals), 5);
	GRAPH_CHECK(graph, "walked");
	graph_end(graph);
}

static void rule_15_once(struct kunit *test)
{
	struct graph *graph = rule_savers(test, rule_save_itself);
	unsigned int i;

	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_FALSE(test,
				   pheap_is_finalized(&graph_node(graph, i)->obj));
	rule_drop_all_but_shelf(graph);
	graph_collect(graph);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->finals), 5);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_TRUE(test,
				  pheap_is_finalized(&graph_node(graph, i)->obj));
	GRAPH_CHECK(graph, "saved themselves");
	rule_unsave(graph);
	graph_collect(graph);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->finals), 5);
	GRAPH_CHECK(graph, "not saved again");
	graph_end(graph);
}

/* The same for objects that end by their counts. */
static void rule_15_once_by_count(struct kunit *test)
{
	struct graph *graph = graph_make(test, 10);
	unsigned int i;

	graph->finalize = rule_save_itself;
	nodes_new(graph, NODE_FINAL, 5);
	graph->data = node_wide(graph, 12);
	for (i = 0; i < 5; i++)
		node_drop(graph_node(graph, i));
	for (i = 0; i < 5000 && atomic_read(&graph->finals) < 5; i++)
		usleep_range(1000, 2000);
	msleep(20);
	GRAPH_CHECK(graph, "saved themselves");
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 0);
	rule_unsave(graph);
	KUNIT_EXPECT_TRUE(test, graph_wait(graph, 5));
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->finals), 5);
	graph_end(graph);
}

static void rule_cut_ring(struct node *node)
{
	struct graph *graph = node->graph;
	struct pheap_object *next;
	unsigned int i;

	for (i = 0; i < NODE_SLOTS; i++) {
		next = pheap_slot_take(&node->obj, &node->slot[i]);
		if (next)
			pheap_slot_clear(next, &node_of(next)->slot[0]);
		pheap_put(next);
	}
	memset(&graph->edge[node_fate(node)->edges], 0,
	       NODE_SLOTS * sizeof(u32));
}

/* They may end any of those that are found dead together with them. */
static void rule_16_free_in_finalizer(struct kunit *test)
{
	struct graph *graph = graph_make(test, 60);
	unsigned int i;

	graph->finalize = rule_cut_ring;
	rule_ring(graph, NODE_FINAL, 20);
	rule_ring(graph, NODE_FINAL, 20);
	for (i = 0; i < 40; i++)
		graph_link(graph, i, 1, (i + 20) % 40);
	graph_drop_all(graph);
	graph_collect(graph);
	GRAPH_CHECK(graph, "cut by finalizers");
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->finals), 40);
	graph_end(graph);
}

/* Who is saved, and what it reaches, lives; the rest dies all the same. */
static void rule_17_only_what_is_reached(struct kunit *test)
{
	struct graph *graph = rule_savers(test, rule_save_one);

	/* From 2 on, the ring is a list that ends in 4, with a leaf. */
	node_link(graph_node(graph, 4), 0, NULL);
	node_link(graph_node(graph, 1), 1, graph_node(graph, 0));
	node_link(graph_node(graph, 4), 1, graph_node(graph, 2));
	rule_drop_all_but_shelf(graph);
	graph_collect(graph);
	GRAPH_CHECK(graph, "2, 3 and 4 were saved");
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 7);
	rule_unsave(graph);
	graph_collect(graph);
	GRAPH_CHECK(graph, "not saved again");
	graph_end(graph);
}

static void rule_17_peers(struct kunit *test)
{
	struct graph *graph = rule_savers(test, rule_save_next);

	rule_drop_all_but_shelf(graph);
	graph_collect(graph);
	GRAPH_CHECK(graph, "saved each other");
	rule_unsave(graph);
	graph_collect(graph);
	GRAPH_CHECK(graph, "not saved again");
	graph_end(graph);
}

/* Who came back is as good as ever, through any number of scans. */
static void rule_18_resurrected(struct kunit *test)
{
	struct graph *graph = rule_savers(test, rule_save_itself);
	struct pheap_weak weak;
	unsigned int i;

	rule_drop_all_but_shelf(graph);
	for (i = 0; i < 5; i++) {
		graph_collect(graph);
		GRAPH_CHECK(graph, "saved themselves");
	}
	pheap_weak_init(&weak, &graph_node(graph, 3)->obj, NULL);
	KUNIT_EXPECT_PTR_EQ(test, pheap_weak_get(&weak),
			    &graph_node(graph, 3)->obj);
	pheap_put(&graph_node(graph, 3)->obj);
	rule_unsave(graph);
	graph_collect(graph);
	KUNIT_EXPECT_NULL(test, pheap_weak_get(&weak));
	graph_end(graph);
}

static struct pheap_weak rule_weak[5];

/* In a finalizer, weak references to all that die with it are clear. */
static void rule_weak_is_clear(struct node *node)
{
	struct pheap_object *obj = pheap_weak_get(&rule_weak[node->id % 5]);

	if (obj)
		atomic_inc(&node->graph->wrong);
	pheap_put(obj);
}

/* The older rule: all of them are cleared first, and stay clear. */
static void rule_21_weak_in_finalizer(struct kunit *test)
{
	struct graph *graph = rule_savers(test, rule_save_itself);
	unsigned int i;

	for (i = 0; i < 5; i++)
		pheap_weak_init(&rule_weak[i], &graph_node(graph, i)->obj,
				NULL);
	rule_drop_all_but_shelf(graph);
	graph_collect(graph);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_NULL(test, pheap_weak_get(&rule_weak[i]));
	GRAPH_CHECK(graph, "saved themselves");
	rule_unsave(graph);
	graph->finalize = rule_weak_is_clear;
	rule_ring(graph, NODE_FINAL, 5);
	for (i = 0; i < 5; i++)
		pheap_weak_init(&rule_weak[i],
				&graph_node(graph, 11 + i)->obj, NULL);
	for (i = 0; i < 5; i++)
		node_drop(graph_node(graph, 11 + i));
	graph_collect(graph);
	GRAPH_CHECK(graph, "looked at each other");
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->finals), 10);
	graph_end(graph);
}

/* A cycle through immutable objects has a mutable one, which breaks it. */
static void rule_24_immutable(struct kunit *test)
{
	struct graph *graph = graph_make(test, 10);
	unsigned int i;

	for (i = 0; i < 8; i++) {
		node_new(graph, i ? NODE_TUPLE : NODE_TABLE);
		if (i)
			graph_link(graph, i, 0, i - 1);
	}
	graph_link(graph, 0, 0, 7);
	graph_collect(graph);
	GRAPH_CHECK(graph, "held");
	graph_drop_all(graph);
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 8);
	graph_end(graph);
}

/* Frozen garbage stays, until it is unfrozen. */
static void rule_26_freeze(struct kunit *test)
{
	struct graph *graph = graph_make(test, 40);

	rule_ring(graph, NODE_TABLE, 10);
	pheap_gc_freeze(heap_of(test));
	graph_drop_all(graph);
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 0);
	pheap_gc_unfreeze(heap_of(test));
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 10);
	GRAPH_CHECK(graph, "unfrozen");
	graph_end(graph);
}

/* Counts end what is frozen as ever. */
static void rule_26_freeze_and_count(struct kunit *test)
{
	struct graph *graph = graph_make(test, 40);

	nodes_new(graph, NODE_TABLE, 10);
	pheap_gc_freeze(heap_of(test));
	graph_drop_all(graph);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 10);
	pheap_gc_freeze(heap_of(test));
	pheap_gc_unfreeze(heap_of(test));
	pheap_gc_unfreeze(heap_of(test));
	rule_ring(graph, NODE_TABLE, 10);
	graph_drop_all(graph);
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 10);
	graph_end(graph);
}

/* What a scan says of itself. */
static void rule_27_note(const struct pheap_gc_info *info, void *arg)
{
	struct pheap_gc_info *sum = arg;

	if (info->scan <= sum->scan && info->candidates)
		sum->heap = NULL;
	sum->scan = max(sum->scan, info->scan);
	sum->freed += info->freed;
	sum->bytes += info->bytes;
	sum->visited += info->visited;
	sum->candidates += info->candidates;
	sum->finalized += info->finalized;
}

static void rule_27_numbers(struct kunit *test)
{
	struct graph *graph = graph_make(test, 60);
	struct pheap_gc_info sum = { .heap = heap_of(test) };
	unsigned int i;

	pheap_gc_callbacks(heap_of(test), NULL, rule_27_note, &sum);
	for (i = 0; i < 4; i++) {
		rule_ring(graph, i % 2 ? NODE_FINAL : NODE_TABLE, 10);
		graph_drop_all(graph);
		graph_collect(graph);
		KUNIT_EXPECT_EQ(test, sum.freed, i * 10 + 10);
	}
	pheap_gc_callbacks(heap_of(test), NULL, NULL, NULL);
	KUNIT_EXPECT_PTR_EQ(test, sum.heap, heap_of(test));
	KUNIT_EXPECT_EQ(test, sum.finalized, 20);
	KUNIT_EXPECT_GE(test, sum.candidates, 40);
	KUNIT_EXPECT_GE(test, sum.visited, 40);
	KUNIT_EXPECT_GE(test, sum.bytes, 40 * sizeof(struct node));
	KUNIT_EXPECT_GE(test, sum.scan, 4);
	graph_end(graph);
}

static bool rule_tracked(struct graph *graph, unsigned int id)
{
	return pheap_is_tracked(&graph_node(graph, id)->obj);
}

static void rule_28_tracked(struct kunit *test)
{
	struct graph *graph = graph_make(test, 10);
	unsigned int slot;

	node_new(graph, NODE_LEAF);
	node_new(graph, NODE_TABLE);
	node_new(graph, NODE_TUPLE);	/* of leaves */
	node_new(graph, NODE_TUPLE);	/* of a container, too */
	for (slot = 0; slot < NODE_SLOTS; slot++) {
		graph_link(graph, 2, slot, 0);
		graph_link(graph, 3, slot, slot == 1);
	}
	KUNIT_EXPECT_FALSE(test, rule_tracked(graph, 0));
	KUNIT_EXPECT_TRUE(test, rule_tracked(graph, 1));
	KUNIT_EXPECT_TRUE(test, rule_tracked(graph, 2));
	KUNIT_EXPECT_TRUE(test, rule_tracked(graph, 3));
	graph_collect(graph);
	KUNIT_EXPECT_FALSE(test, rule_tracked(graph, 0));
	KUNIT_EXPECT_TRUE(test, rule_tracked(graph, 1));
	KUNIT_EXPECT_FALSE(test, rule_tracked(graph, 2));
	KUNIT_EXPECT_TRUE(test, rule_tracked(graph, 3));
	graph_end(graph);
}

/**
 * struct rule_found - who was visited
 * @nr: how many.
 * @sum: of their numbers, plus one each.
 * @most: stop after so many, if not 0.
 */
struct rule_found {
	unsigned int nr;
	unsigned int sum;
	unsigned int most;
};

static bool rule_find(struct pheap_object *obj, void *arg)
{
	struct rule_found *found = arg;

	found->nr++;
	found->sum += node_of(obj)->id + 1;
	return found->nr != found->most;
}

static void rule_29_referents(struct kunit *test)
{
	struct graph *graph = graph_make(test, 10);
	struct rule_found found = {};

	nodes_new(graph, NODE_TABLE, 4);
	graph_link(graph, 0, 0, 1);
	graph_link(graph, 0, 1, 2);
	graph_link(graph, 0, 2, 2);
	graph_link(graph, 3, 1, 2);
	KUNIT_EXPECT_EQ(test, pheap_referents(&graph_node(graph, 0)->obj,
					      rule_find, &found), 3);
	KUNIT_EXPECT_EQ(test, found.nr, 3);
	KUNIT_EXPECT_EQ(test, found.sum, 2 + 3 + 3);
	found = (struct rule_found) { .most = 1 };
	KUNIT_EXPECT_EQ(test, pheap_referents(&graph_node(graph, 0)->obj,
					      rule_find, &found), 1);
	KUNIT_EXPECT_EQ(test, found.nr, 1);
	found = (struct rule_found) {};
	KUNIT_EXPECT_EQ(test, pheap_referents(&graph_node(graph, 1)->obj,
					      rule_find, &found), 0);
	/* One that refers twice is one referrer. */
	KUNIT_EXPECT_EQ(test, pheap_referrers(&graph_node(graph, 2)->obj,
					      rule_find, &found), 2);
	KUNIT_EXPECT_EQ(test, found.sum, 1 + 4);
	/* Garbage, too. */
	graph_link(graph, 3, 0, 3);
	node_drop(graph_node(graph, 3));
	found = (struct rule_found) {};
	KUNIT_EXPECT_EQ(test, pheap_referrers(&graph_node(graph, 2)->obj,
					      rule_find, &found), 2);
	graph_collect(graph);
	KUNIT_EXPECT_EQ(test, pheap_referrers(&graph_node(graph, 2)->obj,
					      rule_find, &found), 1);
	GRAPH_CHECK(graph, "looked at");
	graph_end(graph);
}

/* A slot that the type leaves out is not seen. */
static void rule_29_as_traversed(struct kunit *test)
{
	struct graph *graph = graph_make(test, 2);
	struct rule_found found = {};

	nodes_new(graph, NODE_SHY, 2);
	graph_link(graph, 0, 0, 1);
	graph_link(graph, 0, NODE_SLOTS - 1, 1);
	KUNIT_EXPECT_EQ(test, pheap_referents(&graph_node(graph, 0)->obj,
					      rule_find, &found), 1);
	node_link(graph_node(graph, 0), 0, NULL);
	KUNIT_EXPECT_EQ(test, pheap_referrers(&graph_node(graph, 1)->obj,
					      rule_find, &found), 0);
	/* What is in it is the user's to end. */
	node_link(graph_node(graph, 0), NODE_SLOTS - 1, NULL);
	graph_end(graph);
}

static void rule_set_threshold(struct node *node)
{
	pheap_gc_set_threshold(node->graph->heap, 100 + node->id, 0);
	pheap_gc_enable(node->graph->heap);
	pheap_gc_disable(node->graph->heap);
	pheap_gc_freeze(node->graph->heap);
	pheap_gc_unfreeze(node->graph->heap);
}

/* The knobs may be turned while a collection is under way. */
static void rule_30_set_while_collecting(struct kunit *test)
{
	struct graph *graph = graph_make(test, 10);

	graph->finalize = rule_set_threshold;
	rule_ring(graph, NODE_FINAL, 5);
	graph_drop_all(graph);
	graph_collect(graph);
	GRAPH_CHECK(graph, "threshold set");
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->finals), 5);
	graph_end(graph);
}

/* What is left at the end is told. */
static void rule_32_left(struct kunit *test)
{
	struct pheap *other = fixture_extra(test, "left");
	struct graph *graph = graph_make_on(test, other, 10);

	rule_ring(graph, NODE_TABLE, 7);
	log_expect(test, "objects left");
	fixture_drop_extra(test, other);
	log_end(test);
	KUNIT_EXPECT_TRUE(test, log_has(test, "left"));
	KUNIT_EXPECT_TRUE(test, log_has(test, "7"));
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 7);
}

/* Immortal ones keep what they reach, and are never looked at. */
static void rule_33_immortal(struct kunit *test)
{
	struct graph *graph = graph_make(test, 10);
	int rc;

	fixture_of(test)->leaves = true;
	rule_ring(graph, NODE_TABLE, 4);
	pheap_immortal(&graph_node(graph, 2)->obj);
	rc = atomic_read(&graph_node(graph, 2)->obj.__rc);
	node_drop(graph_node(graph, 0));
	node_drop(graph_node(graph, 1));
	node_drop(graph_node(graph, 3));
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 0);
	KUNIT_EXPECT_FALSE(test, rule_tracked(graph, 2));
	KUNIT_EXPECT_TRUE(test, rule_tracked(graph, 1));
	KUNIT_EXPECT_EQ(test, atomic_read(&graph_node(graph, 2)->obj.__rc),
			rc);
	graph_link(graph, 2, 0, 2);
	graph_collect(graph);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 3);
}

static void rule_35_refcount(struct kunit *test)
{
	struct graph *graph = graph_make(test, 2);

	nodes_new(graph, NODE_TABLE, 2);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&graph_node(graph, 0)->obj), 1);
	graph_link(graph, 1, 0, 0);
	node_hold(graph_node(graph, 0));
	KUNIT_EXPECT_EQ(test, pheap_refcount(&graph_node(graph, 0)->obj), 3);
	graph_collect(graph);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&graph_node(graph, 0)->obj), 3);
	graph_end(graph);
}

static struct kunit_case rule_cases[] = {
	MODE_CASE(all, rule_08_unreported),
	MODE_CASE(all, rule_08_reported_twice),
	MODE_CASE(all, rule_09_order),
	MODE_CASE(all, rule_10_nested),
	MODE_CASE(all, rule_10_collect_always),
	MODE_CASE(all, rule_11_count),
	MODE_CASE(all, rule_12_new_in_finalizer),
	MODE_CASE(all, rule_14_intact),
	MODE_CASE(all, rule_15_once),
	MODE_CASE(all, rule_15_once_by_count),
	MODE_CASE(all, rule_16_free_in_finalizer),
	MODE_CASE(all, rule_17_only_what_is_reached),
	MODE_CASE(all, rule_17_peers),
	MODE_CASE(all, rule_18_resurrected),
	MODE_CASE(all, rule_21_weak_in_finalizer),
	MODE_CASE(all, rule_24_immutable),
	MODE_CASE(all, rule_26_freeze),
	MODE_CASE(all, rule_26_freeze_and_count),
	MODE_CASE(all, rule_27_numbers),
	MODE_CASE(all, rule_28_tracked),
	MODE_CASE(all, rule_29_referents),
	MODE_CASE(all, rule_29_as_traversed),
	MODE_CASE(all, rule_30_set_while_collecting),
	MODE_CASE(all, rule_32_left),
	MODE_CASE(all, rule_33_immortal),
	MODE_CASE(all, rule_35_refcount),
	{}
};

struct kunit_suite rule_suite = {
	.name = "pheap_rule",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = rule_cases,
};
