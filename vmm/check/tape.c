/*
 * Facts about a guest by question.  Owns their bytes while recording, and the
 * table of symbols; asks no guest and judges nothing.
 */
#include "check/tape.h"

#include <stdlib.h>
#include <string.h>

#define SYMBOLS_FIRST   64              /* a power of two, as all sizes are */
#define SYMBOLS_MAX     (1 << 20)

bool tape_init(struct tape *t, bool replays)
{
	memset(t, 0, sizeof(*t));
	t->replays = replays;
	t->bytes = replays ? NULL : malloc(TAPE_BYTES);
	t->by_literal = calloc(NAMES_KEPT, sizeof(*t->by_literal));
	return (replays || t->bytes) && t->by_literal;
}

void tape_free(struct tape *t)
{
	for (size_t n = 0; n < t->symbol_count; n++)
		free((char *)t->symbols[n].name);
	free(t->symbols);
	free(t->slots);
	free(t->by_literal);
	free(t->bytes);
}

void tape_next(struct tape *t)
{
	t->facts.count = t->next = 0;
	t->used = 0;
}

static bool is_about(const struct fact *f, enum fact_kind kind, enum fact_side side, uint64_t address, size_t wanted)
{
	return f->address == address && f->kind == kind && f->side == side && f->wanted == wanted;
}

/* Questions come again in the order in which they came first, so the next one is the likely one. */
const struct fact *tape_find(struct tape *t, enum fact_kind kind, enum fact_side side, uint64_t address, size_t wanted)
{
	const struct fact *fact = t->facts.fact;

	if (t->next < t->facts.count && is_about(&fact[t->next], kind, side, address, wanted))
		return &fact[t->next++];
	for (unsigned n = 0; n < t->facts.count; n++)
		if (is_about(&fact[n], kind, side, address, wanted))
			return &fact[n];
	return NULL;
}

void tape_put(struct tape *t, const struct fact *fact)
{
	struct fact *kept = &t->facts.fact[t->facts.count];

	if (t->facts.count == TAPE_FACTS || fact->size > TAPE_BYTES - t->used) {
		t->full = true;
		return;
	}
	*kept = *fact;
	if (fact->size) {
		kept->bytes = memcpy(t->bytes + t->used, fact->bytes, fact->size);
		t->used += fact->size;
	}
	t->facts.count++;
}

static uint64_t hash(enum symbol_question question, const char *name, uint64_t address)
{
	uint64_t h = question == SYMBOL_ADDRESS ? 0 : address + question;

	if (question == SYMBOL_ADDRESS)
		for (; *name; name++)
			h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	h ^= h >> 29;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return h >> 20;
}

static bool answers(const struct symbol_fact *f, enum symbol_question question, const char *name, uint64_t address)
{
	return f->question == question && (question == SYMBOL_ADDRESS ? !strcmp(f->name, name) : f->address == address);
}

/* The slot that it has, or the free one that it would get.  There always is a free one. */
static uint32_t *slot_of(const struct tape *t, enum symbol_question question, const char *name, uint64_t address)
{
	const size_t mask = 2 * t->symbol_room - 1;
	size_t n = hash(question, name, address) & mask;

	while (t->slots[n] && !answers(&t->symbols[t->slots[n] - 1], question, name, address))
		n = (n + 1) & mask;
	return &t->slots[n];
}

/* Claims ask by literals, each at every transition: where one lies tells which symbol it may be. */
static uint32_t *literal_of(const struct tape *t, const char *name)
{
	const uintptr_t place = (uintptr_t)name;

	return &t->by_literal[(place ^ place >> 8) & (NAMES_KEPT - 1)];
}

static const struct symbol_fact *find_name(const struct tape *t, const char *name)
{
	uint32_t *kept = literal_of(t, name);

	if (!*kept || !answers(&t->symbols[*kept - 1], SYMBOL_ADDRESS, name, 0))
		*kept = *slot_of(t, SYMBOL_ADDRESS, name, 0);
	return *kept ? &t->symbols[*kept - 1] : NULL;
}

const struct symbol_fact *tape_symbol(const struct tape *t, enum symbol_question question, const char *name,
                                      uint64_t address)
{
	const uint32_t *slot;

	if (!t->symbol_count)
		return NULL;
	if (question == SYMBOL_ADDRESS)
		return find_name(t, name);
	slot = slot_of(t, question, name, address);
	return *slot ? &t->symbols[*slot - 1] : NULL;
}

static bool grow(struct tape *t)
{
	const size_t room = t->symbol_room ? 2 * t->symbol_room : SYMBOLS_FIRST;
	struct symbol_fact *symbols = room > SYMBOLS_MAX ? NULL : realloc(t->symbols, room * sizeof(*symbols));
	uint32_t *slots = symbols ? calloc(2 * room, sizeof(*slots)) : NULL;

	if (symbols)
		t->symbols = symbols;
	if (!slots)
		return false;
	free(t->slots);
	t->slots = slots;
	t->symbol_room = room;
	for (size_t n = 0; n < t->symbol_count; n++)
		*slot_of(t, symbols[n].question, symbols[n].name, symbols[n].address) = (uint32_t)n + 1;
	return true;
}

bool tape_put_symbol(struct tape *t, const struct symbol_fact *fact)
{
	struct symbol_fact kept = *fact;
	uint32_t *slot;

	if (t->symbol_count == t->symbol_room && !grow(t))
		return false;
	slot = slot_of(t, fact->question, fact->name, fact->address);
	if (*slot)
		return true;
	kept.name = strdup(fact->name);
	if (!kept.name)
		return false;
	t->symbols[t->symbol_count++] = kept;
	*slot = (uint32_t)t->symbol_count;
	return true;
}
