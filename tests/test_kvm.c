/*
 * The KVM layer against a real /dev/kvm: memory, state, exits.  All guest code
 * here runs in ring 0 and passes no gate, so that any KVM will do; without
 * one the tests are skipped.
 */
#include "kvm/kvm.h"

#include "abi.h"
#include "image/image.h"
#include "message.h"
#include "x86.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define DEVICE  "/dev/kvm"
#define MEMORY  0x10000
#define CODE    0x8000

static struct vm *vm;
static struct vm_exit e;

static struct x86_segment flat(uint16_t selector, uint8_t type, bool l)
{
	return (struct x86_segment) {
		.selector = selector, .limit = UINT32_MAX, .type = type, .s = true, .p = true,
		.l = l, .db = !l, .g = true,
	};
}

static void put64(uint64_t gpa, uint64_t value)
{
	void *at = vm_memory(vm, gpa, sizeof(value));

	cr_assert_not_null(at);
	memcpy(at, &value, sizeof(value));
}

/* 64-bit mode, ring 0, the low 2 MiB mapped, at CODE. */
static struct x86_state start_state(void)
{
	struct x86_state s;

	cr_assert_eq(vm_get_state(vm, &s, VM_ALL), 0);
	put64(0x1000, 0x2003);
	put64(0x2000, 0x3003);
	put64(0x3000, 0x83);
	s.cs = flat(0x10, X86_TYPE_CODE_ER, true);
	s.ss = s.ds = s.es = s.fs = s.gs = flat(0x18, X86_TYPE_DATA_RW, false);
	s.cr0 = 0x80010033;
	s.cr3 = 0x1000;
	s.cr4 = 0x620;
	s.efer = 0xd01;
	s.rip = CODE;
	s.rflags = 2;
	s.gpr[GPR_RSP] = CODE;
	return s;
}

static void start(const void *code, size_t size)
{
	struct x86_state s = start_state();

	memcpy(vm_memory(vm, CODE, size), code, size);
	cr_assert_eq(vm_set_state(vm, &s, VM_ALL), 0);
}

static struct x86_state state(void)
{
	struct x86_state s;

	cr_assert_eq(vm_get_state(vm, &s, VM_ALL), 0);
	return s;
}

static void run(enum vm_run_mode mode, enum vm_exit_kind kind)
{
	cr_assert_eq(vm_run(vm, mode, &e), 0);
	cr_assert_eq(e.kind, kind, "exit %d (KVM's %u), not %d", e.kind, e.reason, kind);
}

static void setup(void)
{
	struct vm_config config = { .device = DEVICE, .memory_size = MEMORY };
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		cr_skip("%s: %s", DEVICE, strerror(errno));
	close(fd);
	cr_assert_eq(vm_open(&vm, &config), 0);
}

static void teardown(void)
{
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	vm_close(vm);
}

TestSuite(kvm, .init = setup, .fini = teardown);

Test(kvm, memory_is_bounded)
{
	cr_assert_not_null(vm_memory(vm, 0, MEMORY));
	cr_assert_not_null(vm_memory(vm, MEMORY, 0));
	cr_assert_null(vm_memory(vm, 0, MEMORY + 1));
	cr_assert_null(vm_memory(vm, MEMORY, 1));
	cr_assert_null(vm_memory(vm, MEMORY - 1, 2));
	cr_assert_null(vm_memory(vm, 1, UINT64_MAX));
	cr_assert_null(vm_memory(vm, UINT64_MAX, 1));
	cr_assert_null(vm_memory(vm, UINT64_MAX, UINT64_MAX));
	cr_assert_eq(vm_memory_size(vm), MEMORY);
}

#define SAME_SEGMENT(a, b, r) do { \
	cr_expect_eq((a).r.base, (b).r.base, #r); \
	cr_expect_eq((a).r.limit, (b).r.limit, #r); \
	cr_expect_eq((a).r.selector, (b).r.selector, #r); \
	cr_expect_eq((a).r.type, (b).r.type, #r); \
	cr_expect_eq((a).r.dpl, (b).r.dpl, #r); \
	cr_expect_eq((a).r.s, (b).r.s, #r); \
	cr_expect_eq((a).r.p, (b).r.p, #r); \
	cr_expect_eq((a).r.l, (b).r.l, #r); \
	cr_expect_eq((a).r.db, (b).r.db, #r); \
	cr_expect_eq((a).r.g, (b).r.g, #r); \
	cr_expect_eq((a).r.unusable, (b).r.unusable, #r); \
} while (0)

/* Every part of the state a value of its own, so that two swapped ones show. */
Test(kvm, state_comes_back_as_it_was_set)
{
	struct x86_state s = start_state(), t;

	for (unsigned i = 0; i < GPR_COUNT; i++)
		s.gpr[i] = UINT64_C(0x0101010101010101) * (i + 1);
	s.rflags = 0x246;
	s.ds = flat(0x2b, X86_TYPE_DATA_RW, false);
	s.ds.dpl = 3;
	s.es = flat(0x33, X86_TYPE_DATA_RW, false);
	s.fs.base = 0x7ff000;
	s.gs.base = UINT64_C(0xfffff80000001000);
	s.tr = (struct x86_segment) {
		.selector = 0x40, .base = 0x4100, .limit = 0x67, .type = X86_TYPE_TSS_BUSY, .p = true,
	};
	s.ldtr = (struct x86_segment) {
		.selector = 0x50, .base = 0x5100, .limit = 0x1f, .type = X86_TYPE_LDT, .p = true,
	};
	s.gdtr = (struct x86_table) { 0x4000, 0x6f };
	s.idtr = (struct x86_table) { 0x5000, 0x2ff };
	s.cr2 = UINT64_C(0xffff900012345678);
	s.msr = (struct x86_gate_msrs) {
		.star = UINT64_C(0x0023001000000000), .lstar = UINT64_C(0xfffff80000002000),
		.cstar = UINT64_C(0xfffff80000003000), .fmask = 0x4700, .sysenter_cs = 0x8,
		.sysenter_esp = 0x6000, .sysenter_eip = 0x7000,
		.kernel_gs_base = UINT64_C(0xfffff80000004000),
	};
	cr_assert_eq(vm_set_state(vm, &s, VM_ALL), 0);
	t = state();

	cr_expect_arr_eq(t.gpr, s.gpr, sizeof(s.gpr));
	cr_expect_eq(t.rip, s.rip);
	cr_expect_eq(t.rflags, s.rflags);
	SAME_SEGMENT(t, s, cs);
	SAME_SEGMENT(t, s, ss);
	SAME_SEGMENT(t, s, ds);
	SAME_SEGMENT(t, s, es);
	SAME_SEGMENT(t, s, fs);
	SAME_SEGMENT(t, s, gs);
	SAME_SEGMENT(t, s, tr);
	SAME_SEGMENT(t, s, ldtr);
	cr_expect_eq(t.gdtr.base, s.gdtr.base);
	cr_expect_eq(t.gdtr.limit, s.gdtr.limit);
	cr_expect_eq(t.idtr.base, s.idtr.base);
	cr_expect_eq(t.idtr.limit, s.idtr.limit);
	cr_expect_eq(t.cr0, s.cr0);
	cr_expect_eq(t.cr2, s.cr2);
	cr_expect_eq(t.cr3, s.cr3);
	cr_expect_eq(t.cr4, s.cr4);
	cr_expect_eq(t.efer, s.efer);
	cr_expect_eq(t.cpl, 0);
	cr_expect_arr_eq((char *)&t.msr, (char *)&s.msr, sizeof(s.msr));
}

Test(kvm, hlt_exits_behind_it_and_a_moved_rip_counts)
{
	/* inc rax; hlt; inc rax; hlt */
	static const uint8_t code[] = { 0x48, 0xff, 0xc0, 0xf4, 0x48, 0xff, 0xc0, 0xf4 };
	struct x86_state s;

	start(code, sizeof(code));
	run(RUN_FREE, EXIT_HLT);
	s = state();
	cr_assert_eq(s.rip, CODE + 4);
	cr_assert_eq(s.gpr[GPR_RAX], 1);
	run(RUN_FREE, EXIT_HLT);
	cr_assert_eq(state().gpr[GPR_RAX], 2);
	s.rip = CODE;
	s.gpr[GPR_RAX] = 0x100;
	cr_assert_eq(vm_set_state(vm, &s, VM_REGS), 0);
	cr_assert_eq(state().gpr[GPR_RAX], 0x100);
	run(RUN_FREE, EXIT_HLT);
	s = state();
	cr_assert_eq(s.gpr[GPR_RAX], 0x101);
	cr_assert_eq(s.rip, CODE + 4);
}

Test(kvm, steps_one_instruction_also_from_a_moved_rip)
{
	/* inc rax; inc rbx; inc rcx; hlt */
	static const uint8_t code[] = { 0x48, 0xff, 0xc0, 0x48, 0xff, 0xc3, 0x48, 0xff, 0xc1, 0xf4 };
	struct x86_state s;

	start(code, sizeof(code));
	run(RUN_STEP, EXIT_DEBUG);
	s = state();
	cr_assert_eq(s.rip, CODE + 3);
	cr_assert_eq(s.rflags & X86_RFLAGS_TF, 0);
	s.rip = CODE + 6;
	cr_assert_eq(vm_set_state(vm, &s, VM_REGS), 0);
	run(RUN_STEP, EXIT_DEBUG);
	s = state();
	cr_assert_eq(s.rip, CODE + 9);
	cr_assert_eq(s.gpr[GPR_RAX], 1);
	cr_assert_eq(s.gpr[GPR_RBX], 0);
	cr_assert_eq(s.gpr[GPR_RCX], 1);
	run(RUN_FREE, EXIT_HLT);
}

Test(kvm, ports_carry_data_both_ways)
{
	/* out e9, eax; in al, e9; hlt */
	static const uint8_t code[] = { 0xe7, 0xe9, 0xe4, 0xe9, 0xf4 };
	struct x86_state s;

	start(code, sizeof(code));
	s = state();
	s.gpr[GPR_RAX] = 0x12345678;
	cr_assert_eq(vm_set_state(vm, &s, VM_REGS), 0);
	run(RUN_FREE, EXIT_PIO);
	cr_assert(e.pio.out);
	cr_assert_eq(e.pio.port, 0xe9);
	cr_assert_eq(e.pio.size, 4);
	cr_assert_eq(e.pio.count, 1);
	cr_assert_arr_eq((char *)e.pio.data, "\x78\x56\x34\x12", 4);
	run(RUN_FREE, EXIT_PIO);
	cr_assert_not(e.pio.out);
	cr_assert_eq(e.pio.size, 1);
	memcpy(e.pio.data, "\xe9", 1);
	run(RUN_FREE, EXIT_HLT);
	cr_assert_eq(state().gpr[GPR_RAX], 0x123456e9);
}

Test(kvm, trapped_msrs_exit_and_others_do_not)
{
	static const uint8_t code[] = { 0x0f, 0x30, 0x0f, 0x32, 0xf4 };         /* wrmsr; rdmsr; hlt */
	static const uint32_t trapped[] = {
		X86_MSR_LSTAR, X86_MSR_EFER, X86_MSR_SYSENTER_CS, X86_MSR_KERNEL_GS_BASE,
	};
	uint64_t value;

	cr_assert_eq(vm_trap_msrs(vm, trapped, 4), 0);
	for (unsigned i = 0; i < 4; i++) {
		struct x86_state s;

		start(code, sizeof(code));
		s = state();
		s.gpr[GPR_RCX] = trapped[i];
		s.gpr[GPR_RDX] = 0xfffff800;
		s.gpr[GPR_RAX] = 0x1000;
		cr_assert_eq(vm_set_state(vm, &s, VM_REGS), 0);
		run(RUN_FREE, EXIT_WRMSR);
		cr_assert_eq(e.msr.index, trapped[i]);
		cr_assert_eq(e.msr.value, UINT64_C(0xfffff80000001000));
		vm_answer_msr(vm, 0, false);
		run(RUN_FREE, EXIT_RDMSR);
		cr_assert_eq(e.msr.index, trapped[i]);
		vm_answer_msr(vm, UINT64_C(0x1122334455667788), false);
		run(RUN_FREE, EXIT_HLT);
		cr_assert_eq(state().gpr[GPR_RAX], 0x55667788);
		cr_assert_eq(state().gpr[GPR_RDX], 0x11223344);
	}
	cr_assert_eq(vm_trap_msrs(vm, NULL, 0), 0);
	start(code, sizeof(code));
	{
		struct x86_state s = state();

		s.gpr[GPR_RCX] = X86_MSR_LSTAR;
		s.gpr[GPR_RDX] = 0;
		s.gpr[GPR_RAX] = 0x2000;
		cr_assert_eq(vm_set_state(vm, &s, VM_REGS), 0);
	}
	run(RUN_FREE, EXIT_HLT);
	cr_assert_eq(vm_get_msr(vm, X86_MSR_LSTAR, &value), 0);
	cr_assert_eq(value, 0x2000);
}

Test(kvm, an_unknown_msr_has_no_value)
{
	uint64_t value;

	cr_assert_eq(vm_get_msr(vm, 0x12345678, &value), -ENXIO);
	cr_assert_eq(vm_set_msr(vm, 0x12345678, 0), -ENXIO);
}

Test(kvm, more_ranges_than_kvm_has_are_refused)
{
	uint32_t far_apart[17];
	char text[160];

	for (uint32_t i = 0; i < 17; i++)
		far_apart[i] = 0xc0000000 + i * 0x100;
	message_capture(text, sizeof(text));
	cr_expect_eq(vm_trap_msrs(vm, far_apart, 17), -E2BIG);
	message_capture(NULL, 0);
	cr_expect_not_null(strstr(text, "KVM_X86_SET_MSR_FILTER"));
	cr_expect_eq(vm_trap_msrs(vm, far_apart, 16), 0);
}

static void on_alarm(int signal)
{
	(void)signal;
	vm_interrupt(vm);
}

Test(kvm, an_endless_loop_is_interrupted, .timeout = 10)
{
	static const uint8_t code[] = { 0xeb, 0xfe };                           /* jmp . */
	struct itimerval soon = { .it_value.tv_usec = 20000 };

	start(code, sizeof(code));
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &soon, NULL);
	run(RUN_FREE, EXIT_INTERRUPTED);
	cr_assert_eq(state().rip, CODE);
	/* Before the entry, too; and only once. */
	vm_interrupt(vm);
	run(RUN_FREE, EXIT_INTERRUPTED);
	setitimer(ITIMER_REAL, &soon, NULL);
	run(RUN_FREE, EXIT_INTERRUPTED);
}

/* --- with interrupt controllers and timer --- */

#define IDT     0x4000
#define GDT     0x5000
#define TIMER   0x20            /* where the PIC shall deliver IRQ 0 */

static void open_irqchip(unsigned cpus)
{
	struct vm_config config = { .device = DEVICE, .memory_size = MEMORY, .irqchip = true, .cpus = cpus };

	vm_close(vm);
	cr_assert_eq(vm_open(&vm, &config), 0);
}

static void tick_every_20_ms(void)
{
	struct itimerval period = { { .tv_usec = 20000 }, { .tv_usec = 20000 } };

	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &period, NULL);
}

/* As BIOSes leave it: the PICs at vectors 20h and 28h, IRQ 0 alone open; PIT channel 0 about a thousand times a second. */
static const uint8_t timer_code[] = {
	0xb0, 0x11, 0xe6, 0x20, 0xe6, 0xa0, 0xb0, 0x20, 0xe6, 0x21, 0xb0, 0x28, 0xe6, 0xa1,
	0xb0, 0x04, 0xe6, 0x21, 0xb0, 0x02, 0xe6, 0xa1, 0xb0, 0x01, 0xe6, 0x21, 0xe6, 0xa1,
	0xb0, 0xfe, 0xe6, 0x21, 0xb0, 0xff, 0xe6, 0xa1,
	0xb0, 0x34, 0xe6, 0x43, 0xb0, 0xa9, 0xe6, 0x40, 0xb0, 0x04, 0xe6, 0x40,
	0xfb, 0x48, 0xff, 0xc3, 0xeb, 0xfb,                                     /* 1: sti; inc rbx; jmp 1b */
};
#define MASK_AT 29                                              /* of the first PIC's mask, there */
/* inc rcx; mov al, 20h; out 20h, al; cmp ecx, 3; jb 1f; out f4h, al; 1: iretq */
static const uint8_t timer_handler[] = {
	0x48, 0xff, 0xc1, 0xb0, 0x20, 0xe6, 0x20, 0x83, 0xf9, 0x03, 0x72, 0x02, 0xe6, 0xf4, 0x48, 0xcf,
};

static void start_timer(void)
{
	const uint64_t handler = CODE + 0x100;
	struct x86_state s;

	start(timer_code, sizeof(timer_code));
	memcpy(vm_memory(vm, handler, sizeof(timer_handler)), timer_handler, sizeof(timer_handler));
	put64(IDT + 16 * TIMER, handler | 0x10 << 16 | UINT64_C(0x8e00) << 32);
	put64(GDT + 0x10, UINT64_C(0x00af9b000000ffff));
	put64(GDT + 0x18, UINT64_C(0x00cf93000000ffff));
	s = state();
	s.idtr = (struct x86_table) { .base = IDT, .limit = 0xfff };
	s.gdtr = (struct x86_table) { .base = GDT, .limit = 0x1f };
	s.gpr[GPR_RCX] = 0;
	cr_assert_eq(vm_set_state(vm, &s, VM_ALL), 0);
}

Test(kvm, interrupts_come_in_where_they_may, .timeout = 20)
{
	open_irqchip(1);
	start_timer();
	tick_every_20_ms();
	for (unsigned n = 0; n < 20; n++) {
		run(RUN_FREE, EXIT_INTERRUPTED);
		cr_assert_eq(state().gpr[GPR_RCX], 0, "an interrupt in RUN_FREE");
	}
	do
		cr_assert_eq(vm_run(vm, RUN_LOOSE, &e), 0);
	while (e.kind == EXIT_INTERRUPTED);
	cr_assert_eq(e.kind, EXIT_PIO);
	cr_assert_eq(e.pio.port, ABI_PORT_EXIT);
	cr_assert_eq(state().gpr[GPR_RCX], 3);
}

Test(kvm, a_halt_without_interrupts_is_seen, .timeout = 20)
{
	static const uint8_t dead[] = { 0xfa, 0xf4 }, alive[] = { 0xfb, 0xf4 };  /* cli; hlt.  sti; hlt */
	bool for_good;

	open_irqchip(1);
	start(dead, sizeof(dead));
	tick_every_20_ms();
	cr_assert_not(vm_is_halted(vm, &for_good));
	cr_assert_not(for_good);
	run(RUN_LOOSE, EXIT_INTERRUPTED);
	cr_assert(vm_is_halted(vm, &for_good));
	cr_assert(for_good);
	cr_assert_eq(state().rip, CODE + 2);

	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	open_irqchip(1);
	start(alive, sizeof(alive));
	tick_every_20_ms();
	run(RUN_LOOSE, EXIT_INTERRUPTED);
	cr_assert(vm_is_halted(vm, &for_good));
	cr_assert_not(for_good);
	/* Still so, whatever the look at it did; and a tick that came meanwhile is not lost. */
	cr_assert(vm_is_halted(vm, NULL));
	run(RUN_LOOSE, EXIT_INTERRUPTED);
}

/* IRQ 4 comes while the vCPU is not in vm_run. */
Test(kvm, a_halted_vcpu_that_was_woken_is_halted_no_more, .timeout = 20)
{
	static const uint8_t handler[] = { 0xe6, 0xf4 };                        /* out f4h, al */
	uint8_t code[sizeof(timer_code)];

	open_irqchip(1);
	start_timer();
	memcpy(code, timer_code, sizeof(code));
	code[MASK_AT] = 0xef;                                   /* IRQ 4 alone */
	code[sizeof(code) - 5] = 0xf4;                          /* sti; hlt */
	memcpy(vm_memory(vm, CODE, sizeof(code)), code, sizeof(code));
	memcpy(vm_memory(vm, CODE + 0x100, sizeof(handler)), handler, sizeof(handler));
	put64(IDT + 16 * 0x24, (CODE + 0x100) | 0x10 << 16 | UINT64_C(0x8e00) << 32);
	tick_every_20_ms();
	run(RUN_LOOSE, EXIT_INTERRUPTED);
	cr_assert(vm_is_halted(vm, NULL));
	cr_assert_eq(vm_irq_line(vm, 4, true), 0);
	cr_assert_not(vm_is_halted(vm, NULL));
	do
		cr_assert_eq(vm_run(vm, RUN_LOOSE, &e), 0);
	while (e.kind == EXIT_INTERRUPTED);
	cr_assert_eq(e.kind, EXIT_PIO);
}

/* INIT and SIPI with vector 8, as a kernel sends them to APIC id through the x2APIC's ICR. */
static void wake(uint8_t id)
{
	const uint8_t code[] = {
		0xb9, 0x1b, 0, 0, 0, 0x0f, 0x32, 0x0d, 0, 0x0c, 0, 0, 0x0f, 0x30,       /* IA32_APIC_BASE: EN, EXTD */
		0xb9, 0x30, 8, 0, 0, 0xba, id, 0, 0, 0,
		0xb8, 0, 0x45, 0, 0, 0x0f, 0x30,                                        /* INIT */
		0xb8, 8, 0x46, 0, 0, 0x0f, 0x30,                                        /* SIPI to 8000h */
		0xe6, 0xf4,
	};

	start(code, sizeof(code));
	do                                      /* ticks may be on */
		cr_assert_eq(vm_run(vm, RUN_LOOSE, &e), 0);
	while (e.kind == EXIT_INTERRUPTED);
	cr_assert_eq(e.kind, EXIT_PIO, "exit %d (KVM's %u)", e.kind, e.reason);
}

Test(kvm, a_vcpu_waits_for_init_and_sipi, .timeout = 20)
{
	static const uint8_t real_mode[] = { 0xb0, 0x07, 0xe6, 0xf4 };          /* mov al, 7; out f4h, al */
	struct x86_state s;
	struct vm *cpu;
	bool for_good;

	open_irqchip(2);
	cr_assert_eq(vm_add_cpu(&cpu, vm, 1), 0);
	tick_every_20_ms();
	cr_assert(vm_is_halted(cpu, &for_good));
	cr_assert(for_good);
	cr_assert_eq(vm_run(cpu, RUN_LOOSE, &e), 0);
	cr_assert_eq(e.kind, EXIT_INTERRUPTED, "an interrupt for one is for that which runs");
	wake(1);
	cr_assert_not(vm_is_halted(cpu, &for_good));
	cr_assert_eq(vm_get_state(cpu, &s, VM_ALL), 0);
	cr_assert_eq(s.cs.base + s.rip, 0x8000, "where SIPI says");
	cr_assert_not(s.cr0 & X86_CR0_PE);
	memcpy(vm_memory(vm, 0x8000, sizeof(real_mode)), real_mode, sizeof(real_mode));
	do
		cr_assert_eq(vm_run(cpu, RUN_LOOSE, &e), 0);
	while (e.kind == EXIT_INTERRUPTED);
	cr_assert_eq(e.kind, EXIT_PIO, "exit %d (KVM's %u)", e.kind, e.reason);
	cr_assert_eq(*(uint8_t *)e.pio.data, 7);
	vm_close(cpu);
}

/* What this vCPU's CPUID says. */
static struct x86_state cpuid_of(struct vm *cpu, uint32_t leaf, uint32_t subleaf)
{
	static const uint8_t code[] = { 0x0f, 0xa2, 0xe6, 0xf4 };               /* cpuid; out f4h, al */
	struct x86_state s = start_state();

	memcpy(vm_memory(vm, CODE, sizeof(code)), code, sizeof(code));
	s.gpr[GPR_RAX] = leaf;
	s.gpr[GPR_RCX] = subleaf;
	cr_assert_eq(vm_set_state(cpu, &s, VM_ALL), 0);
	cr_assert_eq(vm_run(cpu, RUN_FREE, &e), 0);
	cr_assert_eq(e.kind, EXIT_PIO, "exit %d", e.kind);
	cr_assert_eq(vm_get_state(cpu, &s, VM_ALL), 0);
	return s;
}

Test(kvm, each_vcpu_has_its_own_apic_id)
{
	struct vm *cpu[3];

	open_irqchip(3);
	cpu[0] = vm;
	for (unsigned n = 1; n < 3; n++)
		cr_assert_eq(vm_add_cpu(&cpu[n], vm, n), 0);
	for (unsigned n = 0; n < 3; n++) {
		struct x86_state s;

		if (n)
			wake((uint8_t)n);
		cr_assert_not(vm_is_halted(cpu[n], NULL), "vCPU %u", n);
		cr_assert_eq(vm_index(cpu[n]), n);
		s = cpuid_of(cpu[n], 1, 0);
		cr_assert_eq(s.gpr[GPR_RBX] >> 24, n);
		cr_assert_eq(s.gpr[GPR_RBX] >> 16 & 0xff, 3);
		cr_assert(s.gpr[GPR_RDX] >> 28 & 1, "HTT");
		s = cpuid_of(cpu[n], 0xb, 1);
		cr_assert_eq(s.gpr[GPR_RAX], 2, "bits of the APIC id");
		cr_assert_eq(s.gpr[GPR_RBX], 3);
		cr_assert_eq(s.gpr[GPR_RCX], 0x201);
		cr_assert_eq(s.gpr[GPR_RDX], n);
	}
	for (unsigned n = 1; n < 3; n++)
		vm_close(cpu[n]);
}

Test(kvm, vcpus_without_number_are_refused)
{
	struct vm_config config = { .device = DEVICE, .memory_size = MEMORY, .irqchip = true };
	struct vm *cpu;
	char text[160];

	message_capture(text, sizeof(text));
	cr_expect_eq(vm_add_cpu(&cpu, vm, 1), -EINVAL, "there is no interrupt controller");
	open_irqchip(2);
	cr_expect_eq(vm_add_cpu(&cpu, vm, 0), -EINVAL);
	cr_expect_eq(vm_add_cpu(&cpu, vm, 2), -EINVAL);
	cr_expect_null(cpu);
	cr_expect_not_null(strstr(text, "number 2"));
	vm_close(vm);
	config.cpus = 17;
	cr_expect_eq(vm_open(&vm, &config), -EINVAL);
	message_capture(NULL, 0);
	cr_expect_not_null(strstr(text, "17"));
}

/* A segment at a high address: its entry is reached, RDI points at the boot information, the stack works. */
Test(kvm, boots_a_plain_elf64_guest)
{
	/* mov eax, [rdi]; push rax; pop rbx; hlt */
	static const uint8_t code[] = { 0x8b, 0x07, 0x50, 0x5b, 0xf4 };
	struct vm_config config = { .device = DEVICE, .memory_size = 0x400000 };
	struct segment segment = {
		.gpa = 0x100000, .linear = UINT64_C(0xfffff80000100000),
		.file_size = sizeof(code), .memory_size = 0x2000, .bytes = code,
	};
	struct image image = { .entry = segment.linear, .segments = &segment, .segment_count = 1 };
	struct x86_state s;

	vm_close(vm);
	cr_assert_eq(vm_open(&vm, &config), 0);
	cr_assert_eq(vm_boot_elf(vm, &image, "guest"), 0);
	run(RUN_FREE, EXIT_HLT);
	s = state();
	cr_assert_eq(s.rip, segment.linear + sizeof(code));
	cr_assert_eq(s.gpr[GPR_RBX], ABI_BOOT_MAGIC);
	cr_assert_eq(s.cpl, 0);
}

/* CPUID leaf 0: EBX EDX ECX hold the vendor. */
Test(kvm, cpuid_vendor_is_the_one_asked_for)
{
	static const char *const id[] = { [VENDOR_INTEL] = "GenuntelineI", [VENDOR_AMD] = "AuthcAMDenti" };
	static const uint8_t code[] = { 0x31, 0xc0, 0x0f, 0xa2, 0xf4 };         /* xor eax, eax; cpuid; hlt */

	for (enum vendor v = VENDOR_INTEL; v <= VENDOR_AMD; v++) {
		struct vm_config config = {
			.device = DEVICE, .memory_size = MEMORY, .cpu_vendor_set = true, .cpu_vendor = v,
		};
		struct x86_state s;

		vm_close(vm);
		cr_assert_eq(vm_open(&vm, &config), 0);
		start(code, sizeof(code));
		run(RUN_FREE, EXIT_HLT);
		s = state();
		/* EBX ECX EDX, in that order. */
		cr_assert_arr_eq((char *)&s.gpr[GPR_RBX], id[v], 4);
		cr_assert_arr_eq((char *)&s.gpr[GPR_RCX], id[v] + 4, 4);
		cr_assert_arr_eq((char *)&s.gpr[GPR_RDX], id[v] + 8, 4);
	}
}

Test(kvm, the_probe_explains_itself)
{
	struct probe_result result;
	char text[160];

	kvm_probe(DEVICE, &result);
	cr_assert(result.opened, "%s", result.reason);
	cr_assert_eq(result.row[PROBE_RING0_SELECTORS].verdict, PROBE_OK);
	cr_assert_eq(result.row[PROBE_MSR_FILTER].verdict, PROBE_OK);
	for (enum probe_row row = 0; row < PROBE_ROWS; row++) {
		cr_expect_neq(result.row[row].verdict, PROBE_NOT_RUN, "%s", probe_row_name(row));
		cr_expect_neq(result.row[row].detail[0], '\0', "%s", probe_row_name(row));
		if (result.row[row].verdict == PROBE_OFF)
			cr_expect_not_null(strstr(result.row[row].detail, "expected"), "%s",
			                   probe_row_name(row));
	}
	probe_explain(&result, text, sizeof(text));
	cr_expect_eq(probe_faithful(&result), strcmp(text, "nothing is off") == 0);
}

/* These need no device. */

Test(kvm_without, a_missing_device_is_named)
{
	struct vm_config config = { .device = "/nowhere/kvm", .memory_size = MEMORY };
	struct probe_result result;
	char text[160];

	message_capture(text, sizeof(text));
	cr_expect_eq(vm_open(&vm, &config), -ENOENT);
	message_capture(NULL, 0);
	cr_expect_null(vm);
	cr_expect_str_eq(text, "/nowhere/kvm: No such file or directory");

	kvm_probe("/nowhere/kvm", &result);
	cr_expect_not(result.opened);
	cr_expect_not(probe_faithful(&result));
	probe_explain(&result, text, sizeof(text));
	cr_expect_str_eq(text, "/nowhere/kvm: No such file or directory");
}

Test(kvm_without, a_device_that_is_not_kvm_is_refused)
{
	struct vm_config config = { .device = "/dev/null", .memory_size = MEMORY };
	char text[160];

	message_capture(text, sizeof(text));
	cr_expect_lt(vm_open(&vm, &config), 0);
	message_capture(NULL, 0);
	cr_expect_not_null(strstr(text, "KVM_GET_API_VERSION"));
}

/* A row that is off makes a KVM unfaithful, except those that method break alone or a guest that steps itself wants. */
Test(kvm_without, every_required_row_counts)
{
	const uint32_t spared = 1u << PROBE_HW_BREAKPOINT | 1u << PROBE_SW_BREAKPOINT | 1u << PROBE_SHUTDOWN |
	                           1u << PROBE_PROTECTION | 1u << PROBE_SYSRET_TF;

	for (enum probe_row off = 0; off < PROBE_ROWS; off++) {
		struct probe_result result = { .opened = true };
		char text[160];

		cr_assert(probe_faithful(&result));
		result.row[off].verdict = PROBE_OFF;
		strcpy(result.row[off].detail, "CS 33, expected CS 10");
		probe_explain(&result, text, sizeof(text));
		if (spared >> off & 1) {
			cr_expect(probe_faithful(&result));
		} else {
			cr_expect_not(probe_faithful(&result));
			cr_expect_not_null(strstr(text, "CS 33"));
			cr_expect_not_null(strstr(text, probe_row_name(off)));
		}
	}
}
