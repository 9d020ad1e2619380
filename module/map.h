/* SPDX-License-Identifier: GPL-2.0 */
/*
 * map - from an address to its pool
 *
 * A radix tree of two levels over bits 18 and up of the address's offset in
 * the direct map (CPython: arena_map in Include/internal/pycore_obmalloc.h).
 * Where there is no leaf there is an empty one, where there is no arena an
 * arena of no pools: a look-up has one comparison, whatever the address.
 *
 * Readers are RCU readers, which code with preemption off is.
 */
#ifndef _PHEAP_MAP_H
#define _PHEAP_MAP_H

#include "internal.h"

#define MAP_LEAF_BITS	9
#define MAP_LEAF_SIZE	BIT(MAP_LEAF_BITS)

struct map_leaf {
	struct arena *arena[MAP_LEAF_SIZE];
};

/**
 * struct arena_map - the tree
 * @limit: first offset in the direct map that is beyond it.
 * @root: leaves.
 *
 * Grows when memory appears beyond it: @root is published before @limit.
 */
struct arena_map {
	unsigned long limit;
	struct map_leaf **root;
};

extern struct arena_map arena_map;

int map_init(void);
void map_exit(void);

/* Make room for an arena at @addr. Returns 0 or -ENOMEM. */
int map_prepare(unsigned long addr, gfp_t gfp);
void map_insert(struct arena *arena);
void map_remove(struct arena *arena);

/* The arena of @heap in the window of @addr, or NULL. */
struct arena *map_find_arena(const struct pheap *heap, unsigned long addr);

/*
 * The first arena of the window that @off, an offset in the direct map, is in;
 * one whose pages are all cache_none's if there is none.  The hot path's,
 * which has compared @off with the limit; a miss asks map_find_pool().
 */
static __always_inline struct arena *map_look(unsigned long off)
{
	struct map_leaf *leaf;

	leaf = READ_ONCE(arena_map.root)[off >> (ARENA_SHIFT + MAP_LEAF_BITS)];
	return READ_ONCE(leaf->arena[(off >> ARENA_SHIFT) % MAP_LEAF_SIZE]);
}

/* The descriptor of the page that @p points to; NULL if it is in no arena. */
struct pool *map_find_page(const void *p);

/* The first descriptor of the pool that @p points into, or NULL. */
struct pool *map_find_pool(const void *p);

#endif /* _PHEAP_MAP_H */
