// SPDX-License-Identifier: GPL-2.0
/*
 * A heap that grows on behalf of whoever writes to a module parameter:
 * scripts/plans/kunit.sh does so in a memory cgroup.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sizes.h>

#include "pheap_kunit.h"

#define GROW_BYTES	SZ_16M
#define GROW_BLOCK	SZ_1K

/* The cgroup's limit is to fail it, and not to have anybody killed. */
#define GROW_GFP	(FIXTURE_GFP | __GFP_NORETRY)

static DEFINE_MUTEX(grow_mutex); /* of the heap and its blocks */
static struct pheap *grow_heap;
static void **grow_blocks; /* each points to the next */

static void grow_drop_locked(void)
{
	void **block;

	while (grow_blocks) {
		block = grow_blocks;
		grow_blocks = *block;
		pheap_free(block);
	}
	pheap_destroy(grow_heap);
	grow_heap = NULL;
}

void grow_drop(void)
{
	mutex_lock(&grow_mutex);
	grow_drop_locked();
	mutex_unlock(&grow_mutex);
}

static int grow_fill(void)
{
	unsigned int i;
	void **block;

	for (i = 0; i < GROW_BYTES / GROW_BLOCK; i++) {
		block = pheap_alloc(grow_heap, GROW_BLOCK, GROW_GFP);
		if (!block)
			return -ENOMEM;
		*block = grow_blocks;
		grow_blocks = block;
	}
	return 0;
}

static int grow_make(unsigned int flags)
{
	const struct pheap_args args = { .flags = flags };
	struct pheap *heap = pheap_create("grow", &args);

	if (IS_ERR(heap))
		return PTR_ERR(heap);
	grow_heap = heap;
	return grow_fill() ?: pheap_validate(heap);
}

static int grow_set(const char *value, const struct kernel_param *kp)
{
	unsigned int how;
	int err = kstrtouint(value, 0, &how);

	if (err)
		return err;
	mutex_lock(&grow_mutex);
	grow_drop_locked();
	if (how)
		err = grow_make(how == 2 ? PHEAP_ACCOUNT : 0);
	/* At the cgroup's limit, who wrote would be killed for a page. */
	if (err)
		grow_drop_locked();
	mutex_unlock(&grow_mutex);
	return err;
}

static const struct kernel_param_ops grow_ops = {
	.set = grow_set,
};
module_param_cb(grow, &grow_ops, NULL, 0200);
MODULE_PARM_DESC(grow, "1: have a heap grow by 16 MiB; 2: with PHEAP_ACCOUNT; 0: destroy it");
