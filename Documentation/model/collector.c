// SPDX-License-Identifier: GPL-2.0
/*
 * A scan, phase by phase.
 *
 * A function below is called again and again while its phase lasts.  Each time
 * it goes on to where it next accesses what mutators also access, and does
 * that.  Bitmaps other than cand are the collector's own.
 *
 * An object of the set may be destroyed and freed while the scan looks at it,
 * and its block be another object's.  Two rules keep that harmless:
 *
 *  - A free block's word has count 0, and stays to be read while the scan has a
 *    bit of the block.  A new object is born DIRTY.
 *  - Slots are read in an RCU section that began before the word was seen
 *    without GONE; so are the words of what they refer to.
 */
#include <stddef.h>
#include <string.h>

#include "state.h"

enum phase {
	SCAN_IDLE,
	AGE,
	AGE_CLEAN,
	ROOTS,
	TRACE,
	TRACE_SLOT,
	TRACE_TARGET,
	LIVE,
	RESCUE,
	RESCUE_SLOT,
	GRACE,
	GRACE_END,
	RECHECK,
	COMMIT,
	UNDO,
	UNDO_IDLE,
	GIVE_UP,
	GIVE_UP_CAND,
	CLEAR_WEAK,
	FINALIZE_GP,
	RELEASE,
	RELEASE_CAND,
	RELEASE_IDLE,
	FINALIZE,
	ZERO,
	ZERO_IDLE,
	TAKE_SLOTS,
	FREE,
	SCAN_END,
};

/* MORE: nothing was accessed yet. */
enum progress { MORE, STEPPED, BLOCKED };

/* Look at the first of @set. */
static bool next(struct state *s, u8 set)
{
	s->scan.obj = first(set);
	return s->scan.obj;
}

static enum progress go(struct state *s, enum phase phase)
{
	s->scan.phase = phase;
	s->scan.obj = 0;
	s->scan.slot = 0;
	s->scan.target = 0;
	return MORE;
}

static bool clean(const struct state *s, int o)
{
	return count(s, o) && !(s->word[o] & DIRTY);
}

static void grace_begin(struct state *s, bool real)
{
	s->awaits[1] = real ? s->readers : 0;
}

/* --- age ------------------------------------------------------------------ */

/*
 * The candidate bit goes first: who touches the object from here on finds it
 * DIRTY, so that nothing is to be done, or clear, and sets the bit again.
 */
static enum progress age(struct state *s)
{
	if (!next(s, s->cand))
		return go(s, mutation == GP_EARLY ? GRACE : ROOTS);
	if (mutation == AGE_ORDER)
		s->word[s->scan.obj] &= ~DIRTY;
	else
		s->cand &= ~bit(s->scan.obj);
	s->scan.phase = AGE_CLEAN;
	return cfg.fused ? MORE : STEPPED;
}

static enum progress age_clean(struct state *s)
{
	int o = s->scan.obj;

	if (mutation == AGE_ORDER)
		s->cand &= ~bit(o);
	else
		s->word[o] &= ~DIRTY;
	s->aged |= bit(o);
	go(s, AGE);
	return STEPPED;
}

/* --- roots ---------------------------------------------------------------- */

static void join(struct state *s, int o, int gc_refs)
{
	s->in_set |= bit(o);
	s->grey |= bit(o);
	s->gc_refs[o] = gc_refs;
	s->counts[o] = count(s, o);
}

static enum progress roots(struct state *s)
{
	int o;

	if (!next(s, s->aged))
		return go(s, TRACE);
	o = s->scan.obj;
	s->aged &= ~bit(o);
	if (clean(s, o) || (mutation == ROOTS_DIRTY && count(s, o)))
		join(s, o, count(s, o));
	return STEPPED;
}

/* --- close and subtract --------------------------------------------------- */

/* A dead member's references need not be found: what they are to is live. */
static enum progress trace(struct state *s)
{
	if (!next(s, s->grey))
		return go(s, LIVE);
	s->grey &= ~bit(s->scan.obj);
	if (mutation != TRACE_NO_SECTION)
		section_enter(s, COLLECTOR);
	if (count(s, s->scan.obj)) {
		s->scan.phase = TRACE_SLOT;
	} else {
		section_leave(s, COLLECTOR);
		go(s, TRACE);
	}
	return STEPPED;
}

static enum progress trace_slot(struct state *s)
{
	int target;

	if (s->scan.slot == cfg.slots) {
		section_leave(s, COLLECTOR);
		return go(s, TRACE);
	}
	access_object(s, s->scan.obj);
	target = s->slots[s->scan.obj][s->scan.slot++];
	if (!(s->in_set & bit(target))) {
		s->scan.target = target;
		s->scan.phase = target ? TRACE_TARGET : TRACE_SLOT;
	} else if (mutation != TRACE_NOT_SUBTRACTED) {
		s->gc_refs[target]--;
	}
	return STEPPED;
}

static enum progress trace_target(struct state *s)
{
	int o = s->scan.target;

	access_object(s, o);
	if (clean(s, o) || (mutation == TRACE_DIRTY && count(s, o)))
		join(s, o, count(s, o) - 1);
	s->scan.target = 0;
	s->scan.phase = TRACE_SLOT;
	return STEPPED;
}

/* --- live ----------------------------------------------------------------- */

static void rescue(struct state *s, int o)
{
	s->in_set &= ~bit(o);
	s->live |= bit(o);
}

static bool member_live(const struct state *s, int o)
{
	bool again = s->scan.tries > 0;

	if (mutation == COUNTS_COMPARED)
		return count(s, o) != s->counts[o];
	if (!count(s, o))
		return mutation != LIVE_DEAD;
	if (mutation == LIVE_DIRTY && !again)
		return false;
	return s->word[o] & DIRTY;
}

/* Those that are found live but by mistake rescue no others. */
static bool member_rescues(const struct state *s, int o)
{
	if (mutation == LIVE_DEAD_ALONE && !count(s, o))
		return false;
	if (mutation == RETRY_LIVE_ALONE && s->scan.tries)
		return false;
	return mutation != LIVE_ALONE;
}

/* scan.slot: the member's number; the set shrinks while it is walked. */
static enum progress live(struct state *s)
{
	int o = s->scan.slot + 1;

	if (o > cfg.objects)
		return go(s, RESCUE);
	s->scan.slot++;
	if (!(s->in_set & bit(o)))
		return MORE;
	if (s->gc_refs[o]) {
		rescue(s, o);
		return MORE;
	}
	if (member_live(s, o)) {
		rescue(s, o);
		if (!member_rescues(s, o))
			s->live &= ~bit(o);
	}
	return STEPPED;
}

/*
 * What a live one refers to is live.  Of a dead one too: its slots may yet be
 * to be taken.  With GONE they were, and what was in them is touched.
 */
static enum progress rescue_next(struct state *s)
{
	if (!next(s, s->live))
		return go(s, s->in_set ? GRACE : SCAN_END);
	s->live &= ~bit(s->scan.obj);
	if (mutation != LIVE_NO_SECTION)
		section_enter(s, COLLECTOR);
	if (!(s->word[s->scan.obj] & GONE) || mutation == LIVE_GONE) {
		s->scan.phase = RESCUE_SLOT;
	} else {
		section_leave(s, COLLECTOR);
		go(s, RESCUE);
	}
	return STEPPED;
}

static enum progress rescue_slot(struct state *s)
{
	int target;

	if (s->scan.slot == cfg.slots) {
		section_leave(s, COLLECTOR);
		return go(s, RESCUE);
	}
	access_object(s, s->scan.obj);
	target = s->slots[s->scan.obj][s->scan.slot++];
	if (s->in_set & bit(target))
		rescue(s, target);
	return STEPPED;
}

/* --- grace period --------------------------------------------------------- */

/* What a mutation does instead: none, or none here. */
static bool grace_real(const struct state *s)
{
	switch (mutation) {
	case NO_GP:
		return false;
	case RETRY_NO_GP:
		return !s->scan.tries;
	case GP_EARLY: /* before the roots */
		return !s->in_set;
	default:
		return true;
	}
}

/* Who is half-way through a touch gets to its end. */
static enum progress grace(struct state *s)
{
	grace_begin(s, grace_real(s));
	go(s, GRACE_END);
	return STEPPED;
}

static enum progress grace_end(struct state *s)
{
	if (s->awaits[1])
		return BLOCKED;
	if (!s->in_set) /* GP_EARLY */
		return go(s, ROOTS);
	s->kill = TENTATIVE;
	s->aged = s->in_set; /* those to be condemned */
	go(s, RECHECK);
	return STEPPED;
}

/* --- tentative ------------------------------------------------------------ */

static bool suspect_live(const struct state *s, int o)
{
	if (mutation == NO_RECHECK)
		return false;
	if (mutation == COUNTS_COMPARED)
		return count(s, o) != s->counts[o];
	if (mutation == RECHECK_DEAD && !count(s, o))
		return false;
	return !clean(s, o);
}

static enum progress recheck(struct state *s)
{
	int o;

	if (!next(s, s->aged))
		return go(s, COMMIT);
	o = s->scan.obj;
	s->aged &= ~bit(o);
	if (suspect_live(s, o)) {
		s->aged = s->in_set & ~s->aged & ~bit(o);
		go(s, UNDO);
	} else if (mutation == KILL_PER_OBJECT) {
		s->over |= bit(o);
		if (reachable(s) & bit(o))
			violated("a reachable object is condemned");
		s->word[o] = 0;
	} else if (mutation != RECHECK_WEAK_ONLY || (cfg.weak & bit(o))) {
		s->word[o] |= COND;
	}
	return STEPPED;
}

/* scan.aged has those that are condemned. */
static enum progress undo(struct state *s)
{
	if (mutation == UNDO_IDLE_FIRST && s->kill != IDLE) {
		s->kill = IDLE;
		return STEPPED;
	}
	if (!next(s, s->aged))
		return go(s, UNDO_IDLE);
	s->aged &= ~bit(s->scan.obj);
	if (mutation == UNDO_COND_LEFT)
		return MORE;
	s->word[s->scan.obj] &= ~COND;
	return STEPPED;
}

static enum progress undo_idle(struct state *s)
{
	s->kill = IDLE;
	go(s, ++s->scan.tries < cfg.tries ? LIVE : GIVE_UP);
	return STEPPED;
}

/* The next scan will have another look. */
static enum progress give_up(struct state *s)
{
	if (mutation == GIVE_UP_UNTOUCHED || !next(s, s->in_set))
		return go(s, SCAN_END);
	s->word[s->scan.obj] |= DIRTY;
	s->scan.phase = GIVE_UP_CAND;
	return cfg.fused ? MORE : STEPPED;
}

static enum progress give_up_cand(struct state *s)
{
	s->cand |= bit(s->scan.obj);
	s->in_set &= ~bit(s->scan.obj);
	go(s, GIVE_UP);
	return STEPPED;
}

/* --- commit --------------------------------------------------------------- */

static u8 have_finalizers(const struct state *s)
{
	u8 set = s->in_set & cfg.finalizers;

	for (int o = 1; o <= cfg.objects; o++)
		if (s->word[o] & FINZ)
			set &= ~bit(o);
	return set;
}

static enum progress commit(struct state *s)
{
	if (s->kill != TENTATIVE && mutation != COMMIT_ANYWAY) {
		s->aged = s->in_set;
		go(s, UNDO);
		return STEPPED;
	}
	s->kill = COMMITTED;
	if (mutation != KILL_PER_OBJECT)
		check_commit(s);
	s->over |= s->in_set;
	s->scan.finalize = have_finalizers(s);
	go(s, CLEAR_WEAK);
	return STEPPED;
}

static enum progress clear_weak(struct state *s)
{
	bool leave = mutation == FREE_WEAK_LEFT;

	if (s->scan.finalize)
		leave = mutation == FINALIZE_WEAK_LEFT;
	if (!leave && next(s, s->in_set & s->weak)) {
		s->weak &= ~bit(s->scan.obj);
		return STEPPED;
	}
	s->aged = s->in_set;
	if (!s->scan.finalize)
		return go(s, ZERO);
	grace_begin(s, mutation != FINALIZE_NO_GP);
	go(s, FINALIZE_GP);
	return STEPPED;
}

/* --- finalizers ----------------------------------------------------------- */

static enum progress finalize_gp(struct state *s)
{
	return s->awaits[1] ? BLOCKED : go(s, RELEASE);
}

/* The set is as any other: it is touched, and collected once it is quiet. */
static enum progress release(struct state *s)
{
	int o;

	if (!next(s, s->aged))
		return go(s, RELEASE_IDLE);
	o = s->scan.obj;
	s->aged &= ~bit(o);
	s->over &= ~bit(o);
	s->word[o] &= ~COND;
	if (s->scan.finalize & bit(o))
		s->word[o] += 1 | (mutation == FINALIZE_AGAIN ? 0 : FINZ);
	if (mutation == RELEASE_UNTOUCHED)
		return STEPPED;
	s->word[o] |= DIRTY;
	s->scan.phase = RELEASE_CAND;
	return cfg.fused ? MORE : STEPPED;
}

static enum progress release_cand(struct state *s)
{
	s->cand |= bit(s->scan.obj);
	go(s, RELEASE);
	return STEPPED;
}

static enum progress release_idle(struct state *s)
{
	s->kill = IDLE;
	s->scan.shown = false;
	s->in_set = 0;
	go(s, FINALIZE);
	return STEPPED;
}

/* The collector's thread runs it, and puts the reference. */
static enum progress finalize_next(struct state *s)
{
	int o = first(s->scan.finalize);

	if (!o)
		return go(s, SCAN_END);
	s->scan.finalize &= ~bit(o);
	finalize_begin(s, COLLECTOR, o);
	return STEPPED;
}

/* --- free ----------------------------------------------------------------- */

static enum progress zero(struct state *s)
{
	if (mutation == FREE_IDLE_FIRST && s->kill != IDLE) {
		s->kill = IDLE;
		return STEPPED;
	}
	if (!next(s, s->aged))
		return go(s, ZERO_IDLE);
	s->aged &= ~bit(s->scan.obj);
	s->word[s->scan.obj] = GONE;
	return STEPPED;
}

static enum progress zero_idle(struct state *s)
{
	s->kill = IDLE;
	s->aged = s->in_set;
	go(s, TAKE_SLOTS);
	return STEPPED;
}

/* Nobody else sees the slots: only a put of what is outside is an access. */
static enum progress take_slots(struct state *s)
{
	int o = first(s->aged), target;
	bool inside;

	if (!o)
		return go(s, FREE);
	if (s->scan.slot == cfg.slots) {
		s->aged &= ~bit(o);
		return go(s, TAKE_SLOTS);
	}
	target = s->slots[o][s->scan.slot];
	s->slots[o][s->scan.slot++] = 0;
	inside = s->in_set & bit(target);
	if (!target || (inside && mutation != FREE_PUTS_INSIDE))
		return MORE;
	put_begin(s, COLLECTOR, target, true);
	thread_step(s, COLLECTOR, 0);
	return STEPPED;
}

static enum progress free_set(struct state *s)
{
	for (int o = 1; o <= cfg.objects; o++)
		if (s->in_set & bit(o))
			block_free_rcu(s, o, mutation == FREE_NO_GP);
	return go(s, SCAN_END);
}

/* --- the scan as a whole -------------------------------------------------- */

static enum progress scan_begin(struct state *s)
{
	if (collector_done(s))
		return BLOCKED;
	return go(s, AGE);
}

static enum progress scan_end(struct state *s)
{
	int scans = s->scan.scans + !!cfg.scans;

	memset(&s->scan, 0, sizeof(s->scan));
	memset(s->gc_refs, 0, sizeof(s->gc_refs));
	memset(s->counts, 0, sizeof(s->counts));
	s->scan.scans = scans;
	s->aged = 0;
	s->in_set = 0;
	s->grey = 0;
	s->live = 0;
	return STEPPED;
}

static const struct {
	const char *name;
	enum progress (*run)(struct state *s);
} phases[] = {
	[SCAN_IDLE] = { "begin", scan_begin },
	[AGE] = { "age: take cand", age },
	[AGE_CLEAN] = { "age: clear DIRTY", age_clean },
	[ROOTS] = { "roots: is it clean?", roots },
	[TRACE] = { "trace: is it alive?", trace },
	[TRACE_SLOT] = { "trace: read a slot", trace_slot },
	[TRACE_TARGET] = { "trace: is the target clean?", trace_target },
	[LIVE] = { "live: is it clean?", live },
	[RESCUE] = { "live: is it gone?", rescue_next },
	[RESCUE_SLOT] = { "live: read a slot", rescue_slot },
	[GRACE] = { "grace period begins", grace },
	[GRACE_END] = { "grace period ends, TENTATIVE", grace_end },
	[RECHECK] = { "re-check: clean? set COND", recheck },
	[COMMIT] = { "commit", commit },
	[UNDO] = { "undo: clear COND", undo },
	[UNDO_IDLE] = { "undo: IDLE", undo_idle },
	[GIVE_UP] = { "give up: set DIRTY", give_up },
	[GIVE_UP_CAND] = { "give up: set cand", give_up_cand },
	[CLEAR_WEAK] = { "clear weak references", clear_weak },
	[FINALIZE_GP] = { "finalize: grace period ends", finalize_gp },
	[RELEASE] = { "release: clear COND, set DIRTY", release },
	[RELEASE_CAND] = { "release: set cand", release_cand },
	[RELEASE_IDLE] = { "release: IDLE", release_idle },
	[FINALIZE] = { "finalize", finalize_next },
	[ZERO] = { "free: zero the word", zero },
	[ZERO_IDLE] = { "free: IDLE", zero_idle },
	[TAKE_SLOTS] = { "free: take a slot", take_slots },
	[FREE] = { "free: blocks", free_set },
	[SCAN_END] = { "end", scan_end },
};

const char *collector_at(const struct state *s)
{
	return phases[s->scan.phase].name;
}

bool collector_idle(const struct state *s)
{
	return s->scan.phase == SCAN_IDLE && thread_idle(&s->thread[COLLECTOR]);
}

/* It has run as often as it should: what mutators begin now is of no interest. */
bool collector_done(const struct state *s)
{
	return cfg.scans && s->scan.scans >= cfg.scans && collector_idle(s);
}

bool collector_step(struct state *s, int choice)
{
	enum progress progress;

	if (!thread_idle(&s->thread[COLLECTOR]))
		return thread_step(s, COLLECTOR, choice);
	if (choice)
		return false;
	do {
		progress = phases[s->scan.phase].run(s);
	} while (progress == MORE);
	return progress == STEPPED;
}
