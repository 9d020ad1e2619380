// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/topology.h>

#include "map.h"
#include "pheap_kunit.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(pooled, MODE_PLAIN, MODE_DEBUG);
MODE_SET(plain, MODE_PLAIN);

static struct pheap_cache *make(struct kunit *test, const char *name,
				const struct pheap_cache_args *args)
{
	struct pheap_cache *cache = pheap_cache_create(heap_of(test), name,
						       args);

	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(cache));
	return cache;
}

static void ctor_nop(void *p)
{
}

static void cache_refuses_bad_arguments(struct kunit *test)
{
	static const struct pheap_cache_args bad[] = {
		{ .size = 0 },
		{ .size = SZ_256K + 1 },
		{ .size = SIZE_MAX },
		{ .size = 64, .align = 3 },
		{ .size = 64, .align = 2 * PAGE_SIZE },
		{ .size = 64, .align = SIZE_MAX },
		{ .size = 64, .dtor = ctor_nop },
	};
	static const char * const names[] = {
		"", "a b", "a/b", "\n", "0123456789abcdef0123456789abcdef",
	};
	const struct pheap_cache_args good = { .size = 64 };
	struct pheap *heap = heap_of(test);
	struct pheap_cache *cache;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		cache = pheap_cache_create(heap, "bad", &bad[i]);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(cache), -EINVAL,
				    "arguments %u", i);
	}
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		cache = pheap_cache_create(heap, names[i], &good);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(cache), -EINVAL,
				    "name '%s'", names[i]);
	}
	cache = pheap_cache_create(heap, NULL, &good);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(cache), -EINVAL);
	cache = pheap_cache_create(heap, "none", NULL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(cache), -EINVAL);
}

static void cache_has_name_and_size(struct kunit *test)
{
	const struct pheap_cache_args args = { .size = 43 };
	struct pheap_cache *cache = make(test, "one", &args), *again;
	struct pheap *other = fixture_extra(test, "b");

	KUNIT_EXPECT_STREQ(test, pheap_cache_name(cache), "one");
	KUNIT_EXPECT_EQ(test, pheap_cache_size(cache), 43);
	again = pheap_cache_create(heap_of(test), "one", &args);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(again), -EEXIST);
	/* Another heap's, and a class's, are no obstacle. */
	again = pheap_cache_create(other, "one", &args);
	KUNIT_EXPECT_FALSE(test, IS_ERR_OR_NULL(again));
	pheap_free(pheap_alloc(heap_of(test), 64, FIXTURE_GFP));
	again = make(test, "64", &args);
	pheap_cache_destroy(again);
	pheap_cache_destroy(cache);
	cache = make(test, "one", &args);
	pheap_cache_destroy(cache);
	pheap_cache_destroy(NULL);
	pheap_cache_destroy(ERR_PTR(-ENOMEM));
}

/* Size and alignment, on the first and the last object of several pools. */
static void cache_aligns(struct kunit *test)
{
	static const size_t sizes[] = { 1, 24, 512, 5000 };
	struct pheap_cache_args args = {};
	struct pheap_cache *cache;
	unsigned int i, j, bad;
	void *p[40];

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (args.align = 1; args.align <= PAGE_SIZE;
		     args.align *= 16) {
			args.size = sizes[i];
			cache = make(test, "aligned", &args);
			for (j = 0, bad = 0; j < ARRAY_SIZE(p); j++) {
				p[j] = pheap_cache_alloc(cache, FIXTURE_GFP);
				KUNIT_ASSERT_TRUE(test, p[j]);
				bad += !IS_ALIGNED((unsigned long)p[j],
						   args.align);
				bad += pheap_size(p[j]) != args.size;
				memset(p[j], j, args.size);
			}
			KUNIT_EXPECT_EQ_MSG(test, bad, 0, "size %zu align %zu",
					    args.size, args.align);
			for (j = 0; j < ARRAY_SIZE(p); j++) {
				KUNIT_EXPECT_FALSE(test,
						   memchr_inv(p[j], j,
							      args.size));
				pheap_cache_free(cache, p[j]);
			}
			pheap_cache_destroy(cache);
		}
}

#define OBJECT_MAGIC	0x6f626a656374ULL

/**
 * struct object - made by a constructor
 * @magic: set by it, and kept.
 * @data: the user's.
 */
struct object {
	u64 magic;
	u8 data[52];
};

static atomic_t constructed, destructed, strange;

static void object_ctor(void *p)
{
	struct object *object = p;

	object->magic = OBJECT_MAGIC;
	atomic_inc(&constructed);
}

static void object_dtor(void *p)
{
	struct object *object = p;

	if (object->magic != OBJECT_MAGIC)
		atomic_inc(&strange);
	atomic_inc(&destructed);
}

static const struct pheap_cache_args object_args = {
	.size = sizeof(struct object),
	.ctor = object_ctor,
	.dtor = object_dtor,
};

static struct pheap_cache *make_objects(struct kunit *test)
{
	atomic_set(&constructed, 0);
	atomic_set(&destructed, 0);
	atomic_set(&strange, 0);
	return make(test, "objects", &object_args);
}

/* Once for each object, however often it is allocated. */
static void cache_constructs_once(struct kunit *test)
{
	struct pheap_cache *cache = make_objects(test);
	struct object *p[150];
	unsigned int i, round, made;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = pheap_cache_alloc(cache, FIXTURE_GFP);
			KUNIT_ASSERT_TRUE(test, p[i]);
			KUNIT_ASSERT_EQ(test, p[i]->magic, OBJECT_MAGIC);
			memset(p[i]->data, round, sizeof(p[i]->data));
		}
		/* One that stays keeps each pool. */
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			KUNIT_ASSERT_FALSE(test,
					   memchr_inv(p[i]->data, round,
						      sizeof(p[i]->data)));
			pheap_cache_free(cache, p[i]);
		}
		made = atomic_read(&constructed);
		KUNIT_EXPECT_GE(test, made, ARRAY_SIZE(p));
		FIXTURE_CHECK(test);
	}
	pheap_cache_destroy(cache);
	KUNIT_EXPECT_EQ(test, atomic_read(&constructed),
			atomic_read(&destructed));
	KUNIT_EXPECT_EQ(test, atomic_read(&strange), 0);
}

/* While the memory stays with the cache, so does what was constructed. */
static void cache_keeps_what_was_constructed(struct kunit *test)
{
	struct pheap_cache *cache = make_objects(test);
	struct object *p, *keep = pheap_cache_alloc(cache, FIXTURE_GFP);
	unsigned int made, i;

	KUNIT_ASSERT_TRUE(test, keep);
	made = atomic_read(&constructed);
	KUNIT_EXPECT_EQ(test, made, (unsigned int)cache->blocks);
	for (i = 0; i < 1000; i++) {
		p = pheap_cache_alloc(cache, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p);
		KUNIT_ASSERT_EQ(test, p->magic, OBJECT_MAGIC);
		pheap_cache_free(cache, p);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&constructed), made);
	KUNIT_EXPECT_EQ(test, atomic_read(&destructed), 0);
	pheap_cache_free(cache, keep);
	pheap_cache_shrink(cache);
	KUNIT_EXPECT_EQ(test, atomic_read(&constructed),
			atomic_read(&destructed));
	pheap_cache_destroy(cache);
}

static void cache_destructs_at_the_heaps_end(struct kunit *test)
{
	struct pheap *heap = fixture_extra(test, "b");
	struct pheap_cache *cache;
	void *p[90];
	unsigned int i;

	atomic_set(&constructed, 0);
	atomic_set(&destructed, 0);
	cache = pheap_cache_create(heap, "objects", &object_args);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = pheap_cache_alloc(cache, FIXTURE_GFP);
	for (i = 0; i < 40; i++)
		pheap_cache_free(cache, p[i]);
	log_expect(test, "a heap destroyed with live objects");
	fixture_drop_extra(test, heap);
	log_end(test);
	KUNIT_EXPECT_TRUE(test, log_has(test, "50 blocks"));
	KUNIT_EXPECT_GE(test, atomic_read(&constructed), 90);
	KUNIT_EXPECT_EQ(test, atomic_read(&constructed),
			atomic_read(&destructed));
	KUNIT_EXPECT_EQ(test, atomic_read(&strange), 0);
}

/* Asking for a constructed object that is zeroed makes no sense. */
static void cache_does_not_zero_objects(struct kunit *test)
{
	struct pheap_cache *cache = make_objects(test);
	struct object *p;
	int i;

	for (i = 0; i < 3; i++) {
		log_expect(test, "__GFP_ZERO with a constructor");
		p = pheap_cache_alloc(cache, FIXTURE_GFP | __GFP_ZERO);
		log_end(test);
		KUNIT_ASSERT_TRUE(test, p);
		KUNIT_EXPECT_EQ(test, p->magic, OBJECT_MAGIC);
		pheap_cache_free(cache, p);
	}
	pheap_cache_destroy(cache);
}

static void cache_zeroes(struct kunit *test)
{
	const struct pheap_cache_args args = { .size = 77 };
	struct pheap_cache *cache = make(test, "zeroed", &args);
	unsigned int i;
	void *p;

	for (i = 0; i < 100; i++) {
		p = pheap_cache_alloc(cache, FIXTURE_GFP | __GFP_ZERO);
		KUNIT_ASSERT_TRUE(test, p);
		KUNIT_EXPECT_FALSE(test, memchr_inv(p, 0, 77));
		memset(p, 0xff, 77);
		pheap_cache_free(cache, p);
	}
	pheap_cache_destroy(cache);
}

static void cache_destroys_what_is_live(struct kunit *test)
{
	struct pheap_cache *cache = make_objects(test);
	struct pheap_stats before = fixture_stats(test), after;
	unsigned int i;

	for (i = 0; i < 33; i++)
		KUNIT_EXPECT_TRUE(test, pheap_cache_alloc(cache, FIXTURE_GFP));
	log_expect(test, "a cache destroyed with live objects");
	pheap_cache_destroy(cache);
	log_end(test);
	KUNIT_EXPECT_TRUE(test, log_has(test, "33 blocks"));
	KUNIT_EXPECT_TRUE(test, log_has(test, "cache 'objects'"));
	KUNIT_EXPECT_EQ(test, atomic_read(&constructed),
			atomic_read(&destructed));
	pheap_trim(heap_of(test));
	after = fixture_stats(test);
	KUNIT_EXPECT_EQ(test, after.live_blocks, 0);
	KUNIT_EXPECT_LT(test, after.taken, before.taken);
	FIXTURE_CHECK(test);
}

/* Two caches, and the class, of one size: each has pools of its own. */
static void cache_is_never_merged(struct kunit *test)
{
	const struct pheap_cache_args args = { .size = 128 };
	struct pheap_cache *a = make(test, "a", &args);
	struct pheap_cache *b = make(test, "b", &args);
	unsigned long pages[3];
	unsigned int i;
	void *p[3];

	KUNIT_EXPECT_PTR_NE(test, a, b);
	for (i = 0; i < 50; i++) {
		p[0] = pheap_cache_alloc(a, FIXTURE_GFP);
		p[1] = pheap_cache_alloc(b, FIXTURE_GFP);
		p[2] = pheap_alloc(heap_of(test), 128, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p[0] && p[1] && p[2]);
		pages[0] = (unsigned long)p[0] >> PAGE_SHIFT;
		pages[1] = (unsigned long)p[1] >> PAGE_SHIFT;
		pages[2] = (unsigned long)p[2] >> PAGE_SHIFT;
		KUNIT_EXPECT_NE(test, pages[0], pages[1]);
		KUNIT_EXPECT_NE(test, pages[0], pages[2]);
		KUNIT_EXPECT_NE(test, pages[1], pages[2]);
		pheap_cache_free(b, p[1]);
		pheap_cache_free(a, p[0]);
		pheap_free(p[2]);
	}
	pheap_cache_destroy(a);
	pheap_cache_destroy(b);
}

static void cache_shrinks(struct kunit *test)
{
	const struct pheap_cache_args args = { .size = 256 };
	struct pheap_cache *cache = make(test, "shrunk", &args);
	struct pheap_stats s;
	void *p[120];
	unsigned int i;
	size_t bytes;
	u64 before;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = pheap_cache_alloc(cache, FIXTURE_GFP);
	while (i--)
		pheap_cache_free(cache, p[i]);
	before = fixture_stats(test).taken;
	bytes = pheap_cache_shrink(cache);
	s = fixture_stats(test);
	KUNIT_EXPECT_EQ(test, before - s.taken, bytes);
	KUNIT_EXPECT_EQ(test, s.pools, 0);
	KUNIT_EXPECT_EQ(test, s.magazine_blocks, 0);
	FIXTURE_CHECK(test);
	pheap_cache_destroy(cache);
}

/* Bytes that the magazine may hold; none for who prefers space. */
static void cache_obeys_policy(struct kunit *test)
{
	static const struct pheap_cache_args args[] = {
		{ .size = 32, .space = true },
		{ .size = 32, .magazine_bytes = 160 },
		{ .size = 32, .magazine_bytes = 1 },
		{ .size = 3000, .magazine_bytes = 64 },
	};
	static const unsigned int most[] = { 0, 5, 2, 2 };
	unsigned int i, j;
	void *p[100];

	for (i = 0; i < ARRAY_SIZE(args); i++) {
		struct pheap_cache *cache = make(test, "policy", &args[i]);

		migrate_disable();
		for (j = 0; j < ARRAY_SIZE(p); j++)
			p[j] = pheap_cache_alloc(cache, FIXTURE_GFP);
		for (j = 0; j < ARRAY_SIZE(p); j++)
			pheap_cache_free(cache, p[j]);
		migrate_enable();
		KUNIT_EXPECT_EQ(test, (unsigned int)cache->capacity, most[i]);
		/* The magazine, and a depot of four. */
		KUNIT_EXPECT_LE(test, fixture_stats(test).magazine_blocks,
				5 * most[i]);
		FIXTURE_CHECK(test);
		pheap_cache_destroy(cache);
	}
}

static void cache_bulk(struct kunit *test)
{
	struct pheap_cache *cache = make_objects(test);
	struct object *object;
	void *p[130];
	unsigned int n, i, j;

	for (n = 0; n <= ARRAY_SIZE(p); n += 13) {
		KUNIT_ASSERT_EQ(test, pheap_cache_alloc_bulk(cache, FIXTURE_GFP,
							     n, p), n);
		for (i = 0; i < n; i++) {
			object = p[i];
			KUNIT_EXPECT_EQ(test, object->magic, OBJECT_MAGIC);
			for (j = 0; j < i; j++)
				KUNIT_ASSERT_PTR_NE(test, p[i], p[j]);
		}
		KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, n);
		FIXTURE_CHECK(test);
		if (n)
			pheap_cache_free(cache, p[n / 2]);
		if (n)
			p[n / 2] = NULL;
		pheap_cache_free_bulk(cache, n, p);
		KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
	}
	pheap_cache_destroy(cache);
}

/* Objects go by any of the ways to free a block, but come from their cache. */
static void cache_objects_are_blocks(struct kunit *test)
{
	struct pheap_cache *cache = make_objects(test);
	void *p = pheap_cache_alloc(cache, FIXTURE_GFP);

	KUNIT_EXPECT_PTR_EQ(test, pheap_owner(p), heap_of(test));
	KUNIT_EXPECT_EQ(test, pheap_size(p), sizeof(struct object));
	pheap_free(p);
	KUNIT_EXPECT_TRUE(test, !pheap_owner(p));
	p = pheap_cache_alloc(cache, FIXTURE_GFP);
	pheap_free_rcu(p);
	fixture_held();
	KUNIT_EXPECT_TRUE(test, !pheap_owner(p));
	pheap_cache_free(cache, NULL);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
	pheap_cache_destroy(cache);
}

struct visits {
	struct pheap_cache *cache;
	unsigned int named;
	unsigned int others;
};

static bool visit(void *p, size_t size, struct pheap_cache *cache, void *arg)
{
	struct visits *visits = arg;

	visits->named += cache == visits->cache;
	visits->others += !cache;
	return true;
}

static void cache_is_told_by_walks(struct kunit *test)
{
	struct visits visits = { .cache = make_objects(test) };
	void *p[10], *q[20];
	unsigned int i;

	for (i = 0; i < 10; i++)
		p[i] = pheap_cache_alloc(visits.cache, FIXTURE_GFP);
	for (i = 0; i < 20; i++)
		q[i] = pheap_alloc(heap_of(test), 60, FIXTURE_GFP);
	KUNIT_EXPECT_EQ(test, pheap_for_each(heap_of(test), visit, &visits),
			30);
	KUNIT_EXPECT_EQ(test, visits.named, 10);
	KUNIT_EXPECT_EQ(test, visits.others, 20);
	pheap_free_bulk(20, q);
	pheap_cache_free_bulk(visits.cache, 10, p);
	pheap_cache_destroy(visits.cache);
}

/* The largest there are. */
static void cache_of_large_objects(struct kunit *test)
{
	struct pheap_cache_args args = { .size = SZ_128K };
	struct pheap_cache *cache;
	void *p[3];
	int i;

	if (is_plain(test))
		args.size = SZ_256K;
	cache = make(test, "large", &args);
	for (i = 0; i < 3; i++) {
		p[i] = pheap_cache_alloc(cache, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p[i]);
		memset(p[i], i, args.size);
	}
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_FALSE(test, memchr_inv(p[i], i, args.size));
		pheap_cache_free(cache, p[i]);
	}
	pheap_cache_destroy(cache);
}

static struct kunit_case cache_cases[] = {
	MODE_CASE(all, cache_refuses_bad_arguments),
	MODE_CASE(all, cache_has_name_and_size),
	MODE_CASE(all, cache_aligns),
	MODE_CASE(all, cache_constructs_once),
	MODE_CASE(pooled, cache_keeps_what_was_constructed),
	MODE_CASE(all, cache_destructs_at_the_heaps_end),
	MODE_CASE(all, cache_does_not_zero_objects),
	MODE_CASE(all, cache_zeroes),
	MODE_CASE(all, cache_destroys_what_is_live),
	MODE_CASE(pooled, cache_is_never_merged),
	MODE_CASE(all, cache_shrinks),
	MODE_CASE(plain, cache_obeys_policy),
	MODE_CASE(all, cache_bulk),
	MODE_CASE(all, cache_objects_are_blocks),
	MODE_CASE(all, cache_is_told_by_walks),
	MODE_CASE(all, cache_of_large_objects),
	{}
};

struct kunit_suite cache_suite = {
	.name = "pheap_cache",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = cache_cases,
};
