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

/**
 * struct arena_runs - runs on their way back to their arenas
 * @list: by pool->link, of pool->due pages and %POOL_FAR.  What comes last is taken first
 *	again: it should be what was used last.
 * @end: where the next comes.
 * @pages: all of them.
 */
struct arena_runs {
	struct hlist_head list;
	struct hlist_node **end;
	unsigned long pages;
};

static inline void arena_runs_init(struct arena_runs *runs)
{
	runs->list.first = NULL;
	runs->end = &runs->list.first;
	runs->pages = 0;
}

static inline void arena_runs_add(struct arena_runs *runs, struct pool *pool,
				  unsigned int nr)
{
	pool->due = nr - POOL_FAR;
	pool->link.next = NULL;
	pool->link.pprev = runs->end;
	*runs->end = &pool->link;
	runs->end = &pool->link.next;
	runs->pages += nr;
}

/* The same for all of them, which are none then. */
void arena_give_runs(struct arena_runs *runs);

/* Make room for the candidates of an arena.  Returns 0, -ENOSPC or -ENOMEM. */
int arena_prepare_cands(struct arena *arena, gfp_t gfp);

/* Give all free pages back to the kernel.  Returns bytes. */
size_t arena_trim(struct pheap *heap);

/* Whether the heap has never, since the last trim, had @nr more pages on @node. */
bool arena_is_peak(const struct pheap *heap, int node, unsigned int nr);

/* Free pages of all nodes. */
unsigned long arena_free_pages(struct pheap *heap);

#endif /* _PHEAP_ARENA_H */
