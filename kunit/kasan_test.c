// SPDX-License-Identifier: GPL-2.0
/*
 * What KASAN knows of blocks: it reports an access to a free one, and one past
 * the bytes that were asked for.  Its reports switch lockdep off, so these
 * cases are the last.
 */
#include <linux/compiler.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "compat/kunit_compat.h"
#include "pheap_kunit.h"

MODE_SET(pooled, MODE_PLAIN, MODE_DEBUG);

#define BLOCKS	40

/* None fills its block: behind each are bytes that nobody asked for. */
static const size_t sizes[] = { 3, 13, 61, 100, 509, 1001, 5000, 70001 };

static int kasan_start(struct kunit *test)
{
	if (!COMPAT_HAVE_KASAN)
		kunit_skip(test, "no KASAN here");
	return fixture_init(test);
}

static void touch(void *arg)
{
	READ_ONCE(*(u8 *)arg);
}

/*
 * A read of @p is reported, as @kind of access.  A worker makes it: a report
 * fails the case in whose thread it is made.
 */
static void check_reported(struct kunit *test, const void *p, const char *kind,
			   size_t size)
{
	log_expect(test, "KASAN");
	fixture_run_on(test, raw_smp_processor_id(), touch, (void *)p);
	log_end(test);
	KUNIT_EXPECT_TRUE_MSG(test, log_has(test, kind) &&
			      log_has(test, " in touch+"),
			      "not reported: %s, size %zu", kind, size);
}

static void check_poisoned(struct kunit *test, const u8 *p, size_t size)
{
	check_reported(test, p, "use-after-free", size);
	check_reported(test, p + size / 2, "use-after-free", size);
	check_reported(test, p + size - 1, "use-after-free", size);
}

/* @size bytes may be used, and not one more. */
static void check_open(struct kunit *test, u8 *p, size_t size)
{
	KUNIT_ASSERT_TRUE(test, p);
	memset(p, 0x5a, size);
	KUNIT_EXPECT_FALSE(test, memchr_inv(p, 0x5a, size));
	check_reported(test, p + size, "KASAN: ", size);
}

static void kasan_reports_overruns(struct kunit *test)
{
	unsigned int i;
	void *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = pheap_alloc(heap_of(test), sizes[i], FIXTURE_GFP);
		check_open(test, p, sizes[i]);
		pheap_free(p);
		/* Again, from a magazine now. */
		p = pheap_alloc(heap_of(test), sizes[i], FIXTURE_GFP);
		check_open(test, p, sizes[i]);
		pheap_free(p);
	}
}

static void kasan_reports_use_after_free(struct kunit *test)
{
	unsigned int i;
	void *p, *q;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = pheap_alloc(heap_of(test), sizes[i], FIXTURE_GFP);
		q = pheap_alloc(heap_of(test), sizes[i], FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p && q);
		pheap_free(p);
		check_poisoned(test, p, sizes[i]);
		/* Back in its pool, which q keeps. */
		pheap_trim(heap_of(test));
		check_poisoned(test, p, sizes[i]);
		check_open(test, q, sizes[i]);
		pheap_free(q);
	}
}

/* By the ways that do not go through pheap_free(). */
static void kasan_reports_use_after_other_frees(struct kunit *test)
{
	void *p[BLOCKS];
	size_t nr;

	nr = pheap_alloc_bulk(heap_of(test), 50, FIXTURE_GFP, BLOCKS, p);
	KUNIT_ASSERT_EQ(test, nr, BLOCKS);
	check_open(test, p[0], 50);
	check_open(test, p[BLOCKS - 1], 50);
	pheap_free_sensitive(p[0]);
	check_poisoned(test, p[0], 50);
	pheap_free_rcu(p[1]);
	fixture_held();
	check_poisoned(test, p[1], 50);
	pheap_free_bulk(BLOCKS - 3, p + 2);
	check_poisoned(test, p[2], 50);
	check_poisoned(test, p[BLOCKS - 2], 50);
	check_open(test, p[BLOCKS - 1], 50);
	pheap_free(p[BLOCKS - 1]);
}

/* A resize in place moves the end of what may be used. */
static void kasan_follows_realloc(struct kunit *test)
{
	void *p = pheap_alloc(heap_of(test), 500, FIXTURE_GFP), *q;

	check_open(test, p, 500);
	q = pheap_realloc(heap_of(test), p, 450, FIXTURE_GFP);
	KUNIT_EXPECT_PTR_EQ(test, p, q);
	check_open(test, q, 450);
	/* A debug heap's block is as large as was asked for: it moves. */
	q = pheap_realloc(heap_of(test), q, 503, FIXTURE_GFP);
	if (is_plain(test))
		KUNIT_EXPECT_PTR_EQ(test, p, q);
	check_open(test, q, 503);
	q = pheap_realloc(heap_of(test), q, 2001, FIXTURE_GFP);
	check_open(test, q, 2001);
	check_poisoned(test, p, 500);
	pheap_free(q);
}

static void kasan_ctor(void *p)
{
	memset(p, 0x77, 100);
}

static void kasan_knows_objects(struct kunit *test)
{
	const struct pheap_cache_args args[] = {
		{ .size = 100 },
		{ .size = 100, .ctor = kasan_ctor },
	};
	struct pheap_cache *cache;
	unsigned int i;
	void *p, *q;

	for (i = 0; i < ARRAY_SIZE(args); i++) {
		cache = pheap_cache_create(heap_of(test), "c", &args[i]);
		KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
		p = pheap_cache_alloc(cache, FIXTURE_GFP);
		q = pheap_cache_alloc(cache, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p && q);
		memset(p, 0x77, 100);
		pheap_cache_free(cache, p);
		check_poisoned(test, p, 100);
		pheap_cache_free(cache, q);
		pheap_cache_destroy(cache);
	}
}

/* Nobody has had the blocks of a new pool but the first. */
static void kasan_reports_virgin_blocks(struct kunit *test)
{
	void *p = pheap_alloc(heap_of(test), 192, FIXTURE_GFP), *last;

	KUNIT_ASSERT_TRUE(test, p);
	last = (void *)((unsigned long)p & PAGE_MASK) +
	       fixture_class(test, 192)->last;
	KUNIT_ASSERT_PTR_NE(test, p, last);
	check_poisoned(test, last, 192);
	pheap_free(p);
}

/* Whole pages have an end too. */
static void kasan_reports_overruns_of_large_blocks(struct kunit *test)
{
	const size_t size = SZ_512K - 5;
	void *p = pheap_alloc(heap_of(test), size, FIXTURE_GFP);

	KUNIT_ASSERT_TRUE(test, p);
	check_open(test, p, size);
	pheap_free(p);
}

static struct kunit_case kasan_cases[] = {
	MODE_CASE(pooled, kasan_reports_overruns),
	MODE_CASE(pooled, kasan_reports_use_after_free),
	MODE_CASE(pooled, kasan_reports_use_after_other_frees),
	MODE_CASE(pooled, kasan_follows_realloc),
	MODE_CASE(pooled, kasan_knows_objects),
	MODE_CASE(pooled, kasan_reports_virgin_blocks),
	MODE_CASE(pooled, kasan_reports_overruns_of_large_blocks),
	{}
};

struct kunit_suite kasan_suite = {
	.name = "pheap_kasan",
	.suite_init = fixture_start,
	.init = kasan_start,
	.exit = fixture_exit,
	.test_cases = kasan_cases,
};
