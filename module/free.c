// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/instruction_pointer.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/string.h>
#include <linux/topology.h>

#include "debug.h"
#include "free.h"
#include "large.h"
#include "magazine.h"
#include "map.h"
#include "pool.h"
#include "report.h"

DEFINE_STATIC_KEY_FALSE(free_many_nodes);

void free_init(void)
{
	if (num_possible_nodes() > 1)
		static_branch_enable(&free_many_nodes);
}

/* A block from another node would bring this CPU remote memory later. */
static __always_inline bool free_is_local(const struct pool *pool)
{
	return !static_branch_unlikely(&free_many_nodes) ||
	       pool_arena(pool)->node == numa_mem_id();
}

/*
 * The pool and cache of a block that can go into a magazine: the start of a
 * block, which does not hold its cookie.  Sentinels make one comparison of
 * all that a pointer can be: where there is no pool, nothing is a start.
 */
static __always_inline struct pheap_cache *free_cache(const void *p)
{
	struct pool *pool = map_look(p);
	struct pheap_cache *cache;
	u32 offset;

	if (unlikely(!pool))
		return NULL;
	cache = READ_ONCE(pool->cache);
	offset = ((unsigned long)p & ~PAGE_MASK) | pool->lead;
	if (unlikely(!pool_is_start(cache, offset)) ||
	    unlikely(magazine_marked(cache, p)) ||
	    unlikely(!free_is_local(pool)))
		return NULL;
	return cache;
}

static __always_inline void free_wipe(const struct pheap_cache *cache,
				      const void *p)
{
	if (want_init_on_free() && !cache->ctor)
		memset((void *)p, 0, cache->size);
	compat_kasan_free(p, cache->size);
}

/*
 * The hot path.  Arena map, pool, cache; this CPU's magazine.  Preemption is
 * off all along, which keeps what the map leads to alive.
 */
void pheap_free(const void *p)
{
	struct pheap_cache *cache;
	bool done = false;

	preempt_disable();
	cache = free_cache(p);
	if (likely(cache)) {
		free_wipe(cache, p);
		done = magazine_push(cache, (void *)p);
	}
	preempt_enable();
	if (unlikely(!done))
		free_slow(NULL, p, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pheap_free);

void pheap_cache_free(struct pheap_cache *cache, const void *p)
{
	bool done = false;

	preempt_disable();
	if (likely(free_cache(p) == cache)) {
		free_wipe(cache, p);
		done = magazine_push(cache, (void *)p);
	}
	preempt_enable();
	if (unlikely(!done))
		free_slow(cache, p, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pheap_cache_free);

/* Not a pool's: a large block, or nobody's. */
static void free_outside(struct pheap_cache *expected, const void *p,
			 unsigned long caller)
{
	if (!p || large_free(expected, p, caller))
		return;
	if (map_find_page(p) || large_is_inside(p))
		report_bad(PHEAP_BAD_MIDDLE, NULL, NULL, p, caller);
	else
		report_foreign(p, caller);
}

/* What is wrong with freeing @p, or PHEAP_BAD_NR. */
static enum pheap_bad free_check(struct pheap_cache *cache, struct pool *pool,
				 struct pheap_cache *expected, const void *p)
{
	u32 offset = pool_offset(pool, p);

	if (offset > cache->last || offset % cache->size)
		return PHEAP_BAD_MIDDLE;
	if (expected && cache != expected)
		return PHEAP_BAD_CACHE;
	if (!pool_allocated(cache, pool, p))
		return PHEAP_BAD_DOUBLE;
	if (cache->capacity && magazine_marked(cache, p))
		return PHEAP_BAD_DOUBLE;
	return PHEAP_BAD_NR;
}

static void free_block(struct pheap_cache *cache, struct pool *pool, void *p,
		       unsigned long caller)
{
	if (cache->flags & PHEAP_DEBUG) {
		if (!debug_free(cache, p, caller))
			return;
		compat_kasan_free(p, cache->size);
	} else {
		free_wipe(cache, p);
	}
	if (pool_arena(pool)->node == numa_mem_id())
		magazine_put(cache, p, caller);
	else if (pool_give_blocks(cache, &p, 1))
		report_bad(PHEAP_BAD_DOUBLE, cache->heap, cache, p, caller);
}

void free_slow(struct pheap_cache *expected, const void *p,
	       unsigned long caller)
{
	struct pheap_cache *cache = NULL;
	enum pheap_bad bad;
	struct pool *pool;

	rcu_read_lock();
	pool = map_find_pool(p);
	if (pool)
		cache = READ_ONCE(pool->cache);
	if (!cache || cache == cache_none) {
		free_outside(expected, p, caller);
		goto out;
	}
	bad = free_check(cache, pool, expected, p);
	if (bad == PHEAP_BAD_NR)
		free_block(cache, pool, (void *)p, caller);
	else
		report_bad(bad, cache->heap, cache, p, caller);
out:
	rcu_read_unlock();
}

void pheap_free_sensitive(const void *p)
{
	size_t size = pheap_size(p);

	if (size)
		memzero_explicit((void *)p, size);
	pheap_free(p);
}
EXPORT_SYMBOL_GPL(pheap_free_sensitive);

/*
 * As many blocks of one cache as the magazine has room for, with one entry
 * into it.  Returns how many went in.
 */
static size_t free_run(struct pheap_cache *expected, size_t n, void **p)
{
	struct pheap_cache *cache;
	struct magazine *mag;
	size_t i = 0;

	preempt_disable();
	cache = free_cache(p[0]);
	if (!cache || (expected && cache != expected))
		goto out;
	mag = magazine_this(cache);
	if (!magazine_enter(mag))
		goto out;
	while (mag->count < mag->capacity) {
		free_wipe(cache, p[i]);
		*magazine_word(cache, p[i]) = magazine_cookie(p[i]);
		mag->slot[mag->count++] = p[i++];
		if (i == n || free_cache(p[i]) != cache)
			break;
	}
	magazine_leave(mag);
out:
	preempt_enable();
	return i;
}

static void free_bulk(struct pheap_cache *expected, size_t n, void **p,
		      unsigned long caller)
{
	size_t done;

	while (n) {
		done = free_run(expected, n, p);
		if (!done) {
			free_slow(expected, p[0], caller);
			done = 1;
		}
		n -= done;
		p += done;
	}
}

void pheap_free_bulk(size_t n, void **p)
{
	free_bulk(NULL, n, p, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pheap_free_bulk);

void pheap_cache_free_bulk(struct pheap_cache *cache, size_t n, void **p)
{
	free_bulk(cache, n, p, _RET_IP_);
}
EXPORT_SYMBOL_GPL(pheap_cache_free_bulk);
