// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/pheap_bench/micro: the micro-benchmarks by name.
 */
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "bench.h"

static const struct micro_test {
	const char *name;
	int (*run)(const struct bench_command *command);
} micro_tests[] = {
	{ "pair", single_pair },
	{ "batch", single_batch },
	{ "bulk", single_bulk },
	{ "ring", shared_ring },
	{ "batches", shared_batches },
	{ "two", shared_two },
	{ "larson", shared_larson },
	{ "larson-swap", shared_larson_swap },
	{ "xmalloc", shared_xmalloc },
	{ "random", memory_random },
	{ "irq", single_irq },
	{ "medium-pair", single_medium_pair },
	{ "medium-batch", single_medium_batch },
	{ "worst", worst_call },
	{ "idle", memory_idle },
	{ "meta", memory_meta },
	{ "collect", collect_dead },
	{ "live", collect_live },
	{ "hung", collect_hung },
	{ "collect-few", collect_few_dead },
	{ "live-few", collect_few_live },
	{ "hung-few", collect_few_hung },
	{ "object", object_ops },
	{ "stall", stall_longest },
	{ "footprint", footprint },
};

static int micro_run(const struct bench_command *command)
{
	bool all = !strcmp(command->name, "all");
	int err = -EINVAL;
	size_t i;

	result_clear();
	for (i = 0; i < ARRAY_SIZE(micro_tests); i++) {
		if (!all && strcmp(command->name, micro_tests[i].name))
			continue;
		err = micro_tests[i].run(command);
		if (!err && signal_pending(current))
			err = -EINTR;
		if (err)
			return err;
	}
	return err;
}

static int micro_show(struct seq_file *m, void *v)
{
	size_t i;

	seq_puts(m, "# tests: all");
	for (i = 0; i < ARRAY_SIZE(micro_tests); i++)
		seq_printf(m, " %s", micro_tests[i].name);
	seq_putc(m, '\n');
	mutex_lock(&bench_lock);
	result_show(m);
	mutex_unlock(&bench_lock);
	return 0;
}

static const struct bench_file micro_file = {
	.name	= "micro",
	.run	= micro_run,
	.show	= micro_show,
};

int micro_proc_create(struct proc_dir_entry *dir)
{
	return bench_file_create(&micro_file, dir);
}

void micro_proc_exit(void)
{
	result_clear();
}
