// SPDX-License-Identifier: GPL-2.0
/*
 * Reads a trace from standard input, checks it, and prints what is in it.
 * The format is in Documentation/traces/README.md.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOT_LIVE	UINT64_MAX
#define BUCKETS		48

enum op {
	OP_ALLOC,
	OP_FREE,
	OP_REALLOC,
	OP_NR,
};

static uint64_t offset;
static uint64_t event_at;

static uint64_t *sizes;
static uint64_t slots;
static uint64_t slots_room;
static uint64_t *freed;
static uint64_t freed_nr;
static uint64_t freed_room;

static uint64_t events[OP_NR];
static uint64_t asked[BUCKETS];
static uint64_t live_bytes;
static uint64_t live_blocks;
static uint64_t peak_bytes;
static uint64_t peak_blocks;

static void bad(const char *what)
{
	fprintf(stderr, "bad trace: at byte %" PRIu64 ": %s\n", event_at, what);
	exit(1);
}

static void *grow(void *array, uint64_t nr, uint64_t *room)
{
	if (nr < *room)
		return array;
	*room = *room ? 2 * *room : 4096;
	array = realloc(array, *room * sizeof(uint64_t));
	if (!array) {
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return array;
}

/* False at the end of the file, which must not come within a number. */
static bool number(uint64_t *x)
{
	unsigned int shift;
	int c;

	*x = 0;
	for (shift = 0; shift < 63; shift += 7) {
		c = getchar();
		if (c == EOF) {
			if (shift)
				bad("cut short");
			return false;
		}
		offset++;
		*x |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return true;
	}
	bad("a number of more than 63 bits");
	return false;
}

static unsigned int bucket(uint64_t size)
{
	unsigned int b = 0;

	while (b < BUCKETS - 1 && (uint64_t)8 << b < size)
		b++;
	return b;
}

static void ask(uint64_t slot, uint64_t size)
{
	sizes[slot] = size;
	live_bytes += size;
	asked[bucket(size)]++;
	if (live_bytes > peak_bytes)
		peak_bytes = live_bytes;
}

static void take_back(uint64_t slot)
{
	if (slot >= slots || sizes[slot] == NOT_LIVE)
		bad("a block that is not there");
	live_bytes -= sizes[slot];
}

static void event_alloc(uint64_t size)
{
	uint64_t slot;

	if (freed_nr) {
		slot = freed[--freed_nr];
	} else {
		sizes = grow(sizes, slots, &slots_room);
		slot = slots++;
	}
	if (++live_blocks > peak_blocks)
		peak_blocks = live_blocks;
	ask(slot, size);
}

static void event_free(uint64_t slot)
{
	take_back(slot);
	sizes[slot] = NOT_LIVE;
	freed = grow(freed, freed_nr, &freed_room);
	freed[freed_nr++] = slot;
	live_blocks--;
}

static void event_realloc(uint64_t slot)
{
	uint64_t size;

	take_back(slot);
	if (!number(&size))
		bad("cut short");
	ask(slot, size);
}

static void event(uint64_t x)
{
	switch (x & 3) {
	case OP_ALLOC:
		event_alloc(x >> 2);
		break;
	case OP_FREE:
		event_free(x >> 2);
		break;
	case OP_REALLOC:
		event_realloc(x >> 2);
		break;
	default:
		bad("an event of unknown kind");
	}
	events[x & 3]++;
}

static void print_sizes(void)
{
	uint64_t all = events[OP_ALLOC] + events[OP_REALLOC], sum = 0;
	unsigned int b;

	printf("\n%16s  %12s  %8s\n", "size up to", "asked for", "so far");
	for (b = 0; b < BUCKETS; b++) {
		if (!asked[b])
			continue;
		sum += asked[b];
		printf("%16" PRIu64 "  %12" PRIu64 "  %6.1f %%\n",
		       (uint64_t)8 << b, asked[b], 100.0 * sum / all);
	}
}

int main(void)
{
	uint64_t x;

	while (number(&x)) {
		event(x);
		event_at = offset;
	}
	printf("events           %" PRIu64 "\n",
	       events[OP_ALLOC] + events[OP_FREE] + events[OP_REALLOC]);
	printf("  allocations    %" PRIu64 "\n", events[OP_ALLOC]);
	printf("  frees          %" PRIu64 "\n", events[OP_FREE]);
	printf("  reallocations  %" PRIu64 "\n", events[OP_REALLOC]);
	printf("peak, bytes      %" PRIu64 "\n", peak_bytes);
	printf("peak, blocks     %" PRIu64 "\n", peak_blocks);
	printf("live at the end  %" PRIu64 " bytes, %" PRIu64 " blocks\n",
	       live_bytes, live_blocks);
	if (events[OP_ALLOC])
		print_sizes();
	return 0;
}
