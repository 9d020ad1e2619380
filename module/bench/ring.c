// SPDX-License-Identifier: GPL-2.0
/*
 * Two CPUs at once.
 *
 *	ring	one CPU allocates and the other frees what it finds in a ring of
 *		256
 *	batches	the same, in batches of 64
 *	two	pairs on one CPU alone, then on both at once, each for itself
 */
#include <linux/kernel.h>
#include <linux/sched.h>

#include "shared.h"

#define RING_BATCH	64
#define RING_COUNT	262144
#define TWO_COUNT	500000

static const size_t ring_sizes[] = { 16, 64, 256, 0 };

static void ring_relax(void)
{
	cpu_relax();
	cond_resched();
}

static __always_inline int produce_loop(enum side side, struct side_set *set,
					size_t size)
{
	struct shared *shared = container_of(set, struct shared, set);
	struct shared_ring *ring = &shared->ring;
	size_t head, tail = 0, step = shared->step, i;
	bool failed = false;
	void *p;

	for (head = 0; head < shared->count; head += step) {
		while (head + step - tail > RING_SLOTS) {
			/* Pairs with consume_loop(): the slots are free. */
			tail = smp_load_acquire(&ring->tail);
			if (head + step - tail > RING_SLOTS)
				ring_relax();
		}
		for (i = 0; i < step; i++) {
			p = side_alloc(side, set, size);
			failed |= !p;
			ring->blocks[(head + i) % RING_SLOTS] = p;
		}
		/* Pairs with consume_loop(): the blocks are there. */
		smp_store_release(&ring->head, head + step);
	}
	return failed ? -ENOMEM : 0;
}

static __always_inline int consume_loop(enum side side, struct side_set *set,
					size_t size)
{
	struct shared *shared = container_of(set, struct shared, set);
	struct shared_ring *ring = &shared->ring;
	size_t tail, head = 0, step = shared->step, i;
	void *p;

	for (tail = 0; tail < shared->count; tail += step) {
		while (head - tail < step) {
			/* Pairs with produce_loop(): the blocks are there. */
			head = smp_load_acquire(&ring->head);
			if (head - tail < step)
				ring_relax();
		}
		for (i = 0; i < step; i++) {
			p = ring->blocks[(tail + i) % RING_SLOTS];
			if (likely(p))
				side_free(side, set, p);
		}
		/* Pairs with produce_loop(): the slots are free. */
		smp_store_release(&ring->tail, tail + step);
	}
	return 0;
}

static int produce(struct shared_thread *thread)
{
	struct shared *shared = thread->shared;

	return side_call(produce_loop, shared->side, &shared->set);
}

static int consume(struct shared_thread *thread)
{
	struct shared *shared = thread->shared;

	return side_call(consume_loop, shared->side, &shared->set);
}

static int measure_ring(const struct shared_test *test, struct shared *shared)
{
	u64 ns;
	int err;

	shared->ring.head = 0;
	shared->ring.tail = 0;
	shared->threads[0].run = produce;
	shared->threads[1].run = consume;
	err = shared_threads_run(shared, 2, &ns);
	return err ?: result_add(test->name, shared->set.size,
				 side_name(shared->side), "block_ns",
				 RESULT_NS, ns, shared->count);
}

/* --- two ------------------------------------------------------------------ */

static __always_inline int two_loop(enum side side, struct side_set *set,
				    size_t size)
{
	struct shared *shared = container_of(set, struct shared, set);
	size_t n = shared->count;
	void *p;

	while (n--) {
		p = side_alloc(side, set, size);
		if (unlikely(!p))
			return -ENOMEM;
		side_free(side, set, p);
	}
	return 0;
}

static int two_run(struct shared_thread *thread)
{
	struct shared *shared = thread->shared;

	return side_call(two_loop, shared->side, &shared->set);
}

static int measure_two(const struct shared_test *test, struct shared *shared)
{
	static const char * const what[] = { "one_ns", "two_ns" };
	unsigned int i;
	u64 ns;
	int err;

	shared->threads[0].run = two_run;
	shared->threads[1].run = two_run;
	for (i = 0; i < ARRAY_SIZE(what); i++) {
		err = shared_threads_run(shared, i + 1, &ns);
		if (!err)
			err = result_add(test->name, shared->set.size,
					 side_name(shared->side), what[i],
					 RESULT_NS, ns, shared->count);
		if (err)
			return err;
	}
	return 0;
}

int shared_ring(const struct bench_command *command)
{
	static const struct shared_test test = {
		"ring", ring_sizes, SIDE_LOOP, RING_COUNT, 1, measure_ring
	};

	return shared_run(&test, command);
}

int shared_batches(const struct bench_command *command)
{
	static const struct shared_test test = {
		"batches", ring_sizes, SIDE_LOOP, RING_COUNT, RING_BATCH,
		measure_ring
	};

	return shared_run(&test, command);
}

int shared_two(const struct bench_command *command)
{
	static const struct shared_test test = {
		"two", ring_sizes, SIDE_LOOP, TWO_COUNT, 1, measure_two
	};

	return shared_run(&test, command);
}
