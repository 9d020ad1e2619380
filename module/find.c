// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/rculist.h>

#include "debug.h"
#include "find.h"
#include "large.h"
#include "magazine.h"
#include "map.h"
#include "pool.h"

/* Whether an allocated block is in a caller's hands, not in a magazine. */
static bool find_is_held(const struct pheap_cache *cache, const void *p)
{
	return !mark_has(cache) || !mark_is_set(cache, p);
}

static size_t find_size(const struct pheap_cache *cache, const void *p)
{
	return cache->flags & PHEAP_DEBUG ? debug_request(cache, p) :
					    cache->usable;
}

static bool find_outside(const void *p, struct found *found)
{
	struct large_info info;

	if (!large_find(p, &info))
		return false;
	*found = (struct found) {
		.heap = info.heap,
		.cache = info.cache,
		.size = info.size,
		.block = info.block,
	};
	return true;
}

/* A block of @cache is live. */
static bool find_note(struct pheap_cache *cache, const void *p,
		      struct found *found)
{
	*found = (struct found) {
		.heap = cache->heap,
		.cache = cache,
		.size = find_size(cache, p),
		.block = cache->size,
	};
	return true;
}

static bool find_in_pool(struct spot spot, const void *p, struct found *found)
{
	struct pheap_cache *cache = READ_ONCE(*spot_owner(spot));
	u32 offset = p - spot_base(spot);

	if (cache == cache_none || offset > cache->last ||
	    offset % cache->size || !pool_allocated(cache, spot, p) ||
	    (!find_is_held(cache, p) && magazine_holds(cache, p)))
		return false;
	return find_note(cache, p, found);
}

/*
 * A block of a class whose bitmap is no further than its pool: one starts there, as a
 * free asks, it has no mark, and it is allocated.
 */
static bool find_first(const void *p, struct found *found)
{
	unsigned long addr = (unsigned long)p;
	struct spot spot = { map_look(addr), __pheap_page_of(addr) };
	struct pheap_cache *cache = READ_ONCE(*spot_owner(spot));

	if (cache->blocks > 64 ||
	    !__pheap_is_start((struct __pheap_arena *)spot.arena, addr, 0,
			      (struct __pheap_cache *)cache,
			      &cache->class_bound) ||
	    mark_is_set(cache, p) ||
	    !pool_allocated(cache, spot_first(spot), p))
		return false;
	return find_note(cache, p, found);
}

bool find_block(const void *p, struct found *found)
{
	struct spot spot;
	bool is;

	rcu_read_lock();
	if (likely(find_first(p, found))) {
		rcu_read_unlock();
		return true;
	}
	spot = map_find_pool(p);
	is = spot.arena ? find_in_pool(spot, p, found) : find_outside(p, found);
	rcu_read_unlock();
	return is;
}

void find_open(const struct found *found, void *p, size_t size)
{
	compat_kasan_alloc(p, size, found->block);
}

size_t pheap_size(const void *p)
{
	struct found found;

	if (!find_block(p, &found))
		return 0;
	/* Whoever asks may use all of it. */
	find_open(&found, (void *)p, found.size);
	return found.size;
}
EXPORT_SYMBOL_GPL(pheap_size);

struct pheap *pheap_owner(const void *p)
{
	struct found found;

	return find_block(p, &found) ? found.heap : NULL;
}
EXPORT_SYMBOL_GPL(pheap_owner);

static bool find_count(struct pheap_cache *cache, void *p, void *arg)
{
	unsigned int *nr = arg;

	*nr += find_is_held(cache, p);
	return true;
}

unsigned int find_count_held(struct spot spot)
{
	unsigned int nr = 0;

	pool_walk(spot, find_count, &nr);
	return nr;
}

/**
 * struct visit - a walk by a caller
 * @fn: the caller's function.
 * @arg: its argument.
 * @nr: blocks visited.
 */
struct visit {
	pheap_visit_fn fn;
	void *arg;
	size_t nr;
};

static bool find_visit(struct pheap_cache *cache, void *p, void *arg)
{
	struct visit *visit = arg;

	if (!find_is_held(cache, p))
		return true;
	visit->nr++;
	return visit->fn(p, find_size(cache, p),
			 cache->index == CACHE_NAMED ? cache : NULL,
			 visit->arg);
}

static bool find_walk_arena(struct arena *arena, struct visit *visit)
{
	struct spot spot = { arena };

	for (; spot.page < ARENA_PAGES; spot.page++)
		if (!pool_walk(spot, find_visit, visit))
			return false;
	return true;
}

static bool find_walk_node(struct heap_node *hn, struct visit *visit)
{
	struct arena *arena;
	bool more = true;

	rcu_read_lock();
	list_for_each_entry_rcu(arena, &hn->arenas, all) {
		more = find_walk_arena(arena, visit);
		if (!more)
			break;
	}
	rcu_read_unlock();
	return more;
}

size_t pheap_for_each(struct pheap *heap, pheap_visit_fn fn, void *arg)
{
	struct visit visit = { .fn = fn, .arg = arg };
	int node;

	might_sleep();
	for (node = 0; node < nr_node_ids; node++) {
		if (!find_walk_node(&heap->nodes[node], &visit))
			return visit.nr;
		cond_resched();
	}
	large_walk(heap, fn, arg, &visit.nr);
	return visit.nr;
}
EXPORT_SYMBOL_GPL(pheap_for_each);
