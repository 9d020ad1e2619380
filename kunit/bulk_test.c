// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "backing.h"
#include "pheap_kunit.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);

#define MOST	300

static void **blocks(struct kunit *test, unsigned int nr)
{
	void **p = kunit_kcalloc(test, nr, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, p);
	return p;
}

/* No two blocks overlap. */
static void check_distinct(struct kunit *test, void **p, unsigned int n,
			   size_t size)
{
	unsigned int i;

	fixture_sort(p, n);
	for (i = 1; i < n; i++)
		KUNIT_ASSERT_GE(test, p[i] - p[i - 1], size);
}

static void bulk_of_any_number(struct kunit *test)
{
	static const size_t sizes[] = { 0, 8, 100, 512, 1024, 9000, 300000 };
	void **p = blocks(test, MOST);
	unsigned int i, n, most;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		most = sizes[i] > SZ_4K ? 6 : MOST;
		for (n = 0; n <= most; n += 1 + n / 3) {
			memset(p, 0, MOST * sizeof(*p));
			KUNIT_ASSERT_EQ(test, pheap_alloc_bulk(heap_of(test),
							       sizes[i],
							       FIXTURE_GFP, n,
							       p), n);
			KUNIT_EXPECT_TRUE(test, n == MOST || !p[n]);
			check_distinct(test, p, n, sizes[i]);
			KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks,
					n);
			pheap_free_bulk(n, p);
			KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks,
					0);
		}
		FIXTURE_CHECK(test);
	}
}

static void bulk_zeroes(struct kunit *test)
{
	void **p = blocks(test, 100);
	unsigned int round, i;

	for (round = 0; round < 5; round++) {
		KUNIT_ASSERT_EQ(test, pheap_alloc_bulk(heap_of(test), 200,
						       FIXTURE_GFP |
						       __GFP_ZERO, 100, p),
				100);
		for (i = 0; i < 100; i++) {
			KUNIT_EXPECT_FALSE(test, memchr_inv(p[i], 0, 200));
			memset(p[i], 0xff, 200);
		}
		pheap_free_bulk(100, p);
	}
}

/* As many as there is room for, and they are good. */
static void bulk_of_a_part(struct kunit *test)
{
	const struct pheap_args args = {
		.limit = SZ_256K, .flags = PHEAP_RESERVE_NONE,
	};
	void **p = blocks(test, 4 * MOST);
	size_t got, i;

	fixture_remake(test, &args);
	got = pheap_alloc_bulk(heap_of(test), 512, FIXTURE_GFP, 4 * MOST, p);
	KUNIT_EXPECT_GT(test, got, 0);
	KUNIT_EXPECT_LT(test, got, 4 * MOST);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, got);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).refusals, 1);
	check_distinct(test, p, got, 512);
	for (i = 0; i < got; i++)
		memset(p[i], 1, 512);
	pheap_free_bulk(got, p);
	FIXTURE_CHECK(test);
	backing_fail_nth(1, true);
	got = pheap_alloc_bulk(heap_of(test), 3000, FIXTURE_GFP, 50, p);
	backing_fail_nth(0, false);
	KUNIT_EXPECT_LT(test, got, 50);
	pheap_free_bulk(got, p);
}

/* Of any sizes, caches and heaps, with holes. */
static void bulk_free_of_anything(struct kunit *test)
{
	struct pheap *other = fixture_extra(test, "b");
	const struct pheap_cache_args args = { .size = 36 };
	struct pheap_cache *cache = pheap_cache_create(heap_of(test), "c",
						       &args);
	void **p = blocks(test, MOST);
	struct pheap_stats s;
	unsigned int i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	kunit_info(test, "seed=%llu\n", fixture_of(test)->seed);
	for (i = 0; i < MOST; i++) {
		switch (fixture_random(test, 5)) {
		case 0:
			p[i] = pheap_alloc(heap_of(test), i, FIXTURE_GFP);
			break;
		case 1:
			p[i] = pheap_alloc(other, i * 8, FIXTURE_GFP);
			break;
		case 2:
			p[i] = pheap_cache_alloc(cache, FIXTURE_GFP);
			break;
		case 3:
			p[i] = pheap_alloc(heap_of(test), 64, FIXTURE_GFP);
			break;
		}
	}
	pheap_free_bulk(MOST, p);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
	pheap_get_stats(other, &s);
	KUNIT_EXPECT_EQ(test, s.live_blocks, 0);
	pheap_cache_destroy(cache);
	KUNIT_EXPECT_EQ(test, pheap_validate(other), 0);
}

/* The same block twice in one call. */
static void bulk_finds_double_frees(struct kunit *test)
{
	void *p[6], *last;

	KUNIT_ASSERT_EQ(test, pheap_alloc_bulk(heap_of(test), 48, FIXTURE_GFP,
					       6, p), 6);
	last = p[5];
	p[5] = p[1];
	log_expect(test, "a block twice in one bulk");
	pheap_free_bulk(6, p);
	if (is_passthrough(test))
		LOG_END_WITH(test, PHEAP_BAD_FOREIGN, 1, "not pheap's");
	else
		LOG_END_WITH(test, PHEAP_BAD_DOUBLE, 1, "double free");
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 1);
	FIXTURE_CHECK(test);
	pheap_free(last);
}

/* Objects of another cache are told, and stay. */
static void bulk_finds_wrong_cache(struct kunit *test)
{
	const struct pheap_cache_args args = { .size = 48 };
	struct pheap_cache *a = pheap_cache_create(heap_of(test), "a", &args);
	struct pheap_cache *b = pheap_cache_create(heap_of(test), "b", &args);
	void *p[9];

	KUNIT_ASSERT_FALSE(test, IS_ERR(a) || IS_ERR(b));
	KUNIT_ASSERT_EQ(test, pheap_cache_alloc_bulk(a, FIXTURE_GFP, 9, p), 9);
	pheap_cache_free(a, p[4]);
	p[4] = pheap_cache_alloc(b, FIXTURE_GFP);
	log_expect(test, "an object of another cache in a bulk");
	pheap_cache_free_bulk(a, 8, p);
	LOG_END_WITH(test, PHEAP_BAD_CACHE, 1, "not from");
	KUNIT_EXPECT_PTR_EQ(test, pheap_owner(p[4]), heap_of(test));
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 2);
	pheap_cache_free(b, p[4]);
	pheap_cache_free(a, p[8]);
	pheap_cache_destroy(a);
	pheap_cache_destroy(b);
}

static struct kunit_case bulk_cases[] = {
	MODE_CASE(all, bulk_of_any_number),
	MODE_CASE(all, bulk_zeroes),
	MODE_CASE(all, bulk_of_a_part),
	MODE_CASE(all, bulk_free_of_anything),
	MODE_CASE(all, bulk_finds_double_frees),
	MODE_CASE(all, bulk_finds_wrong_cache),
	{}
};

struct kunit_suite bulk_suite = {
	.name = "pheap_bulk",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = bulk_cases,
};
