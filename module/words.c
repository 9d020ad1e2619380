// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "words.h"

static int words_run(const char *text, words_fn fn, void *data)
{
	char **argv;
	int argc, err;

	argv = argv_split(GFP_KERNEL, text, &argc);
	if (!argv)
		return -ENOMEM;
	err = fn(data, argc, argv);
	argv_free(argv);
	return err;
}

ssize_t words_write(struct file *file, const char __user *buf, size_t count,
		    words_fn fn)
{
	char *text;
	int err;

	if (count > PAGE_SIZE)
		return -EINVAL;
	text = memdup_user_nul(buf, count);
	if (IS_ERR(text))
		return PTR_ERR(text);
	err = words_run(text, fn, file_inode(file)->i_private);
	kfree(text);
	return err ?: count;
}
