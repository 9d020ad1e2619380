// SPDX-License-Identifier: GPL-2.0
/*
 * Threads, softirqs and hard interrupts build, cut, move, read and drop edges
 * among the same objects, while scans run back to back.
 *
 * Each mutator knows what it holds, and which incarnation of the memory that
 * was: an object that ends while somebody holds it is found out at its next
 * use, with KASAN or without.  In the end the mutators stop where they are: the
 * objects must be exactly those that are reached from what is held, with
 * exactly as many references as there are.
 *
 * Now and then an interrupt takes its time, so that what it interrupted, the
 * middle of an operation on a slot perhaps, lasts as long as a scan does.
 */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/smp.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include <pheap/object.h>

#include "compat/kunit_compat.h"
#include "pheap_kunit.h"

MODE_SET(pooled, MODE_PLAIN, MODE_DEBUG);
MODE_SET(plain, MODE_PLAIN);

#define THREADS		3
#define HUBS		8
#define SLOTS		3
#define REGS		4
#define WEAKS		3

/* No more objects than that, so that scans are short and many. */
#define MOST		1500

#define THING_ALIVE	0x0a11fe00
#define THING_DEAD	0xdeadbeef

/**
 * struct thing - an object
 * @obj: what objects begin with.
 * @weaks: weak references to it.
 * @stress: case.
 * @canary: THING_ALIVE until it is released.
 * @incarnation: number of the object among all that ever were.
 * @home: the hub's slot that it was made for, and is in or nowhere.
 * @count: references that were found, in the end.
 * @slot: slots.
 */
struct thing {
	struct pheap_object obj;
	struct pheap_weaks weaks;
	struct stress *stress;
	u32 canary;
	u32 incarnation;
	u32 home;
	u32 count;
	struct pheap_slot slot[SLOTS];
};

/**
 * struct ref - a counted reference
 * @thing: object, or NULL.
 * @incarnation: of it, when it was got.
 */
struct ref {
	struct thing *thing;
	u32 incarnation;
};

/**
 * struct mutator - somebody who uses objects
 * @stress: case.
 * @rnd: where chance is from.
 * @gfp: GFP flags.
 * @reg: what it holds.
 * @weak: weak references of its own, which others read too.
 * @steps: operations so far.
 * @got: objects got out of slots.
 * @revived: objects got by weak references.
 * @bad: what was not as it should be.
 * @what: the first of it.
 */
struct mutator {
	struct stress *stress;
	struct rnd_state rnd;
	gfp_t gfp;
	struct ref reg[REGS];
	struct pheap_weak weak[WEAKS];
	unsigned long steps;
	unsigned long got;
	unsigned long revived;
	unsigned long bad;
	const char *what;
};

typedef void (*mutator_op)(struct mutator *mutator);

/**
 * struct runner - a thread of mutations
 * @mutator: what it holds.
 * @done: it is over.
 */
struct runner {
	struct mutator mutator;
	struct completion done;
};

/**
 * struct context - mutators in the interrupts of a CPU
 * @hard: of the high-resolution timer.
 * @soft: of the timer wheel.
 * @work: of the irq_work.
 * @hrtimer: in hard interrupt context, every few microseconds.
 * @timer: in softirq context, every tick.
 * @irq_work: in hard interrupt context, from either.
 * @cpu: CPU.
 */
struct context {
	struct mutator hard;
	struct mutator soft;
	struct mutator work;
	struct hrtimer hrtimer;
	struct timer_list timer;
	struct irq_work irq_work;
	int cpu;
};

#define KINDS	3

/* The one with a traverse function. */
#define THING_RCU	1

/**
 * struct stress - a case
 * @test: case.
 * @type: types.
 * @kinds: how many of them it uses.
 * @ops: operations, the frequent ones more than once.
 * @nr_ops: how many.
 * @most: no more objects than that.
 * @hub: objects that are live throughout.
 * @runner: threads.
 * @context: interrupts, NULL without.
 * @born: incarnations.
 * @live: objects.
 * @broken: objects that ended in the wrong way.
 * @all: all mutators.
 * @nr: how many.
 * @room: for threads that wait for a scan to make some.
 * @stop: end it.
 * @closing: finalizers store nothing any more.
 * @found: what is there in the end.
 * @nr_found: how many.
 */
struct stress {
	struct kunit *test;
	struct pheap_type *type[KINDS];
	unsigned int kinds;
	const mutator_op *ops;
	unsigned int nr_ops;
	unsigned int most;
	struct thing *hub[HUBS];
	struct runner runner[THREADS];
	struct context *context;
	atomic_t born;
	atomic_t live;
	atomic_t broken;
	struct mutator **all;
	unsigned int nr;
	wait_queue_head_t room;
	bool stop;
	bool closing;
	struct thing **found;
	unsigned int nr_found;
};

static struct thing *thing_of(struct pheap_object *obj)
{
	return obj ? container_of(obj, struct thing, obj) : NULL;
}

static void thing_release(struct pheap_object *obj)
{
	struct thing *thing = thing_of(obj);
	struct stress *stress = thing->stress;

	if (thing->canary != THING_ALIVE)
		atomic_inc(&stress->broken);
	thing->canary = THING_DEAD;
	thing->incarnation = 0;
	atomic_dec(&stress->live);
}

/* Some come back. */
static void thing_finalize(struct pheap_object *obj)
{
	struct thing *thing = thing_of(obj), *hub;
	struct stress *stress = thing->stress;
	u32 nr = thing->incarnation;

	if (thing->canary != THING_ALIVE)
		atomic_inc(&stress->broken);
	if (nr % 4 || READ_ONCE(stress->closing))
		return;
	hub = stress->hub[nr / 4 % HUBS];
	pheap_slot_set(&hub->obj, &hub->slot[nr / 64 % SLOTS], obj);
}

static void thing_traverse(struct pheap_object *obj, struct pheap_visit *visit)
{
	struct thing *thing = container_of(obj, struct thing, obj);
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		pheap_visit_slot(visit, &thing->slot[i]);
}

#define THING_SLOT(i)	(offsetof(struct thing, slot) + \
			 (i) * sizeof(struct pheap_slot))

static const size_t thing_slots[SLOTS] = {
	THING_SLOT(0), THING_SLOT(1), THING_SLOT(2),
};

static const struct pheap_type_ops thing_ops[KINDS] = {
	{
		.name = "thing",
		.size = sizeof(struct thing),
		.flags = PHEAP_TYPE_RELEASE_ANYWHERE,
		.slots = thing_slots,
		.nr_slots = SLOTS,
		.weaks = offsetof(struct thing, weaks),
		.release = thing_release,
	}, {
		.name = "traversed",
		.size = sizeof(struct thing),
		.flags = PHEAP_TYPE_RELEASE_ANYWHERE,
		.traverse = thing_traverse,
		.weaks = offsetof(struct thing, weaks),
		.release = thing_release,
	}, {
		.name = "finalized",
		.size = sizeof(struct thing),
		.slots = thing_slots,
		.nr_slots = SLOTS,
		.weaks = offsetof(struct thing, weaks),
		.finalize = thing_finalize,
		.release = thing_release,
	},
};

/* Something that is not as it should be. */
static void mutator_bad(struct mutator *mutator, const char *what)
{
	if (!mutator->bad++)
		mutator->what = what;
}

static u32 chance(struct mutator *mutator, u32 below)
{
	return prandom_u32_state(&mutator->rnd) % below;
}

static struct thing *thing_new(struct mutator *mutator, u32 home)
{
	struct stress *stress = mutator->stress;
	struct thing *thing;

	if (atomic_read(&stress->live) >= stress->most)
		return NULL;
	thing = pheap_new(stress->type[chance(mutator, stress->kinds)],
			  mutator->gfp | __GFP_NOWARN);
	if (!thing)
		return NULL;
	thing->stress = stress;
	thing->incarnation = atomic_inc_return(&stress->born);
	thing->home = home;
	thing->canary = THING_ALIVE;
	atomic_inc(&stress->live);
	return thing;
}

static void ref_check(struct mutator *mutator, const struct ref *ref)
{
	if (!ref->thing)
		return;
	if (ref->thing->canary != THING_ALIVE)
		mutator_bad(mutator, "it ended while it was held");
	else if (ref->thing->incarnation != ref->incarnation)
		mutator_bad(mutator, "it became another while it was held");
}

static struct ref *mutator_reg(struct mutator *mutator)
{
	struct ref *ref = &mutator->reg[chance(mutator, REGS)];

	ref_check(mutator, ref);
	return ref;
}

static void ref_drop(struct mutator *mutator, struct ref *ref)
{
	ref_check(mutator, ref);
	if (ref->thing)
		pheap_put(&ref->thing->obj);
	ref->thing = NULL;
}

/* A new reference goes into @ref. */
static void ref_fill(struct mutator *mutator, struct ref *ref,
		     struct pheap_object *obj)
{
	struct thing *thing = thing_of(obj);

	ref_drop(mutator, ref);
	ref->thing = thing;
	if (!thing)
		return;
	if (thing->canary != THING_ALIVE)
		mutator_bad(mutator, "a dead one was got");
	ref->incarnation = thing->incarnation;
	mutator->got++;
}

/* An object whose slots may be used: a hub, or what is held. */
static struct thing *mutator_owner(struct mutator *mutator)
{
	struct ref *ref = mutator_reg(mutator);

	if (ref->thing && chance(mutator, 2))
		return ref->thing;
	return mutator->stress->hub[chance(mutator, HUBS)];
}

static struct pheap_slot *mutator_slot(struct mutator *mutator,
				       struct thing *owner)
{
	return &owner->slot[chance(mutator, SLOTS)];
}

static void op_new(struct mutator *mutator)
{
	struct thing *thing = thing_new(mutator, 0);

	if (thing)
		ref_fill(mutator, mutator_reg(mutator), &thing->obj);
}

static void op_load(struct mutator *mutator)
{
	struct thing *owner = mutator_owner(mutator);
	struct pheap_object *obj;

	obj = pheap_slot_get(&owner->obj, mutator_slot(mutator, owner));
	ref_fill(mutator, mutator_reg(mutator), obj);
}

static void op_store(struct mutator *mutator)
{
	struct thing *owner = mutator_owner(mutator);
	struct ref *ref = mutator_reg(mutator);

	pheap_slot_set(&owner->obj, mutator_slot(mutator, owner),
		       ref->thing ? &ref->thing->obj : NULL);
}

static void op_move(struct mutator *mutator)
{
	struct thing *owner = mutator_owner(mutator);
	struct ref *ref = mutator_reg(mutator);
	struct thing *thing = ref->thing;

	/* The slot's is the only reference on the owner then, perhaps. */
	if (owner == thing)
		return;
	ref->thing = NULL;
	pheap_slot_move(&owner->obj, mutator_slot(mutator, owner),
			thing ? &thing->obj : NULL);
}

static void op_take(struct mutator *mutator)
{
	struct thing *owner = mutator_owner(mutator);
	struct pheap_object *obj;

	obj = pheap_slot_take(&owner->obj, mutator_slot(mutator, owner));
	ref_fill(mutator, mutator_reg(mutator), obj);
}

static void op_clear(struct mutator *mutator)
{
	struct thing *owner = mutator_owner(mutator);

	pheap_slot_clear(&owner->obj, mutator_slot(mutator, owner));
}

static void op_get(struct mutator *mutator)
{
	struct ref *from = mutator_reg(mutator);

	if (from->thing)
		ref_fill(mutator, mutator_reg(mutator),
			 pheap_get(&from->thing->obj));
}

static void op_put(struct mutator *mutator)
{
	ref_drop(mutator, mutator_reg(mutator));
}

/* From one place to another, and on the way nowhere but here. */
static void op_carry(struct mutator *mutator)
{
	struct thing *from = mutator_owner(mutator);
	struct thing *to = mutator->stress->hub[chance(mutator, HUBS)];
	struct pheap_object *obj;

	obj = pheap_slot_take(&from->obj, mutator_slot(mutator, from));
	if (obj && thing_of(obj)->canary != THING_ALIVE)
		mutator_bad(mutator, "a dead one was taken");
	pheap_slot_move(&to->obj, mutator_slot(mutator, to), obj);
}

/* A small ring replaces what a slot had: mostly, another such ring. */
static void op_ring(struct mutator *mutator)
{
	struct thing *hub = mutator->stress->hub[chance(mutator, HUBS)];
	struct thing *first = thing_new(mutator, 0), *last = first, *next;
	unsigned int more = chance(mutator, 3);

	if (!first)
		return;
	while (more--) {
		next = thing_new(mutator, 0);
		if (!next)
			break;
		pheap_slot_set(&next->obj, &next->slot[0], &last->obj);
		if (last != first)
			pheap_put(&last->obj);
		last = next;
	}
	pheap_slot_set(&first->obj, &first->slot[0], &last->obj);
	if (last != first)
		pheap_put(&last->obj);
	pheap_slot_move(&hub->obj, mutator_slot(mutator, hub), &first->obj);
}

/* A path from a hub, of which only the end is held. */
static void op_walk(struct mutator *mutator)
{
	struct thing *at = mutator->stress->hub[chance(mutator, HUBS)], *next;
	unsigned int steps = 6;

	pheap_get(&at->obj);
	while (at && steps--) {
		next = thing_of(pheap_slot_get(&at->obj,
					       mutator_slot(mutator, at)));
		if (at->canary != THING_ALIVE)
			mutator_bad(mutator, "it ended while one was there");
		if (next && next->canary != THING_ALIVE)
			mutator_bad(mutator, "a dead one was reached");
		pheap_put(&at->obj);
		at = next;
	}
	if (at)
		ref_fill(mutator, mutator_reg(mutator), &at->obj);
}

/* Only what stays for a grace period may be looked at. */
static void op_peek(struct mutator *mutator)
{
	struct pheap_type *stays = mutator->stress->type[THING_RCU];
	struct thing *owner = mutator_owner(mutator);
	const struct pheap_object *obj;
	u32 canary;

	rcu_read_lock();
	obj = pheap_slot_peek(mutator_slot(mutator, owner));
	if (obj && pheap_object_type(obj) == stays) {
		canary = READ_ONCE(container_of(obj, struct thing,
						obj)->canary);
		if (canary != THING_ALIVE && canary != THING_DEAD && canary)
			mutator_bad(mutator, "no object was seen");
	}
	rcu_read_unlock();
}

static void op_weak_init(struct mutator *mutator)
{
	struct pheap_weak *weak = &mutator->weak[chance(mutator, WEAKS)];
	struct ref *ref = mutator_reg(mutator);

	pheap_weak_clear(weak);
	if (ref->thing)
		pheap_weak_init(weak, &ref->thing->obj, NULL);
}

static void op_weak_get(struct mutator *mutator)
{
	struct stress *stress = mutator->stress;
	struct mutator *other = stress->all[chance(mutator, stress->nr)];
	struct pheap_object *obj;

	obj = pheap_weak_get(&other->weak[chance(mutator, WEAKS)]);
	if (!obj)
		return;
	mutator->revived++;
	ref_fill(mutator, mutator_reg(mutator), obj);
}

static void op_weak_clear(struct mutator *mutator)
{
	pheap_weak_clear(&mutator->weak[chance(mutator, WEAKS)]);
}

/* A ring that only a weak reference knows. */
static void op_weak_ring(struct mutator *mutator)
{
	struct thing *thing = thing_new(mutator, 0);
	struct pheap_weak *weak = &mutator->weak[chance(mutator, WEAKS)];

	if (!thing)
		return;
	pheap_slot_set(&thing->obj, &thing->slot[0], &thing->obj);
	pheap_weak_clear(weak);
	pheap_weak_init(weak, &thing->obj, NULL);
	pheap_put(&thing->obj);
}

/*
 * Each slot gets only what was made for it, and gives only that.  What one
 * slot had is at once the memory of what the next one gets.
 */
static void op_home_store(struct mutator *mutator)
{
	struct thing *hub = mutator->stress->hub[0], *thing;
	unsigned int i;
	u32 home;

	for (i = 0; i < 2 * SLOTS; i++) {
		home = i % SLOTS;
		thing = thing_new(mutator, home);
		pheap_slot_move(&hub->obj, &hub->slot[home],
				thing ? &thing->obj : NULL);
	}
}

static void op_home_load(struct mutator *mutator)
{
	u32 home = chance(mutator, SLOTS);
	struct thing *hub = mutator->stress->hub[0], *thing;

	thing = thing_of(pheap_slot_get(&hub->obj, &hub->slot[home]));
	if (!thing)
		return;
	if (thing->canary != THING_ALIVE)
		mutator_bad(mutator, "a dead one was got");
	if (thing->home != home)
		mutator_bad(mutator, "another slot's was got");
	mutator->got++;
	pheap_put(&thing->obj);
}

/* Slots that others fill with rings, in turn, so that most time is spent here. */
static void op_look(struct mutator *mutator)
{
	struct stress *stress = mutator->stress;
	struct ref *ref = mutator_reg(mutator);
	struct pheap_object *obj;
	struct thing *hub;
	unsigned int i;

	for (i = 0; i < HUBS * SLOTS; i++) {
		hub = stress->hub[i % HUBS];
		obj = pheap_slot_get(&hub->obj, &hub->slot[i / HUBS]);
		if (obj)
			ref_fill(mutator, ref, obj);
	}
}

static const mutator_op ops_all[] = {
	op_new, op_new, op_load, op_load, op_load, op_store, op_store, op_store,
	op_move, op_move, op_take, op_clear, op_get, op_put, op_put, op_carry,
	op_ring, op_walk, op_peek, op_weak_init, op_weak_get, op_weak_clear,
	op_weak_ring,
};

static const mutator_op ops_rings[] = {
	op_ring, op_ring, op_ring, op_walk, op_walk, op_walk, op_load, op_load,
	op_put, op_put, op_carry, op_clear, op_look, op_look, op_look, op_look,
};

static const mutator_op ops_edges[] = {
	op_new, op_load, op_load, op_store, op_store, op_store, op_move,
	op_take, op_take, op_clear, op_put, op_carry,
};

static const mutator_op ops_weak[] = {
	op_weak_ring, op_weak_ring, op_weak_init, op_weak_get, op_weak_get,
	op_weak_get, op_weak_get, op_weak_clear, op_put, op_put, op_put,
	op_ring, op_load, op_store,
};

static const mutator_op ops_homes[] = {
	op_home_store, op_home_load, op_home_load, op_home_load,
};

/**
 * struct diet - what mutators of a case do
 * @ops: operations, the frequent ones more than once.
 * @nr_ops: how many.
 * @kinds: how many types of objects there are.
 * @interrupts: in interrupts, too.
 */
struct diet {
	const mutator_op *ops;
	unsigned int nr_ops;
	unsigned int kinds;
	bool interrupts;
};

static const struct diet diet_all = {
	ops_all, ARRAY_SIZE(ops_all), KINDS, true
};

static const struct diet diet_threads = {
	ops_all, ARRAY_SIZE(ops_all), KINDS, false
};

static const struct diet diet_rings = {
	ops_rings, ARRAY_SIZE(ops_rings), 1, true
};

static const struct diet diet_edges = {
	ops_edges, ARRAY_SIZE(ops_edges), 2, true
};

static const struct diet diet_weak = {
	ops_weak, ARRAY_SIZE(ops_weak), 2, true
};

static const struct diet diet_homes = {
	ops_homes, ARRAY_SIZE(ops_homes), 1, true
};

static void mutator_step(struct mutator *mutator, unsigned int steps)
{
	struct stress *stress = mutator->stress;

	while (steps--) {
		stress->ops[chance(mutator, stress->nr_ops)](mutator);
		mutator->steps++;
	}
}

static bool stress_has_room(struct stress *stress)
{
	return atomic_read(&stress->live) < stress->most ||
	       READ_ONCE(stress->stop);
}

static int runner_thread(void *arg)
{
	struct runner *runner = arg;
	struct stress *stress = runner->mutator.stress;

	while (!READ_ONCE(stress->stop)) {
		mutator_step(&runner->mutator, 32);
		cond_resched();
		if (!stress_has_room(stress))
			wait_event_timeout(stress->room, stress_has_room(stress),
					   1);
	}
	complete(&runner->done);
	return 0;
}

static enum hrtimer_restart context_hrtimer(struct hrtimer *hrtimer)
{
	struct context *ctx = container_of(hrtimer, struct context, hrtimer);

	if (READ_ONCE(ctx->hard.stress->stop))
		return HRTIMER_NORESTART;
	mutator_step(&ctx->hard, 4);
	/* Whoever was interrupted is late. */
	if (!chance(&ctx->hard, 16))
		udelay(chance(&ctx->hard, 300));
	else if (!chance(&ctx->hard, 64))
		mdelay(chance(&ctx->hard, 5));
	if (!chance(&ctx->hard, 4))
		irq_work_queue(&ctx->irq_work);
	hrtimer_forward_now(hrtimer,
			    ns_to_ktime(20000 + chance(&ctx->hard, 300000)));
	return HRTIMER_RESTART;
}

static void context_timer(struct timer_list *timer)
{
	struct context *ctx = container_of(timer, struct context, timer);

	mutator_step(&ctx->soft, 20);
	irq_work_queue(&ctx->irq_work);
	if (!READ_ONCE(ctx->soft.stress->stop))
		mod_timer(timer, jiffies + 1);
}

static void context_irq_work(struct irq_work *work)
{
	struct context *ctx = container_of(work, struct context, irq_work);

	mutator_step(&ctx->work, 4);
}

static void context_start(void *arg)
{
	struct context *ctx = arg;

	hrtimer_start(&ctx->hrtimer, ns_to_ktime(50000),
		      HRTIMER_MODE_REL_PINNED_HARD);
	ctx->timer.expires = jiffies + 1;
	add_timer_on(&ctx->timer, ctx->cpu);
}

static void mutator_init(struct stress *stress, struct mutator *mutator,
			 gfp_t gfp)
{
	unsigned int i;

	mutator->stress = stress;
	mutator->gfp = gfp;
	prandom_seed_state(&mutator->rnd,
			   fixture_random(stress->test, U32_MAX));
	for (i = 0; i < WEAKS; i++)
		pheap_weak_init(&mutator->weak[i], NULL, NULL);
	stress->all[stress->nr++] = mutator;
}

static void contexts_init(struct stress *stress)
{
	struct context *ctx = kunit_kcalloc(stress->test, nr_cpu_ids,
					    sizeof(*ctx), GFP_KERNEL);
	int cpu;

	KUNIT_ASSERT_TRUE(stress->test, ctx);
	stress->context = ctx;
	for_each_online_cpu(cpu) {
		ctx[cpu].cpu = cpu;
		mutator_init(stress, &ctx[cpu].hard, GFP_ATOMIC);
		mutator_init(stress, &ctx[cpu].soft, GFP_ATOMIC);
		mutator_init(stress, &ctx[cpu].work, GFP_NOWAIT);
		compat_hrtimer_setup(&ctx[cpu].hrtimer, context_hrtimer);
		timer_setup(&ctx[cpu].timer, context_timer, 0);
		init_irq_work(&ctx[cpu].irq_work, context_irq_work);
	}
}

static void stress_init_hubs(struct stress *stress)
{
	struct kunit *test = stress->test;
	struct mutator *first = stress->all[0];
	unsigned int i;

	for (i = 0; i < KINDS; i++) {
		stress->type[i] = pheap_type_register(heap_of(test),
						      &thing_ops[i]);
		KUNIT_ASSERT_FALSE(test, IS_ERR(stress->type[i]));
	}
	for (i = 0; i < HUBS; i++) {
		stress->hub[i] = thing_new(first, 0);
		KUNIT_ASSERT_TRUE(test, stress->hub[i]);
	}
}

static struct stress *stress_init(struct kunit *test, const struct diet *diet)
{
	struct stress *stress = kunit_kzalloc(test, sizeof(*stress),
					      GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, stress);
	stress->test = test;
	stress->ops = diet->ops;
	stress->nr_ops = diet->nr_ops;
	stress->kinds = 1;
	stress->most = MOST;
	init_waitqueue_head(&stress->room);
	stress->all = kunit_kcalloc(test, THREADS + 3 * nr_cpu_ids,
				    sizeof(*stress->all), GFP_KERNEL);
	stress->found = kunit_kcalloc(test, 4 * MOST, sizeof(*stress->found),
				      GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, stress->all && stress->found);
	for (i = 0; i < THREADS; i++) {
		mutator_init(stress, &stress->runner[i].mutator,
			     i ? GFP_KERNEL : GFP_NOWAIT);
		init_completion(&stress->runner[i].done);
	}
	if (diet->interrupts)
		contexts_init(stress);
	stress_init_hubs(stress);
	stress->kinds = diet->kinds;
	kunit_info(test, "seed %llu\n", fixture_of(test)->seed);
	return stress;
}

static void stress_start(struct stress *stress)
{
	struct task_struct *task;
	unsigned int i;
	int cpu;

	for (i = 0; i < THREADS; i++) {
		task = kthread_run(runner_thread, &stress->runner[i],
				   "gcstress/%d", i);
		KUNIT_ASSERT_FALSE(stress->test, IS_ERR(task));
	}
	if (!stress->context)
		return;
	for_each_online_cpu(cpu)
		smp_call_function_single(cpu, context_start,
					 &stress->context[cpu], true);
}

static void stress_stop(struct stress *stress)
{
	unsigned int i;
	int cpu;

	WRITE_ONCE(stress->stop, true);
	for (i = 0; i < THREADS; i++)
		wait_for_completion(&stress->runner[i].done);
	if (!stress->context)
		return;
	for_each_online_cpu(cpu) {
		hrtimer_cancel(&stress->context[cpu].hrtimer);
		timer_delete_sync(&stress->context[cpu].timer);
		irq_work_sync(&stress->context[cpu].irq_work);
	}
}

static bool stress_find(struct pheap_object *obj, void *arg)
{
	struct stress *stress = arg;

	if (stress->nr_found == 4 * MOST)
		return false;
	thing_of(obj)->count = 0;
	stress->found[stress->nr_found++] = thing_of(obj);
	return true;
}

static bool stress_count(struct pheap_object *obj, void *arg)
{
	thing_of(obj)->count++;
	return true;
}

/* Who holds what, apart from slots. */
static void stress_count_held(struct stress *stress)
{
	unsigned int i, k;
	struct ref *ref;

	for (i = 0; i < HUBS; i++)
		stress->hub[i]->count++;
	for (i = 0; i < stress->nr; i++) {
		for (k = 0; k < REGS; k++) {
			ref = &stress->all[i]->reg[k];
			ref_check(stress->all[i], ref);
			if (ref->thing)
				ref->thing->count++;
		}
	}
}

/*
 * Objects that something unmarked refers to are not reached.  What is found
 * here is marked in @home, which nobody needs any more.
 */
static unsigned int stress_reach(struct stress *stress)
{
	unsigned int i, reached = 0, before;
	struct pheap_object *to;
	struct thing *thing;
	int slot;

	do {
		before = reached;
		for (i = 0; i < stress->nr_found; i++) {
			thing = stress->found[i];
			if (thing->home != U32_MAX)
				continue;
			thing->home = U32_MAX - 1;
			reached++;
			for (slot = 0; slot < SLOTS; slot++) {
				to = rcu_dereference_raw(thing->slot[slot].__to);
				if (to && thing_of(to)->home != U32_MAX - 1)
					thing_of(to)->home = U32_MAX;
			}
		}
	} while (reached != before);
	return reached;
}

/* Where all stand still. */
static void stress_census(struct stress *stress)
{
	struct kunit *test = stress->test;
	unsigned int i, wrong = 0;
	struct thing *thing;

	pheap_for_each_object(heap_of(test), NULL, stress_find, stress);
	stress_count_held(stress);
	for (i = 0; i < stress->nr_found; i++) {
		thing = stress->found[i];
		thing->home = thing->count ? U32_MAX : 0;
	}
	KUNIT_EXPECT_EQ_MSG(test, stress_reach(stress), stress->nr_found,
			    "not all that is there is reached");
	for (i = 0; i < stress->nr_found; i++)
		pheap_referents(&stress->found[i]->obj, stress_count, NULL);
	for (i = 0; i < stress->nr_found; i++) {
		thing = stress->found[i];
		wrong += thing->canary != THING_ALIVE;
		wrong += pheap_refcount(&thing->obj) != thing->count;
	}
	KUNIT_EXPECT_EQ_MSG(test, wrong, 0, "of %u objects", stress->nr_found);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->live), stress->nr_found);
}

static void stress_drop_all(struct stress *stress)
{
	struct mutator *mutator;
	unsigned int i, k;

	for (i = 0; i < stress->nr; i++) {
		mutator = stress->all[i];
		for (k = 0; k < REGS; k++)
			ref_drop(mutator, &mutator->reg[k]);
		for (k = 0; k < WEAKS; k++)
			pheap_weak_clear(&mutator->weak[k]);
	}
	for (i = 0; i < HUBS; i++)
		pheap_put(&stress->hub[i]->obj);
}

/* After at most two collections, and what workers have to do, nothing moves. */
static void stress_rest(struct stress *stress)
{
	int live, tries = 100;

	pheap_collect(heap_of(stress->test));
	pheap_collect(heap_of(stress->test));
	do {
		live = atomic_read(&stress->live);
		fixture_held();
		msleep(20);
	} while (atomic_read(&stress->live) != live && tries--);
}

static void stress_report(struct stress *stress)
{
	unsigned long steps = 0, got = 0, revived = 0;
	struct kunit *test = stress->test;
	struct mutator *mutator;
	unsigned int i;

	for (i = 0; i < stress->nr; i++) {
		mutator = stress->all[i];
		steps += mutator->steps;
		got += mutator->got;
		revived += mutator->revived;
		KUNIT_EXPECT_EQ_MSG(test, mutator->bad, 0, "mutator %u: %s", i,
				    mutator->what);
		KUNIT_EXPECT_GT(test, mutator->steps, 0);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->broken), 0);
	kunit_info(test, "%d objects, %lu operations, %lu got, %lu revived\n",
		   atomic_read(&stress->born), steps, got, revived);
}

static void stress_finish(struct stress *stress)
{
	struct kunit *test = stress->test;

	stress_stop(stress);
	WRITE_ONCE(stress->closing, true);
	stress_rest(stress);
	stress_census(stress);
	stress_report(stress);
	stress_drop_all(stress);
	stress_rest(stress);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->live), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress->broken), 0);
}

/* A slow kernel takes its time until all have begun. */
static bool stress_all_run(struct stress *stress)
{
	unsigned int i;

	for (i = 0; i < stress->nr; i++)
		if (!READ_ONCE(stress->all[i]->steps))
			return false;
	return true;
}

/*
 * One CPU has to do something else between two scans.  With more, a scan that
 * begins in the middle of what it must wait for is worth more than one that
 * waits for it.
 */
static void stress_pause(struct stress *stress)
{
	struct mutator *first = stress->all[0];

	wake_up_all(&stress->room);
	if (num_online_cpus() == 1)
		usleep_range(20, 60);
	else if (first->steps % 2)
		usleep_range(500, 3000);
	cond_resched();
}

/* Scans run back to back meanwhile. */
static void stress_run(struct stress *stress)
{
	ktime_t end = ktime_add_ms(ktime_get(), stress_ms);
	unsigned long scans = 0;
	size_t freed = 0;

	stress_start(stress);
	while (ktime_before(ktime_get(), end) || !scans ||
	       (!stress_all_run(stress) && scans < 1000)) {
		freed += pheap_collect(heap_of(stress->test));
		scans++;
		stress_pause(stress);
	}
	stress_finish(stress);
	kunit_info(stress->test, "%lu collections freed %zu\n", scans, freed);
}

static void gc_stress_all(struct kunit *test)
{
	stress_run(stress_init(test, &diet_all));
}

static void gc_stress_threads(struct kunit *test)
{
	stress_run(stress_init(test, &diet_threads));
}

static void gc_stress_rings(struct kunit *test)
{
	stress_run(stress_init(test, &diet_rings));
}

static void gc_stress_edges(struct kunit *test)
{
	stress_run(stress_init(test, &diet_edges));
}

static void gc_stress_weak(struct kunit *test)
{
	stress_run(stress_init(test, &diet_weak));
}

static void gc_stress_homes(struct kunit *test)
{
	stress_run(stress_init(test, &diet_homes));
}

/* Nobody asks for collections: they begin by themselves, and at the limit. */
static void gc_stress_at_the_limit(struct kunit *test)
{
	struct stress *stress;
	int tries = 40;

	fixture_remake(test, &(struct pheap_args) { .limit = SZ_256K });
	stress = stress_init(test, &diet_all);
	stress->most = 4 * MOST;
	pheap_gc_set_threshold(heap_of(test), 200, 0);
	stress_start(stress);
	do {
		msleep(stress_ms);
	} while (!stress_all_run(stress) && tries--);
	stress_finish(stress);
}

static struct kunit_case gcstress_cases[] = {
	MODE_CASE(pooled, gc_stress_all),
	MODE_CASE(plain, gc_stress_threads),
	MODE_CASE(pooled, gc_stress_rings),
	MODE_CASE(plain, gc_stress_edges),
	MODE_CASE(plain, gc_stress_weak),
	MODE_CASE(plain, gc_stress_homes),
	MODE_CASE(plain, gc_stress_at_the_limit),
	{}
};

struct kunit_suite gcstress_suite = {
	.name = "pheap_gcstress",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = gcstress_cases,
};
