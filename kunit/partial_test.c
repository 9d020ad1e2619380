// SPDX-License-Identifier: GPL-2.0
/*
 * What happens while the pools' lock is held by whoever was interrupted, or by a
 * CPU that may not be waited for.
 */
#include <linux/irqflags.h>
#include <linux/sizes.h>
#include <linux/smp.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

#include "cache.h"
#include "give.h"
#include "map.h"
#include "mark.h"
#include "partial.h"
#include "pheap_kunit.h"
#include "trim.h"

MODE_SET(plain, MODE_PLAIN);

#define HELD_MOST	200

/**
 * struct held - a cache whose lock is held
 * @cache: it has no magazines.
 * @cn: its pools.
 * @p: its blocks.
 * @nr: how many.
 * @bad: those that could not be given back.
 */
struct held {
	struct pheap_cache *cache;
	struct cache_node *cn;
	void *p[HELD_MOST];
	unsigned int nr;
	unsigned int bad;
};

static struct held *held_new(struct kunit *test, size_t size)
{
	const struct pheap_cache_args args = { .size = size, .space = true };
	struct held *held = kunit_kzalloc(test, sizeof(*held), GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, held);
	held->cache = pheap_cache_create(heap_of(test), "held", &args);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(held->cache));
	held->cn = cache_node(held->cache, numa_mem_id());
	return held;
}

static void held_fill(struct kunit *test, struct held *held, unsigned int nr)
{
	for (held->nr = 0; held->nr < nr; held->nr++) {
		held->p[held->nr] = pheap_cache_alloc(held->cache, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, held->p[held->nr]);
	}
}

/* As an interrupt would, with the lock held by whom it interrupted. */
static void held_call(struct held *held, void (*fn)(void *held))
{
	unsigned long flags;

	if (!partial_lock(held->cache, held->cn))
		return;
	local_irq_save(flags);
	fn(held);
	local_irq_restore(flags);
	partial_unlock(held->cache, held->cn);
}

static void held_free(void *arg)
{
	struct held *held = arg;

	while (held->nr)
		pheap_cache_free(held->cache, held->p[--held->nr]);
}

static void held_free_two(void *arg)
{
	struct held *held = arg;

	pheap_cache_free(held->cache, held->p[--held->nr]);
	pheap_cache_free(held->cache, held->p[--held->nr]);
}

static void held_alloc(void *arg)
{
	struct held *held = arg;

	for (held->nr = 0; held->nr < HELD_MOST; held->nr++) {
		held->p[held->nr] = pheap_cache_alloc(held->cache,
						      GFP_NOWAIT | __GFP_NOWARN);
		if (!held->p[held->nr])
			break;
	}
}

static unsigned long held_live(struct held *held)
{
	return held->cn->nr_pools * held->cache->blocks - held->cn->nr_free;
}

/* As the next who counts does. */
static void held_settle(struct kunit *test, struct held *held)
{
	partial_tidy(held->cache, held->cn);
	KUNIT_EXPECT_TRUE(test, hlist_empty(&held->cn->aside));
	KUNIT_EXPECT_FALSE(test, held->cn->late);
}

static void partial_settles_late_frees(struct kunit *test)
{
	static const size_t sizes[] = { 8, 24, 64, 512, SZ_8K };
	struct held *held;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		held = held_new(test, sizes[i]);
		held_fill(test, held, 150);
		held_call(held, held_free);
		KUNIT_EXPECT_EQ(test, held->nr, 0);
		KUNIT_EXPECT_TRUE(test, held->cn->late);
		KUNIT_EXPECT_EQ(test, held_live(held), 150);
		held_settle(test, held);
		KUNIT_EXPECT_EQ(test, held_live(held), 0);
		FIXTURE_CHECK(test);
		pheap_cache_destroy(held->cache);
	}
}

/* A late block is no other one, and can be had again. */
static void partial_settles_just_late_ones(struct kunit *test)
{
	struct held *held = held_new(test, 48);
	unsigned int i;

	held_fill(test, held, 100);
	for (i = 0; i < 100; i++)
		memset(held->p[i], 0xA5, 48);
	held_call(held, held_free_two);
	held_settle(test, held);
	KUNIT_EXPECT_EQ(test, held_live(held), 98);
	for (i = 0; i < 98; i++)
		KUNIT_EXPECT_FALSE(test, memchr_inv(held->p[i], 0xA5, 48));
	for (i = 98; i < 100; i++)
		KUNIT_EXPECT_EQ(test, poke_read(held->p[i]),
				held->cache->mark);
	FIXTURE_CHECK(test);
	held_fill(test, held, 2);
	FIXTURE_CHECK(test);
	fixture_of(test)->leaves = true;
}

/* Nobody frees a block twice by freeing it twice while it is late. */
static void partial_frees_late_ones_once(struct kunit *test)
{
	struct held *held = held_new(test, 64);
	void *twice;

	held_fill(test, held, 3);
	twice = held->p[1];
	held->p[2] = twice;
	held_call(held, held_free_two);
	held_settle(test, held);
	KUNIT_EXPECT_EQ(test, held_live(held), 2);
	FIXTURE_CHECK(test);
	fixture_of(test)->leaves = true;
}

static void held_flush_copy(void *arg)
{
	struct held *held = arg;

	held->bad = give_blocks(held->cache, held->p, 1);
}

/*
 * The second copy of a block that was freed, written to and freed again comes back from
 * a magazine while the first is somebody's.
 */
static void partial_leaves_held_ones_alone(struct kunit *test)
{
	struct held *held = held_new(test, 64);
	void *copy;

	held_fill(test, held, 1);
	copy = held->p[0];
	memset(copy, 0xA5, 64);
	held_call(held, held_flush_copy);
	KUNIT_EXPECT_EQ(test, held->bad, 1);
	held_settle(test, held);
	KUNIT_EXPECT_EQ(test, held_live(held), 1);
	KUNIT_EXPECT_FALSE(test, memchr_inv(copy, 0xA5, 64));
	FIXTURE_CHECK(test);
	fixture_of(test)->leaves = true;
}

/* What was written to after it was freed is in doubt, and stays away. */
static void partial_leaks_what_is_written_to(struct kunit *test)
{
	struct held *held = held_new(test, 64);
	void *written;

	held_fill(test, held, 2);
	written = held->p[0];
	held_call(held, held_free_two);
	poke_write(written, 0);
	held_settle(test, held);
	KUNIT_EXPECT_EQ(test, held_live(held), 1);
	FIXTURE_CHECK(test);
	fixture_of(test)->leaves = true;
}

static void held_check_unique(struct kunit *test, struct held *held)
{
	unsigned int i;

	for (i = 0; i < held->nr; i++)
		*(unsigned int *)held->p[i] = i;
	for (i = 0; i < held->nr; i++)
		KUNIT_EXPECT_EQ(test, *(unsigned int *)held->p[i], i);
}

/* As many pools as the blocks take, which others use when they can. */
static void partial_allocates_aside(struct kunit *test)
{
	static const size_t sizes[] = { 8, 64, 512 };
	struct held *held;
	unsigned int i, pools;

	fixture_atomic(test);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		held = held_new(test, sizes[i]);
		held_call(held, held_alloc);
		KUNIT_ASSERT_EQ(test, held->nr, HELD_MOST);
		held_check_unique(test, held);
		KUNIT_EXPECT_EQ(test, held->cn->nr_pools, 0);
		/* Whoever has the lock will do. */
		KUNIT_ASSERT_TRUE(test, partial_lock(held->cache, held->cn));
		partial_unlock(held->cache, held->cn);
		pools = DIV_ROUND_UP(HELD_MOST, held->cache->blocks);
		KUNIT_EXPECT_EQ(test, held->cn->nr_pools, pools);
		KUNIT_EXPECT_EQ(test, held_live(held), HELD_MOST);
		FIXTURE_CHECK(test);
		held_free(held);
		KUNIT_EXPECT_EQ(test, held_live(held), 0);
		pheap_cache_destroy(held->cache);
	}
}

static void held_alloc_and_free(void *arg)
{
	held_alloc(arg);
	held_free(arg);
}

/* Nor are they taken for left behind. */
static void partial_counts_late_ones_as_free(struct kunit *test)
{
	struct held *held = held_new(test, 32);

	fixture_atomic(test);
	held_fill(test, held, 60);
	held_call(held, held_free);
	KUNIT_EXPECT_EQ(test, held_live(held), 60);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
	KUNIT_EXPECT_EQ(test, held_live(held), 0);
	held_call(held, held_alloc);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, HELD_MOST);
	held_call(held, held_free);
	log_expect(test, "nothing");
	pheap_cache_destroy(held->cache);
	KUNIT_EXPECT_FALSE(test, log_has(test, "left in"));
	log_end(test);
}

/* Both at once, of pools that are aside. */
static void partial_frees_what_is_aside(struct kunit *test)
{
	struct held *held = held_new(test, 40);

	held_call(held, held_alloc_and_free);
	KUNIT_EXPECT_EQ(test, held->nr, 0);
	held_settle(test, held);
	KUNIT_EXPECT_EQ(test, held_live(held), 0);
	FIXTURE_CHECK(test);
}

/* Another CPU's interrupt tries, and then does without. */
static void partial_gives_up_on_other_cpus(struct kunit *test)
{
	struct held *held = held_new(test, 64);

	if (num_online_cpus() == 1)
		kunit_skip(test, "one processor");
	held_fill(test, held, 50);
	KUNIT_ASSERT_TRUE(test, partial_lock(held->cache, held->cn));
	smp_call_function_single(fixture_other_cpu(smp_processor_id()),
				 held_free, held, true);
	partial_unlock(held->cache, held->cn);
	KUNIT_EXPECT_TRUE(test, held->cn->late);
	held_settle(test, held);
	KUNIT_EXPECT_EQ(test, held_live(held), 0);
}

/* Nobody else comes: the heap does. */
static void partial_settles_in_time(struct kunit *test)
{
	struct held *held = held_new(test, 64);

	held_fill(test, held, 50);
	held_call(held, held_free);
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(&heap_of(test)->decay));
	flush_delayed_work(&heap_of(test)->decay);
	KUNIT_EXPECT_FALSE(test, held->cn->late);
	KUNIT_EXPECT_EQ(test, held_live(held), 0);
}

/* With the lock held, what is said of the pool that a block of @held is in. */
static bool held_has(struct held *held, struct spot spot)
{
	bool has;

	if (!partial_lock(held->cache, held->cn))
		return false;
	has = partial_has(held->cache, spot);
	partial_unlock(held->cache, held->cn);
	return has;
}

/* The same while its page is @owner's and its bucket is @bucket. */
static bool held_has_if(struct held *held, struct spot spot,
			struct pheap_cache *owner, u8 bucket)
{
	struct pool *pool = spot_pool(spot);
	u8 was = pool->bucket;
	bool has;

	*spot_owner(spot) = owner;
	pool->bucket = bucket;
	has = held_has(held, spot);
	*spot_owner(spot) = held->cache;
	pool->bucket = was;
	return has;
}

/* Not one that is on its way out or in, nor whatever is on a page that left. */
static void partial_has_what_is_in_lists(struct kunit *test)
{
	struct held *held = held_new(test, 64);
	struct spot spot;

	held_fill(test, held, 1);
	spot = map_find_run(fixture_pool(held->p[0]));
	KUNIT_EXPECT_TRUE(test, held_has(held, spot));
	KUNIT_EXPECT_TRUE(test, held_has_if(held, spot, held->cache, 0));
	KUNIT_EXPECT_FALSE(test, held_has_if(held, spot, held->cache, POOL_GONE));
	KUNIT_EXPECT_FALSE(test, held_has_if(held, spot, held->cache, POOL_ASIDE));
	KUNIT_EXPECT_FALSE(test, held_has_if(held, spot, cache_none, 0));
	held_free(held);
}

/* The descriptor of a pool's second page is nobody's, whatever is in it. */
static void partial_has_pools_by_their_start(struct kunit *test)
{
	struct held *held = held_new(test, 3000);
	struct spot spot;

	held_fill(test, held, 1);
	KUNIT_ASSERT_GT(test, held->cache->pages, 1);
	spot = map_find_run(fixture_pool(held->p[0]));
	KUNIT_EXPECT_TRUE(test, held_has(held, spot));
	spot.page++;
	KUNIT_EXPECT_FALSE(test, held_has_if(held, spot, held->cache, 0));
	held_free(held);
}

static struct kunit_case partial_cases[] = {
	MODE_CASE(plain, partial_has_pools_by_their_start),
	MODE_CASE(plain, partial_has_what_is_in_lists),
	MODE_CASE(plain, partial_settles_late_frees),
	MODE_CASE(plain, partial_settles_just_late_ones),
	MODE_CASE(plain, partial_frees_late_ones_once),
	MODE_CASE(plain, partial_leaves_held_ones_alone),
	MODE_CASE(plain, partial_leaks_what_is_written_to),
	MODE_CASE(plain, partial_allocates_aside),
	MODE_CASE(plain, partial_counts_late_ones_as_free),
	MODE_CASE(plain, partial_frees_what_is_aside),
	MODE_CASE(plain, partial_gives_up_on_other_cpus),
	MODE_CASE(plain, partial_settles_in_time),
	{}
};

struct kunit_suite partial_suite = {
	.name = "pheap_partial",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = partial_cases,
};
