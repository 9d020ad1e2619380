/* SPDX-License-Identifier: GPL-2.0 */
/*
 * partial - the pools of a cache on a node, by how full they are (SLUB: a node's
 * partial list and its list_lock; CPython: usedpools)
 *
 * The lock is held with preemption off and interrupts on.  So whoever interrupts its
 * holder, and whoever has interrupts or softirqs off, may not wait for it: the
 * holder may have been interrupted by somebody who waits for a lock that is held
 * here.  They try for a while.  If that fails, a new pool is put aside, and may be
 * taken from; and a freed block is marked as late where it is.  Whoever takes the
 * lock next settles the former, and the work of heap->decay the latter.
 *
 * A debug cache's blocks have no marks: its lock is held with interrupts off.
 */
#ifndef _PHEAP_PARTIAL_H
#define _PHEAP_PARTIAL_H

#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/smp.h>

#include "internal.h"

/* No CPU. */
#define PARTIAL_NOBODY	-1

void partial_init(struct cache_node *cn, bool debug);
/* Before the first heap. */
void partial_init_marks(void);

/* See partial_lock(). */
bool partial_lock_carefully(struct pheap_cache *cache, struct cache_node *cn);
/* Pools that are aside come to the others. */
void partial_settle(struct pheap_cache *cache, struct cache_node *cn);

/*
 * The same, and late blocks are free, which takes a look at each arena: for those who
 * count, walk, trim or clean up.  Nothing where it may not wait.
 */
void partial_tidy(struct pheap_cache *cache, struct cache_node *cn);

/*
 * A pool that the lock can't be had for may be taken from, with @cn->aside_lock held,
 * until somebody has it.
 */
void partial_put_aside(struct cache_node *cn, struct pool *pool);

/*
 * An allocated block is free from the next partial_tidy() on.  Returns false if it is
 * in no pool of @cache.  In an RCU section.
 */
bool partial_mark_late(struct pheap_cache *cache, void *p);

/* May code that holds locks be waited for here? */
static inline bool partial_may_wait(void)
{
	return !in_interrupt() && !irqs_disabled();
}

/*
 * Returns false if it can't be had, which is never so where partial_may_wait() nor
 * of a debug cache.
 */
static inline bool partial_lock(struct pheap_cache *cache,
				struct cache_node *cn)
{
	if (likely(!cache->flags && partial_may_wait())) {
		raw_spin_lock(&cn->lock);
		__release(&cn->lock);
	} else if (!partial_lock_carefully(cache, cn)) {
		return false;
	}
	WRITE_ONCE(cn->holder, raw_smp_processor_id());
	/* With one processor, that is the lock. */
	barrier();
	if (unlikely(!hlist_empty(&cn->aside)))
		partial_settle(cache, cn);
	return true;
}

static inline void partial_unlock(struct pheap_cache *cache,
				  struct cache_node *cn)
{
	barrier();
	WRITE_ONCE(cn->holder, PARTIAL_NOBODY);
	__acquire(&cn->lock);
	if (likely(!cache->flags))
		raw_spin_unlock(&cn->lock);
	else
		raw_spin_unlock_irqrestore(&cn->lock, cn->flags);
}

/*
 * Whether a pool of @cache begins at @spot that is in its lists, with the lock held.
 * One that left them may leave the heap meanwhile, and another may come, which is in no
 * list: of both the bucket is POOL_GONE while the page is the cache's, and between
 * them it is anything.
 */
static inline bool partial_has(const struct pheap_cache *cache, struct spot spot)
{
	const struct pool *pool = spot_pool(spot);

	if (READ_ONCE(pool->bucket) >= POOL_GONE)
		return false;
	/* If the page is still the cache's, it was so then. */
	compat_rmb();
	if (READ_ONCE(*spot_owner(spot)) != cache ||
	    READ_ONCE(spot.arena->start[spot.page]) - cache->key !=
	    (unsigned long)spot_base(spot))
		return false;
	/* If it is so again, the bucket was set first. */
	compat_rmb();
	return READ_ONCE(pool->bucket) < POOL_GONE;
}

/*
 * The fewer free blocks, the lower; a pool without live ones is in the last, and one
 * without free ones in POOL_FULL.  Others may have more free blocks than their list
 * says, or fewer: they are moved only from and to those two.  Who takes blocks takes
 * them from the first list that has pools, and puts those right that have more.
 */
static inline unsigned int partial_bucket(const struct pheap_cache *cache,
					  unsigned int nr_free)
{
	return nr_free ? nr_free * cache->fill_mul >> 16 : POOL_FULL;
}

/* Out of its list, of which it is still said to be. */
static inline void partial_unlink(struct pheap_cache *cache,
				  struct cache_node *cn, struct pool *pool)
{
	lockdep_assert_held(&cn->lock);
	__hlist_del(&pool->link);
	if (hlist_empty(&cn->pools[pool->bucket]))
		cn->nonempty &= ~BIT(pool->bucket);
	if (pool->bucket == POOL_IDLE) {
		cn->nr_idle--;
		atomic_long_sub(cache->pages, &cache->heap->idle);
	}
}

/* Its pages may serve others, if they see that there is one. */
static inline void partial_show_idle(struct pheap_cache *cache,
				     struct cache_node *cn)
{
	struct heap_node *hn = &cache->heap->nodes[cn - cache->nodes];
	int bit = cache->index == CACHE_NAMED ? NR_CLASSES : cache->index;

	/* Either they see nr_idle, or we see that they no longer know of it. */
	smp_mb__after_atomic();
	if (!test_bit(bit, hn->idle))
		set_bit(bit, hn->idle);
}

/* A pool with so many free blocks, which is in no list, comes to @bucket's. */
static inline void partial_link(struct pheap_cache *cache,
				struct cache_node *cn, struct pool *pool,
				unsigned int nr_free, unsigned int bucket)
{
	lockdep_assert_held(&cn->lock);
	pool->bucket = bucket;
	pool->due = cache->blocks - nr_free - (bucket == POOL_FULL ? POOL_FAR : 0);
	hlist_add_head(&pool->link, &cn->pools[bucket]);
	cn->nonempty |= BIT(bucket);
	if (bucket == POOL_IDLE) {
		WRITE_ONCE(cn->nr_idle, cn->nr_idle + 1);
		atomic_long_add(cache->pages, &cache->heap->idle);
		partial_show_idle(cache, cn);
	}
}

/* After some of its blocks were taken or freed. */
static __always_inline void partial_move(struct pheap_cache *cache,
					 struct cache_node *cn, struct pool *pool)
{
	unsigned int nr_free = pool_nr_free(cache, pool);
	unsigned int bucket = partial_bucket(cache, nr_free);

	if (bucket == pool->bucket)
		return;
	partial_unlink(cache, cn, pool);
	partial_link(cache, cn, pool, nr_free, bucket);
}

/* After blocks were taken of one that was in the first list, and is more so now. */
static inline void partial_taken(struct pheap_cache *cache,
				 struct cache_node *cn, struct pool *pool)
{
	if (pool->due == cache->blocks || pool->bucket == POOL_IDLE)
		partial_move(cache, cn, pool);
}

/* A pool that is on no list comes to the others. */
static inline void partial_add(struct pheap_cache *cache, struct cache_node *cn,
			       struct pool *pool)
{
	unsigned int nr_free = pool_nr_free(cache, pool);

	cn->nr_pools++;
	cn->nr_free += nr_free;
	partial_link(cache, cn, pool, nr_free, partial_bucket(cache, nr_free));
}

/* A pool leaves them. */
static inline void partial_remove(struct pheap_cache *cache,
				  struct cache_node *cn, struct pool *pool)
{
	unsigned int nr_free = pool_nr_free(cache, pool);

	partial_unlink(cache, cn, pool);
	pool->bucket = POOL_GONE;
	pool->due = cache->blocks - nr_free - POOL_FAR;
	cn->nr_free -= nr_free;
	cn->nr_pools--;
}

/* The same for @list. */
static inline void partial_take_out(struct pheap_cache *cache,
				    struct cache_node *cn, struct pool *pool,
				    struct hlist_head *list)
{
	partial_remove(cache, cn, pool);
	hlist_add_head(&pool->link, list);
}

/* So many pools that have more free blocks than their list says are put right. */
#define PARTIAL_PUT_RIGHT	16

/* The fullest pool that has a free block, or one of the fullest; there is one. */
static inline struct pool *partial_fullest(struct pheap_cache *cache,
					   struct cache_node *cn)
{
	unsigned int bucket, nr_free, tries = PARTIAL_PUT_RIGHT;
	struct pool *pool;

	for (;;) {
		bucket = __ffs(cn->nonempty);
		pool = hlist_entry(cn->pools[bucket].first, struct pool, link);
		nr_free = cache->blocks - pool->due;
		if (likely(partial_bucket(cache, nr_free) <= bucket) || !tries--)
			return pool;
		partial_move(cache, cn, pool);
	}
}

#endif /* _PHEAP_PARTIAL_H */
