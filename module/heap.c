// SPDX-License-Identifier: GPL-2.0
#include <linux/delay.h>
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "arena.h"
#include "backing.h"
#include "cache.h"
#include "defer.h"
#include "heap.h"
#include "large.h"
#include "magazine.h"
#include "pool.h"
#include "report.h"
#include "stats.h"
#include "trim.h"

#define HEAP_FLAGS (PHEAP_ACCOUNT | PHEAP_PASSTHROUGH | PHEAP_DEBUG | \
		    PHEAP_RESERVE_NONE)

LIST_HEAD(heaps);
/* Protects the list of heaps. */
DEFINE_MUTEX(heaps_mutex);

static bool passthrough;
module_param(passthrough, bool, 0644);
MODULE_PARM_DESC(passthrough,
		 "every block of heaps made from now on is a kmalloc()");

static LIST_HEAD(heap_watches);

void heap_add_watch(struct heap_watch *watch)
{
	list_add_tail(&watch->link, &heap_watches);
}

void heap_del_watch(struct heap_watch *watch)
{
	list_del(&watch->link);
}

static void heap_tell(struct pheap *heap, size_t what)
{
	void (**fn)(struct pheap *heap);
	struct heap_watch *watch;

	list_for_each_entry(watch, &heap_watches, link) {
		fn = (void *)watch + what;
		if (*fn)
			(*fn)(heap);
	}
}

/* Those who came last stand highest: they let go first. */
static void heap_tell_removing(struct pheap *heap)
{
	struct heap_watch *watch;

	list_for_each_entry_reverse(watch, &heap_watches, link)
		if (watch->removing)
			watch->removing(heap);
}

void heap_make_room(struct pheap *heap)
{
	heap_tell(heap, offsetof(struct heap_watch, make_room));
}

static struct pheap *heap_find(const char *name)
{
	struct pheap *heap;

	lockdep_assert_held(&heaps_mutex);
	list_for_each_entry(heap, &heaps, link)
		if (!strcmp(heap->name, name))
			return heap;
	return NULL;
}

static bool heap_args_valid(const struct pheap_args *args)
{
	if (args->flags & ~HEAP_FLAGS)
		return false;
	if (args->flags & PHEAP_RESERVE_NONE && args->reserve)
		return false;
	if (args->limit > LONG_MAX || args->reserve > LONG_MAX ||
	    (args->limit && args->reserve > args->limit))
		return false;
	return !args->has_node || (args->node >= 0 &&
				   args->node < nr_node_ids &&
				   node_online(args->node));
}

static void heap_set_args(struct pheap *heap, const struct pheap_args *args)
{
	heap->flags = args->flags;
	if (READ_ONCE(passthrough))
		heap->flags |= PHEAP_PASSTHROUGH;
	heap->limit = args->limit;
	heap->node = args->has_node ? args->node : NUMA_NO_NODE;
	if (!(args->flags & PHEAP_RESERVE_NONE))
		heap->reserve = DIV_ROUND_UP(args->reserve ?:
					     PHEAP_RESERVE_DEFAULT,
					     PAGE_SIZE);
}

static void heap_init_fields(struct pheap *heap)
{
	int i;

	for (i = 0; i < NR_CLASSES; i++)
		heap->classes[i] = cache_none;
	for (i = 0; i < nr_node_ids; i++)
		arena_init_node(&heap->nodes[i]);
	mutex_init(&heap->mutex);
	raw_spin_lock_init(&heap->lock);
	INIT_LIST_HEAD(&heap->caches);
	INIT_LIST_HEAD(&heap->large);
	INIT_LIST_HEAD(&heap->link);
	INIT_DELAYED_WORK(&heap->decay, trim_decay);
}

static void heap_free(struct pheap *heap)
{
	backing_uncharge(heap, BACKING_META, ksize(heap));
	kfree(heap);
}

static struct pheap *heap_new(const char *name, const struct pheap_args *args,
			      struct module *owner)
{
	struct pheap *heap;
	int err;

	heap = kzalloc(struct_size(heap, nodes, nr_node_ids), GFP_KERNEL);
	if (!heap)
		return ERR_PTR(-ENOMEM);
	heap_init_fields(heap);
	heap_set_args(heap, args);
	heap->owner = owner;
	strscpy(heap->name, name, sizeof(heap->name));
	err = backing_charge(heap, BACKING_META, ksize(heap));
	if (err) {
		kfree(heap);
		return ERR_PTR(err);
	}
	err = defer_init(heap);
	if (err) {
		heap_free(heap);
		return ERR_PTR(err);
	}
	return heap;
}

struct pheap *pheap_create_owned(const char *name,
				 const struct pheap_args *args,
				 struct module *owner)
{
	static const struct pheap_args defaults;
	struct pheap *heap;

	might_sleep();
	args = args ?: &defaults;
	if (!cache_name_valid(name) || !heap_args_valid(args))
		return ERR_PTR(-EINVAL);
	if (args->flags & PHEAP_DEBUG && compat_stack_init())
		return ERR_PTR(-ENOMEM);
	mutex_lock(&heaps_mutex);
	heap = ERR_PTR(-EEXIST);
	if (!heap_find(name))
		heap = heap_new(name, args, owner);
	if (!IS_ERR(heap)) {
		list_add_tail(&heap->link, &heaps);
		heap_tell(heap, offsetof(struct heap_watch, added));
	}
	mutex_unlock(&heaps_mutex);
	/* A limit that is too low for the heap itself is a bad argument. */
	return heap == ERR_PTR(-ENOSPC) ? ERR_PTR(-EINVAL) : heap;
}
EXPORT_SYMBOL_GPL(pheap_create_owned);

/* From here on, nothing is allocated from the heap. */
static void heap_close(struct pheap *heap)
{
	unsigned long flags;
	int i;

	raw_spin_lock_irqsave(&heap->lock, flags);
	WRITE_ONCE(heap->dying, true);
	for (i = 0; i < NR_CLASSES; i++)
		WRITE_ONCE(heap->classes[i], cache_none);
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	synchronize_rcu();
	cancel_delayed_work_sync(&heap->decay);
	while (atomic_read(&heap->growing))
		msleep(20);
}

static void heap_drain(struct pheap *heap)
{
	struct pheap_cache *cache;
	int cpu;

	trim_magazines(heap, true);
	list_for_each_entry(cache, &heap->caches, link)
		for_each_possible_cpu(cpu)
			magazine_drain_cpu(cache, cpu);
}

static void heap_report_left(struct pheap *heap)
{
	struct pheap_cache *cache;
	struct pheap_stats stats;
	struct cache_sum sum;

	stats_get(heap, &stats);
	if (!stats.live_blocks)
		return;
	report_left(heap, NULL, stats.live_blocks, stats.live_bytes);
	list_for_each_entry(cache, &heap->caches, link) {
		cache_sum(cache, &sum);
		if (sum.live)
			report_left(heap, cache, sum.live,
				    sum.live * cache->size);
	}
}

static void heap_destroy_caches(struct pheap *heap)
{
	struct pheap_cache *cache, *next;

	list_for_each_entry(cache, &heap->caches, link)
		pool_destroy_all(cache);
	/* Whoever found a cache by an address is done; so are magazines. */
	synchronize_rcu();
	rcu_barrier();
	list_for_each_entry_safe(cache, next, &heap->caches, link) {
		list_del(&cache->link);
		cache_free(cache);
	}
}

static void heap_destroy_arenas(struct pheap *heap)
{
	struct arena *arena;
	int node;

	for (node = 0; node < nr_node_ids; node++)
		list_for_each_entry(arena, &heap->nodes[node].arenas, all)
			report_note_arena(arena);
	arena_trim(heap);
	rcu_barrier();
}

/* Off the registry already. */
static void heap_destroy(struct pheap *heap)
{
	heap_tell_removing(heap);
	heap_close(heap);
	defer_flush(heap);
	heap_drain(heap);
	heap_report_left(heap);
	large_destroy(heap, NULL);
	heap_destroy_caches(heap);
	heap_destroy_arenas(heap);
	heap_tell(heap, offsetof(struct heap_watch, removed));
	defer_exit(heap);
	backing_spare_drop(heap);
	if (atomic_long_read(&heap->taken) != ksize(heap))
		report_invalid(heap, "%ld bytes stayed behind",
			       atomic_long_read(&heap->taken) -
			       (long)ksize(heap));
	heap_free(heap);
}

/* Whoever waits for his own end waits for ever. */
static bool heap_is_kept(struct pheap *heap)
{
	struct heap_watch *watch;

	list_for_each_entry(watch, &heap_watches, link)
		if (watch->keeps && watch->keeps(heap))
			return true;
	return false;
}

void pheap_destroy(struct pheap *heap)
{
	if (IS_ERR_OR_NULL(heap))
		return;
	might_sleep();
	if (heap_is_kept(heap)) {
		report_kept(heap, _RET_IP_);
		return;
	}
	mutex_lock(&heaps_mutex);
	list_del(&heap->link);
	mutex_unlock(&heaps_mutex);
	heap_destroy(heap);
}
EXPORT_SYMBOL_GPL(pheap_destroy);

const char *pheap_name(const struct pheap *heap)
{
	return heap->name;
}
EXPORT_SYMBOL_GPL(pheap_name);

static struct pheap *heap_take_orphan(const struct module *owner)
{
	struct pheap *heap, *found = NULL;

	mutex_lock(&heaps_mutex);
	list_for_each_entry(heap, &heaps, link)
		if (heap->owner == owner) {
			found = heap;
			list_del(&heap->link);
			break;
		}
	mutex_unlock(&heaps_mutex);
	return found;
}

/* After a module's exit function: what it left would call into nowhere. */
static int heap_module_gone(struct notifier_block *nb, unsigned long state,
			    void *data)
{
	struct pheap *heap;

	if (state != MODULE_STATE_GOING)
		return NOTIFY_DONE;
	while ((heap = heap_take_orphan(data))) {
		report_orphan(heap);
		heap->orphan = true;
		heap_destroy(heap);
	}
	return NOTIFY_OK;
}

static struct notifier_block heap_module_nb = {
	.notifier_call = heap_module_gone,
};

int heap_init(void)
{
	return register_module_notifier(&heap_module_nb);
}

void heap_exit(void)
{
	unregister_module_notifier(&heap_module_nb);
}
