// SPDX-License-Identifier: GPL-2.0
/*
 * Usage: gcmodel [--long] [--jobs N]
 *        gcmodel --trace MUTATION|CONFIGURATION
 *
 * Check the collector's algorithm in all configurations, then that each mutation
 * of it is caught, and that variations of it are none.  Exit status 0 if so.
 *
 * --long	more configurations
 * --jobs N	so many processes at a time; 2 if not said
 * --trace	show the way to a violation
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "state.h"
#include "tables.h"

struct config cfg;
enum mutation mutation;
const char *violation;

/* An exploration ends there: it is 2 GiB of signatures. */
#define LIMIT (200UL * 1000 * 1000)

/**
 * struct job - an exploration
 * @config: of what.
 * @change: with what changed, or NULL.
 * @show: prints what came out.
 * @result: shared with the process that explores.
 * @process: its process, or 0.
 */
struct job {
	const struct config *config;
	const struct change *change;
	void (*show)(const struct job *job);
	struct result *result;
	pid_t process;
};

static int nr_jobs = 2;
static int passed, failed;

static const struct config *find_config(const char *name)
{
	for (size_t n = 0; n < NR_CONFIGS; n++)
		if (!strcmp(configs[n].name, name))
			return &configs[n];
	fprintf(stderr, "gcmodel: no configuration '%s'\n", name);
	exit(2);
}

static void job_run(const struct job *job, bool trace)
{
	cfg = *job->config;
	mutation = job->change ? job->change->mutation : NONE;
	explore(job->result, LIMIT, trace);
}

static void job_start(struct job *job)
{
	fflush(stdout);
	job->process = fork();
	if (job->process < 0) {
		perror("gcmodel: fork");
		exit(3);
	}
	if (job->process)
		return;
	job_run(job, false);
	_exit(0);
}

/* --- what is shown -------------------------------------------------------- */

static void show_count(bool good)
{
	if (good)
		passed++;
	else
		failed++;
}

static bool holds(const struct result *r)
{
	return r->done && !r->violation[0];
}

static const char *verdict(const struct job *job)
{
	const struct result *r = job->result;

	if (!r->done)
		return "FAILED";
	if (r->violation[0])
		return r->violation;
	if (r->full)
		return "holds so far: too many states";
	return job->config->walks ? "holds in random runs" : "holds";
}

static void show_config(const struct job *job)
{
	const struct result *r = job->result;
	const struct config *c = job->config;

	printf("%-17s %7d %5d %8d %11lu %8lu %6ld %8.1f  %s%s\n", c->name,
	       c->objects, c->slots, c->mutators, (unsigned long)r->states,
	       (unsigned long)r->ends, r->length, r->seconds,
	       r->violation[0] ? "VIOLATED: " : "", verdict(job));
	show_count(holds(r));
}

static void show_mutation(const struct job *job)
{
	const struct result *r = job->result;
	bool good = r->done && r->violation[0];

	printf("%-24s %-16s %6ld  %s\n", job->change->name, job->config->name,
	       r->length, good ? r->violation : "NOT CAUGHT");
	show_count(good);
}

static void show_variation(const struct job *job)
{
	const struct result *r = job->result;

	printf("%-24s %-16s %11lu %8.1f  %s%s\n", job->change->name,
	       job->config->name, (unsigned long)r->states, r->seconds,
	       r->violation[0] ? "VIOLATED: " : "", verdict(job));
	show_count(holds(r));
}

static void show_progress(struct job *jobs, size_t n, time_t start)
{
	char line[120] = "";
	size_t used = 0;

	for (size_t i = 0; i < n && used < sizeof(line) - 1; i++) {
		const struct job *job = &jobs[i];
		const char *name = job->config->name;

		if (job->process <= 0 || job->result->done)
			continue;
		if (job->change)
			name = job->change->name;
		used += snprintf(line + used, sizeof(line) - used,
				 "  %s: %.1f million", name,
				 job->result->states / 1e6);
	}
	fprintf(stderr, "..%s  %ld s%s", line, (long)(time(NULL) - start),
		isatty(2) ? "\033[K\r" : "\n");
}

/* --- jobs ----------------------------------------------------------------- */

static struct job *job_ended(struct job *jobs, size_t n)
{
	pid_t process = waitpid(-1, NULL, WNOHANG);

	for (size_t i = 0; i < n && process > 0; i++)
		if (jobs[i].process == process)
			return &jobs[i];
	return NULL;
}

/* Every second on a terminal, elsewhere every half minute. */
static void wait_a_moment(struct job *jobs, size_t n, time_t start)
{
	static time_t shown;
	time_t now = time(NULL);

	if (!shown)
		shown = start;
	if (now - shown >= (isatty(2) ? 1 : 30)) {
		show_progress(jobs, n, start);
		shown = now;
	}
	usleep(20000);
}

/* Run them, some at a time; show them in their order. */
static double run_jobs(struct job *jobs, size_t n)
{
	size_t started = 0, running = 0, shown = 0;
	time_t start = time(NULL);
	double seconds = 0;
	struct job *job;

	while (shown < n) {
		while (started < n && running < (size_t)nr_jobs) {
			job_start(&jobs[started++]);
			running++;
		}
		job = job_ended(jobs, n);
		if (!job) {
			wait_a_moment(jobs, n, start);
			continue;
		}
		job->process = -1;
		running--;
		seconds += job->result->seconds;
		for (; shown < n && jobs[shown].process == -1; shown++)
			jobs[shown].show(&jobs[shown]);
		fflush(stdout);
	}
	return seconds;
}

static struct result *shared_results(size_t n)
{
	void *p = mmap(NULL, n * sizeof(struct result), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("gcmodel: mmap");
		exit(3);
	}
	return p;
}

static double run_configs(bool extended)
{
	struct job jobs[NR_CONFIGS] = { 0 };
	struct result *results = shared_results(NR_CONFIGS);
	size_t n = 0;

	for (size_t i = 0; i < NR_CONFIGS; i++) {
		if (configs[i].extended && !extended)
			continue;
		jobs[n].config = &configs[i];
		jobs[n].show = show_config;
		jobs[n].result = &results[n];
		n++;
	}
	printf("%-17s %7s %5s %8s %11s %8s %6s %8s  %s\n", "configuration",
	       "objects", "slots", "mutators", "states", "ends", "depth",
	       "seconds", "verdict");
	return run_jobs(jobs, n);
}

static double run_changes(const struct change *changes, size_t n,
			  void (*show)(const struct job *job))
{
	struct job jobs[NR_CHANGES] = { 0 };
	struct result *results = shared_results(n);

	for (size_t i = 0; i < n; i++) {
		jobs[i].config = find_config(changes[i].config);
		jobs[i].change = &changes[i];
		jobs[i].show = show;
		jobs[i].result = &results[i];
	}
	return run_jobs(jobs, n);
}

static int run_all(bool extended)
{
	double seconds;

	seconds = run_configs(extended);
	printf("\n%-24s %-16s %6s  %s\n", "mutation", "caught in", "steps",
	       "violated");
	seconds += run_changes(mutations, NR_MUTATIONS, show_mutation);
	printf("\n%-24s %-16s %11s %8s  %s\n", "variation", "explored",
	       "states", "seconds", "verdict");
	seconds += run_changes(variations, NR_VARIATIONS, show_variation);
	printf("\n%.0f seconds of processor time\n", seconds);
	printf("%d passed, %d failed\n", passed, failed);
	return failed ? 1 : 0;
}

static const struct change *find_change(const char *name)
{
	for (size_t i = 0; i < NR_MUTATIONS; i++)
		if (!strcmp(mutations[i].name, name))
			return &mutations[i];
	for (size_t i = 0; i < NR_VARIATIONS; i++)
		if (!strcmp(variations[i].name, name))
			return &variations[i];
	return NULL;
}

static int trace(const char *name)
{
	struct result result = { 0 };
	struct job job = { .result = &result };

	job.change = find_change(name);
	job.config = find_config(job.change ? job.change->config : name);
	job_run(&job, true);
	printf("%s, %ld steps: %s\n", name, result.length,
	       result.violation[0] ? result.violation : "no violation");
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = NULL;
	bool extended = false;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--long")) {
			extended = true;
		} else if (!strcmp(argv[i], "--jobs") && i + 1 < argc) {
			nr_jobs = atoi(argv[++i]);
		} else if (!strcmp(argv[i], "--trace") && i + 1 < argc) {
			name = argv[++i];
		} else {
			fprintf(stderr,
				"Usage: gcmodel [--long] [--jobs N] | --trace NAME\n");
			return 2;
		}
	}
	return name ? trace(name) : run_all(extended);
}
