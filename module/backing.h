/* SPDX-License-Identifier: GPL-2.0 */
/*
 * backing - what is taken from the kernel
 *
 * Every byte that a heap holds passes here, in and out: limit, peak, the sum
 * over all heaps and injected failures have this one place.
 */
#ifndef _PHEAP_BACKING_H
#define _PHEAP_BACKING_H

#include "internal.h"

/* Bytes that the whole module holds, the arena map included. */
extern atomic_long_t backing_held;

/* Larger blocks of pages are refused, as if memory were fragmented. */
extern unsigned int backing_max_order;

int backing_init(void);
void backing_exit(void);

/*
 * Charge @bytes to @heap (NULL: to the module alone).
 * Returns 0, -ENOSPC if the limit does not allow it, -ENOMEM if a failure is
 * injected.
 */
int backing_charge(struct pheap *heap, enum backing_kind kind, size_t bytes);
void backing_uncharge(struct pheap *heap, enum backing_kind kind,
		      size_t bytes);

/* 2^order pages, or an ERR_PTR(). */
struct page *backing_pages(struct pheap *heap, enum backing_kind kind,
			   int node, unsigned int order, gfp_t gfp);
void backing_pages_free(struct pheap *heap, enum backing_kind kind,
			struct page *page, unsigned int order);

/*
 * A block is cut into pages, which can be given back one by one as blocks of
 * order 0.
 */
void backing_pages_split(struct page *page, unsigned int order);

/* Zeroed metadata, or an ERR_PTR(). */
void *backing_meta(struct pheap *heap, size_t size, gfp_t gfp);
/* The same, as it comes. */
void *backing_meta_raw(struct pheap *heap, size_t size, gfp_t gfp);
void backing_meta_free(struct pheap *heap, void *p);

/* A zeroed table of no heap's, of any size, or an ERR_PTR(). */
void *backing_table(size_t size);
void backing_table_free(void *p, size_t size);

/*
 * Metadata of BACKING_SPARE bytes put by for when none is to be had: make sure
 * of @nr; take one, or NULL; give all back.
 */
#define BACKING_SPARE	64

int backing_spare_fill(struct pheap *heap, unsigned int nr, gfp_t gfp);
void *backing_spare_get(struct pheap *heap);
void backing_spare_drop(struct pheap *heap);

/* An arena's descriptor, as it comes, or an ERR_PTR(). */
struct arena *backing_arena(struct pheap *heap, gfp_t gfp);
void backing_arena_free(struct pheap *heap, struct arena *arena);

/* @gfp without what makes no sense for memory of pheap's own. */
gfp_t backing_gfp(const struct pheap *heap, gfp_t gfp);

/*
 * Make the @nth charge from now fail, and all later ones too if @sticky; 0
 * ends it.  Returns how many charges there were since the last call.
 */
unsigned long backing_fail_nth(unsigned long nth, bool sticky);

#endif /* _PHEAP_BACKING_H */
