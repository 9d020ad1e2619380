/* SPDX-License-Identifier: GPL-2.0 */
/* look - walks over objects, and what there is to know of one */
#ifndef _PHEAP_LOOK_H
#define _PHEAP_LOOK_H

#include "object.h"

/*
 * Call @fn for each object that is not dead, of @type or of all types, in an
 * RCU section.  The caller keeps scans away if @fn takes references.
 */
size_t look_walk(struct pheap *heap, const struct pheap_type *type,
		 pheap_object_fn fn, void *arg);

/* The same of all types, and for dead ones that wait for the reaper. */
size_t look_walk_all(struct pheap *heap, pheap_object_fn fn, void *arg);

#endif /* _PHEAP_LOOK_H */
