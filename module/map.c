// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/slab.h>

#include "backing.h"
#include "map.h"

struct arena_map arena_map;
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(arena_map);

/* What stands where there is nothing. */
struct arena arena_none;

static DEFINE_RAW_SPINLOCK(map_lock);

static struct arena **map_slot(unsigned long addr)
{
	return &arena_map.slot[addr >> ARENA_SHIFT & arena_map.mask];
}

void map_insert(struct arena *arena)
{
	struct arena **slot, *first;
	unsigned long flags;

	raw_spin_lock_irqsave(&map_lock, flags);
	slot = map_slot(arena->base);
	first = *slot == &arena_none ? NULL : *slot;
	RCU_INIT_POINTER(arena->next, first);
	/* An arena is whole before it is seen. */
	smp_store_release(slot, arena);
	raw_spin_unlock_irqrestore(&map_lock, flags);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(map_insert);

static struct arena *map_next(struct arena *arena)
{
	return rcu_dereference_protected(arena->next,
					 lockdep_is_held(&map_lock));
}

void map_remove(struct arena *arena)
{
	struct arena **slot, *at;
	unsigned long flags;

	raw_spin_lock_irqsave(&map_lock, flags);
	slot = map_slot(arena->base);
	at = *slot;
	if (at == arena) {
		WRITE_ONCE(*slot, map_next(arena) ?: &arena_none);
	} else {
		while (map_next(at) != arena)
			at = map_next(at);
		rcu_assign_pointer(at->next, map_next(arena));
	}
	raw_spin_unlock_irqrestore(&map_lock, flags);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(map_remove);

/* @arena, or the next in its chain, that is in the window of @addr. */
static struct arena *map_match(struct arena *arena, unsigned long addr)
{
	/* Readers are in any kind of RCU section; updaters hold a lock. */
	while (arena && addr - arena->base >= ARENA_SIZE)
		arena = rcu_dereference_raw(arena->next);
	return arena;
}

/* First arena of the window of @addr, or NULL. */
static struct arena *map_first(unsigned long addr)
{
	struct arena *arena = map_look(addr);

	return arena == &arena_none ? NULL : map_match(arena, addr);
}

static struct arena *map_after(struct arena *arena, unsigned long addr)
{
	return map_match(rcu_dereference_raw(arena->next), addr);
}

struct arena *map_find_arena(const struct pheap *heap, unsigned long addr)
{
	struct arena *arena;

	for (arena = map_first(addr); arena; arena = map_after(arena, addr))
		if (arena->heap == heap)
			return arena;
	return NULL;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(map_find_arena);

struct pool *map_find_page(const void *p)
{
	unsigned int page = (unsigned long)p >> PAGE_SHIFT & (ARENA_PAGES - 1);
	unsigned long addr = (unsigned long)p;
	struct arena *arena;

	for (arena = map_first(addr); arena; arena = map_after(arena, addr))
		if (READ_ONCE(arena->present) & BIT_ULL(page))
			return &arena->pools[page];
	return NULL;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(map_find_page);

struct pool *map_find_pool(const void *p)
{
	struct pool *pool = map_find_page(p);

	if (!pool || READ_ONCE(*pool_owner(pool)) == cache_none)
		return NULL;
	return pool_first(pool);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(map_find_pool);

static void map_init_none(void)
{
	unsigned int i;

	for (i = 0; i < ARENA_PAGES; i++) {
		arena_none.cache[i] = cache_none;
		arena_none.pools[i].page = i;
		arena_none.pools[i].bucket = POOL_GONE;
	}
}

int map_init(void)
{
	unsigned long bytes = (unsigned long)high_memory - COMPAT_DIRECT_MAP;
	unsigned long nr = roundup_pow_of_two((bytes >> ARENA_SHIFT) + 1), i;

	map_init_none();
	arena_map.slot = backing_table(nr * sizeof(*arena_map.slot));
	if (IS_ERR(arena_map.slot))
		return PTR_ERR(arena_map.slot);
	for (i = 0; i < nr; i++)
		arena_map.slot[i] = &arena_none;
	arena_map.mask = nr - 1;
	return 0;
}

void map_exit(void)
{
	backing_table_free(arena_map.slot,
			   (arena_map.mask + 1) * sizeof(*arena_map.slot));
}
