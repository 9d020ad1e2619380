// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "backing.h"
#include "pheap_kunit.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(pooled, MODE_PLAIN, MODE_DEBUG);

static const size_t sizes[] = {
	SZ_256K + 1, SZ_512K - 1, SZ_512K, SZ_512K + 1, SZ_1M, 5 * SZ_256K + 7,
	SZ_2M + 1, SZ_4M, SZ_4M + 1,
};

/* By whole pages, counted, found by their address. */
static void large_in_pages(struct kunit *test)
{
	unsigned int i;
	u64 before;
	size_t got;
	void *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		before = fixture_stats(test).live_bytes;
		p = pheap_alloc(heap_of(test), sizes[i], FIXTURE_GFP);
		KUNIT_ASSERT_TRUE_MSG(test, p, "size %zu", sizes[i]);
		memset(p, i, sizes[i]);
		KUNIT_EXPECT_PTR_EQ(test, pheap_owner(p), heap_of(test));
		got = pheap_size(p);
		KUNIT_EXPECT_GE(test, got, sizes[i]);
		KUNIT_EXPECT_LE(test, got, PAGE_ALIGN(sizes[i]));
		if (!is_passthrough(test))
			KUNIT_EXPECT_EQ(test, fixture_stats(test).live_bytes -
					before, PAGE_ALIGN(sizes[i]));
		if (is_power_of_2(sizes[i]))
			KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(p));
		FIXTURE_CHECK(test);
		KUNIT_EXPECT_FALSE(test, memchr_inv(p, i, sizes[i]));
		pheap_free(p);
		KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
	}
}

/* No contiguous memory: virtually contiguous, for who may sleep. */
static void large_falls_back(struct kunit *test)
{
	unsigned int i;
	void *p;

	WRITE_ONCE(backing_max_order, 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = pheap_alloc(heap_of(test), sizes[i],
				GFP_ATOMIC | __GFP_NOWARN);
		KUNIT_EXPECT_PTR_EQ(test, p, NULL);
		p = pheap_zalloc(heap_of(test), sizes[i], FIXTURE_GFP);
		KUNIT_ASSERT_TRUE_MSG(test, p, "size %zu", sizes[i]);
		KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(p));
		KUNIT_EXPECT_FALSE(test, memchr_inv(p, 0, sizes[i]));
		memset(p, 0xff, sizes[i]);
		KUNIT_EXPECT_PTR_EQ(test, pheap_owner(p), heap_of(test));
		KUNIT_EXPECT_EQ(test, pheap_size(p), PAGE_ALIGN(sizes[i]));
		FIXTURE_CHECK(test);
		pheap_free(p);
		KUNIT_EXPECT_TRUE(test, !pheap_owner(p));
	}
	KUNIT_EXPECT_EQ(test, fixture_stats(test).failures,
			ARRAY_SIZE(sizes));
}

/* So do medium blocks, whose pools take more than a page. */
static void large_stands_in_for_medium(struct kunit *test)
{
	unsigned int index, nr = 0;
	size_t size;
	void **p;

	p = kunit_kcalloc(test, NR_CLASSES, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, p);
	WRITE_ONCE(backing_max_order, 0);
	for (index = 1; index < NR_CLASSES; index++) {
		size = class_size(index);
		p[nr] = pheap_alloc(heap_of(test), size, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE_MSG(test, p[nr], "size %zu", size);
		memset(p[nr], index, size);
		nr++;
	}
	FIXTURE_CHECK(test);
	for (index = 1; index < NR_CLASSES; index++) {
		KUNIT_EXPECT_FALSE(test, memchr_inv(p[index - 1], (u8)index,
						    class_size(index)));
		KUNIT_EXPECT_GE(test, pheap_size(p[index - 1]),
				class_size(index));
	}
	pheap_free_bulk(nr, p);
}

/* Small ones never fail for want of contiguous pages, even if not to sleep. */
static void large_pages_are_no_need(struct kunit *test)
{
	const gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;
	size_t most = is_debug(test) ? SZ_1K : SZ_4K, size;
	void *p[40];
	int i;

	WRITE_ONCE(backing_max_order, 0);
	for (size = 0; size <= most; size += 1 + size / 9) {
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = pheap_alloc(heap_of(test), size, gfp);
			KUNIT_ASSERT_TRUE_MSG(test, p[i], "size %zu", size);
			memset(p[i], 0x5a, size);
		}
		pheap_free_bulk(ARRAY_SIZE(p), p);
	}
	FIXTURE_CHECK(test);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).failures, 0);
}

/* A virtually contiguous block that is freed where nobody may sleep. */
static void large_freed_in_atomic_context(struct kunit *test)
{
	unsigned long flags;
	void *p[4];
	int i;

	WRITE_ONCE(backing_max_order, 0);
	for (i = 0; i < 4; i++) {
		p[i] = pheap_alloc(heap_of(test), SZ_512K, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p[i]);
		KUNIT_ASSERT_TRUE(test, is_vmalloc_addr(p[i]));
	}
	local_irq_save(flags);
	pheap_free(p[0]);
	pheap_free(p[1]);
	local_irq_restore(flags);
	preempt_disable();
	pheap_free(p[2]);
	preempt_enable();
	rcu_read_lock();
	pheap_free(p[3]);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
	pheap_trim(heap_of(test));
	KUNIT_EXPECT_EQ(test, fixture_stats(test).page_bytes, 0);
	FIXTURE_CHECK(test);
}

static void large_refuses_the_impossible(struct kunit *test)
{
	static const size_t huge[] = {
		SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - PAGE_SIZE + 1,
		SIZE_MAX - 8191, SIZE_MAX / 2, LONG_MAX, 1UL << 62, 1UL << 50,
	};
	u64 peak = fixture_stats(test).peak;
	unsigned int i;
	size_t size;

	for (i = 0; i < ARRAY_SIZE(huge); i++) {
		size = huge[i];
		OPTIMIZER_HIDE_VAR(size);
		KUNIT_EXPECT_TRUE_MSG(test, !pheap_alloc(heap_of(test), size,
							 FIXTURE_GFP),
				      "size %zu", size);
		KUNIT_EXPECT_TRUE_MSG(test, !pheap_alloc(heap_of(test), size,
							 GFP_ATOMIC |
							 __GFP_NOWARN),
				      "size %zu", size);
	}
	KUNIT_EXPECT_EQ(test, fixture_stats(test).failures +
			fixture_stats(test).refusals, 2 * ARRAY_SIZE(huge));
	KUNIT_EXPECT_LE(test, fixture_stats(test).peak, peak + SZ_4K);
	FIXTURE_CHECK(test);
}

/* What was rounded up to an order is not kept. */
static void large_gives_the_rest_back(struct kunit *test)
{
	struct pheap_stats before, after;
	void *p;

	if (is_passthrough(test))
		kunit_skip(test, "kmalloc() keeps it");
	before = fixture_stats(test);
	p = pheap_alloc(heap_of(test), SZ_512K + SZ_4K, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, p);
	after = fixture_stats(test);
	KUNIT_EXPECT_EQ(test, after.taken - after.meta_bytes -
			(before.taken - before.meta_bytes),
			SZ_512K + SZ_4K);
	pheap_free(p);
}

static void large_matches_model(struct kunit *test)
{
	struct model model;
	int i;

	model_init(test, &model, 20, GFP_KERNEL, SZ_1M);
	for (i = 0; i < 1500; i++) {
		WRITE_ONCE(backing_max_order, model_random(&model, 12));
		KUNIT_ASSERT_TRUE_MSG(test, model_step(&model), "%s",
				      model.what);
		if (i % 200 == 0) {
			model_compare(test, &model);
			FIXTURE_CHECK(test);
		}
	}
	model_finish(test, &model);
}

static struct kunit_case large_cases[] = {
	MODE_CASE(all, large_in_pages),
	MODE_CASE(pooled, large_falls_back),
	MODE_CASE(pooled, large_stands_in_for_medium),
	MODE_CASE(pooled, large_pages_are_no_need),
	MODE_CASE(pooled, large_freed_in_atomic_context),
	MODE_CASE(all, large_refuses_the_impossible),
	MODE_CASE(pooled, large_gives_the_rest_back),
	MODE_CASE(all, large_matches_model),
	{}
};

struct kunit_suite large_suite = {
	.name = "pheap_large",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = large_cases,
};
