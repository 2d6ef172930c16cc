/*
 * The state of a processor as far as a system-call gate reads or changes it.
 * Plain values: this header knows neither KVM nor where a state came from.
 */
#ifndef MODEL_STATE_H
#define MODEL_STATE_H

#include <stdbool.h>
#include <stdint.h>

/* General registers in the order of their encodings (SDM vol. 2A, table 2-2). */
enum x86_gpr {
	GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI,
	GPR_R8, GPR_R9, GPR_R10, GPR_R11, GPR_R12, GPR_R13, GPR_R14, GPR_R15,
	GPR_COUNT
};

/* A segment register: the visible selector and the hidden part (SDM vol. 3A, 3.4.3). */
struct x86_segment {
	uint64_t base;
	uint32_t limit;         /* in bytes, scaled by G */
	uint8_t type;           /* 4 bits */
	uint8_t dpl;
	bool s, p, l, db, g;
	bool unusable;          /* loaded with a null selector */
	uint16_t selector;
};

struct x86_table {              /* GDTR, IDTR */
	uint64_t base;
	uint16_t limit;
};

/* The MSRs that decide where a gate leads. */
struct x86_gate_msrs {
	uint64_t star, lstar, cstar, fmask;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t kernel_gs_base;
};

/* What SYSCALL, SYSENTER ... find as the current sub-mode. */
enum x86_mode {
	MODE_REAL,              /* CR0.PE = 0 */
	MODE_32,                /* protected mode, EFER.LMA = 0 */
	MODE_COMPAT,            /* EFER.LMA = 1, CS.L = 0 */
	MODE_64                 /* EFER.LMA = 1, CS.L = 1 */
};

struct x86_state {
	uint64_t gpr[GPR_COUNT];
	uint64_t rip, rflags;
	struct x86_segment cs, ss, ds, es, fs, gs, tr, ldtr;
	struct x86_table gdtr, idtr;
	uint64_t cr0, cr2, cr3, cr4, efer;
	struct x86_gate_msrs msr;
	uint8_t cpl;            /* as the processor keeps it, not CS.RPL */
};

/* The sub-mode that CR0, EFER and CS.L make. */
static inline enum x86_mode x86_mode(const struct x86_state *s)
{
	if (!(s->cr0 & 1))
		return MODE_REAL;
	if (!(s->efer & (1 << 10)))
		return MODE_32;
	return s->cs.l ? MODE_64 : MODE_COMPAT;
}

/*
 * The address space that CR3 selects, without the bits that do not: PCID, or PWT
 * and PCD, lie below its address; legacy PAE's table is 32 bytes (SDM vol. 3A, 2.5, 4.10.1).
 */
static inline uint64_t x86_space_of(uint64_t cr3, bool is_long)
{
	return is_long ? cr3 & UINT64_C(0x7ffffffffffff000) : cr3 & ~UINT64_C(0x1f);
}

static inline uint64_t x86_space(const struct x86_state *s)
{
	return x86_space_of(s->cr3, s->efer & (1 << 10));
}

#endif
