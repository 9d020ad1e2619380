// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/pheap_bench/replay: what a program asked of malloc(), asked of
 * kmalloc() and of pheap.
 *
 *	kmalloc, pheap, loop	replay with one, or with none: what it takes to go
 *				through the events and to touch memory
 *	pheap-new		as pheap, with a new heap for each timed replay
 *	both			replay with all four in turn
 *	empty			free what a replay with hold=1 left live, but keep
 *				the heap
 *	release			free it, and destroy the heap
 *
 *	rounds=N		time N replays (default 5) and give the median
 *	hold=1			replay once up to the event with which the most
 *				bytes are live, and keep them
 *
 * Memory first, in a replay of its own that is not timed, with SLUB as it is
 * found: slab_bytes() is looked at every few events, and before each block too
 * large for a slab could hide between two looks.  pheap counts for itself, all
 * that it takes included, from the empty heap on.  Then one round of each to
 * warm up, and the timed ones: SLUB keeps its slabs from one to the next, and pheap
 * its heap, or with pheap-new, nothing.  Timed are the events of the trace and what
 * it takes to go through them; not the heap's creation and destruction, nor the
 * freeing of what the program left behind.  Last, memory again, with what was kept:
 * what pheap took in any of these replays, and SLUB in one more.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <pheap/pheap.h>

#include "bench.h"

/* Events between two looks at the clock, and between two at SLUB's pages. */
#define REPLAY_CHUNK	8192
#define REPLAY_SAMPLE	16

#define REPLAY_GFP	(GFP_KERNEL | __GFP_NOWARN)

enum replay_kind {
	REPLAY_KMALLOC,
	REPLAY_PHEAP,
	REPLAY_NEW,
	REPLAY_LOOP,
	REPLAY_NR,
};

static const char * const replay_names[] = {
	[REPLAY_KMALLOC]	= "kmalloc",
	[REPLAY_PHEAP]		= "pheap",
	[REPLAY_NEW]		= "pheap-new",
	[REPLAY_LOOP]		= "loop",
};

/**
 * struct replay - a replay under way
 * @trace: what is replayed.
 * @blocks: by slot: the block, or %NULL.
 * @heap: heap, for pheap's.
 * @before: slab_bytes() when it started.
 * @taken: most that was taken from the kernel since.
 * @failed: allocations that failed.
 * @ns: what the timed part took.
 */
struct replay {
	const struct trace *trace;
	void **blocks;
	struct pheap *heap;
	s64 before;
	s64 taken;
	size_t failed;
	u64 ns;
};

/**
 * struct replay_result - what is known of one allocator
 * @events: events of the last replay.
 * @failed: most allocations that failed in one replay.
 * @asked_peak: most bytes asked for and live.
 * @before: slab_bytes() before the first replay.
 * @taken_peak: most bytes taken from the kernel in it.
 * @again_peak: the same with what was kept of others before.
 * @taken_end: bytes still taken when all was freed.
 * @rounds: how often it was timed.
 * @ns: how long these took.
 */
struct replay_result {
	size_t events;
	size_t failed;
	u64 asked_peak;
	s64 before;
	s64 taken_peak;
	s64 again_peak;
	s64 taken_end;
	unsigned int rounds;
	u64 ns[BENCH_ROUNDS_MAX];
};

/* Protected by bench_lock. */
static struct replay_result replay_results[REPLAY_NR];
static struct replay replay_held;
static enum replay_kind replay_held_kind;

/* The heap of all timed replays with pheap. */
static struct pheap *replay_kept;

/* All blocks of the loop by itself. */
static u64 replay_block;

static __always_inline void *replay_alloc(enum replay_kind kind,
					  struct pheap *heap, size_t size)
{
	if (kind == REPLAY_KMALLOC)
		return kmalloc(size, REPLAY_GFP);
	if (kind == REPLAY_PHEAP)
		return pheap_alloc(heap, size, REPLAY_GFP);
	return &replay_block;
}

static __always_inline void *replay_realloc(enum replay_kind kind,
					    struct pheap *heap, void *p,
					    size_t size)
{
	if (kind == REPLAY_KMALLOC)
		return krealloc(p, size, REPLAY_GFP);
	if (kind == REPLAY_PHEAP)
		return pheap_realloc(heap, p, size, REPLAY_GFP);
	return &replay_block;
}

static __always_inline bool replay_has_heap(enum replay_kind kind)
{
	return kind == REPLAY_PHEAP || kind == REPLAY_NEW;
}

static __always_inline void replay_free(enum replay_kind kind, void *p)
{
	if (kind == REPLAY_KMALLOC)
		kfree(p);
	else if (replay_has_heap(kind))
		pheap_free(p);
}

/* A block's first byte is written to, as the program did. */
static __always_inline void replay_event(enum replay_kind kind,
					 struct replay *replay,
					 const struct trace_event *event)
{
	void **block = &replay->blocks[event->slot_op >> TRACE_OP_BITS];
	void *p;

	switch (event->slot_op & (BIT(TRACE_OP_BITS) - 1)) {
	case TRACE_FREE:
		replay_free(kind, *block);
		*block = NULL;
		return;
	case TRACE_ALLOC:
		p = replay_alloc(kind, replay->heap, event->size);
		break;
	default:
		p = replay_realloc(kind, replay->heap, *block, event->size);
	}
	if (unlikely(!p)) {
		replay->failed++;
		return;
	}
	if (event->size)
		WRITE_ONCE(*(u8 *)p, 1);
	*block = p;
}

static __always_inline void replay_events(enum replay_kind kind,
					  struct replay *replay,
					  size_t from, size_t to)
{
	const struct trace_event *event = replay->trace->events + from;
	const struct trace_event *end = replay->trace->events + to;

	for (; event < end; event++)
		replay_event(kind, replay, event);
}

static __always_inline void replay_timed(enum replay_kind kind,
					 struct replay *replay)
{
	size_t from, to, nr = replay->trace->nr;
	u64 start;

	for (from = 0; from < nr; from = to) {
		to = min(from + REPLAY_CHUNK, nr);
		start = ktime_get_raw_ns();
		replay_events(kind, replay, from, to);
		replay->ns += ktime_get_raw_ns() - start;
		cond_resched();
	}
}

static void replay_sample(struct replay *replay)
{
	replay->taken = max(replay->taken, slab_bytes() - replay->before);
}

static bool replay_is_large(const struct trace_event *event)
{
	return event->size > KMALLOC_MAX_CACHE_SIZE;
}

/* Up to and without @nr, looking at SLUB's pages on the way. */
static __always_inline void replay_sampled(enum replay_kind kind,
					   struct replay *replay, size_t nr)
{
	const struct trace_event *event = replay->trace->events;
	size_t i;

	for (i = 0; i < nr; i++) {
		replay_event(kind, replay, &event[i]);
		if (kind == REPLAY_KMALLOC &&
		    (i % REPLAY_SAMPLE == 0 || replay_is_large(&event[i])))
			replay_sample(replay);
		if (i % REPLAY_CHUNK == 0)
			cond_resched();
	}
}

static void replay_empty(enum replay_kind kind, struct replay *replay)
{
	u32 slot;

	for (slot = 0; slot < replay->trace->slots; slot++) {
		replay_free(kind, replay->blocks[slot]);
		replay->blocks[slot] = NULL;
		if (slot % REPLAY_CHUNK == 0)
			cond_resched();
	}
}

static void replay_close(struct replay *replay)
{
	if (replay->heap != replay_kept)
		pheap_destroy(replay->heap);
	vfree(replay->blocks);
	memset(replay, 0, sizeof(*replay));
}

static int replay_open_heap(enum replay_kind kind, struct replay *replay)
{
	if (kind == REPLAY_PHEAP)
		replay->heap = replay_kept;
	if (!replay->heap && replay_has_heap(kind))
		replay->heap = pheap_create("replay", NULL);
	return PTR_ERR_OR_ZERO(replay->heap);
}

static int replay_open(enum replay_kind kind, struct replay *replay)
{
	const struct trace *trace = trace_get();
	int err;

	if (!trace)
		return -ENODATA;
	memset(replay, 0, sizeof(*replay));
	replay->trace = trace;
	replay->blocks = vzalloc(array_size(trace->slots, sizeof(void *)));
	if (!replay->blocks)
		return -ENOMEM;
	err = replay_open_heap(kind, replay);
	if (err)
		replay_close(replay);
	replay->before = slab_bytes();
	return err;
}

/* Only now is pheap's peak looked at: it kept count by itself. */
static void replay_note_memory(enum replay_kind kind, struct replay *replay,
			       struct replay_result *result, size_t nr)
{
	struct pheap_stats stats;

	result->events = nr;
	result->failed = replay->failed;
	result->asked_peak = replay->trace->asked_peak;
	result->taken_peak = replay->taken;
	if (replay_has_heap(kind)) {
		pheap_get_stats(replay->heap, &stats);
		result->taken_peak = stats.peak;
	}
}

static void replay_note_end(enum replay_kind kind, struct replay *replay,
			    struct replay_result *result)
{
	struct pheap_stats stats;

	result->taken_end = slab_bytes() - replay->before;
	if (replay_has_heap(kind)) {
		pheap_get_stats(replay->heap, &stats);
		result->taken_end = stats.taken;
	}
}

static void replay_sampled_kind(enum replay_kind kind, struct replay *replay,
				size_t nr)
{
	migrate_disable();
	if (kind == REPLAY_KMALLOC)
		replay_sampled(REPLAY_KMALLOC, replay, nr);
	else if (replay_has_heap(kind))
		replay_sampled(REPLAY_PHEAP, replay, nr);
	else
		replay_sampled(REPLAY_LOOP, replay, nr);
	migrate_enable();
}

static int replay_memory(enum replay_kind kind)
{
	struct replay_result *result = &replay_results[kind];
	struct replay replay;
	int err = replay_open(kind, &replay);

	if (err)
		return err;
	result->before = replay.before;
	replay_sampled_kind(kind, &replay, replay.trace->nr);
	replay_note_memory(kind, &replay, result, replay.trace->nr);
	replay_empty(kind, &replay);
	replay_note_end(kind, &replay, result);
	replay_close(&replay);
	return signal_pending(current) ? -EINTR : 0;
}

/* With what SLUB kept of the replays before. */
static int replay_kmalloc_again(void)
{
	struct replay_result *result = &replay_results[REPLAY_KMALLOC];
	struct replay replay;
	int err = replay_open(REPLAY_KMALLOC, &replay);

	if (err)
		return err;
	replay.before = result->before;
	replay_sampled_kind(REPLAY_KMALLOC, &replay, replay.trace->nr);
	result->again_peak = replay.taken;
	result->failed = max(result->failed, replay.failed);
	replay_empty(REPLAY_KMALLOC, &replay);
	replay_close(&replay);
	return 0;
}

static int replay_time(enum replay_kind kind, bool warm_up)
{
	struct replay_result *result = &replay_results[kind];
	struct replay replay;
	int err = replay_open(kind, &replay);

	if (err)
		return err;
	migrate_disable();
	if (kind == REPLAY_KMALLOC)
		replay_timed(REPLAY_KMALLOC, &replay);
	else if (replay_has_heap(kind))
		replay_timed(REPLAY_PHEAP, &replay);
	else
		replay_timed(REPLAY_LOOP, &replay);
	migrate_enable();
	if (!warm_up)
		result->ns[result->rounds++] = replay.ns;
	result->failed = max(result->failed, replay.failed);
	replay_empty(kind, &replay);
	replay_close(&replay);
	return signal_pending(current) ? -EINTR : 0;
}

static void replay_empty_held(void)
{
	if (replay_held.blocks)
		replay_empty(replay_held_kind, &replay_held);
}

/**
 * replay_release() - free what a replay with hold=1 left live
 *
 * Context: Process context; bench_lock is held.
 */
void replay_release(void)
{
	replay_empty_held();
	replay_close(&replay_held);
}

static int replay_hold(enum replay_kind kind)
{
	size_t nr;
	int err;

	err = replay_open(kind, &replay_held);
	if (err)
		return err;
	replay_held_kind = kind;
	nr = replay_held.trace->peak + 1;
	replay_sampled_kind(kind, &replay_held, nr);
	replay_note_memory(kind, &replay_held, &replay_results[kind], nr);
	return 0;
}

static int replay_times(const bool wanted[REPLAY_NR], unsigned long rounds)
{
	enum replay_kind kind;
	int round, err = 0;

	for (round = -1; round < (int)rounds; round++) {
		for (kind = 0; kind < REPLAY_NR && !err; kind++) {
			if (wanted[kind])
				err = replay_time(kind, round < 0);
		}
	}
	return err;
}

static int replay_times_kept(const bool wanted[REPLAY_NR], unsigned long rounds)
{
	struct pheap_stats stats;
	int err;

	replay_kept = pheap_create("replay-kept", NULL);
	err = PTR_ERR_OR_ZERO(replay_kept);
	if (!err) {
		err = replay_times(wanted, rounds);
		pheap_get_stats(replay_kept, &stats);
		replay_results[REPLAY_PHEAP].again_peak = stats.peak;
		pheap_destroy(replay_kept);
	}
	replay_kept = NULL;
	return err;
}

static int replay_kinds(const bool wanted[REPLAY_NR], unsigned long rounds)
{
	enum replay_kind kind;
	int err = 0;

	for (kind = 0; kind < REPLAY_NR && !err; kind++) {
		if (wanted[kind])
			err = replay_memory(kind);
	}
	if (!err)
		err = replay_times_kept(wanted, rounds);
	if (!err && wanted[REPLAY_KMALLOC])
		err = replay_kmalloc_again();
	return err;
}

static int replay_run(const struct bench_command *command)
{
	bool both = !strcmp(command->name, "both"), wanted[REPLAY_NR];
	enum replay_kind kind;
	int any = 0;

	if (!strcmp(command->name, "empty")) {
		replay_empty_held();
		return 0;
	}
	replay_release();
	if (!strcmp(command->name, "release"))
		return 0;
	memset(replay_results, 0, sizeof(replay_results));
	for (kind = 0; kind < REPLAY_NR; kind++) {
		wanted[kind] = both || !strcmp(command->name,
					       replay_names[kind]);
		any += wanted[kind];
	}
	if (!any || (command->hold &&
		     wanted[REPLAY_KMALLOC] == wanted[REPLAY_PHEAP]))
		return -EINVAL;
	if (command->hold)
		return replay_hold(wanted[REPLAY_PHEAP] ? REPLAY_PHEAP :
							  REPLAY_KMALLOC);
	return replay_kinds(wanted, command->rounds);
}

static void replay_show_time(struct seq_file *m, const char *name,
			     struct replay_result *result)
{
	u64 median = result_median(result->ns, result->rounds);

	seq_printf(m, "%s.ns_median=%llu\n", name, median);
	seq_printf(m, "%s.ns_min=%llu\n", name, result->ns[0]);
	seq_printf(m, "%s.ns_max=%llu\n", name,
		   result->ns[result->rounds - 1]);
}

static void replay_show_kind(struct seq_file *m, enum replay_kind kind)
{
	struct replay_result *result = &replay_results[kind];
	const char *name = replay_names[kind];

	if (!result->events)
		return;
	seq_printf(m, "%s.events=%zu\n%s.failed=%zu\n", name, result->events,
		   name, result->failed);
	seq_printf(m, "%s.asked_peak=%llu\n%s.taken_peak=%lld\n", name,
		   result->asked_peak, name, result->taken_peak);
	if (result->again_peak)
		seq_printf(m, "%s.again_peak=%lld\n", name, result->again_peak);
	seq_printf(m, "%s.taken_end=%lld\n%s.rounds=%u\n", name,
		   result->taken_end, name, result->rounds);
	if (result->rounds)
		replay_show_time(m, name, result);
}

static int replay_show(struct seq_file *m, void *v)
{
	enum replay_kind kind;

	mutex_lock(&bench_lock);
	seq_printf(m, "held=%s\n", replay_held.blocks ?
		   replay_names[replay_held_kind] : "none");
	for (kind = 0; kind < REPLAY_NR; kind++)
		replay_show_kind(m, kind);
	mutex_unlock(&bench_lock);
	return 0;
}

static const struct bench_file replay_file = {
	.name	= "replay",
	.run	= replay_run,
	.show	= replay_show,
};

int replay_proc_create(struct proc_dir_entry *dir)
{
	return bench_file_create(&replay_file, dir);
}

void replay_proc_exit(void)
{
	replay_release();
}
