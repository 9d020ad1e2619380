// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "cache.h"
#include "defer.h"
#include "gc.h"
#include "object.h"
#include "report.h"
#include "touch.h"
#include "weak.h"

/* Objects that one put may end itself. */
#define END_BUDGET	64

void object_report_at(enum pheap_bad kind, const struct pheap_object *obj,
		      unsigned long caller)
{
	struct pheap_cache *cache = object_cache(obj);

	if (cache)
		report_bad(kind, cache->heap, cache, obj, caller);
	else
		report_bad(kind, NULL, NULL, obj, caller);
}

/*
 * Put a count back to where it is safe.  One that has just run over is told of.
 */
static __always_inline void object_pin(struct pheap_object *obj, int rc)
{
	int pin = count_is_immortal(rc) ? COUNT_IMMORTAL : COUNT_SATURATED;
	int now = object_rc(obj);

	while (now < 0 && !atomic_try_cmpxchg(&obj->__rc, &now,
					      pin | count_marks(now)))
		;
	if (rc < COUNT_SATURATED - COUNT_DRIFT)
		object_report(PHEAP_BAD_COUNT, obj);
}

void __pheap_get_slow(struct pheap_object *obj, int old)
{
	if (old < 0) {
		object_pin(obj, old);
		return;
	}
	/* No reference can be made of none. */
	atomic_sub(__PHEAP_ONE, &obj->__rc);
	object_report(PHEAP_BAD_COUNT, obj);
}
EXPORT_SYMBOL_GPL(__pheap_get_slow);

/* In a section, after a put that was not the last and left work to do. */
static __always_inline void object_unref_slow(struct pheap_object *obj, int old)
{
	if (unlikely(old < 0)) {
		object_pin(obj, old);
	} else if (unlikely(old < __PHEAP_ONE)) {
		atomic_add(__PHEAP_ONE, &obj->__rc);
		object_report(PHEAP_BAD_COUNT, obj);
	} else {
		/* It may have been put, and have ended, since it was counted. */
		object_touch_alive(obj);
	}
}

/* In a section.  Returns true if @obj is dead, and to be ended. */
static bool object_unref(struct pheap_object *obj)
{
	int old = atomic_fetch_sub_release(__PHEAP_ONE, &obj->__rc);

	if (count_was_last(old)) {
		/* All that other holders did is done before the end. */
		compat_acquire_after_ctrl_dep();
		return true;
	}
	if (old < __PHEAP_ONE || !(old & __PHEAP_DIRTY))
		object_unref_slow(obj, old);
	return false;
}

/* In a section.  DIRTY was clear, and is set. */
void __pheap_touch_slow(struct pheap_object *obj)
{
	struct pheap_cache *cache;
	struct spot page = object_spot(obj, &cache);

	if (unlikely(!page.arena) || cache->type->flags & PHEAP_TYPE_ACYCLIC)
		return;
	cand_set(page, obj);
	gc_touched(cache->type->gc, cache->size);
}
EXPORT_SYMBOL_GPL(__pheap_touch_slow);

bool object_tryget(struct pheap_object *obj)
{
	int rc = object_rc(obj);

	do {
		if (rc < 0)
			return true;
		if (!count_is_alive(rc))
			return false;
	} while (!atomic_try_cmpxchg(&obj->__rc, &rc,
				     (rc + __PHEAP_ONE) | __PHEAP_DIRTY));
	if (unlikely(!(rc & __PHEAP_DIRTY)))
		__pheap_touch_slow(obj);
	return true;
}

/* What is dead already must not look as if it were not. */
void object_touch_alive(struct pheap_object *obj)
{
	int rc = object_rc(obj);

	do {
		if (!count_is_alive(rc))
			return;
	} while (!atomic_try_cmpxchg(&obj->__rc, &rc, rc | __PHEAP_DIRTY));
	if (!(rc & __PHEAP_DIRTY))
		__pheap_touch_slow(obj);
}

/* A slot whose object is dead, and that holds it still, is its owner's fault. */
#define SLOT_TRIES	1000

/*
 * The block may have become another object before its count went up: only if
 * the slot still holds it was it the right one.
 */
static bool slot_tryget(const struct pheap_slot *slot,
			struct pheap_object **obj)
{
	struct pheap_object *wrong = NULL;
	bool got = true;

	__pheap_section_begin();
	*obj = slot_read(slot);
	if (*obj) {
		got = object_tryget(*obj);
		if (got && unlikely(slot_read(slot) != *obj))
			wrong = *obj;
	}
	__pheap_section_end();
	pheap_put(wrong);
	return got && !wrong;
}

struct pheap_object *pheap_slot_get(struct pheap_object *owner,
				    const struct pheap_slot *slot)
{
	unsigned int tries = SLOT_TRIES;
	struct pheap_object *obj;

	while (unlikely(!slot_tryget(slot, &obj)))
		if (!--tries) {
			object_report(PHEAP_BAD_SLOT, owner);
			return NULL;
		}
	return obj;
}
EXPORT_SYMBOL_GPL(pheap_slot_get);

void object_free(struct pheap_cache *cache, struct pheap_object *obj)
{
	if (likely(!cache->type->rcu)) {
		atomic_set(&obj->__rc, OBJECT_FREE);
		object_free_block(cache, obj);
		return;
	}
	atomic_set(&obj->__rc, OBJECT_GRACE);
	if (!defer_put(cache->heap, obj))
		object_pend(obj);
}

/*
 * In one step, after which it is the reaper's: a dead object is not condemned
 * any more, see reap_is_due().  It may have been PENDING for that.
 */
static void object_set_pending(struct pheap_object *obj)
{
	int rc = object_rc(obj), to;

	do {
		to = rc | __PHEAP_PENDING;
		if (rc == OBJECT_GRACE)
			to = OBJECT_LATE;
		else if (!count_is_alive(rc))
			to &= ~__PHEAP_CONDEMNED;
	} while (!atomic_try_cmpxchg(&obj->__rc, &rc, to));
}

void object_pend(struct pheap_object *obj)
{
	struct pheap_cache *cache;
	struct spot page;

	rcu_read_lock();
	page = object_spot(obj, &cache);
	object_set_pending(obj);
	/* The reaper takes the page's bit, then looks at the flags. */
	smp_mb__after_atomic();
	set_bit(page.page, &page.arena->dead);
	gc_kick_reaper(cache->type->gc);
	rcu_read_unlock();
}

/* Whether the end of an object must wait for the reaper, or for his next look. */
static bool object_end_waits(const struct pheap_type *type,
			     struct pheap_object *obj,
			     const struct ending *ending)
{
	if (type->ops.finalize && !(object_rc(obj) & __PHEAP_FINALIZED))
		return true;
	return type->ops.release && !ending->reaper &&
	       !(type->flags & PHEAP_TYPE_RELEASE_ANYWHERE);
}

void object_drop(struct pheap_object *obj, struct ending *ending)
{
	bool dead;

	__pheap_section_begin();
	dead = object_unref(obj);
	__pheap_section_end();
	if (!dead)
		return;
	if (ending->nr < ARRAY_SIZE(ending->stack))
		ending->stack[ending->nr++] = obj;
	else
		object_pend(obj);
}

static void object_drop_slot(struct pheap_slot *slot, void *arg)
{
	struct pheap_object *obj = slot_xchg_null(slot);

	if (obj)
		object_drop(obj, arg);
}

static void object_clear_weaks(const struct pheap_type *type,
			       struct pheap_object *obj)
{
	HLIST_HEAD(fired);

	if (!type->weaks)
		return;
	weak_clear_all(type, obj, &fired);
	if (!hlist_empty(&fired)) {
		weak_fire(type->gc, &fired);
		gc_kick_reaper(type->gc);
	}
}

void object_end(struct pheap_object *obj, struct ending *ending)
{
	struct pheap_cache *cache = object_cache(obj);
	struct pheap_type *type;

	if (unlikely(!cache)) {
		object_report(PHEAP_BAD_FOREIGN, obj);
		return;
	}
	type = cache->type;
	object_clear_weaks(type, obj);
	if (object_end_waits(type, obj, ending)) {
		object_pend(obj);
		return;
	}
	if (type->ops.release)
		type->ops.release(obj);
	if (type->has_slots)
		type_visit(type, cache, obj, object_drop_slot, ending);
	object_free(cache, obj);
}

void object_end_all(struct ending *ending)
{
	while (ending->nr && ending->budget) {
		ending->budget--;
		object_end(ending->stack[--ending->nr], ending);
	}
}

static noinline void object_end_slow(struct pheap_object *obj)
{
	struct ending ending = { .budget = END_BUDGET };
	struct pheap_cache *cache = object_cache(obj);
	u64 start = ktime_get_mono_fast_ns();

	object_end(obj, &ending);
	object_end_all(&ending);
	while (ending.nr)
		object_pend(ending.stack[--ending.nr]);
	if (likely(cache))
		gc_note_put(cache->type->gc, ktime_get_mono_fast_ns() - start);
}

void object_put_last(struct pheap_object *obj)
{
	__pheap_section_end();
	object_end_slow(obj);
}

void object_put_slow(struct pheap_object *obj, int old)
{
	object_unref_slow(obj, old);
	__pheap_section_end();
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(object_put_slow);

void pheap_immortal(struct pheap_object *obj)
{
	int rc = object_rc(obj);

	while (!atomic_try_cmpxchg(&obj->__rc, &rc,
				   COUNT_IMMORTAL | count_marks(rc)))
		;
}
EXPORT_SYMBOL_GPL(pheap_immortal);

void object_saturate(struct pheap_object *obj)
{
	int rc = object_rc(obj);

	while (count_is_alive(rc) &&
	       !atomic_try_cmpxchg(&obj->__rc, &rc,
				   COUNT_SATURATED | count_marks(rc)))
		;
}

static __always_inline void object_clear_slots(const struct pheap_type *type,
					       void *p)
{
	u32 i;

	for (i = 0; i < type->nr_slots; i++)
		*(void **)(p + type->slots[i]) = NULL;
	if (type->weaks)
		*(void **)(p + type->weaks) = NULL;
}

/*
 * Born touched: the collector does not trust it before it was quiet for a
 * scan.  The count comes last, for those who have the block's address.
 */
static __always_inline void object_count(const struct pheap_type *type,
					 struct pheap_object *obj)
{
	int rc = __PHEAP_ONE | __PHEAP_DIRTY;

	if (type->flags & PHEAP_TYPE_ACYCLIC) {
		compat_set_release(&obj->__rc, rc);
		return;
	}
	/* Fully ordered, as every touch. */
	atomic_xchg(&obj->__rc, rc);
	__pheap_section_begin();
	__pheap_touch_slow(obj);
	__pheap_section_end();
}

void object_init(const struct pheap_type *type, const struct pheap_cache *cache,
		 struct pheap_object *obj)
{
	if (unlikely(type->flags & PHEAP_TYPE_IMMUTABLE))
		obj->__gc = 0;
	if (unlikely(type->zeroed))
		memset(obj + 1, 0, cache->usable - sizeof(*obj));
	else
		object_clear_slots(type, obj);
	object_count(type, obj);
}

struct pheap_cache *object_new_cache(struct pheap_type *type, const char *name,
				     size_t size, gfp_t gfp)
{
	const struct pheap_cache_args args = {
		.size = max(size, TYPE_SIZE_MIN),
		.align = type->ops.align,
	};
	struct pheap_cache *cache;

	cache = cache_of_type(type->gc->heap, type, name, &args, gfp);
	if (IS_ERR(cache))
		return cache;
	cache->object_ends = cache->object_fast && type->simple;
	cache->cyclic = !(type->flags & PHEAP_TYPE_ACYCLIC);
	return cache;
}
