// SPDX-License-Identifier: GPL-2.0
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/topology.h>

#include "arena.h"
#include "backing.h"
#include "cache.h"
#include "give.h"
#include "map.h"
#include "mark.h"
#include "pheap_kunit.h"
#include "pool.h"

MODE_SET(pools, MODE_PLAIN, MODE_DEBUG);
MODE_SET(plain, MODE_PLAIN);

static struct pheap_cache *class_at(struct kunit *test, unsigned int index)
{
	struct pheap_cache *cache = cache_of_class(heap_of(test), index,
						   FIXTURE_GFP);

	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(cache));
	return cache;
}

static struct pheap_cache *class_for(struct kunit *test, size_t size)
{
	return class_at(test, class_of(size));
}

/* The largest class of this heap's mode, and what a pool has at most. */
static unsigned int last_class(struct kunit *test)
{
	return class_of(is_debug(test) ? CLASS_MAX / 4 : CLASS_MAX);
}

#define POOL_MOST	(PAGE_SIZE / SIZE_STEP)

static void **block_array(struct kunit *test, unsigned int nr)
{
	void **p = kunit_kcalloc(test, nr, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, p);
	return p;
}

/* As magazine_grow() does. */
static int pool_grow(struct pheap_cache *cache, int node, gfp_t gfp, void **p,
		     unsigned int nr)
{
	int got = pool_reuse(cache, node, gfp, p, nr);

	return got == -EAGAIN ? pool_expand(cache, node, gfp, p, nr) : got;
}

/* Have a new pool and take all of it.  Returns the node that it is on. */
static int take_pool(struct kunit *test, struct pheap_cache *cache, void **p)
{
	int got = pool_grow(cache, numa_mem_id(), FIXTURE_GFP, p,
			    cache->blocks);

	KUNIT_ASSERT_EQ(test, got, (int)cache->blocks);
	return page_to_nid(virt_to_page(p[0]));
}

static void give_all(struct kunit *test, struct pheap_cache *cache, void **p,
		     unsigned int nr)
{
	unsigned int i, part;

	for (i = 0; i < nr; i += part) {
		part = min(nr - i, POOL_BATCH);
		KUNIT_EXPECT_EQ(test, give_blocks(cache, p + i, part), 0);
	}
}

/* Blocks of a pool: inside, at multiples of the size, each once. */
static void check_blocks(struct kunit *test, struct pheap_cache *cache,
			 void **p)
{
	DECLARE_BITMAP(seen, POOL_MOST);
	struct pool *pool = fixture_pool(p[0]);
	unsigned long base;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, pool);
	base = (unsigned long)pool_base(pool);
	bitmap_zero(seen, POOL_MOST);
	for (i = 0; i < cache->blocks; i++) {
		unsigned long at = (unsigned long)p[i] - base;

		KUNIT_ASSERT_EQ(test, at % cache->size, 0);
		KUNIT_ASSERT_LE(test, at + cache->size,
				cache->pages * PAGE_SIZE);
		KUNIT_EXPECT_FALSE(test, test_bit(at / cache->size, seen));
		KUNIT_EXPECT_TRUE(test, pool_allocated(cache, map_find_pool(p[i]), p[i]));
		KUNIT_EXPECT_PTR_EQ(test, fixture_pool(p[i]), pool);
		set_bit(at / cache->size, seen);
	}
}

static void pool_has_every_block_once(struct kunit *test)
{
	void **p = block_array(test, POOL_MOST);
	struct pheap_cache *cache;
	unsigned int index;
	void *more;
	int node;

	for (index = 1; index <= last_class(test); index++) {
		cache = class_at(test, index);
		node = take_pool(test, cache, p);
		check_blocks(test, cache, p);
		KUNIT_EXPECT_EQ(test, pool_take_blocks(cache, node, &more, 1),
				0);
		give_all(test, cache, p, cache->blocks);
		KUNIT_EXPECT_EQ(test, cache_node(cache, node)->nr_idle,
				cache_node(cache, node)->nr_pools);
		pool_trim(cache);
		KUNIT_EXPECT_EQ(test, cache_node(cache, node)->nr_pools, 0);
	}
	FIXTURE_CHECK(test);
}

static void pool_wastes_little(struct kunit *test)
{
	struct pheap_cache *cache;
	unsigned int index;
	size_t bytes, slack;

	for (index = 1; index <= last_class(test); index++) {
		cache = class_at(test, index);
		bytes = cache->pages * PAGE_SIZE;
		slack = bytes - (size_t)cache->blocks * cache->size;
		KUNIT_EXPECT_LE(test, slack * 8, bytes);
		KUNIT_EXPECT_EQ(test, cache->last,
				(cache->blocks - 1U) * cache->size);
		if (is_power_of_2(cache->size))
			KUNIT_EXPECT_EQ(test, slack, 0);
	}
}

/* Others have no bound, nor have the largest: the fast path is not for them. */
static bool divides_fast(struct kunit *test)
{
	return !is_debug(test) && !want_init_on_free();
}

/* The arithmetic that stands for divisions, at every offset. */
static void pool_divides_right(struct kunit *test)
{
	bool fast = divides_fast(test), start;
	unsigned int index, offset, end, wrong = 0;
	struct pheap_cache *cache;

	for (index = 1; index <= last_class(test); index++) {
		cache = class_at(test, index);
		end = cache->pages * PAGE_SIZE;
		for (offset = 0; offset < end; offset++) {
			/* Of a large block, only the ends. */
			if (offset % cache->size == 64 && cache->size > SZ_1K)
				offset += cache->size - 128;
			start = offset % cache->size == 0 &&
				offset / cache->size < cache->blocks;
			wrong += start && pool_index(cache, offset) !=
					  offset / cache->size;
			wrong += pool_is_start(cache, offset) !=
				 (fast && cache->size <= SZ_64K && start);
		}
		KUNIT_ASSERT_EQ_MSG(test, wrong, 0, "class %s", cache->name);
		cond_resched();
	}
}

/* The same for an offset that may be any address's distance from the direct map. */
static unsigned int divides_wrong(const struct pheap_cache *cache, s64 offset)
{
	bool start = offset >= 0 && offset <= cache->last &&
		     offset % cache->size == 0;

	return pool_is_start(cache, offset) != start;
}

static void pool_divides_what_is_far(struct kunit *test)
{
	const s64 far = (1LL << 48) - (1LL << 43);
	unsigned int index, bit, wrong = 0;
	struct pheap_cache *cache;
	s64 near;

	for (index = 1; divides_fast(test) && index <= last_class(test); index++) {
		cache = class_at(test, index);
		if (cache->size > SZ_64K)
			break;
		for (bit = 12; bit <= 47; bit++) {
			near = fixture_random(test, 2 * cache->blocks *
							    cache->size);
			wrong += divides_wrong(cache, (1LL << bit) + near);
			wrong += divides_wrong(cache, near - (1LL << bit));
			near -= near % cache->size;
			wrong += divides_wrong(cache, (1LL << bit) + near);
			wrong += divides_wrong(cache, near - (1LL << bit));
			wrong += divides_wrong(cache, far - 1 - near);
			wrong += divides_wrong(cache, near + 1 - far);
		}
		KUNIT_ASSERT_EQ_MSG(test, wrong, 0, "class %s", cache->name);
	}
}

/* Blocks of a new pool come in the order of their addresses. */
static void pool_takes_lowest_first(struct kunit *test)
{
	struct pheap_cache *cache = class_for(test, 40);
	void **p = block_array(test, POOL_MOST);
	unsigned int i, nr = cache->blocks;
	int node = take_pool(test, cache, p);

	for (i = 1; i < nr; i++)
		KUNIT_EXPECT_PTR_EQ(test, p[i], p[i - 1] + cache->size);
	give_all(test, cache, p + nr - 5, 3);
	KUNIT_EXPECT_EQ(test, pool_take_blocks(cache, node, p + nr - 5, 5), 3);
	KUNIT_EXPECT_TRUE(test, p[nr - 5] < p[nr - 4] && p[nr - 4] < p[nr - 3]);
	give_all(test, cache, p, nr);
}

static void pool_takes_fullest_first(struct kunit *test)
{
	struct pheap_cache *cache = class_for(test, 64);
	const unsigned int freed[] = { 20, 4, 12 };
	const int order[] = { 1, 2, 0 };
	unsigned int nr = cache->blocks, i, j;
	void **p = block_array(test, 3 * POOL_MOST);
	struct pool *pool;
	void *one;
	int node;

	for (i = 0; i < 3; i++)
		node = take_pool(test, cache, p + i * nr);
	/* In turn, so that the lists they are in lag behind. */
	for (j = 0; j < 20; j++)
		for (i = 0; i < 3; i++)
			if (j < freed[i])
				give_all(test, cache, p + i * nr + j, 1);
	for (i = 0; i < 3; i++) {
		pool = fixture_pool(p[order[i] * nr + nr - 1]);
		for (j = 0; j < freed[order[i]]; j++) {
			KUNIT_EXPECT_EQ(test, pool_take_blocks(cache, node,
							       &one, 1), 1);
			KUNIT_EXPECT_PTR_EQ(test, fixture_pool(one), pool);
		}
	}
	give_all(test, cache, p, 3 * nr);
}

/* What is free already is told, and left alone. */
static void pool_finds_double_frees(struct kunit *test)
{
	struct pheap_cache *cache = class_for(test, 96);
	void **p = block_array(test, POOL_MOST);
	void *again[5];
	int node = take_pool(test, cache, p);
	struct cache_node *cn = cache_node(cache, node);

	give_all(test, cache, p, 2);
	again[0] = p[2];
	again[1] = p[0];
	again[2] = p[3];
	again[3] = p[3];
	again[4] = p[1];
	KUNIT_EXPECT_EQ(test, give_blocks(cache, again, 5), 3);
	KUNIT_EXPECT_PTR_EQ(test, again[0], p[0]);
	KUNIT_EXPECT_PTR_EQ(test, again[1], p[3]);
	KUNIT_EXPECT_PTR_EQ(test, again[2], p[1]);
	KUNIT_EXPECT_EQ(test, cn->nr_free, 4);
	FIXTURE_CHECK(test);
	give_all(test, cache, p + 4, cache->blocks - 4);
	pool_trim(cache);
	KUNIT_EXPECT_EQ(test, cn->nr_pools, 0);
	again[0] = p[7];
	KUNIT_EXPECT_EQ(test, give_blocks(cache, again, 1), 1);
}

/* An emptied pool is anybody's. */
static void pool_changes_class(struct kunit *test)
{
	struct pheap_cache *a = class_for(test, 32);
	struct pheap_cache *b = class_for(test, 56);
	void **p = block_array(test, POOL_MOST);
	struct pool *pool;

	take_pool(test, a, p);
	pool = fixture_pool(p[0]);
	give_all(test, a, p, a->blocks);
	pool_trim(a);
	KUNIT_EXPECT_PTR_EQ(test, fixture_pool(p[0]), (struct pool *)NULL);
	take_pool(test, b, p);
	KUNIT_EXPECT_PTR_EQ(test, fixture_pool(p[0]), pool);
	KUNIT_EXPECT_PTR_EQ(test, *spot_owner(map_find_run(pool)), b);
	give_all(test, b, p, b->blocks);
}

static void pool_trims_unused(struct kunit *test)
{
	struct pheap_cache *cache = class_for(test, 128);
	int node, i;
	void *p;

	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, pool_grow(cache, numa_mem_id(),
						FIXTURE_GFP, &p, i / 2),
				i / 2);
	node = page_to_nid(virt_to_page(p));
	KUNIT_EXPECT_EQ(test, cache_node(cache, node)->nr_pools, 3);
	pool_trim(cache);
	KUNIT_EXPECT_EQ(test, cache_node(cache, node)->nr_pools, 1);
	FIXTURE_CHECK(test);
	give_all(test, cache, &p, 1);
	pool_trim(cache);
	KUNIT_EXPECT_EQ(test, cache_node(cache, node)->nr_pools, 0);
}

/* A heap that has pools without live blocks need not grow, whatever the class. */
static void pool_recalls_idle(struct kunit *test)
{
	struct pheap_cache *a = class_for(test, 4096);
	struct pheap_cache *b = class_for(test, 64);
	struct pheap_cache *c = class_for(test, 4 * 4096);
	void **p = block_array(test, POOL_MOST);
	unsigned int i;

	fixture_of(test)->leaves = true;
	for (i = 0; i < 64; i++)
		take_pool(test, a, p + i);
	give_all(test, a, p, 64);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&heap_of(test)->idle), 64);
	while (arena_free_pages(heap_of(test)))
		take_pool(test, b, p);
	backing_fail_nth(1, true);
	KUNIT_EXPECT_EQ(test, pool_grow(b, numa_mem_id(), FIXTURE_GFP, p, 1),
			1);
	KUNIT_EXPECT_GT(test, atomic_long_read(&heap_of(test)->idle), 32);
	/* These must be neighbours. */
	KUNIT_EXPECT_EQ(test, pool_grow(c, numa_mem_id(), FIXTURE_GFP, p, 1),
			1);
	backing_fail_nth(0, false);
	FIXTURE_CHECK(test);
}

#define MODEL_BLOCKS	700

/* Random blocks given and taken, against an array of what is out. */
static void pool_matches_model(struct kunit *test)
{
	static const unsigned int sizes[] = { 8, 24, 64, 200, 512, 1280 };
	struct pheap_cache *cache =
		class_for(test, sizes[fixture_random(test, ARRAY_SIZE(sizes))]);
	void **p = block_array(test, MODEL_BLOCKS);
	unsigned int out = 0, nr, got, i, at;
	int node = numa_mem_id();

	kunit_info(test, "seed=%llu\n", fixture_of(test)->seed);
	for (i = 0; i < 2000; i++) {
		nr = 1 + fixture_random(test, POOL_BATCH);
		if (fixture_random(test, 2) && out + nr <= MODEL_BLOCKS) {
			got = pool_take_blocks(cache, node, p + out, nr);
			if (got < nr)
				got += pool_grow(cache, node, FIXTURE_GFP,
						 p + out + got, nr - got);
			out += got;
		} else if (out) {
			nr = min(nr, out);
			at = fixture_random(test, out - nr + 1);
			give_all(test, cache, p + at, nr);
			out -= nr;
			memmove(p + at, p + at + nr,
				(out - at) * sizeof(*p));
		}
		KUNIT_ASSERT_EQ(test, cache_node(cache, node)->nr_pools *
				cache->blocks -
				cache_node(cache, node)->nr_free, out);
		if (i % 100 == 0)
			FIXTURE_CHECK(test);
	}
	give_all(test, cache, p, out);
}

/* More than are recalled at a time. */
#define MANY	24

/* Pages of idle pools serve others, whosever they are, and as often as there are some. */
static void pool_recalls_of_any_cache(struct kunit *test)
{
	const struct pheap_cache_args args = { .size = 4096 };
	struct pheap_cache *from[2], *to = class_for(test, 64);
	void **p = block_array(test, POOL_MOST);
	unsigned int i, j, round;

	from[0] = class_for(test, 4096);
	from[1] = pheap_cache_create(heap_of(test), "named", &args);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(from[1]));
	fixture_of(test)->leaves = true;
	for (round = 0; round < 6; round++) {
		for (j = 0; j < 2; j++) {
			for (i = 0; i < MANY; i++)
				take_pool(test, from[j], p + i);
			for (i = 0; i < MANY; i++)
				poke_mark(from[j], p[i]);
			give_all(test, from[j], p, MANY);
		}
		while (arena_free_pages(heap_of(test)))
			take_pool(test, to, p);
		backing_fail_nth(1, true);
		while (atomic_long_read(&heap_of(test)->idle))
			take_pool(test, to, p);
		backing_fail_nth(0, false);
		FIXTURE_CHECK(test);
	}
}

#define IDLE	8

/* Idle pools of one class, and no free pages. */
static void leave_idle(struct kunit *test, struct pheap_cache *from,
		       struct pheap_cache *to, void **was)
{
	void **p = block_array(test, POOL_MOST);
	unsigned int i;

	fixture_of(test)->leaves = true;
	for (i = 0; i < IDLE; i++)
		take_pool(test, from, was + i);
	give_all(test, from, was, IDLE);
	while (arena_free_pages(heap_of(test)))
		take_pool(test, to, p);
	KUNIT_ASSERT_EQ(test, atomic_long_read(&heap_of(test)->idle), IDLE);
}

/* One in which a free block was written to does not end: somebody may have that still. */
static void pool_leaves_what_is_written_to(struct kunit *test)
{
	struct pheap_cache *from = class_for(test, 4096);
	struct pheap_cache *to = class_for(test, 64);
	struct cache_node *cn = cache_node(from, numa_mem_id());
	void **p = block_array(test, POOL_MOST), *was[IDLE], *hurt;

	leave_idle(test, from, to, was);
	hurt = pool_base(hlist_entry(cn->pools[POOL_IDLE].first, struct pool, link));
	log_expect(test, "a block of an idle pool written to");
	poke_write(hurt, 0xbad);
	take_pool(test, to, p);
	LOG_END_WITH(test, PHEAP_BAD_WRITE, 1, "written to after its free");
	KUNIT_EXPECT_PTR_NE(test, p[0], hurt);
	KUNIT_EXPECT_PTR_EQ(test, *spot_owner(map_find_pool(hurt)), from);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).quarantine_blocks, 1);
	FIXTURE_CHECK(test);
}

static struct kunit_case pool_cases[] = {
	MODE_CASE(plain, pool_leaves_what_is_written_to),
	MODE_CASE(pools, pool_has_every_block_once),
	MODE_CASE(pools, pool_wastes_little),
	MODE_CASE(pools, pool_divides_right),
	MODE_CASE(pools, pool_divides_what_is_far),
	MODE_CASE(pools, pool_takes_lowest_first),
	MODE_CASE(pools, pool_takes_fullest_first),
	MODE_CASE(pools, pool_finds_double_frees),
	MODE_CASE(pools, pool_changes_class),
	MODE_CASE(pools, pool_trims_unused),
	MODE_CASE(plain, pool_recalls_idle),
	MODE_CASE(plain, pool_recalls_of_any_cache),
	MODE_CASE(pools, pool_matches_model),
	{}
};

struct kunit_suite pool_suite = {
	.name = "pheap_pool",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = pool_cases,
};
