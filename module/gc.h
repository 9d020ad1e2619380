/* SPDX-License-Identifier: GPL-2.0 */
/*
 * gc - the collector of a heap: its life, and when it runs
 *
 * gc.c decides when; scan.c is the algorithm; side.c keeps its notes; reap.c
 * runs what users gave: finalizers, callbacks, releases.
 */
#ifndef _PHEAP_GC_H
#define _PHEAP_GC_H

#include <linux/percpu.h>
#include <linux/workqueue.h>

#include "internal.h"
#include "scan.h"

/* What starts a scan, unless the user says otherwise. */
#define GC_OBJECTS	10000UL
#define GC_BYTES	(4UL << 20)

/* A scan that finds little raises the thresholds, up to so many doublings. */
#define GC_RAISE_MAX	7

/* Candidates too few for a scan get one after this time. */
#define GC_LAZY		(5 * HZ)

/* A CPU tells of its candidates when it has so many. */
#define GC_BATCH	64

#define GC_LOG		64
#define GC_HIST		32

/**
 * struct gc_cpu - what a CPU has seen
 * @touched: candidates, ever.
 */
struct gc_cpu {
	u32 touched;
};

/**
 * struct gc - types of a heap, and their collector
 * @heap: heap.
 * @cpu: for each CPU.
 * @pending: candidates that CPUs told of since the last scan.
 * @pending_bytes: bytes of those.
 * @armed: the lazy timer runs, or a scan is due.
 * @enabled: scans start by themselves.
 * @dying: they do not any more.
 * @kicked: a scan is due at once.
 * @burying: the reaper sees off what is left at the heap's end.
 * @threshold: candidates that start one.
 * @threshold_bytes: bytes of candidates that do.
 * @raise: both are shifted by this.
 * @work: starts one.
 * @room: scans for an allocation that would fail.
 * @reap: what runs users' functions.
 * @mutex: one scan at a time; protects @scan, @total, @log.
 * @kill: &enum scan_kill.
 * @scan: the scan's.
 * @fired: weak references whose callbacks are due, protected by weak_lock.
 * @types: protected by heap->mutex; readers use RCU.
 * @roots: named roots, protected by @root_mutex.
 * @root_mutex: protects @roots.
 * @call_mutex: protects @start, @end, @arg and @caller, and their calls.
 * @caller: who calls one of them.
 * @start: user's function for the start of a scan.
 * @end: and for its end.
 * @arg: argument of both.
 * @scans: how many there were.
 * @resurrected: objects that finalizers brought back, or might have.
 * @total: sums of all scans.
 * @longest: the longest, in nanoseconds.
 * @hist: scans by log2 of their microseconds.
 * @log: the last ones.
 * @longest_put: what the end of an object took at most from whoever put the last
 *	reference, in nanoseconds.
 */
struct gc {
	struct pheap *heap;
	struct gc_cpu __percpu *cpu;
	atomic_long_t pending;
	atomic_long_t pending_bytes;
	bool armed;
	bool enabled;
	bool dying;
	bool kicked;
	bool burying;
	size_t threshold;
	size_t threshold_bytes;
	unsigned int raise;
	struct delayed_work work;
	struct work_struct room;
	struct work_struct reap;
	struct mutex call_mutex;	/* protects start, end, arg, caller */
	struct task_struct *caller;
	struct mutex mutex;	/* one scan at a time */
	atomic_t kill;
	struct scan scan;
	struct hlist_head fired;
	struct list_head types;
	struct list_head roots;
	struct mutex root_mutex;	/* protects roots */
	pheap_gc_fn start;
	pheap_gc_fn end;
	void *arg;
	atomic_long_t scans;
	atomic_long_t resurrected;
	struct pheap_gc_info total;
	u64 longest;
	u32 hist[GC_HIST];
	struct pheap_gc_info log[GC_LOG];
	atomic_long_t longest_put;
};

int gc_init(void);
void gc_exit(void);

/*
 * The collector of a heap, made now if there is none, or an ERR_PTR(); may sleep.
 * The former with heap->mutex held.
 */
struct gc *gc_of_heap(struct pheap *heap);
struct gc *gc_get(struct pheap *heap);

/* A put took so long. */
void gc_note_put(struct gc *gc, u64 nsec);

/* Candidates of @bytes more; with preemption off. */
void gc_tell(struct gc *gc, unsigned long objects, unsigned long bytes);

/* A scan is to run after a while, if none is due before. */
void gc_arm(struct gc *gc);

/* Have the reaper look for what is pending. */
void gc_kick_reaper(struct gc *gc);

/* Scan, and reap what that found, until nothing is found any more. */
size_t gc_collect(struct gc *gc);

/* @obj has become a candidate. */
static __always_inline void gc_touched(struct gc *gc, u32 size)
{
	u32 nr = this_cpu_inc_return(gc->cpu->touched);

	if (unlikely(!READ_ONCE(gc->armed)))
		gc_arm(gc);
	if (unlikely(size >= PAGE_SIZE))
		gc_tell(gc, 1, size);
	else if (unlikely(nr % GC_BATCH == 0))
		gc_tell(gc, GC_BATCH, GC_BATCH * (unsigned long)size);
}

/**
 * struct gc_guest - a user's function that is running
 * @task: on behalf of which task.
 * @heap: of which heap.
 * @link: among all.
 */
struct gc_guest {
	struct task_struct *task;
	struct pheap *heap;
	struct list_head link;
};

/* Around a call of a user's function that may do much. */
void gc_guest_enter(struct gc_guest *guest, struct pheap *heap);
void gc_guest_leave(struct gc_guest *guest);

/* Whether this task is in one, of @heap or of any if that is NULL. */
bool gc_is_guest(const struct pheap *heap);

#endif /* _PHEAP_GC_H */
