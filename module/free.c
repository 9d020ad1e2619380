// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/string.h>
#include <linux/topology.h>

#include "debug.h"
#include "find.h"
#include "free.h"
#include "give.h"
#include "large.h"
#include "magazine.h"
#include "map.h"
#include "pool.h"
#include "report.h"

DEFINE_STATIC_KEY_FALSE(free_many_nodes);

void free_init(void)
{
	if (num_possible_nodes() > 1)
		static_branch_enable(&free_many_nodes);
}

/* See __pheap_is_start(). */
static __always_inline bool free_is_start(const struct arena *arena,
					  unsigned long addr,
					  const struct pheap_cache *cache)
{
	return __pheap_is_start((const struct __pheap_arena *)arena, addr,
				cache->key, (const struct __pheap_cache *)cache,
				&cache->bound);
}

/* A block from another node would be remote memory for its next user. */
static __always_inline bool free_is_near(const struct arena *arena)
{
	return !free_is_numa() || arena->node == numa_mem_id();
}

/* The same for a block in the first arena of its window. */
static __always_inline bool free_is_near_first(const void *p)
{
	return free_is_near(map_look((unsigned long)p));
}

/* Whether @p is the start of a block, and of which cache. */
static __always_inline bool free_find(const void *p,
				      struct pheap_cache **cache)
{
	unsigned long addr = (unsigned long)p;
	struct arena *arena = map_look(addr);

	*cache = __pheap_load(arena->cache[__pheap_page_of(addr)]);
	return free_is_start(arena, addr, *cache);
}

/*
 * The same where other heaps have pages in that window too, and the first arena is
 * theirs.
 */
static noinline bool free_find_shared(const void *p, struct pheap_cache **cache)
{
	unsigned long addr = (unsigned long)p;
	struct spot page;

	if (!rcu_access_pointer(map_look(addr)->next))
		return false;
	page = map_find_page(p);
	if (!page.arena)
		return false;
	*cache = READ_ONCE(*spot_owner(page));
	return free_is_start(page.arena, addr, *cache) &&
	       free_is_near(page.arena);
}

/* The first time that looks, and the second. */
static __always_inline bool free_find_any(const void *p,
					  struct pheap_cache **cache)
{
	return (free_find(p, cache) && free_is_near_first(p)) ||
	       free_find_shared(p, cache);
}

/*
 * Into this CPU's magazine, what the hot path knows no mark of, or found in nobody's
 * page.
 */
static __always_inline bool free_other(struct pheap_cache *expected,
				       const void *p)
{
	struct pheap_cache *cache;
	bool done = false;

	preempt_disable();
	if (free_find_any(p, &cache) && (!expected || cache == expected) &&
	    !mark_is_set(cache, p)) {
		mark_close(cache, p);
		done = magazine_push(magazine_this(cache), p, cache->cookie,
				     cache->mark);
	}
	preempt_enable();
	return done;
}

/* For the hot path: before it gives a block away, checkers hear of it. */
static __always_inline void free_close(const struct __pheap_cache *cache,
				       const void *p)
{
	mark_close((const struct pheap_cache *)cache, p);
}

/*
 * What the hot path knows nothing of.  Out of line, so that it keeps nothing over a
 * call.
 */
static noinline void free_away(struct pheap_cache *expected, const void *p,
			       unsigned long caller)
{
	if (!free_other(expected, p))
		free_slow(expected, p, caller);
}

/* Whether @p is the start of a block of @cache. */
static __always_inline bool free_is_of(const struct pheap_cache *cache,
				       const void *p)
{
	unsigned long addr = (unsigned long)p;
	struct arena *arena = map_look(addr);

	return likely(__pheap_is(arena->cache[__pheap_page_of(addr)], cache)) &&
	       free_is_start(arena, addr, cache);
}

static void free_wipe(const struct pheap_cache *cache, const void *p)
{
	if (want_init_on_free() && !cache->ctor)
		memset((void *)p + cache->stable, 0,
		       cache->size - cache->stable);
	mark_close(cache, p);
}

/*
 * All was well with a block, but the magazine has no room, or is in use.  Another look,
 * as nothing held the cache since then but that this is its block.
 */
static noinline void free_full(struct pheap_cache *cache, const void *p,
			       unsigned long caller)
{
	rcu_read_lock();
	if (likely(free_is_of(cache, p) && !mark_is_set(cache, p)))
		magazine_put(cache, (void *)p, caller);
	else
		free_slow(cache, p, caller);
	rcu_read_unlock();
}

/*
 * The hot path: __pheap_free_class() in pheap/inline.h.  Arena map, page, cache: is it
 * the start of a block, and not in a magazine already; then into this CPU's magazine.
 * On 6.1 31 instructions: 5 for the map, 4 for the page, 5 for the start, 3 for the
 * mark, 9 for the magazine, 3 for preemption, 2 to return.  What the map leads to stays
 * while preemption is off.
 *
 * A block of another node or a cache, or in a window where other heaps have some, takes
 * free_other(); a system that wants init_on_free, the slow path: see cache_new().
 */
__section(".text.free") __aligned(COMPAT_HOT) __pheap_direct
void __pheap_free(const void *p)
{
	struct __pheap_cache *cache;

	if (likely(__pheap_free_class(p, &cache, free_close)))
		return;
	if (cache)
		free_full((struct pheap_cache *)cache, p, _RET_IP_);
	else
		free_away(NULL, p, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__pheap_free);
COMPAT_DIRECT(__pheap_free);

/* The same where it is known what to find: __pheap_free_to(). */
__section(".text.cache_free") __aligned(COMPAT_HOT) __pheap_direct
void __pheap_cache_free(struct pheap_cache *cache, const void *p)
{
	bool good;

	if (likely(__pheap_free_to((struct __pheap_cache *)cache, false, p, &good,
				   free_close)))
		return;
	if (good)
		free_full(cache, p, _RET_IP_);
	else
		free_away(cache, p, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__pheap_cache_free);
COMPAT_DIRECT(__pheap_cache_free);

/* Where blocks of @size are from, as a rule. */
static struct pheap_cache *free_class_of(const struct pheap *heap, size_t size)
{
	return size <= CLASS_MAX ? READ_ONCE(heap->classes[class_of(size)]) : cache_none;
}

/* Whether @p is on a page of that: then heap and size are right, and no lock was needed. */
static bool free_is_of_size(const struct pheap *heap, const void *p, size_t size)
{
	struct pheap_cache *class = free_class_of(heap, size);
	struct spot spot = map_find_pool(p);

	return spot.arena && class != cache_none &&
	       READ_ONCE(*spot_owner(spot)) == class;
}

/*
 * Whether a block may have been asked for with @size.  It may have been a larger one, and
 * pheap_realloc() left it where it was; those of several pages may be of any larger class.
 */
static bool free_is_sized(const struct pheap *heap, const struct found *found,
			  size_t size)
{
	if (found->heap != heap)
		return false;
	/* What a debug block was asked for with, an overrun changes. */
	if (found->cache && found->cache->flags & PHEAP_DEBUG)
		return size <= found->cache->usable;
	if (size > found->size)
		return false;
	if (found->size > SMALL_MAX || find_stays(found, size))
		return true;
	/* Of a heap on its way out, heap->classes says no more. */
	return found->cache && found->cache->index == (int)class_of_small(size);
}

/* As free_away(), if there is no more to be said of it. */
static noinline void free_sized_away(struct pheap *heap, const void *p,
				     size_t size, unsigned long caller)
{
	struct found found;

	/* For the cache, until it was reported. */
	rcu_read_lock();
	if (!p || free_is_of_size(heap, p, size) || !find_block(p, &found) ||
	    free_is_sized(heap, &found, size))
		free_away(NULL, p, caller);
	else
		report_bad(PHEAP_BAD_SIZE, found.heap, found.cache, p, caller);
	rcu_read_unlock();
}

static noinline void free_class_away(struct pheap_cache **class, const void *p,
				     size_t size, unsigned long caller)
{
	free_sized_away(heap_of_class(class, size), p, size, caller);
}

__section(".text.free_class") __aligned(COMPAT_HOT) __pheap_direct
void pheap_free_class(struct pheap_cache **class, const void *p, size_t size)
{
	struct pheap_cache *cache = READ_ONCE(*class);
	bool good;

	if (likely(__pheap_free_to((struct __pheap_cache *)cache, true, p, &good,
				   free_close)))
		return;
	if (good)
		free_full(cache, p, _RET_IP_);
	else
		free_class_away(class, p, size, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pheap_free_class);
COMPAT_DIRECT(pheap_free_class);

void pheap_free_sized_any(struct pheap *heap, const void *p, size_t size)
{
	struct pheap_cache *cache = free_class_of(heap, size);
	bool good;

	if (likely(__pheap_free_to((struct __pheap_cache *)cache, true, p, &good,
				   free_close)))
		return;
	if (good)
		free_full(cache, p, _RET_IP_);
	else
		free_sized_away(heap, p, size, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pheap_free_sized_any);

/* Not a pool's: a large block, or nobody's. */
static void free_outside(struct pheap_cache *expected, const void *p,
			 unsigned long caller)
{
	struct arena *arena;

	if (!p || large_free(expected, p, caller))
		return;
	arena = map_find_page(p).arena;
	if (arena)
		report_bad(PHEAP_BAD_MIDDLE, arena->heap, NULL, p, caller);
	else if (large_is_inside(p))
		report_bad(PHEAP_BAD_MIDDLE, NULL, NULL, p, caller);
	else
		report_foreign(p, caller);
}

/* A dead object whose grace period is over. */
static bool free_is_dead(const void *p)
{
	struct pheap_object *obj = (struct pheap_object *)p;

	return atomic_cmpxchg(&obj->__rc, OBJECT_GRACE, OBJECT_FREE) ==
	       OBJECT_GRACE;
}

/*
 * Whether a block is free.  What its user wrote may look like a mark: memory that held
 * other blocks has some, and is copied before it is written to.  So if it has one, who
 * has the block is asked.  (One that is on its way from a magazine to its pool is found
 * in neither; the second free is then found out when it gets there.)
 */
static bool free_is_free(struct pheap_cache *cache, struct spot spot,
			 const void *p)
{
	if (!mark_has(cache))
		return !pool_allocated(cache, spot, p);
	return mark_is_set(cache, p) &&
	       (!pool_allocated(cache, spot, p) || magazine_holds(cache, p));
}

/* What is wrong with freeing @p, in the pool at @spot, or PHEAP_BAD_NR. */
static enum pheap_bad free_check(struct pheap_cache *cache, struct spot spot,
				 struct pheap_cache *expected, const void *p)
{
	u32 offset = p - spot_base(spot);

	if (offset > cache->last || offset % cache->size)
		return PHEAP_BAD_MIDDLE;
	if (expected && cache != expected)
		return PHEAP_BAD_CACHE;
	if (cache->type && !free_is_dead(p))
		return PHEAP_BAD_OBJECT;
	if (free_is_free(cache, spot, p))
		return PHEAP_BAD_DOUBLE;
	return PHEAP_BAD_NR;
}

static void free_block(struct pheap_cache *cache, int node, void *p,
		       unsigned long caller)
{
	if (cache->flags & PHEAP_DEBUG) {
		if (!debug_free(cache, p, caller))
			return;
		mark_close(cache, p);
	} else {
		free_wipe(cache, p);
	}
	if (node == numa_mem_id())
		magazine_put(cache, p, caller);
	else
		magazine_give_one(cache, p, caller);
}

void free_object_block(struct pheap_cache *cache, struct spot page,
		       const void *p)
{
	/* Without marks, the flush looks at the bitmap. */
	if (mark_has(cache) && free_is_free(cache, spot_first(page), p))
		report_bad(PHEAP_BAD_DOUBLE, cache->heap, cache, p, 0);
	else
		free_block(cache, page.arena->node, (void *)p, 0);
}

void free_slow(struct pheap_cache *expected, const void *p,
	       unsigned long caller)
{
	struct pheap_cache *cache = NULL;
	enum pheap_bad bad;
	struct spot spot;

	rcu_read_lock();
	spot = map_find_pool(p);
	if (spot.arena)
		cache = READ_ONCE(*spot_owner(spot));
	if (!cache || cache == cache_none) {
		free_outside(expected, p, caller);
		goto out;
	}
	bad = free_check(cache, spot, expected, p);
	if (bad == PHEAP_BAD_NR)
		free_block(cache, spot.arena->node, (void *)p, caller);
	else
		report_bad(bad, cache->heap, cache, p, caller);
out:
	rcu_read_unlock();
}

void free_objects(struct pheap_cache *cache, struct spot page, void **p,
		  unsigned int nr)
{
	unsigned int i, bad;

	if (!cache->object_fast) {
		for (i = 0; i < nr; i++)
			free_object_block(cache, page, p[i]);
		return;
	}
	for (i = 0; i < nr; i++)
		mark_close(cache, p[i]);
	if (nr == cache->blocks && pool_give_all(cache, page))
		return;
	for (i = 0; i < nr; i++)
		mark_set(cache, p[i]);
	bad = give_blocks(cache, p, nr);
	for (i = 0; i < bad; i++)
		report_bad(PHEAP_BAD_DOUBLE, cache->heap, cache, p[i], 0);
}

static bool free_is_object(const void *p)
{
	struct spot page;
	bool is;

	rcu_read_lock();
	page = map_find_page(p);
	is = page.arena && READ_ONCE(*spot_owner(page))->type;
	rcu_read_unlock();
	return is;
}

void pheap_free_sensitive(const void *p)
{
	size_t size = pheap_size(p);

	/* Not before it is known that it may be freed. */
	if (size && !free_is_object(p))
		memzero_explicit((void *)p, size);
	pheap_free(p);
}
EXPORT_SYMBOL_GPL(pheap_free_sensitive);

/* From so many blocks on, those that a magazine has no room for go to pools. */
#define FREE_BULK	8

/*
 * Mark blocks of one cache free, up to @n, and put them in front of @to; the first is
 * known to be one.  Returns how many.  Most are neighbours on a page; where pools
 * have more than one, their starts differ from page to page.
 */
static size_t free_run(struct pheap_cache *cache, size_t n, void **p, void **to)
{
	unsigned long near = cache->pages == 1 ? PAGE_SIZE : 0;
	u64 *word, mark = cache->mark;
	u32 cookie = cache->cookie;
	void *at = p[0], *before;
	size_t i = 0;

	while (i < n) {
		word = at + cookie;
		if (unlikely(*word == mark))
			break;
		mark_close(cache, at);
		*word = mark;
		*--to = at;
		if (++i == n)
			break;
		before = at;
		at = p[i];
		if (likely(((u64)before ^ (u64)at) < near) ?
		    !pool_is_start(cache, offset_in_page(at)) :
		    !free_is_of(cache, at) || !free_is_near_first(at))
			break;
	}
	return i;
}

/* With one entry into the magazine.  Returns how many blocks went in. */
static size_t free_to_magazine(struct pheap_cache *cache, size_t n, void **p)
{
	struct magazine *mag = magazine_this(cache);
	size_t done;

	/* A full one need not be entered. */
	if (!READ_ONCE(mag->room) || !magazine_enter(mag))
		return 0;
	n = min_t(size_t, n, mag->room);
	done = free_run(cache, n, p, mag->slot + mag->room);
	mag->room -= done;
	magazine_leave(mag);
	return done;
}

/*
 * As many as fit go into the magazine.  Returns how many, and whose they are if the
 * first is in order.
 */
static size_t free_bulk_fast(struct pheap_cache *expected, size_t n, void **p,
			     struct pheap_cache **cache)
{
	size_t done = 0;

	preempt_disable();
	if (free_find_any(p[0], cache) &&
	    (!expected || *cache == expected))
		done = free_to_magazine(*cache, n, p);
	else
		*cache = NULL;
	preempt_enable();
	return done;
}

static void free_bulk(struct pheap_cache *expected, size_t n, void **p,
		      unsigned long caller)
{
	struct pheap_cache *cache;
	bool pools = true;
	long done;

	for (; n; n -= done, p += done) {
		/* For the cache, whatever others do. */
		rcu_read_lock();
		done = free_bulk_fast(expected, n, p, &cache);
		if (!done && cache && pools && n >= FREE_BULK)
			done = give_checked(cache, p,
					    min_t(size_t, n, POOL_BATCH));
		rcu_read_unlock();
		/* Who may not wait for the pools' lock tries no more. */
		pools &= done >= 0;
		if (done <= 0) {
			free_slow(expected, p[0], caller);
			done = 1;
		}
	}
}

void pheap_free_bulk(size_t n, void **p)
{
	free_bulk(NULL, n, p, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pheap_free_bulk);

void pheap_cache_free_bulk(struct pheap_cache *cache, size_t n, void **p)
{
	free_bulk(cache, n, p, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pheap_cache_free_bulk);
