/* SPDX-License-Identifier: GPL-2.0 */
/* stats - counters, derived when they are read.  Callable from any layer. */
#ifndef _PHEAP_STATS_H
#define _PHEAP_STATS_H

#include "internal.h"

void stats_get(struct pheap *heap, struct pheap_stats *stats);

#endif /* _PHEAP_STATS_H */
