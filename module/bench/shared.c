// SPDX-License-Identifier: GPL-2.0
/*
 * Tests on two CPUs at once: threads, and a measurement of all sizes, rounds
 * and sides.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/vmalloc.h>

#include "shared.h"

#define SHARED_STEP_MAX	64
#define SHARED_PAUSE	8

static int shared_main(void *arg)
{
	struct shared_thread *thread = arg;
	struct shared *shared = thread->shared;

	wait_for_completion(&shared->go);
	if (!READ_ONCE(shared->failed)) {
		thread->start = ktime_get_raw_ns();
		if (thread->run(thread))
			WRITE_ONCE(shared->failed, true);
		thread->end = ktime_get_raw_ns();
	}
	complete(&thread->done);
	return 0;
}

static int shared_thread_create(struct shared *shared,
				struct shared_thread *thread, int cpu)
{
	thread->shared = shared;
	init_completion(&thread->done);
	thread->task = kthread_create(shared_main, thread, "pheap_bench/%d",
				      cpu);
	if (IS_ERR(thread->task))
		return PTR_ERR(thread->task);
	kthread_bind(thread->task, cpu);
	get_task_struct(thread->task);
	wake_up_process(thread->task);
	return 0;
}

static void shared_thread_join(struct shared_thread *thread)
{
	wait_for_completion(&thread->done);
	kthread_stop(thread->task);
	put_task_struct(thread->task);
}

/* From when the first of @n started until the last was done. */
static u64 shared_span(const struct shared *shared, unsigned int n)
{
	u64 start = U64_MAX, end = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		start = min(start, shared->threads[i].start);
		end = max(end, shared->threads[i].end);
	}
	return end - start;
}

/**
 * shared_threads_run() - run threads on two CPUs in turn
 * @shared: in which the first @n threads know what to run.
 * @n: how many.
 * @ns: how long it took all of them.
 *
 * Return: 0 or a negative error.
 */
int shared_threads_run(struct shared *shared, unsigned int n, u64 *ns)
{
	int cpus[SHARED_CPUS];
	unsigned int i, made;
	int err = 0;

	cpus[0] = cpumask_first(cpu_online_mask);
	cpus[1] = cpumask_next(cpus[0], cpu_online_mask);
	init_completion(&shared->go);
	for (made = 0; made < n && !err; made++)
		err = shared_thread_create(shared, &shared->threads[made],
					   cpus[made % SHARED_CPUS]);
	if (err) {
		shared->failed = true;
		made--;
	}
	complete_all(&shared->go);
	for (i = 0; i < made; i++)
		shared_thread_join(&shared->threads[i]);
	if (shared->failed)
		return err ?: -ENOMEM;
	*ns = shared_span(shared, n);
	return 0;
}

/**
 * shared_await() - wait until another CPU has got far enough
 * @index: where it stores how far it is, with smp_store_release().
 * @least: how far that must be.
 *
 * What it did before is seen by the caller.  It is not asked all the time: each
 * look takes the index from its cache.
 *
 * Return: how far it is.
 */
size_t shared_await(const size_t *index, size_t least)
{
	unsigned int i;
	size_t now;

	/* Pairs with the store of who gets there. */
	while ((now = smp_load_acquire(index)) < least) {
		for (i = 0; i < SHARED_PAUSE; i++)
			cpu_relax();
		cond_resched();
	}
	return now;
}

static int shared_rounds(const struct shared_test *test, struct shared *shared,
			 int rounds)
{
	int round, err;

	for (round = -1; round < rounds; round++) {
		result_round(round);
		for (shared->side = SIDE_LOOP; shared->side < SIDE_PHEAP_SIZED;
		     shared->side++) {
			err = test->measure(test, shared);
			if (err)
				return err;
		}
		if (signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static int shared_size(const struct shared_test *test, struct shared *shared,
		       size_t size, int rounds)
{
	int err = side_open(&shared->set, size);

	if (!err)
		err = shared_rounds(test, shared, rounds);
	side_close(&shared->set);
	return err;
}

static int shared_sizes(const struct shared_test *test, struct shared *shared,
			const struct bench_command *command)
{
	const size_t only[] = { command->size, 0 };
	const size_t *size = command->size ? only : test->sizes;
	int err = 0;

	for (; *size && !err; size++)
		err = shared_size(test, shared, *size, command->rounds);
	return err;
}

static void shared_close(struct shared *shared)
{
	vfree(shared->own);
	vfree(shared);
}

static struct shared *shared_open(const struct shared_test *test)
{
	struct shared *shared = vzalloc(sizeof(*shared));

	if (!shared || !test->own)
		return shared;
	shared->own = vzalloc(test->own);
	if (!shared->own) {
		shared_close(shared);
		return NULL;
	}
	return shared;
}

/**
 * shared_run() - do a test, for each size, round and side in turn
 * @test: which.
 * @command: how often, and of what size.
 *
 * Return: 0 or a negative error.
 */
int shared_run(const struct shared_test *test,
	       const struct bench_command *command)
{
	struct shared *shared;
	int err;

	if (num_online_cpus() < SHARED_CPUS)
		return result_note(test->name, "left out: needs two CPUs");
	shared = shared_open(test);
	if (!shared)
		return -ENOMEM;
	shared->count = round_up(command->count ?: test->count, SHARED_STEP_MAX);
	shared->step = test->step;
	err = shared_sizes(test, shared, command);
	shared_close(shared);
	return err;
}
