// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/math.h>
#include <linux/mm.h>
#include <linux/topology.h>

#include "arena.h"
#include "backing.h"
#include "cache.h"

/* What lies behind the last block of a pool is less than an eighth of it. */
static unsigned long reserve_with_slack(size_t bytes)
{
	return bytes + bytes / 7;
}

/*
 * Pages that any requests of @bytes in all fit in.  The worst is one request
 * of each class: those up to the nth sum up to 4 n (n + 1) bytes and take n
 * pools.
 */
static unsigned long reserve_pages(size_t bytes)
{
	unsigned long classes = int_sqrt(bytes / 4) + 1;

	return DIV_ROUND_UP(reserve_with_slack(bytes), PAGE_SIZE) +
	       min_t(unsigned long, classes, NR_SMALL);
}

static int reserve_classes(struct pheap *heap, gfp_t gfp)
{
	struct pheap_cache *cache;
	unsigned int i;

	for (i = 1; i <= class_of(SMALL_MAX); i++) {
		cache = cache_of_class(heap, i, gfp);
		if (IS_ERR(cache))
			return PTR_ERR(cache);
	}
	return 0;
}

static int reserve_fill(struct pheap *heap, unsigned long pages, gfp_t gfp)
{
	int node = heap->node;
	struct pool *pool;

	/* No other node's are of use to a heap that has one. */
	if (node == NUMA_NO_NODE)
		node = numa_mem_id();
	else
		gfp |= __GFP_THISNODE;
	while (arena_free_pages(heap) < pages) {
		pool = arena_grow(heap, node, 0, gfp);
		if (IS_ERR(pool))
			return PTR_ERR(pool);
	}
	return 0;
}

int pheap_reserve(struct pheap *heap, size_t bytes, gfp_t gfp)
{
	unsigned long pages = reserve_pages(bytes);
	int err;

	might_sleep_if(gfpflags_allow_blocking(gfp));
	if (bytes > LONG_MAX / 2)
		return -ENOMEM;
	if (heap->limit && pages << PAGE_SHIFT > heap->limit)
		return -ENOSPC;
	err = reserve_classes(heap, gfp);
	if (!err)
		err = backing_spare_fill(heap, pages, gfp);
	if (!err)
		err = reserve_fill(heap, pages, gfp);
	if (!err && READ_ONCE(heap->reserve) < pages)
		WRITE_ONCE(heap->reserve, pages);
	return err;
}
EXPORT_SYMBOL_GPL(pheap_reserve);
