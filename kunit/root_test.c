// SPDX-License-Identifier: GPL-2.0
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/ktime.h>

#include "backing.h"
#include "mesh.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(pooled, MODE_PLAIN, MODE_DEBUG);

static void root_set_get_del(struct kunit *test)
{
	struct graph *graph = graph_make(test, 2);
	struct node *a = node_new(graph, NODE_TABLE);
	struct node *b = node_new(graph, NODE_TABLE);
	struct pheap *heap = heap_of(test);

	KUNIT_EXPECT_NULL(test, pheap_root_get(heap, "a"));
	KUNIT_EXPECT_EQ(test, pheap_root_del(heap, "a"), -ENOENT);
	KUNIT_EXPECT_EQ(test, pheap_root_set(heap, "a", &a->obj), 0);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&a->obj), 2);
	KUNIT_EXPECT_PTR_EQ(test, pheap_root_get(heap, "a"), &a->obj);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&a->obj), 3);
	pheap_put(&a->obj);
	KUNIT_EXPECT_NULL(test, pheap_root_get(heap, "b"));
	/* Another in its place. */
	KUNIT_EXPECT_EQ(test, pheap_root_set(heap, "a", &b->obj), 0);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&a->obj), 1);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&b->obj), 2);
	/* The same once more, and by another name. */
	KUNIT_EXPECT_EQ(test, pheap_root_set(heap, "a", &b->obj), 0);
	KUNIT_EXPECT_EQ(test, pheap_root_set(heap, "b", &b->obj), 0);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&b->obj), 3);
	KUNIT_EXPECT_EQ(test, pheap_root_del(heap, "a"), 0);
	KUNIT_EXPECT_EQ(test, pheap_root_del(heap, "a"), -ENOENT);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&b->obj), 2);
	KUNIT_EXPECT_EQ(test, pheap_root_del(heap, "b"), 0);
	GRAPH_CHECK(graph, "no roots");
	graph_end(graph);
}

static void root_bad_names(struct kunit *test)
{
	static const char *const names[] = {
		NULL, "", "with space", "with/slash", "with\nline", "\x7f",
		"a-name-that-is-one-byte-too-long",
	};
	static const char good[] = "a-name-of-thirty-one-characters";
	struct graph *graph = graph_make(test, 1);
	struct node *a = node_new(graph, NODE_TABLE);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		KUNIT_EXPECT_EQ_MSG(test, pheap_root_set(heap_of(test),
							 names[i], &a->obj),
				    -EINVAL, "'%s'", names[i]);
	KUNIT_EXPECT_EQ(test, pheap_root_set(heap_of(test), "x", NULL),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&a->obj), 1);
	KUNIT_EXPECT_EQ(test, pheap_root_set(heap_of(test), good, &a->obj), 0);
	KUNIT_EXPECT_EQ(test, pheap_root_del(heap_of(test), good), 0);
	graph_end(graph);
}

/* The name is copied. */
static void root_many(struct kunit *test)
{
	struct graph *graph = graph_make(test, 100);
	char name[16];
	unsigned int i;

	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "root-%u", i);
		KUNIT_ASSERT_EQ(test,
				pheap_root_set(heap_of(test), name,
					       &node_new(graph, NODE_TABLE)->obj),
				0);
	}
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "root-%u", i);
		KUNIT_EXPECT_PTR_EQ(test, pheap_root_get(heap_of(test), name),
				    &graph_node(graph, i)->obj);
		pheap_put(&graph_node(graph, i)->obj);
		if (i % 2)
			KUNIT_EXPECT_EQ(test, pheap_root_del(heap_of(test),
							     name), 0);
		else
			graph->fate[i].held++;
	}
	GRAPH_CHECK(graph, "half of them");
	for (i = 0; i < 100; i += 2) {
		snprintf(name, sizeof(name), "root-%u", i);
		KUNIT_EXPECT_EQ(test, pheap_root_del(heap_of(test), name), 0);
		graph->fate[i].held--;
	}
	graph_end(graph);
}

static void root_keeps_a_cycle(struct kunit *test)
{
	struct graph *graph = graph_make(test, 6);
	unsigned int i;

	nodes_new(graph, NODE_TABLE, 6);
	for (i = 0; i < 6; i++)
		graph_link(graph, i, 0, i / 3 * 3 + (i + 1) % 3);
	KUNIT_ASSERT_EQ(test, pheap_root_set(heap_of(test), "ring",
					     &graph_node(graph, 1)->obj), 0);
	graph_drop_all(graph);
	graph->fate[1].held = 1;
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 3);
	GRAPH_CHECK(graph, "kept by its root");
	KUNIT_EXPECT_EQ(test, pheap_root_del(heap_of(test), "ring"), 0);
	graph->fate[1].held = 0;
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 3);
	GRAPH_CHECK(graph, "no root any more");
	graph_end(graph);
}

/* What is replaced may be the last reference to it. */
static void root_replaced_cycle(struct kunit *test)
{
	struct graph *graph = graph_make(test, 20);
	unsigned int i;

	for (i = 0; i < 20; i++) {
		node_new(graph, NODE_TABLE);
		if (i % 2)
			graph_link(graph, i, 0, i);
		KUNIT_ASSERT_EQ(test, pheap_root_set(heap_of(test), "one",
						     &graph_node(graph, i)->obj),
				0);
		node_drop(graph_node(graph, i));
		KUNIT_EXPECT_FALSE(test, graph_ended(graph, i));
	}
	graph_collect(graph);
	KUNIT_EXPECT_TRUE(test, graph_wait(graph, 19));
	KUNIT_EXPECT_EQ(test, pheap_root_del(heap_of(test), "one"), 0);
	graph_end(graph);
}

/* An object of another heap; the root ends before it. */
static void root_of_another_heap(struct kunit *test)
{
	struct pheap *other = fixture_extra(test, "other");
	struct graph *graph = graph_make(test, 2);
	struct node *a = node_new(graph, NODE_TABLE);

	node_link(a, 0, a);
	KUNIT_EXPECT_EQ(test, pheap_root_set(other, "a", &a->obj), 0);
	node_drop(a);
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 0);
	KUNIT_EXPECT_EQ(test, pheap_collect(other), 0);
	KUNIT_EXPECT_FALSE(test, graph_ended(graph, 0));
	fixture_drop_extra(test, other);
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 1);
	graph_end(graph);
}

static void root_without_memory(struct kunit *test)
{
	struct graph *graph = graph_make(test, 1);
	struct node *a = node_new(graph, NODE_TABLE);
	unsigned int nth;
	int err;

	for (nth = 1; nth < 20; nth++) {
		backing_fail_nth(nth, false);
		err = pheap_root_set(heap_of(test), "a", &a->obj);
		backing_fail_nth(0, false);
		if (!err)
			break;
		KUNIT_EXPECT_EQ(test, err, -ENOMEM);
		KUNIT_EXPECT_EQ(test, pheap_refcount(&a->obj), 1);
		KUNIT_EXPECT_NULL(test, pheap_root_get(heap_of(test), "a"));
	}
	KUNIT_EXPECT_GT(test, nth, 1);
	KUNIT_EXPECT_LT(test, nth, 20);
	KUNIT_EXPECT_EQ(test, pheap_root_del(heap_of(test), "a"), 0);
	graph_end(graph);
}

/* Roots that are left end with their heap. */
static void root_left(struct kunit *test)
{
	struct pheap *other = fixture_extra(test, "other");
	struct graph *graph = graph_make_on(test, other, 2);
	unsigned int i;

	nodes_new(graph, NODE_TABLE, 2);
	for (i = 0; i < 2; i++) {
		graph_link(graph, i, 0, 1);
		KUNIT_EXPECT_EQ(test, pheap_root_set(other, i ? "b" : "a",
						     &graph_node(graph, i)->obj),
				0);
	}
	graph_drop_all(graph);
	fixture_drop_extra(test, other);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 2);
}

#define RACERS	3

/**
 * struct root_race - somebody who uses the same names as others
 * @graph: nodes.
 * @rnd: where chance is from.
 * @done: it is over.
 * @bad: what was not as it should be.
 * @end: when it ends.
 */
struct root_race {
	struct graph *graph;
	struct rnd_state rnd;
	struct completion done;
	unsigned long bad;
	ktime_t end;
};

static const char *const root_names[] = { "x", "y", "z" };

static void root_race_step(struct root_race *race)
{
	u32 chance = prandom_u32_state(&race->rnd);
	const char *name = root_names[chance % ARRAY_SIZE(root_names)];
	struct graph *graph = race->graph;
	struct pheap_object *obj;
	int err = 0;

	switch (chance >> 8 & 7) {
	case 0:
		err = pheap_root_del(graph->heap, name);
		race->bad += err && err != -ENOENT;
		break;
	case 1:
	case 2:
		obj = &graph_node(graph, (chance >> 12) % 4)->obj;
		race->bad += !!pheap_root_set(graph->heap, name, obj);
		break;
	default:
		obj = pheap_root_get(graph->heap, name);
		race->bad += obj && node_of(obj)->canary != NODE_ALIVE;
		pheap_put(obj);
	}
}

static int root_race_thread(void *arg)
{
	struct root_race *race = arg;

	while (ktime_before(ktime_get(), race->end)) {
		root_race_step(race);
		cond_resched();
	}
	complete(&race->done);
	return 0;
}

static void root_races(struct kunit *test)
{
	struct root_race *race = kunit_kcalloc(test, RACERS, sizeof(*race),
					       GFP_KERNEL);
	struct graph *graph = graph_make(test, 4);
	struct task_struct *task;
	int i;

	KUNIT_ASSERT_TRUE(test, race);
	nodes_new(graph, NODE_TABLE, 4);
	for (i = 0; i < RACERS; i++) {
		race[i].graph = graph;
		race[i].end = ktime_add_ms(ktime_get(), stress_ms);
		prandom_seed_state(&race[i].rnd, fixture_random(test, U32_MAX));
		init_completion(&race[i].done);
		task = kthread_run(root_race_thread, &race[i], "root_race");
		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	}
	for (i = 0; i < RACERS; i++) {
		wait_for_completion(&race[i].done);
		KUNIT_EXPECT_EQ(test, race[i].bad, 0);
	}
	for (i = 0; i < ARRAY_SIZE(root_names); i++)
		pheap_root_del(heap_of(test), root_names[i]);
	GRAPH_CHECK(graph, "no roots");
	graph_end(graph);
}

static struct kunit_case root_cases[] = {
	MODE_CASE(all, root_set_get_del),
	MODE_CASE(all, root_bad_names),
	MODE_CASE(all, root_many),
	MODE_CASE(all, root_keeps_a_cycle),
	MODE_CASE(all, root_replaced_cycle),
	MODE_CASE(all, root_of_another_heap),
	MODE_CASE(all, root_without_memory),
	MODE_CASE(all, root_left),
	MODE_CASE(pooled, root_races),
	{}
};

struct kunit_suite root_suite = {
	.name = "pheap_root",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = root_cases,
};
