// SPDX-License-Identifier: GPL-2.0
/*
 * Exploration of all interleavings, breadth first: what is found first is what
 * the fewest steps lead to.  A state is known by a signature of 64 bits.  That
 * two of 10^7 states have the same, so that one is not looked at, happens once
 * in 400000 runs.
 *
 * Where that is too much, random runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "state.h"

/* --- memory --------------------------------------------------------------- */

static void *grown(void *p, size_t n, size_t size)
{
	p = realloc(p, n * size);
	if (!p) {
		fprintf(stderr, "gcmodel: out of memory\n");
		exit(3);
	}
	return p;
}

/* --- states seen ---------------------------------------------------------- */

static u64 *table;
static u64 table_size, table_used;

static u64 mix(u64 h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	return h ^ h >> 32;
}

static u64 signature(const struct state *s)
{
	const u8 *p = (const u8 *)s;
	u64 h = 0x9e3779b97f4a7c15ULL, word;

	for (size_t i = 0; i < sizeof(*s); i += sizeof(word)) {
		size_t n = sizeof(*s) - i;

		word = 0;
		memcpy(&word, p + i, n < sizeof(word) ? n : sizeof(word));
		h = mix(h ^ word) + 0x165667b19e3779f9ULL * (i + 1);
	}
	return h ? h : 1;
}

static bool table_put(u64 sig)
{
	u64 i = sig & (table_size - 1);

	while (table[i]) {
		if (table[i] == sig)
			return false;
		i = (i + 1) & (table_size - 1);
	}
	table[i] = sig;
	table_used++;
	return true;
}

static void table_grow(void)
{
	u64 *old = table, size = table_size;

	table_size = size ? 2 * size : 1 << 16;
	table_used = 0;
	table = grown(NULL, table_size, sizeof(*table));
	memset(table, 0, table_size * sizeof(*table));
	for (u64 i = 0; i < size; i++)
		if (old[i])
			table_put(old[i]);
	free(old);
}

/* Returns true for a state not seen before. */
static bool is_new(const struct state *s)
{
	if (table_used * 8 >= table_size * 7)
		table_grow();
	return table_put(signature(s));
}

/* --- mutators that may do the same are the same --------------------------- */

static bool symmetric;

static u8 swapped(u8 set)
{
	return (set & ~3) | (set & 1) << 1 | (set >> 1 & 1);
}

static void normalize(struct state *s)
{
	struct thread first = s->thread[0];

	if (!symmetric || memcmp(&first, &s->thread[1], sizeof(first)) <= 0)
		return;
	s->thread[0] = s->thread[1];
	s->thread[1] = first;
	s->readers = swapped(s->readers);
	s->awaits[0] = swapped(s->awaits[0]);
	s->awaits[1] = swapped(s->awaits[1]);
	for (int o = 1; o <= cfg.objects; o++)
		s->limbo[o] = swapped(s->limbo[o]);
}

/* --- beginnings ----------------------------------------------------------- */

/* Count what refers to each object; those with nothing are free. */
static bool initial_counts(struct state *s)
{
	for (int i = 0; i < cfg.mutators; i++)
		for (int r = 0; r < MAX_REGS; r++)
			s->word[s->thread[i].reg[r]]++;
	for (int o = 1; o <= cfg.objects; o++)
		for (int slot = 0; slot < cfg.slots; slot++)
			s->word[s->slots[o][slot]]++;
	s->word[0] = 0;
	for (int o = 1; o <= cfg.objects; o++) {
		if (s->word[o])
			s->allocated |= bit(o);
		else if (s->slots[o][0] || s->slots[o][1])
			return false;
	}
	s->weak = cfg.weak & s->allocated;
	/* free blocks are all the same: let them be the last */
	return !(s->allocated & (s->allocated + 1));
}

/* What cannot be reached was touched when it came to be so. */
static void initial_dirty(struct state *s, bool all)
{
	u8 dirty = all ? s->allocated : s->allocated & ~reachable(s);

	s->cand = dirty;
	for (int o = 1; o <= cfg.objects; o++)
		if (dirty & bit(o))
			s->word[o] |= DIRTY;
}

static bool registers_sorted(const struct state *s)
{
	int held = 0;

	for (int i = 0; i < cfg.mutators; i++) {
		const u8 *reg = s->thread[i].reg;

		if (reg[0] < reg[1])
			return false;
		held += !!reg[0] + !!reg[1];
	}
	return !cfg.held || held <= cfg.held;
}

static u64 digit(u64 *number)
{
	u64 d = *number % (cfg.objects + 1);

	*number /= cfg.objects + 1;
	return d;
}

/* Beginning number @n: who refers to what.  Returns false if that is none. */
static bool initial(struct state *s, u64 n)
{
	memset(s, 0, sizeof(*s));
	for (int o = 1; o <= cfg.objects; o++)
		for (int slot = 0; slot < cfg.slots; slot++)
			s->slots[o][slot] = digit(&n);
	for (int i = 0; i < cfg.mutators; i++)
		for (int r = 0; r < MAX_REGS; r++)
			s->thread[i].reg[r] = digit(&n);
	return registers_sorted(s) && initial_counts(s);
}

static u64 initials(void)
{
	int digits = cfg.objects * cfg.slots + cfg.mutators * MAX_REGS;
	u64 n = 1;

	while (digits--)
		n *= cfg.objects + 1;
	return n;
}

/* --- breadth first -------------------------------------------------------- */

/* States of a level; their numbers, if the way to them is to be shown. */
struct level {
	struct state *states;
	unsigned int *numbers;
	size_t n, room;
};

/* How a state was come to. */
struct node {
	unsigned int from;
	u8 thread;
	u8 choice;
};

#define NOWHERE (~0U)
#define NO_THREAD THREADS

static struct node *nodes;
static size_t nr_nodes, room_nodes;
static bool tracing;

static unsigned int node_add(unsigned int from, int thread, int choice)
{
	if (!tracing)
		return 0;
	if (nr_nodes == room_nodes) {
		room_nodes = room_nodes ? 2 * room_nodes : 1024;
		nodes = grown(nodes, room_nodes, sizeof(*nodes));
	}
	nodes[nr_nodes] = (struct node){ from, thread, choice };
	return nr_nodes++;
}

static void level_add(struct level *level, const struct state *s,
		      unsigned int number)
{
	if (level->n == level->room) {
		level->room = level->room ? 2 * level->room : 1024;
		level->states = grown(level->states, level->room,
				      sizeof(*level->states));
		level->numbers = grown(level->numbers, level->room,
				       sizeof(*level->numbers));
	}
	level->states[level->n] = *s;
	level->numbers[level->n++] = number;
}

static void first_level(struct level *level)
{
	struct state s;

	for (u64 n = 0; n < initials(); n++) {
		for (int all = 0; all < 2; all++) {
			if (!initial(&s, n))
				break;
			initial_dirty(&s, all);
			normalize(&s);
			if (is_new(&s))
				level_add(level, &s, node_add(NOWHERE, 0, 0));
		}
	}
}

static bool step(struct state *s, int i, int choice)
{
	if (i == COLLECTOR)
		return collector_step(s, choice);
	return thread_step(s, i, choice);
}

static void show_thread(const struct state *s, int i)
{
	const struct thread *t = &s->thread[i];

	printf("  %d:", i);
	for (int r = 0; r < MAX_REGS; r++)
		if (t->reg[r])
			printf(" r%d=%d", r, t->reg[r]);
	if (t->hold)
		printf(" +%d", t->hold);
}

static void show(const struct state *s)
{
	static const char *const kills[] = { "", "TENTATIVE", "COMMITTED",
					     "ABORTED" };

	printf("       ");
	for (int o = 1; o <= cfg.objects; o++) {
		u8 w = s->word[o];

		if (!(s->allocated & bit(o))) {
			printf(" %d=free", o);
			continue;
		}
		printf(" %d=%d%s%s%s%s%s%s[", o, w & COUNT,
		       w & DIRTY ? "D" : "", w & COND ? "C" : "",
		       w & FINZ ? "F" : "", w & GONE ? "G" : "",
		       s->cand & bit(o) ? "c" : "",
		       s->in_set & bit(o) ? "s" : "");
		for (int slot = 0; slot < cfg.slots; slot++)
			printf("%s%d", slot ? "," : "", s->slots[o][slot]);
		printf("]");
	}
	for (int i = 0; i < THREADS; i++)
		show_thread(s, i);
	printf("  sections=%x awaits=%x,%x %s\n", s->readers, s->awaits[0],
	       s->awaits[1], kills[s->kill]);
}

static void show_step(struct state *s, const struct node *node)
{
	bool scan = node->thread == COLLECTOR &&
		    thread_idle(&s->thread[COLLECTOR]);
	const char *from, *to;
	int i = node->thread;

	from = scan ? collector_at(s) : thread_at(s, i);
	step(s, i, node->choice);
	to = scan ? collector_at(s) : thread_at(s, i);
	if (i < MAX_MUTATORS)
		printf("mutator %d", i);
	else
		printf("%s", i == WORKER ? "worker" : "collector");
	printf(": %s; then: %s\n", from, to);
	show(s);
}

/* The states before @level are gone: begin again and go the way to the end. */
static void show_way(const struct level *beginning, const struct node *end)
{
	unsigned int last = end->from, *way = NULL;
	size_t n = 0;
	struct state s;

	for (; nodes[last].from != NOWHERE; last = nodes[last].from) {
		way = grown(way, n + 1, sizeof(*way));
		way[n++] = last;
	}
	s = beginning->states[last];
	show(&s);
	while (n--)
		show_step(&s, &nodes[way[n]]);
	if (end->thread != NO_THREAD)
		show_step(&s, end);
	free(way);
}

/* All that can come after @s.  Returns false at a violation. */
static bool expand(const struct state *s, unsigned int number,
		   struct level *after, struct node *end)
{
	bool stuck = true;
	struct state t;

	for (int i = 0; i < THREADS; i++) {
		for (int choice = 0;; choice++) {
			t = *s;
			if (!step(&t, i, choice))
				break;
			stuck = false;
			*end = (struct node){ number, i, choice };
			if (violation)
				return false;
			normalize(&t);
			if (is_new(&t))
				level_add(after, &t,
					  node_add(number, i, choice));
		}
	}
	if (stuck && !all_idle(s))
		violated("nobody can go on");
	return !violation;
}

/* Returns false at a violation; @end is the state before it and the step to it. */
static bool next_level(const struct level *level, struct level *after,
		       struct result *result, struct node *end)
{
	after->n = 0;
	for (size_t n = 0; n < level->n; n++) {
		const struct state *s = &level->states[n];

		*end = (struct node){ level->numbers[n], NO_THREAD, 0 };
		check_end(s);
		result->ends += collector_done(s);
		if (violation || !expand(s, level->numbers[n], after, end)) {
			result->length += end->thread != NO_THREAD;
			return false;
		}
		result->states = table_used;
	}
	return true;
}

static void explore_all(struct result *result, u64 limit)
{
	struct level beginning = { 0 }, level = { 0 }, after = { 0 }, swap;
	struct node end;

	first_level(&beginning);
	for (size_t n = 0; n < beginning.n; n++)
		level_add(&level, &beginning.states[n], beginning.numbers[n]);
	while (level.n && !result->full) {
		if (!next_level(&level, &after, result, &end)) {
			if (tracing)
				show_way(&beginning, &end);
			return;
		}
		swap = level;
		level = after;
		after = swap;
		result->length++;
		result->full = level.n && limit && table_used > limit;
	}
}

/* --- random runs ---------------------------------------------------------- */

static u64 seed;

static u64 random_below(u64 n)
{
	seed += 0x9e3779b97f4a7c15ULL;
	return mix(seed) % n;
}

static void random_initial(struct state *s)
{
	do {
		/* of the many beginnings few hold little: see to those too */
		cfg.held = random_below(2 * cfg.mutators) + 1;
	} while (!initial(s, random_below(initials())));
	initial_dirty(s, random_below(2));
}

/* A step of any thread that can take one, with any of its choices. */
static bool random_step(struct state *s, int favoured)
{
	int i = random_below(THREADS), choices;
	struct state t;

	if (favoured < THREADS && random_below(4))
		i = favoured;
	for (int tries = 0; tries < THREADS; tries++) {
		for (choices = 0; t = *s, step(&t, i, choices); choices++)
			;
		violation = NULL;
		if (choices)
			return step(s, i, random_below(choices));
		i = (i + 1) % THREADS;
	}
	return false;
}

static void explore_runs(struct result *result)
{
	struct state s;

	for (long n = 0; n < cfg.walks && !violation; n++) {
		int favoured = random_below(2 * THREADS);

		random_initial(&s);
		result->length = 0;
		while (!violation && random_step(&s, favoured)) {
			result->length++;
			result->states++;
		}
		if (!violation && !all_idle(&s))
			violated("nobody can go on");
		if (!violation)
			check_end(&s);
		result->ends++;
	}
}

/* --- what is called ------------------------------------------------------- */

void explore(struct result *result, u64 limit, bool trace)
{
	tracing = trace;
	symmetric = !trace && cfg.mutators == 2;
	violation = NULL;
	seed = 1;
	if (cfg.walks)
		explore_runs(result);
	else
		explore_all(result, limit);
	if (violation)
		snprintf(result->violation, sizeof(result->violation), "%s",
			 violation);
	result->seconds = (double)clock() / CLOCKS_PER_SEC;
	result->done = true;
}
