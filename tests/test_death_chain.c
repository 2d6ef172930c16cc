/*
 * The chain, from states and memory made by hand: for each kind of cause the
 * exception, its error code and CR2, and what is to blame.
 */
#include <criterion/criterion.h>

#include "death/chain.h"
#include "fake_vm.h"
#include "x86.h"

#define PML4            0x1000
#define PDPT            0x2000
#define PD              0x3000
#define PT              0x4000
#define GDT             0x5000
#define IDT             0x6000
#define TSS             0x7000
#define CODE            0x8000
#define STACK           0x9000          /* its page; RSP starts at the end */
#define HANDLER         0xa000
#define USER            0xb000
#define USER_STACK      0xc000
#define RSP0            0xe000

#define CS0             0x08
#define DS0             0x10
#define DS3             0x1b
#define CS3             0x23
#define TR              0x28
#define ABSENT          0x38
#define SHORT_LDT       0x44

#define INSN_BYTES      15
#define RIGHTS          (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define CODE64(dpl)     (UINT64_C(0x00209b0000000000) | (uint64_t)(dpl) << 45)
#define DATA(dpl)       (UINT64_C(0x00cf93000000ffff) | (uint64_t)(dpl) << 45)
#define DESCRIPTOR_P    (UINT64_C(1) << 47)

static struct guest_view view;
static struct x86_state state;
static struct chain chain;

static void write_gate(unsigned vector, uint64_t offset, uint16_t selector, uint8_t access, uint8_t ist)
{
	fake_write(IDT + vector * 16,
	           (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)ist << 32 | (uint64_t)access << 40 |
	           (offset >> 16 & 0xffff) << 48, 8);
	fake_write(IDT + vector * 16 + 8, offset >> 32, 8);
}

static void set_page(uint64_t linear, uint64_t entry)
{
	fake_write(PT + linear / X86_PAGE_SIZE * 8, entry, 8);
}

static void put_code(const void *bytes, size_t size)
{
	memcpy(fake_memory + (state.cpl ? USER : CODE), bytes, size);
}
#define RUN_CODE(...) put_code((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void setup(void)
{
	memset(fake_memory, 0, sizeof fake_memory);
	view = (struct guest_view){ 0 };
	fake_write(PML4, PDPT | RIGHTS, 8);
	fake_write(PDPT, PD | RIGHTS, 8);
	fake_write(PD, PT | RIGHTS, 8);
	for (uint64_t page = PML4; page < 0x10000; page += X86_PAGE_SIZE)
		set_page(page, page | X86_PTE_P | X86_PTE_W |
		               (page >= USER && page < RSP0 - X86_PAGE_SIZE ? X86_PTE_U : 0));
	fake_write(GDT + CS0, CODE64(0), 8);
	fake_write(GDT + DS0, DATA(0), 8);
	fake_write(GDT + (DS3 & ~3), DATA(3), 8);
	fake_write(GDT + (CS3 & ~3), CODE64(3), 8);
	fake_write(GDT + TR, UINT64_C(0x0000890070000067), 8);
	fake_write(GDT + ABSENT, DATA(0) & ~DESCRIPTOR_P, 8);
	for (unsigned v = 0; v < 32; v++)
		write_gate(v, HANDLER + v * 16, CS0, 0x8e, 0);
	fake_write(TSS + X86_TSS64_RSP0, RSP0, 8);
	fake_write(TSS + X86_TSS64_IOMAP, X86_TSS64_SIZE, 2);
	state = (struct x86_state){
		.rip = CODE, .rflags = 2, .gpr = { [GPR_RSP] = STACK + X86_PAGE_SIZE },
		.cr0 = X86_CR0_PE | X86_CR0_PG | X86_CR0_WP, .cr3 = PML4,
		.cr4 = X86_CR4_PAE | X86_CR4_OSFXSR, .efer = X86_EFER_LME | X86_EFER_LMA | X86_EFER_SCE | X86_EFER_NXE,
		.cs = { .selector = CS0, .type = 0xb, .s = true, .p = true, .l = true, .limit = UINT32_MAX },
		.ss = { .selector = DS0, .type = 3, .s = true, .p = true, .db = true, .limit = UINT32_MAX },
		.gdtr = { GDT, 0x47 }, .idtr = { IDT, 32 * 16 - 1 },
		.tr = { .selector = TR, .base = TSS, .limit = 103, .p = true },
		.ldtr = { .unusable = true },
	};
}

static void in_ring3(void)
{
	state.cpl = 3;
	state.rip = USER;
	state.gpr[GPR_RSP] = USER_STACK + X86_PAGE_SIZE;
	state.cs.selector = CS3;
	state.cs.dpl = 3;
	state.ss.selector = DS3;
	state.ss.dpl = 3;
}

static void build(enum vendor vendor)
{
	const struct scene scene = { .view = &view, .s = &state, .vendor = vendor };

	chain_build(&scene, &(struct chain_start){ 0 }, &chain);
}

static const struct reason *raised(enum vendor vendor)
{
	build(vendor);
	cr_assert_geq(chain.count, 1u);
	cr_assert_eq(chain.link[0].kind, LINK_INSTRUCTION);
	return &chain.link[0].reason;
}

static void expect(const struct reason *r, uint8_t vector, enum cause cause)
{
	cr_assert(r->raised);
	cr_expect_eq(r->vector, vector, "vector %u, expected %u: %s", r->vector, vector, r->why);
	cr_expect_eq(r->cause, cause, "cause %d, expected %d: %s", r->cause, cause, r->why);
}

static void expect_error(const struct reason *r, uint32_t error)
{
	cr_expect(r->has_error);
	cr_expect_eq(r->error, error, "error %x, expected %x: %s", r->error, error, r->why);
}

static void expect_cr2(const struct reason *r, uint64_t cr2)
{
	cr_expect(r->has_cr2);
	cr_expect_eq(r->cr2, cr2, "CR2 %llx: %s", (unsigned long long)r->cr2, r->why);
}

TestSuite(raise, .init = setup);

Test(raise, nothing_for_an_instruction_that_passes)
{
	RUN_CODE(0x90);
	build(VENDOR_AMD);
	cr_expect_not(chain.link[0].reason.raised);
	cr_expect_eq(chain.count, 1u);
}

Test(raise, undefined_instructions)
{
	RUN_CODE(0x0f, 0x0b);
	expect(raised(VENDOR_AMD), X86_VECTOR_UD, CAUSE_UD2);
	RUN_CODE(0x06);                                 /* PUSH ES */
	expect(raised(VENDOR_AMD), X86_VECTOR_UD, CAUSE_OPCODE);
	RUN_CODE(0xf0, 0x01, 0xc0);                     /* LOCK ADD EAX, EAX */
	expect(raised(VENDOR_AMD), X86_VECTOR_UD, CAUSE_LOCK);
	RUN_CODE(0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90);
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_TOO_LONG);
}

Test(raise, a_page_that_is_not_mapped_at_each_level)
{
	static const struct { uint64_t entry; const char *name; } levels[] = {
		{ PT + 15 * 8, "PTE 15" }, { PD, "PDE 0" }, { PDPT, "PDPTE 0" }, { PML4, "PML4E 0" },
	};
	struct reason r;

	for (unsigned n = 0; n < 4; n++) {
		const struct scene scene = { .view = &view, .s = &state, .vendor = VENDOR_AMD };

		setup();
		fake_write(levels[n].entry, 0, 8);
		r = (struct reason){ 0 };
		cr_assert(page_fault(&scene, &(struct access){ .linear = 0xf123, .size = 1 }, &r));
		expect(&r, X86_VECTOR_PF, CAUSE_NOT_MAPPED);
		expect_error(&r, 0);
		expect_cr2(&r, 0xf123);
		cr_expect_str_eq(r.blame.name, levels[n].name);
		cr_expect_eq(r.blame.address, levels[n].entry);
	}
}

Test(raise, a_write_where_a_level_forbids_it)
{
	RUN_CODE(0xc6, 0x04, 0x25, 0x10, 0xf0, 0, 0, 1);        /* MOV byte [F010h], 1 */
	set_page(0xf000, 0xf000 | X86_PTE_P);
	expect(raised(VENDOR_AMD), X86_VECTOR_PF, CAUSE_READ_ONLY);
	expect_error(raised(VENDOR_AMD), 3);
	expect_cr2(raised(VENDOR_AMD), 0xf010);
	cr_expect_eq(raised(VENDOR_AMD)->blame.address, (uint64_t)PT + 15 * 8);
	state.cr0 &= ~(uint64_t)X86_CR0_WP;
	build(VENDOR_AMD);
	cr_expect_not(chain.link[0].reason.raised);
}

Test(raise, ring_3_in_a_supervisor_page_by_an_upper_level)
{
	in_ring3();
	RUN_CODE(0x90);
	fake_write(PDPT, PD | X86_PTE_P | X86_PTE_W, 8);
	expect(raised(VENDOR_AMD), X86_VECTOR_PF, CAUSE_SUPERVISOR);
	expect_error(raised(VENDOR_AMD), 0x15);
	cr_expect_str_eq(raised(VENDOR_AMD)->blame.name, "PDPTE 0");
	cr_expect_eq(raised(VENDOR_AMD)->blame.kind, BLAME_PTE);
}

Test(raise, no_execute_and_smep)
{
	RUN_CODE(0x90);
	set_page(CODE, CODE | X86_PTE_P | X86_PTE_NX);
	expect(raised(VENDOR_AMD), X86_VECTOR_PF, CAUSE_NX);
	expect_error(raised(VENDOR_AMD), 0x11);
	set_page(CODE, CODE | X86_PTE_P | X86_PTE_U);
	build(VENDOR_AMD);
	cr_expect_not(chain.link[0].reason.raised);
	state.cr4 |= X86_CR4_SMEP;
	expect(raised(VENDOR_AMD), X86_VECTOR_PF, CAUSE_SMEP);
}

Test(raise, smap_until_ac)
{
	RUN_CODE(0x8a, 0x04, 0x25, 0x10, 0xc0, 0, 0);           /* MOV AL, [C010h] */
	state.cr4 |= X86_BIT(21);
	expect(raised(VENDOR_AMD), X86_VECTOR_PF, CAUSE_SMAP);
	expect_error(raised(VENDOR_AMD), 1);
	state.rflags |= X86_RFLAGS_AC;
	build(VENDOR_AMD);
	cr_expect_not(chain.link[0].reason.raised);
}

Test(raise, reserved_bits)
{
	RUN_CODE(0x8a, 0x04, 0x25, 0x10, 0xf0, 0, 0);
	set_page(0xf000, 0xf000 | X86_PTE_P | X86_PTE_NX);
	build(VENDOR_AMD);
	cr_expect_not(chain.link[0].reason.raised);
	state.efer &= ~(uint64_t)X86_EFER_NXE;
	expect(raised(VENDOR_AMD), X86_VECTOR_PF, CAUSE_RESERVED);
	expect_error(raised(VENDOR_AMD), 9);
}

Test(raise, a_table_outside_memory)
{
	RUN_CODE(0x8a, 0x04, 0x25, 0, 0, 0x40, 0);              /* 400000h: PDE 2 */
	fake_write(PD + 16, UINT64_C(0x40000000) | RIGHTS, 8);
	expect(raised(VENDOR_AMD), X86_VECTOR_PF, CAUSE_TABLE_OUTSIDE);
}

Test(raise, addresses_that_are_not_canonical)
{
	state.gpr[GPR_RAX] = UINT64_C(0x800000000000);
	RUN_CODE(0x8b, 0x00);                                   /* MOV EAX, [RAX] */
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_NONCANONICAL);
	RUN_CODE(0xff, 0xe0);                                   /* JMP RAX */
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_NONCANONICAL);
	cr_expect_eq(raised(VENDOR_AMD)->subject, SUBJECT_BRANCH);
	state.gpr[GPR_RSP] = UINT64_C(0x800000000000);
	RUN_CODE(0x58);                                         /* POP RAX */
	expect(raised(VENDOR_AMD), X86_VECTOR_SS, CAUSE_NONCANONICAL);
	RUN_CODE(0x50);                                         /* PUSH RAX: the slot below is canonical */
	cr_expect_eq(raised(VENDOR_AMD)->vector, X86_VECTOR_PF);
	expect_cr2(raised(VENDOR_AMD), UINT64_C(0x7ffffffffff8));
}

Test(raise, divisions)
{
	RUN_CODE(0xf7, 0xf1);                                   /* DIV ECX */
	expect(raised(VENDOR_AMD), X86_VECTOR_DE, CAUSE_DIVIDE);
	state.gpr[GPR_RCX] = 2;
	state.gpr[GPR_RDX] = 2;
	expect(raised(VENDOR_AMD), X86_VECTOR_DE, CAUSE_OVERFLOW);
	state.gpr[GPR_RDX] = 1;
	build(VENDOR_AMD);
	cr_expect_not(chain.link[0].reason.raised);
	RUN_CODE(0xf7, 0xf9);                                   /* IDIV ECX: INT_MIN / -1 */
	state.gpr[GPR_RAX] = 0x80000000;
	state.gpr[GPR_RDX] = 0xffffffff;
	state.gpr[GPR_RCX] = 0xffffffff;
	expect(raised(VENDOR_AMD), X86_VECTOR_DE, CAUSE_OVERFLOW);
	state.gpr[GPR_RCX] = 1;
	build(VENDOR_AMD);
	cr_expect_not(chain.link[0].reason.raised);
}

Test(raise, privilege)
{
	in_ring3();
	RUN_CODE(0xf4);
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_PRIVILEGE);
	RUN_CODE(0xfa);                                         /* CLI */
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_IOPL);
	state.rflags |= X86_RFLAGS_IOPL;
	build(VENDOR_AMD);
	cr_expect_not(chain.link[0].reason.raised);
	state.rflags &= ~(uint64_t)X86_RFLAGS_IOPL;
	RUN_CODE(0xe6, 0xe9);                                   /* OUT E9h, AL */
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_IOPL);
	fake_write(TSS + X86_TSS64_IOMAP, 8, 2);                /* a bitmap of zeros: allowed */
	build(VENDOR_AMD);
	cr_expect_not(chain.link[0].reason.raised);
	RUN_CODE(0x0f, 0x01, 0xf8);                             /* SWAPGS */
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_PRIVILEGE);
}

Test(raise, sse_that_is_off)
{
	RUN_CODE(0x66, 0x0f, 0xef, 0xc0);                       /* PXOR XMM0, XMM0 */
	build(VENDOR_AMD);
	cr_expect_not(chain.link[0].reason.raised);
	state.cr4 &= ~(uint64_t)X86_CR4_OSFXSR;
	expect(raised(VENDOR_AMD), X86_VECTOR_UD, CAUSE_FPU_OFF);
	state.cr4 |= X86_CR4_OSFXSR;
	state.cr0 |= X86_BIT(3);
	expect(raised(VENDOR_AMD), X86_VECTOR_NM, CAUSE_TASK_SWITCHED);
}

Test(raise, the_fast_gates)
{
	in_ring3();
	RUN_CODE(0x0f, 0x05);                                   /* SYSCALL */
	build(VENDOR_AMD);
	cr_expect_not(chain.link[0].reason.raised);
	state.efer &= ~(uint64_t)X86_EFER_SCE;
	expect(raised(VENDOR_AMD), X86_VECTOR_UD, CAUSE_SCE);
	cr_expect_str_eq(raised(VENDOR_AMD)->blame.name, "IA32_EFER");
	RUN_CODE(0x0f, 0x34);                                   /* SYSENTER */
	expect(raised(VENDOR_AMD), X86_VECTOR_UD, CAUSE_VENDOR);
	expect(raised(VENDOR_INTEL), X86_VECTOR_GP, CAUSE_SYSENTER_CS);
}

Test(raise, sysret)
{
	RUN_CODE(0x48, 0x0f, 0x07);
	state.gpr[GPR_RCX] = UINT64_C(0x800000000000);
	expect(raised(VENDOR_INTEL), X86_VECTOR_GP, CAUSE_NONCANONICAL);
	build(VENDOR_AMD);
	cr_expect_not(chain.link[0].reason.raised);
	in_ring3();
	RUN_CODE(0x48, 0x0f, 0x07);
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_PRIVILEGE);
}

static void put_frame(uint16_t cs, uint16_t ss)
{
	const uint64_t frame[] = { USER, cs, 2, USER_STACK, ss };

	state.gpr[GPR_RSP] = STACK + X86_PAGE_SIZE - sizeof frame;
	memcpy(fake_memory + state.gpr[GPR_RSP], frame, sizeof frame);
	RUN_CODE(0x48, 0xcf);                                   /* IRETQ */
}

Test(raise, iret)
{
	put_frame(CS3, DS3);
	build(VENDOR_AMD);
	cr_expect_not(chain.link[0].reason.raised);
	put_frame(DS3, DS3);
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_SELECTOR_TYPE);
	expect_error(raised(VENDOR_AMD), DS3 & ~3);
	cr_expect_str_eq(raised(VENDOR_AMD)->blame.name, "GDT entry 18h");
	cr_expect_not(raised(VENDOR_AMD)->names_ss);
	put_frame(CS3, DS3 & ~3);
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_SELECTOR_RPL);
	cr_expect(raised(VENDOR_AMD)->names_ss);
	put_frame(CS3, CS3);
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_SELECTOR_TYPE);
	cr_expect(raised(VENDOR_AMD)->names_ss);
	put_frame(0x7b, DS3);
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_SELECTOR_BEYOND);
	expect_error(raised(VENDOR_AMD), 0x78);
	put_frame(CS3, DS3);
	state.rflags |= X86_RFLAGS_NT;
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_NESTED_TASK);
}

Test(raise, segment_loads)
{
	RUN_CODE(0x8e, 0xd8);                                   /* MOV DS, AX */
	state.gpr[GPR_RAX] = DS0;
	build(VENDOR_AMD);
	cr_expect_not(chain.link[0].reason.raised);
	state.gpr[GPR_RAX] = ABSENT;
	expect(raised(VENDOR_AMD), X86_VECTOR_NP, CAUSE_SELECTOR_ABSENT);
	expect_error(raised(VENDOR_AMD), ABSENT);
	state.gpr[GPR_RAX] = 0x80;
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_SELECTOR_BEYOND);
	state.gpr[GPR_RAX] = SHORT_LDT;
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_SELECTOR_BEYOND);
	state.gpr[GPR_RAX] = TR;
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_SELECTOR_TYPE);
	RUN_CODE(0x8e, 0xd0);                                   /* MOV SS, AX */
	state.gpr[GPR_RAX] = DS3;
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_SELECTOR_RPL);
	state.gpr[GPR_RAX] = ABSENT;
	expect(raised(VENDOR_AMD), X86_VECTOR_SS, CAUSE_SELECTOR_ABSENT);
}

Test(raise, ltr)
{
	RUN_CODE(0x0f, 0x00, 0xd8);                             /* LTR AX */
	state.gpr[GPR_RAX] = TR;
	build(VENDOR_AMD);
	cr_expect_not(chain.link[0].reason.raised);
	fake_write(GDT + TR, UINT64_C(0x00008b0070000067), 8);
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_TSS_BUSY);
	state.gpr[GPR_RAX] = 0;
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_SELECTOR_NULL);
}

Test(raise, control_registers_and_msrs)
{
	RUN_CODE(0x0f, 0x22, 0xe0);                             /* MOV CR4, RAX */
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_CONTROL);
	state.gpr[GPR_RAX] = X86_CR4_PAE;
	build(VENDOR_AMD);
	cr_expect_not(chain.link[0].reason.raised);
	RUN_CODE(0x0f, 0x30);                                   /* WRMSR */
	state.gpr[GPR_RCX] = X86_MSR_LSTAR;
	state.gpr[GPR_RAX] = 0;
	state.gpr[GPR_RDX] = 0x8000;
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_MSR);
}

TestSuite(delivery, .init = setup);

/* The chain's link n is a failed delivery of vector, with that outcome. */
static const struct reason *failed(unsigned n, uint8_t vector, uint8_t outcome, enum cause cause)
{
	cr_assert_lt(n, chain.count);
	cr_assert_eq(chain.link[n].kind, LINK_DELIVERY);
	cr_expect_eq(chain.link[n].vector, vector, "link %u: vector %u, expected %u", n, chain.link[n].vector, vector);
	cr_expect_not(chain.link[n].entered);
	expect(&chain.link[n].reason, outcome, cause);
	return &chain.link[n].reason;
}

Test(delivery, that_passes_ends_the_chain)
{
	RUN_CODE(0x0f, 0x0b);
	build(VENDOR_AMD);
	cr_assert_eq(chain.count, 2u);
	cr_expect(chain.link[1].entered);
	cr_expect_eq(chain.link[1].rip, (uint64_t)HANDLER + X86_VECTOR_UD * 16);
	cr_expect_not(chain.shutdown);
}

Test(delivery, without_an_idt)
{
	RUN_CODE(0x0f, 0x0b);
	state.idtr.limit = 0;
	build(VENDOR_AMD);
	cr_assert_eq(chain.count, 5u);
	expect_error(failed(1, X86_VECTOR_UD, X86_VECTOR_GP, CAUSE_IDT_LIMIT), 6 * 8 + 3);
	cr_expect_not(chain.link[1].doubled);           /* #UD is benign: #GP is delivered after it */
	failed(2, X86_VECTOR_GP, X86_VECTOR_GP, CAUSE_IDT_LIMIT);
	cr_expect(chain.link[2].doubled);
	failed(3, X86_VECTOR_DF, X86_VECTOR_GP, CAUSE_IDT_LIMIT);
	cr_expect_eq(chain.link[4].kind, LINK_SHUTDOWN);
	cr_expect(chain.shutdown);
}

Test(delivery, through_a_gate_that_is_absent_or_none)
{
	RUN_CODE(0x0f, 0x0b);
	write_gate(X86_VECTOR_UD, HANDLER, CS0, 0x0e, 0);
	build(VENDOR_AMD);
	expect_error(failed(1, X86_VECTOR_UD, X86_VECTOR_NP, CAUSE_IDT_ABSENT), 6 * 8 + 3);
	cr_expect_str_eq(chain.link[1].reason.blame.name, "IDT gate 6 (#UD)");
	cr_expect(chain.link[2].entered);
	write_gate(X86_VECTOR_UD, HANDLER, CS0, 0x85, 0);       /* a task gate */
	build(VENDOR_AMD);
	failed(1, X86_VECTOR_UD, X86_VECTOR_GP, CAUSE_IDT_TYPE);
}

Test(delivery, to_a_code_segment_that_is_none)
{
	static const struct { uint16_t selector; uint8_t vector; enum cause cause; } rows[] = {
		{ 0, X86_VECTOR_GP, CAUSE_SELECTOR_NULL }, { 0x100, X86_VECTOR_GP, CAUSE_SELECTOR_BEYOND },
		{ DS0, X86_VECTOR_GP, CAUSE_SELECTOR_TYPE }, { CS3 & ~3, X86_VECTOR_GP, CAUSE_SELECTOR_DPL },
		{ 0x30, X86_VECTOR_GP, CAUSE_SELECTOR_MODE }, { 0x40, X86_VECTOR_NP, CAUSE_SELECTOR_ABSENT },
	};

	RUN_CODE(0x0f, 0x0b);
	fake_write(GDT + 0x30, UINT64_C(0x00cf9b000000ffff), 8);        /* 32-bit code */
	fake_write(GDT + 0x40, CODE64(0) & ~DESCRIPTOR_P, 8);
	for (unsigned n = 0; n < sizeof rows / sizeof *rows; n++) {
		write_gate(X86_VECTOR_UD, HANDLER, rows[n].selector, 0x8e, 0);
		build(VENDOR_AMD);
		expect_error(failed(1, X86_VECTOR_UD, rows[n].vector, rows[n].cause), (rows[n].selector & ~3u) | 1);
	}
}

Test(delivery, from_ring_3_without_rsp0)
{
	in_ring3();
	RUN_CODE(0x0f, 0x0b);
	fake_write(TSS + X86_TSS64_RSP0, 0, 8);
	build(VENDOR_AMD);
	failed(1, X86_VECTOR_UD, X86_VECTOR_PF, CAUSE_NOT_MAPPED);
	expect_cr2(&chain.link[1].reason, UINT64_C(0xfffffffffffffff8));
	expect_error(&chain.link[1].reason, 2);
	cr_expect_eq(chain.link[1].reason.blame.kind, BLAME_TSS);
	cr_expect_str_eq(chain.link[1].reason.blame.name, "TSS.RSP0");
	cr_expect_eq(chain.link[1].reason.blame.address, (uint64_t)TSS + 4);
	/* #UD is benign, so #PF; #PF in #PF is double; and #DF has no stack either. */
	failed(2, X86_VECTOR_PF, X86_VECTOR_PF, CAUSE_NOT_MAPPED);
	failed(3, X86_VECTOR_DF, X86_VECTOR_PF, CAUSE_NOT_MAPPED);
	cr_expect(chain.shutdown);
}

Test(delivery, of_a_double_fault_on_its_own_stack)
{
	in_ring3();
	RUN_CODE(0x0f, 0x0b);
	fake_write(TSS + X86_TSS64_RSP0, 0, 8);
	fake_write(TSS + X86_TSS64_IST1, RSP0, 8);
	write_gate(X86_VECTOR_DF, HANDLER, CS0, 0x8e, 1);
	build(VENDOR_AMD);
	cr_assert_eq(chain.count, 4u);
	cr_expect(chain.link[3].entered);
	cr_expect_not(chain.shutdown);
}

Test(delivery, on_a_stack_that_is_not_canonical_or_beyond_the_tss)
{
	in_ring3();
	RUN_CODE(0x0f, 0x0b);
	fake_write(TSS + X86_TSS64_RSP0, UINT64_C(0x900000000000), 8);
	build(VENDOR_AMD);
	failed(1, X86_VECTOR_UD, X86_VECTOR_SS, CAUSE_NONCANONICAL);
	state.tr.limit = 3;
	build(VENDOR_AMD);
	expect_error(failed(1, X86_VECTOR_UD, X86_VECTOR_TS, CAUSE_TSS_LIMIT), TR | 1);
}

Test(delivery, on_a_stack_that_ran_out)
{
	state.gpr[GPR_RSP] = STACK;
	set_page(STACK - X86_PAGE_SIZE, 0);
	RUN_CODE(0x50);                                         /* the page below has the code */
	build(VENDOR_AMD);
	cr_expect_eq(chain.link[0].reason.subject, SUBJECT_CODE);
	set_page(STACK - X86_PAGE_SIZE, CODE | X86_PTE_P);      /* read-only */
	build(VENDOR_AMD);
	expect(&chain.link[0].reason, X86_VECTOR_PF, CAUSE_READ_ONLY);
	cr_expect_eq(chain.link[0].reason.subject, SUBJECT_STACK);
	failed(1, X86_VECTOR_PF, X86_VECTOR_PF, CAUSE_READ_ONLY);
	cr_expect(chain.link[1].doubled);
	cr_expect(chain.shutdown);
}

Test(delivery, to_a_handler_that_is_not_mapped)
{
	RUN_CODE(0x0f, 0x0b);
	write_gate(X86_VECTOR_UD, 0x70000, CS0, 0x8e, 0);
	build(VENDOR_AMD);
	cr_assert_geq(chain.count, 4u);
	cr_expect(chain.link[1].entered);
	cr_expect_eq(chain.link[2].kind, LINK_HANDLER);
	expect(&chain.link[2].reason, X86_VECTOR_PF, CAUSE_NOT_MAPPED);
	expect_error(&chain.link[2].reason, 0x10);
	cr_expect_eq(chain.link[2].reason.subject, SUBJECT_HANDLER);
	cr_expect(chain.link[3].entered);               /* not in the delivery: no double fault */
	write_gate(X86_VECTOR_UD, UINT64_C(0x900000000000), CS0, 0x8e, 0);
	build(VENDOR_AMD);
	failed(1, X86_VECTOR_UD, X86_VECTOR_GP, CAUSE_NONCANONICAL);
}

Test(delivery, that_no_memory_stops_for_ever)
{
	RUN_CODE(0x0f, 0x0b);
	for (unsigned v = 0; v < 32; v++)
		write_gate(v, 0x70000, CS0, 0x8e, 0);
	build(VENDOR_AMD);
	cr_expect_leq(chain.count, (unsigned)CHAIN_LINKS);
	cr_expect_eq(chain.link[chain.count - 1].kind, LINK_HANDLER);
}

Test(delivery, with_the_idt_in_a_page_that_is_not_mapped)
{
	RUN_CODE(0x0f, 0x0b);
	set_page(IDT, 0);
	build(VENDOR_AMD);
	failed(1, X86_VECTOR_UD, X86_VECTOR_PF, CAUSE_NOT_MAPPED);
	cr_expect_eq(chain.link[1].reason.subject, SUBJECT_IDT);
	expect_cr2(&chain.link[1].reason, IDT + X86_VECTOR_UD * 16);
}

Test(delivery, of_int_from_ring_3)
{
	in_ring3();
	RUN_CODE(0xcd, 0x06);
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_IDT_DPL);
	expect_error(raised(VENDOR_AMD), 6 * 8 + 2);
	RUN_CODE(0xcd, 0x80);
	expect(raised(VENDOR_AMD), X86_VECTOR_GP, CAUSE_IDT_LIMIT);
	expect_error(raised(VENDOR_AMD), 0x80 * 8 + 2);
}

/* What this says of a delivery, the model says too, wherever the page tables have no say. */
Test(delivery, agrees_with_the_model)
{
	uint64_t seed = 88172645463325252u;

	for (unsigned n = 0; n < 20000; n++) {
		const struct event event = { .vector = X86_VECTOR_UD };
		const struct scene scene = { .view = &view, .s = &state, .vendor = VENDOR_INTEL };
		static const uint16_t selectors[] = { 0, CS0, DS0, CS3, DS3, TR, ABSENT, 0x40, 0x100, CS0 | 3,
			SHORT_LDT };
		static const uint64_t stacks[] = { RSP0, RSP0 - 8, UINT64_C(0x900000000000), STACK + 64,
			UINT64_C(0xffff800000000000) };
		struct gate gate = { .kind = GATE_FAULT, .vector = X86_VECTOR_UD };
		struct prediction p;
		struct x86_state after;
		struct reason r;
		bool known, passed;

		if (n % 100 == 0)
			setup();
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		if (seed & 1)
			in_ring3();
		fake_write(GDT + CS0, CODE64(0) ^ (seed >> 8 & 7 ? 0 : UINT64_C(1) << (40 + (seed >> 16 & 15))), 8);
		fake_write(TSS + X86_TSS64_RSP0, stacks[(seed >> 20) % 5], 8);
		fake_write(TSS + X86_TSS64_IST1, stacks[(seed >> 24) % 5], 8);
		write_gate(X86_VECTOR_UD, seed >> 56 & 3 ? HANDLER : UINT64_C(0x8000900000000000),
		           selectors[(seed >> 28) % 11],
		           seed >> 32 & 3 ? 0x8e : (uint8_t)(seed >> 36), seed >> 44 & 1);
		state.tr.limit = seed >> 48 & 3 ? 103 : seed >> 50 & 63;

		gate.idt = view_idt_gate(&view, &state, X86_VECTOR_UD);
		passed = deliver_event(&scene, &event, &after, &known, &r);
		if (!passed && r.vector == X86_VECTOR_PF)
			continue;                       /* the model knows no pages */
		{
			const struct gate_descriptor g = gate_from_descriptor(gate.idt, true);
			struct stack_slot slot;
			struct x86_segment code;

			gate.target = view_descriptor(&view, &state, g.selector, false);
			code = segment_from_descriptor(gate.target, g.selector);
			slot = delivery_stack_slot(&g, &code, state.cpl, true);
			if (slot.width && (uint32_t)slot.offset + 7 <= state.tr.limit)
				gate.tss_valid = view_read(&view, &state, TSS + slot.offset, &gate.tss_rsp, 8) == 8;
		}
		p = predict(VENDOR_INTEL, &gate, &state);
		cr_assert_eq(p.fault, !passed, "round %u: the model %s, this %s: %s", n, p.fault ? "faults" : "passes",
		             passed ? "passes" : "faults", r.why);
		if (p.fault && !p.fault_open) {
			cr_assert_eq(p.vector, r.vector, "round %u: vector %u, the model has %u: %s", n, r.vector,
			             p.vector, r.why);
			cr_assert_eq((p.error ^ r.error) & ~p.unsaid[FIELD_ERROR], 0u,
			             "round %u: error %x, the model has %x: %s", n,
			             r.error, p.error, r.why);
		}
	}
}

TestSuite(pairs);

/* SDM vol. 3A, table 6-5. */
Test(pairs, make_a_double_fault_as_the_table_has_it)
{
	static const uint8_t contributory[] = { X86_VECTOR_DE, X86_VECTOR_TS, X86_VECTOR_NP, X86_VECTOR_SS,
		X86_VECTOR_GP };

	for (unsigned n = 0; n < sizeof contributory; n++) {
		cr_expect_eq(fault_pair(X86_VECTOR_UD, contributory[n]), PAIR_SERIAL);
		cr_expect_eq(fault_pair(contributory[n], X86_VECTOR_UD), PAIR_SERIAL);
		cr_expect_eq(fault_pair(contributory[n], X86_VECTOR_PF), PAIR_SERIAL);
		cr_expect_eq(fault_pair(X86_VECTOR_PF, contributory[n]), PAIR_DOUBLE);
		cr_expect_eq(fault_pair(X86_VECTOR_DF, contributory[n]), PAIR_SHUTDOWN);
		for (unsigned k = 0; k < sizeof contributory; k++)
			cr_expect_eq(fault_pair(contributory[n], contributory[k]), PAIR_DOUBLE);
	}
	cr_expect_eq(fault_pair(X86_VECTOR_PF, X86_VECTOR_PF), PAIR_DOUBLE);
	cr_expect_eq(fault_pair(X86_VECTOR_PF, X86_VECTOR_UD), PAIR_SERIAL);
	cr_expect_eq(fault_pair(X86_VECTOR_DF, X86_VECTOR_PF), PAIR_SHUTDOWN);
	cr_expect_eq(fault_pair(X86_VECTOR_UD, X86_VECTOR_PF), PAIR_SERIAL);
}

TestSuite(hostile, .init = setup);

/* xorshift64*. */
static uint64_t next(void)
{
	static uint64_t seed = 88172645463325252u;

	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * UINT64_C(2685821657736338717);
}

/* Whatever the bytes, the registers and the tables: an answer, in bounds. */
Test(hostile, anything_gives_a_chain)
{
	unsigned raised_some = 0;

	for (unsigned n = 0; n < 40000; n++) {
		uint8_t *tables[] = { fake_memory + GDT, fake_memory + IDT, fake_memory + TSS, fake_memory + PT,
			fake_memory + PD };

		if (n % 64 == 0)
			setup();
		for (unsigned i = 0; i < INSN_BYTES; i++)
			fake_memory[CODE + i] = fake_memory[USER + i] = (uint8_t)(next() >> 32);
		for (unsigned i = 0; i < GPR_COUNT; i++)
			if (next() >> 63)
				state.gpr[i] = next() >> 60 & 1 ? next() : next() >> 44;
		for (unsigned i = 0; i < 4; i++)
			tables[(next() >> 40) % 5][(next() >> 40) % 0x200] = (uint8_t)(next() >> 32);
		if (!(next() >> 60))
			in_ring3();
		if (!(next() >> 61))
			state.cs.l = state.cs.l ? false : true, state.cs.db = !state.cs.l;
		if (!(next() >> 60))
			state.rip = next() >> (next() >> 58);
		if (!(next() >> 61))
			state.efer ^= X86_EFER_LMA;
		if (!(next() >> 61))
			state.idtr.limit = (uint16_t)(next() >> 40);
		if (!(next() >> 61))
			state.cr4 ^= next() >> 40;
		if (!(next() >> 62))
			state.cr0 ^= X86_CR0_PG;
		if (!(next() >> 62))
			state.tr.base = next();
		build(next() >> 63 ? VENDOR_AMD : VENDOR_INTEL);
		cr_assert_leq(chain.count, (unsigned)CHAIN_LINKS);
		for (unsigned i = 0; i < chain.count; i++) {
			cr_assert_lt(strlen(chain.link[i].reason.why), sizeof chain.link[i].reason.why);
			cr_assert_lt(strlen(chain.link[i].text), sizeof chain.link[i].text);
			raised_some += chain.link[i].reason.raised;
		}
	}
	cr_expect_gt(raised_some, 1000u);
}
