// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/sched.h>

#include "backing.h"
#include "side.h"

/* The bitmaps of an arena are a page. */
static_assert(sizeof(struct side_page) * ARENA_PAGES == PAGE_SIZE);

/*
 * Of pheap's own, not the heap's: a heap at its limit can still be scanned.
 */
static struct gc_side *side_new(gfp_t gfp)
{
	struct gc_side *side;
	struct page *page;

	side = backing_meta(NULL, sizeof(*side), gfp);
	if (IS_ERR(side))
		return NULL;
	page = backing_pages(NULL, BACKING_META, NUMA_NO_NODE, 0, gfp);
	if (IS_ERR(page)) {
		backing_meta_free(NULL, side);
		return NULL;
	}
	side->page = page_address(page);
	clear_page(side->page);
	INIT_LIST_HEAD(&side->work);
	return side;
}

static void side_free(struct gc_side *side)
{
	backing_pages_free(NULL, BACKING_META, virt_to_page(side->page), 0);
	backing_meta_free(NULL, side);
}

void side_init(struct sides *sides)
{
	INIT_LIST_HEAD(&sides->all);
	INIT_LIST_HEAD(&sides->work);
	INIT_LIST_HEAD(&sides->spare);
}

static struct gc_side *side_take_spare(struct sides *sides)
{
	struct gc_side *side;

	side = list_first_entry_or_null(&sides->spare, struct gc_side, link);
	if (side) {
		list_del(&side->link);
		sides->nr_spare--;
	}
	return side;
}

struct gc_side *side_make(struct sides *sides, struct arena *arena)
{
	struct gc_side *side = arena->side;

	if (side)
		return side;
	side = side_new(GFP_NOWAIT | __GFP_NOWARN);
	if (!side)
		side = side_take_spare(sides);
	if (!side)
		return NULL;
	side->arena = arena;
	arena->side = side;
	list_add_tail(&side->link, &sides->all);
	return side;
}

unsigned int side_fill(struct sides *sides, unsigned int nr)
{
	struct gc_side *side;

	while (sides->nr_spare < nr) {
		/* An allocation that may do no I/O may wait for who holds gc->mutex. */
		side = side_new(GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN);
		if (!side)
			break;
		list_add(&side->link, &sides->spare);
		sides->nr_spare++;
	}
	return sides->nr_spare;
}

void side_drop(struct sides *sides)
{
	struct gc_side *side, *next;

	list_for_each_entry_safe(side, next, &sides->all, link) {
		side->arena->side = NULL;
		side_free(side);
		cond_resched();
	}
	INIT_LIST_HEAD(&sides->all);
	INIT_LIST_HEAD(&sides->work);
}

void side_exit(struct sides *sides)
{
	struct gc_side *side;

	while ((side = side_take_spare(sides)))
		side_free(side);
}
