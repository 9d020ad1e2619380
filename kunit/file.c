// SPDX-License-Identifier: GPL-2.0
/* Files of the running system, as seen by its first process. */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/string.h>

#include "compat/kunit_compat.h"
#include "pheap_kunit.h"

static struct file *file_open(const char *path, int flags)
{
	struct file *file = ERR_PTR(-ENOENT);

	compat_with_files()
		file = filp_open(path, flags, 0);
	return file;
}

int file_write(const char *path, const char *text)
{
	struct file *file = file_open(path, O_WRONLY);
	loff_t pos = 0;
	ssize_t ret;

	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = kernel_write(file, text, strlen(text), &pos);
	filp_close(file, NULL);
	return min(ret, 0L);
}

int file_read(const char *path, char *text, size_t size)
{
	struct file *file = file_open(path, O_RDONLY);
	loff_t pos = 0;
	ssize_t ret;

	if (IS_ERR(file))
		return PTR_ERR(file);
	memset(text, 0, size);
	do {
		ret = kernel_read(file, text + pos, size - 1 - pos, &pos);
	} while (ret > 0);
	filp_close(file, NULL);
	return ret;
}
