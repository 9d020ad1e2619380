// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of several NUMA nodes: blocks come from the node that was asked for,
 * and go back to it whoever frees them.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/topology.h>

#include "map.h"
#include "pheap_kunit.h"

MODE_SET(pooled, MODE_PLAIN, MODE_DEBUG);
MODE_SET(plain, MODE_PLAIN);

#define BLOCKS	100

static const size_t sizes[] = { 16, 512, 3000, SZ_512K };

static int node_start(struct kunit *test)
{
	if (num_online_nodes() < 2)
		kunit_skip(test, "one node");
	return fixture_init(test);
}

/**
 * struct crowd - blocks that are allocated, or freed, on some CPU
 * @heap: heap.
 * @size: of a block.
 * @nr: how many.
 * @p: blocks.
 */
struct crowd {
	struct pheap *heap;
	size_t size;
	unsigned int nr;
	void *p[BLOCKS];
};

static void crowd_alloc(void *arg)
{
	struct crowd *crowd = arg;
	unsigned int i;

	for (i = 0; i < crowd->nr; i++)
		crowd->p[i] = pheap_alloc(crowd->heap, crowd->size,
					  FIXTURE_GFP);
}

static void crowd_free(void *arg)
{
	struct crowd *crowd = arg;

	pheap_free_bulk(crowd->nr, crowd->p);
}

static void crowd_free_singly(void *arg)
{
	struct crowd *crowd = arg;
	unsigned int i;

	for (i = 0; i < crowd->nr; i++)
		pheap_free(crowd->p[i]);
}

static void check_node(struct kunit *test, const struct crowd *crowd, int node)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < crowd->nr; i++) {
		KUNIT_ASSERT_TRUE(test, crowd->p[i]);
		wrong += page_to_nid(virt_to_page(crowd->p[i])) != node;
	}
	KUNIT_EXPECT_EQ_MSG(test, wrong, 0, "size %zu, node %d", crowd->size,
			    node);
}

static struct crowd *crowd_make(struct kunit *test, size_t size)
{
	struct crowd *crowd = kunit_kzalloc(test, sizeof(*crowd), GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, crowd);
	crowd->heap = heap_of(test);
	crowd->size = size;
	crowd->nr = size < SZ_64K ? BLOCKS : 4;
	return crowd;
}

static int node_cpu(int node)
{
	return cpumask_any_and(cpumask_of_node(node), cpu_online_mask);
}

static void node_is_the_one_asked_for(struct kunit *test)
{
	struct crowd *crowd;
	unsigned int i, j;
	int node;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for_each_node_state(node, N_MEMORY) {
			crowd = crowd_make(test, sizes[i]);
			for (j = 0; j < crowd->nr; j++)
				crowd->p[j] = pheap_alloc_node(heap_of(test),
							       sizes[i],
							       FIXTURE_GFP,
							       node);
			check_node(test, crowd, node);
			crowd_free(crowd);
		}
}

static void node_is_the_local_one(struct kunit *test)
{
	struct crowd *crowd;
	unsigned int i;
	int node;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for_each_node_state(node, N_MEMORY) {
			crowd = crowd_make(test, sizes[i]);
			fixture_run_on(test, node_cpu(node), crowd_alloc,
				       crowd);
			check_node(test, crowd, node);
			crowd_free(crowd);
		}
}

/*
 * Freed on every other node, and that node's next blocks are its own all the
 * same; the first node has its blocks again.
 */
static void check_home(struct kunit *test, size_t size, int home,
		       void (*free)(void *arg))
{
	struct crowd *crowd = crowd_make(test, size);
	struct crowd *other = crowd_make(test, size);
	struct pheap_stats stats;
	u64 pools;
	int node;

	for_each_node_state(node, N_MEMORY) {
		fixture_run_on(test, node_cpu(home), crowd_alloc, crowd);
		check_node(test, crowd, home);
		pools = fixture_stats(test).pools;
		fixture_run_on(test, node_cpu(node), free, crowd);
		fixture_run_on(test, node_cpu(home), crowd_alloc, crowd);
		check_node(test, crowd, home);
		stats = fixture_stats(test);
		/* What a magazine keeps may be from more pools than before. */
		KUNIT_EXPECT_LE(test, stats.pools,
				pools + 1 + stats.magazine_bytes / PAGE_SIZE);
		fixture_run_on(test, node_cpu(node), free, crowd);
		fixture_run_on(test, node_cpu(node), crowd_alloc, other);
		check_node(test, other, node);
		fixture_run_on(test, node_cpu(node), free, other);
	}
}

static void node_has_its_blocks_back(struct kunit *test)
{
	unsigned int i;
	int node;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for_each_node_state(node, N_MEMORY) {
			check_home(test, sizes[i], node, crowd_free);
			check_home(test, sizes[i], node, crowd_free_singly);
		}
	FIXTURE_CHECK(test);
}

/**
 * struct look - what the hot path of a free finds on some CPU
 * @addr: where it looks.
 * @arena: the first arena that it sees.
 * @is_start: and whether a block starts there.
 */
struct look {
	unsigned long addr;
	struct __pheap_arena *arena;
	bool is_start;
};

static void look_near(void *arg)
{
	struct look *look = arg;
	struct __pheap_cache *cache;

	preempt_disable();
	look->arena = __pheap_look(look->addr);
	cache = look->arena->cache[__pheap_page_of(look->addr)];
	look->is_start = __pheap_is_start(look->arena, look->addr, 0, cache,
					  &cache->class_bound);
	preempt_enable();
}

static void node_is_all_that_is_near(struct kunit *test)
{
	struct look look = {};
	int home, node;
	void *p;

	for_each_node_state(home, N_MEMORY) {
		p = pheap_alloc_node(heap_of(test), 104, FIXTURE_GFP, home);
		KUNIT_ASSERT_TRUE(test, p);
		look.addr = (unsigned long)p;
		for_each_node_state(node, N_MEMORY) {
			fixture_run_on(test, node_cpu(node), look_near, &look);
			KUNIT_EXPECT_EQ(test, look.is_start, home == node);
		}
		pheap_free(p);
	}
}

/* An arena of no heap, so many times the table beyond its last slot. */
static struct arena *far_arena(struct kunit *test, int node, unsigned int times)
{
	struct arena *arena = kunit_kzalloc(test, sizeof(*arena), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, arena);
	for (i = 0; i < ARENA_PAGES; i++)
		arena->cache[i] = cache_none;
	arena->base = (__pheap_map_mask + times * (__pheap_map_mask + 1)) *
		      ARENA_SIZE;
	arena->node = node;
	return arena;
}

static void check_near(struct kunit *test, int node, const struct arena *near)
{
	struct look look = { .addr = __pheap_map_mask * ARENA_SIZE };

	fixture_run_on(test, node_cpu(node), look_near, &look);
	KUNIT_EXPECT_PTR_EQ(test, (void *)look.arena, (void *)near);
}

/* Where several arenas have one slot, each node sees one of its own. */
static void node_sees_one_of_its_own(struct kunit *test)
{
	int first = first_online_node, other = next_online_node(first);
	struct arena *a = far_arena(test, first, 1), *b = far_arena(test, other, 2);
	struct arena *c = far_arena(test, first, 3);

	map_insert(a);
	map_insert(b);
	map_insert(c);
	check_near(test, first, a);
	check_near(test, other, b);
	map_remove(a);
	check_near(test, first, c);
	map_remove(b);
	check_near(test, first, c);
	check_near(test, other, &arena_none);
	map_remove(c);
	check_near(test, first, &arena_none);
	/* Whoever looked may still do. */
	synchronize_rcu();
}

/* A node of processors alone: others' pools serve it, each with all of its blocks. */
static void node_without_memory(struct kunit *test)
{
	struct crowd *crowd = crowd_make(test, 64);
	struct pheap_stats stats;
	int node;

	for_each_node_state(node, N_CPU) {
		if (node_state(node, N_MEMORY))
			continue;
		fixture_run_on(test, node_cpu(node), crowd_alloc, crowd);
		stats = fixture_stats(test);
		KUNIT_EXPECT_EQ(test, stats.live_blocks, BLOCKS);
		KUNIT_EXPECT_LE(test, stats.taken, SZ_128K);
		fixture_run_on(test, node_cpu(node), crowd_free_singly, crowd);
		return;
	}
	kunit_skip(test, "no node without memory");
}

static struct kunit_case node_cases[] = {
	MODE_CASE(pooled, node_is_the_one_asked_for),
	MODE_CASE(pooled, node_is_the_local_one),
	MODE_CASE(pooled, node_has_its_blocks_back),
	MODE_CASE(plain, node_is_all_that_is_near),
	MODE_CASE(plain, node_sees_one_of_its_own),
	MODE_CASE(pooled, node_without_memory),
	{}
};

struct kunit_suite node_suite = {
	.name = "pheap_node",
	.suite_init = fixture_start,
	.init = node_start,
	.exit = fixture_exit,
	.test_cases = node_cases,
};
