/*
 * Where guest32.elf lies in memory, and the services and handles that are ours
 * alone.  guest32.ld places the sections by the same numbers and asserts that
 * they agree; pagetables.S maps them.  Safe to include from assembly.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

/* Kernel: linear = physical + base. */
#define KERNEL_BASE             0x80000000

/* Where the page directory maps itself: its own entries, as on Windows without PAE. */
#define PTE_BASE                0xc0000000
#define PDE_BASE                0xc0300000

/* Physical addresses and sizes in pages, in the order of pagetables.S. */
#define KERNEL_TEXT             0x100000
#define KERNEL_TEXT_PAGES       12
#define KERNEL_RODATA           0x10c000
#define KERNEL_RODATA_PAGES     4
#define KERNEL_DATA             0x110000
#define KERNEL_DATA_PAGES       10
#define PAGE_TABLES             0x120000        /* mapped at PTE_BASE */
#define SHARED_DATA             0x13f000        /* KUSER_SHARED_DATA */
#define USER_TEXT               0x400000        /* linear = physical */
#define USER_TEXT_PAGES         4
#define USER_DATA               0x404000
#define USER_DATA_PAGES         4
#define TEB_PHYSICAL            0x13e000
#define TEB_ADDRESS             0x7ffde000      /* of a process's first thread, as on Windows 2000 and XP */

/* The handle of the debug port, open from the start.  Its form is a console handle's. */
#define CONSOLE_HANDLE          7

/* Services with numbers that Windows does not give them. */
#define GUEST_SET_SYSTEM_CALL   0x191           /* 1: KiFastSystemCall, 0: KiIntSystemCall */
#define GUEST_SET_SYSENTER_CS   0x192           /* write MSR 174h */
#define GUEST_HIDE_SEGMENTS     0x193           /* 1: clear GDT rows 08, 10 and 18; 0: put them back */
#define NT_SERVICE_LIMIT        0x194
#define NT_USER_GET_THREAD      0x1000
#define W32_SERVICE_LIMIT       W32_32_LIMIT

/* A vector without DPL 3, for an INT n that must fail: #GP(30h * 8 + 2). */
#define VECTOR_PRIVILEGED       0x30

#ifdef __ASSEMBLER__
/* A global function or object with its type and size, ended by END. */
#define FUNCTION(name)          .globl name; .type name, @function; name:
#define OBJECT(name)            .globl name; .type name, @object; name:
#define END(name)               .size name, . - name

/* After a fault at FROM the code goes on at TO. */
#define RECOVER(from, to)       .pushsection .extable, "a"; .long from, to; .popsection
#endif

#endif
