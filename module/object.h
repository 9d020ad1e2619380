/* SPDX-License-Identifier: GPL-2.0 */
/*
 * object - counted objects
 *
 * An object is a block of a cache that has a type.  While the block is free
 * its count stays zero and readable, and its page stays with the heap until a
 * grace period after its last use as such: whoever still has an object's
 * address may, in an RCU section, look at the count, and take a reference
 * unless it is zero.  The block may be another object of the type by then, so
 * he looks once more at where he had the address from.
 */
#ifndef _PHEAP_OBJECT_INTERNAL_H
#define _PHEAP_OBJECT_INTERNAL_H

#include <linux/instruction_pointer.h>

#include "internal.h"
#include "map.h"
#include "pool.h"

/* Most offsets in a type's table. */
#define TYPE_SLOTS	32

/* An object has a count, and behind it room for a free block's cookie. */
#define TYPE_SIZE_MIN	(sizeof(struct pheap_object) + sizeof(u64))

/* Largest object.  In a debug heap, its block is twice as large. */
#define TYPE_SIZE_MAX	(CLASS_MAX / 2)

/* Counts of objects that are not counted: immortal ones, and ones by mistake. */
#define COUNT_IMMORTAL	(INT_MIN / 4 | __PHEAP_DIRTY)
#define COUNT_SATURATED	(INT_MIN / 4 * 3 | __PHEAP_DIRTY)

/**
 * struct pheap_type - objects of one kind
 * @gc: of its heap.
 * @cache: its blocks; cache_none for a type of %PHEAP_TYPE_SIZED.
 * @simple: the end of an object is no more than the end of its block.
 * @zeroed: an object is zeroed when it is made.
 * @rcu: its block is free after a grace period.
 * @has_slots: objects have some.
 * @nr_slots: offsets in @slots.
 * @slots: where slots are.
 * @slot_array: from here on they are everywhere, if not 0.
 * @weaks: where the weak references hang, if not 0.
 * @flags: &enum pheap_type_flags.
 * @ops: what the user said.
 * @link: in gc->types.
 * @name: name.
 * @caches: by size class, for a type of %PHEAP_TYPE_SIZED.
 */
struct pheap_type {
	struct gc *gc;
	struct pheap_cache *cache;
	bool simple;
	bool zeroed;
	bool rcu;
	bool has_slots;
	u32 nr_slots;
	u32 slots[TYPE_SLOTS];
	u32 slot_array;
	u32 weaks;
	unsigned int flags;
	struct pheap_type_ops ops;
	struct list_head link;
	char name[PHEAP_NAME_MAX + 1];
	struct pheap_cache *caches[];
};

/* How far those who go on counting may have moved a count that is pinned. */
#define COUNT_DRIFT	(INT_MAX / 8)

/* Flags that stay when a count is pinned; of one that is condemned, PENDING is the scan's. */
static inline int count_marks(int rc)
{
	int marks = rc & (__PHEAP_FINALIZED | __PHEAP_PENDING);

	return rc & __PHEAP_CONDEMNED ? marks & ~__PHEAP_PENDING : marks;
}

static inline bool count_is_immortal(int rc)
{
	return rc < 0 && rc >= COUNT_IMMORTAL - COUNT_DRIFT;
}

/*
 * A cache for objects of @size, to be published or freed; or an ERR_PTR().  Is
 * called for whoever makes a type, and where sizes are seen for the first time.
 */
struct pheap_cache *object_new_cache(struct pheap_type *type, const char *name,
				     size_t size, gfp_t gfp);

/* All that makes an object of a block. */
void object_init(const struct pheap_type *type, const struct pheap_cache *cache,
		 struct pheap_object *obj);

/* Only that: the count says already that it is free. */
void object_free_block(struct pheap_cache *cache, struct pheap_object *obj);

/* In a section, which they end: after the last put, or another one of @old. */
void object_put_last(struct pheap_object *obj);
void object_put_slow(struct pheap_object *obj, int old);

/* In __gc of an immutable object that is in no cycle. */
#define OBJECT_UNTRACKED	0x80000000U

static inline unsigned int count_of(int rc)
{
	return (unsigned int)rc / __PHEAP_ONE;
}

/* Neither dead nor beyond counting. */
static inline bool count_is_alive(int rc)
{
	return rc >= __PHEAP_ONE;
}

/* Whether a count that was taken down by one was one. */
static __always_inline bool count_was_last(int old)
{
	return old >= __PHEAP_ONE && old < 2 * __PHEAP_ONE;
}

static inline int object_rc(const struct pheap_object *obj)
{
	return atomic_read(&obj->__rc);
}

/*
 * The page that @obj starts in, and whose it was when this looked: of a type.
 * In an RCU section; none if @obj is no object.
 */
static __always_inline struct spot object_spot(const struct pheap_object *obj,
					       struct pheap_cache **cache)
{
	struct arena *arena = map_look((unsigned long)obj);
	unsigned long off = (unsigned long)obj - arena->base;
	struct spot page = { arena, off / PAGE_SIZE % ARENA_PAGES };

	*cache = READ_ONCE(*spot_owner(page));
	if (likely(off < ARENA_SIZE && (*cache)->type))
		return page;
	page = map_find_page(obj);
	if (!page.arena)
		return page;
	*cache = READ_ONCE(*spot_owner(page));
	return (*cache)->type ? page : (struct spot) {};
}

/* The cache of an object that somebody holds, so that it stays; or NULL. */
static inline struct pheap_cache *object_cache(const struct pheap_object *obj)
{
	struct pheap_cache *cache;
	struct arena *arena;

	rcu_read_lock();
	arena = object_spot(obj, &cache).arena;
	rcu_read_unlock();
	return arena ? cache : NULL;
}

/* The object of @cache that starts at @at in the pool, if that is on @page. */
static __always_inline struct pheap_object *
object_at(struct spot page, const struct pheap_cache *cache, u32 at)
{
	u32 lead = spot_lead(page);

	if (at > cache->last || at >= lead + PAGE_SIZE)
		return NULL;
	return spot_base(page) + (at - lead);
}

/*
 * Where objects of @cache start on a page that has been seen to be of it, one
 * after the other.
 */
static __always_inline struct pheap_object *
object_first(struct spot page, const struct pheap_cache *cache)
{
	u32 lead = spot_lead(page);

	if (lead)
		lead = DIV_ROUND_UP(lead, cache->size) * cache->size;
	return object_at(page, cache, lead);
}

static __always_inline struct pheap_object *
object_next(struct spot page, const struct pheap_cache *cache,
	    struct pheap_object *obj)
{
	u32 at = (void *)obj - spot_base(page);

	return object_at(page, cache, spot_lead(page) + at + cache->size);
}

/* Whether an object, or its free block, starts at @obj on a page of @cache. */
static inline bool object_is_at(struct spot page,
				const struct pheap_cache *cache,
				const struct pheap_object *obj)
{
	u32 at = spot_lead(page) + offset_in_page(obj);

	return at <= cache->last && at % cache->size == 0;
}

/* Slots of an object whose type is known; see type_visit(). */
typedef void (*type_slot_fn)(struct pheap_slot *slot, void *arg);

void type_traverse(const struct pheap_type *type, struct pheap_object *obj,
		   type_slot_fn fn, void *arg);

static __always_inline void type_visit(const struct pheap_type *type,
				       const struct pheap_cache *cache,
				       struct pheap_object *obj,
				       type_slot_fn fn, void *arg)
{
	u32 i;

	if (unlikely(type->ops.traverse)) {
		type_traverse(type, obj, fn, arg);
		return;
	}
	for (i = 0; i < type->nr_slots; i++)
		fn((void *)obj + type->slots[i], arg);
	if (likely(!type->slot_array))
		return;
	for (i = type->slot_array; i + sizeof(struct pheap_slot) <= cache->usable;
	     i += sizeof(struct pheap_slot))
		fn((void *)obj + i, arg);
}

static inline struct pheap_object *slot_read(const struct pheap_slot *slot)
{
	return (__force struct pheap_object *)READ_ONCE(slot->__to);
}

static inline struct pheap_object *slot_xchg_null(struct pheap_slot *slot)
{
	return (__force struct pheap_object *)xchg(&slot->__to, NULL);
}

static inline struct pheap_weaks *object_weaks(const struct pheap_type *type,
					       struct pheap_object *obj)
{
	return type->weaks ? (void *)obj + type->weaks : NULL;
}

/* A misuse of @obj, by who called this function. */
#define object_report(kind, obj) object_report_at(kind, obj, _RET_IP_)
void object_report_at(enum pheap_bad kind, const struct pheap_object *obj,
		      unsigned long caller);

/*
 * In an RCU section.  Take a reference unless the object is dead, and mark it
 * so that the collector sees that.
 */
bool object_tryget(struct pheap_object *obj);

/* The same without the reference. */
void object_touch_alive(struct pheap_object *obj);

/**
 * struct ending - objects that end together
 * @budget: how many may, before the rest is left to the reaper.
 * @reaper: it is the reaper who does it.
 * @nr: in @stack.
 * @stack: dead, and to be ended.
 */
struct ending {
	unsigned int budget;
	bool reaper;
	unsigned int nr;
	struct pheap_object *stack[32];
};

/* End @obj, which is dead, and what ends with it. */
void object_end(struct pheap_object *obj, struct ending *ending);

/* Put what a slot held, or more if that ends with it. */
void object_drop(struct pheap_object *obj, struct ending *ending);

/* End all that has gathered, within the budget. */
void object_end_all(struct ending *ending);

/* In an RCU section: no put ends it from here on, if it is alive. */
void object_saturate(struct pheap_object *obj);

/* Free the memory of an object that is dead, and of which nothing is left. */
void object_free(struct pheap_cache *cache, struct pheap_object *obj);

/* Leave an object to the reaper: its end, or if it lives, its finalizer. */
void object_pend(struct pheap_object *obj);

#endif /* _PHEAP_OBJECT_INTERNAL_H */
