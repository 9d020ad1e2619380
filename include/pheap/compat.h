/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What inline.h needs to know of processors and configurations.  Not to be included by
 * itself, and nothing in it is for users of pheap.
 */
#ifndef _PHEAP_COMPAT_PUBLIC_H
#define _PHEAP_COMPAT_PUBLIC_H

#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/types.h>

/*
 * Checkers are told of blocks in functions of pheap's own, and a debug kernel's
 * questions at each allocation are asked there.
 */
#if defined(CONFIG_KASAN) || defined(CONFIG_KCSAN) || defined(CONFIG_KMSAN) || \
	defined(CONFIG_LOCKDEP) || defined(CONFIG_DEBUG_ATOMIC_SLEEP)
#define __PHEAP_INLINE	0
#else
#define __PHEAP_INLINE	1
#endif

/*
 * For exported functions which are called through inline ones only, so that nobody has
 * their address: where indirect branches are tracked, they need no place for one.
 */
#if defined(CONFIG_X86_KERNEL_IBT)
#define __pheap_direct	__noendbr
#else
#define __pheap_direct
#endif

/*
 * Preemption off, and the number of this CPU, times 8, for a table of pointers.
 * On x86 a per-CPU variable of our own makes one instruction of the number.
 * User-mode Linux calls a function whenever it needs to know the current task,
 * of which preempt_disable() and preempt_enable() need three: one will do.
 */
#if defined(CONFIG_X86) && !defined(CONFIG_UML)
DECLARE_PER_CPU(unsigned long, __pheap_cpu_number);

static __always_inline unsigned long __pheap_cpu_offset(void)
{
	return raw_cpu_read(__pheap_cpu_number);
}
#else
static __always_inline unsigned long __pheap_cpu_offset(void)
{
	return (unsigned long)raw_smp_processor_id() * sizeof(void *);
}
#endif

#if defined(CONFIG_UML) && defined(CONFIG_SMP) && defined(CONFIG_PREEMPTION) && \
	!defined(CONFIG_DEBUG_PREEMPT) && !defined(CONFIG_TRACE_PREEMPT_TOGGLE)
struct __pheap_pin {
	struct thread_info *thread;
	int count;
};

static __always_inline struct __pheap_pin __pheap_pin(void)
{
	struct __pheap_pin pin = { current_thread_info() };

	pin.count = READ_ONCE(pin.thread->preempt_count);
	WRITE_ONCE(pin.thread->preempt_count, pin.count + 1);
	barrier();
	return pin;
}

static __always_inline unsigned long __pheap_pin_offset(struct __pheap_pin pin)
{
	return (unsigned long)READ_ONCE(pin.thread->cpu) * sizeof(void *);
}

static __always_inline void __pheap_unpin(struct __pheap_pin pin)
{
	barrier();
	/* Whoever came in between left it as it was. */
	WRITE_ONCE(pin.thread->preempt_count, pin.count);
	if (unlikely(!pin.count &&
		     test_ti_thread_flag(pin.thread, TIF_NEED_RESCHED)))
		preempt_schedule();
}
#else
struct __pheap_pin {
};

static __always_inline struct __pheap_pin __pheap_pin(void)
{
	preempt_disable();
	return (struct __pheap_pin) {};
}

static __always_inline unsigned long __pheap_pin_offset(struct __pheap_pin pin)
{
	return __pheap_cpu_offset();
}

static __always_inline void __pheap_unpin(struct __pheap_pin pin)
{
	preempt_enable();
}
#endif

/*
 * Make 0 of a word that is 1, in the face of interrupts on this CPU but no other CPU.
 * Returns false if it was not 1, and leaves it as it was; elsewhere than on x86, where
 * it is one instruction, also if an interrupt came in between.  (BTS would need no undoing,
 * but with memory it is a microprogram on AMD's processors.)
 */
static __always_inline bool __pheap_claim(u32 *word)
{
#if defined(__x86_64__)
	asm goto("decl %0\n\tjnz %l[was_claimed]"
		 : : "m" (*word) : "memory", "cc" : was_claimed);
	return true;
was_claimed:
	/* Whoever comes in between does the same, and is gone before we go on. */
	asm volatile("incl %0" : "+m" (*word));
	return false;
#else
	return READ_ONCE(*word) == 1 && cmpxchg_local(word, 1, 0) == 1;
#endif
}

/*
 * Count a word down that only this CPU uses.  Returns false if it was 0; then it has
 * any value.  GCC would load the word once more.
 */
static __always_inline bool __pheap_count_down(u32 *word)
{
#if defined(__x86_64__)
	asm goto("subl $1, %0\n\tjc %l[was_none]"
		 : : "m" (*word) : "memory", "cc" : was_none);
	return true;
was_none:
	return false;
#else
	return (*word)--;
#endif
}

/*
 * READ_ONCE() of a word.  GCC computes the address of a volatile access first, an
 * instruction or two, where a load takes a sum as it is.
 */
#if defined(__x86_64__) && !defined(CONFIG_KCSAN) && !defined(CONFIG_KASAN)
#define __pheap_load(x)							\
	({								\
		typeof(x) __x;						\
		static_assert(sizeof(__x) == 8);			\
		asm("movq %1, %0" : "=r" (__x) : "m" (x));		\
		__x;							\
	})
#else
#define __pheap_load(x)	READ_ONCE(x)
#endif

/* A pointer that is going to be returned, where it is to be for that. */
static __always_inline void *__pheap_result(void *p)
{
#if defined(__x86_64__)
	asm("" : "+a" (p));
#endif
	return p;
}

/* Whether READ_ONCE() of a word is @v, without a register for it. */
#if defined(__x86_64__) && !defined(CONFIG_KCSAN) && !defined(CONFIG_KASAN)
#define __pheap_is(x, v)						\
	({								\
		bool __is;						\
		static_assert(sizeof(x) == 8);				\
		asm("cmpq %2, %1" : "=@cce" (__is) : "m" (x), "r" (v));	\
		__is;							\
	})
#else
#define __pheap_is(x, v)	(READ_ONCE(x) == (v))
#endif

/* (@a - *@from) * *@by, in one register; GCC takes two and copies. */
static __always_inline u64 __pheap_scale(u64 a, const unsigned long *from,
					 const u64 *by)
{
#if defined(__x86_64__) && !defined(CONFIG_KCSAN) && !defined(CONFIG_KASAN)
	asm("subq %1, %0\n\timulq %2, %0"
	    : "+&r" (a) : "m" (*from), "m" (*by) : "cc");
	return a;
#else
	return (a - READ_ONCE(*from)) * *by;
#endif
}

/*
 * The first arenas of this CPU's node, by window: to others, blocks are given by slower
 * ways.  User-mode Linux has one node, and a slow way to a CPU's variables.
 */
struct __pheap_arena;

#if defined(CONFIG_UML)
extern struct __pheap_arena **__pheap_near;
#define __pheap_table()	READ_ONCE(__pheap_near)
#else
DECLARE_PER_CPU(struct __pheap_arena **, __pheap_near);
#define __pheap_table()	raw_cpu_read(__pheap_near)
#endif

#endif /* _PHEAP_COMPAT_PUBLIC_H */
