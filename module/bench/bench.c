// SPDX-License-Identifier: GPL-2.0
/*
 * pheap_bench: pheap beside SLUB; see bench.h for how it is used.
 */
#include <linux/module.h>
#include <linux/proc_fs.h>

#include "bench.h"

/* One thing at a time: protects the trace, the replay and the results. */
DEFINE_MUTEX(bench_lock);

static struct proc_dir_entry *bench_dir;

static int __init bench_init(void)
{
	int err;

	bench_dir = proc_mkdir("pheap_bench", NULL);
	if (!bench_dir)
		return -ENOMEM;
	err = trace_proc_create(bench_dir);
	if (!err)
		err = replay_proc_create(bench_dir);
	if (!err)
		err = micro_proc_create(bench_dir);
	if (err)
		proc_remove(bench_dir);
	return err;
}

static void __exit bench_exit(void)
{
	proc_remove(bench_dir);
	micro_proc_exit();
	replay_proc_exit();
	trace_proc_exit();
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_DESCRIPTION("pheap beside SLUB: replay of traces, micro-benchmarks");
MODULE_LICENSE("GPL");
