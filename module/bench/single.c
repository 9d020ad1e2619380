// SPDX-License-Identifier: GPL-2.0
/*
 * One CPU by itself: pairs, batches and bulks.
 *
 *	pair	allocate a block and free it, over and over
 *	batch	allocate 10,000, then free them: in the order of allocation,
 *		and in a random one
 *	bulk	the same in bulks of 16
 *	irq	turn interrupts off and on, which slow paths do, on any side
 */
#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include "bench.h"
#include "side.h"

#define SINGLE_COUNT	10000
#define SINGLE_BULK	16
#define SINGLE_SEED	20240611

static const size_t small_sizes[] = { 8, 16, 64, 136, 256, 512, 0 };
static const size_t medium_sizes[] = {
	600, 1024, 2000, 4096, 8192, 16384, 32768, 65536, 0
};

/**
 * struct single - one measurement
 * @set: the allocators.
 * @count: blocks, a multiple of %SINGLE_BULK.
 * @blocks: where they are kept.
 * @got: how many of them there are.
 * @alloc_ns: what allocating all of them took (pairs: and freeing).
 * @free_ns: what freeing all of them took.
 */
struct single {
	struct side_set set;
	size_t count;
	void **blocks;
	size_t got;
	u64 alloc_ns;
	u64 free_ns;
};

/**
 * struct single_test - a test, for each size and side in turn
 * @name: its name.
 * @measure: does it once, for all that it measures.
 */
struct single_test {
	const char *name;
	int (*measure)(const char *name, struct single *single, enum side side);
};

static __always_inline int pair_loop(enum side side, struct side_set *set,
				     size_t size)
{
	struct single *single = container_of(set, struct single, set);
	size_t n = single->count;
	u64 start;
	void *p;

	start = ktime_get_raw_ns();
	while (n--) {
		p = side_alloc(side, set, size);
		if (unlikely(!p))
			return -ENOMEM;
		side_free_sized(side, set, p, size);
	}
	single->alloc_ns = ktime_get_raw_ns() - start;
	return 0;
}

static __always_inline int alloc_loop(enum side side, struct side_set *set,
				      size_t size)
{
	struct single *single = container_of(set, struct single, set);
	void **p = single->blocks, **end = p + single->count;
	u64 start;

	start = ktime_get_raw_ns();
	for (; p < end; p++) {
		*p = side_alloc(side, set, size);
		if (unlikely(!*p))
			break;
	}
	single->alloc_ns = ktime_get_raw_ns() - start;
	single->got = p - single->blocks;
	return 0;
}

static __always_inline int free_loop(enum side side, struct side_set *set,
				     size_t size)
{
	struct single *single = container_of(set, struct single, set);
	void **p = single->blocks, **end = p + single->got;
	u64 start;

	start = ktime_get_raw_ns();
	for (; p < end; p++)
		side_free_sized(side, set, *p, size);
	single->free_ns = ktime_get_raw_ns() - start;
	return 0;
}

static __always_inline int alloc_bulk_loop(enum side side, struct side_set *set,
					   size_t size)
{
	struct single *single = container_of(set, struct single, set);
	void **p = single->blocks, **end = p + single->count;
	u64 start;

	start = ktime_get_raw_ns();
	for (; p < end; p += SINGLE_BULK) {
		if (unlikely(!side_alloc_bulk(side, set, size, SINGLE_BULK,
					      p)))
			break;
	}
	single->alloc_ns = ktime_get_raw_ns() - start;
	single->got = p - single->blocks;
	return 0;
}

static __always_inline int free_bulk_loop(enum side side, struct side_set *set,
					  size_t size)
{
	struct single *single = container_of(set, struct single, set);
	void **p = single->blocks, **end = p + single->got;
	u64 start;

	start = ktime_get_raw_ns();
	for (; p < end; p += SINGLE_BULK)
		side_free_bulk(side, set, SINGLE_BULK, p);
	single->free_ns = ktime_get_raw_ns() - start;
	return 0;
}

/* In place, the same order each time: the sides get the same work. */
static void shuffle(void **blocks, size_t n)
{
	struct rnd_state rnd;
	size_t i, j;

	prandom_seed_state(&rnd, SINGLE_SEED);
	for (i = n; i > 1; i--) {
		j = prandom_u32_state(&rnd) % i;
		swap(blocks[i - 1], blocks[j]);
	}
}

static int single_add(const char *name, const char *what,
		      const struct single *single, enum side side, u64 ns)
{
	return result_add(name, single->set.size, side_name(side), what,
			  RESULT_NS, ns, single->count);
}

static int measure_pair(const char *name, struct single *single,
			enum side side)
{
	int err = side_call(pair_loop, side, &single->set);

	return err ?: single_add(name, "pair_ns", single, side,
				 single->alloc_ns);
}

static int measure_order(const char *name, struct single *single,
			 enum side side, bool random)
{
	int err;

	side_call(alloc_loop, side, &single->set);
	if (random)
		shuffle(single->blocks, single->got);
	side_call(free_loop, side, &single->set);
	if (single->got < single->count)
		return -ENOMEM;
	err = single_add(name, random ? "alloc_shuffled_ns" : "alloc_ns",
			 single, side, single->alloc_ns);
	return err ?: single_add(name, random ? "free_shuffled_ns" : "free_ns",
				 single, side, single->free_ns);
}

static int measure_batch(const char *name, struct single *single,
			 enum side side)
{
	int err = measure_order(name, single, side, false);

	return err ?: measure_order(name, single, side, true);
}

static int measure_bulk(const char *name, struct single *single,
			enum side side)
{
	int err;

	if (side_is_variant(side))
		return 0;
	side_call(alloc_bulk_loop, side, &single->set);
	side_call(free_bulk_loop, side, &single->set);
	if (single->got < single->count)
		return -ENOMEM;
	err = single_add(name, "alloc_ns", single, side, single->alloc_ns);
	return err ?: single_add(name, "free_ns", single, side,
				 single->free_ns);
}

/* Sides @first ... @end - 1 in turn, round by round; the first round warms up. */
static int single_turns(const struct single_test *test, struct single *single,
			int rounds, enum side first, enum side end)
{
	enum side side;
	int round, err;

	for (round = -1; round < rounds; round++) {
		result_round(round);
		for (side = first; side < end; side++) {
			migrate_disable();
			err = test->measure(test->name, single, side);
			migrate_enable();
			if (err)
				return err;
			cond_resched();
		}
		if (signal_pending(current))
			return -EINTR;
	}
	return 0;
}

/* Each beside its peer. */
static int single_rounds(const struct single_test *test, struct single *single,
			 int rounds)
{
	static const enum side first[] = {
		SIDE_LOOP, SIDE_KMEM_CACHE, SIDE_KMALLOC, SIDE_NR
	};
	int i, err = 0;

	for (i = 0; first[i] < SIDE_NR && !err; i++)
		err = single_turns(test, single, rounds, first[i],
				   first[i + 1]);
	return err;
}

static int single_size(const struct single_test *test, struct single *single,
		       size_t size, int rounds)
{
	int err = side_open(&single->set, size);

	if (!err)
		err = single_rounds(test, single, rounds);
	side_close(&single->set);
	return err;
}

static int single_run(const struct bench_command *command, const char *name,
		      const size_t *sizes, size_t count,
		      int (*measure)(const char *name, struct single *single,
				     enum side side))
{
	const struct single_test test = { name, measure };
	const size_t only[] = { command->size, 0 };
	const size_t *size = command->size ? only : sizes;
	struct single single = {};
	int err = 0;

	single.count = round_up(command->count ?: count, SINGLE_BULK);
	single.blocks = vmalloc(array_size(single.count, sizeof(void *)));
	if (!single.blocks)
		return -ENOMEM;
	for (; *size && !err; size++)
		err = single_size(&test, &single, *size, command->rounds);
	vfree(single.blocks);
	return err;
}

static int measure_irq(const char *name, struct single *single, enum side side)
{
	size_t n = single->count;
	unsigned long flags;
	u64 start;

	if (side != SIDE_LOOP)
		return 0;
	start = ktime_get_raw_ns();
	while (n--) {
		local_irq_save(flags);
		local_irq_restore(flags);
	}
	return single_add(name, "pair_ns", single, side,
			  ktime_get_raw_ns() - start);
}

int single_irq(const struct bench_command *command)
{
	static const size_t any[] = { 8, 0 };

	return single_run(command, "irq", any, SINGLE_COUNT, measure_irq);
}

int single_pair(const struct bench_command *command)
{
	return single_run(command, "pair", small_sizes, SINGLE_COUNT,
			  measure_pair);
}

int single_batch(const struct bench_command *command)
{
	return single_run(command, "batch", small_sizes, SINGLE_COUNT,
			  measure_batch);
}

int single_bulk(const struct bench_command *command)
{
	return single_run(command, "bulk", small_sizes, SINGLE_COUNT,
			  measure_bulk);
}

int single_medium_pair(const struct bench_command *command)
{
	return single_run(command, "medium-pair", medium_sizes, SINGLE_COUNT,
			  measure_pair);
}

/* A tenth as many, so that the largest take 64 MiB and not 640. */
int single_medium_batch(const struct bench_command *command)
{
	return single_run(command, "medium-batch", medium_sizes,
			  SINGLE_COUNT / 10, measure_batch);
}
