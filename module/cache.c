// SPDX-License-Identifier: GPL-2.0
#include <linux/ctype.h>
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "arena.h"
#include "backing.h"
#include "cache.h"
#include "debug.h"
#include "defer.h"
#include "large.h"
#include "magazine.h"
#include "mark.h"
#include "partial.h"
#include "pool.h"
#include "report.h"
#include "trim.h"

struct pheap_cache *cache_none;
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(cache_none);

/* A pool wastes no more than this part of itself behind its last block. */
#define CACHE_WASTE	12

/* Larger blocks than these are kept in no magazine. */
#define CACHE_MAGAZINE_SIZE	(64UL << 10)

/* One with a constructor has magazines twice: those of the hot path stay none. */
static unsigned int cache_tables(const struct pheap_cache_args *args)
{
	return args->ctor ? 2 : 1;
}

static size_t cache_bytes(unsigned int tables)
{
	return struct_size_t(struct pheap_cache, mag, tables * nr_cpu_ids) +
	       nr_node_ids * sizeof(struct cache_node);
}

static void cache_init_arrays(struct pheap_cache *cache, unsigned int tables)
{
	int i, cpu;

	for (i = 0; i < tables * nr_cpu_ids; i++) {
		cpu = i % nr_cpu_ids;
		cache->mag[i] = cpu_possible(cpu) ? magazine_none(cpu) : NULL;
	}
	/* The hot path of objects knows where their marks are. */
	cache->mags = cache->type ? cache->mag :
				    &cache->mag[(tables - 1) * nr_cpu_ids];
	cache->nodes = (struct cache_node *)&cache->mag[tables * nr_cpu_ids];
	for (i = 0; i < nr_node_ids; i++)
		partial_init(&cache->nodes[i], cache->flags);
}

/* Pages of a pool: as few as waste little. */
static unsigned int cache_pool_pages(size_t size)
{
	unsigned int pages = DIV_ROUND_UP(size, PAGE_SIZE);
	size_t bytes;

	for (; pages < ARENA_PAGES; pages++) {
		bytes = pages * PAGE_SIZE;
		if (bytes % size <= bytes / CACHE_WASTE)
			break;
	}
	return pages;
}

/* Bytes of a block of a class. */
static size_t cache_class_block(const struct pheap *heap, unsigned int index)
{
	size_t size = class_size(index);

	return heap->flags & PHEAP_DEBUG ? debug_block_size(size) : size;
}

bool cache_is_single_page(const struct pheap *heap, unsigned int index)
{
	return cache_pool_pages(cache_class_block(heap, index)) == 1;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(cache_is_single_page);

/*
 * Magazines are bounded by bytes.  Where not even one block keeps to the
 * bound, speed is worth one block, up to a size; two if the user set a bound.
 */
static unsigned int cache_capacity(const struct pheap_cache *cache,
				   const struct pheap_cache_args *args)
{
	size_t bytes = args->magazine_bytes ?: MAGAZINE_BYTES;
	unsigned int least = cache->size <= CACHE_MAGAZINE_SIZE;

	if (args->magazine_bytes)
		least = 2;
	if (args->space || cache->flags)
		return 0;
	return clamp_t(size_t, bytes / cache->size, least, MAGAZINE_MAX);
}

static void cache_set_geometry(struct pheap_cache *cache, size_t block,
			       size_t align)
{
	cache->size = block;
	cache->pages = cache_pool_pages(block);
	cache->blocks = cache->pages * PAGE_SIZE / block;
	cache->last = (cache->blocks - 1) * block;
	/* A power of two is aligned to itself, and its pool with it. */
	cache->align = is_power_of_2(block) ? block : align;
	cache->align_pages = max_t(size_t, cache->align >> PAGE_SHIFT, 1);
	cache->recip = (1ULL << 32) / block + 1;
	/* Rounded up, so that only a pool of free blocks is in the last. */
	cache->fill_mul = DIV_ROUND_UP((POOL_BUCKETS - 1) << 16, cache->blocks);
}

/* See pool_is_start(), which would not be sure of larger ones. */
static void cache_set_bound(struct pheap_cache *cache)
{
	if (cache->size > CACHE_MAGAZINE_SIZE)
		return;
	cache->inverse = U64_MAX / cache->size + 1 + is_power_of_2(cache->size);
	cache->bound = cache->blocks * (cache->inverse * cache->size);
}

/* The hot paths know these marks; what a constructor made must not be overwritten. */
static void cache_set_mark(struct pheap_cache *cache)
{
	if (cache->index != CACHE_NAMED) {
		cache->mark = mark_of_class(cache);
		cache->class_bound = cache->bound;
		return;
	}
	cache->mark = mark_of_named(cache);
	cache->key = cache->mark;
	if (cache->ctor)
		cache->cookie = cache->size - sizeof(cache->mark);
	else
		cache->named_bound = cache->bound;
}

/*
 * A dead object's count stays readable, and zero, for whoever still has its
 * address: the mark comes behind it, and pheap_free() must not touch it.
 */
static void cache_set_type(struct pheap_cache *cache, struct pheap_type *type)
{
	cache->type = type;
	cache->stable = sizeof(struct pheap_object);
	cache->cookie = sizeof(struct pheap_object);
	cache->mark = mark_of_class(cache);
	cache->key = 0;
	cache->object_fast = cache->bound;
	cache->bound = 0;
	cache->named_bound = 0;
	/* The collector finds them in pools only. */
	cache->flags &= ~PHEAP_PASSTHROUGH;
}

static struct pheap_cache *cache_new(struct pheap *heap, const char *name,
				     int index,
				     const struct pheap_cache_args *args,
				     size_t block, struct pheap_type *type,
				     gfp_t gfp)
{
	unsigned int tables = cache_tables(args);
	struct pheap_cache *cache;

	cache = backing_meta(heap, cache_bytes(tables), gfp);
	if (IS_ERR(cache))
		return cache;
	cache->heap = heap;
	cache->index = index;
	cache->flags = heap->flags & (PHEAP_DEBUG | PHEAP_PASSTHROUGH);
	cache->usable = args->size;
	cache->ctor = args->ctor;
	cache->dtor = args->dtor;
	strscpy(cache->name, name, sizeof(cache->name));
	cache_set_geometry(cache, block, args->align);
	/* What the fast path does not do is for the slow one. */
	if (!cache->flags && !want_init_on_free())
		cache_set_bound(cache);
	cache_set_mark(cache);
	if (type)
		cache_set_type(cache, type);
	cache->capacity = cache_capacity(cache, args);
	cache->lingers = heap->reserve && cache->capacity && !type &&
			 !cache->dtor;
	cache_init_arrays(cache, tables);
	return cache;
}

void cache_free(struct pheap_cache *cache)
{
	int node;

	for (node = 0; node < nr_node_ids; node++)
		backing_meta_free(cache->heap,
				  cache_node(cache, node)->depot);
	backing_meta_free(cache->heap, cache);
}

/* Returns false if another CPU was first, or the heap is on its way out. */
static bool cache_add_class(struct pheap *heap, struct pheap_cache *cache)
{
	unsigned int index = cache->index;
	unsigned long flags;
	bool first;

	raw_spin_lock_irqsave(&heap->lock, flags);
	first = heap->classes[index] == cache_none && !heap->dying;
	if (first) {
		list_add_tail_rcu(&cache->link, &heap->caches);
		/* The hot path reads it without a lock. */
		smp_store_release(&heap->classes[index], cache);
		if (index == 1)
			/* Another name of it. */
			smp_store_release(&heap->classes[0], cache);
	}
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	return first;
}

struct pheap_cache *cache_of_class(struct pheap *heap, unsigned int index,
				   gfp_t gfp)
{
	struct pheap_cache_args args = { .size = class_size(index) };
	struct pheap_cache *cache = READ_ONCE(heap->classes[index]);
	char name[16];

	if (cache != cache_none)
		return cache;
	snprintf(name, sizeof(name), "%zu", args.size);
	cache = cache_new(heap, name, max(index, 1U), &args,
			  cache_class_block(heap, index), NULL, gfp);
	if (IS_ERR(cache))
		return cache;
	if (!cache_add_class(heap, cache))
		cache_free(cache);
	cache = READ_ONCE(heap->classes[index]);
	return cache == cache_none ? ERR_PTR(-ESHUTDOWN) : cache;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(cache_of_class);

bool cache_name_valid(const char *name)
{
	size_t len;

	if (!name)
		return false;
	len = strnlen(name, PHEAP_NAME_MAX + 1);
	if (!len || len > PHEAP_NAME_MAX || name[0] == '.')
		return false;
	for (; *name; name++)
		if (!isascii(*name) || !isgraph(*name) || *name == '/')
			return false;
	return true;
}

static bool cache_args_valid(const struct pheap_cache_args *args)
{
	if (!args || !args->size || args->size > CLASS_MAX)
		return false;
	if (args->align &&
	    (!is_power_of_2(args->align) || args->align > PAGE_SIZE))
		return false;
	return args->ctor || !args->dtor;
}

/* Bytes of a block: the object, what stands behind it, and the alignment. */
static size_t cache_block_size(const struct pheap *heap,
			       const struct pheap_cache_args *args)
{
	size_t size = ALIGN(args->size, SIZE_STEP);

	if (heap->flags & PHEAP_DEBUG)
		size = debug_block_size(args->size);
	else if (args->ctor)
		size += sizeof(u64);
	return ALIGN(size, max_t(size_t, args->align, SIZE_STEP));
}

struct pheap_cache *cache_find(struct pheap *heap, const char *name)
{
	struct pheap_cache *cache;

	lockdep_assert_held(&heap->mutex);
	list_for_each_entry(cache, &heap->caches, link)
		if (cache->index == CACHE_NAMED && !strcmp(cache->name, name))
			return cache;
	return NULL;
}

void cache_publish(struct pheap *heap, struct pheap_cache *cache)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&heap->lock, flags);
	list_add_tail_rcu(&cache->link, &heap->caches);
	raw_spin_unlock_irqrestore(&heap->lock, flags);
}

struct pheap_cache *cache_of_type(struct pheap *heap, struct pheap_type *type,
				  const char *name,
				  const struct pheap_cache_args *args,
				  gfp_t gfp)
{
	size_t block = cache_block_size(heap, args);

	if (!cache_args_valid(args) || block > ARENA_SIZE)
		return ERR_PTR(-EINVAL);
	return cache_new(heap, name, CACHE_NAMED, args, block, type, gfp);
}

struct pheap_cache *pheap_cache_create(struct pheap *heap, const char *name,
				       const struct pheap_cache_args *args)
{
	struct pheap_cache *cache;
	size_t block;

	might_sleep();
	if (!cache_name_valid(name) || !cache_args_valid(args))
		return ERR_PTR(-EINVAL);
	block = cache_block_size(heap, args);
	if (block > ARENA_SIZE)
		return ERR_PTR(-EINVAL);
	mutex_lock(&heap->mutex);
	cache = ERR_PTR(-EEXIST);
	if (!cache_find(heap, name))
		cache = cache_new(heap, name, CACHE_NAMED, args, block, NULL,
				  GFP_KERNEL);
	if (!IS_ERR(cache))
		cache_publish(heap, cache);
	else if (PTR_ERR(cache) == -ENOSPC)
		cache = ERR_PTR(-ENOMEM);
	mutex_unlock(&heap->mutex);
	return cache;
}
EXPORT_SYMBOL_GPL(pheap_cache_create);

static void cache_report_left(struct pheap_cache *cache)
{
	struct cache_sum sum;

	cache_sum(cache, &sum);
	if (sum.live)
		report_left(cache->heap, cache, sum.live,
			    sum.live * cache->size);
}

void pheap_cache_destroy(struct pheap_cache *cache)
{
	struct pheap *heap;
	unsigned long flags;
	int cpu;

	if (IS_ERR_OR_NULL(cache))
		return;
	might_sleep();
	heap = cache->heap;
	mutex_lock(&heap->mutex);
	raw_spin_lock_irqsave(&heap->lock, flags);
	list_del_rcu(&cache->link);
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	/* Deferred frees of its objects, and walks over it, are over. */
	defer_sync(heap);
	magazine_drain_cache(cache, true);
	for_each_possible_cpu(cpu)
		magazine_drain_cpu(cache, cpu);
	cache_report_left(cache);
	large_destroy(heap, cache);
	pool_destroy_all(cache);
	/* Whoever found the cache by an address is done; so are magazines. */
	synchronize_rcu();
	rcu_barrier();
	mutex_unlock(&heap->mutex);
	cache_free(cache);
}
EXPORT_SYMBOL_GPL(pheap_cache_destroy);

size_t pheap_cache_shrink(struct pheap_cache *cache)
{
	struct pheap *heap = cache->heap;
	long before = atomic_long_read(&heap->given);

	might_sleep();
	magazine_drain_cache(cache, true);
	pool_trim(cache);
	rcu_barrier();
	return atomic_long_read(&heap->given) - before;
}
EXPORT_SYMBOL_GPL(pheap_cache_shrink);

size_t pheap_cache_size(const struct pheap_cache *cache)
{
	return cache->usable;
}
EXPORT_SYMBOL_GPL(pheap_cache_size);

const char *pheap_cache_name(const struct pheap_cache *cache)
{
	return cache->name;
}
EXPORT_SYMBOL_GPL(pheap_cache_name);

void cache_sum(struct pheap_cache *cache, struct cache_sum *sum)
{
	struct cache_node *cn;
	unsigned long used;
	int node;

	memset(sum, 0, sizeof(*sum));
	for (node = 0; node < nr_node_ids; node++) {
		cn = cache_node(cache, node);
		partial_tidy(cache, cn);
		sum->pools += READ_ONCE(cn->nr_pools);
		sum->free += READ_ONCE(cn->nr_free);
	}
	sum->magazine = magazine_count(cache);
	sum->live = atomic_long_read(&cache->outside);
	used = sum->pools * cache->blocks - sum->free;
	/* Meanwhile others go on. */
	if (used > sum->magazine)
		sum->live += used - sum->magazine;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(cache_sum);

int cache_init(void)
{
	cache_none = kzalloc(cache_bytes(1), GFP_KERNEL);
	if (!cache_none)
		return -ENOMEM;
	partial_init_marks();
	cache_init_arrays(cache_none, 1);
	return 0;
}

void cache_exit(void)
{
	kfree(cache_none);
}
