// SPDX-License-Identifier: GPL-2.0
/*
 * Several threads of random operations, each with its own model, that pass
 * blocks on to each other, while CPUs come and go.
 */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>

#include "pheap_kunit.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(pooled, MODE_PLAIN, MODE_DEBUG);

#define THREADS		4
#define RING		256
#define BULK		32

/**
 * struct ring - blocks on their way from one thread to another
 * @lock: protects the rest.
 * @head: blocks that went in.
 * @tail: blocks that came out.
 * @cell: those in between.
 */
struct ring {
	spinlock_t lock;	/* protects all of it */
	unsigned int head;
	unsigned int tail;
	struct cell cell[RING];
};

/**
 * struct stress - a thread
 * @model: its blocks.
 * @ring: all threads' ring.
 * @cache: all threads' cache.
 * @done: it is over.
 * @steps: operations so far.
 * @passed: blocks that it got from another.
 * @bad: blocks that were not as they should be.
 * @stop: end it.
 */
struct stress {
	struct model model;
	struct ring *ring;
	struct pheap_cache *cache;
	struct completion done;
	unsigned long steps;
	unsigned long passed;
	unsigned long bad;
	bool stop;
};

static bool ring_put(struct ring *ring, const struct cell *cell)
{
	bool room;

	spin_lock(&ring->lock);
	room = ring->head - ring->tail < RING;
	if (room)
		ring->cell[ring->head++ % RING] = *cell;
	spin_unlock(&ring->lock);
	return room;
}

static bool ring_get(struct ring *ring, struct cell *cell)
{
	bool any;

	spin_lock(&ring->lock);
	any = ring->head != ring->tail;
	if (any)
		*cell = ring->cell[ring->tail++ % RING];
	spin_unlock(&ring->lock);
	return any;
}

static void stress_hand_over(struct stress *stress)
{
	struct model *model = &stress->model;
	struct cell *cell = &model->cell[model_random(model, model->nr)];

	if (cell->p && ring_put(stress->ring, cell)) {
		model_take(model, cell);
		cell->p = NULL;
	}
}

static void stress_take_over(struct stress *stress)
{
	struct cell cell;

	if (!ring_get(stress->ring, &cell))
		return;
	stress->passed++;
	stress->bad += !cell_check(&cell);
	stress->bad += pheap_owner(cell.p) != stress->model.heap;
	if (stress->passed % 5)
		pheap_free(cell.p);
	else
		pheap_free_rcu(cell.p);
}

static void stress_bulk(struct stress *stress)
{
	struct model *model = &stress->model;
	size_t size = model_random(model, 300), n, i;
	struct cell cell = { .size = size };
	void *p[BULK];

	n = pheap_alloc_bulk(model->heap, size, model->gfp, BULK, p);
	for (i = 0; i < n; i++) {
		cell.p = p[i];
		cell.tag = (unsigned long)p[i];
		cell_fill(&cell);
	}
	for (i = 0; i < n; i++) {
		cell.p = p[i];
		cell.tag = (unsigned long)p[i];
		stress->bad += !cell_check(&cell);
	}
	pheap_free_bulk(n, p);
}

static void stress_objects(struct stress *stress)
{
	void *p[BULK];
	size_t n, i;

	n = pheap_cache_alloc_bulk(stress->cache, stress->model.gfp, BULK, p);
	for (i = 0; i < n; i++)
		memset(p[i], i, 72);
	for (i = 0; i < n; i++)
		stress->bad += !!memchr_inv(p[i], i, 72);
	pheap_cache_free_bulk(stress->cache, n, p);
}

static void stress_step(struct stress *stress)
{
	switch (model_random(&stress->model, 16)) {
	case 0:
	case 1:
		stress_hand_over(stress);
		break;
	case 2:
	case 3:
		stress_take_over(stress);
		break;
	case 4:
		stress_bulk(stress);
		break;
	case 5:
		stress_objects(stress);
		break;
	default:
		model_step(&stress->model);
	}
	stress->steps++;
}

static int stress_thread(void *arg)
{
	struct stress *stress = arg;

	while (!READ_ONCE(stress->stop) && !stress->model.errors) {
		stress_step(stress);
		if (stress->steps % 64 == 0)
			cond_resched();
	}
	model_clear(&stress->model);
	complete(&stress->done);
	return 0;
}

static struct stress *stress_start(struct kunit *test)
{
	const struct pheap_cache_args args = { .size = 72 };
	struct stress *stress = kunit_kcalloc(test, THREADS, sizeof(*stress),
					      GFP_KERNEL);
	struct ring *ring = kunit_kzalloc(test, sizeof(*ring), GFP_KERNEL);
	struct pheap_cache *cache = pheap_cache_create(heap_of(test), "c",
						       &args);
	struct task_struct *task;
	int i;

	KUNIT_ASSERT_TRUE(test, stress && ring);
	KUNIT_ASSERT_FALSE(test, IS_ERR(cache));
	spin_lock_init(&ring->lock);
	for (i = 0; i < THREADS; i++) {
		model_init(test, &stress[i].model, 250, GFP_KERNEL,
			   i ? 3000 : SZ_512K);
		init_completion(&stress[i].done);
		stress[i].ring = ring;
		stress[i].cache = cache;
	}
	for (i = 0; i < THREADS; i++) {
		task = kthread_run(stress_thread, &stress[i], "stress/%d", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	}
	return stress;
}

/* Blocks that one thread has got from another. */
static unsigned long stress_passed(const struct stress *stress)
{
	unsigned long passed = 0;
	int i;

	for (i = 0; i < THREADS; i++)
		passed += READ_ONCE(stress[i].passed);
	return passed;
}

/* All threads ran, and one got a block from another. */
static bool stress_happened(const struct stress *stress)
{
	int i;

	for (i = 0; i < THREADS; i++)
		if (!READ_ONCE(stress[i].steps))
			return false;
	return stress_passed(stress);
}

/* A slow kernel, or one on a busy machine, may not come to that in time. */
static void stress_wait(const struct stress *stress)
{
	int i;

	msleep(stress_ms);
	for (i = 0; i < 40 && !stress_happened(stress); i++)
		msleep(stress_ms);
}

static void stress_finish(struct kunit *test, struct stress *stress)
{
	unsigned long passed;
	struct cell cell;
	int i;

	if (!stress_happened(stress))
		stress_wait(stress);
	for (i = 0; i < THREADS; i++)
		WRITE_ONCE(stress[i].stop, true);
	for (i = 0; i < THREADS; i++) {
		wait_for_completion(&stress[i].done);
		KUNIT_EXPECT_EQ(test, stress[i].bad, 0);
		KUNIT_EXPECT_GT(test, stress[i].steps, 0);
		model_finish(test, &stress[i].model);
	}
	passed = stress_passed(stress);
	while (ring_get(stress[0].ring, &cell)) {
		KUNIT_EXPECT_TRUE(test, cell_check(&cell));
		pheap_free(cell.p);
	}
	KUNIT_EXPECT_GT(test, passed, 0);
	pheap_cache_destroy(stress[0].cache);
	fixture_held();
	fixture_held();
	/* At the limit there may be no room to note what waits for RCU. */
	KUNIT_EXPECT_LE(test, fixture_stats(test).live_blocks,
			fixture_stats(test).quarantine_blocks);
	FIXTURE_CHECK(test);
}

static void stress_threads(struct kunit *test)
{
	struct stress *stress = stress_start(test);

	msleep(stress_ms);
	stress_finish(test, stress);
}

/* With all that may go on beside it. */
static void stress_with_upkeep(struct kunit *test)
{
	ktime_t end = ktime_add_ms(ktime_get(), stress_ms);
	struct stress *stress = stress_start(test);
	struct pheap_stats stats;

	while (ktime_before(ktime_get(), end)) {
		pheap_trim(heap_of(test));
		pheap_cache_shrink(stress->cache);
		pheap_get_stats(heap_of(test), &stats);
		KUNIT_EXPECT_EQ(test, pheap_validate(heap_of(test)), 0);
		msleep(20);
	}
	stress_finish(test, stress);
}

/* One CPU after another goes away, and comes back. */
static void stress_with_hotplug(struct kunit *test)
{
	ktime_t end = ktime_add_ms(ktime_get(), stress_ms);
	int cpu = cpumask_last(cpu_online_mask), err, times = 0;
	struct stress *stress;

	if (!cpu)
		kunit_skip(test, "one CPU");
	err = remove_cpu(cpu);
	if (err)
		kunit_skip(test, "CPU %d stays: %d", cpu, err);
	KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
	stress = stress_start(test);
	do {
		KUNIT_EXPECT_EQ(test, remove_cpu(cpu), 0);
		msleep(20);
		KUNIT_EXPECT_EQ(test, pheap_validate(heap_of(test)), 0);
		KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
		cpu = cpu > 1 ? cpu - 1 : cpumask_last(cpu_online_mask);
		times++;
	} while (ktime_before(ktime_get(), end) || times < 4);
	stress_finish(test, stress);
}

/* At the limit, so that every thread trims the heap of the others. */
static void stress_at_the_limit(struct kunit *test)
{
	struct pheap_stats stats;
	struct stress *stress;
	int i;

	fixture_remake(test, &(struct pheap_args) { .limit = SZ_256K });
	stress = stress_start(test);
	msleep(stress_ms);
	/* A slow kernel takes its time to get there. */
	for (i = 0; i < 40; i++) {
		pheap_get_stats(heap_of(test), &stats);
		if (stats.refusals)
			break;
		msleep(stress_ms);
	}
	stress_finish(test, stress);
	KUNIT_EXPECT_GT(test, fixture_stats(test).refusals, 0);
	KUNIT_EXPECT_LE(test, fixture_stats(test).peak, SZ_256K);
}

static struct kunit_case stress_cases[] = {
	MODE_CASE(all, stress_threads),
	MODE_CASE(all, stress_with_upkeep),
	MODE_CASE(pooled, stress_with_hotplug),
	MODE_CASE(all, stress_at_the_limit),
	{}
};

struct kunit_suite stress_suite = {
	.name = "pheap_stress",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = stress_cases,
};
