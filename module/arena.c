// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/rculist.h>

#include "arena.h"
#include "backing.h"
#include "map.h"

/* A search for a run of pages looks at no more arenas than these. */
#define ARENA_SEARCH	32

/*
 * A heap grows by this part of what it holds, where its windows are not whole by
 * more, up to that part, and at least by 4 pages.
 */
#define ARENA_GROWTH		64
#define ARENA_GROWTH_MOST	4
#define ARENA_ORDER_MIN		2

/* With more free pages than this part, it does so instead of those. */
#define ARENA_SCATTERED		8

void arena_init_node(struct heap_node *hn)
{
	raw_spin_lock_init(&hn->lock);
	INIT_LIST_HEAD(&hn->arenas);
}

static struct heap_node *arena_node(const struct arena *arena)
{
	return &arena->heap->nodes[arena->node];
}

static u64 page_mask(unsigned int first, unsigned int nr)
{
	return GENMASK_ULL(first + nr - 1, first);
}

static void arena_unlink(struct heap_node *hn, struct arena *arena)
{
	unsigned int bucket = arena_bucket(hweight64(arena->free));

	lockdep_assert_held(&hn->lock);
	__hlist_del(&arena->link);
	if (hlist_empty(&hn->buckets[bucket]))
		hn->nonempty &= ~BIT_ULL(bucket);
}

static void arena_link(struct heap_node *hn, struct arena *arena)
{
	unsigned int bucket = arena_bucket(hweight64(arena->free));

	lockdep_assert_held(&hn->lock);
	hlist_add_head(&arena->link, &hn->buckets[bucket]);
	hn->nonempty |= BIT_ULL(bucket);
}

/* Pages of a window that are aligned to @align pages. */
static u64 arena_starts(unsigned int align)
{
	u64 starts = 1;

	if (align == 1)
		return U64_MAX;
	for (; align < ARENA_PAGES; align *= 2)
		starts |= starts << align;
	return starts;
}

/* Those of arena->free among @starts with which a run of @nr begins. */
static u64 arena_runs(const struct arena *arena, unsigned int nr, u64 starts)
{
	u64 runs = arena->free;
	unsigned int have, step;

	for (have = 1; have < nr; have += step) {
		step = min(have, nr - have);
		runs &= runs >> step;
	}
	return runs & starts;
}

static struct arena *arena_find(struct heap_node *hn, unsigned int nr,
				u64 starts)
{
	u64 todo = hn->nonempty & ~(BIT_ULL(arena_bucket(nr)) - 1);
	unsigned int looked = 0;
	struct arena *arena;

	for (; todo; todo &= todo - 1)
		hlist_for_each_entry(arena, &hn->buckets[__ffs64(todo)], link) {
			if (arena_runs(arena, nr, starts))
				return arena;
			if (++looked == ARENA_SEARCH)
				return NULL;
		}
	return NULL;
}

/* Take up to @most runs out of an arena.  Returns how many. */
static unsigned int arena_cut(struct heap_node *hn, struct arena *arena,
			      unsigned int nr, u64 starts, struct pool **run,
			      unsigned int most)
{
	unsigned int got = 0;
	unsigned int first;
	u64 runs;

	arena_unlink(hn, arena);
	while (got < most && (runs = arena_runs(arena, nr, starts))) {
		first = __ffs64(runs);
		run[got++] = &arena->pools[first];
		arena->free &= ~page_mask(first, nr);
		hn->free_pages -= nr;
	}
	arena_link(hn, arena);
	return got;
}

unsigned int arena_take_runs(struct pheap *heap, int node, unsigned int nr,
			     unsigned int align, struct pool **run,
			     unsigned int most)
{
	struct heap_node *hn = &heap->nodes[node];
	u64 starts = arena_starts(align);
	unsigned int got = 0;
	struct arena *arena;
	unsigned long flags;

	if (READ_ONCE(hn->free_pages) < nr)
		return 0;
	raw_spin_lock_irqsave(&hn->lock, flags);
	while (got < most && (arena = arena_find(hn, nr, starts)))
		got += arena_cut(hn, arena, nr, starts, run + got, most - got);
	raw_spin_unlock_irqrestore(&hn->lock, flags);
	return got;
}

struct pool *arena_take(struct pheap *heap, int node, unsigned int nr,
			unsigned int align)
{
	struct pool *pool = NULL;

	arena_take_runs(heap, node, nr, align, &pool, 1);
	return pool;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(arena_take);

static void arena_free_rcu(struct rcu_head *rcu)
{
	struct arena *arena = container_of(rcu, struct arena, rcu);

	backing_meta_free(arena->heap, arena->cands);
	backing_arena_free(arena->heap, arena);
}

/* Bits past the end of each block of the page allocator's. */
static u64 arena_ends(const struct arena *arena)
{
	return arena->heads | ~arena->present;
}

/* Order of the block that starts at @head. */
static unsigned int block_order(u64 ends, unsigned int head)
{
	ends &= ~page_mask(0, head + 1);
	return ilog2((ends ? __ffs64(ends) : ARENA_PAGES) - head);
}

static struct page *arena_page(const struct arena *arena, unsigned int page)
{
	return virt_to_page((void *)(arena->base + page * PAGE_SIZE));
}

/* Give back the blocks that start at @heads; their pages are nobody's now. */
static void arena_free_blocks(const struct arena *arena, u64 heads, u64 ends)
{
	unsigned int head;

	for (; heads; heads &= heads - 1) {
		head = __ffs64(heads);
		backing_pages_free(arena->heap, BACKING_PAGES,
				   arena_page(arena, head),
				   block_order(ends, head));
	}
}

/* The free pages of an arena leave it; without pages, it is no more. */
static u64 arena_detach(struct heap_node *hn, struct arena *arena)
{
	u64 give = arena->free;
	unsigned int nr = hweight64(give);

	lockdep_assert_held(&hn->lock);
	arena_unlink(hn, arena);
	WRITE_ONCE(arena->present, arena->present & ~give);
	arena->heads &= ~give;
	arena->free = 0;
	hn->pages -= nr;
	hn->free_pages -= nr;
	if (arena->present) {
		arena_link(hn, arena);
		return give;
	}
	map_remove(arena);
	list_del_rcu(&arena->all);
	hn->nr_arenas--;
	return give;
}

/* After arena_detach(), which @present, @heads and @ends are from before. */
static void arena_release(struct arena *arena, bool gone, u64 heads, u64 ends)
{
	arena_free_blocks(arena, heads, ends);
	if (gone)
		compat_call_rcu(&arena->rcu, arena_free_rcu);
}

/* The pages of a run are in no pool from here on. */
static void arena_disown(struct spot run, unsigned int nr)
{
	unsigned long i, end = run.page + nr;

	for (i = run.page; i < end; i++) {
		WRITE_ONCE(run.arena->cache[i], cache_none);
		WRITE_ONCE(run.arena->start[i], 0);
		/* Of a block that was settled with others before its bit was set. */
		if (unlikely(READ_ONCE(run.arena->late) & BIT(i)))
			clear_bit(i, &run.arena->late);
	}
}

/*
 * A run comes back.  Returns whether the arena is emptied and may go: then,
 * what arena_release() is to be told of it is left in @heads and @free.
 */
static bool arena_put(struct heap_node *hn, struct spot run, unsigned int nr)
{
	struct arena *arena = run.arena;
	u64 heads = arena->heads, present = arena->present;

	lockdep_assert_held(&hn->lock);
	arena_disown(run, nr);
	/* Of the pages of a block, free_pages_prepare() and who makes a folio want that. */
	set_page_private(pool_page(spot_pool(run)), 0);
	arena_unlink(hn, arena);
	arena->free |= page_mask(run.page, nr);
	arena_link(hn, arena);
	hn->free_pages += nr;
	if (arena->free != present || hn->free_pages - hweight64(present) <
				      READ_ONCE(arena->heap->reserve))
		return false;
	arena_detach(hn, arena);
	arena->heads = heads;
	arena->free = present;
	return true;
}

/* Take back the leading runs of @runs that are of the first's node. */
static void arena_give_node(struct hlist_head *runs, struct hlist_head *gone)
{
	struct hlist_node *next;
	struct heap_node *hn;
	unsigned long flags;
	struct pool *pool;
	struct spot run;

	run = map_find_run(hlist_entry(runs->first, struct pool, link));
	hn = arena_node(run.arena);
	raw_spin_lock_irqsave(&hn->lock, flags);
	hlist_for_each_entry_safe(pool, next, runs, link) {
		run = map_find_run(pool);
		if (arena_node(run.arena) != hn)
			break;
		__hlist_del(&pool->link);
		if (arena_put(hn, run, pool->due + POOL_FAR))
			hlist_add_head(&run.arena->link, gone);
	}
	raw_spin_unlock_irqrestore(&hn->lock, flags);
}

void arena_give_runs(struct arena_runs *runs)
{
	struct hlist_node *next;
	struct arena *arena;
	HLIST_HEAD(gone);

	while (!hlist_empty(&runs->list))
		arena_give_node(&runs->list, &gone);
	arena_runs_init(runs);
	hlist_for_each_entry_safe(arena, next, &gone, link)
		arena_release(arena, true, arena->heads,
			      arena->heads | ~arena->free);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(arena_give_runs);

void arena_give(struct pool *pool, unsigned int nr)
{
	struct arena_runs runs;

	arena_runs_init(&runs);
	arena_runs_add(&runs, pool, nr);
	arena_give_runs(&runs);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(arena_give);

/*
 * Cut the blocks that are only in part free into pages, so that the free
 * ones can go.
 */
static void arena_split(struct arena *arena)
{
	u64 ends = arena_ends(arena);
	u64 heads = arena->heads;
	unsigned int head, order;
	u64 mask;

	for (; heads; heads &= heads - 1) {
		head = __ffs64(heads);
		order = block_order(ends, head);
		mask = page_mask(head, 1U << order);
		if (!order || !(arena->free & mask) ||
		    (arena->free & mask) == mask)
			continue;
		backing_pages_split(arena_page(arena, head), order);
		arena->heads |= mask;
	}
}

/* As arena_trim_one(), in an RCU section: the arena's other pages may go meanwhile. */
static size_t arena_trim_first(struct heap_node *hn)
{
	u64 heads, ends, give, some;
	struct arena *arena;
	unsigned long flags;
	bool gone;

	raw_spin_lock_irqsave(&hn->lock, flags);
	some = hn->nonempty & ~BIT_ULL(0);
	if (!some) {
		raw_spin_unlock_irqrestore(&hn->lock, flags);
		return 0;
	}
	arena = hlist_entry(hn->buckets[__ffs64(some)].first, struct arena, link);
	arena_split(arena);
	heads = arena->heads & arena->free;
	ends = arena_ends(arena);
	give = arena_detach(hn, arena);
	gone = !arena->present;
	raw_spin_unlock_irqrestore(&hn->lock, flags);
	arena_release(arena, gone, heads, ends);
	return hweight64(give) * PAGE_SIZE;
}

/* Give back the free pages of the fullest arena that has some.  Returns bytes. */
static size_t arena_trim_one(struct heap_node *hn)
{
	size_t bytes;

	rcu_read_lock();
	bytes = arena_trim_first(hn);
	rcu_read_unlock();
	return bytes;
}

size_t arena_trim(struct pheap *heap)
{
	size_t bytes = 0, one;
	int node;

	for (node = 0; node < nr_node_ids; node++) {
		while ((one = arena_trim_one(&heap->nodes[node])))
			bytes += one;
		WRITE_ONCE(heap->nodes[node].most_pages, 0);
	}
	return bytes;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(arena_trim);

bool arena_is_peak(const struct pheap *heap, int node, unsigned int nr)
{
	const struct heap_node *hn = &heap->nodes[node];

	return READ_ONCE(hn->pages) + nr > READ_ONCE(hn->most_pages);
}

unsigned long arena_free_pages(struct pheap *heap)
{
	unsigned long pages = 0;
	int node;

	for (node = 0; node < nr_node_ids; node++)
		pages += READ_ONCE(heap->nodes[node].free_pages);
	return pages;
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(arena_free_pages);

static void arena_init(struct arena *arena, struct pheap *heap,
		       unsigned long addr, int node)
{
	static_assert(sizeof(*arena) % sizeof(void *) == 0);

	compat_copy_words((void **)arena, (void **)&arena_none,
			  sizeof(*arena) / sizeof(void *));
	arena->heap = heap;
	arena->base = addr & ~(ARENA_SIZE - 1);
	arena->pools = (struct pool *)virt_to_page((void *)arena->base);
	arena->node = node;
}

int arena_prepare_cands(struct arena *arena, gfp_t gfp)
{
	unsigned long *cands, *left;

	if (READ_ONCE(arena->cands))
		return 0;
	cands = backing_meta(arena->heap, ARENA_PAGES * sizeof(*cands), gfp);
	if (IS_ERR(cands))
		return PTR_ERR(cands);
	left = cmpxchg(&arena->cands, NULL, cands) ? cands : NULL;
	backing_meta_free(arena->heap, left);
	return 0;
}

/* The heap's arena in the window of @addr; @spare, if it has none so far. */
static struct arena *arena_at(struct heap_node *hn, struct pheap *heap,
			      unsigned long addr, struct arena **spare)
{
	struct arena *arena = map_find_arena(heap, addr);

	lockdep_assert_held(&hn->lock);
	/* A window may straddle nodes; then it has an arena for each. */
	if (arena && arena_node(arena) == hn) {
		arena_unlink(hn, arena);
		return arena;
	}
	arena = *spare;
	*spare = NULL;
	if (arena) {
		list_add_tail_rcu(&arena->all, &hn->arenas);
		hn->nr_arenas++;
		map_insert(arena);
	}
	return arena;
}

/*
 * Put a block of pages where it belongs, the first @nr of them not free but
 * the caller's.  Returns the first, or NULL for want of @spare.
 */
static struct pool *arena_add(struct pheap *heap, struct page *page,
			      unsigned int order, unsigned int nr,
			      struct arena **spare)
{
	struct heap_node *hn = &heap->nodes[page_to_nid(page)];
	unsigned long addr = (unsigned long)page_address(page);
	unsigned int first = addr >> PAGE_SHIFT & (ARENA_PAGES - 1);
	u64 mask = page_mask(first, 1U << order);
	struct arena *arena;
	unsigned long flags;

	raw_spin_lock_irqsave(&hn->lock, flags);
	arena = arena_at(hn, heap, addr, spare);
	if (arena) {
		WRITE_ONCE(arena->present, arena->present | mask);
		arena->heads |= BIT_ULL(first);
		arena->free |= nr ? mask & ~page_mask(first, nr) : mask;
		arena_link(hn, arena);
		hn->pages += 1UL << order;
		hn->most_pages = max(hn->most_pages, hn->pages);
		hn->free_pages += (1UL << order) - nr;
	}
	raw_spin_unlock_irqrestore(&hn->lock, flags);
	return arena ? &arena->pools[first] : NULL;
}

/* The same, with a new descriptor where the window has none of ours. */
static struct pool *arena_add_new(struct pheap *heap, struct page *page,
				  unsigned int order, unsigned int nr,
				  gfp_t gfp)
{
	unsigned long addr = (unsigned long)page_address(page);
	struct arena *spare = NULL;
	struct pool *pool;

	pool = arena_add(heap, page, order, nr, &spare);
	if (pool)
		return pool;
	spare = backing_arena(heap, gfp);
	if (IS_ERR(spare))
		return ERR_CAST(spare);
	arena_init(spare, heap, addr, page_to_nid(page));
	pool = arena_add(heap, page, order, nr, &spare);
	if (spare)
		backing_arena_free(heap, spare);
	return pool;
}

static struct pool *arena_grow_order(struct pheap *heap, int node,
				     unsigned int order, unsigned int nr,
				     gfp_t gfp)
{
	struct page *page;
	struct pool *pool;

	page = backing_pages(heap, BACKING_PAGES, node, order, gfp);
	if (IS_ERR(page))
		return ERR_CAST(page);
	pool = arena_add_new(heap, page, order, nr, gfp);
	if (IS_ERR(pool))
		backing_pages_free(heap, BACKING_PAGES, page, order);
	return pool;
}

static unsigned int log2_or_0(unsigned long n)
{
	return n ? ilog2(n) : 0;
}

/*
 * Large steps leave pages unused, small ones leave windows in part, and each of
 * those has a descriptor of a third of a page.  Where the page allocator's blocks do
 * not meet in windows, the sum of both is least with steps of about the root of
 * half the pages that are missing there.
 */
static unsigned int arena_scattered_order(const struct heap_node *hn,
					  unsigned long pages)
{
	unsigned long whole = READ_ONCE(hn->nr_arenas) * ARENA_PAGES;
	unsigned long missing = whole > pages ? whole - pages : 0;

	return min(log2_or_0(missing / 2) / 2,
		   log2_or_0(pages / ARENA_GROWTH_MOST));
}

/*
 * The order that suits what the heap holds already, or if it held more before,
 * is on its way there again: that makes no peak higher.
 */
static unsigned int arena_order(const struct heap_node *hn)
{
	unsigned long pages = READ_ONCE(hn->pages);
	unsigned long most = max(READ_ONCE(hn->most_pages), pages);
	unsigned long part = max(pages / ARENA_GROWTH, (most - pages) / 2);

	return clamp(max(log2_or_0(part), arena_scattered_order(hn, pages)),
		     ARENA_ORDER_MIN, ARENA_ORDER);
}

/* Whether there are many free pages, that no run comes of, above the reserve. */
static bool arena_is_scattered(const struct pheap *heap,
			       const struct heap_node *hn)
{
	unsigned long free_pages = READ_ONCE(hn->free_pages);

	return free_pages > READ_ONCE(hn->pages) / ARENA_SCATTERED &&
	       free_pages >= READ_ONCE(heap->reserve) + ARENA_PAGES;
}

/* Before a heap holds more than ever by @pages, up to as many such go. */
static void arena_make_up(struct pheap *heap, int node, unsigned int pages)
{
	struct heap_node *hn = &heap->nodes[node];
	size_t bytes = 0;

	while (bytes < pages * PAGE_SIZE && arena_is_peak(heap, node, pages) &&
	       arena_is_scattered(heap, hn))
		bytes += arena_trim_one(hn);
}

struct pool *arena_grow(struct pheap *heap, int node, unsigned int nr,
			gfp_t gfp)
{
	unsigned int least = get_order((nr ?: 1UL) << PAGE_SHIFT);
	unsigned int order = max(arena_order(&heap->nodes[node]), least);
	gfp_t cheap = (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_NORETRY |
		      __GFP_NOWARN;
	struct pool *pool;

	if (nr)
		arena_make_up(heap, node, 1U << order);
	for (; order > least; order--) {
		pool = arena_grow_order(heap, node, order, nr, cheap);
		if (!IS_ERR(pool))
			return pool;
	}
	return arena_grow_order(heap, node, least, nr, gfp);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(arena_grow);
