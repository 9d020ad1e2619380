// SPDX-License-Identifier: GPL-2.0
/*
 * The smallest use of pheap: a heap, a cache in it, some blocks of each, and a
 * look at what the heap holds.  Load it, look at /proc/pheapinfo and the
 * kernel's log, unload it.
 */
#include <linux/err.h>
#include <linux/module.h>

#include <pheap/pheap.h>

struct greeting {
	u32 number;
	const char *text;
};

static struct pheap *heap;
static struct pheap_cache *greetings;
static struct greeting *hello;
static char *text;

static void hello_show(void)
{
	struct pheap_stats stats;

	pheap_get_stats(heap, &stats);
	pr_info("hello_pheap: %s %u: %llu live blocks, %llu of %llu bytes\n",
		hello->text, hello->number, stats.live_blocks,
		stats.live_bytes, stats.taken);
}

static int __init hello_init(void)
{
	const struct pheap_args args = { .limit = 1 << 20 };
	const struct pheap_cache_args cache_args = { .size = sizeof(*hello) };
	int err = -ENOMEM;

	heap = pheap_create("hello", &args);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	greetings = pheap_cache_create(heap, "greeting", &cache_args);
	if (IS_ERR(greetings)) {
		err = PTR_ERR(greetings);
		goto destroy;
	}
	text = pheap_strdup(heap, "hello, pheap", GFP_KERNEL);
	hello = pheap_cache_alloc(greetings, GFP_KERNEL);
	if (!text || !hello)
		goto destroy;
	hello->text = text;
	hello->number = 1;
	hello_show();
	return 0;

destroy:
	/* Frees whatever is in it, caches included. */
	pheap_destroy(heap);
	return err;
}

static void __exit hello_exit(void)
{
	pheap_cache_free(greetings, hello);
	pheap_free(text);
	pheap_cache_destroy(greetings);
	pheap_destroy(heap);
}

module_init(hello_init);
module_exit(hello_exit);

MODULE_DESCRIPTION("A minimal user of pheap");
MODULE_LICENSE("GPL");
