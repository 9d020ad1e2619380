/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pool - runs of pages cut into blocks
 *
 * A bitmap beside the pool says which blocks are allocated, those in
 * magazines included.  No block holds anything of the allocator's while it is
 * in its pool.
 */
#ifndef _PHEAP_POOL_H
#define _PHEAP_POOL_H

#include "internal.h"

/* For the sake of others who want the lock, give back no more at a time. */
#define POOL_BATCH	64U

/* Pools that one call of pool_reuse() or pool_expand() may make. */
#define POOL_GROW_MAX	16

/*
 * Take up to @nr blocks from the fullest pools on @node, in the order that they are
 * to be used in.  Returns how many.
 */
unsigned int pool_take_blocks(struct pheap_cache *cache, int node, void **p,
			      unsigned int nr);

/*
 * Give back all blocks of the pool that @page is of, whether they are marked or
 * not.  Returns false, with nothing done, if some were free.
 */
bool pool_give_all(struct pheap_cache *cache, struct spot page);

/*
 * Add a pool to @cache, on @node, or more if @nr blocks fill them, of pages that the
 * heap has; and take up to @nr blocks of them, in that order of use.
 * Returns how many, -ENOMEM, or -EAGAIN if it has no such pages.
 */
int pool_reuse(struct pheap_cache *cache, int node, gfp_t gfp, void **p,
	       unsigned int nr);

/*
 * The same of pages from the kernel, on @node if possible.  Returns how many,
 * -ENOSPC or -ENOMEM.
 */
int pool_expand(struct pheap_cache *cache, int node, gfp_t gfp, void **p,
		unsigned int nr);

/*
 * Pools without live blocks, on no list but @pools, end, unless one of their
 * blocks was written to: somebody may hold that still, after he freed it twice.
 */
void pool_destroy(struct pheap_cache *cache, struct hlist_head *pools);

/* Give up pools without live blocks: all of them, or half. */
void pool_trim(struct pheap_cache *cache);
void pool_decay(struct pheap_cache *cache);

/* Have heap->decay run, if it is not going to. */
void pool_decay_later(struct pheap *heap);

/*
 * Pools without live blocks, of whatever cache, end until @pages more are free, or
 * there are none left.  Returns false if there were none.
 */
bool pool_recall(struct pheap *heap, int node, unsigned long pages);

/* Take the cache's last pools apart, whatever is live in them. */
void pool_destroy_all(struct pheap_cache *cache);

/*
 * From now on, pages of objects stay the heap's until the hold ends.  A page
 * that is seen in a pool afterwards is kept.
 */
void pool_hold(struct pheap *heap, bool hold);

/*
 * Is the block that the pool which begins at @spot has at @p allocated, in a magazine
 * or not?
 */
bool pool_allocated(struct pheap_cache *cache, struct spot spot,
		    const void *p);

/*
 * Call @fn for each allocated block of the pool that begins at @spot, in a magazine or
 * not, until it returns false; then, return false.  @spot may be any page, in an RCU
 * section.
 */
typedef bool (*pool_visit_fn)(struct pheap_cache *cache, void *p, void *arg);

bool pool_walk(struct spot spot, pool_visit_fn fn, void *arg);

/* Whether there may be free blocks on @node, in pools or the depot. */
static inline bool pool_has_free(struct pheap_cache *cache, int node)
{
	const struct cache_node *cn = cache_node(cache, node);

	return READ_ONCE(cn->nr_free) || READ_ONCE(cn->nr_depot) ||
	       !hlist_empty(&cn->aside);
}

static inline unsigned int pool_index(const struct pheap_cache *cache,
				      u32 offset)
{
	return (u64)offset * cache->recip >> 32;
}

/*
 * Whether a block starts at @offset, whatever that is.  The low word of a multiple of
 * the size, multiplied by more than 2^64 / size, is that multiple of the excess, which
 * is the size at most; anything else leaves at least 2^64 / size (Lemire, Kaser, Kurz:
 * Faster Remainder by Direct Computation, 2019).  So one comparison also excludes the
 * multiples past the last block, and what is before the first, up to where multiples
 * of the excess reach 2^64 / size: 2^48 - 1 bytes away and more, for blocks of up to
 * 64 KiB.  Page tables of four levels know no address so far from the direct map.
 * Of those of five levels, up to 2^57 bytes away, one in 2^46 or fewer is taken for a
 * start, and none that is the start of a page, for any size class.
 */
static __always_inline bool pool_is_start(const struct pheap_cache *cache,
					  u64 offset)
{
	return offset * cache->inverse < cache->bound;
}

#endif /* _PHEAP_POOL_H */
