// SPDX-License-Identifier: GPL-2.0
/*
 * pheap/inline.h: the same as the functions that it goes around, misuse included.
 */
#include <linux/err.h>
#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <pheap/inline.h>

#include "magazine.h"
#include "pheap_kunit.h"
#include "pool.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(pooled, MODE_PLAIN, MODE_DEBUG);
MODE_SET(plain, MODE_PLAIN);

#define BLOCKS	500
#define STEPS	20000
#define SIZES	3

/* More blocks of 104 bytes than a page has, and fewer than two have. */
#define PAIR_OF_POOLS	70

static const size_t sizes[SIZES] = { 8, 104, 512 };

/* Sizes that the compiler knows. */
static void *alloc_of(struct pheap *heap, unsigned int which)
{
	switch (which) {
	case 0:
		return pheap_alloc_inline(heap, 8, FIXTURE_GFP);
	case 1:
		return pheap_alloc_inline(heap, 104, FIXTURE_GFP);
	default:
		return pheap_alloc_inline(heap, 512, FIXTURE_GFP);
	}
}

static struct pheap_cache *cache_make(struct kunit *test, const char *name,
				      void (*ctor)(void *obj))
{
	const struct pheap_cache_args args = { .size = 104, .ctor = ctor };
	struct pheap_cache *cache;

	cache = pheap_cache_create(heap_of(test), name, &args);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	return cache;
}

/*
 * Blocks in line and not, by turns and at random, against what was written to them.
 * What is from a cache may be freed to it, or by itself.
 */
static bool step(struct kunit *test, struct pheap_cache *cache, struct cell *cell)
{
	unsigned int which = fixture_random(test, SIZES);
	bool in_line = fixture_random(test, 2);
	bool good = true;

	if (cell->p) {
		good = cell_check(cell);
		if (in_line && cell->tag % 2)
			pheap_cache_free_inline(cache, cell->p);
		else if (in_line)
			pheap_free_inline(cell->p);
		else
			pheap_free(cell->p);
		cell->p = NULL;
		return good;
	}
	cell->tag = fixture_random(test, U32_MAX);
	cell->size = cell->tag % 2 ? 104 : sizes[which];
	if (cell->tag % 2)
		cell->p = in_line ? pheap_cache_alloc_inline(cache, FIXTURE_GFP) :
				    pheap_cache_alloc(cache, FIXTURE_GFP);
	else
		cell->p = in_line ? alloc_of(heap_of(test), which) :
				    pheap_alloc(heap_of(test), cell->size,
						FIXTURE_GFP);
	if (cell->p)
		cell_fill(cell);
	return cell->p;
}

static void inline_is_the_same(struct kunit *test)
{
	struct pheap_cache *cache = cache_make(test, "same", NULL);
	struct cell *cells;
	unsigned int i, wrong = 0;

	cells = kunit_kcalloc(test, BLOCKS, sizeof(*cells), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, cells);
	for (i = 0; i < STEPS; i++)
		wrong += !step(test, cache, &cells[fixture_random(test, BLOCKS)]);
	for (i = 0; i < BLOCKS; i++)
		if (cells[i].p)
			wrong += !step(test, cache, &cells[i]);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
	FIXTURE_CHECK(test);
	pheap_cache_destroy(cache);
}

/* What was freed last is what comes next, without a look at the pools. */
static void inline_takes_the_newest(struct kunit *test)
{
	struct pheap_cache *cache = cache_make(test, "newest", NULL);
	void *p, *q, *block, *object;

	block = alloc_of(heap_of(test), 1);
	object = pheap_cache_alloc_inline(cache, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, block && object);
	migrate_disable();
	pheap_free_inline(block);
	p = alloc_of(heap_of(test), 1);
	pheap_cache_free_inline(cache, object);
	q = pheap_cache_alloc_inline(cache, FIXTURE_GFP);
	migrate_enable();
	KUNIT_EXPECT_PTR_EQ(test, p, block);
	KUNIT_EXPECT_PTR_EQ(test, q, object);
	pheap_free_inline(p);
	pheap_cache_free_inline(cache, q);
	pheap_free_inline(NULL);
	pheap_cache_free_inline(cache, NULL);
	pheap_cache_destroy(cache);
}

/* Whoever interrupted somebody at his magazine does without. */
static unsigned int busy_wrong(struct pheap *heap, struct pheap_cache *class,
			       void *p)
{
	struct magazine *mag;
	unsigned int wrong;
	void *q;

	preempt_disable();
	mag = READ_ONCE(class->mags[raw_smp_processor_id()]);
	wrong = !magazine_enter(mag);
	q = pheap_alloc_inline(heap, 104, GFP_NOWAIT);
	wrong += !q || q == p;
	pheap_free_inline(p);
	pheap_free_inline(q);
	wrong += mag->idle != 0;
	magazine_leave(mag);
	preempt_enable();
	return wrong;
}

static void inline_minds_a_busy_magazine(struct kunit *test)
{
	void *p = alloc_of(heap_of(test), 1), *keep = alloc_of(heap_of(test), 1);

	KUNIT_ASSERT_TRUE(test, p && keep);
	fixture_atomic(test);
	KUNIT_EXPECT_EQ(test, busy_wrong(heap_of(test), fixture_class(test, 104), p),
			0);
	FIXTURE_CHECK(test);
	pheap_free_inline(keep);
}

static void inline_zeroes(struct kunit *test)
{
	struct pheap_cache *cache = cache_make(test, "zeroes", NULL);
	gfp_t gfp = FIXTURE_GFP | __GFP_ZERO;
	void *p, *q;

	/* The compiler is not to know. */
	OPTIMIZER_HIDE_VAR(gfp);
	p = alloc_of(heap_of(test), 1);
	q = pheap_cache_alloc_inline(cache, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, p && q);
	memset(p, 0xa5, 104);
	memset(q, 0xa5, 104);
	pheap_free_inline(p);
	pheap_cache_free_inline(cache, q);
	p = pheap_alloc_inline(heap_of(test), 104, FIXTURE_GFP | __GFP_ZERO);
	q = pheap_cache_alloc_inline(cache, gfp);
	KUNIT_ASSERT_TRUE(test, p && q);
	KUNIT_EXPECT_TRUE(test, poke_is_zero(p, 104));
	KUNIT_EXPECT_TRUE(test, poke_is_zero(q, 104));
	pheap_free_inline(p);
	pheap_cache_free_inline(cache, q);
	pheap_cache_destroy(cache);
}

static void construct(void *obj)
{
	memset(obj, 0x3c, 104);
}

/* The mark is behind the object, where code in line does not look. */
static void inline_keeps_what_was_constructed(struct kunit *test)
{
	struct pheap_cache *cache = cache_make(test, "constructed", construct);
	unsigned int i, wrong = 0;
	void *p[8], *again;

	for (i = 0; i < 8; i++) {
		p[i] = pheap_cache_alloc_inline(cache, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p[i]);
	}
	migrate_disable();
	for (i = 0; i < 8; i++)
		pheap_cache_free_inline(cache, p[i]);
	again = pheap_cache_alloc_inline(cache, FIXTURE_GFP);
	migrate_enable();
	KUNIT_ASSERT_TRUE(test, again);
	if (is_plain(test))
		KUNIT_EXPECT_PTR_EQ(test, again, p[7]);
	for (i = 0; i < 104; i++)
		wrong += poke_byte(again + i) != 0x3c;
	KUNIT_EXPECT_EQ(test, wrong, 0);
	pheap_cache_free_inline(cache, again);
	FIXTURE_CHECK(test);
	pheap_cache_destroy(cache);
}

/* The report names this function. */
static noinline void check_bad(struct kunit *test, const char *what,
			       struct pheap_cache *cache, const void *p,
			       enum pheap_bad kind)
{
	log_expect(test, what);
	if (cache)
		pheap_cache_free_inline(cache, p);
	else
		pheap_free_inline(p);
	LOG_END_WITH(test, kind, 1, "check_bad");
}

/* Also by those who would like another cache's block, or a class's. */
static void inline_tells_bad_frees(struct kunit *test)
{
	struct pheap_cache *cache = cache_make(test, "one", NULL);
	struct pheap_cache *other = cache_make(test, "other", NULL);
	void *p = alloc_of(heap_of(test), 1), *keep = alloc_of(heap_of(test), 1);
	void *q = pheap_cache_alloc(cache, FIXTURE_GFP);
	void *k = kmalloc(104, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, p && q && k && keep);
	check_bad(test, "a middle", NULL, p + 8, PHEAP_BAD_MIDDLE);
	check_bad(test, "an odd middle", NULL, p + 1, PHEAP_BAD_MIDDLE);
	check_bad(test, "kmalloc's", NULL, k, PHEAP_BAD_FOREIGN);
	check_bad(test, "a middle of a cache's", cache, q + 8, PHEAP_BAD_MIDDLE);
	check_bad(test, "another cache's", other, q, PHEAP_BAD_CACHE);
	check_bad(test, "a class's", cache, p, PHEAP_BAD_CACHE);
	check_bad(test, "kmalloc's, to a cache", cache, k, PHEAP_BAD_FOREIGN);
	migrate_disable();
	pheap_free_inline(p);
	check_bad(test, "free already", NULL, p, PHEAP_BAD_DOUBLE);
	pheap_cache_free_inline(cache, q);
	check_bad(test, "a cache's, free already", cache, q, PHEAP_BAD_DOUBLE);
	check_bad(test, "the same without the cache", NULL, q, PHEAP_BAD_DOUBLE);
	migrate_enable();
	kfree(k);
	pheap_free(keep);
	FIXTURE_CHECK(test);
	pheap_cache_destroy(cache);
	pheap_cache_destroy(other);
}

/*
 * A page that is in no pool any more is no start of anything, also for a CPU that has
 * a magazine of the cache that it was of.
 */
static void inline_tells_what_was_a_pool(struct kunit *test)
{
	struct pheap_cache *cache = cache_make(test, "gone", NULL);
	void *p[PAIR_OF_POOLS], *gone;
	unsigned int i;

	for (i = 0; i < PAIR_OF_POOLS; i++) {
		p[i] = pheap_cache_alloc(cache, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p[i]);
	}
	gone = p[0];
	for (i = 0; i < PAIR_OF_POOLS; i++) {
		if (((u64)p[i] ^ (u64)gone) >= PAGE_SIZE)
			continue;
		pheap_cache_free(cache, p[i]);
		p[i] = NULL;
	}
	magazine_drain_cache(cache, true);
	/* Its page stays the heap's. */
	pool_trim(cache);
	migrate_disable();
	p[0] = pheap_cache_alloc(cache, FIXTURE_GFP);
	poke_write(gone, 0);
	check_bad(test, "of a pool that is gone", cache, gone, PHEAP_BAD_MIDDLE);
	migrate_enable();
	for (i = 0; i < PAIR_OF_POOLS; i++)
		pheap_cache_free(cache, p[i]);
	FIXTURE_CHECK(test);
	pheap_cache_destroy(cache);
}

/* What is in line is enough: nothing is called for a block at hand, or its free. */
static unsigned int enough_wrong(struct pheap_cache *class,
				 struct pheap_cache *named, void *block,
				 void *object)
{
	struct __pheap_cache *found, *cache = (struct __pheap_cache *)named;
	unsigned int wrong = 0;
	void *p = NULL;
	bool good;

	preempt_disable();
	wrong += !__pheap_free_class(block, &found, __pheap_close_none);
	wrong += !__pheap_pop(((struct __pheap_cache *)class)->mag, 0, (u64)class,
			      &p, false);
	wrong += p != block;
	wrong += !__pheap_free_to(cache, false, object, &good, __pheap_close_none);
	wrong += !__pheap_pop(cache->mag, 0, __pheap_mark(cache), &p, false);
	wrong += p != object;
	/* Neither takes the other's. */
	wrong += __pheap_free_class(object, &found, __pheap_close_none);
	wrong += __pheap_free_to(cache, false, block, &good, __pheap_close_none);
	preempt_enable();
	return wrong;
}

static void inline_is_enough(struct kunit *test)
{
	struct pheap_cache *cache = cache_make(test, "enough", NULL);
	void *p[4];
	unsigned int i;

	if (!__PHEAP_INLINE)
		kunit_skip(test, "a kernel that checks each access");
	if (want_init_on_free())
		kunit_skip(test, "init_on_free");
	/* Two of each, so that there is a magazine. */
	for (i = 0; i < 4; i++) {
		p[i] = i % 2 ? alloc_of(heap_of(test), 1) :
			       pheap_cache_alloc(cache, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p[i]);
	}
	migrate_disable();
	for (i = 0; i < 4; i++)
		pheap_free(p[i]);
	p[0] = pheap_cache_alloc(cache, FIXTURE_GFP);
	p[1] = alloc_of(heap_of(test), 1);
	KUNIT_EXPECT_EQ(test, enough_wrong(fixture_class(test, 104), cache, p[1],
					   p[0]), 0);
	migrate_enable();
	pheap_free(p[0]);
	pheap_free(p[1]);
	FIXTURE_CHECK(test);
	pheap_cache_destroy(cache);
}

/* What a user copied from memory that held free blocks makes no block a free one. */
static void inline_believes_no_copied_mark(struct kunit *test)
{
	struct pheap_cache *cache = cache_make(test, "copied", NULL), *class;
	void *keep = alloc_of(heap_of(test), 1), *p, *q, *bulk[20];
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, keep);
	class = fixture_class(test, 104);
	for (i = 0; i < 20; i++) {
		bulk[i] = alloc_of(heap_of(test), 1);
		KUNIT_ASSERT_TRUE(test, bulk[i]);
		poke_mark(class, bulk[i]);
	}
	p = alloc_of(heap_of(test), 1);
	q = pheap_cache_alloc(cache, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, p && q);
	poke_mark(class, p);
	poke_mark(cache, q);
	KUNIT_EXPECT_EQ(test, pheap_size(p), 104);
	p = pheap_realloc(heap_of(test), p, 500, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, p);
	KUNIT_EXPECT_EQ(test, poke_read(p), class->mark);
	pheap_free_inline(p);
	pheap_free_inline(bulk[0]);
	pheap_free_bulk(19, bulk + 1);
	pheap_cache_free_inline(cache, q);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 1);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).bad[PHEAP_BAD_DOUBLE], 0);
	check_bad(test, "in a magazine, or its pool", NULL, bulk[0],
		  PHEAP_BAD_DOUBLE);
	check_bad(test, "in a magazine, or its pool", cache, q, PHEAP_BAD_DOUBLE);
	pheap_free(keep);
	FIXTURE_CHECK(test);
	pheap_cache_destroy(cache);
}

/* A block that was written to while it was free is not handed out. */
static void inline_withholds_what_was_written_to(struct kunit *test)
{
	void *p = alloc_of(heap_of(test), 1), *keep = alloc_of(heap_of(test), 1), *q;

	KUNIT_ASSERT_TRUE(test, p && keep);
	migrate_disable();
	pheap_free_inline(p);
	poke_write(p, 42);
	log_expect(test, "a write to a free block");
	q = alloc_of(heap_of(test), 1);
	LOG_END_WITH(test, PHEAP_BAD_WRITE, 1, "104");
	migrate_enable();
	KUNIT_EXPECT_TRUE(test, q);
	KUNIT_EXPECT_PTR_NE(test, q, p);
	pheap_free_inline(q);
	pheap_free_inline(keep);
}

static struct kunit_case inline_cases[] = {
	MODE_CASE(all, inline_is_the_same),
	MODE_CASE(plain, inline_takes_the_newest),
	MODE_CASE(plain, inline_minds_a_busy_magazine),
	MODE_CASE(all, inline_zeroes),
	MODE_CASE(pooled, inline_keeps_what_was_constructed),
	MODE_CASE(plain, inline_tells_bad_frees),
	MODE_CASE(plain, inline_tells_what_was_a_pool),
	MODE_CASE(plain, inline_is_enough),
	MODE_CASE(plain, inline_believes_no_copied_mark),
	MODE_CASE(plain, inline_withholds_what_was_written_to),
	{}
};

struct kunit_suite inline_suite = {
	.name = "pheap_inline",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = inline_cases,
};
