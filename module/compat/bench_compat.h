/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the benchmarks need to know about kernel versions.
 */
#ifndef _PHEAP_BENCH_COMPAT_H
#define _PHEAP_BENCH_COMPAT_H

#include <linux/slab.h>

/*
 * A cache that SLUB shares with no other.  Before SLAB_NO_MERGE (6.5), a cache
 * that kmemleak does not watch is not merged, and is like any other otherwise;
 * a constructor, the better known way, makes objects larger and keeps them
 * from being zeroed.  (From 7.0 on, such a cache has no sheaves.)
 */
#ifdef SLAB_NO_MERGE
#define BENCH_SLAB_UNMERGED	SLAB_NO_MERGE
#else
#define BENCH_SLAB_UNMERGED	SLAB_NOLEAKTRACE
#endif

#endif /* _PHEAP_BENCH_COMPAT_H */
