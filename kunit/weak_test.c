// SPDX-License-Identifier: GPL-2.0
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "mesh.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);

/**
 * struct watch - a weak reference, and what was heard of it
 * @weak: weak reference.
 * @graph: graph.
 * @when: when it was called.
 * @calls: how often.
 * @alive: how many of the watches were not clear then.
 * @others: watches to look at then.
 * @nr: how many.
 */
struct watch {
	struct pheap_weak weak;
	struct graph *graph;
	u32 when;
	u32 calls;
	u32 alive;
	struct watch *others;
	unsigned int nr;
};

static void watch_called(struct pheap_weak *weak)
{
	struct watch *watch = container_of(weak, struct watch, weak);
	struct pheap_object *obj;
	unsigned int i;

	watch->when = atomic_inc_return(&watch->graph->clock);
	for (i = 0; i < watch->nr; i++) {
		obj = pheap_weak_get(&watch->others[i].weak);
		watch->alive += !!obj;
		pheap_put(obj);
	}
	/* What was noted is there for who sees this. */
	smp_store_release(&watch->calls, watch->calls + 1);
}

/* Watch one node each, with a callback. */
static struct watch *watch_nodes(struct graph *graph, unsigned int nr)
{
	struct watch *watch = kunit_kcalloc(graph->test, nr, sizeof(*watch),
					    GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_TRUE(graph->test, watch);
	for (i = 0; i < nr; i++) {
		watch[i].graph = graph;
		watch[i].others = watch;
		watch[i].nr = nr;
		KUNIT_ASSERT_EQ(graph->test,
				pheap_weak_init(&watch[i].weak,
						&graph_node(graph, i)->obj,
						watch_called), 0);
	}
	return watch;
}

static bool watch_is_called(const struct watch *watch)
{
	/* Pairs with watch_called(). */
	return smp_load_acquire(&watch->calls);
}

static bool watch_wait(struct watch *watch, unsigned int nr)
{
	unsigned int i, tries = 5000;

	for (i = 0; i < nr; i++)
		while (!watch_is_called(&watch[i]) && tries--)
			usleep_range(1000, 2000);
	return tries;
}

static void weak_get_and_clear(struct kunit *test)
{
	struct graph *graph = graph_make(test, 1);
	struct node *node = node_new(graph, NODE_TABLE);
	struct pheap_weak weak, second;

	KUNIT_EXPECT_EQ(test, pheap_weak_init(&weak, &node->obj, NULL), 0);
	KUNIT_EXPECT_EQ(test, pheap_weak_init(&second, &node->obj, NULL), 0);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&node->obj), 1);
	KUNIT_EXPECT_PTR_EQ(test, pheap_weak_get(&weak), &node->obj);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&node->obj), 2);
	pheap_weak_clear(&weak);
	pheap_weak_clear(&weak);
	KUNIT_EXPECT_NULL(test, pheap_weak_get(&weak));
	KUNIT_EXPECT_PTR_EQ(test, pheap_weak_get(&second), &node->obj);
	pheap_put(&node->obj);
	pheap_put(&node->obj);
	node_drop(node);
	KUNIT_EXPECT_NULL(test, pheap_weak_get(&second));
	pheap_weak_clear(&second);
	graph_end(graph);
}

static void weak_to_nothing(struct kunit *test)
{
	struct graph *graph = graph_make(test, 1);
	struct node *node = node_new(graph, NODE_TABLE);
	struct pheap_weak weak;

	KUNIT_EXPECT_EQ(test, pheap_weak_init(&weak, NULL, NULL), 0);
	KUNIT_EXPECT_NULL(test, pheap_weak_get(&weak));
	pheap_weak_clear(&weak);
	/* Once it is clear, it can be used again. */
	KUNIT_EXPECT_EQ(test, pheap_weak_init(&weak, &node->obj, NULL), 0);
	KUNIT_EXPECT_PTR_EQ(test, pheap_weak_get(&weak), &node->obj);
	pheap_put(&node->obj);
	pheap_weak_clear(&weak);
	graph_end(graph);
}

static void weak_not_supported(struct kunit *test)
{
	struct graph *graph = graph_make(test, 1);
	struct node *node = node_new(graph, NODE_BARE);
	struct pheap_weak weak;

	KUNIT_EXPECT_EQ(test, pheap_weak_init(&weak, &node->obj, NULL),
			-EOPNOTSUPP);
	KUNIT_EXPECT_NULL(test, pheap_weak_get(&weak));
	pheap_weak_clear(&weak);
	graph_end(graph);
}

/* Many to one, cleared in any order, the rest by its end. */
static void weak_many(struct kunit *test)
{
	struct graph *graph = graph_make(test, 1);
	struct node *node = node_new(graph, NODE_TABLE);
	struct pheap_weak *weak;
	unsigned int i, live = 0;

	weak = kunit_kcalloc(test, 300, sizeof(*weak), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, weak);
	for (i = 0; i < 300; i++)
		KUNIT_ASSERT_EQ(test, pheap_weak_init(&weak[i], &node->obj,
						      NULL), 0);
	for (i = 0; i < 300; i++)
		if (fixture_random(test, 2))
			pheap_weak_clear(&weak[i]);
	for (i = 0; i < 300; i++) {
		if (!pheap_weak_get(&weak[i]))
			continue;
		live++;
		pheap_put(&node->obj);
	}
	KUNIT_EXPECT_GT(test, live, 0);
	node_drop(node);
	for (i = 0; i < 300; i++) {
		KUNIT_EXPECT_NULL(test, pheap_weak_get(&weak[i]));
		/* Nor does it lead to who has the memory next. */
		KUNIT_EXPECT_PTR_EQ(test, weak[i].__obj,
				    (struct pheap_object *)NULL);
	}
	for (i = 0; i < 300; i += 2)
		pheap_weak_clear(&weak[i]);
	graph_end(graph);
}

/* Of an object that ends by its count. */
static void weak_callback_at_the_end(struct kunit *test)
{
	static const enum node_kind kinds[] = {
		NODE_TABLE, NODE_FUNC, NODE_FINAL, NODE_WORKER, NODE_RCU,
		NODE_LEAF,
	};
	struct graph *graph = graph_make(test, ARRAY_SIZE(kinds));
	unsigned int i, nr = ARRAY_SIZE(kinds);
	struct watch *watch;

	for (i = 0; i < nr; i++)
		node_new(graph, kinds[i]);
	watch = watch_nodes(graph, nr);
	graph_drop_all(graph);
	KUNIT_EXPECT_TRUE(test, watch_wait(watch, nr));
	KUNIT_EXPECT_TRUE(test, graph_wait(graph, nr));
	fixture_held();
	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_EQ(test, watch[i].calls, 1);
		KUNIT_EXPECT_NULL(test, pheap_weak_get(&watch[i].weak));
		if (graph->fate[i].finalized)
			KUNIT_EXPECT_LT(test, watch[i].when,
					graph->fate[i].finalized);
	}
	graph_end(graph);
}

/* More than are moved at once. */
#define WEAK_RING	70

/* Of a ring: all are clear when the first is called, and none is finalized. */
static void weak_callbacks_of_a_cycle(struct kunit *test)
{
	struct graph *graph = graph_make(test, WEAK_RING);
	struct watch *watch;
	unsigned int i;

	for (i = 0; i < WEAK_RING; i++)
		node_new(graph, i % 2 ? NODE_FINAL : NODE_TABLE);
	for (i = 0; i < WEAK_RING; i++)
		graph_link(graph, i, 0, (i + 1) % WEAK_RING);
	watch = watch_nodes(graph, WEAK_RING);
	graph_drop_all(graph);
	graph_collect(graph);
	KUNIT_EXPECT_TRUE(test, watch_wait(watch, WEAK_RING));
	GRAPH_CHECK(graph, "ring");
	for (i = 0; i < WEAK_RING * WEAK_RING; i++) {
		KUNIT_EXPECT_EQ(test, watch[i % WEAK_RING].calls, 1);
		KUNIT_EXPECT_EQ(test, watch[i % WEAK_RING].alive, 0);
		if (graph->fate[i / WEAK_RING].finalized)
			KUNIT_EXPECT_LT(test, watch[i % WEAK_RING].when,
					graph->fate[i / WEAK_RING].finalized);
		KUNIT_EXPECT_LT(test, watch[i % WEAK_RING].when,
				graph->fate[i / WEAK_RING].ended);
	}
	graph_end(graph);
}

/* A weak reference that its user has cleared is not called. */
static void weak_cleared_before(struct kunit *test)
{
	struct graph *graph = graph_make(test, 4);
	struct watch *watch;
	unsigned int i;

	nodes_new(graph, NODE_TABLE, 4);
	graph_link(graph, 2, 0, 3);
	graph_link(graph, 3, 0, 2);
	watch = watch_nodes(graph, 4);
	pheap_weak_clear(&watch[0].weak);
	pheap_weak_clear(&watch[2].weak);
	graph_drop_all(graph);
	graph_collect(graph);
	KUNIT_EXPECT_TRUE(test, watch_wait(&watch[1], 1));
	KUNIT_EXPECT_TRUE(test, watch_wait(&watch[3], 1));
	msleep(20);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, watch[i].calls, i % 2);
	graph_end(graph);
}

/* A callback may free the weak reference that it is called for. */
static void weak_free_in_callback_called(struct pheap_weak *weak)
{
	struct watch *watch = container_of(weak, struct watch, weak);
	struct graph *graph = watch->graph;

	pheap_weak_clear(weak);
	kfree(watch);
	atomic_inc(&graph->clock);
}

static void weak_free_in_callback(struct kunit *test)
{
	struct graph *graph = graph_make(test, 20);
	struct watch *watch;
	unsigned int i;

	nodes_new(graph, NODE_TABLE, 20);
	for (i = 0; i < 20; i++) {
		graph_link(graph, i, 0, i & ~1);
		watch = kzalloc(sizeof(*watch), GFP_KERNEL);
		KUNIT_ASSERT_TRUE(test, watch);
		watch->graph = graph;
		pheap_weak_init(&watch->weak, &graph_node(graph, i)->obj,
				weak_free_in_callback_called);
	}
	graph_end(graph);
	for (i = 0; i < 5000 && atomic_read(&graph->clock) < 40; i++)
		usleep_range(1000, 2000);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->clock), 40);
}

/* A cycle is reached by a weak reference as long as it is not condemned. */
static void weak_to_a_dead_cycle(struct kunit *test)
{
	struct graph *graph = graph_make(test, 2);
	struct pheap_weak weak;
	struct pheap_object *obj;

	nodes_new(graph, NODE_TABLE, 2);
	graph_link(graph, 0, 0, 1);
	graph_link(graph, 1, 0, 0);
	pheap_weak_init(&weak, &graph_node(graph, 1)->obj, NULL);
	graph_drop_all(graph);
	/* Nobody but the weak reference knows it; that is enough. */
	obj = pheap_weak_get(&weak);
	KUNIT_ASSERT_PTR_EQ(test, obj, &graph_node(graph, 1)->obj);
	graph->fate[1].held = 1;
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 0);
	GRAPH_CHECK(graph, "got back");
	graph_drop_all(graph);
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 2);
	KUNIT_EXPECT_NULL(test, pheap_weak_get(&weak));
	pheap_weak_clear(&weak);
	graph_end(graph);
}

static struct pheap_weak weak_made[4];

static void weak_make_in_finalizer(struct node *node)
{
	struct graph *graph = node->graph;
	struct node *peer = graph_node(graph, (node->id + 1) % 4);

	if (pheap_weak_init(&weak_made[node->id], &peer->obj, NULL))
		atomic_inc(&graph->wrong);
}

/* What finalizers make is cleared too, before anything can be seen broken. */
static void weak_made_by_finalizers(struct kunit *test)
{
	struct graph *graph = graph_make(test, 4);
	unsigned int i;

	graph->finalize = weak_make_in_finalizer;
	nodes_new(graph, NODE_FINAL, 4);
	for (i = 0; i < 4; i++)
		graph_link(graph, i, 0, (i + 1) % 4);
	graph_drop_all(graph);
	graph_collect(graph);
	GRAPH_CHECK(graph, "ring");
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->finals), 4);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_NULL(test, pheap_weak_get(&weak_made[i]));
		pheap_weak_clear(&weak_made[i]);
	}
	graph_end(graph);
}

static void weak_make_to_itself(struct node *node)
{
	if (pheap_weak_init(&weak_made[node->id], &node->obj, NULL))
		atomic_inc(&node->graph->wrong);
}

/* The same of objects that end by their counts. */
static void weak_made_by_its_finalizer(struct kunit *test)
{
	struct graph *graph = graph_make(test, 4);
	unsigned int i;

	graph->finalize = weak_make_to_itself;
	nodes_new(graph, NODE_FINAL, 4);
	graph_link(graph, 0, 0, 1);
	graph_link(graph, 2, 0, 3);
	graph_drop_all(graph);
	GRAPH_CHECK(graph, "chain");
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->finals), 4);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_NULL(test, pheap_weak_get(&weak_made[i]));
		pheap_weak_clear(&weak_made[i]);
	}
	graph_end(graph);
}

static void weak_clear_in_release_do(struct node *node)
{
	struct watch *watch = node->graph->data;

	pheap_weak_clear(&watch[node->id].weak);
}

/* Of one who is going to end too: who keeps it clears it in time. */
static void weak_cleared_by_release(struct kunit *test)
{
	struct graph *graph = graph_make(test, 6);
	struct pheap_object *obj;
	struct watch *watch;
	unsigned int i;

	nodes_new(graph, NODE_TABLE, 6);
	for (i = 0; i < 5; i++)
		graph_link(graph, i, 0, (i + 1) % 5);
	watch = kunit_kcalloc(test, 6, sizeof(*watch), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, watch);
	/* Each node's watches its neighbour, and one a node that stays. */
	for (i = 0; i < 5; i++) {
		watch[i].graph = graph;
		pheap_weak_init(&watch[i].weak,
				&graph_node(graph, (i + 2) % 6)->obj, NULL);
	}
	graph->data = watch;
	graph->release = weak_clear_in_release_do;
	for (i = 0; i < 5; i++)
		node_drop(graph_node(graph, i));
	graph_collect(graph);
	GRAPH_CHECK(graph, "ring");
	for (i = 0; i < 5; i++) {
		obj = pheap_weak_get(&watch[i].weak);
		KUNIT_EXPECT_NULL(test, obj);
		pheap_put(obj);
	}
	pheap_weak_init(&watch[5].weak, &graph_node(graph, 5)->obj, NULL);
	graph_end(graph);
}

/* In any context. */
static void weak_in_atomic_context(struct kunit *test)
{
	struct graph *graph = graph_make(test, 50);
	struct pheap_object *obj;
	struct pheap_weak weak;
	unsigned int i;

	nodes_new(graph, NODE_TABLE, 50);
	for (i = 0; i < 50; i++) {
		graph_link(graph, i, 0, i);
		local_irq_disable();
		pheap_weak_init(&weak, &graph_node(graph, i)->obj, NULL);
		obj = pheap_weak_get(&weak);
		node_drop(graph_node(graph, i));
		pheap_put(obj);
		if (i % 2)
			pheap_weak_clear(&weak);
		local_irq_enable();
		KUNIT_EXPECT_PTR_EQ(test, obj, &graph_node(graph, i)->obj);
		graph_collect(graph);
		KUNIT_EXPECT_TRUE(test, graph_ended(graph, i));
		KUNIT_EXPECT_NULL(test, pheap_weak_get(&weak));
	}
	graph_end(graph);
}

static struct kunit_case weak_cases[] = {
	MODE_CASE(all, weak_get_and_clear),
	MODE_CASE(all, weak_to_nothing),
	MODE_CASE(all, weak_not_supported),
	MODE_CASE(all, weak_many),
	MODE_CASE(all, weak_callback_at_the_end),
	MODE_CASE(all, weak_callbacks_of_a_cycle),
	MODE_CASE(all, weak_cleared_before),
	MODE_CASE(all, weak_free_in_callback),
	MODE_CASE(all, weak_to_a_dead_cycle),
	MODE_CASE(all, weak_made_by_finalizers),
	MODE_CASE(all, weak_made_by_its_finalizer),
	MODE_CASE(all, weak_cleared_by_release),
	MODE_CASE(all, weak_in_atomic_context),
	{}
};

struct kunit_suite weak_suite = {
	.name = "pheap_weak",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = weak_cases,
};
