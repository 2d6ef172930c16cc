/*
 * What the torture guest and the program that feeds it share: where things
 * lie in guest memory, the GDT, and a case with its outcome.  Safe to include
 * from assembly.
 *
 * A case is one instruction with everything that decides its outcome.  The
 * guest takes the caller's state with IRETQ, and the instruction runs at a
 * known place.  Wherever that leads, the next instruction faults: its frame,
 * on a stack of its own, holds the state behind the gate, exactly.
 */
#ifndef TORTURE_H
#define TORTURE_H

#include "x86.h"

#define TORTURE_PORT            0xf5            /* OUT: the batch is done; the next one may be filled in */

/* Guest memory, physical and (but for the aliases) linear. */
#define TORTURE_MEMORY          0x1000000
#define TORTURE_STUBS           0x100000        /* the exceptions' handlers, one after the other, */
#define TORTURE_STUB_SIZE       16
#define TORTURE_IMAGE_END       0x200000
#define TORTURE_BLOCK           0x400000        /* three pages open to every ring: targets, INT n, the rest */
#define TORTURE_BLOCK_SIZE      0x3000
#define TORTURE_STACKS          0x500000        /* stacks open to every ring */
#define TORTURE_STACKS_SIZE     0x10000
#define TORTURE_OBSERVER_TOP    0x520000        /* where the handlers of exceptions push, by IDT, */
#define TORTURE_OBSERVER_STEP   0x10000         /* each so far from the one before */
#define TORTURE_CONTROL         0x600000        /* struct torture_control */
#define TORTURE_CASES           0x800000        /* the batch: struct torture_record */
#define TORTURE_BATCH           4096

/* The block once more: at the end of the lower half, in the upper half, and at the end of 4 GiB. */
#define TORTURE_BLOCK_TOP       0x00007fffffffd000
#define TORTURE_BLOCK_HIGH      0xffffffff80400000
#define TORTURE_BLOCK_4G        0xffffd000
/* The stacks once more, where the upper half begins. */
#define TORTURE_STACKS_HIGH     0xffff800000000000

/*
 * In the block, each slot of 16 bytes.  A target is a load from an address
 * that is not mapped, and so is what stands behind an instruction: the page
 * fault's CR2 tells 64-bit code, where this address has 64 bits, from other
 * code, where it has 32; its error code tells ring 3.  The last instruction,
 * SYSCALL, ends the block.
 */
#define TORTURE_NOT_MAPPED_LOW  0x00700000
#define TORTURE_NOT_MAPPED_HIGH 0x00005555
#define TORTURE_SLOT            16
#define TORTURE_TARGETS         0x0000
#define TORTURE_TARGET_COUNT    256
#define TORTURE_INTS            0x1000          /* INT n at slot n */
#define TORTURE_INSNS           0x2000          /* enum torture_insn's instructions at its slots */
#define TORTURE_EDGE            0x2ffe          /* SYSCALL in the last two bytes */

#ifdef __ASSEMBLER__
#define TORTURE_X(name, number) .set TORTURE_##name, number;
#else
#define TORTURE_X(name, number) TORTURE_##name = number,
enum torture_insn {
#endif
	TORTURE_X(SYSCALL, 0)
	TORTURE_X(SYSRETL, 1)
	TORTURE_X(SYSRETQ, 2)
	TORTURE_X(SYSENTER, 3)
	TORTURE_X(SYSEXITL, 4)
	TORTURE_X(SYSEXITQ, 5)
	TORTURE_X(INT3, 6)
	TORTURE_X(INTO, 7)
	TORTURE_X(IRETW, 8)
	TORTURE_X(IRETD, 9)
	TORTURE_X(IRETQ, 10)
	TORTURE_X(SWAPGS, 11)
	TORTURE_X(WRMSR, 12)
	TORTURE_X(RDMSR, 13)
	TORTURE_X(RETFW, 14)
	TORTURE_X(RETFD, 15)
	TORTURE_X(RETFQ, 16)
	TORTURE_X(INT, 17)
#ifndef __ASSEMBLER__
	TORTURE_INSN_COUNT
};
#endif
#undef TORTURE_X

/*
 * The GDT: access byte, flags nibble; flat unless SMALL says that the limit is
 * FFFFFh bytes, short of every target.  The handlers of exceptions run on 08
 * and 10.  Rows of 16 bytes are followed by one for their upper half.
 */
#define TORTURE_CODE64(dpl)     TORTURE_FLAT(0x9b | (dpl) << 5, 0xa)
#define TORTURE_CODE32(dpl)     TORTURE_FLAT(0x9b | (dpl) << 5, 0xc)
#define TORTURE_DATA(dpl)       TORTURE_FLAT(0x93 | (dpl) << 5, 0xc)
#define TORTURE_FLAT(access, flags) X86_DESCRIPTOR(0ull, 0xfffffull, (access) + 0ull, (flags) + 0ull)
#define TORTURE_SMALL(access, flags) X86_DESCRIPTOR(0ull, 0xfffffull, (access) + 0ull, ((flags) & 7) + 0ull)
#define TORTURE_GDT                                                                     \
	0,                                                                              \
	TORTURE_CODE64(0), TORTURE_DATA(0), TORTURE_CODE32(0),          /* 08 10 18 */  \
	TORTURE_CODE64(1), TORTURE_DATA(1), TORTURE_CODE32(1),          /* 20 28 30 */  \
	TORTURE_CODE64(2), TORTURE_DATA(2), TORTURE_CODE32(2),          /* 38 40 48 */  \
	TORTURE_CODE64(3), TORTURE_DATA(3), TORTURE_CODE32(3),          /* 50 58 60 */  \
	/* Conforming: 68 70, and 32-bit 78 80. */                                      \
	TORTURE_FLAT(0x9f, 0xa), TORTURE_FLAT(0xff, 0xa),                               \
	TORTURE_FLAT(0x9f, 0xc), TORTURE_FLAT(0xff, 0xc),                               \
	/* L and D both set: 88 90; not present: 98 A0 A8, data B0 B8. */               \
	TORTURE_FLAT(0x9b, 0xe), TORTURE_FLAT(0xfb, 0xe),                               \
	TORTURE_FLAT(0x1b, 0xa), TORTURE_FLAT(0x7b, 0xa), TORTURE_FLAT(0x7b, 0xc),      \
	TORTURE_FLAT(0x13, 0xc), TORTURE_FLAT(0x73, 0xc),                               \
	/* Read-only data C0 C8. */                                                     \
	TORTURE_FLAT(0x91, 0xc), TORTURE_FLAT(0xf1, 0xc),                               \
	/* Not yet accessed: 64-bit code D0 D8, 32-bit E0 E8, data F0 F8. */            \
	TORTURE_FLAT(0x9a, 0xa), TORTURE_FLAT(0xfa, 0xa),                               \
	TORTURE_FLAT(0x9a, 0xc), TORTURE_FLAT(0xfa, 0xc),                               \
	TORTURE_FLAT(0x92, 0xc), TORTURE_FLAT(0xf2, 0xc),                               \
	/* Execute-only 100 108; a limit short of the targets 110 118. */               \
	TORTURE_FLAT(0x99, 0xa), TORTURE_FLAT(0xf9, 0xc),                               \
	TORTURE_SMALL(0x9b, 0x4), TORTURE_SMALL(0xfb, 0x4),                             \
	/* An LDT 120, a call gate 130, the TSS 140, a type that is none 150. */        \
	X86_DESCRIPTOR(0ull, 0xfffull, 0x82ull, 0x0ull), 0,                             \
	0x0000ec0000080000ull, 0,                                                       \
	X86_DESCRIPTOR(0ull + TORTURE_TSS, X86_TSS64_SIZE - 1ull, 0x89ull, 0x0ull), 0,  \
	X86_DESCRIPTOR(0ull, 0ull, 0x80ull, 0x0ull)
#define TORTURE_GDT_ROWS        43
#define TORTURE_TSS             0x610000
#define TORTURE_SELECTOR_TSS    0x140
#define TORTURE_SELECTOR_CODE   0x08
#define TORTURE_SELECTOR_DATA   0x10

#ifndef __ASSEMBLER__
#include <stdint.h>

/* What decides a case.  Registers in the order of their encodings. */
struct torture_case {
	uint64_t gpr[16];               /* the caller's */
	uint64_t rip, rflags;
	uint64_t star, lstar, cstar, fmask, sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t gs_base, kernel_gs_base;
	uint64_t efer;
	uint64_t tss[10];               /* RSP0-2, IST1-7 */
	uint64_t gate[2];               /* of INT n */
	uint64_t frame[5];              /* the bytes at RSP, for IRET and far RET */
	uint16_t cs, ss;                /* the caller's */
	uint8_t insn;                   /* enum torture_insn */
	uint8_t vector;                 /* INT n, INT3, INTO */
	uint8_t observer;               /* exceptions are delivered on IST 7 (0) or IST 1 (1) */
	uint8_t has_gate, has_frame;    /* which of the above are put into memory */
	uint8_t reserved[3];
};

/* What was there when the next exception's handler began. */
struct torture_outcome {
	uint64_t gpr[16];               /* RSP: the handler's, on entry */
	uint64_t rflags;                /* the handler's */
	uint64_t vector;                /* by the handler that ran */
	uint64_t frame[6];              /* the words from RSP up */
	uint64_t pushed[5];             /* the words at the RSP that the frame holds, when those are stacks */
	uint64_t cr2;
	uint64_t gs_base, kernel_gs_base;
	uint64_t msr;                   /* the MSR that RCX of the case names, after WRMSR */
	uint64_t cs_descriptor;         /* in the GDT: of the CS and SS that the frame holds; 0: none */
	uint64_t ss_descriptor;
	uint16_t cs, ss;                /* the handler's */
	uint8_t has_pushed;
	uint8_t reserved[3];
};

struct torture_record {
	struct torture_case in;
	struct torture_outcome out;
};

/* Which cases of the batch are to be run; the guest counts next up. */
struct torture_control {
	uint64_t next, end;
};
#endif

#endif
