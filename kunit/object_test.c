// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/timer.h>

#include "compat/kunit_compat.h"
#include "mesh.h"
#include "object.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(plain, MODE_PLAIN);

static const size_t one_slot[] = { 8 };
static const size_t odd_slot[] = { 12 };
static const size_t header_slot[] = { 0 };
static const size_t last_slot[] = { 24 };
static const size_t far_slot[] = { 32 };
static const size_t huge_slot[] = { SIZE_MAX - 7 };
static const size_t many_slots[33] = { 8, 16, 24 };

static void object_visit_none(struct pheap_object *obj,
			      struct pheap_visit *visit)
{
}

/* Each is wrong in one way. */
static const struct pheap_type_ops bad_ops[] = {
	{ .size = 32 },
	{ .name = "", .size = 32 },
	{ .name = "with space", .size = 32 },
	{ .name = "with/slash", .size = 32 },
	{ .name = "with\ttab", .size = 32 },
	{ .name = "a-name-that-is-one-byte-too-long", .size = 32 },
	{ .name = "large", .size = SZ_128K + 1 },
	{ .name = "largest", .size = SIZE_MAX },
	{ .name = "align", .size = 32, .align = 24 },
	{ .name = "align", .size = 32, .align = PAGE_SIZE * 2 },
	{ .name = "flags", .size = 32, .flags = BIT(5) },
	{ .name = "flags", .size = 32, .flags = BIT(31) },
	{ .name = "both", .size = 32, .slots = one_slot, .nr_slots = 1,
	  .traverse = object_visit_none },
	{ .name = "no-table", .size = 32, .nr_slots = 1 },
	{ .name = "odd", .size = 32, .slots = odd_slot, .nr_slots = 1 },
	{ .name = "header", .size = 32, .slots = header_slot, .nr_slots = 1 },
	{ .name = "far", .size = 32, .slots = far_slot, .nr_slots = 1 },
	{ .name = "huge", .size = 32, .slots = huge_slot, .nr_slots = 1 },
	{ .name = "many", .size = 512, .slots = many_slots, .nr_slots = 33 },
	{ .name = "array", .size = 32, .slot_array = 4 },
	{ .name = "array", .size = 32, .slot_array = 40 },
	{ .name = "array", .size = 32, .slot_array = 12 },
	{ .name = "weaks", .size = 32, .weaks = 4 },
	{ .name = "weaks", .size = 32, .weaks = 12 },
	{ .name = "weaks", .size = 32, .weaks = 32 },
	{ .name = "weaks", .size = 32, .weaks = SIZE_MAX - 7 },
	{ .name = "tuple", .size = 32,
	  .flags = PHEAP_TYPE_ACYCLIC | PHEAP_TYPE_IMMUTABLE },
};

static void object_bad_types(struct kunit *test)
{
	struct pheap_stats before = fixture_stats(test);
	struct pheap_type *type;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad_ops); i++) {
		type = pheap_type_register(heap_of(test), &bad_ops[i]);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(type), -EINVAL,
				    "%u: %s", i, bad_ops[i].name);
	}
	KUNIT_EXPECT_EQ(test, fixture_stats(test).meta_bytes,
			before.meta_bytes);
}

static void object_type_names(struct kunit *test)
{
	const struct pheap_cache_args args = { .size = 32 };
	char name[] = "a-name-of-thirty-one-characters";
	struct pheap_type_ops ops = { .name = name, .size = 32 };
	struct pheap_type *type;
	void *obj;

	type = pheap_type_register(heap_of(test), &ops);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(type));
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(pheap_type_register(heap_of(test),
								  &ops)),
			-EEXIST);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(pheap_cache_create(heap_of(test),
								 name, &args)),
			-EEXIST);
	KUNIT_EXPECT_PTR_EQ(test, ops.name, (const char *)name);
	name[0] = 'b';
	KUNIT_EXPECT_STREQ(test, pheap_type_name(type),
			   "a-name-of-thirty-one-characters");
	obj = pheap_new(type, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, obj);
	KUNIT_EXPECT_PTR_EQ(test, pheap_object_type(obj), type);
	pheap_put(obj);
}

/* Good to the last byte. */
static void object_type_limits(struct kunit *test)
{
	static const struct pheap_type_ops ops[] = {
		{ .name = "header", .size = 8 },
		{ .name = "header-and-slot", .size = 16, .slots = one_slot,
		  .nr_slots = 1 },
		{ .name = "last", .size = 32, .slots = last_slot,
		  .nr_slots = 1 },
		{ .name = "largest", .size = SZ_128K },
		{ .name = "aligned", .size = 40, .align = PAGE_SIZE },
		{ .name = "eight", .size = 40, .align = 8 },
		{ .name = "sixty-four", .size = 40, .align = 64 },
		{ .name = "array", .size = 64, .slot_array = 8 },
		{ .name = "empty-array", .size = 64, .slot_array = 64,
		  .flags = PHEAP_TYPE_SIZED },
	};
	struct pheap_type *type;
	unsigned int i;
	void *obj;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		type = pheap_type_register(heap_of(test), &ops[i]);
		KUNIT_ASSERT_FALSE_MSG(test, IS_ERR_OR_NULL(type), "%s",
				       ops[i].name);
		if (ops[i].flags & PHEAP_TYPE_SIZED)
			obj = pheap_new_sized(type, 64, FIXTURE_GFP);
		else
			obj = pheap_new(type, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE_MSG(test, obj, "%s", ops[i].name);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)obj,
						   ops[i].align ?: 8));
		KUNIT_EXPECT_EQ(test, pheap_refcount(obj), 1);
		KUNIT_EXPECT_GE(test, pheap_size(obj),
				max_t(size_t, ops[i].size, 16));
		if (ops[i].size > 8)
			memset(obj + 8, 0, ops[i].size - 8);
		pheap_put(obj);
	}
}

/* Memory that was used before is given out. */
static void object_new_zeroed(struct kunit *test)
{
	struct graph *graph = graph_make(test, 300);
	struct node *node;
	unsigned int i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < 50; i++) {
			node = node_new(graph, NODE_TABLE);
			node->nr = U32_MAX;
		}
		graph_drop_all(graph);
		node = pheap_new(graph_type(graph, NODE_TABLE),
				 FIXTURE_GFP | __GFP_ZERO);
		KUNIT_ASSERT_TRUE(test, node);
		KUNIT_EXPECT_PTR_EQ(test, node->graph, (struct graph *)NULL);
		KUNIT_EXPECT_EQ(test, node->id | node->canary | node->nr, 0);
		node_adopt(graph, node, NODE_SLOTS);
	}
	graph_end(graph);
}

static void object_counts(struct kunit *test)
{
	struct graph *graph = graph_make(test, 1);
	struct node *node = node_new(graph, NODE_TABLE);
	unsigned int i;

	for (i = 1; i < 1000; i++) {
		KUNIT_ASSERT_EQ(test, pheap_refcount(&node->obj), i);
		KUNIT_ASSERT_PTR_EQ(test, pheap_get(&node->obj), &node->obj);
	}
	for (; i > 1; i--) {
		KUNIT_ASSERT_EQ(test, pheap_refcount(&node->obj), i);
		pheap_put(&node->obj);
		KUNIT_ASSERT_FALSE(test, graph_ended(graph, 0));
	}
	pheap_put(NULL);
	node_drop(node);
	KUNIT_EXPECT_TRUE(test, graph_ended(graph, 0));
	KUNIT_EXPECT_EQ(test, graph->fate[0].ends, 1);
	graph_end(graph);
}

static void object_note_putter(struct node *node)
{
	if (current == node->graph->data)
		atomic_inc(&node->graph->wrong);
}

/* Not in the caller's context, but soon. */
static void object_release_by_worker(struct kunit *test)
{
	struct graph *graph = graph_make(test, 20);
	unsigned int i;

	graph->data = current;
	graph->finalize = object_note_putter;
	graph->release = object_note_putter;
	for (i = 0; i < 20; i++)
		node_new(graph, i % 2 ? NODE_WORKER : NODE_FINAL);
	local_irq_disable();
	for (i = 0; i < 20; i++)
		node_drop(graph_node(graph, i));
	local_irq_enable();
	KUNIT_EXPECT_TRUE(test, graph_wait(graph, 20));
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->finals), 10);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->wrong), 0);
	graph_end(graph);
}

static void object_note_context(struct node *node)
{
	unsigned long *wrong = node->graph->data;

	*wrong += in_hardirq() || in_serving_softirq() || irqs_disabled() ||
		  rcu_preempt_depth() || !(current->flags & PF_WQ_WORKER);
}

/* Finalizers, and release functions without the flag, may sleep. */
static void object_release_context(struct kunit *test)
{
	struct graph *graph = graph_make(test, 200);
	unsigned long wrong = 0;
	unsigned int i;

	graph->data = &wrong;
	graph->finalize = object_note_context;
	graph->release = object_note_context;
	for (i = 0; i < 200; i++) {
		node_new(graph, i % 4 ? NODE_WORKER : NODE_FINAL);
		if (i & 64)
			node_link(graph_node(graph, i), 0,
				  graph_node(graph, i - 1));
		if (i & 32)
			node_link(graph_node(graph, i), 1,
				  graph_node(graph, i));
	}
	for (i = 0; i < 200; i++) {
		local_bh_disable();
		node_drop(graph_node(graph, i));
		local_bh_enable();
	}
	graph_end(graph);
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

static void object_sizes(struct kunit *test)
{
	static const size_t sizes[] = {
		0, 1, 39, 40, 41, 48, 100, 512, 513, 4096, 5000, SZ_32K,
		SZ_64K + 8, SZ_128K, SZ_128K + 1, SZ_256K, SIZE_MAX,
	};
	struct graph *graph = graph_make(test, 20);
	struct pheap_type *type = graph_type(graph, NODE_WIDE);
	struct node *node;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		node = pheap_new_sized(type, sizes[i], FIXTURE_GFP);
		KUNIT_EXPECT_EQ_MSG(test, !!node,
				    sizes[i] >= sizeof(struct node) &&
				    sizes[i] <= SZ_128K, "%zu", sizes[i]);
		if (!node)
			continue;
		KUNIT_EXPECT_GE(test, pheap_size(node), sizes[i]);
		node_adopt(graph, node, 0);
		node_drop(node);
	}
	graph_end(graph);
}

/* Every slot of a large array holds. */
static void object_wide(struct kunit *test)
{
	static const unsigned int widths[] = { 1, 7, 59, 60, 500, 4000, 16000 };
	struct graph *graph = graph_make(test, 16020);
	unsigned int i, slot, round;
	struct node *hub;

	for (i = 0; i < ARRAY_SIZE(widths); i++) {
		hub = node_wide(graph, widths[i]);
		for (slot = 0; slot < widths[i]; slot++)
			if (slot == widths[i] - 1 || slot % 100 == 0)
				node_link(hub, slot,
					  node_new(graph, NODE_TABLE));
		for (slot = hub->id + 1; slot < graph->nr; slot++) {
			graph_link(graph, slot, 0, hub->id);
			node_drop(graph_node(graph, slot));
		}
		for (round = 0; round < 2; round++)
			graph_collect(graph);
		GRAPH_CHECK(graph, "wide, held");
	}
	graph_end(graph);
}

/* What pheap_free() and others of blocks say of an object. */
static void object_is_no_block(struct kunit *test)
{
	struct graph *graph = graph_make(test, 2);
	struct node *node = node_new(graph, NODE_TABLE);
	struct pheap_cache *cache;

	cache = pheap_cache_create(heap_of(test), "c",
				   &(struct pheap_cache_args) { .size = 64 });
	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	KUNIT_EXPECT_PTR_EQ(test, pheap_owner(node), heap_of(test));
	log_expect(test, "free of an object");
	pheap_free(node);
	pheap_free_sensitive(node);
	pheap_free_rcu(node);
	KUNIT_EXPECT_NULL(test, pheap_realloc(heap_of(test), node, 500,
					      FIXTURE_GFP));
	fixture_held();
	LOG_END_WITH(test, PHEAP_BAD_OBJECT, 4, "counted object");
	log_expect(test, "free of an object to a cache");
	pheap_cache_free(cache, node);
	LOG_END_WITH(test, PHEAP_BAD_CACHE, 1, "not from");
	KUNIT_EXPECT_EQ(test, node->canary, NODE_ALIVE);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&node->obj), 1);
	pheap_cache_destroy(cache);
	graph_end(graph);
}

/* And what those of objects say of blocks. */
static void object_type_of_others(struct kunit *test)
{
	struct graph *graph = graph_make(test, 1);
	struct node *node = node_new(graph, NODE_TABLE);
	void *p = pheap_zalloc(heap_of(test), 64, FIXTURE_GFP);
	u64 stack[8] = {};

	KUNIT_ASSERT_TRUE(test, p);
	KUNIT_EXPECT_PTR_EQ(test, pheap_object_type(&node->obj),
			    graph_type(graph, NODE_TABLE));
	KUNIT_EXPECT_NULL(test, pheap_object_type(p));
	KUNIT_EXPECT_NULL(test, pheap_object_type((void *)stack));
	KUNIT_EXPECT_NULL(test, pheap_object_type(NULL));
	pheap_free(p);
	graph_end(graph);
}

static void object_immortal(struct kunit *test)
{
	struct graph *graph = graph_make(test, 4);
	struct node *god = node_new(graph, NODE_TABLE);
	struct node *child = node_new(graph, NODE_TABLE);
	int rc, i;

	fixture_of(test)->leaves = true;
	node_link(god, 0, child);
	node_link(child, 0, god);
	node_drop(child);
	pheap_immortal(&god->obj);
	rc = atomic_read(&god->obj.__rc);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&god->obj), PHEAP_COUNT_MAX);
	KUNIT_EXPECT_FALSE(test, pheap_is_tracked(&god->obj));
	for (i = 0; i < 100; i++)
		pheap_put(&god->obj);
	for (i = 0; i < 300; i++)
		pheap_get(&god->obj);
	node_link(child, 1, god);
	node_link(child, 1, NULL);
	graph_collect(graph);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&god->obj), PHEAP_COUNT_MAX);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 0);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&child->obj), 1);
	KUNIT_EXPECT_LT(test, rc, 0);
	/* What it refers to is as mortal as ever. */
	node_link(god, 0, NULL);
	KUNIT_EXPECT_TRUE(test, graph_ended(graph, 1));
	KUNIT_EXPECT_FALSE(test, graph_ended(graph, 0));
}

/* Of one that a scan is deciding on, PENDING is the scan's and goes with that. */
static void object_immortal_condemned(struct kunit *test)
{
	struct graph *graph = graph_make(test, 1);
	struct node *node = node_new(graph, NODE_TABLE);

	fixture_of(test)->leaves = true;
	atomic_or(__PHEAP_CONDEMNED | __PHEAP_PENDING, &node->obj.__rc);
	pheap_immortal(&node->obj);
	KUNIT_EXPECT_EQ(test, atomic_read(&node->obj.__rc) & __PHEAP_PENDING, 0);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&node->obj), PHEAP_COUNT_MAX);
}

/* As if @node had been taken that often. */
static void object_set_count(struct node *node, unsigned int count)
{
	int flags = atomic_read(&node->obj.__rc) & (__PHEAP_ONE - 1);

	atomic_set(&node->obj.__rc, count * __PHEAP_ONE | flags);
}

static void object_saturates(struct kunit *test)
{
	struct graph *graph = graph_make(test, 2);
	struct node *node = node_new(graph, NODE_TABLE);
	struct node *other = node_new(graph, NODE_TABLE);
	unsigned int i;

	fixture_of(test)->leaves = true;
	object_set_count(node, PHEAP_COUNT_MAX - 2);
	pheap_get(&node->obj);
	pheap_get(&node->obj);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&node->obj), PHEAP_COUNT_MAX);
	pheap_put(&node->obj);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&node->obj), PHEAP_COUNT_MAX - 1);
	log_expect(test, "too many references");
	for (i = 0; i < 20; i++) {
		pheap_get(&node->obj);
		node_link(other, 0, node);
	}
	LOG_END_WITH(test, PHEAP_BAD_COUNT, 1, "reference");
	KUNIT_EXPECT_EQ(test, pheap_refcount(&node->obj), PHEAP_COUNT_MAX);
	KUNIT_EXPECT_FALSE(test, pheap_is_tracked(&node->obj));
	for (i = 0; i < 100; i++)
		pheap_put(&node->obj);
	node_link(other, 0, NULL);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&node->obj), PHEAP_COUNT_MAX);
	node_drop(other);
	graph_collect(graph);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 1);
	KUNIT_EXPECT_FALSE(test, graph_ended(graph, 0));
	KUNIT_EXPECT_EQ(test, node->canary, NODE_ALIVE);
}

/* Within an RCU section, so that its memory is still its own. */
static void object_dead(struct kunit *test)
{
	struct graph *graph = graph_make(test, 2);
	struct node *node = node_new(graph, NODE_RCU);

	log_expect(test, "use of a dead object");
	rcu_read_lock();
	node_drop(node);
	KUNIT_EXPECT_TRUE(test, graph_ended(graph, 0));
	KUNIT_EXPECT_FALSE(test, pheap_object_tryget(&node->obj));
	pheap_put(&node->obj);
	KUNIT_EXPECT_FALSE(test, pheap_object_tryget(&node->obj));
	pheap_get(&node->obj);
	KUNIT_EXPECT_FALSE(test, pheap_object_tryget(&node->obj));
	pheap_put(&node->obj);
	rcu_read_unlock();
	LOG_END_WITH(test, PHEAP_BAD_COUNT, 3, "reference");
	KUNIT_EXPECT_EQ(test, graph->fate[0].ends, 1);
	graph_end(graph);
}

/* By the time that a put which was not the last is noted, the last may have come. */
static void object_put_noted_late(struct kunit *test)
{
	struct graph *graph = graph_make(test, 1);
	struct node *node = node_new(graph, NODE_RCU);
	int rc;

	rcu_read_lock();
	node_drop(node);
	rc = atomic_read(&node->obj.__rc);
	__pheap_section_begin();
	object_put_slow(&node->obj, 2 * __PHEAP_ONE);
	KUNIT_EXPECT_EQ(test, atomic_read(&node->obj.__rc), rc);
	rcu_read_unlock();
	graph_end(graph);
}

/* Nothing of it is written to until the grace period is over. */
static void object_rcu_memory(struct kunit *test)
{
	struct graph *graph = graph_make(test, 1200);
	struct node *node = node_new(graph, NODE_RCU);
	unsigned int i;

	rcu_read_lock();
	node_drop(node);
	for (i = 0; i < 1000; i++) {
		if (!node_try(graph, NODE_RCU, GFP_ATOMIC))
			break;
		KUNIT_EXPECT_PTR_NE(test, graph_node(graph, i + 1), node);
	}
	KUNIT_EXPECT_EQ(test, node->canary, NODE_DEAD);
	KUNIT_EXPECT_EQ(test, node->id, 0);
	KUNIT_EXPECT_PTR_EQ(test, node->graph, graph);
	rcu_read_unlock();
	graph_end(graph);
}

#define GRACE_OBJECTS	128
#define GRACE_BLOCKS	48
#define GRACE_ROUNDS	20

/*
 * Pools of objects wait for a grace period, and what else is in their arenas is given
 * back, so that an arena may lose its last pages meanwhile.
 */
static void object_trim_meets_grace(struct kunit *test)
{
	static const struct pheap_type_ops ops = {
		.name = "grace", .size = 512, .flags = PHEAP_TYPE_ACYCLIC,
	};
	const struct pheap_args args = { .flags = PHEAP_RESERVE_NONE };
	struct pheap *heap = pheap_create("grace", &args);
	struct pheap_object **obj;
	struct pheap_stats stats;
	struct pheap_type *type;
	unsigned int i, round;
	void **block;

	KUNIT_ASSERT_FALSE(test, IS_ERR(heap));
	obj = kunit_kcalloc(test, GRACE_OBJECTS, sizeof(*obj), GFP_KERNEL);
	block = kunit_kcalloc(test, GRACE_BLOCKS, sizeof(*block), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, obj && block);
	type = pheap_type_register(heap, &ops);
	KUNIT_ASSERT_FALSE(test, IS_ERR(type));
	for (round = 0; round < GRACE_ROUNDS; round++) {
		for (i = 0; i < GRACE_OBJECTS; i++)
			obj[i] = pheap_new(type, FIXTURE_GFP);
		for (i = 0; i < GRACE_BLOCKS; i++)
			block[i] = pheap_alloc(heap, PAGE_SIZE, FIXTURE_GFP);
		for (i = 0; i < GRACE_BLOCKS; i++)
			pheap_free(block[i]);
		for (i = 0; i < GRACE_OBJECTS; i++) {
			KUNIT_EXPECT_TRUE(test, obj[i]);
			pheap_put(obj[i]);
		}
		pheap_trim(heap);
	}
	/* Of pools, then of arenas. */
	rcu_barrier();
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, pheap_validate(heap), 0);
	pheap_get_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.live_blocks, 0);
	KUNIT_EXPECT_EQ(test, stats.arenas, 0);
	KUNIT_EXPECT_EQ(test, stats.taken, stats.meta_bytes);
	pheap_destroy(heap);
}

/* The outermost first. */
static void object_order_along_a_chain(struct kunit *test)
{
	struct graph *graph = graph_make(test, 40);
	unsigned int i;

	nodes_new(graph, NODE_TABLE, 40);
	for (i = 1; i < 40; i++) {
		graph_link(graph, i - 1, 0, i);
		node_drop(graph_node(graph, i));
	}
	node_drop(graph_node(graph, 0));
	GRAPH_CHECK(graph, "chain");
	for (i = 1; i < 40; i++)
		KUNIT_EXPECT_GT(test, graph->fate[i].ended,
				graph->fate[i - 1].ended);
	graph_end(graph);
}

/* A chain that is built at its front, so that no array is needed. */
static struct pheap_object *object_chain(struct graph *graph, unsigned int nr)
{
	struct pheap_type *type = graph_type(graph, NODE_TABLE);
	struct pheap_object *chain = NULL;
	struct node *node;

	while (nr--) {
		node = pheap_new(type, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(graph->test, node);
		node->graph = graph;
		node->id = 0;
		node->canary = NODE_ALIVE;
		graph->fate[0].node = node;
		pheap_slot_move(&node->obj, &node->slot[0], chain);
		chain = &node->obj;
		if (nr % 256 == 0)
			cond_resched();
	}
	return chain;
}

/*
 * One put ends a million, in bounded stack, and comes back at once: the rest
 * is a worker's.  Interrupts are off, so that nothing else takes its time.
 */
static void object_long_chain(struct kunit *test)
{
	unsigned int nr = graph_scaled(1000000);
	struct graph *graph = graph_make(test, 1);
	struct pheap_object *chain = object_chain(graph, nr);
	unsigned int ended;
	unsigned long flags;
	ktime_t start, end;

	local_irq_save(flags);
	start = ktime_get();
	pheap_put(chain);
	end = ktime_get();
	/* Before the worker, on another processor, has done more. */
	ended = atomic_read(&graph->ends);
	local_irq_restore(flags);
	kunit_info(test, "%u objects: put took %lld ns\n", nr,
		   ktime_to_ns(ktime_sub(end, start)));
	KUNIT_EXPECT_LT(test, ktime_ms_delta(end, start), 50);
	KUNIT_EXPECT_LT(test, ended, nr / 10);
	KUNIT_EXPECT_TRUE(test, graph_wait(graph, nr));
}

/* The same, found by the collector: a ring. */
static void object_long_chain_in_a_cycle(struct kunit *test)
{
	unsigned int nr = graph_scaled(300000);
	struct graph *graph = graph_make(test, 1);
	struct node *head, *last;

	head = node_of(object_chain(graph, nr - 1));
	last = node_of(object_chain(graph, 1));
	pheap_slot_set(&last->obj, &last->slot[0], &head->obj);
	pheap_slot_set(&head->obj, &head->slot[1], &last->obj);
	pheap_put(&head->obj);
	pheap_put(&last->obj);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 0);
	KUNIT_EXPECT_GE(test, graph_collect(graph), 2);
	KUNIT_EXPECT_TRUE(test, graph_wait(graph, nr));
}

/**
 * struct putter - who puts the last reference where
 * @graph: nodes.
 * @head: of chains.
 * @irq_work: in hard interrupt context.
 * @timer: in softirq context.
 * @wrong: ran in another context.
 */
struct putter {
	struct graph *graph;
	struct node *head[10];
	struct irq_work irq_work;
	struct timer_list timer;
	unsigned long wrong;
};

static void putter_put(struct putter *putter)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(putter->head); i++)
		node_drop(putter->head[i]);
}

static void putter_irq_work(struct irq_work *work)
{
	struct putter *putter = container_of(work, struct putter, irq_work);

	putter->wrong += !in_hardirq();
	putter_put(putter);
}

static void putter_timer(struct timer_list *timer)
{
	struct putter *putter = container_of(timer, struct putter, timer);

	putter->wrong += !in_serving_softirq();
	putter_put(putter);
}

/* Chains of objects of all kinds; each is held by its head. */
static void putter_prepare(struct putter *putter)
{
	static const enum node_kind kinds[] = {
		NODE_LEAF, NODE_TUPLE, NODE_TABLE, NODE_FUNC, NODE_FINAL,
		NODE_WORKER, NODE_RCU,
	};
	unsigned int i, k, nr = ARRAY_SIZE(kinds);
	struct node *node;

	for (i = 0; i < 700; i++) {
		k = i / 10 ? i % (nr - 1) + 1 : 0;
		node = node_new(putter->graph, kinds[k]);
		if (putter->head[i % 10]) {
			node_link(node, 0, putter->head[i % 10]);
			node_drop(putter->head[i % 10]);
		}
		putter->head[i % 10] = node;
	}
}

static void object_put_in_hardirq(struct kunit *test)
{
	struct graph *graph = graph_make(test, 700);
	struct putter putter = { .graph = graph };

	putter_prepare(&putter);
	init_irq_work(&putter.irq_work, putter_irq_work);
	irq_work_queue(&putter.irq_work);
	irq_work_sync(&putter.irq_work);
	KUNIT_EXPECT_EQ(test, putter.wrong, 0);
	GRAPH_CHECK(graph, "put in hardirq");
	graph_end(graph);
}

static void object_put_in_softirq(struct kunit *test)
{
	struct graph *graph = graph_make(test, 700);
	struct putter *putter = kunit_kzalloc(test, sizeof(*putter),
					      GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, putter);
	putter->graph = graph;
	putter_prepare(putter);
	timer_setup(&putter->timer, putter_timer, 0);
	mod_timer(&putter->timer, jiffies + 1);
	KUNIT_EXPECT_TRUE(test, graph_wait(graph, 700));
	timer_delete_sync(&putter->timer);
	KUNIT_EXPECT_EQ(test, putter->wrong, 0);
	GRAPH_CHECK(graph, "put in softirq");
	graph_end(graph);
}

/* New objects in a context that must not sleep. */
static void object_new_in_hardirq(struct kunit *test)
{
	struct graph *graph = graph_make(test, 3000);
	unsigned int i;

	graph_type(graph, NODE_TABLE);
	local_irq_disable();
	for (i = 0; i < 1000; i++)
		if (!node_try(graph, NODE_TABLE, GFP_ATOMIC))
			break;
	local_irq_enable();
	KUNIT_EXPECT_GT(test, graph->nr, 0);
	graph_end(graph);
}

static struct kunit_case object_cases[] = {
	MODE_CASE(all, object_bad_types),
	MODE_CASE(all, object_type_names),
	MODE_CASE(all, object_type_limits),
	MODE_CASE(all, object_new_zeroed),
	MODE_CASE(all, object_counts),
	MODE_CASE(all, object_release_by_worker),
	MODE_CASE(all, object_release_context),
	MODE_CASE(all, object_sizes),
	MODE_CASE(all, object_wide),
	MODE_CASE(all, object_is_no_block),
	MODE_CASE(all, object_type_of_others),
	MODE_CASE(all, object_immortal),
	MODE_CASE(all, object_immortal_condemned),
	MODE_CASE(all, object_saturates),
	MODE_CASE(all, object_dead),
	MODE_CASE(all, object_put_noted_late),
	MODE_CASE(all, object_rcu_memory),
	MODE_CASE(plain, object_trim_meets_grace),
	MODE_CASE(all, object_order_along_a_chain),
	MODE_CASE(plain, object_long_chain),
	MODE_CASE(plain, object_long_chain_in_a_cycle),
	MODE_CASE(all, object_put_in_hardirq),
	MODE_CASE(all, object_put_in_softirq),
	MODE_CASE(all, object_new_in_hardirq),
	{}
};

struct kunit_suite object_suite = {
	.name = "pheap_object",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = object_cases,
};
