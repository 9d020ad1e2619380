/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mark - a word in a free block that says so
 *
 * A free block, in a magazine, a depot or its pool, holds a cookie: the sum of its
 * address and its cache's, which points nowhere and takes one instruction.  A block
 * that holds it when it is freed is free already; one that does not when it is to
 * be handed out, or when its pool is given up, was written to, or is in two places,
 * and is never handed out again.  On its way between magazines and pools nobody
 * looks at it.
 *
 * Blocks of debug heaps have no marks: all of a free block is looked at there.
 */
#ifndef _PHEAP_MARK_H
#define _PHEAP_MARK_H

#include "internal.h"

static __always_inline u64 mark_cookie(const struct pheap_cache *cache,
				       const void *p)
{
	return (u64)p + (u64)cache;
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
	*mark_at(cache, p) = mark_cookie(cache, p);
}

static __always_inline bool mark_is_set(const struct pheap_cache *cache,
					const void *p)
{
	return *mark_at(cache, p) == mark_cookie(cache, p);
}

/*
 * The same offset for one more access, which the compiler does not know: it would
 * keep the sum that both have in common in a register.
 */
static __always_inline unsigned long mark_again(unsigned long at)
{
	if (!__builtin_constant_p(at))
		OPTIMIZER_HIDE_VAR(at);
	return at;
}

/*
 * Take the mark, which is @at in the block, out of it, if it is there.  If not, the
 * block may be anybody's, and is not written to.
 */
static __always_inline bool mark_take(const struct pheap_cache *cache, void *p,
				      unsigned long at)
{
	if (unlikely(*(u64 *)(p + at) != mark_cookie(cache, p)))
		return false;
	*(u64 *)(p + mark_again(at)) = 0;
	return true;
}

#endif /* _PHEAP_MARK_H */
