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
 * @removing: it is off the registry, and is still whole.
 */
struct heap_watch {
	void (*added)(struct pheap *heap);
	void (*removing)(struct pheap *heap);
};

void heap_set_watch(const struct heap_watch *watch);

int heap_init(void);
void heap_exit(void);

#endif /* _PHEAP_HEAP_H */
