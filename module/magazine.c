// SPDX-License-Identifier: GPL-2.0
#include <linux/cache.h>
#include <linux/percpu.h>
#include <linux/prefetch.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "arena.h"
#include "backing.h"
#include "give.h"
#include "magazine.h"
#include "partial.h"
#include "pool.h"
#include "report.h"

/* A magazine grows after it was empty or full this often. */
#define MAGAZINE_PATIENCE	4

/* From so many blocks on, those that a magazine does not have come from pools. */
#define MAGAZINE_BULK		8

/* So many marks are taken out with one count. */
#define MAGAZINE_STRIDE		4

/* Blocks of pools of so many go back before a heap grows beyond what it was. */
#define MAGAZINE_RECALL		2

/* Full magazines that a node keeps for another CPU. */
#define MAGAZINE_DEPOT		4

/* Never idle. */
static DEFINE_PER_CPU(struct magazine, magazine_nothing);

struct magazine *magazine_none(int cpu)
{
	return per_cpu_ptr(&magazine_nothing, cpu);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(magazine_none);

/* Whether the heap may have @bytes more in magazines. */
static bool magazine_afford(const struct pheap *heap, size_t bytes)
{
	long misses = READ_ONCE(heap->misses) - MAGAZINE_EARNS_FROM;
	long budget = MAGAZINE_BUDGET +
		      clamp(misses, 0L, MAGAZINE_EARNS_MOST) * MAGAZINE_EARNED +
		      atomic_long_read(&heap->taken) / MAGAZINE_BUDGET_PART;

	return bytes <= MAGAZINE_ALWAYS ||
	       atomic_long_read(&heap->magazines) + (long)bytes <= budget;
}

static struct magazine *magazine_new(struct pheap_cache *cache,
				     unsigned int capacity)
{
	size_t bytes = (size_t)capacity * cache->size;
	struct magazine *mag;
	void *bottom;

	if (!magazine_afford(cache->heap, bytes))
		return NULL;
	mag = backing_meta_raw(cache->heap, struct_size(mag, slot, capacity + 1),
			       GFP_NOWAIT | __GFP_NOWARN);
	if (IS_ERR(mag))
		return NULL;
	bottom = (void *)&mag->no_mark - cache->cookie;
	*mag = (struct magazine) {
		.idle = 1,
		.room = capacity,
		.capacity = capacity,
		.bytes = bytes,
		.heap = cache->heap,
		.no_mark = ~cache->mark,
	};
	mag->slot[capacity] = bottom;
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
	mag->misses = 0;
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

/*
 * Take one out of use that is busy and no CPU's any more.  Code that was interrupted
 * before it made it busy will find it empty and full.
 */
static void magazine_close(struct magazine *mag)
{
	void **bottom = &mag->slot[mag->capacity], *none = *bottom;

	mag->drained = magazine_nr(mag);
	static_assert(MAGAZINE_MAX < U8_MAX);
	mag->first = mag->room + 1;
	*bottom = mag->slot[mag->room];
	mag->slot[0] = none;
	WRITE_ONCE(mag->capacity, 0);
	/* Whoever counts and sees this sees that, too. */
	smp_store_release(&mag->room, 0);
	magazine_leave(mag);
}

/* Put @new in the place of this CPU's magazine.  Returns what is left over. */
static struct magazine *magazine_swap(struct pheap_cache *cache,
				      struct magazine *new)
{
	struct magazine **at = &cache->mags[raw_smp_processor_id()];
	struct magazine *old = READ_ONCE(*at);
	unsigned int nr;

	/* Nobody can make that one busy: an interrupt may be first. */
	if (!old->heap)
		return cmpxchg(at, old, new) == old ? NULL : new;
	old = magazine_enter_this(cache);
	if (!old)
		return new;
	if (new->capacity <= old->capacity) {
		magazine_leave(old);
		return new;
	}
	nr = magazine_nr(old);
	new->room -= nr;
	compat_copy_words(new->slot + new->room, old->slot + old->room, nr);
	WRITE_ONCE(*at, new);
	old->room = old->capacity;
	magazine_close(old);
	return old;
}

/* Give this CPU a magazine, or a larger one, if it is time for that. */
static noinline void magazine_enlarge(struct pheap_cache *cache)
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

static unsigned int magazine_capacity_here(const struct pheap_cache *cache)
{
	unsigned int capacity;

	preempt_disable();
	capacity = READ_ONCE(magazine_this(cache)->capacity);
	preempt_enable();
	return capacity;
}

/* This CPU's magazine was empty or full: see whether it should be larger. */
static void magazine_upgrade(struct pheap_cache *cache)
{
	if (magazine_capacity_here(cache) >= cache->capacity)
		return;
	/* Roughly: it is only for the budget. */
	WRITE_ONCE(cache->heap->misses, READ_ONCE(cache->heap->misses) + 1);
	magazine_enlarge(cache);
}

/*
 * The depot takes blocks, not magazines: code that was interrupted may hold a
 * magazine's address that it has not marked busy yet, so that a magazine may
 * never come to another CPU.
 */
static unsigned int depot_size(const struct pheap_cache *cache)
{
	return roundup(MAGAZINE_DEPOT * cache->capacity,
		       magazine_half(cache->capacity));
}

/* Whether it was another CPU that last wanted blocks. */
static bool depot_is_wanted(const struct cache_node *cn)
{
	int taker = READ_ONCE(cn->taker);

	return taker != PARTIAL_NOBODY && taker != raw_smp_processor_id();
}

/* Make a depot once somebody wants it. */
static void depot_prepare(struct pheap_cache *cache, struct cache_node *cn)
{
	void **depot, *left;

	if (READ_ONCE(cn->depot) || !depot_is_wanted(cn))
		return;
	depot = backing_meta_raw(cache->heap,
				 depot_size(cache) * sizeof(*depot),
				 GFP_NOWAIT | __GFP_NOWARN);
	if (IS_ERR(depot))
		return;
	left = cmpxchg(&cn->depot, NULL, depot) ? depot : NULL;
	backing_meta_free(cache->heap, left);
}

static unsigned int depot_take(struct pheap_cache *cache, struct cache_node *cn,
			       void **p, unsigned int nr)
{
	if (!READ_ONCE(cn->nr_depot) || !partial_lock(cache, cn))
		return 0;
	nr = min(nr, cn->nr_depot);
	cn->nr_depot -= nr;
	compat_copy_words(p, cn->depot + cn->nr_depot, nr);
	partial_unlock(cache, cn);
	return nr;
}

/*
 * Those are in the cache of the CPU that freed them, and whoever takes them looks at the
 * mark of one after the other.
 */
static void depot_fetch(const struct pheap_cache *cache, void **p,
			unsigned int nr)
{
	unsigned int cookie = cache->cookie;

	while (nr--)
		prefetchw(*p++ + cookie);
}

/* All or nothing. */
static bool depot_give(struct pheap_cache *cache, struct cache_node *cn,
		       void **p, unsigned int nr)
{
	bool room;

	if (!READ_ONCE(cn->depot) || !depot_is_wanted(cn) ||
	    READ_ONCE(cn->nr_depot) + nr > depot_size(cache) ||
	    !partial_lock(cache, cn))
		return false;
	room = cn->nr_depot + nr <= depot_size(cache);
	if (room) {
		compat_copy_words(cn->depot + cn->nr_depot, p, nr);
		cn->nr_depot += nr;
	}
	partial_unlock(cache, cn);
	return room;
}

/* The same where of @nr only the first @left are left, and some are bad. */
static noinline unsigned int magazine_unmark_bad(struct pheap_cache *cache,
						 void **p, unsigned int left,
						 unsigned int nr)
{
	unsigned int i, good = 0;

	for (i = 0; i < left; i++) {
		if (likely(mark_take(p[i], cache->cookie, cache->mark)))
			p[good++] = p[i];
		else
			report_corrupt(cache, p[i]);
	}
	memmove(p + good, p + left, (nr - left) * sizeof(*p));
	return good + nr - left;
}

/* The same for marks at @at, of which the compiler makes something where it is 0. */
static __always_inline unsigned int
magazine_unmark_at(struct pheap_cache *cache, void **p, unsigned int nr,
		   unsigned long at)
{
	u64 mark = cache->mark;
	unsigned long left;
	int i;

	for (left = nr; left >= MAGAZINE_STRIDE; left -= MAGAZINE_STRIDE)
#pragma GCC unroll 4
		for (i = 0; i < MAGAZINE_STRIDE; i++)
			if (unlikely(!mark_take(p[left - i - 1], at, mark)))
				return magazine_unmark_bad(cache, p, left - i, nr);
	for (; left; left--)
		if (unlikely(!mark_take(p[left - 1], at, mark)))
			return magazine_unmark_bad(cache, p, left, nr);
	return nr;
}

/*
 * Take the marks out of blocks that are to be handed out.  Those that have none
 * are reported and left out; returns how many are left.
 */
static __always_inline unsigned int
magazine_unmark(struct pheap_cache *cache, void **p, unsigned int nr)
{
	if (!mark_has(cache))
		return nr;
	if (likely(!cache->cookie))
		return magazine_unmark_at(cache, p, nr, 0);
	return magazine_unmark_at(cache, p, nr, cache->cookie);
}

/* The first @bad of @p were free already. */
static void magazine_report(struct pheap_cache *cache, void **p,
			    unsigned long caller, unsigned int bad)
{
	for (; bad; bad--)
		report_bad(PHEAP_BAD_DOUBLE, cache->heap, cache, *p++, caller);
}

void magazine_flush(struct pheap_cache *cache, void **p, unsigned int nr,
		    unsigned long caller)
{
	unsigned int part;

	for (; nr; nr -= part, p += part) {
		part = min_t(unsigned int, nr, POOL_BATCH);
		magazine_report(cache, p, caller, give_blocks(cache, p, part));
	}
}

/* Returns how many blocks were in it. */
static unsigned int depot_drain(struct pheap_cache *cache, struct cache_node *cn)
{
	void *p[POOL_BATCH / 2] __uninitialized;
	unsigned int nr, all = 0;

	while ((nr = depot_take(cache, cn, p, ARRAY_SIZE(p)))) {
		magazine_flush(cache, p, nr, 0);
		all += nr;
	}
	return all;
}

void magazine_give_one(struct pheap_cache *cache, void *p,
		       unsigned long caller)
{
	if (mark_has(cache))
		mark_set(cache, p);
	magazine_flush(cache, &p, 1, caller);
}

/* Half a magazine of blocks for an empty one, which is busy. */
static void magazine_refill(struct pheap_cache *cache, int node,
			    struct magazine *mag)
{
	struct cache_node *cn = cache_node(cache, node);
	unsigned int nr = magazine_half(mag->capacity), got;
	void **p = mag->slot + mag->capacity - nr;

	WRITE_ONCE(cn->taker, raw_smp_processor_id());
	got = depot_take(cache, cn, p, nr);
	if (got)
		depot_fetch(cache, p, got);
	else
		got = pool_take_blocks(cache, node, p, nr);
	mag->room -= got;
	if (got < nr)
		memmove(mag->slot + mag->room, p, got * sizeof(*p));
}

/* One block from the magazine, refilled if that is what it takes, or NULL. */
static void *magazine_take_one(struct pheap_cache *cache, int node,
			       struct magazine *mag)
{
	void *p = NULL;

	if (!magazine_nr(mag))
		magazine_refill(cache, node, mag);
	while (!p && magazine_nr(mag)) {
		p = mag->slot[mag->room++];
		if (!magazine_unmark(cache, &p, 1))
			p = NULL;
	}
	return p;
}

/* This CPU's magazine, busy, if it may be used for blocks of @node. */
static struct magazine *magazine_enter_node(struct pheap_cache *cache, int node)
{
	struct magazine *mag = magazine_enter_this(cache);

	if (mag && mag->capacity && node == numa_mem_id())
		return mag;
	if (mag)
		magazine_leave(mag);
	return NULL;
}

/* A block from a pool of @node, or NULL. */
static void *magazine_pass(struct pheap_cache *cache, int node)
{
	void *p;

	while (pool_take_blocks(cache, node, &p, 1))
		if (magazine_unmark(cache, &p, 1))
			return p;
	return NULL;
}

void *magazine_take(struct pheap_cache *cache, int node)
{
	struct magazine *mag;
	void *p = NULL;

	if (cache->capacity)
		magazine_upgrade(cache);
	preempt_disable();
	mag = magazine_enter_node(cache, node);
	if (mag) {
		p = magazine_take_one(cache, node, mag);
		magazine_leave(mag);
	}
	preempt_enable();
	return mag ? p : magazine_pass(cache, node);
}

/* Blocks for a magazine on @node that has room.  Returns how many it took. */
static unsigned int magazine_stock(struct pheap_cache *cache, int node,
				   void **p, unsigned int nr)
{
	struct magazine *mag;

	preempt_disable();
	mag = magazine_enter_node(cache, node);
	nr = mag ? min(nr, mag->room) : 0;
	if (mag) {
		mag->room -= nr;
		compat_copy_words(mag->slot + mag->room, p, nr);
		magazine_leave(mag);
	}
	preempt_enable();
	return nr;
}

/*
 * Blocks that half fill this CPU's magazine, or one, but not too many.  The first
 * who comes for small ones gets a magazine as well, so that the next CPU's begin on
 * another cache line.
 */
static unsigned int magazine_wants(struct pheap_cache *cache)
{
	unsigned int capacity = magazine_capacity_here(cache);

	if (!capacity && cache->capacity && cache->size < L1_CACHE_BYTES) {
		magazine_upgrade(cache);
		capacity = magazine_capacity_here(cache);
	}
	return magazine_half(capacity) ?: 1;
}

static bool magazine_has_some(const struct pheap_cache *cache)
{
	const struct magazine *mag;
	bool has;

	preempt_disable();
	mag = magazine_this(cache);
	has = READ_ONCE(mag->room) < READ_ONCE(mag->capacity);
	preempt_enable();
	return has;
}

/* Out of the magazine alone, in one piece: the first is the newest. */
static __always_inline unsigned int
magazine_pop_bulk(struct pheap_cache *cache, int node, void **p, unsigned int nr)
{
	struct magazine *mag;

	preempt_disable();
	mag = magazine_enter_node(cache, node);
	if (!mag)
		nr = 0;
	else if (!magazine_nr(mag) && nr < MAGAZINE_BULK)
		magazine_refill(cache, node, mag);
	if (mag) {
		nr = min(nr, magazine_nr(mag));
		compat_copy_words(p, mag->slot + mag->room, nr);
		mag->room += nr;
		magazine_leave(mag);
	}
	preempt_enable();
	return nr;
}

/* This CPU's blocks go back to their pools.  Returns how many. */
static unsigned int magazine_empty(struct pheap_cache *cache)
{
	void *p[MAGAZINE_MAX] __uninitialized;
	unsigned int nr;

	/* So many that nothing is refilled for them. */
	nr = magazine_pop_bulk(cache, numa_mem_id(), p, MAGAZINE_MAX);
	magazine_flush(cache, p, nr, 0);
	return nr;
}

/*
 * Rather than that the heap holds more than it ever did, blocks at hand that make
 * whole pools go back, and those can serve others.  Returns false if there are none.
 */
static bool magazine_recall(struct pheap *heap, int node, unsigned int pages)
{
	struct pheap_cache *cache;
	unsigned int nr = 0;

	if (!arena_is_peak(heap, node, pages) || !partial_may_wait())
		return false;
	rcu_read_lock();
	list_for_each_entry_rcu(cache, &heap->caches, link) {
		if (cache->blocks > MAGAZINE_RECALL)
			continue;
		if (magazine_has_some(cache))
			nr += magazine_empty(cache);
		nr += depot_drain(cache, cache_node(cache, node));
	}
	rcu_read_unlock();
	return nr;
}

/* Blocks of a new pool. */
static int magazine_new_blocks(struct pheap_cache *cache, int node, gfp_t gfp,
			       void **p, unsigned int nr)
{
	int got;

	do {
		got = pool_reuse(cache, node, gfp, p, nr);
		if (got != -EAGAIN)
			return got;
	} while (magazine_recall(cache->heap, node, cache->pages));
	return pool_expand(cache, node, gfp, p, nr);
}

void *magazine_grow(struct pheap_cache *cache, int node, gfp_t gfp)
{
	void *p[MAGAZINE_HALF] __uninitialized;
	unsigned int done;
	int got;

	got = magazine_new_blocks(cache, node, gfp, p, magazine_wants(cache));
	if (got < 0)
		return ERR_PTR(got);
	if (mark_has(cache))
		*mark_at(cache, p[0]) = 0;
	if (got == 1)
		return p[0];
	done = 1 + magazine_stock(cache, page_to_nid(virt_to_page(p[0])), p + 1,
				  got - 1);
	magazine_flush(cache, p + done, got - done, 0);
	return p[0];
}

void *magazine_pop_own(struct pheap_cache *cache)
{
	void *p;

	if (!__pheap_pop((struct __pheap_magazine **)cache->mags, cache->cookie,
			 cache->mark, &p, true))
		return NULL;
	return p;
}

unsigned int magazine_take_bulk(struct pheap_cache *cache, int node, void **p,
				unsigned int nr)
{
	unsigned int got = 0;

	if (nr < MAGAZINE_BULK || magazine_has_some(cache))
		got = magazine_pop_bulk(cache, node, p, nr);
	if (nr - got >= MAGAZINE_BULK)
		got += pool_take_blocks(cache, node, p + got, nr - got);
	return magazine_unmark(cache, p, got);
}

/* The oldest half leaves a full magazine, which is busy. */
static void magazine_spill(struct pheap_cache *cache, struct magazine *mag,
			   struct give_rest *rest)
{
	struct cache_node *cn = cache_node(cache, numa_mem_id());
	unsigned int nr = magazine_half(mag->capacity);
	void **p = mag->slot + mag->capacity - nr;

	if (mag->capacity < cache->capacity || !depot_give(cache, cn, p, nr))
		magazine_report(cache, p, 0,
				give_blocks_pinned(cache, p, nr, rest));
	mag->room = nr;
	compat_copy_words(mag->slot + nr, mag->slot, mag->capacity - nr);
}

/* Returns false if there is no magazine to be used. */
static bool magazine_try_put(struct pheap_cache *cache, void *p,
			     struct give_rest *rest)
{
	struct magazine *mag;

	/* Whoever saw that it is of this CPU's node may have moved since. */
	mag = magazine_enter_node(cache, page_to_nid(virt_to_page(p)));
	if (!mag)
		return false;
	if (!mag->room)
		magazine_spill(cache, mag, rest);
	mark_set(cache, p);
	mag->slot[--mag->room] = p;
	magazine_leave(mag);
	return true;
}

void magazine_put(struct pheap_cache *cache, void *p, unsigned long caller)
{
	struct give_rest rest = {};
	bool done = false;

	if (cache->capacity) {
		magazine_upgrade(cache);
		depot_prepare(cache, cache_node(cache, numa_mem_id()));
		preempt_disable();
		done = magazine_try_put(cache, p, &rest);
		preempt_enable();
		give_finish(cache, &rest);
	}
	if (!done)
		magazine_give_one(cache, p, caller);
}

/*
 * Take the magazine away from a CPU: this one, or one that is offline, or
 * whichever if nobody uses the cache.
 */
static struct magazine *magazine_detach(struct pheap_cache *cache, int cpu)
{
	struct magazine *mag = cache->mags[cpu];

	if (!mag->heap || !magazine_enter(mag))
		return NULL;
	WRITE_ONCE(cache->mags[cpu], magazine_none(cpu));
	magazine_close(mag);
	return mag;
}

static void magazine_retire(struct pheap_cache *cache, struct magazine *mag)
{
	if (!mag)
		return;
	magazine_flush(cache, mag->slot + mag->first, mag->drained, 0);
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

	return READ_ONCE(drain->cache->mags[cpu]) != magazine_none(cpu);
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

/* Blocks in one that may be going out of use, or has just been found to be full. */
static unsigned int magazine_look(const struct magazine *mag)
{
	/* See magazine_close() and __pheap_count_down(). */
	u32 room = smp_load_acquire(&mag->room);
	u32 capacity = READ_ONCE(mag->capacity);

	return room <= capacity ? capacity - room : capacity;
}

static bool magazine_is_among(void **slot, unsigned long from,
			      unsigned long to, const void *p)
{
	for (; from < to; from++)
		if (READ_ONCE(slot[from]) == p)
			return true;
	return false;
}

static bool depot_holds(const struct cache_node *cn, const void *p)
{
	void **depot = READ_ONCE(cn->depot);

	return depot && magazine_is_among(depot, 0, READ_ONCE(cn->nr_depot), p);
}

bool magazine_holds(struct pheap_cache *cache, const void *p)
{
	struct magazine *mag;
	bool holds = false;
	int i;

	rcu_read_lock();
	for_each_possible_cpu(i) {
		mag = READ_ONCE(cache->mags[i]);
		holds |= magazine_is_among(mag->slot, READ_ONCE(mag->room),
					   READ_ONCE(mag->capacity), p);
	}
	rcu_read_unlock();
	for (i = 0; i < nr_node_ids; i++)
		holds |= depot_holds(cache_node(cache, i), p);
	return holds;
}

unsigned long magazine_count(struct pheap_cache *cache)
{
	unsigned long nr = 0;
	int i;

	rcu_read_lock();
	for_each_possible_cpu(i)
		nr += magazine_look(READ_ONCE(cache->mags[i]));
	rcu_read_unlock();
	for (i = 0; i < nr_node_ids; i++)
		nr += READ_ONCE(cache_node(cache, i)->nr_depot);
	return nr;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(magazine_count);
