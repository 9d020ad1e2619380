/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests of pheap.
 *
 * A suite is a noun, and a file.  Each case gets a fresh heap in one of the
 * modes that it is to run in; when it ends, the heap must be valid, whatever
 * is left must be what the case says, and after the heap's end pheap must hold
 * as many bytes as before.
 */
#ifndef _PHEAP_KUNIT_H
#define _PHEAP_KUNIT_H

#include <kunit/test.h>
#include <linux/prandom.h>
#include <pheap/pheap.h>

#include "internal.h"

/**
 * struct mode - how a case's heap works
 * @name: of the mode.
 * @flags: &enum pheap_flags.
 */
struct mode {
	const char *name;
	unsigned int flags;
};

#define MODE_PLAIN		{ "plain", 0 }
#define MODE_PASSTHROUGH	{ "passthrough", PHEAP_PASSTHROUGH }
#define MODE_DEBUG		{ "debug", PHEAP_DEBUG }

void mode_describe(const struct mode *mode, char *desc);

/* A set of modes for MODE_CASE(). */
#define MODE_SET(name, ...)						\
	static const struct mode name##_modes[] = { __VA_ARGS__ };	\
	KUNIT_ARRAY_PARAM(name, name##_modes, mode_describe)

#define MODE_CASE(set, fn)	KUNIT_CASE_PARAM(fn, set##_gen_params)

#define FIXTURE_EXTRA	4
#define FIXTURE_GFP	(GFP_KERNEL | __GFP_NOWARN)

/**
 * struct fixture - what each case finds in test->priv
 * @mode: mode of the heap.
 * @heap: a fresh heap.
 * @extra: more heaps, by fixture_extra().
 * @held: bytes that pheap held before.
 * @leaves: the case leaves blocks live.
 * @seed: where @rnd began.
 * @rnd: for fixture_random().
 * @log: reports that the case announced.
 */
struct fixture {
	const struct mode *mode;
	struct pheap *heap;
	struct pheap *extra[FIXTURE_EXTRA];
	long held;
	bool leaves;
	u64 seed;
	struct rnd_state rnd;
	struct {
		bool open;
		u64 from;
		u64 to;
		long counts[PHEAP_BAD_NR];
		u64 bad[PHEAP_BAD_NR];
	} log;
};

static inline struct fixture *fixture_of(struct kunit *test)
{
	return test->priv;
}

static inline struct pheap *heap_of(struct kunit *test)
{
	return fixture_of(test)->heap;
}

static inline bool is_plain(struct kunit *test)
{
	return !fixture_of(test)->mode->flags;
}

static inline bool is_debug(struct kunit *test)
{
	return fixture_of(test)->mode->flags & PHEAP_DEBUG;
}

static inline bool is_passthrough(struct kunit *test)
{
	return fixture_of(test)->mode->flags & PHEAP_PASSTHROUGH;
}

int fixture_init(struct kunit *test);
void fixture_exit(struct kunit *test);

/* Another heap in the place of the fresh one, in the same mode. */
struct pheap *fixture_remake(struct kunit *test,
			     const struct pheap_args *args);

/* One more heap, in the same mode; the fixture destroys it. */
struct pheap *fixture_extra(struct kunit *test, const char *name);

/* Destroy a heap of fixture_extra()'s now. */
void fixture_drop_extra(struct kunit *test, struct pheap *heap);

/* 0 ... @below - 1 */
u32 fixture_random(struct kunit *test, u32 below);

/* The cache of the class for @size, which must be in use. */
struct pheap_cache *fixture_class(struct kunit *test, size_t size);

/* The pool that @p points into, or NULL. */
struct pool *fixture_pool(const void *p);

/* By address. */
void fixture_sort(void **p, unsigned int nr);

/* The heap is valid, and every byte of it is somewhere. */
void fixture_check_at(struct kunit *test, const char *file, int line);
#define FIXTURE_CHECK(test)	fixture_check_at(test, __FILE__, __LINE__)

struct pheap_stats fixture_stats(struct kunit *test);

/* Run @fn on @cpu, in process context. */
void fixture_run_on(struct kunit *test, int cpu, void (*fn)(void *arg),
		    void *arg);

/* An online CPU other than @cpu, or -1. */
int fixture_other_cpu(int cpu);

/* Destroy a heap meanwhile; fixture_held() waits for the end of that. */
void fixture_destroy_later(struct kunit *test, struct pheap *heap);

/* For all suites, before the first and after the last. */
int fixture_start(struct kunit_suite *suite);
void fixture_stop(void);

/* Bytes that pheap holds, once what RCU and workers have is gone. */
long fixture_held(void);

/* For a case that allocates or frees where a kernel with PREEMPT_RT may not. */
void fixture_atomic(struct kunit *test);

/*
 * log.c: what the kernel prints.  Reports that a case provokes stand between
 * log_expect() and log_end(), so that who reads the kernel's log does not take
 * them for bugs.
 */
void log_expect(struct kunit *test, const char *what);
void log_end(struct kunit *test);

/* Since log_expect(), misuse was counted @nr times as @kind, else not at all. */
void log_check_counts_at(struct kunit *test, enum pheap_bad kind, long nr,
			 const char *file, int line);
#define LOG_CHECK_COUNTS(test, kind, nr) \
	log_check_counts_at(test, kind, nr, __FILE__, __LINE__)

/* Whether a line between log_expect() and log_end() has @text in it. */
bool log_has(struct kunit *test, const char *text);

/* How many have. */
unsigned int log_count(struct kunit *test, const char *text);

/* The same as LOG_CHECK_COUNTS(), and a report of it was printed. */
void log_end_with(struct kunit *test, enum pheap_bad kind, long nr,
		  const char *text, const char *file, int line);
#define LOG_END_WITH(test, kind, nr, text) \
	log_end_with(test, kind, nr, text, __FILE__, __LINE__)

/*
 * file.c: files of the running system.  Both return 0 or an error.
 */
int file_write(const char *path, const char *text);

/* All of it, as a string. */
int file_read(const char *path, char *text, size_t size);

/*
 * leak.c: objects for kmemleak.  Free them.
 */
void leak_drop(void);

/*
 * grow.c: a heap that grows in a cgroup.  Destroy it.
 */
void grow_drop(void);

/*
 * model.c: the naive model that a heap is compared with.
 */

/**
 * struct cell - a block, and what is known of it
 * @p: the block, or NULL.
 * @size: bytes asked for.
 * @tag: what its bytes are made of.
 */
struct cell {
	void *p;
	size_t size;
	u32 tag;
};

/**
 * struct model - blocks that are live
 * @heap: heap.
 * @rnd: where chance is from.
 * @nr: cells.
 * @live: cells with a block.
 * @bytes: sum of the sizes of the live ones.
 * @gfp: GFP flags.
 * @most: largest size.
 * @failed: allocations that failed.
 * @errors: what was not as it should be.
 * @what: the first of them.
 * @cell: cells.
 */
struct model {
	struct pheap *heap;
	struct rnd_state rnd;
	unsigned int nr;
	unsigned int live;
	size_t bytes;
	gfp_t gfp;
	size_t most;
	unsigned long failed;
	unsigned long errors;
	const char *what;
	struct cell *cell;
};

/* Models are made in process context, and used in any. */
void model_init(struct kunit *test, struct model *model, unsigned int nr,
		gfp_t gfp, size_t most);

/* A random allocation, free or realloc; returns false if there is an error. */
bool model_step(struct model *model);

/* A random size up to model->most, small ones more often. */
size_t model_size(struct model *model);

u32 model_random(struct model *model, u32 below);

/* Give the block a pattern; check it. */
void cell_fill(struct cell *cell);
bool cell_check(const struct cell *cell);

/* The same of the first @n bytes, which are at @q now. */
bool cell_check_part(const struct cell *cell, const void *q, size_t n);

/* Allocate, or check and free, one cell. */
bool model_alloc(struct model *model, struct cell *cell);
bool model_free(struct model *model, struct cell *cell);

/* Take the block out of a live cell, unless there is none. */
bool model_take(struct model *model, struct cell *cell);

/* Check and free all. */
void model_clear(struct model *model);

/* Live blocks of the heap are exactly the model's. */
void model_compare(struct kunit *test, struct model *model);

/* No error so far, everything freed. */
void model_finish(struct kunit *test, struct model *model);

/*
 * poke.c: accesses that KASAN would report.
 */
u64 poke_read(const void *p);
void poke_write(void *p, u64 value);
/* A block, free or not, gets the mark of a free one. */
void poke_mark(const struct pheap_cache *cache, void *p);
u8 poke_byte(const void *p);
void poke_byte_write(void *p, u8 value);
bool poke_is_zero(const void *p, size_t n);

extern struct kunit_suite arena_suite, partial_suite, pool_suite, give_suite,
	magazine_suite, inline_suite, heap_suite, cache_suite, large_suite, map_suite,
	limit_suite, realloc_suite, sized_suite, bulk_suite, content_suite, stats_suite,
	report_suite, fault_suite, node_suite, defer_suite, reserve_suite,
	context_suite, race_suite, stress_suite, view_suite, object_suite,
	slot_suite, weak_suite, frame_suite, root_suite, gc_suite, shape_suite,
	rule_suite, oracle_suite, scan_suite, gcstress_suite, kasan_suite;

/* Module parameters. */
extern unsigned long kunit_seed;
extern char *kunit_only;
extern unsigned int stress_ms;

#endif /* _PHEAP_KUNIT_H */
