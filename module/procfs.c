// SPDX-License-Identifier: GPL-2.0
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/rculist.h>
#include <linux/seq_file.h>

#include "backing.h"
#include "cache.h"
#include "heap.h"
#include "procfs.h"
#include "report.h"
#include "stats.h"

static struct proc_dir_entry *procfs_file;

static const char *procfs_owner(const struct pheap *heap)
{
	return heap->owner ? heap->owner->name : "-";
}

static const char *procfs_kind(const struct pheap_cache *cache)
{
	if (cache->type)
		return "type";
	return cache->index == CACHE_NAMED ? "cache" : "class";
}

static void procfs_row(struct seq_file *m, const struct pheap *heap,
		       const char *name, const char *kind, size_t size,
		       const struct cache_sum *sum, u64 live, u64 held)
{
	u64 fill = held ? div64_u64(live * 1000, held) : 0;

	seq_printf(m, "%-16s %-16s %-20s %7zu %9lu %8lu %9lu %7lu %12llu %12llu %3llu.%llu %s\n",
		   procfs_owner(heap), heap->name, name, size, sum->live,
		   sum->magazine, sum->free, sum->pools, live, held,
		   div_u64(fill, 10), fill % 10, kind);
}

static void procfs_cache(struct seq_file *m, struct pheap_cache *cache)
{
	size_t pool = (size_t)cache->pages << PAGE_SHIFT;
	struct cache_sum sum;

	cache_sum(cache, &sum);
	if (!sum.pools && !sum.live && cache->index != CACHE_NAMED)
		return;
	procfs_row(m, cache->heap, cache->name, procfs_kind(cache),
		   cache->size, &sum, (u64)sum.live * cache->size,
		   (u64)sum.pools * pool);
}

static void procfs_large(struct seq_file *m, struct pheap *heap)
{
	struct cache_sum sum = {
		.live = atomic_long_read(&heap->outside),
	};

	if (heap->flags & PHEAP_PASSTHROUGH || !sum.live)
		return;
	procfs_row(m, heap, "large", "large", 0, &sum,
		   atomic_long_read(&heap->outside_bytes),
		   atomic_long_read(&heap->bytes[BACKING_LARGE]));
}

static void procfs_total(struct seq_file *m, struct pheap *heap)
{
	struct pheap_stats s;
	u64 bad = 0;
	int i;

	stats_get(heap, &s);
	for (i = 0; i < PHEAP_BAD_NR; i++)
		bad += s.bad[i];
	seq_printf(m, "%-16s %-16s %-20s limit=%llu peak=%llu reserve=%llu refusals=%llu failures=%llu bad=%llu\n",
		   procfs_owner(heap), heap->name, "total", s.limit, s.peak,
		   s.reserve, s.refusals, s.failures, bad);
	seq_printf(m, "%-16s %-16s %-20s taken=%llu = live=%llu + magazines=%llu + free=%llu + slack=%llu + pages=%llu + metadata=%llu\n",
		   procfs_owner(heap), heap->name, "total", s.taken,
		   s.live_bytes, s.magazine_bytes, s.free_bytes,
		   s.slack_bytes, s.page_bytes, s.meta_bytes);
}

/* Classes by size, then the caches in the order of their creation. */
static void procfs_heap(struct seq_file *m, struct pheap *heap)
{
	struct pheap_cache *cache;
	int i;

	rcu_read_lock();
	for (i = 1; i < NR_CLASSES; i++) {
		cache = READ_ONCE(heap->classes[i]);
		if (cache != cache_none)
			procfs_cache(m, cache);
	}
	list_for_each_entry_rcu(cache, &heap->caches, link)
		if (cache->index == CACHE_NAMED)
			procfs_cache(m, cache);
	rcu_read_unlock();
	procfs_large(m, heap);
	procfs_total(m, heap);
}

static void procfs_bad(struct seq_file *m)
{
	int i;

	seq_puts(m, "# bad frees and writes:");
	for (i = 0; i < PHEAP_BAD_NR; i++)
		seq_printf(m, " %s=%ld", report_kinds[i],
			   atomic_long_read(&report_counts[i]));
	seq_putc(m, '\n');
}

static int procfs_show(struct seq_file *m, void *v)
{
	struct pheap *heap;
	long taken = 0;

	seq_puts(m, "pheapinfo - version: 1.0\n");
	seq_printf(m, "%-16s %-16s %-20s %7s %9s %8s %9s %7s %12s %12s %5s %s\n",
		   "# module", "heap", "name", "size", "live", "magazine",
		   "free", "pools", "live_bytes", "held_bytes", "fill%",
		   "kind");
	mutex_lock(&heaps_mutex);
	list_for_each_entry(heap, &heaps, link) {
		procfs_heap(m, heap);
		taken += atomic_long_read(&heap->taken);
	}
	mutex_unlock(&heaps_mutex);
	seq_printf(m, "# all heaps: taken=%ld, arena map: %ld\n", taken,
		   atomic_long_read(&backing_held) - taken);
	procfs_bad(m);
	return 0;
}

int procfs_init(void)
{
	procfs_file = proc_create_single("pheapinfo", 0400, NULL, procfs_show);
	return procfs_file ? 0 : -ENOMEM;
}

void procfs_exit(void)
{
	proc_remove(procfs_file);
}
