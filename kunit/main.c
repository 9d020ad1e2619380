// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

#include "pheap_kunit.h"

unsigned long kunit_seed;
module_param_named(seed, kunit_seed, ulong, 0444);
MODULE_PARM_DESC(seed, "where chance begins; 0: somewhere, and it is printed");

char *kunit_only = "";
module_param_named(only, kunit_only, charp, 0444);
MODULE_PARM_DESC(only, "only cases whose names begin with this; others are skipped");

unsigned int stress_ms = 300;
module_param(stress_ms, uint, 0444);
MODULE_PARM_DESC(stress_ms, "how long each case of stress and races lasts");

static int __init kunit_init(void)
{
	return 0;
}

static void __exit kunit_exit(void)
{
	leak_drop();
	grow_drop();
	fixture_stop();
}

module_init(kunit_init);
module_exit(kunit_exit);

kunit_test_suites(&arena_suite, &partial_suite, &pool_suite, &give_suite,
		  &magazine_suite, &inline_suite, &heap_suite, &cache_suite,
		  &large_suite, &map_suite, &limit_suite, &realloc_suite, &sized_suite,
		  &bulk_suite, &content_suite, &stats_suite, &report_suite,
		  &fault_suite, &node_suite, &defer_suite, &reserve_suite,
		  &context_suite, &race_suite, &stress_suite, &view_suite,
		  &object_suite, &slot_suite, &weak_suite, &frame_suite,
		  &root_suite, &gc_suite, &shape_suite, &rule_suite,
		  &oracle_suite, &scan_suite, &gcstress_suite, &kasan_suite);

MODULE_DESCRIPTION("Tests of pheap");
MODULE_AUTHOR("The pheap authors");
MODULE_LICENSE("GPL");
