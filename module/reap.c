// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/sched.h>

#include "gc.h"
#include "object.h"
#include "reap.h"
#include "touch.h"
#include "trace.h"
#include "weak.h"

/* Objects that one look at a page brings. */
#define REAP_BATCH	32

/**
 * struct reaped - objects that were pending
 * @nr: how many.
 * @obj: they are; nobody else ends or finalizes them.
 */
struct reaped {
	unsigned int nr;
	struct pheap_object *obj[REAP_BATCH];
};

/* A condemned object has PENDING set for another reason. */
static bool reap_is_due(int rc)
{
	return rc == OBJECT_LATE ||
	       (rc & __PHEAP_PENDING && !(rc & __PHEAP_CONDEMNED));
}

static void reap_take(struct reaped *reaped, struct pheap_object *obj)
{
	int rc = object_rc(obj), to;

	do {
		if (!reap_is_due(rc))
			return;
		to = rc == OBJECT_LATE ? OBJECT_GRACE : rc & ~__PHEAP_PENDING;
	} while (!atomic_try_cmpxchg(&obj->__rc, &rc, to));
	reaped->obj[reaped->nr++] = obj;
}

/* In an RCU section.  Returns false if there may be more. */
static bool reap_page(struct spot page, struct reaped *reaped)
{
	/* What is on the page is looked at after this. */
	struct pheap_cache *cache = smp_load_acquire(spot_owner(page));
	struct pheap_object *obj;

	if (!cache->type)
		return true;
	for (obj = object_first(page, cache); obj;
	     obj = object_next(page, cache, obj)) {
		if (reaped->nr == REAP_BATCH)
			return false;
		reap_take(reaped, obj);
	}
	return true;
}

static void reap_arena(struct arena *arena, struct reaped *reaped)
{
	struct spot page = { arena };

	while (READ_ONCE(arena->dead) && reaped->nr < REAP_BATCH) {
		page.page = __ffs(READ_ONCE(arena->dead));
		clear_bit(page.page, &arena->dead);
		/* The bit, then the flags: see object_pend(). */
		smp_mb__after_atomic();
		if (!reap_page(page, reaped))
			set_bit(page.page, &arena->dead);
	}
}

static void reap_node(struct heap_node *hn, struct reaped *reaped)
{
	struct arena *arena;

	rcu_read_lock();
	list_for_each_entry_rcu(arena, &hn->arenas, all) {
		reap_arena(arena, reaped);
		if (reaped->nr == REAP_BATCH)
			break;
	}
	rcu_read_unlock();
}

static void reap_finalize(struct gc *gc, struct pheap_type *type,
			  struct pheap_object *obj)
{
	struct gc_guest guest;

	trace_pheap_finalize(gc->heap, type, obj);
	gc_guest_enter(&guest, gc->heap);
	type->ops.finalize(obj);
	gc_guest_leave(&guest);
	if (pheap_refcount(obj) > 1)
		atomic_long_inc(&gc->resurrected);
	/* If nobody took a reference, this is the end. */
	pheap_put(obj);
}

/* Whether a dead object's finalizer is due; then it lives once more. */
static bool reap_revive(struct pheap_type *type, struct pheap_object *obj)
{
	if (!type->ops.finalize || object_rc(obj) & __PHEAP_FINALIZED)
		return false;
	/* Fully ordered, as every touch. */
	atomic_xchg(&obj->__rc, __PHEAP_ONE | __PHEAP_DIRTY |
					__PHEAP_FINALIZED);
	__pheap_section_begin();
	__pheap_touch_slow(obj);
	__pheap_section_end();
	return true;
}

/* Its block waits for a grace period, which nobody could take a note of. */
static void reap_free(struct pheap_object *obj)
{
	synchronize_rcu();
	pheap_free(obj);
}

static void reap_end(struct gc *gc, struct pheap_object *obj)
{
	struct ending ending = { .reaper = true };
	struct gc_guest guest;

	gc_guest_enter(&guest, gc->heap);
	object_end(obj, &ending);
	do {
		ending.budget = REAP_BATCH;
		object_end_all(&ending);
		cond_resched();
	} while (ending.nr);
	gc_guest_leave(&guest);
}

/*
 * The heap ends with this object in it.  Nobody is to find it, and what it holds
 * elsewhere must go; its block is told of as left behind, unless it was to live
 * as long as the heap.
 */
static void reap_bury(struct gc *gc, struct pheap_object *obj)
{
	struct pheap_cache *cache = object_cache(obj);
	struct pheap_type *type = cache->type;
	struct gc_guest guest;
	bool immortal;

	if (type->weaks) {
		HLIST_HEAD(fired);

		weak_clear_all(type, obj, &fired);
		weak_fire(gc, &fired);
	}
	/* Whoever puts it yet does not end it once more. */
	immortal = count_is_immortal(atomic_xchg(&obj->__rc, COUNT_SATURATED));
	gc_guest_enter(&guest, gc->heap);
	if (type->ops.release)
		type->ops.release(obj);
	gc_guest_leave(&guest);
	if (immortal)
		object_free(cache, obj);
}

static void reap_one(struct gc *gc, struct pheap_object *obj)
{
	struct pheap_type *type = object_cache(obj)->type;
	int rc = object_rc(obj);

	if (rc == OBJECT_GRACE)
		reap_free(obj);
	else if (gc->burying)
		reap_bury(gc, obj);
	else if (rc < 0 || count_is_alive(rc) || reap_revive(type, obj))
		reap_finalize(gc, type, obj);
	else
		reap_end(gc, obj);
}

static unsigned int reap_batch(struct gc *gc)
{
	struct reaped reaped = {};
	unsigned int i;
	int node;

	for (node = 0; node < nr_node_ids && reaped.nr < REAP_BATCH; node++)
		reap_node(&gc->heap->nodes[node], &reaped);
	weak_call_fired(gc);
	for (i = 0; i < reaped.nr; i++)
		reap_one(gc, reaped.obj[i]);
	return reaped.nr;
}

void reap_run(struct gc *gc)
{
	while (reap_batch(gc))
		cond_resched();
}
