// SPDX-License-Identifier: GPL-2.0
/*
 * What SLUB has taken from the kernel.
 *
 * SLUB counts the pages of its slabs, and those of kmalloc()s that are too
 * large for a slab, in NR_SLAB_RECLAIMABLE_B and NR_SLAB_UNRECLAIMABLE_B.  Each
 * CPU keeps up to a hundred or so pages to itself before it adds them to the
 * global counter, so these are added here: the sum is exact while nobody else
 * allocates.
 *
 * What a test makes SLUB take is the growth of this sum.  Errors favour SLUB:
 *  - free objects in slabs that were there before serve the test for nothing;
 *  - the highest of the samples taken during a replay is at most the peak;
 *  - struct kmem_cache's per-CPU parts are not slab pages.
 * The rest of the kernel may add noise of either sign: keep the machine quiet.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/percpu.h>

#include "bench.h"

static long node_pages(int node, enum node_stat_item item)
{
	struct pglist_data *pgdat = NODE_DATA(node);
	struct per_cpu_nodestat *stat;
	long pages = 0;
	int cpu;

	for_each_online_cpu(cpu) {
		stat = per_cpu_ptr(pgdat->per_cpu_nodestats, cpu);
		pages += READ_ONCE(stat->vm_node_stat_diff[item]);
	}
	return pages;
}

static long all_pages(enum node_stat_item item)
{
	long pages = global_node_page_state_pages(item);
	int node;

	for_each_online_node(node)
		pages += node_pages(node, item);
	return pages;
}

/**
 * slab_bytes() - bytes that SLUB has taken from the page allocator
 *
 * Context: Any context.
 * Return: bytes.
 */
s64 slab_bytes(void)
{
	s64 pages = all_pages(NR_SLAB_RECLAIMABLE_B) +
		    all_pages(NR_SLAB_UNRECLAIMABLE_B);

	return pages << PAGE_SHIFT;
}
