/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mark - a word in a free block that says where the block is
 *
 * A block in a magazine or depot holds a cookie, made of its address and a
 * secret; one in its pool holds the cookie with the lowest bit turned over.  A
 * block that holds either when it is freed is free already; one that does not
 * hold the right one when it is taken out was written to, or is in two places,
 * and is never handed out again.
 *
 * Blocks of debug heaps have no marks: all of a free block is looked at there.
 */
#ifndef _PHEAP_MARK_H
#define _PHEAP_MARK_H

#include "internal.h"

/**
 * enum mark - where a block is
 * @MARK_MAGAZINE: in a magazine or depot.
 * @MARK_POOL: in its pool.
 * @MARK_NONE: with a caller.
 */
enum mark {
	MARK_MAGAZINE = 0,
	MARK_POOL = 1,
	MARK_NONE = 2,
};

static __always_inline u64 mark_cookie(const void *p)
{
	return pheap_secret ^ (u64)p;
}

static __always_inline u64 mark_word(const void *p, enum mark mark)
{
	return mark == MARK_NONE ? 0 : mark_cookie(p) ^ mark;
}

/* Where in the block it is. */
static __always_inline u64 *mark_at(const struct pheap_cache *cache,
				    const void *p)
{
	return (u64 *)((char *)p + cache->cookie);
}

static __always_inline bool mark_has(const struct pheap_cache *cache)
{
	return !(cache->flags & PHEAP_DEBUG);
}

static __always_inline void mark_set(const struct pheap_cache *cache, void *p,
				     enum mark mark)
{
	*mark_at(cache, p) = mark_word(p, mark);
}

static __always_inline bool mark_is(const struct pheap_cache *cache,
				    const void *p, enum mark mark)
{
	return *mark_at(cache, p) == mark_word(p, mark);
}

/* Whether @word, that of a block with this @cookie, says that it is free. */
static __always_inline bool mark_word_is_free(u64 word, u64 cookie)
{
	return (word ^ cookie) <= MARK_POOL;
}

static __always_inline bool mark_is_free(const struct pheap_cache *cache,
					 const void *p)
{
	return mark_word_is_free(*mark_at(cache, p), mark_cookie(p));
}

#endif /* _PHEAP_MARK_H */
