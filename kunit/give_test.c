// SPDX-License-Identifier: GPL-2.0
/* Blocks on their way back to their pools: which are given back, which refused. */
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/topology.h>

#include "give.h"
#include "map.h"
#include "mark.h"
#include "partial.h"
#include "pheap_kunit.h"
#include "pool.h"

MODE_SET(plain, MODE_PLAIN);

#define GIVEN_MOST	160

/*
 * A pool of a bitmap, of a word, of part of a word, of several pages, of several and
 * one block.
 */
static const size_t given_sizes[] = { 16, 24, 64, 136, 256, 600, SZ_8K, 9000 };

/**
 * struct given - blocks of a cache without magazines
 * @cache: cache.
 * @cn: its pools.
 * @p: the blocks.
 */
struct given {
	struct pheap_cache *cache;
	struct cache_node *cn;
	void *p[GIVEN_MOST];
};

static struct given *given_new(struct kunit *test, const char *name, size_t size)
{
	const struct pheap_cache_args args = { .size = size, .space = true };
	struct given *given = kunit_kzalloc(test, sizeof(*given), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, given);
	given->cache = pheap_cache_create(heap_of(test), name, &args);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(given->cache));
	given->cn = cache_node(given->cache, numa_mem_id());
	for (i = 0; i < GIVEN_MOST; i++) {
		given->p[i] = pheap_cache_alloc(given->cache, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, given->p[i]);
	}
	return given;
}

/* A system that wants init_on_free has every block take the way for single ones. */
static void given_want_bulks(struct kunit *test)
{
	if (want_init_on_free())
		kunit_skip(test, "init_on_free");
}

static unsigned long given_live(const struct given *given)
{
	return given->cn->nr_pools * given->cache->blocks - given->cn->nr_free;
}

static void given_end(struct kunit *test, struct given *given, unsigned int from)
{
	pheap_cache_free_bulk(given->cache, GIVEN_MOST - from, given->p + from);
	KUNIT_EXPECT_EQ(test, given_live(given), 0);
	pheap_cache_destroy(given->cache);
	FIXTURE_CHECK(test);
}

static void given_shuffle(struct kunit *test, struct given *given)
{
	unsigned int i, j;

	for (i = GIVEN_MOST - 1; i; i--) {
		j = fixture_random(test, i + 1);
		swap(given->p[i], given->p[j]);
	}
}

/* The ways in which blocks may follow each other. */
static const char * const given_orders[] = { "up", "down", "rows", "none" };

/* Rows are of 1 to 5, up and down. */
static void given_put_in(struct kunit *test, struct given *given,
			 unsigned int order)
{
	unsigned int i, j, n;

	if (order == 3) {
		given_shuffle(test, given);
		return;
	}
	fixture_sort(given->p, GIVEN_MOST);
	for (i = 0; order && i < GIVEN_MOST; i += n) {
		n = order == 1 ? GIVEN_MOST : 1 + fixture_random(test, 5);
		n = min(n, GIVEN_MOST - i);
		for (j = 0; j < n / 2; j++)
			swap(given->p[i + j], given->p[i + n - 1 - j]);
	}
}

static void given_check(struct kunit *test, struct given *given, void **p,
			unsigned int n)
{
	KUNIT_ASSERT_EQ(test, give_checked(given->cache, p, n), (int)n);
	for (; n--; p++)
		KUNIT_EXPECT_EQ(test, poke_read(mark_at(given->cache, *p)),
				given->cache->mark);
}

/* Each time some; at last none is left. */
static void give_in_parts(struct kunit *test, struct given *given, bool check)
{
	unsigned int at, i, n;

	for (at = 0; at < GIVEN_MOST; at += n) {
		n = 1 + fixture_random(test, min(GIVEN_MOST - at, POOL_BATCH));
		for (i = at; !check && i < at + n; i++)
			poke_mark(given->cache, given->p[i]);
		if (check)
			given_check(test, given, given->p + at, n);
		else
			KUNIT_ASSERT_EQ(test, give_blocks(given->cache,
							  given->p + at, n), 0);
		KUNIT_ASSERT_EQ(test, given_live(given), GIVEN_MOST - at - n);
		FIXTURE_CHECK(test);
	}
}

/*
 * In all orders, from any to any, checked or not; all are marked, and are others'
 * again.
 */
static void give_takes_any_number(struct kunit *test)
{
	unsigned int i, orders = ARRAY_SIZE(given_orders);
	struct given *given;

	given_want_bulks(test);
	kunit_info(test, "seed=%llu\n", fixture_of(test)->seed);
	for (i = 0; i < 2 * orders * ARRAY_SIZE(given_sizes); i++) {
		given = given_new(test, given_orders[i / 2 % orders],
				  given_sizes[i / 2 / orders]);
		given_put_in(test, given, i / 2 % orders);
		give_in_parts(test, given, i % 2);
		given_end(test, given, GIVEN_MOST);
	}
}

/**
 * struct wrong - what is no allocated block of a cache
 * @what: what it is.
 * @make: makes one of an allocated block, or of one of another cache.
 */
struct wrong {
	const char *what;
	void *(*make)(struct given *given, struct given *other, void *p);
};

static void *wrong_none(struct given *given, struct given *other, void *p)
{
	return NULL;
}

static void *wrong_middle(struct given *given, struct given *other, void *p)
{
	return p + 8;
}

static void *wrong_odd(struct given *given, struct given *other, void *p)
{
	return p + 1;
}

/* Where one more block would be, if there was room; nothing where that is a pool's. */
static void *wrong_past(struct given *given, struct given *other, void *p)
{
	const struct pheap_cache *cache = given->cache;
	size_t end = (size_t)cache->blocks * cache->size;

	if (end == cache->pages * PAGE_SIZE)
		return NULL;
	return pool_base(fixture_pool(p)) + end;
}

static void *wrong_cache(struct given *given, struct given *other, void *p)
{
	return other->p[3];
}

static void *wrong_free(struct given *given, struct given *other, void *p)
{
	pheap_cache_free(given->cache, p);
	return p;
}

/* If its pool is still there. */
static void *wrong_written(struct given *given, struct given *other, void *p)
{
	pheap_cache_free(given->cache, p);
	if (given->cache->blocks > 1)
		poke_write(mark_at(given->cache, p), 0);
	return p;
}

/* As it is in a magazine. */
static void *wrong_marked(struct given *given, struct given *other, void *p)
{
	poke_mark(given->cache, p);
	return p;
}

static const struct wrong wrongs[] = {
	{ "nothing", wrong_none },
	{ "the middle of a block", wrong_middle },
	{ "an odd address", wrong_odd },
	{ "what is past the last", wrong_past },
	{ "a block of another cache", wrong_cache },
	{ "a free block", wrong_free },
	{ "a free block that was written to", wrong_written },
	{ "a block in a magazine", wrong_marked },
};

/* Put back what it is, so that the heap is as it should be. */
static void wrong_unmake(struct given *given, const struct wrong *wrong, void *p)
{
	if (wrong->make == wrong_written && given->cache->blocks > 1)
		poke_mark(given->cache, p);
	else if (wrong->make == wrong_marked)
		*mark_at(given->cache, p) = 0;
}

static void give_stops_at(struct kunit *test, size_t size,
			  const struct wrong *wrong, unsigned int at,
			  unsigned int order)
{
	struct given *given = given_new(test, "given", size);
	struct given *other = given_new(test, "other", size);
	bool frees = wrong->make == wrong_free || wrong->make == wrong_written;
	void *p, *bad;
	int done;

	/* As they were allocated, it is not the last of its pool, which would end. */
	if (wrong->make != wrong_written)
		given_put_in(test, given, order);
	p = given->p[at];
	bad = wrong->make(given, other, p);
	given->p[at] = bad;
	done = give_checked(given->cache, given->p, POOL_BATCH);
	KUNIT_EXPECT_EQ_MSG(test, done, (int)at, "%s, size %zu, %s", wrong->what,
			    size, given_orders[order]);
	KUNIT_EXPECT_EQ(test, given_live(given), GIVEN_MOST - at - frees);
	KUNIT_EXPECT_EQ(test, given_live(other), GIVEN_MOST);
	wrong_unmake(given, wrong, p);
	given->p[at] = p;
	FIXTURE_CHECK(test);
	given_end(test, given, at + frees);
	given_end(test, other, 0);
}

/* Those before it are given back, those after it are let be. */
static void give_stops_at_what_is_wrong(struct kunit *test)
{
	static const unsigned int where[] = { 0, 1, 40 };
	static const unsigned int orders[] = { 0, 1, 3 };
	unsigned int i, j, k;

	given_want_bulks(test);
	for (i = 0; i < ARRAY_SIZE(given_sizes); i++)
		for (j = 0; j < ARRAY_SIZE(wrongs); j++)
			for (k = 0; k < ARRAY_SIZE(where); k++)
				give_stops_at(test, given_sizes[i], &wrongs[j],
					      where[k],
					      orders[(i + j + k) % 3]);
}

/* Of the first four, two are given back, and then @again, which has all four. */
static void given_twice(struct kunit *test, struct given *given, void **again,
			unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		poke_mark(given->cache, given->p[i]);
	KUNIT_EXPECT_EQ(test, give_blocks(given->cache, given->p, 2), 0);
	KUNIT_EXPECT_EQ(test, give_blocks(given->cache, again, nr), nr - 2);
	KUNIT_EXPECT_EQ(test, given_live(given), GIVEN_MOST - 4);
	FIXTURE_CHECK(test);
}

/* What is free already is told, and left alone. */
static void give_tells_double_frees(struct kunit *test)
{
	struct given *given;
	unsigned int i;
	void *again[6];

	for (i = 0; i < ARRAY_SIZE(given_sizes); i++) {
		given = given_new(test, "twice", given_sizes[i]);
		again[0] = given->p[2];
		again[1] = given->p[0];
		again[2] = given->p[3];
		again[3] = given->p[3];
		again[4] = given->p[1];
		again[5] = given->p[2];
		given_twice(test, given, again, ARRAY_SIZE(again));
		KUNIT_EXPECT_PTR_EQ(test, again[0], given->p[0]);
		KUNIT_EXPECT_PTR_EQ(test, again[1], given->p[3]);
		KUNIT_EXPECT_PTR_EQ(test, again[2], given->p[1]);
		KUNIT_EXPECT_PTR_EQ(test, again[3], given->p[2]);
		given_end(test, given, 4);
	}
}

/* In a row, up and down: the first two of four. */
static void give_tells_double_frees_in_rows(struct kunit *test)
{
	struct given *given;
	unsigned int i;
	void *row[4];

	for (i = 0; i < 2 * ARRAY_SIZE(given_sizes); i++) {
		given = given_new(test, "row", given_sizes[i / 2]);
		given_put_in(test, given, i % 2);
		memcpy(row, given->p, sizeof(row));
		given_twice(test, given, row, ARRAY_SIZE(row));
		KUNIT_EXPECT_PTR_EQ(test, row[0], given->p[0]);
		KUNIT_EXPECT_PTR_EQ(test, row[1], given->p[1]);
		given_end(test, given, 4);
	}
}

/* Nor are addresses between blocks, though they are as far from each other. */
static void give_tells_a_row_of_none(struct kunit *test)
{
	struct given *given;
	void *p[5];
	unsigned int i, j;

	given_want_bulks(test);
	for (i = 0; i < ARRAY_SIZE(given_sizes); i++) {
		given = given_new(test, "between", given_sizes[i]);
		given_put_in(test, given, i % 2);
		for (j = 0; j < ARRAY_SIZE(p); j++)
			p[j] = given->p[j] + 8;
		KUNIT_EXPECT_EQ(test, give_checked(given->cache, p,
						   ARRAY_SIZE(p)), 0);
		KUNIT_EXPECT_EQ(test, given_live(given), GIVEN_MOST);
		given_end(test, given, 0);
	}
}

/* Nor is what lies past a pool's last block, where a page has got another pool. */
static void give_tells_what_is_no_block(struct kunit *test)
{
	struct given *given = given_new(test, "tail", 600);
	void *p[3] = { given->p[0], wrong_past(given, NULL, given->p[1]),
		       given->p[1] };

	KUNIT_ASSERT_TRUE(test, p[1]);
	poke_mark(given->cache, p[0]);
	poke_mark(given->cache, p[2]);
	KUNIT_EXPECT_EQ(test, give_blocks(given->cache, p, 3), 1);
	KUNIT_EXPECT_EQ(test, given_live(given), GIVEN_MOST - 2);
	FIXTURE_CHECK(test);
	given_end(test, given, 2);
}

/* The pool of the first block, with its lock held, leaves the lists or is back. */
static void given_pool_leaves(struct given *given, bool leaves)
{
	struct pool *pool = fixture_pool(given->p[0]);
	HLIST_HEAD(list);

	preempt_disable();
	if (partial_lock(given->cache, given->cn)) {
		if (leaves)
			partial_take_out(given->cache, given->cn, pool, &list);
		else
			partial_add(given->cache, given->cn, pool);
		partial_unlock(given->cache, given->cn);
	}
	preempt_enable();
}

/*
 * One that is on its way out still has its owner, and perhaps a bitmap of blocks that
 * are all set: it stays as it is.
 */
static void give_leaves_gone_pools_alone(struct kunit *test)
{
	struct given *given;
	struct pool *pool;
	unsigned int i;
	void *p[2];
	int due;

	for (i = 0; i < ARRAY_SIZE(given_sizes); i++) {
		given = given_new(test, "going", given_sizes[i]);
		pool = fixture_pool(given->p[0]);
		given_pool_leaves(given, true);
		due = pool->due;
		p[0] = given->p[0];
		p[1] = given->p[0];
		KUNIT_EXPECT_EQ(test, give_blocks(given->cache, p, 2), 2);
		KUNIT_EXPECT_EQ(test, pool->due, due);
		given_pool_leaves(given, false);
		KUNIT_EXPECT_EQ(test, given_live(given), GIVEN_MOST);
		FIXTURE_CHECK(test);
		given_end(test, given, 0);
	}
}

/* Nor does a block that is nobody's by now disturb the others. */
static void give_tells_what_is_gone(struct kunit *test)
{
	struct given *given = given_new(test, "gone", 64);
	struct given *other = given_new(test, "stays", 64);
	void *p[3] = { other->p[0], given->p[0], other->p[1] };

	pheap_cache_free_bulk(given->cache, GIVEN_MOST, given->p);
	pool_trim(given->cache);
	KUNIT_ASSERT_EQ(test, given->cn->nr_pools, 0);
	poke_mark(other->cache, p[0]);
	poke_mark(other->cache, p[2]);
	KUNIT_EXPECT_EQ(test, give_blocks(other->cache, p, 3), 1);
	KUNIT_EXPECT_PTR_EQ(test, p[0], given->p[0]);
	KUNIT_EXPECT_EQ(test, given_live(other), GIVEN_MOST - 2);
	given_end(test, given, GIVEN_MOST);
	given_end(test, other, 2);
}

/* Nobody waits for whom he interrupted: it is left to the way for single blocks. */
static void give_waits_for_nobody(struct kunit *test)
{
	struct given *given = given_new(test, "held", 64);
	int done;
	unsigned long flags;

	KUNIT_ASSERT_TRUE(test, partial_lock(given->cache, given->cn));
	local_irq_save(flags);
	done = give_checked(given->cache, given->p, POOL_BATCH);
	pheap_cache_free_bulk(given->cache, POOL_BATCH, given->p);
	local_irq_restore(flags);
	partial_unlock(given->cache, given->cn);
	KUNIT_EXPECT_EQ(test, done, -EBUSY);
	partial_tidy(given->cache, given->cn);
	KUNIT_EXPECT_EQ(test, given_live(given), GIVEN_MOST - POOL_BATCH);
	given_end(test, given, POOL_BATCH);
}

/* Lists lag behind, of more pools than one who takes puts right. */
static void give_leaves_lists_behind(struct kunit *test)
{
	struct given *given = given_new(test, "lag", SZ_1K);
	unsigned int blocks = given->cache->blocks;
	unsigned int pools = GIVEN_MOST / blocks, i, j;
	struct pool *pool = fixture_pool(given->p[0]), *found = NULL;
	void *p;

	/* In turn, so that none is moved: the first keeps two blocks, others one. */
	for (j = 1; j < blocks; j++)
		for (i = j == blocks - 1; i < pools; i++)
			pheap_cache_free(given->cache,
					 given->p[i * blocks + j]);
	KUNIT_EXPECT_EQ(test, given_live(given), pools + 1);
	FIXTURE_CHECK(test);
	for (i = 0; i <= pools / PARTIAL_PUT_RIGHT && found != pool; i++) {
		p = pheap_cache_alloc(given->cache, FIXTURE_GFP);
		found = fixture_pool(p);
		pheap_cache_free(given->cache, p);
	}
	KUNIT_EXPECT_PTR_EQ(test, found, pool);
	FIXTURE_CHECK(test);
	for (i = 0; i < pools; i++)
		pheap_cache_free(given->cache, given->p[i * blocks]);
	pheap_cache_free(given->cache, given->p[blocks - 1]);
	given_end(test, given, GIVEN_MOST);
}

static struct kunit_case give_cases[] = {
	MODE_CASE(plain, give_takes_any_number),
	MODE_CASE(plain, give_stops_at_what_is_wrong),
	MODE_CASE(plain, give_tells_double_frees),
	MODE_CASE(plain, give_tells_double_frees_in_rows),
	MODE_CASE(plain, give_tells_a_row_of_none),
	MODE_CASE(plain, give_tells_what_is_no_block),
	MODE_CASE(plain, give_leaves_gone_pools_alone),
	MODE_CASE(plain, give_tells_what_is_gone),
	MODE_CASE(plain, give_waits_for_nobody),
	MODE_CASE(plain, give_leaves_lists_behind),
	{}
};

struct kunit_suite give_suite = {
	.name = "pheap_give",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = give_cases,
};
