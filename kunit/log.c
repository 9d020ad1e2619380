// SPDX-License-Identifier: GPL-2.0
#include <linux/kmsg_dump.h>
#include <linux/string.h>

#include "pheap_kunit.h"
#include "report.h"

/* The number that the kernel's next message will have. */
static u64 log_next(void)
{
	struct kmsg_dump_iter iter;

	kmsg_dump_rewind(&iter);
	return iter.next_seq;
}

void log_expect(struct kunit *test, const char *what)
{
	struct fixture *fix = fixture_of(test);
	struct pheap_stats stats;
	int i;

	pheap_get_stats(fix->heap, &stats);
	for (i = 0; i < PHEAP_BAD_NR; i++) {
		fix->log.counts[i] = atomic_long_read(&report_counts[i]);
		fix->log.bad[i] = stats.bad[i];
	}
	report_reset_limit();
	pr_info("pheap-expect: begin %s\n", what);
	fix->log.open = true;
	fix->log.from = log_next();
}

void log_end(struct kunit *test)
{
	struct fixture *fix = fixture_of(test);

	if (!fix->log.open)
		return;
	fix->log.to = log_next();
	fix->log.open = false;
	pr_info("pheap-expect: end\n");
}

void log_check_counts_at(struct kunit *test, enum pheap_bad kind, long nr,
			 const char *file, int line)
{
	struct fixture *fix = fixture_of(test);
	bool of_heap = kind != PHEAP_BAD_FOREIGN && kind != PHEAP_BAD_STALE;
	struct pheap_stats stats;
	long all, own;
	int i;

	pheap_get_stats(fix->heap, &stats);
	for (i = 0; i < PHEAP_BAD_NR; i++) {
		all = atomic_long_read(&report_counts[i]) - fix->log.counts[i];
		own = stats.bad[i] - fix->log.bad[i];
		KUNIT_EXPECT_EQ_MSG(test, all, i == kind ? nr : 0,
				    "%s misuse, %s:%d", report_kinds[i], file,
				    line);
		KUNIT_EXPECT_EQ_MSG(test, own, i == kind && of_heap ? nr : 0,
				    "%s misuse of the heap, %s:%d",
				    report_kinds[i], file, line);
	}
}

unsigned int log_count(struct kunit *test, const char *text)
{
	struct fixture *fix = fixture_of(test);
	struct kmsg_dump_iter iter;
	unsigned int nr = 0;
	char line[256];
	size_t len;

	kmsg_dump_rewind(&iter);
	iter.cur_seq = fix->log.from;
	while (kmsg_dump_get_line(&iter, false, line, sizeof(line) - 1,
				  &len)) {
		if (iter.cur_seq > fix->log.to)
			break;
		line[len] = '\0';
		nr += !!strstr(line, text);
	}
	return nr;
}

bool log_has(struct kunit *test, const char *text)
{
	return log_count(test, text);
}

void log_end_with(struct kunit *test, enum pheap_bad kind, long nr,
		  const char *text, const char *file, int line)
{
	log_end(test);
	log_check_counts_at(test, kind, nr, file, line);
	KUNIT_EXPECT_TRUE_MSG(test, log_has(test, text),
			      "no report '%s', %s:%d", text, file, line);
}
