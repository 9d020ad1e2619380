/* SPDX-License-Identifier: GPL-2.0 */
/*
 * reap - what is left to a worker
 *
 * Objects that end where their type's functions may not be called, chains of
 * ends that are too long for one put, finalizers, and callbacks of weak
 * references.  An object that waits has PENDING set, and its page's bit in
 * arena->dead; so nothing is allocated, and any context may leave one.
 */
#ifndef _PHEAP_REAP_H
#define _PHEAP_REAP_H

#include "internal.h"

/* Until nothing is pending. */
void reap_run(struct gc *gc);

#endif /* _PHEAP_REAP_H */
