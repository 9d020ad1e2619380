// SPDX-License-Identifier: GPL-2.0
/* When a collection happens, and what else happens then. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "backing.h"
#include "map.h"
#include "mesh.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(plain, MODE_PLAIN);

#define DROP_CACHES	"/proc/sys/vm/drop_caches"

/* Nodes in rings of @size, by slot 0, that nobody holds. */
static void gc_garbage(struct graph *graph, unsigned int nr, unsigned int size)
{
	unsigned int i, k, first;

	for (i = 0; i < nr; i += size) {
		first = nodes_new(graph, NODE_TABLE, size);
		for (k = 0; k < size; k++)
			graph_link(graph, first + k, 0, first + (k + 1) % size);
		for (k = 0; k < size; k++)
			node_drop(graph_node(graph, first + k));
	}
}

/* By itself, and after some time. */
static bool gc_wait_ended(struct graph *graph, unsigned int nr, int seconds)
{
	unsigned long end = jiffies + seconds * HZ;

	while (atomic_read(&graph->ends) < nr && time_before(jiffies, end))
		usleep_range(5000, 10000);
	return atomic_read(&graph->ends) >= nr;
}

static void gc_collect_nothing(struct kunit *test)
{
	struct graph *graph = graph_make(test, 10);

	KUNIT_EXPECT_EQ(test, pheap_collect(heap_of(test)), 0);
	node_new(graph, NODE_TABLE);
	KUNIT_EXPECT_EQ(test, pheap_collect(heap_of(test)), 0);
	node_new(graph, NODE_LEAF);
	KUNIT_EXPECT_EQ(test, pheap_collect(heap_of(test)), 0);
	graph_drop_all(graph);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 2);
	KUNIT_EXPECT_EQ(test, pheap_collect(heap_of(test)), 0);
	graph_end(graph);
}

/* One call is enough for all that is dead when it begins. */
static void gc_collect_returns_freed(struct kunit *test)
{
	struct graph *graph = graph_make(test, 1000);
	unsigned int size, before;

	for (size = 1; size < 20; size++) {
		before = graph->nr;
		gc_garbage(graph, size * 2, size);
		KUNIT_EXPECT_EQ(test, pheap_collect(heap_of(test)),
				graph->nr - before);
		KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), graph->nr);
	}
	graph_end(graph);
}

/* Two, at the most, if others were at it meanwhile. */
static void gc_bound(struct kunit *test)
{
	struct graph *graph = graph_make(test, 3000);
	unsigned int i, round;

	for (round = 0; round < 20; round++) {
		gc_garbage(graph, 100, 5);
		/* Looked at by a scan, then touched again, then let go. */
		i = nodes_new(graph, NODE_TABLE, 2);
		graph_link(graph, i, 0, i + 1);
		graph_link(graph, i + 1, 0, i);
		pheap_collect(heap_of(test));
		node_hold(graph_node(graph, i));
		node_drop(graph_node(graph, i));
		graph_drop_all(graph);
		pheap_collect(heap_of(test));
		pheap_collect(heap_of(test));
		KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), graph->nr);
	}
	graph_end(graph);
}

/* Cycles across heaps are not found; that is safe. */
static void gc_heaps_apart(struct kunit *test)
{
	struct pheap *other = fixture_extra(test, "other");
	struct graph *graph = graph_make(test, 2);
	struct graph *far = graph_make_on(test, other, 2);
	struct node *a = node_new(graph, NODE_TABLE);
	struct node *b = node_new(far, NODE_TABLE);

	pheap_slot_set(&a->obj, &a->slot[0], &b->obj);
	node_link(a, 1, a);
	pheap_slot_set(&b->obj, &b->slot[0], &a->obj);
	node_link(b, 1, b);
	pheap_put(&b->obj);
	KUNIT_EXPECT_EQ(test, pheap_collect(other), 0);
	KUNIT_EXPECT_EQ(test, pheap_collect(heap_of(test)), 0);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&a->obj), 3);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&b->obj), 2);
	/* Cut by hand, each side finds what is its own. */
	pheap_slot_clear(&b->obj, &b->slot[0]);
	pheap_put(&a->obj);
	KUNIT_EXPECT_EQ(test, pheap_collect(heap_of(test)), 1);
	KUNIT_EXPECT_EQ(test, pheap_collect(other), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&far->ends), 1);
}

/* So many candidates start a scan. */
static void gc_threshold(struct kunit *test)
{
	struct graph *graph = graph_make(test, 30000);

	pheap_gc_set_threshold(heap_of(test), 100, 0);
	gc_garbage(graph, 1000, 10);
	msleep(200);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 0);
	pheap_gc_enable(heap_of(test));
	gc_garbage(graph, 1000, 10);
	KUNIT_EXPECT_TRUE(test, gc_wait_ended(graph, 1800, 10));
	pheap_gc_disable(heap_of(test));
	graph_end(graph);
}

/* So many bytes do, of few objects. */
static void gc_threshold_bytes(struct kunit *test)
{
	struct graph *graph = graph_make(test, 110000);
	struct node *node;
	unsigned int i;

	pheap_gc_set_threshold(heap_of(test), 1000000, SZ_1M);
	pheap_gc_enable(heap_of(test));
	for (i = 0; i < 60; i++) {
		node = node_wide(graph, 7000);
		pheap_slot_set(&node->obj, &node->slot[i], &node->obj);
		node_drop(node);
	}
	KUNIT_EXPECT_TRUE(test, gc_wait_ended(graph, 30, 10));
	pheap_gc_disable(heap_of(test));
	graph_end(graph);
}

/* The default is enough for what makes nothing but garbage. */
static void gc_by_itself(struct kunit *test)
{
	struct graph *graph = graph_make(test, graph_scaled(300000));
	unsigned int nr = graph->most / 10 * 10;

	pheap_gc_set_threshold(heap_of(test), 0, 0);
	pheap_gc_enable(heap_of(test));
	gc_garbage(graph, nr, 10);
	KUNIT_EXPECT_TRUE(test, gc_wait_ended(graph, nr / 2, 20));
	pheap_gc_disable(heap_of(test));
	graph_end(graph);
}

/* Reclaim collects, too. */
static void gc_under_pressure(struct kunit *test)
{
	struct graph *graph = graph_make(test, 2000);
	unsigned int tries;

	pheap_gc_set_threshold(heap_of(test), 1000000, SIZE_MAX / 2);
	pheap_gc_enable(heap_of(test));
	gc_garbage(graph, 2000, 10);
	for (tries = 0; tries < 20; tries++) {
		KUNIT_ASSERT_EQ(test, file_write(DROP_CACHES, "2"), 0);
		if (gc_wait_ended(graph, 2000, 1))
			break;
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 2000);
	pheap_gc_disable(heap_of(test));
	graph_end(graph);
}

/**
 * struct gc_told - what callbacks told
 * @heap: heap.
 * @starts: how often a scan began.
 * @ends: how often one ended.
 * @nested: what a collection from a callback freed.
 * @wrong: out of order, or of another heap.
 */
struct gc_told {
	struct pheap *heap;
	unsigned int starts;
	unsigned int ends;
	size_t nested;
	unsigned int wrong;
};

static void gc_starts(const struct pheap_gc_info *info, void *arg)
{
	struct gc_told *told = arg;

	told->wrong += info->heap != told->heap || told->starts != told->ends;
	told->starts++;
	told->nested += pheap_collect(info->heap);
	might_sleep();
}

static void gc_ends(const struct pheap_gc_info *info, void *arg)
{
	struct gc_told *told = arg;

	told->ends++;
	told->wrong += info->heap != told->heap || told->starts != told->ends;
	told->nested += pheap_collect(info->heap);
}

static void gc_callbacks(struct kunit *test)
{
	struct gc_told told = { .heap = heap_of(test) };
	struct graph *graph = graph_make(test, 100);

	pheap_gc_callbacks(heap_of(test), gc_starts, gc_ends, &told);
	gc_garbage(graph, 20, 5);
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 20);
	KUNIT_EXPECT_GT(test, told.starts, 0);
	KUNIT_EXPECT_EQ(test, told.starts, told.ends);
	KUNIT_EXPECT_EQ(test, told.nested, 0);
	KUNIT_EXPECT_EQ(test, told.wrong, 0);
	pheap_gc_callbacks(heap_of(test), NULL, gc_ends, &told);
	told.starts = 0;
	told.ends = 0;
	graph_collect(graph);
	KUNIT_EXPECT_GT(test, told.ends, 0);
	pheap_gc_callbacks(heap_of(test), NULL, NULL, NULL);
	told.ends = 0;
	graph_collect(graph);
	KUNIT_EXPECT_EQ(test, told.ends, 0);
	graph_end(graph);
}

/* Memory elsewhere counts towards the limit. */
static void gc_external_limit(struct kunit *test)
{
	struct graph *graph;
	struct node *node;

	fixture_remake(test, &(struct pheap_args) { .limit = SZ_1M });
	graph = graph_make(test, 2);
	node = node_new(graph, NODE_TABLE);
	KUNIT_EXPECT_EQ(test, pheap_account_external(&node->obj, SZ_1M),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, pheap_account_external(&node->obj, SZ_512K), 0);
	KUNIT_EXPECT_EQ(test, pheap_account_external(&node->obj, SZ_512K),
			-ENOSPC);
	KUNIT_EXPECT_NULL(test, pheap_alloc(heap_of(test), SZ_512K,
					    FIXTURE_GFP));
	KUNIT_EXPECT_EQ(test, pheap_account_external(&node->obj, -SZ_512K), 0);
	KUNIT_EXPECT_EQ(test, pheap_account_external(&node->obj, SZ_512K), 0);
	KUNIT_EXPECT_EQ(test, pheap_account_external(&node->obj, -SZ_512K), 0);
	graph_end(graph);
}

static void gc_external_release(struct node *node)
{
	pheap_account_external(&node->obj, -(ssize_t)SZ_1M);
}

/* And towards what starts a scan: few small objects that hold much. */
static void gc_external_threshold(struct kunit *test)
{
	struct graph *graph = graph_make(test, 50);
	unsigned int i;

	graph->release = gc_external_release;
	pheap_gc_set_threshold(heap_of(test), 1000000, SZ_8M);
	pheap_gc_enable(heap_of(test));
	for (i = 0; i < 50; i++) {
		node_new(graph, NODE_TABLE);
		KUNIT_ASSERT_EQ(test,
				pheap_account_external(&graph_node(graph, i)->obj,
						       SZ_1M), 0);
		graph_link(graph, i, 0, i);
		node_drop(graph_node(graph, i));
	}
	KUNIT_EXPECT_TRUE(test, gc_wait_ended(graph, 20, 10));
	pheap_gc_disable(heap_of(test));
	graph_end(graph);
}

/* A heap full of garbage collects before it refuses. */
static void gc_at_the_limit(struct kunit *test)
{
	struct graph *graph;
	unsigned int i;

	fixture_remake(test, &(struct pheap_args) { .limit = SZ_512K });
	graph = graph_make(test, 60000);
	pheap_gc_enable(heap_of(test));
	for (i = 0; i < 30000; i++) {
		struct node *node = node_try(graph, NODE_TABLE, GFP_KERNEL);

		KUNIT_ASSERT_TRUE_MSG(test, node, "node %u", i);
		node_link(node, 0, node);
		node_drop(node);
	}
	KUNIT_EXPECT_GT(test, atomic_read(&graph->ends), 15000);
	KUNIT_EXPECT_LE(test, fixture_stats(test).peak, SZ_512K);
	graph_end(graph);
}

/* Not where it must not sleep: there it refuses, until somebody collects. */
static void gc_at_the_limit_atomic(struct kunit *test)
{
	struct graph *graph;
	struct node *node;
	unsigned int i;

	fixture_remake(test, &(struct pheap_args) { .limit = SZ_512K });
	graph = graph_make(test, 60000);
	pheap_gc_enable(heap_of(test));
	pheap_gc_set_threshold(heap_of(test), 1000000, SIZE_MAX / 2);
	for (i = 0; i < 30000; i++) {
		node = node_try(graph, NODE_TABLE, i % 2 ? GFP_ATOMIC :
				GFP_NOWAIT);
		if (!node)
			break;
		node_link(node, 0, node);
		node_drop(node);
	}
	KUNIT_EXPECT_LT(test, i, 30000);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 0);
	KUNIT_EXPECT_GT(test, fixture_stats(test).refusals, 0);
	/* Who may sleep gets one. */
	node = node_try(graph, NODE_TABLE, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, node);
	graph_end(graph);
}

/* What is live stays, whatever is wanted. */
static void gc_full_of_live_ones(struct kunit *test)
{
	struct graph *graph;
	unsigned int i;

	fixture_remake(test, &(struct pheap_args) { .limit = SZ_512K });
	graph = graph_make(test, 30000);
	pheap_gc_enable(heap_of(test));
	for (i = 0; i < 30000; i++)
		if (!node_try(graph, NODE_TABLE, GFP_KERNEL))
			break;
	KUNIT_EXPECT_LT(test, i, 30000);
	KUNIT_EXPECT_GT(test, i, 1000);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 0);
	graph_end(graph);
}

/* With garbage, live objects and weak references out. */
static void gc_destroy_with_all(struct kunit *test)
{
	struct pheap *other = fixture_extra(test, "other");
	struct graph *graph = graph_make_on(test, other, 500);
	struct pheap_weak weak[2];
	unsigned int i;

	gc_garbage(graph, 200, 10);
	for (i = 0; i < 100; i++)
		node_new(graph, i % 2 ? NODE_FINAL : NODE_WORKER);
	for (i = 0; i < 100; i++)
		graph_link(graph, 200 + i, 0, 200 + (i + 1) % 100);
	pheap_weak_init(&weak[0], &graph_node(graph, 203)->obj, NULL);
	pheap_weak_init(&weak[1], &graph_node(graph, 204)->obj, NULL);
	pheap_weak_clear(&weak[1]);
	log_expect(test, "objects left");
	fixture_drop_extra(test, other);
	log_end(test);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 300);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->wrong), 0);
	for (i = 0; i < 300; i++)
		KUNIT_EXPECT_EQ(test, graph->fate[i].ends, 1);
	KUNIT_EXPECT_NULL(test, pheap_weak_get(&weak[0]));
	pheap_weak_clear(&weak[0]);
}

static void gc_put_partner(struct node *node)
{
	pheap_put(&graph_node(node->graph, node->id ^ 1)->obj);
}

/* Objects that are left, each of which puts another at its burial. */
static void gc_destroy_with_partners(struct kunit *test)
{
	struct pheap *other = fixture_extra(test, "other");
	struct graph *graph = graph_make_on(test, other, 40);
	unsigned int i;

	graph->release = gc_put_partner;
	for (i = 0; i < 40; i++)
		node_new(graph, i % 4 < 2 ? NODE_TABLE : NODE_RCU);
	log_expect(test, "objects left");
	fixture_drop_extra(test, other);
	log_end(test);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->wrong), 0);
	for (i = 0; i < 40; i++)
		KUNIT_EXPECT_EQ(test, graph->fate[i].ends, 1);
}

/* Just as a worker has much to do. */
static void gc_destroy_with_work(struct kunit *test)
{
	struct graph *graph;
	struct pheap *other;
	unsigned int round, i;

	for (round = 0; round < 4; round++) {
		other = fixture_extra(test, "other");
		graph = graph_make_on(test, other, 3000);
		for (i = 0; i < 3000; i++) {
			node_new(graph, i % 5 ? NODE_WORKER : NODE_FINAL);
			if (i)
				graph_link(graph, i, 0, i - 1);
			if (i)
				node_drop(graph_node(graph, i - 1));
		}
		if (round)
			node_drop(graph_node(graph, 2999));
		else
			graph_link(graph, 0, 0, 2999);
		if (round > 1)
			usleep_range(round * 50, round * 100);
		log_expect(test, "perhaps objects left");
		fixture_drop_extra(test, other);
		log_end(test);
		KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 3000);
	}
}

/**
 * struct gc_scanner - somebody who collects all the time
 * @heap: heap.
 * @ready: it has begun.
 * @done: it has ended.
 * @freed: objects.
 * @scans: collections.
 * @stop: end it.
 */
struct gc_scanner {
	struct pheap *heap;
	struct completion ready;
	struct completion done;
	size_t freed;
	unsigned long scans;
	bool stop;
};

static int gc_scan_thread(void *arg)
{
	struct gc_scanner *scanner = arg;

	while (!READ_ONCE(scanner->stop)) {
		scanner->freed += pheap_collect(scanner->heap);
		scanner->scans++;
		complete(&scanner->ready);
		cond_resched();
	}
	complete(&scanner->done);
	return 0;
}

static void gc_scanner_start(struct kunit *test, struct gc_scanner *scanner,
			     struct pheap *heap)
{
	struct task_struct *task;

	scanner->heap = heap;
	init_completion(&scanner->ready);
	init_completion(&scanner->done);
	task = kthread_run(gc_scan_thread, scanner, "scanner");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
}

static void gc_scanner_stop(struct gc_scanner *scanner)
{
	WRITE_ONCE(scanner->stop, true);
	wait_for_completion(&scanner->done);
}

/* A scan that the heap started itself is under way when its end comes. */
static void gc_destroy_while_scanning(struct kunit *test)
{
	struct pheap *other;
	struct graph *graph;
	unsigned int round;

	for (round = 0; round < 10; round++) {
		other = fixture_extra(test, "other");
		graph = graph_make_on(test, other, 5000);
		pheap_gc_set_threshold(other, 50, 0);
		pheap_gc_enable(other);
		gc_garbage(graph, 5000, 10);
		if (round % 3)
			usleep_range(round * 30, round * 60);
		log_expect(test, "perhaps objects left");
		fixture_drop_extra(test, other);
		log_end(test);
		KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 5000);
		KUNIT_EXPECT_EQ(test, atomic_read(&graph->wrong), 0);
	}
}

/* Two collect at once: each sees all that is dead go. */
static void gc_collect_at_once(struct kunit *test)
{
	struct graph *graph = graph_make(test, 20000);
	struct gc_scanner *scanner = kunit_kcalloc(test, 2, sizeof(*scanner),
						   GFP_KERNEL);
	size_t freed = 0;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, scanner);
	for (i = 0; i < 2; i++)
		gc_scanner_start(test, &scanner[i], heap_of(test));
	for (i = 0; i < 40; i++) {
		gc_garbage(graph, 400, 4);
		freed += pheap_collect(heap_of(test));
	}
	for (i = 0; i < 2; i++) {
		gc_scanner_stop(&scanner[i]);
		freed += scanner[i].freed;
	}
	freed += graph_collect(graph);
	KUNIT_EXPECT_EQ(test, freed, 16000);
	graph_end(graph);
}

/* Knobs are turned while others scan. */
static void gc_knobs_while_scanning(struct kunit *test)
{
	struct graph *graph = graph_make(test, 20000);
	struct gc_scanner *scanner = kunit_kzalloc(test, sizeof(*scanner),
						   GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, scanner);
	gc_scanner_start(test, scanner, heap_of(test));
	for (i = 0; i < 50; i++) {
		gc_garbage(graph, 200, 4);
		pheap_gc_set_threshold(heap_of(test), i * 10, i * 1000);
		pheap_gc_enable(heap_of(test));
		if (i % 3 == 0)
			pheap_gc_freeze(heap_of(test));
		pheap_trim(heap_of(test));
		pheap_gc_disable(heap_of(test));
		if (i % 3 == 1)
			pheap_gc_unfreeze(heap_of(test));
	}
	pheap_gc_unfreeze(heap_of(test));
	gc_scanner_stop(scanner);
	graph_end(graph);
}

/* One failure at each charge of a scan: nothing is lost, nothing is wrong. */
static void gc_without_memory(struct kunit *test)
{
	struct graph *graph = graph_make(test, 4000);
	unsigned long nth, seen = 0;
	unsigned int i;

	for (nth = 1; nth < 20; nth++) {
		gc_garbage(graph, 100, 10);
		for (i = 0; i < 10; i++)
			node_new(graph, NODE_FINAL);
		graph_link(graph, graph->nr - 1, 0, graph->nr - 1);
		node_drop(graph_node(graph, graph->nr - 1));
		backing_fail_nth(nth, nth % 2);
		pheap_collect(heap_of(test));
		seen += backing_fail_nth(0, false);
		KUNIT_EXPECT_EQ(test, pheap_validate(heap_of(test)), 0);
		graph_collect(graph);
		GRAPH_CHECK(graph, "after a failure");
	}
	kunit_info(test, "%lu charges in scans\n", seen);
	graph_end(graph);
}

static struct arena *gc_arena(const struct node *node)
{
	return map_find_pool(node).arena;
}

/* A window has a place for candidates from the first object that may be one on. */
static void gc_candidates_without_memory(struct kunit *test)
{
	struct graph *graph = graph_make(test, 100);
	struct arena *arena = gc_arena(node_new(graph, NODE_LEAF));
	unsigned long nth, bytes, without = 0;
	struct node *node = NULL;

	graph_type(graph, NODE_TABLE);
	KUNIT_EXPECT_PTR_EQ(test, arena->cands, (unsigned long *)NULL);
	for (nth = 1; nth < 100 && !node; nth++) {
		KUNIT_EXPECT_EQ(test, pheap_validate(heap_of(test)), 0);
		without += !arena->cands;
		bytes = fixture_stats(test).meta_bytes;
		backing_fail_nth(nth, true);
		node = node_try(graph, NODE_TABLE, GFP_KERNEL);
		backing_fail_nth(0, false);
	}
	KUNIT_ASSERT_TRUE(test, node);
	KUNIT_EXPECT_GT(test, without, 1);
	KUNIT_EXPECT_TRUE(test, gc_arena(node)->cands);
	KUNIT_EXPECT_GE(test, fixture_stats(test).meta_bytes - bytes,
			ARENA_PAGES * sizeof(long));
	node_link(node, 0, node);
	node_drop(node);
	graph_collect(graph);
	GRAPH_CHECK(graph, "after a candidate");
	graph_end(graph);
}

/* Objects and types at each charge. */
static void gc_new_without_memory(struct kunit *test)
{
	static const struct pheap_type_ops ops = { .name = "t", .size = 48 };
	struct pheap_type *type;
	unsigned long nth;
	void *obj;

	for (nth = 1; nth < 100; nth++) {
		backing_fail_nth(nth, false);
		type = pheap_type_register(heap_of(test), &ops);
		backing_fail_nth(0, false);
		if (!IS_ERR(type))
			break;
		KUNIT_ASSERT_EQ(test, PTR_ERR(type), -ENOMEM);
		KUNIT_EXPECT_EQ(test, pheap_validate(heap_of(test)), 0);
	}
	KUNIT_ASSERT_LT(test, nth, 100);
	KUNIT_EXPECT_GT(test, nth, 1);
	for (nth = 1; nth < 100; nth++) {
		pheap_trim(heap_of(test));
		backing_fail_nth(nth, true);
		obj = pheap_new(type, FIXTURE_GFP);
		backing_fail_nth(0, false);
		pheap_put(obj);
		if (obj)
			break;
		KUNIT_EXPECT_EQ(test, pheap_validate(heap_of(test)), 0);
	}
	KUNIT_EXPECT_LT(test, nth, 100);
	KUNIT_EXPECT_GT(test, nth, 1);
}

/* Stops as soon as it can. */
static bool gc_see(struct pheap_object *obj, void *arg)
{
	unsigned int *left = arg;

	return --*left;
}

static bool gc_see_alive(struct pheap_object *obj, void *arg)
{
	unsigned int *alive = arg;

	if (!pheap_object_tryget(obj))
		return true;
	*alive += node_of(obj)->canary == NODE_ALIVE;
	pheap_put(obj);
	return true;
}

static void gc_for_each(struct kunit *test)
{
	struct graph *graph = graph_make(test, 1200);
	unsigned int alive = 0, left = 1;
	struct pheap *heap = heap_of(test);

	KUNIT_EXPECT_EQ(test, pheap_for_each_object(heap, NULL, gc_see_alive,
						    &alive), 0);
	nodes_new(graph, NODE_TABLE, 200);
	nodes_new(graph, NODE_LEAF, 100);
	node_wide(graph, 4000);
	KUNIT_EXPECT_EQ(test, pheap_for_each_object(heap, NULL, gc_see_alive,
						    &alive), 301);
	KUNIT_EXPECT_EQ(test, alive, 301);
	KUNIT_EXPECT_EQ(test,
			pheap_for_each_object(heap,
					      graph_type(graph, NODE_LEAF),
					      gc_see_alive, &alive), 100);
	KUNIT_EXPECT_EQ(test, alive, 401);
	KUNIT_EXPECT_EQ(test,
			pheap_for_each_object(heap,
					      graph_type(graph, NODE_FINAL),
					      gc_see_alive, &alive), 0);
	KUNIT_EXPECT_EQ(test, pheap_for_each_object(heap, NULL, gc_see, &left),
			1);
	left = 150;
	KUNIT_EXPECT_EQ(test, pheap_for_each_object(heap, NULL, gc_see, &left),
			150);
	graph_end(graph);
	fixture_held();
	KUNIT_EXPECT_EQ(test, pheap_for_each_object(heap, NULL, gc_see_alive,
						    &alive), 0);
}

static struct kunit_case gc_cases[] = {
	MODE_CASE(all, gc_collect_nothing),
	MODE_CASE(all, gc_collect_returns_freed),
	MODE_CASE(all, gc_bound),
	MODE_CASE(all, gc_heaps_apart),
	MODE_CASE(all, gc_threshold),
	MODE_CASE(plain, gc_threshold_bytes),
	MODE_CASE(plain, gc_by_itself),
	MODE_CASE(plain, gc_under_pressure),
	MODE_CASE(all, gc_callbacks),
	MODE_CASE(plain, gc_external_limit),
	MODE_CASE(all, gc_external_threshold),
	MODE_CASE(all, gc_at_the_limit),
	MODE_CASE(all, gc_at_the_limit_atomic),
	MODE_CASE(plain, gc_full_of_live_ones),
	MODE_CASE(all, gc_destroy_with_all),
	MODE_CASE(all, gc_destroy_with_partners),
	MODE_CASE(all, gc_destroy_with_work),
	MODE_CASE(all, gc_destroy_while_scanning),
	MODE_CASE(all, gc_collect_at_once),
	MODE_CASE(all, gc_knobs_while_scanning),
	MODE_CASE(all, gc_without_memory),
	MODE_CASE(all, gc_candidates_without_memory),
	MODE_CASE(all, gc_new_without_memory),
	MODE_CASE(all, gc_for_each),
	{}
};

struct kunit_suite gc_suite = {
	.name = "pheap_gc",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = gc_cases,
};
