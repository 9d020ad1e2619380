// SPDX-License-Identifier: GPL-2.0
/*
 * What is in blocks: the system's init_on_alloc and init_on_free are kept to,
 * whichever way a block goes, and not more is done than they ask for.
 * scripts/check boots kernels with either.
 */
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "pheap_kunit.h"

MODE_SET(plain, MODE_PLAIN);

#define DIRT	0xa5
#define MARK	sizeof(u64)

/* Classes small and medium, some in pools of several pages. */
static const size_t sizes[] = { 16, 24, 200, 512, 1000, 3000, 9000, 40000 };

/* A dirty block, beside one that keeps its pool. */
static void *dirty_block(struct kunit *test, size_t size)
{
	void *p;

	KUNIT_ASSERT_TRUE(test, pheap_alloc(heap_of(test), size, FIXTURE_GFP));
	fixture_of(test)->leaves = true;
	p = pheap_alloc(heap_of(test), size, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, p);
	memset(p, DIRT, pheap_size(p));
	return p;
}

/* All but the mark is zero if @wiped, else dirty. */
static void check_bytes(struct kunit *test, const char *how, const void *p,
			size_t size, bool wiped)
{
	size_t i, wrong = 0;

	for (i = MARK; i < size; i++)
		wrong += poke_byte(p + i) != (wiped ? 0 : DIRT);
	KUNIT_EXPECT_EQ_MSG(test, wrong, 0, "%s, size %zu: %s", how, size,
			    wiped ? "not zeroed" : "touched");
}

static void free_one(void *p)
{
	pheap_free(p);
}

static void free_bulk(void *p)
{
	pheap_free_bulk(1, &p);
}

static void free_rcu(void *p)
{
	pheap_free_rcu(p);
	fixture_held();
}

static const struct {
	const char *name;
	void (*free)(void *p);
} frees[] = {
	{ "free", free_one },
	{ "bulk free", free_bulk },
	{ "free after a grace period", free_rcu },
};

static void content_of_freed_blocks(struct kunit *test)
{
	unsigned int i, how;
	size_t usable;
	void *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (how = 0; how < ARRAY_SIZE(frees); how++) {
			p = dirty_block(test, sizes[i]);
			usable = pheap_size(p);
			frees[how].free(p);
			check_bytes(test, frees[how].name, p, usable,
				    want_init_on_free());
		}
}

static void content_after_sensitive_free(struct kunit *test)
{
	unsigned int i;
	size_t usable;
	void *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = dirty_block(test, sizes[i]);
		usable = pheap_size(p);
		pheap_free_sensitive(p);
		check_bytes(test, "sensitive free", p, usable, true);
	}
}

static void *alloc_one(struct pheap *heap, size_t size)
{
	return pheap_alloc(heap, size, FIXTURE_GFP);
}

static void *alloc_on_node(struct pheap *heap, size_t size)
{
	return pheap_alloc_node(heap, size, FIXTURE_GFP, numa_mem_id());
}

static void *alloc_bulk(struct pheap *heap, size_t size)
{
	void *p = NULL;

	return pheap_alloc_bulk(heap, size, FIXTURE_GFP, 1, &p) ? p : NULL;
}

static void *alloc_by_realloc(struct pheap *heap, size_t size)
{
	return pheap_realloc(heap, NULL, size, FIXTURE_GFP);
}

static const struct {
	const char *name;
	void *(*alloc)(struct pheap *heap, size_t size);
} allocs[] = {
	{ "alloc", alloc_one },
	{ "alloc on a node", alloc_on_node },
	{ "bulk alloc", alloc_bulk },
	{ "realloc", alloc_by_realloc },
};

/* The block that was freed last is the one that is handed out next. */
static void check_again(struct kunit *test, size_t size, unsigned int how)
{
	void *p, *q;

	migrate_disable();
	p = dirty_block(test, size);
	pheap_free(p);
	q = allocs[how].alloc(heap_of(test), size);
	migrate_enable();
	KUNIT_EXPECT_PTR_EQ_MSG(test, p, q, "%s, size %zu", allocs[how].name,
				size);
	check_bytes(test, allocs[how].name, q, pheap_size(q),
		    want_init_on_alloc(FIXTURE_GFP) || want_init_on_free());
}

static void content_of_new_blocks(struct kunit *test)
{
	unsigned int i, how;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (how = 0; how < ARRAY_SIZE(allocs); how++)
			check_again(test, sizes[i], how);
}

/* What a move to a larger block adds. */
static void content_of_grown_blocks(struct kunit *test)
{
	void *p, *q;

	migrate_disable();
	q = dirty_block(test, 400);
	p = dirty_block(test, 100);
	pheap_free(q);
	q = pheap_realloc(heap_of(test), p, 400, FIXTURE_GFP);
	migrate_enable();
	KUNIT_ASSERT_TRUE(test, q);
	check_bytes(test, "what is kept", q, 100, false);
	check_bytes(test, "what is added", q + 104 - MARK, 400 - 104 + MARK,
		    want_init_on_alloc(FIXTURE_GFP) || want_init_on_free());
}

static void content_ctor(void *p)
{
	memset(p, DIRT, 72);
}

/* Objects stay as their constructor or their last holder left them. */
static void content_of_constructed_objects(struct kunit *test)
{
	const struct pheap_cache_args args = {
		.size = 72, .ctor = content_ctor,
	};
	struct pheap_cache *cache;
	void *p, *q;

	cache = pheap_cache_create(heap_of(test), "made", &args);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	migrate_disable();
	p = pheap_cache_alloc(cache, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, p);
	check_bytes(test, "new object", p, 72, false);
	pheap_cache_free(cache, p);
	check_bytes(test, "free object", p, 72, false);
	q = pheap_cache_alloc(cache, FIXTURE_GFP);
	migrate_enable();
	KUNIT_EXPECT_PTR_EQ(test, p, q);
	check_bytes(test, "object again", q, 72, false);
	pheap_cache_free(cache, q);
	pheap_cache_destroy(cache);
}

static void content_of_plain_objects(struct kunit *test)
{
	const struct pheap_cache_args args = { .size = 72 };
	struct pheap_cache *cache;
	void *p, *q, *keep;

	cache = pheap_cache_create(heap_of(test), "plain", &args);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	migrate_disable();
	keep = pheap_cache_alloc(cache, FIXTURE_GFP);
	p = pheap_cache_alloc(cache, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, keep && p);
	memset(p, DIRT, 72);
	pheap_cache_free(cache, p);
	check_bytes(test, "free object", p, 72, want_init_on_free());
	q = pheap_cache_alloc(cache, FIXTURE_GFP);
	migrate_enable();
	KUNIT_EXPECT_PTR_EQ(test, p, q);
	check_bytes(test, "object again", q, 72,
		    want_init_on_alloc(FIXTURE_GFP) || want_init_on_free());
	pheap_cache_free(cache, keep);
	pheap_cache_free(cache, q);
	pheap_cache_destroy(cache);
}

static struct kunit_case content_cases[] = {
	MODE_CASE(plain, content_of_freed_blocks),
	MODE_CASE(plain, content_after_sensitive_free),
	MODE_CASE(plain, content_of_new_blocks),
	MODE_CASE(plain, content_of_grown_blocks),
	MODE_CASE(plain, content_of_constructed_objects),
	MODE_CASE(plain, content_of_plain_objects),
	{}
};

struct kunit_suite content_suite = {
	.name = "pheap_content",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = content_cases,
};
