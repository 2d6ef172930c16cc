/*
 * One thing changed, in a transition or in the guest's memory, so that a claim
 * that held is refuted, or the other way round.
 */
#ifndef TESTS_CLAIMS_CHANGES_H
#define TESTS_CLAIMS_CHANGES_H

#include "claims_scenes.h"

static void rip(struct transition *t) { t->after.rip++; }
static void rsp(struct transition *t) { t->after.gpr[GPR_RSP] -= 8; }
static void rcx(struct transition *t) { t->after.gpr[GPR_RCX]++; }
static void r10_before(struct transition *t) { t->before.gpr[GPR_R10]++; }
static void r10_after(struct transition *t) { t->after.gpr[GPR_R10]++; }
static void r11(struct transition *t) { t->after.gpr[GPR_R11] ^= 1; }
static void r11_before(struct transition *t) { t->before.gpr[GPR_R11] |= 1 << 16; }
static void rflags(struct transition *t) { t->after.rflags ^= 0x200; }
static void lent_tf(struct transition *t) { t->after.rflags ^= 0x100; t->rflags_lent = 0x100; }
static void cs(struct transition *t) { t->after.cs.selector ^= 0x40; }
static void ss(struct transition *t) { t->after.ss.selector ^= 0x40; }
static void ss_rpl0(struct transition *t) { t->after.ss.selector &= 0xfffc; }
static void cpl(struct transition *t) { t->after.cpl ^= 3; }
static void user_cs(struct transition *t) { t->before.cs.selector = 0x3b; }
static void user_ss(struct transition *t) { t->before.ss.selector = 0x28; }
static void compat(struct transition *t) { scene_mode(&t->before, 0x23, 0x2b, 3); }
static void compat_cs(struct transition *t)
{
	compat(t);
	t->before.cs.selector = 0x1b;
}
static void handler(struct transition *t) { t->target = "KiOther"; }
static void trap_gate(struct transition *t) { t->gate.idt.lo |= UINT64_C(1) << 40; }
static void gate_dpl0(struct transition *t) { t->gate.idt.lo &= ~(UINT64_C(3) << 45); }
static void faulted(struct transition *t) { t->faulted = true; }
static void no_status_flags(struct transition *t) { t->after.rflags &= ~UINT64_C(0x8d5); }
static void frame_rip(struct transition *t) { t->frame.rip -= 2; }
static void frame_cs(struct transition *t) { t->frame.cs = 0x10; }
static void frame_ss(struct transition *t) { t->frame.ss = 0; }
static void frame_rsp(struct transition *t) { t->frame.rsp += 8; }
static void frame_flags(struct transition *t) { t->frame.rflags ^= 1; }
static void frame_elsewhere(struct transition *t) { t->frame.address -= 8; }
static void user_stack(struct transition *t) { t->user_stack.after[31] = 1; }
static void tss(struct transition *t) { (void)t; fake_write64(TSS + 4, KSTACK + 0x100); }
static void idt(struct transition *t) { (void)t; fake_write64(IDT + 0x2e0, 0); }
static void error_of_other(struct transition *t) { t->delivery.error = 0x17a; }
static void gate_absent(struct transition *t) { t->delivery.vector = 11; }
static void other_fault(struct transition *t) { t->delivery.vector = 14; }
static void no_idt_bit(struct transition *t) { t->delivery.error = 0x170; }
/* What stands before the return address: CALL RAX, CALL [RIP + 0], PUSH RAX. */
static void called_by_register(struct transition *t)
{
	(void)t;
	fake_write(CODE + 0x800, "\x90\x90\x90\xff\xd0", 5);
}
static void called_by_memory(struct transition *t)
{
	(void)t;
	fake_write(CODE + 0x7ff, "\xff\x15\0\0\0\0", 6);
}
static void not_called(struct transition *t)
{
	(void)t;
	fake_write(CODE + 0x800, "\x90\x90\x90\xff\xf0", 5);
}
static void other_number(struct transition *t) { t->before.gpr[GPR_RAX] = 7; }
static void no_gui_table(struct transition *t) { (void)t; fake_write64(SHADOW + 0x20, 0); }
static void one_table_twice(struct transition *t) { (void)t; fake_write64(SHADOW + 0x20, KERNEL + 0xb00); }
static void vector_80(struct transition *t) { t->gate.vector = 0x80; }
static void readback(struct transition *t) { t->msr_readback ^= UINT64_C(1) << 40; }
static void rdx(struct transition *t) { t->after.gpr[GPR_RDX] ^= 1; }
static void no_fault(struct transition *t) { t->faulted = false; }
static void fault_code(struct transition *t) { t->delivery.error = 8; }
static void star_1b(struct transition *t)
{
	t->msr_readback = 0x001b001000000000;
	t->after.gpr[GPR_RDX] = 0x001b0010;
}
static void invalid_service(struct transition *t) { t->after.gpr[GPR_RAX] = 0xc000001c; }
static void served(struct transition *t) { t->after.gpr[GPR_RAX] = 0; }
static void kernel_page_elsewhere(struct transition *t)
{
	(void)t;
	fake_page(SHARED_KERNEL)->map.gpa += 0x1000;
}
static void kernel_page_gone(struct transition *t)
{
	(void)t;
	fake_page(SHARED_KERNEL)->linear = 0x1000;
}
static void kernel_page_for_users(struct transition *t)
{
	(void)t;
	fake_page(SHARED_KERNEL)->map.user = true;
}
static void user_page_writable(struct transition *t)
{
	(void)t;
	fake_page(SHARED_USER)->map.writable = true;
}
static void user_page_hidden(struct transition *t)
{
	(void)t;
	fake_page(SHARED_USER)->map.user = false;
}
static void value_in_page(struct transition *t) { (void)t; fake_write64(SHARED_KERNEL + 0x308, 2); }
static void value_one(struct transition *t) { (void)t; fake_write64(SHARED_KERNEL + 0x308, 1); }
static void value_three(struct transition *t) { (void)t; fake_write64(SHARED_KERNEL + 0x308, 3); }
static void tests_300(struct transition *t) { (void)t; fake_write(CODE + 11, "\x00", 1); }
static void error_6(struct transition *t) { t->gate.error = 6; }
static void error_5(struct transition *t) { t->gate.error = 5; }
static void other_twin(struct transition *t) { (void)t; fake_symbols[3].address = KERNEL + 0xd00; }
static void misaligned(struct transition *t)
{
	t->before.gpr[GPR_RSP] += 8;
	fake_write64(USER_RSP + 8, CODE + 0x805);
}
static void releases(struct transition *t) { (void)t; fake_write(CODE + 20, "\xc2", 1); }
static void block_unmapped(struct transition *t) { (void)t; fake_page(STACK)->linear = 0x1000; }
static void block_empty(struct transition *t) { (void)t; fake_write64(STACK + 0x808, 0); }
static void block_too_much(struct transition *t) { (void)t; fake_write64(STACK + 0x808, 33); }
static void record_microsoft(struct transition *t)
{
	static const uint64_t record[8] = { 9, 9, 2, 1, 3, 4, KSTACK - 0x48, 5 };

	(void)t;
	fake_write(RECORD, record, sizeof(record));
}

/* A stub within reach of the shared page, with its test relative to RIP (and a NOP for the length). */
static void relative_test(struct transition *t)
{
	uint64_t code = SHARED_USER - 0x10000;
	int32_t distance = (int32_t)(SHARED_USER + 0x308 - (code + 15));
	uint8_t test[8] = { 0xf6, 0x05, 0, 0, 0, 0, 0x01, 0x90 };

	memcpy(test + 2, &distance, 4);
	fake_map(code, 6, true, false);
	fake_write(code, stub_code, sizeof(stub_code));
	fake_write(code + 8, test, sizeof(test));
	t->before.rip = code + 18;
}

/* ntdll where document 002 has it: the stub in the shared page itself. */
static void stub_in_page(struct transition *t)
{
	fake_write(SHARED_USER + 0x300, stub_code, sizeof(stub_code));
	t->before.rip = SHARED_USER + 0x300 + 18;
}

/* int 2Eh that pushed on the user's stack. */
static void push_on_user_stack(struct transition *t)
{
	t->frame.address = t->after.gpr[GPR_RSP] = USER_RSP - 40;
	t->user_stack.after[0] = 0x33;
}

#endif
