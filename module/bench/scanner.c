// SPDX-License-Identifier: GPL-2.0
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/prefetch.h>
#include <linux/sched.h>

#include "scanner.h"

void scanner_collect(struct scanner *scanner)
{
	graph_touch(scanner->graph);
	WRITE_ONCE(scanner->at_work, true);
	pheap_collect(scanner->graph->heap);
	WRITE_ONCE(scanner->at_work, false);
}

/* A scan prefetches, and gives way to others, too. */
#define SCANNER_AHEAD	8
#define SCANNER_CHUNK	1024

void scanner_write(struct scanner *scanner)
{
	struct graph *graph = scanner->graph;
	size_t i;

	WRITE_ONCE(scanner->at_work, true);
	for (i = 0; i < graph->count; i++) {
		if (i + SCANNER_AHEAD < graph->count)
			prefetchw(graph->nodes[i + SCANNER_AHEAD]);
		graph->nodes[i]->value[0]++;
		if (i % SCANNER_CHUNK == 0)
			cond_resched();
	}
	WRITE_ONCE(scanner->at_work, false);
}

static int scanner_main(void *arg)
{
	struct scanner *scanner = arg;

	while (!kthread_should_stop()) {
		scanner->fn(scanner);
		cond_resched();
	}
	return 0;
}

/**
 * scanner_start() - begin
 * @scanner: filled in.
 * @graph: what to go through; the caller holds all of it until scanner_stop().
 * @fn: how.
 *
 * Return: 0 or a negative error.
 */
int scanner_start(struct scanner *scanner, struct graph *graph, scanner_fn fn)
{
	*scanner = (struct scanner) { .graph = graph, .fn = fn };
	scanner->task = kthread_create(scanner_main, scanner, "pheap_bench");
	if (IS_ERR(scanner->task))
		return PTR_ERR(scanner->task);
	kthread_bind(scanner->task, cpumask_last(cpu_online_mask));
	wake_up_process(scanner->task);
	return 0;
}

/**
 * scanner_stop() - end it
 * @scanner: one that was started.
 */
void scanner_stop(struct scanner *scanner)
{
	kthread_stop(scanner->task);
}
