// SPDX-License-Identifier: GPL-2.0
/*
 * Files that take commands, /proc/pheap_bench/replay and micro: a line is a name
 * and any number of key=value words.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "bench.h"

#define ROUNDS_DEFAULT	5

static unsigned long *command_value(struct bench_command *command,
				    const char *key)
{
	if (!strcmp(key, "rounds"))
		return &command->rounds;
	if (!strcmp(key, "count"))
		return &command->count;
	if (!strcmp(key, "size"))
		return &command->size;
	if (!strcmp(key, "hold"))
		return &command->hold;
	return NULL;
}

static int command_word(struct bench_command *command, char *word)
{
	char *key = strsep(&word, "=");
	unsigned long *value = command_value(command, key);

	if (!word || !value)
		return -EINVAL;
	return kstrtoul(word, 0, value);
}

/* @line has at most BENCH_COMMAND_MAX bytes, and is written to. */
static int command_parse(struct bench_command *command, char *line)
{
	char *word;
	int err;

	memset(command, 0, sizeof(*command));
	command->rounds = ROUNDS_DEFAULT;
	line = strim(line);
	word = strsep(&line, " \t\n");
	if (!*word)
		return -EINVAL;
	strscpy(command->name, word, sizeof(command->name));
	while ((word = strsep(&line, " \t\n"))) {
		if (!*word)
			continue;
		err = command_word(command, word);
		if (err)
			return err;
	}
	if (!command->rounds || command->rounds > BENCH_ROUNDS_MAX)
		return -ERANGE;
	return 0;
}

static int command_run(const struct bench_file *file, char *line)
{
	struct bench_command command;
	int err = command_parse(&command, line);

	if (!err)
		err = mutex_lock_interruptible(&bench_lock);
	if (err)
		return err;
	err = file->run(&command);
	mutex_unlock(&bench_lock);
	return err;
}

static ssize_t bench_file_write(struct file *file, const char __user *buf,
				size_t len, loff_t *pos)
{
	char *line;
	int err;

	if (len > BENCH_COMMAND_MAX)
		return -EINVAL;
	line = memdup_user_nul(buf, len);
	if (IS_ERR(line))
		return PTR_ERR(line);
	err = command_run(pde_data(file_inode(file)), line);
	kfree(line);
	return err ?: len;
}

static int bench_file_open(struct inode *inode, struct file *file)
{
	const struct bench_file *own = pde_data(inode);

	return single_open(file, own->show, NULL);
}

static const struct proc_ops bench_file_ops = {
	.proc_open	= bench_file_open,
	.proc_read	= seq_read,
	.proc_write	= bench_file_write,
	.proc_lseek	= seq_lseek,
	.proc_release	= single_release,
};

/**
 * bench_file_create() - make a file that takes commands
 * @file: what it does.
 * @dir: where to make it.
 *
 * Return: 0, or -ENOMEM.
 */
int bench_file_create(const struct bench_file *file,
		      struct proc_dir_entry *dir)
{
	return proc_create_data(file->name, 0600, dir, &bench_file_ops,
				(void *)file) ? 0 : -ENOMEM;
}
