/* SPDX-License-Identifier: GPL-2.0 */
/*
 * map - from an address to its pool
 *
 * A table with a slot for each window that the machine's memory has, by the low
 * bits of the window's number (CPython: arena_map in
 * Include/internal/pycore_obmalloc.h, a radix tree).  An arena knows its base, and
 * where the pool of each page begins, so that what is not its, whatever the address,
 * is told by one comparison.  Where there is no arena there is one of no pools.
 * Arenas of one slot, of several heaps or in memory that was added later, are
 * chained; the hot path looks at the first.
 *
 * On a machine of several nodes there is one more table for each, of arenas of that node
 * alone, not chained: the hot path of a free looks there (pheap/inline.h), so that what
 * it finds is near.
 *
 * Readers are RCU readers, which code with preemption off is.
 */
#ifndef _PHEAP_MAP_H
#define _PHEAP_MAP_H

#include "internal.h"

/* The table of all. */
extern struct arena **map_table;

/* One without pages, in no window: also what each begins as. */
extern struct arena arena_none;

int map_init(void);
void map_exit(void);

/* Where a CPU finds what is near: it may come up on another node than it had. */
void map_set_near(int cpu);

void map_insert(struct arena *arena);
void map_remove(struct arena *arena);

/* The arena of @heap in the window of @addr, or NULL. */
struct arena *map_find_arena(const struct pheap *heap, unsigned long addr);

/*
 * The first arena of the slot of @addr; perhaps not that of @addr.  A miss of the
 * hot path asks map_find_pool().
 */
static __always_inline struct arena *map_look(unsigned long addr)
{
	struct arena **table = map_table;

	return __pheap_load(table[addr >> ARENA_SHIFT & __pheap_map_mask]);
}

/* The page that @p points to, of whatever arena. */
struct spot map_find_page(const void *p);

/* The first page of the pool that @p points into. */
struct spot map_find_pool(const void *p);

/* Where a run of pages begins that the caller has, so that it stays. */
struct spot map_find_run(const struct pool *run);

#endif /* _PHEAP_MAP_H */
