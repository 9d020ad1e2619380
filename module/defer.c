// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/slab.h>

#include "backing.h"
#include "defer.h"

/* As many as make a batch 512 bytes, which kmalloc() has no waste for. */
#define DEFER_BATCH	59

/**
 * struct defer_batch - blocks that wait for the same grace period
 * @rcu: the wait.
 * @heap: heap.
 * @payer: whose limit it counts against, or NULL.
 * @nr: how many.
 * @p: the blocks.
 */
struct defer_batch {
	struct rcu_head rcu;
	struct pheap *heap;
	struct pheap *payer;
	unsigned int nr;
	const void *p[DEFER_BATCH];
};

static_assert(sizeof(struct defer_batch) <= 512);

static struct defer_batch *defer_new(struct pheap *heap, struct pheap *payer,
				     gfp_t gfp)
{
	struct defer_batch *batch = backing_meta_raw(payer, sizeof(*batch),
						     gfp);

	if (!IS_ERR(batch)) {
		batch->heap = heap;
		batch->payer = payer;
		batch->nr = 0;
	}
	return batch;
}

static void defer_free(struct defer_batch *batch)
{
	if (batch)
		backing_meta_free(batch->payer, batch);
}

int defer_init(struct pheap *heap)
{
	struct defer *defer = &heap->defer;
	struct defer_batch *spare;

	raw_spin_lock_init(&defer->lock);
	while (defer->nr_spare < DEFER_SPARES) {
		spare = defer_new(heap, heap, GFP_KERNEL);
		if (IS_ERR(spare)) {
			defer_exit(heap);
			return PTR_ERR(spare);
		}
		defer->spare[defer->nr_spare++] = spare;
	}
	return 0;
}

void defer_exit(struct pheap *heap)
{
	struct defer *defer = &heap->defer;

	while (defer->nr_spare)
		defer_free(defer->spare[--defer->nr_spare]);
}

static void defer_rcu(struct rcu_head *rcu);

/*
 * A batch is handed to RCU when it is full, or when none is under way; so
 * the first block does not wait for a batch to fill.
 */
static struct defer_batch *defer_due(struct defer *defer)
{
	struct defer_batch *batch = defer->open;

	lockdep_assert_held(&defer->lock);
	if (!batch || !batch->nr ||
	    (defer->waiting && batch->nr < DEFER_BATCH))
		return NULL;
	defer->open = NULL;
	defer->waiting++;
	return batch;
}

/* A batch is over: keep it if there are not enough spare ones. */
static struct defer_batch *defer_done(struct defer *defer,
				      struct defer_batch *batch)
{
	lockdep_assert_held(&defer->lock);
	defer->waiting--;
	if (defer->nr_spare == DEFER_SPARES)
		return batch;
	batch->nr = 0;
	defer->spare[defer->nr_spare++] = batch;
	return NULL;
}

static void defer_rcu(struct rcu_head *rcu)
{
	struct defer_batch *batch = container_of(rcu, struct defer_batch, rcu);
	struct pheap *heap = batch->heap;
	struct defer *defer = &heap->defer;
	struct defer_batch *due;
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		pheap_free(batch->p[i]);
	atomic_long_sub(batch->nr, &defer->blocks);
	raw_spin_lock_irqsave(&defer->lock, flags);
	batch = defer_done(defer, batch);
	due = defer_due(defer);
	raw_spin_unlock_irqrestore(&defer->lock, flags);
	defer_free(batch);
	if (due)
		compat_call_rcu(&due->rcu, defer_rcu);
}

/*
 * Add a block, opening @new or the spare batch if none is open.  Returns
 * false if there is none.
 */
static bool defer_add(struct defer *defer, const void *p,
		      struct defer_batch **new, struct defer_batch **due)
{
	lockdep_assert_held(&defer->lock);
	if (!defer->open) {
		swap(defer->open, *new);
		if (!defer->open && defer->nr_spare)
			defer->open = defer->spare[--defer->nr_spare];
		if (!defer->open)
			return false;
	}
	defer->open->p[defer->open->nr++] = p;
	*due = defer_due(defer);
	return true;
}

/* In an RCU section until the batch is handed over: see defer_sync(). */
bool defer_put(struct pheap *heap, const void *p)
{
	struct defer_batch *new = NULL, *due = NULL;
	struct defer *defer = &heap->defer;
	unsigned long flags;
	bool added;

	if (!READ_ONCE(defer->open)) {
		/* At its limit, a heap can still be freed from. */
		new = defer_new(heap, NULL, GFP_NOWAIT | __GFP_NOWARN);
		if (IS_ERR(new))
			new = NULL;
	}
	rcu_read_lock();
	raw_spin_lock_irqsave(&defer->lock, flags);
	added = defer_add(defer, p, &new, &due);
	raw_spin_unlock_irqrestore(&defer->lock, flags);
	if (due)
		compat_call_rcu(&due->rcu, defer_rcu);
	rcu_read_unlock();
	if (added)
		atomic_long_inc(&defer->blocks);
	defer_free(new);
	return added;
}

void pheap_free_rcu(const void *p)
{
	struct pheap *heap = pheap_owner(p);

	if (!heap) {
		/* NULL, or not a live block: pheap_free() tells. */
		pheap_free(p);
		return;
	}
	if (!defer_put(heap, p))
		atomic_long_inc(&heap->quarantined);
}
EXPORT_SYMBOL_GPL(pheap_free_rcu);

/* The open batch need not fill first. */
static struct defer_batch *defer_close(struct defer *defer)
{
	struct defer_batch *batch;
	unsigned long flags;

	raw_spin_lock_irqsave(&defer->lock, flags);
	batch = defer->open;
	defer->open = NULL;
	defer->waiting += !!batch;
	raw_spin_unlock_irqrestore(&defer->lock, flags);
	return batch;
}

void defer_sync(struct pheap *heap)
{
	struct defer_batch *batch = defer_close(&heap->defer);

	if (batch)
		compat_call_rcu(&batch->rcu, defer_rcu);
	/* Whoever took a batch out before has handed it over by now. */
	synchronize_rcu();
	rcu_barrier();
}

static bool defer_is_idle(struct defer *defer)
{
	unsigned long flags;
	bool idle;

	raw_spin_lock_irqsave(&defer->lock, flags);
	idle = !defer->waiting && !defer->open;
	raw_spin_unlock_irqrestore(&defer->lock, flags);
	return idle;
}

void defer_flush(struct pheap *heap)
{
	do {
		defer_sync(heap);
	} while (!defer_is_idle(&heap->defer));
}
