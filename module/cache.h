/* SPDX-License-Identifier: GPL-2.0 */
/* cache - blocks of one size: the classes of a heap and the named caches */
#ifndef _PHEAP_CACHE_H
#define _PHEAP_CACHE_H

#include "internal.h"

int cache_init(void);
void cache_exit(void);

/* The cache of a size class, made now if need be, or an ERR_PTR(). */
struct pheap_cache *cache_of_class(struct pheap *heap, unsigned int index,
				   gfp_t gfp);

/* A named cache, or NULL; with heap->mutex held. */
struct pheap_cache *cache_find(struct pheap *heap, const char *name);

/* A new cache for objects of a type, to be published; or an ERR_PTR(). */
struct pheap_cache *cache_of_type(struct pheap *heap, struct pheap_type *type,
				  const char *name,
				  const struct pheap_cache_args *args,
				  gfp_t gfp);
void cache_publish(struct pheap *heap, struct pheap_cache *cache);

/* A cache that is on no list, or of no use, any more. */
void cache_free(struct pheap_cache *cache);

/* Whether a pool of this class takes a single page. */
bool cache_is_single_page(const struct pheap *heap, unsigned int index);

/**
 * struct cache_sum - what a cache holds
 * @pools: pools.
 * @free: free blocks in them.
 * @magazine: free blocks in magazines.
 * @live: blocks that callers hold.
 */
struct cache_sum {
	unsigned long pools;
	unsigned long free;
	unsigned long magazine;
	unsigned long live;
};

void cache_sum(struct pheap_cache *cache, struct cache_sum *sum);

/* Is @name fit for a heap or cache? */
bool cache_name_valid(const char *name);

#endif /* _PHEAP_CACHE_H */
