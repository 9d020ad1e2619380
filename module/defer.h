/* SPDX-License-Identifier: GPL-2.0 */
/* defer - blocks that are freed after a grace period */
#ifndef _PHEAP_DEFER_H
#define _PHEAP_DEFER_H

#include "internal.h"

int defer_init(struct pheap *heap);
void defer_exit(struct pheap *heap);

/*
 * Give @p to pheap_free() after a grace period.  Returns false if there is no
 * memory to note it.
 */
bool defer_put(struct pheap *heap, const void *p);

/* Wait until all that was put off by now is freed. */
void defer_sync(struct pheap *heap);

/* Wait until nothing is put off any more. */
void defer_flush(struct pheap *heap);

#endif /* _PHEAP_DEFER_H */
