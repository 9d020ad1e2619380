/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pheap/inline.h - allocate and free in the caller's line
 *
 * pheap_alloc_inline() and its like do what the functions without "inline" in their
 * names do, with what is most often all there is to it in line: 130 bytes of code for
 * an allocation and 190 for a free.  For a place that is hot; all others are better off
 * with a call.
 *
 * Structures and functions whose names begin with two underscores are how that works,
 * are the same code as in pheap itself, and may change with each version: a client must
 * be built for the pheap that it is used with.  Where there is CONFIG_MODVERSIONS, it is
 * not loaded if the structures have changed.
 */
#ifndef _PHEAP_INLINE_H
#define _PHEAP_INLINE_H

#include <linux/build_bug.h>
#include <linux/mm.h>

#include <pheap/compat.h>
#include <pheap/pheap.h>

#define __PHEAP_ARENA_SHIFT	18
#define __PHEAP_ARENA_PAGES	64

/* What makes a mark of the address of a cache that users know: see mark.h. */
#define __PHEAP_MARK_NAMED	0x5851f42dUL

/* Bytes of a cache and a magazine that are nobody's here. */
#define __PHEAP_CACHE_PRIVATE	192
#define __PHEAP_MAGAZINE_PRIVATE 56

/* The first of struct magazine: module/magazine.h has what it means. */
struct __pheap_magazine {
	u32 idle;
	u32 room;
	u8 private[__PHEAP_MAGAZINE_PRIVATE];
	void *slot[];
};

/* Of struct pheap_cache, what is looked at first: module/internal.h. */
struct __pheap_cache {
	u8 private[__PHEAP_CACHE_PRIVATE];
	u64 inverse;
	u64 class_bound;
	u64 named_bound;
	struct __pheap_magazine *mag[];
};

/* The first of struct arena; @start is a key more than where a pool of a cache begins. */
struct __pheap_arena {
	struct __pheap_cache *cache[__PHEAP_ARENA_PAGES];
	unsigned long start[__PHEAP_ARENA_PAGES];
};

/* Slots of the arena map, less 1: module/map.h. */
extern unsigned long __pheap_map_mask;

/*
 * The first arena of this node in the slot of @addr; perhaps not that of @addr.  With
 * preemption off.
 */
static __always_inline struct __pheap_arena *__pheap_look(unsigned long addr)
{
	struct __pheap_arena **slot = __pheap_table();

	return __pheap_load(slot[addr >> __PHEAP_ARENA_SHIFT & __pheap_map_mask]);
}

/* The page of an arena that @addr is on, if it is in one. */
static __always_inline unsigned long __pheap_page_of(unsigned long addr)
{
	return addr / PAGE_SIZE % __PHEAP_ARENA_PAGES;
}

/* The mark of a cache that users know, and its key. */
static __always_inline u64 __pheap_mark(const struct __pheap_cache *cache)
{
	return (u64)cache * __PHEAP_MARK_NAMED;
}

static __always_inline struct __pheap_magazine *
__pheap_magazine_at(struct __pheap_magazine *const *mag, unsigned long offset)
{
	return *(struct __pheap_magazine **)((char *)mag + offset);
}

static __always_inline bool __pheap_enter(struct __pheap_magazine *mag)
{
	return __pheap_claim(&mag->idle);
}

/* A plain store: only this CPU races. */
static __always_inline void __pheap_leave(struct __pheap_magazine *mag)
{
	barrier();
	WRITE_ONCE(mag->idle, 1);
}

/*
 * Takes the most recently freed block out of this CPU's of the magazines @mags.  @mark,
 * @at in it, must be as it was left.  Returns false if there is none, or not such a one.
 * With @call, the block is what a function returns.
 */
static __always_inline bool __pheap_pop(struct __pheap_magazine *const *mags,
					unsigned long at, u64 mark,
					void **block, bool call)
{
	struct __pheap_pin pin = __pheap_pin();
	struct __pheap_magazine *mag;
	u64 *word;
	void *p;

	mag = __pheap_magazine_at(mags, __pheap_pin_offset(pin));
	if (unlikely(!__pheap_enter(mag)))
		goto none;
	p = mag->slot[mag->room];
	if (call)
		p = __pheap_result(p);
	word = p + at;
	/* If not, the block may be anybody's, and is not written to. */
	if (unlikely(*word != mark))
		goto bad;
	*word = 0;
	mag->room++;
	__pheap_leave(mag);
	__pheap_unpin(pin);
	*block = p;
	return true;
bad:
	__pheap_leave(mag);
none:
	__pheap_unpin(pin);
	return false;
}

/*
 * With preemption off: marks a block and puts it in the magazine.  Returns false if
 * there is no room, or somebody is using it.
 */
static __always_inline bool __pheap_push(struct __pheap_magazine *mag,
					 const void *p, unsigned long at,
					 u64 mark)
{
	if (unlikely(!__pheap_enter(mag)))
		return false;
	if (unlikely(!__pheap_count_down(&mag->room))) {
		mag->room = 0;
		__pheap_leave(mag);
		return false;
	}
	*(u64 *)(p + at) = mark;
	mag->slot[mag->room] = (void *)p;
	__pheap_leave(mag);
	return true;
}

/* Whether @p, which is a block, is free already. */
static __always_inline bool __pheap_is_marked(const void *p, unsigned long at,
					      u64 mark)
{
	return unlikely(*(u64 *)(p + at) == mark);
}

/*
 * Whether what starts at @addr is a block of @cache, which has @key, for any of its
 * bounds: see pool_is_start() in module/pool.h.  One comparison tells all that a pointer
 * can be: one of another window is far from any pool of this, one of a cache with another
 * key too, and where there is no pool, nothing is a start.
 */
static __always_inline bool __pheap_is_start(const struct __pheap_arena *arena,
					     unsigned long addr, u64 key,
					     const struct __pheap_cache *cache,
					     const u64 *bound)
{
	const unsigned long *start = &arena->start[__pheap_page_of(addr)];

	return likely(__pheap_scale(addr + key, start, &cache->inverse) < *bound);
}

/* What is to be done to a block that is free from here on: in line, nothing. */
typedef void (*__pheap_close_fn)(const struct __pheap_cache *cache,
				 const void *p);

static __always_inline void __pheap_close_none(const struct __pheap_cache *cache,
					       const void *p)
{
}

/*
 * Free a block of a size class and this node.  If that can't be done here,
 * returns false, and in @cache whose it is if all was well with it.
 */
static __always_inline bool __pheap_free_class(const void *p,
					       struct __pheap_cache **cache,
					       __pheap_close_fn close)
{
	struct __pheap_pin pin = __pheap_pin();
	unsigned long addr = (unsigned long)p;
	struct __pheap_arena *arena = __pheap_look(addr);
	struct __pheap_cache *found;
	bool good, done;

	found = __pheap_load(arena->cache[__pheap_page_of(addr)]);
	good = __pheap_is_start(arena, addr, 0, found, &found->class_bound) &&
	       likely(!__pheap_is_marked(p, 0, (u64)found));
	if (good)
		close(found, p);
	done = good &&
	       likely(__pheap_push(__pheap_magazine_at(found->mag,
						       __pheap_pin_offset(pin)),
				   p, 0, (u64)found));
	__pheap_unpin(pin);
	*cache = good ? found : NULL;
	return likely(done);
}

/*
 * The same for a block that must be of @cache, of a size class or of a user's.  Returns in
 * @good whether all was well.  Nothing waits for whose the page is: of a class that is
 * compared, and of a user's cache the key tells.
 */
static __always_inline bool __pheap_free_to(struct __pheap_cache *cache,
					    bool is_class, const void *p,
					    bool *good, __pheap_close_fn close)
{
	const u64 *bound = is_class ? &cache->class_bound : &cache->named_bound;
	u64 mark = is_class ? (u64)cache : __pheap_mark(cache);
	struct __pheap_pin pin = __pheap_pin();
	unsigned long addr = (unsigned long)p;
	struct __pheap_arena *arena = __pheap_look(addr);
	bool done;

	*good = __pheap_is_start(arena, addr, is_class ? 0 : mark, cache, bound) &&
		(!is_class ||
		 likely(__pheap_is(arena->cache[__pheap_page_of(addr)], cache))) &&
		likely(!__pheap_is_marked(p, 0, mark));
	if (*good)
		close(cache, p);
	done = *good &&
	       likely(__pheap_push(__pheap_magazine_at(cache->mag,
						       __pheap_pin_offset(pin)),
				   p, 0, mark));
	__pheap_unpin(pin);
	return likely(done);
}

/**
 * pheap_alloc_inline() - allocate a block, in line
 * @heap: a heap.
 * @size: as for pheap_alloc(); in line if it is a constant up to %PHEAP_SMALL_MAX.
 * @gfp: GFP flags; in line if they are constant, without %__GFP_ZERO.
 *
 * Context: As pheap_alloc().
 * Return: the block, or %NULL.
 */
static __always_inline void *pheap_alloc_inline(struct pheap *heap,
						size_t size, gfp_t gfp)
{
	struct pheap_cache **class;
	struct pheap_cache *cache;
	void *p;

	if (!__PHEAP_INLINE || !__pheap_is_class(size, gfp))
		return pheap_alloc(heap, size, gfp);
	class = __pheap_class(heap, size);
	cache = READ_ONCE(*class);
	if (want_init_on_alloc(0) ||
	    unlikely(!__pheap_pop(((struct __pheap_cache *)cache)->mag, 0,
				  (u64)cache, &p, false)))
		return pheap_alloc_class(class, size, gfp);
	return p;
}

/**
 * pheap_free_inline() - free a block, in line
 * @p: as for pheap_free(); in line if it is from pheap_alloc() or the like and not
 *	from a cache.
 *
 * Context: As pheap_free().
 */
static __always_inline void pheap_free_inline(const void *p)
{
	struct __pheap_cache *cache;

	if (!__PHEAP_INLINE ||
	    !__pheap_free_class(p, &cache, __pheap_close_none))
		pheap_free(p);
}

/**
 * pheap_free_sized_inline() - free a block of known size, in line
 * @heap: as for pheap_free_sized().
 * @p: as for pheap_free_sized().
 * @size: as for pheap_free_sized(); in line if it is a constant up to
 *	%PHEAP_SMALL_MAX.
 *
 * Context: As pheap_free().
 */
static __always_inline void pheap_free_sized_inline(struct pheap *heap,
						    const void *p, size_t size)
{
	struct pheap_cache *cache;
	bool good;

	if (__PHEAP_INLINE && __pheap_is_small(size)) {
		cache = READ_ONCE(*__pheap_class(heap, size));
		if (likely(__pheap_free_to((struct __pheap_cache *)cache, true, p,
					   &good, __pheap_close_none)))
			return;
	}
	pheap_free_sized(heap, p, size);
}

/**
 * pheap_cache_alloc_inline() - allocate an object from a cache, in line
 * @cache: as for pheap_cache_alloc(); in line if it has no constructor.
 * @gfp: GFP flags; in line if they are constant, without %__GFP_ZERO.
 *
 * Context: As pheap_cache_alloc().
 * Return: the object, or %NULL.
 */
static __always_inline void *
pheap_cache_alloc_inline(struct pheap_cache *cache, gfp_t gfp)
{
	void *p;

	if (!__PHEAP_INLINE || !__pheap_is_plain(gfp) || want_init_on_alloc(0) ||
	    unlikely(!__pheap_pop(((struct __pheap_cache *)cache)->mag, 0,
				  __pheap_mark((struct __pheap_cache *)cache),
				  &p, false)))
		return pheap_cache_alloc(cache, gfp);
	return p;
}

/**
 * pheap_cache_free_inline() - free an object to its cache, in line
 * @cache: as for pheap_cache_free(); in line if it has no constructor.
 * @p: as for pheap_cache_free().
 *
 * Context: As pheap_cache_free().
 */
static __always_inline void
pheap_cache_free_inline(struct pheap_cache *cache, const void *p)
{
	bool good;

	if (!__PHEAP_INLINE ||
	    !__pheap_free_to((struct __pheap_cache *)cache, false, p, &good,
			     __pheap_close_none))
		pheap_cache_free(cache, p);
}

#endif /* _PHEAP_INLINE_H */
