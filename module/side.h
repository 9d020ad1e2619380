/* SPDX-License-Identifier: GPL-2.0 */
/*
 * side - what a scan notes of an arena, beside it
 *
 * Two bitmaps with a bit for each 16 bytes, of which no two objects share one:
 * members of the set, and members whose slots are still to be looked at.  They
 * are made when the first object of an arena joins, and end with the scan.
 */
#ifndef _PHEAP_SIDE_H
#define _PHEAP_SIDE_H

#include "object.h"

#define SIDE_GRANULE	16
#define SIDE_WORDS	(PAGE_SIZE / SIDE_GRANULE / 64)

struct side_page {
	u64 set[SIDE_WORDS];
	u64 grey[SIDE_WORDS];
};

/**
 * struct gc_side - notes of an arena
 * @arena: arena.
 * @link: in sides->all.
 * @work: in sides->work, if there is something grey.
 * @set_pages: pages with members.
 * @grey_pages: pages with grey members.
 * @page: a page of memory, with one for each page of the arena.
 */
struct gc_side {
	struct arena *arena;
	struct list_head link;
	struct list_head work;
	u64 set_pages;
	u64 grey_pages;
	struct side_page *page;
};

/**
 * struct sides - notes of a scan
 * @all: of all arenas that have any.
 * @work: those with something grey.
 * @spare: for when no memory is to be had in passing.
 * @nr_spare: how many.
 */
struct sides {
	struct list_head all;
	struct list_head work;
	struct list_head spare;
	unsigned int nr_spare;
};

void side_init(struct sides *sides);

/* The notes of @arena, made now if need be without sleeping, or NULL. */
struct gc_side *side_make(struct sides *sides, struct arena *arena);

/* Make sure of @nr spare ones; may sleep.  Returns how many there are. */
unsigned int side_fill(struct sides *sides, unsigned int nr);

/* Forget all. */
void side_drop(struct sides *sides);

/* Give back spare ones. */
void side_exit(struct sides *sides);

static inline unsigned int side_page_of(const void *p)
{
	return (unsigned long)p / PAGE_SIZE % ARENA_PAGES;
}

static inline unsigned int side_bit_of(const void *p)
{
	return offset_in_page(p) / SIDE_GRANULE;
}

static inline bool side_has(const struct gc_side *side, const void *p)
{
	unsigned int bit = side_bit_of(p);

	return side->page[side_page_of(p)].set[bit / 64] & BIT_ULL(bit % 64);
}

/* There is something grey on a page. */
static inline void side_grey_page(struct sides *sides, struct gc_side *side,
				  unsigned int page)
{
	side->grey_pages |= BIT_ULL(page);
	if (list_empty(&side->work))
		list_add_tail(&side->work, &sides->work);
}

static inline void side_grey(struct sides *sides, struct gc_side *side,
			     const void *p)
{
	unsigned int page = side_page_of(p);
	unsigned int bit = side_bit_of(p);

	side->page[page].grey[bit / 64] |= BIT_ULL(bit % 64);
	side_grey_page(sides, side, page);
}

static inline void side_join(struct sides *sides, struct gc_side *side,
			     const void *p)
{
	unsigned int page = side_page_of(p);
	unsigned int bit = side_bit_of(p);

	side->page[page].set[bit / 64] |= BIT_ULL(bit % 64);
	side->set_pages |= BIT_ULL(page);
	side_grey(sides, side, p);
}

/* All of a page whose bits are in @join. */
static inline void side_join_page(struct sides *sides, struct gc_side *side,
				  unsigned int page, const u64 *join)
{
	unsigned int w;

	for (w = 0; w < SIDE_WORDS; w++) {
		side->page[page].set[w] |= join[w];
		side->page[page].grey[w] |= join[w];
	}
	side->set_pages |= BIT_ULL(page);
	side_grey_page(sides, side, page);
}

static inline void side_leave(struct gc_side *side, const void *p)
{
	unsigned int bit = side_bit_of(p);

	side->page[side_page_of(p)].set[bit / 64] &= ~BIT_ULL(bit % 64);
}

#endif /* _PHEAP_SIDE_H */
