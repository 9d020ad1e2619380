// SPDX-License-Identifier: GPL-2.0
#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "arena.h"
#include "cache.h"
#include "debugfs.h"
#include "find.h"
#include "heap.h"
#include "report.h"
#include "stats.h"

/* Columns of the fullness histogram: tenths, and full. */
#define DEBUGFS_FILLS	11

static struct dentry *debugfs_root;

static void debugfs_line(struct seq_file *m, const char *key, u64 value,
			 const char *unit)
{
	seq_printf(m, "%-18s %14llu %s\n", key, value, unit);
}

static int stats_show(struct seq_file *m, void *v)
{
	struct pheap *heap = m->private;
	struct pheap_stats s;
	int i;

	stats_get(heap, &s);
	debugfs_line(m, "limit", s.limit, s.limit ? "bytes" : "(none)");
	debugfs_line(m, "reserve", s.reserve, "bytes");
	debugfs_line(m, "taken", s.taken, "bytes");
	debugfs_line(m, "peak", s.peak, "bytes");
	debugfs_line(m, "live", s.live_bytes, "bytes");
	debugfs_line(m, "live_blocks", s.live_blocks, "blocks");
	debugfs_line(m, "magazines", s.magazine_bytes, "bytes");
	debugfs_line(m, "magazine_blocks", s.magazine_blocks, "blocks");
	debugfs_line(m, "free", s.free_bytes, "bytes");
	debugfs_line(m, "idle", s.idle_bytes, "bytes");
	debugfs_line(m, "slack", s.slack_bytes, "bytes");
	debugfs_line(m, "pages", s.page_bytes, "bytes");
	debugfs_line(m, "metadata", s.meta_bytes, "bytes");
	debugfs_line(m, "arenas", s.arenas, "arenas");
	debugfs_line(m, "pools", s.pools, "pools");
	debugfs_line(m, "refusals", s.refusals, "allocations");
	debugfs_line(m, "failures", s.failures, "allocations");
	debugfs_line(m, "quarantine", s.quarantine_blocks, "blocks");
	debugfs_line(m, "waiting_for_rcu", s.rcu_blocks, "blocks");
	for (i = 0; i < PHEAP_BAD_NR; i++) {
		seq_printf(m, "bad_%-14s", report_kinds[i]);
		seq_printf(m, " %14llu times\n", s.bad[i]);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

/* One character for a page: what is in it, and how full that is. */
static char arena_char(struct arena *arena, unsigned int page)
{
	const struct pheap_cache *cache = READ_ONCE(arena->cache[page]);
	struct spot spot = { arena, page };
	unsigned int live;

	if (!(arena->present & BIT_ULL(page)))
		return ' ';
	if (cache == cache_none)
		return '.';
	if (spot_lead(spot))
		return '+';
	live = cache->blocks - min_t(unsigned int, cache->blocks,
				     pool_nr_free(cache, spot_pool(spot)));
	return live == cache->blocks ? '#' : '0' + live * 10 / cache->blocks;
}

static void arena_row(struct seq_file *m, struct arena *arena)
{
	unsigned int present = hweight64(arena->present);
	unsigned int nr_free = hweight64(arena->free);
	char map[ARENA_PAGES + 1];
	unsigned int i;

	for (i = 0; i < ARENA_PAGES; i++)
		map[i] = arena_char(arena, i);
	map[i] = '\0';
	seq_printf(m, "%4d %7u %4u %4u [%s]\n", arena->node, present, nr_free,
		   present - nr_free, map);
}

static int arenas_show(struct seq_file *m, void *v)
{
	struct pheap *heap = m->private;
	struct arena *arena;
	int node;

	seq_printf(m, "%4s %7s %4s %4s [%-64s]\n", "node", "present", "free",
		   "live", "pools: 0-9 tenths full, # full, + goes on, . free");
	rcu_read_lock();
	for (node = 0; node < nr_node_ids; node++)
		list_for_each_entry_rcu(arena, &heap->nodes[node].arenas, all)
			arena_row(m, arena);
	rcu_read_unlock();
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(arenas);

/**
 * struct fullness - the pools of a cache, by how full they are
 * @cache: cache.
 * @pools: tenths, and full; blocks in magazines are taken for free.
 * @freeable: pages of pools that nobody holds a block of.
 */
struct fullness {
	struct pheap_cache *cache;
	unsigned long pools[DEBUGFS_FILLS];
	unsigned long freeable;
};

/**
 * struct census - the pools of a heap
 * @max: room in @full.
 * @nr: caches.
 * @full: of each cache.
 */
struct census {
	size_t max;
	size_t nr;
	struct fullness full[];
};

/* In an RCU section. */
static void census_list_caches(struct census *census, struct pheap *heap)
{
	struct pheap_cache *cache;

	list_for_each_entry_rcu(cache, &heap->caches, link) {
		if (census->nr == census->max)
			return;
		census->full[census->nr++].cache = cache;
	}
}

/* Pools of a cache are often neighbours: @full is the last one's. */
static struct fullness *census_find(struct census *census,
				    struct fullness *full,
				    const struct pheap_cache *cache)
{
	size_t i;

	if (full->cache == cache)
		return full;
	for (i = 0; i < census->nr; i++)
		if (census->full[i].cache == cache)
			return &census->full[i];
	return NULL;
}

static void fullness_add(struct fullness *full, struct spot spot)
{
	unsigned int held = min_t(unsigned int, find_count_held(spot),
				  full->cache->blocks);

	full->pools[held * 10 / full->cache->blocks]++;
	if (!held)
		full->freeable += full->cache->pages;
}

static void census_add_arena(struct census *census, struct arena *arena)
{
	struct fullness *full, *last = census->full;
	struct spot spot = { arena };
	struct pheap_cache *cache;

	for (; spot.page < ARENA_PAGES; spot.page++) {
		cache = READ_ONCE(*spot_owner(spot));
		if (cache == cache_none || spot_lead(spot))
			continue;
		full = census_find(census, last, cache);
		if (!full)
			continue;
		fullness_add(full, spot);
		last = full;
	}
}

static void census_take(struct census *census, struct pheap *heap)
{
	struct arena *arena;
	int node;

	census_list_caches(census, heap);
	if (!census->nr)
		return;
	for (node = 0; node < nr_node_ids; node++)
		list_for_each_entry_rcu(arena, &heap->nodes[node].arenas, all)
			census_add_arena(census, arena);
}

static void census_show(struct seq_file *m, const struct census *census)
{
	const struct fullness *full;
	size_t i, fill;

	for (i = 0; i < census->nr; i++) {
		full = &census->full[i];
		seq_printf(m, "%-20s %7u %5u", full->cache->name,
			   full->cache->size, full->cache->pages);
		for (fill = 0; fill < DEBUGFS_FILLS; fill++)
			seq_printf(m, " %6lu", full->pools[fill]);
		seq_printf(m, " %8lu\n", full->freeable);
	}
}

static size_t classes_count(struct pheap *heap)
{
	struct pheap_cache *cache;
	size_t nr = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(cache, &heap->caches, link)
		nr++;
	rcu_read_unlock();
	return nr;
}

static int classes_show(struct seq_file *m, void *v)
{
	struct pheap *heap = m->private;
	size_t max = classes_count(heap);
	struct census *census;
	int i;

	census = kvzalloc(struct_size(census, full, max), GFP_KERNEL);
	if (!census)
		return -ENOMEM;
	census->max = max;
	seq_printf(m, "%-20s %7s %5s", "name", "size", "pages");
	for (i = 0; i < DEBUGFS_FILLS - 1; i++)
		seq_printf(m, "   >%2d%%", i * 10);
	seq_printf(m, " %6s %8s\n", "full", "freeable");
	rcu_read_lock();
	census_take(census, heap);
	census_show(m, census);
	rcu_read_unlock();
	kvfree(census);
	seq_printf(m, "# free pages in no pool: %lu; a trim frees them and the freeable ones\n",
		   arena_free_pages(heap));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(classes);

static int leaks_show(struct seq_file *m, void *v)
{
	struct pheap *heap = m->private;
	struct pheap_cache *cache;
	struct cache_sum sum;
	unsigned long large = atomic_long_read(&heap->outside);

	seq_printf(m, "%-20s %7s %10s %14s\n", "name", "size", "live",
		   "bytes");
	rcu_read_lock();
	list_for_each_entry_rcu(cache, &heap->caches, link) {
		cache_sum(cache, &sum);
		if (sum.live)
			seq_printf(m, "%-20s %7u %10lu %14lu\n", cache->name,
				   cache->size, sum.live,
				   sum.live * cache->size);
	}
	rcu_read_unlock();
	if (large)
		seq_printf(m, "%-20s %7s %10lu %14ld\n", "large", "-", large,
			   atomic_long_read(&heap->outside_bytes));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(leaks);

static int trim_set(void *data, u64 value)
{
	if (value != 1)
		return -EINVAL;
	pheap_trim(data);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(trim_fops, NULL, trim_set, "%llu\n");

static int validate_set(void *data, u64 value)
{
	return value == 1 ? pheap_validate(data) : -EINVAL;
}
DEFINE_DEBUGFS_ATTRIBUTE(validate_fops, NULL, validate_set, "%llu\n");

static void debugfs_added(struct pheap *heap)
{
	struct dentry *dir = debugfs_create_dir(heap->name, debugfs_root);

	heap->dir = dir;
	debugfs_create_file("stats", 0400, dir, heap, &stats_fops);
	debugfs_create_file("arenas", 0400, dir, heap, &arenas_fops);
	debugfs_create_file("classes", 0400, dir, heap, &classes_fops);
	debugfs_create_file("leaks", 0400, dir, heap, &leaks_fops);
	debugfs_create_file("validate", 0200, dir, heap, &validate_fops);
	debugfs_create_file("trim", 0200, dir, heap, &trim_fops);
}

static void debugfs_removing(struct pheap *heap)
{
	debugfs_remove(heap->dir);
}

static struct heap_watch debugfs_watch = {
	.added = debugfs_added,
	.removing = debugfs_removing,
};

int debugfs_init(void)
{
	debugfs_root = debugfs_create_dir("pheap", NULL);
	heap_add_watch(&debugfs_watch);
	return 0;
}

void debugfs_exit(void)
{
	heap_del_watch(&debugfs_watch);
	debugfs_remove(debugfs_root);
}
