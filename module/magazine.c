// SPDX-License-Identifier: GPL-2.0
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "backing.h"
#include "magazine.h"
#include "pool.h"
#include "report.h"

/* A magazine grows after it was empty or full this often. */
#define MAGAZINE_PATIENCE	4

/* Full magazines that a node keeps for another CPU. */
#define MAGAZINE_DEPOT		2

static DEFINE_PER_CPU(struct magazine, magazine_nothing);

struct magazine *magazine_none(int cpu)
{
	return per_cpu_ptr(&magazine_nothing, cpu);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(magazine_none);

/* Whether the heap may have @bytes more in magazines. */
static bool magazine_afford(const struct pheap *heap, size_t bytes)
{
	long budget = MAGAZINE_BUDGET +
		      atomic_long_read(&heap->taken) / MAGAZINE_BUDGET_PART;

	return bytes <= MAGAZINE_ALWAYS ||
	       atomic_long_read(&heap->magazines) + (long)bytes <= budget;
}

static struct magazine *magazine_new(struct pheap_cache *cache,
				     unsigned int capacity)
{
	size_t bytes = (size_t)capacity * cache->size;
	struct magazine *mag;

	if (!magazine_afford(cache->heap, bytes))
		return NULL;
	mag = backing_meta(cache->heap, struct_size(mag, slot, capacity),
			   GFP_NOWAIT | __GFP_NOWARN);
	if (IS_ERR(mag))
		return NULL;
	mag->capacity = capacity;
	mag->heap = cache->heap;
	mag->bytes = bytes;
	atomic_long_add(bytes, &mag->heap->magazines);
	return mag;
}

static void magazine_free_rcu(struct rcu_head *rcu)
{
	struct magazine *mag = container_of(rcu, struct magazine, rcu);

	backing_meta_free(mag->heap, mag);
}

/* One that may still be looked at; not that of a CPU which has none. */
static void magazine_free(struct magazine *mag)
{
	if (!mag || !mag->heap)
		return;
	atomic_long_sub(mag->bytes, &mag->heap->magazines);
	compat_call_rcu(&mag->rcu, magazine_free_rcu);
}

/* The capacity that the magazine should have by now. */
static unsigned int magazine_fit(const struct pheap_cache *cache,
				 struct magazine *mag)
{
	unsigned int capacity = READ_ONCE(mag->capacity);

	if (capacity >= cache->capacity)
		return capacity;
	if (!capacity)
		return clamp_t(unsigned int, MAGAZINE_FIRST_BYTES / cache->size,
			       1, min_t(unsigned int, cache->capacity,
					MAGAZINE_FIRST));
	if (++mag->misses < MAGAZINE_PATIENCE)
		return capacity;
	return min_t(unsigned int, cache->capacity, capacity * 2);
}

/*
 * Mark this CPU's magazine busy and make sure that it still is: an interrupt
 * that came first may have exchanged it, or taken it away.
 */
static struct magazine *magazine_enter_this(struct pheap_cache *cache)
{
	struct magazine *mag = magazine_this(cache);

	if (!magazine_enter(mag))
		return NULL;
	if (likely(mag == magazine_this(cache)))
		return mag;
	magazine_leave(mag);
	return NULL;
}

/* Put @new in the place of this CPU's magazine.  Returns what is left over. */
static struct magazine *magazine_swap(struct pheap_cache *cache,
				      struct magazine *new)
{
	struct magazine *old = magazine_enter_this(cache);

	if (!old)
		return new;
	if (new->capacity <= old->capacity) {
		magazine_leave(old);
		return new;
	}
	memcpy(new->slot, old->slot, old->count * sizeof(*old->slot));
	new->count = old->count;
	WRITE_ONCE(cache->mag[raw_smp_processor_id()], new);
	old->count = 0;
	if (old->heap)
		old->capacity = 0;
	magazine_leave(old);
	return old;
}

/* Give this CPU a magazine, or a larger one, if it is time for that. */
static void magazine_upgrade(struct pheap_cache *cache)
{
	struct magazine *mag, *new;
	unsigned int capacity;

	preempt_disable();
	mag = magazine_this(cache);
	capacity = magazine_fit(cache, mag);
	capacity = capacity > mag->capacity ? capacity : 0;
	preempt_enable();
	if (!capacity)
		return;
	new = magazine_new(cache, capacity);
	if (!new)
		return;
	preempt_disable();
	new = magazine_swap(cache, new);
	preempt_enable();
	magazine_free(new);
}

/*
 * The depot takes blocks, not magazines: code that was interrupted may hold a
 * magazine's address that it has not marked busy yet, so that a magazine may
 * never come to another CPU.
 */
static unsigned int depot_size(const struct pheap_cache *cache)
{
	return MAGAZINE_DEPOT * cache->capacity;
}

/* Make a depot once two CPUs may want it. */
static void depot_prepare(struct pheap_cache *cache, struct cache_node *cn)
{
	void **depot, *left;

	if (READ_ONCE(cn->depot) || num_possible_cpus() == 1)
		return;
	depot = backing_meta(cache->heap,
			     depot_size(cache) * sizeof(*depot),
			     GFP_NOWAIT | __GFP_NOWARN);
	if (IS_ERR(depot))
		return;
	left = cmpxchg(&cn->depot, NULL, depot) ? depot : NULL;
	backing_meta_free(cache->heap, left);
}

static unsigned int depot_take(struct cache_node *cn, void **p,
			       unsigned int nr)
{
	unsigned long flags;

	if (!READ_ONCE(cn->nr_depot))
		return 0;
	raw_spin_lock_irqsave(&cn->lock, flags);
	nr = min(nr, cn->nr_depot);
	cn->nr_depot -= nr;
	memcpy(p, cn->depot + cn->nr_depot, nr * sizeof(*p));
	raw_spin_unlock_irqrestore(&cn->lock, flags);
	return nr;
}

/* All or nothing. */
static bool depot_give(struct pheap_cache *cache, struct cache_node *cn,
		       void **p, unsigned int nr)
{
	unsigned long flags;
	bool room;

	if (!READ_ONCE(cn->depot))
		return false;
	raw_spin_lock_irqsave(&cn->lock, flags);
	room = cn->nr_depot + nr <= depot_size(cache);
	if (room) {
		memcpy(cn->depot + cn->nr_depot, p, nr * sizeof(*p));
		cn->nr_depot += nr;
	}
	raw_spin_unlock_irqrestore(&cn->lock, flags);
	return room;
}

unsigned int magazine_remark(struct pheap_cache *cache, void **p,
			     unsigned int nr, enum mark from, enum mark to)
{
	unsigned int i, good = 0;

	if (!mark_has(cache))
		return nr;
	for (i = 0; i < nr; i++) {
		if (likely(mark_is(cache, p[i], from))) {
			mark_set(cache, p[i], to);
			p[good++] = p[i];
		} else {
			report_corrupt(cache, p[i]);
		}
	}
	return good;
}

/* Give marked blocks to their pools; those that are there are reported. */
static void magazine_give(struct pheap_cache *cache, void **p, unsigned int nr,
			  unsigned long caller)
{
	unsigned int bad, i, part;

	for (; nr; nr -= part, p += part) {
		part = min_t(unsigned int, nr, POOL_BATCH);
		bad = pool_give_blocks(cache, p, part);
		for (i = 0; i < bad; i++)
			report_bad(PHEAP_BAD_DOUBLE, cache->heap, cache, p[i],
				   caller);
	}
}

static void magazine_flush(struct pheap_cache *cache, void **p,
			   unsigned int nr)
{
	nr = magazine_remark(cache, p, nr, MARK_MAGAZINE, MARK_POOL);
	magazine_give(cache, p, nr, 0);
}

void magazine_give_one(struct pheap_cache *cache, void *p,
		       unsigned long caller)
{
	if (mark_has(cache))
		mark_set(cache, p, MARK_POOL);
	magazine_give(cache, &p, 1, caller);
}

/* Half a magazine of blocks for an empty one, which is busy. */
static void magazine_refill(struct pheap_cache *cache, int node,
			    struct magazine *mag)
{
	unsigned int nr = (mag->capacity + 1) / 2;
	unsigned int got;

	got = depot_take(cache_node(cache, node), mag->slot, nr);
	if (!got) {
		got = pool_take_blocks(cache, node, mag->slot, nr);
		got = magazine_remark(cache, mag->slot, got, MARK_POOL,
				      MARK_MAGAZINE);
	}
	mag->count = got;
}

/* One block from the magazine, refilled if that is what it takes. */
static void *magazine_take_one(struct pheap_cache *cache, int node,
			       struct magazine *mag)
{
	if (!mag->count)
		magazine_refill(cache, node, mag);
	return mag->count ? mag->slot[--mag->count] : NULL;
}

/* Returns false if there is no magazine to be used. */
static bool magazine_try(struct pheap_cache *cache, int node, void **p)
{
	struct magazine *mag = magazine_this(cache);

	if (!READ_ONCE(mag->capacity) || node != numa_mem_id() ||
	    !magazine_enter(mag))
		return false;
	*p = magazine_take_one(cache, node, mag);
	magazine_leave(mag);
	return true;
}

void *magazine_take(struct pheap_cache *cache, int node)
{
	enum mark mark;
	void *p;

	if (cache->capacity)
		magazine_upgrade(cache);
	do {
		mark = MARK_MAGAZINE;
		preempt_disable();
		if (!magazine_try(cache, node, &p)) {
			mark = MARK_POOL;
			if (!pool_take_blocks(cache, node, &p, 1))
				p = NULL;
		}
		preempt_enable();
	} while (p && !magazine_remark(cache, &p, 1, mark, MARK_NONE));
	return p;
}

/* Out of the magazine alone. */
static unsigned int magazine_pop_bulk(struct pheap_cache *cache, void **p,
				      unsigned int nr)
{
	struct magazine *mag;
	unsigned int got = 0;

	preempt_disable();
	mag = magazine_this(cache);
	if (magazine_enter(mag)) {
		while (got < nr && mag->count)
			p[got++] = mag->slot[--mag->count];
		magazine_leave(mag);
	}
	preempt_enable();
	return got;
}

unsigned int magazine_take_bulk(struct pheap_cache *cache, int node, void **p,
				unsigned int nr)
{
	unsigned int got, more;

	got = magazine_pop_bulk(cache, p, nr);
	got = magazine_remark(cache, p, got, MARK_MAGAZINE, MARK_NONE);
	more = pool_take_blocks(cache, node, p + got, nr - got);
	return got + magazine_remark(cache, p + got, more, MARK_POOL,
				     MARK_NONE);
}

/**
 * struct spill - blocks that a full magazine makes room by
 * @nr: how many.
 * @p: they are, to be flushed with preemption on.
 */
struct spill {
	unsigned int nr;
	void *p[MAGAZINE_MAX / 2];
};

/* The oldest half leaves a full magazine, which is busy. */
static void magazine_spill(struct pheap_cache *cache, struct magazine *mag,
			   struct spill *spill)
{
	struct cache_node *cn = cache_node(cache, numa_mem_id());
	unsigned int nr = (mag->count + 1) / 2;

	if (mag->capacity < cache->capacity ||
	    !depot_give(cache, cn, mag->slot, nr)) {
		memcpy(spill->p, mag->slot, nr * sizeof(*spill->p));
		spill->nr = nr;
	}
	mag->count -= nr;
	memmove(mag->slot, mag->slot + nr, mag->count * sizeof(*mag->slot));
}

/* Returns false if there is no magazine to be used. */
static bool magazine_try_put(struct pheap_cache *cache, void *p,
			     struct spill *spill)
{
	struct magazine *mag = magazine_this(cache);

	if (!READ_ONCE(mag->capacity) || !magazine_enter(mag))
		return false;
	if (mag->count == mag->capacity)
		magazine_spill(cache, mag, spill);
	mark_set(cache, p, MARK_MAGAZINE);
	mag->slot[mag->count++] = p;
	magazine_leave(mag);
	return true;
}

void magazine_put(struct pheap_cache *cache, void *p, unsigned long caller)
{
	struct spill spill;
	bool done = false;

	spill.nr = 0;
	if (cache->capacity) {
		magazine_upgrade(cache);
		depot_prepare(cache, cache_node(cache, numa_mem_id()));
		preempt_disable();
		done = magazine_try_put(cache, p, &spill);
		preempt_enable();
		magazine_flush(cache, spill.p, spill.nr);
	}
	if (!done)
		magazine_give_one(cache, p, caller);
}

/*
 * Take the magazine away from a CPU: this one, or one that is offline, or
 * whichever if nobody uses the cache.  Code that was interrupted before it
 * marked the magazine busy will find it empty and full.
 */
static struct magazine *magazine_detach(struct pheap_cache *cache, int cpu)
{
	struct magazine *mag = cache->mag[cpu];

	if (!mag->heap || !magazine_enter(mag))
		return NULL;
	WRITE_ONCE(cache->mag[cpu], magazine_none(cpu));
	mag->drained = mag->count;
	mag->count = 0;
	mag->capacity = 0;
	magazine_leave(mag);
	return mag;
}

static void magazine_retire(struct pheap_cache *cache, struct magazine *mag)
{
	if (!mag)
		return;
	magazine_flush(cache, mag->slot, mag->drained);
	magazine_free(mag);
}

void magazine_drain_cpu(struct pheap_cache *cache, int cpu)
{
	magazine_retire(cache, magazine_detach(cache, cpu));
}

/**
 * struct drain - a cache's magazines on their way out
 * @cache: cache.
 * @list: its magazines, taken away by interrupts on their CPUs.
 */
struct drain {
	struct pheap_cache *cache;
	struct llist_head list;
};

static void magazine_drain_ipi(void *info)
{
	struct drain *drain = info;
	struct magazine *mag;

	mag = magazine_detach(drain->cache, raw_smp_processor_id());
	if (mag)
		llist_add(&mag->list, &drain->list);
}

static bool magazine_worth_ipi(int cpu, void *info)
{
	struct drain *drain = info;

	return READ_ONCE(drain->cache->mag[cpu]) != magazine_none(cpu);
}

static void depot_drain(struct pheap_cache *cache, struct cache_node *cn)
{
	void *p[POOL_BATCH / 2];
	unsigned int nr;

	while ((nr = depot_take(cn, p, ARRAY_SIZE(p))))
		magazine_flush(cache, p, nr);
}

void magazine_drain_cache(struct pheap_cache *cache, bool all_cpus)
{
	struct drain drain = { .cache = cache };
	struct magazine *mag, *next;
	unsigned long flags;
	int node;

	if (all_cpus) {
		on_each_cpu_cond(magazine_worth_ipi, magazine_drain_ipi,
				 &drain, true);
	} else {
		local_irq_save(flags);
		magazine_drain_ipi(&drain);
		local_irq_restore(flags);
	}
	llist_for_each_entry_safe(mag, next, llist_del_all(&drain.list), list)
		magazine_retire(cache, mag);
	for (node = 0; node < nr_node_ids; node++)
		depot_drain(cache, cache_node(cache, node));
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(magazine_drain_cache);

unsigned long magazine_count(struct pheap_cache *cache)
{
	unsigned long nr = 0;
	int i;

	rcu_read_lock();
	for_each_possible_cpu(i)
		nr += READ_ONCE(READ_ONCE(cache->mag[i])->count);
	rcu_read_unlock();
	for (i = 0; i < nr_node_ids; i++)
		nr += READ_ONCE(cache_node(cache, i)->nr_depot);
	return nr;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(magazine_count);
