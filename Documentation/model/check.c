// SPDX-License-Identifier: GPL-2.0
/*
 * What must hold.  This looks at everything at once, as no thread can.
 */
#include <stddef.h>
#include <string.h>

#include "state.h"

static u8 slots_of(const struct state *s, int o)
{
	u8 set = 0;

	for (int slot = 0; slot < cfg.slots; slot++)
		set |= bit(s->slots[o][slot]);
	return set;
}

/* What is referred to from outside, or by who is destroyed and yet to put it. */
static u8 roots(const struct state *s)
{
	u8 set = bit(s->global), dead = s->over & s->allocated;

	if (mutation == KILL_PER_OBJECT)
		dead &= ~s->in_set;
	for (int i = 0; i < THREADS; i++) {
		const struct thread *t = &s->thread[i];

		set |= bit(t->hold) | bit(t->reg[0]) | bit(t->reg[1]);
	}
	for (int o = 1; o <= cfg.objects; o++)
		if (!count(s, o) && (dead & bit(o)))
			set |= slots_of(s, o);
	return set;
}

u8 reachable(const struct state *s)
{
	u8 set = roots(s), before;

	do {
		before = set;
		for (int o = 1; o <= cfg.objects; o++)
			if (set & bit(o))
				set |= slots_of(s, o);
	} while (set != before);
	return set;
}

/* References to @o from slots of @set. */
static int references(const struct state *s, int o, u8 set)
{
	int n = 0;

	for (int from = 1; from <= cfg.objects; from++)
		for (int slot = 0; slot < cfg.slots; slot++)
			n += (set & bit(from)) && s->slots[from][slot] == o;
	return n;
}

static int references_outside(const struct state *s, int o)
{
	int n = s->global == o;

	for (int i = 0; i < THREADS; i++) {
		const struct thread *t = &s->thread[i];

		n += (t->hold == o) + (t->reg[0] == o) + (t->reg[1] == o);
	}
	return n;
}

/* A committed set is garbage, and all that refers to it is in it. */
void check_commit(const struct state *s)
{
	if (s->in_set & reachable(s))
		violated("a reachable object is condemned");
	for (int o = 1; o <= cfg.objects; o++)
		if ((s->in_set & bit(o)) &&
		    count(s, o) != references(s, o, s->in_set))
			violated("a condemned set is referred to");
}

/* A weak reference is NULL only when nobody can reach the object. */
void check_weak_null(const struct state *s, int o)
{
	if ((reachable(s) & bit(o)) && !(s->over & bit(o)))
		violated("a weak reference to a reachable object is NULL");
}

/*
 * Once; and nobody else holds the object, unless a finalizer before it has shown
 * others what it could reach.
 */
void check_finalizer(struct state *s, int o, bool shown)
{
	if (s->finalized & bit(o))
		violated("a finalizer runs twice");
	s->finalized |= bit(o);
	for (int i = 0; i < MAX_MUTATORS && !shown; i++) {
		const struct thread *t = &s->thread[i];

		if (t->hold == o || t->reg[0] == o || t->reg[1] == o)
			violated("a finalizer runs on what a mutator holds");
	}
}

/* Nothing is under way. */
bool all_idle(const struct state *s)
{
	for (int i = 0; i < THREADS; i++)
		if (!thread_idle(&s->thread[i]))
			return false;
	return !s->queue && collector_idle(s);
}

/* Nobody disturbs the worker and the collector; finalizers do nothing. */
static void scan_quietly(struct state *s)
{
	const int limit = 10000;
	int n = 0;

	s->scan.scans = 0;
	do {
		if (!thread_step(s, WORKER, 0) && !collector_step(s, 0))
			break;
		if (s->scan.scans) {
			s->scan.scans = 0;
			return;
		}
	} while (!violation && ++n < limit);
	violated("a scan does not end");
}

/*
 * An end: the mutators have stopped, the worker has nothing to do, the
 * collector is between scans.  After two more scans what is left is what can be
 * reached, and counts are exact.
 */
void check_end(const struct state *from)
{
	int scans = cfg.scans;
	struct state s = *from;
	u8 held;

	if (!all_idle(from))
		return;
	cfg.scans = 1;
	scan_quietly(&s);
	scan_quietly(&s);
	while (!violation && thread_step(&s, WORKER, 0))
		;
	cfg.scans = scans;
	held = reachable(&s);
	for (int o = 1; o <= cfg.objects; o++) {
		if (!(s.allocated & bit(o))) {
			if (held & bit(o))
				violated("a reachable object is freed");
			continue;
		}
		if (!(held & bit(o)))
			violated("garbage is left");
		if (count(&s, o) !=
		    references(&s, o, s.allocated) + references_outside(&s, o))
			violated("a count is wrong");
		if (s.word[o] & COND)
			violated("COND is left");
	}
	if (s.kill != IDLE || s.readers || s.waiting)
		violated("the heap is left in a scan");
}
