/* SPDX-License-Identifier: GPL-2.0 */
/*
 * give - blocks on their way back to their pools (SLUB: __slab_free(); CPython:
 * insert_to_freepool())
 *
 * Where speed matters most after the magazines: one look-up, and one move between
 * lists at most, for blocks in a row that are of one pool.
 */
#ifndef _PHEAP_GIVE_H
#define _PHEAP_GIVE_H

#include "internal.h"

/*
 * Give back @nr blocks of @cache, which were checked and marked.  Those that are
 * free already are left and put first in @p.  Returns how many they are.
 */
unsigned int give_blocks(struct pheap_cache *cache, void **p, unsigned int nr);

/**
 * struct give_rest - what is left to do once preemption is on
 * @empty: pools that have no live blocks left.
 * @late: some blocks are late: see partial.h.
 */
struct give_rest {
	struct hlist_head empty;
	bool late;
};

/* The same with preemption off, for readers of the map; then comes give_finish(). */
unsigned int give_blocks_pinned(struct pheap_cache *cache, void **p,
				unsigned int nr, struct give_rest *rest);

void give_finish_slow(struct pheap_cache *cache, struct give_rest *rest);

static inline void give_finish(struct pheap_cache *cache,
			       struct give_rest *rest)
{
	struct pheap *heap = cache->heap;

	if (unlikely(rest->late || !hlist_empty(&rest->empty)) ||
	    unlikely(atomic_long_read(&heap->idle) &&
		     !READ_ONCE(heap->decaying)))
		give_finish_slow(cache, rest);
}

/*
 * Check, mark and give back blocks, up to @nr, until one is not an allocated block
 * of @cache.  Returns how many, or -EBUSY if the pools' lock is not to be had.
 */
int give_checked(struct pheap_cache *cache, void **p, unsigned int nr);

#endif /* _PHEAP_GIVE_H */
