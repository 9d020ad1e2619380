// SPDX-License-Identifier: GPL-2.0
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "arena.h"
#include "compat/kunit_compat.h"
#include "pheap_kunit.h"
#include "trim.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(pooled, MODE_PLAIN, MODE_DEBUG);
MODE_SET(plain, MODE_PLAIN);

static void heap_refuses_bad_names(struct kunit *test)
{
	static const char * const bad[] = {
		"", "a b", "a/b", "a\tb", "a\nb", ".", "..", "\x7f", "\xc3\xa9",
		"0123456789abcdef0123456789abcdef",
	};
	struct pheap *heap;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		heap = pheap_create(bad[i], NULL);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(heap), -EINVAL,
				    "name '%s'", bad[i]);
		pheap_destroy(heap);
	}
	heap = pheap_create(NULL, NULL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(heap), -EINVAL);
	heap = pheap_create("kunit", NULL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(heap), -EEXIST);
	heap = fixture_extra(test, "0123456789abcdef0123456789abcde");
	KUNIT_EXPECT_STREQ(test, pheap_name(heap),
			   "0123456789abcdef0123456789abcde");
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(pheap_create(pheap_name(heap),
							   NULL)), -EEXIST);
}

static void heap_refuses_bad_arguments(struct kunit *test)
{
	static const struct pheap_args bad[] = {
		{ .flags = 1U << 31 },
		{ .flags = PHEAP_RESERVE_NONE << 1 },
		{ .flags = PHEAP_RESERVE_NONE, .reserve = SZ_4K },
		{ .limit = SZ_1M, .reserve = SZ_1M + 1 },
		{ .limit = 1 },
		{ .limit = SZ_1K },
		{ .has_node = true, .node = -1 },
		{ .has_node = true, .node = MAX_NUMNODES },
		{ .has_node = true, .node = INT_MAX },
	};
	struct pheap *heap;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		heap = pheap_create("bad", &bad[i]);
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(heap), -EINVAL,
				    "arguments %u", i);
		pheap_destroy(heap);
	}
}

static void heap_takes_good_arguments(struct kunit *test)
{
	static const struct pheap_args good[] = {
		{},
		{ .flags = PHEAP_ACCOUNT },
		{ .flags = PHEAP_RESERVE_NONE },
		{ .limit = SZ_1M, .reserve = SZ_1M },
		{ .limit = SZ_64K },
		{ .reserve = 1 },
		{ .has_node = true, .node = 0 },
		{ .node = -5 },
	};
	unsigned int i;
	void *p;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		fixture_remake(test, &good[i]);
		p = pheap_alloc(heap_of(test), 100, FIXTURE_GFP);
		KUNIT_EXPECT_TRUE_MSG(test, p, "arguments %u", i);
		KUNIT_EXPECT_PTR_EQ(test, pheap_owner(p), heap_of(test));
		pheap_free(p);
	}
	pheap_destroy(NULL);
	pheap_destroy(ERR_PTR(-ENOMEM));
}

/* Usable bytes of a block for @size, by the rule that users are told. */
static void check_size(struct kunit *test, size_t size)
{
	void *p = pheap_alloc(heap_of(test), size, FIXTURE_GFP);
	size_t usable = pheap_size(p);

	KUNIT_ASSERT_TRUE(test, p);
	KUNIT_EXPECT_GE(test, usable, size);
	if (is_plain(test) && size && size <= SMALL_MAX)
		KUNIT_EXPECT_EQ_MSG(test, usable, ALIGN(size, 8), "size %zu",
				    size);
	if (is_plain(test) && !size)
		KUNIT_EXPECT_EQ(test, usable, 8);
	if (is_plain(test) && size > SMALL_MAX)
		KUNIT_EXPECT_LE_MSG(test, (usable - size) * 8, usable,
				    "size %zu has %zu", size, usable);
	if (!is_plain(test))
		KUNIT_EXPECT_LE(test, usable,
				size > CLASS_MAX / 4 ? PAGE_ALIGN(size) :
						       max(size, (size_t)8));
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p, 8));
	if (is_power_of_2(size))
		KUNIT_EXPECT_TRUE_MSG(test,
				      IS_ALIGNED((unsigned long)p,
						 min(size, PAGE_SIZE)),
				      "size %zu at %p", size, p);
	memset(p, 0xa5, size);
	pheap_free(p);
}

static void heap_rounds_small_sizes(struct kunit *test)
{
	size_t size;

	for (size = 0; size <= SMALL_MAX + 1; size++)
		check_size(test, size);
	FIXTURE_CHECK(test);
}

static void heap_rounds_medium_sizes(struct kunit *test)
{
	unsigned int index;
	size_t size;

	for (index = NR_SMALL - 1; index < NR_CLASSES; index++) {
		size = class_size(index);
		check_size(test, size - 1);
		check_size(test, size);
		check_size(test, size + 1);
	}
	FIXTURE_CHECK(test);
}

/* Every block of several pools, not only the first. */
static void heap_aligns_powers_of_two(struct kunit *test)
{
	const unsigned int nr = 300;
	unsigned int i, bad;
	size_t size;
	void **p;

	p = kunit_kcalloc(test, nr, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, p);
	for (size = 8; size <= SZ_32K; size *= 2) {
		for (i = 0, bad = 0; i < nr; i++) {
			p[i] = pheap_alloc(heap_of(test), size, FIXTURE_GFP);
			bad += !p[i] || !IS_ALIGNED((unsigned long)p[i], size);
		}
		KUNIT_EXPECT_EQ_MSG(test, bad, 0, "size %zu", size);
		pheap_free_bulk(nr, p);
	}
}

/* Nothing is something: a byte at least, and not another's. */
static void heap_has_blocks_of_no_size(struct kunit *test)
{
	unsigned int i, wrong = 0;
	u8 *p[100];

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = pheap_alloc(heap_of(test), 0, FIXTURE_GFP);
		KUNIT_ASSERT_FALSE(test, ZERO_OR_NULL_PTR(p[i]));
		KUNIT_EXPECT_GE(test, pheap_size(p[i]), 1);
		KUNIT_EXPECT_PTR_EQ(test, pheap_owner(p[i]), heap_of(test));
		*p[i] = i;
	}
	for (i = 0; i < ARRAY_SIZE(p); i++)
		wrong += *p[i] != i;
	KUNIT_EXPECT_EQ(test, wrong, 0);
	pheap_free_bulk(ARRAY_SIZE(p), (void **)p);
	FIXTURE_CHECK(test);
}

/* All memory from one node, whatever the caller's. */
static void heap_is_bound_to_its_node(struct kunit *test)
{
	unsigned int i, wrong = 0;
	int node, other;
	void *p[60];

	for_each_online_node(node) {
		fixture_remake(test, &(struct pheap_args) {
			.has_node = true, .node = node,
		});
		other = next_online_node(node);
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = i % 2 ? pheap_alloc(heap_of(test), 1000,
						   FIXTURE_GFP) :
				       pheap_alloc_node(heap_of(test), 1000,
							FIXTURE_GFP, other);
			KUNIT_ASSERT_TRUE(test, p[i]);
			wrong += page_to_nid(virt_to_page(p[i])) != node;
		}
		KUNIT_EXPECT_EQ(test, wrong, 0);
		pheap_free_bulk(ARRAY_SIZE(p), p);
	}
}

/* Classes as the header states them. */
static void heap_classes_are_in_order(struct kunit *test)
{
	unsigned int index;
	size_t size;

	for (index = 2; index < NR_CLASSES; index++)
		KUNIT_EXPECT_GT(test, class_size(index), class_size(index - 1));
	KUNIT_EXPECT_EQ(test, class_size(NR_CLASSES - 1), CLASS_MAX);
	for (size = 1; size <= CLASS_MAX; size++) {
		index = class_of(size);
		if (size > class_size(index) ||
		    (index > 1 && size <= class_size(index - 1)))
			KUNIT_FAIL(test, "size %zu in class %u", size, index);
	}
	KUNIT_EXPECT_EQ(test, class_size(class_of(0)), 8);
}

static void heap_zeroes(struct kunit *test)
{
	static const size_t sizes[] = { 0, 1, 100, 512, 3000, 20000, 300000 };
	struct pheap *heap = heap_of(test);
	unsigned int i, j;
	void *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (j = 0; j < 8; j++) {
			p = pheap_zalloc(heap, sizes[i], FIXTURE_GFP);
			KUNIT_ASSERT_TRUE(test, p);
			KUNIT_EXPECT_FALSE(test, memchr_inv(p, 0, sizes[i]));
			memset(p, 0xff, sizes[i]);
			pheap_free(p);
			p = pheap_calloc(heap, 3, sizes[i] / 3, FIXTURE_GFP);
			KUNIT_ASSERT_TRUE(test, p);
			KUNIT_EXPECT_FALSE(test, memchr_inv(p, 0,
							    sizes[i] / 3 * 3));
			memset(p, 0xff, sizes[i] / 3 * 3);
			pheap_free(p);
		}
}

static void heap_calloc_checks_overflow(struct kunit *test)
{
	struct pheap *heap = heap_of(test);
	size_t half = SIZE_MAX / 2 + 1;

	OPTIMIZER_HIDE_VAR(half);
	KUNIT_EXPECT_TRUE(test, !pheap_calloc(heap, half, 2, FIXTURE_GFP));
	KUNIT_EXPECT_TRUE(test, !pheap_calloc(heap, 2, half, FIXTURE_GFP));
	KUNIT_EXPECT_TRUE(test, !pheap_calloc(heap, half, half, FIXTURE_GFP));
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
}

static void heap_copies(struct kunit *test)
{
	static const char text[] = "What is copied, is copied whole.";
	struct pheap *heap = heap_of(test);
	char *p, *q;

	p = pheap_memdup(heap, text, sizeof(text), FIXTURE_GFP);
	q = pheap_strdup(heap, text, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, p && q);
	KUNIT_EXPECT_STREQ(test, p, text);
	KUNIT_EXPECT_STREQ(test, q, text);
	KUNIT_EXPECT_GE(test, pheap_size(q), sizeof(text));
	pheap_free(p);
	pheap_free(q);
	q = pheap_strdup(heap, "", FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, q);
	KUNIT_EXPECT_STREQ(test, q, "");
	pheap_free(q);
	KUNIT_EXPECT_TRUE(test, !pheap_strdup(heap, NULL, FIXTURE_GFP));
}

static void heap_allocates_on_nodes(struct kunit *test)
{
	static const int nodes[] = { NUMA_NO_NODE, 0, -7, MAX_NUMNODES, INT_MAX };
	unsigned int i;
	void *p;

	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		p = pheap_alloc_node(heap_of(test), 200, FIXTURE_GFP, nodes[i]);
		KUNIT_ASSERT_TRUE(test, p);
		if (nodes[i] == 0 && !is_passthrough(test))
			KUNIT_EXPECT_EQ(test, page_to_nid(virt_to_page(p)), 0);
		pheap_free(p);
	}
	for_each_online_node(i) {
		p = pheap_alloc_node(heap_of(test), 200,
				     FIXTURE_GFP | __GFP_THISNODE, i);
		KUNIT_ASSERT_TRUE(test, p);
		KUNIT_EXPECT_EQ(test, page_to_nid(virt_to_page(p)), i);
		pheap_free(p);
	}
}

/* Flags that make no sense for a heap do no harm. */
static void heap_ignores_zones(struct kunit *test)
{
	static const gfp_t flags[] = {
		__GFP_DMA, __GFP_DMA32, __GFP_HIGHMEM, __GFP_MOVABLE,
		__GFP_COMP, __GFP_RECLAIMABLE, __GFP_ACCOUNT,
	};
	unsigned int i;
	void *p, *q;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		p = pheap_alloc(heap_of(test), 40 + 16 * i,
				FIXTURE_GFP | flags[i]);
		q = pheap_alloc(heap_of(test), SZ_512K,
				FIXTURE_GFP | flags[i]);
		KUNIT_EXPECT_TRUE(test, p);
		KUNIT_EXPECT_TRUE(test, q);
		pheap_free(p);
		pheap_free(q);
	}
	FIXTURE_CHECK(test);
}

/* NULL for whatever is not a live block. */
static void heap_knows_its_own(struct kunit *test)
{
	static const size_t sizes[] = { 8, 100, 1000, 10000, 100000, 1000000 };
	struct pheap *heap = heap_of(test), *other = fixture_extra(test, "b");
	unsigned int i;
	void *p, *q;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = pheap_alloc(heap, sizes[i], FIXTURE_GFP);
		q = pheap_alloc(other, sizes[i], FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p && q);
		KUNIT_EXPECT_PTR_EQ(test, pheap_owner(p), heap);
		KUNIT_EXPECT_PTR_EQ(test, pheap_owner(q), other);
		KUNIT_EXPECT_TRUE(test, !pheap_owner(p + 1));
		KUNIT_EXPECT_TRUE(test, !pheap_owner(p - 1));
		KUNIT_EXPECT_EQ(test, pheap_size(p + 4), 0);
		pheap_free(p);
		KUNIT_EXPECT_TRUE(test, !pheap_owner(p));
		KUNIT_EXPECT_EQ(test, pheap_size(p), 0);
		KUNIT_EXPECT_PTR_EQ(test, pheap_owner(q), other);
		pheap_free(q);
	}
}

/**
 * struct walk - what pheap_for_each() was seen to do
 * @seen: blocks.
 * @bytes: of them.
 * @stop: after how many to stop.
 * @sum: of addresses.
 */
struct walk {
	size_t seen;
	size_t bytes;
	size_t stop;
	unsigned long sum;
};

static bool walk_visit(void *p, size_t size, struct pheap_cache *cache,
		       void *arg)
{
	struct walk *walk = arg;

	walk->bytes += size;
	walk->sum += (unsigned long)p;
	return ++walk->seen != walk->stop;
}

static void heap_walks_its_blocks(struct kunit *test)
{
	static const size_t sizes[] = { 8, 24, 512, 640, 5000, 300000 };
	struct walk walk = {}, first = { .stop = 7 };
	unsigned long sum = 0;
	void *p[120], *q;
	size_t bytes = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = pheap_alloc(heap_of(test), sizes[i % 6], FIXTURE_GFP);
		q = pheap_alloc(heap_of(test), sizes[i % 6], FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p[i] && q);
		sum += (unsigned long)p[i];
		bytes += pheap_size(p[i]);
		pheap_free(q);
	}
	KUNIT_EXPECT_EQ(test, pheap_for_each(heap_of(test), walk_visit, &walk),
			ARRAY_SIZE(p));
	KUNIT_EXPECT_EQ(test, walk.seen, ARRAY_SIZE(p));
	KUNIT_EXPECT_EQ(test, walk.bytes, bytes);
	KUNIT_EXPECT_EQ(test, walk.sum, sum);
	KUNIT_EXPECT_EQ(test, pheap_for_each(heap_of(test), walk_visit, &first),
			7);
	pheap_free_bulk(ARRAY_SIZE(p), p);
	walk = (struct walk) {};
	KUNIT_EXPECT_EQ(test, pheap_for_each(heap_of(test), walk_visit, &walk),
			0);
}

/* All of it goes, whatever is live, and is told. */
static void heap_destroys_what_is_live(struct kunit *test)
{
	struct pheap_cache_args args = { .size = 100 };
	struct pheap *heap = fixture_extra(test, "left");
	struct pheap_cache *cache;
	int i;

	cache = pheap_cache_create(heap, "remains", &args);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	for (i = 0; i < 50; i++) {
		KUNIT_EXPECT_TRUE(test, pheap_alloc(heap, 32, FIXTURE_GFP));
		KUNIT_EXPECT_TRUE(test, pheap_cache_alloc(cache, FIXTURE_GFP));
	}
	KUNIT_EXPECT_TRUE(test, pheap_alloc(heap, 300000, FIXTURE_GFP));
	KUNIT_EXPECT_TRUE(test, pheap_alloc(heap, 9000, FIXTURE_GFP));
	log_expect(test, "a heap destroyed with live blocks");
	fixture_drop_extra(test, heap);
	log_end(test);
	KUNIT_EXPECT_TRUE(test, log_has(test,
					"heap 'left' destroyed with 102 blocks"));
	KUNIT_EXPECT_TRUE(test, log_has(test, "50 blocks"));
	KUNIT_EXPECT_TRUE(test, log_has(test, "'remains'"));
	KUNIT_EXPECT_TRUE(test, log_has(test, "class '32'"));
}

/* Heaps do not see each other. */
static void heap_is_private(struct kunit *test)
{
	struct pheap *other = fixture_extra(test, "b");
	struct pheap_stats before = fixture_stats(test), after;
	void *p[100];
	int i;

	for (i = 0; i < 100; i++)
		p[i] = pheap_alloc(other, 8 * i, FIXTURE_GFP);
	after = fixture_stats(test);
	KUNIT_EXPECT_FALSE(test, memcmp(&before, &after, sizeof(after)));
	pheap_free_bulk(100, p);
	after = fixture_stats(test);
	KUNIT_EXPECT_FALSE(test, memcmp(&before, &after, sizeof(after)));
	pheap_get_stats(other, &after);
	KUNIT_EXPECT_EQ(test, after.live_blocks, 0);
}

/* Fullest-first at work: what is nearly empty drains. */
static void heap_drains_sparse_pools(struct kunit *test)
{
	const unsigned int nr = 64 * 40;
	unsigned int i, j;
	u64 pools;
	void **p;

	p = kunit_kcalloc(test, nr, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, p);
	for (i = 0; i < nr; i++) {
		p[i] = pheap_alloc(heap_of(test), 64, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p[i]);
	}
	for (i = 0; i < nr; i++)
		if (i % 64 > (i / 64 < 20 ? 3 : 50)) {
			pheap_free(p[i]);
			p[i] = NULL;
		}
	pools = fixture_stats(test).pools;
	/* A steady load: the oldest block goes, a new one comes. */
	for (j = 0; j < 8; j++)
		for (i = 0; i < nr; i++) {
			if (!p[i])
				continue;
			pheap_free(p[i]);
			p[i] = pheap_alloc(heap_of(test), 64, FIXTURE_GFP);
		}
	KUNIT_EXPECT_LE(test, fixture_stats(test).pools, pools);
	FIXTURE_CHECK(test);
	pheap_free_bulk(nr, p);
}

static unsigned long system_free_pages(void)
{
	struct sysinfo info;

	fixture_held();
	si_meminfo(&info);
	return info.freeram;
}

/* The kernel's own count of free pages, after many heaps. */
static void heap_leaks_no_pages(struct kunit *test)
{
	const unsigned int rounds = 10, each = 100;
	unsigned long before = 0;
	struct pheap *heap;
	unsigned int i, j;

	if (COMPAT_HAVE_KASAN)
		kunit_skip(test, "KASAN keeps what kfree() was given");
	for (i = 0; i < 2 * rounds; i++) {
		if (i == rounds)
			before = system_free_pages();
		heap = fixture_extra(test, "many");
		for (j = 0; j < each; j++)
			KUNIT_EXPECT_TRUE(test,
					  pheap_alloc(heap, 1U << j % 20,
						      FIXTURE_GFP));
		fixture_drop_extra(test, heap);
	}
	/* A page of each round would be more than chance. */
	KUNIT_EXPECT_LT(test, before, system_free_pages() + rounds * 8);
}

/* Have a heap hold memory that it has no use for. */
static void fill_and_empty(struct kunit *test, unsigned int nr)
{
	struct pheap *heap = heap_of(test);
	void **p = kunit_kcalloc(test, nr, sizeof(*p), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, p);
	for (i = 0; i < nr; i++) {
		p[i] = pheap_alloc(heap, 700, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p[i]);
	}
	for (i = 0; i < nr; i++)
		pheap_free(p[i]);
	KUNIT_EXPECT_GT(test, atomic_long_read(&heap->idle), nr / 50);
	KUNIT_EXPECT_TRUE(test, heap->decaying);
}

/* What nobody needs goes, half of it at a time, but for the reserve. */
static void heap_decays(struct kunit *test)
{
	struct pheap *heap = heap_of(test);
	long idle, before;

	fill_and_empty(test, 2000);
	before = fixture_stats(test).taken;
	do {
		idle = atomic_long_read(&heap->idle);
		trim_decay(&heap->decay.work);
		KUNIT_ASSERT_LE(test, atomic_long_read(&heap->idle), idle / 2);
		FIXTURE_CHECK(test);
	} while (idle);
	KUNIT_EXPECT_LT(test, fixture_stats(test).taken, before / 2);
	KUNIT_EXPECT_GE(test, fixture_stats(test).page_bytes,
			PHEAP_RESERVE_DEFAULT);
}

/* By itself, within seconds, even if the processors are idle. */
static void heap_decays_in_time(struct kunit *test)
{
	unsigned long end = jiffies + 60 * HZ;
	struct pheap *heap = heap_of(test);

	fill_and_empty(test, 200);
	while ((READ_ONCE(heap->decaying) || atomic_long_read(&heap->idle)) &&
	       time_before(jiffies, end))
		msleep(100);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->idle), 0);
	KUNIT_EXPECT_FALSE(test, heap->decaying);
}

/* What is too large for arenas takes the place of what nobody needs. */
static void heap_recalls_for_large(struct kunit *test)
{
	struct pheap *heap = heap_of(test);
	long idle;
	void *p;

	fill_and_empty(test, 2000);
	idle = atomic_long_read(&heap->idle);
	p = pheap_alloc(heap, 2 * CLASS_MAX, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, p);
	KUNIT_EXPECT_LE(test, atomic_long_read(&heap->idle),
			idle - (long)(2 * CLASS_MAX / PAGE_SIZE) +
			(long)arena_free_pages(heap));
	KUNIT_EXPECT_LT(test, atomic_long_read(&heap->idle), idle);
	pheap_free(p);
}

/* A heap without a reserve keeps nothing. */
static void heap_without_reserve_gives(struct kunit *test)
{
	struct pheap *heap;
	void *p;

	heap = fixture_remake(test, &(struct pheap_args) {
		.flags = PHEAP_RESERVE_NONE,
	});
	p = pheap_alloc(heap, 200, FIXTURE_GFP);
	pheap_free(p);
	trim_magazines(heap, true);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&heap->idle), 0);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).page_bytes, 0);
	KUNIT_EXPECT_FALSE(test, heap->decaying);
}

static void heap_matches_model(struct kunit *test)
{
	struct model model;
	int i;

	model_init(test, &model, 500, GFP_KERNEL, SZ_64K);
	for (i = 0; i < 20000; i++) {
		KUNIT_ASSERT_TRUE_MSG(test, model_step(&model), "%s",
				      model.what);
		if (i % 2000 == 0) {
			model_compare(test, &model);
			FIXTURE_CHECK(test);
			cond_resched();
		}
	}
	KUNIT_EXPECT_EQ(test, model.failed, 0);
	model_finish(test, &model);
}

static struct kunit_case heap_cases[] = {
	MODE_CASE(plain, heap_refuses_bad_names),
	MODE_CASE(plain, heap_refuses_bad_arguments),
	MODE_CASE(all, heap_takes_good_arguments),
	MODE_CASE(all, heap_rounds_small_sizes),
	MODE_CASE(all, heap_rounds_medium_sizes),
	MODE_CASE(all, heap_aligns_powers_of_two),
	MODE_CASE(plain, heap_classes_are_in_order),
	MODE_CASE(all, heap_has_blocks_of_no_size),
	MODE_CASE(all, heap_is_bound_to_its_node),
	MODE_CASE(all, heap_zeroes),
	MODE_CASE(all, heap_calloc_checks_overflow),
	MODE_CASE(all, heap_copies),
	MODE_CASE(all, heap_allocates_on_nodes),
	MODE_CASE(all, heap_ignores_zones),
	MODE_CASE(all, heap_knows_its_own),
	MODE_CASE(all, heap_walks_its_blocks),
	MODE_CASE(all, heap_destroys_what_is_live),
	MODE_CASE(all, heap_is_private),
	MODE_CASE(pooled, heap_drains_sparse_pools),
	MODE_CASE(all, heap_leaks_no_pages),
	MODE_CASE(plain, heap_decays),
	MODE_CASE(plain, heap_decays_in_time),
	MODE_CASE(plain, heap_recalls_for_large),
	MODE_CASE(plain, heap_without_reserve_gives),
	MODE_CASE(all, heap_matches_model),
	{}
};

struct kunit_suite heap_suite = {
	.name = "pheap_heap",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = heap_cases,
};
