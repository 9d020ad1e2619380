// SPDX-License-Identifier: GPL-2.0
#include <linux/delay.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/string.h>

#include "arena.h"
#include "backing.h"
#include "cache.h"
#include "map.h"
#include "partial.h"
#include "pool.h"
#include "report.h"
#include "stats.h"

/* A sum must be wrong so often, 20 ms apart, to be called wrong. */
#define VALIDATE_LOOKS	3

/**
 * struct check - what is wrong, gathered where nothing may be printed
 * @what: the equation, or NULL so far.
 * @have: its left side.
 * @want: its right side.
 */
struct check {
	const char *what;
	unsigned long have;
	unsigned long want;
};

static void check_eq(struct check *check, const char *what,
		     unsigned long have, unsigned long want)
{
	if (have == want || check->what)
		return;
	*check = (struct check) { what, have, want };
}

static void check_pool(struct check *check, struct pheap_cache *cache,
		       struct pool *pool, unsigned int bucket)
{
	u64 *map = pool_bitmap(pool, cache);
	int far = bucket == POOL_FULL ? POOL_FAR : 0;
	struct spot spot = map_find_run(pool);
	unsigned int i, set = 0, nr_free;

	for (i = 0; i < DIV_ROUND_UP(cache->blocks, 64); i++)
		set += hweight64(map[i]);
	/* Those past the end are set. */
	set -= ALIGN(cache->blocks, 64) - cache->blocks;
	nr_free = cache->blocks - set;
	check_eq(check, "pool: clear bits == nr_free", nr_free,
		 pool_nr_free(cache, pool));
	check_eq(check, "pool: set bits == due", set, pool->due + far);
	check_eq(check, "pool: bucket is its list's", pool->bucket, bucket);
	check_eq(check, "pool: is on its arena's node", pool_node(pool),
		 spot.arena->node);
	check_eq(check, "pool: full if in the list of full ones",
		 !nr_free, bucket == POOL_FULL);
	check_eq(check, "pool: nothing live if in the list of those",
		 partial_bucket(cache, nr_free) == POOL_IDLE,
		 bucket == POOL_IDLE);
	for (i = 0; i < cache->pages; i++, spot.page++) {
		check_eq(check, "pool: pages lead to the first",
			 spot_lead(spot), i << PAGE_SHIFT);
		check_eq(check, "pool: pages are the cache's",
			 (unsigned long)*spot_owner(spot),
			 (unsigned long)cache);
	}
}

static void check_cache_node(struct check *check, struct pheap_cache *cache,
			     struct cache_node *cn)
{
	unsigned long pools = 0, idle = 0, nr_free = 0;
	struct pool *pool;
	unsigned int i;

	partial_tidy(cache, cn);
	if (!partial_lock(cache, cn))
		return;
	for (i = 0; i < POOL_LISTS; i++) {
		check_eq(check, "cache: nonempty == lists with pools",
			 !!(cn->nonempty & BIT(i)),
			 !hlist_empty(&cn->pools[i]));
		hlist_for_each_entry(pool, &cn->pools[i], link) {
			check_pool(check, cache, pool, i);
			pools++;
			idle += pool_nr_free(cache, pool) == cache->blocks;
			nr_free += pool_nr_free(cache, pool);
		}
	}
	check_eq(check, "cache: pools in lists == nr_pools", pools,
		 cn->nr_pools);
	check_eq(check, "cache: sum of pools' nr_free == nr_free", nr_free,
		 cn->nr_free);
	check_eq(check, "cache: idle pools == nr_idle", idle, cn->nr_idle);
	partial_unlock(cache, cn);
}

static void check_arena(struct check *check, struct arena *arena,
			unsigned int bucket)
{
	unsigned int i;

	check_eq(check, "arena: free is part of present",
		 arena->free & ~arena->present, 0);
	check_eq(check, "arena: heads are part of present",
		 arena->heads & ~arena->present, 0);
	check_eq(check, "arena: free pages are its bucket's",
		 arena_bucket(hweight64(arena->free)), bucket);
	check_eq(check, "arena: has pages", !arena->present, 0);
	for (i = 0; i < ARENA_PAGES; i++) {
		if (!(arena->free & BIT_ULL(i)))
			continue;
		check_eq(check, "arena: free pages are no cache's",
			 (unsigned long)arena->cache[i],
			 (unsigned long)cache_none);
		check_eq(check, "arena: nothing starts on free pages",
			 arena->start[i], 0);
	}
}

static void check_heap_node(struct check *check, struct heap_node *hn)
{
	unsigned long arenas = 0, pages = 0, nr_free = 0, flags;
	struct arena *arena;
	unsigned int i;

	raw_spin_lock_irqsave(&hn->lock, flags);
	for (i = 0; i < ARRAY_SIZE(hn->buckets); i++) {
		check_eq(check, "heap: nonempty == lists with arenas",
			 !!(hn->nonempty & BIT_ULL(i)),
			 !hlist_empty(&hn->buckets[i]));
		hlist_for_each_entry(arena, &hn->buckets[i], link) {
			check_arena(check, arena, i);
			arenas++;
			pages += hweight64(arena->present);
			nr_free += hweight64(arena->free);
		}
	}
	check_eq(check, "heap: arenas in lists == nr_arenas", arenas,
		 hn->nr_arenas);
	check_eq(check, "heap: present pages == pages", pages, hn->pages);
	check_eq(check, "heap: free pages == free_pages", nr_free,
		 hn->free_pages);
	raw_spin_unlock_irqrestore(&hn->lock, flags);
}

static int check_report(struct pheap *heap, const char *name,
			const struct check *check)
{
	if (!check->what)
		return 0;
	report_invalid(heap, "%s: %s: %lu, %lu", name, check->what,
		       check->have, check->want);
	return -EUCLEAN;
}

static int validate_caches(struct pheap *heap)
{
	struct pheap_cache *cache;
	struct check check = {};
	int node, err = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(cache, &heap->caches, link) {
		for (node = 0; node < nr_node_ids; node++)
			check_cache_node(&check, cache,
					 cache_node(cache, node));
		err = check_report(heap, cache->name, &check);
		if (err)
			break;
	}
	rcu_read_unlock();
	return err;
}

static int validate_arenas(struct pheap *heap)
{
	struct check check = {};
	int node;

	for (node = 0; node < nr_node_ids; node++)
		check_heap_node(&check, &heap->nodes[node]);
	return check_report(heap, "arenas", &check);
}

static void check_sums(struct check *check, struct pheap *heap,
		       const struct pheap_stats *stats)
{
	check_eq(check, "pages + large + metadata == taken", stats->taken,
		 atomic_long_read(&heap->taken));
	check_eq(check, "live + magazines + free + slack + pages + meta",
		 stats->live_bytes + stats->magazine_bytes +
		 stats->free_bytes + stats->slack_bytes + stats->page_bytes +
		 stats->meta_bytes, stats->taken);
	check_eq(check, "taken <= peak", stats->taken > stats->peak, 0);
	check_eq(check, "taken <= limit",
		 stats->limit && stats->taken > stats->limit, 0);
}

/*
 * Where all bytes are.  Somebody may be in the middle of something, and even
 * asleep there: only what is as wrong, and with the same figures, every time
 * is wrong.
 */
static int validate_sums(struct pheap *heap)
{
	struct pheap_stats first, stats;
	struct check check = {};
	int i;

	stats_get(heap, &first);
	check_sums(&check, heap, &first);
	for (i = 0; check.what && i < VALIDATE_LOOKS; i++) {
		msleep(20);
		stats_get(heap, &stats);
		if (atomic_read(&heap->growing) ||
		    memcmp(&first, &stats, sizeof(stats)))
			return 0;
		check.what = NULL;
		check_sums(&check, heap, &stats);
	}
	return check_report(heap, "sums", &check);
}

int pheap_validate(struct pheap *heap)
{
	int err;

	might_sleep();
	err = validate_caches(heap);
	if (!err)
		err = validate_arenas(heap);
	if (!err)
		err = validate_sums(heap);
	return err;
}
EXPORT_SYMBOL_GPL(pheap_validate);
