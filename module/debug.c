// SPDX-License-Identifier: GPL-2.0
#include <linux/log2.h>
#include <linux/poison.h>
#include <linux/string.h>

#include "debug.h"
#include "report.h"

#define DEBUG_ZONE	SLUB_RED_ACTIVE
#define DEBUG_ZONE_32	(DEBUG_ZONE * 0x01010101U)

size_t debug_block_size(size_t size)
{
	/* Twice, for a power of two, keeps it aligned to itself. */
	if (is_power_of_2(size) && size > sizeof(struct debug_tail))
		return size * 2;
	return ALIGN(size, 8) + sizeof(struct debug_tail);
}

static struct debug_tail *debug_tail(const struct pheap_cache *cache,
				     const void *p)
{
	return (void *)((char *)p + cache->size - sizeof(struct debug_tail));
}

/* Bytes in front of the tail. */
static size_t debug_body(const struct pheap_cache *cache)
{
	return cache->size - sizeof(struct debug_tail);
}

/* What a constructor made stays, and so does a dead object's count. */
static void debug_poison(const struct pheap_cache *cache, void *p)
{
	if (!cache->ctor)
		memset(p + cache->stable, POISON_FREE,
		       debug_body(cache) - cache->stable);
}

static bool debug_is_poisoned(const struct pheap_cache *cache, void *p)
{
	return cache->ctor || !memchr_inv(p + cache->stable, POISON_FREE,
					  debug_body(cache) - cache->stable);
}

void debug_init_pool(const struct pheap_cache *cache, void *base)
{
	struct debug_tail *tail;
	unsigned int i;

	for (i = 0; i < cache->blocks; i++, base += cache->size) {
		tail = debug_tail(cache, base);
		memset(tail, 0, sizeof(*tail));
		tail->zone = DEBUG_ZONE_32;
		debug_poison(cache, base);
	}
}

static void debug_set_zone(struct pheap_cache *cache, void *p, size_t request)
{
	struct debug_tail *tail = debug_tail(cache, p);

	tail->request = request;
	tail->zone = DEBUG_ZONE_32;
	memset(p + request, DEBUG_ZONE, debug_body(cache) - request);
}

static void debug_report(enum pheap_bad kind, struct pheap_cache *cache,
			 void *p, unsigned long caller)
{
	struct debug_tail *tail = debug_tail(cache, p);

	atomic_long_inc(&cache->heap->quarantined);
	if (report_bad(kind, cache->heap, cache, p, caller))
		report_stacks(tail->alloc, tail->free);
}

bool debug_alloc(struct pheap_cache *cache, void *p, size_t request, gfp_t gfp)
{
	struct debug_tail *tail = debug_tail(cache, p);

	compat_kasan_alloc(p, cache->size, cache->size);
	if (tail->zone != DEBUG_ZONE_32 || !debug_is_poisoned(cache, p)) {
		debug_report(PHEAP_BAD_WRITE, cache, p, 0);
		return false;
	}
	if (!cache->ctor)
		memset(p + cache->stable, POISON_INUSE,
		       request - cache->stable);
	debug_set_zone(cache, p, request);
	tail->alloc = compat_stack_save(gfp & ~__GFP_DIRECT_RECLAIM);
	return true;
}

/* What is said of it may have been written over. */
size_t debug_request(const struct pheap_cache *cache, const void *p)
{
	return min_t(size_t, debug_tail(cache, p)->request, cache->usable);
}

/* Whether nothing was written past what was asked for. */
static bool debug_is_intact(const struct pheap_cache *cache, void *p)
{
	struct debug_tail *tail = debug_tail(cache, p);

	compat_kasan_alloc(p, cache->size, cache->size);
	return tail->zone == DEBUG_ZONE_32 && tail->request <= cache->usable &&
	       !memchr_inv(p + tail->request, DEBUG_ZONE,
			   debug_body(cache) - tail->request);
}

bool debug_free(struct pheap_cache *cache, void *p, unsigned long caller)
{
	if (!debug_is_intact(cache, p)) {
		debug_report(PHEAP_BAD_OVERRUN, cache, p, caller);
		return false;
	}
	debug_tail(cache, p)->free = compat_stack_save(GFP_NOWAIT);
	debug_poison(cache, p);
	return true;
}

void debug_resize(struct pheap_cache *cache, void *p, size_t request)
{
	size_t old = debug_request(cache, p);

	/* Its free will tell, of what it was. */
	if (!debug_is_intact(cache, p))
		return;
	if (request > old)
		memset(p + old, POISON_INUSE, request - old);
	debug_set_zone(cache, p, request);
}
