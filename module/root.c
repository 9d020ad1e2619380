// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/string.h>

#include "backing.h"
#include "cache.h"
#include "gc.h"
#include "object.h"
#include "root.h"

static struct root *root_find(struct gc *gc, const char *name)
{
	struct root *root;

	lockdep_assert_held(&gc->root_mutex);
	list_for_each_entry(root, &gc->roots, link)
		if (!strcmp(root->name, name))
			return root;
	return NULL;
}

static struct root *root_new(struct gc *gc, const char *name)
{
	struct root *root = backing_meta(gc->heap, sizeof(*root), GFP_KERNEL);

	if (IS_ERR(root))
		return NULL;
	strscpy(root->name, name, sizeof(root->name));
	list_add_tail(&root->link, &gc->roots);
	return root;
}

int pheap_root_set(struct pheap *heap, const char *name,
		   struct pheap_object *obj)
{
	struct pheap_object *old = NULL;
	struct root *root;
	struct gc *gc;

	might_sleep();
	if (!obj || !cache_name_valid(name))
		return -EINVAL;
	gc = gc_get(heap);
	if (IS_ERR(gc))
		return PTR_ERR(gc);
	mutex_lock(&gc->root_mutex);
	root = root_find(gc, name) ?: root_new(gc, name);
	if (root) {
		old = root->obj;
		root->obj = pheap_get(obj);
	}
	mutex_unlock(&gc->root_mutex);
	pheap_put(old);
	return root ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_GPL(pheap_root_set);

struct pheap_object *pheap_root_get(struct pheap *heap, const char *name)
{
	struct gc *gc = READ_ONCE(heap->gc);
	struct pheap_object *obj = NULL;
	struct root *root;

	might_sleep();
	if (!gc || !name)
		return NULL;
	mutex_lock(&gc->root_mutex);
	root = root_find(gc, name);
	if (root)
		obj = pheap_get(root->obj);
	mutex_unlock(&gc->root_mutex);
	return obj;
}
EXPORT_SYMBOL_GPL(pheap_root_get);

static void root_free(struct gc *gc, struct root *root)
{
	pheap_put(root->obj);
	backing_meta_free(gc->heap, root);
}

int pheap_root_del(struct pheap *heap, const char *name)
{
	struct gc *gc = READ_ONCE(heap->gc);
	struct root *root;

	might_sleep();
	if (!gc || !name)
		return -ENOENT;
	mutex_lock(&gc->root_mutex);
	root = root_find(gc, name);
	if (root)
		list_del(&root->link);
	mutex_unlock(&gc->root_mutex);
	if (!root)
		return -ENOENT;
	root_free(gc, root);
	return 0;
}
EXPORT_SYMBOL_GPL(pheap_root_del);

static bool root_is_own(struct gc *gc, const struct root *root)
{
	struct pheap_type *type = pheap_object_type(root->obj);

	return type && type->gc == gc;
}

bool root_drop_all(struct gc *gc, bool own)
{
	struct root *root, *next;
	LIST_HEAD(roots);
	bool any;

	mutex_lock(&gc->root_mutex);
	list_splice_init(&gc->roots, &roots);
	mutex_unlock(&gc->root_mutex);
	any = !list_empty(&roots);
	list_for_each_entry_safe(root, next, &roots, link) {
		if (!own && root_is_own(gc, root))
			root->obj = NULL;
		root_free(gc, root);
	}
	return any;
}
