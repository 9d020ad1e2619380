/* SPDX-License-Identifier: GPL-2.0 */
/*
 * large - blocks outside arenas
 *
 * Those above an arena's size, from the page allocator or virtually
 * contiguous, and every block of a passthrough heap.  They are found in a
 * hash table by their exact address.
 */
#ifndef _PHEAP_LARGE_H
#define _PHEAP_LARGE_H

#include "internal.h"

int large_init(void);
void large_exit(void);

/* @cache is NULL above the classes.  Returns the block or an ERR_PTR(). */
void *large_alloc(struct pheap *heap, struct pheap_cache *cache, size_t size,
		  gfp_t gfp, int node);

/*
 * Free a block of @cache, or of any with NULL.  Returns false if @p is none
 * at all; misuse of one that is has been reported.
 */
bool large_free(struct pheap_cache *cache, const void *p,
		unsigned long caller);

/**
 * struct large_info - what is known of a block
 * @heap: heap.
 * @cache: cache or class, or NULL.
 * @size: usable bytes.
 * @block: bytes that are pheap's to poison.
 */
struct large_info {
	struct pheap *heap;
	struct pheap_cache *cache;
	size_t size;
	size_t block;
};

bool large_find(const void *p, struct large_info *info);

/* Whether @p points into a block, but not to its start. */
bool large_is_inside(const void *p);

/* Calls @fn with large_lock held.  Returns false if @fn did. */
bool large_walk(struct pheap *heap, pheap_visit_fn fn, void *arg, size_t *nr);

/* Free all of a cache's blocks, or of the heap's with NULL. */
void large_destroy(struct pheap *heap, struct pheap_cache *cache);

/* Wait until memory that must not be freed in any context is. */
void large_flush(void);

#endif /* _PHEAP_LARGE_H */
