/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pheap_bench: pheap beside SLUB, in one module and one run
 *
 * /proc/pheap_bench/trace	write the trace of a program, read what is in it
 * /proc/pheap_bench/replay	write how to replay it, read what that took
 * /proc/pheap_bench/micro	write the name of a test, read what it measured
 *
 * Each of the files stays as it was read until the next write.  All that is
 * printed was measured; nothing is subtracted.
 */
#ifndef _PHEAP_BENCH_H
#define _PHEAP_BENCH_H

#include <linux/mutex.h>
#include <linux/types.h>

struct proc_dir_entry;
struct seq_file;

/* What may be asked for with one write to "replay" or "micro". */
#define BENCH_ROUNDS_MAX	99
#define BENCH_COMMAND_MAX	127

/**
 * struct bench_command - a line such as "pair rounds=9 size=64"
 * @name: its first word.
 * @rounds: how often to measure, after one round to warm up.
 * @count: blocks; 0 = the test's default.
 * @size: the only size to measure; 0 = all of the test's.
 * @hold: stop at the peak (replay only).
 */
struct bench_command {
	char name[BENCH_COMMAND_MAX + 1];
	unsigned long rounds;
	unsigned long count;
	unsigned long size;
	unsigned long hold;
};

/**
 * struct bench_file - a file that takes commands
 * @name: its name.
 * @run: does what a line written to it says; bench_lock is held.
 * @show: what is read from it.
 */
struct bench_file {
	const char *name;
	int (*run)(const struct bench_command *command);
	int (*show)(struct seq_file *m, void *v);
};

int bench_file_create(const struct bench_file *file,
		      struct proc_dir_entry *dir);

extern struct mutex bench_lock;

/* trace.c */
enum trace_op {
	TRACE_ALLOC,
	TRACE_FREE,
	TRACE_REALLOC,
};

#define TRACE_OP_BITS		2
#define TRACE_SLOT_MAX		(U32_MAX >> TRACE_OP_BITS)

/**
 * struct trace_event - one call of the program, its slot already worked out
 * @slot_op: number of the block << %TRACE_OP_BITS | &enum trace_op.
 * @size: bytes asked for.
 */
struct trace_event {
	u32 slot_op;
	u32 size;
};

/**
 * struct trace - what a program asked of its allocator
 * @events: its calls.
 * @nr: how many.
 * @room: how many @events has room for.
 * @nr_op: how many of each kind.
 * @skipped: calls left out because kmalloc() has no blocks of that size.
 * @slots: most blocks that were live at one time.
 * @bytes: length of the file.
 * @asked_peak: most bytes that were live at one time, as asked for.
 * @peak: index of the event with which @asked_peak was reached first.
 */
struct trace {
	struct trace_event *events;
	size_t nr;
	size_t room;
	size_t nr_op[TRACE_REALLOC + 1];
	size_t skipped;
	u32 slots;
	u64 bytes;
	u64 asked_peak;
	size_t peak;
};

const struct trace *trace_get(void);
int trace_proc_create(struct proc_dir_entry *dir);
void trace_proc_exit(void);

/* replay.c */
void replay_release(void);
int replay_proc_create(struct proc_dir_entry *dir);
void replay_proc_exit(void);

/* micro.c */
int micro_proc_create(struct proc_dir_entry *dir);
void micro_proc_exit(void);

/* pages.c */
s64 slab_bytes(void);

/* result.c */
enum result_unit {
	RESULT_NS,
	RESULT_BYTES,
	RESULT_PER_SECOND,
};

void result_round(int round);
int result_add(const char *test, size_t size, const char *side,
	       const char *what, enum result_unit unit, u64 sum, u64 n);
int result_note(const char *test, const char *note);
void result_show(struct seq_file *m);
void result_clear(void);
u64 result_median(u64 *values, unsigned int n);

/* single.c, ring.c, shapes.c, memory.c, worst.c */
int single_pair(const struct bench_command *command);
int single_batch(const struct bench_command *command);
int single_bulk(const struct bench_command *command);
int single_irq(const struct bench_command *command);
int single_medium_pair(const struct bench_command *command);
int single_medium_batch(const struct bench_command *command);
int shared_ring(const struct bench_command *command);
int shared_batches(const struct bench_command *command);
int shared_two(const struct bench_command *command);
int shared_larson(const struct bench_command *command);
int shared_larson_swap(const struct bench_command *command);
int shared_xmalloc(const struct bench_command *command);
int memory_random(const struct bench_command *command);
int memory_idle(const struct bench_command *command);
int memory_meta(const struct bench_command *command);
int worst_call(const struct bench_command *command);

/* collect.c */
int collect_dead(const struct bench_command *command);
int collect_live(const struct bench_command *command);
int collect_hung(const struct bench_command *command);
int collect_few_dead(const struct bench_command *command);
int collect_few_live(const struct bench_command *command);
int collect_few_hung(const struct bench_command *command);

/* object.c, stall.c, footprint.c */
int object_ops(const struct bench_command *command);
int stall_longest(const struct bench_command *command);
int footprint(const struct bench_command *command);

#endif /* _PHEAP_BENCH_H */
