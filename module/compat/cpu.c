// SPDX-License-Identifier: GPL-2.0
/* This CPU's number as an offset: see compat_cpu_offset(). */
#include "compat.h"

#if defined(CONFIG_X86) && !defined(CONFIG_UML)
DEFINE_PER_CPU(unsigned long, compat_cpu_number);
EXPORT_PER_CPU_FOR_PHEAP_KUNIT(compat_cpu_number);

void compat_cpu_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		per_cpu(compat_cpu_number, cpu) = cpu * sizeof(void *);
}
#else
void compat_cpu_init(void)
{
}
#endif
