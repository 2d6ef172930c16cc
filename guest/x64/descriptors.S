/*
 * GDT, IDT, TSS, KPCR and the kernel's stacks, complete in the image.  The
 * addresses inside descriptors come in pieces from guest.ld.
 */
#include "layout.h"
#include "nt.h"
#include "x86.h"

#define STACK_SIZE              0x1000
#define SMALL_STACK_SIZE        0x800
#define DPL3                    X86_DESC_DPL3
#define CODE                    (X86_DESC_P | X86_DESC_S | X86_TYPE_CODE_ER)
#define DATA                    (X86_DESC_P | X86_DESC_S | X86_TYPE_DATA_RW)
#define FLAGS_CODE64            (X86_DESC_G | X86_DESC_L)
#define FLAGS_32                (X86_DESC_G | X86_DESC_DB)

	.data
	.balign	16
/* nt.h says what pins each row. */
OBJECT(KiGdt)
	.quad	0
	.org	KiGdt + KGDT64_R0_CODE
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE, FLAGS_CODE64)
	.org	KiGdt + KGDT64_R0_DATA
	.quad	X86_DESCRIPTOR(0, 0xfffff, DATA, FLAGS_32)
	.org	KiGdt + KGDT64_R3_CMCODE
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE | DPL3, FLAGS_32)
	.org	KiGdt + KGDT64_R3_DATA
	.quad	X86_DESCRIPTOR(0, 0xfffff, DATA | DPL3, FLAGS_32)
	.org	KiGdt + KGDT64_R3_CODE
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE | DPL3, FLAGS_CODE64)
	.org	KiGdt + KGDT64_SYS_TSS
	.short	X86_TSS64_SIZE - 1, tss_address_15_0
	.byte	tss_address_23_16, X86_DESC_P | X86_TYPE_TSS_AVAILABLE, 0, tss_address_31_24
	.long	tss_address_63_32, 0
	.org	KiGdt + KGDT64_R3_CMTEB		/* byte granular: limit is that of TEB32 */
	.short	TEB32_SIZE - 1, teb32_address_15_0
	.byte	teb32_address_23_16, DATA | DPL3, X86_DESC_DB << 4, teb32_address_31_24
	.org	KiGdt + KGDT64_SIZE
END(KiGdt)

	.balign	16
OBJECT(KiTss)
	.long	0
	.quad	KiThread0StackTop		/* RSP0: replaced when a process starts */
	.org	KiTss + X86_TSS64_IST1
	.quad	double_fault_stack_top		/* NT_IST_DOUBLE_FAULT, */
	.quad	nmi_stack_top			/* NT_IST_NMI, */
	.quad	machine_check_stack_top		/* NT_IST_MACHINE_CHECK */
	.org	KiTss + X86_TSS64_IOMAP
	.short	X86_TSS64_SIZE			/* beyond the limit: no port is open to ring 3 */
END(KiTss)

	.balign	16
OBJECT(KiInitialPcr)
	.quad	KiGdt, KiTss, 0, KiInitialPcr, KiInitialPcr + KPCR_PRCB
	.org	KiInitialPcr + KPCR_IDT_BASE
	.quad	KiIdt
	.org	KiInitialPcr + KPCR_CURRENT_THREAD
	.quad	KiThreads
	.org	KiInitialPcr + KPCR_RSP_BASE
	.quad	KiThread0StackTop
	.org	KiInitialPcr + KPCR_SIZE
END(KiInitialPcr)

/* An interrupt gate (SDM vol. 3A, figure 6-8) from the pieces of an address. */
#define GATE(low, middle, high, dpl, ist)			\
	.short	low, KGDT64_R0_CODE;				\
	.byte	ist, X86_DESC_P | (dpl) | X86_TYPE_INTERRUPT_GATE; \
	.short	middle;						\
	.long	high, 0

	.section .rodata, "a"
	.balign	16
OBJECT(KiIdt)
	.set	vector, 0
	.rept	256
	.set	dpl, 0
	.set	ist, 0
	.if	vector == X86_VECTOR_BP || vector == X86_VECTOR_OF || vector == NT_VECTOR_SYSTEM_SERVICE
	.set	dpl, DPL3
	.endif
	.if	vector == X86_VECTOR_DF
	.set	ist, NT_IST_DOUBLE_FAULT
	.endif
	.if	vector == X86_VECTOR_NMI
	.set	ist, NT_IST_NMI
	.endif
	.if	vector == X86_VECTOR_MC
	.set	ist, NT_IST_MACHINE_CHECK
	.endif
	.if	vector == NT_VECTOR_SYSTEM_SERVICE
	GATE(system_service_15_0, system_service_31_16, system_service_63_32, dpl, ist)
	.else
	GATE(trap_address_15_0 + 16 * vector, trap_address_31_16, trap_address_63_32, dpl, ist)
	.endif
	.set	vector, vector + 1
	.endr
END(KiIdt)

OBJECT(KiGdtRegister)
	.short	KGDT64_SIZE - 1
	.quad	KiGdt
END(KiGdtRegister)
OBJECT(KiIdtRegister)
	.short	256 * 16 - 1
	.quad	KiIdt
END(KiIdtRegister)

#define STACK(name, size)       OBJECT(name) .skip size; END(name); .globl name##Top; name##Top:

	.bss
	.balign	X86_PAGE_SIZE
STACK(KiThread0Stack, STACK_SIZE)
STACK(KiThread1Stack, STACK_SIZE)
STACK(KiBootStack, STACK_SIZE)
	.skip	SMALL_STACK_SIZE
double_fault_stack_top:
	.skip	SMALL_STACK_SIZE
nmi_stack_top:
	.skip	SMALL_STACK_SIZE
machine_check_stack_top:

	.section .note.GNU-stack, "", @progbits
