/* SPDX-License-Identifier: GPL-2.0 */
/*
 * touch - which objects the collector is to look at
 *
 * An object is a candidate if its DIRTY flag was found clear and was set since
 * the last scan.  Each page has a word with a bit for each 64 bytes in which
 * a candidate starts, each arena one with a bit for each such page.
 *
 * A toucher sets DIRTY, then the page's bit, then the arena's.  The scan takes
 * the arena's, then the page's, then DIRTY.  All of these are fully ordered, so
 * a toucher that finds a bit set already comes before the scan's look at the
 * next: nothing is lost.
 */
#ifndef _PHEAP_TOUCH_H
#define _PHEAP_TOUCH_H

#include "internal.h"

#define CAND_SHIFT	6

/* Add to a page's bits. */
static __always_inline void cand_give(struct arena *arena, unsigned int page,
				      unsigned long bits)
{
	/* Whoever made the first of a page's bits sets the arena's. */
	if (!atomic_long_fetch_or(bits, (atomic_long_t *)&arena->cands[page]))
		set_bit(page, &arena->cand);
}

/* Make a candidate of an object that starts at @p on @page. */
static __always_inline void cand_set(struct spot page, const void *p)
{
	unsigned long bit = BIT(offset_in_page(p) >> CAND_SHIFT);

	if (READ_ONCE(page.arena->cands[page.page]) & bit)
		return;
	cand_give(page.arena, page.page, bit);
	/* The scan clears what gc_touched() looks at, then takes the bits. */
	smp_mb__after_atomic();
}

/* Take the bits of a word. */
static inline unsigned long cand_take(unsigned long *word)
{
	return READ_ONCE(*word) ? xchg(word, 0) : 0;
}

static inline bool cand_has(unsigned long bits, const void *p)
{
	return bits & BIT(offset_in_page(p) >> CAND_SHIFT);
}

#endif /* _PHEAP_TOUCH_H */
