// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "backing.h"
#include "pheap_kunit.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);

#define MOST	1000

static struct cell *cells(struct kunit *test, size_t size)
{
	struct cell *cell = kunit_kcalloc(test, MOST, sizeof(*cell),
					  GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, cell);
	for (i = 0; i < MOST; i++) {
		cell[i].p = pheap_alloc(heap_of(test), size, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, cell[i].p);
		cell[i].size = size;
		cell[i].tag = i * 0x01010101;
		cell_fill(&cell[i]);
	}
	return cell;
}

/* A reader sees its block whole, however much is freed meanwhile. */
static void defer_waits_for_readers(struct kunit *test)
{
	struct cell *cell = cells(test, 64);
	unsigned int i, bad = 0;
	void *p;

	rcu_read_lock();
	for (i = 0; i < MOST; i++)
		pheap_free_rcu(cell[i].p);
	for (i = 0; i < MOST; i++) {
		p = pheap_alloc(heap_of(test), 64, GFP_ATOMIC);
		bad += !p;
		pheap_free(p);
	}
	for (i = 0; i < MOST; i++) {
		bad += !cell_check(&cell[i]);
		bad += pheap_owner(cell[i].p) != heap_of(test);
	}
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, bad, 0);
	fixture_held();
	fixture_held();
	fixture_held();
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).rcu_blocks, 0);
	for (i = 0; i < MOST; i++)
		KUNIT_EXPECT_TRUE(test, !pheap_owner(cell[i].p));
	FIXTURE_CHECK(test);
}

/* Of all sizes, large ones included, and objects. */
static void defer_takes_all_kinds(struct kunit *test)
{
	static const size_t sizes[] = { 0, 8, 100, 512, 3000, 50000, SZ_512K };
	const struct pheap_cache_args args = { .size = 60 };
	struct pheap_cache *cache = pheap_cache_create(heap_of(test), "c",
						       &args);
	unsigned int i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		pheap_free_rcu(pheap_alloc(heap_of(test), sizes[i],
					   FIXTURE_GFP));
	pheap_free_rcu(pheap_cache_alloc(cache, FIXTURE_GFP));
	WRITE_ONCE(backing_max_order, 0);
	if (!is_passthrough(test))
		pheap_free_rcu(pheap_alloc(heap_of(test), SZ_512K,
					   FIXTURE_GFP));
	fixture_held();
	fixture_held();
	pheap_trim(heap_of(test));
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
	pheap_cache_destroy(cache);
	FIXTURE_CHECK(test);
}

/* The heap's end, or the cache's, waits for what was put off. */
static void defer_is_over_when_the_heap_is(struct kunit *test)
{
	struct pheap *heap = fixture_extra(test, "b");
	unsigned int i;

	for (i = 0; i < MOST; i++)
		pheap_free_rcu(pheap_alloc(heap, 8 + i, FIXTURE_GFP));
	log_expect(test, "nothing");
	fixture_drop_extra(test, heap);
	log_end(test);
	KUNIT_EXPECT_FALSE(test, log_has(test, "blocks"));
	LOG_CHECK_COUNTS(test, PHEAP_BAD_FOREIGN, 0);
}

static void defer_is_over_when_the_cache_is(struct kunit *test)
{
	const struct pheap_cache_args args = { .size = 60 };
	struct pheap_cache *cache;
	unsigned int i, round;

	for (round = 0; round < 3; round++) {
		cache = pheap_cache_create(heap_of(test), "c", &args);
		KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
		for (i = 0; i < MOST; i++)
			pheap_free_rcu(pheap_cache_alloc(cache, FIXTURE_GFP));
		log_expect(test, "nothing");
		pheap_cache_destroy(cache);
		log_end(test);
		KUNIT_EXPECT_FALSE(test, log_has(test, "blocks"));
		LOG_CHECK_COUNTS(test, PHEAP_BAD_FOREIGN, 0);
		KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
		FIXTURE_CHECK(test);
	}
}

/* No memory to note it: kept until the end rather than freed early. */
static void defer_quarantines_without_memory(struct kunit *test)
{
	struct cell *cell = cells(test, 80);
	unsigned int i, bad = 0;
	u64 quarantine;

	rcu_read_lock();
	backing_fail_nth(1, true);
	for (i = 0; i < MOST; i++)
		pheap_free_rcu(cell[i].p);
	backing_fail_nth(0, false);
	for (i = 0; i < MOST; i++)
		bad += !cell_check(&cell[i]);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, bad, 0);
	fixture_held();
	fixture_held();
	fixture_held();
	quarantine = fixture_stats(test).quarantine_blocks;
	KUNIT_EXPECT_GT(test, quarantine, 0);
	KUNIT_EXPECT_LT(test, quarantine, MOST);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, quarantine);
	FIXTURE_CHECK(test);
}

static struct kunit_case defer_cases[] = {
	MODE_CASE(all, defer_waits_for_readers),
	MODE_CASE(all, defer_takes_all_kinds),
	MODE_CASE(all, defer_is_over_when_the_heap_is),
	MODE_CASE(all, defer_is_over_when_the_cache_is),
	MODE_CASE(all, defer_quarantines_without_memory),
	{}
};

struct kunit_suite defer_suite = {
	.name = "pheap_defer",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = defer_cases,
};
