// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/rculist.h>

#include "arena.h"
#include "large.h"
#include "magazine.h"
#include "pool.h"
#include "trim.h"

void trim_magazines(struct pheap *heap, bool all_cpus)
{
	struct pheap_cache *cache;

	rcu_read_lock();
	list_for_each_entry_rcu(cache, &heap->caches, link)
		magazine_drain_cache(cache, all_cpus);
	rcu_read_unlock();
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(trim_magazines);

static void trim_pools(struct pheap *heap,
		       void (*end)(struct pheap_cache *cache))
{
	struct pheap_cache *cache;

	rcu_read_lock();
	list_for_each_entry_rcu(cache, &heap->caches, link)
		end(cache);
	rcu_read_unlock();
}

size_t trim_heap(struct pheap *heap, bool all_cpus)
{
	long before = atomic_long_read(&heap->given);

	trim_magazines(heap, all_cpus);
	trim_pools(heap, pool_trim);
	arena_trim(heap);
	return atomic_long_read(&heap->given) - before;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(trim_heap);

void trim_decay(struct work_struct *work)
{
	struct pheap *heap = container_of(to_delayed_work(work), struct pheap,
					  decay);

	/* Who finds more from here on has the work run once more. */
	smp_store_mb(heap->decaying, false);
	trim_pools(heap, pool_decay);
	if (atomic_long_read(&heap->idle))
		pool_decay_later(heap);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(trim_decay);

size_t pheap_trim(struct pheap *heap)
{
	long before = atomic_long_read(&heap->given);

	might_sleep();
	large_flush();
	trim_heap(heap, true);
	/* Descriptors go after a grace period, as pools of objects do. */
	rcu_barrier();
	if (heap->gc) {
		arena_trim(heap);
		rcu_barrier();
	}
	return atomic_long_read(&heap->given) - before;
}
EXPORT_SYMBOL_GPL(pheap_trim);
