// SPDX-License-Identifier: GPL-2.0
/*
 * What a scan must not miss, each brought about and not left to chance: a
 * traverse function stops the scan where it is wanted.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <pheap/object.h>

#include "object.h"
#include "pheap_kunit.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(plain, MODE_PLAIN);

/* How long a mutator stays in the middle of something, and is waited for. */
#define SCAN_STALL_MS	30
#define SCAN_PATIENCE	(2 * HZ)

/**
 * struct pip - an object with a slot
 * @obj: what objects begin with.
 * @slot: slot.
 * @fill: so that few are on a page.
 */
struct pip {
	struct pheap_object obj;
	struct pheap_slot slot;
	char fill[2000];
};

static atomic_t pip_ends;

static void pip_release(struct pheap_object *obj)
{
	atomic_inc(&pip_ends);
}

static const size_t pip_slots[] = { offsetof(struct pip, slot) };

static const struct pheap_type_ops pip_ops = {
	.name = "pip",
	.size = sizeof(struct pip),
	.slots = pip_slots,
	.nr_slots = ARRAY_SIZE(pip_slots),
	.flags = PHEAP_TYPE_RELEASE_ANYWHERE,
	.release = pip_release,
};

/* What the traverse function below does when it has told of the slot. */
static void (*stop_fn)(void);

static void stop_traverse(struct pheap_object *obj, struct pheap_visit *visit)
{
	struct pip *pip = container_of(obj, struct pip, obj);

	pheap_visit_slot(visit, &pip->slot);
	if (READ_ONCE(stop_fn))
		stop_fn();
}

static const struct pheap_type_ops stop_ops = {
	.name = "stop",
	.size = sizeof(struct pip),
	.traverse = stop_traverse,
};

static const struct pheap_type_ops stop_early_ops = {
	.name = "stop-early",
	.size = sizeof(struct pip),
	.flags = PHEAP_TYPE_IMMUTABLE,
	.traverse = stop_traverse,
};

static struct pheap_type *scan_type(struct kunit *test,
				    const struct pheap_type_ops *ops)
{
	struct pheap_type *type = pheap_type_register(heap_of(test), ops);

	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(type));
	return type;
}

static struct pip *scan_new(struct kunit *test, struct pheap_type *type)
{
	struct pip *pip = pheap_new(type, FIXTURE_GFP);

	KUNIT_ASSERT_NOT_NULL(test, pip);
	return pip;
}

/**
 * struct taker - who takes a reference out of a slot, and is slow about it
 * @owner: whose slot.
 * @traced: the scan has seen the slot full.
 * @taken: it is empty, and nothing else is done yet.
 * @done: the rest is done.
 * @ends: objects that had ended before the rest.
 * @obj: what was in the slot.
 */
static struct {
	struct pip *owner;
	struct completion traced;
	bool taken;
	struct completion done;
	int ends;
	struct pheap_object *obj;
} taker;

/* pheap_slot_take(), with a pause in the middle. */
static int taker_run(void *arg)
{
	wait_for_completion(&taker.traced);
	__pheap_section_begin();
	taker.obj = (__force struct pheap_object *)
		xchg(&taker.owner->slot.__to, NULL);
	/* The slot, then this. */
	smp_store_release(&taker.taken, true);
	mdelay(SCAN_STALL_MS);
	taker.ends = atomic_read(&pip_ends);
	__pheap_touch(taker.obj);
	__pheap_section_end();
	complete(&taker.done);
	return 0;
}

/* The scan has traced the owner; it goes on when the slot is empty. */
static void taker_stop(void)
{
	unsigned long tries = 10 * USEC_PER_SEC;

	if (READ_ONCE(taker.taken))
		return;
	complete(&taker.traced);
	/* This, then the slot. */
	while (!smp_load_acquire(&taker.taken) && --tries)
		udelay(1);
}

/*
 * A reference leaves a slot after the scan has counted it there, by who has not
 * marked the object yet: the scan must wait for him.
 */
static void scan_waits_for_sections(struct kunit *test)
{
	struct pheap_type *type = scan_type(test, &pip_ops);
	struct task_struct *task;
	struct pip *pip;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two processors");
	memset(&taker, 0, sizeof(taker));
	init_completion(&taker.traced);
	init_completion(&taker.done);
	atomic_set(&pip_ends, 0);
	taker.owner = scan_new(test, scan_type(test, &stop_ops));
	pip = scan_new(test, type);
	pheap_slot_move(&taker.owner->obj, &taker.owner->slot, &pip->obj);
	task = kthread_run(taker_run, NULL, "pheap_taker");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	WRITE_ONCE(stop_fn, taker_stop);
	pheap_collect(heap_of(test));
	WRITE_ONCE(stop_fn, NULL);
	complete(&taker.traced);
	KUNIT_ASSERT_NE(test, wait_for_completion_timeout(&taker.done,
							  SCAN_PATIENCE), 0);
	KUNIT_EXPECT_EQ(test, taker.ends, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&pip_ends), 0);
	KUNIT_EXPECT_EQ(test, pheap_refcount(taker.obj), 1);
	pheap_put(taker.obj);
	KUNIT_EXPECT_EQ(test, atomic_read(&pip_ends), 1);
	pheap_put(&taker.owner->obj);
}

/**
 * struct reader - who reads a slot and lets go of its owner
 * @owner: whose slot; part of a cycle of its own.
 * @got: what was in it.
 */
static struct {
	struct pip *owner;
	struct pheap_object *got;
} reader;

static void reader_stop(void)
{
	if (reader.got)
		return;
	reader.got = pheap_slot_get(&reader.owner->obj, &reader.owner->slot);
	pheap_put(&reader.owner->obj);
}

/* Objects of three types, on pages that the scan comes to in this order. */
static bool scan_is_ordered(const void *a, const void *b, const void *c)
{
	return a < b && b < c &&
	       ((unsigned long)a ^ (unsigned long)c) < ARENA_SIZE;
}

static const struct pheap_type_ops late_ops = {
	.name = "late",
	.size = sizeof(struct pip),
	.slots = pip_slots,
	.nr_slots = ARRAY_SIZE(pip_slots),
};

/*
 * An object whose count was taken is read from a slot, and the slot's owner let
 * go before its own count is: all references that the scan knows of are then the
 * dead owner's.  The reader's mark is what tells of him.
 */
static void scan_sees_readers(struct kunit *test)
{
	struct pip *got = scan_new(test, scan_type(test, &pip_ops));
	struct pip *stop = scan_new(test, scan_type(test, &stop_early_ops));
	struct pip *owner = scan_new(test, scan_type(test, &late_ops));

	KUNIT_ASSERT_TRUE(test, scan_is_ordered(got, stop, owner));
	memset(&reader, 0, sizeof(reader));
	atomic_set(&pip_ends, 0);
	pheap_gc_disable(heap_of(test));
	reader.owner = owner;
	/* The cycle: what is read refers back to where it was read. */
	pheap_slot_set(&got->obj, &got->slot, &owner->obj);
	pheap_slot_move(&owner->obj, &owner->slot, &got->obj);
	WRITE_ONCE(stop_fn, reader_stop);
	pheap_collect(heap_of(test));
	WRITE_ONCE(stop_fn, NULL);
	KUNIT_EXPECT_PTR_EQ(test, reader.got, &got->obj);
	KUNIT_EXPECT_EQ(test, atomic_read(&pip_ends), 0);
	KUNIT_EXPECT_EQ(test, pheap_refcount(&got->obj), 2);
	pheap_put(reader.got);
	KUNIT_EXPECT_EQ(test, pheap_collect(heap_of(test)), 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&pip_ends), 1);
	pheap_put(&stop->obj);
}

static struct kunit_case scan_cases[] = {
	MODE_CASE(all, scan_waits_for_sections),
	MODE_CASE(plain, scan_sees_readers),
	{}
};

struct kunit_suite scan_suite = {
	.name = "pheap_scan",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = scan_cases,
};
