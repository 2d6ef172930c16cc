/*
 * Where guest.elf lies in memory, and the numbers of services that are ours
 * alone.  guest.ld places the sections by the same numbers and asserts that
 * they agree; pagetables.S maps them.  Safe to include from assembly.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

/* Kernel and 64-bit user images: linear = physical + base, as everything but the 32-bit image. */
#define KERNEL_BASE             0xfffff80000000000
#define USER64_BASE             0x7ff800000000

/* Physical addresses and sizes in pages, in the order of pagetables.S. */
#define KERNEL_TEXT             0x100000
#define KERNEL_TEXT_PAGES       8
#define KERNEL_RODATA           0x108000
#define KERNEL_RODATA_PAGES     4
#define KERNEL_DATA             0x10c000
#define KERNEL_DATA_PAGES       12
#define PAGE_TABLES             0x120000        /* not mapped once they are in use */
#define SHARED_DATA             0x13f000        /* KUSER_SHARED_DATA */
#define USER64_TEXT             0x140000
#define USER64_TEXT_PAGES       4
#define USER64_DATA             0x144000
#define USER64_DATA_PAGES       8
#define USER32_TEXT             0x400000        /* linear = physical */
#define USER32_TEXT_PAGES       1
#define USER32_DATA             0x401000
#define USER32_DATA_PAGES       3

/* Services with numbers that Windows does not give them. */
#define NT_DISPLAY_STRING       0x1c0
#define GUEST_SET_SYSTEM_CALL   0x1c1           /* write KUSER_SHARED_DATA.SystemCall */
#define NT_SERVICE_LIMIT        0x1d0
#define W32_SERVICE_LIMIT       0x004

/* An MSR that no processor has, in the range that is left to hypervisors. */
#define MSR_UNIMPLEMENTED       0x40000fff

/* A vector without DPL 3, for an INT n that must fail: #GP(20h * 8 + 2). */
#define VECTOR_PRIVILEGED       0x20

/* TurboThunkDispatch: how many thunks, and the one that takes over from 32-bit code. */
#define TURBO_THUNKS            32
#define TURBO_RETURN            31

#ifdef __ASSEMBLER__
/* A global function or object with its type and size, ended by END. */
#define FUNCTION(name)          .globl name; .type name, @function; name:
#define OBJECT(name)            .globl name; .type name, @object; name:
#define END(name)               .size name, . - name

/* After a fault at FROM the code goes on at TO. */
#define RECOVER(from, to)       .pushsection .extable, "a"; .quad from, to; .popsection
#endif

#endif
