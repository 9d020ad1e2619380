// SPDX-License-Identifier: GPL-2.0
/* The shrinker's registration changed in 6.7, with no form common to both. */

#include <linux/mm.h>
#include <linux/shrinker.h>

#include "compat.h"

static const struct compat_shrinker_ops *shrinker_ops;

static unsigned long shrinker_count(struct shrinker *s,
				    struct shrink_control *sc)
{
	return shrinker_ops->count() ?: SHRINK_EMPTY;
}

static unsigned long shrinker_scan(struct shrinker *s,
				   struct shrink_control *sc)
{
	return shrinker_ops->scan(sc->nr_to_scan) ?: SHRINK_STOP;
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static struct shrinker shrinker = {
	.count_objects = shrinker_count,
	.scan_objects = shrinker_scan,
	.seeks = DEFAULT_SEEKS,
};

int compat_shrinker_register(const struct compat_shrinker_ops *ops)
{
	shrinker_ops = ops;
	return register_shrinker(&shrinker, "%s", ops->name);
}

void compat_shrinker_unregister(void)
{
	unregister_shrinker(&shrinker);
}
#else
static struct shrinker *shrinker;

int compat_shrinker_register(const struct compat_shrinker_ops *ops)
{
	shrinker = shrinker_alloc(0, "%s", ops->name);
	if (!shrinker)
		return -ENOMEM;
	shrinker_ops = ops;
	shrinker->count_objects = shrinker_count;
	shrinker->scan_objects = shrinker_scan;
	shrinker_register(shrinker);
	return 0;
}

void compat_shrinker_unregister(void)
{
	shrinker_free(shrinker);
}
#endif
