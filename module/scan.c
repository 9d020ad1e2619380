// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/prefetch.h>
#include <linux/rculist.h>
#include <linux/sched.h>

#include "free.h"
#include "gc.h"
#include "object.h"
#include "report.h"
#include "scan.h"
#include "touch.h"
#include "weak.h"

/*
 * What a member is while it is decided on.  With PENDING, which means nothing
 * else of one that lives, so that if it dies like this it does not look as if its
 * block were free.
 */
#define SCAN_CONDEMNED	(__PHEAP_CONDEMNED | __PHEAP_PENDING)

/* How often a set is tried again when somebody has touched a member. */
#define SCAN_ROUNDS	4

/* An arena that was found alive all over rests for up to 2^this scans. */
#define SCAN_REST_MAX	5

/* Outside objects that end with garbage, before the rest is the reaper's. */
#define SCAN_END_BUDGET	4096

/* Pages with grey members after which others are let in. */
#define SCAN_PAUSE	8

static struct gc *scan_gc(struct scan *scan)
{
	return container_of(scan, struct gc, scan);
}

void scan_init(struct scan *scan)
{
	side_init(&scan->sides);
}

void scan_exit(struct scan *scan)
{
	side_exit(&scan->sides);
}

static void scan_wait(struct scan *scan)
{
	if (scan->hurry)
		synchronize_rcu_expedited();
	else
		synchronize_rcu();
}

/* Alive, and not touched since it was looked at. */
static __always_inline bool scan_is_quiet(int rc)
{
	return count_is_alive(rc) && !(rc & __PHEAP_DIRTY);
}

static bool scan_skips(const struct scan *scan, const struct arena *arena)
{
	return arena->frozen ||
	       (!scan->full &&
		(s32)(arena->rest_until - (u32)scan->info.scan) > 0);
}

/*
 * Members.  Pages of objects stay while a scan holds them, so that a member's
 * memory can be looked at without a lock.  Where its page is in no pool any
 * more it is dead, and its count says so.
 */

/**
 * struct scan_page - a page, for those who go through its members
 * @scan: scan.
 * @side: notes of its arena.
 * @page: the page.
 * @base: address.
 * @cache: cache, if its type is known.
 * @type: type, or NULL if the page is in no pool any more.
 * @odd: objects may start in the middle of a granule.
 */
struct scan_page {
	struct scan *scan;
	struct gc_side *side;
	struct spot page;
	void *base;
	struct pheap_cache *cache;
	struct pheap_type *type;
	bool odd;
};

static void scan_page_init(struct scan_page *sp, struct scan *scan,
			   struct gc_side *side, unsigned int index)
{
	sp->scan = scan;
	sp->side = side;
	sp->page = (struct spot) { side->arena, index };
	sp->base = spot_base(sp->page);
	/* What is on the page is looked at after this. */
	sp->cache = smp_load_acquire(&side->arena->cache[index]);
	sp->type = sp->cache->type;
	sp->odd = sp->type && sp->cache->size % SIDE_GRANULE;
}

/* The object that starts in a granule: the last that starts before its end. */
static __always_inline void *scan_at(const struct scan_page *sp,
				     unsigned int bit)
{
	u32 at = bit * SIDE_GRANULE;
	u32 lead;

	if (sp->odd) {
		lead = spot_lead(sp->page);
		at = pool_index(sp->cache, lead + at + SIDE_GRANULE / 2) *
			     sp->cache->size - lead;
	}
	return sp->base + at;
}

/* Returns false to stop. */
typedef bool (*scan_member_fn)(struct scan_page *sp, struct pheap_object *obj);

static __always_inline bool scan_page_members(struct scan_page *sp,
					      scan_member_fn fn)
{
	u64 *set = sp->side->page[sp->page.page].set;
	unsigned int w;
	void *obj;
	u64 todo;

	for (w = 0; w < SIDE_WORDS; w++)
		for (todo = set[w]; todo; todo &= todo - 1) {
			obj = scan_at(sp, w * 64 + __ffs64(todo));
			prefetch(obj + SCAN_PREFETCH);
			if (!fn(sp, obj))
				return false;
		}
	return true;
}

typedef bool (*scan_page_fn)(struct scan_page *sp);

/* Call @fn for each page with members, until it returns false. */
static __always_inline bool scan_pages(struct scan *scan, scan_page_fn fn)
{
	struct gc_side *side;
	struct scan_page sp;
	u64 pages;

	list_for_each_entry(side, &scan->sides.all, link) {
		for (pages = side->set_pages; pages; pages &= pages - 1) {
			scan_page_init(&sp, scan, side, __ffs64(pages));
			if (!fn(&sp))
				return false;
		}
		cond_resched();
	}
	return true;
}

static bool scan_page_forget(struct scan_page *sp)
{
	u64 *set = sp->side->page[sp->page.page].set;

	if (!(set[0] | set[1] | set[2] | set[3]))
		sp->side->set_pages &= ~BIT_ULL(sp->page.page);
	return true;
}

/* Whether there are members left. */
static bool scan_has_members(struct scan *scan)
{
	struct gc_side *side;

	scan_pages(scan, scan_page_forget);
	list_for_each_entry(side, &scan->sides.all, link)
		if (side->set_pages)
			return true;
	return false;
}

/* Age: candidates become members, clean and with all their references. */

static void scan_leaf_slot(struct pheap_slot *slot, void *arg)
{
	struct pheap_object *obj = slot_read(slot);
	bool *leaf = arg;

	/* An empty one is still to be filled. */
	if (!obj || pheap_is_tracked(obj))
		*leaf = false;
}

/*
 * An immutable object all of whose slots lead to what is in no cycle is in
 * none itself.  It stays dirty, so that no scan looks at it again.
 */
static bool scan_untrack(const struct scan_page *sp, struct pheap_object *obj)
{
	bool leaf = true;

	if (likely(!(sp->type->flags & PHEAP_TYPE_IMMUTABLE)))
		return false;
	type_visit(sp->type, sp->cache, obj, scan_leaf_slot, &leaf);
	if (leaf)
		WRITE_ONCE(obj->__gc, OBJECT_UNTRACKED);
	return leaf;
}

/*
 * The count as it was when DIRTY was cleared, and the slots as of the last
 * touch or later.  Returns false if the object is none to join.
 */
static __always_inline bool scan_age_object(const struct scan_page *sp,
					    struct pheap_object *obj)
{
	int rc = object_rc(obj);

	if (!count_is_alive(rc) || !(rc & __PHEAP_DIRTY) ||
	    scan_untrack(sp, obj))
		return false;
	while (!atomic_try_cmpxchg(&obj->__rc, &rc, rc & ~__PHEAP_DIRTY))
		if (unlikely(!count_is_alive(rc)))
			return false;
	obj->__gc = count_of(rc);
	return true;
}

static void scan_age_members(struct scan_page *sp, unsigned long cand)
{
	u32 room = min_t(u32, sp->cache->last - spot_lead(sp->page), PAGE_SIZE - 1);
	void *obj = object_first(sp->page, sp->cache);
	void *last = spot_base(sp->page) + room;
	u64 join[SIDE_WORDS] = {};
	unsigned int bit;

	for (; obj && obj <= last; obj += sp->cache->size) {
		prefetchw(obj + SCAN_PREFETCH);
		if (!cand_has(cand, obj) || !scan_age_object(sp, obj))
			continue;
		bit = side_bit_of(obj);
		join[bit / 64] |= BIT_ULL(bit % 64);
		sp->scan->info.candidates++;
	}
	side_join_page(&sp->scan->sides, sp->side, sp->page.page, join);
}

static void scan_age_page(struct scan *scan, struct arena *arena,
			  unsigned int index)
{
	struct spot page = { arena, index };
	unsigned long cand = cand_take(&arena->cands[index]);
	struct scan_page sp = { .scan = scan, .page = page };

	/* What is on the page is looked at after this. */
	sp.cache = smp_load_acquire(&arena->cache[index]);
	sp.type = sp.cache->type;
	if (!sp.type || !cand)
		return;
	sp.side = side_make(&scan->sides, arena);
	if (likely(sp.side)) {
		scan_age_members(&sp, cand);
	} else {
		scan->starved = true;
		cand_give(arena, index, cand);
	}
}

static void scan_age_arena(struct scan *scan, struct arena *arena)
{
	unsigned long pages;

	if (scan_skips(scan, arena)) {
		scan->rested |= !arena->frozen && READ_ONCE(arena->cand);
		return;
	}
	for (pages = cand_take(&arena->cand); pages; pages &= pages - 1)
		scan_age_page(scan, arena, __ffs(pages));
}

static void scan_age_node(struct scan *scan, struct heap_node *hn)
{
	struct arena *arena;

	rcu_read_lock();
	list_for_each_entry_rcu(arena, &hn->arenas, all) {
		scan_age_arena(scan, arena);
		/* One with members stays, so that the list can be left here. */
		if (arena->side && need_resched()) {
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
}

static void scan_age(struct scan *scan)
{
	int node;

	for (node = 0; node < nr_node_ids; node++)
		scan_age_node(scan, &scan_gc(scan)->heap->nodes[node]);
}

/*
 * Trace: what members refer to joins them, if it is quiet; and a reference that
 * comes from a member is taken off the count.
 */

/* The arena of this heap that @obj is in, in an RCU section; or NULL. */
static __always_inline struct arena *scan_arena(struct scan *scan,
						const struct pheap_object *obj)
{
	struct arena *arena = map_look((unsigned long)obj);
	struct pheap *heap = scan_gc(scan)->heap;

	return likely(arena->heap == heap &&
		      (unsigned long)obj - arena->base < ARENA_SIZE) ?
		       arena : map_find_arena(heap, (unsigned long)obj);
}

/* Dirty and dead neighbours are left out, which is to take them for live. */
static void scan_join(struct scan *scan, struct arena *arena,
		      struct pheap_object *obj)
{
	struct pheap_cache *cache = READ_ONCE(arena->cache[side_page_of(obj)]);
	struct pheap_type *type = cache->type;
	struct gc_side *side;
	int rc;

	if (!type || type->flags & PHEAP_TYPE_ACYCLIC)
		return;
	rc = object_rc(obj);
	if (!scan_is_quiet(rc))
		return;
	if (unlikely(scan_skips(scan, arena))) {
		/* For the scan that looks there: we forget who led to it. */
		object_touch_alive(obj);
		scan->rested |= !arena->frozen;
		return;
	}
	side = side_make(&scan->sides, arena);
	if (unlikely(!side)) {
		scan->starved = true;
		return;
	}
	obj->__gc = count_of(rc) - 1;
	side_join(&scan->sides, side, obj);
}

static __always_inline void scan_trace_target(struct scan *scan,
					      struct pheap_object *obj)
{
	struct arena *arena = scan_arena(scan, obj);

	if (unlikely(!arena))
		return;
	if (likely(arena->side && side_has(arena->side, obj)))
		obj->__gc--;
	else
		scan_join(scan, arena, obj);
}

/*
 * What was read from slots.  The owner's memory is another object's, or
 * nobody's, if it is not quiet any more.  In an RCU section.
 */
static void scan_trace_ahead(struct scan *scan)
{
	const struct scan_ref *ref;

	/* The slots, then the counts of their owners. */
	smp_rmb();
	for (ref = scan->ahead; ref < scan->ahead + scan->nr_ahead; ref++)
		if (likely(scan_is_quiet(object_rc(ref->owner))))
			scan_trace_target(scan, ref->obj);
	scan->nr_ahead = 0;
}

/*
 * Memory is far away: what a slot holds is asked for now, and looked at when
 * so many others were.
 */
static __always_inline void scan_trace_slot(struct pheap_slot *slot, void *arg)
{
	struct pheap_object *obj = slot_read(slot);
	struct scan *scan = arg;

	if (!obj)
		return;
	prefetchw(obj);
	scan->ahead[scan->nr_ahead].owner = scan->owner;
	scan->ahead[scan->nr_ahead].obj = obj;
	if (unlikely(++scan->nr_ahead == SCAN_AHEAD))
		scan_trace_ahead(scan);
}

/* Whether what is in the slots of a member is the member's. */
typedef bool (*scan_test_fn)(int rc);

static __always_inline void scan_grey_member(struct scan_page *sp,
					     struct pheap_object *obj,
					     scan_test_fn test,
					     type_slot_fn fn)
{
	if (!sp->type || !test(object_rc(obj)))
		return;
	sp->scan->owner = obj;
	type_visit(sp->type, sp->cache, obj, fn, sp->scan);
}

/* Call @fn for all slots of the grey members of a page. */
static __always_inline void scan_grey_page(struct scan_page *sp,
					   scan_test_fn test, type_slot_fn fn)
{
	struct side_page *bits = &sp->side->page[sp->page.page];
	unsigned int w;
	void *obj;

	for (w = 0; w < SIDE_WORDS; w++)
		while (bits->grey[w]) {
			obj = scan_at(sp, w * 64 + __ffs64(bits->grey[w]));
			bits->grey[w] &= bits->grey[w] - 1;
			prefetch(obj + SCAN_PREFETCH);
			scan_grey_member(sp, obj, test, fn);
		}
}

/*
 * Out of the RCU section and in again.  What was read from slots is looked at before:
 * it may be another heap's, and its page this heap's by then, with what else on it.
 */
static __always_inline void scan_pause(struct scan *scan)
{
	scan_trace_ahead(scan);
	rcu_read_unlock();
	cond_resched();
	rcu_read_lock();
}

/* Until nothing is grey, in an RCU section. */
static __always_inline void scan_grey(struct scan *scan, scan_test_fn test,
				      type_slot_fn fn)
{
	unsigned int index, nr = 0;
	struct gc_side *side;
	struct scan_page sp;

	while ((side = list_first_entry_or_null(&scan->sides.work,
						struct gc_side, work))) {
		while (side->grey_pages) {
			index = __ffs64(side->grey_pages);
			side->grey_pages &= side->grey_pages - 1;
			scan_page_init(&sp, scan, side, index);
			scan_grey_page(&sp, test, fn);
			if (++nr % SCAN_PAUSE == 0)
				scan_pause(scan);
		}
		list_del_init(&side->work);
	}
}

static void scan_trace(struct scan *scan)
{
	rcu_read_lock();
	do {
		scan_grey(scan, scan_is_quiet, scan_trace_slot);
		scan_pause(scan);
	} while (!list_empty(&scan->sides.work));
	rcu_read_unlock();
}

/* Rescue: what is referred to from outside, or was touched, is live. */

static __always_inline void scan_rescue_slot(struct pheap_slot *slot,
					     void *arg)
{
	struct pheap_object *obj = slot_read(slot);
	struct scan *scan = arg;
	struct arena *arena;

	if (!obj)
		return;
	arena = scan_arena(scan, obj);
	if (!arena || !arena->side || !side_has(arena->side, obj))
		return;
	side_leave(arena->side, obj);
	side_grey(&scan->sides, arena->side, obj);
}

/*
 * A dead member may still have to put what is in its slots; not once its block
 * is free.
 */
static __always_inline bool scan_has_slots(int rc)
{
	return rc != OBJECT_FREE && rc != OBJECT_GRACE && rc != OBJECT_LATE;
}

static __always_inline bool scan_rescue_member(struct scan_page *sp,
					       struct pheap_object *obj)
{
	int rc = sp->type ? object_rc(obj) : OBJECT_FREE;

	if (likely(!obj->__gc && scan_is_quiet(rc)))
		return true;
	if (unlikely((int)obj->__gc < 0 && scan_is_quiet(rc)))
		sp->scan->overdrawn = obj;
	side_leave(sp->side, obj);
	/* At once, while it is near. */
	if (scan_has_slots(rc))
		type_visit(sp->type, sp->cache, obj, scan_rescue_slot,
			   sp->scan);
	return true;
}

static bool scan_rescue_page(struct scan_page *sp)
{
	rcu_read_lock();
	scan_page_members(sp, scan_rescue_member);
	rcu_read_unlock();
	return true;
}

static void scan_rescue(struct scan *scan)
{
	scan_pages(scan, scan_rescue_page);
	rcu_read_lock();
	scan_grey(scan, scan_has_slots, scan_rescue_slot);
	rcu_read_unlock();
}

/* Condemn: what is left is dead, unless somebody has touched it by now. */

static __always_inline bool scan_condemn_member(struct scan_page *sp,
						struct pheap_object *obj)
{
	int rc = object_rc(obj);

	/* Only a weak reference leads to a member from outside. */
	do {
		if (!scan_is_quiet(rc))
			return false;
	} while (unlikely(sp->type->weaks) &&
		 !atomic_try_cmpxchg(&obj->__rc, &rc, rc | SCAN_CONDEMNED));
	return true;
}

static bool scan_condemn_page(struct scan_page *sp)
{
	return sp->type && scan_page_members(sp, scan_condemn_member);
}

/* What has died meanwhile is somebody else's. */
static __always_inline bool scan_pardon_member(struct scan_page *sp,
					       struct pheap_object *obj)
{
	int rc = object_rc(obj);

	while (count_is_alive(rc) && rc & __PHEAP_CONDEMNED &&
	       !atomic_try_cmpxchg(&obj->__rc, &rc, rc & ~SCAN_CONDEMNED))
		;
	return true;
}

static bool scan_pardon_page(struct scan_page *sp)
{
	if (sp->type && sp->type->weaks)
		scan_page_members(sp, scan_pardon_member);
	return true;
}

static void scan_kill_set(struct gc *gc, enum scan_kill kill)
{
	/* What was done to the members before is seen by who sees this. */
	atomic_set_release(&gc->kill, kill);
}

/* Decide on the set as a whole.  Returns false if it must be tried again. */
static bool scan_condemn(struct scan *scan)
{
	struct gc *gc = scan_gc(scan);

	scan_kill_set(gc, KILL_TENTATIVE);
	/* Who finds a member condemned finds this, or a later state. */
	smp_mb();
	if (scan_pages(scan, scan_condemn_page) &&
	    atomic_cmpxchg(&gc->kill, KILL_TENTATIVE, KILL_COMMITTED) ==
		    KILL_TENTATIVE)
		return true;
	scan_pages(scan, scan_pardon_page);
	scan_kill_set(gc, KILL_IDLE);
	return false;
}

/* Candidates again. */
static __always_inline bool scan_retouch_member(struct scan_page *sp,
						struct pheap_object *obj)
{
	__pheap_section_begin();
	object_touch_alive(obj);
	__pheap_section_end();
	sp->scan->info.left_out++;
	return true;
}

static bool scan_retouch_page(struct scan_page *sp)
{
	if (sp->type)
		scan_page_members(sp, scan_retouch_member);
	return true;
}

/* Finalize: the set is let go again, to be looked at after its finalizers. */

static __always_inline bool scan_is_final(struct scan_page *sp,
					  struct pheap_object *obj)
{
	return object_rc(obj) & __PHEAP_FINALIZED;
}

static bool scan_page_is_final(struct scan_page *sp)
{
	return !sp->type->ops.finalize ||
	       scan_page_members(sp, scan_is_final);
}

static __always_inline bool scan_unweak_member(struct scan_page *sp,
					       struct pheap_object *obj)
{
	weak_clear_all(sp->type, obj, &sp->scan->fired);
	return true;
}

static bool scan_unweak_page(struct scan_page *sp)
{
	if (sp->type->weaks)
		scan_page_members(sp, scan_unweak_member);
	return true;
}

/* Those whose finalizer is due stay members, and get the reaper's reference. */
static __always_inline bool scan_acquit_member(struct scan_page *sp,
					       struct pheap_object *obj)
{
	if (sp->type->ops.finalize && !(object_rc(obj) & __PHEAP_FINALIZED))
		atomic_add(__PHEAP_ONE, &obj->__rc);
	else
		side_leave(sp->side, obj);
	scan_pardon_member(sp, obj);
	__pheap_section_begin();
	object_touch_alive(obj);
	__pheap_section_end();
	return true;
}

static bool scan_acquit_page(struct scan_page *sp)
{
	return scan_page_members(sp, scan_acquit_member);
}

/* From the first of these on, finalizers run, and the others may end. */
static __always_inline bool scan_finalize_member(struct scan_page *sp,
						 struct pheap_object *obj)
{
	atomic_or(__PHEAP_FINALIZED, &obj->__rc);
	object_pend(obj);
	sp->scan->info.finalized++;
	return true;
}

static bool scan_finalize_page(struct scan_page *sp)
{
	return scan_page_members(sp, scan_finalize_member);
}

static void scan_unweak(struct scan *scan)
{
	struct gc *gc = scan_gc(scan);

	INIT_HLIST_HEAD(&scan->fired);
	scan_pages(scan, scan_unweak_page);
	if (!hlist_empty(&scan->fired)) {
		weak_fire(gc, &scan->fired);
		gc_kick_reaper(gc);
	}
}

static void scan_finalize(struct scan *scan)
{
	scan_unweak(scan);
	/* Nobody who read a weak reference before has the object still. */
	scan_wait(scan);
	scan_pages(scan, scan_acquit_page);
	scan_kill_set(scan_gc(scan), KILL_IDLE);
	scan_pages(scan, scan_finalize_page);
}

/* Free. */

static __always_inline bool scan_zero_member(struct scan_page *sp,
					     struct pheap_object *obj)
{
	atomic_set(&obj->__rc, 0);
	return true;
}

/* Only those that a weak reader may have in hand: the rest nobody sees. */
static bool scan_zero_page(struct scan_page *sp)
{
	if (sp->type->weaks)
		scan_page_members(sp, scan_zero_member);
	return true;
}

/**
 * struct scan_free - garbage on its way out
 * @scan: scan.
 * @ending: outside objects that end with it.
 * @nr: in @p.
 * @p: blocks of one page.
 */
struct scan_free {
	struct scan *scan;
	struct ending ending;
	unsigned int nr;
	void *p[POOL_BATCH];
};

static __always_inline bool scan_is_member(struct scan *scan,
					   struct pheap_object *obj)
{
	struct arena *arena = scan_arena(scan, obj);

	return arena && arena->side && side_has(arena->side, obj);
}

/* References to members end with them. */
static __always_inline void scan_free_slot(struct pheap_slot *slot, void *arg)
{
	struct pheap_object *obj = slot_read(slot);
	struct scan_free *out = arg;

	if (obj && unlikely(!scan_is_member(out->scan, obj)))
		object_drop(obj, &out->ending);
}

/* The same, for an object that its release function is to see yet. */
static void scan_empty_slot(struct pheap_slot *slot, void *arg)
{
	scan_free_slot(slot, arg);
	WRITE_ONCE(slot->__to, NULL);
}

static void scan_free_flush(struct scan_page *sp, struct scan_free *out)
{
	if (out->nr)
		free_objects(sp->cache, sp->page, out->p, out->nr);
	out->nr = 0;
}

/* An object that somebody wants to be told of, or whose memory must wait. */
static void scan_free_slow(struct scan_page *sp, struct pheap_object *obj,
			   struct scan_free *out)
{
	type_visit(sp->type, sp->cache, obj, scan_empty_slot, out);
	atomic_set(&obj->__rc, __PHEAP_FINALIZED);
	if (sp->type->ops.release &&
	    !(sp->type->flags & PHEAP_TYPE_RELEASE_ANYWHERE)) {
		object_pend(obj);
		return;
	}
	if (sp->type->ops.release)
		sp->type->ops.release(obj);
	object_free(sp->cache, obj);
}

static __always_inline void scan_free_member(struct scan_page *sp,
					     struct pheap_object *obj,
					     struct scan_free *out)
{
	if (unlikely(sp->type->rcu || sp->type->ops.release)) {
		scan_free_slow(sp, obj, out);
		return;
	}
	prefetchw((void *)obj + SCAN_PREFETCH);
	type_visit(sp->type, sp->cache, obj, scan_free_slot, out);
	atomic_set(&obj->__rc, OBJECT_FREE);
	if (out->nr == POOL_BATCH)
		scan_free_flush(sp, out);
	out->p[out->nr++] = obj;
}

static void scan_free_page(struct scan_page *sp, struct scan_free *out)
{
	u64 *set = sp->side->page[sp->page.page].set;
	unsigned int w;
	u64 todo;

	rcu_read_lock();
	for (w = 0; w < SIDE_WORDS; w++) {
		sp->scan->info.freed += hweight64(set[w]);
		sp->scan->info.bytes += hweight64(set[w]) * sp->cache->size;
		for (todo = set[w]; todo; todo &= todo - 1)
			scan_free_member(sp, scan_at(sp, w * 64 +
						     __ffs64(todo)), out);
	}
	scan_free_flush(sp, out);
	rcu_read_unlock();
	sp->side->arena->rests = 0;
}

static void scan_free_side(struct gc_side *side, struct scan_free *out)
{
	struct scan_page sp;
	u64 pages;

	for (pages = side->set_pages; pages; pages &= pages - 1) {
		scan_page_init(&sp, out->scan, side, __ffs64(pages));
		scan_free_page(&sp, out);
		object_end_all(&out->ending);
	}
}

static void scan_free(struct scan *scan)
{
	struct scan_free out = {
		.scan = scan,
		.ending = { .budget = SCAN_END_BUDGET },
	};
	struct gc_side *side;

	scan_unweak(scan);
	scan_pages(scan, scan_zero_page);
	scan_kill_set(scan_gc(scan), KILL_IDLE);
	list_for_each_entry(side, &scan->sides.all, link) {
		out.ending.budget = SCAN_END_BUDGET;
		scan_free_side(side, &out);
		cond_resched();
	}
	while (out.ending.nr)
		object_pend(out.ending.stack[--out.ending.nr]);
}

/* The scan. */

static unsigned long scan_count(struct scan *scan)
{
	unsigned long nr = 0;
	struct gc_side *side;
	unsigned int i, w;

	list_for_each_entry(side, &scan->sides.all, link) {
		for (i = 0; i < ARENA_PAGES; i++)
			for (w = 0; w < SIDE_WORDS; w++)
				nr += hweight64(side->page[i].set[w]);
		cond_resched();
	}
	return nr;
}

/*
 * Arenas in which all was alive are left alone for a while, twice as long each
 * time: a large graph that lives is not gone through again and again.
 */
static void scan_rest(struct scan *scan)
{
	struct gc_side *side;
	struct arena *arena;

	if (scan->full || scan->info.freed * 8 > scan->info.visited)
		return;
	list_for_each_entry(side, &scan->sides.all, link) {
		arena = side->arena;
		if (side->set_pages)
			continue;
		/* All that rest as long wake together, and the others too then. */
		arena->rest_until = round_up((u32)scan->info.scan + 1,
					     1U << arena->rests);
		if (arena->rests < SCAN_REST_MAX)
			arena->rests++;
	}
}

/*
 * More slots led to a member than it has references: those of its owners are not what
 * their type says, unless somebody has emptied one and is about to touch the member.
 */
static void scan_check_overdrawn(struct scan *scan)
{
	struct pheap_object *obj = scan->overdrawn;

	if (likely(!obj))
		return;
	scan->overdrawn = NULL;
	scan_wait(scan);
	if (scan_is_quiet(object_rc(obj)))
		object_report(PHEAP_BAD_SLOT, obj);
}

/* Whether a set is left, of which nobody has touched a member. */
static bool scan_decide(struct scan *scan)
{
	unsigned int round;

	for (round = 0; round < SCAN_ROUNDS; round++) {
		scan_rescue(scan);
		scan_check_overdrawn(scan);
		if (!scan_has_members(scan))
			return false;
		/* Who was in the middle of a touch has ended it. */
		scan_wait(scan);
		if (scan_condemn(scan))
			return true;
	}
	scan_pages(scan, scan_retouch_page);
	return false;
}

static void scan_steps(struct scan *scan)
{
	scan_age(scan);
	scan_trace(scan);
	scan->info.visited = scan_count(scan);
	if (unlikely(scan->starved)) {
		scan_pages(scan, scan_retouch_page);
		return;
	}
	if (scan_decide(scan)) {
		if (scan_pages(scan, scan_page_is_final))
			scan_free(scan);
		else
			scan_finalize(scan);
	}
	scan_rest(scan);
}

void scan_run(struct gc *gc)
{
	struct scan *scan = &gc->scan;

	lockdep_assert_held(&gc->mutex);
	scan->starved = false;
	scan->rested = false;
	scan->nr_ahead = 0;
	pool_hold(gc->heap, true);
	scan_steps(scan);
	side_drop(&scan->sides);
	pool_hold(gc->heap, false);
}

static void scan_freeze_node(struct heap_node *hn, bool freeze)
{
	struct arena *arena;

	rcu_read_lock();
	list_for_each_entry_rcu(arena, &hn->arenas, all)
		arena->frozen = freeze;
	rcu_read_unlock();
}

void scan_freeze(struct gc *gc, bool freeze)
{
	int node;

	mutex_lock(&gc->mutex);
	for (node = 0; node < nr_node_ids; node++)
		scan_freeze_node(&gc->heap->nodes[node], freeze);
	mutex_unlock(&gc->mutex);
}
