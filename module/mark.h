/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mark - a word in a free block that says so
 *
 * A free block, in a magazine, a depot or its pool, holds its cache's mark.  A block
 * that holds it when it is freed is free already; one that does not when it is to
 * be handed out, or when its pool is given up, was written to, or is in two places,
 * and is never handed out again.  On its way between magazines and pools nobody
 * looks at it.
 *
 * The mark must be what no user has in a block of his, and is to cost the hot path
 * nothing: of a size class or a type it is the address of the cache, which hardly anybody
 * else knows.  Of a named cache that might well be in its objects; there it is a product
 * of it.  Who copies memory that held a free block may have it all the same: see
 * free_is_free().
 *
 * Blocks of debug heaps have no marks: all of a free block is looked at there.
 */
#ifndef _PHEAP_MARK_H
#define _PHEAP_MARK_H

#include "internal.h"

/* Of a size class or a type. */
static __always_inline u64 mark_of_class(const struct pheap_cache *cache)
{
	return (u64)cache;
}

/* Of a cache that users know. */
static __always_inline u64 mark_of_named(const struct pheap_cache *cache)
{
	return __pheap_mark((const struct __pheap_cache *)cache);
}

/* Where in the block it is. */
static __always_inline u64 *mark_at(const struct pheap_cache *cache,
				    const void *p)
{
	return (u64 *)((char *)p + cache->cookie);
}

/* Nobody may touch a free block, but for what of it is stable. */
static __always_inline void mark_close(const struct pheap_cache *cache,
				       const void *p)
{
	compat_kasan_free(p + cache->stable, cache->size - cache->stable);
}

static __always_inline bool mark_has(const struct pheap_cache *cache)
{
	return !(cache->flags & PHEAP_DEBUG);
}

static __always_inline void mark_set(const struct pheap_cache *cache, void *p)
{
	*mark_at(cache, p) = cache->mark;
}

static __always_inline bool mark_is_set(const struct pheap_cache *cache,
					const void *p)
{
	return *mark_at(cache, p) == cache->mark;
}

/*
 * Take @mark, which is @at in the block, out of it, if it is there.  If not, the
 * block may be anybody's, and is not written to.
 */
static __always_inline bool mark_take(void *p, unsigned long at, u64 mark)
{
	if (unlikely(*(u64 *)(p + at) != mark))
		return false;
	*(u64 *)(p + at) = 0;
	return true;
}

#endif /* _PHEAP_MARK_H */
