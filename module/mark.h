/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mark - a word in a free block that says where the block is
 *
 * A block in a magazine or depot holds a cookie, made of its address and a
 * secret; one in its pool holds the cookie with bit 32 turned over.  A
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

/* What turns a cookie into the word of a block that is free. */
static __always_inline u64 mark_key(enum mark mark)
{
	return (u64)mark << 32;
}

static __always_inline u64 mark_word(const void *p, enum mark mark)
{
	return mark == MARK_NONE ? 0 : mark_cookie(p) ^ mark_key(mark);
}

/* Where in the block it is. */
static __always_inline u64 *mark_at(const struct pheap_cache *cache,
				    const void *p)
{
	return (u64 *)((char *)p + cache->cookie);
}

/* The same for an object: behind its count, which stays readable. */
static __always_inline u64 *mark_at_object(const void *p)
{
	return (u64 *)((char *)p + sizeof(struct pheap_object));
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

static __always_inline bool mark_is_free(const struct pheap_cache *cache,
					 const void *p)
{
	u64 word = *mark_at(cache, p) ^ mark_cookie(p);

	return !word || word == mark_key(MARK_POOL);
}

/*
 * The hot path's question, with one comparison of what both marks share: if so,
 * the slow path looks at all of it.
 */
static __always_inline bool mark_may_be_free(const u64 *word, u64 cookie)
{
	return (u32)*word == (u32)cookie;
}

#endif /* _PHEAP_MARK_H */
