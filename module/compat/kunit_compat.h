/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests need to know about kernel versions and configurations.
 */
#ifndef _PHEAP_KUNIT_COMPAT_H
#define _PHEAP_KUNIT_COMPAT_H

#include <linux/fs_struct.h>
#include <linux/hrtimer.h>
#include <linux/stacktrace.h>
#include <linux/version.h>

/* Whether a wrong access is reported by KASAN. */
#define COMPAT_HAVE_KASAN	IS_ENABLED(CONFIG_KASAN_GENERIC)

/* From 7.1 on, kernel threads do not see the files of user space. */
#ifdef scoped_with_init_fs
#define compat_with_files()	scoped_with_init_fs()
#else
#define compat_with_files()
#endif

/* From 6.13 on, hrtimer_setup(). */
static inline void
compat_hrtimer_setup(struct hrtimer *timer,
		     enum hrtimer_restart (*fn)(struct hrtimer *timer))
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	timer->function = fn;
#else
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
#endif
}

/* Whether stacks can be had at all; on user-mode Linux they can't. */
static inline bool compat_have_stacks(void)
{
#if defined(CONFIG_STACKTRACE) && defined(CONFIG_STACKDEPOT)
	unsigned long entries[4];

	return stack_trace_save(entries, ARRAY_SIZE(entries), 0) > 1;
#else
	return false;
#endif
}

#endif /* _PHEAP_KUNIT_COMPAT_H */
