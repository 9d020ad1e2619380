// SPDX-License-Identifier: GPL-2.0
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "backing.h"
#include "map.h"

unsigned long __pheap_map_mask;
EXPORT_SYMBOL_GPL(__pheap_map_mask);

struct arena **map_table;

/* By node, if there may be several; and for CPUs whose node has none. */
static struct arena **map_near[MAX_NUMNODES], **map_nowhere;

/* What stands where there is nothing. */
struct arena arena_none;
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(arena_none);

static DEFINE_RAW_SPINLOCK(map_lock);

static unsigned long map_index(unsigned long addr)
{
	return addr >> ARENA_SHIFT & __pheap_map_mask;
}

static struct arena **map_slot(unsigned long addr)
{
	return &map_table[map_index(addr)];
}

/* Show an arena to frees on its node, if there is room for it. */
static void map_insert_near(struct arena *arena)
{
	struct arena **near = map_near[arena->node];
	unsigned long i = map_index(arena->base);

	if (!near || near[i] != &arena_none)
		return;
	/* It is whole before it is seen, as in the other table. */
	smp_store_release(&near[i], arena);
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
	map_insert_near(arena);
	raw_spin_unlock_irqrestore(&map_lock, flags);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(map_insert);

static struct arena *map_next(struct arena *arena)
{
	return rcu_dereference_protected(arena->next,
					 lockdep_is_held(&map_lock));
}

/* Another of the node takes its place, if there is one. */
static void map_remove_near(struct arena *arena)
{
	struct arena **near = map_near[arena->node], *other;
	unsigned long i = map_index(arena->base);

	if (!near || near[i] != arena)
		return;
	other = *map_slot(arena->base);
	while (other && (other == arena || other->node != arena->node))
		other = map_next(other);
	WRITE_ONCE(near[i], other ?: &arena_none);
}

void map_remove(struct arena *arena)
{
	struct arena **slot, *at;
	unsigned long flags;

	raw_spin_lock_irqsave(&map_lock, flags);
	slot = map_slot(arena->base);
	map_remove_near(arena);
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

struct spot map_find_page(const void *p)
{
	unsigned long page = (unsigned long)p / PAGE_SIZE % ARENA_PAGES;
	unsigned long addr = (unsigned long)p;
	struct arena *arena;

	for (arena = map_first(addr); arena; arena = map_after(arena, addr))
		if (READ_ONCE(arena->present) & BIT_ULL(page))
			break;
	return (struct spot) { arena, page };
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(map_find_page);

struct spot map_find_pool(const void *p)
{
	struct spot page = map_find_page(p);
	struct pheap_cache *cache;
	unsigned long start;

	if (!page.arena)
		return page;
	cache = READ_ONCE(*spot_owner(page));
	start = READ_ONCE(page.arena->start[page.page]) - cache->key;
	/* Whoever looks at what is not his may see both of different pools. */
	if (cache == cache_none ||
	    (unsigned long)spot_base(page) - start >= cache->pages * PAGE_SIZE)
		return (struct spot) {};
	return (struct spot) { page.arena, start / PAGE_SIZE % ARENA_PAGES };
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(map_find_pool);

struct spot map_find_run(const struct pool *run)
{
	struct spot spot;

	rcu_read_lock();
	spot = map_find_page(pool_base(run));
	rcu_read_unlock();
	return spot;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(map_find_run);

/* Addresses near 0 seem to be in it: descriptors are read, though to no end. */
static void map_init_none(void)
{
	unsigned long any = (unsigned long)cache_none & ~(ARENA_SIZE - 1);
	unsigned int i;

	arena_none.pools = (struct pool *)virt_to_page((void *)any);
	for (i = 0; i < ARENA_PAGES; i++)
		arena_none.cache[i] = cache_none;
}

static struct arena **map_new_table(unsigned long nr)
{
	struct arena **table = backing_table(nr * sizeof(*table));
	unsigned long i;

	for (i = 0; !IS_ERR(table) && i < nr; i++)
		table[i] = &arena_none;
	return table;
}

static void map_free_table(struct arena **table)
{
	if (table)
		backing_table_free(table, (__pheap_map_mask + 1) * sizeof(*table));
}

/*
 * A node without memory has none, nor one that gets some later: its CPUs find nothing
 * near, and blocks of any node go slower ways.
 */
static int map_init_nodes(void)
{
	struct arena **table;
	int node;

	if (num_possible_nodes() < 2)
		return 0;
	table = map_new_table(__pheap_map_mask + 1);
	if (IS_ERR(table))
		return PTR_ERR(table);
	map_nowhere = table;
	for_each_node_state(node, N_MEMORY) {
		table = map_new_table(__pheap_map_mask + 1);
		if (IS_ERR(table))
			return PTR_ERR(table);
		map_near[node] = table;
	}
	return 0;
}

void map_set_near(int cpu)
{
	int node = cpu_to_mem(cpu);
	struct arena **near = map_table;

	if (map_nowhere)
		near = (node >= 0 ? map_near[node] : NULL) ?: map_nowhere;
	compat_set_near(cpu, (struct __pheap_arena **)near);
}

int map_init(void)
{
	unsigned long bytes = (unsigned long)high_memory - COMPAT_DIRECT_MAP;
	unsigned long nr = roundup_pow_of_two((bytes >> ARENA_SHIFT) + 1);
	int err, cpu;

	map_init_none();
	__pheap_map_mask = nr - 1;
	map_table = map_new_table(nr);
	if (IS_ERR(map_table))
		return PTR_ERR(map_table);
	err = map_init_nodes();
	if (err) {
		map_exit();
		return err;
	}
	for_each_possible_cpu(cpu)
		map_set_near(cpu);
	return 0;
}

void map_exit(void)
{
	int node;

	for (node = 0; node < MAX_NUMNODES; node++)
		map_free_table(map_near[node]);
	map_free_table(map_nowhere);
	map_free_table(map_table);
}
