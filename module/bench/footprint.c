// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes for each of 1,000,000 objects beyond what it holds: its header, what
 * goes with pools and arenas, and during a scan the collector's notes.
 *
 *	payload	blocks as large as what an object holds, from pheap_alloc()
 *	rest	objects, when no scan runs
 *	scan	the most during scans in which all are looked at
 *
 * What counts is what the module has taken from the kernel.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "bench.h"
#include "graph.h"
#include "scanner.h"

#define FOOTPRINT_COUNT	1000000UL
#define FOOTPRINT_HELD	"/sys/module/pheap/parameters/bytes_held"
#define FOOTPRINT_MSEC	3000
#define FOOTPRINT_TICK	1000

/* What a node holds: references, and values. */
#define FOOTPRINT_BYTES \
	(sizeof(struct graph_node) - sizeof(struct pheap_object))

static long footprint_held(void)
{
	char text[32] = "";
	struct file *file;
	loff_t pos = 0;
	long held = 0;

	file = filp_open(FOOTPRINT_HELD, O_RDONLY, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	if (kernel_read(file, text, sizeof(text) - 1, &pos) <= 0 ||
	    kstrtol(strim(text), 0, &held))
		held = -EIO;
	filp_close(file, NULL);
	return held;
}

static int footprint_add(const char *what, long held, long before, size_t n)
{
	if (held < before)
		return -EIO;
	return result_add("footprint", sizeof(struct graph_node),
			  "pheap_object", what, RESULT_BYTES, held - before, n);
}

static int footprint_alloc(struct pheap *heap, void **blocks, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		blocks[i] = pheap_alloc(heap, FOOTPRINT_BYTES, GFP_KERNEL);
		if (!blocks[i])
			return -ENOMEM;
	}
	return 0;
}

/* Returns what the blocks took, or a negative error. */
static int footprint_payload(size_t n)
{
	void **blocks = vzalloc(array_size(n, sizeof(void *)));
	struct pheap *heap = pheap_create("bench-payload", NULL);
	long before = footprint_held();
	int err = -ENOMEM;

	if (blocks && !IS_ERR(heap))
		err = footprint_alloc(heap, blocks, n);
	if (!err)
		err = footprint_add("payload_bytes", footprint_held(), before,
				    n);
	if (blocks)
		pheap_free_bulk(n, blocks);
	pheap_destroy(heap);
	vfree(blocks);
	return err;
}

static int footprint_scan(struct graph *graph, long before)
{
	ktime_t end = ktime_add_ms(ktime_get(), FOOTPRINT_MSEC);
	struct scanner scanner;
	long most = 0;
	int err;

	err = scanner_start(&scanner, graph, scanner_collect);
	if (err)
		return err;
	while (ktime_before(ktime_get(), end)) {
		most = max(most, footprint_held());
		usleep_range(FOOTPRINT_TICK, 2 * FOOTPRINT_TICK);
	}
	scanner_stop(&scanner);
	return footprint_add("scan_bytes", most, before, graph->count);
}

static int footprint_graph(size_t n)
{
	long before = footprint_held();
	struct graph graph;
	int err;

	err = graph_open(&graph, n);
	if (!err) {
		pheap_gc_disable(graph.heap);
		err = graph_build(&graph, GRAPH_LIST);
	}
	if (!err)
		err = footprint_add("rest_bytes", footprint_held(), before, n);
	if (!err)
		err = footprint_scan(&graph, before);
	graph_close(&graph);
	return err;
}

int footprint(const struct bench_command *command)
{
	size_t n = command->count ?: FOOTPRINT_COUNT;
	int err;

	result_round(0);
	rcu_barrier();
	err = footprint_payload(n);
	rcu_barrier();
	return err ?: footprint_graph(n);
}
