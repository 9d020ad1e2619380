// SPDX-License-Identifier: GPL-2.0
#include <linux/hashtable.h>
#include <linux/kmemleak.h>
#include <linux/llist.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "backing.h"
#include "large.h"
#include "report.h"

#define LARGE_HASH_BITS	10

enum large_kind {
	LARGE_PAGES,		/* contiguous pages, each on its own */
	LARGE_VMALLOC,
	LARGE_KMALLOC,
};

/**
 * struct large - a block outside arenas
 * @hash: in large_table.
 * @link: in heap->large.
 * @later: among those that a worker frees.
 * @p: the block.
 * @bytes: what it was charged.
 * @request: bytes asked for.
 * @heap: heap.
 * @cache: cache or class, or NULL.
 * @kind: where it is from.
 */
struct large {
	struct hlist_node hash;
	struct list_head link;
	struct llist_node later;
	void *p;
	size_t bytes;
	size_t request;
	struct pheap *heap;
	struct pheap_cache *cache;
	enum large_kind kind;
};

static DEFINE_HASHTABLE(large_table, LARGE_HASH_BITS);
static DEFINE_RAW_SPINLOCK(large_lock);

static LLIST_HEAD(large_later);
static void large_work_fn(struct work_struct *work);
static DECLARE_WORK(large_work, large_work_fn);
static struct workqueue_struct *large_wq;

static int large_get_pages(struct large *large, size_t size, gfp_t gfp,
			   int node)
{
	unsigned int order = get_order(size);
	unsigned int nr = DIV_ROUND_UP(size, PAGE_SIZE);
	struct page *page;
	unsigned int i;

	if (order > COMPAT_MAX_ORDER)
		return -ENOMEM;
	if (gfpflags_allow_blocking(gfp))
		gfp |= __GFP_NORETRY | __GFP_NOWARN;
	page = backing_pages(large->heap, BACKING_LARGE, node, order, gfp);
	if (IS_ERR(page))
		return PTR_ERR(page);
	backing_pages_split(page, order);
	for (i = nr; i < 1U << order; i++)
		backing_pages_free(large->heap, BACKING_LARGE, page + i, 0);
	large->kind = LARGE_PAGES;
	large->bytes = (size_t)nr << PAGE_SHIFT;
	large->p = page_address(page);
	if (gfp & __GFP_ZERO)
		memset(large->p, 0, large->bytes);
	return 0;
}

static int large_get_vmalloc(struct large *large, size_t size, gfp_t gfp)
{
	size_t bytes = PAGE_ALIGN(size);
	int err;

	if (!gfpflags_allow_blocking(gfp) || gfp & __GFP_THISNODE ||
	    size >> PAGE_SHIFT >= totalram_pages())
		return -ENOMEM;
	err = backing_charge(large->heap, BACKING_LARGE, bytes);
	if (err)
		return err;
	large->p = __vmalloc(bytes, backing_gfp(large->heap, gfp) |
			     (gfp & __GFP_ZERO));
	if (!large->p) {
		backing_uncharge(large->heap, BACKING_LARGE, bytes);
		return -ENOMEM;
	}
	large->kind = LARGE_VMALLOC;
	large->bytes = bytes;
	return 0;
}

/* kmalloc() aligns powers of two to themselves. */
static size_t large_kmalloc_size(const struct pheap_cache *cache, size_t size)
{
	if (!cache || cache->index != CACHE_NAMED || cache->align <= SIZE_STEP)
		return size;
	return roundup_pow_of_two(max_t(size_t, size, cache->align));
}

static int large_get_kmalloc(struct large *large, size_t size, gfp_t gfp,
			     int node)
{
	int err;

	size = large_kmalloc_size(large->cache, size);
	if (size > KMALLOC_MAX_SIZE)
		return -ENOMEM;
	large->p = kmalloc_node(size, backing_gfp(large->heap, gfp) |
				(gfp & __GFP_ZERO), node);
	if (!large->p)
		return -ENOMEM;
	large->kind = LARGE_KMALLOC;
	large->bytes = ksize(large->p);
	err = backing_charge(large->heap, BACKING_LARGE, large->bytes);
	if (err)
		kfree(large->p);
	return err;
}

static int large_get(struct large *large, size_t size, gfp_t gfp, int node)
{
	int err;

	if (large->heap->flags & PHEAP_PASSTHROUGH)
		err = large_get_kmalloc(large, size, gfp, node);
	else
		err = large_get_pages(large, size, gfp, node);
	/* Contiguous memory is charged in powers of two. */
	if ((err == -ENOMEM || err == -ENOSPC) && size > PAGE_SIZE)
		err = large_get_vmalloc(large, size, gfp);
	return err;
}

static void large_insert(struct large *large)
{
	struct pheap *heap = large->heap;
	unsigned long flags;

	raw_spin_lock_irqsave(&large_lock, flags);
	hash_add(large_table, &large->hash, (unsigned long)large->p);
	list_add(&large->link, &heap->large);
	raw_spin_unlock_irqrestore(&large_lock, flags);
	atomic_long_inc(large->cache ? &large->cache->outside :
				       &heap->outside);
	atomic_long_add(large->bytes, &heap->outside_bytes);
}

static struct large *large_lookup(const void *p)
{
	struct large *large;

	lockdep_assert_held(&large_lock);
	hash_for_each_possible(large_table, large, hash, (unsigned long)p)
		if (large->p == p)
			return large;
	return NULL;
}

static void large_unlink(struct large *large)
{
	lockdep_assert_held(&large_lock);
	hash_del(&large->hash);
	list_del(&large->link);
	atomic_long_dec(large->cache ? &large->cache->outside :
				       &large->heap->outside);
	atomic_long_sub(large->bytes, &large->heap->outside_bytes);
}

static void large_put_pages(struct large *large)
{
	size_t at;

	for (at = 0; at < large->bytes; at += PAGE_SIZE)
		backing_pages_free(large->heap, BACKING_LARGE,
				   virt_to_page(large->p + at), 0);
}

static void large_put_vmalloc(struct large *large)
{
	vfree(large->p);
	backing_uncharge(large->heap, BACKING_LARGE, large->bytes);
	backing_meta_free(large->heap, large);
}

static void large_work_fn(struct work_struct *work)
{
	struct large *large, *next;

	llist_for_each_entry_safe(large, next, llist_del_all(&large_later),
				  later)
		large_put_vmalloc(large);
}

/* Free one that is in no list any more. */
static void large_put(struct large *large)
{
	if (large->cache && large->cache->dtor)
		large->cache->dtor(large->p);
	if (large->kind == LARGE_VMALLOC) {
		/* vfree() may wait, and this context perhaps must not. */
		llist_add(&large->later, &large_later);
		queue_work(large_wq, &large_work);
		return;
	}
	if (large->kind == LARGE_PAGES) {
		large_put_pages(large);
	} else {
		kfree(large->p);
		backing_uncharge(large->heap, BACKING_LARGE, large->bytes);
	}
	backing_meta_free(large->heap, large);
}

void *large_alloc(struct pheap *heap, struct pheap_cache *cache, size_t size,
		  gfp_t gfp, int node)
{
	struct large *large;
	int err;

	large = backing_meta(heap, sizeof(*large), gfp);
	if (IS_ERR(large))
		return large;
	/* Not to be taken for what holds the block, nor for a leak. */
	kmemleak_ignore(large);
	large->heap = heap;
	large->cache = cache;
	large->request = size;
	err = large_get(large, size, gfp, node);
	if (err) {
		backing_meta_free(heap, large);
		return ERR_PTR(err);
	}
	if (large->kind == LARGE_PAGES)
		compat_kasan_alloc(large->p, size, large->bytes);
	if (cache && cache->ctor)
		cache->ctor(large->p);
	large_insert(large);
	return large->p;
}

bool large_free(struct pheap_cache *cache, const void *p, unsigned long caller)
{
	struct pheap_cache *from = NULL;
	struct pheap *heap = NULL;
	struct large *large;
	unsigned long flags;
	bool right = false;

	raw_spin_lock_irqsave(&large_lock, flags);
	large = large_lookup(p);
	if (large) {
		heap = large->heap;
		from = large->cache;
		right = !cache || cache == from;
		if (right)
			large_unlink(large);
	}
	raw_spin_unlock_irqrestore(&large_lock, flags);
	if (right)
		large_put(large);
	else if (large)
		report_bad(PHEAP_BAD_CACHE, heap, from, p, caller);
	return large;
}

/* What the holder may use: all of the pages, but kmalloc()'s as asked for. */
static size_t large_usable(const struct large *large)
{
	return large->kind == LARGE_KMALLOC ? large->request : large->bytes;
}

bool large_find(const void *p, struct large_info *info)
{
	struct large *large;
	unsigned long flags;

	raw_spin_lock_irqsave(&large_lock, flags);
	large = large_lookup(p);
	if (large)
		*info = (struct large_info) {
			.heap = large->heap,
			.cache = large->cache,
			.size = large_usable(large),
			.block = large->kind == LARGE_PAGES ? large->bytes : 0,
		};
	raw_spin_unlock_irqrestore(&large_lock, flags);
	return large;
}

bool large_is_inside(const void *p)
{
	struct large *large;
	unsigned long flags;
	bool inside = false;
	int bucket;

	raw_spin_lock_irqsave(&large_lock, flags);
	hash_for_each(large_table, bucket, large, hash)
		inside |= p > large->p && p < large->p + large->bytes;
	raw_spin_unlock_irqrestore(&large_lock, flags);
	return inside;
}

bool large_walk(struct pheap *heap, pheap_visit_fn fn, void *arg, size_t *nr)
{
	struct large *large;
	unsigned long flags;
	bool more = true;

	raw_spin_lock_irqsave(&large_lock, flags);
	list_for_each_entry(large, &heap->large, link) {
		++*nr;
		more = fn(large->p, large_usable(large),
			  large->cache && large->cache->index == CACHE_NAMED ?
				  large->cache : NULL, arg);
		if (!more)
			break;
	}
	raw_spin_unlock_irqrestore(&large_lock, flags);
	return more;
}

static struct large *large_take_first(struct pheap *heap,
				      struct pheap_cache *cache)
{
	struct large *large, *found = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&large_lock, flags);
	list_for_each_entry(large, &heap->large, link)
		if (!cache || large->cache == cache) {
			found = large;
			large_unlink(large);
			break;
		}
	raw_spin_unlock_irqrestore(&large_lock, flags);
	return found;
}

void large_destroy(struct pheap *heap, struct pheap_cache *cache)
{
	struct large *large;

	while ((large = large_take_first(heap, cache)))
		large_put(large);
	large_flush();
}

void large_flush(void)
{
	flush_workqueue(large_wq);
}

int large_init(void)
{
	large_wq = alloc_workqueue("pheap_vfree", WQ_UNBOUND | WQ_MEM_RECLAIM,
				   1);
	return large_wq ? 0 : -ENOMEM;
}

void large_exit(void)
{
	destroy_workqueue(large_wq);
}
