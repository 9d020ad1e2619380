// SPDX-License-Identifier: GPL-2.0
#define pr_fmt(fmt) "pheap: " fmt

#include <linux/bug.h>
#include <linux/instruction_pointer.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>

#include "cache.h"
#include "map.h"
#include "pool.h"
#include "report.h"

/* Windows of destroyed heaps that are remembered. */
#define REPORT_GRAVES	64

/**
 * struct grave - where an arena of a destroyed heap was
 * @base: its window.
 * @present: its pages.
 * @name: its heap.
 */
struct grave {
	unsigned long base;
	u64 present;
	char name[PHEAP_NAME_MAX + 1];
};

static struct grave graves[REPORT_GRAVES];
static unsigned int nr_graves;
static DEFINE_RAW_SPINLOCK(graves_lock);

static DEFINE_RATELIMIT_STATE(report_limit, 5 * HZ, 10);

atomic_long_t report_counts[PHEAP_BAD_NR];
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(report_counts);

const char *const report_kinds[PHEAP_BAD_NR] = {
	[PHEAP_BAD_FOREIGN] = "foreign",
	[PHEAP_BAD_STALE] = "stale",
	[PHEAP_BAD_MIDDLE] = "middle",
	[PHEAP_BAD_DOUBLE] = "double",
	[PHEAP_BAD_CACHE] = "cache",
	[PHEAP_BAD_SIZE] = "size",
	[PHEAP_BAD_WRITE] = "write",
	[PHEAP_BAD_OVERRUN] = "overrun",
	[PHEAP_BAD_OBJECT] = "object",
	[PHEAP_BAD_COUNT] = "count",
	[PHEAP_BAD_SLOT] = "slot",
};
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(report_kinds);

static const char *const report_texts[PHEAP_BAD_NR] = {
	[PHEAP_BAD_FOREIGN] = "free of a pointer that is not pheap's",
	[PHEAP_BAD_STALE] = "free of a block of a destroyed heap",
	[PHEAP_BAD_MIDDLE] = "free of a pointer that is no block's start",
	[PHEAP_BAD_DOUBLE] = "double free",
	[PHEAP_BAD_CACHE] = "free to a cache that the block is not from",
	[PHEAP_BAD_SIZE] = "free to a heap or with a size that the block is not of",
	[PHEAP_BAD_WRITE] = "block written to after its free, or freed twice",
	[PHEAP_BAD_OVERRUN] = "write past the end of a block",
	[PHEAP_BAD_OBJECT] = "counted object freed, not put",
	[PHEAP_BAD_COUNT] = "count of references is wrong",
	[PHEAP_BAD_SLOT] = "slots are not what the type says",
};

void report_reset_limit(void)
{
	ratelimit_state_init(&report_limit, 5 * HZ, 10);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(report_reset_limit);

static void report_count(enum pheap_bad kind, struct pheap *heap)
{
	atomic_long_inc(&report_counts[kind]);
	if (heap)
		atomic_long_inc(&heap->bad[kind]);
}

static const char *report_kind_of(const struct pheap_cache *cache)
{
	if (cache && cache->type)
		return "type";
	return cache && cache->index == CACHE_NAMED ? "cache" : "class";
}

bool report_bad(enum pheap_bad kind, struct pheap *heap,
		struct pheap_cache *cache, const void *p, unsigned long caller)
{
	report_count(kind, heap);
	if (!__ratelimit(&report_limit))
		return false;
	WARN(1, "pheap: %s: %p, heap '%s', %s '%s' of %u bytes, %s%pS\n",
	     report_texts[kind], p, heap ? heap->name : "?",
	     report_kind_of(cache), cache ? cache->name : "?", cache ? cache->size : 0,
	     caller ? "called by " : "found out in ",
	     (void *)(caller ?: _RET_IP_));
	return true;
}

void report_corrupt(struct pheap_cache *cache, void *p)
{
	atomic_long_inc(&cache->heap->quarantined);
	report_bad(PHEAP_BAD_WRITE, cache->heap, cache, p, 0);
}

static struct grave *report_find_grave(unsigned long base)
{
	unsigned int i;

	lockdep_assert_held(&graves_lock);
	for (i = 0; i < REPORT_GRAVES; i++)
		if (graves[i].base == base)
			return &graves[i];
	return NULL;
}

static bool report_is_slab(const void *p)
{
	return virt_addr_valid(p) && PageSlab(virt_to_head_page(p));
}

/* The name of the heap that had a page, copied; false if none is known. */
static bool report_grave(const void *p, char *name)
{
	unsigned long base = (unsigned long)p & ~(ARENA_SIZE - 1);
	unsigned int page = (unsigned long)p >> PAGE_SHIFT & (ARENA_PAGES - 1);
	struct grave *grave;
	unsigned long flags;
	bool found;

	if (!base || report_is_slab(p))
		return false;
	raw_spin_lock_irqsave(&graves_lock, flags);
	grave = report_find_grave(base);
	found = grave && grave->present & BIT_ULL(page);
	if (found)
		strscpy(name, grave->name, PHEAP_NAME_MAX + 1);
	raw_spin_unlock_irqrestore(&graves_lock, flags);
	return found;
}

void report_note_arena(const struct arena *arena)
{
	struct grave *grave;
	unsigned long flags;

	raw_spin_lock_irqsave(&graves_lock, flags);
	grave = report_find_grave(arena->base) ?:
		&graves[nr_graves++ % REPORT_GRAVES];
	grave->base = arena->base;
	grave->present = arena->present;
	strscpy(grave->name, arena->heap->name, sizeof(grave->name));
	raw_spin_unlock_irqrestore(&graves_lock, flags);
}

void report_forget_graves(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&graves_lock, flags);
	memset(graves, 0, sizeof(graves));
	raw_spin_unlock_irqrestore(&graves_lock, flags);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(report_forget_graves);

/* User addresses last: on user-mode Linux all addresses are below TASK_SIZE. */
static const char *report_what(const void *p)
{
	if ((unsigned long)p < PAGE_SIZE)
		return "in the NULL page";
	if (object_is_on_stack(p))
		return "on the stack";
	if (is_vmalloc_addr(p))
		return "in vmalloc space";
	if (report_is_slab(p))
		return "in a slab";
	if (virt_addr_valid(p))
		return "in a page that is not pheap's";
	if ((unsigned long)p < TASK_SIZE)
		return "a user address";
	return "no memory's address";
}

void report_foreign(const void *p, unsigned long caller)
{
	char name[PHEAP_NAME_MAX + 1];
	bool stale = report_grave(p, name);
	enum pheap_bad kind = stale ? PHEAP_BAD_STALE : PHEAP_BAD_FOREIGN;

	report_count(kind, NULL);
	if (!__ratelimit(&report_limit))
		return;
	WARN(1, "pheap: %s: %p, %s%s, called by %pS\n", report_texts[kind], p,
	     stale ? "of heap " : "", stale ? name : report_what(p),
	     (void *)caller);
}

void report_stacks(u32 alloc, u32 free)
{
	if (alloc) {
		pr_warn("last allocated at:\n");
		compat_stack_print(alloc);
	}
	if (free) {
		pr_warn("last freed at:\n");
		compat_stack_print(free);
	}
}

void report_invalid(const struct pheap *heap, const char *fmt, ...)
{
	struct va_format vaf;
	va_list args;

	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	WARN(1, "pheap: heap '%s' is not valid: %pV\n", heap->name, &vaf);
	va_end(args);
}

void report_kept(const struct pheap *heap, unsigned long caller)
{
	WARN(1, "pheap: heap '%s' is not destroyed: its own finalizer or callback asked for that, %pS\n",
	     heap->name, (void *)caller);
}

void report_left(const struct pheap *heap, const struct pheap_cache *cache,
		 unsigned long blocks, unsigned long bytes)
{
	if (!cache)
		pr_warn("heap '%s' destroyed with %lu blocks, %lu bytes live\n",
			heap->name, blocks, bytes);
	else
		pr_warn("heap '%s': %lu blocks, %lu bytes left in %s '%s'\n",
			heap->name, blocks, bytes,
			report_kind_of(cache), cache->name);
}

void report_orphan(const struct pheap *heap)
{
	pr_warn("module '%s' was unloaded and left heap '%s'\n",
		heap->owner->name, heap->name);
}
