/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pheap objects - counted objects, and a collector for their cycles
 *
 * An object is a structure that begins with a &struct pheap_object and lives
 * in a heap.  It holds references to other objects in slots, which its type
 * declares, and which are read and written only through the functions here.
 * It ends when its last reference is put; objects that only refer to each
 * other end when the collector finds them.
 *
 *	struct node {
 *		struct pheap_object obj;
 *		struct pheap_slot next;
 *		int value;
 *	};
 *
 *	static const size_t node_slots[] = { offsetof(struct node, next) };
 *	static const struct pheap_type_ops node_ops = {
 *		.name = "node",
 *		.size = sizeof(struct node),
 *		.slots = node_slots,
 *		.nr_slots = ARRAY_SIZE(node_slots),
 *	};
 *
 * A function that takes an object, a slot or its owner expects the caller to
 * hold a reference on that object, or on one from which it is known to be
 * reachable meanwhile.  A raw pointer found by other means (read from a slot
 * without pheap_slot_get(), kept past the last pheap_put()) must not be given
 * to pheap_get(): the collector could not see such a reference come.
 *
 * "Any context but NMI." is as in pheap.h.  Nothing here that is for any
 * context takes a lock that the collector holds, or waits for it.
 */
#ifndef _PHEAP_OBJECT_H
#define _PHEAP_OBJECT_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include <pheap/pheap.h>

struct pheap_type;

/**
 * struct pheap_object - what an object begins with
 *
 * 8 bytes, not to be touched.  (CPython: 16, and 16 more for an object that
 * the collector sees.)
 *
 * Within, a count of references in steps of %__PHEAP_ONE, with flags below that
 * and negative if references are not counted; and a word of the collector's.
 */
struct pheap_object {
	/* private: */
	atomic_t __rc;
	u32 __gc;
} __aligned(8);

/**
 * struct pheap_slot - a counted reference that an object holds
 *
 * Opaque.  All bytes zero is an empty one, which is how objects are born.
 */
struct pheap_slot {
	/* private: */
	struct pheap_object __rcu *__to;
};

/*
 * Flags in pheap_object.__rc.  Reserved to this header and the module.
 *
 * DIRTY: somebody may have come to hold, or have moved, a reference since the
 * collector looked.  CONDEMNED: weak readers must ask the collector first.
 * FINALIZED: the finalizer has run.  PENDING: dead, and waiting for a worker.
 */
#define __PHEAP_DIRTY		0x1
#define __PHEAP_CONDEMNED	0x2
#define __PHEAP_FINALIZED	0x4
#define __PHEAP_PENDING		0x8
#define __PHEAP_ONE		0x10

/* Most references that an object can count; one more pins it for ever. */
#define PHEAP_COUNT_MAX		(INT_MAX / __PHEAP_ONE)

/**
 * enum pheap_type_flags - how a type's objects behave
 * @PHEAP_TYPE_ACYCLIC: objects have no slots, or none through which they could
 *	reach themselves; the collector never looks at them.
 * @PHEAP_TYPE_IMMUTABLE: slots are written only by the creator, before anybody
 *	else has a reference, and each only once.  If all are filled, with what
 *	can't be part of a cycle, the collector does not look at the object
 *	again (CPython: tuples).
 * @PHEAP_TYPE_SIZED: each object has a size of its own: pheap_new_sized().
 * @PHEAP_TYPE_RCU: an object's memory stays as its end left it until a grace
 *	period has passed.  Without it, memory that pheap_slot_peek() gave may
 *	become another object of the type within the RCU section.  Implied by
 *	a @traverse function.
 * @PHEAP_TYPE_RELEASE_ANYWHERE: @release may be called in whichever context the
 *	last reference is put.  Without it, it is called from a worker.
 */
enum pheap_type_flags {
	PHEAP_TYPE_ACYCLIC		= BIT(0),
	PHEAP_TYPE_IMMUTABLE		= BIT(1),
	PHEAP_TYPE_SIZED		= BIT(2),
	PHEAP_TYPE_RCU			= BIT(3),
	PHEAP_TYPE_RELEASE_ANYWHERE	= BIT(4),
};

/**
 * struct pheap_visit - a walk over an object's slots
 * What a @traverse function is given, to be passed on to pheap_visit_slot().
 */
struct pheap_visit {
	/* private: */
	void (*fn)(struct pheap_visit *visit, struct pheap_slot *slot);
};

/**
 * pheap_visit_slot() - tell of a slot
 * @visit: what @traverse was given.
 * @slot: a slot of the object.
 *
 * Context: From @traverse.
 */
static inline void pheap_visit_slot(struct pheap_visit *visit,
				    struct pheap_slot *slot)
{
	visit->fn(visit, slot);
}

/**
 * struct pheap_weaks - the weak references to an object
 *
 * Opaque.  An object that can be weakly referenced has one, and its type says
 * where.
 */
struct pheap_weaks {
	/* private: */
	struct hlist_head __first;
};

/**
 * struct pheap_type_ops - what a type is
 * @name: 1 ... %PHEAP_NAME_MAX printable characters without white space or
 *	'/', unique among the heap's types and caches; copied.
 * @size: bytes of an object, its &struct pheap_object included: 8 ... 128 KiB
 *	(below 16, it takes 16).  With %PHEAP_TYPE_SIZED, the least size.
 * @align: alignment: 0 (natural: 8), or a power of two up to %PAGE_SIZE.
 * @flags: &enum pheap_type_flags.
 * @slots: offsets of the slots in an object, for types whose slots lie at
 *	fixed places; the collector makes no call per object then.
 * @nr_slots: how many, up to 32.
 * @slot_array: offset of an array of slots that goes on to the end of the
 *	object, or 0.  With %PHEAP_TYPE_SIZED, to the end of its own size.
 * @traverse: calls pheap_visit_slot() for each slot; instead of a table.  Is
 *	called at any time from the object's creation to a grace period after
 *	its end, while others write slots, in an RCU section: must not sleep,
 *	use the heap, or look at anything that does not live as long.  To leave
 *	a slot out is safe: what hangs on it is never collected, and is
 *	reported when the heap is destroyed.  To report one twice is found out
 *	and reported, and the object is taken for live.
 * @weaks: offset of a &struct pheap_weaks in the object, or 0 if there can be
 *	no weak references.
 * @finalize: called at most once per object, before anything of it or of the
 *	garbage that it is part of has been cleared, from a worker, without a
 *	lock held.  May store, take and create references, so that the object
 *	or others live on; may sleep.  Must not destroy the heap.
 * @release: called at the end of an object, when its slots are or are about to
 *	be emptied, to free what it holds outside the heap.  Must not use its
 *	slots or take a reference to it.  See %PHEAP_TYPE_RELEASE_ANYWHERE.
 *
 * The structure must stay while the type does; @finalize and @release are
 * called until then.
 */
struct pheap_type_ops {
	const char *name;
	size_t size;
	size_t align;
	unsigned int flags;
	const size_t *slots;
	unsigned int nr_slots;
	size_t slot_array;
	void (*traverse)(struct pheap_object *obj, struct pheap_visit *visit);
	size_t weaks;
	void (*finalize)(struct pheap_object *obj);
	void (*release)(struct pheap_object *obj);
};

/**
 * pheap_type_register() - make a type of objects
 * @heap: heap that they live in.
 * @ops: what they are.
 *
 * A type lasts as long as its heap; there is no call to end it, as objects of
 * it may be anywhere.  Objects lie in pools even in a heap of
 * %PHEAP_PASSTHROUGH.
 *
 * Context: Process context. May sleep.
 * Return: the type, or an ERR_PTR(): -EINVAL for a bad name, size, alignment,
 * offset, unknown flags, both a table and a function, or %PHEAP_TYPE_ACYCLIC
 * with %PHEAP_TYPE_IMMUTABLE; -EEXIST; -ENOMEM.
 */
struct pheap_type *pheap_type_register(struct pheap *heap,
				       const struct pheap_type_ops *ops);

/**
 * pheap_new_plain() - make an object that need not be zeroed
 * @type: as for pheap_new().
 * @gfp: GFP flags, without %__GFP_ZERO.
 *
 * Use pheap_new(), which calls this where it can.
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: the object, or %NULL.
 */
void *pheap_new_plain(struct pheap_type *type, gfp_t gfp) __malloc;

/**
 * pheap_new_any() - make an object
 * @type: as for pheap_new().
 * @gfp: GFP flags.
 *
 * Use pheap_new(), which calls this where it must.
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: the object, or %NULL.
 */
void *pheap_new_any(struct pheap_type *type, gfp_t gfp) __malloc;

/**
 * pheap_new() - make an object
 * @type: a type, not of %PHEAP_TYPE_SIZED.
 * @gfp: GFP flags.
 *
 * The object has one reference, the caller's.  Its slots are empty; of the
 * rest, an object of a type with a @traverse function is zeroed, as is one
 * with %__GFP_ZERO.  A heap at its limit collects before it refuses, if @gfp
 * allows sleeping.
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: the object, which begins with its &struct pheap_object, or %NULL.
 */
static __always_inline void *pheap_new(struct pheap_type *type, gfp_t gfp)
{
	if (__builtin_constant_p(gfp & __GFP_ZERO) && !(gfp & __GFP_ZERO))
		return pheap_new_plain(type, gfp);
	return pheap_new_any(type, gfp);
}

/**
 * pheap_new_sized() - make an object of a size of its own
 * @type: a type of %PHEAP_TYPE_SIZED.
 * @size: bytes, from the type's own size up to 128 KiB.
 * @gfp: GFP flags.
 *
 * As pheap_new().
 *
 * Context: Any context but NMI. May sleep if @gfp allows.
 * Return: the object, or %NULL, also for a bad @size.
 */
void *pheap_new_sized(struct pheap_type *type, size_t size, gfp_t gfp)
	__malloc __alloc_size(2);

/* The slow sides of what follows, not to be called; see module/object.c. */
void __pheap_get_slow(struct pheap_object *obj, int old);
void __pheap_put_slow(struct pheap_object *obj, int old);
void __pheap_touch_slow(struct pheap_object *obj);

/*
 * A section keeps the collector from trusting what is half done.  RCU readers
 * are what it waits for, and code with preemption off is one.
 */
static __always_inline void __pheap_section_begin(void)
{
	preempt_disable();
}

static __always_inline void __pheap_section_end(void)
{
	preempt_enable();
}

/* In a section.  What is born or becomes reachable anew is not yet trusted. */
static __always_inline void __pheap_touch(struct pheap_object *obj)
{
	int old = atomic_fetch_or(__PHEAP_DIRTY, &obj->__rc);

	if (unlikely(!(old & __PHEAP_DIRTY)))
		__pheap_touch_slow(obj);
}

/* In a section, which it ends. */
static __always_inline void __pheap_put(struct pheap_object *obj)
{
	int old = atomic_fetch_sub_release(__PHEAP_ONE, &obj->__rc);

	if (likely(old >= 2 * __PHEAP_ONE && old & __PHEAP_DIRTY))
		__pheap_section_end();
	else
		__pheap_put_slow(obj, old);
}

/* In a section.  A reference that is about to be stored. */
static __always_inline void __pheap_get_touched(struct pheap_object *obj)
{
	/* Fully ordered: what sees the store sees the mark too. */
	int old = atomic_fetch_add(__PHEAP_ONE, &obj->__rc);

	if (unlikely(old < __PHEAP_ONE))
		__pheap_get_slow(obj, old);
	if (unlikely(!(old & __PHEAP_DIRTY)))
		__pheap_touch(obj);
}

/**
 * pheap_get() - take one more reference
 * @obj: an object that the caller holds a reference on; not %NULL.
 *
 * One atomic operation.  An object with %PHEAP_COUNT_MAX references is pinned
 * for ever, and reported; so is a dead one, which stays dead.
 *
 * Context: Any context but NMI.
 * Return: @obj.
 */
static inline struct pheap_object *pheap_get(struct pheap_object *obj)
{
	int old = atomic_fetch_add_relaxed(__PHEAP_ONE, &obj->__rc);

	if (unlikely(old < __PHEAP_ONE))
		__pheap_get_slow(obj, old);
	return obj;
}

/**
 * pheap_put() - give up a reference
 * @obj: an object, or %NULL, for which nothing is done.
 *
 * One atomic operation.  The last reference ends the object: its weak
 * references are cleared, @finalize and @release called as its type says, what
 * its slots hold is put, and its memory is free.  A chain of ends is not
 * recursive; beyond some 64 objects a worker goes on with it.
 *
 * Context: Any context but NMI.
 */
static inline void pheap_put(struct pheap_object *obj)
{
	if (!obj)
		return;
	__pheap_section_begin();
	__pheap_put(obj);
}

/* In a section, which it ends.  The old value's reference ends too. */
static __always_inline void __pheap_slot_store(struct pheap_slot *slot,
					       struct pheap_object *obj)
{
	struct pheap_object *old;

	old = (__force struct pheap_object *)
		xchg(&slot->__to, (__force struct pheap_object __rcu *)obj);
	if (old)
		__pheap_put(old);
	else
		__pheap_section_end();
}

/**
 * pheap_slot_set() - store a reference
 * @owner: object that @slot is in.
 * @slot: the slot.
 * @obj: what to store, or %NULL; the slot takes a reference of its own.
 *
 * What the slot held is put.  Safe against others that read or write the same
 * slot.
 *
 * Context: Any context but NMI.
 */
static inline void pheap_slot_set(struct pheap_object *owner,
				  struct pheap_slot *slot,
				  struct pheap_object *obj)
{
	__pheap_section_begin();
	if (obj)
		__pheap_get_touched(obj);
	__pheap_slot_store(slot, obj);
}

/**
 * pheap_slot_move() - store the caller's reference
 * @owner: object that @slot is in.
 * @slot: the slot.
 * @obj: what to store, or %NULL; the caller's reference goes in.
 *
 * As pheap_slot_set(), after which the caller puts @obj.
 *
 * Context: Any context but NMI.
 */
static inline void pheap_slot_move(struct pheap_object *owner,
				   struct pheap_slot *slot,
				   struct pheap_object *obj)
{
	__pheap_section_begin();
	if (obj)
		__pheap_touch(obj);
	__pheap_slot_store(slot, obj);
}

/**
 * pheap_slot_take() - take the reference out of a slot
 * @owner: object that @slot is in.
 * @slot: the slot, which is empty afterwards.
 *
 * Context: Any context but NMI.
 * Return: what it held, with the slot's reference; %NULL if it was empty.
 */
static inline struct pheap_object *pheap_slot_take(struct pheap_object *owner,
						   struct pheap_slot *slot)
{
	struct pheap_object *old;

	__pheap_section_begin();
	old = (__force struct pheap_object *)xchg(&slot->__to, NULL);
	if (old)
		__pheap_touch(old);
	__pheap_section_end();
	return old;
}

/**
 * pheap_slot_clear() - empty a slot
 * @owner: object that @slot is in.
 * @slot: the slot.
 *
 * Context: Any context but NMI.
 */
static inline void pheap_slot_clear(struct pheap_object *owner,
				    struct pheap_slot *slot)
{
	pheap_slot_set(owner, slot, NULL);
}

/**
 * pheap_slot_get() - read a slot
 * @owner: object that @slot is in.
 * @slot: the slot.
 *
 * Safe against others that write the slot at the same time.
 *
 * Context: Any context but NMI.
 * Return: what the slot holds, with a reference for the caller; %NULL if it is
 * empty.
 */
struct pheap_object *pheap_slot_get(struct pheap_object *owner,
				    const struct pheap_slot *slot);

/**
 * pheap_slot_peek() - look at a slot
 * @slot: the slot.
 *
 * Gives no reference, and none may be made of it: pheap_slot_get() is for that.
 * The object may end at any time: with %PHEAP_TYPE_RCU, or a @traverse function,
 * its memory can be looked at until the end of the RCU section; else only the
 * pointer, to compare it.
 *
 * Context: In an RCU section. Any context but NMI.
 * Return: what the slot holds, or %NULL.
 */
static inline const struct pheap_object *
pheap_slot_peek(const struct pheap_slot *slot)
{
	return rcu_dereference_check(slot->__to, rcu_read_lock_any_held());
}

/**
 * struct pheap_weak - a weak reference
 *
 * Wherever its user keeps it; not counted.  Must be initialised before any
 * other use, and cleared before its memory goes.
 */
struct pheap_weak {
	/* private: */
	struct pheap_object *__obj;
	struct hlist_node __link;
	void (*__callback)(struct pheap_weak *weak);
};

/**
 * pheap_weak_init() - refer weakly to an object
 * @weak: a weak reference that was never used, or that pheap_weak_clear() was called for
 *	since: of one whose object has ended the callback may be due yet.
 * @obj: an object, or %NULL for a reference that is clear.
 * @callback: called once after the object is gone, or %NULL: from a worker,
 *	after all weak references to what ends with it are clear, before any
 *	finalizer.  Not called if @weak is cleared before.
 *
 * Context: Any context but NMI.
 * Return: 0, or -EOPNOTSUPP if the object's type has no @weaks.
 */
int pheap_weak_init(struct pheap_weak *weak, struct pheap_object *obj,
		    void (*callback)(struct pheap_weak *weak));

/**
 * pheap_weak_get() - make a counted reference of a weak one
 * @weak: a weak reference.
 *
 * Never gives an object that the collector has made up its mind about.
 *
 * Context: Any context but NMI.
 * Return: the object with a reference for the caller, or %NULL if it is gone.
 */
struct pheap_object *pheap_weak_get(struct pheap_weak *weak);

/**
 * pheap_weak_clear() - end a weak reference
 * @weak: a weak reference, clear or not.
 *
 * Its memory may be freed after a grace period, and at once if nobody else
 * reads it; a callback that has begun is not waited for.
 *
 * Context: Any context but NMI.
 */
void pheap_weak_clear(struct pheap_weak *weak);

/* References of a frame that need no memory. */
#define PHEAP_FRAME_INLINE	8

/* Most references in one frame. */
#define PHEAP_FRAME_MAX		65536

struct pheap_frame_chunk;

/**
 * struct pheap_frame - references that end with a scope
 *
 * Made by DEFINE_PHEAP_FRAME().
 */
struct pheap_frame {
	/* private: */
	struct pheap *__heap;
	unsigned int __nr;
	struct pheap_frame_chunk *__more;
	struct pheap_object *__to[PHEAP_FRAME_INLINE];
};

/**
 * pheap_frame_exit() - put all references of a frame
 * @frame: the frame, which is empty afterwards.
 *
 * In reverse order.  Is called by itself when the scope is left.
 *
 * Context: Any context but NMI.
 */
void pheap_frame_exit(struct pheap_frame *frame);

/**
 * DEFINE_PHEAP_FRAME() - a frame for the rest of this scope
 * @frame: its name.
 * @heap: heap that it takes memory from if it holds more than
 *	%PHEAP_FRAME_INLINE references.
 */
#define DEFINE_PHEAP_FRAME(frame, heap)					\
	struct pheap_frame frame __attribute__((__cleanup__(pheap_frame_exit))) = \
		{ .__heap = (heap) }

/**
 * pheap_local() - let a reference end with the scope
 * @frame: a frame.
 * @obj: an object, whose reference by the caller becomes the frame's; or %NULL.
 *
 * Context: Any context but NMI. Does not sleep.
 * Return: @obj; %NULL, with the reference put, if the frame is full or has no
 * memory for it.
 */
struct pheap_object *pheap_local(struct pheap_frame *frame,
				 struct pheap_object *obj);

/**
 * pheap_escape() - let a reference outlive the scope
 * @frame: a frame.
 * @obj: an object that the frame holds a reference on.
 *
 * Context: Any context but NMI.
 * Return: @obj, with the frame's last reference on it now the caller's; %NULL
 * if the frame has none.
 */
struct pheap_object *pheap_escape(struct pheap_frame *frame,
				  struct pheap_object *obj);

/**
 * pheap_root_set() - name an object
 * @heap: a heap.
 * @name: as for a heap.
 * @obj: an object of any heap; the root takes a reference of its own.  What had
 *	the name before is put.
 *
 * Context: Process context. May sleep.
 * Return: 0, -EINVAL for a bad name or no object, -ENOMEM.
 */
int pheap_root_set(struct pheap *heap, const char *name,
		   struct pheap_object *obj);

/**
 * pheap_root_get() - find an object by name
 * @heap: a heap.
 * @name: a name.
 *
 * Context: Process context. May sleep.
 * Return: the object with a reference for the caller, or %NULL.
 */
struct pheap_object *pheap_root_get(struct pheap *heap, const char *name);

/**
 * pheap_root_del() - forget a name
 * @heap: a heap.
 * @name: a name.
 *
 * Context: Process context. May sleep.
 * Return: 0, or -ENOENT.
 */
int pheap_root_del(struct pheap *heap, const char *name);

/**
 * pheap_immortal() - count an object no more
 * @obj: an object that the caller holds.
 *
 * It lives as long as its heap, whatever is got and put (CPython: PEP 683).
 * What it refers to lives as long as its slots say so.
 *
 * Context: Any context but NMI.
 */
void pheap_immortal(struct pheap_object *obj);

/**
 * struct pheap_gc_info - what a collection did
 * @heap: heap.
 * @scan: number of the scan, from 1.
 * @candidates: objects that it began with.
 * @visited: objects that it looked at.
 * @freed: objects that it freed.
 * @bytes: of those.
 * @finalized: finalizers that it called.
 * @left_out: candidates that it could not decide on, and looks at again.
 * @nsec: how long it took.
 */
struct pheap_gc_info {
	struct pheap *heap;
	u64 scan;
	u64 candidates;
	u64 visited;
	u64 freed;
	u64 bytes;
	u64 finalized;
	u64 left_out;
	u64 nsec;
};

/**
 * typedef pheap_gc_fn - what is told of collections
 * @info: of the scan; at the start, only heap and number are filled in.
 * @arg: as given.
 */
typedef void (*pheap_gc_fn)(const struct pheap_gc_info *info, void *arg);

/**
 * pheap_gc_callbacks() - be told of collections
 * @heap: a heap.
 * @start: called before each scan, or %NULL.
 * @end: called after each scan, or %NULL.
 * @arg: passed to both.
 *
 * Called without a lock held; may sleep.  There is one pair for a heap.
 *
 * Context: Process context. May sleep.
 */
void pheap_gc_callbacks(struct pheap *heap, pheap_gc_fn start, pheap_gc_fn end,
			void *arg);

/**
 * pheap_collect() - find and free all dead cycles
 * @heap: a heap.
 *
 * Scans until nothing more is found, a few times at most, whether collection
 * is enabled or not.  What others use at the same time is left for a later
 * scan.  Called from a finalizer or callback of a heap that is being
 * collected, does nothing.
 *
 * Context: Process context. May sleep.
 * Return: objects freed that were in cycles; what ends with them is not counted.
 */
size_t pheap_collect(struct pheap *heap);

/**
 * pheap_gc_enable() - collect by itself
 * @heap: a heap, for which this is the default.
 *
 * Context: Process context. May sleep.
 */
void pheap_gc_enable(struct pheap *heap);

/**
 * pheap_gc_disable() - collect only when asked to
 * @heap: a heap.
 *
 * A scan that is under way goes on.
 *
 * Context: Process context. May sleep.
 */
void pheap_gc_disable(struct pheap *heap);

/**
 * pheap_gc_set_threshold() - set how many candidates start a scan
 * @heap: a heap.
 * @objects: that many, 0 for the default; a scan that finds little raises it
 *	for a while.
 * @bytes: or candidates of that many bytes, external ones included; 0 for the
 *	default.
 *
 * Context: Process context. May sleep.
 */
void pheap_gc_set_threshold(struct pheap *heap, size_t objects, size_t bytes);

/**
 * pheap_gc_freeze() - look at no object that exists now
 * @heap: a heap.
 *
 * What exists now is taken for live until pheap_gc_unfreeze(); cycles that die
 * meanwhile are not found before (CPython: gc.freeze()).  Works by arena: an
 * object made later may be taken for live too, if it shares one.
 *
 * Context: Process context. May sleep.
 */
void pheap_gc_freeze(struct pheap *heap);

/**
 * pheap_gc_unfreeze() - look at all objects again
 * @heap: a heap.
 *
 * Context: Process context. May sleep.
 */
void pheap_gc_unfreeze(struct pheap *heap);

/**
 * pheap_account_external() - tell of memory that an object holds elsewhere
 * @obj: an object.
 * @bytes: more, or less if negative.
 *
 * Counts toward the heap's limit and toward the bytes that start a scan.  What
 * was added must be taken off again by @release at the latest.
 *
 * Context: Any context but NMI.
 * Return: 0, or -ENOSPC if the limit does not allow it.
 */
int pheap_account_external(struct pheap_object *obj, ssize_t bytes);

/**
 * pheap_object_type() - type of an object
 * @obj: an object.
 *
 * Context: Any context but NMI.
 * Return: its type; %NULL if no object is at @obj, whatever that is.
 */
struct pheap_type *pheap_object_type(const struct pheap_object *obj);

/**
 * pheap_type_name() - name of a type
 * @type: a type.
 *
 * Context: Any context.
 * Return: its name.
 */
const char *pheap_type_name(const struct pheap_type *type);

/**
 * pheap_is_tracked() - whether the collector may have to look at an object
 * @obj: an object.
 *
 * Context: Any context but NMI.
 * Return: false for acyclic, immortal and pinned ones, and for immutable ones
 * that were found to be in no cycle (CPython: gc.is_tracked()).
 */
bool pheap_is_tracked(const struct pheap_object *obj);

/**
 * pheap_is_finalized() - whether the finalizer has been called
 * @obj: an object.
 *
 * Context: Any context but NMI.
 * Return: whether it was (CPython: gc.is_finalized()).
 */
bool pheap_is_finalized(const struct pheap_object *obj);

/**
 * pheap_refcount() - how many references there are
 * @obj: an object.
 *
 * Context: Any context but NMI.
 * Return: the count, the caller's among it; %PHEAP_COUNT_MAX for an object that
 * is not counted.
 */
unsigned int pheap_refcount(const struct pheap_object *obj);

/**
 * typedef pheap_object_fn - what walks over objects call
 * @obj: an object, for which the caller holds no reference.
 * @arg: as given.
 *
 * Called in an RCU section: must not sleep.  A reference may be taken by
 * pheap_object_tryget() only.
 *
 * Return: true to go on, false to stop.
 */
typedef bool (*pheap_object_fn)(struct pheap_object *obj, void *arg);

/**
 * pheap_object_tryget() - take a reference to an object that may be dying
 * @obj: an object that a walk found.
 *
 * Context: In an RCU section. Any context but NMI.
 * Return: true with a reference, false if it is dead.
 */
bool pheap_object_tryget(struct pheap_object *obj);

/**
 * pheap_referents() - what an object refers to
 * @obj: an object.
 * @fn: called for each slot that is not empty.
 * @arg: passed to @fn.
 *
 * Context: Any context but NMI.
 * Return: how many times @fn was called.
 */
size_t pheap_referents(struct pheap_object *obj, pheap_object_fn fn, void *arg);

/**
 * pheap_referrers() - which objects refer to an object
 * @obj: an object.
 * @fn: called for each object of the same heap with a slot that holds @obj.
 * @arg: passed to @fn.
 *
 * Looks at every object of the heap, garbage that was not collected yet among
 * them.
 *
 * Context: Process context. May sleep.
 * Return: how many were found.
 */
size_t pheap_referrers(struct pheap_object *obj, pheap_object_fn fn, void *arg);

/**
 * pheap_for_each_object() - walk the objects of a heap
 * @heap: a heap.
 * @type: only of this type, or %NULL for all.
 * @fn: called for each object that has references.
 * @arg: passed to @fn.
 *
 * Objects that are made or end during the walk may be seen or not.
 *
 * Context: Process context. May sleep.
 * Return: how many were visited.
 */
size_t pheap_for_each_object(struct pheap *heap, struct pheap_type *type,
			     pheap_object_fn fn, void *arg);

#endif /* _PHEAP_OBJECT_H */
