/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the threads of the model share, and what each has of its own.
 *
 * Objects are 1 ... objects, 0 is NULL.  A set of objects is a byte, a bit for
 * each.  Fields marked "ghost" are no part of the algorithm: they are what it
 * is judged by.
 */
#ifndef _MODEL_STATE_H
#define _MODEL_STATE_H

#include <linux/types.h>
#include <stdbool.h>

typedef __u8 u8;
typedef __s8 s8;
typedef __u64 u64;

#define MAX_OBJECTS	4
#define MAX_SLOTS	2
#define MAX_MUTATORS	2
#define MAX_REGS	2

/* Threads: the mutators, the worker that destroys, the collector. */
enum { WORKER = MAX_MUTATORS, COLLECTOR, THREADS };

/* An object's word: the count and the flags, changed together. */
enum {
	COUNT = 0x0f,
	DIRTY = 0x10, /* touched since it was last aged */
	COND = 0x20, /* condemned: weak readers ask heap's kill first */
	FINZ = 0x40, /* finalizer has run */
	GONE = 0x80, /* slots are taken: the block may be free */
};

/* A heap's kill. */
enum { IDLE, TENTATIVE, COMMITTED, ABORTED };

/**
 * struct thread - what a thread does
 * @step: what comes next, an &enum step.
 * @ops: operations begun.
 * @reg: references it owns.
 * @owner: whose slot it works on.
 * @slot: which slot.
 * @obj: object in hand.
 * @new: what goes into the slot.
 * @moved: register that @new came from, plus one.
 * @then: what follows a touch.
 * @hold: ghost: object that it owns a reference to and has in no register.
 * @life: ghost: which of the block's objects it found.
 * @displaced: the put under way is of what came out of a slot.
 * @dead: objects it brought to zero and is to destroy itself.
 * @dying: object that it destroys.
 * @dying_slot: slot of that.
 * @finalizing: its operation is one of a finalizer's.
 */
struct thread {
	u8 step;
	u8 ops;
	u8 reg[MAX_REGS];
	u8 owner;
	u8 slot;
	u8 obj;
	u8 new;
	u8 moved;
	u8 then;
	u8 hold;
	u8 life;
	u8 displaced;
	u8 dead;
	u8 dying;
	u8 dying_slot;
	u8 finalizing;
};

/**
 * struct scan - the collector's place in a scan
 * @phase: &enum phase.
 * @obj: object in hand.
 * @slot: slot of it.
 * @target: object in that.
 * @tries: suspects were re-checked that often.
 * @scans: scans ended.
 * @finalize: objects whose finalizers are to run.
 * @shown: ghost: a finalizer of this scan gave something away.
 */
struct scan {
	u8 phase;
	u8 obj;
	u8 slot;
	u8 target;
	u8 tries;
	u8 scans;
	u8 finalize;
	u8 shown;
};

/**
 * struct state - everything
 * @word: objects' words.
 * @slots: their slots.
 * @gc_refs: references that the scan did not find within the set.
 * @counts: words' counts when they joined; only a mutation looks at it.
 * @life: ghost: how many objects a block has been, modulo 3.
 * @limbo: for a block that waits for a grace period, whose sections it awaits.
 * @cand: candidates.
 * @aged: candidates whose DIRTY was cleared; later, what of the set is left for
 *	the phase to do.
 * @in_set: objects that the scan looks at.
 * @grey: those whose slots it has yet to look at.
 * @live: those found live whose slots it has yet to look at.
 * @weak: objects that have a weak reference.
 * @kill: IDLE ... ABORTED.
 * @queue: objects at zero for the worker.
 * @global: a reference that mutators share.
 * @readers: threads in an RCU read-side section.
 * @awaits: sections that the grace periods of worker and collector await.
 * @allocated: ghost: blocks that are not free.
 * @waiting: ghost: blocks of those that wait for a grace period.
 * @over: ghost: objects nobody may come to hold any more.
 * @finalized: ghost: objects whose finalizer has run.
 * @thread: threads.
 * @scan: the scan.
 */
struct state {
	u8 word[MAX_OBJECTS + 1];
	u8 slots[MAX_OBJECTS + 1][MAX_SLOTS];
	s8 gc_refs[MAX_OBJECTS + 1];
	u8 counts[MAX_OBJECTS + 1];
	u8 life[MAX_OBJECTS + 1];
	u8 limbo[MAX_OBJECTS + 1];
	u8 cand;
	u8 aged;
	u8 in_set;
	u8 grey;
	u8 live;
	u8 weak;
	u8 kill;
	u8 queue;
	u8 global;
	u8 readers;
	u8 awaits[2];
	u8 allocated;
	u8 waiting;
	u8 over;
	u8 finalized;
	struct thread thread[THREADS];
	struct scan scan;
};

/* Where a zero count leads: the putting thread destroys, or the worker. */
enum destroy { INLINE, QUEUED, EITHER };

enum op {
	OP_PUT = 1 << 0,
	OP_GET = 1 << 1,
	OP_SLOT_GET = 1 << 2,
	OP_SLOT_SET = 1 << 3,
	OP_SLOT_MOVE = 1 << 4,
	OP_SLOT_TAKE = 1 << 5,
	OP_WEAK_GET = 1 << 6,
	OP_NEW = 1 << 7,
	OP_GLOBAL = 1 << 8, /* takes what a finalizer gave away */
};

#define OPS_SLOTS (OP_SLOT_GET | OP_SLOT_SET | OP_SLOT_MOVE | OP_SLOT_TAKE)
#define OPS_PLAIN (OP_PUT | OP_GET | OPS_SLOTS)

/**
 * struct config - what is explored
 * @name: name.
 * @objects: blocks.
 * @slots: slots of each.
 * @mutators: how many.
 * @ops: &enum op of each mutator.
 * @count: operations of each; 0 for any number.
 * @scans: scans that run beside them; 0 for any number.
 * @tries: times that suspects are re-checked before a scan gives up.
 * @weak: objects with weak references.
 * @finalizers: objects with finalizers.
 * @destroy: who destroys.
 * @fused: a touch's two steps are one, and age's two: fewer states.
 * @held: most references held at the beginning; 0 for any number.
 * @walks: random runs instead of all; 0 for all.
 * @extended: only when there is much time.
 */
struct config {
	const char *name;
	int objects;
	int slots;
	int mutators;
	int ops;
	int count;
	int scans;
	int tries;
	u8 weak;
	u8 finalizers;
	enum destroy destroy;
	bool fused;
	int held;
	long walks;
	bool extended;
};

/* The algorithm with one thing left out or done otherwise. */
enum mutation {
	NONE,
	/* mutators */
	GET_UNTOUCHED,
	GET_NO_SECTION,
	GET_TWO_STEPS,
	SET_UNTOUCHED,
	SET_TOUCH_LATE,
	SET_SECTION_SHORT,
	MOVE_UNTOUCHED,
	DISPLACED_UNTOUCHED,
	TAKE_UNTOUCHED,
	TAKE_SECTION_SHORT,
	PUT_UNTOUCHED,
	PUT_NO_CAND,
	PUT_TOUCH_EARLY,
	PUT_SECTION_SHORT,
	NEW_UNTOUCHED,
	WEAK_UNTOUCHED,
	WEAK_NO_SECTION,
	WEAK_IGNORES_COND,
	WEAK_NULL_ON_COND,
	WEAK_NULL_ON_IDLE,
	DESTROY_SECTION_SHORT,
	DESTROY_WEAK_LEFT,
	DESTROY_NO_GP,
	DESTROY_FINALIZE_NO_GP,
	/* collector */
	AGE_ORDER,
	ROOTS_DIRTY,
	TRACE_NO_SECTION,
	TRACE_NOT_SUBTRACTED,
	TRACE_DIRTY,
	LIVE_DIRTY,
	LIVE_DEAD,
	LIVE_DEAD_ALONE,
	LIVE_ALONE,
	LIVE_NO_SECTION,
	LIVE_GONE,
	NO_GP,
	GP_EARLY,
	RETRY_NO_GP,
	RETRY_LIVE_ALONE,
	NO_RECHECK,
	RECHECK_DEAD,
	RECHECK_WEAK_ONLY,
	COUNTS_COMPARED,
	KILL_PER_OBJECT,
	COMMIT_ANYWAY,
	UNDO_IDLE_FIRST,
	UNDO_COND_LEFT,
	GIVE_UP_UNTOUCHED,
	FINALIZE_WEAK_LEFT,
	FINALIZE_NO_GP,
	FINALIZE_AGAIN,
	RELEASE_UNTOUCHED,
	FREE_WEAK_LEFT,
	FREE_IDLE_FIRST,
	FREE_PUTS_INSIDE,
	FREE_NO_GP,
	MUTATIONS
};

extern struct config cfg;
extern enum mutation mutation;

/* What was violated, or NULL. */
extern const char *violation;

static inline u8 bit(int o)
{
	return o ? 1 << (o - 1) : 0;
}

static inline int first(u8 set)
{
	return set ? __builtin_ctz(set) + 1 : 0;
}

static inline int count(const struct state *s, int o)
{
	return s->word[o] & COUNT;
}

static inline void violated(const char *what)
{
	if (!violation)
		violation = what;
}

/* mutator.c */
bool thread_step(struct state *s, int i, int choice);
const char *thread_at(const struct state *s, int i);
bool thread_idle(const struct thread *t);
void section_enter(struct state *s, int i);
void section_leave(struct state *s, int i);
void access_object(const struct state *s, int o);
void block_free_rcu(struct state *s, int o, bool now);
void put_begin(struct state *s, int i, int o, bool displaced);
void finalize_begin(struct state *s, int i, int o);

/* collector.c */
bool collector_step(struct state *s, int choice);
bool collector_idle(const struct state *s);
bool collector_done(const struct state *s);
const char *collector_at(const struct state *s);

/* check.c */
u8 reachable(const struct state *s);
bool all_idle(const struct state *s);
void check_commit(const struct state *s);
void check_weak_null(const struct state *s, int o);
void check_finalizer(struct state *s, int o, bool shown);
void check_end(const struct state *s);

/* explore.c */

/**
 * struct result - what came out
 * @states: states seen, or steps of the random runs.
 * @ends: of those, how many were ends that check_end() looked at.
 * @length: steps to the violation; the least there are, if all was explored.
 * @seconds: processor time.
 * @full: too many states: not all were seen.
 * @done: the rest is valid.
 * @violation: what was violated, or nothing.
 */
struct result {
	u64 states;
	u64 ends;
	long length;
	double seconds;
	bool full;
	bool done;
	char violation[72];
};

void explore(struct result *result, u64 limit, bool trace);

#endif /* _MODEL_STATE_H */
