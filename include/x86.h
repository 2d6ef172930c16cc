/*
 * What Intel and AMD define: bits, numbers and layouts of the processor, under
 * the manuals' own names.  Nothing that this project chose belongs here (that
 * is abi.h), nor anything of Windows (nt.h).  Safe to include from assembly;
 * constants have neither casts nor suffixes, so that gas and C read the same.
 *
 * SDM = Intel 64 and IA-32 Architectures Software Developer's Manual
 * APM = AMD64 Architecture Programmer's Manual
 */
#ifndef X86_H
#define X86_H

#define X86_BIT(n)              (1 << (n))

/* RFLAGS, SDM vol. 1, 3.4.3. */
#define X86_RFLAGS_CF           X86_BIT(0)
#define X86_RFLAGS_FIXED        X86_BIT(1)      /* always reads as one */
#define X86_RFLAGS_PF           X86_BIT(2)
#define X86_RFLAGS_AF           X86_BIT(4)
#define X86_RFLAGS_ZF           X86_BIT(6)
#define X86_RFLAGS_SF           X86_BIT(7)
#define X86_RFLAGS_TF           X86_BIT(8)
#define X86_RFLAGS_IF           X86_BIT(9)
#define X86_RFLAGS_DF           X86_BIT(10)
#define X86_RFLAGS_OF           X86_BIT(11)
#define X86_RFLAGS_IOPL         (3 << 12)
#define X86_RFLAGS_IOPL_SHIFT   12
#define X86_RFLAGS_NT           X86_BIT(14)
#define X86_RFLAGS_RF           X86_BIT(16)
#define X86_RFLAGS_VM           X86_BIT(17)
#define X86_RFLAGS_AC           X86_BIT(18)
#define X86_RFLAGS_VIF          X86_BIT(19)
#define X86_RFLAGS_VIP          X86_BIT(20)
#define X86_RFLAGS_ID           X86_BIT(21)

/* Control registers, SDM vol. 3A, 2.5. */
#define X86_CR0_PE              X86_BIT(0)
#define X86_CR0_MP              X86_BIT(1)
#define X86_CR0_TS              X86_BIT(3)
#define X86_CR0_ET              X86_BIT(4)
#define X86_CR0_NE              X86_BIT(5)
#define X86_CR0_WP              X86_BIT(16)
#define X86_CR0_PG              0x80000000
#define X86_CR4_PSE             X86_BIT(4)
#define X86_CR4_PAE             X86_BIT(5)
#define X86_CR4_MCE             X86_BIT(6)
#define X86_CR4_OSFXSR          X86_BIT(9)
#define X86_CR4_OSXMMEXCPT      X86_BIT(10)
#define X86_CR4_LA57            X86_BIT(12)
#define X86_CR4_SMEP            X86_BIT(20)
#define X86_CR4_SMAP            X86_BIT(21)
#define X86_CR4_CET             X86_BIT(23)

/* Model-specific registers, SDM vol. 4, table 2-2. */
#define X86_MSR_TSC             0x10
#define X86_MSR_SYSENTER_CS     0x00000174
#define X86_MSR_SYSENTER_ESP    0x00000175
#define X86_MSR_SYSENTER_EIP    0x00000176
#define X86_MSR_EFER            0xc0000080
#define X86_MSR_STAR            0xc0000081
#define X86_MSR_LSTAR           0xc0000082
#define X86_MSR_CSTAR           0xc0000083
#define X86_MSR_FMASK           0xc0000084
#define X86_MSR_FS_BASE         0xc0000100
#define X86_MSR_GS_BASE         0xc0000101
#define X86_MSR_KERNEL_GS_BASE  0xc0000102

#define X86_EFER_SCE            X86_BIT(0)      /* SYSCALL enable */
#define X86_EFER_LME            X86_BIT(8)      /* long mode enable */
#define X86_EFER_LMA            X86_BIT(10)     /* long mode active */
#define X86_EFER_NXE            X86_BIT(11)     /* no-execute enable */

/* CPUID: SDM vol. 2A, table 3-11; APM vol. 3, E.4.2. */
#define X86_CPUID1_EDX_SEP      X86_BIT(11)     /* SYSENTER and SYSEXIT */
#define X86_CPUID7_EBX_SMAP     X86_BIT(20)
#define X86_CPUID80000001_EDX_SYSCALL X86_BIT(11)

/* Selectors, SDM vol. 3A, 3.4.2: index in bits 15:3, TI in 2, RPL in 1:0. */
#define X86_SELECTOR_RPL        3
#define X86_SELECTOR_TI         4
#define X86_SELECTOR_INDEX      0xfff8

/* Exception vectors, SDM vol. 3A, table 6-1. */
#define X86_VECTOR_DE           0
#define X86_VECTOR_DB           1
#define X86_VECTOR_NMI          2
#define X86_VECTOR_BP           3
#define X86_VECTOR_OF           4
#define X86_VECTOR_BR           5
#define X86_VECTOR_UD           6
#define X86_VECTOR_NM           7
#define X86_VECTOR_DF           8
#define X86_VECTOR_TS           10
#define X86_VECTOR_NP           11
#define X86_VECTOR_SS           12
#define X86_VECTOR_GP           13
#define X86_VECTOR_PF           14
#define X86_VECTOR_MF           16
#define X86_VECTOR_AC           17
#define X86_VECTOR_MC           18
#define X86_VECTOR_XM           19
#define X86_VECTOR_VE           20
#define X86_VECTOR_CP           21
#define X86_VECTOR_VC           29              /* AMD, SEV-ES guests alone: APM vol. 2, 15.35.5 */
#define X86_VECTOR_COUNT        32              /* reserved for exceptions */
#define X86_VECTOR_COUNT_ALL    256

/* Vectors that push an error code: 8, 10-14, 17, 21 (SDM vol. 3A, 6.13), and AMD's 29, 30. */
#define X86_VECTORS_WITH_ERROR  0x60227d00

/* Page table entries, SDM vol. 3A, 4.5. */
#define X86_PTE_P               0x001
#define X86_PTE_W               0x002
#define X86_PTE_U               0x004
#define X86_PTE_A               0x020
#define X86_PTE_D               0x040
#define X86_PTE_PS              0x080
#define X86_PTE_NX              0x8000000000000000
#define X86_PAGE_SIZE           0x1000

/* Segment and gate descriptors: access byte (SDM vol. 3A, 3.4.5 and 6.14.1). */
#define X86_DESC_P              0x80
#define X86_DESC_DPL3           0x60
#define X86_DESC_S              0x10            /* code or data, not system */
#define X86_TYPE_DATA_RW        0x03            /* read/write, accessed */
#define X86_TYPE_CODE_ER        0x0b            /* execute/read, accessed */
#define X86_TYPE_LDT            0x02
#define X86_TYPE_TASK_GATE      0x05
#define X86_TYPE_TSS_AVAILABLE  0x09
#define X86_TYPE_TSS_BUSY       0x0b
#define X86_TYPE_CALL_GATE      0x0c
#define X86_TYPE_INTERRUPT_GATE 0x0e
#define X86_TYPE_TRAP_GATE      0x0f
#define X86_DESC_G              0x8             /* the flags nibble: granularity, */
#define X86_DESC_DB             0x4             /* default operand size, */
#define X86_DESC_L              0x2             /* 64-bit code */

/*
 * A code, data or 32-bit system descriptor as one 64-bit value.
 * access is the byte at offset 5; flags the high nibble of the byte at offset 6.
 */
#define X86_DESCRIPTOR(base, limit, access, flags)              \
	((((base) & 0xff000000) << 32) | (((base) & 0xffffff) << 16) | \
	 (((limit) & 0xf0000) << 32) | ((limit) & 0xffff) |     \
	 ((access) << 40) | ((flags) << 52))

/* The 64-bit TSS, SDM vol. 3A, figure 7-11: offsets of the stacks. */
#define X86_TSS64_RSP0          4
#define X86_TSS64_IST1          36
#define X86_TSS64_IOMAP         102
#define X86_TSS64_SIZE          104

/* The 32-bit TSS, SDM vol. 3A, figure 7-2: what a stack switch and a task gate take from it. */
#define X86_TSS32_ESP0          4
#define X86_TSS32_SS0           8
#define X86_TSS32_CR3           28
#define X86_TSS32_EIP           32
#define X86_TSS32_EFLAGS        36
#define X86_TSS32_ESP           56
#define X86_TSS32_ES            72              /* ES, CS, SS, DS, FS, GS: a dword each */
#define X86_TSS32_IOMAP         102
#define X86_TSS32_SIZE          104

#endif
