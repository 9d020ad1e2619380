/* SPDX-License-Identifier: GPL-2.0 */
/*
 * scan - finding cycles of objects that nobody refers to
 *
 * While others go on.  A set of objects is dead if every reference to its
 * members comes from its members.  Counting that from a heap that changes is
 * made right by the DIRTY flag: every operation by which somebody comes to
 * hold, or moves, a reference sets it.  The scan clears it, counts, waits for
 * a grace period, and trusts only what is clean still.  Nobody waits for the
 * scan; what is in use stays dirty, and is left for a later one.
 *
 * Documentation/collector.rst has the steps and why each is needed;
 * Documentation/model/ checks them.
 */
#ifndef _PHEAP_SCAN_H
#define _PHEAP_SCAN_H

#include "internal.h"
#include "side.h"

/**
 * enum scan_kill - how far the decision on a set is
 * @KILL_IDLE: nothing is to be decided.
 * @KILL_TENTATIVE: members are being condemned; a weak reader may stop it.
 * @KILL_COMMITTED: they are dead.
 * @KILL_ABORTED: a weak reader did.
 */
enum scan_kill {
	KILL_IDLE,
	KILL_TENTATIVE,
	KILL_COMMITTED,
	KILL_ABORTED,
};

/* References that are looked at together, while memory is on its way. */
#define SCAN_AHEAD	64

/* Bytes that lie ahead when objects are gone through in their order. */
#define SCAN_PREFETCH	512

/**
 * struct scan_ref - a reference
 * @owner: whose slot it is in.
 * @obj: what the slot held.
 */
struct scan_ref {
	struct pheap_object *owner;
	struct pheap_object *obj;
};

/**
 * struct scan - a scan
 * @sides: notes.
 * @info: what it did.
 * @fired: weak references whose callbacks are due.
 * @full: arenas do not rest.
 * @hurry: somebody waits for it.
 * @starved: there was no memory for notes.
 * @rested: candidates were left out because their arena rests.
 * @owner: whose slots are being looked at.
 * @ahead: what they held.
 * @nr_ahead: how many.
 * @overdrawn: one that has fewer references than slots led to it.
 */
struct scan {
	struct sides sides;
	struct pheap_gc_info info;
	struct hlist_head fired;
	bool full;
	bool hurry;
	bool starved;
	bool rested;
	struct pheap_object *owner;
	struct scan_ref ahead[SCAN_AHEAD];
	unsigned int nr_ahead;
	struct pheap_object *overdrawn;
};

void scan_init(struct scan *scan);
void scan_exit(struct scan *scan);

/* One scan; with gc->mutex held. */
void scan_run(struct gc *gc);

/* Look at no arena that there is now; or do again. */
void scan_freeze(struct gc *gc, bool freeze);

#endif /* _PHEAP_SCAN_H */
