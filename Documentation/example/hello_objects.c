// SPDX-License-Identifier: GPL-2.0
/*
 * Counted objects: a family that somebody knows, and one that nobody knows any
 * more.  Load it, look at /proc/pheap_gc and /sys/kernel/debug/pheap/family/,
 * unload it, and read the kernel's log.
 */
#include <linux/err.h>
#include <linux/module.h>

#include <pheap/object.h>

#define CHILDREN	2

/*
 * Parents refer to their children, and children to a parent: no count of theirs
 * ever goes to zero by itself.
 */
struct person {
	struct pheap_object obj;	/* first */
	struct pheap_slot name;
	struct pheap_slot parent;
	struct pheap_slot child[CHILDREN];
	struct pheap_weaks weaks;
};

/* Has no slots, so the collector never looks at it; and a size of its own. */
struct name {
	struct pheap_object obj;
	char text[];
};

static const size_t person_slots[] = {
	offsetof(struct person, name),
	offsetof(struct person, parent),
	offsetof(struct person, child[0]),
	offsetof(struct person, child[1]),
};

static const struct pheap_type_ops person_ops = {
	.name = "person",
	.size = sizeof(struct person),
	.slots = person_slots,
	.nr_slots = ARRAY_SIZE(person_slots),
	.weaks = offsetof(struct person, weaks),
};

static const struct pheap_type_ops name_ops = {
	.name = "name",
	.size = sizeof(struct name),
	.flags = PHEAP_TYPE_SIZED | PHEAP_TYPE_ACYCLIC,
};

static struct pheap *heap;
static struct pheap_type *person_type, *name_type;
static struct pheap_weak forgotten;	/* one of those whom nobody knows */

static struct person *person_of(struct pheap_object *obj)
{
	return container_of(obj, struct person, obj);
}

/* The caller gets the only reference. */
static struct person *person_new(const char *text)
{
	size_t size = offsetof(struct name, text) + strlen(text) + 1;
	struct person *person = pheap_new(person_type, GFP_KERNEL);
	struct name *name;

	size = max(size, sizeof(*name));
	name = pheap_new_sized(name_type, size, GFP_KERNEL);
	if (!person || !name) {
		/* The objects come first in their structures: NULL stays NULL. */
		pheap_put((struct pheap_object *)person);
		pheap_put((struct pheap_object *)name);
		return NULL;
	}
	strscpy(name->text, text, size - offsetof(struct name, text));
	/* Our reference becomes the slot's. */
	pheap_slot_move(&person->obj, &person->name, &name->obj);
	return person;
}

/* The slots take references of their own. */
static void person_adopt(struct person *parent, unsigned int n,
			 struct person *child)
{
	pheap_slot_set(&parent->obj, &parent->child[n], &child->obj);
	pheap_slot_set(&child->obj, &child->parent, &parent->obj);
}

/* A parent and children; the caller gets a reference on the parent. */
static struct person *family_new(const char *const *names)
{
	DEFINE_PHEAP_FRAME(frame, heap);
	struct person *person[1 + CHILDREN];
	int i;

	for (i = 0; i <= CHILDREN; i++) {
		person[i] = person_new(names[i]);
		/* Whichever way we leave, the frame puts what it holds. */
		if (!person[i] || !pheap_local(&frame, &person[i]->obj))
			return NULL;
	}
	for (i = 0; i < CHILDREN; i++)
		person_adopt(person[0], i, person[1 + i]);
	return person_of(pheap_escape(&frame, &person[0]->obj));
}

static int family_keep(void)
{
	static const char *const names[] = { "Ada", "Byron", "Annabella" };
	struct person *ada = family_new(names);
	int err;

	if (!ada)
		return -ENOMEM;
	err = pheap_root_set(heap, "ada", &ada->obj);
	pheap_put(&ada->obj);	/* the root has one of its own */
	return err;
}

/* When this returns, nobody refers to them but they to each other. */
static int family_forget(void)
{
	static const char *const names[] = { "Nemo", "Nobody", "Noone" };
	struct person *nemo = family_new(names);

	if (!nemo)
		return -ENOMEM;
	pheap_weak_init(&forgotten, &nemo->obj, NULL);
	pheap_put(&nemo->obj);
	return 0;
}

/* What a child's parent is called, through slots that others may write. */
static void family_show(void)
{
	DEFINE_PHEAP_FRAME(frame, heap);
	struct pheap_object *obj = pheap_local(&frame,
					       pheap_root_get(heap, "ada"));
	struct person *ada = obj ? person_of(obj) : NULL;

	if (!ada)
		return;
	obj = pheap_local(&frame, pheap_slot_get(&ada->obj, &ada->name));
	pr_info("hello_objects: %s has %u references\n",
		obj ? container_of(obj, struct name, obj)->text : "?",
		pheap_refcount(&ada->obj));
}

static bool family_is_forgotten(void)
{
	struct pheap_object *obj = pheap_weak_get(&forgotten);

	pheap_put(obj);
	return !obj;
}

static int __init hello_init(void)
{
	int err = -ENOMEM;

	heap = pheap_create("family", NULL);
	if (IS_ERR(heap))
		return PTR_ERR(heap);
	/* They last as long as the heap. */
	person_type = pheap_type_register(heap, &person_ops);
	name_type = pheap_type_register(heap, &name_ops);
	if (!IS_ERR(person_type) && !IS_ERR(name_type))
		err = family_keep() ?: family_forget();
	if (err) {
		pheap_destroy(heap);
		return err;
	}
	family_show();
	pr_info("hello_objects: Nemo is %s\n",
		family_is_forgotten() ? "gone" : "there");
	return 0;
}

static void __exit hello_exit(void)
{
	size_t freed = pheap_collect(heap);

	pr_info("hello_objects: %zu objects collected, Nemo is %s\n", freed,
		family_is_forgotten() ? "gone" : "there");
	pheap_weak_clear(&forgotten);
	pheap_root_del(heap, "ada");
	pheap_collect(heap);
	pheap_destroy(heap);
}

module_init(hello_init);
module_exit(hello_exit);

MODULE_DESCRIPTION("A small user of pheap's objects");
MODULE_LICENSE("GPL");
