/* SPDX-License-Identifier: GPL-2.0 */
/* cpu - CPUs that go away */
#ifndef _PHEAP_CPU_H
#define _PHEAP_CPU_H

int cpu_init_hotplug(void);
void cpu_exit_hotplug(void);

#endif /* _PHEAP_CPU_H */
