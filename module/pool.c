// SPDX-License-Identifier: GPL-2.0
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/nodemask.h>

#include "arena.h"
#include "backing.h"
#include "debug.h"
#include "map.h"
#include "mark.h"
#include "partial.h"
#include "pool.h"
#include "report.h"

/* After so long, half of the pools without live blocks end. */
#define POOL_DECAY	HZ

/* If need be, so many pages of such pools do at once. */
#define POOL_RECALL	16UL

/*
 * The lowest run of bits in @avail, at most @most; clears it there.  A fresh
 * pool is one run, and a block of it then takes a few instructions.
 */
static u64 pool_cut_run(u64 *avail, unsigned int most, unsigned int *first)
{
	unsigned int start = __ffs64(*avail);
	u64 rest = *avail >> start;
	unsigned int len = ~rest ? __ffs64(~rest) : 64;

	*first = start;
	len = min(len, most);
	*avail &= ~(GENMASK_ULL(len - 1, 0) << start);
	return len;
}

/* @nr blocks of @size bytes from @p on. */
static __always_inline void pool_list(void **to, void *p, unsigned long size,
				      unsigned long nr)
{
	void **end = to + nr;
	long i;

	/* Up to 0, which takes no comparison. */
	for (i = -(long)nr; i; i++, p += size)
		end[i] = p;
}

/* All of a pool in which none is live: no look at which are. */
static unsigned int pool_take_all(struct pheap_cache *cache, struct pool *pool,
				  void **p)
{
	u64 *map = pool_bitmap(pool, cache), *last = map + cache->blocks / 64;

	pool_list(p, pool_base(pool), cache->size, cache->blocks);
	while (map < last)
		*map++ = U64_MAX;
	if (cache->blocks % 64)
		*map = U64_MAX;
	pool->due += cache->blocks;
	return cache->blocks;
}

/* Take the lowest free blocks, the lowest first, of a pool that has some. */
static unsigned int pool_take_from(struct pheap_cache *cache,
				   struct pool *pool, void **p,
				   unsigned int nr)
{
	unsigned int take = min(nr, pool_nr_free(cache, pool));
	u64 *map = pool_bitmap(pool, cache), *begin = map;
	unsigned long size = cache->size;
	void *base = pool_base(pool);
	unsigned int left = take;
	unsigned int run, first;
	u64 avail;

	if (take == cache->blocks)
		return pool_take_all(cache, pool, p);
	/* There is a free one: nothing is to be looked for past the end. */
	while (*map == U64_MAX)
		map++;
	base += (map - begin) * 64 * size;
	for (; left; map++, base += 64 * size) {
		for (avail = ~*map; avail && left; left -= run) {
			run = pool_cut_run(&avail, left, &first);
			pool_list(p, base + first * size, size, run);
			p += run;
		}
		*map = ~avail;
	}
	pool->due += take;
	return take;
}

/* A block where the lock is not to be had.  Returns how many, 0 or 1. */
static noinline unsigned int pool_take_aside(struct pheap_cache *cache,
					     struct cache_node *cn, void **p)
{
	unsigned int got = 0;
	struct pool *pool;
	unsigned long flags;

	raw_spin_lock_irqsave(&cn->aside_lock, flags);
	hlist_for_each_entry(pool, &cn->aside, link) {
		if (!pool_nr_free(cache, pool))
			continue;
		got = pool_take_from(cache, pool, p, 1);
		break;
	}
	raw_spin_unlock_irqrestore(&cn->aside_lock, flags);
	return got;
}

unsigned int pool_take_blocks(struct pheap_cache *cache, int node, void **p,
			      unsigned int nr)
{
	struct cache_node *cn = cache_node(cache, node);
	struct pool *pool;
	unsigned int got;

	if (!pool_has_free(cache, node))
		return 0;
	if (unlikely(!partial_lock(cache, cn)))
		return pool_take_aside(cache, cn, p);
	nr = min_t(unsigned long, nr, cn->nr_free);
	cn->nr_free -= nr;
	for (got = 0; got < nr;) {
		pool = partial_fullest(cache, cn);
		got += pool_take_from(cache, pool, p + got, nr - got);
		partial_taken(cache, cn, pool);
	}
	partial_unlock(cache, cn);
	return nr;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(pool_take_blocks);

static unsigned int map_words(const struct pheap_cache *cache)
{
	return DIV_ROUND_UP(cache->blocks, 64);
}

static void pool_free_map(struct pheap_cache *cache, struct pool *pool)
{
	if (cache->blocks > 64)
		backing_meta_free(cache->heap, pool->map);
}

/* Pools, all of one node, come to the cache's others. */
static void pool_join(struct pheap_cache *cache, struct pool **pool,
		      unsigned int nr)
{
	struct cache_node *cn = cache_node(cache, pool_node(*pool));

	if (unlikely(!partial_lock(cache, cn))) {
		for (; nr; nr--)
			partial_put_aside(cn, *pool++);
		return;
	}
	for (; nr; nr--)
		partial_add(cache, cn, *pool++);
	partial_unlock(cache, cn);
}

static void pool_destruct(struct pheap_cache *cache, struct pool *pool)
{
	void *p = pool_base(pool);
	unsigned int i;

	if (!cache->dtor)
		return;
	compat_kasan_alloc(p, (size_t)cache->pages << PAGE_SHIFT,
			   (size_t)cache->pages << PAGE_SHIFT);
	for (i = 0; i < cache->blocks; i++)
		cache->dtor(p + i * cache->size);
}

/* The grace period of a pool of objects is over. */
static void pool_release_rcu(struct rcu_head *rcu)
{
	struct pool *pool = container_of(rcu, struct pool, rcu);
	struct pheap *heap = map_find_run(pool).arena->heap;
	unsigned int pages = pool->word;

	arena_give(pool, pages);
	atomic_long_sub(pages, &heap->waiting);
}

void pool_hold(struct pheap *heap, bool hold)
{
	struct hlist_node *next;
	struct pool *pool;
	unsigned long flags;
	HLIST_HEAD(held);

	raw_spin_lock_irqsave(&heap->lock, flags);
	heap->holding += hold ? 1 : -1;
	if (!heap->holding)
		hlist_move_list(&heap->held, &held);
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	hlist_for_each_entry_safe(pool, next, &held, link)
		compat_call_rcu(&pool->rcu, pool_release_rcu);
}

/* Returns false if nothing holds pools. */
static bool pool_is_held(struct pheap *heap, struct pool *pool)
{
	unsigned long flags;
	bool held;

	raw_spin_lock_irqsave(&heap->lock, flags);
	held = heap->holding;
	if (held)
		hlist_add_head(&pool->link, &heap->held);
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	return held;
}

/*
 * Whoever still has a dead object's address may look at its count: the pages
 * stay what they are until he is done, and as long as a scan has notes of
 * them.
 */
static void pool_release_objects(struct pheap_cache *cache, struct pool *pool)
{
	struct spot spot = map_find_run(pool);
	struct pheap *heap = cache->heap;
	unsigned int i;

	atomic_long_add(cache->pages, &heap->waiting);
	/* For pool_release_rcu(), when the cache may be gone; there is no bitmap. */
	pool->word = cache->pages;
	for (i = 0; i < cache->pages; i++, spot.page++)
		WRITE_ONCE(*spot_owner(spot), cache_none);
	/* Either the holder sees that this is no pool, or we see the hold. */
	if (!pool_is_held(heap, pool))
		compat_call_rcu(&pool->rcu, pool_release_rcu);
}

/* Pools that are on no list but @pools: their pages come to @runs, or go by themselves. */
static void pool_release(struct pheap_cache *cache, struct hlist_head *pools,
			 struct arena_runs *runs)
{
	struct hlist_node *next;
	struct pool *pool;

	hlist_for_each_entry_safe(pool, next, pools, link) {
		pool_destruct(cache, pool);
		pool_free_map(cache, pool);
		__hlist_del(&pool->link);
		if (cache->type) {
			pool_release_objects(cache, pool);
			continue;
		}
		arena_runs_add(runs, pool, cache->pages);
		/* A lock is held for all of them. */
		if (runs->pages >= POOL_BATCH)
			arena_give_runs(runs);
	}
}

/* The same, and those that come to @runs are given back. */
static void pool_release_now(struct pheap_cache *cache, struct hlist_head *pools)
{
	struct arena_runs runs;

	arena_runs_init(&runs);
	pool_release(cache, pools, &runs);
	arena_give_runs(&runs);
}

/* Withhold a block that is not as it was left. */
static void pool_withhold(struct pheap_cache *cache, struct pool *pool,
			  unsigned int index)
{
	pool_bitmap(pool, cache)[index / 64] |= BIT_ULL(index % 64);
	pool->due++;
	report_corrupt(cache, pool_base(pool) + index * cache->size);
}

/* Withhold all that have no mark. */
static void pool_inspect(struct pheap_cache *cache, struct pool *pool)
{
	void *base = pool_base(pool), *end = base + cache->last, *p;
	unsigned int size = cache->size, cookie = cache->cookie;
	u64 mark = cache->mark;

	if (!mark_has(cache))
		return;
	for (p = base; p <= end; p += size)
		if (unlikely(*(u64 *)(p + cookie) != mark))
			pool_withhold(cache, pool, (p - base) / size);
}

/* As pool_destroy(), but that the pages come to @runs. */
static void pool_end(struct pheap_cache *cache, struct hlist_head *pools,
		     struct arena_runs *runs)
{
	struct hlist_node *next;
	struct pool *pool;

	hlist_for_each_entry_safe(pool, next, pools, link) {
		pool_inspect(cache, pool);
		if (likely(pool_nr_free(cache, pool) == cache->blocks))
			continue;
		__hlist_del(&pool->link);
		pool_join(cache, &pool, 1);
	}
	pool_release(cache, pools, runs);
}

void pool_destroy(struct pheap_cache *cache, struct hlist_head *pools)
{
	struct arena_runs runs;

	arena_runs_init(&runs);
	pool_end(cache, pools, &runs);
	arena_give_runs(&runs);
}

void pool_decay_later(struct pheap *heap)
{
	if (READ_ONCE(heap->decaying))
		return;
	rcu_read_lock();
	/* heap_close() waits for us before it takes the work back. */
	if (!READ_ONCE(heap->dying)) {
		WRITE_ONCE(heap->decaying, true);
		schedule_delayed_work(&heap->decay, POOL_DECAY);
	}
	rcu_read_unlock();
}

bool pool_give_all(struct pheap_cache *cache, struct spot page)
{
	struct cache_node *cn = cache_node(cache, page.arena->node);
	struct spot first = spot_first(page);
	struct pool *pool = spot_pool(first);
	HLIST_HEAD(all);

	if (!partial_lock(cache, cn))
		return false;
	if (partial_has(cache, first) && !pool_nr_free(cache, pool))
		partial_take_out(cache, cn, pool, &all);
	partial_unlock(cache, cn);
	if (hlist_empty(&all))
		return false;
	pool_release_now(cache, &all);
	return true;
}

/*
 * The bitmap that is beside a pool may go meanwhile.  Who may not wait for the lock
 * believes that the block he asks about is one.
 */
static bool pool_allocated_locked(struct pheap_cache *cache, struct spot spot,
				  unsigned int index)
{
	struct cache_node *cn = cache_node(cache, spot.arena->node);
	bool allocated;

	if (!partial_lock(cache, cn))
		return true;
	allocated = partial_has(cache, spot) &&
		    pool_bitmap(spot_pool(spot), cache)[index / 64] &
			    BIT_ULL(index % 64);
	partial_unlock(cache, cn);
	return allocated;
}

bool pool_allocated(struct pheap_cache *cache, struct spot spot,
		    const void *p)
{
	unsigned int index = pool_index(cache, p - spot_base(spot));
	u64 word;

	if (cache->blocks > 64)
		return pool_allocated_locked(cache, spot, index);
	/* No look at the bucket: the pool may be on its way to another. */
	word = READ_ONCE(spot_pool(spot)->word);
	/* If the page is still the cache's, so was the word. */
	compat_rmb();
	return READ_ONCE(*spot_owner(spot)) == cache && word & BIT_ULL(index);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(pool_allocated);

/* Returns 0, -ENOSPC or -ENOMEM, with no block allocated and those past the end so. */
static int pool_init_map(struct pheap_cache *cache, struct pool *pool,
			 gfp_t gfp)
{
	unsigned int words = map_words(cache);
	u64 *map = &pool->word;
	int err;

	if (cache->blocks > 64) {
		map = backing_meta(cache->heap, words * sizeof(*map), gfp);
		err = PTR_ERR_OR_ZERO(map);
		if (err)
			map = backing_spare_get(cache->heap);
		if (!map)
			return err;
		/* It looks at no descriptors of pages inside a block of pages. */
		kmemleak_ignore(map);
		pool->map = map;
	}
	memset(map, 0, words * sizeof(*map));
	if (cache->blocks % 64)
		map[words - 1] = ~0ULL << cache->blocks % 64;
	return 0;
}

/* What is beside a pool.  Returns 0, -ENOSPC or -ENOMEM. */
static int pool_prepare(struct pheap_cache *cache, struct pool *pool,
			gfp_t gfp)
{
	int err = 0;

	if (cache->cyclic)
		err = arena_prepare_cands(map_find_run(pool).arena, gfp);
	return err ?: pool_init_map(cache, pool, gfp);
}

static void pool_mark(struct pheap_cache *cache, void *p)
{
	unsigned int size = cache->size, cookie = cache->cookie;
	void *end = p + cache->last;
	u64 mark = cache->mark;

	for (; p <= end; p += size)
		*(u64 *)(p + cookie) = mark;
}

static void pool_construct(struct pheap_cache *cache, struct pool *pool)
{
	size_t bytes = (size_t)cache->pages << PAGE_SHIFT;
	void *p = pool_base(pool);
	unsigned int i;

	compat_kasan_alloc(p, bytes, bytes);
	for (i = 0; cache->stable && i < cache->blocks; i++)
		memset(p + i * cache->size, 0, cache->stable);
	for (i = 0; cache->ctor && i < cache->blocks; i++)
		cache->ctor(p + i * cache->size);
	if (mark_has(cache))
		pool_mark(cache, p);
	if (cache->flags & PHEAP_DEBUG)
		debug_init_pool(cache, p);
	compat_kasan_free(p, bytes);
	for (i = 0; i < cache->blocks && cache->stable; i++)
		compat_kasan_alloc(p + i * cache->size, cache->stable,
				   cache->stable);
}

/* The pool is whole from here on. */
static void pool_publish(struct pheap_cache *cache, struct pool *pool)
{
	unsigned long start = (unsigned long)pool_base(pool) + cache->key;
	struct spot spot = map_find_run(pool);
	unsigned long end = spot.page + cache->pages;

	for (; spot.page < end; spot.page++) {
		WRITE_ONCE(spot.arena->start[spot.page], start);
		/* For those who walk over objects without a lock. */
		smp_store_release(spot_owner(spot), cache);
	}
}

/*
 * Up to @most pools without live blocks end.  Returns how many, for the sake of others who
 * want the lock no more than %POOL_BATCH.
 */
static unsigned int pool_end_batch(struct pheap_cache *cache,
				   struct cache_node *cn, unsigned int most,
				   struct arena_runs *runs)
{
	struct hlist_node *next;
	struct pool *pool;
	unsigned int nr = 0;
	HLIST_HEAD(idle);

	if (!READ_ONCE(cn->nr_idle) || !partial_lock(cache, cn))
		return 0;
	most = min(most, POOL_BATCH);
	hlist_for_each_entry_safe(pool, next, &cn->pools[POOL_IDLE], link) {
		if (nr == most)
			break;
		partial_take_out(cache, cn, pool, &idle);
		nr++;
	}
	partial_unlock(cache, cn);
	pool_end(cache, &idle, runs);
	return nr;
}

/* The same for as many as there are, up to @most. */
static void pool_end_idle(struct pheap_cache *cache, struct cache_node *cn,
			  unsigned int most)
{
	struct arena_runs runs;
	unsigned int part;

	arena_runs_init(&runs);
	do {
		part = pool_end_batch(cache, cn, most, &runs);
		arena_give_runs(&runs);
		most -= part;
	} while (part && most);
}

/**
 * struct recall - pages that are wanted of pools without live blocks
 * @hn: of what heap and node.
 * @node: node.
 * @want: end as soon as so many are free.
 * @ended: how many pools did.
 * @runs: what is to go to the arenas, of several caches, with one lock.
 */
struct recall {
	struct heap_node *hn;
	int node;
	unsigned long want;
	unsigned int ended;
	struct arena_runs runs;
};

/* How many pages are still wanted. */
static unsigned long pool_recall_wants(const struct recall *recall)
{
	unsigned long have = READ_ONCE(recall->hn->free_pages) + recall->runs.pages;

	return have < recall->want ? recall->want - have : 0;
}

/* Returns whether some are left. */
static bool pool_recall_of(struct recall *recall, struct pheap_cache *cache)
{
	struct cache_node *cn = cache_node(cache, recall->node);
	unsigned long wants;
	unsigned int nr;

	while (READ_ONCE(cn->nr_idle) && (wants = pool_recall_wants(recall))) {
		wants = DIV_ROUND_UP(wants, cache->pages);
		nr = pool_end_batch(cache, cn,
				    min(wants, POOL_BATCH - recall->runs.pages),
				    &recall->runs);
		if (!nr)
			break;
		recall->ended += nr;
		/* Where there is a limit, others might be refused meanwhile. */
		if (cache->heap->limit)
			arena_give_runs(&recall->runs);
	}
	return READ_ONCE(cn->nr_idle);
}

/* The same for caches that have a bit of heap_node->idle. */
static bool pool_recall_bit(struct recall *recall, struct pheap *heap,
			    unsigned int bit)
{
	struct pheap_cache *cache;
	bool left = false;

	if (bit < NR_CLASSES)
		return pool_recall_of(recall, READ_ONCE(heap->classes[bit]));
	list_for_each_entry_rcu(cache, &heap->caches, link)
		if (cache->index == CACHE_NAMED)
			left |= pool_recall_of(recall, cache);
	return left;
}

bool pool_recall(struct pheap *heap, int node, unsigned long pages)
{
	struct heap_node *hn = &heap->nodes[node];
	struct recall recall = {
		.hn = hn, .node = node, .want = READ_ONCE(hn->free_pages) + pages,
	};
	unsigned long i, end = NR_CLASSES + 1;

	if (!atomic_long_read(&heap->idle))
		return false;
	arena_runs_init(&recall.runs);
	rcu_read_lock();
	for (; pool_recall_wants(&recall); end = i) {
		i = find_last_bit(hn->idle, end);
		if (i == end)
			break;
		if (pool_recall_bit(&recall, heap, i))
			continue;
		/* Others may look meanwhile, so that the bit is cleared last. */
		clear_bit(i, hn->idle);
		/* Pairs with the barrier in partial_show_idle(). */
		smp_mb__after_atomic();
		if (pool_recall_bit(&recall, heap, i))
			set_bit(i, hn->idle);
	}
	arena_give_runs(&recall.runs);
	rcu_read_unlock();
	return recall.ended;
}

/* Pages for a pool where @node has none: new ones, or at last any node's. */
static struct pool *pool_new_pages(struct pheap_cache *cache, int node,
				   gfp_t gfp)
{
	struct pheap *heap = cache->heap;
	struct pool *pool, *grown;
	int other;

	grown = arena_grow(heap, node, cache->pages, gfp);
	if (!IS_ERR(grown) || gfp & __GFP_THISNODE)
		return grown;
	for_each_online_node(other) {
		pool = arena_take(heap, other, cache->pages,
				  cache->align_pages);
		if (pool)
			return pool;
	}
	return grown;
}

/*
 * Pages that are free, or are once idle pools end.  No heap grows while it has
 * such; where no run of pages comes of that, it must.
 */
static unsigned int pool_free_pages(struct pheap_cache *cache, int node,
				    struct pool **pool, unsigned int nr)
{
	unsigned long recall = max(nr * cache->pages, POOL_RECALL);
	struct pheap *heap = cache->heap;
	unsigned int got;

	for (;; recall *= 4) {
		got = arena_take_runs(heap, node, cache->pages,
				      cache->align_pages, pool, nr);
		if (got || !pool_recall(heap, node, recall))
			return got;
	}
}

/*
 * The same, from the kernel, and others that came with them.  Returns for how many
 * pools, or an error if for none.
 */
static int pool_more_pages(struct pheap_cache *cache, int node, gfp_t gfp,
			   struct pool **pool, unsigned int nr)
{
	pool[0] = pool_new_pages(cache, node, gfp);
	if (IS_ERR(pool[0]))
		return PTR_ERR(pool[0]);
	if (nr == 1 || pool_node(pool[0]) != node)
		return 1;
	return 1 + arena_take_runs(cache->heap, node, cache->pages,
				   cache->align_pages, pool + 1, nr - 1);
}

/* Make pools of pages.  Returns how many, or an error if none. */
static int pool_make(struct pheap_cache *cache, struct pool **pool,
		     unsigned int nr, gfp_t gfp)
{
	unsigned int made;
	int err = 0;

	for (made = 0; made < nr; made++) {
		err = pool_prepare(cache, pool[made], gfp);
		if (err)
			break;
		pool[made]->due = -POOL_FAR;
		pool[made]->bucket = POOL_GONE;
	}
	while (nr > made)
		arena_give(pool[--nr], cache->pages);
	return made ?: err;
}

/* Take up to @nr blocks of a new pool, which takes no lock: nobody else sees it. */
static unsigned int pool_fill(struct pheap_cache *cache, struct pool *pool,
			      void **p, unsigned int nr)
{
	nr = min_t(unsigned int, nr, cache->blocks);
	pool_construct(cache, pool);
	pool_take_from(cache, pool, p, nr);
	pool_publish(cache, pool);
	return nr;
}

/* Blocks of pools that are made of pages for them. */
static int pool_cut_up(struct pheap_cache *cache, struct pool **pool, int pools,
		       gfp_t gfp, void **p, unsigned int nr)
{
	unsigned int got = 0;
	int i;

	pools = pool_make(cache, pool, pools, gfp);
	if (pools < 0)
		return pools;
	for (i = 0; i < pools; i++)
		got += pool_fill(cache, pool[i], p + got, nr - got);
	pool_join(cache, pool, pools);
	return got;
}

static unsigned int pool_wants(const struct pheap_cache *cache, unsigned int nr)
{
	return clamp_t(unsigned int, nr / cache->blocks, 1, POOL_GROW_MAX);
}

int pool_reuse(struct pheap_cache *cache, int node, gfp_t gfp, void **p,
	       unsigned int nr)
{
	struct pool *pool[POOL_GROW_MAX] __uninitialized;
	unsigned int pools;

	pools = pool_free_pages(cache, node, pool, pool_wants(cache, nr));
	return pools ? pool_cut_up(cache, pool, pools, gfp, p, nr) : -EAGAIN;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(pool_reuse);

int pool_expand(struct pheap_cache *cache, int node, gfp_t gfp, void **p,
		unsigned int nr)
{
	struct pool *pool[POOL_GROW_MAX] __uninitialized;
	int pools;

	pools = pool_more_pages(cache, node, gfp, pool, pool_wants(cache, nr));
	return pools > 0 ? pool_cut_up(cache, pool, pools, gfp, p, nr) : pools;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(pool_expand);

/* With the lock held.  Returns false if the caller has seen enough. */
static bool pool_walk_blocks(struct pheap_cache *cache, struct pool *pool,
			     pool_visit_fn fn, void *arg)
{
	u64 *map = pool_bitmap(pool, cache);
	void *base = pool_base(pool);
	unsigned int i;

	for (i = 0; i < cache->blocks; i++)
		if (map[i / 64] & BIT_ULL(i % 64) &&
		    !fn(cache, base + i * cache->size, arg))
			return false;
	return true;
}

bool pool_walk(struct spot spot, pool_visit_fn fn, void *arg)
{
	struct pheap_cache *cache = READ_ONCE(*spot_owner(spot));
	struct cache_node *cn = cache_node(cache, spot.arena->node);
	bool more = true;

	if (cache == cache_none || spot_lead(spot))
		return true;
	partial_tidy(cache, cn);
	if (!partial_lock(cache, cn))
		return true;
	if (partial_has(cache, spot))
		more = pool_walk_blocks(cache, spot_pool(spot), fn, arg);
	partial_unlock(cache, cn);
	return more;
}

void pool_trim(struct pheap_cache *cache)
{
	int node;

	for (node = 0; node < nr_node_ids; node++) {
		partial_tidy(cache, cache_node(cache, node));
		pool_end_idle(cache, cache_node(cache, node), UINT_MAX);
	}
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(pool_trim);

void pool_decay(struct pheap_cache *cache)
{
	struct cache_node *cn;
	int node;

	for (node = 0; node < nr_node_ids; node++) {
		cn = cache_node(cache, node);
		partial_tidy(cache, cn);
		pool_end_idle(cache, cn, (READ_ONCE(cn->nr_idle) + 1) / 2);
	}
}

/* Take out up to %POOL_BATCH pools.  Returns whether there may be more. */
static bool pool_collect(struct pheap_cache *cache, struct cache_node *cn,
			 struct hlist_head *pools)
{
	unsigned int i, left = POOL_BATCH;
	struct hlist_node *next;
	struct pool *pool;

	if (!partial_lock(cache, cn))
		return false;
	for (i = 0; i < POOL_LISTS && left; i++)
		hlist_for_each_entry_safe(pool, next, &cn->pools[i], link) {
			partial_take_out(cache, cn, pool, pools);
			if (!--left)
				break;
		}
	partial_unlock(cache, cn);
	return !left;
}

static void pool_destroy_node(struct pheap_cache *cache, struct cache_node *cn)
{
	HLIST_HEAD(pools);
	bool more;

	might_sleep();
	partial_tidy(cache, cn);
	do {
		more = pool_collect(cache, cn, &pools);
		pool_release_now(cache, &pools);
		cond_resched();
	} while (more);
}

void pool_destroy_all(struct pheap_cache *cache)
{
	int node;

	for (node = 0; node < nr_node_ids; node++)
		pool_destroy_node(cache, cache_node(cache, node));
}
