// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/pheap_bench/trace: what a program asked of its allocator.
 *
 * A trace is a stream of LEB128 numbers; Documentation/traces/README.md has the
 * format.  It is checked as it is written, byte by byte, and kept as an array
 * of events, so that a replay spends its time on the allocator.
 */
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/proc_fs.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "bench.h"

/* States of a slot; anything else is the size of the live block. */
#define SLOT_FREE	U32_MAX
#define SLOT_SKIPPED	(U32_MAX - 1)

#define NUMBER_BITS	63

/**
 * struct trace_load - a trace that is being written
 * @trace: what came so far.
 * @sizes: by slot: size of the block, or SLOT_*.
 * @sizes_room: how many of them there is room for.
 * @freed: freed slots, the newest last.
 * @nr_freed: how many.
 * @freed_room: how many there is room for.
 * @live: bytes asked for and not freed.
 * @start: offset of the event that is being read.
 * @number: number that is being read.
 * @shift: bits of it that are there.
 * @first: first number of a reallocation, the second of which is being read.
 * @has_first: there is such a one.
 * @error: what is wrong with it, or %NULL.
 * @buf: what user space is writing.
 */
struct trace_load {
	struct trace trace;
	u32 *sizes;
	size_t sizes_room;
	u32 *freed;
	size_t nr_freed;
	size_t freed_room;
	u64 live;
	u64 start;
	u64 number;
	unsigned int shift;
	u64 first;
	bool has_first;
	const char *error;
	u8 buf[SZ_4K];
};

/* Protected by bench_lock. */
static struct trace trace_loaded;
static const char *trace_error;
static u64 trace_error_at;
static bool trace_writer;

/* Makes room for one more: doubles. */
static void *trace_grow(void *array, size_t nr, size_t *room, size_t size)
{
	size_t more = max_t(size_t, 2 * *room, PAGE_SIZE);
	void *new;

	if (nr < *room)
		return array;
	new = vmalloc(array_size(more, size));
	if (!new)
		return NULL;
	if (array)
		memcpy(new, array, nr * size);
	vfree(array);
	*room = more;
	return new;
}

static int trace_bad(struct trace_load *load, const char *error)
{
	load->error = error;
	return -EINVAL;
}

static int trace_emit(struct trace_load *load, enum trace_op op, u32 slot,
		      u32 size)
{
	struct trace *trace = &load->trace;
	void *events;

	events = trace_grow(trace->events, trace->nr, &trace->room,
			    sizeof(*trace->events));
	if (!events)
		return -ENOMEM;
	trace->events = events;
	trace->events[trace->nr].slot_op = slot << TRACE_OP_BITS | op;
	trace->events[trace->nr].size = size;
	trace->nr_op[op]++;
	if (load->live > trace->asked_peak) {
		trace->asked_peak = load->live;
		trace->peak = trace->nr;
	}
	trace->nr++;
	return 0;
}

static int trace_new_slot(struct trace_load *load, u32 *slot)
{
	struct trace *trace = &load->trace;
	u32 *sizes;

	if (load->nr_freed) {
		*slot = load->freed[--load->nr_freed];
		return 0;
	}
	if (trace->slots > TRACE_SLOT_MAX)
		return trace_bad(load, "more blocks than can be counted");
	sizes = trace_grow(load->sizes, trace->slots, &load->sizes_room,
			   sizeof(*sizes));
	if (!sizes)
		return -ENOMEM;
	load->sizes = sizes;
	*slot = trace->slots++;
	return 0;
}

static int trace_alloc(struct trace_load *load, u32 slot, u64 size)
{
	if (size > KMALLOC_MAX_SIZE) {
		load->sizes[slot] = SLOT_SKIPPED;
		load->trace.skipped++;
		return 0;
	}
	load->sizes[slot] = size;
	load->live += size;
	return trace_emit(load, TRACE_ALLOC, slot, size);
}

static int trace_free(struct trace_load *load, u32 slot)
{
	if (load->sizes[slot] == SLOT_SKIPPED) {
		load->trace.skipped++;
		return 0;
	}
	load->live -= load->sizes[slot];
	return trace_emit(load, TRACE_FREE, slot, 0);
}

static int trace_free_slot(struct trace_load *load, u32 slot)
{
	u32 *freed;
	int err;

	err = trace_free(load, slot);
	if (err)
		return err;
	load->sizes[slot] = SLOT_FREE;
	freed = trace_grow(load->freed, load->nr_freed, &load->freed_room,
			   sizeof(*freed));
	if (!freed)
		return -ENOMEM;
	load->freed = freed;
	load->freed[load->nr_freed++] = slot;
	return 0;
}

static int trace_realloc(struct trace_load *load, u32 slot, u64 size)
{
	int err;

	if (load->sizes[slot] == SLOT_SKIPPED)
		return trace_alloc(load, slot, size);
	if (size > KMALLOC_MAX_SIZE) {
		err = trace_free(load, slot);
		load->sizes[slot] = SLOT_SKIPPED;
		load->trace.skipped++;
		return err;
	}
	load->live += size - load->sizes[slot];
	load->sizes[slot] = size;
	return trace_emit(load, TRACE_REALLOC, slot, size);
}

static int trace_slot(struct trace_load *load, u64 slot)
{
	if (slot >= load->trace.slots || load->sizes[slot] == SLOT_FREE)
		return trace_bad(load, "a block that is not there");
	return 0;
}

/* An event is complete: @x is its first number, @size a second one. */
static int trace_event(struct trace_load *load, u64 x, u64 size)
{
	u64 slot = x >> TRACE_OP_BITS;
	u32 new;
	int err;

	switch (x & (BIT(TRACE_OP_BITS) - 1)) {
	case TRACE_ALLOC:
		err = trace_new_slot(load, &new);
		return err ?: trace_alloc(load, new, slot);
	case TRACE_FREE:
		err = trace_slot(load, slot);
		return err ?: trace_free_slot(load, slot);
	case TRACE_REALLOC:
		err = trace_slot(load, slot);
		return err ?: trace_realloc(load, slot, size);
	default:
		return trace_bad(load, "an event of unknown kind");
	}
}

static int trace_number(struct trace_load *load, u64 number)
{
	if (load->has_first) {
		load->has_first = false;
		return trace_event(load, load->first, number);
	}
	if ((number & (BIT(TRACE_OP_BITS) - 1)) == TRACE_REALLOC) {
		load->has_first = true;
		load->first = number;
		return 0;
	}
	return trace_event(load, number, 0);
}

static int trace_byte(struct trace_load *load, u8 byte)
{
	u64 number;
	int err;

	load->trace.bytes++;
	if (load->shift >= NUMBER_BITS)
		return trace_bad(load, "a number of more than 63 bits");
	load->number |= (u64)(byte & 0x7f) << load->shift;
	load->shift += 7;
	if (byte & 0x80)
		return 0;
	number = load->number;
	load->number = 0;
	load->shift = 0;
	err = trace_number(load, number);
	if (!err && !load->has_first)
		load->start = load->trace.bytes;
	return err;
}

static int trace_bytes(struct trace_load *load, size_t nr)
{
	size_t i;
	int err;

	for (i = 0; i < nr; i++) {
		err = trace_byte(load, load->buf[i]);
		if (err == -ENOMEM)
			trace_bad(load, "no memory for it");
		if (err)
			return err;
	}
	return 0;
}

static ssize_t trace_write(struct file *file, const char __user *buf,
			   size_t len, loff_t *pos)
{
	struct trace_load *load = file->private_data;
	size_t done, chunk;
	int err;

	if (load->error)
		return -EINVAL;
	for (done = 0; done < len; done += chunk) {
		chunk = min(len - done, sizeof(load->buf));
		if (copy_from_user(load->buf, buf + done, chunk))
			return -EFAULT;
		err = trace_bytes(load, chunk);
		if (err)
			return err;
		cond_resched();
	}
	*pos += len;
	return len;
}

static void trace_drop(struct trace *trace)
{
	vfree(trace->events);
	memset(trace, 0, sizeof(*trace));
}

/* The file is closed: from now on this is the trace, if it is whole. */
static void trace_commit(struct trace_load *load)
{
	if (!load->error && (load->shift || load->has_first))
		trace_bad(load, "cut short");
	replay_release();
	trace_drop(&trace_loaded);
	trace_error = load->error;
	trace_error_at = load->start;
	if (load->error) {
		pr_err("pheap_bench: bad trace: at byte %llu: %s\n",
		       load->start, load->error);
		return;
	}
	trace_loaded = load->trace;
	load->trace.events = NULL;
}

static int trace_open_write(struct file *file)
{
	struct trace_load *load = vzalloc(sizeof(*load));
	int err = 0;

	if (!load)
		return -ENOMEM;
	file->private_data = load;
	mutex_lock(&bench_lock);
	if (trace_writer)
		err = -EBUSY;
	else
		trace_writer = true;
	mutex_unlock(&bench_lock);
	if (err)
		vfree(load);
	return err;
}

static void trace_release_write(struct trace_load *load)
{
	mutex_lock(&bench_lock);
	trace_commit(load);
	trace_writer = false;
	mutex_unlock(&bench_lock);
	trace_drop(&load->trace);
	vfree(load->sizes);
	vfree(load->freed);
	vfree(load);
}

static int trace_show(struct seq_file *m, void *v)
{
	const struct trace *trace = &trace_loaded;

	mutex_lock(&bench_lock);
	if (trace_error)
		seq_printf(m, "state=bad\nerror=%s\nerror_at=%llu\n",
			   trace_error, trace_error_at);
	else
		seq_printf(m, "state=%s\n", trace->nr ? "loaded" : "none");
	seq_printf(m, "bytes=%llu\nevents=%zu\n", trace->bytes, trace->nr);
	seq_printf(m, "allocs=%zu\nfrees=%zu\nreallocs=%zu\n",
		   trace->nr_op[TRACE_ALLOC], trace->nr_op[TRACE_FREE],
		   trace->nr_op[TRACE_REALLOC]);
	seq_printf(m, "skipped=%zu\nslots=%u\n", trace->skipped,
		   trace->slots);
	seq_printf(m, "asked_peak=%llu\n", trace->asked_peak);
	mutex_unlock(&bench_lock);
	return 0;
}

static int trace_open(struct inode *inode, struct file *file)
{
	switch (file->f_mode & (FMODE_READ | FMODE_WRITE)) {
	case FMODE_READ:
		return single_open(file, trace_show, NULL);
	case FMODE_WRITE:
		return trace_open_write(file);
	default:
		return -EINVAL;
	}
}

static int trace_release(struct inode *inode, struct file *file)
{
	if (file->f_mode & FMODE_READ)
		return single_release(inode, file);
	trace_release_write(file->private_data);
	return 0;
}

static const struct proc_ops trace_proc_ops = {
	.proc_open	= trace_open,
	.proc_read	= seq_read,
	.proc_write	= trace_write,
	.proc_lseek	= noop_llseek,
	.proc_release	= trace_release,
};

/**
 * trace_get() - the trace to replay
 *
 * Context: Process context; bench_lock is held.
 * Return: the trace, or %NULL if there is none.
 */
const struct trace *trace_get(void)
{
	lockdep_assert_held(&bench_lock);
	return trace_loaded.nr ? &trace_loaded : NULL;
}

int trace_proc_create(struct proc_dir_entry *dir)
{
	return proc_create("trace", 0600, dir, &trace_proc_ops) ? 0 : -ENOMEM;
}

void trace_proc_exit(void)
{
	trace_drop(&trace_loaded);
}
