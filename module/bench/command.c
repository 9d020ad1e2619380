// SPDX-License-Identifier: GPL-2.0
/*
 * The lines that are written to /proc/pheap_bench/replay and micro: a name and
 * any number of key=value words.
 */
#include <linux/err.h>
#include <linux/kstrtox.h>
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

/**
 * bench_command_parse() - take a line apart
 * @command: filled in.
 * @line: the line, of at most %BENCH_COMMAND_MAX bytes; is written to.
 *
 * Return: 0, or -EINVAL or -ERANGE.
 */
int bench_command_parse(struct bench_command *command, char *line)
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

/**
 * bench_command_write() - a write to a file that takes commands
 * @buf: what user space wrote.
 * @len: bytes of it.
 * @run: does it, under bench_lock.
 *
 * Return: @len, or a negative error.
 */
ssize_t bench_command_write(const char __user *buf, size_t len,
			    int (*run)(const struct bench_command *command))
{
	struct bench_command command;
	char *line;
	int err;

	if (len > BENCH_COMMAND_MAX)
		return -EINVAL;
	line = memdup_user_nul(buf, len);
	if (IS_ERR(line))
		return PTR_ERR(line);
	err = bench_command_parse(&command, line);
	kfree(line);
	if (!err)
		err = mutex_lock_interruptible(&bench_lock);
	if (err)
		return err;
	err = run(&command);
	mutex_unlock(&bench_lock);
	return err ?: len;
}
