// SPDX-License-Identifier: GPL-2.0
/* The kernel's fault injection; before 6.12 its header is empty without it. */
#include <linux/debugfs.h>

#include "compat.h"

#if defined(CONFIG_FAULT_INJECTION)
static DECLARE_FAULT_ATTR(fail_pheap);

bool compat_should_fail(size_t bytes)
{
	return should_fail(&fail_pheap, bytes);
}
#endif

#if defined(CONFIG_FAULT_INJECTION) && defined(CONFIG_FAULT_INJECTION_DEBUG_FS)
static struct dentry *fault_dir;

void compat_fault_init(void)
{
	fault_dir = fault_create_debugfs_attr("fail_pheap", NULL, &fail_pheap);
}

void compat_fault_exit(void)
{
	debugfs_remove(fault_dir);
}
#elif defined(CONFIG_FAULT_INJECTION)
void compat_fault_init(void)
{
}

void compat_fault_exit(void)
{
}
#endif
