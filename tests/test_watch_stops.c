/*
 * The stops: at every handler, at shared ones on a landing pad for each
 * vector, and never where the guest could read them.
 */
#include "fake_vm.h"
#include "watch/stops.h"

#include <criterion/criterion.h>

#define IDT     0x1000
#define OWN     0x3000                  /* handler of vector v at OWN + 16 v */
#define SHARED  0x4800
#define GDT     0x2800

static struct guest_view view;
static struct stops stops;
static struct x86_state state;

static void gate(unsigned vector, uint64_t offset, uint8_t access)
{
	fake_write(IDT + vector * 16, (offset & 0xffff) | 0x10 << 16 | (uint64_t)access << 40 |
	                              (offset & 0xffff0000) << 32, 8);
	fake_write(IDT + vector * 16 + 8, offset >> 32, 8);
}

/* Vectors 0 to 7 have handlers of their own, 8 to 15 one together, the rest none.  No paging: linear is physical. */
static void set_up(void)
{
	memset(fake_memory, 0, sizeof fake_memory);
	for (unsigned v = 0; v < 8; v++)
		gate(v, OWN + v * 16, 0x8e);
	for (unsigned v = 8; v < 16; v++)
		gate(v, SHARED, 0x8e);
	fake_write(GDT + 0x10, UINT64_C(0x00af9b000000ffff), 8);
	fake_write(GDT + 0x18, UINT64_C(0x00afbb000000ffff), 8);       /* ring 1 */
	memset(fake_memory + OWN, 0x90, 0x2000);
	state = (struct x86_state){
		.cr0 = X86_CR0_PE, .efer = X86_EFER_LMA, .idtr = { IDT, 0xfff }, .gdtr = { GDT, 0x1f },
		 .cs = { .l = true }, .rip = 0x8000,
	};
	stops_init(&stops, &view);
	stops_refresh(&stops, &state);
}

TestSuite(stops, .init = set_up);

static const struct insn nop = { .length = 1, .fetched = 1 };

/* Where a gate in memory leads now. */
static uint64_t gate_target(unsigned vector)
{
	uint64_t lo, hi;

	memcpy(&lo, fake_memory + IDT + vector * 16, 8);
	memcpy(&hi, fake_memory + IDT + vector * 16 + 8, 8);
	return (lo & 0xffff) | (lo >> 32 & 0xffff0000) | hi << 32;
}

/* Build again after a change that nobody announced. */
static void build_again(void)
{
	stops.stale = true;
	stops_refresh(&stops, &state);
}

static void cr_lands(unsigned vector, uint64_t handler)
{
	struct stop_hit hit = stops_hit(&stops, &state, gate_target(vector));

	cr_assert(hit.ours && hit.fault, "vector %u leads to no stop", vector);
	cr_assert_eq(hit.vectors, 1u << vector, "vector %u lands as %x", vector, hit.vectors);
	cr_assert_eq(hit.target, handler, "vector %u goes on at %lx", vector, (unsigned long)hit.target);
}

/* OUT can be an exception outside ring 0: no stop is better than that. */
Test(stops, none_outside_ring_0)
{
	stops_clear(&stops);
	fake_write(IDT + 2, 0x18, 2);
	stops_refresh(&stops, &state);
	cr_assert_eq(fake_memory[OWN], 0x90);
	cr_assert_eq(fake_memory[OWN + 16], 0xe6);
}

/* 32-bit gates: the handler lies at the base of its segment plus the offset, modulo 4 GiB. */
Test(stops, handlers_behind_a_base)
{
	stops_clear(&stops);
	memset(fake_memory + IDT, 0, 0x1000);
	fake_write(GDT + 0x10, UINT64_C(0xffcf9bff0000ffff), 8);       /* base FFFF0000h */
	fake_write(IDT, UINT64_C(0x00018e0000103000), 8);              /* offset 00013000h */
	state.efer = 0;
	state.cs = (struct x86_segment){ .base = 0xffff0000, .db = true };
	state.idtr.limit = 7;
	stops_refresh(&stops, &state);
	cr_assert_eq(fake_memory[OWN], 0xe6);
	cr_assert(stops_hit(&stops, &state, 0x13000).fault);
	cr_assert_eq(stops_hit(&stops, &state, 0x13000).target, 0x13000);
	cr_assert_not(stops_hit(&stops, &state, 0x3000).ours);
}


Test(stops, own_handlers)
{
	for (unsigned v = 0; v < 8; v++) {
		struct stop_hit hit = stops_hit(&stops, &state, OWN + v * 16);

		cr_assert_eq(fake_memory[OWN + v * 16], 0xe6);
		cr_assert(hit.ours && hit.fault);
		cr_assert_eq(hit.vectors, 1u << v);
		cr_assert_eq(hit.target, OWN + v * 16);
	}
	cr_assert_not(stops_hit(&stops, &state, OWN + 1).ours);
}

Test(stops, a_shared_handler_tells_which)
{
	for (unsigned v = 8; v < 16; v++) {
		struct stop_hit hit = stops_hit(&stops, &state, gate_target(v));

		cr_assert(hit.ours && hit.fault);
		cr_assert_eq(hit.vectors, 1u << v, "vector %u lands as %x", v, hit.vectors);
		cr_assert_eq(hit.target, SHARED, "and goes on at its own handler");
	}
}

Test(stops, the_guest_reads_its_own_bytes)
{
	uint8_t code[0x2000], idt[256], *p;

	cr_assert_eq(view_read(&view, &state, OWN, code, sizeof code), sizeof code);
	for (p = code; p < code + sizeof code; p++)
		cr_assert_eq(*p, 0x90);
	view_read(&view, &state, IDT, idt, sizeof idt);
	for (unsigned v = 8; v < 16; v++)
		cr_assert_eq(idt[v * 16] | idt[v * 16 + 1] << 8, SHARED);
}

Test(stops, lifted_for_who_reads_them)
{
	struct insn load = { .length = 4, .memory_count = 1, .memory = { { .linear = OWN + 8, .size = 16 } } };

	stops_lift(&stops, &state, &load);
	cr_assert_eq(fake_memory[OWN + 16], 0x90);
	cr_assert_eq(fake_memory[OWN], 0xe6, "out of its reach");
	stops_lower(&stops, &state, &load);
	cr_assert_eq(fake_memory[OWN + 16], 0xe6);
}

Test(stops, pads_and_their_gates_go_together)
{
	struct insn load = { .length = 4, .memory_count = 1, .memory = { { .linear = IDT + 12 * 16, .size = 8 } } };

	stops_lift(&stops, &state, &load);
	cr_assert_eq(gate_target(12), SHARED, "what the instruction reads is the guest's own");
	for (unsigned v = 8; v < 16; v++)
		cr_assert_eq(fake_memory[gate_target(v)], 0xe6, "vector %u would land where no stop is", v);
	cr_assert_neq(gate_target(11), SHARED, "the other vectors keep their pads");
	cr_assert_eq(fake_memory[SHARED], 0xe6);
	cr_assert_eq(__builtin_popcount(stops_hit(&stops, &state, SHARED).vectors), 8);
	stops_lower(&stops, &state, &load);
	cr_assert_neq(gate_target(12), SHARED);
}

Test(stops, the_handlers_first_instruction_runs)
{
	state.rip = OWN + 6 * 16;
	stops_lift(&stops, &state, &nop);
	cr_assert_eq(fake_memory[OWN + 6 * 16], 0x90);
	cr_assert_eq(fake_memory[OWN + 5 * 16], 0xe6);
}

Test(stops, follow_the_idt)
{
	struct insn store = { .length = 8, .memory_count = 1, .memory = { { IDT + 3 * 16, 8, true } } };

	stops_lift(&stops, &state, &store);
	gate(3, 0x6000, 0x8e);
	stops_lower(&stops, &state, &store);
	cr_assert(stops.stale);
	stops_refresh(&stops, &state);
	cr_assert_eq(fake_memory[0x6000], 0xe6);
	cr_assert_eq(fake_memory[OWN + 3 * 16], 0x90);
}

Test(stops, gates_that_are_none)
{
	gate(3, 0x6000, 0x0e);          /* not present */
	gate(4, 0x6010, 0x85);          /* a task gate */
	gate(5, 0x6020, 0x9e);          /* S = 1 */
	build_again();
	for (unsigned offset = 0; offset < 0x40; offset++)
		cr_assert_eq(fake_memory[0x6000 + offset], 0);
}

Test(stops, transient_ones_last_one_run)
{
	cr_assert(stops_at(&stops, &state, &nop, 0x7000));
	cr_assert(stops_hit(&stops, &state, 0x7000).ours);
	cr_assert_not(stops_hit(&stops, &state, 0x7000).fault);
	cr_assert_not(stops_at(&stops, &state, &nop, state.rip), "the instruction itself must run");
	cr_assert_not(stops_at(&stops, &state, &nop, 0x80000000));
	stops_lower(&stops, &state, &nop);
	cr_assert_eq(fake_memory[0x7000], 0);
}

Test(stops, what_the_guest_writes_over_a_stop_stays)
{
	fake_memory[OWN] = 0x55;                /* a push, say, that nobody announced */
	stops_clear(&stops);
	cr_assert_eq(fake_memory[OWN], 0x55);
	cr_assert_eq(fake_memory[OWN + 16], 0x90);
	cr_assert_eq(gate_target(9), SHARED);
}

Test(stops, a_handler_that_cannot_be_fetched)
{
	gate(6, 0xfffffff0, 0x8e);              /* no memory there */
	gate(7, 0x800000000000, 0x8e);          /* not canonical: delivery itself faults */
	build_again();
	cr_lands(6, 0xfffffff0);
	cr_assert_eq(gate_target(7), 0x800000000000);
	stops_clear(&stops);
	cr_assert_eq(gate_target(6), 0xfffffff0);
}

Test(stops, no_pad_where_a_gate_leads)
{
	uint64_t pad = gate_target(9);

	cr_assert(stops_at(&stops, &state, &nop, pad));
	cr_assert_not(stops_hit(&stops, &state, pad).fault, "a system call's handler, not #9's pad");
	cr_lands(9, SHARED);
}

Test(stops, no_pad_in_what_the_processor_reads)
{
	state.gdtr = (struct x86_table){ SHARED + 0x40, 0xff };
	state.tr = (struct x86_segment){ .base = SHARED + 0x140, .limit = X86_TSS64_SIZE - 1 };
	fake_write(state.tr.base + X86_TSS64_RSP0, SHARED + 0x400, 8);
	stops_refresh(&stops, &state);
	for (unsigned n = SHARED + 0x40; n < SHARED + 0x140; n++)
		cr_assert_eq(fake_memory[n], 0x90, "a stop in the GDT");
	for (unsigned n = SHARED + 0x400 - 48; n < SHARED + 0x400; n++)
		cr_assert_eq(fake_memory[n], 0x90, "a stop where a frame is pushed");
	cr_lands(12, SHARED);
}

Test(stops, a_detour_around_a_handler_that_is_read)
{
	struct insn load = {
		.length = 4, .fetched = 4, .memory_count = 1, .memory = { { OWN + 6 * 16, 8, false } },
	};

	stops_lift(&stops, &state, &load);
	cr_assert_eq(fake_memory[OWN + 6 * 16], 0x90);
	cr_assert_neq(gate_target(6), OWN + 6 * 16);
	cr_lands(6, OWN + 6 * 16);
	stops_lower(&stops, &state, &load);
	cr_assert_eq(gate_target(6), OWN + 6 * 16);
	cr_lands(6, OWN + 6 * 16);
}

Test(stops, a_gate_that_leads_to_its_own_instruction)
{
	gate(0x2e, state.rip, 0xee);
	cr_assert_not(stops_at(&stops, &state, &nop, state.rip));
	cr_assert(stops_at_gate(&stops, &state, &nop, 0x2e, state.rip));
	stops_lift(&stops, &state, &nop);
	cr_assert_neq(gate_target(0x2e), state.rip);
	struct stop_hit hit = stops_hit(&stops, &state, gate_target(0x2e));
	cr_assert(hit.ours && !hit.fault);
	cr_assert_eq(hit.target, state.rip);
	stops_lower(&stops, &state, &nop);
	cr_assert_eq(gate_target(0x2e), state.rip);
}

Test(stops, an_undefined_opcode_in_front_of_a_handler)
{
	struct insn undefined = { .fetched = 1 };

	state.rip = OWN + 6 * 16 - 1;
	stops_lift(&stops, &state, &undefined);
	cr_lands(6, OWN + 6 * 16);
}

Test(stops, no_stop_in_ring_3)
{
	struct x86_segment conforming = { .type = 0xe, .s = true }, user = { .type = 0xa, .s = true, .dpl = 3 };

	cr_assert_not(stops_hold(&conforming));
	cr_assert_not(stops_hold(&user));
	state.gdtr = (struct x86_table){ 0x9000, 0xff };
	fake_write(0x9010, 0x00affa000000ffff, 8);              /* 64-bit code, DPL 3 */
	stops_refresh(&stops, &state);
	for (unsigned v = 0; v < 8; v++)
		cr_assert_eq(fake_memory[OWN + v * 16], 0x90);
}

Test(stops, put_back_over_what_nobody_announced)
{
	fake_memory[OWN] = 0x55;
	stops_lower(&stops, &state, &nop);
	cr_assert_eq(fake_memory[OWN], 0xe6);
	stops_clear(&stops);
	cr_assert_eq(fake_memory[OWN], 0x55);
}

Test(stops, follow_the_idt_unannounced)
{
	gate(3, 0x6000, 0x8e);
	stops_lower(&stops, &state, &nop);
	stops_refresh(&stops, &state);
	cr_lands(3, 0x6000);
}

Test(stops, where_a_string_instruction_may_run)
{
	cr_assert(stops_allow(&stops, &state, 0x8000, 0x1000, true));
	cr_assert_not(stops_allow(&stops, &state, OWN - 0x100, 0x101, false), "over a handler");
	cr_assert(stops_allow(&stops, &state, OWN - 0x100, 0x100, false), "up to it");
	cr_assert_not(stops_allow(&stops, &state, 0x8000, UINT64_MAX, false));
}
