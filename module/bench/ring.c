// SPDX-License-Identifier: GPL-2.0
/*
 * Two CPUs at once.
 *
 *	ring	one CPU allocates and writes messages, the other reads and frees
 *		what it finds in a ring of 256
 *	batches	the same, handed over in batches of 64
 *	two	pairs on one CPU alone, then on both at once, each for itself
 */
#include <linux/kernel.h>
#include <linux/minmax.h>

#include "shared.h"

#define RING_BATCH	64
#define RING_COUNT	524288

/*
 * Slots of a cache line, which is handed over as a whole: one by one, both would
 * take it from each other eight times.  And in user-mode Linux, each release is
 * an MFENCE: that is 30 to 40 ns, in which nothing else goes on.
 */
#define RING_LINE	(SMP_CACHE_BYTES / sizeof(void *))

/*
 * Who finds the ring full or empty waits for that many slots or blocks.  With
 * less, the faster of the two would take the other's index, slots and messages
 * from its cache for each block, and that is what would be measured.
 */
#define RING_SLACK	64

/* Bytes at most between two blocks of the loop by itself. */
#define RING_OWN	((size_t)256)

#define TWO_COUNT	2000000

static const size_t ring_sizes[] = { 16, 64, 256, 0 };

/* The loop by itself allocates nothing: each slot has a block of its own. */
static __always_inline void *ring_alloc(enum side side, struct shared *shared,
					size_t size, size_t slot)
{
	if (side == SIDE_LOOP)
		return shared->own + slot * min(shared->set.size, RING_OWN);
	return side_alloc(side, &shared->set, size);
}

/* One CPU writes the message, or else it would be none... */
static __always_inline bool ring_put(enum side side, struct shared *shared,
				     size_t size, size_t n)
{
	size_t slot = n % RING_SLOTS;
	size_t *p = ring_alloc(side, shared, size, slot);

	shared->ring.blocks[slot] = p;
	if (unlikely(!p))
		return false;
	WRITE_ONCE(*p, n);
	return true;
}

/* ...and the other reads it. */
static __always_inline void ring_take(enum side side, struct shared *shared,
				      size_t n)
{
	size_t *p = shared->ring.blocks[n % RING_SLOTS];

	if (unlikely(!p))
		return;
	READ_ONCE(*p);
	side_free(side, &shared->set, p);
}

static __always_inline int produce_loop(enum side side, struct side_set *set,
					size_t size)
{
	struct shared *shared = container_of(set, struct shared, set);
	size_t count = shared->count, step = shared->step;
	size_t head, tail = 0, i;
	bool failed = false;

	for (head = 0; head < count; head += step) {
		if (head + step - tail > RING_SLOTS)
			tail = shared_await(&shared->ring.tail,
					    head + RING_SLACK - RING_SLOTS);
		for (i = 0; i < step; i++)
			failed |= !ring_put(side, shared, size, head + i);
		/* Pairs with shared_await(): the blocks are there. */
		smp_store_release(&shared->ring.head, head + step);
	}
	return failed ? -ENOMEM : 0;
}

static __always_inline int consume_loop(enum side side, struct side_set *set,
					size_t size)
{
	struct shared *shared = container_of(set, struct shared, set);
	size_t count = shared->count, step = shared->step;
	size_t tail, head = 0, i;

	for (tail = 0; tail < count; tail += step) {
		if (head - tail < step)
			head = shared_await(&shared->ring.head,
					    min(tail + RING_SLACK, count));
		for (i = 0; i < step; i++)
			ring_take(side, shared, tail + i);
		/* Pairs with shared_await(): the slots are free. */
		smp_store_release(&shared->ring.tail, tail + step);
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
		"ring", ring_sizes, RING_COUNT, RING_LINE, RING_SLOTS * RING_OWN,
		measure_ring
	};

	return shared_run(&test, command);
}

int shared_batches(const struct bench_command *command)
{
	static const struct shared_test test = {
		"batches", ring_sizes, RING_COUNT, RING_BATCH,
		RING_SLOTS * RING_OWN, measure_ring
	};

	return shared_run(&test, command);
}

int shared_two(const struct bench_command *command)
{
	static const struct shared_test test = {
		"two", ring_sizes, TWO_COUNT, 1, 0, measure_two
	};

	return shared_run(&test, command);
}
