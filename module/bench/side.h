/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The allocators that are measured, behind one pair of functions.
 *
 * A loop is written once, as an always inlined function of a constant side and,
 * for kmalloc() and pheap_alloc(), of a constant size, and stamped out for each
 * by side_call(): what the sides execute differs in the call alone.  SIDE_LOOP
 * calls nothing, and so shows what the loop itself costs.
 */
#ifndef _PHEAP_BENCH_SIDE_H
#define _PHEAP_BENCH_SIDE_H

#include <linux/slab.h>

#include <pheap/inline.h>
#include <pheap/pheap.h>

/*
 * A peer and what is measured beside it; then in the caller's line; and at last with frees
 * that are told the size, for tests that have side_free_sized().
 */
enum side {
	SIDE_LOOP,
	SIDE_KMEM_CACHE,
	SIDE_PHEAP_CACHE,
	SIDE_CACHE_INLINE,
	SIDE_KMALLOC,
	SIDE_PHEAP_ALLOC,
	SIDE_ALLOC_INLINE,
	SIDE_PHEAP_SIZED,
	SIDE_SIZED_INLINE,
	SIDE_NR,
};

/**
 * struct side_set - one of each allocator, for blocks of one size
 * @size: bytes.
 * @slab: SLUB's cache, not merged with any other.
 * @heap: pheap's heap.
 * @cache: pheap's cache in it.
 * @nothing: the one block of %SIDE_LOOP.
 */
struct side_set {
	size_t size;
	struct kmem_cache *slab;
	struct pheap *heap;
	struct pheap_cache *cache;
	void *nothing;
};

int side_open(struct side_set *set, size_t size);
void side_close(struct side_set *set);
const char *side_name(enum side side);
struct kmem_cache *side_slab_create(size_t size);

/* Slow paths and bulks are the same as those of the side before. */
static inline bool side_is_variant(enum side side)
{
	return side == SIDE_CACHE_INLINE || side >= SIDE_ALLOC_INLINE;
}

static __always_inline void *side_alloc(enum side side,
					const struct side_set *set, size_t size)
{
	switch (side) {
	case SIDE_KMEM_CACHE:
		return kmem_cache_alloc(set->slab, GFP_KERNEL);
	case SIDE_PHEAP_CACHE:
		return pheap_cache_alloc(set->cache, GFP_KERNEL);
	case SIDE_CACHE_INLINE:
		return pheap_cache_alloc_inline(set->cache, GFP_KERNEL);
	case SIDE_KMALLOC:
		return kmalloc(size, GFP_KERNEL);
	case SIDE_PHEAP_ALLOC:
	case SIDE_PHEAP_SIZED:
		return pheap_alloc(set->heap, size, GFP_KERNEL);
	case SIDE_ALLOC_INLINE:
	case SIDE_SIZED_INLINE:
		return pheap_alloc_inline(set->heap, size, GFP_KERNEL);
	default:
		barrier_data(set->nothing);
		return set->nothing;
	}
}

static __always_inline void side_free(enum side side,
				      const struct side_set *set, void *p)
{
	switch (side) {
	case SIDE_KMEM_CACHE:
		return kmem_cache_free(set->slab, p);
	case SIDE_PHEAP_CACHE:
		return pheap_cache_free(set->cache, p);
	case SIDE_CACHE_INLINE:
		return pheap_cache_free_inline(set->cache, p);
	case SIDE_KMALLOC:
		return kfree(p);
	case SIDE_PHEAP_ALLOC:
		return pheap_free(p);
	case SIDE_ALLOC_INLINE:
		return pheap_free_inline(p);
	default:
		barrier_data(p);
	}
}

/* For those who know the size.  SLUB makes nothing of that. */
static __always_inline void side_free_sized(enum side side,
					    const struct side_set *set, void *p,
					    size_t size)
{
	switch (side) {
	case SIDE_PHEAP_SIZED:
		return pheap_free_sized(set->heap, p, size);
	case SIDE_SIZED_INLINE:
		return pheap_free_sized_inline(set->heap, p, size);
	default:
		return side_free(side, set, p);
	}
}

/* Is all of @n there?  SLUB has no bulk call for kmalloc(). */
static __always_inline bool side_alloc_bulk(enum side side,
					    const struct side_set *set,
					    size_t size, size_t n, void **p)
{
	size_t i;

	switch (side) {
	case SIDE_KMEM_CACHE:
		return kmem_cache_alloc_bulk(set->slab, GFP_KERNEL, n, p);
	case SIDE_PHEAP_CACHE:
		return pheap_cache_alloc_bulk(set->cache, GFP_KERNEL, n, p) ==
		       n;
	case SIDE_PHEAP_ALLOC:
		return pheap_alloc_bulk(set->heap, size, GFP_KERNEL, n, p) == n;
	default:
		for (i = 0; i < n; i++)
			p[i] = side_alloc(side, set, size);
		return p[n - 1];
	}
}

static __always_inline void side_free_bulk(enum side side,
					   const struct side_set *set,
					   size_t n, void **p)
{
	size_t i;

	switch (side) {
	case SIDE_KMEM_CACHE:
		return kmem_cache_free_bulk(set->slab, n, p);
	case SIDE_PHEAP_CACHE:
		return pheap_cache_free_bulk(set->cache, n, p);
	case SIDE_KMALLOC:
		return kfree_bulk(n, p);
	case SIDE_PHEAP_ALLOC:
		return pheap_free_bulk(n, p);
	default:
		for (i = 0; i < n; i++)
			side_free(side, set, p[i]);
	}
}

/* A loop: of a constant side and, if that is kmalloc() or the like, size. */
typedef int (*side_fn)(enum side side, struct side_set *set, size_t size);

static __always_inline int side_call_size(side_fn fn, enum side side,
					  struct side_set *set)
{
	switch (set->size) {
	case 8:
		return fn(side, set, 8);
	case 16:
		return fn(side, set, 16);
	case 64:
		return fn(side, set, 64);
	case 136:
		return fn(side, set, 136);
	case 256:
		return fn(side, set, 256);
	case 512:
		return fn(side, set, 512);
	case 600:
		return fn(side, set, 600);
	case 1024:
		return fn(side, set, 1024);
	case 2000:
		return fn(side, set, 2000);
	case 4096:
		return fn(side, set, 4096);
	case 8192:
		return fn(side, set, 8192);
	case 16384:
		return fn(side, set, 16384);
	case 32768:
		return fn(side, set, 32768);
	case 65536:
		return fn(side, set, 65536);
	default:
		return fn(side, set, set->size);
	}
}

/**
 * side_call() - run a loop with all that is constant known to the compiler
 * @fn: the loop, an always inlined function.
 * @side: for which side.
 * @set: passed on.
 *
 * Return: what @fn returns.
 */
static __always_inline int side_call(side_fn fn, enum side side,
				     struct side_set *set)
{
	switch (side) {
	case SIDE_KMEM_CACHE:
		return fn(SIDE_KMEM_CACHE, set, 0);
	case SIDE_PHEAP_CACHE:
		return fn(SIDE_PHEAP_CACHE, set, 0);
	case SIDE_KMALLOC:
		return side_call_size(fn, SIDE_KMALLOC, set);
	case SIDE_PHEAP_ALLOC:
		return side_call_size(fn, SIDE_PHEAP_ALLOC, set);
	case SIDE_CACHE_INLINE:
		return fn(SIDE_CACHE_INLINE, set, 0);
	case SIDE_ALLOC_INLINE:
		return side_call_size(fn, SIDE_ALLOC_INLINE, set);
	case SIDE_PHEAP_SIZED:
		return side_call_size(fn, SIDE_PHEAP_SIZED, set);
	case SIDE_SIZED_INLINE:
		return side_call_size(fn, SIDE_SIZED_INLINE, set);
	default:
		return fn(SIDE_LOOP, set, 0);
	}
}

#endif /* _PHEAP_BENCH_SIDE_H */
