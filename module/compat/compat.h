/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels, architectures and configurations.  Nothing
 * outside this folder tests a version or a CONFIG symbol, but for pheap/compat.h.
 */
#ifndef _PHEAP_COMPAT_H
#define _PHEAP_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "pheap needs Linux 6.1 or newer"
#endif
#if !defined(CONFIG_64BIT)
#error "pheap needs a 64-bit kernel"
#endif

/* Before 6.12, fault-inject.h takes types for granted. */
#include <linux/types.h>

#include <linux/export.h>
#include <linux/fault-inject.h>
#include <linux/gfp.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/objtool.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/stackdepot.h>
#include <linux/stacktrace.h>

#include <pheap/compat.h>

/*
 * Where hot functions begin.  Processors tell loads that need not wait for the stores
 * before them by the low 8 bits of where the load is: that two share those should not
 * hang on the size of what is linked before them.  (On user-mode Linux, a pair of
 * pheap_alloc() took 10 or 21 ns.)  Each has a section, as the assembler jumps over what
 * it fills up, which objtool takes for code that nothing reaches.
 */
#define COMPAT_HOT	256

/* Symbols that only the tests may use. */
#if IS_ENABLED(CONFIG_KUNIT)
#define EXPORT_SYMBOL_FOR_PHEAP_KUNIT(sym)	EXPORT_SYMBOL_GPL(sym)
#else
#define EXPORT_SYMBOL_FOR_PHEAP_KUNIT(sym)	static_assert(sizeof(typeof(sym) *))
#endif

/*
 * An exported function is __pheap_direct: objtool is told that its symbol is no place
 * for an indirect branch.
 */
#if !defined(CONFIG_X86_KERNEL_IBT)
#define COMPAT_DIRECT(sym)	static_assert(sizeof(typeof(sym) *))
#elif defined(ANNOTATE_NOENDBR_SYM)
#define COMPAT_DIRECT(sym)	ANNOTATE_NOENDBR_SYM(sym)
#else
#define COMPAT_DIRECT(sym)						\
	asm(".pushsection .discard.noendbr\n\t"			\
	    ".quad " #sym "\n\t"					\
	    ".popsection")
#endif

/*
 * Checks that a debug kernel makes at each allocation.  On others even asking
 * whether the flags may sleep costs the hot path a branch.
 */
static __always_inline void compat_might_alloc(gfp_t gfp)
{
#if defined(CONFIG_DEBUG_ATOMIC_SLEEP) || defined(CONFIG_LOCKDEP)
	might_alloc(gfp);
#endif
}

/* Whether kmalloc() may sleep whatever the flags. */
#define COMPAT_RT	IS_ENABLED(CONFIG_PREEMPT_RT)

/*
 * The direct map starts here; block addresses less this index the arena map.
 * (On x86-64 a variable, because of KASLR.)
 */
#define COMPAT_DIRECT_MAP	((unsigned long)PAGE_OFFSET)

/*
 * User-mode Linux makes fences of these; where it runs, a store is not seen before
 * those that come before it, nor is a load done before those that do.
 */
#if defined(CONFIG_UML) && defined(__x86_64__)
#define compat_set_release(v, i)	\
	do {				\
		barrier();		\
		atomic_set(v, i);	\
	} while (0)
#define compat_acquire_after_ctrl_dep()	barrier()
#define compat_rmb()			barrier()
#else
#define compat_set_release(v, i)	atomic_set_release(v, i)
#define compat_acquire_after_ctrl_dep()	smp_acquire__after_ctrl_dep()
/* For who says what it pairs with. */
#define compat_rmb()			smp_rmb()
#endif

void compat_cpu_init(void);

/* Where a CPU finds the arenas near it. */
void compat_set_near(int cpu, struct __pheap_arena **near);

/*
 * Both words of a product.  GCC keeps those of an __int128 together, and puts them
 * on the stack for want of registers.
 */
static __always_inline u64 compat_mul(u64 a, u64 b, u64 *high)
{
#if defined(__x86_64__)
	u64 low;

	asm("mulq %3" : "=a" (low), "=d" (*high) : "0" (a), "rm" (b) : "cc");
	return low;
#else
	*high = mul_u64_u64_shr(a, b, 64);
	return a * b;
#endif
}

/* Clear a bit of a word in a register.  Returns whether it was set. */
static __always_inline bool compat_take_bit(u64 *word, unsigned long bit)
{
#if defined(__x86_64__)
	bool was;

	asm("btrq %2, %0" : "+r" (*word), "=@ccc" (was) : "r" (bit));
	return was;
#else
	u64 mask = BIT_ULL(bit % 64);
	bool was = *word & mask;

	*word &= ~mask;
	return was;
#endif
}

/* The same, of a word that the compiler would otherwise keep as it was, too. */
static __always_inline bool compat_take_bit_if(u64 *word, unsigned long bit)
{
#if defined(__x86_64__)
	bool is;

	asm("btq %2, %1" : "=@ccc" (is) : "r" (*word), "r" (bit));
	if (likely(is))
		asm("btrq %1, %0" : "+r" (*word) : "r" (bit));
	return is;
#else
	return compat_take_bit(word, bit);
#endif
}

/*
 * For a few pointers, from the first on.  On x86-64 memcpy() of a few hundred bytes
 * counts bytes, with "rep movsb".
 */
static __always_inline void compat_copy_words(void **to, void **from,
					      unsigned long nr)
{
#if defined(__x86_64__)
	asm volatile("rep movsq" : "+D" (to), "+S" (from), "+c" (nr) : : "memory");
#else
	while (nr--)
		*to++ = *from++;
#endif
}

/* An RCU callback that must not be put off for seconds (CONFIG_RCU_LAZY). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define compat_call_rcu(head, fn)	call_rcu(head, fn)
#else
#define compat_call_rcu(head, fn)	call_rcu_hurry(head, fn)
#endif

/* Largest order of the page allocator. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define COMPAT_MAX_ORDER	(MAX_ORDER - 1)
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define COMPAT_MAX_ORDER	MAX_ORDER
#else
#define COMPAT_MAX_ORDER	MAX_PAGE_ORDER
#endif

/*
 * KASAN.  The public helpers do not link from a module; what does is
 * kasan_poison(), and __asan_allocas_unpoison() whose body is
 * kasan_unpoison(start, end - start).
 */
#if defined(CONFIG_KASAN_GENERIC)
#define COMPAT_KASAN_GRANULE	8
#define COMPAT_KASAN_FREE	0xFB
#define COMPAT_KASAN_REDZONE	0xFC

void kasan_poison(const void *addr, size_t size, u8 value, bool init);
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
void __asan_allocas_unpoison(const void *start, const void *end);
#else
void __asan_allocas_unpoison(void *start, ssize_t end);
#endif

static inline void compat_kasan_free(const void *p, size_t block)
{
	kasan_poison(p, block, COMPAT_KASAN_FREE, false);
}

/* The first @request of @block bytes may be used; a @block of 0 is let be. */
static inline void compat_kasan_alloc(void *p, size_t request, size_t block)
{
	size_t used = round_up(request, COMPAT_KASAN_GRANULE);

	if (request && block)
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
		__asan_allocas_unpoison(p, p + request);
#else
		__asan_allocas_unpoison(p, (ssize_t)(p + request));
#endif
	if (used < block)
		kasan_poison(p + used, block - used, COMPAT_KASAN_REDZONE,
			     false);
}
#else
static inline void compat_kasan_free(const void *p, size_t block)
{
}

static inline void compat_kasan_alloc(void *p, size_t request, size_t block)
{
}
#endif

/* Stacks of allocations and frees, for debug heaps. */
#if defined(CONFIG_STACKDEPOT)
#define COMPAT_STACK_DEPTH	16

static inline int compat_stack_init(void)
{
	return stack_depot_init();
}

static inline u32 compat_stack_save(gfp_t gfp)
{
	unsigned long entries[COMPAT_STACK_DEPTH];
	unsigned int nr = stack_trace_save(entries, ARRAY_SIZE(entries), 2);

	return stack_depot_save(entries, nr, gfp);
}

static inline void compat_stack_print(u32 handle)
{
	unsigned long *entries;
	unsigned int nr = stack_depot_fetch(handle, &entries);

	stack_trace_print(entries, nr, 2);
}
#else
static inline int compat_stack_init(void)
{
	return 0;
}

static inline u32 compat_stack_save(gfp_t gfp)
{
	return 0;
}

static inline void compat_stack_print(u32 handle)
{
}
#endif

/* The kernel's own fault injection: debugfs fail_pheap. */
#if defined(CONFIG_FAULT_INJECTION)
bool compat_should_fail(size_t bytes);
void compat_fault_init(void);
void compat_fault_exit(void);
#else
static inline bool compat_should_fail(size_t bytes)
{
	return false;
}

static inline void compat_fault_init(void)
{
}

static inline void compat_fault_exit(void)
{
}
#endif

/* A shrinker with one static count and scan function. */
struct compat_shrinker_ops {
	const char *name;
	unsigned long (*count)(void);
	unsigned long (*scan)(unsigned long nr);
};

int compat_shrinker_register(const struct compat_shrinker_ops *ops);
void compat_shrinker_unregister(void);

#endif /* _PHEAP_COMPAT_H */
