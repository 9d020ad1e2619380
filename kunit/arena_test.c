// SPDX-License-Identifier: GPL-2.0
#include <linux/bitmap.h>
#include <linux/math.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/topology.h>

#include "arena.h"
#include "backing.h"
#include "map.h"
#include "pheap_kunit.h"

MODE_SET(plain, MODE_PLAIN);
MODE_SET(arenas, MODE_PLAIN, MODE_DEBUG);

static struct arena *arena_of(const struct pool *pool)
{
	return map_find_run(pool).arena;
}

static struct heap_node *node_of(const struct pool *pool)
{
	struct arena *arena = arena_of(pool);

	return &arena->heap->nodes[arena->node];
}

/* A run of pages, of a new block if there is none. */
static struct pool *take(struct kunit *test, unsigned int nr,
			 unsigned int align)
{
	struct pheap *heap = heap_of(test);
	struct pool *pool = arena_take(heap, numa_mem_id(), nr, align);

	return pool ?: arena_grow(heap, numa_mem_id(), nr, FIXTURE_GFP);
}

/* All pages of a fresh arena. */
static struct pool *take_window(struct kunit *test)
{
	struct pool *pool = arena_grow(heap_of(test), numa_mem_id(),
				       ARENA_PAGES, FIXTURE_GFP);

	KUNIT_ASSERT_FALSE(test, IS_ERR(pool));
	KUNIT_ASSERT_EQ(test, map_find_run(pool).page, 0);
	KUNIT_ASSERT_EQ(test, arena_of(pool)->present, ~0ULL);
	return pool;
}

static void give_each(struct pool *window, u64 pages)
{
	for (; pages; pages &= pages - 1)
		arena_give(window + __ffs64(pages), 1);
}

/* A heap that keeps whatever it got. */
static struct pheap *keep_all(struct kunit *test)
{
	return fixture_remake(test, &(struct pheap_args) {
		.reserve = SZ_256M,
	});
}

static void arena_takes_runs(struct kunit *test)
{
	unsigned int nr, align;
	struct pool *pool;

	for (nr = 1; nr <= ARENA_PAGES; nr++) {
		align = roundup_pow_of_two(nr);
		pool = take(test, nr, align);
		KUNIT_ASSERT_FALSE(test, IS_ERR(pool));
		KUNIT_EXPECT_EQ(test, map_find_run(pool).page % align, 0);
		KUNIT_EXPECT_LE(test, map_find_run(pool).page + nr, ARENA_PAGES);
		KUNIT_EXPECT_PTR_EQ(test, arena_of(pool)->heap,
				    heap_of(test));
		memset(pool_base(pool), nr, nr * PAGE_SIZE);
		arena_give(pool, nr);
	}
}

/**
 * struct run - pages that are taken
 * @pool: the first.
 * @nr: how many.
 */
struct run {
	struct pool *pool;
	unsigned int nr;
};

#define RUNS	64

static bool overlap(const struct run *a, const struct run *b)
{
	unsigned long x = (unsigned long)pool_base(a->pool);
	unsigned long y = (unsigned long)pool_base(b->pool);

	return x < y + b->nr * PAGE_SIZE && y < x + a->nr * PAGE_SIZE;
}

static void check_runs(struct kunit *test, const struct run *runs,
		       const struct run *new)
{
	const struct run *run;

	for (run = runs; run < runs + RUNS; run++)
		if (run != new && run->pool)
			KUNIT_ASSERT_FALSE(test, overlap(run, new));
}

static void arena_matches_model(struct kunit *test)
{
	struct run *runs = kunit_kcalloc(test, RUNS, sizeof(*runs), GFP_KERNEL);
	unsigned long taken = 0;
	struct pheap_stats s;
	struct run *run;
	int i;

	KUNIT_ASSERT_TRUE(test, runs);
	kunit_info(test, "seed=%llu\n", fixture_of(test)->seed);
	for (i = 0; i < 4000; i++) {
		run = &runs[fixture_random(test, RUNS)];
		if (run->pool) {
			arena_give(run->pool, run->nr);
			taken -= run->nr;
			run->pool = NULL;
		} else {
			run->nr = 1 + fixture_random(test,
					1 + fixture_random(test, ARENA_PAGES));
			run->pool = take(test, run->nr, 1);
			KUNIT_ASSERT_FALSE(test, IS_ERR(run->pool));
			taken += run->nr;
			check_runs(test, runs, run);
		}
		s = fixture_stats(test);
		KUNIT_ASSERT_EQ(test, s.taken, s.page_bytes + s.meta_bytes +
				taken * PAGE_SIZE);
	}
	for (run = runs; run < runs + RUNS; run++)
		if (run->pool)
			arena_give(run->pool, run->nr);
}

static void arena_takes_fullest_first(struct kunit *test)
{
	struct pool *a, *b, *c, *pool;
	int i;

	keep_all(test);
	a = take_window(test);
	b = take_window(test);
	c = take_window(test);
	give_each(a, GENMASK_ULL(9, 0));
	give_each(b, GENMASK_ULL(40, 38));
	give_each(c, GENMASK_ULL(63, 44));
	for (i = 0; i < 33; i++) {
		pool = arena_take(heap_of(test), arena_of(a)->node, 1, 1);
		KUNIT_ASSERT_TRUE(test, pool);
		KUNIT_EXPECT_PTR_EQ(test, arena_of(pool),
				    arena_of(i < 3 ? b : i < 13 ? a : c));
	}
	pool = arena_take(heap_of(test), arena_of(a)->node, 1, 1);
	KUNIT_EXPECT_PTR_EQ(test, pool, (struct pool *)NULL);
	arena_give(a, ARENA_PAGES);
	arena_give(b, ARENA_PAGES);
	arena_give(c, ARENA_PAGES);
}

/* The fullest that has a run as long as that. */
static void arena_passes_over_fragments(struct kunit *test)
{
	struct pool *a, *b, *pool;

	keep_all(test);
	a = take_window(test);
	b = take_window(test);
	give_each(a, 0x5555);
	give_each(b, GENMASK_ULL(27, 12));
	pool = arena_take(heap_of(test), arena_of(a)->node, 4, 4);
	KUNIT_EXPECT_PTR_EQ(test, pool, b + 12);
	pool = arena_take(heap_of(test), arena_of(a)->node, 8, 8);
	KUNIT_EXPECT_PTR_EQ(test, pool, b + 16);
	pool = arena_take(heap_of(test), arena_of(a)->node, 8, 1);
	KUNIT_EXPECT_PTR_EQ(test, pool, (struct pool *)NULL);
	pool = arena_take(heap_of(test), arena_of(a)->node, 4, 1);
	KUNIT_EXPECT_PTR_EQ(test, pool, b + 24);
	pool = arena_take(heap_of(test), arena_of(a)->node, 2, 1);
	KUNIT_EXPECT_PTR_EQ(test, pool, (struct pool *)NULL);
	arena_give(b, ARENA_PAGES);
	give_each(a, ~0x5555ULL);
}

/* However many have too little. */
static void arena_finds_what_is_behind_fragments(struct kunit *test)
{
	struct pool *pools[40], *last, *run;
	unsigned int i;

	keep_all(test);
	last = take_window(test);
	give_each(last, 3);
	for (i = 0; i < ARRAY_SIZE(pools); i++) {
		pools[i] = take_window(test);
		give_each(pools[i], BIT_ULL(7));
	}
	run = arena_take(heap_of(test), pool_node(last), 2, 1);
	KUNIT_EXPECT_PTR_EQ(test, run, last);
	for (i = 0; i < ARRAY_SIZE(pools); i++)
		give_each(pools[i], ~BIT_ULL(7));
	arena_give(last, ARENA_PAGES);
}

/* Whatever order the page allocator has left, down to single pages. */
static void arena_grows_by_what_there_is(struct kunit *test)
{
	struct pheap *heap = keep_all(test);
	unsigned int order, i, got;
	struct pool *pool;
	u64 before;

	for (order = 7; order--;) {
		WRITE_ONCE(backing_max_order, order);
		for (i = 0; i < 3; i++) {
			before = fixture_stats(test).page_bytes;
			pool = arena_grow(heap, numa_mem_id(), 1, FIXTURE_GFP);
			KUNIT_ASSERT_FALSE(test, IS_ERR(pool));
			got = (fixture_stats(test).page_bytes - before) /
			      PAGE_SIZE + 1;
			KUNIT_EXPECT_LE(test, got, 1U << order);
			KUNIT_EXPECT_GE(test, got, 1U << min(order, 2U));
			memset(pool_base(pool), i, got * PAGE_SIZE);
			arena_give(pool, 1);
		}
		FIXTURE_CHECK(test);
	}
	pool = arena_grow(heap, numa_mem_id(), 2, FIXTURE_GFP);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(pool), -ENOMEM);
}

/* Runs of all lengths go back at once, twice, and what comes last is taken first. */
static void arena_takes_runs_back(struct kunit *test)
{
	struct pool *window[2], *pool;
	struct arena_runs runs;
	unsigned int i, at, nr;

	keep_all(test);
	window[0] = take_window(test);
	window[1] = take_window(test);
	arena_runs_init(&runs);
	for (i = 0; i < 2; i++) {
		for (at = 0, nr = 1; at < ARENA_PAGES; at += nr++) {
			nr = min(nr, ARENA_PAGES - at);
			arena_runs_add(&runs, window[i] + at, nr);
		}
		KUNIT_EXPECT_EQ(test, runs.pages, ARENA_PAGES);
		arena_give_runs(&runs);
		KUNIT_EXPECT_EQ(test, runs.pages, 0);
		KUNIT_EXPECT_EQ(test, arena_free_pages(heap_of(test)),
				(i + 1) * ARENA_PAGES);
		KUNIT_EXPECT_EQ(test, arena_of(window[i])->free, ~0ULL);
	}
	for (i = 0; i < 2; i++) {
		pool = arena_take(heap_of(test), numa_mem_id(), ARENA_PAGES, 1);
		KUNIT_EXPECT_PTR_EQ(test, pool, window[1 - i]);
	}
	arena_runs_add(&runs, window[1], ARENA_PAGES);
	arena_runs_add(&runs, window[0], ARENA_PAGES);
	arena_give_runs(&runs);
	pool = arena_take(heap_of(test), numa_mem_id(), 1, 1);
	KUNIT_EXPECT_PTR_EQ(test, pool, window[0]);
	arena_give(pool, 1);
	FIXTURE_CHECK(test);
}

/* Single pages, in windows that they share with others'. */
static void arena_grows_page_by_page(struct kunit *test)
{
	const unsigned int nr = 300;
	struct pool **pools;
	unsigned int i;

	pools = kunit_kcalloc(test, nr, sizeof(*pools), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, pools);
	WRITE_ONCE(backing_max_order, 0);
	for (i = 0; i < nr; i++) {
		pools[i] = arena_grow(heap_of(test), numa_mem_id(), 1,
				      FIXTURE_GFP);
		KUNIT_ASSERT_FALSE(test, IS_ERR(pools[i]));
		memset(pool_base(pools[i]), i, PAGE_SIZE);
	}
	KUNIT_EXPECT_EQ(test, fixture_stats(test).page_bytes, 0);
	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_FALSE(test, memchr_inv(pool_base(pools[i]),
						    (u8)i, PAGE_SIZE));
		arena_give(pools[i], 1);
	}
}

static unsigned long missing_of(const struct heap_node *hn)
{
	return hn->nr_arenas * ARENA_PAGES - hn->pages;
}

/*
 * More than a part of what the heap has, or where its windows are not whole of what
 * is missing there, it does not get at a time.
 */
static void arena_grows_in_proportion(struct kunit *test)
{
	unsigned long before = 0, step = 0;
	struct pool *pool, *last = NULL;
	struct heap_node *hn;
	unsigned int i;

	for (i = 1; i <= 1500; i++) {
		pool = take(test, 1, 1);
		KUNIT_ASSERT_FALSE(test, IS_ERR(pool));
		pool->link.next = (void *)last;
		last = pool;
		hn = node_of(pool);
		if (hn->pages > before)
			KUNIT_EXPECT_LE(test, hn->pages - before,
					max(step, 4UL));
		before = hn->pages;
		step = max(before / 64, min(before / 4,
					    int_sqrt(missing_of(hn) / 2)));
	}
	for (; last; last = pool) {
		pool = (void *)last->link.next;
		arena_give(last, 1);
	}
}

#define SCATTERED	512

/* Single pages of a heap, and another's between them. */
static void scatter(struct kunit *test, struct pool **pools)
{
	struct pheap *heaps[] = { heap_of(test), fixture_extra(test, "other") };
	unsigned int i;

	WRITE_ONCE(backing_max_order, 0);
	for (i = 0; i < SCATTERED; i++) {
		pools[i] = arena_grow(heaps[i % 2], numa_mem_id(), 1,
				      FIXTURE_GFP);
		KUNIT_ASSERT_FALSE(test, IS_ERR(pools[i]));
	}
	WRITE_ONCE(backing_max_order, UINT_MAX);
}

/* Blocks that do not meet in windows are to be large: each has a descriptor. */
static void arena_grows_more_if_scattered(struct kunit *test)
{
	unsigned long before, missing;
	struct heap_node *hn;
	struct pool **pools;
	unsigned int i;

	pools = kunit_kcalloc(test, SCATTERED, sizeof(*pools), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, pools);
	scatter(test, pools);
	hn = node_of(pools[0]);
	before = hn->pages;
	missing = missing_of(hn);
	KUNIT_EXPECT_GT(test, missing, 64);
	arena_grow(heap_of(test), numa_mem_id(), 0, FIXTURE_GFP);
	KUNIT_EXPECT_GT(test, hn->pages - before, 4);
	KUNIT_EXPECT_LE(test, hn->pages - before, int_sqrt(missing / 2));
	for (i = 0; i < SCATTERED; i++)
		arena_give(pools[i], 1);
}

/* Who gets the pages next takes it for granted that there is nothing. */
static void arena_leaves_no_private(struct kunit *test)
{
	struct pool *pool = take_window(test);

	pool[5].word = U64_MAX;
	arena_give(&pool[5], 1);
	KUNIT_EXPECT_EQ(test, page_private(pool_page(&pool[5])), 0);
	give_each(pool, ~BIT_ULL(5));
}

static void arena_trims_single_pages(struct kunit *test)
{
	const u64 pages = 0xf0f0aaaa00000001;
	struct pool *pool = take_window(test);
	struct arena *arena = arena_of(pool);
	u64 before, bytes;

	give_each(pool, pages);
	before = fixture_stats(test).taken;
	bytes = arena_trim(heap_of(test));
	KUNIT_EXPECT_EQ(test, bytes, hweight64(pages) * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, before - fixture_stats(test).taken, bytes);
	KUNIT_EXPECT_EQ(test, arena->present, ~pages);
	KUNIT_EXPECT_EQ(test, arena->heads, ~pages);
	KUNIT_EXPECT_EQ(test, arena->free, 0);
	give_each(pool, ~pages);
	arena_trim(heap_of(test));
	KUNIT_EXPECT_EQ(test, fixture_stats(test).arenas, 0);
}

#define HOLES	0x00ff00ff00ff00ff

/* Pages that went come back into the same window. */
static void arena_fills_holes(struct kunit *test)
{
	struct pool *pool = take_window(test), *last = NULL;
	struct arena *arena = arena_of(pool);
	unsigned int i;

	give_each(pool, HOLES);
	arena_trim(heap_of(test));
	WRITE_ONCE(backing_max_order, 0);
	for (i = 0; i < 2000 && arena->present != ~0ULL; i++) {
		pool = arena_grow(heap_of(test), numa_mem_id(), 1,
				  FIXTURE_GFP);
		KUNIT_ASSERT_FALSE(test, IS_ERR(pool));
		pool->link.next = (void *)last;
		last = pool;
	}
	KUNIT_EXPECT_NE(test, arena->present & HOLES, 0);
	KUNIT_EXPECT_EQ(test, arena->present & arena->heads, arena->present);
	for (; last; last = pool) {
		pool = (void *)last->link.next;
		arena_give(last, 1);
	}
	give_each(arena->pools, ~HOLES);
}

#define EVERY_OTHER	0x5555555555555555

/* Pages that no run comes of go when a heap would hold more than ever. */
static void arena_makes_up_for_growth(struct kunit *test)
{
	unsigned long reserve = fixture_stats(test).reserve / PAGE_SIZE;
	struct pool *pools[16], *run;
	struct heap_node *hn;
	unsigned int i;
	unsigned long most;

	for (i = 0; i < ARRAY_SIZE(pools); i++)
		pools[i] = take_window(test);
	hn = node_of(pools[0]);
	most = hn->pages;
	for (i = 0; i < ARRAY_SIZE(pools); i++)
		give_each(pools[i], EVERY_OTHER);
	KUNIT_EXPECT_EQ(test, hn->free_pages, most / 2);
	KUNIT_EXPECT_PTR_EQ(test, arena_take(heap_of(test), numa_mem_id(), 2, 1),
			    (struct pool *)NULL);
	run = take(test, 32, 1);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(run));
	KUNIT_EXPECT_LE(test, hn->pages, most);
	KUNIT_EXPECT_GE(test, hn->free_pages, reserve);
	arena_give(run, 32);
	for (i = 0; i < ARRAY_SIZE(pools); i++)
		give_each(pools[i], ~EVERY_OTHER);
	FIXTURE_CHECK(test);
}

/* Not those that somebody wants to be there. */
static void arena_keeps_what_is_reserved(struct kunit *test)
{
	struct pool *pools[4], *run;
	unsigned long had;
	unsigned int i;

	keep_all(test);
	for (i = 0; i < ARRAY_SIZE(pools); i++)
		pools[i] = take_window(test);
	for (i = 0; i < ARRAY_SIZE(pools); i++)
		give_each(pools[i], EVERY_OTHER);
	had = node_of(pools[0])->free_pages;
	run = take(test, 32, 1);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(run));
	KUNIT_EXPECT_GE(test, node_of(pools[0])->free_pages, had);
	arena_give(run, 32);
	for (i = 0; i < ARRAY_SIZE(pools); i++)
		give_each(pools[i], ~EVERY_OTHER);
	FIXTURE_CHECK(test);
}

static void arena_keeps_reserve(struct kunit *test)
{
	struct pool *pools[4];
	unsigned int i;

	fixture_remake(test, &(struct pheap_args) {
		.reserve = 2 * ARENA_SIZE,
	});
	for (i = 0; i < 4; i++)
		pools[i] = take_window(test);
	for (i = 0; i < 4; i++)
		arena_give(pools[i], ARENA_PAGES);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).page_bytes, 2 * ARENA_SIZE);
	KUNIT_EXPECT_EQ(test, arena_free_pages(heap_of(test)),
			2 * ARENA_PAGES);
	fixture_remake(test, &(struct pheap_args) {
		.flags = PHEAP_RESERVE_NONE,
	});
	arena_give(take_window(test), ARENA_PAGES);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).page_bytes, 0);
}

/* Back and forth over the boundary of an arena: no traffic. */
static void arena_does_not_thrash(struct kunit *test)
{
	struct pool *full = take_window(test);
	struct pool *pool;
	int i;

	arena_give(take_window(test), ARENA_PAGES);
	backing_fail_nth(ULONG_MAX, false);
	for (i = 0; i < 1000; i++) {
		pool = take(test, 1 + i % ARENA_PAGES, 1);
		KUNIT_ASSERT_FALSE(test, IS_ERR(pool));
		arena_give(pool, 1 + i % ARENA_PAGES);
	}
	KUNIT_EXPECT_EQ(test, backing_fail_nth(0, false), 0);
	arena_give(full, ARENA_PAGES);
}

static struct kunit_case arena_cases[] = {
	MODE_CASE(arenas, arena_takes_runs),
	MODE_CASE(arenas, arena_matches_model),
	MODE_CASE(plain, arena_takes_fullest_first),
	MODE_CASE(plain, arena_passes_over_fragments),
	MODE_CASE(plain, arena_finds_what_is_behind_fragments),
	MODE_CASE(plain, arena_grows_by_what_there_is),
	MODE_CASE(plain, arena_grows_page_by_page),
	MODE_CASE(plain, arena_grows_in_proportion),
	MODE_CASE(plain, arena_grows_more_if_scattered),
	MODE_CASE(plain, arena_takes_runs_back),
	MODE_CASE(plain, arena_leaves_no_private),
	MODE_CASE(plain, arena_trims_single_pages),
	MODE_CASE(plain, arena_fills_holes),
	MODE_CASE(plain, arena_makes_up_for_growth),
	MODE_CASE(plain, arena_keeps_what_is_reserved),
	MODE_CASE(plain, arena_keeps_reserve),
	MODE_CASE(plain, arena_does_not_thrash),
	{}
};

struct kunit_suite arena_suite = {
	.name = "pheap_arena",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = arena_cases,
};
