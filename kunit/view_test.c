// SPDX-License-Identifier: GPL-2.0
/*
 * What people see of objects and collections.  (Files of debugfs cannot be read
 * from here: scripts/plans/stock.sh does that.)
 */
#include <linux/sizes.h>
#include <linux/string.h>

#include <pheap/object.h>

#include "gc.h"
#include "graph.h"
#include "pheap_kunit.h"

MODE_SET(all, MODE_PLAIN, MODE_PASSTHROUGH, MODE_DEBUG);
MODE_SET(plain, MODE_PLAIN);

#define VIEW_TEXT	SZ_128K

/**
 * struct link - an object with a neighbour on either side
 * @obj: object.
 * @next: one.
 * @prev: the other.
 */
struct link {
	struct pheap_object obj;
	struct pheap_slot next;
	struct pheap_slot prev;
};

static const size_t link_slots[] = {
	offsetof(struct link, next),
	offsetof(struct link, prev),
};

static const struct pheap_type_ops link_ops = {
	.name = "li\"nk",
	.size = sizeof(struct link),
	.slots = link_slots,
	.nr_slots = ARRAY_SIZE(link_slots),
};

static struct pheap_type *view_type(struct kunit *test)
{
	struct pheap_type *type;

	type = pheap_type_register(heap_of(test), &link_ops);
	KUNIT_ASSERT_FALSE(test, IS_ERR(type));
	pheap_gc_disable(heap_of(test));
	return type;
}

static struct link *view_new(struct kunit *test, struct pheap_type *type)
{
	struct link *link = pheap_new(type, FIXTURE_GFP);

	KUNIT_ASSERT_TRUE(test, link);
	return link;
}

/* A ring in both directions; the caller has a reference on the first. */
static struct link *view_ring(struct kunit *test, struct pheap_type *type,
			      unsigned int nr)
{
	struct link *first = view_new(test, type), *last = first, *link;

	while (--nr) {
		link = view_new(test, type);
		pheap_slot_set(&link->obj, &link->prev, &last->obj);
		pheap_slot_move(&last->obj, &last->next, &link->obj);
		last = link;
	}
	pheap_slot_set(&last->obj, &last->next, &first->obj);
	pheap_slot_set(&first->obj, &first->prev, &last->obj);
	return first;
}

static char *view_read(struct kunit *test, const char *path)
{
	char *text = kunit_kzalloc(test, VIEW_TEXT, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, text);
	KUNIT_ASSERT_EQ_MSG(test, file_read(path, text, VIEW_TEXT), 0, "%s",
			    path);
	return text;
}

/* The first line that begins with @start. */
static char *view_line(struct kunit *test, char *text, const char *start)
{
	char *line;

	while ((line = strsep(&text, "\n")))
		if (strstarts(line, start))
			return line;
	KUNIT_FAIL(test, "no line with %s", start);
	return "";
}

/* Word @n of a line, from 0, as a number. */
static u64 view_number(struct kunit *test, const char *line, unsigned int n)
{
	size_t size = strlen(line) + 1;
	char *rest = kunit_kzalloc(test, size, GFP_KERNEL);
	char *word = NULL;
	u64 value;

	KUNIT_ASSERT_TRUE(test, rest);
	strscpy(rest, line, size);
	for (n++; n; n--) {
		rest = skip_spaces(rest);
		word = strsep(&rest, "\n ");
		KUNIT_ASSERT_TRUE(test, rest || n == 1);
	}
	KUNIT_ASSERT_EQ_MSG(test, kstrtoull(word, 10, &value), 0, "'%s' in %s",
			    word, line);
	return value;
}

/* The heap's row in /proc/pheap_gc. */
static char *view_row(struct kunit *test)
{
	return view_line(test, view_read(test, "/proc/pheap_gc"),
			 "pheap_kunit      kunit ");
}

/* As the kernel prints it; it can't before it has enough randomness. */
static unsigned long view_address(struct kunit *test, const void *p)
{
	unsigned long address;
	char text[24];

	snprintf(text, sizeof(text), "%p", p);
	if (kstrtoul(text, 16, &address))
		kunit_skip(test, "addresses can't be told yet");
	return address;
}

static struct graph *view_graph(struct kunit *test, enum graph_from from,
				unsigned int max, const void *obj)
{
	struct graph_args args = { .from = from, .max = max, .root = "r" };
	struct graph *graph;

	if (from == GRAPH_OBJECT)
		args.address = view_address(test, obj);
	graph = graph_take(heap_of(test)->gc, &args);
	KUNIT_ASSERT_FALSE(test, IS_ERR(graph));
	return graph;
}

static unsigned int view_garbage(const struct graph *graph)
{
	unsigned int i, nr = 0;

	for (i = 0; i < graph->nr; i++)
		nr += !graph->nodes[i].live;
	return nr;
}

static void view_collections(struct kunit *test)
{
	struct link *first = view_ring(test, view_type(test), 10);
	char *line = view_row(test);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, view_number(test, line, 2), 0);
	pheap_put(&first->obj);
	KUNIT_EXPECT_EQ(test, pheap_collect(heap_of(test)), 10);
	line = view_row(test);
	KUNIT_EXPECT_GE(test, view_number(test, line, 2), 1);
	for (i = 3; i <= 5; i++)
		KUNIT_EXPECT_EQ(test, view_number(test, line, i), 10);
	KUNIT_EXPECT_EQ(test, view_number(test, line, 9), 0);
}

static void view_hints(struct kunit *test)
{
	view_type(test);
	KUNIT_EXPECT_TRUE(test, strstr(view_read(test, "/proc/pheap_gc"),
				       "\n# kunit: collects only when asked"));
	pheap_gc_enable(heap_of(test));
	KUNIT_EXPECT_FALSE(test, strstr(view_read(test, "/proc/pheap_gc"),
					"\n# kunit: "));
}

static void view_longest_put(struct kunit *test)
{
	struct pheap_type *type = view_type(test);
	struct link *first = view_new(test, type), *link;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, atomic_long_read(&heap_of(test)->gc->longest_put),
			0);
	for (i = 0; i < 50; i++) {
		link = view_new(test, type);
		pheap_slot_move(&link->obj, &link->next, &first->obj);
		first = link;
	}
	pheap_put(&first->obj);
	KUNIT_EXPECT_GT(test, atomic_long_read(&heap_of(test)->gc->longest_put),
			0);
}

static void view_types_among_caches(struct kunit *test)
{
	struct link *link = view_new(test, view_type(test));
	void *p = pheap_alloc(heap_of(test), 208, FIXTURE_GFP);
	char *text = view_read(test, "/proc/pheapinfo");
	char *line = strstr(text, " li\"nk ");

	KUNIT_ASSERT_TRUE(test, p && line);
	line = strsep(&line, "\n");
	KUNIT_EXPECT_EQ(test, view_number(test, line, 2), 1);
	KUNIT_EXPECT_STREQ(test, strrchr(line, ' '), " type");
	pheap_put(&link->obj);
	pheap_free(p);
}

static void view_garbage_in_a_graph(struct kunit *test)
{
	struct pheap_type *type = view_type(test);
	struct link *kept = view_ring(test, type, 3);
	struct link *dead = view_ring(test, type, 4);
	struct graph *graph;

	pheap_put(&dead->obj);
	pheap_root_set(heap_of(test), "r", &kept->obj);
	graph = view_graph(test, GRAPH_ALL, 100, NULL);
	KUNIT_EXPECT_EQ(test, graph->nr, 7);
	KUNIT_EXPECT_EQ(test, graph->nr_edges, 14);
	KUNIT_EXPECT_EQ(test, graph->nr_roots, 1);
	KUNIT_EXPECT_EQ(test, view_garbage(graph), 4);
	KUNIT_EXPECT_FALSE(test, graph->cut);
	graph_drop(graph);
	pheap_put(&kept->obj);
	pheap_root_del(heap_of(test), "r");
	graph = view_graph(test, GRAPH_ALL, 100, NULL);
	KUNIT_EXPECT_EQ(test, view_garbage(graph), 7);
	graph_drop(graph);
	KUNIT_EXPECT_EQ(test, pheap_collect(heap_of(test)), 7);
}

/* What is cut off is not taken for garbage. */
static void view_bounded_graphs(struct kunit *test)
{
	struct link *first = view_ring(test, view_type(test), 300);
	struct graph *graph;

	pheap_root_set(heap_of(test), "r", &first->obj);
	pheap_put(&first->obj);
	graph = view_graph(test, GRAPH_ALL, 200, NULL);
	KUNIT_EXPECT_EQ(test, graph->nr, 200);
	KUNIT_EXPECT_EQ(test, graph->objects, 300);
	KUNIT_EXPECT_TRUE(test, graph->cut);
	KUNIT_EXPECT_EQ(test, view_garbage(graph), 0);
	graph_drop(graph);
	graph = view_graph(test, GRAPH_ROOT, 7, NULL);
	KUNIT_EXPECT_EQ(test, graph->nr, 7);
	/* Neighbours come in turns, so there are some on either side. */
	KUNIT_EXPECT_EQ(test, graph->nr_edges, 12);
	KUNIT_EXPECT_TRUE(test, graph->cut);
	graph_drop(graph);
	pheap_root_del(heap_of(test), "r");
	graph = view_graph(test, GRAPH_ROOT, 7, NULL);
	KUNIT_EXPECT_FALSE(test, graph->found);
	graph_drop(graph);
	KUNIT_EXPECT_EQ(test, pheap_collect(heap_of(test)), 300);
}

/* By the address that the kernel prints; who refers to it is found, too. */
static void view_graph_around_an_object(struct kunit *test)
{
	struct pheap_type *type = view_type(test);
	struct link *alone, *to, *from;
	struct graph *graph;

	view_address(test, test);
	alone = view_new(test, type);
	to = view_new(test, type);
	from = view_new(test, type);
	pheap_slot_set(&from->obj, &from->next, &to->obj);
	graph = view_graph(test, GRAPH_OBJECT, 10, to);
	KUNIT_EXPECT_EQ(test, graph->nr, 2);
	KUNIT_EXPECT_PTR_EQ(test, graph->nodes[0].obj, &to->obj);
	KUNIT_EXPECT_PTR_EQ(test, graph->nodes[1].obj, &from->obj);
	KUNIT_EXPECT_FALSE(test, graph->cut);
	graph_drop(graph);
	pheap_put(&alone->obj);
	pheap_put(&from->obj);
	pheap_put(&to->obj);
}

static struct kunit_case view_cases[] = {
	MODE_CASE(all, view_collections),
	MODE_CASE(plain, view_hints),
	MODE_CASE(plain, view_longest_put),
	MODE_CASE(all, view_types_among_caches),
	MODE_CASE(all, view_garbage_in_a_graph),
	MODE_CASE(plain, view_bounded_graphs),
	MODE_CASE(all, view_graph_around_an_object),
	{}
};

struct kunit_suite view_suite = {
	.name = "pheap_view",
	.suite_init = fixture_start,
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = view_cases,
};
