/* SPDX-License-Identifier: GPL-2.0 */
/*
 * scanner - a thread that scans a live graph over and over, on the last CPU
 */
#ifndef _PHEAP_BENCH_SCANNER_H
#define _PHEAP_BENCH_SCANNER_H

#include <linux/compiler.h>

#include "graph.h"

struct task_struct;

/**
 * struct scanner - the thread
 * @graph: what it scans; all of it is touched before each scan.
 * @task: the thread.
 * @scanning: a scan goes on right now.
 */
struct scanner {
	struct graph *graph;
	struct task_struct *task;
	bool scanning;
};

int scanner_start(struct scanner *scanner, struct graph *graph);
void scanner_stop(struct scanner *scanner);

static inline bool scanner_is_scanning(const struct scanner *scanner)
{
	return READ_ONCE(scanner->scanning);
}

#endif /* _PHEAP_BENCH_SCANNER_H */
