// SPDX-License-Identifier: GPL-2.0
/*
 * A library to be preloaded: writes down what a program asks of malloc().
 *
 * Use scripts/record/record, which compiles it and runs a program with it.
 * From the environment:
 *
 *	PHEAP_TRACE		file to write
 *	PHEAP_TRACE_EVENTS	events to stop after (default 2,000,000)
 *
 * The format is in Documentation/traces/README.md.  The functions that align
 * (posix_memalign() and the like) are written down as plain allocations.  Only
 * the program itself is recorded, not what it starts; what happens before this
 * library is initialised, or in a child after fork(), is not seen.
 *
 * Each call takes one lock.  A free is written down before it is done and an
 * allocation after, so that a block that another thread gets at the same
 * address is a new one; realloc() is done under the lock for the same reason.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EVENTS_DEFAULT	2000000
#define OUTPUT_SIZE	65536
#define EVENT_MAX	20
#define EARLY_SIZE	16384
#define NO_SLOT		UINT32_MAX
#define TAKEN_OUT	((uintptr_t)1)

enum op {
	OP_ALLOC,
	OP_FREE,
	OP_REALLOC,
};

/* A live block; @address is 0 in an unused entry, TAKEN_OUT in a used one. */
struct entry {
	uintptr_t address;
	uint32_t slot;
};

static void *(*real_malloc)(size_t size);
static void *(*real_calloc)(size_t n, size_t size);
static void *(*real_realloc)(void *p, size_t size);
static void (*real_free)(void *p);
static int (*real_posix_memalign)(void **p, size_t align, size_t size);
static void *(*real_aligned_alloc)(size_t align, size_t size);
static void *(*real_memalign)(size_t align, size_t size);
static void *(*real_valloc)(size_t size);
static void *(*real_pvalloc)(size_t size);

/* What dlsym() asks for before there is anybody to ask.  Never freed. */
static _Alignas(16) char early[EARLY_SIZE];
static size_t early_used;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile bool recording;
static int output = -1;
static pid_t owner;
static uint64_t events_left = EVENTS_DEFAULT;

static unsigned char buffer[OUTPUT_SIZE];
static size_t buffered;

/* A hash table with open addressing: live blocks by address. */
static struct entry *entries;
static size_t entries_room;
static size_t entries_used;
static size_t entries_live;

static uint32_t *freed;
static size_t freed_room;
static size_t freed_nr;
static uint32_t slots;

/* In a call of ours already: what it calls in turn is not the program's. */
static __thread int inside __attribute__((tls_model("initial-exec")));

/* --- output ----------------------------------------------------------------- */

static void output_flush(void)
{
	size_t done = 0;
	ssize_t n;

	while (done < buffered) {
		n = write(output, buffer + done, buffered - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			recording = false;
			break;
		}
		done += n;
	}
	buffered = 0;
}

static void output_number(uint64_t x)
{
	while (x > 0x7f) {
		buffer[buffered++] = x | 0x80;
		x >>= 7;
	}
	buffer[buffered++] = x;
}

static void output_end(void)
{
	if (!recording)
		return;
	output_flush();
	recording = false;
	close(output);
}

/* Only whole events are ever in the file. */
static void output_event(enum op op, uint64_t x)
{
	if (buffered > OUTPUT_SIZE - EVENT_MAX)
		output_flush();
	output_number(x << 2 | op);
	if (events_left)
		events_left--;
}

/* --- slots --------------------------------------------------------------------- */

static void *pages_get(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static struct entry *entry_find(uintptr_t address)
{
	size_t i = (address >> 4) * 0x9e3779b97f4a7c15u >> 20;

	for (;; i++) {
		struct entry *entry = &entries[i & (entries_room - 1)];

		if (entry->address == address || !entry->address)
			return entry;
	}
}

/* Twice as large as need be at least, without the entries taken out. */
static bool entries_grow(void)
{
	struct entry *old = entries;
	size_t i, old_room = entries_room;
	size_t room = old_room ? old_room : 4096;

	while (room < 4 * (entries_live + 1))
		room *= 2;
	entries = pages_get(room * sizeof(*entries));
	if (!entries) {
		entries = old;
		return false;
	}
	entries_room = room;
	for (i = 0; i < old_room; i++)
		if (old[i].address > TAKEN_OUT)
			*entry_find(old[i].address) = old[i];
	entries_used = entries_live;
	if (old)
		munmap(old, old_room * sizeof(*old));
	return true;
}

static bool entry_add(void *p, uint32_t slot)
{
	struct entry *entry;

	if (2 * (entries_used + 1) > entries_room && !entries_grow())
		return false;
	entry = entry_find((uintptr_t)p);
	entries_used += !entry->address;
	entries_live++;
	entry->address = (uintptr_t)p;
	entry->slot = slot;
	return true;
}

static uint32_t entry_take(void *p)
{
	struct entry *entry;

	if (!entries_room)
		return NO_SLOT;
	entry = entry_find((uintptr_t)p);
	if (!entry->address)
		return NO_SLOT;
	entry->address = TAKEN_OUT;
	entries_live--;
	return entry->slot;
}

static bool freed_grow(void)
{
	size_t room = freed_room ? 2 * freed_room : 4096;
	uint32_t *new = pages_get(room * sizeof(*new));

	if (!new)
		return false;
	if (freed) {
		memcpy(new, freed, freed_nr * sizeof(*new));
		munmap(freed, freed_room * sizeof(*new));
	}
	freed = new;
	freed_room = room;
	return true;
}

/* --- what the program does ------------------------------------------------------- */

/* Without memory for the tables, the trace ends there. */
static void note_free(void *p)
{
	uint32_t slot = entry_take(p);

	if (slot == NO_SLOT)
		return;
	if (freed_nr == freed_room && !freed_grow()) {
		output_end();
		return;
	}
	freed[freed_nr++] = slot;
	output_event(OP_FREE, slot);
}

static void note_alloc(void *p, size_t size)
{
	uint32_t slot;

	note_free(p); /* if one that was there was freed without our seeing it */
	slot = freed_nr ? freed[freed_nr - 1] : slots;
	if (!recording || !entry_add(p, slot)) {
		output_end();
		return;
	}
	if (freed_nr)
		freed_nr--;
	else
		slots++;
	output_event(OP_ALLOC, size);
}

static void note_realloc(void *old, void *p, size_t size)
{
	uint32_t slot = entry_take(old);

	if (slot == NO_SLOT) {
		note_alloc(p, size);
		return;
	}
	if (!entry_add(p, slot)) {
		output_end();
		return;
	}
	output_event(OP_REALLOC, slot);
	output_number(size);
}

/* Is this a call to write down?  If so, the lock is held. */
static bool note_begin(void)
{
	if (!recording || inside)
		return false;
	inside = 1;
	pthread_mutex_lock(&lock);
	if (recording)
		return true;
	pthread_mutex_unlock(&lock);
	inside = 0;
	return false;
}

static void note_end(void)
{
	if (recording && !events_left)
		output_end();
	pthread_mutex_unlock(&lock);
	inside = 0;
}

static void *note_result(void *p, size_t size)
{
	if (p && note_begin()) {
		note_alloc(p, size);
		note_end();
	}
	return p;
}

/* --- the functions that stand before libc's ----------------------------------------- */

static void *find(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static void find_all(void)
{
	static bool finding;

	if (finding)
		return;
	finding = true;
	real_calloc = find("calloc");
	real_malloc = find("malloc");
	real_realloc = find("realloc");
	real_posix_memalign = find("posix_memalign");
	real_aligned_alloc = find("aligned_alloc");
	real_memalign = find("memalign");
	real_valloc = find("valloc");
	real_pvalloc = find("pvalloc");
	real_free = find("free");
}

static bool early_is(const void *p)
{
	return (const char *)p >= early && (const char *)p < early + EARLY_SIZE;
}

static void *early_alloc(size_t size)
{
	void *p = early + early_used;

	size = (size + 15) & ~(size_t)15;
	if (size > EARLY_SIZE - early_used) {
		errno = ENOMEM;
		return NULL;
	}
	early_used += size;
	return p;
}

void *malloc(size_t size)
{
	if (!real_malloc)
		find_all();
	if (!real_malloc)
		return early_alloc(size);
	return note_result(real_malloc(size), size);
}

void *calloc(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	if (!real_calloc)
		find_all();
	if (!real_calloc)
		return early_alloc(bytes);
	return note_result(real_calloc(n, size), bytes);
}

void free(void *p)
{
	if (!p || early_is(p))
		return;
	if (note_begin()) {
		note_free(p);
		note_end();
	}
	if (!real_free)
		find_all();
	if (real_free)
		real_free(p);
}

/* How long it was is not known, but it lies in an array of known end. */
static void *early_realloc(void *p, size_t size)
{
	size_t most = early + EARLY_SIZE - (char *)p;
	void *new = malloc(size);

	if (new)
		memcpy(new, p, size < most ? size : most);
	return new;
}

void *realloc(void *p, size_t size)
{
	void *new;

	if (!p)
		return malloc(size);
	if (early_is(p))
		return early_realloc(p, size);
	if (!real_realloc)
		find_all();
	if (!note_begin())
		return real_realloc(p, size);
	new = real_realloc(p, size);
	if (new)
		note_realloc(p, new, size);
	else if (!size)
		note_free(p);
	note_end();
	return new;
}

int posix_memalign(void **p, size_t align, size_t size)
{
	int err;

	if (!real_posix_memalign)
		find_all();
	err = real_posix_memalign(p, align, size);
	if (!err)
		note_result(*p, size);
	return err;
}

void *aligned_alloc(size_t align, size_t size)
{
	if (!real_aligned_alloc)
		find_all();
	return note_result(real_aligned_alloc(align, size), size);
}

void *memalign(size_t align, size_t size)
{
	if (!real_memalign)
		find_all();
	return note_result(real_memalign(align, size), size);
}

void *valloc(size_t size)
{
	if (!real_valloc)
		find_all();
	return note_result(real_valloc(size), size);
}

void *pvalloc(size_t size)
{
	if (!real_pvalloc)
		find_all();
	return note_result(real_pvalloc(size), size);
}

/* --- beginning and end ------------------------------------------------------------------ */

/* Not in a child of vfork(), whose memory this is not. */
static void stop(void)
{
	if (!recording || getpid() != owner)
		return;
	inside = 1;
	pthread_mutex_lock(&lock);
	output_end();
	pthread_mutex_unlock(&lock);
	inside = 0;
}

/* Programs that leave by _exit() skip destructors. */
void _exit(int status)
{
	void (*real_exit)(int status) = find("_exit");

	stop();
	real_exit(status);
	__builtin_unreachable();
}

void _Exit(int status)
{
	_exit(status);
}

static void fork_prepare(void)
{
	pthread_mutex_lock(&lock);
}

static void fork_parent(void)
{
	pthread_mutex_unlock(&lock);
}

/* The parent goes on writing; the child must not write what it has buffered. */
static void fork_child(void)
{
	if (recording)
		close(output);
	recording = false;
	pthread_mutex_unlock(&lock);
}

static __attribute__((constructor)) void begin(void)
{
	const char *file = getenv("PHEAP_TRACE");
	const char *events = getenv("PHEAP_TRACE_EVENTS");

	if (!file)
		return;
	find_all();
	if (events)
		events_left = strtoull(events, NULL, 10);
	output = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (output < 0 || !events_left)
		return;
	unsetenv("PHEAP_TRACE");
	unsetenv("LD_PRELOAD");
	owner = getpid();
	pthread_atfork(fork_prepare, fork_parent, fork_child);
	recording = true;
}

static __attribute__((destructor)) void end(void)
{
	stop();
}
