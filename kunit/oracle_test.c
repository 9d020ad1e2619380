// SPDX-License-Identifier: GPL-2.0
/* The same objects die as in CPython: see scripts/gc-oracle. */
#include "mesh.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);

#define ORACLE_ROUNDS	4
#define ORACLE_FINAL	7

/**
 * struct oracle_graph - what CPython says of a graph
 * @seed: where chance begins.
 * @round: after each round.
 * @round.live: how many objects live.
 * @round.sum: a hash of their numbers.
 */
struct oracle_graph {
	u32 seed;
	struct {
		u32 live;
		u32 sum;
	} round[ORACLE_ROUNDS];
};

#include "gc_oracle.h"

/**
 * struct oracle - a graph that is built as in CPython
 * @state: of chance.
 * @size: objects.
 * @shelf: where finalizers save objects.
 */
struct oracle {
	u32 state;
	u32 size;
	struct node *shelf;
};

static u32 oracle_random(struct oracle *oracle, u32 below)
{
	oracle->state ^= oracle->state << 13;
	oracle->state ^= oracle->state >> 17;
	oracle->state ^= oracle->state << 5;
	return oracle->state % below;
}

static void oracle_finalize(struct node *node)
{
	struct oracle *oracle = node->graph->data;

	if (node->id % 2)
		node_link(oracle->shelf, node->id, node);
}

/* Everything is held still, as in a list. */
static void oracle_make(struct graph *graph, struct oracle *oracle)
{
	u32 i, slot, slots;

	oracle->size = 10 + oracle_random(oracle, 80);
	for (i = 0; i < oracle->size; i++)
		node_new(graph, i % ORACLE_FINAL ? NODE_TABLE : NODE_FINAL);
	oracle->shelf = node_wide(graph, oracle->size);
	for (i = 0; i < oracle->size; i++) {
		slots = oracle_random(oracle, NODE_SLOTS);
		for (slot = 0; slot < slots; slot++)
			graph_link(graph, i, slot,
				   oracle_random(oracle, oracle->size));
	}
	for (i = 0; i < oracle->size; i++)
		if (oracle_random(oracle, 10))
			node_drop(graph_node(graph, i));
}

static void oracle_change_one(struct graph *graph, struct oracle *oracle)
{
	u32 what = oracle_random(oracle, 4);
	u32 id = oracle_random(oracle, oracle->size);
	u32 slot = oracle_random(oracle, NODE_SLOTS);
	u32 other = oracle_random(oracle, oracle->size);

	if (!graph->fate[id].held)
		return;
	if (what == 0)
		node_link(graph_node(graph, id), slot, NULL);
	else if (what == 1)
		node_drop(graph_node(graph, id));
	else if (graph->fate[other].held)
		graph_link(graph, id, slot, other);
}

static void oracle_change(struct graph *graph, struct oracle *oracle)
{
	struct node *old = oracle->shelf;
	u32 i;

	/* What ends with the old one may be saved on the new one. */
	oracle->shelf = node_wide(graph, oracle->size);
	node_drop(old);
	for (i = 0; i < oracle->size / 2; i++)
		oracle_change_one(graph, oracle);
}

static void oracle_compare(struct graph *graph, struct oracle *oracle,
			   const struct oracle_graph *said, unsigned int round)
{
	u32 i, live = 0, sum = 0x811c9dc5;

	for (i = 0; i < oracle->size; i++) {
		if (graph_ended(graph, i))
			continue;
		live++;
		sum = (sum ^ i) * 0x01000193;
	}
	KUNIT_EXPECT_EQ_MSG(graph->test, live, said->round[round].live,
			    "graph 0x%x, round %u", said->seed, round);
	KUNIT_EXPECT_EQ_MSG(graph->test, sum, said->round[round].sum,
			    "graph 0x%x, round %u", said->seed, round);
}

static void oracle_ask(struct graph *graph, const struct oracle_graph *said)
{
	struct oracle oracle = { .state = said->seed };
	unsigned int round;

	graph->data = &oracle;
	graph->finalize = oracle_finalize;
	oracle_make(graph, &oracle);
	for (round = 0; round < ORACLE_ROUNDS; round++) {
		if (round)
			oracle_change(graph, &oracle);
		graph_collect(graph);
		GRAPH_CHECK(graph, "oracle");
		oracle_compare(graph, &oracle, said, round);
	}
	graph->finalize = NULL;
	graph_end(graph);
	graph_again(graph);
}

static void oracle_agrees(struct kunit *test)
{
	struct graph *graph = graph_make(test, 200);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(oracle_graphs); i++)
		oracle_ask(graph, &oracle_graphs[i]);
}

static struct kunit_case oracle_cases[] = {
	MODE_CASE(all, oracle_agrees),
	{}
};

struct kunit_suite oracle_suite = {
	.name = "pheap_oracle",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = oracle_cases,
};
