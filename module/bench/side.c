// SPDX-License-Identifier: GPL-2.0
/*
 * The allocators that are measured: making and unmaking them.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "../compat/bench_compat.h"
#include "side.h"

static const char * const side_names[] = {
	[SIDE_LOOP]		= "loop",
	[SIDE_KMEM_CACHE]	= "kmem_cache",
	[SIDE_PHEAP_CACHE]	= "pheap_cache",
	[SIDE_KMALLOC]		= "kmalloc",
	[SIDE_PHEAP_ALLOC]	= "pheap_alloc",
	[SIDE_CACHE_INLINE]	= "cache_inline",
	[SIDE_ALLOC_INLINE]	= "alloc_inline",
	[SIDE_PHEAP_SIZED]	= "pheap_sized",
	[SIDE_SIZED_INLINE]	= "sized_inline",
};

/**
 * side_name() - name of a side
 * @side: which.
 *
 * Return: its name.
 */
const char *side_name(enum side side)
{
	return side_names[side];
}

/**
 * side_slab_create() - make a cache of SLUB's that is not merged with others
 * @size: bytes of an object; goes into the name as well.
 *
 * Return: the cache or %NULL.
 */
struct kmem_cache *side_slab_create(size_t size)
{
	char name[32];

	snprintf(name, sizeof(name), "pheap_bench-%zu", size);
	return kmem_cache_create(name, size, 0, BENCH_SLAB_UNMERGED, NULL);
}

static int side_open_pheap(struct side_set *set)
{
	struct pheap_cache_args args = { .size = set->size };

	set->heap = pheap_create("bench", NULL);
	if (IS_ERR(set->heap))
		return PTR_ERR(set->heap);
	set->cache = pheap_cache_create(set->heap, "bench", &args);
	return PTR_ERR_OR_ZERO(set->cache);
}

/**
 * side_open() - make one of each allocator
 * @set: filled in; to be given to side_close() in any case.
 * @size: bytes of a block.
 *
 * Return: 0 or a negative error.
 */
int side_open(struct side_set *set, size_t size)
{
	memset(set, 0, sizeof(*set));
	set->size = size;
	set->nothing = set;
	set->slab = side_slab_create(size);
	if (!set->slab)
		return -ENOMEM;
	return side_open_pheap(set);
}

/**
 * side_close() - unmake what side_open() made
 * @set: what it filled in.
 */
void side_close(struct side_set *set)
{
	kmem_cache_destroy(set->slab);
	pheap_cache_destroy(set->cache);
	pheap_destroy(set->heap);
}
