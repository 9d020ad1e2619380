// SPDX-License-Identifier: GPL-2.0
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>

#include "mesh.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(pooled, MODE_PLAIN, MODE_DEBUG);

static void check_count(struct node *node, unsigned int count, int line)
{
	KUNIT_EXPECT_EQ_MSG(node->graph->test, pheap_refcount(&node->obj),
			    count, "line %d", line);
}

#define CHECK_COUNT(node, count)	check_count(node, count, __LINE__)

static const struct pheap_object *slot_peeked(struct node *node,
					      unsigned int slot)
{
	const struct pheap_object *obj;

	rcu_read_lock();
	obj = pheap_slot_peek(&node->slot[slot]);
	rcu_read_unlock();
	return obj;
}

static void slot_is_born_empty(struct kunit *test)
{
	static const enum node_kind kinds[] = {
		NODE_TABLE, NODE_FUNC, NODE_TUPLE, NODE_FINAL,
	};
	struct graph *graph = graph_make(test, 1000);
	struct node *node;
	unsigned int i, slot;

	/* In memory that was an object's before, too. */
	for (i = 0; i < 800; i++) {
		node = node_new(graph, kinds[i / 8 % ARRAY_SIZE(kinds)]);
		for (slot = 0; slot < NODE_SLOTS; slot++) {
			KUNIT_ASSERT_NULL(test, slot_peeked(node, slot));
			KUNIT_ASSERT_NULL(test,
					  pheap_slot_get(&node->obj,
							 &node->slot[slot]));
		}
		node_link(node, 0, node);
		node_link(node, 0, NULL);
		if (i % 3)
			node_link(node, 1, graph_node(graph, i & ~7));
		if (i % 8 == 7)
			graph_drop_all(graph);
	}
	graph_end(graph);
}

static void slot_set_takes_a_reference(struct kunit *test)
{
	struct graph *graph = graph_make(test, 4);
	struct node *a = node_new(graph, NODE_TABLE);
	struct node *b = node_new(graph, NODE_TABLE);
	struct node *c = node_new(graph, NODE_TABLE);

	node_link(a, 0, b);
	CHECK_COUNT(b, 2);
	KUNIT_EXPECT_PTR_EQ(test, slot_peeked(a, 0),
			    (const struct pheap_object *)&b->obj);
	node_link(a, 1, b);
	CHECK_COUNT(b, 3);
	/* What it holds already. */
	node_link(a, 0, b);
	CHECK_COUNT(b, 3);
	node_link(a, 0, c);
	CHECK_COUNT(b, 2);
	CHECK_COUNT(c, 2);
	node_link(a, 0, NULL);
	CHECK_COUNT(c, 1);
	node_link(a, 0, NULL);
	CHECK_COUNT(a, 1);
	graph_end(graph);
}

/* The last reference to an object is in a slot, which changes. */
static void slot_set_ends_what_it_held(struct kunit *test)
{
	struct graph *graph = graph_make(test, 8);
	struct node *a = node_new(graph, NODE_TABLE);
	unsigned int i;

	for (i = 1; i < 4; i++) {
		node_link(a, 0, node_new(graph, NODE_TABLE));
		node_drop(graph_node(graph, i));
		KUNIT_EXPECT_FALSE(test, graph_ended(graph, i));
		KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), i - 1);
	}
	pheap_slot_clear(&a->obj, &a->slot[0]);
	graph->edge[0] = 0;
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 3);
	GRAPH_CHECK(graph, "chain of owners");
	graph_end(graph);
}

static void slot_move_takes_the_callers(struct kunit *test)
{
	struct graph *graph = graph_make(test, 4);
	struct node *a = node_new(graph, NODE_TABLE);
	struct node *b = node_new(graph, NODE_TABLE);
	struct node *c = node_new(graph, NODE_TABLE);

	pheap_slot_move(&a->obj, &a->slot[2], &b->obj);
	CHECK_COUNT(b, 1);
	KUNIT_EXPECT_PTR_EQ(test, slot_peeked(a, 2),
			    (const struct pheap_object *)&b->obj);
	/* Itself, by another reference. */
	pheap_get(&b->obj);
	pheap_slot_move(&a->obj, &a->slot[2], &b->obj);
	CHECK_COUNT(b, 1);
	pheap_slot_move(&a->obj, &a->slot[2], &c->obj);
	KUNIT_EXPECT_TRUE(test, graph_ended(graph, 1));
	CHECK_COUNT(c, 1);
	pheap_slot_move(&a->obj, &a->slot[2], NULL);
	KUNIT_EXPECT_TRUE(test, graph_ended(graph, 2));
	graph->fate[1].held = 0;
	graph->fate[2].held = 0;
	graph_end(graph);
}

static void slot_get_gives_a_reference(struct kunit *test)
{
	struct graph *graph = graph_make(test, 4);
	struct node *a = node_new(graph, NODE_TABLE);
	struct node *b = node_new(graph, NODE_TABLE);
	struct pheap_object *obj;

	node_link(a, 0, b);
	obj = pheap_slot_get(&a->obj, &a->slot[0]);
	KUNIT_EXPECT_PTR_EQ(test, obj, &b->obj);
	CHECK_COUNT(b, 3);
	node_link(a, 0, NULL);
	CHECK_COUNT(b, 2);
	pheap_put(obj);
	CHECK_COUNT(b, 1);
	KUNIT_EXPECT_NULL(test, pheap_slot_get(&a->obj, &a->slot[0]));
	graph_end(graph);
}

static void slot_take_gives_the_slots(struct kunit *test)
{
	struct graph *graph = graph_make(test, 4);
	struct node *a = node_new(graph, NODE_TABLE);
	struct node *b = node_new(graph, NODE_TABLE);
	struct pheap_object *obj;

	node_link(a, 0, b);
	obj = pheap_slot_take(&a->obj, &a->slot[0]);
	KUNIT_EXPECT_PTR_EQ(test, obj, &b->obj);
	CHECK_COUNT(b, 2);
	KUNIT_EXPECT_NULL(test, slot_peeked(a, 0));
	KUNIT_EXPECT_NULL(test, pheap_slot_take(&a->obj, &a->slot[0]));
	pheap_put(obj);
	CHECK_COUNT(b, 1);
	graph->edge[0] = 0;
	graph_end(graph);
}

/* All operations leave counts that the collector can believe. */
static void slot_operations_then_collect(struct kunit *test)
{
	struct graph *graph = graph_make(test, 4);
	struct node *a = node_new(graph, NODE_TABLE);
	struct node *b = node_new(graph, NODE_TABLE);
	struct pheap_object *obj;
	unsigned int i;

	node_link(a, 0, b);
	node_link(b, 0, a);
	for (i = 0; i < 10; i++) {
		obj = pheap_slot_take(&a->obj, &a->slot[i % 3]);
		KUNIT_ASSERT_PTR_EQ(test, obj, &b->obj);
		pheap_slot_move(&a->obj, &a->slot[(i + 1) % 3], obj);
		graph->edge[i % 3] = 0;
		graph->edge[(i + 1) % 3] = 2;
		graph_collect(graph);
		GRAPH_CHECK(graph, "moved");
	}
	node_drop(b);
	obj = pheap_slot_take(&a->obj, &a->slot[10 % 3]);
	graph->edge[10 % 3] = 0;
	node_fate(b)->held = 1;
	graph_collect(graph);
	GRAPH_CHECK(graph, "taken");
	graph_end(graph);
}

#define RACERS	3

/**
 * struct slot_race - somebody who reads and writes shared slots
 * @graph: nodes.
 * @rnd: where chance is from.
 * @done: it is over.
 * @steps: operations so far.
 * @bad: objects that were not as they should be.
 * @stop: end it.
 */
struct slot_race {
	struct graph *graph;
	struct rnd_state rnd;
	struct completion done;
	unsigned long steps;
	unsigned long bad;
	bool stop;
};

/* One to read from, one to write to, and what to do. */
static void slot_race_step(struct slot_race *race)
{
	u32 chance = prandom_u32_state(&race->rnd);
	struct node *a = graph_node(race->graph, chance % 8);
	struct node *b = graph_node(race->graph, chance / 8 % 8);
	struct pheap_slot *to = &b->slot[chance / 64 % NODE_SLOTS];
	struct pheap_slot *from = &a->slot[chance / 256 % NODE_SLOTS];
	struct pheap_object *obj = pheap_slot_get(&a->obj, from);

	race->bad += obj && node_of(obj)->canary != NODE_ALIVE;
	switch (chance >> 12 & 7) {
	case 0:
		pheap_put(pheap_slot_take(&b->obj, to));
		break;
	case 1:
		pheap_slot_clear(&b->obj, to);
		break;
	case 2:
	case 3:
		pheap_slot_move(&b->obj, to, obj ? pheap_get(obj) : NULL);
		break;
	case 4:
		pheap_slot_set(&b->obj, to, &a->obj);
		break;
	default:
		pheap_slot_set(&b->obj, to, obj);
	}
	pheap_put(obj);
}

static int slot_race_thread(void *arg)
{
	struct slot_race *race = arg;

	while (!READ_ONCE(race->stop)) {
		slot_race_step(race);
		if (++race->steps % 64 == 0)
			cond_resched();
	}
	complete(&race->done);
	return 0;
}

static bool slot_note_edge(struct pheap_object *to, void *arg)
{
	struct fate *fate = node_fate(node_of(to));

	fate->count++;
	return true;
}

/* What the slots hold now is what the counts say. */
static void slot_race_check(struct kunit *test, struct graph *graph)
{
	struct fate *fate;
	unsigned int id;

	for (id = 0; id < graph->nr; id++)
		graph->fate[id].count = 1;
	for (id = 0; id < graph->nr; id++)
		pheap_referents(&graph_node(graph, id)->obj, slot_note_edge,
				NULL);
	for (id = 0; id < graph->nr; id++) {
		fate = &graph->fate[id];
		KUNIT_EXPECT_EQ(test, pheap_refcount(&fate->node->obj),
				fate->count);
	}
}

static void slot_race_start(struct kunit *test, struct graph *graph,
			    struct slot_race *race)
{
	struct task_struct *task;

	race->graph = graph;
	prandom_seed_state(&race->rnd, fixture_random(test, U32_MAX));
	init_completion(&race->done);
	task = kthread_run(slot_race_thread, race, "slot_race");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
}

/* Threads read and write the same slots; a scan runs now and then. */
static void slot_races(struct kunit *test)
{
	struct slot_race *race = kunit_kcalloc(test, RACERS, sizeof(*race),
					       GFP_KERNEL);
	struct graph *graph = graph_make(test, 8);
	ktime_t end = ktime_add_ms(ktime_get(), stress_ms);
	int i;

	KUNIT_ASSERT_TRUE(test, race);
	nodes_new(graph, NODE_TABLE, 8);
	for (i = 0; i < RACERS; i++)
		slot_race_start(test, graph, &race[i]);
	while (ktime_before(ktime_get(), end)) {
		KUNIT_EXPECT_EQ(test, pheap_collect(heap_of(test)), 0);
		usleep_range(3000, 6000);
	}
	for (i = 0; i < RACERS; i++)
		WRITE_ONCE(race[i].stop, true);
	for (i = 0; i < RACERS; i++) {
		wait_for_completion(&race[i].done);
		KUNIT_EXPECT_EQ(test, race[i].bad, 0);
		KUNIT_EXPECT_GT(test, race[i].steps, 0);
	}
	slot_race_check(test, graph);
	graph_end(graph);
}

static struct kunit_case slot_cases[] = {
	MODE_CASE(all, slot_is_born_empty),
	MODE_CASE(all, slot_set_takes_a_reference),
	MODE_CASE(all, slot_set_ends_what_it_held),
	MODE_CASE(all, slot_move_takes_the_callers),
	MODE_CASE(all, slot_get_gives_a_reference),
	MODE_CASE(all, slot_take_gives_the_slots),
	MODE_CASE(all, slot_operations_then_collect),
	MODE_CASE(pooled, slot_races),
	{}
};

struct kunit_suite slot_suite = {
	.name = "pheap_slot",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = slot_cases,
};
