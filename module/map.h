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
 * Readers are RCU readers, which code with preemption off is.
 */
#ifndef _PHEAP_MAP_H
#define _PHEAP_MAP_H

#include "internal.h"

/**
 * struct arena_map - the table
 * @slot: first arena of each.
 * @mask: number of slots, a power of two, less 1.
 */
struct arena_map {
	struct arena **slot;
	unsigned long mask;
};

extern struct arena_map arena_map;

/* One without pages, in no window: also what each begins as. */
extern struct arena arena_none;

int map_init(void);
void map_exit(void);

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
	struct arena **slot = arena_map.slot;

	return compat_load(slot[addr >> ARENA_SHIFT & arena_map.mask]);
}

/* The descriptor of the page that @p points to; NULL if it is in no arena. */
struct pool *map_find_page(const void *p);

/* The first descriptor of the pool that @p points into, or NULL. */
struct pool *map_find_pool(const void *p);

#endif /* _PHEAP_MAP_H */
