// SPDX-License-Identifier: GPL-2.0
/*
 * Objects for kmemleak: scripts/plans/kunit.sh has them made, lets kmemleak
 * look for what nothing refers to, and reads what it found.  (Its file has no
 * read for the kernel's own use, so no case can.)
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "pheap_kunit.h"

/* Several of each: a copy of an address may be left on somebody's stack. */
#define LEAK_NR		16
#define LEAK_OBJECT	128

static const struct leak_kind {
	unsigned int flags;
	size_t size;
} leak_kinds[] = {
	{ PHEAP_PASSTHROUGH, 64 },
	{ PHEAP_DEBUG, 64 },
	{ 0, 64 },
	{ 0, 1000 },
	{ 0, 20000 },
	{ 0, SZ_512K },
};

static struct pheap *leak_heaps[ARRAY_SIZE(leak_kinds)];
static void *leak_blocks[ARRAY_SIZE(leak_kinds)][LEAK_NR];

/* Turned over, so that they are found by us, and not by kmemleak. */
static unsigned long leak_objects[LEAK_NR];
static unsigned long leak_passed[LEAK_NR];

/* Have kmemleak's report show @text for @p; returns @p. */
static void *leak_label(void *p, const char *text)
{
	if (p)
		strscpy(p, text, LEAK_OBJECT);
	return p;
}

static void *leak_object(const char *text)
{
	return leak_label(kzalloc(LEAK_OBJECT, GFP_KERNEL), text);
}

/* Where a block keeps its object: at the end. */
static void **leak_slot(unsigned int kind, unsigned int i)
{
	return leak_blocks[kind][i] + leak_kinds[kind].size - sizeof(void *);
}

static int leak_keep(unsigned int kind, unsigned int i)
{
	void *block = pheap_zalloc(leak_heaps[kind], leak_kinds[kind].size,
				   GFP_KERNEL);

	if (!block)
		return -ENOMEM;
	leak_blocks[kind][i] = block;
	*leak_slot(kind, i) = leak_object("pheap: kept");
	return *leak_slot(kind, i) ? 0 : -ENOMEM;
}

static int leak_keep_kind(unsigned int kind)
{
	const struct pheap_args args = { .flags = leak_kinds[kind].flags };
	char name[] = "leak0";
	unsigned int i;
	int err;

	name[4] += kind;
	leak_heaps[kind] = pheap_create(name, &args);
	err = PTR_ERR_OR_ZERO(leak_heaps[kind]);
	for (i = 0; !err && i < LEAK_NR; i++)
		err = leak_keep(kind, i);
	return err;
}

/* A block of a passthrough heap is the kernel's: kmemleak is to tell of it. */
static int leak_lose(unsigned int i)
{
	void *p = leak_object("pheap: lost");
	void *q = leak_label(pheap_zalloc(leak_heaps[0], LEAK_OBJECT,
					  GFP_KERNEL), "pheap: passed");

	leak_objects[i] = ~(unsigned long)p;
	leak_passed[i] = ~(unsigned long)q;
	return p && q ? 0 : -ENOMEM;
}

static void leak_drop_lost(unsigned int i)
{
	if (leak_objects[i])
		kfree((void *)~leak_objects[i]);
	if (leak_passed[i])
		pheap_free((void *)~leak_passed[i]);
	leak_objects[i] = 0;
	leak_passed[i] = 0;
}

static void leak_drop_kind(unsigned int kind)
{
	unsigned int i;

	for (i = 0; i < LEAK_NR; i++) {
		if (!leak_blocks[kind][i])
			continue;
		kfree(*leak_slot(kind, i));
		pheap_free(leak_blocks[kind][i]);
		leak_blocks[kind][i] = NULL;
	}
	pheap_destroy(leak_heaps[kind]);
	leak_heaps[kind] = NULL;
}

void leak_drop(void)
{
	unsigned int i;

	for (i = 0; i < LEAK_NR; i++)
		leak_drop_lost(i);
	for (i = 0; i < ARRAY_SIZE(leak_kinds); i++)
		leak_drop_kind(i);
}

static int leak_make(void)
{
	unsigned int i;
	int err = 0;

	leak_drop();
	for (i = 0; !err && i < ARRAY_SIZE(leak_kinds); i++)
		err = leak_keep_kind(i);
	for (i = 0; !err && i < LEAK_NR; i++)
		err = leak_lose(i);
	if (err)
		leak_drop();
	return err;
}

static int leak_set(const char *value, const struct kernel_param *kp)
{
	bool make;
	int err = kstrtobool(value, &make);

	if (err)
		return err;
	if (make)
		return leak_make();
	leak_drop();
	return 0;
}

static const struct kernel_param_ops leak_ops = {
	.set = leak_set,
};
module_param_cb(leak, &leak_ops, NULL, 0200);
MODULE_PARM_DESC(leak, "1: make objects that only blocks refer to, and such that nothing does; 0: free them");
