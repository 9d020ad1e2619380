/* SPDX-License-Identifier: GPL-2.0 */
/* trim - giving memory back */
#ifndef _PHEAP_TRIM_H
#define _PHEAP_TRIM_H

#include "internal.h"

/*
 * Give back all that can be given back; with @all_cpus also what other CPUs'
 * magazines hold, for which interrupts must be on.  Returns bytes.
 */
size_t trim_heap(struct pheap *heap, bool all_cpus);

/* Empty all magazines and the depots of a heap. */
void trim_magazines(struct pheap *heap, bool all_cpus);

/* Of heap->decay: some of the pools that nobody needed for a while end. */
void trim_decay(struct work_struct *work);

#endif /* _PHEAP_TRIM_H */
