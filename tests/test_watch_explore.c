/*
 * The search for a cut, over code written by hand byte by byte, and over random
 * code against a walk of the test's own: no way leads past the cut to a gate.
 */
#include "fake_vm.h"
#include "watch/explore.h"
#include "x86.h"

#include <criterion/criterion.h>

#define CODE    0x8000
#define STACK   0x6000

static struct guest_view view;
static struct explorer explorer;
static struct x86_state state;
static struct cut cut;

static void set_up(void)
{
	memset(fake_memory, 0, sizeof fake_memory);
	memset(&explorer, 0, sizeof explorer);
	explorer.view = &view;
	state = (struct x86_state){
		.cr0 = X86_CR0_PE, .efer = X86_EFER_LMA, .cs = { .l = true }, .rip = CODE, .gpr[GPR_RSP] = STACK,
	};
}

TestSuite(explore, .init = set_up);

static void code(uint64_t at, const char *bytes, size_t size)
{
	memcpy(fake_memory + at, bytes, size);
}
#define CODE_AT(at, bytes)      code(at, bytes, sizeof(bytes) - 1)

/* From the instruction at rip. */
static bool explore_from(uint64_t rip)
{
	const unsigned size = FAKE_MEMORY - rip < INSN_MAX ? (unsigned)(FAKE_MEMORY - rip) : INSN_MAX;
	struct insn first;

	state.rip = rip;
	insn_decode(&first, &state, fake_memory + rip, size);
	return explore(&explorer, &state, &first, &cut);
}

static bool cuts(uint64_t rip)
{
	for (unsigned n = 0; n < cut.count; n++)
		if (cut.rip[n] == rip)
			return true;
	return false;
}

static bool depends_on(uint64_t page)
{
	for (unsigned n = 0; n < cut.pages; n++)
		if (cut.page[n] == page)
			return true;
	return false;
}

Test(explore, up_to_the_gate)
{
	CODE_AT(CODE, "\x90\x90\x0f\x05");              /* NOP, NOP, SYSCALL */
	cr_assert(explore_from(CODE));
	cr_expect(cut.count == 1 && cuts(CODE + 2));
	cr_expect(cut.pages == 1 && depends_on(CODE));
	cr_expect_eq(explored_before(&explorer, CODE + 2, MODE_64), CODE + 1);
	cr_expect_eq(explored_before(&explorer, CODE + 2, MODE_COMPAT), CODE + 2);
	cr_expect_eq(explored_before(&explorer, CODE + 100, MODE_64), CODE + 100);
}

Test(explore, a_gate_begins_nothing)
{
	CODE_AT(CODE, "\x0f\x05\xcd\x2e\xcf\xf4\x0f\x30");      /* SYSCALL, INT 2Eh, IRET, HLT, WRMSR */
	for (unsigned at = 0; at < 8; at += at == 4 || at == 5 ? 1 : 2)
		cr_expect_not(explore_from(CODE + at), "at %u", at);
}

Test(explore, both_ways_of_a_branch)
{
	CODE_AT(CODE, "\x75\x02\x0f\x05\x90\xcd\x2e");  /* JNZ over SYSCALL; NOP, INT 2Eh */
	cr_assert(explore_from(CODE));
	cr_expect(cut.count == 2 && cuts(CODE + 2) && cuts(CODE + 5));
}

Test(explore, a_loop_costs_nothing)
{
	CODE_AT(CODE, "\xff\xc0\x75\xfc\x0f\x05");      /* INC EAX, JNZ back, SYSCALL */
	cr_assert(explore_from(CODE));
	cr_expect(cut.count == 1 && cuts(CODE + 4));
	cr_assert(explore_from(CODE + 2));
	cr_expect(cut.count == 1 && cuts(CODE + 4));
}

Test(explore, returns_are_known_when_they_are_reached)
{
	CODE_AT(CODE, "\xe8\xfb\x00\x00\x00\xf4");      /* CALL CODE + 100h; HLT */
	CODE_AT(CODE + 0x100, "\x90\xc3");              /* NOP, RET */
	cr_assert(explore_from(CODE));
	cr_expect(cut.count == 1 && cuts(CODE + 0x101));
	fake_write(STACK, CODE + 5, 8);
	cr_assert(explore_from(CODE + 0x101));
	cr_expect(cut.count == 1 && cuts(CODE + 5));
	/* JMP through a register: the first instruction's value counts, a later one's does not. */
	CODE_AT(CODE, "\xff\xe0");
	state.gpr[GPR_RAX] = CODE + 0x100;
	cr_assert(explore_from(CODE));
	cr_expect(cut.count == 1 && cuts(CODE + 0x101));
	CODE_AT(CODE, "\x90\xff\xe0");
	cr_assert(explore_from(CODE));
	cr_expect(cut.count == 1 && cuts(CODE + 1));
}

Test(explore, what_is_not_there_is_cut)
{
	CODE_AT(FAKE_MEMORY - 2, "\x90\x90");
	cr_assert(explore_from(FAKE_MEMORY - 2));
	cr_expect(cut.count == 1 && cuts(FAKE_MEMORY));
	/* A return address that cannot be read. */
	CODE_AT(CODE, "\xc3");
	state.gpr[GPR_RSP] = FAKE_MEMORY - 4;
	cr_expect_not(explore_from(CODE));
}

Test(explore, every_page_that_was_looked_at)
{
	CODE_AT(CODE, "\xe9\xf9\x0f\x00\x00");          /* JMP CODE + FFEh */
	CODE_AT(CODE + 0xffe, "\xb8\x01\x00\x00\x00\xf4");      /* MOV EAX, 1 over the end of the page */
	cr_assert(explore_from(CODE));
	cr_expect(cut.count == 1 && cuts(CODE + 0x1003));
	cr_expect(cut.pages == 2 && depends_on(CODE) && depends_on(CODE + 0x1000));
}

Test(explore, changed_code_is_looked_at_again)
{
	CODE_AT(CODE, "\x90\x90\x0f\x05");
	cr_assert(explore_from(CODE));
	CODE_AT(CODE + 2, "\x90\x90\xf4");
	cr_assert(explore_from(CODE));
	cr_expect(cut.count == 1 && cuts(CODE + 4));
	/* The same bytes in another mode: REX.W is DEC EAX. */
	CODE_AT(CODE, "\x90\x48\xb8\x01\x00\x00\x00\xf4\xf4\xf4\xf4\xf4\xf4");
	cr_assert(explore_from(CODE));
	cr_expect(cut.count == 1 && cuts(CODE + 11));
	state.cs.l = false;
	state.cs.db = true;
	cr_assert(explore_from(CODE));
	cr_expect(cut.count == 1 && cuts(CODE + 7));
	state.cs.db = false;
	cr_expect_not(explore_from(CODE), "offsets of 16 bits");
}

/* --- Random code against a walk that knows five instructions and no limits. --- */

enum { LENGTH = 200, NOP = 0x90, JNZ = 0x75, JMP = 0xeb, RET = 0xc3, HLT = 0xf4 };

static uint8_t at(unsigned offset)
{
	return offset < LENGTH ? fake_memory[CODE + offset] : HLT;
}

/* Each instruction is two bytes long: HLT and RET stand twice, NOP twice. */
static void random_code(unsigned *seed)
{
	static const uint8_t kinds[] = { NOP, NOP, NOP, NOP, JNZ, JNZ, JNZ, JMP, RET, HLT };

	memset(fake_memory + CODE, HLT, LENGTH + 64);
	for (unsigned offset = 0; offset < LENGTH; offset += 2) {
		uint8_t kind = kinds[((*seed = *seed * 1103515245 + 12345) >> 16 & 0x7fff) % sizeof kinds];
		unsigned to = ((*seed = *seed * 1103515245 + 12345) >> 16 & 0x7fff) % (LENGTH / 2) * 2;
		int distance = (int)to - (int)offset - 2;

		if ((kind == JNZ || kind == JMP) && (distance < -128 || distance > 127))
			kind = NOP;
		fake_memory[CODE + offset] = kind;
		fake_memory[CODE + offset + 1] = kind == JNZ || kind == JMP ? (uint8_t)distance : kind;
	}
}

/* Whether what offset leads to, up to the cut, is free of RET and HLT. */
static bool walk_is_safe(unsigned offset, bool *seen, bool first)
{
	const uint8_t kind = at(offset);
	const unsigned target = offset + 2 + (unsigned)(int8_t)at(offset + 1);

	if (!first && (cuts(CODE + offset) || cuts(CODE + offset + 1)))
		return true;
	if (seen[offset])
		return true;
	seen[offset] = true;
	if (kind == RET || kind == HLT)
		return false;
	if (kind == JMP)
		return walk_is_safe(target, seen, false);
	return walk_is_safe(offset + 2, seen, false) && (kind != JNZ || walk_is_safe(target, seen, false));
}

Test(explore, no_way_leads_past_the_cut)
{
	unsigned seed = 1, full = 0;

	for (unsigned turn = 0; turn < 2000; turn++) {
		bool seen[LENGTH + 2] = { false };

		random_code(&seed);
		if (at(0) == RET || at(0) == HLT)
			continue;
		cr_assert(explore_from(CODE));
		cr_assert_leq(cut.count, VM_BREAKPOINTS);
		cr_assert(walk_is_safe(0, seen, true), "turn %u", turn);
		full += cut.count == VM_BREAKPOINTS;
	}
	cr_expect_gt(full, 100, "the breakpoints hardly ever were too few");
}
