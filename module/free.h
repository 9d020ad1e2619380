/* SPDX-License-Identifier: GPL-2.0 */
/* free - slow paths of freeing */
#ifndef _PHEAP_FREE_H
#define _PHEAP_FREE_H

#include <linux/jump_label.h>
#include <linux/topology.h>

#include "internal.h"
#include "magazine.h"

DECLARE_STATIC_KEY_FALSE(free_many_nodes);

/* Are there several nodes?  Known to the compiler where there can't be. */
static __always_inline bool free_is_numa(void)
{
	return MAX_NUMNODES > 1 && static_branch_unlikely(&free_many_nodes);
}

void free_init(void);

/*
 * Free @p, to @expected if that is given, or report what is wrong with that.
 */
void free_slow(struct pheap_cache *expected, const void *p,
	       unsigned long caller);

/*
 * Free the block of a dead object, which starts at @p on @page.  In an RCU
 * section.
 */
void free_object_block(struct pheap_cache *cache, struct spot page,
		       const void *p);

/* The same for up to %POOL_BATCH of one page, straight to their pool. */
void free_objects(struct pheap_cache *cache, struct spot page, void **p,
		  unsigned int nr);

/*
 * The block of a dead object in @arena, with @cache->object_fast, goes into the magazine
 * of this CPU.  Preemption is off.  Returns false if it must take the slow path.
 */
static __always_inline bool free_object_fast(const struct pheap_cache *cache,
					     const struct arena *arena,
					     const void *p)
{
	if (free_is_numa() && arena->node != numa_mem_id())
		return false;
	if (__pheap_is_marked(p, sizeof(struct pheap_object), mark_of_class(cache)))
		return false;
	mark_close(cache, p);
	return magazine_push(magazine_this(cache), p, sizeof(struct pheap_object),
			     mark_of_class(cache));
}

#endif /* _PHEAP_FREE_H */
