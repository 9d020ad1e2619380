// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/rculist.h>
#include <linux/string.h>

#include "backing.h"
#include "cache.h"
#include "gc.h"
#include "object.h"

#define TYPE_FLAGS (PHEAP_TYPE_ACYCLIC | PHEAP_TYPE_IMMUTABLE | \
		    PHEAP_TYPE_SIZED | PHEAP_TYPE_RCU | \
		    PHEAP_TYPE_RELEASE_ANYWHERE)

/**
 * struct type_walk - a walk by a user's traverse function
 * @visit: what that is given.
 * @fn: what is to be called.
 * @arg: its argument.
 */
struct type_walk {
	struct pheap_visit visit;
	type_slot_fn fn;
	void *arg;
};

static void type_walk_slot(struct pheap_visit *visit, struct pheap_slot *slot)
{
	struct type_walk *walk = container_of(visit, struct type_walk, visit);

	walk->fn(slot, walk->arg);
}

void type_traverse(const struct pheap_type *type, struct pheap_object *obj,
		   type_slot_fn fn, void *arg)
{
	struct type_walk walk = {
		.visit = { .fn = type_walk_slot },
		.fn = fn,
		.arg = arg,
	};

	type->ops.traverse(obj, &walk.visit);
}

static bool type_place_valid(const struct pheap_type_ops *ops, size_t at)
{
	return at >= sizeof(struct pheap_object) && !(at % sizeof(void *)) &&
	       at <= ops->size - sizeof(void *);
}

/* In the table before, or in the array. */
static bool type_slot_is_twice(const struct pheap_type_ops *ops,
			       unsigned int at)
{
	unsigned int i;

	for (i = 0; i < at; i++)
		if (ops->slots[i] == ops->slots[at])
			return true;
	return ops->slot_array && ops->slots[at] >= ops->slot_array;
}

static bool type_slots_valid(const struct pheap_type_ops *ops)
{
	unsigned int i;

	if (ops->nr_slots > TYPE_SLOTS || (ops->nr_slots && !ops->slots))
		return false;
	for (i = 0; i < ops->nr_slots; i++)
		if (!type_place_valid(ops, ops->slots[i]) ||
		    type_slot_is_twice(ops, i))
			return false;
	if (ops->slot_array &&
	    (ops->slot_array % sizeof(void *) ||
	     ops->slot_array < sizeof(struct pheap_object) ||
	     ops->slot_array > ops->size))
		return false;
	return !ops->traverse || (!ops->nr_slots && !ops->slot_array);
}

static bool type_ops_valid(const struct pheap_type_ops *ops)
{
	if (!ops || !cache_name_valid(ops->name) || ops->flags & ~TYPE_FLAGS)
		return false;
	if (ops->size < sizeof(struct pheap_object) ||
	    ops->size > TYPE_SIZE_MAX)
		return false;
	if (ops->align && (!is_power_of_2(ops->align) ||
			   ops->align > PAGE_SIZE))
		return false;
	if (ops->flags & PHEAP_TYPE_ACYCLIC &&
	    ops->flags & PHEAP_TYPE_IMMUTABLE)
		return false;
	if (ops->weaks && !type_place_valid(ops, ops->weaks))
		return false;
	return type_slots_valid(ops);
}

static void type_fill(struct pheap_type *type,
		      const struct pheap_type_ops *ops)
{
	unsigned int i;

	type->ops = *ops;
	type->flags = ops->flags;
	type->nr_slots = ops->nr_slots;
	for (i = 0; i < ops->nr_slots; i++)
		type->slots[i] = ops->slots[i];
	type->slot_array = ops->slot_array;
	type->weaks = ops->weaks;
	type->has_slots = ops->nr_slots || ops->slot_array || ops->traverse;
	type->zeroed = ops->slot_array || ops->traverse;
	/* What a traverse function looks at must stay as long as it runs. */
	type->rcu = ops->flags & PHEAP_TYPE_RCU || ops->traverse;
	type->simple = !type->has_slots && !type->weaks && !type->rcu &&
		       !ops->finalize && !ops->release;
	/* What has no slots is in no cycle. */
	if (!type->has_slots)
		type->flags |= PHEAP_TYPE_ACYCLIC;
	strscpy(type->name, ops->name, sizeof(type->name));
	type->ops.name = type->name;
}

static struct pheap_type *type_new(struct pheap *heap, struct gc *gc,
				   const struct pheap_type_ops *ops)
{
	bool sized = ops->flags & PHEAP_TYPE_SIZED;
	struct pheap_cache *cache;
	struct pheap_type *type;

	type = backing_meta(heap, struct_size(type, caches,
					      sized ? NR_CLASSES : 0),
			    GFP_KERNEL);
	if (IS_ERR(type))
		return ERR_PTR(-ENOMEM);
	type_fill(type, ops);
	type->gc = gc;
	type->cache = cache_none;
	if (sized)
		return type;
	cache = object_new_cache(type, type->name, ops->size, GFP_KERNEL);
	if (IS_ERR(cache)) {
		backing_meta_free(heap, type);
		return PTR_ERR(cache) == -EINVAL ? ERR_CAST(cache) :
						   ERR_PTR(-ENOMEM);
	}
	type->cache = cache;
	cache_publish(heap, cache);
	return type;
}

static bool type_exists(struct gc *gc, const char *name)
{
	struct pheap_type *type;

	list_for_each_entry(type, &gc->types, link)
		if (!strcmp(type->name, name))
			return true;
	return false;
}

static struct pheap_type *type_register(struct pheap *heap,
					const struct pheap_type_ops *ops)
{
	struct pheap_type *type;
	struct gc *gc;

	gc = gc_of_heap(heap);
	if (IS_ERR(gc))
		return ERR_CAST(gc);
	if (type_exists(gc, ops->name) || cache_find(heap, ops->name))
		return ERR_PTR(-EEXIST);
	type = type_new(heap, gc, ops);
	if (!IS_ERR(type))
		list_add_tail_rcu(&type->link, &gc->types);
	return type;
}

struct pheap_type *pheap_type_register(struct pheap *heap,
				       const struct pheap_type_ops *ops)
{
	struct pheap_type *type;

	might_sleep();
	if (!type_ops_valid(ops))
		return ERR_PTR(-EINVAL);
	mutex_lock(&heap->mutex);
	type = type_register(heap, ops);
	mutex_unlock(&heap->mutex);
	return type;
}
EXPORT_SYMBOL_GPL(pheap_type_register);

struct pheap_type *pheap_object_type(const struct pheap_object *obj)
{
	struct pheap_type *type = NULL;
	struct pheap_cache *cache;
	struct spot page;

	rcu_read_lock();
	page = object_spot(obj, &cache);
	if (page.arena && object_is_at(page, cache, obj) &&
	    object_rc(obj) != OBJECT_FREE)
		type = cache->type;
	rcu_read_unlock();
	return type;
}
EXPORT_SYMBOL_GPL(pheap_object_type);

const char *pheap_type_name(const struct pheap_type *type)
{
	return type->name;
}
EXPORT_SYMBOL_GPL(pheap_type_name);
