// SPDX-License-Identifier: GPL-2.0
/* What comes from elsewhere while a heap is used: reclaim, trims, ends. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>

#include "backing.h"
#include "give.h"
#include "pheap_kunit.h"
#include "pool.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(pooled, MODE_PLAIN, MODE_DEBUG);

#define DROP_CACHES	"/proc/sys/vm/drop_caches"
#define RACERS		3
#define RACE_PATIENCE_MS	20000

/**
 * struct racer - somebody who uses a heap
 * @model: blocks.
 * @done: it is over.
 * @stop: end it.
 */
struct racer {
	struct model model;
	struct completion done;
	bool stop;
};

/* Reclaim takes all that is free, the reserve and magazines included. */
static void race_shrinker_takes_free_pages(struct kunit *test)
{
	struct pheap_stats before, after;
	void *p[120], *keep;
	unsigned int i, tries;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = pheap_alloc(heap_of(test), SZ_1K, FIXTURE_GFP);
	keep = pheap_alloc(heap_of(test), 64, FIXTURE_GFP);
	KUNIT_ASSERT_TRUE(test, keep);
	pheap_free_bulk(ARRAY_SIZE(p), p);
	before = fixture_stats(test);
	KUNIT_EXPECT_GT(test, before.page_bytes + before.magazine_bytes, 0);
	/* It takes as much as there is at a time, by chance not all at once. */
	for (tries = 0; tries < 5; tries++)
		KUNIT_ASSERT_EQ(test, file_write(DROP_CACHES, "2"), 0);
	after = fixture_stats(test);
	KUNIT_EXPECT_EQ(test, after.page_bytes, 0);
	KUNIT_EXPECT_EQ(test, after.magazine_blocks, 0);
	KUNIT_EXPECT_LT(test, after.taken, before.taken);
	KUNIT_EXPECT_EQ(test, after.live_blocks, 1);
	FIXTURE_CHECK(test);
	pheap_free(keep);
}

static int racer_thread(void *arg)
{
	struct racer *racer = arg;
	struct model *model = &racer->model;
	int i;

	while (!READ_ONCE(racer->stop) && !model->errors) {
		for (i = 0; i < 32; i++)
			model_step(model);
		cond_resched();
	}
	model_clear(model);
	complete(&racer->done);
	return 0;
}

/*
 * Allocates and frees in RCU sections, the last of which the heap's end waits
 * for.
 */
static int racer_doomed(void *arg)
{
	struct racer *racer = arg;
	struct model *model = &racer->model;
	bool stop;
	int i;

	do {
		rcu_read_lock();
		stop = READ_ONCE(racer->stop);
		for (i = 0; i < 300 && !stop; i++)
			model_step(model);
		rcu_read_unlock();
		cond_resched();
	} while (!stop && !model->errors);
	complete(&racer->done);
	return 0;
}

static struct racer *racers_start(struct kunit *test, struct pheap *heap,
				  int (*fn)(void *arg))
{
	struct racer *racer = kunit_kcalloc(test, RACERS, sizeof(*racer),
					    GFP_KERNEL);
	struct task_struct *task;
	int i;

	KUNIT_ASSERT_TRUE(test, racer);
	for (i = 0; i < RACERS; i++) {
		model_init(test, &racer[i].model, 150,
			   fn == racer_doomed || !i ? GFP_ATOMIC : GFP_KERNEL,
			   i ? SZ_16K : 500);
		racer[i].model.heap = heap;
		init_completion(&racer[i].done);
	}
	for (i = 0; i < RACERS; i++) {
		task = kthread_run(fn, &racer[i], "racer/%d", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	}
	return racer;
}

static void racers_stop(struct racer *racer)
{
	int i;

	for (i = 0; i < RACERS; i++)
		WRITE_ONCE(racer[i].stop, true);
	for (i = 0; i < RACERS; i++)
		wait_for_completion(&racer[i].done);
}

static void racers_finish(struct kunit *test, struct racer *racer)
{
	int i;

	racers_stop(racer);
	for (i = 0; i < RACERS; i++)
		model_finish(test, &racer[i].model);
	FIXTURE_CHECK(test);
}

static void race_shrinker(struct kunit *test)
{
	ktime_t end = ktime_add_ms(ktime_get(), stress_ms);
	struct racer *racer = racers_start(test, heap_of(test), racer_thread);

	while (ktime_before(ktime_get(), end)) {
		KUNIT_EXPECT_EQ(test, file_write(DROP_CACHES, "2"), 0);
		msleep(20);
	}
	racers_finish(test, racer);
}

static void race_trim(struct kunit *test)
{
	ktime_t end = ktime_add_ms(ktime_get(), stress_ms);
	/* On a slow machine it may take a while until a page is free. */
	ktime_t patience = is_passthrough(test) ?
				   end : ktime_add_ms(end, RACE_PATIENCE_MS);
	struct racer *racer = racers_start(test, heap_of(test), racer_thread);
	size_t bytes = 0;

	while (ktime_before(ktime_get(), end) ||
	       (!bytes && ktime_before(ktime_get(), patience))) {
		bytes += pheap_trim(heap_of(test));
		cond_resched();
	}
	racers_finish(test, racer);
	if (!is_passthrough(test))
		KUNIT_EXPECT_GT(test, bytes, 0);
}

static bool race_visit(void *p, size_t size, struct pheap_cache *cache,
		       void *arg)
{
	unsigned long *strange = arg;

	*strange += !p || !size || cache;
	return true;
}

static void race_walk(struct kunit *test)
{
	ktime_t end = ktime_add_ms(ktime_get(), stress_ms);
	struct racer *racer = racers_start(test, heap_of(test), racer_thread);
	unsigned long strange = 0;
	size_t nr;

	while (ktime_before(ktime_get(), end)) {
		nr = pheap_for_each(heap_of(test), race_visit, &strange);
		KUNIT_EXPECT_LE(test, nr, RACERS * 160);
		KUNIT_EXPECT_EQ(test, pheap_validate(heap_of(test)), 0);
		cond_resched();
	}
	racers_finish(test, racer);
	if (is_plain(test))
		KUNIT_EXPECT_EQ(test, strange, 0);
}

/* Allocations that race with the heap's end fail, and nothing else does. */
static void race_destroy(struct kunit *test)
{
	struct pheap_args args = { .flags = fixture_of(test)->mode->flags };
	unsigned long failed = 0;
	struct racer *racer;
	struct pheap *heap;
	int round, i;

	for (round = 0; round < 5; round++) {
		heap = pheap_create("doomed", &args);
		KUNIT_ASSERT_FALSE(test, IS_ERR(heap));
		racer = racers_start(test, heap, racer_doomed);
		msleep(1 + fixture_random(test, 10));
		log_expect(test, "a heap destroyed while it is used");
		for (i = 0; i < RACERS; i++)
			WRITE_ONCE(racer[i].stop, true);
		pheap_destroy(heap);
		log_end(test);
		racers_stop(racer);
		for (i = 0; i < RACERS; i++) {
			failed += racer[i].model.failed;
			KUNIT_EXPECT_EQ_MSG(test, racer[i].model.errors, 0,
					    "%s", racer[i].model.what);
		}
		LOG_CHECK_COUNTS(test, PHEAP_BAD_FOREIGN, 0);
	}
	kunit_info(test, "%lu allocations failed\n", failed);
}

/* Caches come and go on a heap that is used. */
static void race_caches(struct kunit *test)
{
	const struct pheap_cache_args args = { .size = 100 };
	ktime_t end = ktime_add_ms(ktime_get(), stress_ms);
	struct racer *racer = racers_start(test, heap_of(test), racer_thread);
	struct pheap_cache *cache;
	void *p[50];
	size_t n;

	while (ktime_before(ktime_get(), end)) {
		cache = pheap_cache_create(heap_of(test), "short", &args);
		KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
		n = pheap_cache_alloc_bulk(cache, FIXTURE_GFP, 50, p);
		KUNIT_EXPECT_EQ(test, n, 50);
		pheap_cache_free_bulk(cache, n, p);
		pheap_cache_destroy(cache);
	}
	racers_finish(test, racer);
}

/* Any address, looked up while arenas come and go. */
static void race_owner(struct kunit *test)
{
	ktime_t end = ktime_add_ms(ktime_get(), stress_ms);
	struct racer *racer = racers_start(test, heap_of(test), racer_thread);
	unsigned long span = (unsigned long)high_memory - COMPAT_DIRECT_MAP;
	unsigned long strange = 0;
	struct pheap *owner;
	u64 r;
	int i;

	while (ktime_before(ktime_get(), end)) {
		for (i = 0; i < 500; i++) {
			prandom_bytes_state(&fixture_of(test)->rnd, &r,
					    sizeof(r));
			r = COMPAT_DIRECT_MAP + r % span / 8 * 8;
			owner = pheap_owner((void *)(unsigned long)r);
			strange += owner && owner != heap_of(test);
		}
		pheap_trim(heap_of(test));
	}
	racers_finish(test, racer);
	KUNIT_EXPECT_EQ(test, strange, 0);
}

#define SHUFFLED	12

/* Moves a pool of the cache from list to list. */
static int shuffle_thread(void *arg)
{
	struct pheap_cache *cache = arg;
	void *p[SHUFFLED];
	unsigned int nr;

	while (!kthread_should_stop()) {
		nr = pool_take_blocks(cache, numa_mem_id(), p, SHUFFLED);
		give_blocks(cache, p, nr);
		cond_resched();
	}
	return 0;
}

/* A live block is one, wherever its pool is on its way to. */
static void race_look_up(struct kunit *test)
{
	void *p = pheap_alloc(heap_of(test), 128, FIXTURE_GFP);
	ktime_t end = ktime_add_ms(ktime_get(), stress_ms);
	unsigned long looks = 0, wrong = 0;
	struct task_struct *task;
	int other;

	KUNIT_ASSERT_TRUE(test, p);
	migrate_disable();
	other = fixture_other_cpu(raw_smp_processor_id());
	task = kthread_create(shuffle_thread, fixture_class(test, 128),
			      "shuffle");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	if (other >= 0)
		kthread_bind(task, other);
	wake_up_process(task);
	while (ktime_before(ktime_get(), end)) {
		wrong += pheap_owner(p) != heap_of(test);
		if (!(++looks % 1024))
			cond_resched();
	}
	kthread_stop(task);
	migrate_enable();
	kunit_info(test, "%lu looks\n", looks);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	pheap_free(p);
}

static struct kunit_case race_cases[] = {
	MODE_CASE(pooled, race_shrinker_takes_free_pages),
	MODE_CASE(all, race_shrinker),
	MODE_CASE(all, race_trim),
	MODE_CASE(all, race_walk),
	MODE_CASE(all, race_destroy),
	MODE_CASE(all, race_caches),
	MODE_CASE(all, race_owner),
	MODE_CASE(pooled, race_look_up),
	{}
};

struct kunit_suite race_suite = {
	.name = "pheap_race",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = race_cases,
};
