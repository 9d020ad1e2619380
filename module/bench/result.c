// SPDX-License-Identifier: GPL-2.0
/*
 * What was measured: one row for each test, size, side and figure, with a value
 * from each round.
 */
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "bench.h"

/* Values are kept in hundredths. */
#define RESULT_SCALE	100

/**
 * struct result - a row
 * @list: in results, in the order of first mention.
 * @test: name of the test, or of the one that @note is about.
 * @size: block size, 0 where sizes are mixed.
 * @side: who was measured.
 * @what: which figure.
 * @note: a remark instead of a figure.
 * @nr: how many of @values are there.
 * @values: one of each round.
 */
struct result {
	struct list_head list;
	const char *test;
	size_t size;
	const char *side;
	const char *what;
	const char *note;
	unsigned int nr;
	u64 values[BENCH_ROUNDS_MAX];
};

/* Protected by bench_lock. */
static LIST_HEAD(results);
static int result_now;

/**
 * result_round() - say which round begins
 * @round: what is added in a round below 0 is not kept: that warms up.
 */
void result_round(int round)
{
	result_now = round;
}

static struct result *result_new(const char *test)
{
	struct result *result = kzalloc(sizeof(*result), GFP_KERNEL);

	if (!result)
		return NULL;
	result->test = test;
	list_add_tail(&result->list, &results);
	return result;
}

static struct result *result_find(const char *test, size_t size,
				  const char *side, const char *what)
{
	struct result *result;

	list_for_each_entry(result, &results, list) {
		if (!result->note && result->size == size &&
		    !strcmp(result->test, test) &&
		    !strcmp(result->side, side) && !strcmp(result->what, what))
			return result;
	}
	result = result_new(test);
	if (!result)
		return NULL;
	result->size = size;
	result->side = side;
	result->what = what;
	return result;
}

static u64 result_value(enum result_unit unit, u64 sum, u64 n)
{
	if (unit == RESULT_PER_SECOND)
		return mul_u64_u64_div_u64(n * RESULT_SCALE, NSEC_PER_SEC, sum);
	return div64_u64(sum * RESULT_SCALE, n);
}

/**
 * result_add() - note what a round measured
 * @test: name of the test.
 * @size: block size, 0 where sizes are mixed.
 * @side: who was measured.
 * @what: which figure.
 * @unit: what it is: per second, or a sum to be divided by @n.
 * @sum: what was measured over all of @n.
 * @n: operations, or whatever the figure is given for one of.
 *
 * Return: 0 or -ENOMEM.
 */
int result_add(const char *test, size_t size, const char *side,
	       const char *what, enum result_unit unit, u64 sum, u64 n)
{
	struct result *result;

	if (result_now < 0)
		return 0;
	result = result_find(test, size, side, what);
	if (!result)
		return -ENOMEM;
	if (result->nr < BENCH_ROUNDS_MAX)
		result->values[result->nr++] = result_value(unit, sum, n);
	return 0;
}

/**
 * result_note() - say something about a test
 * @test: which.
 * @note: what.
 *
 * Return: 0 or -ENOMEM.
 */
int result_note(const char *test, const char *note)
{
	struct result *result = result_new(test);

	if (!result)
		return -ENOMEM;
	result->note = note;
	return 0;
}

static int result_compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/**
 * result_median() - the middle one
 * @values: is sorted.
 * @n: how many, at least 1; of an even number the lower middle one is taken.
 *
 * Return: the median.
 */
u64 result_median(u64 *values, unsigned int n)
{
	sort(values, n, sizeof(*values), result_compare, NULL);
	return values[(n - 1) / 2];
}

static void result_show_value(struct seq_file *m, u64 value)
{
	u32 rest;
	u64 whole = div_u64_rem(value, RESULT_SCALE, &rest);

	seq_printf(m, "\t%llu.%02u", whole, rest);
}

static void result_show_row(struct seq_file *m, struct result *result)
{
	u64 median = result_median(result->values, result->nr);

	seq_printf(m, "%s\t%zu\t%s\t%s", result->test, result->size,
		   result->side, result->what);
	result_show_value(m, median);
	result_show_value(m, result->values[0]);
	result_show_value(m, result->values[result->nr - 1]);
	seq_printf(m, "\t%u\n", result->nr);
}

/**
 * result_show() - print all rows, separated by tabs
 * @m: where to.
 */
void result_show(struct seq_file *m)
{
	struct result *result;

	seq_puts(m, "test\tsize\tside\twhat\tmedian\tmin\tmax\trounds\n");
	list_for_each_entry(result, &results, list) {
		if (result->note)
			seq_printf(m, "# %s: %s\n", result->test, result->note);
		else
			result_show_row(m, result);
	}
}

/**
 * result_clear() - forget all rows
 */
void result_clear(void)
{
	struct result *result, *next;

	list_for_each_entry_safe(result, next, &results, list)
		kfree(result);
	INIT_LIST_HEAD(&results);
}
