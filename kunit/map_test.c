// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/vmalloc.h>

#include "arena.h"
#include "backing.h"
#include "map.h"
#include "pheap_kunit.h"

MODE_SET(plain, MODE_PLAIN);
MODE_SET(pooled, MODE_PLAIN, MODE_DEBUG);
MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);

static void check_nobody(struct kunit *test, const void *p)
{
	KUNIT_EXPECT_PTR_EQ_MSG(test, fixture_pool(p), (struct pool *)NULL, "%p", p);
	KUNIT_EXPECT_EQ_MSG(test, pheap_size(p), 0, "%p", p);
	KUNIT_EXPECT_PTR_EQ_MSG(test, pheap_owner(p), (struct pheap *)NULL,
				"%p", p);
}

/* Any address at all. */
static void map_knows_no_foreign_address(struct kunit *test)
{
	static const unsigned long odd[] = {
		0, 1, 8, PAGE_SIZE - 1, PAGE_SIZE, 0x400000, 0x7ffffffff000,
		0x8000000000000000, 0x7fffffffffffffff, 0xdeadbeefdeadbeef,
		0xffff000000000000, -1UL, -8UL, -4096UL,
	};
	void *k = kmalloc(100, GFP_KERNEL), *v = vmalloc(100);
	unsigned long addr = COMPAT_DIRECT_MAP;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(odd); i++)
		check_nobody(test, (void *)odd[i]);
	for (i = 0; i < 64; i++) {
		check_nobody(test, (void *)(1UL << i));
		check_nobody(test, (void *)~(1UL << i));
		check_nobody(test, (void *)(addr - (1UL << i)));
		check_nobody(test, (void *)((unsigned long)high_memory +
					    (1UL << i)));
	}
	check_nobody(test, ERR_PTR(-ENOMEM));
	check_nobody(test, &i);
	check_nobody(test, k);
	check_nobody(test, v);
	check_nobody(test, heap_of(test));
	check_nobody(test, map_knows_no_foreign_address);
	kfree(k);
	vfree(v);
}

/* And by chance. */
static void map_knows_no_random_address(struct kunit *test)
{
	unsigned long span = (unsigned long)high_memory - COMPAT_DIRECT_MAP;
	unsigned int i;
	u64 r;

	kunit_info(test, "seed=%llu\n", fixture_of(test)->seed);
	for (i = 0; i < 20000; i++) {
		prandom_bytes_state(&fixture_of(test)->rnd, &r, sizeof(r));
		if (pheap_owner((void *)r) ||
		    pheap_owner((void *)(COMPAT_DIRECT_MAP + r % span)))
			KUNIT_FAIL(test, "%llx has an owner", r);
	}
}

/* Every address of every page leads to the pool. */
static void map_finds_every_page(struct kunit *test)
{
	struct pool *pool;
	struct arena *arena;
	unsigned int i;
	void *p, *at, *end;

	for (i = 8; i <= 64 * 1024; i *= 2) {
		p = pheap_alloc(heap_of(test), i, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p);
		pool = fixture_pool(p);
		KUNIT_ASSERT_TRUE(test, pool);
		arena = map_find_run(pool).arena;
		KUNIT_EXPECT_PTR_EQ(test, arena->heap, heap_of(test));
		end = pool_base(pool) +
		      (*spot_owner(map_find_run(pool)))->pages * PAGE_SIZE;
		for (at = pool_base(pool); at < end; at += 512) {
			KUNIT_EXPECT_PTR_EQ(test, fixture_pool(at), pool);
			KUNIT_EXPECT_PTR_EQ(test, fixture_pool(at + 511), pool);
		}
		rcu_read_lock();
		KUNIT_EXPECT_PTR_EQ(test, map_find_arena(heap_of(test),
							 (unsigned long)p),
				    arena);
		rcu_read_unlock();
		pheap_free(p);
	}
	pheap_trim(heap_of(test));
	check_nobody(test, p);
}

#define SHARERS		4
#define SHARE_PAGES	400

/* Two heaps that have an arena in the window of @p. */
static unsigned int sharers(struct pheap **heaps, const void *p)
{
	unsigned int i, nr = 0;

	rcu_read_lock();
	for (i = 0; i < SHARERS; i++)
		nr += !!map_find_arena(heaps[i], (unsigned long)p);
	rcu_read_unlock();
	return nr;
}

/* Heaps that share windows page by page, and leave them in any order. */
static void map_shares_windows(struct kunit *test)
{
	struct pheap *heaps[SHARERS] = { heap_of(test) };
	unsigned int i, shared = 0, from;
	void **p;

	p = kunit_kcalloc(test, SHARE_PAGES, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, p);
	for (i = 1; i < SHARERS; i++)
		heaps[i] = fixture_extra(test, (char []){ 'a' + i, 0 });
	WRITE_ONCE(backing_max_order, 0);
	for (i = 0; i < SHARE_PAGES; i++) {
		p[i] = pheap_alloc(heaps[i % SHARERS],
				   is_debug(test) ? PAGE_SIZE / 2 : PAGE_SIZE,
				   FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p[i]);
	}
	for (i = 0; i < SHARE_PAGES; i++) {
		KUNIT_EXPECT_PTR_EQ(test, pheap_owner(p[i]),
				    heaps[i % SHARERS]);
		shared += sharers(heaps, p[i]) > 1;
	}
	KUNIT_EXPECT_GT(test, shared, 0);
	/* The heaps go, the one that came first among the windows' not last. */
	for (from = 1; from < SHARERS; from++) {
		for (i = from; i < SHARE_PAGES; i += SHARERS)
			pheap_free(p[i]);
		pheap_trim(heaps[from]);
		fixture_drop_extra(test, heaps[from]);
		for (i = 0; i < SHARE_PAGES; i += SHARERS)
			KUNIT_EXPECT_PTR_EQ(test, pheap_owner(p[i]),
					    heaps[0]);
		for (i = from; i < SHARE_PAGES; i += SHARERS)
			KUNIT_EXPECT_TRUE(test, !pheap_owner(p[i]));
	}
	for (i = 0; i < SHARE_PAGES; i += SHARERS)
		pheap_free(p[i]);
}

/* Memory beyond what there was when the map was made shares its slots. */
static void map_chains_windows(struct kunit *test)
{
	unsigned long span = (__pheap_map_mask + 1) * ARENA_SIZE;
	void *p = pheap_alloc(heap_of(test), 100, FIXTURE_GFP);
	unsigned long addr = (unsigned long)p;
	struct arena *beyond = kunit_kzalloc(test, sizeof(*beyond), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, p);
	KUNIT_ASSERT_TRUE(test, beyond);
	beyond->base = ((addr + span) & ~(ARENA_SIZE - 1));
	beyond->heap = heap_of(test);
	for (i = 0; i < ARENA_PAGES; i++)
		beyond->cache[i] = cache_none;
	check_nobody(test, p + span);
	map_insert(beyond);
	rcu_read_lock();
	KUNIT_EXPECT_PTR_EQ(test, map_find_arena(heap_of(test), addr + span),
			    beyond);
	KUNIT_EXPECT_PTR_NE(test, map_find_arena(heap_of(test), addr), beyond);
	rcu_read_unlock();
	KUNIT_EXPECT_PTR_EQ(test, pheap_owner(p), heap_of(test));
	check_nobody(test, p + span);
	pheap_free(p);
	p = pheap_alloc(heap_of(test), 100, FIXTURE_GFP);
	map_remove(beyond);
	check_nobody(test, p + span);
	KUNIT_EXPECT_PTR_EQ(test, pheap_owner(p), heap_of(test));
	pheap_free(p);
	synchronize_rcu();
}

static struct kunit_case map_cases[] = {
	MODE_CASE(all, map_knows_no_foreign_address),
	MODE_CASE(all, map_knows_no_random_address),
	MODE_CASE(pooled, map_finds_every_page),
	MODE_CASE(pooled, map_shares_windows),
	MODE_CASE(plain, map_chains_windows),
	{}
};

struct kunit_suite map_suite = {
	.name = "pheap_map",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = map_cases,
};
