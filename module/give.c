// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/nodemask.h>

#include "give.h"
#include "map.h"
#include "mark.h"
#include "partial.h"
#include "pool.h"

/* What a loop over blocks has to do; what it need not is not compiled into it. */
#define GIVE_CHECK	BIT(0)	/* are they allocated blocks? */
#define GIVE_NODES	BIT(1)	/* of which node? */
#define GIVE_RUN	BIT(2)	/* where does the pool begin? */
#define GIVE_MAP	BIT(3)	/* which word of its bitmap? */
#define GIVE_ONE	BIT(4)	/* the next is of another pool */
#define GIVE_ROW	BIT(5)	/* the next is beside it */

/**
 * struct give - blocks on their way back to their pools
 * @cache: whose they are.
 * @p: the next.
 * @end: past the last.
 * @bad: where the next that is free already goes, not past @p.
 * @step: from a block to the next, where they are in a row.
 * @counted: blocks that cache_node->nr_free has already.
 * @rest: what is left to do.
 */
struct give {
	struct pheap_cache *cache;
	void **p;
	void **end;
	void **bad;
	long step;
	unsigned int counted;
	struct give_rest *rest;
};

/**
 * struct give_place - where a block is
 * @pool: its pool, or NULL.
 * @base: where that begins.
 * @word: its bitmap, or with %GIVE_MAP its bucket, as read before its page was seen to be
 *	the cache's.  Of a block that is freed twice, the page may leave at any time, and then
 *	the descriptor is another's; but a pool with an allocated block, or one in a list, can't
 *	while the lock is held.
 */
struct give_place {
	struct pool *pool;
	const void *base;
	u64 word;
};

/* Of a page that may be anybody's: who has it is to be seen after this. */
static __always_inline void give_peek(struct give_place *place, unsigned int how)
{
	place->word = how & GIVE_MAP ? READ_ONCE(place->pool->bucket) :
				       READ_ONCE(place->pool->word);
	compat_rmb();
}

/* Where the first arena of the window has it not. */
static noinline struct give_place give_find_other(const struct pheap_cache *cache,
						  const void *p, unsigned int how)
{
	struct spot spot = map_find_pool(p);
	struct give_place place = {};

	if (!spot.arena)
		return place;
	place.pool = spot_pool(spot);
	place.base = spot_base(spot);
	give_peek(&place, how);
	if (READ_ONCE(*spot_owner(spot)) != cache)
		place.pool = NULL;
	return place;
}

/* Where @p is, if the first arena of the window has it, in an RCU section. */
static __always_inline bool give_find_first(const struct pheap_cache *cache,
					    const void *p,
					    struct give_place *place,
					    unsigned int how)
{
	struct arena *arena = map_look((unsigned long)p);
	unsigned long off = (unsigned long)p - arena->base;
	unsigned long page = off / PAGE_SIZE, start;

	if (unlikely(off >= ARENA_SIZE))
		return false;
	if (how & GIVE_RUN) {
		start = READ_ONCE(arena->start[page]) - cache->key;
		place->base = (void *)start;
		place->pool = pool_at(arena, start);
	} else {
		place->pool = &arena->pools[page];
		place->base = (void *)((unsigned long)p & PAGE_MASK);
	}
	give_peek(place, how);
	return likely(__pheap_is(arena->cache[page], cache));
}

/* The pool of @cache that @p is in. */
static __always_inline bool give_find(const struct pheap_cache *cache,
				      const void *p, struct give_place *place,
				      unsigned int how)
{
	if (likely(give_find_first(cache, p, place, how)))
		return true;
	*place = give_find_other(cache, p, how);
	return place->pool;
}

/* Clear the bit of a block.  Returns false if it was clear. */
static __always_inline bool give_take_bit(u64 *map, unsigned long index,
					  unsigned int how)
{
	if (how & GIVE_MAP)
		return __test_and_clear_bit(index, (unsigned long *)map);
	return how & (GIVE_CHECK | GIVE_ONE) ? compat_take_bit(map, index) :
					       compat_take_bit_if(map, index);
}

/*
 * The index of the block at @offset.  Returns false if there is none: see
 * pool_is_start(); of a start, the high word is the index.
 */
static __always_inline bool give_index(const struct pheap_cache *cache,
				       u64 offset, u64 *index, unsigned int how)
{
	if (how & GIVE_CHECK)
		return compat_mul(offset, cache->inverse, index) < cache->bound;
	*index = offset * cache->recip >> 32;
	return true;
}

/* Offset of a block in its pool, which begins at @base. */
static __always_inline u64 give_offset(const void *p, const void *base,
				       unsigned int how)
{
	if (how & GIVE_RUN || !(how & (GIVE_ONE | GIVE_ROW)))
		return p - base;
	return (unsigned long)p & ~PAGE_MASK;
}

/*
 * Clear the bit of @p, which is at @offset in the pool; if it is not known whether it
 * is a block, it is checked and marked.  Returns false if it is none, or free.
 */
static __always_inline bool give_take(const struct pheap_cache *cache, void *p,
				      u64 offset, u64 *map, u64 mark,
				      unsigned int how)
{
	u64 *at = mark_at(cache, p);
	u64 index;

	if (unlikely(!give_index(cache, offset, &index, how)))
		return false;
	if (!(how & GIVE_CHECK))
		return give_take_bit(map, index, how);
	if (unlikely(*at == mark) ||
	    unlikely(!give_take_bit(map, index, how)))
		return false;
	mark_close(cache, p);
	*at = mark;
	return true;
}

/*
 * @nr blocks of a pool are free, which comes to another list, if it is in any.  Those
 * of one that is not were free already.
 */
static noinline bool give_relist(struct give *give, struct cache_node *cn,
				 struct pool *pool, unsigned int nr)
{
	struct pheap_cache *cache = give->cache;

	if (unlikely(pool->bucket >= POOL_GONE)) {
		pool->due += nr;
		return false;
	}
	if (pool_nr_free(cache, pool) < cache->blocks || cache->lingers) {
		partial_move(cache, cn, pool);
		return true;
	}
	cn->nr_free += nr;
	give->counted += nr;
	partial_take_out(cache, cn, pool, &give->rest->empty);
	return true;
}

/* @nr blocks of @pool are free.  Returns false if they were already. */
static __always_inline bool give_count(struct give *give, struct cache_node *cn,
				       struct pool *pool, unsigned int nr)
{
	pool->due -= nr;
	return likely(pool->due > 0) || give_relist(give, cn, pool, nr);
}

/* The bitmap of a pool. */
static __always_inline u64 *give_map(const struct pheap_cache *cache,
				     struct pool *pool, unsigned int how)
{
	if (!(how & GIVE_MAP))
		return &pool->word;
	return how & GIVE_NODES ? pool_bitmap(pool, cache) : pool->map;
}

/*
 * Mark the blocks from @p on free that are of one pool, as long as they are in a
 * row, and move @p past them.  Returns false if the first is free already, or is
 * none.
 */
static __always_inline bool give_pool(struct give *give,
				      struct pheap_cache *cache,
				      struct cache_node *cn,
				      struct give_place place, void ***p,
				      void **end, unsigned int how)
{
	struct pool *pool = place.pool;
	unsigned long last = how & GIVE_RUN ? cache->last : PAGE_SIZE - 1;
	unsigned long bytes, offset = give_offset(**p, place.base, how);
	u64 word = place.word, *map = &word, mark = cache->mark;
	void **next = *p;

	if (how & GIVE_MAP)
		map = give_map(cache, pool, how);
	do {
		if (unlikely(!give_take(cache, *next, offset, map, mark, how)))
			break;
		if (++next == end || how & GIVE_ONE)
			break;
		offset = *next - place.base;
	} while (unlikely(offset <= last));
	bytes = (void *)next - (void *)*p;
	if (unlikely(!bytes) ||
	    unlikely(!give_count(give, cn, pool, bytes / sizeof(**p))))
		return false;
	if (!(how & GIVE_MAP))
		pool->word = word;
	*p = next;
	return true;
}

/* How many bits of a word are set in a row, from @bit up or down. */
static __always_inline unsigned int give_ones(u64 word, unsigned int bit, bool up)
{
	u64 zeros = up ? ~(word >> bit) : ~(word << (63 - bit));

	if (unlikely(!zeros))
		return 64;
	return up ? __ffs64(zeros) : 64 - fls64(zeros);
}

/* Blocks from @at on, not past @end, that are in a row, and marked here if need be. */
static __always_inline void **give_follow(const struct pheap_cache *cache,
					  void **at, void **end, long step,
					  unsigned int how)
{
	void *p = *at;
	u64 *word, mark = cache->mark;
	u32 cookie = cache->cookie;

	for (; at < end && *at == p; at++, p += step) {
		if (!(how & GIVE_CHECK))
			continue;
		word = p + cookie;
		if (unlikely(*word == mark))
			break;
		mark_close(cache, p);
		*word = mark;
	}
	return at;
}

/*
 * As give_pool(), for blocks that are beside each other, up or down, whose bits are in
 * one word: those are cleared at once.
 */
static __always_inline bool give_row(struct give *give, struct pheap_cache *cache,
				     struct cache_node *cn,
				     struct give_place place, void ***p,
				     void **end, unsigned int how)
{
	u64 *map = give_map(cache, place.pool, how), index;
	unsigned int bit, most, nr;
	bool up = give->step > 0;
	void **next;

	if (unlikely(!give_index(cache, give_offset(**p, place.base, how),
				 &index, how)))
		return false;
	bit = index % 64;
	if (how & GIVE_MAP)
		map += index / 64;
	most = give_ones(how & GIVE_MAP ? *map : place.word, bit, up);
	if (up)
		most = min_t(unsigned int, most, cache->blocks - index);
	most = min_t(unsigned long, most, end - *p);
	next = give_follow(cache, *p, *p + most, give->step, how);
	nr = next - *p;
	if (unlikely(!nr) || unlikely(!give_count(give, cn, place.pool, nr)))
		return false;
	*map &= ~(U64_MAX >> (64 - nr) << (up ? bit : bit - nr + 1));
	*p = next;
	return true;
}

/* Whether there may be blocks at @p, and of a pool whose lock is held. */
static __always_inline bool give_may(const struct give *give,
				     struct give_place place, const void *p,
				     unsigned int how)
{
	/* Of a page that is another's since that was asked, @base is anything. */
	if (how & GIVE_RUN &&
	    unlikely((unsigned long)(p - place.base) > give->cache->last))
		return false;
	return !(how & GIVE_MAP) || likely(place.word < POOL_GONE);
}

/* Whether the next two are beside each other. */
static __always_inline bool give_is_row(struct give *give)
{
	if (give->end - give->p < 2)
		return false;
	give->step = give->p[1] - give->p[0];
	return abs(give->step) == give->cache->size;
}

/* Whether the next are of different pages, so that those after them may be, too. */
static __always_inline bool give_is_scattered(const struct give *give)
{
	return give->end - give->p < 2 ||
	       ((unsigned long)give->p[0] ^ (unsigned long)give->p[1]) >= PAGE_SIZE;
}

/*
 * The next blocks go back, as long as they are of @cn, which the first is; or if they
 * are to be in rows, as long as they are.
 */
static __always_inline void give_loop(struct give *give, struct cache_node *cn,
				      unsigned int how)
{
	struct pheap_cache *cache = give->cache;
	void **p = give->p, **end = give->end;
	struct give_place place;
	bool good;

	do {
		if (unlikely(!give_find(cache, *p, &place, how)))
			goto bad;
		if (how & GIVE_NODES &&
		    cache_node(cache, pool_node(place.pool)) != cn)
			break;
		if (unlikely(!give_may(give, place, *p, how)))
			goto bad;
		if (how & GIVE_ROW)
			good = give_row(give, cache, cn, place, &p, end, how);
		else
			good = give_pool(give, cache, cn, place, &p, end, how);
		if (how & GIVE_ROW && good && end - p > 1 && p[1] - p[0] != give->step)
			break;
		if (likely(good))
			continue;
bad:
		if (how & GIVE_CHECK)
			break;
		*give->bad++ = *p++;
	} while (p < end);
	give->p = p;
}

/* Blocks of pools of a page, in the way that suits the next two. */
static __always_inline void give_loop_page(struct give *give,
					   struct cache_node *cn,
					   unsigned int how)
{
	if (give_is_row(give))
		give_loop(give, cn, how | GIVE_ROW);
	if (give->p == give->end)
		return;
	if (give_is_scattered(give))
		give_loop(give, cn, how | GIVE_ONE);
	else
		give_loop(give, cn, how);
}

/* As little as possible for most; where there are several nodes, one way for all. */
static __always_inline void give_loop_any(struct give *give,
					  struct cache_node *cn,
					  unsigned int how)
{
	const struct pheap_cache *cache = give->cache;
	bool run = cache->pages > 1, map = cache->blocks > 64;

	if (nr_node_ids > 1 || (run && map))
		give_loop(give, cn, how | GIVE_NODES | GIVE_RUN | GIVE_MAP);
	else if (run)
		give_loop(give, cn, how | GIVE_RUN);
	else if (map)
		give_loop_page(give, cn, how | GIVE_MAP);
	else
		give_loop_page(give, cn, how);
}

/* The node of the pool that the next block is in. */
static noinline int give_node_of(const struct give *give)
{
	struct give_place place;

	if (!give_find(give->cache, *give->p, &place, GIVE_RUN))
		return first_online_node;
	return pool_node(place.pool);
}

/* All that are left, where the lock is not to be had: no more is tried for it. */
static noinline void give_late(struct give *give)
{
	void *p;

	give->rest->late = true;
	while (give->p < give->end) {
		p = *give->p++;
		if (!partial_mark_late(give->cache, p))
			*give->bad++ = p;
	}
}

/* The next blocks go back, as long as they are of one node. */
static __always_inline bool give_node(struct give *give, unsigned int how)
{
	int node = nr_node_ids > 1 ? give_node_of(give) : 0;
	struct cache_node *cn = cache_node(give->cache, node);
	void **from = give->p, **bad = give->bad;

	if (unlikely(!partial_lock(give->cache, cn)))
		return false;
	give_loop_any(give, cn, how);
	cn->nr_free += (give->p - from) - (give->bad - bad) - give->counted;
	give->counted = 0;
	partial_unlock(give->cache, cn);
	return true;
}

void give_finish_slow(struct pheap_cache *cache, struct give_rest *rest)
{
	if (!hlist_empty(&rest->empty))
		pool_destroy(cache, &rest->empty);
	if (rest->late) {
		/* Either the work finds them, or we see that it is not to come. */
		smp_mb();
	}
	if (atomic_long_read(&cache->heap->idle) || rest->late)
		pool_decay_later(cache->heap);
}

unsigned int give_blocks_pinned(struct pheap_cache *cache, void **p,
				unsigned int nr, struct give_rest *rest)
{
	struct give give = {
		.cache = cache, .p = p, .end = p + nr, .bad = p, .rest = rest,
	};

	while (give.p < give.end)
		if (!give_node(&give, 0))
			give_late(&give);
	return give.bad - p;
}

unsigned int give_blocks(struct pheap_cache *cache, void **p, unsigned int nr)
{
	struct give_rest rest = {};
	unsigned int bad;

	preempt_disable();
	bad = give_blocks_pinned(cache, p, nr, &rest);
	preempt_enable();
	give_finish(cache, &rest);
	return bad;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(give_blocks);

int give_checked(struct pheap_cache *cache, void **p, unsigned int nr)
{
	struct give_rest rest = {};
	struct give give = {
		.cache = cache, .p = p, .end = p + nr, .bad = p, .rest = &rest,
	};
	bool locked;

	preempt_disable();
	locked = give_node(&give, GIVE_CHECK);
	preempt_enable();
	give_finish(cache, &rest);
	return locked ? give.p - p : -EBUSY;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(give_checked);
