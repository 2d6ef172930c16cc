/*
 * A guest made by hand, for tests of what looks into one: a few pages with
 * their rights, a few symbols.  Stands in for watch/mmu.c and image/symbols.c.
 */
#ifndef TESTS_FAKE_GUEST_H
#define TESTS_FAKE_GUEST_H

#include "image/image.h"
#include "watch/guest_view.h"

#include <string.h>

#define FAKE_PAGES 12
#define FAKE_SYMBOLS 32
#define FAKE_PAGE_SIZE 0x1000

static struct fake_page {
	uint64_t linear;
	struct mapping map;
	uint8_t *bytes;
} fake_pages[FAKE_PAGES];
static unsigned fake_page_count;
static uint8_t fake_memory[FAKE_PAGES][FAKE_PAGE_SIZE];

static struct { const char *name; uint64_t address; } fake_symbols[FAKE_SYMBOLS];
static unsigned fake_symbol_count;

/* Map the page of linear to physical page number frame. */
static struct fake_page *fake_map(uint64_t linear, unsigned frame, bool user, bool writable)
{
	struct fake_page *p = &fake_pages[fake_page_count++];

	*p = (struct fake_page){
		.linear = linear & ~(uint64_t)(FAKE_PAGE_SIZE - 1),
		.map = { .gpa = (uint64_t)frame * FAKE_PAGE_SIZE, .page_size = FAKE_PAGE_SIZE, .user = user,
			 .writable = writable },
		.bytes = fake_memory[frame],
	};
	return p;
}

static struct fake_page *fake_page(uint64_t linear)
{
	for (unsigned i = 0; i < fake_page_count; i++)
		if (linear - fake_pages[i].linear < FAKE_PAGE_SIZE)
			return &fake_pages[i];
	return NULL;
}

static void fake_write(uint64_t linear, const void *bytes, size_t size)
{
	memcpy(fake_page(linear)->bytes + linear % FAKE_PAGE_SIZE, bytes, size);
}

static inline void fake_write64(uint64_t linear, uint64_t value)
{
	fake_write(linear, &value, sizeof(value));
}

static inline void fake_write32(uint64_t linear, uint32_t value)
{
	fake_write(linear, &value, sizeof(value));
}

static inline void fake_symbol(const char *name, uint64_t address)
{
	fake_symbols[fake_symbol_count].name = name;
	fake_symbols[fake_symbol_count++].address = address;
}

static void fake_reset(void)
{
	fake_page_count = fake_symbol_count = 0;
	memset(fake_memory, 0, sizeof(fake_memory));
}

bool view_translate(struct guest_view *v, const struct x86_state *s, uint64_t linear, struct mapping *m)
{
	struct fake_page *p = fake_page(linear);

	(void)v;
	(void)s;
	if (p)
		*m = p->map;
	return p;
}

/* One level, as if the page had a table to itself. */
static inline void fake_walk(uint64_t linear, struct page_walk *w)
{
	struct fake_page *p = fake_page(linear);

	*w = (struct page_walk){ .mapped = p, .count = 1 };
	if (!p)
		return;
	w->map = p->map;
	w->entry[0] = (struct page_walk_entry){ .level = 1, .has_rights = true, .gpa = 0x9000, .value = p->map.gpa | 3 | (p->map.user ? 4 : 0) };
}

size_t view_read(struct guest_view *v, const struct x86_state *s, uint64_t linear, void *buffer, size_t size)
{
	(void)v;
	(void)s;
	for (size_t i = 0; i < size; i++) {
		struct fake_page *p = fake_page(linear + i);

		if (!p)
			return i;
		((uint8_t *)buffer)[i] = p->bytes[(linear + i) % FAKE_PAGE_SIZE];
	}
	return size;
}

bool symbols_address(const struct symbols *s, const char *name, uint64_t *address)
{
	(void)s;
	for (unsigned i = 0; i < fake_symbol_count; i++) {
		if (strcmp(fake_symbols[i].name, name) == 0) {
			*address = fake_symbols[i].address;
			return true;
		}
	}
	return false;
}

/* Every symbol reaches up to the next one. */
const char *symbols_find(const struct symbols *s, uint64_t address, uint64_t *offset)
{
	const char *name = NULL;

	(void)s;
	*offset = UINT64_MAX;
	for (unsigned i = 0; i < fake_symbol_count; i++) {
		if (address >= fake_symbols[i].address && address - fake_symbols[i].address < *offset) {
			*offset = address - fake_symbols[i].address;
			name = fake_symbols[i].name;
		}
	}
	return name;
}

#endif
