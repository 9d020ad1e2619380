// SPDX-License-Identifier: GPL-2.0
#include <linux/export.h>
#include <linux/kernel.h>
#include <pheap/object.h>

/* References of a chunk, which with its link fills a block. */
#define FRAME_CHUNK	31

/**
 * struct pheap_frame_chunk - more references
 * @next: chunk that was filled before.
 * @ref: references, as many as the frame's count says.
 */
struct pheap_frame_chunk {
	struct pheap_frame_chunk *next;
	struct pheap_object *ref[FRAME_CHUNK];
};

/* Where the last of @nr references is, in the newest chunk or in the frame. */
static struct pheap_object **frame_at(struct pheap_frame *frame,
				      unsigned int nr)
{
	if (nr <= PHEAP_FRAME_INLINE)
		return &frame->__to[nr - 1];
	return &frame->__more->ref[(nr - PHEAP_FRAME_INLINE - 1) %
				   FRAME_CHUNK];
}

/* Room for one more.  Returns false if there is none. */
static bool frame_extend(struct pheap_frame *frame)
{
	unsigned int beyond = frame->__nr - PHEAP_FRAME_INLINE;
	struct pheap_frame_chunk *chunk;

	if (frame->__nr >= PHEAP_FRAME_MAX)
		return false;
	if (frame->__nr < PHEAP_FRAME_INLINE || beyond % FRAME_CHUNK)
		return true;
	if (!frame->__heap)
		return false;
	chunk = pheap_alloc(frame->__heap, sizeof(*chunk),
			    GFP_NOWAIT | __GFP_NOWARN);
	if (!chunk)
		return false;
	chunk->next = frame->__more;
	frame->__more = chunk;
	return true;
}

struct pheap_object *pheap_local(struct pheap_frame *frame,
				 struct pheap_object *obj)
{
	if (!obj)
		return NULL;
	if (!frame_extend(frame)) {
		pheap_put(obj);
		return NULL;
	}
	*frame_at(frame, ++frame->__nr) = obj;
	return obj;
}
EXPORT_SYMBOL_GPL(pheap_local);

/* A chunk goes when its first reference does. */
static struct pheap_object *frame_pop(struct pheap_frame *frame)
{
	struct pheap_object *obj = *frame_at(frame, frame->__nr);
	struct pheap_frame_chunk *chunk = frame->__more;

	frame->__nr--;
	if (chunk && frame->__nr >= PHEAP_FRAME_INLINE &&
	    !((frame->__nr - PHEAP_FRAME_INLINE) % FRAME_CHUNK)) {
		frame->__more = chunk->next;
		pheap_free(chunk);
	}
	return obj;
}

void pheap_frame_exit(struct pheap_frame *frame)
{
	while (frame->__nr)
		pheap_put(frame_pop(frame));
}
EXPORT_SYMBOL_GPL(pheap_frame_exit);

/* The last reference on @obj, or NULL. */
static struct pheap_object **frame_find(struct pheap_frame *frame,
					struct pheap_object *obj)
{
	struct pheap_frame_chunk *chunk = frame->__more;
	unsigned int nr, at;

	for (nr = frame->__nr; nr > PHEAP_FRAME_INLINE; nr--) {
		at = (nr - PHEAP_FRAME_INLINE - 1) % FRAME_CHUNK;
		if (chunk->ref[at] == obj)
			return &chunk->ref[at];
		if (!at)
			chunk = chunk->next;
	}
	for (; nr; nr--)
		if (frame->__to[nr - 1] == obj)
			return &frame->__to[nr - 1];
	return NULL;
}

struct pheap_object *pheap_escape(struct pheap_frame *frame,
				  struct pheap_object *obj)
{
	struct pheap_object **at = obj ? frame_find(frame, obj) : NULL;

	if (!at)
		return NULL;
	/* What is put at the end of the scope may be nothing. */
	*at = NULL;
	return obj;
}
EXPORT_SYMBOL_GPL(pheap_escape);
