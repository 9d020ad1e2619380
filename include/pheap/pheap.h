/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pheap - private heaps for kernel modules
 *
 * A heap takes memory from the page allocator in arenas (256 KiB windows),
 * cuts arenas into pools (4 KiB, or a run of them) and pools into equal
 * blocks.  What a caller gets is a block.  Every block is found from its
 * address alone, so freeing needs no heap argument, and every wrong free is
 * found out.
 *
 * Contexts.  "Any context but NMI." means process, softirq and hardirq
 * context, with or without locks held and interrupts enabled; the call
 * sleeps only where the GFP flags it is given allow that.  On PREEMPT_RT the
 * page allocator itself sleeps: there, allocation and free belong in
 * preemptible context, as with kmalloc().
 *
 * GFP.  Zone modifiers (__GFP_DMA, __GFP_DMA32, __GFP_HIGHMEM) make no sense
 * for a heap and are ignored, and so is __GFP_NOFAIL: a heap may have a limit,
 * and any call may fail.  __GFP_ZERO is honoured, and so
 * are the system's init_on_alloc and init_on_free.
 */
#ifndef _PHEAP_PHEAP_H
#define _PHEAP_PHEAP_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/numa.h>
#include <linux/types.h>

#include <pheap/compat.h>

struct module;
struct pheap;
struct pheap_cache;

/* Longest name of a heap or cache, in bytes, without the terminating NUL. */
#define PHEAP_NAME_MAX		31

/* Default reserve of a heap, in bytes: one arena. */
#define PHEAP_RESERVE_DEFAULT	(256UL << 10)

/**
 * enum pheap_flags - how a heap behaves
 * @PHEAP_ACCOUNT: charge the heap's pages to the memory cgroup of the task
 *	that makes it grow (%__GFP_ACCOUNT).
 * @PHEAP_PASSTHROUGH: every block is a kmalloc() of its own, so that KASAN,
 *	KFENCE, kmemleak and slab_debug see each one (CPython:
 *	PYTHONMALLOC=malloc).  Slow, and the footprint is the slab's.
 * @PHEAP_DEBUG: no magazines; each block carries a red zone behind the
 *	requested bytes and the stacks of its last allocation and free; free
 *	blocks hold a pattern that is checked when they are handed out again
 *	(CPython: PYTHONMALLOC=debug).
 * @PHEAP_RESERVE_NONE: keep no reserve, and no pool without live blocks; an
 *	@reserve of 0 means the default otherwise.
 */
enum pheap_flags {
	PHEAP_ACCOUNT		= BIT(0),
	PHEAP_PASSTHROUGH	= BIT(1),
	PHEAP_DEBUG		= BIT(2),
	PHEAP_RESERVE_NONE	= BIT(3),
};

/**
 * struct pheap_args - what to make of a new heap
 * @limit: most bytes that the heap may hold from the kernel at any time,
 *	metadata included; 0 = no limit.
 * @reserve: bytes of free pages that the heap keeps instead of giving them
 *	back; 0 = %PHEAP_RESERVE_DEFAULT.
 * @flags: &enum pheap_flags.
 * @has_node: take all memory from @node.
 * @node: a NUMA node that is online; only looked at with @has_node.
 */
struct pheap_args {
	size_t limit;
	size_t reserve;
	unsigned int flags;
	bool has_node;
	int node;
};

/**
 * struct pheap_cache_args - what to make of a new cache
 * @size: bytes of an object, 1 ... 256 KiB; 8 less with a constructor, half
 *	with %PHEAP_DEBUG.
 * @align: alignment of an object: 0 (natural: 8), or a power of two up to
 *	%PAGE_SIZE.
 * @ctor: called on each object when its memory is first carved; what it
 *	wrote is still there after free and allocation, so long as the user
 *	leaves it so.  Any context; must not sleep or use the heap.
 * @dtor: called on each object that @ctor saw, before its memory leaves the
 *	cache.  Any context; must not sleep or use the heap.
 * @magazine_bytes: most bytes of free objects that one CPU keeps at hand;
 *	0 = default; at least two objects otherwise.
 * @space: prefer space to speed: no magazines.
 */
struct pheap_cache_args {
	size_t size;
	size_t align;
	void (*ctor)(void *obj);
	void (*dtor)(void *obj);
	size_t magazine_bytes;
	bool space;
};

/**
 * enum pheap_bad - kinds of misuse that are found, counted and reported
 * @PHEAP_BAD_FOREIGN: a pointer that is not pheap's.
 * @PHEAP_BAD_STALE: a pointer into a heap that has been destroyed.
 * @PHEAP_BAD_MIDDLE: a pointer into a block, not to its start, or to memory
 *	of a heap that is in no block.
 * @PHEAP_BAD_DOUBLE: a block that is free already.
 * @PHEAP_BAD_CACHE: a block given back to a cache that it is not from.
 * @PHEAP_BAD_SIZE: a block given back with a size that it does not have, or to a heap that
 *	it is not from.
 * @PHEAP_BAD_WRITE: a block whose memory changed while it was free: written
 *	to after its free, or freed a second time after such a write.
 * @PHEAP_BAD_OVERRUN: a debug block whose red zone was written to.
 * @PHEAP_BAD_OBJECT: a counted object given to pheap_free().
 * @PHEAP_BAD_COUNT: a reference to a dead object taken or put, or more of
 *	them than can be counted.
 * @PHEAP_BAD_SLOT: a @traverse function that told of more references than there
 *	are, or a slot of an object that is dead.
 * @PHEAP_BAD_NR: how many kinds there are.
 */
enum pheap_bad {
	PHEAP_BAD_FOREIGN,
	PHEAP_BAD_STALE,
	PHEAP_BAD_MIDDLE,
	PHEAP_BAD_DOUBLE,
	PHEAP_BAD_CACHE,
	PHEAP_BAD_SIZE,
	PHEAP_BAD_WRITE,
	PHEAP_BAD_OVERRUN,
	PHEAP_BAD_OBJECT,
	PHEAP_BAD_COUNT,
	PHEAP_BAD_SLOT,
	PHEAP_BAD_NR,
};

/**
 * struct pheap_stats - what a heap holds
 * @limit: the limit, in bytes, 0 = none.
 * @reserve: free bytes that the heap keeps.
 * @taken: bytes taken from the kernel and not given back.
 * @peak: the most that @taken has been.
 * @refusals: allocations refused because of the limit.
 * @failures: allocations that failed because the kernel had no page.
 * @live_blocks: blocks that callers hold.
 * @live_bytes: usable bytes of those, rounding included.
 * @magazine_blocks: free blocks in magazines.
 * @magazine_bytes: bytes of those.
 * @free_bytes: bytes of free blocks in pools.
 * @idle_bytes: bytes of pools without live blocks (nearly all of them counted in
 *	@free_bytes too).  They end when another size needs the pages, on
 *	pheap_trim(), under memory pressure, and half of them each second.
 * @slack_bytes: bytes behind the last block of each pool.
 * @page_bytes: bytes of pages that are in no pool, the reserve among them.
 * @meta_bytes: descriptors, bitmaps, magazines, caches and the heap itself.
 * @quarantine_blocks: how often a block in doubt was withheld; it stays in
 *	@live_blocks unless somebody who holds it too frees it.
 * @rcu_blocks: blocks that wait for pheap_free_rcu() (counted in
 *	@live_blocks too).
 * @arenas: arenas.
 * @pools: pools.
 * @bad: misuse of this heap's blocks, by &enum pheap_bad.
 *
 * At rest, taken == live_bytes + magazine_bytes + free_bytes + slack_bytes +
 * page_bytes + meta_bytes, to the byte.
 */
struct pheap_stats {
	u64 limit;
	u64 reserve;
	u64 taken;
	u64 peak;
	u64 refusals;
	u64 failures;
	u64 live_blocks;
	u64 live_bytes;
	u64 magazine_blocks;
	u64 magazine_bytes;
	u64 free_bytes;
	u64 idle_bytes;
	u64 slack_bytes;
	u64 page_bytes;
	u64 meta_bytes;
	u64 quarantine_blocks;
	u64 rcu_blocks;
	u64 arenas;
	u64 pools;
	u64 bad[PHEAP_BAD_NR];
};

/**
 * pheap_create_owned() - make a heap on behalf of a module
 * @name: see pheap_create().
 * @args: see pheap_create().
 * @owner: module that the heap belongs to, %NULL for the kernel itself.
 *
 * Use pheap_create(), which fills in the calling module.
 *
 * Context: Process context. May sleep.
 * Return: the heap, or an ERR_PTR() as pheap_create() has it.
 */
struct pheap *pheap_create_owned(const char *name,
				 const struct pheap_args *args,
				 struct module *owner);

/**
 * pheap_create() - make a private heap
 * @name: 1 ... %PHEAP_NAME_MAX printable characters without white space or
 *	'/', not in use by another heap; copied.
 * @args: what to make of it; %NULL for the defaults.
 *
 * A heap that its owner leaves behind when it is unloaded is destroyed then,
 * with a report.
 *
 * Context: Process context. May sleep.
 * Return: the heap, or an ERR_PTR(): -EINVAL for a bad name, unknown flags, an
 * impossible node, a reserve above the limit or a limit too low for the heap's
 * own structures; -EEXIST if the name is taken; -ENOMEM.
 */
static inline struct pheap *pheap_create(const char *name,
					 const struct pheap_args *args)
{
	return pheap_create_owned(name, args, THIS_MODULE);
}

/**
 * pheap_destroy() - free a heap and all that is in it
 * @heap: a heap, or %NULL or an ERR_PTR(), for which nothing is done.
 *
 * Always completes.  Blocks and caches that are still there are freed (their
 * destructors run) and reported: how many, how many bytes, by class and
 * cache.  Waits for frees that pheap_free_rcu() put off, and for allocations
 * that are asleep for memory; what those return then is gone as well, and further
 * ones fail.  No other call may be under way.
 * A finalizer or callback of the heap's own may not destroy it: that is reported,
 * and nothing is done.
 *
 * Context: Process context. May sleep.
 */
void pheap_destroy(struct pheap *heap);

/* Largest size that pheap_alloc() finds the class of when compiling. */
#define PHEAP_SMALL_MAX	512

/**
 * pheap_alloc_class() - allocate a block of a known class
 * @class: where the heap has the class's cache.
 * @size: as for pheap_alloc(), up to %PHEAP_SMALL_MAX.
 * @gfp: GFP flags, without %__GFP_ZERO.
 *
 * Use pheap_alloc(), which calls this where it can.  Not to be called by address.
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: the block, or %NULL.
 */
__pheap_direct void *pheap_alloc_class(struct pheap_cache **class, size_t size,
				       gfp_t gfp)
	__malloc __alloc_size(2);

/* Whether it is known when compiling that there is nothing to zero. */
#define __pheap_is_plain(gfp)						\
	(__builtin_constant_p((gfp) & __GFP_ZERO) && !((gfp) & __GFP_ZERO))

/* Whether the class is. */
#define __pheap_is_small(size)						\
	(__builtin_constant_p(size) && (size) <= PHEAP_SMALL_MAX)

/* Whether both are. */
#define __pheap_is_class(size, gfp)					\
	(__pheap_is_small(size) && __pheap_is_plain(gfp))

/* A heap starts with its size classes, 8 bytes apart. */
static __always_inline struct pheap_cache **__pheap_class(struct pheap *heap,
							  size_t size)
{
	return (struct pheap_cache **)heap + (size + 7) / 8;
}

/**
 * pheap_alloc_any() - allocate a block of any size
 * @heap: a heap.
 * @size: as for pheap_alloc().
 * @gfp: GFP flags.
 *
 * Use pheap_alloc(), which calls this where it must.
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: the block, or %NULL.
 */
void *pheap_alloc_any(struct pheap *heap, size_t size, gfp_t gfp)
	__malloc __alloc_size(2);

/**
 * pheap_alloc() - allocate a block
 * @heap: a heap.
 * @size: bytes, any from 0 up; 0 gives the smallest block.
 * @gfp: GFP flags.
 *
 * Rounds up to 8 bytes below 512, by at most 12.5 % above.  A power of two is
 * aligned to itself (up to %PAGE_SIZE and above), as kmalloc()'s are; any other
 * size to 8 bytes.  Sizes above 256 KiB come in whole pages.  Sizes above a page
 * are contiguous if that can be had, which for any but the largest it nearly
 * always can; if not, and if @gfp allows sleeping, they are virtually contiguous
 * (see is_vmalloc_addr()) and aligned to a page.
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: the block, or %NULL if there is no memory or the limit is reached.
 */
static __always_inline void *pheap_alloc(struct pheap *heap, size_t size,
					 gfp_t gfp)
{
	if (__pheap_is_class(size, gfp))
		return pheap_alloc_class(__pheap_class(heap, size), size, gfp);
	return pheap_alloc_any(heap, size, gfp);
}

/**
 * pheap_alloc_node() - allocate a block on a NUMA node
 * @heap: a heap.
 * @size: as for pheap_alloc().
 * @gfp: GFP flags; with %__GFP_THISNODE no other node will do.
 * @node: a node, or %NUMA_NO_NODE for the local one.  An impossible node is
 *	treated as %NUMA_NO_NODE.
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: the block, or %NULL.
 */
void *pheap_alloc_node(struct pheap *heap, size_t size, gfp_t gfp, int node)
	__malloc __alloc_size(2);

/**
 * pheap_zalloc() - allocate a zeroed block
 * @heap: a heap.
 * @size: as for pheap_alloc().
 * @gfp: GFP flags.
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: the block, or %NULL.
 */
static inline void *pheap_zalloc(struct pheap *heap, size_t size, gfp_t gfp)
{
	return pheap_alloc(heap, size, gfp | __GFP_ZERO);
}

/**
 * pheap_calloc() - allocate a zeroed array
 * @heap: a heap.
 * @n: elements.
 * @size: bytes of one.
 * @gfp: GFP flags.
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: the block; %NULL also if @n * @size overflows.
 */
void *pheap_calloc(struct pheap *heap, size_t n, size_t size, gfp_t gfp)
	__malloc __alloc_size(2, 3);

/**
 * pheap_memdup() - allocate a copy
 * @heap: a heap.
 * @src: what to copy.
 * @size: bytes of it.
 * @gfp: GFP flags.
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: the copy, or %NULL.
 */
void *pheap_memdup(struct pheap *heap, const void *src, size_t size, gfp_t gfp)
	__malloc __alloc_size(3);

/**
 * pheap_strdup() - allocate a copy of a string
 * @heap: a heap.
 * @s: a NUL-terminated string, or %NULL.
 * @gfp: GFP flags.
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: the copy; %NULL for a %NULL @s or if there is no memory.
 */
char *pheap_strdup(struct pheap *heap, const char *s, gfp_t gfp) __malloc;

/**
 * pheap_realloc() - change the size of a block
 * @heap: where to allocate if the block moves; if @p is not from this heap,
 *	the new block is nevertheless.
 * @p: a live block, or %NULL, for which this is pheap_alloc().
 * @size: new size in bytes; 0 gives the smallest block and never frees.
 * @gfp: GFP flags.
 *
 * Stays in place where the new size fits the block and at least three
 * quarters of it stay in use (CPython's rule, Objects/obmalloc.c,
 * pymalloc_realloc()).  With %__GFP_ZERO, bytes that a move adds are zero;
 * those between an older, smaller request and the end of its block are not
 * known to the heap and are left alone.  A block from a cache is never
 * resized in place beyond its object.
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: the block, perhaps moved; %NULL on failure, with @p as it was; %NULL
 * and a report if @p is not a live block.
 */
void *pheap_realloc(struct pheap *heap, void *p, size_t size, gfp_t gfp)
	__must_check __realloc_size(3);

/* pheap_free() itself. */
__pheap_direct void __pheap_free(const void *p);

/**
 * pheap_free() - free a block
 * @p: a block, from any heap, or %NULL, for which nothing is done.
 *
 * Works on another CPU and in another context than the allocation.  Anything
 * that is not a live block is reported, counted, and otherwise without
 * effect; Documentation/debugging.rst states what is found out when.
 *
 * Virtually contiguous memory goes back to the kernel from a worker, soon after.
 *
 * Context: Any context but NMI. Does not sleep.
 */
static __always_inline void pheap_free(const void *p)
{
	__pheap_free(p);
}

/**
 * pheap_free_class() - free a block of a known class
 * @class: where the heap has the class's cache.
 * @p: as for pheap_free_sized().
 * @size: as for pheap_free_sized(), up to %PHEAP_SMALL_MAX.
 *
 * Use pheap_free_sized(), which calls this where it can.  Not to be called by address.
 *
 * Context: As pheap_free().
 */
__pheap_direct void pheap_free_class(struct pheap_cache **class, const void *p,
				     size_t size);

/**
 * pheap_free_sized_any() - free a block of any size that is known
 * @heap: as for pheap_free_sized().
 * @p: as for pheap_free_sized().
 * @size: as for pheap_free_sized().
 *
 * Use pheap_free_sized(), which calls this where it must.
 *
 * Context: As pheap_free().
 */
void pheap_free_sized_any(struct pheap *heap, const void *p, size_t size);

/**
 * pheap_free_sized() - free a block of known size
 * @heap: the heap that it is from, which must be there still.  (A block that
 *	pheap_realloc() left where it was is from the heap that it was from before.)
 * @p: as for pheap_free().
 * @size: bytes that were last asked for, by pheap_alloc() or pheap_realloc(), or
 *	pheap_size().
 *
 * As pheap_free(), but it finds out more (C23: free_sized()): a block of another heap is
 * reported and stays allocated, and so is one that can't have been asked for with
 * @size.  That is one that has fewer bytes, and of those up to 512, one of another size
 * class of which @size is three quarters or less: pheap_realloc() would not have left it
 * where it was.  Of a debug heap it is one that can't have as many.
 *
 * In line nothing waits for the look at whose the block is, which pays up to 512 bytes;
 * above that, and called, pheap_free() is as fast or faster.
 *
 * Context: As pheap_free().
 */
static __always_inline void pheap_free_sized(struct pheap *heap, const void *p,
					     size_t size)
{
	if (__pheap_is_small(size))
		pheap_free_class(__pheap_class(heap, size), p, size);
	else
		pheap_free_sized_any(heap, p, size);
}

/**
 * pheap_free_sensitive() - zero a block and free it
 * @p: as for pheap_free().
 *
 * All of the usable bytes are zeroed, by means that the compiler keeps.
 *
 * Context: As pheap_free().
 */
void pheap_free_sensitive(const void *p);

/**
 * pheap_free_rcu() - free a block after a grace period
 * @p: as for pheap_free().
 *
 * The block stays as it is until every RCU reader that might see it is done.
 * Takes no room in the block.  If the memory for noting it cannot be had (no
 * page left and two batches full), a caller that must not wait gets its block
 * quarantined until the heap is destroyed; this is counted in
 * &struct pheap_stats.quarantine_blocks.
 *
 * Context: Any context but NMI. Does not sleep.
 */
void pheap_free_rcu(const void *p);

/**
 * pheap_alloc_bulk() - allocate several blocks of one size
 * @heap: a heap.
 * @size: as for pheap_alloc().
 * @gfp: GFP flags.
 * @n: how many.
 * @p: where to put them.
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: how many were allocated, 0 ... @n; the first so many of @p are set.
 */
size_t pheap_alloc_bulk(struct pheap *heap, size_t size, gfp_t gfp, size_t n,
			void **p);

/**
 * pheap_free_bulk() - free several blocks
 * @n: how many.
 * @p: the blocks, of any sizes and heaps; %NULL among them is skipped.
 *
 * Context: As pheap_free().
 */
void pheap_free_bulk(size_t n, void **p);

/**
 * pheap_size() - usable bytes of a block
 * @p: any address at all.
 *
 * Context: Any context but NMI.
 * Return: bytes that the holder of @p may use; 0 if @p is not a live block.
 */
size_t pheap_size(const void *p);

/**
 * pheap_owner() - heap of a block
 * @p: any address at all; never dereferenced unless it is pheap's own memory.
 *
 * Context: Any context but NMI.
 * Return: the heap, or %NULL if @p is not a live block.
 */
struct pheap *pheap_owner(const void *p);

/**
 * pheap_reserve() - make sure of room for later
 * @heap: a heap.
 * @bytes: sum of the sizes, each rounded up to 8 bytes and at most 512, that
 *	must be had later.
 * @gfp: GFP flags for getting the room now.
 *
 * After success, allocations of that many bytes in all succeed even where
 * nothing can be had from the kernel, so long as nobody else allocates from
 * the heap and nobody trims it.  If several CPUs allocate, each may keep half
 * a magazine of each class that the others can't use.  A second call does not
 * add to the first: it makes sure of @bytes from now.
 *
 * Context: Process context. May sleep if @gfp allows.
 * Return: 0; -ENOMEM, or -ENOSPC if the limit does not allow it.
 */
int pheap_reserve(struct pheap *heap, size_t bytes, gfp_t gfp);

/**
 * pheap_trim() - give back all that can be given back
 * @heap: a heap.
 *
 * Drains the magazines of all CPUs and returns every free page, the reserve
 * and arenas with live pools included.
 *
 * Context: Process context. May sleep.
 * Return: bytes given back to the kernel.
 */
size_t pheap_trim(struct pheap *heap);

/**
 * typedef pheap_visit_fn - what pheap_for_each() calls
 * @p: a live block.
 * @size: its usable bytes.
 * @cache: cache it is from, or %NULL for one of pheap_alloc()'s.
 * @arg: as given.
 *
 * Called with a lock held and preemption off: must not sleep or use the heap.
 *
 * Return: true to go on, false to stop.
 */
typedef bool (*pheap_visit_fn)(void *p, size_t size, struct pheap_cache *cache,
			       void *arg);

/**
 * pheap_for_each() - walk the live blocks of a heap
 * @heap: a heap.
 * @fn: called for each.
 * @arg: passed to @fn.
 *
 * Blocks that are allocated or freed during the walk may be seen or not.
 *
 * Context: Process context. May sleep.
 * Return: how many blocks were visited.
 */
size_t pheap_for_each(struct pheap *heap, pheap_visit_fn fn, void *arg);

/**
 * pheap_get_stats() - what a heap holds
 * @heap: a heap.
 * @stats: filled in.
 *
 * Exact when nobody uses the heap at the same time, near otherwise.
 *
 * Context: Process context. May sleep.
 */
void pheap_get_stats(struct pheap *heap, struct pheap_stats *stats);

/**
 * pheap_validate() - check every state equation of a heap
 * @heap: a heap.
 *
 * What does not hold is reported.  Checks of sums over the whole heap are
 * meaningful only while nobody uses it, and are made only if its counters did
 * not move meanwhile.
 *
 * Context: Process context. May sleep.
 * Return: 0, or -EUCLEAN if something does not hold.
 */
int pheap_validate(struct pheap *heap);

/**
 * pheap_cache_create() - make an object-specific allocator
 * @heap: heap to build it on.
 * @name: as for pheap_create(), but unique among the heap's caches.
 * @args: what to make of it.
 *
 * Caches are never merged with others.
 *
 * Context: Process context. May sleep.
 * Return: the cache, or an ERR_PTR(): -EINVAL for a bad name, size, alignment
 * or a destructor without constructor; -EEXIST; -ENOMEM.
 */
struct pheap_cache *pheap_cache_create(struct pheap *heap, const char *name,
				       const struct pheap_cache_args *args);

/**
 * pheap_cache_destroy() - free a cache and all objects in it
 * @cache: a cache, or %NULL or an ERR_PTR(), for which nothing is done.
 *
 * Always completes.  Objects that are still live are freed and reported.
 *
 * Context: Process context. May sleep.
 */
void pheap_cache_destroy(struct pheap_cache *cache);

/**
 * pheap_cache_alloc_plain() - allocate an object that need not be zeroed
 * @cache: a cache.
 * @gfp: GFP flags, without %__GFP_ZERO.
 *
 * Use pheap_cache_alloc(), which calls this where it can.  Not to be called by address.
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: the object, or %NULL.
 */
__pheap_direct void *pheap_cache_alloc_plain(struct pheap_cache *cache,
					     gfp_t gfp) __malloc;

/**
 * pheap_cache_alloc_any() - allocate an object
 * @cache: a cache.
 * @gfp: GFP flags.
 *
 * Use pheap_cache_alloc(), which calls this where it must.
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: the object, or %NULL.
 */
void *pheap_cache_alloc_any(struct pheap_cache *cache, gfp_t gfp) __malloc;

/**
 * pheap_cache_alloc() - allocate an object
 * @cache: a cache.
 * @gfp: GFP flags.  %__GFP_ZERO with a constructor is reported and the flag
 *	ignored, as SLUB does.
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: the object, or %NULL.
 */
static __always_inline void *pheap_cache_alloc(struct pheap_cache *cache,
					       gfp_t gfp)
{
	if (__pheap_is_plain(gfp))
		return pheap_cache_alloc_plain(cache, gfp);
	return pheap_cache_alloc_any(cache, gfp);
}

/* pheap_cache_free() itself. */
__pheap_direct void __pheap_cache_free(struct pheap_cache *cache, const void *p);

/**
 * pheap_cache_free() - free an object
 * @cache: the cache that it is from; an object from elsewhere is reported and
 *	stays allocated.
 * @p: the object, or %NULL, for which nothing is done.
 *
 * Context: As pheap_free().
 */
static __always_inline void pheap_cache_free(struct pheap_cache *cache,
					     const void *p)
{
	__pheap_cache_free(cache, p);
}

/**
 * pheap_cache_alloc_bulk() - allocate several objects
 * @cache: a cache.
 * @gfp: GFP flags.
 * @n: how many.
 * @p: where to put them.
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: how many were allocated, 0 ... @n.
 */
size_t pheap_cache_alloc_bulk(struct pheap_cache *cache, gfp_t gfp, size_t n,
			      void **p);

/**
 * pheap_cache_free_bulk() - free several objects
 * @cache: the cache that they are from.
 * @n: how many.
 * @p: the objects; %NULL among them is skipped.
 *
 * Context: As pheap_free().
 */
void pheap_cache_free_bulk(struct pheap_cache *cache, size_t n, void **p);

/**
 * pheap_cache_shrink() - drain a cache's magazines and free its empty pools
 * @cache: a cache.
 *
 * The pages go to the heap, which gives back what is above its reserve.
 *
 * Context: Process context. May sleep.
 * Return: bytes given back to the kernel.
 */
size_t pheap_cache_shrink(struct pheap_cache *cache);

/**
 * pheap_cache_size() - usable bytes of a cache's objects
 * @cache: a cache.
 *
 * Context: Any context.
 * Return: bytes.
 */
size_t pheap_cache_size(const struct pheap_cache *cache);

/**
 * pheap_cache_name() - name of a cache
 * @cache: a cache.
 *
 * Context: Any context.
 * Return: its name.
 */
const char *pheap_cache_name(const struct pheap_cache *cache);

/**
 * pheap_name() - name of a heap
 * @heap: a heap.
 *
 * Context: Any context.
 * Return: its name.
 */
const char *pheap_name(const struct pheap *heap);

#endif /* _PHEAP_PHEAP_H */
