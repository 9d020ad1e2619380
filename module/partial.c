// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rculist.h>

#include "map.h"
#include "mark.h"
#include "partial.h"

/* So often is the lock tried, tens of microseconds, where it may not be waited for. */
#define PARTIAL_TRIES	1024

/*
 * What a late block has in its mark's place is the mark, and this: a block that is
 * still in use must not look late.
 */
static u64 partial_late_cookie __ro_after_init;

void partial_init_marks(void)
{
	partial_late_cookie = get_random_u64();
}

void partial_init(struct cache_node *cn, bool debug)
{
	/* For lockdep, these are two kinds of lock. */
	if (debug)
		raw_spin_lock_init(&cn->lock);
	else
		raw_spin_lock_init(&cn->lock);
	raw_spin_lock_init(&cn->aside_lock);
	cn->holder = PARTIAL_NOBODY;
	cn->taker = PARTIAL_NOBODY;
}

/*
 * Where nobody may wait for its holder.  That we may have interrupted it is all there
 * is to the lock on a machine of one processor.
 */
static bool partial_trylock(struct cache_node *cn)
{
	int tries;

	if (READ_ONCE(cn->holder) == raw_smp_processor_id())
		return false;
	for (tries = 0; tries < PARTIAL_TRIES; tries++) {
		if (raw_spin_trylock(&cn->lock)) {
			__release(&cn->lock);
			return true;
		}
		cpu_relax();
	}
	return false;
}

bool partial_lock_carefully(struct pheap_cache *cache, struct cache_node *cn)
{
	unsigned long flags;

	if (!cache->flags)
		return partial_trylock(cn);
	raw_spin_lock_irqsave(&cn->lock, flags);
	__release(&cn->lock);
	cn->flags = flags;
	return true;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(partial_lock_carefully);

void partial_put_aside(struct cache_node *cn, struct pool *pool)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&cn->aside_lock, flags);
	pool->bucket = POOL_ASIDE;
	hlist_add_head(&pool->link, &cn->aside);
	raw_spin_unlock_irqrestore(&cn->aside_lock, flags);
}

static u64 partial_late(const struct pheap_cache *cache)
{
	return cache->mark ^ partial_late_cookie;
}

bool partial_mark_late(struct pheap_cache *cache, void *p)
{
	struct spot spot = map_find_pool(p);

	if (!spot.arena || READ_ONCE(*spot_owner(spot)) != cache)
		return false;
	/* It was freed twice, and somebody has it. */
	if (!mark_is_set(cache, p))
		return false;
	*mark_at(cache, p) = partial_late(cache);
	/* Whoever sees the bit sees the mark. */
	smp_mb__before_atomic();
	set_bit(spot.page, &spot.arena->late);
	/* Whoever clears this sees the bit. */
	smp_mb__after_atomic();
	WRITE_ONCE(cache_node(cache, spot.arena->node)->late, true);
	return true;
}

/* The late blocks of a pool are free. */
static void partial_settle_pool(struct pheap_cache *cache,
				struct cache_node *cn, struct pool *pool)
{
	u64 *map = pool_bitmap(pool, cache);
	void *p = pool_base(pool);
	unsigned int i, nr = 0;

	for (i = 0; i < cache->blocks; i++, p += cache->size) {
		if (!(map[i / 64] & BIT_ULL(i % 64)) ||
		    *mark_at(cache, p) != partial_late(cache))
			continue;
		mark_set(cache, p);
		map[i / 64] ^= BIT_ULL(i % 64);
		nr++;
	}
	pool->due -= nr;
	cn->nr_free += nr;
	partial_move(cache, cn, pool);
}

/* Those in an arena; pages that are another cache's by now are left to that. */
static void partial_settle_arena(struct pheap_cache *cache,
				 struct cache_node *cn, struct arena *arena)
{
	unsigned long late = READ_ONCE(arena->late);
	struct spot spot = { arena };

	for (; late; late &= late - 1) {
		spot.page = __ffs(late);
		if (READ_ONCE(*spot_owner(spot)) != cache)
			continue;
		if (!partial_has(cache, spot)) {
			/* Put aside since we have the lock: another time. */
			WRITE_ONCE(cn->late, true);
			continue;
		}
		clear_bit(spot.page, &arena->late);
		/* A mark that comes from here on comes with the bit again. */
		smp_mb__after_atomic();
		partial_settle_pool(cache, cn, spot_pool(spot));
	}
}

static void partial_settle_late(struct pheap_cache *cache,
				struct cache_node *cn)
{
	int node = cn - cache->nodes;
	struct arena *arena;

	lockdep_assert_held(&cn->lock);
	/* What is not found from here on comes with the flag again. */
	smp_store_mb(cn->late, false);
	rcu_read_lock();
	list_for_each_entry_rcu(arena, &cache->heap->nodes[node].arenas, all)
		if (unlikely(READ_ONCE(arena->late)))
			partial_settle_arena(cache, cn, arena);
	rcu_read_unlock();
}

void partial_tidy(struct pheap_cache *cache, struct cache_node *cn)
{
	if (hlist_empty(&cn->aside) && !READ_ONCE(cn->late))
		return;
	if (!partial_may_wait() || !partial_lock(cache, cn))
		return;
	if (READ_ONCE(cn->late))
		partial_settle_late(cache, cn);
	partial_unlock(cache, cn);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(partial_tidy);

void partial_settle(struct pheap_cache *cache, struct cache_node *cn)
{
	struct hlist_node *next;
	struct pool *pool;
	unsigned long flags;

	lockdep_assert_held(&cn->lock);
	raw_spin_lock_irqsave(&cn->aside_lock, flags);
	hlist_for_each_entry_safe(pool, next, &cn->aside, link) {
		__hlist_del(&pool->link);
		partial_add(cache, cn, pool);
	}
	raw_spin_unlock_irqrestore(&cn->aside_lock, flags);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(partial_settle);
