/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is explored: configurations, mutations, variations.
 */
#ifndef _MODEL_TABLES_H
#define _MODEL_TABLES_H

#include "state.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define OPS_WEAK	(OP_PUT | OP_WEAK_GET)
#define OPS_ALL		(OPS_PLAIN | OP_WEAK_GET | OP_NEW | OP_GLOBAL)

/*
 * Without a number of operations and scans there may be any number of them, and
 * what comes after a state depends on nothing but what is in the heap.
 */
static const struct config configs[] = {
	{ .name = "any", .objects = 2, .slots = 1, .mutators = 1,
	  .ops = OPS_PLAIN | OP_NEW, .tries = 2 },
	{ .name = "any-weak", .objects = 2, .slots = 1, .mutators = 1,
	  .ops = OPS_PLAIN | OP_WEAK_GET, .tries = 2, .weak = 3,
	  .destroy = QUEUED },
	{ .name = "any-finalizer", .objects = 2, .slots = 1, .mutators = 1,
	  .ops = OP_PUT | OP_SLOT_GET | OP_SLOT_SET | OP_WEAK_GET | OP_GLOBAL,
	  .tries = 2, .weak = 1, .finalizers = 1, .fused = true },
	{ .name = "any-three", .objects = 3, .slots = 1, .mutators = 1,
	  .ops = OP_PUT | OP_SLOT_GET | OP_SLOT_SET, .tries = 2,
	  .fused = true },
	{ .name = "any-all", .objects = 2, .slots = 1, .mutators = 1,
	  .ops = OPS_ALL, .tries = 2, .weak = 3, .finalizers = 3,
	  .destroy = EITHER, .fused = true, .extended = true },
	{ .name = "any-three-plain", .objects = 3, .slots = 1, .mutators = 1,
	  .ops = OPS_PLAIN, .tries = 2, .fused = true, .extended = true },
	{ .name = "one", .objects = 2, .slots = 1, .mutators = 1,
	  .ops = OPS_PLAIN | OP_NEW, .count = 3, .scans = 1, .tries = 2 },
	{ .name = "pair", .objects = 2, .slots = 1, .mutators = 2,
	  .ops = OPS_PLAIN, .count = 1, .scans = 1, .tries = 2,
	  .destroy = EITHER },
	{ .name = "pair-weak", .objects = 2, .slots = 1, .mutators = 2,
	  .ops = OPS_WEAK, .count = 1, .scans = 1, .tries = 2, .weak = 3 },
	{ .name = "pair-weak-plain", .objects = 2, .slots = 1, .mutators = 2,
	  .ops = OPS_PLAIN | OP_WEAK_GET, .count = 1, .scans = 1, .tries = 2,
	  .weak = 3, .destroy = EITHER },
	{ .name = "pair-weak-one", .objects = 2, .slots = 1, .mutators = 2,
	  .ops = OPS_WEAK | OP_SLOT_GET | OP_SLOT_TAKE, .count = 2, .scans = 1,
	  .tries = 2, .weak = 1, .fused = true },
	{ .name = "pair-all", .objects = 2, .slots = 1, .mutators = 2,
	  .ops = OPS_ALL, .count = 1, .scans = 1, .tries = 2,
	  .weak = 3, .finalizers = 3, .destroy = EITHER, .fused = true },
	{ .name = "pair-longer", .objects = 2, .slots = 1, .mutators = 2,
	  .ops = OPS_WEAK, .count = 2, .scans = 1, .tries = 2, .weak = 3,
	  .fused = true },
	{ .name = "finalizer", .objects = 2, .slots = 1, .mutators = 1,
	  .ops = OPS_ALL, .count = 1, .scans = 1, .tries = 2,
	  .weak = 3, .finalizers = 3 },
	{ .name = "two-scans", .objects = 2, .slots = 1, .mutators = 2,
	  .ops = OPS_WEAK, .count = 1, .scans = 2, .tries = 2, .weak = 3,
	  .finalizers = 3 },
	{ .name = "slots", .objects = 2, .slots = 2, .mutators = 1,
	  .ops = OPS_PLAIN, .count = 2, .scans = 1, .tries = 2,
	  .destroy = EITHER },
	{ .name = "three", .objects = 3, .slots = 1, .mutators = 1,
	  .ops = OPS_PLAIN, .count = 1, .scans = 1, .tries = 2 },
	{ .name = "three-longer", .objects = 3, .slots = 1, .mutators = 1,
	  .ops = OPS_PLAIN | OP_NEW, .count = 2, .scans = 1, .tries = 2,
	  .destroy = EITHER },
	{ .name = "three-weak", .objects = 3, .slots = 1, .mutators = 2,
	  .ops = OPS_WEAK, .count = 1, .scans = 1, .tries = 2, .weak = 7,
	  .fused = true },
	{ .name = "three-weak-more", .objects = 3, .slots = 1, .mutators = 2,
	  .ops = OPS_WEAK, .count = 2, .scans = 1, .tries = 2, .weak = 7,
	  .held = 2, .fused = true },
	{ .name = "three-pair", .objects = 3, .slots = 1, .mutators = 2,
	  .ops = OPS_PLAIN, .count = 1, .scans = 1, .tries = 2, .held = 2,
	  .fused = true },
	{ .name = "three-pair-steps", .objects = 3, .slots = 1, .mutators = 2,
	  .ops = OP_PUT | OP_SLOT_GET | OP_SLOT_SET | OP_SLOT_TAKE,
	  .count = 1, .scans = 1, .tries = 2, .held = 2 },
	{ .name = "three-pair-held", .objects = 3, .slots = 1, .mutators = 2,
	  .ops = OPS_PLAIN, .count = 1, .scans = 1, .tries = 2, .fused = true,
	  .extended = true },
	{ .name = "pair-more", .objects = 2, .slots = 1, .mutators = 2,
	  .ops = OPS_PLAIN, .count = 2, .scans = 1, .tries = 2, .fused = true,
	  .extended = true },
	{ .name = "random", .objects = 4, .slots = 2, .mutators = 2,
	  .ops = OPS_ALL, .count = 5, .scans = 2, .tries = 2,
	  .weak = 5, .finalizers = 6, .destroy = EITHER, .walks = 2000000 },
	{ .name = "random-more", .objects = 4, .slots = 2, .mutators = 2,
	  .ops = OPS_ALL, .count = 8, .scans = 3, .tries = 3, .weak = 15,
	  .finalizers = 9, .destroy = QUEUED, .walks = 100000000,
	  .extended = true },
};

#define NR_CONFIGS	ARRAY_SIZE(configs)

/**
 * struct change - the algorithm changed
 * @mutation: how.
 * @name: name.
 * @config: where it is explored.
 */
struct change {
	enum mutation mutation;
	const char *name;
	const char *config;
};

/* Each is a mistake, and is to be caught. */
static const struct change mutations[] = {
	{ GET_UNTOUCHED, "get-untouched", "pair" },
	{ GET_NO_SECTION, "get-no-section", "pair" },
	{ SET_UNTOUCHED, "set-untouched", "one" },
	{ SET_SECTION_SHORT, "set-section-short", "one" },
	{ MOVE_UNTOUCHED, "move-untouched", "one" },
	{ DISPLACED_UNTOUCHED, "displaced-untouched", "one" },
	{ TAKE_UNTOUCHED, "take-untouched", "one" },
	{ TAKE_SECTION_SHORT, "take-section-short", "one" },
	{ PUT_UNTOUCHED, "put-untouched", "one" },
	{ PUT_NO_CAND, "put-no-cand", "one" },
	{ PUT_TOUCH_EARLY, "put-touch-early", "one" },
	{ PUT_SECTION_SHORT, "put-section-short", "one" },
	{ NEW_UNTOUCHED, "new-untouched", "one" },
	{ WEAK_UNTOUCHED, "weak-untouched", "pair-weak" },
	{ WEAK_NO_SECTION, "weak-no-section", "pair-weak" },
	{ WEAK_IGNORES_COND, "weak-ignores-cond", "pair-weak" },
	{ WEAK_NULL_ON_COND, "weak-null-on-cond", "pair-weak" },
	{ WEAK_NULL_ON_IDLE, "weak-null-on-idle", "pair-weak" },
	{ DESTROY_SECTION_SHORT, "destroy-section-short", "one" },
	{ DESTROY_WEAK_LEFT, "destroy-weak-left", "pair-weak" },
	{ DESTROY_NO_GP, "destroy-no-gp", "one" },
	{ DESTROY_FINALIZE_NO_GP, "destroy-finalize-no-gp", "pair-all" },
	{ AGE_ORDER, "age-order", "one" },
	{ TRACE_NO_SECTION, "trace-no-section", "one" },
	{ TRACE_NOT_SUBTRACTED, "trace-not-subtracted", "one" },
	{ LIVE_ALONE, "live-alone", "one" },
	{ LIVE_DEAD_ALONE, "live-dead-alone", "three" },
	{ LIVE_NO_SECTION, "live-no-section", "one" },
	{ LIVE_GONE, "live-gone-read", "one" },
	{ NO_GP, "no-gp", "one" },
	{ GP_EARLY, "gp-early", "one" },
	{ RETRY_NO_GP, "retry-no-gp", "pair-weak" },
	{ RETRY_LIVE_ALONE, "retry-live-alone", "one" },
	{ NO_RECHECK, "no-recheck", "one" },
	{ RECHECK_DEAD, "recheck-not-dead", "one" },
	{ COUNTS_COMPARED, "counts-compared", "one" },
	{ KILL_PER_OBJECT, "kill-per-object", "one" },
	{ COMMIT_ANYWAY, "commit-anyway", "pair-weak" },
	{ UNDO_IDLE_FIRST, "undo-idle-first", "pair-weak" },
	{ UNDO_COND_LEFT, "undo-cond-left", "pair-weak" },
	{ GIVE_UP_UNTOUCHED, "give-up-untouched", "pair-weak" },
	{ FINALIZE_WEAK_LEFT, "finalize-weak-left", "finalizer" },
	{ FINALIZE_NO_GP, "finalize-no-gp", "finalizer" },
	{ FINALIZE_AGAIN, "finalize-again", "finalizer" },
	{ RELEASE_UNTOUCHED, "release-untouched", "finalizer" },
	{ FREE_WEAK_LEFT, "free-weak-left", "any-weak" },
	{ FREE_IDLE_FIRST, "free-idle-first", "pair-weak" },
	{ FREE_PUTS_INSIDE, "free-puts-inside", "one" },
	{ FREE_NO_GP, "free-no-gp", "pair-weak" },
};

/* Each is right too: what it changes is for speed, or a choice. */
static const struct change variations[] = {
	{ GET_TWO_STEPS, "get-two-steps", "three-pair" },
	{ SET_TOUCH_LATE, "set-touch-late", "three-pair" },
	{ ROOTS_DIRTY, "roots-dirty", "three" },
	{ TRACE_DIRTY, "trace-dirty", "three" },
	{ LIVE_DIRTY, "live-dirty", "three" },
	{ LIVE_DEAD, "live-dead", "three" },
	{ RECHECK_WEAK_ONLY, "recheck-weak-only", "pair-weak-one" },
};

#define NR_MUTATIONS	ARRAY_SIZE(mutations)
#define NR_VARIATIONS	ARRAY_SIZE(variations)
#define NR_CHANGES	(NR_MUTATIONS + NR_VARIATIONS)

#endif /* _MODEL_TABLES_H */
