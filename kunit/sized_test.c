// SPDX-License-Identifier: GPL-2.0
/*
 * pheap_free_sized(): what it frees, and what it finds out that pheap_free() can't.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <pheap/inline.h>

#include "backing.h"
#include "map.h"
#include "pheap_kunit.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(plain, MODE_PLAIN);
MODE_SET(debug, MODE_DEBUG);

#define BLOCKS	300

static void *take(struct kunit *test, struct pheap *heap, size_t size)
{
	void *p = pheap_alloc(heap, size, FIXTURE_GFP);

	KUNIT_ASSERT_TRUE_MSG(test, p, "%zu", size);
	return p;
}

/* Nothing is live, and nobody did anything wrong. */
static void check_clean(struct kunit *test)
{
	struct pheap_stats stats = fixture_stats(test);
	unsigned int kind;

	KUNIT_EXPECT_EQ(test, stats.live_blocks, 0);
	for (kind = 0; kind < PHEAP_BAD_NR; kind++)
		KUNIT_EXPECT_EQ_MSG(test, stats.bad[kind], 0, "%u", kind);
	FIXTURE_CHECK(test);
}

/* Twice as many as a magazine has room for, so that it is full once. */
static void free_many(struct kunit *test, size_t size)
{
	static void *p[BLOCKS];
	unsigned int i;

	for (i = 0; i < BLOCKS; i++)
		p[i] = take(test, heap_of(test), size);
	for (i = 0; i < BLOCKS; i++)
		pheap_free_sized(heap_of(test), p[i], size);
}

static void sized_frees_every_size(struct kunit *test)
{
	static const size_t sizes[] = {
		513, 600, 1000, 4095, 4096, 4097, 20000, SZ_64K, SZ_256K, SZ_256K + 1,
		SZ_1M
	};
	unsigned int i;
	size_t size;

	for (size = 0; size <= SMALL_MAX; size++)
		pheap_free_sized(heap_of(test), take(test, heap_of(test), size), size);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		pheap_free_sized(heap_of(test), take(test, heap_of(test), sizes[i]),
				 sizes[i]);
	free_many(test, 24);
	free_many(test, 1000);
	pheap_free_sized(heap_of(test), NULL, 24);
	check_clean(test);
}

/* The compiler knows these sizes. */
static void sized_frees_constants(struct kunit *test)
{
	struct pheap *heap = heap_of(test);
	unsigned int i;

	for (i = 0; i < BLOCKS; i++) {
		pheap_free_sized(heap, take(test, heap, 8), 8);
		pheap_free_sized(heap, take(test, heap, 104), 100);
		pheap_free_sized(heap, take(test, heap, 512), 512);
		pheap_free_sized(heap, take(test, heap, 513), 513);
		pheap_free_sized_inline(heap, take(test, heap, 8), 8);
		pheap_free_sized_inline(heap, take(test, heap, 104), 100);
		pheap_free_sized_inline(heap, take(test, heap, 512), 512);
		pheap_free_sized_inline(heap, take(test, heap, 513), 513);
	}
	pheap_free_sized(heap, NULL, 8);
	pheap_free_sized_inline(heap, NULL, 8);
	check_clean(test);
}

/* Where no pools of several pages are to be had, blocks are of larger classes. */
static void sized_frees_what_fell_back(struct kunit *test)
{
	unsigned int larger = 0;
	size_t size;
	void *p;

	pheap_trim(heap_of(test));
	WRITE_ONCE(backing_max_order, 0);
	for (size = 409; size <= PAGE_SIZE; size += 8) {
		p = take(test, heap_of(test), size);
		larger += pheap_size(p) >= 4 * size / 3;
		pheap_free_sized(heap_of(test), p, size);
	}
	if (is_plain(test))
		KUNIT_EXPECT_GT(test, larger, 0);
	check_clean(test);
}

/* As it is said to be what pheap_size() says. */
static void sized_frees_usable(struct kunit *test)
{
	size_t size;
	void *p;

	for (size = 0; size <= SZ_64K; size = size * 5 / 4 + 1) {
		p = take(test, heap_of(test), size);
		pheap_free_sized(heap_of(test), p, pheap_size(p));
	}
	check_clean(test);
}

/* A block that was larger once, down from every size to every other. */
static void sized_frees_what_was_resized(struct kunit *test)
{
	size_t from, to;
	void *p;

	for (from = 1; from <= 600; from += 13)
		for (to = 0; to <= from; to += 1 + to / 16) {
			p = take(test, heap_of(test), from);
			p = pheap_realloc(heap_of(test), p, to, FIXTURE_GFP);
			KUNIT_ASSERT_TRUE(test, p);
			pheap_free_sized(heap_of(test), p, to);
		}
	check_clean(test);
}

/* The report names this function. */
static noinline void check_bad(struct kunit *test, const char *what, const void *p,
			       size_t size, enum pheap_bad kind)
{
	log_expect(test, what);
	pheap_free_sized(heap_of(test), p, size);
	LOG_END_WITH(test, kind, 1, "check_bad");
}

static noinline void check_bad_inline(struct kunit *test, const char *what,
				      const void *p, enum pheap_bad kind)
{
	log_expect(test, what);
	pheap_free_sized_inline(heap_of(test), p, 104);
	LOG_END_WITH(test, kind, 1, "check_bad_inline");
}

static void sized_tells_wrong_sizes(struct kunit *test)
{
	void *p = take(test, heap_of(test), 104), *q = take(test, heap_of(test), 5000);
	void *r = take(test, heap_of(test), 300);

	check_bad(test, "more than it has", p, 112, PHEAP_BAD_SIZE);
	check_bad(test, "much more", p, 5000, PHEAP_BAD_SIZE);
	check_bad(test, "beyond all classes", p, SZ_1M, PHEAP_BAD_SIZE);
	check_bad(test, "three quarters", p, 78, PHEAP_BAD_SIZE);
	check_bad(test, "nearly nothing", p, 0, PHEAP_BAD_SIZE);
	check_bad(test, "more than several pages have", q, SZ_64K, PHEAP_BAD_SIZE);
	check_bad_inline(test, "a third", r, PHEAP_BAD_SIZE);
	/* All of them are live still. */
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 3);
	pheap_free_sized(heap_of(test), p, 79);
	pheap_free_sized(heap_of(test), q, 4500);
	pheap_free_sized(heap_of(test), r, 300);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
}

/* It is the other heap's block, which the report says. */
static noinline void check_other(struct kunit *test, struct pheap *other, bool in_line,
				 const void *p, size_t size)
{
	struct pheap_stats before, after;

	pheap_get_stats(other, &before);
	log_expect(test, "another heap's");
	if (in_line)
		pheap_free_sized_inline(heap_of(test), p, 104);
	else
		pheap_free_sized(heap_of(test), p, size);
	log_end(test);
	pheap_get_stats(other, &after);
	KUNIT_EXPECT_EQ(test, after.bad[PHEAP_BAD_SIZE], before.bad[PHEAP_BAD_SIZE] + 1);
	KUNIT_EXPECT_EQ(test, after.live_blocks, before.live_blocks);
	KUNIT_EXPECT_TRUE(test, log_has(test, "check_other"));
	KUNIT_EXPECT_TRUE(test, log_has(test, "heap 'other'"));
}

/* In each of the ways that there are. */
static void sized_tells_other_heaps(struct kunit *test)
{
	struct pheap *other = fixture_extra(test, "other");
	void *p = take(test, other, 104), *q = take(test, other, 5000);
	void *keep = take(test, heap_of(test), 104);

	check_other(test, other, false, p, 104);
	check_other(test, other, false, q, 5000);
	check_other(test, other, true, p, 104);
	pheap_free_sized(other, p, 104);
	pheap_free_sized(other, q, 5000);
	pheap_free(keep);
}

/* An overrun of a debug block may reach where its size is. */
static void sized_leaves_overruns_to_debug(struct kunit *test)
{
	void *p = take(test, heap_of(test), 100), *keep = take(test, heap_of(test), 100);
	void *q = take(test, heap_of(test), 100);
	unsigned int i;

	/* It stays where it is, of a class that 90 bytes are not of. */
	KUNIT_ASSERT_PTR_EQ(test, pheap_realloc(heap_of(test), q, 90, FIXTURE_GFP), q);
	for (i = 104; i < 120; i++) {
		poke_byte_write(p + i, 0);
		poke_byte_write(q + i, 0);
	}
	check_bad(test, "an overrun", p, 100, PHEAP_BAD_OVERRUN);
	check_bad(test, "an overrun of a smaller block", q, 90, PHEAP_BAD_OVERRUN);
	check_bad(test, "more than any such block has", keep, 200, PHEAP_BAD_SIZE);
	pheap_free_sized(heap_of(test), keep, 100);
	/* What is in doubt stays. */
	fixture_of(test)->leaves = true;
}

/* What pheap_free() finds out. */
static void sized_tells_bad_frees(struct kunit *test)
{
	void *p = take(test, heap_of(test), 104), *keep = take(test, heap_of(test), 104);
	void *k = kmalloc(104, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, k);
	check_bad(test, "a middle", p + 8, 104, PHEAP_BAD_MIDDLE);
	check_bad_inline(test, "an odd middle", p + 1, PHEAP_BAD_MIDDLE);
	check_bad(test, "kmalloc's", k, 104, PHEAP_BAD_FOREIGN);
	check_bad_inline(test, "kmalloc's, in line", k, PHEAP_BAD_FOREIGN);
	migrate_disable();
	pheap_free_sized(heap_of(test), p, 104);
	check_bad(test, "free already", p, 104, PHEAP_BAD_DOUBLE);
	check_bad(test, "free already, and of another size", p, 16,
		  PHEAP_BAD_DOUBLE);
	check_bad_inline(test, "free already, in line", p, PHEAP_BAD_DOUBLE);
	migrate_enable();
	kfree(k);
	pheap_free_sized(heap_of(test), keep, 104);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
}

/* Where the arena comes second in its slot, nothing is found at once. */
static void sized_frees_behind_another_window(struct kunit *test)
{
	unsigned long span = (__pheap_map_mask + 1) * ARENA_SIZE;
	struct arena *beyond = kunit_kmalloc(test, sizeof(*beyond), GFP_KERNEL);
	void *p = take(test, heap_of(test), 9), *q = take(test, heap_of(test), 100);

	KUNIT_ASSERT_TRUE(test, beyond);
	memcpy(beyond, &arena_none, sizeof(*beyond));
	beyond->base = ((unsigned long)p + span) & ~(ARENA_SIZE - 1);
	beyond->heap = heap_of(test);
	map_insert(beyond);
	pheap_free_sized(heap_of(test), p, 9);
	check_bad(test, "of another size", q, 200, PHEAP_BAD_SIZE);
	pheap_free_sized_inline(heap_of(test), q, 100);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
	map_remove(beyond);
	synchronize_rcu();
}

/* A block of a pool of another class starts where one of this might. */
static unsigned int enough_wrong(struct pheap_cache *class, void *p, void *other)
{
	struct __pheap_cache *cache = (struct __pheap_cache *)class;
	unsigned int wrong = 0;
	void *got = NULL;
	bool good;

	preempt_disable();
	wrong += __pheap_free_to(cache, true, other, &good, __pheap_close_none);
	wrong += good;
	wrong += !__pheap_free_to(cache, true, p, &good, __pheap_close_none);
	wrong += !__pheap_pop(cache->mag, 0, (u64)class, &got, false);
	wrong += got != p;
	preempt_enable();
	return wrong;
}

static void sized_takes_no_other_class(struct kunit *test)
{
	void *p[4];
	unsigned int i;

	if (!__PHEAP_INLINE || want_init_on_free())
		kunit_skip(test, "nothing is done in line");
	for (i = 0; i < 4; i++)
		p[i] = take(test, heap_of(test), i % 2 ? 64 : 128);
	/* So that both have a magazine. */
	for (i = 0; i < 4; i++)
		pheap_free(p[i]);
	migrate_disable();
	p[0] = take(test, heap_of(test), 64);
	p[1] = take(test, heap_of(test), 128);
	KUNIT_EXPECT_EQ(test, enough_wrong(fixture_class(test, 64), p[0], p[1]), 0);
	migrate_enable();
	pheap_free_sized(heap_of(test), p[0], 64);
	pheap_free_sized(heap_of(test), p[1], 128);
	check_clean(test);
}

static struct kunit_case sized_cases[] = {
	MODE_CASE(all, sized_frees_every_size),
	MODE_CASE(all, sized_frees_constants),
	MODE_CASE(all, sized_frees_what_fell_back),
	MODE_CASE(all, sized_frees_usable),
	MODE_CASE(all, sized_frees_what_was_resized),
	MODE_CASE(plain, sized_tells_wrong_sizes),
	MODE_CASE(all, sized_tells_other_heaps),
	MODE_CASE(debug, sized_leaves_overruns_to_debug),
	MODE_CASE(plain, sized_tells_bad_frees),
	MODE_CASE(plain, sized_frees_behind_another_window),
	MODE_CASE(plain, sized_takes_no_other_class),
	{}
};

struct kunit_suite sized_suite = {
	.name = "pheap_sized",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = sized_cases,
};
