// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes taken from the kernel.
 *
 *	random	many blocks, then 90 % and 99.9 % of them freed at random, each
 *		time followed by all that can be done to give memory back:
 *		kmem_cache_shrink() and pheap_trim()
 *	idle	a heap nobody uses, one with a cache nobody uses, and a hundred
 *		heaps in light use: ten blocks of ten sizes each
 *	meta	how much of 100,000 blocks' memory is not blocks
 *
 * SLUB's bytes are the growth of slab_bytes(), whose comment says which way it
 * errs; pheap's are the statistics of its heap.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include "bench.h"
#include "side.h"

#define MEMORY_SEED	19690720
#define MEMORY_KINDS	4
#define MEMORY_RESCHED	1024

#define RANDOM_COUNT	1000000UL
#define META_COUNT	100000UL
#define IDLE_HEAPS	100

static const size_t memory_mixed[MEMORY_KINDS] = { 16, 64, 256, 512 };

/**
 * struct memory - blocks of one side, of one or several sizes
 * @side: who they are from.
 * @sizes: their sizes: block i is of size i modulo @kinds.
 * @kinds: how many sizes.
 * @slabs: %SIDE_KMEM_CACHE: by kind.
 * @heap: pheap's sides.
 * @caches: %SIDE_PHEAP_CACHE: by kind.
 * @before: slab_bytes() before the first of all this was made.
 * @count: blocks.
 * @blocks: the blocks, %NULL where there is none.
 * @order: the order in which they are freed.
 */
struct memory {
	enum side side;
	const size_t *sizes;
	unsigned int kinds;
	struct kmem_cache *slabs[MEMORY_KINDS];
	struct pheap *heap;
	struct pheap_cache *caches[MEMORY_KINDS];
	s64 before;
	size_t count;
	void **blocks;
	u32 *order;
};

static const enum side memory_sides[] = {
	SIDE_KMEM_CACHE, SIDE_PHEAP_CACHE, SIDE_PHEAP_ALLOC
};

static int memory_open_slab(struct memory *memory, unsigned int kind)
{
	memory->slabs[kind] = side_slab_create(memory->sizes[kind]);
	return memory->slabs[kind] ? 0 : -ENOMEM;
}

static int memory_open_cache(struct memory *memory, unsigned int kind)
{
	struct pheap_cache_args args = { .size = memory->sizes[kind] };
	char name[] = "bench0";

	name[sizeof(name) - 2] += kind;
	memory->caches[kind] = pheap_cache_create(memory->heap, name, &args);
	return PTR_ERR_OR_ZERO(memory->caches[kind]);
}

static int memory_open(struct memory *memory)
{
	unsigned int kind;
	int err = 0;

	memory->before = slab_bytes();
	if (memory->side != SIDE_KMEM_CACHE) {
		memory->heap = pheap_create("bench", NULL);
		err = PTR_ERR_OR_ZERO(memory->heap);
	}
	for (kind = 0; kind < memory->kinds && !err; kind++) {
		if (memory->side == SIDE_KMEM_CACHE)
			err = memory_open_slab(memory, kind);
		else if (memory->side == SIDE_PHEAP_CACHE)
			err = memory_open_cache(memory, kind);
	}
	return err;
}

static void memory_close(struct memory *memory)
{
	unsigned int kind;

	for (kind = 0; kind < memory->kinds; kind++) {
		kmem_cache_destroy(memory->slabs[kind]);
		memory->slabs[kind] = NULL;
		pheap_cache_destroy(memory->caches[kind]);
		memory->caches[kind] = NULL;
	}
	pheap_destroy(memory->heap);
	memory->heap = NULL;
}

static void *memory_alloc(struct memory *memory, size_t i)
{
	unsigned int kind = i % memory->kinds;

	switch (memory->side) {
	case SIDE_KMEM_CACHE:
		return kmem_cache_alloc(memory->slabs[kind], GFP_KERNEL);
	case SIDE_PHEAP_CACHE:
		return pheap_cache_alloc(memory->caches[kind], GFP_KERNEL);
	default:
		return pheap_alloc(memory->heap, memory->sizes[kind],
				   GFP_KERNEL);
	}
}

static void memory_free(struct memory *memory, size_t i)
{
	unsigned int kind = i % memory->kinds;
	void *p = memory->blocks[i];

	memory->blocks[i] = NULL;
	if (!p)
		return;
	switch (memory->side) {
	case SIDE_KMEM_CACHE:
		return kmem_cache_free(memory->slabs[kind], p);
	case SIDE_PHEAP_CACHE:
		return pheap_cache_free(memory->caches[kind], p);
	default:
		return pheap_free(p);
	}
}

static void memory_trim(struct memory *memory)
{
	unsigned int kind;

	if (memory->heap) {
		pheap_trim(memory->heap);
		return;
	}
	for (kind = 0; kind < memory->kinds; kind++)
		kmem_cache_shrink(memory->slabs[kind]);
}

static s64 memory_taken(const struct memory *memory)
{
	struct pheap_stats stats;

	if (!memory->heap)
		return slab_bytes() - memory->before;
	pheap_get_stats(memory->heap, &stats);
	return stats.taken;
}

static int memory_fill(struct memory *memory)
{
	size_t i;

	for (i = 0; i < memory->count; i++) {
		memory->blocks[i] = memory_alloc(memory, i);
		if (!memory->blocks[i])
			return -ENOMEM;
		if (i % MEMORY_RESCHED == 0)
			cond_resched();
	}
	return 0;
}

static void memory_free_some(struct memory *memory, size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to; i++) {
		memory_free(memory, memory->order[i]);
		if (i % MEMORY_RESCHED == 0)
			cond_resched();
	}
}

static void memory_shuffle(u32 *order, size_t n)
{
	struct rnd_state rnd;
	size_t i, j;

	for (i = 0; i < n; i++)
		order[i] = i;
	prandom_seed_state(&rnd, MEMORY_SEED);
	for (i = n; i > 1; i--) {
		j = prandom_u32_state(&rnd) % i;
		swap(order[i - 1], order[j]);
	}
}

/* The size given for it is 0 for mixed sizes. */
static int memory_add(const char *test, const struct memory *memory,
		      const char *what, u64 value)
{
	return result_add(test, memory->kinds > 1 ? 0 : memory->sizes[0],
			  side_name(memory->side), what, RESULT_BYTES, value,
			  1);
}

/* --- random ------------------------------------------------------------ */

static int random_steps(struct memory *memory)
{
	const struct {
		size_t until;
		const char *what;
	} steps[] = {
		{ 0, "peak_bytes" },
		{ mult_frac(memory->count, 900, 1000), "left_90_bytes" },
		{ mult_frac(memory->count, 999, 1000), "left_999_bytes" },
		{ memory->count, "left_all_bytes" },
	};
	size_t i, done = 0;
	int err;

	err = memory_add("random", memory, "blocks", memory->count);
	for (i = 0; i < ARRAY_SIZE(steps) && !err; i++) {
		memory_free_some(memory, done, steps[i].until);
		done = steps[i].until;
		if (done)
			memory_trim(memory);
		err = memory_add("random", memory, steps[i].what,
				 memory_taken(memory));
	}
	return err;
}

static int random_side(struct memory *memory)
{
	int err;

	err = memory_open(memory);
	if (!err) {
		err = memory_fill(memory);
		if (!err)
			err = random_steps(memory);
		memory_free_some(memory, 0, memory->count);
	}
	memory_close(memory);
	if (!err && signal_pending(current))
		err = -EINTR;
	return err;
}

/* No more than what half of the free memory holds. */
static size_t random_fit(const struct memory *memory, size_t count)
{
	size_t i, bytes = sizeof(*memory->blocks) + sizeof(*memory->order);
	struct sysinfo info;
	u64 room;

	for (i = 0; i < memory->kinds; i++)
		bytes += memory->sizes[i] / memory->kinds;
	si_meminfo(&info);
	room = (u64)info.freeram << PAGE_SHIFT;
	return min_t(u64, count, div_u64(room, 2 * bytes));
}

static int random_sizes(const size_t *sizes, unsigned int kinds, size_t count)
{
	struct memory memory = { .sizes = sizes, .kinds = kinds };
	size_t i;
	int err = -ENOMEM;

	memory.count = random_fit(&memory, count);
	memory.blocks = vzalloc(array_size(memory.count, sizeof(void *)));
	memory.order = vmalloc(array_size(memory.count, sizeof(u32)));
	if (memory.blocks && memory.order) {
		memory_shuffle(memory.order, memory.count);
		for (i = 0, err = 0; i < ARRAY_SIZE(memory_sides) && !err; i++) {
			memory.side = memory_sides[i];
			err = random_side(&memory);
		}
	}
	vfree(memory.blocks);
	vfree(memory.order);
	return err;
}

int memory_random(const struct bench_command *command)
{
	size_t count = command->count ?: RANDOM_COUNT;
	const size_t size = command->size;
	size_t i;
	int err = 0;

	result_round(0);
	if (size)
		return random_sizes(&size, 1, count);
	for (i = 0; i < MEMORY_KINDS && !err; i++)
		err = random_sizes(&memory_mixed[i], 1, count);
	return err ?: random_sizes(memory_mixed, MEMORY_KINDS, count);
}

/* --- idle -------------------------------------------------------------- */

static const size_t idle_sizes[] = {
	8, 16, 24, 32, 64, 96, 136, 256, 400, 512
};

static int idle_add(const char *what, s64 taken, size_t n)
{
	return result_add("idle", 0, side_name(SIDE_PHEAP_ALLOC), what,
			  RESULT_BYTES, taken, n);
}

static u64 idle_taken(struct pheap *heap)
{
	struct pheap_stats stats;

	pheap_get_stats(heap, &stats);
	return stats.taken;
}

static int idle_empty(void)
{
	struct pheap_cache_args args = { .size = 64 };
	struct pheap *heap = pheap_create("idle", NULL);
	struct pheap_cache *cache;
	int err;

	if (IS_ERR(heap))
		return PTR_ERR(heap);
	err = idle_add("empty_bytes", idle_taken(heap), 1);
	cache = pheap_cache_create(heap, "idle", &args);
	if (!err)
		err = PTR_ERR_OR_ZERO(cache);
	if (!err)
		err = idle_add("empty_cache_bytes", idle_taken(heap), 1);
	pheap_cache_destroy(cache);
	pheap_destroy(heap);
	return err;
}

/* One block of each size. */
static int idle_use(struct pheap *heap, void **blocks)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(idle_sizes); i++) {
		blocks[i] = pheap_alloc(heap, idle_sizes[i], GFP_KERNEL);
		if (!blocks[i])
			return -ENOMEM;
	}
	return 0;
}

static int idle_light(void)
{
	static struct pheap *heaps[IDLE_HEAPS];
	static void *blocks[IDLE_HEAPS][ARRAY_SIZE(idle_sizes)];
	unsigned int i, made;
	u64 taken = 0;
	char name[16];
	int err = 0;

	memset(blocks, 0, sizeof(blocks));
	for (made = 0; made < IDLE_HEAPS && !err; made++) {
		snprintf(name, sizeof(name), "idle%u", made);
		heaps[made] = pheap_create(name, NULL);
		err = PTR_ERR_OR_ZERO(heaps[made]);
		if (!err)
			err = idle_use(heaps[made], blocks[made]);
		if (!err)
			taken += idle_taken(heaps[made]);
	}
	if (!err)
		err = idle_add("light_bytes", taken, IDLE_HEAPS);
	for (i = 0; i < made; i++) {
		pheap_free_bulk(ARRAY_SIZE(idle_sizes), blocks[i]);
		pheap_destroy(heaps[i]);
	}
	return err;
}

int memory_idle(const struct bench_command *command)
{
	int err;

	result_round(0);
	err = idle_empty();
	return err ?: idle_light();
}

/* --- meta -------------------------------------------------------------- */

static int meta_add(const struct memory *memory)
{
	struct pheap_stats stats;
	int err;

	err = memory_add("meta", memory, "taken_bytes", memory_taken(memory));
	if (err || !memory->heap)
		return err;
	pheap_get_stats(memory->heap, &stats);
	err = memory_add("meta", memory, "live_bytes", stats.live_bytes);
	return err ?: memory_add("meta", memory, "meta_bytes",
				 stats.meta_bytes);
}

static int meta_side(struct memory *memory)
{
	size_t i;
	int err;

	err = memory_open(memory);
	if (!err) {
		err = memory_fill(memory);
		if (!err)
			err = meta_add(memory);
		for (i = 0; i < memory->count; i++)
			memory_free(memory, i);
	}
	memory_close(memory);
	return err;
}

static int meta_size(struct memory *memory, const size_t *size)
{
	size_t i;
	int err = 0;

	memory->sizes = size;
	for (i = 0; i < ARRAY_SIZE(memory_sides) && !err; i++) {
		memory->side = memory_sides[i];
		err = meta_side(memory);
	}
	return err;
}

int memory_meta(const struct bench_command *command)
{
	static const size_t sizes[] = { 16, 64 };
	struct memory memory = { .kinds = 1 };
	size_t i;
	int err = 0;

	result_round(0);
	memory.count = command->count ?: META_COUNT;
	memory.blocks = vzalloc(array_size(memory.count, sizeof(void *)));
	if (!memory.blocks)
		return -ENOMEM;
	if (command->size)
		err = meta_size(&memory, (const size_t[]){ command->size });
	for (i = 0; i < ARRAY_SIZE(sizes) && !command->size && !err; i++)
		err = meta_size(&memory, &sizes[i]);
	vfree(memory.blocks);
	return err;
}
