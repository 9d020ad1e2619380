// SPDX-License-Identifier: GPL-2.0
/*
 * How long single operations take while 1,000,000 objects, a shuffled list, are
 * scanned on another CPU: percentiles, and the longest.  Beside that,
 *
 *	stall		how long while nothing goes on
 *	stall-busy	how long while the other CPU goes through the same
 *			objects and writes to each, without pheap: what two CPUs
 *			that share a memory, and a host, do to each other
 *
 * A clock that ticks more coarsely than that shows where it does.
 *
 * The operations are on objects of the list, taken at random, as the scan is on
 * its way through them; a look at the clock is in all figures.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "bench.h"
#include "graph.h"
#include "scanner.h"

#define STALL_COUNT	1000000UL
#define STALL_SAMPLES	1000000UL
#define STALL_SEED	4711

/* Steps of the histogram between one power of two and the next. */
#define STALL_STEPS	16
#define STALL_BINS	(64 * STALL_STEPS)

enum stall_op {
	STALL_GET,
	STALL_PUT,
	STALL_SET,
	STALL_NEW,
	STALL_OPS,
};

static const char * const stall_what[STALL_OPS][4] = {
	[STALL_GET] = { "get_p50_ns", "get_p99_ns", "get_p99.9_ns",
			"get_max_ns" },
	[STALL_PUT] = { "put_p50_ns", "put_p99_ns", "put_p99.9_ns",
			"put_max_ns" },
	[STALL_SET] = { "set_p50_ns", "set_p99_ns", "set_p99.9_ns",
			"set_max_ns" },
	[STALL_NEW] = { "new_p50_ns", "new_p99_ns", "new_p99.9_ns",
			"new_max_ns" },
};

/* In thousandths. */
static const unsigned int stall_parts[] = { 500, 990, 999 };

/**
 * struct stall_hist - how long an operation took
 * @nr: how many there were.
 * @max: longest.
 * @bins: by length: %STALL_STEPS for each power of two.
 */
struct stall_hist {
	u64 nr;
	u64 max;
	u32 bins[STALL_BINS];
};

/**
 * struct stall - a measurement
 * @graph: objects.
 * @spare: slot's owner that is no part of the list.
 * @rnd: which object is next.
 * @hist: results.
 */
struct stall {
	struct graph graph;
	struct graph_node *spare;
	struct rnd_state rnd;
	struct stall_hist hist[STALL_OPS];
};

static unsigned int stall_bin(u64 ns)
{
	unsigned int log = ilog2(ns | STALL_STEPS);

	return log * STALL_STEPS +
	       (ns >> (log - ilog2(STALL_STEPS))) % STALL_STEPS;
}

/* The longest that belongs there. */
static u64 stall_bin_end(unsigned int bin)
{
	unsigned int log = bin / STALL_STEPS;

	return ((u64)(STALL_STEPS + bin % STALL_STEPS + 1)
		<< (log - ilog2(STALL_STEPS))) - 1;
}

static void stall_note(struct stall *stall, enum stall_op op, u64 start)
{
	struct stall_hist *hist = &stall->hist[op];
	u64 ns = ktime_get_raw_ns() - start;

	hist->nr++;
	hist->max = max(hist->max, ns);
	hist->bins[stall_bin(ns)]++;
}

/* One of each operation. */
static int stall_ops(struct stall *stall)
{
	u32 i = prandom_u32_state(&stall->rnd) % stall->graph.count;
	struct pheap_object *obj = &stall->graph.nodes[i]->obj;
	struct pheap_object *new;
	u64 start;

	start = ktime_get_raw_ns();
	pheap_get(obj);
	stall_note(stall, STALL_GET, start);
	start = ktime_get_raw_ns();
	pheap_put(obj);
	stall_note(stall, STALL_PUT, start);
	start = ktime_get_raw_ns();
	pheap_slot_set(&stall->spare->obj, &stall->spare->to[0], obj);
	stall_note(stall, STALL_SET, start);
	start = ktime_get_raw_ns();
	new = pheap_new(stall->graph.types[0], GFP_KERNEL);
	stall_note(stall, STALL_NEW, start);
	pheap_put(new);
	return new ? 0 : -ENOMEM;
}

static int stall_add(const struct stall *stall, const char *test,
		     const char *side, enum stall_op op)
{
	const struct stall_hist *hist = &stall->hist[op];
	unsigned int bin = 0, part;
	u64 seen = 0;
	int err;

	for (part = 0; part < ARRAY_SIZE(stall_parts); part++) {
		while (bin < STALL_BINS &&
		       seen * 1000 < hist->nr * stall_parts[part])
			seen += hist->bins[bin++];
		err = result_add(test, sizeof(struct graph_node), side,
				 stall_what[op][part], RESULT_NS,
				 bin ? stall_bin_end(bin - 1) : 0, 1);
		if (err)
			return err;
	}
	return result_add(test, sizeof(struct graph_node), side,
			  stall_what[op][part], RESULT_NS, hist->max, 1);
}

static int stall_report(const struct stall *stall, const char *test,
			const char *side)
{
	enum stall_op op;
	int err = 0;

	for (op = 0; op < STALL_OPS && !err; op++)
		err = stall_add(stall, test, side, op);
	return err;
}

/* While @scanner, if there is one, is at work. */
static int stall_measure(struct stall *stall, const struct scanner *scanner)
{
	unsigned long left = STALL_SAMPLES;
	int err = 0;

	memset(stall->hist, 0, sizeof(stall->hist));
	while (left && !err && !signal_pending(current)) {
		cond_resched();
		if (scanner && !scanner_is_at_work(scanner))
			continue;
		err = stall_ops(stall);
		left--;
	}
	return err ?: left ? -EINTR : 0;
}

static int stall_beside(struct stall *stall, scanner_fn fn)
{
	struct scanner scanner;
	int err;

	err = scanner_start(&scanner, &stall->graph, fn);
	if (err)
		return err;
	err = stall_measure(stall, &scanner);
	scanner_stop(&scanner);
	return err;
}

static int stall_all(struct stall *stall)
{
	int err;

	/* As in the middle of a scan, objects are clean when it begins. */
	pheap_collect(stall->graph.heap);
	err = stall_measure(stall, NULL) ?:
	      stall_report(stall, "stall", "quiet") ?:
	      stall_beside(stall, scanner_write) ?:
	      stall_report(stall, "stall-busy", "busy");
	if (err)
		return err;
	return stall_beside(stall, scanner_collect) ?:
	       stall_report(stall, "stall", "scanning") ?:
	       stall_report(stall, "stall-busy", "scanning");
}

/* On the first CPU, as the scanner is on the last. */
static int stall_run(struct stall *stall)
{
	int err;

	if (num_online_cpus() < 2)
		return result_note("stall", "needs two CPUs");
	pheap_gc_disable(stall->graph.heap);
	err = graph_build(&stall->graph, GRAPH_SHUFFLED);
	if (err)
		return err;
	stall->spare = pheap_new(stall->graph.types[0], GFP_KERNEL);
	if (!stall->spare)
		return -ENOMEM;
	prandom_seed_state(&stall->rnd, STALL_SEED);
	err = set_cpus_allowed_ptr(current,
				   cpumask_of(cpumask_first(cpu_online_mask)));
	if (!err)
		err = stall_all(stall);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	return err;
}

int stall_longest(const struct bench_command *command)
{
	struct stall *stall = kzalloc(sizeof(*stall), GFP_KERNEL);
	int err;

	if (!stall)
		return -ENOMEM;
	result_round(0);
	err = graph_open(&stall->graph, command->count ?: STALL_COUNT);
	if (!err)
		err = stall_run(stall);
	pheap_put((struct pheap_object *)stall->spare);
	graph_close(&stall->graph);
	kfree(stall);
	return err;
}
