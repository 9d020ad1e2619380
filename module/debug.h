/* SPDX-License-Identifier: GPL-2.0 */
/*
 * debug - blocks of debug heaps
 *
 * Behind the bytes that were asked for lies a red zone, and at the end of the
 * block a tail.  A free block is filled with a pattern up to its tail.
 */
#ifndef _PHEAP_DEBUG_H
#define _PHEAP_DEBUG_H

#include "internal.h"

/**
 * struct debug_tail - at the end of a debug block
 * @zone: part of the red zone that is always there, next to the usable bytes.
 * @alloc: stack of its last allocation.
 * @free: stack of its last free.
 * @request: bytes asked for.
 */
struct debug_tail {
	u32 zone;
	u32 alloc;
	u32 free;
	u32 request;
};

/* Not so of what a heap passes through to kmalloc(), whatever else it is told to do. */
static inline bool debug_has_tail(const struct pheap_cache *cache)
{
	return (cache->flags & (PHEAP_DEBUG | PHEAP_PASSTHROUGH)) == PHEAP_DEBUG;
}

/* Bytes of a debug block for @size usable ones. */
size_t debug_block_size(size_t size);

/* Prepare the free blocks of a new pool. */
void debug_init_pool(const struct pheap_cache *cache, void *base);

/* Returns false, with a report, if the block changed while it was free. */
bool debug_alloc(struct pheap_cache *cache, void *p, size_t request,
		 gfp_t gfp);

/* Returns false, with a report, if the red zone was written to. */
bool debug_free(struct pheap_cache *cache, void *p, unsigned long caller);

/* The bytes that were asked for. */
size_t debug_request(const struct pheap_cache *cache, const void *p);

/* The same block for another number of bytes. */
void debug_resize(struct pheap_cache *cache, void *p, size_t request);

#endif /* _PHEAP_DEBUG_H */
