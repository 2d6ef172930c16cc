/*
 * Symbols by address and by name.  Owns the sorted tables and the interned
 * texts; symbols_load.c fills them from a file.
 */
#include "image/symbols.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A guest can pass gates at as many addresses as it likes; beyond these the address itself must do. */
#define TEXTS_MAX (1 << 20)

const char *symbols_find(const struct symbols *s, uint64_t address, uint64_t *offset)
{
	size_t low = 0, high = s->covering_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->covering[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || address - s->covering[low - 1].address >= s->covering[low - 1].size)
		return NULL;
	*offset = address - s->covering[low - 1].address;
	return s->covering[low - 1].name;
}

bool symbols_address(const struct symbols *s, const char *name, uint64_t *address)
{
	size_t low = 0, high = s->named_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(s->named[middle].name, name);

		if (order == 0) {
			*address = s->named[middle].address;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

bool symbols_code(const struct symbols *s, size_t n, uint64_t *address, uint64_t *size)
{
	if (n >= s->covering_count)
		return false;
	*address = s->covering[n].address;
	*size = s->covering[n].function ? s->covering[n].size : 0;
	return true;
}

/* The slot of address, or the free one where it belongs.  There always is a free one. */
static struct symbol_text *slot_of(struct symbol_text *slots, size_t count, uint64_t address)
{
	size_t i = (address * UINT64_C(0x9e3779b97f4a7c15)) >> 20;

	for (i &= count - 1; slots[i].text && slots[i].address != address; i = (i + 1) & (count - 1))
		;
	return &slots[i];
}

/* Keep the table at most half full. */
static bool make_room(struct symbols *s)
{
	size_t count = s->slot_count ? s->slot_count * 2 : 64;
	struct symbol_text *slots;

	if (s->text_count * 2 < s->slot_count)
		return true;
	if (s->text_count >= TEXTS_MAX)
		return false;
	slots = calloc(count, sizeof(*slots));
	if (!slots)
		return false;
	for (size_t i = 0; i < s->slot_count; i++)
		if (s->slots[i].text)
			*slot_of(slots, count, s->slots[i].address) = s->slots[i];
	free(s->slots);
	s->slots = slots;
	s->slot_count = count;
	return true;
}

const char *symbols_text(struct symbols *s, uint64_t address)
{
	struct symbol_text *slot;
	const char *name;
	char text[SYMBOL_NAME_MAX + 32];
	uint64_t offset;

	name = symbols_find(s, address, &offset);
	if (!name || offset == 0)
		return name;
	if (!make_room(s))
		return NULL;
	slot = slot_of(s->slots, s->slot_count, address);
	if (slot->text)
		return slot->text;
	snprintf(text, sizeof(text), "%s+%llX", name, (unsigned long long)offset);
	slot->text = strdup(text);
	if (!slot->text)
		return NULL;
	slot->address = address;
	s->text_count++;
	return slot->text;
}

void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->slot_count; i++)
		free(s->slots[i].text);
	free(s->slots);
	free(s->covering);
	free(s->named);
	free(s->names);
	free(s);
}
