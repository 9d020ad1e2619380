// SPDX-License-Identifier: GPL-2.0
#include "mark.h"
#include "pheap_kunit.h"

u64 poke_read(const void *p)
{
	return READ_ONCE(*(const u64 *)p);
}

void poke_write(void *p, u64 value)
{
	WRITE_ONCE(*(u64 *)p, value);
}

u8 poke_byte(const void *p)
{
	return READ_ONCE(*(const u8 *)p);
}

void poke_byte_write(void *p, u8 value)
{
	WRITE_ONCE(*(u8 *)p, value);
}

bool poke_is_zero(const void *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (poke_byte(p + i))
			return false;
	return true;
}

void poke_mark(const struct pheap_cache *cache, void *p)
{
	poke_write(mark_at(cache, p), cache->mark);
}
