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
 * @block: bytes that are pheap's to poison, 0 for kmalloc()'s and vmalloc()'s.
 */
struct found {
	struct pheap *heap;
	struct pheap_cache *cache;
	size_t size;
	size_t block;
};

/* Returns false if @p is not a live block. */
bool find_block(const void *p, struct found *found);

/*
 * CPython's rule: a block stays if the new size fits and uses three quarters of it at
 * least (Objects/obmalloc.c, pymalloc_realloc()).  Blocks as small as a cell can't shrink.
 */
static inline bool find_stays(const struct found *found, size_t size)
{
	return size <= found->size &&
	       (found->size <= SIZE_STEP || 4 * size > 3 * found->size);
}

/* Tell checkers that @size bytes may be used, and the rest of it not. */
void find_open(const struct found *found, void *p, size_t size);

/*
 * Blocks that callers hold of the pool that begins at @spot, which may be any page, in
 * an RCU section.
 */
unsigned int find_count_held(struct spot spot);

#endif /* _PHEAP_FIND_H */
