/*
 * The probe's rows: what each gate must do, from the manuals (SDM and APM,
 * vol. 2 and 3), beside what this KVM does.
 */
#include "kvm/probe_machine.h"

#include "x86.h"

extern const uint8_t probe_guest_selectors[], probe_guest_selectors_end[];
extern const uint8_t probe_guest_syscall[], probe_guest_syscall_next[], probe_guest_lstar_end[];
extern const uint8_t probe_guest_sysret[], probe_guest_iret[], probe_guest_ring3[], probe_guest_ring3_halt[];
extern const uint8_t probe_guest_int[], probe_guest_int_next[];
extern const uint8_t probe_guest_step[], probe_guest_step_1[], probe_guest_step_2[];
extern const uint8_t probe_guest_step_halt[], probe_guest_step_end[];
extern const uint8_t probe_guest_push[], probe_guest_push_halt[];
extern const uint8_t probe_guest_int3[], probe_guest_int3_at[];
extern const uint8_t probe_guest_msr[], probe_guest_msr_end[];

/* IOPL 3, DF IF PF CF: some that FMASK clears, some that it leaves. */
#define RFLAGS3         0x3607
#define RFLAGS3_FMASKED 0x3002          /* RFLAGS3 & ~PROBE_GUEST_FMASK & ~RFLAGS_STATUS */
#define RFLAGS3_NO_IF   0x3407          /* after an interrupt gate: TF NT RF VM IF are clear */

#define RFLAGS_STATUS   (X86_RFLAGS_CF | X86_RFLAGS_PF | X86_RFLAGS_AF | \
			 X86_RFLAGS_ZF | X86_RFLAGS_SF | X86_RFLAGS_OF)

/* In the order of the stack, lowest address first. */
static void compare_frame(struct probe *p, unsigned first, const uint8_t *rip, uint64_t rflags, uint64_t rsp)
{
	probe_compare(p, "frame RIP", probe_stack(p, first), probe_address(rip));
	probe_compare(p, "CS", probe_stack(p, first + 1), PROBE_CS3);
	/* RF in the image of a fault is 1, of an INT 0 (SDM vol. 3B, 17.3.1.1): not looked at. */
	probe_compare(p, "RFLAGS", probe_stack(p, first + 2) & ~(uint64_t)X86_RFLAGS_RF, rflags);
	probe_compare(p, "RSP", probe_stack(p, first + 3), rsp);
	probe_compare(p, "SS", probe_stack(p, first + 4), PROBE_SS3);
}

static void ring0_selectors(struct probe *p)
{
	probe_start(p, probe_guest_selectors, 0);
	if (!probe_run_start(p, RUN_FREE, EXIT_HLT))
		return;
	probe_compare(p, "CS", p->s.gpr[GPR_RAX], PROBE_CS0);
	probe_compare(p, "SS", p->s.gpr[GPR_RDX], PROBE_SS0);
	probe_halted_at(p, probe_guest_selectors_end);
}

static bool run_syscall(struct probe *p)
{
	probe_start(p, probe_guest_syscall, 3);
	p->s.rflags = RFLAGS3;
	return probe_run_start(p, RUN_FREE, EXIT_HLT);
}

/* SDM vol. 2B SYSCALL: CS and SS from STAR, RCX the next RIP, R11 RFLAGS, CPL 0; RSP stays. */
static void syscall_from_ring3(struct probe *p)
{
	if (!run_syscall(p))
		return;
	probe_compare(p, "CS", p->s.gpr[GPR_RAX], PROBE_CS0);
	probe_compare(p, "SS", p->s.gpr[GPR_RDX], PROBE_SS0);
	probe_compare(p, "RCX", p->s.gpr[GPR_RCX], probe_address(probe_guest_syscall_next));
	probe_compare(p, "R11", p->s.gpr[GPR_R11], RFLAGS3);
	probe_halted_at(p, probe_guest_lstar_end);
	if (p->off)
		return;
	/* And as the host sees it, after what the guest itself read. */
	probe_compare(p, "sampled CS", p->s.cs.selector, PROBE_CS0);
	probe_compare(p, "SS", p->s.ss.selector, PROBE_SS0);
	probe_compare(p, "CPL", p->s.cpl, 0);
	probe_compare(p, "RSP", p->s.gpr[GPR_RSP], PROBE_RSP3);
}

/*
 * The status flags are not looked at: an emulator that loses them at SYSCALL
 * (QEMU's does) still shows every gate, and it is the checks that say so.
 */
static void rflags_under_fmask(struct probe *p)
{
	if (!run_syscall(p))
		return;
	probe_compare(p, "PUSHF", p->s.gpr[GPR_RBX] & ~(uint64_t)RFLAGS_STATUS, RFLAGS3_FMASKED);
	probe_compare(p, "RFLAGS", p->s.rflags & ~(uint64_t)RFLAGS_STATUS, RFLAGS3_FMASKED);
	probe_halted_at(p, probe_guest_lstar_end);
}

/* Ring 3 at probe_guest_ring3 reads its selectors, then its HLT takes #GP(0). */
static void compare_ring3(struct probe *p, uint64_t rsp)
{
	probe_compare(p, "CS", p->s.gpr[GPR_RAX], PROBE_CS3);
	probe_compare(p, "SS", p->s.gpr[GPR_RDX], PROBE_SS3);
	probe_halted_in_handler(p, X86_VECTOR_GP);
	if (p->off)
		return;
	probe_compare(p, "error", probe_stack(p, 0), 0);
	compare_frame(p, 1, probe_guest_ring3_halt, RFLAGS3, rsp);
}

/* SDM vol. 2B SYSRET: CS and SS from STAR, RIP from RCX, RFLAGS from R11; RSP stays. */
static void sysret_to_ring3(struct probe *p)
{
	probe_start(p, probe_guest_sysret, 0);
	p->s.gpr[GPR_RCX] = probe_address(probe_guest_ring3);
	p->s.gpr[GPR_R11] = RFLAGS3;
	p->s.gpr[GPR_RSP] = PROBE_RSP3;
	if (probe_run_start(p, RUN_FREE, EXIT_HLT))
		compare_ring3(p, PROBE_RSP3);
}

/* SDM vol. 3B, 17.3.1.4: a TF from R11 traps where SYSRET leads to, before the first instruction there. */
static void tf_from_sysret(struct probe *p)
{
	probe_start(p, probe_guest_sysret, 0);
	p->s.gpr[GPR_RCX] = probe_address(probe_guest_ring3);
	p->s.gpr[GPR_R11] = RFLAGS3 | X86_RFLAGS_TF;
	p->s.gpr[GPR_RSP] = PROBE_RSP3;
	if (!probe_run_start(p, RUN_FREE, EXIT_HLT))
		return;
	probe_halted_in_handler(p, X86_VECTOR_DB);
	if (!p->off)
		compare_frame(p, 0, probe_guest_ring3, RFLAGS3 | X86_RFLAGS_TF, PROBE_RSP3);
}

/* SDM vol. 3A, 6.14: five words on RSP0, SS null with the new CPL as RPL, an interrupt gate clears IF. */
static void int_from_ring3(struct probe *p)
{
	probe_start(p, probe_guest_int, 3);
	p->s.rflags = RFLAGS3;
	if (!probe_run_start(p, RUN_FREE, EXIT_HLT))
		return;
	probe_halted_in_handler(p, 0x2e);
	if (p->off)
		return;
	probe_compare(p, "CS", p->s.cs.selector, PROBE_CS0);
	probe_compare(p, "SS", p->s.ss.selector, 0);
	probe_compare(p, "CPL", p->s.cpl, 0);
	probe_compare(p, "RFLAGS", p->s.rflags, RFLAGS3_NO_IF);
	probe_compare(p, "RSP", p->s.gpr[GPR_RSP], PROBE_RSP0 - 5 * 8);
	compare_frame(p, 0, probe_guest_int_next, RFLAGS3, PROBE_RSP3);
}

static void iret_to_ring3(struct probe *p)
{
	probe_start(p, probe_guest_iret, 0);
	probe_push(p, PROBE_SS3);
	probe_push(p, PROBE_RSP3);
	probe_push(p, RFLAGS3);
	probe_push(p, PROBE_CS3);
	probe_push(p, probe_address(probe_guest_ring3));
	if (probe_run_start(p, RUN_FREE, EXIT_HLT))
		compare_ring3(p, PROBE_RSP3);
}

/* Two steps, one instruction each, in the ring that p->s is in. */
static bool two_steps(struct probe *p, uint16_t cs)
{
	if (!probe_run_start(p, RUN_STEP, EXIT_DEBUG))
		return false;
	probe_compare(p, "RIP", p->s.rip, probe_address(probe_guest_step_1));
	probe_compare(p, "CS", p->s.cs.selector, cs);
	if (!probe_run_on(p, RUN_STEP, EXIT_DEBUG))
		return false;
	probe_compare(p, "RIP", p->s.rip, probe_address(probe_guest_step_2));
	probe_compare(p, "RAX", p->s.gpr[GPR_RAX], 2);
	return !p->off;
}

static void step_ring0(struct probe *p)
{
	probe_start(p, probe_guest_step, 0);
	if (!two_steps(p, PROBE_CS0) || !probe_run_on(p, RUN_FREE, EXIT_HLT))
		return;
	probe_compare(p, "then RAX", p->s.gpr[GPR_RAX], 3);
	probe_halted_at(p, probe_guest_step_end);
}

static void step_ring3(struct probe *p)
{
	probe_start(p, probe_guest_step, 3);
	p->s.rflags = RFLAGS3 & ~X86_RFLAGS_CF & ~X86_RFLAGS_PF;
	if (!two_steps(p, PROBE_CS3) || !probe_run_on(p, RUN_FREE, EXIT_HLT))
		return;
	probe_halted_in_handler(p, X86_VECTOR_GP);
	if (p->off)
		return;
	/* INC made 3, so PF is set; the lent TF is gone. */
	compare_frame(p, 1, probe_guest_step_halt, RFLAGS3 & ~X86_RFLAGS_CF, PROBE_RSP3);
}

/* SDM vol. 3B, 17.3.1.1: before the instruction, with B0 in DR6. */
static void one_hardware_breakpoint(struct probe *p, unsigned ring)
{
	uint64_t at = probe_address(probe_guest_step_1);

	probe_start(p, probe_guest_step, ring);
	vm_breakpoints(p->vm, &at, 1);
	if (probe_run_start(p, RUN_FREE, EXIT_DEBUG)) {
		probe_compare(p, "RIP", p->exit.debug.pc, at);
		probe_compare(p, "DR6.B0", p->exit.debug.dr6 & 1, 1);
		probe_compare(p, "RAX", p->s.gpr[GPR_RAX], 1);
	}
	vm_breakpoints(p->vm, NULL, 0);
}

static void hardware_breakpoint(struct probe *p)
{
	one_hardware_breakpoint(p, 0);
	if (!p->off)
		one_hardware_breakpoint(p, 3);
}

static void one_software_breakpoint(struct probe *p, unsigned ring)
{
	probe_start(p, probe_guest_int3, ring);
	vm_intercept_int3(p->vm, true);
	if (probe_run_start(p, RUN_FREE, EXIT_DEBUG)) {
		probe_compare(p, "RIP", p->exit.debug.pc, probe_address(probe_guest_int3_at));
		probe_compare(p, "vector", p->exit.debug.exception, X86_VECTOR_BP);
	}
	vm_intercept_int3(p->vm, false);
}

static void software_breakpoint(struct probe *p)
{
	one_software_breakpoint(p, 0);
	if (!p->off)
		one_software_breakpoint(p, 3);
}

/* An exception that has no gate ends in shutdown; the guest can go on when it gets its IDT back. */
static void shutdown_keeps_registers(struct probe *p)
{
	const uint64_t rflags = RFLAGS3 & ~X86_RFLAGS_CF & ~X86_RFLAGS_PF;

	probe_start(p, probe_guest_step_halt, 3);       /* HLT in ring 3: #GP(0) */
	p->s.rflags = rflags;
	p->s.idtr.limit = 0;
	if (!probe_run_start(p, RUN_FREE, EXIT_SHUTDOWN))
		return;
	probe_compare(p, "RIP", p->s.rip, probe_address(probe_guest_step_halt));
	probe_compare(p, "CS", p->s.cs.selector, PROBE_CS3);
	probe_compare(p, "RSP", p->s.gpr[GPR_RSP], PROBE_RSP3);
	p->s.idtr.limit = p->base.idtr.limit;
	if (p->off || vm_set_state(p->vm, &p->s, VM_SREGS) < 0 || !probe_run_on(p, RUN_FREE, EXIT_HLT))
		return;
	probe_halted_in_handler(p, X86_VECTOR_GP);
	if (p->off)
		return;
	compare_frame(p, 1, probe_guest_step_halt, rflags, PROBE_RSP3);
	p->spoiled = false;
}

/* A write to a page that the guest may only read exits before it is done, and is done when allowed. */
static void write_protection(struct probe *p)
{
	probe_start(p, probe_guest_push, 3);
	if (vm_protect(p->vm, PROBE_RSP3 - 8) < 0) {
		probe_compare(p, "pages protected", 0, 1);
		return;
	}
	if (probe_run_start(p, RUN_FREE, EXIT_PROTECTED)) {
		probe_compare(p, "RIP", p->s.rip, probe_address(probe_guest_push));
		probe_compare(p, "RSP", p->s.gpr[GPR_RSP], PROBE_RSP3);
	}
	vm_unprotect(p->vm);
	if (p->off || !probe_run_on(p, RUN_FREE, EXIT_HLT))
		return;
	probe_halted_in_handler(p, X86_VECTOR_GP);
	if (!p->off)
		compare_frame(p, 1, probe_guest_push_halt, X86_RFLAGS_FIXED, PROBE_RSP3 - 8);
}

/* The write exits and does not reach the register; what the host answers is what RDMSR gives. */
static void wrmsr_and_rdmsr(struct probe *p)
{
	const uint64_t written = UINT64_C(0xfffff80012345678), answered = UINT64_C(0xfffff80076543210);
	uint64_t held = 0;

	probe_start(p, probe_guest_msr, 0);
	p->s.gpr[GPR_RCX] = X86_MSR_LSTAR;
	p->s.gpr[GPR_RAX] = written & UINT32_MAX;
	p->s.gpr[GPR_RDX] = written >> 32;
	if (!probe_run_start(p, RUN_FREE, EXIT_WRMSR))
		return;
	probe_compare(p, "MSR", p->exit.msr.index, X86_MSR_LSTAR);
	probe_compare(p, "value", p->exit.msr.value, written);
	vm_get_msr(p->vm, X86_MSR_LSTAR, &held);
	probe_compare(p, "LSTAR", held, p->base.msr.lstar);

	vm_answer_msr(p->vm, 0, false);
	if (!probe_run_on(p, RUN_FREE, EXIT_RDMSR))
		return;
	vm_answer_msr(p->vm, answered, false);
	if (!probe_run_on(p, RUN_FREE, EXIT_HLT))
		return;
	probe_compare(p, "read", p->s.gpr[GPR_RDX] << 32 | p->s.gpr[GPR_RAX], answered);
	probe_halted_at(p, probe_guest_msr_end);
}

static void msr_filter(struct probe *p)
{
	static const uint32_t lstar = X86_MSR_LSTAR;

	if (vm_trap_msrs(p->vm, &lstar, 1) < 0) {
		probe_compare(p, "filters set", 0, 1);
		return;
	}
	wrmsr_and_rdmsr(p);
	vm_trap_msrs(p->vm, NULL, 0);
}

const struct probe_row_test probe_row_tests[PROBE_ROWS] = {
	[PROBE_RING0_SELECTORS] = { "CS and SS in ring 0", true, ring0_selectors },
	[PROBE_SYSCALL] = { "SYSCALL from ring 3", true, syscall_from_ring3 },
	[PROBE_FMASK] = { "RFLAGS under FMASK", true, rflags_under_fmask },
	[PROBE_SYSRET] = { "SYSRET to ring 3", true, sysret_to_ring3 },
	[PROBE_SYSRET_TF] = { "TF from SYSRET", false, tf_from_sysret },
	[PROBE_INT] = { "INT n from ring 3", true, int_from_ring3 },
	[PROBE_IRET] = { "IRET to ring 3", true, iret_to_ring3 },
	[PROBE_STEP_RING0] = { "single-step in ring 0", true, step_ring0 },
	[PROBE_STEP_RING3] = { "single-step in ring 3", true, step_ring3 },
	[PROBE_HW_BREAKPOINT] = { "hardware breakpoint", false, hardware_breakpoint },
	[PROBE_SW_BREAKPOINT] = { "software breakpoint", false, software_breakpoint },
	[PROBE_SHUTDOWN] = { "registers at shutdown", false, shutdown_keeps_registers },
	[PROBE_PROTECTION] = { "write protection", false, write_protection },
	[PROBE_MSR_FILTER] = { "MSR filter", true, msr_filter },
};
