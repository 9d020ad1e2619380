// SPDX-License-Identifier: GPL-2.0
/*
 * Process context, softirqs and hard interrupts on the same heap, each
 * interrupting the other wherever that happens to be.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/smp.h>
#include <linux/sizes.h>
#include <linux/timer.h>

#include "backing.h"
#include "compat/kunit_compat.h"
#include "pheap_kunit.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);

/**
 * struct context - what happens on a CPU
 * @hard: blocks of the high-resolution timer.
 * @soft: blocks of the timer wheel.
 * @work: blocks of the irq_work.
 * @hrtimer: in hard interrupt context, every few microseconds.
 * @timer: in softirq context, every tick.
 * @irq_work: in hard interrupt context, from either.
 * @runs: how often each ran.
 * @wrong: runs in a context that is none of the kind.
 * @stop: it is over.
 * @cpu: CPU.
 */
struct context {
	struct model hard;
	struct model soft;
	struct model work;
	struct hrtimer hrtimer;
	struct timer_list timer;
	struct irq_work irq_work;
	unsigned long runs[3];
	unsigned long wrong;
	bool stop;
	int cpu;
};

#define CONTEXT_STEPS	3

static void context_steps(struct model *model)
{
	int i;

	for (i = 0; i < CONTEXT_STEPS; i++)
		model_step(model);
}

static enum hrtimer_restart context_hrtimer(struct hrtimer *hrtimer)
{
	struct context *ctx = container_of(hrtimer, struct context, hrtimer);

	if (READ_ONCE(ctx->stop))
		return HRTIMER_NORESTART;
	ctx->runs[0]++;
	ctx->wrong += !in_hardirq();
	context_steps(&ctx->hard);
	if (ctx->runs[0] % 4 == 0)
		irq_work_queue(&ctx->irq_work);
	hrtimer_forward_now(hrtimer,
			    ns_to_ktime(20000 + model_random(&ctx->hard,
							     400000)));
	return HRTIMER_RESTART;
}

static void context_timer(struct timer_list *timer)
{
	struct context *ctx = container_of(timer, struct context, timer);

	ctx->runs[1]++;
	ctx->wrong += !in_serving_softirq();
	context_steps(&ctx->soft);
	irq_work_queue(&ctx->irq_work);
	if (!READ_ONCE(ctx->stop))
		mod_timer(timer, jiffies + 1);
}

static void context_irq_work(struct irq_work *work)
{
	struct context *ctx = container_of(work, struct context, irq_work);

	ctx->runs[2]++;
	ctx->wrong += !in_hardirq();
	context_steps(&ctx->work);
}

static void context_start(void *arg)
{
	struct context *ctx = arg;

	hrtimer_start(&ctx->hrtimer, ns_to_ktime(50000),
		      HRTIMER_MODE_REL_PINNED_HARD);
	ctx->timer.expires = jiffies + 1;
	add_timer_on(&ctx->timer, ctx->cpu);
}

static void context_stop(struct context *ctx)
{
	WRITE_ONCE(ctx->stop, true);
	hrtimer_cancel(&ctx->hrtimer);
	timer_delete_sync(&ctx->timer);
	irq_work_sync(&ctx->irq_work);
}

static void context_init(struct kunit *test, struct context *ctx, int cpu)
{
	ctx->cpu = cpu;
	model_init(test, &ctx->hard, 60, GFP_ATOMIC, 2000);
	model_init(test, &ctx->soft, 60, GFP_ATOMIC, 5000);
	model_init(test, &ctx->work, 60, GFP_ATOMIC, 600);
	compat_hrtimer_setup(&ctx->hrtimer, context_hrtimer);
	timer_setup(&ctx->timer, context_timer, 0);
	init_irq_work(&ctx->irq_work, context_irq_work);
}

static void context_finish(struct kunit *test, struct context *ctx)
{
	model_finish(test, &ctx->hard);
	model_finish(test, &ctx->soft);
	model_finish(test, &ctx->work);
	KUNIT_EXPECT_EQ(test, ctx->wrong, 0);
	KUNIT_EXPECT_GT(test, ctx->runs[0], 0);
	KUNIT_EXPECT_GT(test, ctx->runs[1], 0);
	KUNIT_EXPECT_GT(test, ctx->runs[2], 0);
}

static struct context *contexts_start(struct kunit *test)
{
	struct context *ctx = kunit_kcalloc(test, nr_cpu_ids, sizeof(*ctx),
					    GFP_KERNEL);
	int cpu;

	KUNIT_ASSERT_TRUE(test, ctx);
	for_each_online_cpu(cpu)
		context_init(test, &ctx[cpu], cpu);
	for_each_online_cpu(cpu)
		smp_call_function_single(cpu, context_start, &ctx[cpu], true);
	return ctx;
}

/* On a busy machine, a timer may be late. */
static void context_wait(const struct context *ctx)
{
	unsigned int i, tries = 1000;

	for (i = 0; i < ARRAY_SIZE(ctx->runs); i++)
		for (; !READ_ONCE(ctx->runs[i]) && tries; tries--)
			msleep(20);
}

static void contexts_finish(struct kunit *test, struct context *ctx)
{
	int cpu;

	for_each_online_cpu(cpu)
		context_wait(&ctx[cpu]);
	for_each_online_cpu(cpu)
		context_stop(&ctx[cpu]);
	for_each_online_cpu(cpu)
		context_finish(test, &ctx[cpu]);
}

/* Process context uses what the interrupts use, and does @upkeep in between. */
static void context_run(struct kunit *test, void (*upkeep)(struct kunit *test))
{
	ktime_t end = ktime_add_ms(ktime_get(), stress_ms);
	struct context *ctx;
	struct model model;
	int i;

	fixture_atomic(test);
	ctx = contexts_start(test);
	model_init(test, &model, 300, GFP_KERNEL, SZ_8K);
	while (ktime_before(ktime_get(), end)) {
		for (i = 0; i < 50; i++)
			model_step(&model);
		upkeep(test);
		cond_resched();
	}
	contexts_finish(test, ctx);
	model_finish(test, &model);
	FIXTURE_CHECK(test);
}

static void upkeep_none(struct kunit *test)
{
}

static void context_mixed(struct kunit *test)
{
	context_run(test, upkeep_none);
}

static void upkeep_trim(struct kunit *test)
{
	pheap_trim(heap_of(test));
	KUNIT_EXPECT_EQ(test, pheap_validate(heap_of(test)), 0);
}

/* The heap is trimmed, walked, counted and checked all the while. */
static void context_with_upkeep(struct kunit *test)
{
	context_run(test, upkeep_trim);
}

/* Every context, with interrupts off, and locks held. */
static void context_atomic(struct kunit *test)
{
	static DEFINE_RAW_SPINLOCK(lock);
	unsigned long flags;
	struct model model;
	int i;

	fixture_atomic(test);
	model_init(test, &model, 100, GFP_ATOMIC, 3000);
	for (i = 0; i < 200; i++) {
		raw_spin_lock_irqsave(&lock, flags);
		context_steps(&model);
		raw_spin_unlock_irqrestore(&lock, flags);
		local_bh_disable();
		context_steps(&model);
		local_bh_enable();
		rcu_read_lock();
		context_steps(&model);
		rcu_read_unlock();
		preempt_disable();
		context_steps(&model);
		preempt_enable();
	}
	raw_spin_lock_irqsave(&lock, flags);
	model_clear(&model);
	raw_spin_unlock_irqrestore(&lock, flags);
	model_finish(test, &model);
}

/* What must not sleep does not, even at the limit, and without memory. */
static void context_atomic_without_memory(struct kunit *test)
{
	unsigned long flags;
	struct model model;
	int i;

	fixture_atomic(test);
	fixture_remake(test, &(struct pheap_args) { .limit = SZ_256K });
	model_init(test, &model, 400, GFP_ATOMIC, SZ_4K);
	local_irq_save(flags);
	for (i = 0; i < 2000; i++)
		model_step(&model);
	backing_fail_nth(1, true);
	for (i = 0; i < 500; i++)
		model_step(&model);
	backing_fail_nth(0, false);
	local_irq_restore(flags);
	KUNIT_EXPECT_GT(test, model.failed, 0);
	KUNIT_EXPECT_LE(test, fixture_stats(test).peak, SZ_256K);
	model_finish(test, &model);
}

static struct kunit_case context_cases[] = {
	MODE_CASE(all, context_mixed),
	MODE_CASE(all, context_with_upkeep),
	MODE_CASE(all, context_atomic),
	MODE_CASE(all, context_atomic_without_memory),
	{}
};

struct kunit_suite context_suite = {
	.name = "pheap_context",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = context_cases,
};
