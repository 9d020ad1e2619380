// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "backing.h"
#include "pheap_kunit.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);

#define FAULT_BLOCKS	1200
#define FAULT_MOST	200

/**
 * struct fault - a path whose allocations fail, each in turn
 * @test: case.
 * @heap: heap that the path works on.
 * @p: blocks that it got; the fixture frees them.
 * @nr: how many.
 * @cache: cache that it made, or NULL.
 */
struct fault {
	struct kunit *test;
	struct pheap *heap;
	void **p;
	unsigned int nr;
	struct pheap_cache *cache;
};

/* A path returns whether it got all that it wanted. */
typedef bool (*fault_path)(struct fault *fault);

static bool fault_alloc(struct fault *fault, size_t size, unsigned int nr,
			gfp_t gfp)
{
	void *p;

	while (nr--) {
		p = pheap_alloc(fault->heap, size, gfp | __GFP_NOWARN);
		if (!p)
			return false;
		memset(p, 0x3c, size);
		fault->p[fault->nr++] = p;
	}
	return true;
}

static void fault_free_all(struct fault *fault)
{
	while (fault->nr)
		pheap_free(fault->p[--fault->nr]);
	pheap_cache_destroy(fault->cache);
	fault->cache = NULL;
}

/* After a failure: nothing is broken, and all goes again. */
static void fault_check(struct fault *fault, const char *name,
			unsigned long nth)
{
	struct kunit *test = fault->test;
	struct pheap_stats s;

	KUNIT_EXPECT_EQ_MSG(test, pheap_validate(fault->heap), 0,
			    "%s, failure %lu", name, nth);
	pheap_get_stats(fault->heap, &s);
	KUNIT_EXPECT_EQ_MSG(test, s.taken, s.live_bytes + s.magazine_bytes +
			    s.free_bytes + s.slack_bytes + s.page_bytes +
			    s.meta_bytes, "%s, failure %lu", name, nth);
	KUNIT_EXPECT_EQ_MSG(test, s.live_blocks - s.rcu_blocks -
			    s.quarantine_blocks, fault->nr,
			    "%s, failure %lu", name, nth);
	fault_free_all(fault);
	fault->p[0] = pheap_alloc(fault->heap, 40, FIXTURE_GFP);
	KUNIT_EXPECT_TRUE_MSG(test, fault->p[0], "%s, failure %lu", name, nth);
	pheap_free(fault->p[0]);
}

/* Run the path on a fresh heap.  Returns false once it has no nth charge. */
static bool fault_run(struct fault *fault, const char *name, fault_path path,
		      unsigned long nth, bool sticky)
{
	struct kunit *test = fault->test;
	static unsigned int serial;
	unsigned long seen;
	char label[24];
	bool ok;

	snprintf(label, sizeof(label), "fault-%u", serial++);
	fault->heap = pheap_create(label, &(struct pheap_args) {
		.flags = fixture_of(test)->mode->flags,
	});
	KUNIT_ASSERT_FALSE(test, IS_ERR(fault->heap));
	backing_fail_nth(nth, sticky);
	ok = path(fault);
	seen = backing_fail_nth(0, false);
	if (seen < nth)
		KUNIT_EXPECT_TRUE_MSG(test, ok, "%s without failure", name);
	if (seen >= nth && sticky && nth == 1)
		KUNIT_EXPECT_FALSE_MSG(test, ok, "%s without memory", name);
	fault_check(fault, name, nth);
	fixture_destroy_later(test, fault->heap);
	return seen >= nth;
}

/* Each charge of the path fails: alone, and with all that follow. */
static void fault_each(struct kunit *test, const char *name, fault_path path)
{
	struct fault fault = { .test = test };
	unsigned long nth, failures = 0;

	fault.p = kunit_kcalloc(test, FAULT_BLOCKS, sizeof(*fault.p),
				GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, fault.p);
	for (nth = 1; nth < FAULT_MOST; nth++) {
		if (!fault_run(&fault, name, path, nth, false))
			break;
		failures++;
		/* Of many, some will do. */
		if (nth < 8 || nth % 4 == 0)
			fault_run(&fault, name, path, nth, true);
	}
	KUNIT_EXPECT_GT_MSG(test, failures, 0, "%s", name);
	KUNIT_EXPECT_LT_MSG(test, nth, FAULT_MOST, "%s", name);
}

static void fault_in_create(struct kunit *test)
{
	struct pheap_args args = { .flags = fixture_of(test)->mode->flags };
	unsigned long nth;
	struct pheap *heap;

	for (nth = 1; nth < FAULT_MOST; nth++) {
		backing_fail_nth(nth, false);
		heap = pheap_create("fault", &args);
		backing_fail_nth(0, false);
		if (!IS_ERR(heap))
			break;
		KUNIT_EXPECT_EQ(test, PTR_ERR(heap), -ENOMEM);
	}
	KUNIT_EXPECT_GT(test, nth, 1);
	KUNIT_EXPECT_LT(test, nth, FAULT_MOST);
	KUNIT_EXPECT_EQ(test, pheap_validate(heap), 0);
	pheap_destroy(heap);
}

/* In passthrough heaps each block has charges of its own: fewer will do. */
static unsigned int fault_many(struct fault *fault, unsigned int nr)
{
	return is_passthrough(fault->test) ? nr / 10 : nr;
}

static bool path_small(struct fault *fault)
{
	return fault_alloc(fault, 100, 1, GFP_KERNEL);
}

/* More than 64 blocks in a pool: a bitmap of its own. */
static bool path_tiny(struct fault *fault)
{
	return fault_alloc(fault, 16, 1, GFP_KERNEL);
}

static bool path_many(struct fault *fault)
{
	return fault_alloc(fault, 200, fault_many(fault, 200), GFP_KERNEL);
}

static bool path_atomic(struct fault *fault)
{
	return fault_alloc(fault, 56, fault_many(fault, 100), GFP_ATOMIC);
}

static bool path_medium(struct fault *fault)
{
	return fault_alloc(fault, 5000, 3, GFP_KERNEL);
}

static bool path_window(struct fault *fault)
{
	return fault_alloc(fault, SZ_256K, 1, GFP_KERNEL);
}

static bool path_large(struct fault *fault)
{
	return fault_alloc(fault, SZ_512K, 1, GFP_KERNEL);
}

/* No contiguous pages: vmalloc. */
static bool path_vmalloc(struct fault *fault)
{
	bool ok;

	WRITE_ONCE(backing_max_order, 0);
	ok = fault_alloc(fault, SZ_512K, 1, GFP_KERNEL);
	WRITE_ONCE(backing_max_order, UINT_MAX);
	return ok;
}

/* No contiguous pages: page by page, and single-page pools. */
static bool path_fragments(struct fault *fault)
{
	bool ok;

	WRITE_ONCE(backing_max_order, 0);
	ok = fault_alloc(fault, 600, fault_many(fault, 30), GFP_KERNEL);
	WRITE_ONCE(backing_max_order, UINT_MAX);
	return ok;
}

static void fault_in_alloc(struct kunit *test)
{
	fault_each(test, "small", path_small);
	fault_each(test, "tiny", path_tiny);
	fault_each(test, "many", path_many);
	fault_each(test, "atomic", path_atomic);
	fault_each(test, "medium", path_medium);
	fault_each(test, "a window", path_window);
}

static void fault_in_large(struct kunit *test)
{
	fault_each(test, "large", path_large);
	if (!is_passthrough(test))
		fault_each(test, "vmalloc", path_vmalloc);
	fault_each(test, "fragments", path_fragments);
}

static void fault_ctor(void *p)
{
	*(u64 *)p = 1;
}

static bool path_cache(struct fault *fault)
{
	const struct pheap_cache_args args = { .size = 64, .ctor = fault_ctor };
	struct pheap_cache *cache;
	unsigned int i;
	void *p;

	cache = pheap_cache_create(fault->heap, "c", &args);
	if (IS_ERR(cache)) {
		KUNIT_EXPECT_EQ(fault->test, PTR_ERR(cache), -ENOMEM);
		return false;
	}
	fault->cache = cache;
	for (i = 0; i < fault_many(fault, 70); i++) {
		p = pheap_cache_alloc(cache, FIXTURE_GFP);
		if (!p)
			return false;
		fault->p[fault->nr++] = p;
	}
	return true;
}

static void fault_in_cache(struct kunit *test)
{
	fault_each(test, "cache", path_cache);
}

/* Magazines grow, and the depot is made, while blocks come and go. */
static bool path_magazine(struct fault *fault)
{
	unsigned int round, rounds = fault_many(fault, 12);
	bool ok = true;

	for (round = 0; round < rounds; round++) {
		ok &= fault_alloc(fault, 24, fault_many(fault, 150),
				  GFP_KERNEL);
		while (fault->nr)
			pheap_free(fault->p[--fault->nr]);
	}
	return ok;
}

static void fault_in_magazine(struct kunit *test)
{
	fault_each(test, "magazine", path_magazine);
}

static bool path_bulk(struct fault *fault)
{
	unsigned int nr = fault_many(fault, 150);

	fault->nr = pheap_alloc_bulk(fault->heap, 88, FIXTURE_GFP, nr,
				     fault->p);
	return fault->nr == nr;
}

static void fault_in_bulk(struct kunit *test)
{
	fault_each(test, "bulk", path_bulk);
}

static bool path_realloc(struct fault *fault)
{
	static const size_t sizes[] = { 10, 100, 600, 9000, 70000, 600000, 50 };
	struct cell cell = { .tag = 0x99 };
	bool ok = true;
	unsigned int i;
	void *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = pheap_realloc(fault->heap, cell.p, sizes[i], FIXTURE_GFP);
		if (cell.p && !cell_check_part(&cell, p ?: cell.p,
					       p ? sizes[i] : cell.size))
			KUNIT_FAIL(fault->test, "content lost");
		if (!p) {
			ok = false;
			continue;
		}
		cell.p = p;
		cell.size = sizes[i];
		cell_fill(&cell);
	}
	if (cell.p)
		fault->p[fault->nr++] = cell.p;
	return ok;
}

static void fault_in_realloc(struct kunit *test)
{
	fault_each(test, "realloc", path_realloc);
}

/* After success, the room is there; after failure, nothing is lost. */
static bool path_reserve(struct fault *fault)
{
	int err = pheap_reserve(fault->heap, 3000, FIXTURE_GFP);

	if (err)
		KUNIT_EXPECT_EQ(fault->test, err, -ENOMEM);
	return !err;
}

static void fault_in_reserve(struct kunit *test)
{
	fault_each(test, "reserve", path_reserve);
}

/* Frees after a grace period never fail: they wait, or are quarantined. */
static bool path_free_rcu(struct fault *fault)
{
	bool ok = fault_alloc(fault, 48, fault_many(fault, 300), GFP_KERNEL);

	rcu_read_lock();
	while (fault->nr)
		pheap_free_rcu(fault->p[--fault->nr]);
	rcu_read_unlock();
	return ok;
}

static void fault_in_free_rcu(struct kunit *test)
{
	fault_each(test, "free_rcu", path_free_rcu);
}

/* Random operations while every nth charge fails. */
static void fault_by_chance(struct kunit *test)
{
	struct model model;
	unsigned int i;

	model_init(test, &model, 200, GFP_KERNEL, SZ_512K);
	for (i = 0; i < 6000; i++) {
		if (i % 3 == 0)
			backing_fail_nth(1 + model_random(&model, 4),
					 model_random(&model, 2));
		KUNIT_ASSERT_TRUE_MSG(test, model_step(&model), "%s",
				      model.what);
		if (i % 600 == 0) {
			backing_fail_nth(0, false);
			model_compare(test, &model);
			FIXTURE_CHECK(test);
		}
	}
	backing_fail_nth(0, false);
	KUNIT_EXPECT_GT(test, model.failed, 0);
	model_finish(test, &model);
}

static struct kunit_case fault_cases[] = {
	MODE_CASE(all, fault_in_create),
	MODE_CASE(all, fault_in_alloc),
	MODE_CASE(all, fault_in_large),
	MODE_CASE(all, fault_in_cache),
	MODE_CASE(all, fault_in_magazine),
	MODE_CASE(all, fault_in_bulk),
	MODE_CASE(all, fault_in_realloc),
	MODE_CASE(all, fault_in_reserve),
	MODE_CASE(all, fault_in_free_rcu),
	MODE_CASE(all, fault_by_chance),
	{}
};

struct kunit_suite fault_suite = {
	.name = "pheap_fault",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = fault_cases,
};
