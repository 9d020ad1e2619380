// SPDX-License-Identifier: GPL-2.0
#include <linux/cpuhotplug.h>

#include "cpu.h"
#include "heap.h"
#include "magazine.h"
#include "map.h"

static int cpu_state;

/* Runs elsewhere, when @cpu is dead: nobody uses its magazines any more. */
static int cpu_dead(unsigned int cpu)
{
	struct pheap_cache *cache;
	struct pheap *heap;

	mutex_lock(&heaps_mutex);
	list_for_each_entry(heap, &heaps, link) {
		rcu_read_lock();
		list_for_each_entry_rcu(cache, &heap->caches, link)
			magazine_drain_cpu(cache, cpu);
		rcu_read_unlock();
	}
	mutex_unlock(&heaps_mutex);
	return 0;
}

static int cpu_prepare(unsigned int cpu)
{
	map_set_near(cpu);
	return 0;
}

int cpu_init_hotplug(void)
{
	cpu_state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN,
					      "mm/pheap:prepare", cpu_prepare,
					      cpu_dead);
	return min(cpu_state, 0);
}

void cpu_exit_hotplug(void)
{
	cpuhp_remove_state_nocalls(cpu_state);
}
