// SPDX-License-Identifier: GPL-2.0
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "pheap_kunit.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(pooled, MODE_PLAIN, MODE_DEBUG);

#define MOST	8192

static void **blocks(struct kunit *test)
{
	void **p = kunit_kcalloc(test, MOST, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, p);
	return p;
}

static struct pheap *limited(struct kunit *test, size_t limit)
{
	return fixture_remake(test, &(struct pheap_args) {
		.limit = limit,
		.flags = PHEAP_RESERVE_NONE,
	});
}

static unsigned int fill(struct pheap *heap, void **p, size_t size, gfp_t gfp)
{
	unsigned int n;

	for (n = 0; n < MOST; n++) {
		p[n] = pheap_alloc(heap, size, gfp | __GFP_NOWARN);
		if (!p[n])
			break;
	}
	return n;
}

/* Never a byte more, the metadata counted; and refusals are counted. */
static void limit_is_hard(struct kunit *test)
{
	static const size_t sizes[] = { 16, 64, 512, 1100, 5000, 70000, 300000 };
	const size_t limit = SZ_512K;
	struct pheap *heap = limited(test, limit);
	void **p = blocks(test);
	struct pheap_stats s;
	unsigned int i, n;
	u64 refusals = 0;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		n = fill(heap, p, sizes[i], GFP_KERNEL);
		s = fixture_stats(test);
		KUNIT_EXPECT_LE(test, s.taken, limit);
		KUNIT_EXPECT_LE(test, s.peak, limit);
		refusals += n < MOST;
		KUNIT_EXPECT_EQ(test, s.refusals, refusals);
		KUNIT_EXPECT_EQ(test, s.failures, 0);
		/* Most of it is used; 5 pages may cost 8. */
		if (is_plain(test) && sizes[i] >= 64 && sizes[i] < 30000)
			KUNIT_EXPECT_GT(test, n * sizes[i], limit / 3);
		FIXTURE_CHECK(test);
		pheap_free_bulk(n, p);
	}
}

/* Before it refuses, the heap gives up what it has put by. */
static void limit_trims_first(struct kunit *test)
{
	struct pheap *heap = limited(test, SZ_1M);
	void **p = blocks(test);
	unsigned int n, m, i;

	n = fill(heap, p, 64, GFP_KERNEL);
	for (i = 0; i < n; i++) {
		/* Whole pools, but they stay in magazines and arenas. */
		pheap_free(p[i]);
	}
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
	m = fill(heap, p, SZ_4K, GFP_KERNEL);
	KUNIT_EXPECT_GT(test, m * SZ_4K, SZ_1M / 3);
	pheap_free_bulk(m, p);
	m = fill(heap, p, SZ_128K, GFP_KERNEL);
	KUNIT_EXPECT_GE(test, m, is_debug(test) ? 2 : 4);
	pheap_free_bulk(m, p);
	FIXTURE_CHECK(test);
}

/* The same where nobody may sleep. */
static void limit_trims_in_atomic_context(struct kunit *test)
{
	struct pheap *heap = limited(test, SZ_512K);
	void **p = blocks(test);
	unsigned int n, m;

	fixture_atomic(test);
	n = fill(heap, p, 32, GFP_KERNEL);
	preempt_disable();
	pheap_free_bulk(n, p);
	m = fill(heap, p, SZ_2K, GFP_ATOMIC);
	preempt_enable();
	KUNIT_EXPECT_GT(test, m * SZ_2K, SZ_512K / 3);
	pheap_free_bulk(m, p);
	FIXTURE_CHECK(test);
}

/* No limit, no refusal. */
static void limit_zero_is_none(struct kunit *test)
{
	struct pheap *heap = limited(test, 0);
	void *p = pheap_alloc(heap, SZ_4M, FIXTURE_GFP);

	KUNIT_EXPECT_TRUE(test, p);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).limit, 0);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).refusals, 0);
	pheap_free(p);
}

/* One heap's limit is no other's. */
static void limit_is_private(struct kunit *test)
{
	struct pheap *heap = limited(test, SZ_256K);
	struct pheap *other = fixture_extra(test, "b");
	void **p = blocks(test);
	unsigned int n = fill(heap, p, 128, GFP_KERNEL);
	void *q = pheap_alloc(other, SZ_1M, FIXTURE_GFP);

	KUNIT_EXPECT_LT(test, n, MOST);
	KUNIT_EXPECT_TRUE(test, q);
	pheap_free(q);
	pheap_free_bulk(n, p);
}

/**
 * struct pusher - somebody who wants more than there is
 * @model: what it has got.
 * @over: times that the heap was seen above its limit.
 * @done: it is over.
 */
struct pusher {
	struct model model;
	unsigned long over;
	struct completion done;
};

static int push(void *arg)
{
	struct pusher *pusher = arg;
	struct model *model = &pusher->model;
	struct pheap *heap = model->heap;
	int i;

	for (i = 0; i < 1600; i++) {
		model_step(model);
		if (i % 8)
			continue;
		/* The statistics' sum is of parts that others change meanwhile. */
		pusher->over += atomic_long_read(&heap->taken) >
				(long)heap->limit;
		cond_resched();
	}
	complete(&pusher->done);
	return 0;
}

#define PUSHERS	4

static void limit_holds_for_all_at_once(struct kunit *test)
{
	struct pusher *pushers;
	unsigned long failed = 0;
	int i;

	limited(test, SZ_512K);
	pushers = kunit_kcalloc(test, PUSHERS, sizeof(*pushers), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, pushers);
	for (i = 0; i < PUSHERS; i++) {
		model_init(test, &pushers[i].model, 200, GFP_KERNEL, SZ_32K);
		init_completion(&pushers[i].done);
		KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(push, &pushers[i],
							    "pusher/%d", i)));
	}
	for (i = 0; i < PUSHERS; i++)
		wait_for_completion(&pushers[i].done);
	KUNIT_EXPECT_LE(test, fixture_stats(test).peak, SZ_512K);
	for (i = 0; i < PUSHERS; i++) {
		KUNIT_EXPECT_EQ(test, pushers[i].over, 0);
		failed += pushers[i].model.failed;
		model_finish(test, &pushers[i].model);
	}
	KUNIT_EXPECT_EQ(test, fixture_stats(test).refusals +
			fixture_stats(test).failures, failed);
	KUNIT_EXPECT_GT(test, failed, 0);
}

/* No more is asked for than is needed, not even for a moment. */
static void limit_suffices_for_one_block(struct kunit *test)
{
	struct pheap *heap = limited(test, 400 * SZ_1K);
	void *p = pheap_alloc(heap, 300 * SZ_1K, FIXTURE_GFP);

	KUNIT_EXPECT_TRUE(test, p);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).refusals, 0);
	pheap_free(p);
}

/* A heap that is full works on when something is freed. */
static void limit_is_no_end(struct kunit *test)
{
	struct pheap *heap = limited(test, SZ_256K);
	void **p = blocks(test);
	unsigned int n = fill(heap, p, 256, GFP_KERNEL), i;
	u64 refusals = fixture_stats(test).refusals;

	for (i = 0; i < n; i++) {
		pheap_free(p[i]);
		p[i] = pheap_alloc(heap, 256, FIXTURE_GFP);
		KUNIT_EXPECT_TRUE(test, p[i]);
	}
	KUNIT_EXPECT_EQ(test, fixture_stats(test).refusals, refusals);
	pheap_free_bulk(n, p);
}

/* However little it is that is over the limit: that is no want of memory. */
static void limit_is_what_refuses(struct kunit *test)
{
	void **p = blocks(test);
	struct pheap *heap;
	unsigned int over;

	for (over = 0; over < PAGE_SIZE; over += 24) {
		heap = limited(test, SZ_16K + over);
		pheap_free_bulk(fill(heap, p, 16, GFP_ATOMIC), p);
		KUNIT_EXPECT_EQ(test, fixture_stats(test).failures, 0);
		KUNIT_EXPECT_EQ(test, fixture_stats(test).refusals, 1);
	}
}

/* A realloc that is refused leaves the block as it was. */
static void limit_spares_realloc(struct kunit *test)
{
	struct pheap *heap = limited(test, SZ_256K);
	struct cell cell = { .size = 1000, .tag = 77 };

	cell.p = pheap_alloc(heap, cell.size, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, cell.p);
	cell_fill(&cell);
	KUNIT_EXPECT_TRUE(test, !pheap_realloc(heap, cell.p, SZ_512K,
					       FIXTURE_GFP));
	KUNIT_EXPECT_TRUE(test, cell_check(&cell));
	KUNIT_EXPECT_PTR_EQ(test, pheap_owner(cell.p), heap);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).refusals, 1);
	pheap_free(cell.p);
}

static struct kunit_case limit_cases[] = {
	MODE_CASE(all, limit_is_hard),
	MODE_CASE(pooled, limit_trims_first),
	MODE_CASE(pooled, limit_trims_in_atomic_context),
	MODE_CASE(all, limit_zero_is_none),
	MODE_CASE(all, limit_is_private),
	MODE_CASE(all, limit_holds_for_all_at_once),
	MODE_CASE(pooled, limit_suffices_for_one_block),
	MODE_CASE(all, limit_is_no_end),
	MODE_CASE(pooled, limit_is_what_refuses),
	MODE_CASE(all, limit_spares_realloc),
	{}
};

struct kunit_suite limit_suite = {
	.name = "pheap_limit",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = limit_cases,
};
