/*
 * One instruction of the guest, decoded as far as a watcher needs: is it a
 * gate, does it move TF, which memory does it name.
 */
#ifndef WATCH_INSN_H
#define WATCH_INSN_H

#include "model/model.h"

#include <stdbool.h>
#include <stdint.h>

#define INSN_MAX        15              /* bytes, SDM vol. 2A, 2.3.11 */
#define INSN_OPERANDS   5

enum {
	INSN_PUSHF = 1 << 0,            /* stores RFLAGS, TF among them */
	INSN_POPF = 1 << 1,             /* loads TF */
	INSN_HLT = 1 << 2,
	INSN_REP = 1 << 3,              /* a string instruction that TF stops at each turn */
	INSN_TABLES = 1 << 4,           /* moves the IDT, the GDT, the TSS, the LDT or the page tables */
	INSN_SHADOW = 1 << 5,           /* holds off traps until the instruction behind it has ended */
	INSN_PORT = 1 << 6,             /* IN, OUT and their string forms */
	INSN_DEBUG = 1 << 7,            /* MOV to or from a debug register */
	INSN_ICEBP = 1 << 8,            /* INT1: #DB without a reason in DR6 */
	INSN_ALONE = 1 << 9,            /* shows what a tracer moves (SIDT), has two ways on (XBEGIN), or KVM rewrites it (VMCALL) */
	INSN_CALL = 1 << 10,            /* near CALL: comes back as a rule */
	INSN_LOADS_TABLE = 1 << 11,     /* LGDT, LIDT, LTR, LLDT */
	INSN_PAUSE = 1 << 12,
};

/* Where the processor goes on, as far as the instruction alone says. */
enum flow_kind {
	FLOW_STOP,                      /* a gate, or what else must not run unwatched */
	FLOW_ON,                        /* behind it */
	FLOW_JUMP,                      /* to target: JMP, CALL */
	FLOW_FORK,                      /* to target, or behind it */
	FLOW_VALUE,                     /* to target, which was a register's value: not known beforehand */
	FLOW_POINTER                    /* to what memory[0] holds: near RET, JMP and CALL through memory */
};

/*
 * Memory that an instruction may touch, in one turn of a string instruction.
 * Never short, but for BT with an offset in a register, gathers and scatters.
 */
struct insn_memory {
	uint64_t linear;
	uint32_t size;
	bool write;
};

struct insn {
	uint8_t bytes[INSN_MAX];
	uint8_t length;                 /* 0: the bytes could not be fetched or decoded */
	uint8_t fetched;                /* the length, or the bytes that are enough to make it undefined */
	uint8_t operand_size;           /* 2, 4 or 8 */
	enum gate_kind gate;
	enum far_kind far;
	uint8_t vector;                 /* GATE_INT */
	bool far_in_memory;             /* GATE_FAR JMP and CALL: the pointer is memory[0] */
	uint16_t far_selector;          /* otherwise it is here */
	uint32_t far_offset;
	uint16_t far_release;           /* far RET n */
	unsigned flags;                 /* INSN_... */
	enum flow_kind flow;
	uint64_t target;                /* FLOW_JUMP, FLOW_FORK, FLOW_VALUE: RIP */
	uint8_t string_size;            /* INSN_REP: bytes an element */
	bool strays;                    /* names memory by a register that is none of RSP, RBP and RIP, without FS or GS */
	uint8_t rip_displacement;       /* where in it 32 bits are counted from RIP behind it; 0: none are */
	unsigned memory_count;
	struct insn_memory memory[INSN_OPERANDS];
};

/* Decode size bytes found at s->rip.  Always fills *i; an undecodable one has length 0 and gate GATE_NONE. */
void insn_decode(struct insn *i, const struct x86_state *s, const uint8_t *bytes, unsigned size);

#endif
