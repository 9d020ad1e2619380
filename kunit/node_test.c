// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of several NUMA nodes: blocks come from the node that was asked for,
 * and go back to it whoever frees them.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sizes.h>
#include <linux/topology.h>

#include "pheap_kunit.h"

MODE_SET(pooled, MODE_PLAIN, MODE_DEBUG);

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
		for_each_online_node(node) {
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
		for_each_online_node(node) {
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

	for_each_online_node(node) {
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
		for_each_online_node(node) {
			check_home(test, sizes[i], node, crowd_free);
			check_home(test, sizes[i], node, crowd_free_singly);
		}
	FIXTURE_CHECK(test);
}

static struct kunit_case node_cases[] = {
	MODE_CASE(pooled, node_is_the_one_asked_for),
	MODE_CASE(pooled, node_is_the_local_one),
	MODE_CASE(pooled, node_has_its_blocks_back),
	{}
};

struct kunit_suite node_suite = {
	.name = "pheap_node",
	.suite_init = fixture_start,
	.init = node_start,
	.exit = fixture_exit,
	.test_cases = node_cases,
};
