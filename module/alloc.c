// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/string.h>
#include <linux/topology.h>

#include "alloc.h"
#include "arena.h"
#include "backing.h"
#include "cache.h"
#include "debug.h"
#include "heap.h"
#include "large.h"
#include "magazine.h"
#include "pool.h"
#include "report.h"
#include "trim.h"

/* Out of line, so that the hot path keeps nothing over a call. */
static noinline void *alloc_zeroed(const struct pheap_cache *cache, void *p)
{
	memset(p + cache->stable, 0, cache->usable - cache->stable);
	return p;
}

/*
 * A block for a magazine that is empty, without what only the page allocator
 * needs.  NULL if there is none in the pools.
 */
static void *alloc_refill(struct pheap_cache *cache, size_t size, gfp_t gfp)
{
	int node = numa_mem_id();
	void *p;

	if (!cache->capacity ||
	    (cache->heap->node != NUMA_NO_NODE && cache->heap->node != node))
		return NULL;
	rcu_read_lock();
	p = magazine_take(cache, node);
	rcu_read_unlock();
	if (!p)
		return NULL;
	compat_kasan_alloc(p, size, cache->size);
	if (!cache->ctor && want_init_on_alloc(gfp))
		memset(p + cache->stable, 0, cache->usable - cache->stable);
	return p;
}

static noinline void *alloc_any_slow(struct pheap *heap, size_t size, gfp_t gfp)
{
	void *p = NULL;

	if (size <= CLASS_MAX)
		p = alloc_refill(READ_ONCE(heap->classes[class_of(size)]), size,
				 gfp);
	return p ?: alloc_sized_slow(heap, size, gfp, NUMA_NO_NODE);
}

/* What follows the magazine, for a class: those have no constructor. */
static __always_inline void *alloc_finish(struct pheap_cache *cache, void *p,
					  size_t size, gfp_t gfp)
{
	compat_kasan_alloc(p, size, cache->size);
	if (want_init_on_alloc(gfp))
		return alloc_zeroed(cache, p);
	return p;
}

static noinline void *alloc_class_slow(struct pheap_cache **class, size_t size,
				       gfp_t gfp)
{
	return alloc_any_slow(heap_of_class(class, size), size, gfp);
}

static __always_inline bool alloc_pop_class(const struct pheap_cache *cache,
					    void **p)
{
	return magazine_pop(cache, 0, mark_of_class(cache), p);
}

static noinline void *alloc_medium(struct pheap *heap, size_t size, gfp_t gfp)
{
	struct pheap_cache *cache;
	void *p;

	if (unlikely(size > CLASS_MAX))
		return alloc_any_slow(heap, size, gfp);
	cache = READ_ONCE(heap->classes[class_of(size)]);
	if (unlikely(!alloc_pop_class(cache, &p)))
		return alloc_any_slow(heap, size, gfp);
	return alloc_finish(cache, p, size, gfp);
}

/* For a system that wants init_on_alloc. */
static noinline void *alloc_class_zeroed(struct pheap_cache **class,
					 size_t size, gfp_t gfp)
{
	struct pheap_cache *cache = READ_ONCE(*class);
	void *p;

	if (unlikely(!alloc_pop_class(cache, &p)))
		return alloc_class_slow(class, size, gfp);
	return alloc_finish(cache, p, size, gfp | __GFP_ZERO);
}

/*
 * The hot path: __pheap_pop() in pheap/inline.h.  This CPU's magazine of the class, its
 * newest block, which is as it was left if its mark says so.  On 6.1 18 instructions: 3
 * for the class's magazine, 3 to make it busy and free again, 2 for the block, 3 for the
 * mark, 1 to count it out, 1 for zeroing (whoever asks for that calls
 * pheap_alloc_any()), 3 for preemption, 2 to return.
 */
__section(".text.alloc_class") __aligned(COMPAT_HOT) __pheap_direct
void *pheap_alloc_class(struct pheap_cache **class, size_t size, gfp_t gfp)
{
	struct pheap_cache *cache = READ_ONCE(*class);
	void *p;

	compat_might_alloc(gfp);
	/* Asked now, for the sake of registers. */
	if (want_init_on_alloc(0))
		return alloc_class_zeroed(class, size, gfp);
	if (unlikely(!alloc_pop_class(cache, &p)))
		return alloc_class_slow(class, size, gfp);
	compat_kasan_alloc(p, size, cache->size);
	return p;
}
EXPORT_SYMBOL_GPL(pheap_alloc_class);
COMPAT_DIRECT(pheap_alloc_class);

/* What the header takes for granted. */
static_assert(!offsetof(struct pheap, classes));
static_assert(SMALL_MAX - PHEAP_SMALL_MAX + SIZE_STEP == 8);

/* The same where the size is only known now, which takes 6 more, and zeroing 2. */
__section(".text.alloc_any") __aligned(COMPAT_HOT)
void *pheap_alloc_any(struct pheap *heap, size_t size, gfp_t gfp)
{
	struct pheap_cache *cache;
	void *p;

	compat_might_alloc(gfp);
	if (unlikely(size > SMALL_MAX))
		return alloc_medium(heap, size, gfp);
	cache = READ_ONCE(heap->classes[class_of_small(size)]);
	if (unlikely(!alloc_pop_class(cache, &p)))
		return alloc_any_slow(heap, size, gfp);
	return alloc_finish(cache, p, size, gfp);
}
EXPORT_SYMBOL_GPL(pheap_alloc_any);

static __always_inline bool alloc_pop_named(const struct pheap_cache *cache,
					    void **p)
{
	return magazine_pop(cache, 0, mark_of_named(cache), p);
}

/* As alloc_finish(), for an object of a cache. */
static void *alloc_finish_object(const struct pheap_cache *cache, void *p,
				 gfp_t gfp)
{
	compat_kasan_alloc(p, cache->usable, cache->size);
	if (want_init_on_alloc(gfp) && likely(!cache->ctor))
		return alloc_zeroed(cache, p);
	return p;
}

noinline void *alloc_object(struct pheap_cache *cache, gfp_t gfp)
{
	void *p = magazine_has_own(cache) ? magazine_pop_own(cache) : NULL;

	if (p)
		return alloc_finish_object(cache, p, gfp);
	return alloc_refill(cache, cache->usable, gfp) ?:
	       alloc_slow(cache, cache->usable, gfp, NUMA_NO_NODE);
}

void *pheap_cache_alloc_any(struct pheap_cache *cache, gfp_t gfp)
{
	void *p;

	compat_might_alloc(gfp);
	if (unlikely(!alloc_pop_named(cache, &p)))
		return alloc_object(cache, gfp);
	return alloc_finish_object(cache, p, gfp);
}
EXPORT_SYMBOL_GPL(pheap_cache_alloc_any);

__section(".text.alloc_plain") __aligned(COMPAT_HOT) __pheap_direct
void *pheap_cache_alloc_plain(struct pheap_cache *cache, gfp_t gfp)
{
	void *p;

	if (want_init_on_alloc(0))
		return pheap_cache_alloc_any(cache, gfp);
	compat_might_alloc(gfp);
	if (unlikely(!alloc_pop_named(cache, &p)))
		return alloc_object(cache, gfp);
	compat_kasan_alloc(p, cache->usable, cache->size);
	return p;
}
EXPORT_SYMBOL_GPL(pheap_cache_alloc_plain);
COMPAT_DIRECT(pheap_cache_alloc_plain);

/*
 * The slow path sleeps, and uses the heap after it did: heap_close() waits for
 * all who entered.  Returns false if the heap is on its way out.
 */
static bool alloc_enter(struct pheap *heap)
{
	atomic_inc(&heap->growing);
	/* Either heap_close() sees this count, or we see that it is dying. */
	smp_mb__after_atomic();
	if (likely(!READ_ONCE(heap->dying)))
		return true;
	atomic_dec(&heap->growing);
	return false;
}

/* What went wrong is counted; the heap may be gone right after this. */
static void *alloc_leave(struct pheap *heap, void *p)
{
	if (IS_ERR(p))
		heap_note_failure(heap, PTR_ERR(p));
	/* All that was done to the heap is done before. */
	smp_mb__before_atomic();
	atomic_dec(&heap->growing);
	return IS_ERR(p) ? NULL : p;
}

/* Make room by what the heap can spare.  Returns whether to try again. */
static bool alloc_make_room(struct pheap *heap, int err, gfp_t gfp)
{
	bool may_wait = gfpflags_allow_blocking(gfp);

	if (err != -ENOSPC && (err != -ENOMEM || !may_wait))
		return false;
	if (may_wait) {
		large_flush();
		heap_make_room(heap);
	}
	trim_heap(heap, may_wait);
	if (may_wait && atomic_long_read(&heap->waiting)) {
		/* Pages of objects come a grace period later. */
		rcu_barrier();
		arena_trim(heap);
	}
	return true;
}

/* A free block on any node but @node, or NULL. */
static void *alloc_elsewhere(struct pheap_cache *cache, int node, gfp_t gfp)
{
	void *p = NULL;
	int other;

	if (gfp & __GFP_THISNODE || cache->heap->node != NUMA_NO_NODE)
		return NULL;
	for_each_online_node(other) {
		if (other != node)
			p = magazine_take(cache, other);
		if (p)
			break;
	}
	return p;
}

/*
 * A block of a new pool, or an ERR_PTR().  Where @node has no page, blocks that others
 * have come first: of a pool made elsewhere the CPUs here use one block.
 */
static void *alloc_grow(struct pheap_cache *cache, gfp_t gfp, int node)
{
	gfp_t near = (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_THISNODE | __GFP_NOWARN;
	void *p;

	if (nr_node_ids == 1 || gfp & __GFP_THISNODE)
		return magazine_grow(cache, node, gfp);
	p = magazine_grow(cache, node, near);
	if (!IS_ERR(p))
		return p;
	return alloc_elsewhere(cache, node, gfp) ?:
	       magazine_grow(cache, node, gfp);
}

/* A block on @node, or elsewhere if need be, or an ERR_PTR(). */
static void *alloc_block(struct pheap_cache *cache, gfp_t gfp, int node)
{
	bool tried = false;
	void *p, *other;

	for (;;) {
		p = NULL;
		if (pool_has_free(cache, node))
			p = magazine_take(cache, node);
		if (p)
			return p;
		p = alloc_grow(cache, gfp, node);
		if (!IS_ERR(p))
			return p;
		other = alloc_elsewhere(cache, node, gfp);
		if (other)
			return other;
		if (tried || !alloc_make_room(cache->heap, PTR_ERR(p), gfp))
			return p;
		tried = true;
	}
}

static int alloc_node(const struct pheap *heap, int node)
{
	if (heap->node != NUMA_NO_NODE)
		return heap->node;
	if (node < 0 || node >= nr_node_ids || !node_online(node))
		return numa_mem_id();
	return node;
}

/* A block outside arenas, or an ERR_PTR(). */
static void *alloc_outside(struct pheap *heap, struct pheap_cache *cache,
			   size_t size, gfp_t gfp, int node)
{
	void *p;

	/* Rather than what the heap has no use for. */
	pool_recall(heap, node, DIV_ROUND_UP(size, PAGE_SIZE));
	p = large_alloc(heap, cache, size, gfp, node);
	if (IS_ERR(p) && alloc_make_room(heap, PTR_ERR(p), gfp))
		p = large_alloc(heap, cache, size, gfp, node);
	return p;
}

static bool alloc_debug(struct pheap_cache *cache, void *p, size_t size,
			gfp_t gfp)
{
	return !(cache->flags & PHEAP_DEBUG) ||
	       debug_alloc(cache, p, size, gfp);
}

/* A block or an ERR_PTR(). */
static void *alloc_from(struct pheap_cache *cache, size_t size, gfp_t gfp,
			int node)
{
	struct pheap *heap = cache->heap;
	void *p;

	node = alloc_node(heap, node);
	/* A heap with a node of its own takes all memory from there. */
	if (heap->node != NUMA_NO_NODE)
		gfp |= __GFP_THISNODE;
	if (cache->ctor)
		gfp &= ~__GFP_ZERO;
	if (cache->flags & PHEAP_PASSTHROUGH)
		return alloc_outside(heap, cache, size, gfp, node);
	do {
		p = alloc_block(cache, gfp, node);
		if (IS_ERR(p))
			return p;
	} while (!alloc_debug(cache, p, size, gfp));
	compat_kasan_alloc(p, size, cache->size);
	if (!cache->ctor && want_init_on_alloc(gfp))
		memset(p + cache->stable, 0,
		       (cache->flags ? size : cache->usable) - cache->stable);
	return p;
}

void *alloc_slow(struct pheap_cache *cache, size_t size, gfp_t gfp, int node)
{
	struct pheap *heap = cache->heap;

	WARN_ON_ONCE(gfp & __GFP_ZERO && cache->ctor);
	if (!alloc_enter(heap))
		return NULL;
	return alloc_leave(heap, alloc_from(cache, size, gfp, node));
}

static void *alloc_class(struct pheap *heap, unsigned int index, size_t size,
			 gfp_t gfp, int node)
{
	struct pheap_cache *cache;

	cache = cache_of_class(heap, index, gfp);
	if (PTR_ERR_OR_ZERO(cache) == -ENOSPC) {
		alloc_make_room(heap, -ENOSPC, gfp);
		cache = cache_of_class(heap, index, gfp);
	}
	if (IS_ERR(cache))
		return ERR_CAST(cache);
	return alloc_from(cache, size, gfp, node);
}

/*
 * Pools of some classes take several pages.  Where those can't be had, a
 * block of a larger class whose pools take one will do; if there is none,
 * memory that is contiguous only virtually.
 */
static void *alloc_fallback(struct pheap *heap, unsigned int index,
			    size_t size, gfp_t gfp, int node)
{
	for (; index <= class_of(PAGE_SIZE); index++)
		if (cache_is_single_page(heap, index))
			return alloc_class(heap, index, size, gfp, node);
	if (!gfpflags_allow_blocking(gfp))
		return ERR_PTR(-ENOMEM);
	return alloc_outside(heap, NULL, size, gfp, alloc_node(heap, node));
}

static bool alloc_has_class(const struct pheap *heap, size_t size)
{
	if (heap->flags & PHEAP_DEBUG)
		return size <= CLASS_MAX / 4;
	return size <= CLASS_MAX;
}

/* A block or an ERR_PTR(). */
static void *alloc_sized(struct pheap *heap, size_t size, gfp_t gfp, int node)
{
	unsigned int index;
	void *p;

	if (!alloc_has_class(heap, size))
		return alloc_outside(heap, NULL, size, gfp,
				     alloc_node(heap, node));
	index = class_of(size);
	p = alloc_class(heap, index, size, gfp, node);
	if (p == ERR_PTR(-ENOMEM) && !cache_is_single_page(heap, index))
		p = alloc_fallback(heap, index, size, gfp, node);
	return p;
}

void *alloc_sized_slow(struct pheap *heap, size_t size, gfp_t gfp, int node)
{
	if (!alloc_enter(heap))
		return NULL;
	/* A block of no bytes could not be told from none at all. */
	return alloc_leave(heap, alloc_sized(heap, size ?: 1, gfp, node));
}

void *pheap_alloc_node(struct pheap *heap, size_t size, gfp_t gfp, int node)
{
	compat_might_alloc(gfp);
	/* Who insists on a node must not be moved off it in between. */
	if (node == NUMA_NO_NODE ||
	    (node == numa_mem_id() && !(gfp & __GFP_THISNODE)))
		return pheap_alloc(heap, size, gfp);
	return alloc_sized_slow(heap, size, gfp, node);
}
EXPORT_SYMBOL_GPL(pheap_alloc_node);

void *pheap_calloc(struct pheap *heap, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (check_mul_overflow(n, size, &bytes))
		return NULL;
	return pheap_alloc(heap, bytes, gfp | __GFP_ZERO);
}
EXPORT_SYMBOL_GPL(pheap_calloc);

void *pheap_memdup(struct pheap *heap, const void *src, size_t size, gfp_t gfp)
{
	void *p = pheap_alloc(heap, size, gfp);

	if (p)
		memcpy(p, src, size);
	return p;
}
EXPORT_SYMBOL_GPL(pheap_memdup);

char *pheap_strdup(struct pheap *heap, const char *s, gfp_t gfp)
{
	return s ? pheap_memdup(heap, s, strlen(s) + 1, gfp) : NULL;
}
EXPORT_SYMBOL_GPL(pheap_strdup);

static size_t alloc_bulk(struct pheap_cache *cache, size_t size, gfp_t gfp,
			 size_t n, void **p)
{
	int node = alloc_node(cache->heap, NUMA_NO_NODE);
	size_t got, i;

	if (cache->flags)
		return 0;
	got = magazine_take_bulk(cache, node, p, n);
	for (i = 0; i < got; i++)
		compat_kasan_alloc(p[i], size, cache->size);
	if (cache->ctor || !want_init_on_alloc(gfp))
		return got;
	for (i = 0; i < got; i++)
		memset(p[i], 0, cache->usable);
	return got;
}

size_t pheap_cache_alloc_bulk(struct pheap_cache *cache, gfp_t gfp, size_t n,
			      void **p)
{
	size_t got = 0, more;

	compat_might_alloc(gfp);
	while (got < n) {
		more = alloc_bulk(cache, cache->usable, gfp, n - got, p + got);
		if (!more) {
			p[got] = pheap_cache_alloc(cache, gfp);
			more = !!p[got];
		}
		if (!more)
			break;
		got += more;
	}
	return got;
}
EXPORT_SYMBOL_GPL(pheap_cache_alloc_bulk);

size_t pheap_alloc_bulk(struct pheap *heap, size_t size, gfp_t gfp, size_t n,
			void **p)
{
	size_t got = 0, more;
	struct pheap_cache *cache;

	compat_might_alloc(gfp);
	while (got < n) {
		more = 0;
		cache = alloc_has_class(heap, size) ?
				READ_ONCE(heap->classes[class_of(size)]) :
				cache_none;
		if (cache != cache_none)
			more = alloc_bulk(cache, size, gfp, n - got, p + got);
		if (!more) {
			p[got] = pheap_alloc(heap, size, gfp);
			more = !!p[got];
		}
		if (!more)
			break;
		got += more;
	}
	return got;
}
EXPORT_SYMBOL_GPL(pheap_alloc_bulk);
