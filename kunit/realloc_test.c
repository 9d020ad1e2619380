// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "backing.h"
#include "debug.h"
#include "pheap_kunit.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(plain, MODE_PLAIN);
MODE_SET(debug, MODE_DEBUG);

/* Give the block in @cell @size bytes; content and rule are checked. */
static void resize(struct kunit *test, struct cell *cell, size_t size)
{
	size_t usable = pheap_size(cell->p), old = cell->size;
	bool stays = size <= usable &&
		     (usable <= SIZE_STEP || 4 * size > 3 * usable);
	void *p = pheap_realloc(heap_of(test), cell->p, size, FIXTURE_GFP);

	KUNIT_ASSERT_TRUE(test, p);
	if (is_plain(test) && usable <= SZ_256K)
		KUNIT_EXPECT_EQ_MSG(test, p == cell->p, stays,
				    "%zu of %zu to %zu", old, usable, size);
	KUNIT_EXPECT_TRUE_MSG(test, cell_check_part(cell, p, size),
			      "%zu to %zu", old, size);
	cell->p = p;
	cell->size = size;
	KUNIT_EXPECT_GE(test, pheap_size(p), size);
	cell_fill(cell);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 1);
}

static const size_t bounds[] = {
	0, 1, 6, 7, 8, 9, 12, 13, 16, 17, 48, 49, 64, 65, 72, 73, 100, 200,
	384, 385, 448, 449, 512, 513, 576, 577, 1000, 1024, 2048, 4096, 5000,
	8192, 20000, 65536,
};

/* From every size to every other. */
static void realloc_keeps_content(struct kunit *test)
{
	struct cell cell = { .tag = 5 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(bounds); i++)
		for (j = 0; j < ARRAY_SIZE(bounds); j++) {
			cell.size = bounds[i];
			cell.p = pheap_alloc(heap_of(test), cell.size,
					     FIXTURE_GFP);
			KUNIT_ASSERT_TRUE(test, cell.p);
			cell_fill(&cell);
			resize(test, &cell, bounds[j]);
			pheap_free(cell.p);
		}
	FIXTURE_CHECK(test);
}

/* A shrink moves only if it saves a quarter: at every step down. */
static void realloc_shrinks_by_pythons_rule(struct kunit *test)
{
	struct cell cell = { .tag = 5 };
	size_t from, to;

	for (from = 8; from <= SMALL_MAX; from += 56)
		for (to = 0; to <= from + 1; to++) {
			cell.size = from;
			cell.p = pheap_alloc(heap_of(test), from, FIXTURE_GFP);
			KUNIT_ASSERT_TRUE(test, cell.p);
			cell_fill(&cell);
			resize(test, &cell, to);
			pheap_free(cell.p);
		}
}

static void realloc_allocates_and_never_frees(struct kunit *test)
{
	void *p = pheap_realloc(heap_of(test), NULL, 100, FIXTURE_GFP);

	KUNIT_ASSERT_TRUE(test, p);
	KUNIT_EXPECT_GE(test, pheap_size(p), 100);
	p = pheap_realloc(heap_of(test), p, 0, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, p);
	KUNIT_EXPECT_PTR_EQ(test, pheap_owner(p), heap_of(test));
	if (is_plain(test))
		KUNIT_EXPECT_EQ(test, pheap_size(p), 8);
	pheap_free(p);
	p = pheap_realloc(heap_of(test), NULL, 0, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, p);
	pheap_free(p);
}

/* No memory: nothing happened. */
static void realloc_that_fails_does_nothing(struct kunit *test)
{
	static const size_t sizes[] = { 20, 500, 4000, 40000, 400000 };
	struct cell cell = { .tag = 9 };
	unsigned int i;
	size_t usable;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		cell.size = sizes[i];
		cell.p = pheap_alloc(heap_of(test), cell.size, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, cell.p);
		cell_fill(&cell);
		usable = pheap_size(cell.p);
		backing_fail_nth(1, true);
		KUNIT_EXPECT_TRUE(test, !pheap_realloc(heap_of(test), cell.p,
						       SZ_1M, FIXTURE_GFP));
		backing_fail_nth(0, false);
		KUNIT_EXPECT_TRUE(test, cell_check(&cell));
		KUNIT_EXPECT_EQ(test, pheap_size(cell.p), usable);
		KUNIT_EXPECT_EQ(test, fixture_stats(test).failures, i + 1);
		FIXTURE_CHECK(test);
		pheap_free(cell.p);
	}
}

/* What a move adds is zero. */
static void realloc_zeroes_what_it_adds(struct kunit *test)
{
	static const size_t sizes[] = { 8, 64, 512, 4096, SZ_32K, SZ_512K };
	unsigned int i;
	size_t usable;
	u8 *p;

	for (i = 0; i + 1 < ARRAY_SIZE(sizes); i++) {
		p = pheap_alloc(heap_of(test), sizes[i], FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p);
		usable = pheap_size(p);
		memset(p, 0xee, usable);
		p = pheap_realloc(heap_of(test), p, sizes[i + 1],
				  FIXTURE_GFP | __GFP_ZERO);
		KUNIT_ASSERT_TRUE(test, p);
		KUNIT_EXPECT_FALSE(test, memchr_inv(p, 0xee, usable));
		KUNIT_EXPECT_FALSE(test, memchr_inv(p + usable, 0,
						    sizes[i + 1] - usable));
		pheap_free(p);
	}
}

static void realloc_moves_to_its_heap(struct kunit *test)
{
	struct pheap *other = fixture_extra(test, "b");
	struct cell cell = { .size = 90, .tag = 3 };

	cell.p = pheap_alloc(heap_of(test), cell.size, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, cell.p);
	cell_fill(&cell);
	cell.p = pheap_realloc(other, cell.p, 9000, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, cell.p);
	KUNIT_EXPECT_PTR_EQ(test, pheap_owner(cell.p), other);
	KUNIT_EXPECT_TRUE(test, cell_check(&cell));
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
	pheap_free(cell.p);
}

static void realloc_takes_cache_objects(struct kunit *test)
{
	const struct pheap_cache_args args = { .size = 60 };
	struct pheap_cache *cache = pheap_cache_create(heap_of(test), "c",
						       &args);
	struct cell cell = { .size = 60, .tag = 4 };
	void *p;

	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	cell.p = pheap_cache_alloc(cache, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, cell.p);
	cell_fill(&cell);
	p = pheap_realloc(heap_of(test), cell.p, 60, FIXTURE_GFP);
	KUNIT_EXPECT_PTR_EQ(test, p, cell.p);
	/* Never beyond the object, even where the block is longer. */
	p = pheap_realloc(heap_of(test), cell.p, 61, FIXTURE_GFP);
	KUNIT_EXPECT_PTR_NE(test, p, cell.p);
	cell.p = p;
	KUNIT_EXPECT_TRUE(test, cell_check(&cell));
	pheap_free(p);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
	pheap_cache_destroy(cache);
}

#define OBJECT_MAGIC	0x123456789abcdefULL

/**
 * struct object - made by a constructor
 * @data: the user's.
 * @magic: the constructor's.
 */
struct object {
	u8 data[56];
	u64 magic;
};

static void object_ctor(void *p)
{
	struct object *object = p;

	object->magic = OBJECT_MAGIC;
}

/* What a constructor wrote stays, though the user asks for less. */
static void realloc_keeps_what_was_constructed(struct kunit *test)
{
	const struct pheap_cache_args args = {
		.size = sizeof(struct object), .ctor = object_ctor,
	};
	struct pheap_cache *cache = pheap_cache_create(heap_of(test), "o",
						       &args);
	struct object *object;
	int i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	for (i = 0; i < 100; i++) {
		object = pheap_cache_alloc(cache, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, object);
		KUNIT_EXPECT_EQ(test, object->magic, OBJECT_MAGIC);
		object = pheap_realloc(heap_of(test), object, 60, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, object);
		pheap_free(object);
	}
	pheap_cache_destroy(cache);
}

static void realloc_refuses_bad_pointers(struct kunit *test)
{
	void *p = pheap_alloc(heap_of(test), 200, FIXTURE_GFP), *q;
	unsigned long stack[2];

	log_expect(test, "realloc of the middle");
	q = pheap_realloc(heap_of(test), p + 8, 300, FIXTURE_GFP);
	KUNIT_EXPECT_TRUE(test, !q);
	if (is_passthrough(test))
		log_end(test);
	else
		LOG_END_WITH(test, PHEAP_BAD_MIDDLE, 1, "no block's start");
	pheap_free(p);
	log_expect(test, "realloc of a free block");
	q = pheap_realloc(heap_of(test), p, 300, FIXTURE_GFP);
	KUNIT_EXPECT_TRUE(test, !q);
	log_end(test);
	log_expect(test, "realloc of the stack");
	q = pheap_realloc(heap_of(test), stack, 300, FIXTURE_GFP);
	KUNIT_EXPECT_TRUE(test, !q);
	LOG_END_WITH(test, PHEAP_BAD_FOREIGN, 1, "stack");
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
}

/* The red zone moves along: bytes that a shrink took are no more the user's. */
static void realloc_moves_the_red_zone(struct kunit *test)
{
	u8 *p = pheap_alloc(heap_of(test), 100, FIXTURE_GFP), *q;

	KUNIT_ASSERT_TRUE(test, p);
	q = pheap_realloc(heap_of(test), p, 90, FIXTURE_GFP);
	KUNIT_ASSERT_PTR_EQ(test, q, p);
	KUNIT_EXPECT_EQ(test, pheap_size(q), 90);
	log_expect(test, "a write behind a shrunk block");
	poke_byte_write(q + 90, 0x11);
	pheap_free(q);
	LOG_END_WITH(test, PHEAP_BAD_OVERRUN, 1, "write past the end");
}

/* A write past the end is told of though the end has moved since. */
static void realloc_keeps_an_overrun(struct kunit *test)
{
	static const size_t sizes[] = { 90, 104 };
	unsigned int i;
	u8 *p, *q;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = pheap_alloc(heap_of(test), 100, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p);
		log_expect(test, "a write behind a block of another size");
		poke_byte_write(p + 100, 0x11);
		q = pheap_realloc(heap_of(test), p, sizes[i], FIXTURE_GFP);
		pheap_free(q);
		LOG_END_WITH(test, PHEAP_BAD_OVERRUN, 1, "write past the end");
	}
}

/* Nor is what it says of a block believed. */
static void realloc_doubts_an_overrun(struct kunit *test)
{
	u8 *p = pheap_alloc(heap_of(test), 100, FIXTURE_GFP);
	struct debug_tail *tail;

	KUNIT_ASSERT_TRUE(test, p);
	tail = (void *)(p + heap_of(test)->classes[class_of(100)]->size -
			sizeof(*tail));
	poke_byte_write((u8 *)&tail->request + 3, 0x41);
	KUNIT_EXPECT_LE(test, pheap_size(p), 104);
	log_expect(test, "a write over what is said of a block");
	KUNIT_EXPECT_PTR_EQ(test, pheap_realloc(heap_of(test), p, 102, FIXTURE_GFP),
			    (void *)p);
	pheap_free_sensitive(p);
	LOG_END_WITH(test, PHEAP_BAD_OVERRUN, 1, "write past the end");
}

#define NEIGHBOURS	64

/* A debug heap that passes all on has no red zones. */
static void realloc_of_what_is_passed_on(struct kunit *test)
{
	const struct pheap_args args = {
		.flags = PHEAP_DEBUG | PHEAP_PASSTHROUGH,
	};
	struct pheap *heap = pheap_create("both", &args);
	u8 *p[NEIGHBOURS];
	unsigned int i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(heap));
	for (i = 0; i < NEIGHBOURS; i++) {
		p[i] = pheap_alloc(heap, 64, GFP_KERNEL);
		if (p[i])
			memset(p[i], i, 64);
	}
	for (i = 0; i < NEIGHBOURS; i += 2)
		p[i] = pheap_realloc(heap, p[i], i % 4 ? 56 : 64, GFP_KERNEL);
	for (i = 0; i < NEIGHBOURS; i++) {
		KUNIT_EXPECT_TRUE(test, p[i] && !memchr_inv(p[i], i, 56));
		pheap_free(p[i]);
	}
	pheap_destroy(heap);
}

static struct kunit_case realloc_cases[] = {
	MODE_CASE(all, realloc_keeps_content),
	MODE_CASE(plain, realloc_shrinks_by_pythons_rule),
	MODE_CASE(all, realloc_allocates_and_never_frees),
	MODE_CASE(all, realloc_that_fails_does_nothing),
	MODE_CASE(all, realloc_zeroes_what_it_adds),
	MODE_CASE(all, realloc_moves_to_its_heap),
	MODE_CASE(all, realloc_takes_cache_objects),
	MODE_CASE(all, realloc_keeps_what_was_constructed),
	MODE_CASE(all, realloc_refuses_bad_pointers),
	MODE_CASE(debug, realloc_moves_the_red_zone),
	MODE_CASE(debug, realloc_keeps_an_overrun),
	MODE_CASE(debug, realloc_doubts_an_overrun),
	MODE_CASE(plain, realloc_of_what_is_passed_on),
	{}
};

struct kunit_suite realloc_suite = {
	.name = "pheap_realloc",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = realloc_cases,
};
