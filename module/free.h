/* SPDX-License-Identifier: GPL-2.0 */
/* free - slow paths of freeing */
#ifndef _PHEAP_FREE_H
#define _PHEAP_FREE_H

#include "internal.h"

void free_init(void);

/*
 * Free @p, to @expected if that is given, or report what is wrong with that.
 */
void free_slow(struct pheap_cache *expected, const void *p,
	       unsigned long caller);

/*
 * Free the block of a dead object, which starts at @p on @page.  With
 * preemption off; returns false if it must take the slow path.
 */
bool free_object_fast(struct pheap_cache *cache, struct pool *page,
		      const void *p);

/* In an RCU section. */
void free_object_block(struct pheap_cache *cache, struct pool *page,
		       const void *p);

/* The same for up to %POOL_BATCH of one page, straight to their pool. */
void free_objects(struct pheap_cache *cache, struct pool *page, void **p,
		  unsigned int nr);

#endif /* _PHEAP_FREE_H */
