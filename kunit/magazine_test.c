// SPDX-License-Identifier: GPL-2.0
#include <linux/cpu.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/smp.h>
#include <linux/topology.h>

#include "arena.h"
#include "backing.h"
#include "cache.h"
#include "magazine.h"
#include "mark.h"
#include "pheap_kunit.h"

MODE_SET(plain, MODE_PLAIN);
MODE_SET(bare, MODE_DEBUG, MODE_PASSTHROUGH);

#define MANY	1000

static void **many_blocks(struct kunit *test, size_t size, unsigned int nr)
{
	void **p = kunit_kcalloc(test, nr, sizeof(*p), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, p);
	for (i = 0; i < nr; i++) {
		p[i] = pheap_alloc(heap_of(test), size, FIXTURE_GFP);
		KUNIT_ASSERT_TRUE(test, p[i]);
	}
	return p;
}

static void free_each(void **p, unsigned int nr)
{
	while (nr--)
		pheap_free(*p++);
}

/* The last block freed is the first allocated. */
static void magazine_is_lifo(struct kunit *test)
{
	static const size_t sizes[] = { 1, 8, 24, 512, 1000, 2048 };
	struct pheap *heap = heap_of(test);
	unsigned int i, j;
	void *p[3];

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		free_each(many_blocks(test, sizes[i], 40), 40);
		migrate_disable();
		for (j = 0; j < 2; j++)
			p[j] = pheap_alloc(heap, sizes[i], FIXTURE_GFP);
		free_each(p, 2);
		for (j = 2; j--;) {
			void *q = pheap_alloc(heap, sizes[i], FIXTURE_GFP);

			KUNIT_EXPECT_PTR_EQ(test, q, p[j]);
		}
		migrate_enable();
		free_each(p, 2);
	}
}

/* With preemption off, or migration where it may change meanwhile. */
static struct magazine *magazine_here(const struct pheap_cache *cache)
{
	return READ_ONCE(cache->mags[raw_smp_processor_id()]);
}

static unsigned int capacity_here(const struct pheap_cache *cache)
{
	unsigned int capacity;

	preempt_disable();
	capacity = magazine_here(cache)->capacity;
	preempt_enable();
	return capacity;
}

static void magazine_is_bounded_by_bytes(struct kunit *test)
{
	struct pheap_cache *cache;
	unsigned int index, most;

	for (index = 1; index < NR_CLASSES; index++) {
		cache = cache_of_class(heap_of(test), index, FIXTURE_GFP);
		KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
		most = clamp_t(unsigned int, MAGAZINE_BYTES / cache->size, 2,
			       MAGAZINE_MAX);
		KUNIT_EXPECT_LE(test, cache->capacity, most);
		if (cache->size <= MAGAZINE_BYTES)
			KUNIT_EXPECT_GT(test, cache->capacity, 0);
	}
}

/* Magazines and depot: no more than so much, whatever is freed. */
static void magazine_keeps_no_more(struct kunit *test)
{
	static const size_t sizes[] = { 8, 64, 200, 512, 4096 };
	struct pheap_cache *cache;
	unsigned long count;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		void **p = many_blocks(test, sizes[i], MANY);

		migrate_disable();
		free_each(p, MANY);
		migrate_enable();
		cache = fixture_class(test, sizes[i]);
		count = magazine_count(cache);
		KUNIT_EXPECT_GT(test, count, 0);
		KUNIT_EXPECT_LE(test, count, (num_online_cpus() + 5UL) *
				cache->capacity);
		FIXTURE_CHECK(test);
	}
}

/* Made at first use, small; larger when that did not do. */
static void magazine_grows(struct kunit *test)
{
	struct pheap_cache *cache = cache_of_class(heap_of(test), class_of(16),
						   FIXTURE_GFP);
	unsigned int last, now;
	unsigned int nr = 2 * MAGAZINE_MAX, i, j;
	void **p = kunit_kcalloc(test, nr, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	KUNIT_EXPECT_EQ(test, capacity_here(cache), 0);
	migrate_disable();
	pheap_free(pheap_alloc(heap_of(test), 16, FIXTURE_GFP));
	last = capacity_here(cache);
	KUNIT_EXPECT_GT(test, last, 0);
	KUNIT_EXPECT_LE(test, last, MAGAZINE_MAX / 2);
	for (i = 0; i < 20; i++) {
		for (j = 0; j < nr; j++)
			p[j] = pheap_alloc(heap_of(test), 16, FIXTURE_GFP);
		now = capacity_here(cache);
		KUNIT_EXPECT_GE(test, now, last);
		last = now;
		free_each(p, nr);
	}
	migrate_enable();
	KUNIT_EXPECT_EQ(test, last, (unsigned int)cache->capacity);
}

/* A trim leaves none, on no CPU. */
static void magazine_is_drained_by_trim(struct kunit *test)
{
	void **p = many_blocks(test, 48, MANY);
	struct pheap_cache *cache = fixture_class(test, 48);
	int cpu;

	free_each(p, MANY);
	KUNIT_EXPECT_GT(test, magazine_count(cache), 0);
	pheap_trim(heap_of(test));
	KUNIT_EXPECT_EQ(test, magazine_count(cache), 0);
	for_each_possible_cpu(cpu)
		KUNIT_EXPECT_PTR_EQ(test, cache->mags[cpu], magazine_none(cpu));
	KUNIT_EXPECT_EQ(test, fixture_stats(test).pools, 0);
}

/* Whoever interrupts a magazine's use goes to the pools. */
static void magazine_busy_is_no_obstacle(struct kunit *test)
{
	unsigned int count, wrong = 0, i;
	struct pheap_cache *cache;
	struct magazine *mag;
	void **p, *q[20];

	fixture_atomic(test);
	p = many_blocks(test, 72, 40);
	cache = fixture_class(test, 72);
	preempt_disable();
	mag = magazine_here(cache);
	wrong += !magazine_enter(mag);
	count = magazine_nr(mag);
	free_each(p, 20);
	wrong += magazine_nr(mag) != count;
	for (i = 0; i < 20; i++) {
		q[i] = pheap_alloc(heap_of(test), 72, GFP_ATOMIC);
		wrong += !q[i];
	}
	wrong += magazine_nr(mag) != count;
	magazine_leave(mag);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, wrong, 0);
	FIXTURE_CHECK(test);
	free_each(q, 20);
	free_each(p + 20, 20);
}

/* Take a magazine away when it has room for so many halves of it, and use it. */
static unsigned int closed_wrong(struct kunit *test, unsigned int halves)
{
	void **p = many_blocks(test, 72, 200), *q;
	struct pheap_cache *cache = fixture_class(test, 72);
	struct magazine *mag, **at;
	unsigned int wrong, nr = 0;

	preempt_disable();
	at = &cache->mags[raw_smp_processor_id()];
	mag = *at;
	while (nr < 199 && mag->room > halves * mag->capacity / 2)
		pheap_free(p[nr++]);
	wrong = !mag->heap;
	magazine_drain_cache(cache, false);
	wrong += *at == mag;
	wrong += magazine_push(mag, p[nr], cache->cookie, cache->mark);
	swap(*at, mag);
	wrong += magazine_pop(cache, cache->cookie, cache->mark, &q);
	swap(*at, mag);
	wrong += mag->capacity || mag->room || mag->idle != 1;
	preempt_enable();
	free_each(p + nr, 200 - nr);
	return wrong;
}

/* Whoever still has one that went out of use finds it empty and full. */
static void magazine_closes(struct kunit *test)
{
	unsigned int halves;

	fixture_atomic(test);
	for (halves = 0; halves <= 2; halves++) {
		migrate_disable();
		KUNIT_EXPECT_EQ(test, closed_wrong(test, halves), 0);
		migrate_enable();
		FIXTURE_CHECK(test);
	}
}

static void magazine_marks_its_blocks(struct kunit *test)
{
	void *p = pheap_alloc(heap_of(test), 80, FIXTURE_GFP), *q, *keep;
	struct pheap_cache *cache;

	KUNIT_ASSERT_TRUE(test, p);
	cache = fixture_class(test, 80);
	KUNIT_EXPECT_NE(test, poke_read(p), cache->mark);
	migrate_disable();
	pheap_free(p);
	KUNIT_EXPECT_EQ(test, poke_read(mark_at(cache, p)),
			cache->mark);
	q = pheap_alloc(heap_of(test), 80, FIXTURE_GFP);
	migrate_enable();
	KUNIT_EXPECT_PTR_EQ(test, q, p);
	KUNIT_EXPECT_NE(test, poke_read(p), cache->mark);
	keep = pheap_alloc(heap_of(test), 80, FIXTURE_GFP);
	pheap_free(q);
	pheap_trim(heap_of(test));
	KUNIT_EXPECT_EQ(test, poke_read(mark_at(cache, p)),
			cache->mark);
	pheap_free(keep);
}

/* No memory for a magazine: the pools do. */
static void magazine_is_optional(struct kunit *test)
{
	struct pheap_cache *cache;
	void *p[8];
	int i;

	cache = cache_of_class(heap_of(test), class_of(24), FIXTURE_GFP);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	pheap_free(pheap_alloc(heap_of(test), 256, FIXTURE_GFP));
	backing_fail_nth(1, true);
	for (i = 0; i < 8; i++)
		p[i] = pheap_alloc(heap_of(test), 24, FIXTURE_GFP);
	backing_fail_nth(0, false);
	KUNIT_EXPECT_EQ(test, capacity_here(cache), 0);
	for (i = 0; i < 8; i++)
		pheap_free(p[i]);
	FIXTURE_CHECK(test);
}

static long pages_taken(struct kunit *test)
{
	return atomic_long_read(&heap_of(test)->bytes[BACKING_PAGES]);
}

/* Use what pages the heap has. */
static void use_pages(struct kunit *test, size_t size)
{
	while (arena_free_pages(heap_of(test)) ||
	       atomic_long_read(&heap_of(test)->idle))
		KUNIT_ASSERT_TRUE(test, pheap_alloc(heap_of(test), size,
						    FIXTURE_GFP));
}

/* What is at hand and makes whole pools serves others before the heap grows. */
static void magazine_gives_up_pools(struct kunit *test)
{
	struct pheap_cache *pages;
	unsigned int i;
	long taken;
	void **p;

	migrate_disable();
	/* Several times, so that the magazine gets larger. */
	for (i = 0; i < 4; i++) {
		p = many_blocks(test, PAGE_SIZE, MANY);
		if (i < 3)
			free_each(p, MANY);
	}
	pages = fixture_class(test, PAGE_SIZE);
	free_each(p, 2);
	use_pages(test, SZ_1K);
	KUNIT_EXPECT_GE(test, magazine_count(pages), 2);
	taken = pages_taken(test);
	KUNIT_EXPECT_TRUE(test, pheap_alloc(heap_of(test), 24, FIXTURE_GFP));
	KUNIT_EXPECT_EQ(test, pages_taken(test), taken);
	KUNIT_EXPECT_EQ(test, magazine_count(pages), 0);
	migrate_enable();
	FIXTURE_CHECK(test);
	fixture_of(test)->leaves = true;
}

/**
 * struct cargo - blocks that another CPU frees
 * @p: the blocks.
 * @nr: how many.
 */
struct cargo {
	void **p;
	unsigned int nr;
};

static void cargo_free(void *arg)
{
	struct cargo *cargo = arg;

	free_each(cargo->p, cargo->nr);
}

/* Blocks that one CPU frees, another gets, by way of the depot. */
static void magazine_passes_blocks_on(struct kunit *test)
{
	int other = fixture_other_cpu(raw_smp_processor_id());
	struct cargo cargo = { .nr = MANY };
	struct pheap_cache *cache;
	unsigned long pools, most;
	int round;

	if (other < 0)
		kunit_skip(test, "one CPU");
	for (round = 0; round < 10; round++) {
		cargo.p = many_blocks(test, 56, MANY);
		fixture_run_on(test, other, cargo_free, &cargo);
		if (!round)
			pools = fixture_stats(test).pools;
	}
	cache = fixture_class(test, 56);
	KUNIT_EXPECT_TRUE(test, cache_node(cache, numa_mem_id())->depot);
	/* Magazines and depot were not as large yet in the first round. */
	most = (num_online_cpus() + 5UL) * cache->capacity;
	KUNIT_EXPECT_LE(test, fixture_stats(test).pools,
			pools + most / cache->blocks + 2);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
	FIXTURE_CHECK(test);
}

static void interrupt_free(void *arg)
{
	cargo_free(arg);
}

/* In an interrupt on another CPU, whatever that is doing. */
static void magazine_takes_frees_by_interrupts(struct kunit *test)
{
	struct cargo cargo = { .nr = MANY };
	int cpu;

	fixture_atomic(test);
	for_each_online_cpu(cpu) {
		cargo.p = many_blocks(test, 88, MANY);
		smp_call_function_single(cpu, interrupt_free, &cargo, true);
		KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
		FIXTURE_CHECK(test);
	}
}

/* What an offline CPU had is not lost. */
static void magazine_is_drained_when_cpu_dies(struct kunit *test)
{
	int other = fixture_other_cpu(raw_smp_processor_id());
	struct cargo cargo = { .p = many_blocks(test, 104, MANY), .nr = MANY };
	struct pheap_cache *cache = fixture_class(test, 104);
	int err;

	if (other <= 0)
		other = num_online_cpus() > 1 ? cpumask_last(cpu_online_mask) :
						-1;
	if (other <= 0) {
		free_each(cargo.p, MANY);
		kunit_skip(test, "one CPU");
	}
	fixture_run_on(test, other, cargo_free, &cargo);
	KUNIT_EXPECT_GT(test, magazine_nr(cache->mags[other]), 0);
	err = remove_cpu(other);
	if (err)
		kunit_skip(test, "CPU %d stays: %d", other, err);
	KUNIT_EXPECT_PTR_EQ(test, cache->mags[other], magazine_none(other));
	FIXTURE_CHECK(test);
	KUNIT_EXPECT_EQ(test, add_cpu(other), 0);
}

/* Debug and passthrough heaps have none. */
static void magazine_none_here(struct kunit *test)
{
	free_each(many_blocks(test, 64, MANY), MANY);
	KUNIT_EXPECT_EQ(test, fixture_class(test, 64)->capacity, 0);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).magazine_blocks, 0);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, 0);
	KUNIT_EXPECT_EQ(test, fixture_stats(test).pools, 0);
}

static struct kunit_case magazine_cases[] = {
	MODE_CASE(plain, magazine_is_lifo),
	MODE_CASE(plain, magazine_is_bounded_by_bytes),
	MODE_CASE(plain, magazine_keeps_no_more),
	MODE_CASE(plain, magazine_grows),
	MODE_CASE(plain, magazine_is_drained_by_trim),
	MODE_CASE(plain, magazine_busy_is_no_obstacle),
	MODE_CASE(plain, magazine_closes),
	MODE_CASE(plain, magazine_marks_its_blocks),
	MODE_CASE(plain, magazine_is_optional),
	MODE_CASE(plain, magazine_gives_up_pools),
	MODE_CASE(plain, magazine_passes_blocks_on),
	MODE_CASE(plain, magazine_takes_frees_by_interrupts),
	MODE_CASE(plain, magazine_is_drained_when_cpu_dies),
	MODE_CASE(bare, magazine_none_here),
	{}
};

struct kunit_suite magazine_suite = {
	.name = "pheap_magazine",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = magazine_cases,
};
