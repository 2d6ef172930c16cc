/*
 * The search for instructions that leave the kernel.  It only reads; a site
 * counts when decoding from a known beginning of code comes by it, so that no
 * operand byte is ever taken for an instruction.
 */
#include "watch/sites.h"

#include "image/image.h"
#include "watch/insn.h"
#include "x86.h"

#include <stdlib.h>
#include <string.h>

#define LOOKED_MAX      12000           /* instructions from all roots */
#define LOOKED_CALLS    2000            /* and of what they call */
#define ROOT_MAX        2000            /* from one root: what jumps into C code is not to use up the rest */
#define OPEN_MAX        512
#define SEEN_SLOTS      32768           /* a power of two, more than twice what is looked at */
#define FUNCTION_MAX    4096            /* bytes of a function that are searched */
#define FUNCTIONS_BYTES (1u << 20)      /* and of all of them */

struct search {
	struct sites *sites;
	struct guest_view *view;
	struct x86_state at;
	uint64_t open[OPEN_MAX], called[OPEN_MAX];
	unsigned opens, calls, looked, limit;
	uint64_t seen[SEEN_SLOTS];      /* linear address + 1; 0: free */
};

static void add_site(struct sites *sites, uint64_t linear)
{
	for (unsigned n = 0; n < sites->count; n++)
		if (sites->linear[n] == linear)
			return;
	if (sites->count < SITES_MAX)
		sites->linear[sites->count++] = linear;
}

/* Whether this is the first look at an address. */
static bool first_look(struct search *s, uint64_t linear)
{
	size_t slot = (linear * UINT64_C(0x9e3779b97f4a7c15)) >> 40;

	for (slot &= SEEN_SLOTS - 1; s->seen[slot]; slot = (slot + 1) & (SEEN_SLOTS - 1))
		if (s->seen[slot] == linear + 1)
			return false;
	s->seen[slot] = linear + 1;
	return true;
}

static bool leaves_kernel(const struct insn *i)
{
	return i->gate == GATE_SYSRET || i->gate == GATE_SYSEXIT || i->gate == GATE_IRET ||
	       (i->gate == GATE_FAR && i->far == FAR_RET);
}

static void push(uint64_t *list, unsigned *count, uint64_t linear)
{
	if (*count < OPEN_MAX)
		list[(*count)++] = linear;
}

static bool decode(struct search *s, uint64_t linear, struct insn *i)
{
	uint8_t bytes[INSN_MAX];
	size_t size;

	s->at.rip = code_offset(&s->at, linear);
	size = view_read(s->view, &s->at, linear, bytes, sizeof bytes);
	if (!size)
		return false;
	insn_decode(i, &s->at, bytes, (unsigned)size);
	return i->length;
}

/* One path, until it ends, leaves the kernel or meets another. */
static void follow(struct search *s, uint64_t linear)
{
	struct insn i;

	while (s->looked < s->limit && first_look(s, linear) && decode(s, linear, &i)) {
		const uint64_t behind = linear + i.length;
		const uint64_t target = code_linear(&s->at, i.target);

		s->looked++;
		if (leaves_kernel(&i)) {
			add_site(s->sites, linear);
			return;
		}
		if (i.flags & INSN_HLT || (i.gate == GATE_FAR && i.far == FAR_JMP))
			return;
		if (i.flags & INSN_CALL) {
			if (i.flow == FLOW_JUMP)
				push(s->called, &s->calls, target);
		} else if (i.flow == FLOW_POINTER || i.flow == FLOW_VALUE) {
			return;
		} else if (i.flow == FLOW_JUMP) {
			linear = target;
			continue;
		} else if (i.flow == FLOW_FORK) {
			push(s->open, &s->opens, target);
		}
		linear = behind;
	}
}

static void follow_all(struct search *s, uint64_t linear, unsigned most, unsigned limit)
{
	s->limit = s->looked + most < limit ? s->looked + most : limit;
	follow(s, linear);
	while (s->opens)
		follow(s, s->open[--s->opens]);
}

/* Decoded as the kernel's own code, whatever runs now. */
static void set_mode(struct search *s, const struct x86_state *state, bool is_64bit)
{
	s->at = *state;
	s->at.cpl = 0;
	s->at.cs.base = 0;
	s->at.cs.l = is_64bit && state->efer & X86_EFER_LMA;
	s->at.cs.db = !s->at.cs.l;
	s->at.ss.base = 0;
	s->at.ss.db = true;
}

void sites_find(struct sites *sites, struct guest_view *view, const struct x86_state *state,
                const struct site_root *roots, unsigned count)
{
	struct search *s = calloc(1, sizeof *s);
	unsigned calls;

	if (!s)
		return;
	s->sites = sites;
	s->view = view;
	for (unsigned n = 0; n < count; n++) {
		set_mode(s, state, roots[n].is_64bit);
		follow_all(s, roots[n].linear, ROOT_MAX, LOOKED_MAX);
	}
	calls = s->calls;
	for (unsigned n = 0; n < calls; n++)
		follow_all(s, s->called[n], LOOKED_CALLS, LOOKED_MAX + LOOKED_CALLS);
	free(s);
}

/* 0F 07 SYSRET, 0F 35 SYSEXIT, CF IRET, CA and CB far RET. */
static bool may_leave(const uint8_t *bytes, size_t n, size_t size)
{
	if (bytes[n] == 0x0f)
		return n + 1 < size && (bytes[n + 1] == 0x07 || bytes[n + 1] == 0x35);
	return bytes[n] == 0xcf || bytes[n] == 0xca || bytes[n] == 0xcb;
}

/* Decode a function from its start, as far as there is something to find. */
static void search_function(struct search *s, uint64_t start, const uint8_t *bytes, size_t size)
{
	size_t last = 0, at = 0;
	struct insn i;

	for (size_t n = 0; n < size; n++)
		if (may_leave(bytes, n, size))
			last = n + 1;
	while (at < last) {
		s->at.rip = code_offset(&s->at, start + at);
		insn_decode(&i, &s->at, bytes + at, (unsigned)(size - at < INSN_MAX ? size - at : INSN_MAX));
		if (!i.length)
			return;
		if (leaves_kernel(&i))
			add_site(s->sites, start + at);
		at += i.length;
	}
}

void sites_find_by_symbol(struct sites *sites, struct guest_view *view, const struct x86_state *state)
{
	struct search *s = calloc(1, sizeof *s);
	uint8_t bytes[FUNCTION_MAX];
	uint64_t start, size, done = 0;

	if (!s || !view->symbols) {
		free(s);
		return;
	}
	s->sites = sites;
	s->view = view;
	set_mode(s, state, true);
	for (size_t n = 0; done < FUNCTIONS_BYTES && symbols_code(view->symbols, n, &start, &size); n++) {
		size = size < sizeof bytes ? size : sizeof bytes;
		size = view_read(view, state, start, bytes, size);
		search_function(s, start, bytes, size);
		done += size;
	}
	free(s);
}
