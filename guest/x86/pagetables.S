/*
 * The page tables, complete in the image and not PAE, so that nothing is filled
 * at run time; and the page of KUSER_SHARED_DATA.  Knows layout.h and nothing
 * of what the other pages hold.
 *
 *  linear    entry  physical
 *  00000000  000    all of the first 4 MiB, until KiSystemStartup runs high
 *  00400000  001    USER_TEXT, USER_DATA                  ring 3
 *  7FFDE000  1FF    TEB_PHYSICAL                          ring 3
 *  7FFE0000  1FF    SHARED_DATA, read-only                ring 3
 *  80100000  200    KERNEL_TEXT, _RODATA, _DATA           ring 0
 *  C0000000  300    these tables                          ring 0
 *  FFDF0000  3FF    SHARED_DATA, writable                 ring 0
 */
#include "layout.h"
#include "nt32.h"
#include "x86.h"

#define PHYSICAL(table)         table - PTE_BASE + PAGE_TABLES
#define TABLE_KERNEL            (X86_PTE_P | X86_PTE_W)
#define TABLE_USER              (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define KERNEL_RO               (X86_PTE_P | X86_PTE_A)
#define KERNEL_RW               (X86_PTE_P | X86_PTE_A | X86_PTE_D | X86_PTE_W)
#define USER_RO                 (X86_PTE_P | X86_PTE_A | X86_PTE_U)
#define USER_RW                 (X86_PTE_P | X86_PTE_A | X86_PTE_D | X86_PTE_U | X86_PTE_W)

/* Entry INDEX of a table; TABLE_END fills the rest of its page. */
#define ENTRY(table, index, value)      .org table + 4 * (index); .long value
#define TABLE(table)                    .balign X86_PAGE_SIZE; OBJECT(table)
#define TABLE_END(table)                .org table + X86_PAGE_SIZE; END(table)

	.macro	pages physical, count, flags
	.set	page, \physical
	.rept	\count
	.long	page + \flags
	.set	page, page + X86_PAGE_SIZE
	.endr
	.endm

	.section .tables, "aw"

TABLE(KiPageDirectory)
	ENTRY(KiPageDirectory, 0x000, PHYSICAL(table_kernel) + TABLE_KERNEL)
	ENTRY(KiPageDirectory, 0x001, PHYSICAL(table_user) + TABLE_USER)
	ENTRY(KiPageDirectory, 0x1ff, PHYSICAL(table_user_high) + TABLE_USER)
	ENTRY(KiPageDirectory, 0x200, PHYSICAL(table_kernel) + TABLE_KERNEL)
	ENTRY(KiPageDirectory, 0x300, PHYSICAL(KiPageDirectory) + TABLE_KERNEL)
	ENTRY(KiPageDirectory, 0x3ff, PHYSICAL(table_shared) + TABLE_KERNEL)
TABLE_END(KiPageDirectory)

TABLE(table_user)
	pages	USER_TEXT, USER_TEXT_PAGES, USER_RO
	pages	USER_DATA, USER_DATA_PAGES, USER_RW
TABLE_END(table_user)

TABLE(table_user_high)
	ENTRY(table_user_high, 0x3de, TEB_PHYSICAL + USER_RW)
	ENTRY(table_user_high, 0x3e0, SHARED_DATA + USER_RO)
TABLE_END(table_user_high)

TABLE(table_kernel)
	.org	table_kernel + 4 * 0x100
	pages	KERNEL_TEXT, KERNEL_TEXT_PAGES, KERNEL_RO
	pages	KERNEL_RODATA, KERNEL_RODATA_PAGES, KERNEL_RO
	pages	KERNEL_DATA, KERNEL_DATA_PAGES, KERNEL_RW
TABLE_END(table_kernel)

TABLE(table_shared)
	ENTRY(table_shared, 0x1f0, SHARED_DATA + KERNEL_RW)
TABLE_END(table_shared)

/* For the assertions of guest32.ld. */
#define LAYOUT(name, value)             .globl name; .set name, value
	LAYOUT(layout_kernel_base, KERNEL_BASE)
	LAYOUT(layout_tables, PAGE_TABLES)
	LAYOUT(layout_shared, SHARED_DATA)
	LAYOUT(layout_shared_kernel, NT32_SHARED_KERNEL)
	LAYOUT(layout_teb, TEB_PHYSICAL)
	LAYOUT(layout_teb_address, TEB_ADDRESS)
	LAYOUT(layout_text, KERNEL_TEXT)
	LAYOUT(layout_text_size, KERNEL_TEXT_PAGES * X86_PAGE_SIZE)
	LAYOUT(layout_rodata, KERNEL_RODATA)
	LAYOUT(layout_rodata_size, KERNEL_RODATA_PAGES * X86_PAGE_SIZE)
	LAYOUT(layout_data, KERNEL_DATA)
	LAYOUT(layout_data_size, KERNEL_DATA_PAGES * X86_PAGE_SIZE)
	LAYOUT(layout_user_text, USER_TEXT)
	LAYOUT(layout_user_text_size, USER_TEXT_PAGES * X86_PAGE_SIZE)
	LAYOUT(layout_user_data, USER_DATA)
	LAYOUT(layout_user_data_size, USER_DATA_PAGES * X86_PAGE_SIZE)

	.section .shared, "aw"
/* KUSER_SHARED_DATA as ring 0 sees it; KiSystemStartup chooses the two addresses at 300h. */
OBJECT(SharedUserData)
	.org	SharedUserData + KUSER_NT_MAJOR_VERSION
	.long	6, 1				/* NtMajorVersion, NtMinorVersion: Windows 7 */
	.org	SharedUserData + KUSER32_TEST_RET
	.quad	0xc3				/* TestRetInstruction */
	.long	0, 0				/* SystemCall, SystemCallReturn */
	.org	SharedUserData + X86_PAGE_SIZE
END(SharedUserData)

	.section .teb, "aw"
	.globl	KiUserTeb
	.type	KiUserTeb, @object
KiUserTeb:
	.long	-1				/* NtTib.ExceptionList */
	.org	KiUserTeb + TEB32_SELF
	.long	KiUserTeb
	.org	KiUserTeb + X86_PAGE_SIZE
END(KiUserTeb)

	.section .note.GNU-stack, "", @progbits
