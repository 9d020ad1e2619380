/* SPDX-License-Identifier: GPL-2.0 */
/* report - all messages.  Callable from any layer, without locks held. */
#ifndef _PHEAP_REPORT_H
#define _PHEAP_REPORT_H

#include "internal.h"

/* Misuse, by kind, of all heaps and of none. */
extern atomic_long_t report_counts[PHEAP_BAD_NR];

extern const char *const report_kinds[PHEAP_BAD_NR];

/*
 * Count and report a misuse of @p.  @heap and @cache are NULL and @caller is 0
 * where that is not known.  Returns whether it was printed, not only counted.
 */
bool report_bad(enum pheap_bad kind, struct pheap *heap,
		struct pheap_cache *cache, const void *p,
		unsigned long caller);

/* Count and report a free block that is not as it was left; it is withheld. */
void report_corrupt(struct pheap_cache *cache, void *p);

/* A pointer that is in no arena: tell what it is. */
void report_foreign(const void *p, unsigned long caller);

/* What a debug block says of its past. */
void report_stacks(u32 alloc, u32 free);

/* A state equation that does not hold. */
__printf(2, 3)
void report_invalid(const struct pheap *heap, const char *fmt, ...);

/* A heap that its own finalizer or callback would destroy. */
void report_kept(const struct pheap *heap, unsigned long caller);

/* What a heap or, with @cache, a cache left at its end. */
void report_left(const struct pheap *heap, const struct pheap_cache *cache,
		 unsigned long blocks, unsigned long bytes);

/* A heap that a module left. */
void report_orphan(const struct pheap *heap);

/* Remember where a heap's arenas were when it was destroyed. */
void report_note_arena(const struct arena *arena);

/* Of no destroyed heap is known where it was. */
void report_forget_graves(void);

/* Let the next reports be printed, however many there were. */
void report_reset_limit(void);

#endif /* _PHEAP_REPORT_H */
