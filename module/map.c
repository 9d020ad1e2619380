// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/slab.h>

#include "backing.h"
#include "map.h"

struct arena_map arena_map;
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(arena_map);

/* What stands where there is nothing. */
static struct arena arena_none;
static struct map_leaf leaf_none;

static DEFINE_RAW_SPINLOCK(map_lock);

/* Bits of an offset that a leaf spans. */
#define MAP_LEAF_SHIFT	(ARENA_SHIFT + MAP_LEAF_BITS)

static unsigned long map_offset(unsigned long addr)
{
	return addr - COMPAT_DIRECT_MAP;
}

static struct arena **map_slot(unsigned long off)
{
	return &arena_map.root[off >> MAP_LEAF_SHIFT]
		->arena[(off >> ARENA_SHIFT) % MAP_LEAF_SIZE];
}

static void map_clear(struct map_leaf *leaf)
{
	unsigned int i;

	for (i = 0; i < MAP_LEAF_SIZE; i++)
		leaf->arena[i] = &arena_none;
}

static struct map_leaf **map_new_root(unsigned long leaves, gfp_t gfp)
{
	struct map_leaf **root;
	unsigned long i;

	root = backing_meta(NULL, leaves * sizeof(*root), gfp);
	if (IS_ERR(root))
		return root;
	for (i = 0; i < leaves; i++)
		root[i] = &leaf_none;
	return root;
}

/*
 * Memory that was added after pheap was loaded lies beyond the root.  An old
 * root stays for readers; there is one a doubling of the machine's memory.
 */
static int map_grow(unsigned long off, gfp_t gfp)
{
	unsigned long leaves = roundup_pow_of_two((off >> MAP_LEAF_SHIFT) + 1);
	struct map_leaf **root, **old = NULL;
	unsigned long flags;

	root = map_new_root(leaves, gfp);
	if (IS_ERR(root))
		return PTR_ERR(root);
	raw_spin_lock_irqsave(&map_lock, flags);
	if (leaves << MAP_LEAF_SHIFT > arena_map.limit) {
		old = arena_map.root;
		memcpy(root, old, (arena_map.limit >> MAP_LEAF_SHIFT) *
				  sizeof(*root));
		/* What is in the root is seen by whoever sees the root. */
		smp_store_release(&arena_map.root, root);
		/* Whoever sees the limit sees the root that goes with it. */
		smp_store_release(&arena_map.limit, leaves << MAP_LEAF_SHIFT);
		root = old;
	}
	raw_spin_unlock_irqrestore(&map_lock, flags);
	if (old)
		synchronize_rcu();
	backing_meta_free(NULL, root);
	return 0;
}

static int map_add_leaf(unsigned long off, gfp_t gfp)
{
	struct map_leaf **slot, *leaf;
	unsigned long flags;

	leaf = backing_meta(NULL, sizeof(*leaf), gfp);
	if (IS_ERR(leaf))
		return PTR_ERR(leaf);
	map_clear(leaf);
	raw_spin_lock_irqsave(&map_lock, flags);
	slot = &arena_map.root[off >> MAP_LEAF_SHIFT];
	if (*slot == &leaf_none) {
		/* A leaf is whole before it is seen. */
		smp_store_release(slot, leaf);
		leaf = NULL;
	}
	raw_spin_unlock_irqrestore(&map_lock, flags);
	backing_meta_free(NULL, leaf);
	return 0;
}

static bool map_has_leaf(unsigned long off)
{
	bool has;

	rcu_read_lock();
	has = READ_ONCE(arena_map.root)[off >> MAP_LEAF_SHIFT] != &leaf_none;
	rcu_read_unlock();
	return has;
}

int map_prepare(unsigned long addr, gfp_t gfp)
{
	unsigned long off = map_offset(addr);
	int err = 0;

	if (off >= READ_ONCE(arena_map.limit))
		err = gfpflags_allow_blocking(gfp) ? map_grow(off, gfp) :
						     -ENOMEM;
	if (!err && !map_has_leaf(off))
		err = map_add_leaf(off, gfp);
	return err;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(map_prepare);

void map_insert(struct arena *arena)
{
	struct arena **slot, *first;
	unsigned long flags;

	raw_spin_lock_irqsave(&map_lock, flags);
	slot = map_slot(map_offset(arena->base));
	first = *slot == &arena_none ? NULL : *slot;
	RCU_INIT_POINTER(arena->next, first);
	/* And so is an arena. */
	smp_store_release(slot, arena);
	raw_spin_unlock_irqrestore(&map_lock, flags);
}

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
	slot = map_slot(map_offset(arena->base));
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

/* First arena of the window of @addr, or NULL. */
static struct arena *map_first(unsigned long addr)
{
	unsigned long off = map_offset(addr);
	struct arena *arena;

	/* Pairs with the release in map_grow(). */
	if (off >= smp_load_acquire(&arena_map.limit))
		return NULL;
	arena = READ_ONCE(*map_slot(off));
	return arena == &arena_none ? NULL : arena;
}

/* Readers are in any kind of RCU section, updaters hold heap_node's lock. */
static struct arena *map_after(struct arena *arena)
{
	return rcu_dereference_raw(arena->next);
}

struct arena *map_find_arena(const struct pheap *heap, unsigned long addr)
{
	struct arena *arena;

	for (arena = map_first(addr); arena; arena = map_after(arena))
		if (arena->heap == heap)
			return arena;
	return NULL;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(map_find_arena);

struct pool *map_find_page(const void *p)
{
	unsigned int page = (unsigned long)p >> PAGE_SHIFT & (ARENA_PAGES - 1);
	struct arena *arena = map_first((unsigned long)p);

	for (; arena; arena = map_after(arena))
		if (READ_ONCE(arena->present) & BIT_ULL(page))
			return &arena->pools[page];
	return NULL;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(map_find_page);

struct pool *map_find_pool(const void *p)
{
	struct pool *pool = map_find_page(p);

	if (!pool || READ_ONCE(pool->cache) == cache_none)
		return NULL;
	return pool - (READ_ONCE(pool->lead) >> PAGE_SHIFT);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(map_find_pool);

static void map_init_none(void)
{
	unsigned int i;

	for (i = 0; i < ARENA_PAGES; i++)
		arena_none.pools[i].cache = cache_none;
	map_clear(&leaf_none);
}

int map_init(void)
{
	unsigned long bytes = (unsigned long)high_memory - COMPAT_DIRECT_MAP;
	unsigned long leaves;
	struct map_leaf **root;

	map_init_none();
	leaves = (bytes >> MAP_LEAF_SHIFT) + 1;
	root = map_new_root(leaves, GFP_KERNEL);
	if (IS_ERR(root))
		return PTR_ERR(root);
	arena_map.root = root;
	arena_map.limit = leaves << MAP_LEAF_SHIFT;
	return 0;
}

void map_exit(void)
{
	unsigned long i;

	for (i = 0; i < arena_map.limit >> MAP_LEAF_SHIFT; i++)
		if (arena_map.root[i] != &leaf_none)
			backing_meta_free(NULL, arena_map.root[i]);
	backing_meta_free(NULL, arena_map.root);
}
