/* SPDX-License-Identifier: GPL-2.0 */
/*
 * magazine - a CPU's blocks at hand (CPython: a size class's free list;
 * Bonwick and Adams: Magazines and Vmem, 2001)
 *
 * A magazine has no lock.  It is used only on its own CPU, with preemption
 * off, by whoever could clear its idle flag first; whoever interrupts that finds it
 * busy and goes to the pools instead.  The count may be read only after that:
 * an interrupt that comes before is over, and has left it right.
 *
 * The flag and the count are two words, as each use waits for the stores of the one
 * before.  What is counted is the room, so that counting a block in also tells whether
 * there is any, and so that the newest block is at that index.  Behind the oldest is
 * what looks like a block that was written to while it was free: whoever looks at the
 * mark of the newest need not ask whether there is one.
 */
#ifndef _PHEAP_MAGAZINE_H
#define _PHEAP_MAGAZINE_H

#include <linux/llist.h>
#include <linux/preempt.h>
#include <linux/smp.h>

#include "internal.h"
#include "mark.h"

/*
 * A magazine may hold so many blocks, of so many bytes in all; a new one, and
 * so one of a class that is seldom used, less.  The largest is 1 KiB, which kmalloc()
 * has no waste for.
 */
#define MAGAZINE_MAX		119
#define MAGAZINE_BYTES		(32UL << 10)
#define MAGAZINE_FIRST		16
#define MAGAZINE_FIRST_BYTES	1024UL

/*
 * All magazines of a heap together: so many bytes, and this part of what the
 * heap holds.  So a heap of few classes has large ones, and one of many does
 * not keep more in them than in use.  A small one is always allowed.  The largest
 * blocks of them are no part of a peak: see magazine_recall().
 */
#define MAGAZINE_BUDGET		(1024L << 10)
#define MAGAZINE_BUDGET_PART	64
#define MAGAZINE_ALWAYS		512UL

/*
 * A heap whose magazines were empty or full so often earns so many bytes more
 * each further time, up to so many times: a busy one of many classes is not slow
 * forever.
 */
#define MAGAZINE_EARNS_FROM	(16L << 10)
#define MAGAZINE_EARNED		64L
#define MAGAZINE_EARNS_MOST	(32L << 10)

/**
 * struct magazine - blocks at hand
 * @idle: 1 if nobody on this CPU is using it.
 * @room: how many blocks more it may have; @slot of the newest.
 * @capacity: most blocks that may be; 0 once it is out of use.
 * @misses: how often it was empty or full since it was made.
 * @first: the newest of the blocks left in one that is out of use.
 * @drained: how many those are.
 * @bytes: part of heap->magazines.
 * @heap: heap, for the charge.
 * @list: among those out of use.
 * @rcu: for its end: others may still look at it.
 * @no_mark: what is never a block's mark, in the place of one.
 * @slot: the blocks, from @room on, and behind them the bottom, which has @no_mark
 *	where a block of the cache has its mark.
 */
struct magazine {
	u32 idle;
	u32 room;
	u32 capacity;
	u8 misses;
	u8 first;
	u16 drained;
	u32 bytes;
	struct pheap *heap;
	struct llist_node list;
	struct rcu_head rcu;
	u64 no_mark;
	void *slot[];
};

static_assert(sizeof(struct magazine) + (MAGAZINE_MAX + 1) * sizeof(void *) <= 1024);

/* Half of the largest. */
#define MAGAZINE_HALF		64

/*
 * What fills or leaves one: half of it.  Of the small blocks that many are of, that is
 * whole cache lines, of which two CPUs share none then.
 */
static inline unsigned int magazine_half(unsigned int capacity)
{
	unsigned int half = (capacity + 1) / 2;

	return half < MAGAZINE_HALF / 2 ? half : ALIGN(half, 8);
}

/*
 * The magazine that a CPU has where it has none: always busy, as there is no
 * bottom that suits all caches.
 */
struct magazine *magazine_none(int cpu);

/*
 * A block for a CPU that finds none in its magazine; refills that.  NULL if
 * the pools on @node have none.
 */
void *magazine_take(struct pheap_cache *cache, int node);

/*
 * A block of a new pool; others of it refill this CPU's magazine.  Or an
 * ERR_PTR().
 */
void *magazine_grow(struct pheap_cache *cache, int node, gfp_t gfp);

/* Up to @nr blocks, from the magazine, refilled if it is empty. */
unsigned int magazine_take_bulk(struct pheap_cache *cache, int node, void **p,
				unsigned int nr);

/*
 * Put a block away whose address was checked, in the magazine or, where that
 * can't be used, in its pool.
 */
void magazine_put(struct pheap_cache *cache, void *p, unsigned long caller);

/*
 * Give marked blocks back to their pools.  Those that are there already are
 * reported.
 */
void magazine_flush(struct pheap_cache *cache, void **p, unsigned int nr,
		    unsigned long caller);

/* Put a block away whose address was checked, in its pool. */
void magazine_give_one(struct pheap_cache *cache, void *p,
		       unsigned long caller);

/*
 * Take all blocks out of the depot and the magazines: of all CPUs, for which
 * interrupts must be on, or of this one.
 */
void magazine_drain_cache(struct pheap_cache *cache, bool all_cpus);
/* The same for a CPU that is offline, or for a cache that nobody uses. */
void magazine_drain_cpu(struct pheap_cache *cache, int cpu);

/* Whether a block is in a magazine or a depot, which takes a look at each. */
bool magazine_holds(struct pheap_cache *cache, const void *p);

/* Blocks in magazines and the depot. */
unsigned long magazine_count(struct pheap_cache *cache);

static_assert(offsetof(struct magazine, idle) ==
	      offsetof(struct __pheap_magazine, idle));
static_assert(offsetof(struct magazine, room) ==
	      offsetof(struct __pheap_magazine, room));
static_assert(offsetof(struct magazine, slot) ==
	      offsetof(struct __pheap_magazine, slot));

/* As the hot path sees it, which is in pheap/inline.h: users have it in line, too. */
static __always_inline struct __pheap_magazine *
magazine_hot(struct magazine *mag)
{
	return (struct __pheap_magazine *)mag;
}

/* This CPU's. */
static __always_inline struct magazine *
magazine_this(const struct pheap_cache *cache)
{
	return *(struct magazine **)((char *)cache->mags + __pheap_cpu_offset());
}

static __always_inline bool magazine_enter(struct magazine *mag)
{
	return __pheap_enter(magazine_hot(mag));
}

static __always_inline void magazine_leave(struct magazine *mag)
{
	__pheap_leave(magazine_hot(mag));
}

/* How many blocks are in one that is busy. */
static inline u32 magazine_nr(const struct magazine *mag)
{
	return mag->capacity - mag->room;
}

/*
 * The most recently freed block, whose mark, @at in it, must be as it was left.
 * Returns false if there is none, or not such a one: that is left for magazine_take().
 */
static __always_inline bool magazine_pop(const struct pheap_cache *cache,
					 unsigned long at, u64 mark,
					 void **block)
{
	return __pheap_pop(((const struct __pheap_cache *)cache)->mag, at, mark,
			   block, true);
}

/*
 * With preemption off: marks a block, at @at in it, and puts it in.  Returns false if
 * there is no room, or somebody is using it.
 */
static __always_inline bool magazine_push(struct magazine *mag, const void *p,
					  unsigned long at, u64 mark)
{
	return __pheap_push(magazine_hot(mag), p, at, mark);
}

/* The same as magazine_pop() where the hot path does not look: see cache->mags. */
void *magazine_pop_own(struct pheap_cache *cache);

static inline bool magazine_has_own(const struct pheap_cache *cache)
{
	return cache->mags != cache->mag;
}

#endif /* _PHEAP_MAGAZINE_H */
