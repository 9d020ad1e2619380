// SPDX-License-Identifier: GPL-2.0
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "backing.h"

#define BACKING_GFP_CLEAR (__GFP_ZERO | __GFP_NOFAIL | __GFP_DMA |	\
			   __GFP_DMA32 | __GFP_HIGHMEM | __GFP_MOVABLE | \
			   __GFP_COMP | __GFP_ACCOUNT | __GFP_RECLAIMABLE)

atomic_long_t backing_held = ATOMIC_LONG_INIT(0);
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(backing_held);

unsigned int backing_max_order = UINT_MAX;
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(backing_max_order);

static struct kmem_cache *arena_slab;

static atomic_long_t fail_seen;
static unsigned long fail_at;
static bool fail_sticky;

unsigned long backing_fail_nth(unsigned long nth, bool sticky)
{
	unsigned long seen = atomic_long_read(&fail_seen);

	WRITE_ONCE(fail_at, 0);
	atomic_long_set(&fail_seen, 0);
	WRITE_ONCE(fail_sticky, sticky);
	WRITE_ONCE(fail_at, nth);
	return seen;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(backing_fail_nth);

static bool backing_must_fail(size_t bytes)
{
	unsigned long at = READ_ONCE(fail_at);
	unsigned long seen;

	if (compat_should_fail(bytes))
		return true;
	if (!at)
		return false;
	seen = atomic_long_inc_return(&fail_seen);
	return READ_ONCE(fail_sticky) ? seen >= at : seen == at;
}

static void backing_raise_peak(struct pheap *heap, long taken)
{
	long peak = atomic_long_read(&heap->peak);

	while (taken > peak &&
	       !atomic_long_try_cmpxchg(&heap->peak, &peak, taken))
		;
}

/* Never above the limit, not even for a moment. */
static int backing_take(struct pheap *heap, size_t bytes)
{
	long taken = atomic_long_read(&heap->taken);
	long external = atomic_long_read(&heap->external);

	do {
		if (bytes > LONG_MAX - taken - external ||
		    (heap->limit && (long)bytes > (long)heap->limit -
						  taken - external))
			return -ENOSPC;
	} while (!atomic_long_try_cmpxchg(&heap->taken, &taken,
					  taken + bytes));
	backing_raise_peak(heap, taken + bytes);
	return 0;
}

int backing_charge(struct pheap *heap, enum backing_kind kind, size_t bytes)
{
	int err;

	if (backing_must_fail(bytes))
		return -ENOMEM;
	if (heap) {
		err = backing_take(heap, bytes);
		if (err)
			return err;
		atomic_long_add(bytes, &heap->bytes[kind]);
	}
	atomic_long_add(bytes, &backing_held);
	return 0;
}

void backing_uncharge(struct pheap *heap, enum backing_kind kind, size_t bytes)
{
	if (heap) {
		atomic_long_sub(bytes, &heap->taken);
		atomic_long_sub(bytes, &heap->bytes[kind]);
		atomic_long_add(bytes, &heap->given);
	}
	atomic_long_sub(bytes, &backing_held);
}

gfp_t backing_gfp(const struct pheap *heap, gfp_t gfp)
{
	gfp &= ~BACKING_GFP_CLEAR;
	if (heap && heap->flags & PHEAP_ACCOUNT)
		gfp |= __GFP_ACCOUNT;
	return gfp;
}

/* For what is not said to be of a node, __GFP_THISNODE would mean this CPU's. */
static gfp_t backing_meta_gfp(const struct pheap *heap, gfp_t gfp)
{
	return backing_gfp(heap, gfp & ~__GFP_THISNODE);
}

/*
 * Have kmemleak scan a block, so that what only blocks refer to is not taken
 * for a leak.  By page, since any of them may go alone; kmemleak would have
 * to allocate memory then, in whatever context.
 */
static void backing_scan(struct page *page, unsigned int order, gfp_t gfp)
{
	unsigned int i;

	for (i = 0; i < 1U << order; i++)
		kmemleak_alloc(page_address(page + i), PAGE_SIZE, 0, gfp);
}

static void backing_unscan(struct page *page, unsigned int order)
{
	unsigned int i;

	for (i = 0; i < 1U << order; i++)
		kmemleak_free(page_address(page + i));
}

struct page *backing_pages(struct pheap *heap, enum backing_kind kind,
			   int node, unsigned int order, gfp_t gfp)
{
	size_t bytes = PAGE_SIZE << order;
	struct page *page;
	int err;

	if (order > READ_ONCE(backing_max_order))
		return ERR_PTR(-ENOMEM);
	err = backing_charge(heap, kind, bytes);
	if (err)
		return ERR_PTR(err);
	gfp = backing_gfp(heap, gfp);
	page = alloc_pages_node(node, gfp, order);
	if (!page) {
		backing_uncharge(heap, kind, bytes);
		return ERR_PTR(-ENOMEM);
	}
	backing_scan(page, order, gfp & ~__GFP_ACCOUNT);
	return page;
}

void backing_pages_free(struct pheap *heap, enum backing_kind kind,
			struct page *page, unsigned int order)
{
	backing_unscan(page, order);
	__free_pages(page, order);
	backing_uncharge(heap, kind, PAGE_SIZE << order);
}

void backing_pages_split(struct page *page, unsigned int order)
{
	split_page(page, order);
}

void *backing_meta(struct pheap *heap, size_t size, gfp_t gfp)
{
	return backing_meta_raw(heap, size, gfp | __GFP_ZERO);
}

void *backing_meta_raw(struct pheap *heap, size_t size, gfp_t gfp)
{
	size_t bytes;
	void *p;
	int err;

	p = kmalloc(size, backing_meta_gfp(heap, gfp) | (gfp & __GFP_ZERO));
	if (!p)
		return ERR_PTR(-ENOMEM);
	bytes = ksize(p);
	err = backing_charge(heap, BACKING_META, bytes);
	if (err) {
		kfree(p);
		return ERR_PTR(err);
	}
	return p;
}

void backing_meta_free(struct pheap *heap, void *p)
{
	size_t bytes;

	if (!p)
		return;
	bytes = ksize(p);
	kfree(p);
	backing_uncharge(heap, BACKING_META, bytes);
}

static size_t backing_table_bytes(const void *p, size_t size)
{
	return is_vmalloc_addr(p) ? PAGE_ALIGN(size) : ksize(p);
}

void *backing_table(size_t size)
{
	void *p = kvzalloc(size, GFP_KERNEL);

	if (!p)
		return ERR_PTR(-ENOMEM);
	atomic_long_add(backing_table_bytes(p, size), &backing_held);
	return p;
}

void backing_table_free(void *p, size_t size)
{
	atomic_long_sub(backing_table_bytes(p, size), &backing_held);
	kvfree(p);
}

static void backing_spare_put(struct pheap *heap, void *spare)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&heap->lock, flags);
	*(void **)spare = heap->spares;
	heap->spares = spare;
	heap->nr_spares++;
	raw_spin_unlock_irqrestore(&heap->lock, flags);
}

int backing_spare_fill(struct pheap *heap, unsigned int nr, gfp_t gfp)
{
	void *spare;

	while (READ_ONCE(heap->nr_spares) < nr) {
		spare = backing_meta(heap, BACKING_SPARE, gfp);
		if (IS_ERR(spare))
			return PTR_ERR(spare);
		backing_spare_put(heap, spare);
	}
	return 0;
}

void *backing_spare_get(struct pheap *heap)
{
	unsigned long flags;
	void *spare;

	raw_spin_lock_irqsave(&heap->lock, flags);
	spare = heap->spares;
	if (spare) {
		heap->spares = *(void **)spare;
		heap->nr_spares--;
	}
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	return spare;
}

void backing_spare_drop(struct pheap *heap)
{
	void *spare;

	while ((spare = backing_spare_get(heap)))
		backing_meta_free(heap, spare);
}

struct arena *backing_arena(struct pheap *heap, gfp_t gfp)
{
	struct arena *arena;
	int err;

	err = backing_charge(heap, BACKING_META, sizeof(*arena));
	if (err)
		return ERR_PTR(err);
	arena = kmem_cache_alloc(arena_slab, backing_meta_gfp(heap, gfp));
	if (!arena) {
		backing_uncharge(heap, BACKING_META, sizeof(*arena));
		return ERR_PTR(-ENOMEM);
	}
	return arena;
}

void backing_arena_free(struct pheap *heap, struct arena *arena)
{
	kmem_cache_free(arena_slab, arena);
	backing_uncharge(heap, BACKING_META, sizeof(*arena));
}

int backing_init(void)
{
	arena_slab = kmem_cache_create("pheap_arena", sizeof(struct arena), 0,
				       0, NULL);
	if (!arena_slab)
		return -ENOMEM;
	compat_fault_init();
	return 0;
}

void backing_exit(void)
{
	compat_fault_exit();
	kmem_cache_destroy(arena_slab);
}
