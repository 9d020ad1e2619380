// SPDX-License-Identifier: GPL-2.0
#define pr_fmt(fmt) "pheap: " fmt

#include <linux/module.h>
#include <linux/printk.h>

#include "backing.h"
#include "cache.h"
#include "cpu.h"
#include "debugfs.h"
#include "dot.h"
#include "free.h"
#include "gc.h"
#include "gcfs.h"
#include "gcproc.h"
#include "heap.h"
#include "large.h"
#include "map.h"
#include "procfs.h"
#include "shrink.h"

static int bytes_held_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%ld\n", atomic_long_read(&backing_held));
}

static const struct kernel_param_ops bytes_held_ops = {
	.get = bytes_held_get,
};
module_param_cb(bytes_held, &bytes_held_ops, NULL, 0444);
MODULE_PARM_DESC(bytes_held, "bytes taken from the kernel and not given back");

/**
 * struct part - something that is set up and taken down
 * @init: set up; 0 or an error.
 * @exit: take down.
 */
struct part {
	int (*init)(void);
	void (*exit)(void);
};

static const struct part parts[] = {
	{ backing_init, backing_exit },
	{ cache_init, cache_exit },
	{ map_init, map_exit },
	{ large_init, large_exit },
	{ heap_init, heap_exit },
	{ cpu_init_hotplug, cpu_exit_hotplug },
	{ gc_init, gc_exit },
	{ shrink_init, shrink_exit },
	{ debugfs_init, debugfs_exit },
	{ gcfs_init, gcfs_exit },
	{ dot_init, dot_exit },
	{ procfs_init, procfs_exit },
	{ gcproc_init, gcproc_exit },
};

static void take_down(int nr)
{
	while (nr--)
		parts[nr].exit();
}

static int __init pheap_init(void)
{
	int i, err;

	compat_cpu_init();
	free_init();
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		err = parts[i].init();
		if (err) {
			take_down(i);
			return err;
		}
	}
	pr_info("loaded\n");
	return 0;
}

static void __exit pheap_exit(void)
{
	rcu_barrier();
	take_down(ARRAY_SIZE(parts));
	pr_info("unloaded, %ld bytes held\n", atomic_long_read(&backing_held));
}

module_init(pheap_init);
module_exit(pheap_exit);

MODULE_DESCRIPTION("Private heaps with pools, arenas and magazines");
MODULE_AUTHOR("The pheap authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("1.0");
