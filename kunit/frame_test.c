// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/sizes.h>

#include "backing.h"
#include "mesh.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(plain, MODE_PLAIN);

/* The frame takes the case's reference. */
static struct node *frame_local(struct pheap_frame *frame, struct node *node)
{
	node_fate(node)->held--;
	return node_of(pheap_local(frame, &node->obj));
}

static void frame_inline(struct kunit *test)
{
	struct graph *graph = graph_make(test, PHEAP_FRAME_INLINE);
	unsigned long taken;
	unsigned int i;

	nodes_new(graph, NODE_TABLE, PHEAP_FRAME_INLINE);
	taken = fixture_stats(test).live_blocks;
	{
		DEFINE_PHEAP_FRAME(frame, heap_of(test));

		for (i = 0; i < PHEAP_FRAME_INLINE; i++) {
			struct node *node = graph_node(graph, i);

			KUNIT_EXPECT_PTR_EQ(test, frame_local(&frame, node),
					    node);
			KUNIT_EXPECT_EQ(test, pheap_refcount(&node->obj), 1);
		}
		KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 0);
		/* No memory but its own. */
		KUNIT_EXPECT_EQ(test, fixture_stats(test).live_blocks, taken);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), PHEAP_FRAME_INLINE);
	graph_end(graph);
}

static void frame_of_nothing(struct kunit *test)
{
	struct graph *graph = graph_make(test, 1);
	unsigned int i;

	{
		DEFINE_PHEAP_FRAME(frame, heap_of(test));

		KUNIT_EXPECT_NULL(test, pheap_local(&frame, NULL));
	}
	{
		DEFINE_PHEAP_FRAME(frame, heap_of(test));

		/* None of these takes room. */
		for (i = 0; i < PHEAP_FRAME_INLINE; i++)
			pheap_local(&frame, NULL);
		frame_local(&frame, node_new(graph, NODE_TABLE));
		pheap_frame_exit(&frame);
		KUNIT_EXPECT_TRUE(test, graph_ended(graph, 0));
		pheap_frame_exit(&frame);
	}
	KUNIT_EXPECT_EQ(test, graph->fate[0].ends, 1);
	graph_end(graph);
}

/* The last first, through all chunks. */
static void frame_order(struct kunit *test)
{
	static const unsigned int depths[] = {
		1, PHEAP_FRAME_INLINE, PHEAP_FRAME_INLINE + 1, 40, 1000,
	};
	struct graph *graph = graph_make(test, 1000);
	unsigned int i, n;

	for (n = 0; n < ARRAY_SIZE(depths); n++) {
		nodes_new(graph, NODE_TABLE, depths[n]);
		{
			DEFINE_PHEAP_FRAME(frame, heap_of(test));

			for (i = 0; i < depths[n]; i++)
				KUNIT_ASSERT_TRUE(test,
						  frame_local(&frame,
							      graph_node(graph,
									 i)));
			KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 0);
		}
		KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), depths[n]);
		for (i = 1; i < depths[n]; i++)
			KUNIT_EXPECT_LT(test, graph->fate[i].ended,
					graph->fate[i - 1].ended);
		graph_again(graph);
	}
}

static void frame_escape(struct kunit *test)
{
	static const unsigned int escaped[] = { 0, 7, 8, 50, 99 };
	struct graph *graph = graph_make(test, 101);
	struct pheap_object *obj;
	unsigned int i;

	nodes_new(graph, NODE_TABLE, 101);
	{
		DEFINE_PHEAP_FRAME(frame, heap_of(test));

		for (i = 0; i < 100; i++)
			frame_local(&frame, graph_node(graph, i));
		for (i = 0; i < ARRAY_SIZE(escaped); i++) {
			obj = &graph_node(graph, escaped[i])->obj;
			KUNIT_EXPECT_PTR_EQ(test, pheap_escape(&frame, obj),
					    obj);
			KUNIT_EXPECT_NULL(test, pheap_escape(&frame, obj));
			graph->fate[escaped[i]].held++;
		}
		KUNIT_EXPECT_NULL(test,
				  pheap_escape(&frame,
					       &graph_node(graph, 100)->obj));
	}
	GRAPH_CHECK(graph, "escaped");
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends),
			100 - ARRAY_SIZE(escaped));
	graph_end(graph);
}

/* Of two references on one object, the last escapes; there is room again. */
static void frame_escape_one_of_two(struct kunit *test)
{
	struct graph *graph = graph_make(test, 2);
	struct node *a = node_new(graph, NODE_TABLE);
	struct node *b = node_new(graph, NODE_TABLE);

	node_hold(a);
	{
		DEFINE_PHEAP_FRAME(frame, heap_of(test));

		frame_local(&frame, a);
		frame_local(&frame, b);
		frame_local(&frame, a);
		KUNIT_EXPECT_PTR_EQ(test, pheap_escape(&frame, &a->obj),
				    &a->obj);
		KUNIT_EXPECT_EQ(test, pheap_refcount(&a->obj), 2);
		node_fate(a)->held++;
	}
	KUNIT_EXPECT_TRUE(test, graph_ended(graph, 1));
	GRAPH_CHECK(graph, "one of two");
	graph_end(graph);
}

static void frame_of_another_heap(struct kunit *test)
{
	struct pheap *other = fixture_extra(test, "other");
	struct graph *graph = graph_make_on(test, other, 200);
	unsigned int i;

	nodes_new(graph, NODE_TABLE, 200);
	{
		DEFINE_PHEAP_FRAME(frame, heap_of(test));

		for (i = 0; i < 200; i++)
			KUNIT_ASSERT_TRUE(test,
					  frame_local(&frame,
						      graph_node(graph, i)));
	}
	GRAPH_CHECK(graph, "of another heap");
	graph_end(graph);
}

/* Every way out. */
static struct node *frame_ways(struct graph *graph, unsigned int way)
{
	DEFINE_PHEAP_FRAME(frame, graph->heap);
	struct node *a = frame_local(&frame, node_new(graph, NODE_TABLE));
	struct node *b = node_new(graph, NODE_TABLE);
	unsigned int i;

	if (way == 0)
		return frame_local(&frame, b) ? NULL : a;
	for (i = 0; i < 3; i++) {
		DEFINE_PHEAP_FRAME(inner, graph->heap);

		frame_local(&inner, node_new(graph, NODE_TABLE));
		if (way == 1)
			continue;
		if (way == 2)
			break;
		frame_local(&frame, node_new(graph, NODE_TABLE));
		if (way == 3)
			goto out;
	}
out:
	frame_local(&frame, b);
	node_fate(b)->held++;
	return node_of(pheap_escape(&frame, &b->obj));
}

static void frame_early_return(struct kunit *test)
{
	struct graph *graph = graph_make(test, 20);
	unsigned int way;
	struct node *out;

	for (way = 0; way < 5; way++) {
		out = frame_ways(graph, way);
		KUNIT_EXPECT_EQ_MSG(test, !!out, way > 0, "way %u", way);
		if (out)
			KUNIT_EXPECT_EQ(test, pheap_refcount(&out->obj), 1);
		GRAPH_CHECK(graph, "way out");
		graph_end(graph);
		graph_again(graph);
	}
}

static unsigned int frame_nest(struct graph *graph, unsigned int depth)
{
	DEFINE_PHEAP_FRAME(frame, graph->heap);
	struct node *node = node_new(graph, NODE_TABLE);
	unsigned int ends;

	frame_local(&frame, node);
	ends = depth ? frame_nest(graph, depth - 1) : 0;
	/* Those within have ended, this one has not. */
	if (atomic_read(&graph->ends) != depth || graph_ended(graph, node->id))
		ends += 1000;
	return ends + 1;
}

static void frame_nested(struct kunit *test)
{
	struct graph *graph = graph_make(test, 11);

	KUNIT_EXPECT_EQ(test, frame_nest(graph, 10), 11);
	KUNIT_EXPECT_EQ(test, atomic_read(&graph->ends), 11);
	graph_end(graph);
}

/* One more than the most. */
static void frame_too_deep(struct kunit *test)
{
	struct graph *graph = graph_make(test, 1);
	struct node *node = node_new(graph, NODE_TABLE);
	unsigned int i;

	{
		DEFINE_PHEAP_FRAME(frame, heap_of(test));

		for (i = 0; i < PHEAP_FRAME_MAX; i++)
			if (!pheap_local(&frame, pheap_get(&node->obj)))
				break;
		KUNIT_EXPECT_EQ(test, i, PHEAP_FRAME_MAX);
		KUNIT_EXPECT_EQ(test, pheap_refcount(&node->obj), i + 1);
		log_expect(test, "a frame that is full");
		KUNIT_EXPECT_NULL(test, pheap_local(&frame,
						    pheap_get(&node->obj)));
		log_end(test);
		/* Its reference was put. */
		KUNIT_EXPECT_EQ(test, pheap_refcount(&node->obj), i + 1);
		KUNIT_EXPECT_PTR_EQ(test, pheap_escape(&frame, &node->obj),
				    &node->obj);
		pheap_put(&node->obj);
	}
	KUNIT_EXPECT_EQ(test, pheap_refcount(&node->obj), 1);
	graph_end(graph);
}

/* At each charge for a chunk. */
static void frame_without_memory(struct kunit *test)
{
	struct graph *graph = graph_make(test, 1);
	struct node *node = node_new(graph, NODE_TABLE);
	unsigned int i, nth, failed = 0;

	for (nth = 1; nth < 12; nth++) {
		DEFINE_PHEAP_FRAME(frame, heap_of(test));

		backing_fail_nth(nth, true);
		for (i = 0; i < 20000; i++)
			if (!pheap_local(&frame, pheap_get(&node->obj)))
				break;
		backing_fail_nth(0, false);
		KUNIT_EXPECT_EQ(test, pheap_refcount(&node->obj), i + 1);
		KUNIT_EXPECT_GE(test, i, PHEAP_FRAME_INLINE);
		failed += i < 20000;
		/* There is memory again. */
		KUNIT_EXPECT_TRUE(test, pheap_local(&frame,
						    pheap_get(&node->obj)));
		pheap_frame_exit(&frame);
		KUNIT_EXPECT_EQ(test, pheap_refcount(&node->obj), 1);
		pheap_trim(heap_of(test));
	}
	KUNIT_EXPECT_GT(test, failed, 1);
	graph_end(graph);
}

static void frame_in_atomic_context(struct kunit *test)
{
	struct graph *graph = graph_make(test, 1);
	struct node *node = node_new(graph, NODE_TABLE);
	unsigned int i;

	local_irq_disable();
	{
		DEFINE_PHEAP_FRAME(frame, heap_of(test));

		for (i = 0; i < 1000; i++)
			if (!pheap_local(&frame, pheap_get(&node->obj)))
				break;
		i++;
	}
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, pheap_refcount(&node->obj), 1);
	graph_end(graph);
}

/* A frame's references are as good as any to the collector. */
static void frame_holds_a_cycle(struct kunit *test)
{
	struct graph *graph = graph_make(test, 30);
	unsigned int i;

	nodes_new(graph, NODE_TABLE, 30);
	for (i = 0; i < 30; i++)
		graph_link(graph, i, 0, i - i % 3 + (i + 1) % 3);
	{
		DEFINE_PHEAP_FRAME(frame, heap_of(test));

		for (i = 0; i < 30; i += 3) {
			pheap_local(&frame, &graph_node(graph, i)->obj);
			node_drop(graph_node(graph, i + 1));
			node_drop(graph_node(graph, i + 2));
		}
		KUNIT_EXPECT_EQ(test, graph_collect(graph), 0);
		GRAPH_CHECK(graph, "in a frame");
	}
	for (i = 0; i < 30; i += 3)
		graph->fate[i].held = 0;
	KUNIT_EXPECT_EQ(test, graph_collect(graph), 30);
	graph_end(graph);
}

static struct kunit_case frame_cases[] = {
	MODE_CASE(all, frame_inline),
	MODE_CASE(all, frame_of_nothing),
	MODE_CASE(all, frame_order),
	MODE_CASE(all, frame_escape),
	MODE_CASE(all, frame_escape_one_of_two),
	MODE_CASE(all, frame_of_another_heap),
	MODE_CASE(all, frame_early_return),
	MODE_CASE(all, frame_nested),
	MODE_CASE(plain, frame_too_deep),
	MODE_CASE(plain, frame_without_memory),
	MODE_CASE(all, frame_in_atomic_context),
	MODE_CASE(all, frame_holds_a_cycle),
	{}
};

struct kunit_suite frame_suite = {
	.name = "pheap_frame",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = frame_cases,
};
