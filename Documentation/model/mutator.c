// SPDX-License-Identifier: GPL-2.0
/*
 * What mutators do, each operation in the order of its steps.
 *
 * A function below is one step: one access to what threads share (a read, a
 * write, or an atomic read-modify-write), and what the thread does on its own
 * around that.  Threads may be interleaved between any two steps.
 */
#include <stddef.h>
#include <string.h>

#include "state.h"

enum step {
	STEP_IDLE,
	TOUCH_DIRTY,
	TOUCH_CAND,
	PUT_DEC,
	PUT_QUEUE,
	DESTROY_WEAK,
	DESTROY_SLOT,
	DESTROY_GONE,
	DESTROY_GP,
	DESTROY_REVIVE,
	FINALIZE,
	FINALIZE_PUT,
	SLOT_GET_READ,
	SLOT_GET_INC,
	SLOT_GET_LATE,
	SLOT_SET_INC,
	SLOT_SET_XCHG,
	SLOT_TAKE_XCHG,
	WEAK_GET_READ,
	WEAK_GET_INC,
	WEAK_GET_ABORT,
	WEAK_GET_TAKE,
	NEW_CAND,
};

/* What follows a touch. */
enum then { THEN_END, THEN_KEEP, THEN_XCHG, THEN_DISPLACED, THEN_DEC };

/* --- RCU, in the weakest form that is one --------------------------------- */

/* Free blocks that no section is left for: the earliest that RCU allows. */
static void limbo_check(struct state *s, int o)
{
	if ((s->waiting & bit(o)) && !s->limbo[o]) {
		s->waiting &= ~bit(o);
		s->allocated &= ~bit(o);
	}
}

void section_enter(struct state *s, int i)
{
	s->readers |= 1 << i;
}

/* A grace period awaits only those sections that were open when it began. */
void section_leave(struct state *s, int i)
{
	s->readers &= ~(1 << i);
	s->awaits[0] &= ~(1 << i);
	s->awaits[1] &= ~(1 << i);
	for (int o = 1; o <= cfg.objects; o++) {
		s->limbo[o] &= ~(1 << i);
		limbo_check(s, o);
	}
}

void block_free_rcu(struct state *s, int o, bool now)
{
	if (!(s->allocated & bit(o)) || (s->waiting & bit(o)))
		violated("a block is freed twice");
	s->waiting |= bit(o);
	s->limbo[o] = now ? 0 : s->readers;
	limbo_check(s, o);
}

void access_object(const struct state *s, int o)
{
	if (!(s->allocated & bit(o)))
		violated("access to a free block");
}

/* --- ends of operations --------------------------------------------------- */

static void sort_registers(struct thread *t)
{
	u8 reg = t->reg[0];

	if (t->reg[0] >= t->reg[1])
		return;
	t->reg[0] = t->reg[1];
	t->reg[1] = reg;
}

static bool has_finalizer(const struct state *s, int o)
{
	return (cfg.finalizers & bit(o)) && !(s->word[o] & FINZ);
}

/* Weak references go first, then it is the finalizer's turn, then the slots'. */
static void destroy_begin(struct state *s, int i, int o)
{
	struct thread *t = &s->thread[i];

	t->dying = o;
	t->step = DESTROY_SLOT;
	if (s->weak & bit(o))
		t->step = DESTROY_WEAK;
	else if (has_finalizer(s, o))
		t->step = DESTROY_GP;
}

/* End of a section: what the thread itself brought to zero is destroyed. */
static void op_end(struct state *s, int i)
{
	struct thread *t = &s->thread[i], old = *t;

	section_leave(s, i);
	memset(t, 0, sizeof(*t));
	t->ops = old.ops;
	memcpy(t->reg, old.reg, sizeof(t->reg));
	t->finalizing = old.finalizing;
	t->dead = old.dead;
	if (old.dying) {
		t->dying = old.dying;
		t->dying_slot = old.dying_slot;
		t->step = DESTROY_SLOT;
	} else if (t->dead) {
		destroy_begin(s, i, first(t->dead));
		t->dead &= ~bit(t->dying);
	} else if (t->finalizing) {
		t->step = FINALIZE_PUT;
	} else {
		sort_registers(t);
	}
}

/* The operation's result is a reference. */
static void op_keep(struct state *s, int i, int o)
{
	struct thread *t = &s->thread[i];

	t->reg[t->reg[0] ? 1 : 0] = o;
	op_end(s, i);
}

/* --- touch ---------------------------------------------------------------- */

/* What a touch was for goes on. */
static void touched(struct state *s, int i)
{
	struct thread *t = &s->thread[i];

	switch (t->then) {
	case THEN_KEEP:
		op_keep(s, i, t->obj);
		break;
	case THEN_XCHG:
		t->step = SLOT_SET_XCHG;
		break;
	case THEN_DISPLACED:
		t->obj = t->hold;
		t->step = PUT_DEC;
		if (!t->obj)
			op_end(s, i);
		break;
	case THEN_DEC:
		t->step = PUT_DEC;
		break;
	default:
		op_end(s, i);
	}
}

static void touch(struct thread *t, int o, enum then then)
{
	t->obj = o;
	t->then = then;
	t->step = TOUCH_DIRTY;
}

static void touch_cand(struct state *s, int i)
{
	access_object(s, s->thread[i].obj);
	if (mutation != PUT_NO_CAND || s->thread[i].then != THEN_END)
		s->cand |= bit(s->thread[i].obj);
	touched(s, i);
}

/* The candidate bit is still to be set, as DIRTY was found clear. */
static void touch_rest(struct state *s, int i)
{
	s->thread[i].step = TOUCH_CAND;
	if (cfg.fused)
		touch_cand(s, i);
}

static void touch_dirty(struct state *s, int i)
{
	int o = s->thread[i].obj;
	u8 old = s->word[o];

	access_object(s, o);
	s->word[o] |= DIRTY;
	if (old & DIRTY)
		touched(s, i);
	else
		touch_rest(s, i);
}

/* A reference was taken: add 1 and DIRTY in one operation, then cand. */
static void add_dirty(struct state *s, int i, bool touches)
{
	struct thread *t = &s->thread[i];
	int o = t->obj;
	u8 old = s->word[o];

	if (s->over & bit(o))
		violated("a dead object is held again");
	if (t->life != s->life[o])
		violated("the result is another object");
	s->word[o]++;
	t->hold = o;
	if (!touches) {
		op_keep(s, i, o);
		return;
	}
	s->word[o] |= DIRTY;
	t->then = THEN_KEEP;
	if (old & DIRTY)
		touched(s, i);
	else
		touch_rest(s, i);
}

/* --- put ------------------------------------------------------------------ */

void put_begin(struct state *s, int i, int o, bool displaced)
{
	struct thread *t = &s->thread[i];

	(void)s;
	t->obj = o;
	t->hold = o;
	t->displaced = displaced;
	t->step = PUT_DEC;
	if (mutation == PUT_TOUCH_EARLY && !displaced) {
		section_enter(s, i);
		touch(t, o, THEN_DEC);
	}
}

static bool put_touches(const struct thread *t)
{
	if (t->displaced)
		return mutation != DISPLACED_UNTOUCHED;
	return mutation != PUT_UNTOUCHED && mutation != PUT_TOUCH_EARLY;
}

static void put_dec(struct state *s, int i)
{
	struct thread *t = &s->thread[i];
	int o = t->obj;

	section_enter(s, i);
	access_object(s, o);
	if (!count(s, o))
		violated("a count goes below zero");
	s->word[o]--;
	t->hold = 0;
	if (!count(s, o)) {
		s->over |= bit(o);
		if (cfg.destroy == INLINE && !has_finalizer(s, o)) {
			t->dead |= bit(o);
			op_end(s, i);
		} else {
			t->step = PUT_QUEUE;
		}
	} else if ((s->word[o] & DIRTY) || !put_touches(t)) {
		op_end(s, i);
	} else {
		touch(t, o, THEN_END);
		if (mutation == PUT_SECTION_SHORT)
			section_leave(s, i);
	}
}

/* At zero: onto the worker's list; within the budget it is destroyed here. */
static bool put_queue(struct state *s, int i, int choice)
{
	struct thread *t = &s->thread[i];
	bool here = cfg.destroy == INLINE || cfg.destroy == EITHER;

	if (has_finalizer(s, t->obj))
		here = false;
	if (choice > here)
		return false;
	if (here && !choice)
		t->dead |= bit(t->obj);
	else
		s->queue |= bit(t->obj);
	op_end(s, i);
	return true;
}

/* --- destroy -------------------------------------------------------------- */

/* The worker takes an object off its list. */
static bool worker_begin(struct state *s, int i)
{
	if (!s->queue)
		return false;
	destroy_begin(s, i, first(s->queue));
	s->queue &= ~bit(s->thread[i].dying);
	return true;
}

static void destroy_weak(struct state *s, int i)
{
	struct thread *t = &s->thread[i];

	if (mutation != DESTROY_WEAK_LEFT)
		s->weak &= ~bit(t->dying);
	t->step = has_finalizer(s, t->dying) ? DESTROY_GP : DESTROY_SLOT;
}

/* The next slot's target is put, in the section that it was taken in. */
static void destroy_slot(struct state *s, int i)
{
	struct thread *t = &s->thread[i];
	u8 *slots = s->slots[t->dying];
	int old;

	access_object(s, t->dying);
	section_enter(s, i);
	old = slots[t->dying_slot];
	slots[t->dying_slot++] = 0;
	if (mutation == DESTROY_SECTION_SHORT)
		section_leave(s, i);
	if (old)
		put_begin(s, i, old, true);
	else
		section_leave(s, i);
}

/* No slot is read any more by who sees this. */
static void destroy_gone(struct state *s, int i)
{
	struct thread *t = &s->thread[i];
	int o = t->dying;

	if (count(s, o))
		violated("an object is freed that is held");
	s->word[o] |= GONE;
	block_free_rcu(s, o, mutation == DESTROY_NO_GP);
	t->dying = 0;
	op_end(s, i);
}

/* Those who found it weakly, or in a slot, must be through with it. */
static void destroy_gp(struct state *s, int i)
{
	s->awaits[0] = s->readers;
	if (mutation == DESTROY_FINALIZE_NO_GP)
		s->awaits[0] = 0;
	s->thread[i].step = DESTROY_REVIVE;
}

static void destroy_revive(struct state *s, int i)
{
	struct thread *t = &s->thread[i];
	int o = t->dying;

	s->word[o] |= 1 | DIRTY | FINZ;
	if (mutation == FINALIZE_AGAIN)
		s->word[o] &= ~FINZ;
	s->cand |= bit(o);
	s->over &= ~bit(o);
	t->dying = 0;
	finalize_begin(s, i, o);
}

/* --- finalizers ----------------------------------------------------------- */

void finalize_begin(struct state *s, int i, int o)
{
	struct thread *t = &s->thread[i];

	(void)s;
	t->reg[0] = o;
	t->finalizing = true;
	t->step = FINALIZE;
}

static void give_away(struct state *s, int i, u8 *reg)
{
	s->global = *reg;
	*reg = 0;
	if (i == COLLECTOR)
		s->scan.shown = true;
}

/* Does nothing, refers to itself, gives itself or its slot's target away. */
static bool finalize(struct state *s, int i, int choice)
{
	struct thread *t = &s->thread[i];
	int o = t->reg[0];

	if (choice > (s->global ? 1 : 3))
		return false;
	check_finalizer(s, o, i == COLLECTOR && s->scan.shown);
	t->owner = o;
	switch (choice) {
	case 2:
		give_away(s, i, &t->reg[0]);
		t->finalizing = false;
		op_end(s, i);
		break;
	case 3:
		t->step = SLOT_TAKE_XCHG;
		break;
	case 1:
		t->new = o;
		t->step = SLOT_SET_INC;
		break;
	default:
		t->step = FINALIZE_PUT;
	}
	return true;
}

/* What it took from its slot goes to the global; its own reference is put. */
static void finalize_put(struct state *s, int i)
{
	struct thread *t = &s->thread[i];
	int o = t->reg[0];

	if (t->reg[1] && !s->global) {
		give_away(s, i, &t->reg[1]);
		return;
	}
	if (t->reg[1]) {
		o = t->reg[1];
		t->reg[1] = 0;
	} else {
		t->reg[0] = 0;
		t->finalizing = false;
	}
	put_begin(s, i, o, true);
}

/* --- slot_get ------------------------------------------------------------- */

static void slot_get_read(struct state *s, int i)
{
	struct thread *t = &s->thread[i];

	section_enter(s, i);
	access_object(s, t->owner);
	t->obj = s->slots[t->owner][t->slot];
	t->life = s->life[t->obj];
	t->step = SLOT_GET_INC;
	if (!t->obj)
		op_end(s, i);
	else if (mutation == GET_NO_SECTION)
		section_leave(s, i);
}

/* A count of zero: the slot has changed.  Read it again. */
static void slot_get_inc(struct state *s, int i)
{
	struct thread *t = &s->thread[i];

	access_object(s, t->obj);
	if (!count(s, t->obj)) {
		if (s->slots[t->owner][t->slot] == t->obj)
			violated("a mutator waits for others");
		t->step = SLOT_GET_READ;
		t->obj = 0;
		t->life = 0;
		return;
	}
	if (mutation == GET_TWO_STEPS) {
		s->word[t->obj]++;
		t->hold = t->obj;
		t->step = SLOT_GET_LATE;
		return;
	}
	add_dirty(s, i, mutation != GET_UNTOUCHED);
}

/* Mutation: the touch is an operation of its own. */
static void slot_get_late(struct state *s, int i)
{
	touch(&s->thread[i], s->thread[i].obj, THEN_KEEP);
	touch_dirty(s, i);
}

/* --- slot_set and slot_move ----------------------------------------------- */

static void slot_set_inc(struct state *s, int i)
{
	struct thread *t = &s->thread[i];
	int o = t->new;
	bool touches = mutation != SET_UNTOUCHED && mutation != SET_TOUCH_LATE;

	section_enter(s, i);
	access_object(s, o);
	if (s->over & bit(o))
		violated("a dead object is stored");
	s->word[o]++;
	t->hold = o;
	t->step = SLOT_SET_XCHG;
	if (touches && !(s->word[o] & DIRTY))
		touch(t, o, THEN_XCHG);
}

static void slot_set_xchg(struct state *s, int i)
{
	struct thread *t = &s->thread[i];
	int old;

	section_enter(s, i);
	access_object(s, t->owner);
	old = s->slots[t->owner][t->slot];
	s->slots[t->owner][t->slot] = t->new;
	if (t->moved)
		t->reg[t->moved - 1] = 0;
	if (mutation == SET_SECTION_SHORT)
		section_leave(s, i);
	if (old)
		put_begin(s, i, old, true);
	t->hold = old;
	if (mutation == SET_TOUCH_LATE && t->new)
		touch(t, t->new, THEN_DISPLACED);
	else if (!old)
		op_end(s, i);
}

/* --- slot_take ------------------------------------------------------------ */

static void slot_take_xchg(struct state *s, int i)
{
	struct thread *t = &s->thread[i];
	int old;

	section_enter(s, i);
	access_object(s, t->owner);
	old = s->slots[t->owner][t->slot];
	s->slots[t->owner][t->slot] = 0;
	t->hold = old;
	if (!old) {
		op_end(s, i);
	} else if (mutation == TAKE_UNTOUCHED) {
		op_keep(s, i, old);
	} else {
		touch(t, old, THEN_KEEP);
		if (mutation == TAKE_SECTION_SHORT)
			section_leave(s, i);
	}
}

/* --- weak_get ------------------------------------------------------------- */

static void weak_get_read(struct state *s, int i)
{
	struct thread *t = &s->thread[i];

	section_enter(s, i);
	if (!(s->weak & bit(t->obj))) {
		op_end(s, i);
		return;
	}
	t->life = s->life[t->obj];
	t->step = WEAK_GET_INC;
	if (mutation == WEAK_NO_SECTION)
		section_leave(s, i);
}

static void weak_get_null(struct state *s, int i)
{
	check_weak_null(s, s->thread[i].obj);
	op_end(s, i);
}

static void weak_get_inc(struct state *s, int i)
{
	struct thread *t = &s->thread[i];
	int o = t->obj;

	access_object(s, o);
	if (!count(s, o))
		weak_get_null(s, i);
	else if (!(s->word[o] & COND) || mutation == WEAK_IGNORES_COND)
		add_dirty(s, i, mutation != WEAK_UNTOUCHED);
	else if (mutation == WEAK_NULL_ON_COND)
		weak_get_null(s, i);
	else
		t->step = WEAK_GET_ABORT;
}

/*
 * The object is condemned: stop the kill, or learn that it is decided.  None is
 * under way: then the object is condemned no more, or this would have to wait.
 */
static void weak_get_abort(struct state *s, int i)
{
	struct thread *t = &s->thread[i];

	switch (s->kill) {
	case TENTATIVE:
		s->kill = ABORTED;
		t->step = WEAK_GET_TAKE;
		break;
	case ABORTED:
		t->step = WEAK_GET_TAKE;
		break;
	case COMMITTED:
		weak_get_null(s, i);
		break;
	case IDLE:
		t->step = WEAK_GET_INC;
		if (s->word[t->obj] & COND)
			violated("a mutator waits for others");
		if (mutation == WEAK_NULL_ON_IDLE)
			weak_get_null(s, i);
	}
}

/* The section keeps the next kill away: COND means nothing here. */
static void weak_get_take(struct state *s, int i)
{
	access_object(s, s->thread[i].obj);
	if (!count(s, s->thread[i].obj))
		weak_get_null(s, i);
	else
		add_dirty(s, i, mutation != WEAK_UNTOUCHED);
}

/* --- new ------------------------------------------------------------------ */

/* Slots are NULL before the word says that there is an object. */
static void new_begin(struct state *s, int i, int o)
{
	struct thread *t = &s->thread[i];

	memset(s->slots[o], 0, sizeof(s->slots[o]));
	s->word[o] = mutation == NEW_UNTOUCHED ? 1 : 1 | DIRTY;
	s->allocated |= bit(o);
	s->over &= ~bit(o);
	s->finalized &= ~bit(o);
	s->weak |= cfg.weak & bit(o);
	s->life[o] = (s->life[o] + 1) % 3;
	t->obj = o;
	t->hold = o;
	t->step = NEW_CAND;
	if (mutation == NEW_UNTOUCHED)
		op_keep(s, i, o);
}

static void new_cand(struct state *s, int i)
{
	s->cand |= bit(s->thread[i].obj);
	op_keep(s, i, s->thread[i].obj);
}

/* --- what a mutator may begin --------------------------------------------- */

/* The choices are numbered as they are tried: is this the one? */
static bool chosen(int *choice)
{
	return (*choice)-- == 0;
}

static bool room(const struct thread *t)
{
	return !t->reg[0] || !t->reg[1];
}

static void slot_op(struct thread *t, int owner, int slot, enum step step)
{
	t->owner = owner;
	t->slot = slot;
	t->step = step;
}

/* put, get: of a register. */
static bool begin_plain(struct state *s, int i, int ops, int *choice)
{
	struct thread *t = &s->thread[i];

	for (int r = 0; r < MAX_REGS; r++) {
		int o = t->reg[r];

		if (!o || (r && o == t->reg[0]))
			continue;
		if ((ops & OP_PUT) && chosen(choice)) {
			t->reg[r] = 0;
			put_begin(s, i, o, false);
			return true;
		}
		if ((ops & OP_GET) && room(t) && chosen(choice)) {
			access_object(s, o);
			s->word[o]++;
			op_keep(s, i, o);
			return true;
		}
	}
	return false;
}

/* slot_set, slot_move: of NULL or a register. */
static bool begin_store(struct state *s, int i, int ops, int r, int slot,
			int *choice)
{
	struct thread *t = &s->thread[i];
	int owner = t->reg[r];

	if ((ops & OP_SLOT_SET) && chosen(choice)) {
		slot_op(t, owner, slot, SLOT_SET_XCHG);
		return true;
	}
	for (int v = 0; v < MAX_REGS; v++) {
		int o = t->reg[v];

		if (o && (ops & OP_SLOT_SET) && chosen(choice)) {
			slot_op(t, owner, slot, SLOT_SET_INC);
			t->new = o;
			return true;
		}
		if (o && v != r && (ops & OP_SLOT_MOVE) && chosen(choice)) {
			slot_op(t, owner, slot, SLOT_SET_XCHG);
			t->new = o;
			t->moved = v + 1;
			section_enter(s, i);
			if (mutation != MOVE_UNTOUCHED)
				touch(t, o, THEN_XCHG);
			return true;
		}
	}
	return false;
}

static bool begin_slot(struct state *s, int i, int ops, int *choice)
{
	struct thread *t = &s->thread[i];

	for (int r = 0; r < MAX_REGS; r++) {
		for (int slot = 0; t->reg[r] && slot < cfg.slots; slot++) {
			if ((ops & OP_SLOT_GET) && room(t) && chosen(choice)) {
				slot_op(t, t->reg[r], slot, SLOT_GET_READ);
				return true;
			}
			if ((ops & OP_SLOT_TAKE) && room(t) && chosen(choice)) {
				slot_op(t, t->reg[r], slot, SLOT_TAKE_XCHG);
				return true;
			}
			if (begin_store(s, i, ops, r, slot, choice))
				return true;
		}
	}
	return false;
}

/* weak_get, new, what a finalizer gave away: a reference out of nothing. */
static bool begin_find(struct state *s, int i, int ops, int *choice)
{
	struct thread *t = &s->thread[i];
	int free = 0;

	if (!room(t))
		return false;
	for (int o = 1; o <= cfg.objects; o++) {
		if ((ops & OP_WEAK_GET) && (cfg.weak & bit(o)) &&
		    chosen(choice)) {
			t->obj = o;
			t->step = WEAK_GET_READ;
			return true;
		}
		if (!(s->allocated & bit(o)))
			free = o;
	}
	if ((ops & OP_NEW) && free && chosen(choice)) {
		new_begin(s, i, free);
		return true;
	}
	if ((ops & OP_GLOBAL) && s->global && chosen(choice)) {
		t->obj = s->global;
		s->global = 0;
		op_keep(s, i, t->obj);
		return true;
	}
	return false;
}

/* Beginnings that access nothing are one with the first step. */
static bool mutator_begin(struct state *s, int i, int choice)
{
	struct thread *t = &s->thread[i];
	int ops = cfg.ops;

	if ((cfg.count && t->ops >= cfg.count) || collector_done(s))
		return false;
	t->ops += !!cfg.count;
	if (!begin_plain(s, i, ops, &choice) &&
	    !begin_slot(s, i, ops, &choice) && !begin_find(s, i, ops, &choice))
		return false;
	/* get, new and what is global were an access */
	if (t->step == STEP_IDLE || t->step == NEW_CAND)
		return true;
	return thread_step(s, i, 0);
}

/* --- steps ---------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(struct state *s, int i);
} steps[] = {
	[STEP_IDLE] = { "operation", NULL },
	[TOUCH_DIRTY] = { "touch: set DIRTY", touch_dirty },
	[TOUCH_CAND] = { "touch: set cand", touch_cand },
	[PUT_DEC] = { "put: decrement", put_dec },
	[PUT_QUEUE] = { "put: zero", NULL },
	[DESTROY_WEAK] = { "destroy: clear weak reference", destroy_weak },
	[DESTROY_SLOT] = { "destroy: take a slot", destroy_slot },
	[DESTROY_GONE] = { "destroy: set GONE, free", destroy_gone },
	[DESTROY_GP] = { "destroy: grace period", destroy_gp },
	[DESTROY_REVIVE] = { "destroy: to the finalizer", destroy_revive },
	[FINALIZE] = { "finalizer", NULL },
	[FINALIZE_PUT] = { "finalizer: ends", finalize_put },
	[SLOT_GET_READ] = { "slot_get: read", slot_get_read },
	[SLOT_GET_INC] = { "slot_get: add 1 and DIRTY", slot_get_inc },
	[SLOT_GET_LATE] = { "slot_get: DIRTY", slot_get_late },
	[SLOT_SET_INC] = { "slot_set: add 1", slot_set_inc },
	[SLOT_SET_XCHG] = { "slot_set: exchange", slot_set_xchg },
	[SLOT_TAKE_XCHG] = { "slot_take: exchange", slot_take_xchg },
	[WEAK_GET_READ] = { "weak_get: read", weak_get_read },
	[WEAK_GET_INC] = { "weak_get: add 1 and DIRTY", weak_get_inc },
	[WEAK_GET_ABORT] = { "weak_get: abort the kill", weak_get_abort },
	[WEAK_GET_TAKE] = { "weak_get: take", weak_get_take },
	[NEW_CAND] = { "new: set cand", new_cand },
};

const char *thread_at(const struct state *s, int i)
{
	return steps[s->thread[i].step].name;
}

bool thread_idle(const struct thread *t)
{
	return t->step == STEP_IDLE;
}

/* Take a step, the one numbered @choice.  Returns false if there is none. */
bool thread_step(struct state *s, int i, int choice)
{
	struct thread *t = &s->thread[i];

	if (t->step == STEP_IDLE && i < MAX_MUTATORS)
		return i < cfg.mutators && mutator_begin(s, i, choice);
	if (t->step == PUT_QUEUE)
		return put_queue(s, i, choice);
	if (t->step == FINALIZE)
		return finalize(s, i, choice);
	if (choice || (t->step == DESTROY_REVIVE && s->awaits[0]))
		return false;
	if (t->step == STEP_IDLE)
		return i == WORKER && worker_begin(s, i);
	while (t->step == DESTROY_SLOT && t->dying_slot < cfg.slots &&
	       !s->slots[t->dying][t->dying_slot])
		t->dying_slot++;
	if (t->step == DESTROY_SLOT && t->dying_slot == cfg.slots)
		t->step = DESTROY_GONE;
	steps[t->step].run(s, i);
	return true;
}
