// SPDX-License-Identifier: GPL-2.0
/*
 * The hot paths of objects: they look at blocks that are free, as those of
 * alloc.c and free.c do.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "alloc.h"
#include "cache.h"
#include "free.h"
#include "gc.h"
#include "heap.h"
#include "object.h"
#include "report.h"

void object_free_block(struct pheap_cache *cache, struct pheap_object *obj)
{
	struct pheap_cache *same;
	struct spot page;
	bool done;

	preempt_disable();
	page = object_spot(obj, &same);
	done = cache->object_fast &&
	       free_object_fast(cache, page.arena, obj);
	preempt_enable();
	if (done)
		return;
	rcu_read_lock();
	free_object_block(cache, page, obj);
	rcu_read_unlock();
}

/*
 * The end of an object without slots or anybody to tell is a free of its
 * block.  In a section; returns false if there is more to it.
 */
static __always_inline bool object_end_simple(struct pheap_object *obj)
{
	struct arena *arena = map_look((unsigned long)obj);
	unsigned long off = (unsigned long)obj - arena->base;
	struct pheap_cache *cache;

	if (unlikely(off >= ARENA_SIZE))
		return false;
	cache = __pheap_load(arena->cache[off / PAGE_SIZE]);
	return likely(cache->object_ends) &&
	       likely(free_object_fast(cache, arena, obj));
}

/*
 * In a section, which it ends.  What is likely keeps nothing over a call: on 6.1
 * the last put of a simple object is 34 instructions, 9 for the map, 4 for the
 * page, 4 for the mark, 10 for the magazine.
 */
void __pheap_put_slow(struct pheap_object *obj, int old)
{
	if (unlikely(!count_was_last(old))) {
		object_put_slow(obj, old);
		return;
	}
	/* All that other holders did is done before the end. */
	compat_acquire_after_ctrl_dep();
	if (unlikely(!object_end_simple(obj))) {
		object_put_last(obj);
		return;
	}
	__pheap_section_end();
}
EXPORT_SYMBOL_GPL(__pheap_put_slow);

/* What is more than the count, which makes it an object. */
static noinline void *object_finish(const struct pheap_type *type,
				    const struct pheap_cache *cache,
				    struct pheap_object *obj, gfp_t gfp)
{
	compat_kasan_alloc(obj, cache->usable, cache->size);
	if (want_init_on_alloc(gfp))
		memset(obj + 1, 0, cache->usable - sizeof(*obj));
	object_init(type, cache, obj);
	return obj;
}

static noinline void *object_new_slow(const struct pheap_type *type,
				      struct pheap_cache *cache, gfp_t gfp)
{
	struct pheap_object *obj;

	/* A type of PHEAP_TYPE_SIZED has none of its own. */
	if (cache == cache_none)
		return NULL;
	obj = alloc_object(cache, gfp);
	if (obj)
		object_init(type, cache, obj);
	return obj;
}

/* See cache_set_type(). */
static __always_inline bool object_pop(struct pheap_cache *cache, void **p)
{
	return magazine_pop(cache, sizeof(struct pheap_object),
			    mark_of_class(cache), p);
}

/* The count makes an object of the block. */
static __always_inline void object_open(const struct pheap_cache *cache,
					struct pheap_object *obj)
{
	compat_kasan_alloc(obj, cache->usable, cache->size);
	compat_set_release(&obj->__rc, __PHEAP_ONE | __PHEAP_DIRTY);
}

/*
 * As pheap_cache_alloc(), and then the count.  What is likely keeps nothing over
 * a call.
 */
static __always_inline void *object_new(const struct pheap_type *type,
					struct pheap_cache *cache, gfp_t gfp)
{
	void *p;

	compat_might_alloc(gfp);
	if (unlikely(!object_pop(cache, &p)))
		return object_new_slow(type, cache, gfp);
	if (!type->simple || want_init_on_alloc(gfp))
		return object_finish(type, cache, p, gfp);
	object_open(cache, p);
	return p;
}

void *pheap_new_any(struct pheap_type *type, gfp_t gfp)
{
	return object_new(type, type->cache, gfp);
}
EXPORT_SYMBOL_GPL(pheap_new_any);

void *pheap_new_plain(struct pheap_type *type, gfp_t gfp)
{
	struct pheap_cache *cache = type->cache;
	void *p;

	/* Asked now, for the sake of registers. */
	if (!type->simple || want_init_on_alloc(0))
		return pheap_new_any(type, gfp);
	compat_might_alloc(gfp);
	if (unlikely(!object_pop(cache, &p)))
		return object_new_slow(type, cache, gfp);
	object_open(cache, p);
	return p;
}
EXPORT_SYMBOL_GPL(pheap_new_plain);

/* A cache for objects of @size, or NULL; a refusal is counted as of an object. */
static struct pheap_cache *object_sized_cache(struct pheap_type *type,
					      size_t size, gfp_t gfp)
{
	struct pheap *heap = type->gc->heap;
	char name[PHEAP_NAME_MAX + 1];
	struct pheap_cache *cache;

	snprintf(name, sizeof(name), "%.20s-%zu", type->name, size);
	cache = object_new_cache(type, name, size, gfp);
	if (cache == ERR_PTR(-ENOSPC) && gfpflags_allow_blocking(gfp)) {
		heap_make_room(heap);
		cache = object_new_cache(type, name, size, gfp);
	}
	if (!IS_ERR(cache))
		return cache;
	heap_note_failure(heap, PTR_ERR(cache));
	return NULL;
}

/* The cache for objects of a size class, made now if need be. */
static struct pheap_cache *object_class_cache(struct pheap_type *type,
					      unsigned int class, gfp_t gfp)
{
	struct pheap_cache *cache = READ_ONCE(type->caches[class]);

	if (likely(cache))
		return cache;
	cache = object_sized_cache(type, class_size(class), gfp);
	if (!cache)
		return NULL;
	if (cmpxchg(&type->caches[class], NULL, cache)) {
		cache_free(cache);
		return type->caches[class];
	}
	cache_publish(type->gc->heap, cache);
	return cache;
}

void *pheap_new_sized(struct pheap_type *type, size_t size, gfp_t gfp)
{
	struct pheap_cache *cache;

	if (!(type->flags & PHEAP_TYPE_SIZED) || size < type->ops.size ||
	    size > TYPE_SIZE_MAX)
		return NULL;
	cache = object_class_cache(type, class_of(max(size, TYPE_SIZE_MIN)),
				   gfp);
	return cache ? object_new(type, cache, gfp) : NULL;
}
EXPORT_SYMBOL_GPL(pheap_new_sized);
