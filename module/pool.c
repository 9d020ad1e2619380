// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/nodemask.h>

#include "arena.h"
#include "backing.h"
#include "debug.h"
#include "map.h"
#include "mark.h"
#include "pool.h"
#include "report.h"

void pool_init_node(struct cache_node *cn)
{
	unsigned int i;

	raw_spin_lock_init(&cn->lock);
	for (i = 0; i < POOL_BUCKETS; i++)
		INIT_LIST_HEAD(&cn->partial[i]);
	INIT_LIST_HEAD(&cn->full);
}

/* The fewer free blocks, the lower; an empty pool is in the last. */
static unsigned int pool_bucket(const struct pheap_cache *cache,
				unsigned int nr_free)
{
	return nr_free ? nr_free * cache->fill_mul >> 16 : POOL_FULL;
}

static void pool_unlink(struct cache_node *cn, struct pool *pool)
{
	lockdep_assert_held(&cn->lock);
	list_del(&pool->link);
	if (pool->bucket != POOL_FULL &&
	    list_empty(&cn->partial[pool->bucket]))
		cn->nonempty &= ~BIT(pool->bucket);
	pool->bucket = POOL_GONE;
}

static void pool_link(struct cache_node *cn, struct pool *pool,
		      unsigned int bucket)
{
	lockdep_assert_held(&cn->lock);
	pool->bucket = bucket;
	if (bucket == POOL_FULL) {
		list_add(&pool->link, &cn->full);
		return;
	}
	list_add(&pool->link, &cn->partial[bucket]);
	cn->nonempty |= BIT(bucket);
}

static void pool_rebucket(struct pheap_cache *cache, struct cache_node *cn,
			  struct pool *pool)
{
	unsigned int bucket = pool_bucket(cache, pool->nr_free);

	if (bucket == pool->bucket)
		return;
	pool_unlink(cn, pool);
	pool_link(cn, pool, bucket);
}

/* Take the lowest free blocks. */
static unsigned int pool_take_from(struct pheap_cache *cache,
				   struct pool *pool, void **p,
				   unsigned int nr)
{
	unsigned int take = min_t(unsigned int, nr, pool->nr_free);
	u64 *map = pool_bitmap(pool, cache);
	void *base = pool_base(pool);
	unsigned int left = take;
	u64 avail;

	for (; left; map++, base += 64UL * cache->size) {
		for (avail = ~*map; avail && left; avail &= avail - 1) {
			p[take - left] = base + __ffs64(avail) * cache->size;
			left--;
		}
		*map = ~avail;
	}
	pool->nr_free -= take;
	return take;
}

static void pool_reverse(void **p, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr / 2; i++)
		swap(p[i], p[nr - 1 - i]);
}

unsigned int pool_take_blocks(struct pheap_cache *cache, int node, void **p,
			      unsigned int nr)
{
	struct cache_node *cn = cache_node(cache, node);
	unsigned int got = 0;
	struct pool *pool;
	unsigned long flags;

	if (!READ_ONCE(cn->nonempty))
		return 0;
	raw_spin_lock_irqsave(&cn->lock, flags);
	while (got < nr && cn->nonempty) {
		pool = list_first_entry(&cn->partial[__ffs(cn->nonempty)],
					struct pool, link);
		got += pool_take_from(cache, pool, p + got, nr - got);
		pool_rebucket(cache, cn, pool);
	}
	cn->nr_free -= got;
	raw_spin_unlock_irqrestore(&cn->lock, flags);
	pool_reverse(p, got);
	return got;
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

static struct cache_node *pool_cache_node(struct pheap_cache *cache,
					  struct pool *pool)
{
	return cache_node(cache, pool_arena(pool)->node);
}

/* A pool comes to the cache's others. */
static void pool_join(struct pheap_cache *cache, struct pool *pool)
{
	struct cache_node *cn = pool_cache_node(cache, pool);
	unsigned long flags;

	raw_spin_lock_irqsave(&cn->lock, flags);
	cn->nr_pools++;
	cn->nr_free += pool->nr_free;
	pool_link(cn, pool, pool_bucket(cache, pool->nr_free));
	raw_spin_unlock_irqrestore(&cn->lock, flags);
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
	struct pheap *heap = pool_arena(pool)->heap;
	unsigned int pages = pool->nr_free;

	arena_give(pool, pages);
	atomic_long_sub(pages, &heap->waiting);
}

void pool_hold(struct pheap *heap, bool hold)
{
	struct pool *pool, *next;
	unsigned long flags;
	LIST_HEAD(held);

	raw_spin_lock_irqsave(&heap->lock, flags);
	heap->holding = hold;
	list_splice_init(&heap->held, &held);
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	list_for_each_entry_safe(pool, next, &held, link)
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
		list_add(&pool->link, &heap->held);
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
	struct pheap *heap = cache->heap;
	unsigned int i;

	atomic_long_add(cache->pages, &heap->waiting);
	/* For pool_release_rcu(), when the cache may be gone. */
	pool->nr_free = cache->pages;
	for (i = 0; i < cache->pages; i++)
		WRITE_ONCE(pool[i].cache, cache_none);
	/* Either the holder sees that this is no pool, or we see the hold. */
	if (!pool_is_held(heap, pool))
		compat_call_rcu(&pool->rcu, pool_release_rcu);
}

/* A pool that is on no list any more. */
static void pool_release(struct pheap_cache *cache, struct pool *pool)
{
	pool_destruct(cache, pool);
	pool_free_map(cache, pool);
	if (cache->type)
		pool_release_objects(cache, pool);
	else
		arena_give(pool, cache->pages);
}

/* Withhold a block that is not as it was left. */
static void pool_withhold(struct pheap_cache *cache, struct pool *pool,
			  unsigned int index)
{
	pool_bitmap(pool, cache)[index / 64] |= BIT_ULL(index % 64);
	pool->nr_free--;
	report_corrupt(cache, pool_base(pool) + index * cache->size);
}

/*
 * A pool without live blocks, on no list, ends, unless one of its blocks was
 * written to: somebody may hold that still, after he freed it twice.
 */
static void pool_destroy(struct pheap_cache *cache, struct pool *pool)
{
	void *p = pool_base(pool);
	unsigned int i;

	for (i = 0; i < cache->blocks && mark_has(cache); i++, p += cache->size)
		if (unlikely(!mark_is(cache, p, MARK_POOL)))
			pool_withhold(cache, pool, i);
	if (likely(pool->nr_free == cache->blocks))
		pool_release(cache, pool);
	else
		pool_join(cache, pool);
}

/*
 * A pool that lost its last block to a double free may be gone, or another
 * cache's.
 */
static bool pool_is_of(const struct pheap_cache *cache,
		       const struct pool *pool)
{
	return READ_ONCE(pool->cache) == cache && pool->bucket != POOL_GONE;
}

/* Mark a block free.  Returns false if it was. */
static __always_inline bool pool_clear(struct pheap_cache *cache,
				       struct pool *pool, u32 offset)
{
	unsigned int index = pool_index(cache, offset);
	u64 *map = pool_bitmap(pool, cache) + index / 64;
	u64 bit = BIT_ULL(index % 64);

	if (unlikely(!(*map & bit)))
		return false;
	*map &= ~bit;
	pool->nr_free++;
	return true;
}

/* A pool without live blocks moves to @empty. */
static void pool_take_out(struct pheap_cache *cache, struct cache_node *cn,
			  struct pool *pool, struct list_head *empty)
{
	pool_unlink(cn, pool);
	list_add(&pool->link, empty);
	cn->nr_free -= cache->blocks;
	cn->nr_pools--;
}

static __always_inline bool pool_give_locked(struct pheap_cache *cache,
					     struct cache_node *cn,
					     struct pool *pool, u32 offset,
					     struct list_head *empty)
{
	lockdep_assert_held(&cn->lock);
	if (unlikely(!pool_is_of(cache, pool)) ||
	    unlikely(!pool_clear(cache, pool, offset)))
		return false;
	cn->nr_free++;
	if (unlikely(pool->nr_free == cache->blocks))
		pool_take_out(cache, cn, pool, empty);
	else if (pool_bucket(cache, pool->nr_free) != pool->bucket)
		pool_rebucket(cache, cn, pool);
	return true;
}

/*
 * The descriptor of the page that a block of @cache starts in, in an RCU
 * section.  The first arena of the window is nearly always it.
 */
static __always_inline struct pool *pool_page(const struct pheap_cache *cache,
					      const void *p)
{
	unsigned long off = (unsigned long)p - COMPAT_DIRECT_MAP;
	struct pool *page;

	page = &map_look(off)->pools[off / PAGE_SIZE % ARENA_PAGES];
	return likely(READ_ONCE(page->cache) == cache) ? page :
							 map_find_page(p);
}

/*
 * Give back the leading blocks of @p that are on the node of the first.
 * Returns how many those are; bad ones go to *@bad, a list that is no longer
 * than what was read of @p.
 */
static unsigned int pool_give_run(struct pheap_cache *cache, void **p,
				  unsigned int nr, void ***bad,
				  struct list_head *empty)
{
	struct pool *page = pool_page(cache, p[0]);
	struct cache_node *cn;
	unsigned int i;
	u32 offset;

	if (!page) {
		*(*bad)++ = p[0];
		return 1;
	}
	cn = pool_cache_node(cache, page);
	raw_spin_lock(&cn->lock);
	for (i = 0; i < nr; i++) {
		page = pool_page(cache, p[i]);
		if (i && page && nr_node_ids > 1 &&
		    pool_cache_node(cache, page) != cn)
			break;
		offset = offset_in_page(p[i]) | (page ? page->lead : 0);
		if (!page || !pool_give_locked(cache, cn,
					       page - page->lead / PAGE_SIZE,
					       offset, empty))
			*(*bad)++ = p[i];
	}
	raw_spin_unlock(&cn->lock);
	return i;
}

unsigned int pool_give_blocks(struct pheap_cache *cache, void **p,
			      unsigned int nr)
{
	struct pool *pool, *next;
	unsigned int done;
	unsigned long flags;
	void **bad = p;
	LIST_HEAD(empty);

	/* Off for the map's readers, and for the locks. */
	local_irq_save(flags);
	for (done = 0; done < nr;)
		done += pool_give_run(cache, p + done, nr - done, &bad,
				      &empty);
	local_irq_restore(flags);
	list_for_each_entry_safe(pool, next, &empty, link)
		pool_destroy(cache, pool);
	return bad - p;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(pool_give_blocks);

bool pool_allocated(struct pheap_cache *cache, struct pool *pool,
		    const void *p)
{
	unsigned int index = pool_index(cache, pool_offset(pool, p));
	struct cache_node *cn = pool_cache_node(cache, pool);
	unsigned long flags;
	bool allocated;

	raw_spin_lock_irqsave(&cn->lock, flags);
	allocated = pool_is_of(cache, pool) &&
		    pool_bitmap(pool, cache)[index / 64] & BIT_ULL(index % 64);
	raw_spin_unlock_irqrestore(&cn->lock, flags);
	return allocated;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(pool_allocated);

/* Returns 0 or -ENOMEM, with no block allocated and those past the end so. */
static int pool_init_map(struct pheap_cache *cache, struct pool *pool,
			 gfp_t gfp)
{
	unsigned int words = map_words(cache);
	u64 *map = &pool->word;

	if (cache->blocks > 64) {
		map = backing_meta(cache->heap, words * sizeof(*map), gfp);
		if (IS_ERR(map))
			map = backing_spare_get(cache->heap);
		if (!map)
			return -ENOMEM;
		pool->map = map;
	}
	memset(map, 0, words * sizeof(*map));
	if (cache->blocks % 64)
		map[words - 1] = ~0ULL << cache->blocks % 64;
	return 0;
}

static void pool_init_block(struct pheap_cache *cache, void *p)
{
	memset(p, 0, cache->stable);
	if (cache->ctor)
		cache->ctor(p);
	if (mark_has(cache))
		mark_set(cache, p, MARK_POOL);
}

static void pool_construct(struct pheap_cache *cache, struct pool *pool)
{
	size_t bytes = (size_t)cache->pages << PAGE_SHIFT;
	void *p = pool_base(pool);
	unsigned int i;

	compat_kasan_alloc(p, bytes, bytes);
	for (i = 0; i < cache->blocks; i++)
		pool_init_block(cache, p + i * cache->size);
	if (cache->flags & PHEAP_DEBUG)
		debug_init_pool(cache, p);
	compat_kasan_free(p, bytes);
	for (i = 0; i < cache->blocks && cache->stable; i++)
		compat_kasan_alloc(p + i * cache->size, cache->stable,
				   cache->stable);
}

/* The pool is whole from here on, its first blocks perhaps taken. */
static void pool_publish(struct pheap_cache *cache, struct pool *pool)
{
	unsigned int i;

	for (i = 0; i < cache->pages; i++) {
		pool[i].lead = i << PAGE_SHIFT;
		/* For those who walk over objects without a lock. */
		smp_store_release(&pool[i].cache, cache);
	}
	pool_join(cache, pool);
}

/* Pages for a pool: the node's, new ones, or at last those of any node. */
static struct pool *pool_pages(struct pheap_cache *cache, int node, gfp_t gfp)
{
	struct pheap *heap = cache->heap;
	struct pool *pool, *grown;
	int other;

	pool = arena_take(heap, node, cache->pages, cache->align_pages);
	if (pool)
		return pool;
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

int pool_grow(struct pheap_cache *cache, int node, gfp_t gfp, void **p,
	      unsigned int nr)
{
	struct pool *pool;
	int err;

	pool = pool_pages(cache, node, gfp);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	err = pool_init_map(cache, pool, gfp);
	if (err) {
		arena_give(pool, cache->pages);
		return err;
	}
	pool_construct(cache, pool);
	pool->nr_free = cache->blocks;
	/* Nobody else sees the pool yet, so this takes no lock. */
	nr = pool_take_from(cache, pool, p, nr);
	pool_reverse(p, nr);
	pool_publish(cache, pool);
	return nr;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(pool_grow);

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

bool pool_walk(struct pool *pool, pool_visit_fn fn, void *arg)
{
	struct pheap_cache *cache = READ_ONCE(pool->cache);
	struct cache_node *cn = pool_cache_node(cache, pool);
	unsigned long flags;
	bool more = true;

	if (cache == cache_none || READ_ONCE(pool->lead))
		return true;
	raw_spin_lock_irqsave(&cn->lock, flags);
	if (pool_is_of(cache, pool))
		more = pool_walk_blocks(cache, pool, fn, arg);
	raw_spin_unlock_irqrestore(&cn->lock, flags);
	return more;
}

/* Take out pools in which nothing was ever allocated. */
static void pool_collect_unused(struct pheap_cache *cache, int node,
				struct list_head *unused)
{
	struct cache_node *cn = cache_node(cache, node);
	unsigned int bucket = pool_bucket(cache, cache->blocks);
	struct pool *pool, *next;
	unsigned long flags;

	raw_spin_lock_irqsave(&cn->lock, flags);
	list_for_each_entry_safe(pool, next, &cn->partial[bucket], link) {
		if (pool->nr_free < cache->blocks)
			continue;
		pool_unlink(cn, pool);
		list_add(&pool->link, unused);
		cn->nr_pools--;
		cn->nr_free -= cache->blocks;
	}
	raw_spin_unlock_irqrestore(&cn->lock, flags);
}

void pool_trim(struct pheap_cache *cache)
{
	struct pool *pool, *next;
	LIST_HEAD(unused);
	int node;

	for (node = 0; node < nr_node_ids; node++)
		pool_collect_unused(cache, node, &unused);
	list_for_each_entry_safe(pool, next, &unused, link)
		pool_destroy(cache, pool);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(pool_trim);

static struct pool *pool_pop(struct cache_node *cn)
{
	struct pool *pool = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&cn->lock, flags);
	if (cn->nonempty)
		pool = list_first_entry(&cn->partial[__ffs(cn->nonempty)],
					struct pool, link);
	else if (!list_empty(&cn->full))
		pool = list_first_entry(&cn->full, struct pool, link);
	if (pool) {
		pool_unlink(cn, pool);
		cn->nr_pools--;
		cn->nr_free -= pool->nr_free;
	}
	raw_spin_unlock_irqrestore(&cn->lock, flags);
	return pool;
}

void pool_destroy_all(struct pheap_cache *cache)
{
	struct pool *pool;
	int node;

	for (node = 0; node < nr_node_ids; node++)
		while ((pool = pool_pop(cache_node(cache, node))))
			pool_release(cache, pool);
}
