/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests on two CPUs at once: threads, and a measurement of all sizes, rounds
 * and sides.
 */
#ifndef _PHEAP_BENCH_SHARED_H
#define _PHEAP_BENCH_SHARED_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/completion.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "bench.h"
#include "side.h"

#define SHARED_CPUS	2
#define SHARED_THREADS	4
#define RING_SLOTS	256
#define LARSON_SLOTS	5000
#define LARSON_ARRAYS	(SHARED_CPUS + 1)

struct shared;

/**
 * struct shared_thread - one that takes part
 * @shared: what it takes part in.
 * @task: the thread.
 * @run: what it does.
 * @seed: of its random numbers.
 * @start: when it started.
 * @end: when it was done.
 * @done: it is.
 */
struct shared_thread {
	struct shared *shared;
	struct task_struct *task;
	int (*run)(struct shared_thread *thread);
	u32 seed;
	u64 start;
	u64 end;
	struct completion done;
} ____cacheline_aligned_in_smp;

/**
 * struct shared_ring - from one CPU to another
 * @head: blocks put in so far; written by the one that allocates.
 * @tail: blocks taken out so far; written by the one that frees.
 * @blocks: those in between.
 *
 * Each side keeps what it last saw of the other's index to itself, and looks
 * again only when by that the ring is full or empty.
 */
struct shared_ring {
	size_t head ____cacheline_aligned_in_smp;
	size_t tail ____cacheline_aligned_in_smp;
	void *blocks[RING_SLOTS] ____cacheline_aligned_in_smp;
};

/**
 * struct xmalloc_queue - batches from threads to threads
 * @lock: protects @batches, @spare and @nr.
 * @batches: those in the queue.
 * @spare: those of the loop by itself that are not in use.
 * @nr: how many.
 * @tickets: batches that nobody has set out to free.
 * @room: those who wait for room.
 * @some: those who wait for a batch.
 */
struct xmalloc_queue {
	spinlock_t lock; /* of batches, spare and nr */
	struct list_head batches;
	struct list_head spare;
	unsigned int nr;
	atomic_t tickets;
	wait_queue_head_t room;
	wait_queue_head_t some;
};

/**
 * struct shared - one measurement
 * @set: the allocators.
 * @side: which of them is measured.
 * @count: operations of each thread.
 * @step: blocks that are handed on at a time, or replaced until an array is.
 * @own: memory that the loop by itself passes on in place of blocks.
 * @go: the threads may start.
 * @failed: an allocation has failed, or a thread could not be made.
 * @threads: those that take part.
 * @ring: for ring and batches.
 * @slots: for larson, an array for each thread and one between them.
 * @spare: the one that no thread has.
 * @queue: for xmalloc.
 */
struct shared {
	struct side_set set;
	enum side side;
	size_t count;
	size_t step;
	void *own;
	struct completion go;
	bool failed;
	struct shared_thread threads[SHARED_THREADS];
	struct shared_ring ring;
	void *slots[LARSON_ARRAYS][LARSON_SLOTS];
	void **spare ____cacheline_aligned_in_smp;
	struct xmalloc_queue queue;
};

/**
 * struct shared_test - a test, for each size and side in turn
 * @name: its name.
 * @sizes: of blocks, up to a 0.
 * @count: operations of a thread, unless the command says otherwise.
 * @step: blocks that are handed on at a time, or replaced until an array is.
 * @own: bytes that the loop by itself passes on in place of blocks.
 * @measure: does it once.
 */
struct shared_test {
	const char *name;
	const size_t *sizes;
	size_t count;
	size_t step;
	size_t own;
	int (*measure)(const struct shared_test *test, struct shared *shared);
};

size_t shared_await(const size_t *index, size_t least);
int shared_threads_run(struct shared *shared, unsigned int n, u64 *ns);
int shared_run(const struct shared_test *test,
	       const struct bench_command *command);

#endif /* _PHEAP_BENCH_SHARED_H */
