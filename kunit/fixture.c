// SPDX-License-Identifier: GPL-2.0
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "backing.h"
#include "map.h"
#include "pheap_kunit.h"
#include "report.h"

static const struct mode mode_plain = MODE_PLAIN;

void mode_describe(const struct mode *mode, char *desc)
{
	strscpy(desc, mode->name, KUNIT_PARAM_DESC_SIZE);
}

static struct workqueue_struct *later_wq;

/**
 * struct later - a heap that is being destroyed
 * @work: what does it.
 * @heap: heap.
 */
struct later {
	struct work_struct work;
	struct pheap *heap;
};

static void later_destroy(struct work_struct *work)
{
	struct later *later = container_of(work, struct later, work);

	pheap_destroy(later->heap);
	kfree(later);
}

void fixture_destroy_later(struct kunit *test, struct pheap *heap)
{
	struct later *later = kmalloc(sizeof(*later), GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, later);
	INIT_WORK(&later->work, later_destroy);
	later->heap = heap;
	queue_work(later_wq, &later->work);
}

#define RCU_PARAMETERS	"/sys/module/rcutree/parameters/"

/* Grace periods are what tests wait for most of the time. */
static void hurry_rcu(void)
{
	file_write(RCU_PARAMETERS "jiffies_till_first_fqs", "0");
	file_write(RCU_PARAMETERS "jiffies_till_next_fqs", "0");
}

/* Before 6.6 the suites of a module run before its own init function. */
int fixture_start(struct kunit_suite *suite)
{
	if (later_wq)
		return 0;
	hurry_rcu();
	later_wq = alloc_workqueue("pheap_kunit", WQ_UNBOUND, 0);
	return later_wq ? 0 : -ENOMEM;
}

void fixture_stop(void)
{
	if (later_wq)
		destroy_workqueue(later_wq);
}

void fixture_atomic(struct kunit *test)
{
	if (COMPAT_RT)
		kunit_skip(test, "no kmalloc() here with PREEMPT_RT");
}

long fixture_held(void)
{
	flush_workqueue(later_wq);
	rcu_barrier();
	return atomic_long_read(&backing_held);
}

static void fixture_make(struct kunit *test, const struct pheap_args *args)
{
	struct fixture *fix = fixture_of(test);
	struct pheap_args own = args ? *args : (struct pheap_args) {};
	struct pheap *heap;

	own.flags |= fix->mode->flags;
	heap = pheap_create("kunit", &own);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(heap));
	fix->heap = heap;
}

int fixture_init(struct kunit *test)
{
	struct fixture *fix;

	if (!strstarts(test->name, kunit_only))
		kunit_skip(test, "not wanted");
	fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	if (!fix)
		return -ENOMEM;
	test->priv = fix;
	fix->mode = test->param_value ?: &mode_plain;
	report_forget_graves();
	fix->held = atomic_long_read(&backing_held);
	fix->seed = kunit_seed ?: get_random_u32();
	prandom_seed_state(&fix->rnd, fix->seed);
	fixture_make(test, NULL);
	return 0;
}

/* What workers and RCU have of objects comes back, sooner or later. */
static void fixture_settle(struct kunit *test)
{
	struct pheap_stats stats = fixture_stats(test);
	int tries = 500;

	while (stats.live_blocks > stats.quarantine_blocks && tries--) {
		fixture_held();
		usleep_range(2000, 4000);
		stats = fixture_stats(test);
	}
}

static void fixture_destroy(struct kunit *test)
{
	struct fixture *fix = fixture_of(test);
	struct pheap *heap = fix->heap;
	struct pheap_stats stats;

	if (!heap)
		return;
	if (!fix->leaves)
		fixture_settle(test);
	pheap_trim(heap);
	FIXTURE_CHECK(test);
	stats = fixture_stats(test);
	if (!fix->leaves) {
		KUNIT_EXPECT_LE(test, stats.live_blocks,
				stats.quarantine_blocks);
		KUNIT_EXPECT_EQ(test, stats.magazine_blocks, 0);
	}
	if (!fix->leaves && !stats.live_blocks) {
		KUNIT_EXPECT_EQ(test, stats.pools, 0);
		KUNIT_EXPECT_EQ(test, stats.arenas, 0);
		KUNIT_EXPECT_EQ(test, stats.taken, stats.meta_bytes);
	}
	fix->heap = NULL;
	pheap_destroy(heap);
}

void fixture_exit(struct kunit *test)
{
	struct fixture *fix = fixture_of(test);
	int i;

	if (!fix)
		return;
	backing_fail_nth(0, false);
	WRITE_ONCE(backing_max_order, UINT_MAX);
	for (i = 0; i < FIXTURE_EXTRA; i++)
		pheap_destroy(fix->extra[i]);
	fixture_destroy(test);
	log_end(test);
	KUNIT_EXPECT_EQ(test, fixture_held(), fix->held);
}

struct pheap *fixture_remake(struct kunit *test, const struct pheap_args *args)
{
	fixture_destroy(test);
	fixture_make(test, args);
	return heap_of(test);
}

struct pheap *fixture_extra(struct kunit *test, const char *name)
{
	struct fixture *fix = fixture_of(test);
	struct pheap_args args = { .flags = fix->mode->flags };
	struct pheap *heap;
	int i;

	for (i = 0; i < FIXTURE_EXTRA - 1 && fix->extra[i]; i++)
		;
	heap = pheap_create(name, &args);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(heap));
	fix->extra[i] = heap;
	return heap;
}

void fixture_drop_extra(struct kunit *test, struct pheap *heap)
{
	struct fixture *fix = fixture_of(test);
	int i;

	for (i = 0; i < FIXTURE_EXTRA; i++)
		if (fix->extra[i] == heap)
			fix->extra[i] = NULL;
	pheap_destroy(heap);
}

u32 fixture_random(struct kunit *test, u32 below)
{
	return prandom_u32_state(&fixture_of(test)->rnd) % below;
}

struct pheap_cache *fixture_class(struct kunit *test, size_t size)
{
	struct pheap_cache *cache = heap_of(test)->classes[class_of(size)];

	KUNIT_ASSERT_PTR_NE(test, cache->heap, (struct pheap *)NULL);
	return cache;
}

struct pool *fixture_pool(const void *p)
{
	struct spot spot;

	rcu_read_lock();
	spot = map_find_pool(p);
	rcu_read_unlock();
	return spot.arena ? spot_pool(spot) : NULL;
}

struct pheap_stats fixture_stats(struct kunit *test)
{
	struct pheap_stats stats, again;
	int tries = 100;

	/* What RCU gives back may come in between. */
	pheap_get_stats(heap_of(test), &again);
	do {
		stats = again;
		pheap_get_stats(heap_of(test), &again);
	} while (memcmp(&stats, &again, sizeof(stats)) && --tries);
	return stats;
}

static u64 stats_sum(const struct pheap_stats *s)
{
	return s->live_bytes + s->magazine_bytes + s->free_bytes +
	       s->slack_bytes + s->page_bytes + s->meta_bytes;
}

/* So often, 20 ms apart, must a sum be wrong to be called wrong. */
#define FIXTURE_LOOKS	10

/* What the heap's work is about to move from pools to arenas is in neither. */
static struct pheap_stats fixture_stats_whole(struct kunit *test)
{
	struct pheap_stats stats = fixture_stats(test);
	int looks;

	for (looks = 1; looks < FIXTURE_LOOKS; looks++) {
		if (stats.taken == stats_sum(&stats))
			break;
		msleep(20);
		stats = fixture_stats(test);
	}
	return stats;
}

static int fixture_compare(const void *a, const void *b)
{
	const unsigned long *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

void fixture_sort(void **p, unsigned int nr)
{
	sort(p, nr, sizeof(*p), fixture_compare, NULL);
}

void fixture_check_at(struct kunit *test, const char *file, int line)
{
	struct pheap_stats s = fixture_stats_whole(test);

	KUNIT_EXPECT_EQ_MSG(test, s.taken, stats_sum(&s),
			    "live %llu magazine %llu free %llu slack %llu page %llu meta %llu, %s:%d",
			    s.live_bytes, s.magazine_bytes, s.free_bytes,
			    s.slack_bytes, s.page_bytes, s.meta_bytes, file,
			    line);
	KUNIT_EXPECT_LE_MSG(test, s.taken, s.peak, "%s:%d", file, line);
	if (s.limit)
		KUNIT_EXPECT_LE_MSG(test, s.peak, s.limit, "%s:%d", file,
				    line);
	KUNIT_EXPECT_EQ_MSG(test, pheap_validate(heap_of(test)), 0, "%s:%d",
			    file, line);
}

/**
 * struct errand - a call on another CPU
 * @work: what runs it.
 * @fn: the call.
 * @arg: its argument.
 */
struct errand {
	struct work_struct work;
	void (*fn)(void *arg);
	void *arg;
};

static void errand_run(struct work_struct *work)
{
	struct errand *errand = container_of(work, struct errand, work);

	errand->fn(errand->arg);
}

void fixture_run_on(struct kunit *test, int cpu, void (*fn)(void *arg),
		    void *arg)
{
	struct errand errand = { .fn = fn, .arg = arg };

	INIT_WORK_ONSTACK(&errand.work, errand_run);
	schedule_work_on(cpu, &errand.work);
	flush_work(&errand.work);
	destroy_work_on_stack(&errand.work);
}

int fixture_other_cpu(int cpu)
{
	int other;

	for_each_online_cpu(other)
		if (other != cpu)
			return other;
	return -1;
}
