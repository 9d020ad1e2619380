/* SPDX-License-Identifier: GPL-2.0 */
/* alloc - slow paths of allocation */
#ifndef _PHEAP_ALLOC_H
#define _PHEAP_ALLOC_H

#include "internal.h"

/* A block of @cache for @size bytes from @node, by whatever it takes. */
void *alloc_slow(struct pheap_cache *cache, size_t size, gfp_t gfp, int node);

/* The same for any size. */
void *alloc_sized_slow(struct pheap *heap, size_t size, gfp_t gfp, int node);

/* An object's block of @cache, for which none was found in the magazine. */
void *alloc_object(struct pheap_cache *cache, gfp_t gfp);

#endif /* _PHEAP_ALLOC_H */
