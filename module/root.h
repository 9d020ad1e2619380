/* SPDX-License-Identifier: GPL-2.0 */
/* root - named objects of a heap */
#ifndef _PHEAP_ROOT_H
#define _PHEAP_ROOT_H

#include "internal.h"

/**
 * struct root - a named reference
 * @link: in gc->roots.
 * @obj: object.
 * @name: name.
 */
struct root {
	struct list_head link;
	struct pheap_object *obj;
	char name[PHEAP_NAME_MAX + 1];
};

/*
 * Forget all names; put the objects, or only those of other heaps if this one's
 * are not to be touched any more.  Returns whether there were any.
 */
bool root_drop_all(struct gc *gc, bool own);

#endif /* _PHEAP_ROOT_H */
