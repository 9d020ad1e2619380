// SPDX-License-Identifier: GPL-2.0
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include "scanner.h"

static int scanner_main(void *arg)
{
	struct scanner *scanner = arg;

	while (!kthread_should_stop()) {
		graph_touch(scanner->graph);
		WRITE_ONCE(scanner->scanning, true);
		pheap_collect(scanner->graph->heap);
		WRITE_ONCE(scanner->scanning, false);
		cond_resched();
	}
	return 0;
}

/**
 * scanner_start() - begin to scan
 * @scanner: filled in.
 * @graph: what to scan; the caller holds all of it until scanner_stop().
 *
 * Return: 0 or a negative error.
 */
int scanner_start(struct scanner *scanner, struct graph *graph)
{
	*scanner = (struct scanner) { .graph = graph };
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
