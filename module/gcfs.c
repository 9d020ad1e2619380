// SPDX-License-Identifier: GPL-2.0
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "gc.h"
#include "gcfs.h"
#include "heap.h"
#include "look.h"
#include "object.h"
#include "root.h"
#include "words.h"

/* A heap's collector, which is made with its first type; or NULL. */
static struct gc *gcfs_gc(struct pheap *heap)
{
	/* Pairs with gc_of_heap(). */
	return smp_load_acquire(&heap->gc);
}

/* The same, for a file that has nothing to show without. */
static struct gc *gcfs_show_gc(struct seq_file *m)
{
	struct gc *gc = gcfs_gc(m->private);

	if (!gc)
		seq_puts(m, "# no types\n");
	return gc;
}

/* gc/collect */

static int collect_set(void *data, u64 value)
{
	if (value != 1)
		return -EINVAL;
	pheap_collect(data);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(collect_fops, NULL, collect_set, "%llu\n");

/* gc/enable */

static int enable_get(void *data, u64 *value)
{
	struct gc *gc = gcfs_gc(data);

	if (!gc)
		return -ENODEV;
	*value = READ_ONCE(gc->enabled);
	return 0;
}

static int enable_set(void *data, u64 value)
{
	if (value > 1)
		return -EINVAL;
	if (!gcfs_gc(data))
		return -ENODEV;
	if (value)
		pheap_gc_enable(data);
	else
		pheap_gc_disable(data);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(enable_fops, enable_get, enable_set, "%llu\n");

/* gc/threshold */

static int threshold_show(struct seq_file *m, void *v)
{
	struct gc *gc = gcfs_show_gc(m);
	unsigned int raise;

	if (!gc)
		return 0;
	raise = READ_ONCE(gc->raise);
	seq_printf(m, "%zu %zu\n", READ_ONCE(gc->threshold),
		   READ_ONCE(gc->threshold_bytes));
	seq_puts(m, "# candidates, or bytes of them, that start a scan\n");
	if (raise)
		seq_printf(m, "# now %u times that, as scans find little\n",
			   1U << raise);
	return 0;
}

/* OBJECTS [BYTES]; 0 or nothing is the default. */
static int threshold_parse(int argc, char **argv, unsigned long *values)
{
	int i, err = 0;

	if (argc < 1 || argc > 2)
		return -EINVAL;
	for (i = 0; i < argc && !err; i++)
		err = kstrtoul(argv[i], 0, &values[i]);
	return err ? -EINVAL : 0;
}

static int threshold_set(void *data, int argc, char **argv)
{
	unsigned long values[2] = {};
	int err = threshold_parse(argc, argv, values);

	if (err)
		return err;
	if (!gcfs_gc(data))
		return -ENODEV;
	pheap_gc_set_threshold(data, values[0], values[1]);
	return 0;
}

static ssize_t threshold_write(struct file *file, const char __user *buf,
			       size_t count, loff_t *pos)
{
	return words_write(file, buf, count, threshold_set);
}

static int threshold_open(struct inode *inode, struct file *file)
{
	return single_open(file, threshold_show, inode->i_private);
}

static const struct file_operations threshold_fops = {
	.owner = THIS_MODULE,
	.open = threshold_open,
	.read = seq_read,
	.write = threshold_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/* gc/log */

static void log_line(struct seq_file *m, const struct pheap_gc_info *info)
{
	u32 rest;
	u64 usec = div_u64_rem(info->nsec, 1000, &rest);

	seq_printf(m, "%-10llu %10llu %10llu %10llu %12llu %9llu %8llu %10llu.%03u\n",
		   info->scan, info->candidates, info->visited, info->freed,
		   info->bytes, info->finalized, info->left_out, usec, rest);
}

static int log_show(struct seq_file *m, void *v)
{
	struct gc *gc = gcfs_show_gc(m);
	u64 scans, i;

	if (!gc)
		return 0;
	seq_printf(m, "%-10s %10s %10s %10s %12s %9s %8s %14s\n", "# scan",
		   "candidates", "visited", "freed", "freed_bytes",
		   "finalized", "left_out", "us");
	mutex_lock(&gc->mutex);
	scans = gc->total.scan;
	for (i = scans > GC_LOG ? scans - GC_LOG : 0; i < scans; i++)
		log_line(m, &gc->log[i % GC_LOG]);
	mutex_unlock(&gc->mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(log);

/* objects */

/**
 * struct tally - objects of a type
 * @type: type.
 * @live: those with references, or not counted.
 * @bytes: of their blocks.
 * @immortal: those of @live that are immortal.
 * @pinned: those that are not counted because of a mistake.
 * @pending: those that wait for a finalizer or for their end.
 */
struct tally {
	const struct pheap_type *type;
	unsigned long live;
	u64 bytes;
	unsigned long immortal;
	unsigned long pinned;
	unsigned long pending;
};

/**
 * struct tallies - objects of a heap, by type
 * @nr: types.
 * @last: of the object before, which is often of the same type.
 * @tally: of each type, in the order of their coming.
 */
struct tallies {
	size_t nr;
	struct tally *last;
	struct tally tally[];
};

static struct tally *tally_find(struct tallies *all,
				const struct pheap_type *type)
{
	size_t i;

	if (all->last && all->last->type == type)
		return all->last;
	for (i = 0; i < all->nr; i++)
		if (all->tally[i].type == type)
			return all->last = &all->tally[i];
	return NULL;
}

static void tally_add(struct tally *tally, int rc, u32 size)
{
	if (rc >= 0 && rc & __PHEAP_PENDING)
		tally->pending++;
	if (rc >= 0 && !count_is_alive(rc))
		return;
	tally->live++;
	tally->bytes += size;
	if (rc < 0 && count_is_immortal(rc))
		tally->immortal++;
	else if (rc < 0)
		tally->pinned++;
}

static bool tally_object(struct pheap_object *obj, void *arg)
{
	struct pheap_cache *cache;
	struct tally *tally;

	if (!object_spot(obj, &cache).arena)
		return true;
	tally = tally_find(arg, cache->type);
	if (tally)
		tally_add(tally, object_rc(obj), cache->size);
	return true;
}

static size_t gcfs_count_types(struct gc *gc)
{
	struct pheap_type *type;
	size_t nr = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(type, &gc->types, link)
		nr++;
	rcu_read_unlock();
	return nr;
}

/* Types only come, at the end of the list. */
static struct tallies *tallies_new(struct gc *gc)
{
	size_t max = gcfs_count_types(gc);
	struct pheap_type *type;
	struct tallies *all;

	all = kvzalloc(struct_size(all, tally, max), GFP_KERNEL);
	if (!all)
		return NULL;
	rcu_read_lock();
	list_for_each_entry_rcu(type, &gc->types, link) {
		if (all->nr == max)
			break;
		all->tally[all->nr++].type = type;
	}
	rcu_read_unlock();
	return all;
}

static int objects_show(struct seq_file *m, void *v)
{
	struct gc *gc = gcfs_show_gc(m);
	struct tallies *all;
	struct tally *tally;

	if (!gc)
		return 0;
	all = tallies_new(gc);
	if (!all)
		return -ENOMEM;
	look_walk_all(gc->heap, tally_object, all);
	seq_printf(m, "%-20s %10s %14s %10s %10s %10s\n", "# type", "live",
		   "bytes", "immortal", "pinned", "pending");
	for (tally = all->tally; tally < all->tally + all->nr; tally++)
		seq_printf(m, "%-20s %10lu %14llu %10lu %10lu %10lu\n",
			   tally->type->name, tally->live, tally->bytes,
			   tally->immortal, tally->pinned, tally->pending);
	seq_printf(m, "# held elsewhere: %ld bytes\n",
		   atomic_long_read(&gc->heap->external));
	kvfree(all);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(objects);

/* roots */

static void roots_line(struct seq_file *m, const struct root *root)
{
	struct pheap_type *type = pheap_object_type(root->obj);

	seq_printf(m, "%-20s %-20s %p ", root->name, type ? type->name : "?",
		   root->obj);
	if (object_rc(root->obj) < 0)
		seq_printf(m, "%10s\n",
			   count_is_immortal(object_rc(root->obj)) ?
			   "immortal" : "pinned");
	else
		seq_printf(m, "%10u\n", pheap_refcount(root->obj));
}

static int roots_show(struct seq_file *m, void *v)
{
	struct gc *gc = gcfs_show_gc(m);
	struct root *root;

	if (!gc)
		return 0;
	seq_printf(m, "%-20s %-20s %-16s %10s\n", "# name", "type", "object",
		   "refs");
	mutex_lock(&gc->root_mutex);
	list_for_each_entry(root, &gc->roots, link)
		roots_line(m, root);
	mutex_unlock(&gc->root_mutex);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(roots);

static void gcfs_added(struct pheap *heap)
{
	struct dentry *dir = debugfs_create_dir("gc", heap->dir);

	debugfs_create_file("collect", 0200, dir, heap, &collect_fops);
	debugfs_create_file("enable", 0600, dir, heap, &enable_fops);
	debugfs_create_file("threshold", 0600, dir, heap, &threshold_fops);
	debugfs_create_file("log", 0400, dir, heap, &log_fops);
	debugfs_create_file("objects", 0400, heap->dir, heap, &objects_fops);
	debugfs_create_file("roots", 0400, heap->dir, heap, &roots_fops);
}

/* They go with the heap's directory. */
static struct heap_watch gcfs_watch = {
	.added = gcfs_added,
};

int gcfs_init(void)
{
	heap_add_watch(&gcfs_watch);
	return 0;
}

void gcfs_exit(void)
{
	heap_del_watch(&gcfs_watch);
}
