/* SPDX-License-Identifier: GPL-2.0 */
/* free - slow paths of freeing */
#ifndef _PHEAP_FREE_H
#define _PHEAP_FREE_H

#include "internal.h"

void free_init(void);

/*
 * Free @p, to @expected if that is given, or report what is wrong with that.
 */
void free_slow(struct pheap_cache *expected, const void *p,
	       unsigned long caller);

#endif /* _PHEAP_FREE_H */
