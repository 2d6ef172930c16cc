/*
 * What the guests of this directory share: a small 64-bit kernel with every
 * gate as it should be, and two threads in ring 3.  Each guest replaces one
 * piece of it: a constant (the #ifndefs below) or some lines of code (OWN_...),
 * marked as mark.h says.
 */
#ifndef BUG_H
#define BUG_H

#include "abi.h"
#include "mark.h"
#include "x86.h"

#define IMAGE                   0x200000        /* kernel.  The 2 MiB below are not mapped */
#define USER_IMAGE              0x400000

/*
 * selector     descriptor              pinned by
 *  08          ring 0 64-bit code      STAR[47:32]
 *  10          ring 0 data             STAR[47:32] + 8
 *  1B          ring 3 32-bit code      STAR[63:48]
 *  23          ring 3 data             STAR[63:48] + 8
 *  2B          ring 3 64-bit code      STAR[63:48] + 16
 *  30          64-bit TSS, two rows
 */
#define CS0                     0x08
#define DS0                     0x10
#define CS3_32                  0x1b
#ifndef CS3                                     /* OWN_GDT: rows in another order */
#define DS3                     0x23
#define CS3                     0x2b
#endif
#ifndef TSS
#define TSS                     0x30
#endif

#define CODE0                   (X86_DESC_P | X86_DESC_S | X86_TYPE_CODE_ER)
#define DATA0                   (X86_DESC_P | X86_DESC_S | X86_TYPE_DATA_RW)
#define FLAT_CODE64(dpl)        X86_DESCRIPTOR(0, 0xfffff, CODE0 | (dpl) << 5, X86_DESC_G | X86_DESC_L)
#define FLAT_CODE32(dpl)        X86_DESCRIPTOR(0, 0xfffff, CODE0 | (dpl) << 5, X86_DESC_G | X86_DESC_DB)
#define FLAT_DATA(dpl)          X86_DESCRIPTOR(0, 0xfffff, DATA0 | (dpl) << 5, X86_DESC_G | X86_DESC_DB)

#ifndef STAR_HIGH
#define STAR_HIGH               (CS3_32 << 16 | CS0)
#endif
/* What must not reach ring 0. */
#define FMASK_ALL               (X86_RFLAGS_TF | X86_RFLAGS_IF | X86_RFLAGS_DF | X86_RFLAGS_IOPL | X86_RFLAGS_NT | \
                                 X86_RFLAGS_AC)
#ifndef FMASK
#define FMASK                   FMASK_ALL
#endif
#ifndef FMASK_HIGH
#define FMASK_HIGH              0
#endif
#ifndef EFER
#define EFER                    (X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA)
#endif
#ifndef CSTAR
#define CSTAR                   compat_entry
#endif
#ifndef KERNEL_GS
#define KERNEL_GS               percpu
#endif
#ifndef USER_GS
#define USER_GS                 0
#endif
#ifndef TSS_RSP0
#define TSS_RSP0                stack_a
#endif
#ifndef TSS_IST1
#define TSS_IST1                stack_df
#endif
#ifndef RESUME                                  /* out of an exception that was seen to */
#define RESUME                  iret_exit
#endif
#ifndef IST_DB
#define IST_DB                  3
#endif
#ifndef ENTRY_SECTION                           /* .entry: a page of its own, whose page table entry is ENTRY_PTE */
#define ENTRY_SECTION           .text
#endif
#ifndef PML4E_FLAGS
#define PML4E_FLAGS             (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#endif
#define FLAGS_USER              (X86_RFLAGS_IF | X86_RFLAGS_FIXED)

/* Per-CPU block, at GS in ring 0. */
#define CPU_KERNEL_RSP          0
#define CPU_USER_RSP            8               /* for the few instructions until it is on the thread's own stack */
#define CPU_THREAD              16
#define CPU_EXCEPTIONS          24

/* A thread. */
#define THREAD_RSP              0               /* where it left off */
#define THREAD_STACK            8               /* top of its kernel stack */
#define THREAD_NEXT             16

/* Services: RAX = number and result, RDI RSI RDX R10 = arguments; all but RAX RCX R11 are kept. */
#define SYS_EXIT                0               /* (code) */
#define SYS_SUM                 1               /* (a, b, c, d) = a + b + c + d */
#define SYS_YIELD               2               /* the other thread runs */
#define SYS_OWN                 3               /* a guest's own, with OWN_SERVICE: label own_service */

#ifndef NMI_HANDLER
#define NMI_HANDLER             paranoid
#endif
#ifndef DB_HANDLER
#define DB_HANDLER              paranoid
#endif

	.macro	stack name, size=512
	.balign	16
	.skip	\size
\name:
	.endm

	.macro	write_msr msr, low, high=0
	mov	$\msr, %ecx
	mov	$\low, %eax
	mov	$\high, %edx
	wrmsr
	.endm

#include "code.h"
#include "tables.h"
#include "user.h"

	.section .note.GNU-stack, "", @progbits
	.text

#endif
