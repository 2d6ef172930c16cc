/*
 * GDT, IDT, the three TSSs, KPCR and the kernel's stacks, complete in the
 * image.  The addresses inside descriptors come in pieces from guest32.ld.
 */
#include "layout.h"
#include "nt32.h"
#include "x86.h"

#define STACK_SIZE              0x1000
#define SMALL_STACK_SIZE        0x400
#define DPL3                    X86_DESC_DPL3
#define CODE                    (X86_DESC_P | X86_DESC_S | X86_TYPE_CODE_ER)
#define DATA                    (X86_DESC_P | X86_DESC_S | X86_TYPE_DATA_RW)
#define TSS                     (X86_DESC_P | X86_TYPE_TSS_AVAILABLE)
#define FLAGS_32                (X86_DESC_G | X86_DESC_DB)

/* A byte-granular descriptor from the pieces of its base. */
#define PIECES(limit, prefix, access, flags)				\
	.short	(limit), prefix##_address_15_0;				\
	.byte	prefix##_address_23_16, access, (flags) << 4, prefix##_address_31_24

	.data
	.balign	16
/* nt32.h says what pins each row. */
OBJECT(KiGdt)
	.quad	0
	.org	KiGdt + KGDT32_R0_CODE
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE, FLAGS_32)
	.org	KiGdt + KGDT32_R0_DATA
	.quad	X86_DESCRIPTOR(0, 0xfffff, DATA, FLAGS_32)
	.org	KiGdt + KGDT32_R3_CODE
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE | DPL3, FLAGS_32)
	.org	KiGdt + KGDT32_R3_DATA
	.quad	X86_DESCRIPTOR(0, 0xfffff, DATA | DPL3, FLAGS_32)
	.org	KiGdt + KGDT32_TSS
	PIECES(X86_TSS32_SIZE - 1, tss, TSS, 0)
	.org	KiGdt + KGDT32_R0_PCR
	PIECES(KPCR32_SIZE - 1, pcr, DATA, X86_DESC_DB)
	.org	KiGdt + KGDT32_R3_TEB
	.quad	X86_DESCRIPTOR(TEB_ADDRESS, 0xfff, DATA | DPL3, X86_DESC_DB)
	.org	KiGdt + KGDT32_DF_TSS
	PIECES(X86_TSS32_SIZE - 1, df_tss, TSS, 0)
	.org	KiGdt + KGDT32_NMI_TSS
	PIECES(X86_TSS32_SIZE - 1, nmi_tss, TSS, 0)
	.org	KiGdt + KGDT32_SIZE
END(KiGdt)

	.balign	16
OBJECT(KiTss)
	.org	KiTss + X86_TSS32_ESP0
	.long	KiThread0StackTop - NT32_NPX_FRAME_LENGTH - TF32_V86_SIZE
	.long	KGDT32_R0_DATA
	.org	KiTss + X86_TSS32_IOMAP
	.short	X86_TSS32_SIZE			/* beyond the limit: no port is open to ring 3 */
END(KiTss)

/* The state in which a task gate starts its handler: nothing of it depends on what was interrupted. */
#define TASK(name, handler, stack)					\
	.balign	16;							\
	OBJECT(name);							\
	.org	name + X86_TSS32_CR3;					\
	.long	KiPageDirectory - PTE_BASE + PAGE_TABLES, handler, X86_RFLAGS_FIXED; \
	.org	name + X86_TSS32_ESP;					\
	.long	stack;							\
	.org	name + X86_TSS32_ES;					\
	.long	KGDT32_R3_DATA | NT_RPL_USER, KGDT32_R0_CODE, KGDT32_R0_DATA; \
	.long	KGDT32_R3_DATA | NT_RPL_USER, KGDT32_R0_PCR, 0;		\
	.org	name + X86_TSS32_IOMAP;					\
	.short	X86_TSS32_SIZE;						\
	END(name)
TASK(KiDoubleFaultTss, KiDoubleFaultAbort, double_fault_stack_top)
TASK(KiNmiTss, KiNmiInterrupt, nmi_stack_top)

	.balign	16
OBJECT(KiInitialPCR)
	.long	-1				/* NtTib.ExceptionList: none before KiInitThreads */
	.org	KiInitialPCR + KPCR32_TEB
	.long	KiUserTeb, KiInitialPCR, KiInitialPCR + KPCR32_PRCB
	.org	KiInitialPCR + KPCR32_IDT
	.long	KiIdt, KiGdt, KiTss
	.short	1, 1				/* MajorVersion, MinorVersion of the structure */
	.long	1				/* SetMember */
	.org	KiInitialPCR + KPCR32_PRCB
	.short	1, 1
	.long	KiThreads, 0, KiThreads + KTHREAD32_SIZE	/* current, next, idle */
	.org	KiInitialPCR + KPCR32_PRCB + KPRCB32_DPC_LIST_HEAD
1:	.long	1b, 1b
	.org	KiInitialPCR + KPCR32_SIZE
END(KiInitialPCR)

/* Gates (SDM vol. 3A, figure 6-2): interrupt from the pieces of an address, and task. */
#define GATE(low, high, dpl)						\
	.short	low, KGDT32_R0_CODE;					\
	.byte	0, X86_DESC_P | (dpl) | X86_TYPE_INTERRUPT_GATE;	\
	.short	high
#define TASK_GATE(selector)						\
	.short	0, selector;						\
	.byte	0, X86_DESC_P | X86_TYPE_TASK_GATE;			\
	.short	0

	.section .rodata, "a"
	.balign	16
OBJECT(KiIdt)
	.set	vector, 0
	.rept	256
	.set	dpl, 0
	.if	vector == X86_VECTOR_BP || vector == X86_VECTOR_OF || \
		(vector >= NT32_VECTOR_FIRST_USER && vector <= NT_VECTOR_SYSTEM_SERVICE)
	.set	dpl, DPL3
	.endif
	.if	vector == X86_VECTOR_DF
	TASK_GATE(KGDT32_DF_TSS)
	.elseif	vector == X86_VECTOR_NMI
	TASK_GATE(KGDT32_NMI_TSS)
	.elseif	vector == NT_VECTOR_SYSTEM_SERVICE
	GATE(system_service_15_0, system_service_31_16, dpl)
	.else
	GATE(trap_address_15_0 + 16 * vector, trap_address_31_16, dpl)
	.endif
	.set	vector, vector + 1
	.endr
END(KiIdt)

OBJECT(KiGdtRegister)
	.short	KGDT32_SIZE - 1
	.long	KiGdt
END(KiGdtRegister)
OBJECT(KiIdtRegister)
	.short	256 * 8 - 1
	.long	KiIdt
END(KiIdtRegister)

#define STACK(name, size)       OBJECT(name) .skip size; END(name); .globl name##Top; name##Top:

	.bss
	.balign	X86_PAGE_SIZE
STACK(KiThread0Stack, STACK_SIZE)
STACK(KiThread1Stack, STACK_SIZE)
STACK(KiBootStack, STACK_SIZE)
STACK(KiSysenterStack, SMALL_STACK_SIZE)
	.skip	SMALL_STACK_SIZE
double_fault_stack_top:
	.skip	SMALL_STACK_SIZE
nmi_stack_top:

	.section .note.GNU-stack, "", @progbits
