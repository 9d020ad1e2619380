// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "compat/kunit_compat.h"
#include "map.h"
#include "pheap_kunit.h"
#include "pool.h"
#include "report.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(pooled, MODE_PLAIN, MODE_DEBUG);
MODE_SET(plain, MODE_PLAIN);
MODE_SET(debug, MODE_DEBUG);

/* A third of them is more than a depot and a magazine hold. */
#define BLOCKS	2100

/* Whatever happened: the heap works, and hands nothing out twice. */
static void check_works(struct kunit *test, size_t size)
{
	struct cell *cells;
	unsigned int i, bad = 0;

	cells = kunit_kcalloc(test, BLOCKS, sizeof(*cells), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, cells);
	for (i = 0; i < BLOCKS; i++) {
		cells[i].p = pheap_alloc(heap_of(test), size, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, cells[i].p);
		cells[i].size = size;
		cells[i].tag = 0x10203040 + i * 0x01010101;
		cell_fill(&cells[i]);
	}
	for (i = 0; i < BLOCKS; i++) {
		bad += !cell_check(&cells[i]);
		pheap_free(cells[i].p);
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
	FIXTURE_CHECK(test);
}

/* Blocks of @size that fill some pools, so that no pool goes meanwhile. */
static void **keep_pools(struct kunit *test, size_t size)
{
	void **p = kunit_kcalloc(test, BLOCKS, sizeof(*p), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, p);
	for (i = 0; i < BLOCKS; i++) {
		p[i] = pheap_alloc(heap_of(test), size, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p[i]);
	}
	return p;
}

/* A free of @p is found to be @kind, says @text, and changes nothing. */
static void check_bad_free(struct kunit *test, const char *what,
			   const void *p, enum pheap_bad kind,
			   const char *text)
{
	struct pheap_stats before, after;
	unsigned int i;
	char name[24];

	/* Nothing else goes on: no magazine is on its way out. */
	fixture_held();
	before = fixture_stats(test);
	log_expect(test, what);
	pheap_free(p);
	LOG_END_WITH(test, kind, 1, text);
	snprintf(name, sizeof(name), "%p", p);
	KUNIT_EXPECT_TRUE_MSG(test, log_has(test, name), "%s", what);
	KUNIT_EXPECT_TRUE_MSG(test, log_has(test, "check_bad_free"), "%s",
			      what);
	after = fixture_stats(test);
	for (i = 0; i < PHEAP_BAD_NR; i++)
		after.bad[i] = before.bad[i];
	KUNIT_EXPECT_FALSE_MSG(test, memcmp(&before, &after, sizeof(after)),
			       "%s had an effect", what);
}

/* Memory of others: stack, vmalloc, kmalloc, pages, code, and none at all. */
static void report_foreign_pointers(struct kunit *test)
{
	static const struct {
		unsigned long addr;
		const char *what;
	} odd[] = {
		{ 1, "in the NULL page" },
		{ 0x800, "in the NULL page" },
		{ 0x400000, "a user address" },
		{ 0x8000000000000000, "not pheap's" },
		{ 0xdead000000000100, "not pheap's" },
		{ (unsigned long)-ENOMEM, "not pheap's" },
		{ (unsigned long)-8, "not pheap's" },
	};
	u64 stack[4] = {};
	void *k = kmalloc(64, GFP_KERNEL), *v = vmalloc(64);
	unsigned long page = __get_free_page(GFP_KERNEL);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(odd); i++)
		check_bad_free(test, odd[i].what, (void *)odd[i].addr,
			       PHEAP_BAD_FOREIGN, odd[i].what);
	check_bad_free(test, "stack", stack, PHEAP_BAD_FOREIGN,
		       "on the stack");
	check_bad_free(test, "kmalloc", k, PHEAP_BAD_FOREIGN, "in a slab");
	check_bad_free(test, "vmalloc", v, PHEAP_BAD_FOREIGN, "in vmalloc");
	check_bad_free(test, "page", (void *)page, PHEAP_BAD_FOREIGN,
		       "in a page");
	check_bad_free(test, "code", check_works, PHEAP_BAD_FOREIGN,
		       "not pheap's");
	KUNIT_EXPECT_EQ(test, stack[0] + stack[1] + stack[2] + stack[3], 0);
	kfree(k);
	vfree(v);
	free_page(page);
	check_works(test, 64);
}

/* Whatever bits of it are wrong that the map does not look at. */
static void report_foreign_aliases(struct kunit *test)
{
	static const size_t sizes[] = { 8, 64, 72, 512, 5000 };
	unsigned int i, bit;
	void *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = pheap_alloc(heap_of(test), sizes[i], FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p);
		for (bit = ARENA_SHIFT; bit < BITS_PER_LONG; bit++)
			if (BIT(bit) > __pheap_map_mask << ARENA_SHIFT)
				check_bad_free(test, "alias",
					       (void *)((unsigned long)p ^
							BIT(bit)),
					       PHEAP_BAD_FOREIGN, "");
		pheap_free(p);
	}
}

/* All but the start, of all kinds of blocks. */
static void report_middles(struct kunit *test)
{
	static const size_t sizes[] = { 16, 24, 500, 3000, 40000, 300000 };
	static const unsigned int offsets[] = { 1, 4, 7, 8 };
	unsigned int i, j;
	void *p, *other;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = pheap_alloc(heap_of(test), sizes[i], FIXTURE_GFP);
		other = pheap_alloc(heap_of(test), sizes[i], FIXTURE_GFP);
		for (j = 0; j < ARRAY_SIZE(offsets); j++) {
			log_expect(test, "the middle of a block");
			pheap_free(p + offsets[j]);
			log_end(test);
			KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks,
					2);
			KUNIT_EXPECT_PTR_EQ(test, pheap_owner(p),
					    heap_of(test));
		}
		log_expect(test, "the last bytes of a block");
		pheap_free(p + sizes[i] - 1);
		log_end(test);
		KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 2);
		pheap_free(p);
		pheap_free(other);
		KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
	}
}

static void report_middle_by_kind(struct kunit *test)
{
	void **p = keep_pools(test, 96);

	check_bad_free(test, "the middle of a block", p[3] + 8,
		       PHEAP_BAD_MIDDLE, "no block's start");
	KUNIT_EXPECT_TRUE(test, log_has(test, "heap 'kunit'"));
	KUNIT_EXPECT_TRUE(test, log_has(test, "class '96'"));
	pheap_free_bulk(BLOCKS, p);
	check_works(test, 96);
}

/* Behind the last block of a pool is no block. */
static void report_slack(struct kunit *test)
{
	void **p = keep_pools(test, 120);
	void *page = (void *)((unsigned long)p[0] & PAGE_MASK);

	check_bad_free(test, "the slack of a pool", page + PAGE_SIZE - 8,
		       PHEAP_BAD_MIDDLE, "no block's start");
	pheap_free_bulk(BLOCKS, p);
}

/* Twice in a row; the first is still in the magazine, if there is one. */
static void report_double_free_at_once(struct kunit *test)
{
	static const size_t sizes[] = { 8, 16, 40, 512, 1900, 9000 };
	unsigned int i;
	void **p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = keep_pools(test, sizes[i]);
		pheap_free(p[7]);
		check_bad_free(test, "a block twice", p[7], PHEAP_BAD_DOUBLE,
			       "double free");
		check_bad_free(test, "a block three times", p[7],
			       PHEAP_BAD_DOUBLE, "double free");
		KUNIT_EXPECT_TRUE(test, log_has(test, "heap 'kunit'"));
		p[7] = NULL;
		check_works(test, sizes[i]);
		pheap_free_bulk(BLOCKS, p);
	}
}

static bool is_in_pool(struct kunit *test, const void *p, size_t size)
{
	struct pheap_cache *cache = fixture_class(test, size);
	struct spot spot;
	bool is;

	rcu_read_lock();
	spot = map_find_pool(p);
	is = spot.arena && !pool_allocated(cache, spot, p);
	rcu_read_unlock();
	return is;
}

static void free_range(void **p, unsigned int from, unsigned int to)
{
	for (; from < to; from++) {
		pheap_free(p[from]);
		p[from] = NULL;
	}
}

/*
 * Free so many blocks that the depot is full, then p[40], and then so many more
 * that it goes to its pool, which others keep.
 */
static void free_to_pool(struct kunit *test, void **p, size_t size)
{
	free_range(p, BLOCKS / 3, BLOCKS * 2 / 3);
	pheap_free(p[40]);
	free_range(p, BLOCKS * 2 / 3, BLOCKS);
	if (is_plain(test))
		p[BLOCKS - 1] = pheap_alloc(heap_of(test), size, FIXTURE_GFP);
	KUNIT_EXPECT_TRUE(test, is_in_pool(test, p[40], size));
}

/* Twice; the first is back in its pool. */
static void report_double_free_in_pool(struct kunit *test)
{
	static const size_t sizes[] = { 8, 72, 256, 512 };
	unsigned int i;
	void **p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = keep_pools(test, sizes[i]);
		migrate_disable();
		free_to_pool(test, p, sizes[i]);
		check_bad_free(test, "a block that is in its pool", p[40],
			       PHEAP_BAD_DOUBLE, "double free");
		migrate_enable();
		p[40] = NULL;
		check_works(test, sizes[i]);
		pheap_free_bulk(BLOCKS, p);
	}
}

/* The same, written to in between: found out before it is handed out twice. */
static void report_double_free_in_pool_after_write(struct kunit *test)
{
	static const size_t sizes[] = { 8, 72, 256, 512 };
	struct pheap_stats s;
	unsigned int i;
	void **p;
	u64 bad;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = keep_pools(test, sizes[i]);
		s = fixture_stats(test);
		bad = s.bad[PHEAP_BAD_WRITE] + s.bad[PHEAP_BAD_DOUBLE];
		migrate_disable();
		free_to_pool(test, p, sizes[i]);
		log_expect(test, "a block in its pool written to and freed");
		poke_write(p[40], 0x4242424242424242);
		pheap_free(p[40]);
		p[40] = NULL;
		check_works(test, sizes[i]);
		migrate_enable();
		pheap_free_bulk(BLOCKS, p);
		pheap_trim(heap_of(test));
		log_end(test);
		s = fixture_stats(test);
		KUNIT_EXPECT_GT(test, s.bad[PHEAP_BAD_WRITE] +
				s.bad[PHEAP_BAD_DOUBLE], bad);
		FIXTURE_CHECK(test);
	}
}

/* The start of a block that was never handed out. */
static void report_free_of_virgin_block(struct kunit *test)
{
	void *p = pheap_alloc(heap_of(test), 192, FIXTURE_GFP), *last;
	struct pheap_cache *cache = fixture_class(test, 192);

	last = (void *)((unsigned long)p & PAGE_MASK) + cache->last;
	KUNIT_ASSERT_PTR_NE(test, p, last);
	check_bad_free(test, "a block that was never allocated", last,
		       PHEAP_BAD_DOUBLE, "double free");
	KUNIT_EXPECT_TRUE(test, !pheap_owner(last));
	pheap_free(p);
	check_works(test, 192);
}

/* The first page of a pool that is no more: some heap's, but no block. */
static void report_double_free_without_pool(struct kunit *test)
{
	void *p = pheap_alloc(heap_of(test), 4096, FIXTURE_GFP), *keep;
	long before = 0, after = 0;
	int i;

	keep = pheap_alloc(heap_of(test), 64, FIXTURE_GFP);
	pheap_free(p);
	pheap_trim(heap_of(test));
	for (i = 0; i < PHEAP_BAD_NR; i++)
		before += atomic_long_read(&report_counts[i]);
	log_expect(test, "a block whose page is gone");
	pheap_free(p);
	log_end(test);
	for (i = 0; i < PHEAP_BAD_NR; i++)
		after += atomic_long_read(&report_counts[i]);
	KUNIT_EXPECT_EQ(test, after - before, 1);
	KUNIT_EXPECT_TRUE(test, log_has(test, "free of"));
	pheap_free(keep);
	check_works(test, 4096);
}

/**
 * struct twice - a block that two CPUs free
 * @p: block.
 */
struct twice {
	void *p;
};

static void twice_free(void *arg)
{
	struct twice *twice = arg;

	pheap_free(twice->p);
}

static void report_double_free_on_two_cpus(struct kunit *test)
{
	void **p = keep_pools(test, 80);
	struct twice twice = { .p = p[100] };
	int cpu = raw_smp_processor_id(), other = fixture_other_cpu(cpu);

	if (other < 0)
		other = cpu;
	log_expect(test, "a block freed by two CPUs");
	pheap_free(p[100]);
	fixture_run_on(test, other, twice_free, &twice);
	fixture_run_on(test, cpu, twice_free, &twice);
	LOG_END_WITH(test, PHEAP_BAD_DOUBLE, 2, "double free");
	p[100] = NULL;
	check_works(test, 80);
	pheap_free_bulk(BLOCKS, p);
}

/*
 * What a magazine cannot see at the free: a block that was written to after
 * its first free.  Then both are found out before it is handed out twice.
 */
static void report_double_free_after_write(struct kunit *test)
{
	static const size_t sizes[] = { 8, 64, 200, 1000 };
	void **p, *twice, *q;
	unsigned int i, j, seen;
	long bad;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = keep_pools(test, sizes[i]);
		log_expect(test, "a block written to, and freed twice");
		migrate_disable();
		twice = p[50];
		pheap_free(twice);
		poke_write(twice, 0x4141414141414141);
		pheap_free(twice);
		p[50] = NULL;
		for (j = 0, seen = 0; j < BLOCKS; j++) {
			q = pheap_alloc(heap_of(test), sizes[i], FIXTURE_GFP);
			KUNIT_EXPECT_TRUE(test, q);
			seen += q == twice;
			if (!p[50] && q != twice)
				p[50] = q;
			else if (q != twice)
				pheap_free(q);
		}
		migrate_enable();
		pheap_free_bulk(BLOCKS, p);
		pheap_trim(heap_of(test));
		log_end(test);
		bad = fixture_stats(test).bad[PHEAP_BAD_WRITE] +
		      fixture_stats(test).bad[PHEAP_BAD_DOUBLE];
		KUNIT_EXPECT_GE(test, bad, i + 1);
		KUNIT_EXPECT_LE(test, seen, 1);
		if (seen)
			pheap_free(twice);
		FIXTURE_CHECK(test);
	}
}

/* Written to while it was free: not handed out again. */
static void report_write_after_free(struct kunit *test)
{
	void **p = keep_pools(test, 56), *hurt = p[9], *q[BLOCKS / 20];
	unsigned int i, seen = 0;

	log_expect(test, "a write to a free block");
	migrate_disable();
	pheap_free(hurt);
	poke_write(hurt, 0xbad);
	p[9] = NULL;
	for (i = 0; i < ARRAY_SIZE(q); i++) {
		q[i] = pheap_alloc(heap_of(test), 56, FIXTURE_GFP);
		seen += q[i] == hurt;
	}
	migrate_enable();
	LOG_END_WITH(test, PHEAP_BAD_WRITE, 1, "written to after its free");
	KUNIT_EXPECT_EQ(test, seen, 0);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).quarantine_blocks, 1);
	pheap_free_bulk(ARRAY_SIZE(q), q);
	pheap_free_bulk(BLOCKS, p);
	check_works(test, 56);
}

/* Those around it are handed out, each once. */
static void report_write_after_free_in_bulk(struct kunit *test)
{
	void **p = keep_pools(test, 56), *q[BLOCKS / 20];
	void *hurt[] = { p[9], p[14] };
	unsigned int i, j, nr = ARRAY_SIZE(q);

	log_expect(test, "two writes to free blocks");
	migrate_disable();
	pheap_free_bulk(20, p);
	memset(p, 0, 20 * sizeof(*p));
	poke_write(hurt[0], 0xbad);
	poke_write(hurt[1], 0xbad);
	KUNIT_EXPECT_EQ(test, pheap_alloc_bulk(heap_of(test), 56, FIXTURE_GFP,
					       nr, q), nr);
	migrate_enable();
	LOG_END_WITH(test, PHEAP_BAD_WRITE, 2, "written to after its free");
	for (i = 0; i < nr; i++) {
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_PTR_NE(test, q[i], q[j]);
		KUNIT_EXPECT_PTR_NE(test, q[i], hurt[0]);
		KUNIT_EXPECT_PTR_NE(test, q[i], hurt[1]);
	}
	pheap_free_bulk(nr, q);
	pheap_free_bulk(BLOCKS, p);
	check_works(test, 56);
}

/* One byte past the end of a debug block; one far behind in the red zone. */
static void report_overruns(struct kunit *test)
{
	static const size_t sizes[] = { 1, 8, 13, 16, 64, 100, 512, 2000 };
	unsigned int i;
	u8 *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = pheap_alloc(heap_of(test), sizes[i], FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p);
		log_expect(test, "a write past the end of a block");
		poke_byte_write(p + sizes[i], 0);
		pheap_free(p);
		LOG_END_WITH(test, PHEAP_BAD_OVERRUN, 1, "write past the end");
		KUNIT_EXPECT_EQ(test, fixture_stats(test).quarantine_blocks,
				i + 1);
		check_works(test, sizes[i]);
	}
}

/* A debug block knows where it was allocated and freed. */
static void report_stacks_of_debug_blocks(struct kunit *test)
{
	u8 *p = pheap_alloc(heap_of(test), 30, FIXTURE_GFP);

	KUNIT_ASSERT_TRUE(test, p);
	log_expect(test, "an overrun, with stacks");
	poke_byte_write(p + 30, 0);
	pheap_free(p);
	log_end(test);
	if (!compat_have_stacks())
		kunit_skip(test, "no stacks here");
	KUNIT_EXPECT_TRUE(test, log_has(test, "last allocated at"));
}

static void report_wrong_caches(struct kunit *test)
{
	const struct pheap_cache_args args = { .size = 64 };
	struct pheap_cache *a, *b;
	void *p, *q;

	a = pheap_cache_create(heap_of(test), "a", &args);
	b = pheap_cache_create(heap_of(test), "b", &args);
	KUNIT_ASSERT_FALSE(test, IS_ERR(a) || IS_ERR(b));
	p = pheap_cache_alloc(a, FIXTURE_GFP);
	q = pheap_alloc(heap_of(test), 64, FIXTURE_GFP);
	log_expect(test, "an object of another cache");
	pheap_cache_free(b, p);
	LOG_END_WITH(test, PHEAP_BAD_CACHE, 1, "not from");
	KUNIT_EXPECT_TRUE(test, log_has(test, "'a'"));
	log_expect(test, "a class's block to a cache");
	pheap_cache_free(b, q);
	LOG_END_WITH(test, PHEAP_BAD_CACHE, 1, "not from");
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 2);
	KUNIT_EXPECT_PTR_EQ(test, pheap_owner(p), heap_of(test));
	pheap_cache_free(a, p);
	pheap_free(q);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
	pheap_cache_destroy(a);
	pheap_cache_destroy(b);
}

static void report_blocks_of_destroyed_heaps(struct kunit *test)
{
	struct pheap *heap = fixture_extra(test, "past");
	void *p = pheap_alloc(heap, 48, FIXTURE_GFP);
	void *keep = pheap_alloc(heap_of(test), 1 << 14, FIXTURE_GFP);

	KUNIT_ASSERT_TRUE(test, p);
	log_expect(test, "a heap destroyed with a live block");
	fixture_drop_extra(test, heap);
	log_end(test);
	check_bad_free(test, "a block of a destroyed heap", p, PHEAP_BAD_STALE,
		       "destroyed heap");
	KUNIT_EXPECT_TRUE(test, log_has(test, "past"));
	KUNIT_EXPECT_TRUE(test, !pheap_owner(p));
	pheap_free(keep);
	check_works(test, 48);
}

/* Blocks outside arenas: those of a page and more, and all in passthrough. */
static void report_double_free_of_large(struct kunit *test)
{
	void *p = pheap_alloc(heap_of(test), SZ_512K, FIXTURE_GFP);

	KUNIT_ASSERT_TRUE(test, p);
	pheap_free(p);
	log_expect(test, "a large block twice");
	pheap_free(p);
	LOG_END_WITH(test, PHEAP_BAD_FOREIGN, 1, "not pheap's");
	FIXTURE_CHECK(test);
}

/* Ways to free other than pheap_free(). */
static void report_by_all_ways(struct kunit *test)
{
	void **p = keep_pools(test, 32), *twice[2];

	pheap_free(p[20]);
	log_expect(test, "double free, sensitive");
	pheap_free_sensitive(p[20]);
	LOG_END_WITH(test, PHEAP_BAD_DOUBLE, 1, "double free");
	log_expect(test, "double free, after a grace period");
	pheap_free_rcu(p[20]);
	fixture_held();
	LOG_END_WITH(test, PHEAP_BAD_DOUBLE, 1, "double free");
	twice[0] = p[20];
	twice[1] = p[20];
	log_expect(test, "double free in bulk");
	pheap_free_bulk(2, twice);
	LOG_END_WITH(test, PHEAP_BAD_DOUBLE, 2, "double free");
	log_expect(test, "one block to pheap_free_rcu() twice");
	pheap_free_rcu(p[21]);
	pheap_free_rcu(p[21]);
	fixture_held();
	fixture_held();
	LOG_END_WITH(test, PHEAP_BAD_DOUBLE, 1, "double free");
	p[20] = NULL;
	p[21] = NULL;
	pheap_free_bulk(BLOCKS, p);
	check_works(test, 32);
}

/* NULL is no misuse, by any way. */
static void report_nothing_for_null(struct kunit *test)
{
	const struct pheap_cache_args args = { .size = 64 };
	struct pheap_cache *cache = pheap_cache_create(heap_of(test), "c",
						       &args);
	void *none[3] = {};

	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	log_expect(test, "nothing");
	pheap_free(NULL);
	pheap_free_sensitive(NULL);
	pheap_free_rcu(NULL);
	pheap_free_bulk(3, none);
	pheap_free_bulk(0, NULL);
	pheap_cache_free(cache, NULL);
	pheap_cache_free_bulk(cache, 3, none);
	log_end(test);
	LOG_CHECK_COUNTS(test, PHEAP_BAD_FOREIGN, 0);
	pheap_cache_destroy(cache);
}

/* However many there are, the log is not flooded; all are counted. */
static void report_is_rate_limited(struct kunit *test)
{
	void **p = keep_pools(test, 16);
	int i;

	pheap_free(p[0]);
	log_expect(test, "1000 double frees");
	for (i = 0; i < 1000; i++)
		pheap_free(p[0]);
	log_end(test);
	LOG_CHECK_COUNTS(test, PHEAP_BAD_DOUBLE, 1000);
	KUNIT_EXPECT_GE(test, log_count(test, "double free: "), 1);
	KUNIT_EXPECT_LE(test, log_count(test, "double free: "), 40);
	p[0] = NULL;
	pheap_free_bulk(BLOCKS, p);
}

#define CULPRITS	40

/* Random misuse among random use: the model stays right. */
static void report_random_misuse(struct kunit *test)
{
	struct model model;
	void *freed[CULPRITS] = {};
	struct cell *cell;
	unsigned int i, at;

	model_init(test, &model, 300, GFP_KERNEL, 2000);
	log_expect(test, "misuse by chance");
	for (i = 0; i < 8000; i++) {
		at = model_random(&model, CULPRITS);
		cell = &model.cell[model_random(&model, model.nr)];
		switch (model_random(&model, 8)) {
		case 0:
			if (cell->p) {
				freed[at] = cell->p;
				model_free(&model, cell);
				pheap_free(freed[at]);
			}
			break;
		case 1:
			if (cell->p && cell->size > 9)
				pheap_free(cell->p + 1 +
					   model_random(&model, 8));
			break;
		default:
			KUNIT_ASSERT_TRUE_MSG(test, model_step(&model), "%s",
					      model.what);
		}
	}
	log_end(test);
	model_compare(test, &model);
	model_finish(test, &model);
	KUNIT_EXPECT_GT(test, fixture_stats(test).bad[PHEAP_BAD_DOUBLE], 0);
	KUNIT_EXPECT_GT(test, fixture_stats(test).bad[PHEAP_BAD_MIDDLE], 0);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).quarantine_blocks, 0);
}

static struct kunit_case report_cases[] = {
	MODE_CASE(all, report_foreign_pointers),
	MODE_CASE(all, report_foreign_aliases),
	MODE_CASE(all, report_middles),
	MODE_CASE(plain, report_middle_by_kind),
	MODE_CASE(plain, report_slack),
	MODE_CASE(pooled, report_double_free_at_once),
	MODE_CASE(pooled, report_double_free_in_pool),
	MODE_CASE(pooled, report_double_free_in_pool_after_write),
	MODE_CASE(pooled, report_free_of_virgin_block),
	MODE_CASE(pooled, report_double_free_without_pool),
	MODE_CASE(pooled, report_double_free_on_two_cpus),
	MODE_CASE(plain, report_double_free_after_write),
	MODE_CASE(pooled, report_write_after_free),
	MODE_CASE(pooled, report_write_after_free_in_bulk),
	MODE_CASE(debug, report_overruns),
	MODE_CASE(debug, report_stacks_of_debug_blocks),
	MODE_CASE(all, report_wrong_caches),
	MODE_CASE(pooled, report_blocks_of_destroyed_heaps),
	MODE_CASE(all, report_double_free_of_large),
	MODE_CASE(pooled, report_by_all_ways),
	MODE_CASE(all, report_nothing_for_null),
	MODE_CASE(plain, report_is_rate_limited),
	MODE_CASE(pooled, report_random_misuse),
	{}
};

struct kunit_suite report_suite = {
	.name = "pheap_report",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = report_cases,
};
