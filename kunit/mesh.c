// SPDX-License-Identifier: GPL-2.0
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "compat/kunit_compat.h"
#include "mesh.h"

/* Edges beyond NODE_SLOTS of each node, for those of NODE_WIDE. */
#define GRAPH_WIDE	64

static void node_note(struct graph *graph, u32 *when, u8 *times)
{
	WRITE_ONCE(*when, atomic_inc_return(&graph->clock));
	if (*times < U8_MAX)
		WRITE_ONCE(*times, *times + 1);
}

static void node_release(struct pheap_object *obj)
{
	struct node *node = node_of(obj);
	struct graph *graph = node->graph;
	struct fate *fate = node_fate(node);

	if (node->canary != NODE_ALIVE || fate->node != node)
		atomic_inc(&graph->wrong);
	node_note(graph, &fate->ended, &fate->ends);
	if (graph->release)
		graph->release(node);
	node->canary = NODE_DEAD;
	atomic_inc(&graph->ends);
}

static void node_finalize(struct pheap_object *obj)
{
	struct node *node = node_of(obj);
	struct graph *graph = node->graph;
	struct fate *fate = node_fate(node);

	if (node->canary != NODE_ALIVE || fate->ends || !pheap_refcount(obj))
		atomic_inc(&graph->wrong);
	node_note(graph, &fate->finalized, &fate->finals);
	atomic_inc(&graph->finals);
	if (graph->finalize)
		graph->finalize(node);
}

static void node_traverse(struct pheap_object *obj, struct pheap_visit *visit)
{
	struct node *node = node_of(obj);
	unsigned int i;

	/* While it is zeroed, too. */
	for (i = 0; i < NODE_SLOTS; i++)
		pheap_visit_slot(visit, &node->slot[i]);
}

static void node_traverse_less(struct pheap_object *obj,
			       struct pheap_visit *visit)
{
	struct node *node = node_of(obj);
	unsigned int i;

	for (i = 0; i < NODE_SLOTS - 1; i++)
		pheap_visit_slot(visit, &node->slot[i]);
}

static void node_traverse_more(struct pheap_object *obj,
			       struct pheap_visit *visit)
{
	node_traverse(obj, visit);
	pheap_visit_slot(visit, &node_of(obj)->slot[0]);
}

#define NODE_SLOT(i)	(offsetof(struct node, slot) + \
			 (i) * sizeof(struct pheap_slot))
#define NODE_SIZE	NODE_SLOT(NODE_SLOTS)

static const size_t node_slots[NODE_SLOTS] = {
	NODE_SLOT(0), NODE_SLOT(1), NODE_SLOT(2),
};

#define NODE_TABLED	.slots = node_slots, .nr_slots = NODE_SLOTS
#define NODE_WEAK	.weaks = offsetof(struct node, weaks)
#define NODE_ENDS	.release = node_release

static const struct pheap_type_ops node_ops[NODE_KINDS] = {
	[NODE_TABLE] = {
		.name = "table", .size = NODE_SIZE,
		.flags = PHEAP_TYPE_RELEASE_ANYWHERE,
		NODE_TABLED, NODE_WEAK, NODE_ENDS
	},
	[NODE_FUNC] = {
		.name = "func", .size = NODE_SIZE,
		.flags = PHEAP_TYPE_RELEASE_ANYWHERE,
		.traverse = node_traverse, NODE_WEAK, NODE_ENDS
	},
	[NODE_WIDE] = {
		.name = "wide", .size = sizeof(struct node),
		.flags = PHEAP_TYPE_RELEASE_ANYWHERE | PHEAP_TYPE_SIZED,
		.slot_array = NODE_SLOT(0), NODE_WEAK, NODE_ENDS
	},
	[NODE_FINAL] = {
		.name = "final", .size = NODE_SIZE,
		.finalize = node_finalize, NODE_TABLED, NODE_WEAK, NODE_ENDS
	},
	[NODE_WORKER] = {
		.name = "worker", .size = NODE_SIZE,
		NODE_TABLED, NODE_WEAK, NODE_ENDS
	},
	[NODE_RCU] = {
		.name = "rcu", .size = NODE_SIZE,
		.flags = PHEAP_TYPE_RELEASE_ANYWHERE | PHEAP_TYPE_RCU,
		NODE_TABLED, NODE_WEAK, NODE_ENDS
	},
	[NODE_TUPLE] = {
		.name = "tuple", .size = NODE_SIZE,
		.flags = PHEAP_TYPE_RELEASE_ANYWHERE | PHEAP_TYPE_IMMUTABLE,
		NODE_TABLED, NODE_WEAK, NODE_ENDS
	},
	[NODE_LEAF] = {
		.name = "leaf", .size = sizeof(struct node),
		.flags = PHEAP_TYPE_RELEASE_ANYWHERE | PHEAP_TYPE_ACYCLIC,
		NODE_WEAK, NODE_ENDS
	},
	[NODE_BARE] = {
		.name = "bare", .size = NODE_SIZE,
		.flags = PHEAP_TYPE_RELEASE_ANYWHERE,
		NODE_TABLED, NODE_ENDS
	},
	[NODE_SHY] = {
		.name = "shy", .size = NODE_SIZE,
		.flags = PHEAP_TYPE_RELEASE_ANYWHERE,
		.traverse = node_traverse_less, NODE_WEAK, NODE_ENDS
	},
	[NODE_BOAST] = {
		.name = "boast", .size = NODE_SIZE,
		.flags = PHEAP_TYPE_RELEASE_ANYWHERE,
		.traverse = node_traverse_more, NODE_WEAK, NODE_ENDS
	},
};

static int graph_array_init(struct kunit_resource *res, void *context)
{
	res->data = vzalloc(*(size_t *)context);
	return res->data ? 0 : -ENOMEM;
}

static void graph_array_free(struct kunit_resource *res)
{
	vfree(res->data);
}

/* Larger than kmalloc() has it. */
static void *graph_array(struct kunit *test, size_t n, size_t size)
{
	size_t bytes = n * size;
	void *p = kunit_alloc_resource(test, graph_array_init,
				       graph_array_free, GFP_KERNEL, &bytes);

	KUNIT_ASSERT_TRUE(test, p);
	return p;
}

static unsigned int graph_edges(const struct graph *graph)
{
	return graph->most * (NODE_SLOTS + 1) + GRAPH_WIDE;
}

struct graph *graph_make_on(struct kunit *test, struct pheap *heap,
			    unsigned int most)
{
	struct graph *graph = kunit_kzalloc(test, sizeof(*graph), GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, graph);
	graph->test = test;
	graph->heap = heap;
	graph->most = most;
	graph->fate = graph_array(test, most, sizeof(*graph->fate));
	graph->edge = graph_array(test, graph_edges(graph), sizeof(u32));
	graph->stack = graph_array(test, most, sizeof(u32));
	pheap_gc_disable(heap);
	return graph;
}

struct graph *graph_make(struct kunit *test, unsigned int most)
{
	return graph_make_on(test, heap_of(test), most);
}

void graph_again(struct graph *graph)
{
	KUNIT_ASSERT_EQ(graph->test, atomic_read(&graph->ends), graph->nr);
	memset(graph->fate, 0, graph->nr * sizeof(*graph->fate));
	memset(graph->edge, 0, graph->nr_edges * sizeof(u32));
	graph->nr = 0;
	graph->nr_edges = 0;
	atomic_set(&graph->clock, 0);
	atomic_set(&graph->ends, 0);
	atomic_set(&graph->finals, 0);
	atomic_set(&graph->wrong, 0);
}

struct pheap_type *graph_type(struct graph *graph, enum node_kind kind)
{
	struct pheap_type *type = graph->type[kind];

	if (type)
		return type;
	type = pheap_type_register(graph->heap, &node_ops[kind]);
	KUNIT_ASSERT_FALSE_MSG(graph->test, IS_ERR_OR_NULL(type), "%s",
			       node_ops[kind].name);
	graph->type[kind] = type;
	return type;
}

void node_adopt(struct graph *graph, struct node *node, unsigned int slots)
{
	struct fate *fate = &graph->fate[graph->nr];

	KUNIT_ASSERT_LT(graph->test, graph->nr, graph->most);
	KUNIT_ASSERT_LE(graph->test, graph->nr_edges + slots,
			graph_edges(graph));
	node->graph = graph;
	node->id = graph->nr++;
	node->canary = NODE_ALIVE;
	node->nr = slots;
	fate->node = node;
	fate->nr = slots;
	fate->edges = graph->nr_edges;
	fate->held = 1;
	graph->nr_edges += slots;
}

struct node *node_try(struct graph *graph, enum node_kind kind, gfp_t gfp)
{
	struct node *node = pheap_new(graph_type(graph, kind),
				      gfp | __GFP_NOWARN);

	if (node)
		node_adopt(graph, node, kind == NODE_LEAF ? 0 : NODE_SLOTS);
	return node;
}

struct node *node_new(struct graph *graph, enum node_kind kind)
{
	struct node *node = node_try(graph, kind, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(graph->test, node);
	return node;
}

struct node *node_wide(struct graph *graph, unsigned int slots)
{
	struct pheap_type *type = graph_type(graph, NODE_WIDE);
	struct node *node = pheap_new_sized(type, NODE_SLOT(slots),
					    FIXTURE_GFP);

	KUNIT_ASSERT_TRUE(graph->test, node);
	node_adopt(graph, node, slots);
	return node;
}

unsigned int nodes_new(struct graph *graph, enum node_kind kind,
		       unsigned int nr)
{
	unsigned int first = graph->nr;

	while (nr--) {
		node_new(graph, kind);
		if (nr % 256 == 0)
			cond_resched();
	}
	return first;
}

void node_link(struct node *from, unsigned int slot, struct node *to)
{
	pheap_slot_set(&from->obj, &from->slot[slot], to ? &to->obj : NULL);
	from->graph->edge[node_fate(from)->edges + slot] = to ? to->id + 1 : 0;
}

void graph_link(struct graph *graph, unsigned int from, unsigned int slot,
		unsigned int to)
{
	node_link(graph_node(graph, from), slot, graph_node(graph, to));
}

void node_hold(struct node *node)
{
	pheap_get(&node->obj);
	node_fate(node)->held++;
}

void node_drop(struct node *node)
{
	node_fate(node)->held--;
	pheap_put(&node->obj);
}

void graph_drop_all(struct graph *graph)
{
	unsigned int id;

	for (id = 0; id < graph->nr; id++) {
		while (graph->fate[id].held)
			node_drop(graph_node(graph, id));
		if (id % 256 == 0)
			cond_resched();
	}
}

/* A reference to @id is known; returns whether it is the first. */
static bool fate_reach(struct graph *graph, unsigned int id)
{
	struct fate *fate = &graph->fate[id];
	bool first = !fate->marked;

	fate->count++;
	fate->marked = true;
	return first;
}

static void graph_mark_held(struct graph *graph, unsigned int *top)
{
	struct fate *fate;
	unsigned int id;

	for (id = 0; id < graph->nr; id++) {
		fate = &graph->fate[id];
		fate->marked = fate->held;
		fate->count = fate->held;
		if (fate->held)
			graph->stack[(*top)++] = id;
	}
}

unsigned int graph_mark(struct graph *graph)
{
	unsigned int i, top = 0, marked = 0;
	struct fate *fate;
	u32 to;

	graph_mark_held(graph, &top);
	while (top) {
		fate = &graph->fate[graph->stack[--top]];
		marked++;
		for (i = 0; i < fate->nr; i++) {
			to = graph->edge[fate->edges + i];
			if (to && fate_reach(graph, to - 1))
				graph->stack[top++] = to - 1;
		}
		if (marked % 1024 == 0)
			cond_resched();
	}
	return graph->nr - marked;
}

size_t graph_collect(struct graph *graph)
{
	size_t freed = pheap_collect(graph->heap);

	return freed + pheap_collect(graph->heap);
}

bool graph_wait(struct graph *graph, unsigned int ends)
{
	unsigned long end = jiffies + 20 * HZ;

	while (atomic_read(&graph->ends) < ends && time_before(jiffies, end))
		usleep_range(1000, 2000);
	return atomic_read(&graph->ends) == ends;
}

static const char *fate_fault(struct fate *fate)
{
	if (!fate->marked)
		return fate->ends == 1 ? NULL :
		       fate->ends ? "ended twice" : "not ended";
	if (fate->ends)
		return "ended, but somebody reaches it";
	if (fate->node->canary != NODE_ALIVE)
		return "overwritten";
	if (pheap_refcount(&fate->node->obj) != fate->count)
		return "miscounted";
	return NULL;
}

void graph_check_at(struct graph *graph, const char *what, const char *file,
		    int line)
{
	unsigned int id, faults = 0, first = 0, dead = graph_mark(graph);
	struct kunit *test = graph->test;
	const char *fault, *text = "";

	KUNIT_EXPECT_TRUE_MSG(test, graph_wait(graph, dead),
			      "%s: %d ended of %u, %s:%d", what,
			      atomic_read(&graph->ends), dead, file, line);
	for (id = 0; id < graph->nr; id++) {
		fault = fate_fault(&graph->fate[id]);
		if (!fault || faults++)
			continue;
		text = fault;
		first = id;
	}
	KUNIT_EXPECT_EQ_MSG(test, faults, 0, "%s: node %u of %u %s, %s:%d",
			    what, first, graph->nr, text, file, line);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&graph->wrong), 0, "%s, %s:%d",
			    what, file, line);
}

void graph_end(struct graph *graph)
{
	graph_drop_all(graph);
	graph_collect(graph);
	GRAPH_CHECK(graph, "end");
	KUNIT_EXPECT_EQ(graph->test, atomic_read(&graph->ends), graph->nr);
}

unsigned int graph_scaled(unsigned int nr)
{
	return COMPAT_HAVE_KASAN ? nr / 10 : nr;
}
