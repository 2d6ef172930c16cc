/*
 * What the manuals say a gate does: a function of the vendor, the gate and
 * the state before it.  Pure: no I/O, no globals, no allocation, no KVM.
 * Nothing here is derived from an observation or from an emulator's source.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "state.h"

#include <stddef.h>

enum vendor { VENDOR_INTEL, VENDOR_AMD };

enum gate_kind {
	GATE_NONE,
	GATE_WRMSR, GATE_RDMSR, GATE_SWAPGS,
	GATE_SYSCALL, GATE_SYSRET, GATE_SYSENTER, GATE_SYSEXIT,
	GATE_INT,               /* INT n, INT3, INTO: through the IDT, by software */
	GATE_IRET,
	GATE_FAR,               /* far JMP, CALL, RET */
	GATE_FAULT,             /* an exception that the processor raised */
	GATE_KINDS
};

enum far_kind { FAR_JMP, FAR_CALL, FAR_RET };

/* A 16- or 8-byte descriptor as found in a table.  valid: it was inside the limit and readable. */
struct raw_descriptor {
	uint64_t lo, hi;        /* hi: only for 16-byte ones */
	bool valid;
};

/*
 * One gate about to be passed: the instruction and everything in memory that
 * it will read, sampled before it runs.
 */
struct gate {
	enum gate_kind kind;
	uint8_t length;                 /* of the instruction, in bytes */
	uint8_t operand_size;           /* 2, 4 or 8 bytes */
	enum far_kind far;              /* GATE_FAR */
	uint16_t far_selector;          /* GATE_FAR: the pointer it loads, */
	uint64_t far_offset;
	uint16_t far_release;           /* and for RET n, the bytes it releases */
	uint8_t vector;                 /* GATE_INT, GATE_FAULT */
	bool has_error;                 /* GATE_FAULT: an error code was found, */
	uint32_t error;                 /* this one */
	struct raw_descriptor idt;      /* GATE_INT, GATE_FAULT: the gate */
	struct raw_descriptor target;   /* INT, FAULT, IRET, FAR: what the new CS selector names */
	struct raw_descriptor target_ss;/* IRET, far RET outward: what the new SS selector names; */
	                                /* INT, FAULT inward by a 32-bit TSS: what tss_ss names */
	bool tss_valid;                 /* INT, FAULT: the stack was readable from the TSS */
	uint64_t tss_rsp;               /* RSPn or ISTn (or ESPn) that the gate selects */
	uint16_t tss_ss;                /* SSn, 32-bit TSS only */
	uint64_t popped[5];             /* IRET: RIP, CS, RFLAGS, RSP, SS; far RET: RIP, CS, and */
	                                /* from behind the far_release bytes RSP, SS */
	uint8_t popped_count;           /* how many of them could be read */
};

/* The fields of a state that a check can compare. */
enum field {
	FIELD_RIP, FIELD_RSP, FIELD_RFLAGS, FIELD_RCX, FIELD_R11, FIELD_CS, FIELD_SS,
	FIELD_CPL, FIELD_MODE,
	FIELD_CS_BASE, FIELD_CS_LIMIT, FIELD_CS_TYPE,   /* the hidden parts: type is the access byte */
	FIELD_SS_BASE, FIELD_SS_LIMIT, FIELD_SS_TYPE,   /* and flags, as x86_segment_access gives */
	FIELD_RAX, FIELD_RDX, FIELD_RBX, FIELD_RBP, FIELD_RSI, FIELD_RDI,
	FIELD_R8, FIELD_R9, FIELD_R10, FIELD_R12, FIELD_R13, FIELD_R14, FIELD_R15,
	FIELD_GS_BASE, FIELD_KERNEL_GS_BASE,
	FIELD_MSR,                                      /* the register that WRMSR wrote, read back */
	FIELD_FRAME_RIP, FIELD_FRAME_CS, FIELD_FRAME_RFLAGS, FIELD_FRAME_RSP, FIELD_FRAME_SS,
	FIELD_FRAME_ERROR,                              /* words pushed on the handler's stack */
	FIELD_VECTOR, FIELD_ERROR,                      /* a fault instead of the gate */
	FIELD_COUNT
};

#define FIELD_BIT(f) (UINT64_C(1) << (f))

/* The pushed frame, lowest address first: [error] RIP CS RFLAGS RSP SS. */
struct frame {
	uint64_t address;       /* linear, of the lowest word */
	uint8_t word_size;      /* 4 or 8 */
	uint8_t count;          /* words; 0: nothing was pushed */
	bool has_error;
	uint64_t error, rip, cs, rflags, rsp, ss;
};

/*
 * What the manual says.  Either fault (the instruction raises vector, with
 * error if has_error), or the state after.  Only fields whose bit is in
 * defined are said by the manual; rflags_defined says it bit by bit for
 * RFLAGS, frame_rflags_defined for the pushed image, and unsaid the other way
 * round for every field.  prediction_fields puts these together.
 *
 * may_fault: whether the gate faults depends on what a state does not hold
 * (is this MSR implemented?).  If it did, then with vector and error; if it
 * did not, then defined holds.
 */
struct prediction {
	bool fault;
	bool may_fault;
	bool fault_open;                /* nothing is said of how it faults, and without fault, of whether it does */
	uint8_t vector;
	bool has_error;
	uint32_t error;
	struct x86_state after;
	uint64_t defined;
	uint64_t rflags_defined;
	uint64_t frame_rflags_defined;
	uint64_t unsaid[FIELD_COUNT];   /* bits of a defined field that the manual leaves open */
	struct frame frame;
	uint64_t msr_value;             /* FIELD_MSR */
};

/* The manual's outcome of this gate.  kind GATE_NONE gives an empty prediction (defined = 0). */
struct prediction predict(enum vendor vendor, const struct gate *gate, const struct x86_state *before);
void predict_into(struct prediction *p, enum vendor vendor, const struct gate *gate, const struct x86_state *before);

/* An exception that ends in #DF when its delivery fails.  SDM vol. 3A, table 6-5; APM vol. 2, 8.2.9. */
bool can_become_double_fault(uint8_t vector);

/* The value of every field in a state.  Frame, MSR and vector fields are no part of one: 0. */
void x86_fields(const struct x86_state *s, uint64_t value[FIELD_COUNT]);
/*
 * What a prediction says of every field, of the state after, the frame, the MSR or the fault; and which bits of it it says,
 * none where it is not in defined.
 */
void prediction_fields(const struct prediction *p, uint64_t value[FIELD_COUNT], uint64_t mask[FIELD_COUNT]);
void frame_fields(const struct frame *frame, uint64_t value[FIELD_COUNT]);      /* FIELD_FRAME_... alone */

/* Where a manual says what field becomes: "SDM vol. 2B SYSCALL; APM vol. 3 SYSCALL".  Never NULL. */
const char *model_source(enum vendor vendor, enum gate_kind kind, enum field field);

/* The field's name as JSON has it: "rip", "cs", "frame.rip" ... */
const char *field_name(enum field f);

/* --- selector arithmetic (selectors.c) --- */

struct selector_pair { uint16_t cs, ss; };

/* SYSCALL: CS and SS from IA32_STAR.  SDM vol. 2B SYSCALL; APM vol. 3 SYSCALL. */
struct selector_pair star_syscall(uint64_t star);
/* SYSRET: operand_size 8 returns to 64-bit mode, otherwise to compatibility mode. */
struct selector_pair star_sysret(enum vendor vendor, uint64_t star, uint8_t operand_size);
/* SYSENTER, from IA32_SYSENTER_CS. */
struct selector_pair sysenter_selectors(uint64_t sysenter_cs);
/* SYSEXIT: operand_size 8 returns to 64-bit mode. */
struct selector_pair sysexit_selectors(uint64_t sysenter_cs, uint8_t operand_size);
/* SYSENTER and SYSEXIT fault with #GP(0) when this is false. */
bool sysenter_cs_usable(uint64_t sysenter_cs);

/* --- RFLAGS (rflags.c) --- */

/* After SYSCALL in long mode. */
uint64_t rflags_after_syscall(uint64_t rflags, uint64_t fmask);
/* After SYSRET in 64-bit mode with this R11. */
uint64_t rflags_after_sysret(uint64_t r11);
/* After delivery through an IDT gate; interrupt_gate clears IF too. */
uint64_t rflags_after_delivery(uint64_t rflags, bool interrupt_gate);
/* After IRET popped image with these CPL and IOPL before; operand_size 2, 4, 8. */
uint64_t rflags_after_iret(uint64_t rflags, uint64_t image, uint8_t cpl, uint8_t operand_size);

/* --- addresses and descriptors (canonical.c, descriptor.c) --- */

/* Bits 63:47 (63:56 with CR4.LA57) all equal.  SDM vol. 1, 3.3.7.1. */
bool is_canonical(uint64_t address, bool la57);

/* A code, data, TSS or LDT descriptor taken apart as the processor loads it. */
struct x86_segment segment_from_descriptor(struct raw_descriptor d, uint16_t selector);
/* Access byte in bits 7:0, flags nibble (G DB L AVL, AVL as 0) in bits 15:12. */
uint16_t segment_access(const struct x86_segment *s);
/* The hidden parts that SYSCALL, SYSRET, SYSENTER, SYSEXIT load without reading the GDT. */
struct x86_segment fixed_code_segment(uint16_t selector, uint8_t dpl, bool l);
struct x86_segment fixed_stack_segment(uint16_t selector, uint8_t dpl);

struct gate_descriptor {
	uint64_t offset;
	uint16_t selector;
	uint8_t type;           /* 5 is a task gate, E interrupt, F trap; S must be 0 */
	uint8_t dpl, ist;
	bool s, p;
};
/* An IDT gate: 16 bytes when long is set, 8 otherwise (offset then is 32 bits). */
struct gate_descriptor gate_from_descriptor(struct raw_descriptor d, bool is_long);

/*
 * Where in the TSS delivery through this gate finds its stack, for a handler
 * in the code segment target, entered from cpl.  width 8: RSPn or ISTn; 4:
 * ESPn with SSn behind it, at offset + 4; 0: the stack is not switched.
 * SDM vol. 3A, figures 7-2 and 7-11.
 */
struct stack_slot { uint16_t offset; uint8_t width; };
struct stack_slot delivery_stack_slot(const struct gate_descriptor *g, const struct x86_segment *target,
                                      uint8_t cpl, bool is_long);

#endif
