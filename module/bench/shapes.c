// SPDX-License-Identifier: GPL-2.0
/*
 * The shapes of two well-known benchmarks, written from their description.
 *
 *	larson	each CPU replaces blocks at random places of an array, and writes
 *		to them; after 100 times as many as have room there it goes on
 *		with an array that the other has left, and frees the other's
 *		blocks (P. Larson, M. Krishnan; numbers of mimalloc-bench)
 *	larson-swap	the same after twice as many: more than a third of what
 *		is freed is the other's
 *	xmalloc	on each CPU one thread allocates blocks of many sizes, writes up
 *		to 128 bytes of each and hands them on in batches, and one takes
 *		and frees such batches (xmalloc-test, of C. Lever, D. Boreham)
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "shared.h"

#define LARSON_COUNT	1000000
#define LARSON_ROUND	(100 * LARSON_SLOTS)
#define LARSON_SWAP	(2 * LARSON_SLOTS)
#define LARSON_OWN	64
#define LARSON_BLOCK	64
#define LARSON_MIN	8
#define LARSON_MAX	1000

#define XMALLOC_COUNT	500000
#define XMALLOC_BATCH	120
#define XMALLOC_QUEUE	100
#define XMALLOC_TOUCH	((size_t)128)

/* Batches in the queue, or in the hands of a thread. */
#define XMALLOC_OWN	(XMALLOC_QUEUE + SHARED_THREADS + 1)

/*
 * Sizes of a cache's blocks; other sides use many sizes.  Where processors fetch cache
 * lines in pairs, two CPUs whose blocks of 64 bytes lie side by side share some.
 */
static const size_t larson_blocks[] = { LARSON_BLOCK, 2 * LARSON_BLOCK, 0 };
static const size_t xmalloc_blocks[] = { 64, 0 };

/* As good as need be, and nearly free: the same for all sides. */
static __always_inline u32 shared_random(u32 *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static __always_inline size_t larson_size(u32 *seed)
{
	return LARSON_MIN + shared_random(seed) % (LARSON_MAX - LARSON_MIN);
}

/* The loop by itself keeps the blocks that it was given. */
static __always_inline void *larson_renew(enum side side, struct side_set *set,
					  void *p, size_t size)
{
	if (side == SIDE_LOOP)
		return p;
	if (likely(p))
		side_free(side, set, p);
	return side_alloc(side, set, size);
}

static __always_inline void larson_touch(u8 *p)
{
	WRITE_ONCE(p[0], 'a');
	READ_ONCE(p[0]);
	WRITE_ONCE(p[1], 'b');
}

static __always_inline bool larson_round(enum side side,
					 struct side_set *set,
					 void **slots, u32 *seed, size_t n)
{
	bool all = true;
	void **slot;

	while (n--) {
		slot = &slots[shared_random(seed) % LARSON_SLOTS];
		*slot = larson_renew(side, set, *slot, larson_size(seed));
		if (likely(*slot))
			larson_touch(*slot);
		else
			all = false;
	}
	return all;
}

static size_t larson_rounds(const struct shared *shared)
{
	return DIV_ROUND_UP(shared->count, shared->step);
}

/*
 * After each round an array is left for the other thread and what that has left
 * is taken.  Nobody waits: what another process does on the machine would then
 * hold up both.
 */
static __always_inline int larson_loop(enum side side,
				       struct shared_thread *thread)
{
	struct shared *shared = thread->shared;
	void **slots = shared->slots[thread - shared->threads];
	size_t rounds = larson_rounds(shared);
	u32 seed = thread->seed;
	bool all = true;

	while (rounds--) {
		all &= larson_round(side, &shared->set, slots, &seed, shared->step);
		slots = xchg(&shared->spare, slots);
	}
	return all ? 0 : -ENOMEM;
}

static int larson_run(struct shared_thread *thread)
{
	switch (thread->shared->side) {
	case SIDE_KMEM_CACHE:
		return larson_loop(SIDE_KMEM_CACHE, thread);
	case SIDE_PHEAP_CACHE:
		return larson_loop(SIDE_PHEAP_CACHE, thread);
	case SIDE_KMALLOC:
		return larson_loop(SIDE_KMALLOC, thread);
	case SIDE_PHEAP_ALLOC:
		return larson_loop(SIDE_PHEAP_ALLOC, thread);
	case SIDE_CACHE_INLINE:
		return larson_loop(SIDE_CACHE_INLINE, thread);
	case SIDE_ALLOC_INLINE:
		return larson_loop(SIDE_ALLOC_INLINE, thread);
	default:
		return larson_loop(SIDE_LOOP, thread);
	}
}

static void *larson_first(struct shared *shared, size_t i, u32 *seed)
{
	size_t size = larson_size(seed);

	if (shared->side == SIDE_LOOP)
		return shared->own + i * LARSON_OWN;
	return side_alloc(shared->side, &shared->set, size);
}

/* All arrays, in no order, as blocks are that have been there for long. */
static bool larson_fill(struct shared *shared)
{
	void **slots = shared->slots[0];
	size_t i, j, n = LARSON_ARRAYS * LARSON_SLOTS;
	u32 seed = 0;

	for (i = 0; i < n; i++) {
		slots[i] = larson_first(shared, i, &seed);
		if (!slots[i])
			return false;
		j = shared_random(&seed) % (i + 1);
		swap(slots[i], slots[j]);
	}
	return true;
}

static void larson_clear(struct shared *shared)
{
	void **slots = shared->slots[0];
	size_t i;

	for (i = 0; i < LARSON_ARRAYS * LARSON_SLOTS; i++) {
		if (slots[i] && shared->side != SIDE_LOOP)
			side_free(shared->side, &shared->set, slots[i]);
		slots[i] = NULL;
	}
}

/* @size is that of all blocks; 0 for mixed sizes. */
static int shared_add_rate(const struct shared_test *test,
			   const struct shared *shared, size_t size, u64 ns,
			   u64 n)
{
	return result_add(test->name, size, side_name(shared->side),
			  "per_second", RESULT_PER_SECOND, ns, n);
}

static int measure_larson(const struct shared_test *test, struct shared *shared)
{
	size_t size = shared->side < SIDE_KMALLOC ? shared->set.size : 0;
	size_t rounds = larson_rounds(shared);
	int err = -ENOMEM;
	unsigned int i;
	u64 ns;

	/* Mixed sizes, which are the same for all sizes of a cache. */
	if (shared->side >= SIDE_KMALLOC && shared->set.size != LARSON_BLOCK)
		return 0;
	for (i = 0; i < 2; i++) {
		shared->threads[i].run = larson_run;
		shared->threads[i].seed = i + 1;
	}
	shared->spare = shared->slots[LARSON_ARRAYS - 1];
	if (larson_fill(shared))
		err = shared_threads_run(shared, 2, &ns);
	larson_clear(shared);
	return err ?: shared_add_rate(test, shared, size, ns,
				      2 * rounds * shared->step);
}

static const u16 xmalloc_sizes[] = {
	8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536
};

struct xmalloc_batch {
	struct list_head list;
	void *blocks[XMALLOC_BATCH];
};

/* What the loop by itself passes on: it allocates neither batch nor block. */
struct xmalloc_own {
	struct xmalloc_batch batch;
	u8 blocks[XMALLOC_BATCH][XMALLOC_TOUCH];
};

static bool xmalloc_has_room(struct shared *shared)
{
	return READ_ONCE(shared->queue.nr) < XMALLOC_QUEUE ||
	       READ_ONCE(shared->failed);
}

static bool xmalloc_has_some(struct shared *shared)
{
	return READ_ONCE(shared->queue.nr) || READ_ONCE(shared->failed);
}

/*
 * Who found the queue full or empty is woken when it is half full: to switch
 * threads for each batch would be most of what is measured.
 */
static void xmalloc_wake(wait_queue_head_t *head, bool half)
{
	if (half && wq_has_sleeper(head))
		wake_up(head);
}

/* The newest is the first that is taken. */
static void xmalloc_put(struct xmalloc_queue *queue,
			struct xmalloc_batch *batch)
{
	bool half;

	spin_lock(&queue->lock);
	list_add(&batch->list, &queue->batches);
	half = ++queue->nr >= XMALLOC_QUEUE / 2;
	spin_unlock(&queue->lock);
	xmalloc_wake(&queue->some, half);
}

static struct xmalloc_batch *xmalloc_take(struct xmalloc_queue *queue)
{
	struct xmalloc_batch *batch;
	bool half = false;

	spin_lock(&queue->lock);
	batch = list_first_entry_or_null(&queue->batches, struct xmalloc_batch,
					 list);
	if (batch) {
		list_del(&batch->list);
		half = --queue->nr <= XMALLOC_QUEUE / 2;
	}
	spin_unlock(&queue->lock);
	xmalloc_wake(&queue->room, half);
	return batch;
}

static struct xmalloc_batch *xmalloc_spare_take(struct xmalloc_queue *queue)
{
	struct xmalloc_batch *batch;

	spin_lock(&queue->lock);
	batch = list_first_entry(&queue->spare, struct xmalloc_batch, list);
	list_del(&batch->list);
	spin_unlock(&queue->lock);
	return batch;
}

static void xmalloc_spare_put(struct xmalloc_queue *queue,
			      struct xmalloc_batch *batch)
{
	spin_lock(&queue->lock);
	list_add(&batch->list, &queue->spare);
	spin_unlock(&queue->lock);
}

static __always_inline void xmalloc_free(enum side side, struct shared *shared,
					 struct xmalloc_batch *batch)
{
	size_t i;

	if (side == SIDE_LOOP) {
		xmalloc_spare_put(&shared->queue, batch);
		return;
	}
	for (i = 0; i < XMALLOC_BATCH && batch->blocks[i]; i++)
		side_free(side, &shared->set, batch->blocks[i]);
	side_free(side, &shared->set, batch);
}

static __always_inline bool xmalloc_fill(enum side side,
					 struct shared_thread *thread,
					 struct xmalloc_batch *batch)
{
	struct side_set *set = &thread->shared->set;
	size_t i, size;

	for (i = 0; i < XMALLOC_BATCH; i++) {
		size = xmalloc_sizes[shared_random(&thread->seed) %
				     ARRAY_SIZE(xmalloc_sizes)];
		if (side != SIDE_LOOP)
			batch->blocks[i] = side_alloc(side, set, size);
		if (unlikely(!batch->blocks[i]))
			return false;
		memset(batch->blocks[i], i, min(size, XMALLOC_TOUCH));
	}
	return true;
}

static __always_inline struct xmalloc_batch *
xmalloc_make(enum side side, struct shared_thread *thread)
{
	struct shared *shared = thread->shared;
	struct xmalloc_batch *batch;

	if (side == SIDE_LOOP)
		batch = xmalloc_spare_take(&shared->queue);
	else
		batch = side_alloc(side, &shared->set, sizeof(*batch));
	if (batch && !xmalloc_fill(side, thread, batch)) {
		xmalloc_free(side, shared, batch);
		return NULL;
	}
	return batch;
}

static void xmalloc_fail(struct shared *shared)
{
	WRITE_ONCE(shared->failed, true);
	wake_up_all(&shared->queue.room);
	wake_up_all(&shared->queue.some);
}

static __always_inline int xmalloc_produce_loop(enum side side,
						struct shared_thread *thread)
{
	struct shared *shared = thread->shared;
	struct xmalloc_batch *batch;
	size_t n;

	for (n = 0; n < shared->count; n += XMALLOC_BATCH) {
		wait_event_idle_exclusive(shared->queue.room,
					  xmalloc_has_room(shared));
		if (READ_ONCE(shared->failed))
			break;
		batch = xmalloc_make(side, thread);
		if (!batch) {
			xmalloc_fail(shared);
			break;
		}
		xmalloc_put(&shared->queue, batch);
	}
	/* Less than half of the queue may be left of the last. */
	wake_up_all(&shared->queue.some);
	return 0;
}

static __always_inline int xmalloc_consume_loop(enum side side,
						struct shared_thread *thread)
{
	struct shared *shared = thread->shared;
	struct xmalloc_batch *batch;

	while (atomic_dec_if_positive(&shared->queue.tickets) >= 0) {
		do {
			wait_event_idle_exclusive(shared->queue.some,
						  xmalloc_has_some(shared));
			batch = xmalloc_take(&shared->queue);
		} while (!batch && !READ_ONCE(shared->failed));
		if (!batch)
			break;
		xmalloc_free(side, shared, batch);
	}
	return 0;
}

static int xmalloc_produce(struct shared_thread *thread)
{
	switch (thread->shared->side) {
	case SIDE_KMALLOC:
		return xmalloc_produce_loop(SIDE_KMALLOC, thread);
	case SIDE_PHEAP_ALLOC:
		return xmalloc_produce_loop(SIDE_PHEAP_ALLOC, thread);
	case SIDE_ALLOC_INLINE:
		return xmalloc_produce_loop(SIDE_ALLOC_INLINE, thread);
	default:
		return xmalloc_produce_loop(SIDE_LOOP, thread);
	}
}

static int xmalloc_consume(struct shared_thread *thread)
{
	switch (thread->shared->side) {
	case SIDE_KMALLOC:
		return xmalloc_consume_loop(SIDE_KMALLOC, thread);
	case SIDE_PHEAP_ALLOC:
		return xmalloc_consume_loop(SIDE_PHEAP_ALLOC, thread);
	case SIDE_ALLOC_INLINE:
		return xmalloc_consume_loop(SIDE_ALLOC_INLINE, thread);
	default:
		return xmalloc_consume_loop(SIDE_LOOP, thread);
	}
}

static void xmalloc_own_init(struct xmalloc_queue *queue,
			     struct xmalloc_own *own)
{
	size_t i;

	for (i = 0; i < XMALLOC_BATCH; i++)
		own->batch.blocks[i] = own->blocks[i];
	list_add(&own->batch.list, &queue->spare);
}

static void xmalloc_queue_init(struct xmalloc_queue *queue, size_t batches,
			       struct xmalloc_own *own)
{
	size_t i;

	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->batches);
	INIT_LIST_HEAD(&queue->spare);
	for (i = 0; i < XMALLOC_OWN; i++)
		xmalloc_own_init(queue, &own[i]);
	queue->nr = 0;
	atomic_set(&queue->tickets, batches);
	init_waitqueue_head(&queue->room);
	init_waitqueue_head(&queue->some);
}

static int measure_xmalloc(const struct shared_test *test,
			   struct shared *shared)
{
	size_t batches = DIV_ROUND_UP(shared->count, XMALLOC_BATCH);
	struct xmalloc_batch *batch;
	unsigned int i;
	u64 ns;
	int err;

	/* A cache has blocks of one size. */
	if (shared->side != SIDE_LOOP && shared->side < SIDE_KMALLOC)
		return 0;
	xmalloc_queue_init(&shared->queue, 2 * batches, shared->own);
	for (i = 0; i < SHARED_THREADS; i++) {
		shared->threads[i].run = i < 2 ? xmalloc_produce :
						 xmalloc_consume;
		shared->threads[i].seed = i;
	}
	err = shared_threads_run(shared, SHARED_THREADS, &ns);
	while ((batch = xmalloc_take(&shared->queue)))
		xmalloc_free(shared->side, shared, batch);
	return err ?: shared_add_rate(test, shared, 0, ns,
				      2 * batches * XMALLOC_BATCH);
}

int shared_larson(const struct bench_command *command)
{
	static const struct shared_test test = {
		"larson", larson_blocks, LARSON_COUNT, LARSON_ROUND,
		LARSON_ARRAYS * LARSON_SLOTS * LARSON_OWN, measure_larson
	};

	return shared_run(&test, command);
}

int shared_larson_swap(const struct bench_command *command)
{
	static const struct shared_test test = {
		"larson-swap", larson_blocks, LARSON_COUNT, LARSON_SWAP,
		LARSON_ARRAYS * LARSON_SLOTS * LARSON_OWN, measure_larson
	};

	return shared_run(&test, command);
}

int shared_xmalloc(const struct bench_command *command)
{
	static const struct shared_test test = {
		"xmalloc", xmalloc_blocks, XMALLOC_COUNT, 1,
		XMALLOC_OWN * sizeof(struct xmalloc_own), measure_xmalloc
	};

	return shared_run(&test, command);
}
