// SPDX-License-Identifier: GPL-2.0
/*
 * What the collector takes for each object: 1,000,000 of 64 bytes, in one heap,
 * all of them touched before.
 *
 *	collect		all are garbage: until pheap_collect() returns
 *	live		all are held
 *	hung		one of each cycle is, and all others hang on it
 *
 * collect-few and so on: 100,000 objects.  The peer, gc.collect() of CPython,
 * is measured by scripts/bench-python.
 */
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>

#include "bench.h"
#include "graph.h"

#define COLLECT_MANY	1000000UL
#define COLLECT_FEW	100000UL

/**
 * struct collect_test - a test
 * @name: its name.
 * @count: objects, unless the command says otherwise.
 * @prepare: what becomes of a graph before it is scanned.
 * @dead: all of it is garbage then.
 */
struct collect_test {
	const char *name;
	size_t count;
	void (*prepare)(struct graph *graph, enum graph_shape shape);
	bool dead;
};

static void collect_drop(struct graph *graph, enum graph_shape shape)
{
	graph_drop(graph);
}

static void collect_keep(struct graph *graph, enum graph_shape shape)
{
}

static int collect_scan(const struct collect_test *test, struct graph *graph,
			enum graph_shape shape)
{
	u64 start;
	size_t freed;

	start = ktime_get_raw_ns();
	freed = pheap_collect(graph->heap);
	start = ktime_get_raw_ns() - start;
	/* Of a random graph, what nothing referred to ended before. */
	if (test->dead ? freed < graph->count * 9 / 10 : freed)
		return -EIO;
	return result_add(test->name, sizeof(struct graph_node),
			  "pheap_object", graph_name(shape), RESULT_NS, start,
			  freed ?: graph->count);
}

static int collect_shape(const struct collect_test *test, struct graph *graph,
			 enum graph_shape shape)
{
	int err;

	pheap_gc_disable(graph->heap);
	err = graph_build(graph, shape);
	if (err)
		return err;
	test->prepare(graph, shape);
	return collect_scan(test, graph, shape);
}

static int collect_round(const struct collect_test *test, size_t count,
			 enum graph_shape shape)
{
	struct graph graph;
	int err;

	err = graph_open(&graph, count);
	if (!err)
		err = collect_shape(test, &graph, shape);
	graph_close(&graph);
	/* The next one finds the memory free. */
	rcu_barrier();
	if (!err && signal_pending(current))
		err = -EINTR;
	return err;
}

static int collect_run(const struct collect_test *test,
		       const struct bench_command *command)
{
	size_t count = command->count ?: test->count;
	enum graph_shape shape;
	int round, err;

	for (round = -1; round < (int)command->rounds; round++) {
		result_round(round);
		for (shape = 0; shape < GRAPH_SHAPES; shape++) {
			err = collect_round(test, count, shape);
			if (err)
				return err;
		}
	}
	return 0;
}

int collect_dead(const struct bench_command *command)
{
	static const struct collect_test test = {
		"collect", COLLECT_MANY, collect_drop, true
	};

	return collect_run(&test, command);
}

int collect_live(const struct bench_command *command)
{
	static const struct collect_test test = {
		"live", COLLECT_MANY, collect_keep, false
	};

	return collect_run(&test, command);
}

int collect_hung(const struct bench_command *command)
{
	static const struct collect_test test = {
		"hung", COLLECT_MANY, graph_hang, false
	};

	return collect_run(&test, command);
}

int collect_few_dead(const struct bench_command *command)
{
	static const struct collect_test test = {
		"collect-few", COLLECT_FEW, collect_drop, true
	};

	return collect_run(&test, command);
}

int collect_few_live(const struct bench_command *command)
{
	static const struct collect_test test = {
		"live-few", COLLECT_FEW, collect_keep, false
	};

	return collect_run(&test, command);
}

int collect_few_hung(const struct bench_command *command)
{
	static const struct collect_test test = {
		"hung-few", COLLECT_FEW, graph_hang, false
	};

	return collect_run(&test, command);
}
