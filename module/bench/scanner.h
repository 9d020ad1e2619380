/* SPDX-License-Identifier: GPL-2.0 */
/*
 * scanner - a thread that goes through a live graph over and over, on the last CPU
 */
#ifndef _PHEAP_BENCH_SCANNER_H
#define _PHEAP_BENCH_SCANNER_H

#include <linux/compiler.h>

#include "graph.h"

struct task_struct;

struct scanner;

/* What it does, again and again, @at_work where that is to be measured. */
typedef void (*scanner_fn)(struct scanner *scanner);

/**
 * struct scanner - the thread
 * @graph: what it goes through.
 * @fn: how.
 * @task: the thread.
 * @at_work: it does right now.
 */
struct scanner {
	struct graph *graph;
	scanner_fn fn;
	struct task_struct *task;
	bool at_work;
};

/* Touch all objects, and scan them, which is work. */
void scanner_collect(struct scanner *scanner);

/* Read each object's value and write another. */
void scanner_write(struct scanner *scanner);

int scanner_start(struct scanner *scanner, struct graph *graph, scanner_fn fn);
void scanner_stop(struct scanner *scanner);

static inline bool scanner_is_at_work(const struct scanner *scanner)
{
	return READ_ONCE(scanner->at_work);
}

#endif /* _PHEAP_BENCH_SCANNER_H */
