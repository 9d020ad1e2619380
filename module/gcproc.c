// SPDX-License-Identifier: GPL-2.0
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "gc.h"
#include "gcproc.h"
#include "heap.h"

static struct proc_dir_entry *gcproc_file;

static const char *gcproc_owner(const struct pheap *heap)
{
	return heap->owner ? heap->owner->name : "-";
}

/* Microseconds, with three places. */
static void gcproc_time(struct seq_file *m, u64 nsec)
{
	u32 rest;
	u64 usec = div_u64_rem(nsec, 1000, &rest);

	seq_printf(m, " %10llu.%03u", usec, rest);
}

/* What the last scan noted. */
static const struct pheap_gc_info *gcproc_last(const struct gc *gc)
{
	u64 scans = READ_ONCE(gc->total.scan);

	return &gc->log[(scans ? scans - 1 : 0) % GC_LOG];
}

static void gcproc_row(struct seq_file *m, struct gc *gc)
{
	const struct pheap_gc_info *last = gcproc_last(gc);
	const struct pheap_gc_info *total = &gc->total;
	u64 visited = READ_ONCE(total->visited);

	seq_printf(m, "%-16s %-16s %7llu %10llu %10llu %10llu %12llu %9llu %11lu %8llu",
		   gcproc_owner(gc->heap), gc->heap->name,
		   READ_ONCE(total->scan), READ_ONCE(total->candidates),
		   visited, READ_ONCE(total->freed), READ_ONCE(total->bytes),
		   READ_ONCE(total->finalized),
		   atomic_long_read(&gc->resurrected),
		   READ_ONCE(last->left_out));
	gcproc_time(m, READ_ONCE(last->nsec));
	gcproc_time(m, READ_ONCE(gc->longest));
	seq_printf(m, " %10llu",
		   visited ? div64_u64(READ_ONCE(total->nsec), visited) : 0);
	gcproc_time(m, atomic_long_read(&gc->longest_put));
	seq_putc(m, '\n');
}

/* Scans by how long they took: less than so many microseconds. */
static void gcproc_durations(struct seq_file *m, struct gc *gc)
{
	unsigned int i;
	u32 nr;

	seq_printf(m, "%-16s %-16s durations", gcproc_owner(gc->heap),
		   gc->heap->name);
	for (i = 0; i < GC_HIST - 1; i++) {
		nr = READ_ONCE(gc->hist[i]);
		if (nr)
			seq_printf(m, " <%luus=%u", BIT(i), nr);
	}
	nr = READ_ONCE(gc->hist[i]);
	if (nr)
		seq_printf(m, " longer=%u", nr);
	seq_putc(m, '\n');
}

/* What somebody may want to do. */
static void gcproc_hints(struct seq_file *m, const struct gc *gc)
{
	const char *name = gc->heap->name;

	if (!READ_ONCE(gc->enabled))
		seq_printf(m, "# %s: collects only when asked to: write 1 to debugfs pheap/%s/gc/collect, or to .../enable\n",
			   name, name);
	if (READ_ONCE(gc->scan.starved))
		seq_printf(m, "# %s: the last scan had no memory for its notes: write 1 to debugfs pheap/%s/gc/collect\n",
			   name, name);
	if (READ_ONCE(gcproc_last(gc)->left_out))
		seq_printf(m, "# %s: objects that the last scan left out were in use; the next looks again\n",
			   name);
}

static int gcproc_show(struct seq_file *m, void *v)
{
	unsigned int without = 0;
	struct pheap *heap;
	struct gc *gc;

	seq_puts(m, "pheap_gc - version: 1.0\n");
	seq_printf(m, "%-16s %-16s %7s %10s %10s %10s %12s %9s %11s %8s %14s %14s %10s %14s\n",
		   "# module", "heap", "scans", "candidates", "visited",
		   "freed", "freed_bytes", "finalized", "resurrected",
		   "left_out", "last_us", "longest_us", "ns/visited",
		   "longest_put_us");
	mutex_lock(&heaps_mutex);
	list_for_each_entry(heap, &heaps, link) {
		/* Pairs with gc_of_heap(). */
		gc = smp_load_acquire(&heap->gc);
		if (!gc) {
			without++;
			continue;
		}
		gcproc_row(m, gc);
		gcproc_durations(m, gc);
		gcproc_hints(m, gc);
	}
	mutex_unlock(&heaps_mutex);
	seq_printf(m, "# heaps without types: %u\n", without);
	return 0;
}

int gcproc_init(void)
{
	gcproc_file = proc_create_single("pheap_gc", 0400, NULL, gcproc_show);
	return gcproc_file ? 0 : -ENOMEM;
}

void gcproc_exit(void)
{
	proc_remove(gcproc_file);
}
