/* SPDX-License-Identifier: GPL-2.0 */
/* words - what somebody writes to a file, in words */
#ifndef _PHEAP_WORDS_H
#define _PHEAP_WORDS_H

#include <linux/types.h>

/* Do what the words say.  Returns 0 or a negative error. */
typedef int (*words_fn)(void *data, int argc, char **argv);

/* For a file's write(): what that returns.  @data is the inode's. */
ssize_t words_write(struct file *file, const char __user *buf, size_t count,
		    words_fn fn);

#endif /* _PHEAP_WORDS_H */
