/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sizes: of windows, pages and classes.
 *
 * Classes 1 ... 64 are 8 bytes apart; class 0 is another name for class 1, so
 * that a request for nothing needs no test.  Above, each doubling is cut into
 * eight, so that rounding wastes at most 12.5 %: 576, 640, ... 1024, 1152, ...
 * 256 KiB.
 */
#ifndef _PHEAP_SIZES_H
#define _PHEAP_SIZES_H

#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/mm.h>

#include <pheap/inline.h>

#define ARENA_SHIFT	__PHEAP_ARENA_SHIFT
#define ARENA_SIZE	BIT(ARENA_SHIFT)
#define ARENA_ORDER	(ARENA_SHIFT - PAGE_SHIFT)
#define ARENA_PAGES	__PHEAP_ARENA_PAGES

/* A bit for each page of an arena is a word. */
static_assert(ARENA_SIZE >> PAGE_SHIFT == ARENA_PAGES);

#define SIZE_STEP	8
#define SMALL_MAX	512
#define NR_SMALL	(SMALL_MAX / SIZE_STEP + 1)
#define CLASS_MAX	ARENA_SIZE
#define MEDIUM_STEPS	8
#define NR_MEDIUM	((ARENA_SHIFT - 9) * MEDIUM_STEPS)
#define NR_CLASSES	(NR_SMALL + NR_MEDIUM)

static inline unsigned int class_of_small(size_t size)
{
	return (size + SIZE_STEP - 1) / SIZE_STEP;
}

/* @size: 0 ... CLASS_MAX */
static inline unsigned int class_of(size_t size)
{
	unsigned int top;

	if (size <= SMALL_MAX)
		return class_of_small(size);
	top = fls64(size - 1);
	return NR_SMALL + (top - 10) * MEDIUM_STEPS +
	       ((size - 1) >> (top - 4)) - MEDIUM_STEPS;
}

static inline size_t class_size(unsigned int index)
{
	unsigned int medium = index - NR_SMALL;

	if (index < NR_SMALL)
		return (index ?: 1) * SIZE_STEP;
	return (MEDIUM_STEPS + 1 + medium % MEDIUM_STEPS) *
	       (64UL << (medium / MEDIUM_STEPS));
}

#endif /* _PHEAP_SIZES_H */
