// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/sched.h>

#include "gc.h"
#include "look.h"
#include "object.h"

/**
 * struct look - a walk over objects
 * @type: only of this type, if it is not NULL.
 * @dead: dead ones that wait for the reaper, too.
 * @typed: there was a page of objects in the arena.
 * @fn: called for each.
 * @arg: its argument.
 * @nr: how many there were.
 */
struct look {
	const struct pheap_type *type;
	bool dead;
	bool typed;
	pheap_object_fn fn;
	void *arg;
	size_t nr;
};

static bool look_wants(const struct look *look, int rc)
{
	return rc < 0 || count_is_alive(rc) ||
	       (look->dead && rc & __PHEAP_PENDING);
}

static bool look_page(struct look *look, struct spot page)
{
	/* What is on the page is looked at after this. */
	struct pheap_cache *cache = smp_load_acquire(spot_owner(page));
	struct pheap_object *obj;

	if (!cache->type)
		return true;
	look->typed = true;
	if (look->type && cache->type != look->type)
		return true;
	for (obj = object_first(page, cache); obj;
	     obj = object_next(page, cache, obj)) {
		if (!look_wants(look, object_rc(obj)))
			continue;
		look->nr++;
		if (!look->fn(obj, look->arg))
			return false;
	}
	return true;
}

static bool look_arena(struct look *look, struct arena *arena)
{
	struct spot page = { arena };

	for (; page.page < ARENA_PAGES; page.page++)
		if (!look_page(look, page))
			return false;
	return true;
}

/* An arena with a page of objects stays, so that the list can be left there. */
static bool look_node(struct look *look, struct heap_node *hn)
{
	struct arena *arena;
	bool more = true;

	rcu_read_lock();
	list_for_each_entry_rcu(arena, &hn->arenas, all) {
		look->typed = false;
		more = look_arena(look, arena);
		if (!more)
			break;
		if (look->typed && need_resched()) {
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
	return more;
}

static void look_heap(struct look *look, struct pheap *heap)
{
	int node;

	pool_hold(heap, true);
	for (node = 0; node < nr_node_ids; node++) {
		if (!look_node(look, &heap->nodes[node]))
			break;
		cond_resched();
	}
	pool_hold(heap, false);
}

size_t look_walk(struct pheap *heap, const struct pheap_type *type,
		 pheap_object_fn fn, void *arg)
{
	struct look look = { .type = type, .fn = fn, .arg = arg };

	look_heap(&look, heap);
	return look.nr;
}

size_t look_walk_all(struct pheap *heap, pheap_object_fn fn, void *arg)
{
	struct look look = { .dead = true, .fn = fn, .arg = arg };

	look_heap(&look, heap);
	return look.nr;
}

/* A scan must not decide on what a walker takes a reference to. */
size_t pheap_for_each_object(struct pheap *heap, struct pheap_type *type,
			     pheap_object_fn fn, void *arg)
{
	struct gc *gc = READ_ONCE(heap->gc);
	size_t nr;

	might_sleep();
	if (!gc)
		return 0;
	mutex_lock(&gc->mutex);
	nr = look_walk(heap, type, fn, arg);
	mutex_unlock(&gc->mutex);
	return nr;
}
EXPORT_SYMBOL_GPL(pheap_for_each_object);

bool pheap_object_tryget(struct pheap_object *obj)
{
	return object_tryget(obj);
}
EXPORT_SYMBOL_GPL(pheap_object_tryget);

static void look_referent(struct pheap_slot *slot, void *arg)
{
	struct pheap_object *obj = slot_read(slot);
	struct look *look = arg;

	if (!obj || !look->fn)
		return;
	look->nr++;
	if (!look->fn(obj, look->arg))
		look->fn = NULL;
}

size_t pheap_referents(struct pheap_object *obj, pheap_object_fn fn, void *arg)
{
	struct pheap_cache *cache = object_cache(obj);
	struct look look = { .fn = fn, .arg = arg };

	if (!cache)
		return 0;
	rcu_read_lock();
	type_visit(cache->type, cache, obj, look_referent, &look);
	rcu_read_unlock();
	return look.nr;
}
EXPORT_SYMBOL_GPL(pheap_referents);

/**
 * struct referrers - a search for who refers to an object
 * @to: the object.
 * @found: the object at hand does.
 * @look: what is to be called.
 */
struct referrers {
	struct pheap_object *to;
	bool found;
	struct look look;
};

static void look_slot_is(struct pheap_slot *slot, void *arg)
{
	struct referrers *search = arg;

	search->found |= slot_read(slot) == search->to;
}

static bool look_referrer(struct pheap_object *obj, void *arg)
{
	struct referrers *search = arg;
	struct pheap_cache *cache;

	search->found = false;
	if (!object_spot(obj, &cache).arena)
		return true;
	type_visit(cache->type, cache, obj, look_slot_is, search);
	if (!search->found)
		return true;
	search->look.nr++;
	return search->look.fn(obj, search->look.arg);
}

size_t pheap_referrers(struct pheap_object *obj, pheap_object_fn fn, void *arg)
{
	struct pheap_type *type = pheap_object_type(obj);
	struct look look = { .fn = fn, .arg = arg };
	struct referrers search = { .to = obj, .look = look };

	might_sleep();
	if (type)
		pheap_for_each_object(type->gc->heap, NULL, look_referrer,
				      &search);
	return search.look.nr;
}
EXPORT_SYMBOL_GPL(pheap_referrers);

bool pheap_is_tracked(const struct pheap_object *obj)
{
	struct pheap_type *type = pheap_object_type(obj);

	if (!type || type->flags & PHEAP_TYPE_ACYCLIC || object_rc(obj) < 0)
		return false;
	return !(type->flags & PHEAP_TYPE_IMMUTABLE) ||
	       READ_ONCE(obj->__gc) != OBJECT_UNTRACKED;
}
EXPORT_SYMBOL_GPL(pheap_is_tracked);

bool pheap_is_finalized(const struct pheap_object *obj)
{
	return object_rc(obj) & __PHEAP_FINALIZED;
}
EXPORT_SYMBOL_GPL(pheap_is_finalized);

unsigned int pheap_refcount(const struct pheap_object *obj)
{
	int rc = object_rc(obj);

	return rc < 0 ? PHEAP_COUNT_MAX : count_of(rc);
}
EXPORT_SYMBOL_GPL(pheap_refcount);
