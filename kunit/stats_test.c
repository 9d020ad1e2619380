// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "backing.h"
#include "cache.h"
#include "pheap_kunit.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(plain, MODE_PLAIN);

static void stats_of_an_empty_heap(struct kunit *test)
{
	struct pheap_stats s = fixture_stats(test);
	int i;

	KUNIT_EXPECT_EQ(test, s.limit, 0);
	KUNIT_EXPECT_EQ(test, s.reserve, PHEAP_RESERVE_DEFAULT);
	KUNIT_EXPECT_EQ(test, s.taken, s.meta_bytes);
	KUNIT_EXPECT_GT(test, s.taken, 0);
	KUNIT_EXPECT_LT(test, s.taken, SZ_64K);
	KUNIT_EXPECT_EQ(test, s.live_blocks, 0);
	KUNIT_EXPECT_EQ(test, s.live_bytes, 0);
	KUNIT_EXPECT_EQ(test, s.magazine_blocks + s.free_bytes + s.slack_bytes +
			s.page_bytes + s.arenas + s.pools, 0);
	KUNIT_EXPECT_EQ(test, s.refusals + s.failures + s.quarantine_blocks +
			s.rcu_blocks, 0);
	for (i = 0; i < PHEAP_BAD_NR; i++)
		KUNIT_EXPECT_EQ(test, s.bad[i], 0);
	FIXTURE_CHECK(test);
}

static void stats_tell_the_arguments(struct kunit *test)
{
	fixture_remake(test, &(struct pheap_args) {
		.limit = SZ_1M + 5, .reserve = 3 * PAGE_SIZE,
	});
	KUNIT_EXPECT_EQ(test, fixture_stats(test).limit, SZ_1M + 5);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).reserve, 3 * PAGE_SIZE);
	fixture_remake(test, &(struct pheap_args) {
		.flags = PHEAP_RESERVE_NONE,
	});
	KUNIT_EXPECT_EQ(test, fixture_stats(test).reserve, 0);
}

/* Every block, by one of each size; the equation after each step. */
static void stats_add_up(struct kunit *test)
{
	struct pheap_stats s;
	u64 blocks = 0;
	size_t size;
	void **p;

	p = kunit_kcalloc(test, 200, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, p);
	for (size = 1; size < SZ_1M; size += 1 + size / 8) {
		p[blocks] = pheap_alloc(heap_of(test), size, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p[blocks++]);
		s = fixture_stats(test);
		KUNIT_EXPECT_EQ(test, s.live_blocks, blocks);
		FIXTURE_CHECK(test);
	}
	while (blocks--) {
		pheap_free(p[blocks]);
		s = fixture_stats(test);
		KUNIT_EXPECT_EQ(test, s.live_blocks, blocks);
		FIXTURE_CHECK(test);
	}
	KUNIT_EXPECT_EQ(test, s.live_bytes, 0);
}

/* Numbers that can be told in advance. */
static void stats_of_one_pool(struct kunit *test)
{
	struct pheap_stats s;
	void *p[30];
	unsigned int i;

	for (i = 0; i < 30; i++)
		p[i] = pheap_alloc(heap_of(test), 120, FIXTURE_GFP);
	s = fixture_stats(test);
	KUNIT_EXPECT_EQ(test, s.live_blocks, 30);
	KUNIT_EXPECT_EQ(test, s.live_bytes, 30 * 120);
	KUNIT_EXPECT_EQ(test, s.pools, 1);
	KUNIT_EXPECT_EQ(test, s.arenas, 1);
	KUNIT_EXPECT_EQ(test, s.slack_bytes, PAGE_SIZE - 34 * 120);
	KUNIT_EXPECT_EQ(test, s.free_bytes + s.magazine_bytes, 4 * 120);
	KUNIT_EXPECT_EQ(test, s.page_bytes, 3 * PAGE_SIZE);
	for (i = 0; i < 30; i++)
		pheap_free(p[i]);
	s = fixture_stats(test);
	KUNIT_EXPECT_EQ(test, s.live_bytes, 0);
	KUNIT_EXPECT_EQ(test, s.magazine_bytes + s.free_bytes + s.slack_bytes +
			s.page_bytes, 4 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, s.magazine_bytes, s.magazine_blocks * 120);
}

static void stats_keep_the_peak(struct kunit *test)
{
	void *p = pheap_alloc(heap_of(test), SZ_1M, FIXTURE_GFP);
	u64 most = fixture_stats(test).taken;

	KUNIT_ASSERT_TRUE(test, p);
	KUNIT_EXPECT_GE(test, most, SZ_1M);
	KUNIT_EXPECT_LE(test, fixture_stats(test).peak, 2 * most);
	pheap_free(p);
	pheap_trim(heap_of(test));
	KUNIT_EXPECT_LT(test, fixture_stats(test).taken, SZ_1M);
	KUNIT_EXPECT_GE(test, fixture_stats(test).peak, most);
}

static void stats_count_failures(struct kunit *test)
{
	struct pheap_stats s;
	int i;

	backing_fail_nth(1, true);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_TRUE(test, !pheap_alloc(heap_of(test), 600,
						     FIXTURE_GFP));
	backing_fail_nth(0, false);
	s = fixture_stats(test);
	KUNIT_EXPECT_EQ(test, s.failures, 5);
	KUNIT_EXPECT_EQ(test, s.refusals, 0);
	FIXTURE_CHECK(test);
}

/* Bytes of the whole module are the sum of what its heaps have. */
static void stats_of_the_module(struct kunit *test)
{
	struct fixture *fix = fixture_of(test);
	struct pheap *other = fixture_extra(test, "b");
	struct pheap_stats a, b;
	void *p = pheap_alloc(heap_of(test), 5000, FIXTURE_GFP);
	void *q = pheap_alloc(other, SZ_512K, FIXTURE_GFP);
	long held;

	held = fixture_held();
	a = fixture_stats(test);
	pheap_get_stats(other, &b);
	KUNIT_EXPECT_EQ(test, held - fix->held, (long)(a.taken + b.taken));
	pheap_free(p);
	pheap_free(q);
}

static void stats_tell_what_waits_for_rcu(struct kunit *test)
{
	struct pheap_stats s;
	int i;

	rcu_read_lock();
	for (i = 0; i < 7; i++)
		pheap_free_rcu(pheap_alloc(heap_of(test), 40, GFP_ATOMIC));
	rcu_read_unlock();
	s = fixture_stats(test);
	KUNIT_EXPECT_LE(test, s.rcu_blocks, 7);
	KUNIT_EXPECT_EQ(test, s.rcu_blocks, s.live_blocks);
	fixture_held();
	fixture_held();
	s = fixture_stats(test);
	KUNIT_EXPECT_EQ(test, s.rcu_blocks, 0);
	KUNIT_EXPECT_EQ(test, s.live_blocks, 0);
}

/* A state that does not hold is found: else what is the checking for? */
static void stats_validate_finds_errors(struct kunit *test)
{
	void *p = pheap_alloc(heap_of(test), 64, FIXTURE_GFP);
	struct pheap_cache *cache = fixture_class(test, 64);
	struct pheap *heap = heap_of(test);
	unsigned long *words[4];
	int i, node = page_to_nid(virt_to_page(p));

	words[0] = &cache->nodes[node].nr_free;
	words[1] = &cache->nodes[node].nr_pools;
	words[2] = &heap->nodes[node].pages;
	words[3] = &heap->nodes[node].free_pages;
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		KUNIT_EXPECT_EQ(test, pheap_validate(heap), 0);
		log_expect(test, "a heap with a wrong counter");
		++*words[i];
		KUNIT_EXPECT_EQ_MSG(test, pheap_validate(heap), -EUCLEAN,
				    "counter %d", i);
		--*words[i];
		log_end(test);
		KUNIT_EXPECT_TRUE(test, log_has(test, "is not valid"));
	}
	log_expect(test, "a heap with a wrong sum");
	atomic_long_inc(&heap->taken);
	KUNIT_EXPECT_EQ(test, pheap_validate(heap), -EUCLEAN);
	atomic_long_dec(&heap->taken);
	log_end(test);
	KUNIT_EXPECT_EQ(test, pheap_validate(heap), 0);
	pheap_free(p);
}

/* A file of /proc, as a string. */
static char *read_file(struct kunit *test, const char *path)
{
	char *text = kunit_kzalloc(test, SZ_32K, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, text);
	KUNIT_ASSERT_EQ(test, file_read(path, text, SZ_32K), 0);
	return text;
}

/* The number that stands behind @key in @line, or -1. */
static u64 number_after(const char *line, const char *key)
{
	const char *at = strstr(line, key);
	u64 value = 0;

	if (!at)
		return -1;
	for (at += strlen(key); *at >= '0' && *at <= '9'; at++)
		value = value * 10 + *at - '0';
	return value;
}

/* The line of heap "kunit" that has @key in it, cut out of @text. */
static char *find_line(struct kunit *test, char *text, const char *key)
{
	char *line, *rest = text;

	while ((line = strsep(&rest, "\n")))
		if (strstr(line, " kunit ") && strstr(line, key))
			return line;
	KUNIT_FAIL(test, "no line with %s", key);
	return NULL;
}

static void stats_in_proc(struct kunit *test)
{
	void *p = pheap_alloc(heap_of(test), 1000, FIXTURE_GFP), *q;
	struct pheap_stats s;
	char *text, *line;

	q = pheap_alloc(heap_of(test), SZ_512K, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, p && q);
	text = read_file(test, "/proc/pheapinfo");
	KUNIT_EXPECT_TRUE(test, strstarts(text, "pheapinfo - version: 1.0\n"));
	line = find_line(test, text, "taken=");
	KUNIT_ASSERT_TRUE(test, line);
	s = fixture_stats(test);
	KUNIT_EXPECT_EQ(test, number_after(line, "taken="), s.taken);
	KUNIT_EXPECT_EQ(test, number_after(line, "live="), s.live_bytes);
	KUNIT_EXPECT_EQ(test, s.taken, number_after(line, "live=") +
			number_after(line, "magazines=") +
			number_after(line, "free=") +
			number_after(line, "slack=") +
			number_after(line, "pages=") +
			number_after(line, "metadata="));
	pheap_free(p);
	pheap_free(q);
}

/* Rows of classes and caches, and how many they have live. */
static void stats_in_proc_by_class(struct kunit *test)
{
	const struct pheap_cache_args args = { .size = 44 };
	struct pheap_cache *cache = pheap_cache_create(heap_of(test), "forty",
						       &args);
	void *p[11], *q[5];
	char *line;
	unsigned int i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	for (i = 0; i < 11; i++)
		p[i] = pheap_alloc(heap_of(test), 208, FIXTURE_GFP);
	for (i = 0; i < 5; i++)
		q[i] = pheap_cache_alloc(cache, FIXTURE_GFP);
	line = find_line(test, read_file(test, "/proc/pheapinfo"), " 208 ");
	KUNIT_ASSERT_TRUE(test, line);
	KUNIT_EXPECT_TRUE(test, strstr(line, " 11 "));
	line = find_line(test, read_file(test, "/proc/pheapinfo"), " forty ");
	KUNIT_ASSERT_TRUE(test, line);
	KUNIT_EXPECT_TRUE(test, strstr(line, " 5 "));
	KUNIT_EXPECT_TRUE(test, strstarts(line, "pheap_kunit "));
	pheap_free_bulk(11, p);
	pheap_cache_free_bulk(cache, 5, q);
	pheap_cache_destroy(cache);
}

static struct kunit_case stats_cases[] = {
	MODE_CASE(all, stats_of_an_empty_heap),
	MODE_CASE(all, stats_tell_the_arguments),
	MODE_CASE(all, stats_add_up),
	MODE_CASE(plain, stats_of_one_pool),
	MODE_CASE(all, stats_keep_the_peak),
	MODE_CASE(all, stats_count_failures),
	MODE_CASE(all, stats_of_the_module),
	MODE_CASE(all, stats_tell_what_waits_for_rcu),
	MODE_CASE(plain, stats_validate_finds_errors),
	MODE_CASE(all, stats_in_proc),
	MODE_CASE(all, stats_in_proc_by_class),
	{}
};

struct kunit_suite stats_suite = {
	.name = "pheap_stats",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = stats_cases,
};
