/* SPDX-License-Identifier: GPL-2.0 */
/*
 * arena - pages of a heap, in 256 KiB windows
 *
 * Pages come from the page allocator in blocks of up to a window, the larger
 * the more the heap holds, and go back in the same blocks or, after
 * split_page(), one by one.
 */
#ifndef _PHEAP_ARENA_H
#define _PHEAP_ARENA_H

#include "internal.h"

void arena_init_node(struct heap_node *hn);

/*
 * Take a run of @nr free pages, aligned to @align pages, from one of the fullest
 * arena on @node that has one.  Returns the descriptor of the first, or NULL.
 */
struct pool *arena_take(struct pheap *heap, int node, unsigned int nr,
			unsigned int align);

/*
 * Get pages from the kernel and take the first @nr of them, aligned to the
 * next power of two; 0 only gets them.  Returns the first, whichever node it
 * is on, or ERR_PTR(-ENOSPC or -ENOMEM).
 */
struct pool *arena_grow(struct pheap *heap, int node, unsigned int nr,
			gfp_t gfp);

/*
 * Take up to @most such runs, from as few arenas as possible.  Returns how many,
 * and the first descriptors of each in @run.
 */
unsigned int arena_take_runs(struct pheap *heap, int node, unsigned int nr,
			     unsigned int align, struct pool **run,
			     unsigned int most);

/* Take back a run; gives an emptied arena away if the reserve allows it. */
void arena_give(struct pool *pool, unsigned int nr);
/* The same for a list, by pool->link, of runs of @nr pages. */
void arena_give_list(struct hlist_head *runs, unsigned int nr);

/* Make room for the candidates of an arena.  Returns 0, -ENOSPC or -ENOMEM. */
int arena_prepare_cands(struct arena *arena, gfp_t gfp);

/* Give all free pages back to the kernel.  Returns bytes. */
size_t arena_trim(struct pheap *heap);

/* Whether the heap has never, since the last trim, had @nr more pages on @node. */
bool arena_is_peak(const struct pheap *heap, int node, unsigned int nr);

/* Free pages of all nodes. */
unsigned long arena_free_pages(struct pheap *heap);

#endif /* _PHEAP_ARENA_H */
