/* SPDX-License-Identifier: GPL-2.0 */
/* find - from any address to the block it is, if it is one */
#ifndef _PHEAP_FIND_H
#define _PHEAP_FIND_H

#include "internal.h"

/**
 * struct found - a live block
 * @heap: heap.
 * @cache: cache or class, or NULL.
 * @size: bytes that the holder may use.
 * @outside: it is in no arena.
 */
struct found {
	struct pheap *heap;
	struct pheap_cache *cache;
	size_t size;
	bool outside;
};

/* Returns false if @p is not a live block. */
bool find_block(const void *p, struct found *found);

/*
 * Blocks of a pool that callers hold.  @pool may be the descriptor of any
 * page, in an RCU section.
 */
unsigned int find_count_held(struct pool *pool);

#endif /* _PHEAP_FIND_H */
