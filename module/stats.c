// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/string.h>

#include "cache.h"
#include "stats.h"

static void stats_add_cache(struct pheap_stats *stats,
			    struct pheap_cache *cache)
{
	size_t pool = (size_t)cache->pages << PAGE_SHIFT;
	long outside = atomic_long_read(&cache->outside);
	struct cache_sum sum;

	cache_sum(cache, &sum);
	stats->live_blocks += sum.live;
	/* Those outside are counted by heap->outside_bytes. */
	stats->live_bytes += (sum.live - outside) * cache->size;
	stats->magazine_blocks += sum.magazine;
	stats->magazine_bytes += sum.magazine * cache->size;
	stats->free_bytes += sum.free * cache->size;
	stats->slack_bytes += sum.pools *
			      (pool - (size_t)cache->blocks * cache->size);
	stats->pools += sum.pools;
}

static void stats_add_nodes(struct pheap_stats *stats, struct pheap *heap)
{
	int node;

	for (node = 0; node < nr_node_ids; node++) {
		stats->arenas += READ_ONCE(heap->nodes[node].nr_arenas);
		stats->page_bytes += READ_ONCE(heap->nodes[node].free_pages)
				     << PAGE_SHIFT;
	}
}

static void stats_add_counters(struct pheap_stats *stats, struct pheap *heap)
{
	long pages = atomic_long_read(&heap->bytes[BACKING_PAGES]);
	long large = atomic_long_read(&heap->bytes[BACKING_LARGE]);
	long meta = atomic_long_read(&heap->bytes[BACKING_META]);
	long live = atomic_long_read(&heap->outside_bytes);
	int i;

	stats->limit = heap->limit;
	stats->reserve = READ_ONCE(heap->reserve) << PAGE_SHIFT;
	/* Each read once, so that the sum fits its parts while others go on. */
	stats->taken = pages + large + meta;
	stats->peak = atomic_long_read(&heap->peak);
	stats->refusals = atomic_long_read(&heap->refusals);
	stats->failures = atomic_long_read(&heap->failures);
	stats->live_blocks += atomic_long_read(&heap->outside);
	stats->live_bytes += live;
	/* What a worker has yet to free. */
	stats->page_bytes += large - live;
	stats->page_bytes += atomic_long_read(&heap->waiting) << PAGE_SHIFT;
	stats->idle_bytes = atomic_long_read(&heap->idle) << PAGE_SHIFT;
	stats->meta_bytes = meta;
	stats->quarantine_blocks = atomic_long_read(&heap->quarantined);
	stats->rcu_blocks = atomic_long_read(&heap->defer.blocks);
	for (i = 0; i < PHEAP_BAD_NR; i++)
		stats->bad[i] = atomic_long_read(&heap->bad[i]);
}

void stats_get(struct pheap *heap, struct pheap_stats *stats)
{
	struct pheap_cache *cache;

	memset(stats, 0, sizeof(*stats));
	rcu_read_lock();
	list_for_each_entry_rcu(cache, &heap->caches, link)
		stats_add_cache(stats, cache);
	rcu_read_unlock();
	stats_add_nodes(stats, heap);
	stats_add_counters(stats, heap);
}

void pheap_get_stats(struct pheap *heap, struct pheap_stats *stats)
{
	might_sleep();
	stats_get(heap, stats);
}
EXPORT_SYMBOL_GPL(pheap_get_stats);
