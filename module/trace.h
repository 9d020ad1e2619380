/* SPDX-License-Identifier: GPL-2.0 */
/* trace - tracepoints.  Callable from any layer. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pheap

#if !defined(_PHEAP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PHEAP_TRACE_H

#include <linux/string.h>
#include <linux/tracepoint.h>

#include <pheap/object.h>

/*
 * Names are arrays: the macros for strings differ between kernels.  The number
 * is PHEAP_NAME_MAX + 1, as the events' formats are to show it.
 */
#define TRACE_NAME	32

static_assert(PHEAP_NAME_MAX + 1 == TRACE_NAME);

TRACE_EVENT(pheap_scan_begin,
	TP_PROTO(const struct pheap_gc_info *info),
	TP_ARGS(info),
	TP_STRUCT__entry(
		__array(char, heap, TRACE_NAME)
		__field(u64, scan)
	),
	TP_fast_assign(
		strscpy(__entry->heap, pheap_name(info->heap), TRACE_NAME);
		__entry->scan = info->scan;
	),
	TP_printk("heap=%s scan=%llu", __entry->heap, __entry->scan)
);

TRACE_EVENT(pheap_scan_end,
	TP_PROTO(const struct pheap_gc_info *info),
	TP_ARGS(info),
	TP_STRUCT__entry(
		__array(char, heap, TRACE_NAME)
		__field(u64, scan)
		__field(u64, candidates)
		__field(u64, visited)
		__field(u64, freed)
		__field(u64, bytes)
		__field(u64, finalized)
		__field(u64, left_out)
		__field(u64, nsec)
	),
	TP_fast_assign(
		strscpy(__entry->heap, pheap_name(info->heap), TRACE_NAME);
		__entry->scan = info->scan;
		__entry->candidates = info->candidates;
		__entry->visited = info->visited;
		__entry->freed = info->freed;
		__entry->bytes = info->bytes;
		__entry->finalized = info->finalized;
		__entry->left_out = info->left_out;
		__entry->nsec = info->nsec;
	),
	TP_printk("heap=%s scan=%llu candidates=%llu visited=%llu freed=%llu bytes=%llu finalized=%llu left_out=%llu nsec=%llu",
		  __entry->heap, __entry->scan, __entry->candidates,
		  __entry->visited, __entry->freed, __entry->bytes,
		  __entry->finalized, __entry->left_out, __entry->nsec)
);

TRACE_EVENT(pheap_finalize,
	TP_PROTO(const struct pheap *heap, const struct pheap_type *type,
		 const struct pheap_object *obj),
	TP_ARGS(heap, type, obj),
	TP_STRUCT__entry(
		__array(char, heap, TRACE_NAME)
		__array(char, type, TRACE_NAME)
		__field(const void *, obj)
	),
	TP_fast_assign(
		strscpy(__entry->heap, pheap_name(heap), TRACE_NAME);
		strscpy(__entry->type, pheap_type_name(type), TRACE_NAME);
		__entry->obj = obj;
	),
	TP_printk("heap=%s type=%s object=%p", __entry->heap, __entry->type,
		  __entry->obj)
);

#endif /* _PHEAP_TRACE_H */

/* By the module's own include path. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
