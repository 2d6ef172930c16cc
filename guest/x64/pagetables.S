/*
 * The page tables, complete in the image, so that nothing is filled at run
 * time: two address spaces with one kernel half.  Knows layout.h and nothing
 * of what the pages hold.
 *
 *  linear            native  wow64
 *  00400000          -       USER32_TEXT, USER32_DATA        ring 3
 *  7FFE0000          SHARED_DATA, read-only                  ring 3
 *  7FF8'00140000     USER64_TEXT, USER64_DATA                ring 3
 *  FFFFF780'00000000 SHARED_DATA, writable                   ring 0
 *  FFFFF800'00100000 KERNEL_TEXT, _RODATA, _DATA             ring 0
 */
#include "layout.h"
#include "nt.h"
#include "x86.h"

#define PHYSICAL(table)         table - KERNEL_BASE
#define TABLE_KERNEL            (X86_PTE_P | X86_PTE_W)
#define TABLE_USER              (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define KERNEL_RX               (X86_PTE_P | X86_PTE_A)
#define KERNEL_RO               (X86_PTE_P | X86_PTE_A | X86_PTE_NX)
#define KERNEL_RW               (X86_PTE_P | X86_PTE_A | X86_PTE_D | X86_PTE_W | X86_PTE_NX)
#define USER_RX                 (X86_PTE_P | X86_PTE_A | X86_PTE_U)
#define USER_RO                 (X86_PTE_P | X86_PTE_A | X86_PTE_U | X86_PTE_NX)
#define USER_RW                 (X86_PTE_P | X86_PTE_A | X86_PTE_D | X86_PTE_U | X86_PTE_W | X86_PTE_NX)

/* Entry INDEX of a table; TABLE_END fills the rest of its page. */
#define ENTRY(table, index, value)      .org table + 8 * (index); .quad value
#define TABLE(table)                    .balign X86_PAGE_SIZE; OBJECT(table)
#define TABLE_END(table)                .org table + X86_PAGE_SIZE; END(table)

	.macro	pages physical, count, flags
	.set	page, \physical
	.rept	\count
	.quad	page + \flags
	.set	page, page + X86_PAGE_SIZE
	.endr
	.endm

	.section .tables, "aw"

TABLE(KiNativePml4)
	ENTRY(KiNativePml4, 0, PHYSICAL(pdpt_low_native) + TABLE_USER)
	ENTRY(KiNativePml4, 0x0ff, PHYSICAL(pdpt_user64) + TABLE_USER)
	ENTRY(KiNativePml4, 0x1ef, PHYSICAL(pdpt_shared) + TABLE_KERNEL)
	ENTRY(KiNativePml4, 0x1f0, PHYSICAL(pdpt_kernel) + TABLE_KERNEL)
TABLE_END(KiNativePml4)

TABLE(KiWow64Pml4)
	ENTRY(KiWow64Pml4, 0, PHYSICAL(pdpt_low_wow64) + TABLE_USER)
	ENTRY(KiWow64Pml4, 0x0ff, PHYSICAL(pdpt_user64) + TABLE_USER)
	ENTRY(KiWow64Pml4, 0x1ef, PHYSICAL(pdpt_shared) + TABLE_KERNEL)
	ENTRY(KiWow64Pml4, 0x1f0, PHYSICAL(pdpt_kernel) + TABLE_KERNEL)
TABLE_END(KiWow64Pml4)

TABLE(pdpt_low_native)
	ENTRY(pdpt_low_native, 1, PHYSICAL(pd_shared_user) + TABLE_USER)
TABLE_END(pdpt_low_native)

TABLE(pdpt_low_wow64)
	ENTRY(pdpt_low_wow64, 0, PHYSICAL(pd_user32) + TABLE_USER)
	ENTRY(pdpt_low_wow64, 1, PHYSICAL(pd_shared_user) + TABLE_USER)
TABLE_END(pdpt_low_wow64)

TABLE(pd_user32)
	ENTRY(pd_user32, 2, PHYSICAL(pt_user32) + TABLE_USER)
TABLE_END(pd_user32)

TABLE(pt_user32)
	pages	USER32_TEXT, USER32_TEXT_PAGES, USER_RX
	pages	USER32_DATA, USER32_DATA_PAGES, USER_RW
TABLE_END(pt_user32)

TABLE(pd_shared_user)
	ENTRY(pd_shared_user, 0x1ff, PHYSICAL(pt_shared_user) + TABLE_USER)
TABLE_END(pd_shared_user)

TABLE(pt_shared_user)
	ENTRY(pt_shared_user, 0x1e0, SHARED_DATA + USER_RO)
TABLE_END(pt_shared_user)

TABLE(pdpt_user64)
	ENTRY(pdpt_user64, 0x1e0, PHYSICAL(pd_user64) + TABLE_USER)
TABLE_END(pdpt_user64)

TABLE(pd_user64)
	ENTRY(pd_user64, 0, PHYSICAL(pt_user64) + TABLE_USER)
TABLE_END(pd_user64)

TABLE(pt_user64)
	.org	pt_user64 + 8 * 0x140
	pages	USER64_TEXT, USER64_TEXT_PAGES, USER_RX
	pages	USER64_DATA, USER64_DATA_PAGES, USER_RW
TABLE_END(pt_user64)

TABLE(pdpt_shared)
	ENTRY(pdpt_shared, 0, PHYSICAL(pd_shared) + TABLE_KERNEL)
TABLE_END(pdpt_shared)

TABLE(pd_shared)
	ENTRY(pd_shared, 0, PHYSICAL(pt_shared) + TABLE_KERNEL)
TABLE_END(pd_shared)

TABLE(pt_shared)
	ENTRY(pt_shared, 0, SHARED_DATA + KERNEL_RW)
TABLE_END(pt_shared)

TABLE(pdpt_kernel)
	ENTRY(pdpt_kernel, 0, PHYSICAL(pd_kernel) + TABLE_KERNEL)
TABLE_END(pdpt_kernel)

TABLE(pd_kernel)
	ENTRY(pd_kernel, 0, PHYSICAL(pt_kernel) + TABLE_KERNEL)
TABLE_END(pd_kernel)

TABLE(pt_kernel)
	.org	pt_kernel + 8 * 0x100
	pages	KERNEL_TEXT, KERNEL_TEXT_PAGES, KERNEL_RX
	pages	KERNEL_RODATA, KERNEL_RODATA_PAGES, KERNEL_RO
	pages	KERNEL_DATA, KERNEL_DATA_PAGES, KERNEL_RW
TABLE_END(pt_kernel)

/* For the assertions of guest.ld. */
#define LAYOUT(name, value)             .globl name; .set name, value
	LAYOUT(layout_kernel_base, KERNEL_BASE)
	LAYOUT(layout_user64_base, USER64_BASE)
	LAYOUT(layout_tables, PAGE_TABLES)
	LAYOUT(layout_shared, SHARED_DATA)
	LAYOUT(layout_text, KERNEL_TEXT)
	LAYOUT(layout_text_size, KERNEL_TEXT_PAGES * X86_PAGE_SIZE)
	LAYOUT(layout_rodata, KERNEL_RODATA)
	LAYOUT(layout_rodata_size, KERNEL_RODATA_PAGES * X86_PAGE_SIZE)
	LAYOUT(layout_data, KERNEL_DATA)
	LAYOUT(layout_data_size, KERNEL_DATA_PAGES * X86_PAGE_SIZE)
	LAYOUT(layout_user64_text, USER64_TEXT)
	LAYOUT(layout_user64_text_size, USER64_TEXT_PAGES * X86_PAGE_SIZE)
	LAYOUT(layout_user64_data, USER64_DATA)
	LAYOUT(layout_user64_data_size, USER64_DATA_PAGES * X86_PAGE_SIZE)
	LAYOUT(layout_user32_text, USER32_TEXT)
	LAYOUT(layout_user32_text_size, USER32_TEXT_PAGES * X86_PAGE_SIZE)
	LAYOUT(layout_user32_data, USER32_DATA)
	LAYOUT(layout_user32_data_size, USER32_DATA_PAGES * X86_PAGE_SIZE)

	.section .shared, "aw"
/* KUSER_SHARED_DATA as ring 0 sees it; the members that this guest has a use for. */
OBJECT(SharedUserData)
	.org	SharedUserData + KUSER_NT_BUILD_NUMBER
	.long	19045					/* NtBuildNumber */
	.org	SharedUserData + KUSER_NT_MAJOR_VERSION
	.long	10, 0					/* NtMajorVersion, NtMinorVersion */
	.org	SharedUserData + KUSER_QPC_FREQUENCY
	.quad	10000000				/* QpcFrequency */
	.long	0					/* SystemCall */
	.org	SharedUserData + X86_PAGE_SIZE
END(SharedUserData)

	.section .note.GNU-stack, "", @progbits
