// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/hash.h>
#include <linux/kstrtox.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "gc.h"
#include "graph.h"
#include "look.h"
#include "object.h"
#include "pool.h"
#include "root.h"

/* Room for edges, for each node. */
#define GRAPH_EDGES	8

/* Steps from the beginning in which referrers are looked for: in all the heap. */
#define GRAPH_STEPS	64

/* No node, and the end of a list. */
#define GRAPH_NONE	UINT_MAX

/* Nodes by address. */

static u32 *graph_cell(struct graph *graph, const struct pheap_object *obj)
{
	u32 at = hash_ptr(obj, graph->hash_bits);

	while (graph->hash[at] && graph->nodes[graph->hash[at] - 1].obj != obj)
		at = (at + 1) & (BIT(graph->hash_bits) - 1);
	return &graph->hash[at];
}

static unsigned int graph_find(struct graph *graph,
			       const struct pheap_object *obj)
{
	u32 number = *graph_cell(graph, obj);

	return number ? number - 1 : GRAPH_NONE;
}

static void graph_add(struct graph *graph, struct pheap_object *obj)
{
	u32 *cell = graph_cell(graph, obj);

	if (*cell)
		return;
	if (graph->nr == graph->max) {
		graph->cut = true;
		return;
	}
	graph->nodes[graph->nr++].obj = obj;
	*cell = graph->nr;
}

/* Objects, which may end at any time. */

static bool graph_lives(int rc)
{
	return rc < 0 || count_is_alive(rc);
}

/* In an RCU section.  The cache of a live object of this heap, or NULL. */
static struct pheap_cache *graph_cache(const struct graph *graph,
				       const struct pheap_object *obj)
{
	struct pheap_cache *cache;

	if (!object_spot(obj, &cache).arena || cache->heap != graph->heap ||
	    !graph_lives(object_rc(obj)))
		return NULL;
	return cache;
}

/**
 * struct graph_look - a look at the slots of an object
 * @graph: graph.
 * @obj: object.
 * @node: its number.
 * @found: for a search, whether it was successful.
 */
struct graph_look {
	struct graph *graph;
	struct pheap_object *obj;
	unsigned int node;
	bool found;
};

/* What a slot holds, unless its owner has ended before it was read. */
static struct pheap_object *graph_read(const struct graph_look *look,
				       const struct pheap_slot *slot)
{
	struct pheap_object *to = slot_read(slot);

	/* The slot, then the count: the memory is another's once that is 0. */
	smp_rmb();
	return to && graph_lives(object_rc(look->obj)) ? to : NULL;
}

/* In an RCU section. */
static void graph_visit(struct graph_look *look, type_slot_fn fn)
{
	struct pheap_cache *cache = graph_cache(look->graph, look->obj);

	if (cache)
		type_visit(cache->type, cache, look->obj, fn, look);
}

/* Gathering: the heap's objects in their order, */

static bool graph_add_any(struct pheap_object *obj, void *arg)
{
	graph_add(arg, obj);
	return true;
}

/* or an object, and in turn the neighbours of those that are there. */

static void graph_add_target(struct pheap_slot *slot, void *arg)
{
	struct graph_look *look = arg;
	struct pheap_object *to = graph_read(look, slot);

	if (to && graph_cache(look->graph, to))
		graph_add(look->graph, to);
}

static void graph_add_targets(struct graph *graph, unsigned int node)
{
	struct graph_look look = {
		.graph = graph,
		.obj = graph->nodes[node].obj,
	};

	rcu_read_lock();
	graph_visit(&look, graph_add_target);
	rcu_read_unlock();
}

static void graph_seek_target(struct pheap_slot *slot, void *arg)
{
	struct graph_look *look = arg;
	struct pheap_object *to = graph_read(look, slot);
	unsigned int node = to ? graph_find(look->graph, to) : GRAPH_NONE;

	look->found |= node >= look->graph->seen && node < look->graph->limit;
}

static bool graph_add_referrer(struct pheap_object *obj, void *arg)
{
	struct graph_look look = { .graph = arg, .obj = obj };

	graph_visit(&look, graph_seek_target);
	if (look.found)
		graph_add(arg, obj);
	return true;
}

/* Each turn is one step farther from where it began. */
static void graph_gather_around(struct graph *graph)
{
	unsigned int node, step;

	for (step = 0; graph->seen < graph->nr && graph->nr < graph->max &&
	     !fatal_signal_pending(current); step++) {
		graph->limit = graph->nr;
		for (node = graph->seen; node < graph->limit; node++)
			graph_add_targets(graph, node);
		if (step < GRAPH_STEPS)
			look_walk(graph->heap, NULL, graph_add_referrer,
				  graph);
		graph->seen = graph->limit;
		cond_resched();
	}
}

/* An object by the address that the kernel prints for it. */
static bool graph_add_printed(struct pheap_object *obj, void *arg)
{
	struct graph *graph = arg;
	unsigned long address;
	char text[24];

	snprintf(text, sizeof(text), "%p", obj);
	if (kstrtoul(text, 16, &address) || address != graph->args.address)
		return true;
	graph_add(graph, obj);
	return false;
}

static void graph_add_root(struct graph *graph, struct gc *gc)
{
	struct root *root;

	list_for_each_entry(root, &gc->roots, link)
		if (!strcmp(root->name, graph->args.root))
			graph_add(graph, root->obj);
}

static void graph_gather(struct graph *graph, struct gc *gc)
{
	if (graph->args.from == GRAPH_ALL) {
		graph->objects = look_walk(graph->heap, NULL, graph_add_any,
					   graph);
		graph->found = true;
		return;
	}
	if (graph->args.from == GRAPH_ROOT)
		graph_add_root(graph, gc);
	else
		look_walk(graph->heap, NULL, graph_add_printed, graph);
	graph->found = graph->nr;
	graph_gather_around(graph);
}

/* Linking: who refers to whom, now that all are there. */

static void graph_link_slot(struct pheap_slot *slot, void *arg)
{
	struct graph_look *look = arg;
	struct pheap_object *to = graph_read(look, slot);
	struct graph *graph = look->graph;
	unsigned int node = to ? graph_find(graph, to) : GRAPH_NONE;

	if (node == GRAPH_NONE) {
		graph->cut |= to && graph_cache(graph, to);
		return;
	}
	if (graph->nr_edges == graph->max * GRAPH_EDGES) {
		graph->cut = true;
		return;
	}
	graph->edges[graph->nr_edges++] = (struct graph_edge) {
		.from = look->node,
		.to = node,
	};
}

/* In an RCU section.  An object that ended meanwhile has no type. */
static void graph_link_node(struct graph *graph, unsigned int number)
{
	struct graph_node *node = &graph->nodes[number];
	struct graph_look look = {
		.graph = graph,
		.obj = node->obj,
		.node = number,
	};
	struct pheap_cache *cache = graph_cache(graph, node->obj);

	node->edge = graph->nr_edges;
	node->rc = object_rc(node->obj);
	if (!cache || !graph_lives(node->rc))
		return;
	node->type = cache->type;
	node->tracked = pheap_is_tracked(node->obj);
	node->from_elsewhere = node->rc < 0 ? 1 : count_of(node->rc);
	graph_visit(&look, graph_link_slot);
	node->nr_edges = graph->nr_edges - node->edge;
}

static void graph_link(struct graph *graph)
{
	unsigned int i;

	for (i = 0; i < graph->nr; i++) {
		rcu_read_lock();
		graph_link_node(graph, i);
		rcu_read_unlock();
		cond_resched();
	}
}

static void graph_link_roots(struct graph *graph, struct gc *gc)
{
	struct graph_root *to;
	struct root *root;
	unsigned int node;

	list_for_each_entry(root, &gc->roots, link) {
		node = graph_find(graph, root->obj);
		if (node == GRAPH_NONE || graph->nr_roots == graph->max)
			continue;
		to = &graph->roots[graph->nr_roots++];
		to->node = node;
		strscpy(to->name, root->name, sizeof(to->name));
	}
}

/*
 * Judging, as a scan does: references from within are taken off the counts.  Who
 * has some left is referred to from elsewhere, and keeps what he leads to.
 */

static void graph_subtract(struct graph *graph)
{
	unsigned int i;
	struct graph_node *to;

	for (i = 0; i < graph->nr_edges; i++) {
		to = &graph->nodes[graph->edges[i].to];
		if (to->rc >= 0)
			to->from_elsewhere--;
	}
}

static unsigned int graph_rescue_node(struct graph *graph, unsigned int list,
				      unsigned int number)
{
	struct graph_node *node = &graph->nodes[number];

	if (node->live)
		return list;
	node->live = true;
	node->next = list;
	return number;
}

/* Keep what @list leads to. */
static void graph_rescue(struct graph *graph, unsigned int list)
{
	struct graph_node *node;
	unsigned int i;

	while (list != GRAPH_NONE) {
		node = &graph->nodes[list];
		list = node->next;
		for (i = node->edge; i < node->edge + node->nr_edges; i++)
			list = graph_rescue_node(graph, list,
						 graph->edges[i].to);
	}
}

static void graph_judge(struct graph *graph)
{
	unsigned int list = GRAPH_NONE, i;

	graph_subtract(graph);
	for (i = 0; i < graph->nr; i++)
		if (graph->nodes[i].from_elsewhere)
			list = graph_rescue_node(graph, list, i);
	graph_rescue(graph, list);
}

void graph_drop(struct graph *graph)
{
	if (!graph)
		return;
	kvfree(graph->nodes);
	kvfree(graph->edges);
	kvfree(graph->roots);
	kvfree(graph->hash);
	kfree(graph);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(graph_drop);

static struct graph *graph_new(struct pheap *heap,
			       const struct graph_args *args)
{
	struct graph *graph = kzalloc(sizeof(*graph), GFP_KERNEL);

	if (!graph)
		return NULL;
	graph->heap = heap;
	graph->args = *args;
	graph->max = args->max;
	graph->hash_bits = ilog2(graph->max) + 2;
	graph->nodes = kvcalloc(graph->max, sizeof(*graph->nodes), GFP_KERNEL);
	graph->edges = kvcalloc(graph->max * GRAPH_EDGES,
				sizeof(*graph->edges), GFP_KERNEL);
	graph->roots = kvcalloc(graph->max, sizeof(*graph->roots), GFP_KERNEL);
	graph->hash = kvcalloc(BIT(graph->hash_bits), sizeof(*graph->hash),
			       GFP_KERNEL);
	if (graph->nodes && graph->edges && graph->roots && graph->hash)
		return graph;
	graph_drop(graph);
	return NULL;
}

/*
 * Without a scan meanwhile, and with all pages of objects staying: what was an
 * object can be looked at, even if it is none any more.
 */
struct graph *graph_take(struct gc *gc, const struct graph_args *args)
{
	struct graph *graph = graph_new(gc->heap, args);

	if (!graph)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&gc->root_mutex);
	mutex_lock(&gc->mutex);
	pool_hold(gc->heap, true);
	graph_gather(graph, gc);
	graph_link(graph);
	graph_link_roots(graph, gc);
	pool_hold(gc->heap, false);
	mutex_unlock(&gc->mutex);
	mutex_unlock(&gc->root_mutex);
	graph_judge(graph);
	if (!fatal_signal_pending(current))
		return graph;
	graph_drop(graph);
	return ERR_PTR(-EINTR);
}
EXPORT_SYMBOL_FOR_PHEAP_KUNIT(graph_take);
