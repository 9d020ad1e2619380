/* SPDX-License-Identifier: GPL-2.0 */
/* weak - references that do not keep their object alive */
#ifndef _PHEAP_WEAK_H
#define _PHEAP_WEAK_H

#include "object.h"

/*
 * Clear all weak references to @obj, which is dead or condemned.  Those with
 * callbacks move to @fired, for the reaper.
 */
void weak_clear_all(const struct pheap_type *type, struct pheap_object *obj,
		    struct hlist_head *fired);

/* Hand callbacks over to the reaper, which must be kicked. */
void weak_fire(struct gc *gc, struct hlist_head *fired);

/* Call the callbacks that are due. */
void weak_call_fired(struct gc *gc);

#endif /* _PHEAP_WEAK_H */
