/*
 * What is read out of a guest in Windows' image: services with their
 * arguments, and the fields that addresses are.  32-bit kernels here; the
 * guest is made by hand.
 */
#include "fake_guest.h"
#include "watch/service.h"
#include "watch/structures.h"

#include <criterion/criterion.h>

#define KERNEL  0x80001000u             /* tables, then structures */
#define STACK   0x00120000u             /* ring 3's */
#define TABLE   (KERNEL + 0x100)
#define BYTES   (KERNEL + 0x200)
#define KPCR    (KERNEL + 0x1000)
#define THREAD  (KERNEL + 0x2000)
#define TSS     (KERNEL + 0x3000)
#define GDT     (KERNEL + 0x3800)

static struct guest_view view = { .symbols = (struct symbols *)1 };
static struct transition t;

static void put32(uint64_t linear, uint32_t value)
{
	fake_write(linear, &value, sizeof(value));
}

struct raw_descriptor view_descriptor(struct guest_view *v, const struct x86_state *s, uint16_t selector, bool wide)
{
	uint64_t lo = 0;

	(void)wide;
	view_read(v, s, GDT + (selector & 0xfff8u), &lo, sizeof(lo));
	return (struct raw_descriptor){ .lo = lo, .valid = true };
}

static void set_up(void)
{
	fake_reset();
	for (unsigned i = 0; i < 4; i++)
		fake_map(KERNEL + i * 0x1000, i, false, true);
	fake_map(STACK, 4, true, true);
	fake_symbol("KeServiceDescriptorTable", KERNEL);
	fake_symbol("KeServiceDescriptorTableShadow", KERNEL + 0x40);
	fake_symbol("NtReadFile", 0x80400000);
	put32(KERNEL, TABLE);
	put32(KERNEL + 8, 3);
	put32(KERNEL + 12, BYTES);
	put32(TABLE + 8, 0x80400000);
	fake_write(BYTES + 2, "\x24", 1);
	for (unsigned i = 0; i < 16; i++)
		put32(STACK + 0x108 + 4 * i, 0x100 + i);
	put32(KPCR + 0x1c, KPCR);
	put32(KPCR + 0x124, THREAD);
	put32(THREAD + 0x128, TSS - 0x200);
	put32(TSS + 4, KERNEL + 0x2f00);
	fake_write64(GDT + 0x30, (uint64_t)(KPCR >> 24) << 56 | (uint64_t)(KPCR & 0xffffff) << 16 | UINT64_C(0x00c09300) << 32 | 0xfff);
	t = (struct transition){
		.gate = { .kind = GATE_SYSENTER }, .before = { .cr0 = 1, .cpl = 3, .ss = { .db = true } },
		.after = { .cr0 = 1, .ss = { .db = true }, .tr = { .base = TSS } },
	};
	t.before.gpr[GPR_RAX] = 2;
	t.before.gpr[GPR_RDX] = STACK + 0x100;
}

TestSuite(windows, .init = set_up);

Test(windows, arguments_lie_behind_two_return_addresses)
{
	service_of_entry(&view, &t);
	cr_assert(t.service.valid);
	cr_assert_str_eq(t.service.name, "NtReadFile");
	cr_assert_eq(t.service.arg_count, 9);
	cr_assert_eq(t.service.args[0], 0x100);
	cr_assert_eq(t.service.args[8], 0x108);
}

Test(windows, the_same_call_by_either_gate_shows_the_same)
{
	struct service fast;

	service_of_entry(&view, &t);
	fast = t.service;
	t.gate = (struct gate){ .kind = GATE_INT, .vector = 0x2e };
	t.before.gpr[GPR_RDX] += 8;
	service_of_entry(&view, &t);
	cr_assert_eq(t.service.arg_count, fast.arg_count);
	cr_assert_eq(memcmp(t.service.args, fast.args, sizeof(fast.args)), 0);
	cr_assert_str_eq(t.service.name, fast.name);
}

Test(windows, hostile_numbers_and_pointers)
{
	t.before.gpr[GPR_RAX] = 3;                      /* at the limit */
	service_of_entry(&view, &t);
	cr_expect(t.service.valid && !t.service.name && !t.service.arg_count);
	t.before.gpr[GPR_RAX] = 0x3fff;
	service_of_entry(&view, &t);
	cr_expect_eq(t.service.table, 3);
	cr_expect_null(t.service.name);
	t.before.gpr[GPR_RAX] = 2;
	t.before.gpr[GPR_RDX] = STACK + 0x1000 - 8 - 10;        /* two words and a half are left */
	service_of_entry(&view, &t);
	cr_expect_eq(t.service.arg_count, 2);
	t.before.gpr[GPR_RDX] = KERNEL;                 /* not ring 3's */
	service_of_entry(&view, &t);
	cr_expect_eq(t.service.arg_count, 0);
	t.before.gpr[GPR_RDX] = 0xfffffffc;
	service_of_entry(&view, &t);
	cr_expect_eq(t.service.arg_count, 0);
	fake_write(BYTES + 2, "\xff", 1);
	t.before.gpr[GPR_RDX] = STACK;
	service_of_entry(&view, &t);
	cr_expect_eq(t.service.arg_count, SERVICE_ARGS);
}

static void expect_named(enum named_place place, const char *structure, const char *field)
{
	const struct field_name *n = &t.named[place];

	cr_assert_not_null(n->structure);
	cr_expect_str_eq(n->structure, structure);
	cr_expect_eq(!n->field, !field);
	if (field)
		cr_expect_str_eq(n->field, field);
}

Test(windows, fields_of_the_processor_and_the_thread)
{
	t.after.gpr[GPR_RCX] = KPCR + 0x124;
	t.after.gpr[GPR_RDX] = THREAD + 0x128;
	t.after.gpr[GPR_RSP] = TSS + 4;
	t.gate = (struct gate){ .kind = GATE_FAULT, .vector = 14 };
	t.after.cr2 = 0x7ffe0300;
	structures_name(&view, &t);
	expect_named(NAMED_RCX, "KPCR", "CurrentThread");
	expect_named(NAMED_RDX, "KTHREAD", "TrapFrame");
	expect_named(NAMED_RSP, "TSS", "ESP0");
	expect_named(NAMED_CR2, "KUSER_SHARED_DATA", "SystemCall");
	t.after.cr2 = 0xffdf0000;
	structures_name(&view, &t);
	expect_named(NAMED_CR2, "KUSER_SHARED_DATA", NULL);
}

Test(windows, a_frame_is_the_head_of_a_trap_frame)
{
	t.frame = (struct frame){ .address = KERNEL + 0x2eec, .word_size = 4, .count = 5 };
	t.after.gpr[GPR_RSP] = KERNEL + 0x2eec + 4;
	structures_name(&view, &t);
	expect_named(NAMED_FRAME, "KTRAP_FRAME", "Eip");
	expect_named(NAMED_RSP, "KTRAP_FRAME", "SegCs");
	t.frame.has_error = true;
	structures_name(&view, &t);
	expect_named(NAMED_FRAME, "KTRAP_FRAME", "ErrCode");
}

Test(windows, no_name_without_proof)
{
	t.after.gpr[GPR_RCX] = KPCR + 0x124;
	put32(KPCR + 0x1c, KPCR + 4);                   /* points elsewhere: no KPCR */
	structures_name(&view, &t);
	cr_expect_null(t.named[NAMED_RCX].structure);
	put32(KPCR + 0x1c, KPCR);
	t.after.gpr[GPR_RCX] = KPCR + 0x125;
	structures_name(&view, &t);
	cr_expect_null(t.named[NAMED_RCX].structure, "inside a field");
	fake_symbol_count = 0;
	t.after.gpr[GPR_RCX] = KPCR + 0x124;
	structures_name(&view, &t);
	cr_expect_null(t.named[NAMED_RCX].structure, "not a guest in Windows' image");
}
