// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/sizes.h>

#include "backing.h"
#include "pheap_kunit.h"

MODE_SET(plain, MODE_PLAIN);
MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);

#define MOST	4096

/* Atomic allocations of @size while nothing can be had from the kernel. */
static unsigned int take_without_kernel(struct kunit *test, void **p,
					size_t size, unsigned int nr)
{
	unsigned int n;

	backing_fail_nth(1, true);
	migrate_disable();
	for (n = 0; n < nr; n++) {
		p[n] = pheap_alloc(heap_of(test), size,
				   GFP_ATOMIC | __GFP_NOWARN);
		if (!p[n])
			break;
	}
	migrate_enable();
	backing_fail_nth(0, false);
	return n;
}

static void reserve_of_one_size(struct kunit *test)
{
	static const size_t sizes[] = { 0, 1, 8, 24, 48, 72, 100, 256, 511, 512 };
	void **p = kunit_kcalloc(test, MOST, sizeof(*p), GFP_KERNEL);
	size_t bytes = SZ_32K, each;
	unsigned int i, nr, got;

	KUNIT_ASSERT_TRUE(test, p);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		each = ALIGN(sizes[i], 8) ?: 8;
		nr = bytes / each;
		fixture_remake(test, NULL);
		KUNIT_ASSERT_EQ(test, pheap_reserve(heap_of(test), bytes,
						    FIXTURE_GFP), 0);
		FIXTURE_CHECK(test);
		got = take_without_kernel(test, p, sizes[i], nr);
		KUNIT_EXPECT_EQ_MSG(test, got, nr, "size %zu", sizes[i]);
		FIXTURE_CHECK(test);
		pheap_free_bulk(got, p);
	}
}

/* Any mixture whose sum is no more. */
static void reserve_of_random_sizes(struct kunit *test)
{
	void **p = kunit_kcalloc(test, MOST, sizeof(*p), GFP_KERNEL);
	unsigned int round, n, failed;
	size_t bytes, left, size;

	KUNIT_ASSERT_TRUE(test, p);
	kunit_info(test, "seed=%llu\n", fixture_of(test)->seed);
	for (round = 0; round < 12; round++) {
		fixture_remake(test, NULL);
		bytes = fixture_random(test, SZ_64K);
		KUNIT_ASSERT_EQ(test, pheap_reserve(heap_of(test), bytes,
						    FIXTURE_GFP), 0);
		backing_fail_nth(1, true);
		migrate_disable();
		for (left = bytes, n = 0, failed = 0;
		     left >= 8 && n < MOST; n++) {
			size = 1 + fixture_random(test, min(left / 8 * 8,
							    (size_t)SMALL_MAX));
			p[n] = pheap_alloc(heap_of(test), size,
					   GFP_ATOMIC | __GFP_NOWARN);
			failed += !p[n];
			left -= ALIGN(size, 8);
		}
		migrate_enable();
		backing_fail_nth(0, false);
		KUNIT_EXPECT_EQ_MSG(test, failed, 0, "of %u, %zu bytes", n,
				    bytes);
		pheap_free_bulk(n, p);
	}
}

/* One of each class is the worst. */
static void reserve_of_every_size(struct kunit *test)
{
	void *p[SMALL_MAX / 8];
	unsigned int i, n, failed = 0;
	size_t bytes = 0;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		bytes += 8 * (i + 1);
	KUNIT_ASSERT_EQ(test, pheap_reserve(heap_of(test), bytes, FIXTURE_GFP),
			0);
	backing_fail_nth(1, true);
	for (n = 0; n < ARRAY_SIZE(p); n++) {
		p[n] = pheap_alloc(heap_of(test), 8 * (n + 1),
				   GFP_ATOMIC | __GFP_NOWARN);
		failed += !p[n];
	}
	backing_fail_nth(0, false);
	KUNIT_EXPECT_EQ(test, failed, 0);
	pheap_free_bulk(n, p);
}

/* A second call makes sure anew, and adds nothing to the first. */
static void reserve_twice_is_once(struct kunit *test)
{
	struct pheap *heap = heap_of(test);
	u64 first;

	KUNIT_EXPECT_EQ(test, pheap_reserve(heap, SZ_1M, FIXTURE_GFP), 0);
	first = fixture_stats(test).taken;
	KUNIT_EXPECT_GE(test, first, SZ_1M);
	KUNIT_EXPECT_EQ(test, pheap_reserve(heap, SZ_1M, FIXTURE_GFP), 0);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).taken, first);
	KUNIT_EXPECT_EQ(test, pheap_reserve(heap, SZ_512K, FIXTURE_GFP), 0);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).taken, first);
}

static void reserve_obeys_limit(struct kunit *test)
{
	struct pheap *heap = fixture_remake(test, &(struct pheap_args) {
		.limit = SZ_512K, .flags = PHEAP_RESERVE_NONE,
	});

	KUNIT_EXPECT_EQ(test, pheap_reserve(heap, SZ_1M, FIXTURE_GFP),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, pheap_reserve(heap, SZ_512K, FIXTURE_GFP),
			-ENOSPC);
	KUNIT_EXPECT_LE(test, fixture_stats(test).peak, SZ_512K);
	KUNIT_EXPECT_EQ(test, pheap_reserve(heap, SZ_64K, FIXTURE_GFP), 0);
	FIXTURE_CHECK(test);
}

static void reserve_refuses_the_impossible(struct kunit *test)
{
	struct pheap *heap = heap_of(test);

	KUNIT_EXPECT_EQ(test, pheap_reserve(heap, SIZE_MAX, FIXTURE_GFP),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, pheap_reserve(heap, LONG_MAX, FIXTURE_GFP),
			-ENOMEM);
	backing_fail_nth(1, true);
	KUNIT_EXPECT_EQ(test, pheap_reserve(heap, SZ_1M, FIXTURE_GFP),
			-ENOMEM);
	backing_fail_nth(0, false);
	KUNIT_EXPECT_EQ(test, pheap_reserve(heap, 0, FIXTURE_GFP), 0);
	FIXTURE_CHECK(test);
}

static struct kunit_case reserve_cases[] = {
	MODE_CASE(plain, reserve_of_one_size),
	MODE_CASE(plain, reserve_of_random_sizes),
	MODE_CASE(plain, reserve_of_every_size),
	MODE_CASE(plain, reserve_twice_is_once),
	MODE_CASE(plain, reserve_obeys_limit),
	MODE_CASE(all, reserve_refuses_the_impossible),
	{}
};

struct kunit_suite reserve_suite = {
	.name = "pheap_reserve",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = reserve_cases,
};
