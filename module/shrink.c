// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>

#include "arena.h"
#include "heap.h"
#include "shrink.h"
#include "trim.h"

/*
 * Free pages of all heaps.  A heap on its way out may be missed: reclaim does
 * not wait for anybody here.
 */
static unsigned long shrink_count(void)
{
	unsigned long pages = 0;
	struct pheap *heap;

	if (!mutex_trylock(&heaps_mutex))
		return 0;
	list_for_each_entry(heap, &heaps, link)
		pages += arena_free_pages(heap) +
			 atomic_long_read(&heap->idle);
	mutex_unlock(&heaps_mutex);
	return pages;
}

static unsigned long shrink_scan(unsigned long nr)
{
	unsigned long pages = 0;
	struct pheap *heap;

	if (!mutex_trylock(&heaps_mutex))
		return 0;
	list_for_each_entry(heap, &heaps, link) {
		pages += trim_heap(heap, true) >> PAGE_SHIFT;
		if (pages >= nr)
			break;
	}
	mutex_unlock(&heaps_mutex);
	return pages;
}

static const struct compat_shrinker_ops shrink_ops = {
	.name = "pheap",
	.count = shrink_count,
	.scan = shrink_scan,
};

int shrink_init(void)
{
	return compat_shrinker_register(&shrink_ops);
}

void shrink_exit(void)
{
	compat_shrinker_unregister();
}
