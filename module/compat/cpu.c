// SPDX-License-Identifier: GPL-2.0
/* What each CPU has of its own for the hot path: see pheap/compat.h. */
#include "compat.h"

/* Versions of the symbols below are those of what they lead to. */
#include <pheap/inline.h>

#if defined(CONFIG_X86) && !defined(CONFIG_UML)
DEFINE_PER_CPU(unsigned long, __pheap_cpu_number);
EXPORT_PER_CPU_SYMBOL_GPL(__pheap_cpu_number);

void compat_cpu_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		per_cpu(__pheap_cpu_number, cpu) = cpu * sizeof(void *);
}
#else
void compat_cpu_init(void)
{
}
#endif

#if defined(CONFIG_UML)
struct __pheap_arena **__pheap_near;
EXPORT_SYMBOL_GPL(__pheap_near);

void compat_set_near(int cpu, struct __pheap_arena **near)
{
	__pheap_near = near;
}
#else
DEFINE_PER_CPU(struct __pheap_arena **, __pheap_near);
EXPORT_PER_CPU_SYMBOL_GPL(__pheap_near);

void compat_set_near(int cpu, struct __pheap_arena **near)
{
	per_cpu(__pheap_near, cpu) = near;
}
#endif
