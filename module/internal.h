/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Types, lock order, state equations.
 *
 * Lock order.  A lock may be taken with a lock of a lower number held.  Of
 * 3 ... 9, only 4 and 6, and 3 and 9, are ever held together.
 *
 *	1  heaps_mutex		registry of heaps
 *	2  heap->mutex		a heap's caches come and go; walks; trims
 *	3  cache_node->lock	pools of a cache on a node, their bitmaps, depot
 *	4  heap_node->lock	arenas of a heap on a node: present, free, heads
 *	5  heap->lock		list of a heap's caches
 *	6  map_lock		arena map
 *	7  large_lock		table of blocks outside arenas
 *	8  defer->lock		blocks that wait for a grace period
 *	9  cache_node->aside_lock	pools whose cache_node->lock was not to be had
 *
 * Of a heap with objects:
 *
 *	   gc->call_mutex	callbacks of collections; before 1
 *	   gc->root_mutex	named roots; after 2
 *	   gc->mutex		a scan; after that, before 3
 *	   weak_lock		lists of weak references; innermost, raw
 *	   gc_guests_lock	users' functions that are running; innermost, raw
 *
 * 3 ... 9 are raw spinlocks: blocks are allocated and freed in any context.  4 ... 9
 * are taken with interrupts off; 3 is held with interrupts on, and not waited for in
 * interrupts: see partial.h.  No memory is allocated, no user's function but
 * pheap_for_each()'s called and nothing printed under them.  A magazine has no
 * lock: see magazine.h.
 *
 * State equations, which pheap_validate() checks:
 *
 *	pool:	 clear bits in bitmap == pool_nr_free()
 *	cache:	 sum over pools (pool_nr_free()) == nr_free
 *		 live + in magazines + nr_free == pools * blocks
 *	arena:	 free is a subset of present, heads too
 *		 pages of pools + free pages == present pages
 *	heap:	 arenas' pages + large blocks + metadata == taken <= peak
 *		 taken <= limit
 */
#ifndef _PHEAP_INTERNAL_H
#define _PHEAP_INTERNAL_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <pheap/object.h>
#include <pheap/pheap.h>

#include "compat/compat.h"
#include "sizes.h"

struct dot;
struct gc;
struct gc_side;
struct magazine;

/*
 * What memory is taken from the kernel for; heap->bytes[] has one each.
 */
enum backing_kind {
	BACKING_PAGES,		/* pages of arenas */
	BACKING_LARGE,		/* blocks outside arenas */
	BACKING_META,		/* everything else */
	BACKING_KINDS,
};

/**
 * struct pool - a run of pages cut into equal blocks
 * @link: in cache_node->pools or ->aside, or among those that come or go.
 * @rcu: for the end of a pool of objects.
 * @due: blocks that may be freed before it comes to another list: those that are
 *	live.  Of one that is in no list of pools with free blocks, %POOL_FAR less.
 *	Of pages on their way back to their arena, how many they are, and so much less.
 * @bucket: in which of cache_node->pools it is; or POOL_ASIDE, for those of
 *	cache_node->aside; or POOL_GONE: then there is no bitmap.
 * @word: bitmap of allocated blocks, if there are at most 64.
 * @map: the same, if there are more.  Bits past the last block are set.
 *
 * It is what the kernel's descriptor of the first page leaves to whoever has the page
 * (as struct slab and struct zpdesc are), so that it takes no memory and is as far from
 * the blocks.  Protected by the cache_node's lock.  Whose a page is, and where its pool
 * starts, the arena says.
 */
struct pool {
	unsigned long __flags;
	union {
		struct hlist_node link;
		struct rcu_head rcu;
	};
	unsigned long __mapping;
	s16 due;
	u8 bucket;
	union {
		u64 word;
		u64 *map;
	};
	u8 __rest[sizeof(struct page) - 6 * sizeof(u64)];
};

static_assert(sizeof(struct pool) == sizeof(struct page));
static_assert(offsetof(struct pool, link) == offsetof(struct page, lru));
static_assert(offsetof(struct pool, rcu) == offsetof(struct page, rcu_head));
static_assert(offsetof(struct pool, __mapping) == offsetof(struct page, mapping));
/* The index, by whatever name. */
static_assert(offsetof(struct pool, due) == offsetofend(struct page, mapping));
static_assert(offsetof(struct pool, word) == offsetof(struct page, private));

/* The last of the buckets is of pools without live blocks alone. */
#define POOL_BUCKETS	16
#define POOL_IDLE	(POOL_BUCKETS - 1)
#define POOL_FULL	POOL_BUCKETS
#define POOL_LISTS	(POOL_BUCKETS + 1)
#define POOL_GONE	POOL_LISTS
#define POOL_ASIDE	(POOL_LISTS + 1)

/* A power of two, more than any pool has blocks. */
#define POOL_FAR	0x4000

/**
 * struct arena - pages of a heap in one 256 KiB window of the direct map
 * @cache: whose blocks are on each page; cache_none while it is in no pool.
 * @start: where the pool begins that each page is in, and its cache's @key more; of a
 *	page in no pool, 0.
 * @heap: whose they are.
 * @next: arena of another heap in the same window.
 * @base: address of the window.
 * @node: NUMA node of the pages.
 * @present: pages that are the heap's.
 * @free: pages of those in no pool.
 * @heads: first pages of the blocks that the page allocator gave; each
 *	reaches up to the next head or missing page.
 * @link: in heap_node->buckets.
 * @all: in heap_node->arenas.
 * @rcu: for the descriptor's end.
 * @late: pages of pools whose blocks were freed while their lock was not to be had.
 * @cand: pages with candidates.
 * @cands: which 64ths of each page have some; see touch.h.  Made with the first
 *	pool of objects that may be candidates.
 * @dead: pages with objects that wait for the reaper.
 * @side: the scan's notes, during one.
 * @rest_until: scan that looks at this arena again.
 * @rests: how often it was found to be alive all over.
 * @frozen: no scan looks at it.
 * @pools: descriptor of the window's first page, before those of the others.  Of pages
 *	that are not @present it is not ours to look at.
 *
 * @present, @free, @heads and both links are protected by the heap_node's lock.
 *
 * @cache and @start are arrays of their own because a free looks at nothing else,
 * and the processor scales an index by 8 for nothing.  They are first because code in
 * line in users' looks at them: struct __pheap_arena.
 */
struct arena {
	struct pheap_cache *cache[ARENA_PAGES];
	unsigned long start[ARENA_PAGES];
	struct pheap *heap;
	struct arena __rcu *next;
	struct pool *pools;
	unsigned long base;
	int node;
	u64 present;
	u64 free;
	u64 heads;
	struct hlist_node link;
	struct list_head all;
	struct rcu_head rcu;
	unsigned long late;
	unsigned long cand;
	unsigned long *cands;
	unsigned long dead;
	struct gc_side *side;
	u32 rest_until;
	u8 rests;
	bool frozen;
};

/**
 * struct cache_node - pools of a cache on a NUMA node
 * @lock: protects all of this and the pools in it, but for @aside; see partial.h.
 * @holder: CPU that holds it, or PARTIAL_NOBODY.
 * @nonempty: which of @pools have some.
 * @late: there are late blocks.
 * @aside_lock: protects @aside and the pools in it.
 * @aside: pools that were made while @lock was not to be had.
 * @pools: pools with a free block, the fullest first, and those without; see
 *	partial_bucket().
 * @nr_pools: pools.
 * @nr_free: free blocks in them.
 * @depot: blocks that one CPU's magazine had too many of, for another's that
 *	has none; made when it is first wanted.
 * @nr_depot: how many.
 * @taker: CPU whose magazine was last refilled; a hint, of no lock.
 * @nr_idle: pools without live blocks.
 * @flags: of interrupts, while a debug cache's @lock is held.
 */
struct cache_node {
	raw_spinlock_t lock;
	int holder;
	u32 nonempty;
	bool late;
	raw_spinlock_t aside_lock;
	struct hlist_head aside;
	struct hlist_head pools[POOL_LISTS];
	unsigned long nr_pools;
	unsigned long nr_free;
	void **depot;
	unsigned int nr_depot;
	int taker;
	unsigned int nr_idle;
	unsigned long flags;
};

/**
 * struct pheap_cache - one size of blocks
 * @bound: what is less for a block's start, its offset multiplied by @inverse; 0 for a
 *	cache whose blocks always take the slow path.
 * @recip: 2^32 / @size, to make an index of an offset.
 * @last: offset in the pool of the last block.
 * @size: bytes of a block.
 * @key: what tells its pages from those of other caches whose hot path does not look at
 *	&arena.cache; 0 of caches for which it does.
 * @cookie: offset of the mark in a free block.
 * @mark: the mark.
 * @usable: bytes of it that the user may use.
 * @heap: heap.
 * @type: of its objects, if they are counted.
 * @stable: bytes at a block's start that nobody writes while it is free.
 * @object_fast: its objects' blocks may go to magazines without a further look;
 *	pheap_free() must not free them, so @bound is 0.
 * @object_ends: and that is all there is to an object's end.
 * @lingers: its pools stay for a while when they have no live blocks.
 * @cyclic: its objects may be candidates.
 * @index: size class, or CACHE_NAMED.
 * @blocks: blocks of a pool.
 * @pages: pages of a pool.
 * @align: alignment of a block, in bytes.
 * @align_pages: alignment of a pool, in pages.
 * @capacity: most blocks that a magazine may have; 0 = no magazines.
 * @fill_mul: makes a bucket of a count of free blocks.
 * @flags: PHEAP_DEBUG and PHEAP_PASSTHROUGH, from the heap.
 * @ctor: constructor.
 * @dtor: destructor.
 * @link: in heap->caches.
 * @outside: its live blocks outside arenas (passthrough).
 * @name: name.
 * @nodes: one for each NUMA node, behind @mag.
 * @mags: a magazine for each CPU: @mag, or of a cache with a constructor, whose marks
 *	are where the hot path does not look, behind @mag.
 * @inverse: the least that is more than 2^64 / @size, to tell a block's start from its
 *	middle.
 * @class_bound: @bound of a size class, 0 of others: for the hot path of
 *	pheap_free(), which knows the marks of classes.
 * @named_bound: @bound of a cache that a user made, without constructor, 0 of others:
 *	for that of pheap_cache_free().
 * @mag: a magazine for each CPU, for the hot path.
 *
 * All but what @nodes and @mags are of is constant after creation.
 *
 * From @inverse on, code in line in users' looks at it: struct __pheap_cache.  It is
 * one line of the processor's cache where there are few CPUs.
 */
struct pheap_cache {
	u64 bound;
	u64 recip;
	u64 mark;
	u64 key;
	u32 last;
	u32 size;
	u32 cookie;
	u32 usable;
	struct pheap *heap;
	struct pheap_type *type;
	u32 stable;
	bool object_fast;
	bool object_ends;
	bool lingers;
	bool cyclic;
	int index;
	u16 blocks;
	u16 pages;
	u32 align;
	u16 align_pages;
	u16 capacity;
	u32 fill_mul;
	unsigned int flags;
	void (*ctor)(void *obj);
	void (*dtor)(void *obj);
	struct list_head link;
	atomic_long_t outside;
	char name[PHEAP_NAME_MAX + 1];
	struct cache_node *nodes;
	struct magazine **mags;
	u64 __aligned(64) inverse;
	u64 class_bound;
	u64 named_bound;
	struct magazine *mag[];
};

/* What is taken for granted in pheap/inline.h. */
static_assert(!offsetof(struct arena, cache));
static_assert(offsetof(struct arena, start) == offsetof(struct __pheap_arena, start));
static_assert(offsetof(struct pheap_cache, inverse) ==
	      offsetof(struct __pheap_cache, inverse));
static_assert(offsetof(struct pheap_cache, class_bound) ==
	      offsetof(struct __pheap_cache, class_bound));
static_assert(offsetof(struct pheap_cache, named_bound) ==
	      offsetof(struct __pheap_cache, named_bound));
static_assert(offsetof(struct pheap_cache, mag) == offsetof(struct __pheap_cache, mag));

#define CACHE_NAMED	-1

/*
 * What the count of an object is while its block is free, and before that while
 * the block waits for a grace period.  There is nothing in its slots.  An object
 * that dies is never marked like this: the collector condemns with PENDING.  If
 * nobody could take a note of the wait, the reaper waits; that is no PENDING
 * either, which an object that dies condemned and finalized has.
 */
#define OBJECT_FREE	__PHEAP_CONDEMNED
#define OBJECT_GRACE	(__PHEAP_CONDEMNED | __PHEAP_FINALIZED)
#define OBJECT_LATE	(OBJECT_GRACE | __PHEAP_DIRTY)

/**
 * struct heap_node - arenas of a heap on a NUMA node
 * @lock: protects all of this and the arenas in it.
 * @nonempty: which of @buckets have arenas.
 * @buckets: arenas by their free pages: see arena_bucket().
 * @arenas: all of them; readers may use RCU.
 * @nr_arenas: how many.
 * @pages: pages of arenas.
 * @free_pages: those in no pool.
 * @most_pages: the most that @pages was since the last trim.
 * @idle: size classes that may have pools without live blocks, and after them a
 *	bit for all other caches; of no lock.
 */
struct heap_node {
	raw_spinlock_t lock;
	u64 nonempty;
	struct hlist_head buckets[ARENA_PAGES / 2 + 2];
	struct list_head arenas;
	unsigned long nr_arenas;
	unsigned long pages;
	unsigned long free_pages;
	unsigned long most_pages;
	DECLARE_BITMAP(idle, NR_CLASSES + 1);
};

/*
 * Of arenas with @nr free pages: none, 1, 2 or 3, and so on.  Runs are mostly of a page,
 * or even: those who search for one find in no bucket what has too few.
 */
static inline unsigned int arena_bucket(unsigned int nr)
{
	return nr ? nr / 2 + 1 : 0;
}

#define DEFER_SPARES	2

struct defer_batch;

/**
 * struct defer - blocks of a heap that wait for a grace period
 * @lock: protects the rest.
 * @open: batch that is being filled.
 * @spare: kept for when no memory is to be had: one may wait while another
 *	fills.
 * @nr_spare: how many.
 * @waiting: batches handed to RCU.
 * @blocks: blocks in all batches.
 */
struct defer {
	raw_spinlock_t lock;
	struct defer_batch *open;
	struct defer_batch *spare[DEFER_SPARES];
	unsigned int nr_spare;
	unsigned int waiting;
	atomic_long_t blocks;
};

/**
 * struct pheap - a private heap
 * @classes: cache of each size class; cache_none until it is first used.
 * @limit: most bytes, or 0.
 * @reserve: pages that are kept free.
 * @flags: &enum pheap_flags.
 * @node: the only node, or NUMA_NO_NODE.
 * @dying: being destroyed: nothing is allocated any more.
 * @orphan: its module is gone, and so are its types' functions.
 * @growing: allocations that may be asleep in the page allocator.
 * @taken: bytes taken from the kernel.
 * @external: bytes that objects hold elsewhere.
 * @idle: pages of pools without live blocks.
 * @decay: ends pools that nobody needed for a while.
 * @decaying: it will run.
 * @waiting: pages of pools of objects that wait for a grace period.
 * @holding: how many scans and walks they wait for, too; protected by @lock.
 * @held: those that do; protected by @lock.
 * @given: bytes that went back, ever.
 * @peak: the most that was.
 * @bytes: @taken by &enum backing_kind.
 * @refusals: allocations refused because of the limit.
 * @failures: allocations failed for lack of memory.
 * @quarantined: blocks that are never handed out again.
 * @bad: misuse, by &enum pheap_bad.
 * @mutex: see the lock order.
 * @lock: protects @caches against other writers, whose readers use RCU, and
 *	what says so.
 * @caches: classes and named caches.
 * @large: blocks outside arenas, protected by large_lock.
 * @outside: how many of them are of no class.
 * @outside_bytes: usable bytes of all of them.
 * @defer: for pheap_free_rcu().
 * @magazines: bytes that blocks in all magazines may have.
 * @misses: how often magazines were empty or full, more or less.
 * @spares: bitmaps that pheap_reserve() put by, protected by @lock.
 * @nr_spares: how many.
 * @owner: module.
 * @gc: types, and their collector; made with the first type.
 * @link: in heaps, protected by heaps_mutex.
 * @dir: debugfs directory.
 * @dot: what its graph.dot shows.
 * @name: name.
 * @nodes: one for each NUMA node.
 */
struct pheap {
	struct pheap_cache *classes[NR_CLASSES];
	size_t limit;
	unsigned long reserve;
	unsigned int flags;
	int node;
	bool dying;
	bool orphan;
	atomic_t growing;
	atomic_long_t taken;
	atomic_long_t external;
	atomic_long_t idle;
	struct delayed_work decay;
	bool decaying;
	atomic_long_t waiting;
	unsigned int holding;
	struct hlist_head held;
	atomic_long_t given;
	atomic_long_t peak;
	atomic_long_t bytes[BACKING_KINDS];
	atomic_long_t refusals;
	atomic_long_t failures;
	atomic_long_t quarantined;
	atomic_long_t bad[PHEAP_BAD_NR];
	struct mutex mutex;	/* see the lock order */
	raw_spinlock_t lock;
	struct list_head caches;
	struct list_head large;
	atomic_long_t outside;
	atomic_long_t outside_bytes;
	struct defer defer;
	atomic_long_t magazines;
	long misses;
	void *spares;
	unsigned int nr_spares;
	struct module *owner;
	struct gc *gc;
	struct list_head link;
	struct dentry *dir;
	struct dot *dot;
	char name[PHEAP_NAME_MAX + 1];
	struct heap_node nodes[];
};

/* The heap that has the cache of @size's class at @class. */
static inline struct pheap *heap_of_class(struct pheap_cache **class, size_t size)
{
	return container_of(class - class_of_small(size), struct pheap, classes[0]);
}

/* What a page in no pool, and a size class never used, belong to. */
extern struct pheap_cache *cache_none;

static inline struct cache_node *cache_node(struct pheap_cache *cache, int node)
{
	return &cache->nodes[node];
}

static inline struct page *pool_page(const struct pool *pool)
{
	return (struct page *)pool;
}

static inline void *pool_base(const struct pool *pool)
{
	return page_address(pool_page(pool));
}

static inline int pool_node(const struct pool *pool)
{
	return page_to_nid(pool_page(pool));
}

/* The first descriptor of a pool of @arena that begins at @start. */
static inline struct pool *pool_at(const struct arena *arena, unsigned long start)
{
	return &arena->pools[start / PAGE_SIZE % ARENA_PAGES];
}

/**
 * struct spot - a page of an arena
 * @arena: the arena; NULL for no page.
 * @page: index of the page.
 *
 * For those who look at what may leave meanwhile: what the arena says of a page stays
 * readable in an RCU section, while the page and its descriptor are anybody's.
 */
struct spot {
	struct arena *arena;
	unsigned long page;
};

/* Where it is said whose a page is. */
static inline struct pheap_cache **spot_owner(struct spot spot)
{
	return &spot.arena->cache[spot.page];
}

/* Where the pool begins that a page is in. */
static inline unsigned long spot_start(struct spot spot)
{
	return READ_ONCE(spot.arena->start[spot.page]) -
	       READ_ONCE(*spot_owner(spot))->key;
}

static inline void *spot_base(struct spot spot)
{
	return (void *)(spot.arena->base + spot.page * PAGE_SIZE);
}

/* Bytes from the pool's beginning to the page. */
static inline u32 spot_lead(struct spot spot)
{
	return (unsigned long)spot_base(spot) - spot_start(spot);
}

/* The first page of the pool. */
static inline struct spot spot_first(struct spot spot)
{
	return (struct spot) {
		spot.arena, spot_start(spot) / PAGE_SIZE % ARENA_PAGES
	};
}

/* The descriptor of a pool's first page. */
static inline struct pool *spot_pool(struct spot spot)
{
	return &spot.arena->pools[spot.page];
}

static_assert(ARENA_SIZE / ARENA_PAGES / SIZE_STEP < POOL_FAR);

/* Free blocks of a pool, whose lock is held. */
static inline unsigned int pool_nr_free(const struct pheap_cache *cache,
					const struct pool *pool)
{
	return (unsigned int)(cache->blocks - pool->due) % POOL_FAR;
}

static inline u64 *pool_bitmap(struct pool *pool,
			       const struct pheap_cache *cache)
{
	return cache->blocks <= 64 ? &pool->word : pool->map;
}

#endif /* _PHEAP_INTERNAL_H */
