/* SPDX-License-Identifier: GPL-2.0 */
/* heap - private heaps and their registry */
#ifndef _PHEAP_HEAP_H
#define _PHEAP_HEAP_H

#include "internal.h"

/* All heaps, in the order of their creation. */
extern struct list_head heaps;
extern struct mutex heaps_mutex;

/**
 * struct heap_watch - who wants to know of heaps, from a layer above
 * @added: a new heap; heaps_mutex is held.
 * @removing: it is off the registry, and is still whole; those who came last are
 *	told first.
 * @removed: all that is left of it is the structure itself.
 * @keeps: whether the caller is one of its own functions, which it waits for.
 * @make_room: it is at its limit, or out of memory; may sleep.
 * @link: among the others, in the order of their coming.
 *
 * Each may be NULL.
 */
struct heap_watch {
	void (*added)(struct pheap *heap);
	void (*removing)(struct pheap *heap);
	void (*removed)(struct pheap *heap);
	void (*make_room)(struct pheap *heap);
	bool (*keeps)(struct pheap *heap);
	struct list_head link;
};

/* While there are no heaps. */
void heap_add_watch(struct heap_watch *watch);
void heap_del_watch(struct heap_watch *watch);

/* Let the layers above free what they can. */
void heap_make_room(struct pheap *heap);

/* Count an allocation that failed: refused by the limit, or for want of memory. */
static inline void heap_note_failure(struct pheap *heap, int err)
{
	atomic_long_inc(err == -ENOSPC ? &heap->refusals : &heap->failures);
}

int heap_init(void);
void heap_exit(void);

#endif /* _PHEAP_HEAP_H */
