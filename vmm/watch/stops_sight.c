/*
 * Keeps the stops out of the guest's sight: what an instruction is and accesses
 * is the guest's own while it runs.
 */
#include "watch/stops.h"

#include "kvm/kvm.h"

#define PAGE_OFFSET(x)  ((x) & (X86_PAGE_SIZE - 1))

static bool inside(uint64_t address, uint64_t start, uint64_t size)
{
	return address - start < size;
}

/* The part of [linear, linear + size) that lies in its first page. */
static uint64_t first_part(uint64_t linear, uint64_t size)
{
	uint64_t part = X86_PAGE_SIZE - PAGE_OFFSET(linear);

	return part < size ? part : size;
}

/* Take out what [linear, linear + size) holds; returns the exceptions whose handlers were among that. */
static uint32_t lift(struct stops *s, const struct x86_state *state, uint64_t linear, uint64_t size)
{
	uint32_t vectors = 0;
	struct mapping m;

	for (uint64_t part; size; linear += part, size -= part) {
		part = first_part(linear, size);
		if (!view_translate(s->view, state, linear, &m))
			continue;
		for (unsigned n = 0; n < s->patches.count; n++) {
			struct patch *p = &s->patches.patch[n];

			if (!patch_overlaps(p, m.gpa, part))
				continue;
			patches_lift(&s->patches, p);
			if (!p->pad)
				vectors |= p->vectors;
		}
	}
	return vectors;
}

static bool range_holds(struct stops *s, const struct x86_state *state, uint64_t linear, uint64_t size,
                        uint64_t gpa)
{
	struct mapping m;

	for (uint64_t part; size; linear += part, size -= part) {
		part = first_part(linear, size);
		if (view_translate(s->view, state, linear, &m) && inside(gpa, m.gpa, part))
			return true;
	}
	return false;
}

bool stops_touches(struct stops *s, const struct x86_state *state, const struct insn *insn, uint64_t gpa)
{
	if (range_holds(s, state, code_linear(state, state->rip), insn->fetched, gpa))
		return true;
	for (unsigned n = 0; n < insn->memory_count; n++)
		if (range_holds(s, state, insn->memory[n].linear, insn->memory[n].size, gpa))
			return true;
	return false;
}

/* The vectors' gates lead to their handlers, which are no stops in this run: to pads instead. */
static void detour(struct stops *s, const struct x86_state *state, const struct insn *insn, uint32_t vectors)
{
	for (uint8_t v = 0; v < X86_VECTOR_COUNT; v++)
		if (vectors >> v & 1)
			pad_place(s, state, &(struct pad){
				.near = s->target[v], .target = s->target[v], .vectors = 1u << v, .vector = v, .insn = insn,
			});
}

void stops_lift(struct stops *s, const struct x86_state *state, const struct insn *insn)
{
	uint32_t vectors = lift(s, state, code_linear(state, state->rip), insn->fetched);

	for (unsigned n = 0; n < insn->memory_count; n++)
		vectors |= lift(s, state, insn->memory[n].linear, insn->memory[n].size);
	detour(s, state, insn, vectors);
}

bool stops_allow(struct stops *s, const struct x86_state *state, uint64_t linear, uint64_t size, bool write)
{
	struct mapping m;

	if (size > vm_memory_size(s->view->vm))
		return false;
	for (uint64_t part; size; linear += part, size -= part) {
		part = first_part(linear, size);
		if (!view_translate(s->view, state, linear, &m) || (write && !m.writable))
			return false;
		for (unsigned n = 0; n < s->patches.count; n++)
			if (patch_overlaps(&s->patches.patch[n], m.gpa, part))
				return false;
	}
	return true;
}
