// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on objects, beside what is written by hand instead:
 *
 *	get-put		pheap_get() and pheap_put(); refcount_inc() and
 *			refcount_dec_and_test()
 *	slot-set	pheap_slot_set(), of two objects in turn; refcount_inc(),
 *			xchg() and refcount_dec_and_test()
 *	new-put		pheap_new() and pheap_put() of an object of 64 bytes
 *			without slots; kmem_cache_alloc(), refcount_set() and
 *			kmem_cache_free()
 *
 * No scan runs.  The objects were touched since the last one, if there was any,
 * as objects in use are.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/preempt.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "bench.h"
#include "graph.h"
#include "side.h"

#define OBJECT_COUNT	10000

/**
 * struct object_peer - an object as one writes it by hand
 * @ref: count.
 * @to: what it refers to.
 * @value: makes it as large as a graph's node.
 */
struct object_peer {
	refcount_t ref;
	struct object_peer *to;
	u64 value[6];
};

/**
 * struct object_bench - what operations are done on
 * @count: how many.
 * @slab: cache of @peer.
 * @graph: heap of @node.
 * @leaf: type without slots.
 * @peer: objects written by hand: a holder of a reference, and two to refer to.
 * @node: the same of pheap.
 */
struct object_bench {
	size_t count;
	struct kmem_cache *slab;
	struct graph graph;
	struct pheap_type *leaf;
	struct object_peer *peer[3];
	struct graph_node *node[3];
};

enum object_side {
	OBJECT_PEER,
	OBJECT_PHEAP,
};

static const char * const object_sides[] = {
	[OBJECT_PEER]	= "by_hand",
	[OBJECT_PHEAP]	= "pheap_object",
};

/* What an operation is, given a constant side; returns false if it failed. */
typedef bool (*object_fn)(enum object_side side, struct object_bench *bench,
			  size_t i);

/* What happens at the end of an object: it is never seen here. */
static noinline void object_peer_free(struct object_bench *bench,
				      struct object_peer *peer)
{
	kmem_cache_free(bench->slab, peer);
}

static __always_inline void object_peer_put(struct object_bench *bench,
					    struct object_peer *peer)
{
	if (refcount_dec_and_test(&peer->ref))
		object_peer_free(bench, peer);
}

static __always_inline bool get_put(enum object_side side,
				    struct object_bench *bench, size_t i)
{
	if (side == OBJECT_PEER) {
		refcount_inc(&bench->peer[1]->ref);
		object_peer_put(bench, bench->peer[1]);
	} else {
		pheap_put(pheap_get(&bench->node[1]->obj));
	}
	return true;
}

static __always_inline bool slot_set(enum object_side side,
				     struct object_bench *bench, size_t i)
{
	size_t to = 1 + (i & 1);
	struct object_peer *old;

	if (side == OBJECT_PEER) {
		refcount_inc(&bench->peer[to]->ref);
		old = xchg(&bench->peer[0]->to, bench->peer[to]);
		if (old)
			object_peer_put(bench, old);
	} else {
		pheap_slot_set(&bench->node[0]->obj, &bench->node[0]->to[0],
			       &bench->node[to]->obj);
	}
	return true;
}

static __always_inline bool new_put(enum object_side side,
				    struct object_bench *bench, size_t i)
{
	struct object_peer *peer;
	struct pheap_object *obj;

	if (side == OBJECT_PEER) {
		peer = kmem_cache_alloc(bench->slab, GFP_KERNEL);
		if (unlikely(!peer))
			return false;
		refcount_set(&peer->ref, 1);
		kmem_cache_free(bench->slab, peer);
	} else {
		obj = pheap_new(bench->leaf, GFP_KERNEL);
		if (unlikely(!obj))
			return false;
		pheap_put(obj);
	}
	return true;
}

static __always_inline int object_loop(const char *name,
				       struct object_bench *bench,
				       enum object_side side, object_fn fn)
{
	size_t i;
	u64 ns;

	ns = ktime_get_raw_ns();
	for (i = 0; i < bench->count; i++)
		if (!fn(side, bench, i))
			return -ENOMEM;
	ns = ktime_get_raw_ns() - ns;
	return result_add(name, sizeof(struct graph_node), object_sides[side],
			  "pair_ns", RESULT_NS, ns, bench->count);
}

/* Each side is a loop of its own, in which the side is a constant. */
static __always_inline int object_round(const char *name,
					struct object_bench *bench,
					object_fn fn)
{
	int err;

	migrate_disable();
	err = object_loop(name, bench, OBJECT_PEER, fn);
	if (!err)
		err = object_loop(name, bench, OBJECT_PHEAP, fn);
	migrate_enable();
	return err;
}

static int object_rounds(struct object_bench *bench, unsigned long rounds)
{
	int round, err;

	for (round = -1; round < (int)rounds; round++) {
		result_round(round);
		err = object_round("get-put", bench, get_put);
		if (!err)
			err = object_round("slot-set", bench, slot_set);
		if (!err)
			err = object_round("new-put", bench, new_put);
		if (!err && signal_pending(current))
			err = -EINTR;
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

static int object_fill(struct object_bench *bench)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bench->node); i++) {
		bench->node[i] = pheap_new(bench->graph.types[0], GFP_KERNEL);
		bench->peer[i] = kmem_cache_zalloc(bench->slab, GFP_KERNEL);
		if (!bench->node[i] || !bench->peer[i])
			return -ENOMEM;
		refcount_set(&bench->peer[i]->ref, 1);
	}
	return 0;
}

static int object_open(struct object_bench *bench)
{
	static const struct pheap_type_ops leaf = {
		.name = "leaf",
		.size = sizeof(struct graph_node),
	};
	int err;

	err = graph_open(&bench->graph, GRAPH_RING);
	if (err)
		return err;
	bench->slab = side_slab_create(sizeof(struct object_peer));
	if (!bench->slab)
		return -ENOMEM;
	bench->leaf = pheap_type_register(bench->graph.heap, &leaf);
	return PTR_ERR_OR_ZERO(bench->leaf) ?: object_fill(bench);
}

static void object_close(struct object_bench *bench)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bench->node); i++) {
		pheap_put((struct pheap_object *)bench->node[i]);
		if (bench->peer[i])
			kmem_cache_free(bench->slab, bench->peer[i]);
	}
	kmem_cache_destroy(bench->slab);
	graph_close(&bench->graph);
}

int object_ops(const struct bench_command *command)
{
	struct object_bench bench = { .count = command->count ?: OBJECT_COUNT };
	int err;

	err = object_open(&bench);
	if (!err)
		err = object_rounds(&bench, command->rounds);
	object_close(&bench);
	return err;
}
