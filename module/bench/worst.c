// SPDX-License-Identifier: GPL-2.0
/*
 * The worst single call: what a refill, a flush, a new pool or a new arena
 * costs the caller that it falls to.
 *
 * 10,000 blocks are allocated and freed with a look at the clock around each
 * call, each time from a new cache and heap, so that the slow paths fall to the
 * same calls each time and interrupts to others.  Of each call the fastest
 * round is kept; the worst of these is the figure.  The side "loop" shows what
 * of it is the clock's.
 */
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "bench.h"
#include "side.h"

#define WORST_COUNT	10000

/**
 * struct worst - one measurement
 * @set: the allocators.
 * @count: blocks.
 * @blocks: where they are kept.
 * @alloc_ns: fastest round of each allocation.
 * @free_ns: fastest round of each free.
 */
struct worst {
	struct side_set set;
	size_t count;
	void **blocks;
	u64 *alloc_ns;
	u64 *free_ns;
};

static __always_inline int worst_loop(enum side side, struct side_set *set,
				      size_t size)
{
	struct worst *worst = container_of(set, struct worst, set);
	size_t got, i;
	u64 start;

	for (got = 0; got < worst->count; got++) {
		start = ktime_get_raw_ns();
		worst->blocks[got] = side_alloc(side, set, size);
		start = ktime_get_raw_ns() - start;
		if (!worst->blocks[got])
			break;
		worst->alloc_ns[got] = min(worst->alloc_ns[got], start);
	}
	for (i = 0; i < got; i++) {
		start = ktime_get_raw_ns();
		side_free(side, set, worst->blocks[i]);
		start = ktime_get_raw_ns() - start;
		worst->free_ns[i] = min(worst->free_ns[i], start);
	}
	return got < worst->count ? -ENOMEM : 0;
}

static int worst_round(struct worst *worst, enum side side, size_t size)
{
	int err = side_open(&worst->set, size);

	if (!err) {
		migrate_disable();
		err = side_call(worst_loop, side, &worst->set);
		migrate_enable();
	}
	side_close(&worst->set);
	cond_resched();
	if (!err && signal_pending(current))
		err = -EINTR;
	return err;
}

static int worst_add(const struct worst *worst, enum side side, size_t size,
		     const char *what, const u64 *ns)
{
	u64 most = 0;
	size_t i;

	for (i = 0; i < worst->count; i++)
		most = max(most, ns[i]);
	return result_add("worst", size, side_name(side), what, RESULT_NS, most,
			  1);
}

static int worst_side(struct worst *worst, enum side side, size_t size,
		      unsigned long rounds)
{
	int err = 0;

	memset64(worst->alloc_ns, U64_MAX, worst->count);
	memset64(worst->free_ns, U64_MAX, worst->count);
	while (rounds-- && !err)
		err = worst_round(worst, side, size);
	if (!err)
		err = worst_add(worst, side, size, "alloc_ns", worst->alloc_ns);
	return err ?: worst_add(worst, side, size, "free_ns", worst->free_ns);
}

static int worst_sizes(struct worst *worst, const struct bench_command *command)
{
	static const size_t all[] = { 16, 64, 512, 0 };
	const size_t only[] = { command->size, 0 };
	const size_t *size = command->size ? only : all;
	enum side side;
	int err;

	for (; *size; size++) {
		for (side = SIDE_LOOP; side < SIDE_NR; side++) {
			if (side_is_variant(side))
				continue;
			err = worst_side(worst, side, *size, command->rounds);
			if (err)
				return err;
		}
	}
	return 0;
}

int worst_call(const struct bench_command *command)
{
	struct worst worst = {};
	int err = -ENOMEM;

	result_round(0);
	worst.count = command->count ?: WORST_COUNT;
	worst.blocks = vmalloc(array_size(worst.count, sizeof(void *)));
	worst.alloc_ns = vmalloc(array_size(worst.count, sizeof(u64)));
	worst.free_ns = vmalloc(array_size(worst.count, sizeof(u64)));
	if (worst.blocks && worst.alloc_ns && worst.free_ns)
		err = worst_sizes(&worst, command);
	vfree(worst.blocks);
	vfree(worst.alloc_ns);
	vfree(worst.free_ns);
	return err;
}
