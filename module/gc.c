// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "backing.h"
#include "gc.h"
#include "heap.h"
#include "look.h"
#include "object.h"
#include "reap.h"
#include "report.h"
#include "root.h"
#include "trace.h"

/* Scans that pheap_collect() makes at most. */
#define GC_COLLECT_MAX	6

/* Notes that it gets in advance when a scan had no memory for them. */
#define GC_SPARE	64

/*
 * Scans that start by themselves can be frozen.  What somebody waits for, who may
 * be what freezes them, can't.
 */
static struct workqueue_struct *gc_wq;
static struct workqueue_struct *gc_wq_wait;

static LIST_HEAD(gc_guests);
/* Protects the list of users' functions that are running. */
static DEFINE_RAW_SPINLOCK(gc_guests_lock);

void gc_guest_enter(struct gc_guest *guest, struct pheap *heap)
{
	unsigned long flags;

	guest->task = current;
	guest->heap = heap;
	raw_spin_lock_irqsave(&gc_guests_lock, flags);
	list_add(&guest->link, &gc_guests);
	raw_spin_unlock_irqrestore(&gc_guests_lock, flags);
}

void gc_guest_leave(struct gc_guest *guest)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&gc_guests_lock, flags);
	list_del(&guest->link);
	raw_spin_unlock_irqrestore(&gc_guests_lock, flags);
}

bool gc_is_guest(const struct pheap *heap)
{
	struct gc_guest *guest;
	unsigned long flags;
	bool is = false;

	raw_spin_lock_irqsave(&gc_guests_lock, flags);
	list_for_each_entry(guest, &gc_guests, link)
		is |= guest->task == current && (!heap || guest->heap == heap);
	raw_spin_unlock_irqrestore(&gc_guests_lock, flags);
	return is;
}

static bool gc_may_start(struct gc *gc)
{
	return READ_ONCE(gc->enabled) && !READ_ONCE(gc->dying);
}

static void gc_kick(struct gc *gc)
{
	if (!gc_may_start(gc) || xchg(&gc->kicked, true))
		return;
	mod_delayed_work(gc_wq, &gc->work, 0);
}

void gc_arm(struct gc *gc)
{
	if (xchg(&gc->armed, true) || !gc_may_start(gc))
		return;
	queue_delayed_work(gc_wq, &gc->work, GC_LAZY);
}

void gc_tell(struct gc *gc, unsigned long objects, unsigned long bytes)
{
	unsigned int raise = READ_ONCE(gc->raise);
	long nr = atomic_long_add_return(objects, &gc->pending);
	long sum = atomic_long_add_return(bytes, &gc->pending_bytes);

	if (unlikely(nr >> raise >= (long)READ_ONCE(gc->threshold) ||
		     sum >> raise >= (long)READ_ONCE(gc->threshold_bytes)))
		gc_kick(gc);
}

void gc_kick_reaper(struct gc *gc)
{
	queue_work(gc_wq_wait, &gc->reap);
}

void gc_note_put(struct gc *gc, u64 nsec)
{
	long most = atomic_long_read(&gc->longest_put);

	do {
		if (likely((long)nsec <= most))
			return;
	} while (!atomic_long_try_cmpxchg(&gc->longest_put, &most, nsec));
}

/* The rarer garbage is among the candidates, the rarer the scans. */
static void gc_adapt(struct gc *gc)
{
	const struct pheap_gc_info *info = &gc->scan.info;

	if (info->freed * 2 > info->candidates)
		gc->raise -= !!gc->raise;
	else if (info->freed * 8 < info->candidates &&
		 gc->raise < GC_RAISE_MAX)
		gc->raise++;
}

static void gc_note(struct gc *gc)
{
	const struct pheap_gc_info *info = &gc->scan.info;
	struct pheap_gc_info *total = &gc->total;

	total->scan++;
	total->candidates += info->candidates;
	total->visited += info->visited;
	total->freed += info->freed;
	total->bytes += info->bytes;
	total->finalized += info->finalized;
	total->left_out += info->left_out;
	total->nsec += info->nsec;
	gc->longest = max(gc->longest, info->nsec);
	gc->hist[min_t(int, fls64(div_u64(info->nsec, 1000)), GC_HIST - 1)]++;
	gc->log[(info->scan - 1) % GC_LOG] = *info;
}

static void gc_begin(struct gc *gc, bool full, bool hurry)
{
	struct scan *scan = &gc->scan;

	lockdep_assert_held(&gc->mutex);
	scan->full = full;
	scan->hurry = hurry;
	scan->info = (struct pheap_gc_info) {
		.heap = gc->heap,
		.scan = atomic_long_inc_return(&gc->scans),
	};
	/* What is touched from here on is told of anew. */
	WRITE_ONCE(gc->kicked, false);
	WRITE_ONCE(gc->armed, false);
	/* Whoever finds them set still comes before the scan's look at him. */
	smp_mb();
	atomic_long_set(&gc->pending, 0);
	atomic_long_set(&gc->pending_bytes, 0);
}

/* A user's function may change them itself. */
static void gc_call(struct gc *gc, pheap_gc_fn *fn,
		    const struct pheap_gc_info *info)
{
	struct gc_guest guest;

	mutex_lock(&gc->call_mutex);
	WRITE_ONCE(gc->caller, current);
	gc_guest_enter(&guest, gc->heap);
	if (*fn)
		(*fn)(info, gc->arg);
	gc_guest_leave(&guest);
	WRITE_ONCE(gc->caller, NULL);
	mutex_unlock(&gc->call_mutex);
}

static void gc_scan(struct gc *gc, bool full, bool hurry,
		    struct pheap_gc_info *info)
{
	mutex_lock(&gc->mutex);
	gc_begin(gc, full, hurry);
	trace_pheap_scan_begin(&gc->scan.info);
	gc->scan.info.nsec = ktime_get_ns();
	scan_run(gc);
	gc->scan.info.nsec = ktime_get_ns() - gc->scan.info.nsec;
	trace_pheap_scan_end(&gc->scan.info);
	gc_adapt(gc);
	gc_note(gc);
	*info = gc->scan.info;
	/* More notes, if there was no memory for them. */
	if (gc->scan.starved)
		side_fill(&gc->scan.sides, GC_SPARE);
	/* What was left out is to be looked at again. */
	if (info->left_out || gc->scan.rested || gc->scan.starved)
		gc_arm(gc);
	mutex_unlock(&gc->mutex);
}

static void gc_scan_and_tell(struct gc *gc, bool full, bool hurry,
			     struct pheap_gc_info *info)
{
	*info = (struct pheap_gc_info) {
		.heap = gc->heap,
		.scan = atomic_long_read(&gc->scans) + 1,
	};
	gc_call(gc, &gc->start, info);
	gc_scan(gc, full, hurry, info);
	gc_call(gc, &gc->end, info);
}

static void gc_work(struct work_struct *work)
{
	struct gc *gc = container_of(to_delayed_work(work), struct gc, work);
	struct pheap_gc_info info;

	if (gc_may_start(gc))
		gc_scan_and_tell(gc, false, false, &info);
}

static void gc_room_work(struct work_struct *work)
{
	struct pheap_gc_info info;

	gc_scan(container_of(work, struct gc, room), true, true, &info);
}

static void gc_reap_work(struct work_struct *work)
{
	reap_run(container_of(work, struct gc, reap));
}

size_t gc_collect(struct gc *gc)
{
	struct pheap_gc_info info;
	size_t freed = 0;
	int i;

	for (i = 0; i < GC_COLLECT_MAX; i++) {
		gc_scan_and_tell(gc, true, true, &info);
		flush_work(&gc->reap);
		freed += info.freed;
		if (!info.freed && !info.finalized && !info.left_out &&
		    !gc->scan.starved)
			break;
	}
	return freed;
}

size_t pheap_collect(struct pheap *heap)
{
	struct gc *gc = READ_ONCE(heap->gc);

	might_sleep();
	if (!gc || gc_is_guest(NULL))
		return 0;
	return gc_collect(gc);
}
EXPORT_SYMBOL_GPL(pheap_collect);

/*
 * For an allocation that would fail.  The worker scans, so that no function of
 * the user's runs under a lock of the caller's; finalizers come later.
 */
static void gc_make_room(struct pheap *heap)
{
	struct gc *gc = READ_ONCE(heap->gc);

	if (!gc || !gc_may_start(gc) || gc_is_guest(NULL))
		return;
	/* Nothing was touched since the last scan. */
	if (!READ_ONCE(gc->armed) && !mutex_is_locked(&gc->mutex))
		return;
	queue_work(gc_wq_wait, &gc->room);
	flush_work(&gc->room);
}

static struct gc *gc_new(struct pheap *heap)
{
	struct gc *gc;

	gc = backing_meta(heap, sizeof(*gc), GFP_KERNEL);
	if (IS_ERR(gc))
		return ERR_PTR(-ENOMEM);
	gc->cpu = alloc_percpu(struct gc_cpu);
	if (!gc->cpu) {
		backing_meta_free(heap, gc);
		return ERR_PTR(-ENOMEM);
	}
	gc->heap = heap;
	gc->enabled = true;
	gc->threshold = GC_OBJECTS;
	gc->threshold_bytes = GC_BYTES;
	mutex_init(&gc->mutex);
	mutex_init(&gc->call_mutex);
	mutex_init(&gc->root_mutex);
	INIT_LIST_HEAD(&gc->types);
	INIT_LIST_HEAD(&gc->roots);
	INIT_DELAYED_WORK(&gc->work, gc_work);
	INIT_WORK(&gc->room, gc_room_work);
	INIT_WORK(&gc->reap, gc_reap_work);
	scan_init(&gc->scan);
	return gc;
}

struct gc *gc_of_heap(struct pheap *heap)
{
	struct gc *gc = heap->gc;

	lockdep_assert_held(&heap->mutex);
	if (gc)
		return gc;
	gc = gc_new(heap);
	if (!IS_ERR(gc))
		/* For those who look without the mutex. */
		smp_store_release(&heap->gc, gc);
	return gc;
}

struct gc *gc_get(struct pheap *heap)
{
	struct gc *gc;

	mutex_lock(&heap->mutex);
	gc = gc_of_heap(heap);
	mutex_unlock(&heap->mutex);
	return gc;
}

static bool gc_hold_one(struct pheap_object *obj, void *arg)
{
	object_saturate(obj);
	return true;
}

static bool gc_bury_one(struct pheap_object *obj, void *arg)
{
	object_pend(obj);
	return true;
}

/*
 * Objects that are left: nobody may find them any more.  What is called at the burial of
 * one may put others, which must not end by that: the reaper has them.
 */
static void gc_bury(struct gc *gc)
{
	look_walk(gc->heap, NULL, gc_hold_one, NULL);
	flush_work(&gc->reap);
	WRITE_ONCE(gc->burying, true);
	look_walk(gc->heap, NULL, gc_bury_one, NULL);
	flush_work(&gc->reap);
	reap_run(gc);
}

/* A finalizer may set a root yet; not for ever. */
static void gc_clear(struct gc *gc)
{
	int i;

	scan_freeze(gc, false);
	root_drop_all(gc, true);
	for (i = 0; i < GC_COLLECT_MAX; i++) {
		gc_collect(gc);
		if (!root_drop_all(gc, true))
			break;
	}
	gc_bury(gc);
	root_drop_all(gc, false);
}

/* The heap is about to end. */
static void gc_removing(struct pheap *heap)
{
	struct gc *gc = heap->gc;

	if (!gc)
		return;
	WRITE_ONCE(gc->dying, true);
	cancel_delayed_work_sync(&gc->work);
	cancel_work_sync(&gc->room);
	if (heap->orphan)
		root_drop_all(gc, false);
	else
		gc_clear(gc);
	cancel_work_sync(&gc->reap);
	/* Whoever had seen before that it was not dying has armed it by now. */
	cancel_delayed_work_sync(&gc->work);
}

static void gc_removed(struct pheap *heap)
{
	struct pheap_type *type, *next;
	struct gc *gc = heap->gc;

	if (!gc)
		return;
	scan_exit(&gc->scan);
	list_for_each_entry_safe(type, next, &gc->types, link)
		backing_meta_free(heap, type);
	free_percpu(gc->cpu);
	heap->gc = NULL;
	backing_meta_free(heap, gc);
}

void pheap_gc_enable(struct pheap *heap)
{
	struct gc *gc = gc_get(heap);

	if (IS_ERR(gc))
		return;
	WRITE_ONCE(gc->enabled, true);
	/* What was touched meanwhile armed nothing. */
	if (gc_may_start(gc))
		mod_delayed_work(gc_wq, &gc->work, GC_LAZY);
}
EXPORT_SYMBOL_GPL(pheap_gc_enable);

void pheap_gc_disable(struct pheap *heap)
{
	struct gc *gc = gc_get(heap);

	if (!IS_ERR(gc))
		WRITE_ONCE(gc->enabled, false);
}
EXPORT_SYMBOL_GPL(pheap_gc_disable);

void pheap_gc_set_threshold(struct pheap *heap, size_t objects, size_t bytes)
{
	struct gc *gc = gc_get(heap);

	if (IS_ERR(gc))
		return;
	/* What is compared with them is signed. */
	objects = min_t(size_t, objects ?: GC_OBJECTS, LONG_MAX);
	bytes = min_t(size_t, bytes ?: GC_BYTES, LONG_MAX);
	mutex_lock(&gc->mutex);
	WRITE_ONCE(gc->threshold, objects);
	WRITE_ONCE(gc->threshold_bytes, bytes);
	gc->raise = 0;
	mutex_unlock(&gc->mutex);
	gc_tell(gc, 0, 0);
}
EXPORT_SYMBOL_GPL(pheap_gc_set_threshold);

void pheap_gc_freeze(struct pheap *heap)
{
	if (READ_ONCE(heap->gc))
		scan_freeze(heap->gc, true);
}
EXPORT_SYMBOL_GPL(pheap_gc_freeze);

void pheap_gc_unfreeze(struct pheap *heap)
{
	struct gc *gc = READ_ONCE(heap->gc);

	if (!gc)
		return;
	scan_freeze(gc, false);
	gc_arm(gc);
}
EXPORT_SYMBOL_GPL(pheap_gc_unfreeze);

void pheap_gc_callbacks(struct pheap *heap, pheap_gc_fn start, pheap_gc_fn end,
			void *arg)
{
	struct gc *gc = gc_get(heap);
	bool inside;

	if (IS_ERR(gc))
		return;
	/* Whoever calls from one of them holds it already. */
	inside = READ_ONCE(gc->caller) == current;
	if (!inside)
		mutex_lock(&gc->call_mutex);
	gc->start = start;
	gc->end = end;
	gc->arg = arg;
	if (!inside)
		mutex_unlock(&gc->call_mutex);
}
EXPORT_SYMBOL_GPL(pheap_gc_callbacks);

/* Pages that are taken at the same moment are not seen. */
static bool gc_take_external(struct pheap *heap, long bytes)
{
	long have = atomic_long_read(&heap->external);

	do {
		if (bytes > 0 && heap->limit &&
		    have + atomic_long_read(&heap->taken) + bytes >
			    (long)heap->limit)
			return false;
	} while (!atomic_long_try_cmpxchg(&heap->external, &have,
					  have + bytes));
	return true;
}

int pheap_account_external(struct pheap_object *obj, ssize_t bytes)
{
	struct pheap_type *type = pheap_object_type(obj);
	struct gc *gc;

	if (!type)
		return -EINVAL;
	gc = type->gc;
	if (!gc_take_external(gc->heap, bytes)) {
		atomic_long_inc(&gc->heap->refusals);
		return -ENOSPC;
	}
	if (bytes > 0) {
		preempt_disable();
		gc_tell(gc, 0, bytes);
		preempt_enable();
	}
	return 0;
}
EXPORT_SYMBOL_GPL(pheap_account_external);

static bool gc_keeps(struct pheap *heap)
{
	return gc_is_guest(heap);
}

static struct heap_watch gc_watch = {
	.keeps = gc_keeps,
	.removing = gc_removing,
	.removed = gc_removed,
	.make_room = gc_make_room,
};

int gc_init(void)
{
	gc_wq = alloc_workqueue("pheap_gc", WQ_UNBOUND | WQ_FREEZABLE, 0);
	if (!gc_wq)
		return -ENOMEM;
	/* Allocations wait for it. */
	gc_wq_wait = alloc_workqueue("pheap_gc_wait",
				     WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!gc_wq_wait) {
		destroy_workqueue(gc_wq);
		return -ENOMEM;
	}
	heap_add_watch(&gc_watch);
	return 0;
}

void gc_exit(void)
{
	heap_del_watch(&gc_watch);
	destroy_workqueue(gc_wq);
	destroy_workqueue(gc_wq_wait);
}
