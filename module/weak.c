// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "gc.h"
#include "weak.h"

/* Protects all objects' lists of weak references, and the lists of fired ones. */
static DEFINE_RAW_SPINLOCK(weak_lock);

/* So many references are moved before others get the lock, and interrupts come. */
#define WEAK_BATCH	64

int pheap_weak_init(struct pheap_weak *weak, struct pheap_object *obj,
		    void (*callback)(struct pheap_weak *weak))
{
	struct pheap_type *type;
	unsigned long flags;

	INIT_HLIST_NODE(&weak->__link);
	weak->__callback = callback;
	WRITE_ONCE(weak->__obj, NULL);
	if (!obj)
		return 0;
	type = pheap_object_type(obj);
	if (!type || !type->weaks)
		return -EOPNOTSUPP;
	raw_spin_lock_irqsave(&weak_lock, flags);
	hlist_add_head(&weak->__link, &object_weaks(type, obj)->__first);
	/* Readers may find the object from here on. */
	smp_store_release(&weak->__obj, obj);
	raw_spin_unlock_irqrestore(&weak_lock, flags);
	return 0;
}
EXPORT_SYMBOL_GPL(pheap_weak_init);

void pheap_weak_clear(struct pheap_weak *weak)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&weak_lock, flags);
	WRITE_ONCE(weak->__obj, NULL);
	hlist_del_init(&weak->__link);
	raw_spin_unlock_irqrestore(&weak_lock, flags);
}
EXPORT_SYMBOL_GPL(pheap_weak_clear);

/* With the lock held, and one that is on no list. */
typedef void (*weak_move_fn)(struct pheap_weak *weak, struct hlist_head *to);

static void weak_fire_one(struct pheap_weak *weak, struct hlist_head *to)
{
	hlist_add_head(&weak->__link, to);
}

static void weak_clear_one(struct pheap_weak *weak, struct hlist_head *to)
{
	WRITE_ONCE(weak->__obj, NULL);
	if (weak->__callback)
		weak_fire_one(weak, to);
}

/* Some of those on a list go on to another; their users may clear them meanwhile. */
static void weak_move(struct hlist_head *from, weak_move_fn fn,
		      struct hlist_head *to)
{
	struct pheap_weak *weak;
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&weak_lock, flags);
	for (i = 0; i < WEAK_BATCH && !hlist_empty(from); i++) {
		weak = hlist_entry(from->first, struct pheap_weak, __link);
		hlist_del_init(&weak->__link);
		fn(weak, to);
	}
	raw_spin_unlock_irqrestore(&weak_lock, flags);
}

void weak_clear_all(const struct pheap_type *type, struct pheap_object *obj,
		    struct hlist_head *fired)
{
	struct hlist_head *weaks = &object_weaks(type, obj)->__first;

	while (!hlist_empty(weaks))
		weak_move(weaks, weak_clear_one, fired);
}

void weak_fire(struct gc *gc, struct hlist_head *fired)
{
	while (!hlist_empty(fired))
		weak_move(fired, weak_fire_one, &gc->fired);
}

/* Once the lock is dropped the user may clear it, and free its memory. */
static struct pheap_weak *weak_take_fired(struct gc *gc,
					  void (**fn)(struct pheap_weak *weak))
{
	struct pheap_weak *weak;
	unsigned long flags;

	raw_spin_lock_irqsave(&weak_lock, flags);
	weak = hlist_entry_safe(gc->fired.first, struct pheap_weak, __link);
	if (weak) {
		hlist_del_init(&weak->__link);
		*fn = weak->__callback;
	}
	raw_spin_unlock_irqrestore(&weak_lock, flags);
	return weak;
}

void weak_call_fired(struct gc *gc)
{
	void (*fn)(struct pheap_weak *weak);
	struct pheap_weak *weak;
	struct gc_guest guest;

	gc_guest_enter(&guest, gc->heap);
	while ((weak = weak_take_fired(gc, &fn))) {
		fn(weak);
		cond_resched();
	}
	gc_guest_leave(&guest);
}

/* Any change in between goes round again. */
static bool weak_take(struct pheap_object *obj, int rc)
{
	if (!atomic_try_cmpxchg(&obj->__rc, &rc,
				(rc + __PHEAP_ONE) | __PHEAP_DIRTY))
		return false;
	if (!(rc & __PHEAP_DIRTY))
		__pheap_touch_slow(obj);
	return true;
}

/*
 * The collector is about to decide on @obj: stop it, or be told that it has
 * decided.  Returns whether @obj can be taken, however it is marked.
 */
static bool weak_object(struct pheap_object *obj, enum scan_kill *kill)
{
	struct pheap_cache *cache;

	/* Should it not see us, it sees this when it looks again. */
	object_touch_alive(obj);
	if (!object_spot(obj, &cache).arena)
		return false;
	*kill = atomic_cmpxchg(&cache->type->gc->kill, KILL_TENTATIVE,
			       KILL_ABORTED);
	return *kill == KILL_TENTATIVE || *kill == KILL_ABORTED;
}

enum weak_try {
	WEAK_TAKEN,
	WEAK_GONE,
	WEAK_AGAIN,
};

/* Once, in a section. */
static enum weak_try weak_try(struct pheap_object *obj)
{
	enum scan_kill kill = KILL_IDLE;
	int rc = object_rc(obj);

	if (rc < 0)
		return WEAK_TAKEN;
	if (!count_is_alive(rc))
		return WEAK_GONE;
	if (!(rc & __PHEAP_CONDEMNED) || weak_object(obj, &kill)) {
		rc = object_rc(obj);
		if (kill == KILL_IDLE && rc & __PHEAP_CONDEMNED)
			return WEAK_AGAIN;
		return count_is_alive(rc) && weak_take(obj, rc) ? WEAK_TAKEN :
								  WEAK_AGAIN;
	}
	rc = object_rc(obj);
	return kill == KILL_COMMITTED &&
	       (!count_is_alive(rc) || rc & __PHEAP_CONDEMNED) ? WEAK_GONE :
								 WEAK_AGAIN;
}

/*
 * The weak reference was cleared if the block has become another object, or if
 * the object's finalizer is due: only if it was not is the reference right.
 */
static bool weak_is_right(struct pheap_weak *weak, struct pheap_object *obj)
{
	return READ_ONCE(weak->__obj) == obj;
}

struct pheap_object *pheap_weak_get(struct pheap_weak *weak)
{
	struct pheap_object *obj, *wrong;
	enum weak_try got;

	do {
		wrong = NULL;
		__pheap_section_begin();
		/* Its count is looked at after this. */
		obj = smp_load_acquire(&weak->__obj);
		got = obj ? weak_try(obj) : WEAK_GONE;
		if (got == WEAK_TAKEN && !weak_is_right(weak, obj)) {
			got = WEAK_AGAIN;
			wrong = obj;
		}
		__pheap_section_end();
		pheap_put(wrong);
	} while (got == WEAK_AGAIN);
	return got == WEAK_TAKEN ? obj : NULL;
}
EXPORT_SYMBOL_GPL(pheap_weak_get);
