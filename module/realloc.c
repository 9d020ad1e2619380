// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "debug.h"
#include "find.h"
#include "free.h"

/*
 * What checkers know of the block's bytes follows the new size; an object of
 * a cache has but one.
 */
static void realloc_in_place(const struct found *found, void *p, size_t size)
{
	struct pheap_cache *cache = found->cache;

	if (cache && cache->index == CACHE_NAMED)
		return;
	if (cache && debug_has_tail(cache))
		debug_resize(cache, p, size);
	find_open(found, p, size);
}

static void *realloc_move(struct pheap *heap, void *p, size_t old,
			  size_t size, gfp_t gfp)
{
	size_t keep = min(old, size);
	void *q = pheap_alloc(heap, size, gfp & ~__GFP_ZERO);

	if (!q)
		return NULL;
	memcpy(q, p, keep);
	if (gfp & __GFP_ZERO)
		memset(q + keep, 0, size - keep);
	pheap_free(p);
	return q;
}

void *pheap_realloc(struct pheap *heap, void *p, size_t size, gfp_t gfp)
{
	struct found found;

	if (!p)
		return pheap_alloc(heap, size, gfp);
	size = size ?: 1;
	/* An object can't be moved, nor can what is none. */
	if (!find_block(p, &found) || (found.cache && found.cache->type)) {
		free_slow(NULL, p, _RET_IP_);
		return NULL;
	}
	if (find_stays(&found, size)) {
		realloc_in_place(&found, p, size);
		return p;
	}
	find_open(&found, p, found.size);
	return realloc_move(heap, p, found.size, size, gfp);
}
EXPORT_SYMBOL_GPL(pheap_realloc);
