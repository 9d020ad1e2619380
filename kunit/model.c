// SPDX-License-Identifier: GPL-2.0
#include <linux/sizes.h>
#include <linux/string.h>

#include "pheap_kunit.h"

void model_init(struct kunit *test, struct model *model, unsigned int nr,
		gfp_t gfp, size_t most)
{
	struct fixture *fix = fixture_of(test);

	*model = (struct model) {
		.heap = fix->heap,
		.nr = nr,
		.gfp = gfp | __GFP_NOWARN,
		.most = most,
	};
	prandom_seed_state(&model->rnd, prandom_u32_state(&fix->rnd));
	model->cell = kunit_kcalloc(test, nr, sizeof(*model->cell),
				    GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, model->cell);
	kunit_info(test, "seed=%llu\n", fix->seed);
}

u32 model_random(struct model *model, u32 below)
{
	return prandom_u32_state(&model->rnd) % below;
}

/* Each doubling as likely as another. */
size_t model_size(struct model *model)
{
	unsigned int bits = model_random(model, fls64(model->most) + 1);
	u32 below = min_t(size_t, 1UL << bits, model->most + 1);

	return model_random(model, below);
}

static bool model_error(struct model *model, const char *what)
{
	if (!model->errors++)
		model->what = what;
	return false;
}

/* Of a large block, only the ends. */
#define CELL_PATTERN	SZ_1K

static size_t cell_next(const struct cell *cell, size_t i)
{
	if (++i == CELL_PATTERN && cell->size > 2 * CELL_PATTERN)
		return cell->size - CELL_PATTERN;
	return i;
}

static u8 cell_byte(const struct cell *cell, size_t i)
{
	return (cell->tag >> (i % 4 * 8)) + i;
}

void cell_fill(struct cell *cell)
{
	u8 *p = cell->p;
	size_t i;

	for (i = 0; i < cell->size; i = cell_next(cell, i))
		p[i] = cell_byte(cell, i);
}

bool cell_check_part(const struct cell *cell, const void *q, size_t n)
{
	const u8 *p = q;
	size_t i;

	for (i = 0; i < min(n, cell->size); i = cell_next(cell, i))
		if (p[i] != cell_byte(cell, i))
			return false;
	return true;
}

bool cell_check(const struct cell *cell)
{
	return cell_check_part(cell, cell->p, cell->size);
}

static void model_set(struct model *model, struct cell *cell, void *p,
		      size_t size)
{
	cell->p = p;
	cell->size = size;
	cell->tag = prandom_u32_state(&model->rnd);
	cell_fill(cell);
	model->live++;
	model->bytes += size;
}

bool model_alloc(struct model *model, struct cell *cell)
{
	gfp_t gfp = model->gfp;
	size_t size = model_size(model);
	void *p;

	if (!model_random(model, 4))
		gfp |= __GFP_ZERO;
	p = pheap_alloc(model->heap, size, gfp);
	if (!p) {
		model->failed++;
		return true;
	}
	if (gfp & __GFP_ZERO && memchr_inv(p, 0, size))
		return model_error(model, "not zeroed");
	if (pheap_owner(p) != model->heap)
		return model_error(model, "wrong owner of a new block");
	if (pheap_size(p) < size)
		return model_error(model, "block smaller than asked for");
	model_set(model, cell, p, size);
	return true;
}

bool model_take(struct model *model, struct cell *cell)
{
	if (!cell->p)
		return false;
	model->live--;
	model->bytes -= cell->size;
	return true;
}

bool model_free(struct model *model, struct cell *cell)
{
	bool good = cell_check(cell);

	if (!model_take(model, cell))
		return true;
	switch (model_random(model, 8)) {
	case 0:
		pheap_free_sensitive(cell->p);
		break;
	case 1 ... 3:
		pheap_free_sized(model->heap, cell->p, cell->size);
		break;
	default:
		pheap_free(cell->p);
	}
	cell->p = NULL;
	return good || model_error(model, "block changed while it was live");
}

static bool model_realloc(struct model *model, struct cell *cell)
{
	size_t size = model_size(model);
	void *p;

	if (!cell_check(cell))
		return model_error(model, "block changed before realloc");
	p = pheap_realloc(model->heap, cell->p, size, model->gfp);
	if (!p) {
		model->failed++;
		return cell_check(cell) ||
		       model_error(model, "block changed by failed realloc");
	}
	if (!cell_check_part(cell, p, size))
		return model_error(model, "content lost by realloc");
	model_take(model, cell);
	model_set(model, cell, p, size);
	return true;
}

bool model_step(struct model *model)
{
	struct cell *cell = &model->cell[model_random(model, model->nr)];

	if (!cell->p)
		return model_alloc(model, cell);
	if (model_random(model, 3))
		return model_free(model, cell);
	return model_realloc(model, cell);
}

void model_clear(struct model *model)
{
	unsigned int i;

	for (i = 0; i < model->nr; i++)
		if (model->cell[i].p)
			model_free(model, &model->cell[i]);
}

static struct cell *model_find(struct model *model, const void *p)
{
	unsigned int i;

	for (i = 0; i < model->nr; i++)
		if (model->cell[i].p == p)
			return &model->cell[i];
	return NULL;
}

/**
 * struct model_walk - the model and the heap side by side
 * @model: model.
 * @unknown: blocks that the model does not know.
 * @small: blocks that are smaller than was asked for.
 */
struct model_walk {
	struct model *model;
	unsigned int unknown;
	unsigned int small;
};

static bool model_visit(void *p, size_t size, struct pheap_cache *cache,
			void *arg)
{
	struct model_walk *walk = arg;
	struct cell *cell = model_find(walk->model, p);

	walk->unknown += !cell;
	walk->small += cell && size < cell->size;
	return true;
}

void model_compare(struct kunit *test, struct model *model)
{
	struct model_walk walk = { .model = model };
	struct pheap_stats stats = fixture_stats(test);
	size_t nr = pheap_for_each(model->heap, model_visit, &walk);

	KUNIT_EXPECT_EQ(test, nr, (size_t)model->live);
	KUNIT_EXPECT_EQ(test, walk.unknown, 0);
	KUNIT_EXPECT_EQ(test, walk.small, 0);
	KUNIT_EXPECT_EQ(test, stats.live_blocks, model->live);
	KUNIT_EXPECT_GE(test, stats.live_bytes, model->bytes);
	KUNIT_EXPECT_EQ(test, stats.failures + stats.refusals, model->failed);
}

void model_finish(struct kunit *test, struct model *model)
{
	model_clear(model);
	KUNIT_EXPECT_EQ_MSG(test, model->errors, 0, "%s", model->what);
	KUNIT_EXPECT_EQ(test, model->live, 0);
	KUNIT_EXPECT_EQ(test, model->bytes, 0);
}
