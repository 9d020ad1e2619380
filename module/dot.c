// SPDX-License-Identifier: GPL-2.0
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "dot.h"
#include "gc.h"
#include "graph.h"
#include "heap.h"
#include "words.h"

/**
 * struct dot - what a heap's graph.dot shows
 * @heap: heap.
 * @lock: protects @args.
 * @args: what was last written to it.
 */
struct dot {
	struct pheap *heap;
	struct mutex lock;	/* protects args */
	struct graph_args args;
};

/* Showing. */

/* A name, in quotes already. */
static void dot_name(struct seq_file *m, const char *name)
{
	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			seq_putc(m, '\\');
		seq_putc(m, *name);
	}
}

static bool dot_is_garbage(const struct graph_node *node)
{
	return node->type && !node->live;
}

static const char *dot_colour(const struct graph_node *node)
{
	if (dot_is_garbage(node))
		return "#ff8080";
	if (node->rc < 0)
		return count_is_immortal(node->rc) ? "#a0c8ff" : "#ffb050";
	if (node->rc & __PHEAP_DIRTY && node->tracked)
		return "#fff0a0";
	return "#ffffff";
}

static void dot_node(struct seq_file *m, const struct graph *graph,
		     unsigned int number)
{
	const struct graph_node *node = &graph->nodes[number];

	if (!node->type)
		return;
	seq_printf(m, "\tn%u [label=\"", number + 1);
	dot_name(m, node->type->name);
	if (node->rc >= 0)
		seq_printf(m, "\\n%u", count_of(node->rc));
	else
		seq_printf(m, "\\n%s", count_is_immortal(node->rc) ?
			   "immortal" : "pinned");
	seq_printf(m, "\", tooltip=\"%p\", fillcolor=\"%s\"];\n", node->obj,
		   dot_colour(node));
}

static void dot_edge(struct seq_file *m, const struct graph *graph,
		     const struct graph_edge *edge)
{
	bool red = dot_is_garbage(&graph->nodes[edge->from]) &&
		   dot_is_garbage(&graph->nodes[edge->to]);

	if (graph->nodes[edge->to].type)
		seq_printf(m, "\tn%u -> n%u%s;\n", edge->from + 1, edge->to + 1,
			   red ? " [color=\"#c00000\"]" : "");
}

static void dot_root(struct seq_file *m, const struct graph *graph,
		     unsigned int number)
{
	const struct graph_root *root = &graph->roots[number];

	seq_printf(m, "\tr%u [shape=box, label=\"", number + 1);
	dot_name(m, root->name);
	seq_printf(m, "\"];\n\tr%u -> n%u;\n", number + 1, root->node + 1);
}

static void dot_head(struct seq_file *m, const char *name)
{
	seq_puts(m, "digraph \"");
	dot_name(m, name);
	seq_puts(m, "\" {\n\tnode [style=filled, fillcolor=\"#ffffff\"];\n");
}

/* Objects that are shown, and garbage among them. */
static void dot_count(const struct graph *graph, unsigned int *shown,
		      unsigned int *garbage)
{
	unsigned int i;

	*shown = 0;
	*garbage = 0;
	for (i = 0; i < graph->nr; i++) {
		*shown += !!graph->nodes[i].type;
		*garbage += dot_is_garbage(&graph->nodes[i]);
	}
}

static void dot_caption(struct seq_file *m, const struct graph *graph)
{
	unsigned int shown, garbage;

	dot_count(graph, &shown, &garbage);
	seq_puts(m, "\tlabel=\"heap ");
	dot_name(m, graph->heap->name);
	seq_printf(m, ": %u objects", shown);
	if (graph->args.from == GRAPH_ALL)
		seq_printf(m, " of %zu", graph->objects);
	seq_printf(m, ", %u of them garbage (red)%s\\nbox: root; blue: immortal; orange: pinned; yellow: candidate; number: references\";\n",
		   garbage, graph->cut ? "; there are more" : "");
}

static void dot_graph(struct seq_file *m, const struct graph *graph)
{
	unsigned int i;

	dot_caption(m, graph);
	for (i = 0; i < graph->nr; i++)
		dot_node(m, graph, i);
	for (i = 0; i < graph->nr_edges; i++)
		dot_edge(m, graph, &graph->edges[i]);
	for (i = 0; i < graph->nr_roots; i++)
		dot_root(m, graph, i);
}

static int dot_show(struct seq_file *m, void *v)
{
	struct dot *dot = file_inode(m->file)->i_private;
	const struct graph *graph = m->private;

	dot_head(m, dot->heap->name);
	if (!graph)
		seq_puts(m, "\tlabel=\"no types\";\n");
	else if (!graph->found)
		seq_puts(m, "\tlabel=\"no such root or object\";\n");
	else
		dot_graph(m, graph);
	seq_puts(m, "}\n");
	return 0;
}

static struct graph *dot_take(struct dot *dot)
{
	/* Pairs with gc_of_heap(). */
	struct gc *gc = smp_load_acquire(&dot->heap->gc);
	struct graph_args args;

	if (!gc)
		return NULL;
	mutex_lock(&dot->lock);
	args = dot->args;
	mutex_unlock(&dot->lock);
	return graph_take(gc, &args);
}

/* The picture is taken once for each reader. */
static int dot_open(struct inode *inode, struct file *file)
{
	struct graph *graph = NULL;
	int err;

	if (file->f_mode & FMODE_READ)
		graph = dot_take(inode->i_private);
	if (IS_ERR(graph))
		return PTR_ERR(graph);
	err = single_open(file, dot_show, graph);
	if (err)
		graph_drop(graph);
	return err;
}

static int dot_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	graph_drop(m->private);
	return single_release(inode, file);
}

/* Choosing: all [MAX], root NAME [MAX], or object ADDRESS [MAX]. */

static int dot_parse_max(const char *word, struct graph_args *args)
{
	if (!word)
		return 0;
	if (kstrtouint(word, 0, &args->max) || !args->max ||
	    args->max > GRAPH_MAX)
		return -EINVAL;
	return 0;
}

static int dot_parse_from(char **argv, struct graph_args *args)
{
	if (args->from == GRAPH_OBJECT)
		return kstrtoul(argv[1], 16, &args->address) ? -EINVAL : 0;
	if (args->from == GRAPH_ROOT &&
	    strscpy(args->root, argv[1], sizeof(args->root)) < 0)
		return -EINVAL;
	return 0;
}

static int dot_parse(int argc, char **argv, struct graph_args *args)
{
	static const char *const words[] = {
		[GRAPH_ALL] = "all",
		[GRAPH_ROOT] = "root",
		[GRAPH_OBJECT] = "object",
	};
	int from = argc ? match_string(words, ARRAY_SIZE(words), argv[0]) : -1;
	int least = from == GRAPH_ALL ? 1 : 2;

	if (from < 0 || argc < least || argc > least + 1)
		return -EINVAL;
	args->from = from;
	return dot_parse_from(argv, args) ?:
	       dot_parse_max(argc > least ? argv[least] : NULL, args);
}

static int dot_choose(void *data, int argc, char **argv)
{
	struct graph_args args = { .max = GRAPH_DEFAULT };
	int err = dot_parse(argc, argv, &args);
	struct dot *dot = data;

	if (err)
		return err;
	mutex_lock(&dot->lock);
	dot->args = args;
	mutex_unlock(&dot->lock);
	return 0;
}

static ssize_t dot_write(struct file *file, const char __user *buf,
			 size_t count, loff_t *pos)
{
	return words_write(file, buf, count, dot_choose);
}

static const struct file_operations dot_fops = {
	.owner = THIS_MODULE,
	.open = dot_open,
	.read = seq_read,
	.write = dot_write,
	.llseek = seq_lseek,
	.release = dot_release,
};

static void dot_added(struct pheap *heap)
{
	struct dot *dot = kzalloc(sizeof(*dot), GFP_KERNEL);

	heap->dot = dot;
	if (!dot)
		return;
	dot->heap = heap;
	dot->args.max = GRAPH_DEFAULT;
	mutex_init(&dot->lock);
	debugfs_create_file("graph.dot", 0600, heap->dir, dot, &dot_fops);
}

/* The file is gone with the heap's directory. */
static void dot_removed(struct pheap *heap)
{
	kfree(heap->dot);
}

static struct heap_watch dot_watch = {
	.added = dot_added,
	.removed = dot_removed,
};

int dot_init(void)
{
	heap_add_watch(&dot_watch);
	return 0;
}

void dot_exit(void)
{
	heap_del_watch(&dot_watch);
}
