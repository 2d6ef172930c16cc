/*
 * A second kernel for the same bugs, unlike bug.h's in what a kernel may choose:
 * C, linked to the upper half, its GDT in Linux' order and built at run time
 * like all its tables, no SWAPGS and no per-CPU block, ring 3 entered by SYSRET
 * on 4 KiB pages, no handlers for faults: they end in a triple fault.
 *
 * A guest is one C file that sets some of the constants below and includes this.
 */
#ifndef CKERNEL_H
#define CKERNEL_H

#include "abi.h"
#include "mark.h"
#include "x86.h"

#include <stdint.h>

/*
 * selector     descriptor              pinned by
 *  08          ring 0 32-bit code      nothing
 *  10          ring 0 64-bit code      STAR[47:32]
 *  18          ring 0 data             STAR[47:32] + 8
 *  23          ring 3 32-bit code      STAR[63:48]
 *  2B          ring 3 data             STAR[63:48] + 8
 *  33          ring 3 64-bit code      STAR[63:48] + 16
 *  40          64-bit TSS, two rows
 */
enum { ROW_CODE32 = 1, ROW_CODE, ROW_DATA, ROW_USER32, ROW_USER_DATA, ROW_USER, ROW_TSS = 8, ROWS = 10 };

#ifndef SET_SCE
#define SET_SCE                 X86_EFER_SCE
#endif
#ifndef USER_DATA_ROW
#define USER_DATA_ROW           ROW_USER_DATA
#define USER_CODE_ROW           ROW_USER
#endif
#ifndef FMASK
#define FMASK                   (X86_RFLAGS_TF | X86_RFLAGS_IF | X86_RFLAGS_DF | X86_RFLAGS_NT | X86_RFLAGS_AC)
#endif
#ifndef RSP0
#define RSP0                    (uint64_t)kernel_stack_top
#endif
#ifndef IST_DB
#define IST_DB                  1
#endif
#ifndef PDE_FLAGS
#define PDE_FLAGS               (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#endif
#ifndef STACK_PTE_FLAGS
#define STACK_PTE_FLAGS         (X86_PTE_P | X86_PTE_W | X86_PTE_U)
#endif
#ifndef CSTAR
#define CSTAR                   (uint64_t)compat_entry
#endif
/* What else is set up, behind all of it. */
#ifndef OWN_SETUP
#define OWN_SETUP
#endif
/* The entry's move to the kernel's stack. */
#ifndef TO_KERNEL_STACK
#define TO_KERNEL_STACK         "	mov	kernel_rsp(%rip), %rsp\n"
#endif
/* The way out of SYSCALL and to ring 3 at first, with everything in its place. */
#ifndef SYSRET
#define SYSRET                  "sysretq"
#endif
/* The way out of INT 80h. */
#ifndef INT80_RETURN
#define INT80_RETURN            "	iretq\n"
#endif

#ifndef STAR
#define STAR                    ((uint64_t)(ROW_USER32 << 3 | 3) << 48 | (uint64_t)(ROW_CODE << 3) << 32)
#endif
#define UPPER_HALF              0xffffffff80000000
#define PHYSICAL(symbol)        ((uint64_t)(symbol) - UPPER_HALF)
#define USER_CODE_PAGE          0x400000        /* at the same physical address; the page behind it is not mapped */
#define USER_STACK_PAGE         0x402000

extern char syscall_entry[], compat_entry[], int80_entry[], stopped[], user[];
extern char kernel_stack_top[], spare_stack_top[], user_stack_top[];

typedef uint64_t page_table[512] __attribute__((aligned(X86_PAGE_SIZE)));
static page_table pml4, pdpt_low, directory_low, table_low, pdpt_high, directory_high;
static uint64_t gdt[ROWS], idt[256][2];
static struct {
	uint32_t reserved;
	uint64_t rsp[3], reserved2, ist[7], reserved3;
	uint16_t reserved4, iomap;
} __attribute__((packed)) tss;
_Static_assert(sizeof(tss) == X86_TSS64_SIZE, "the manuals' layout");
uint64_t kernel_rsp, user_rsp;

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	asm volatile("wrmsr" :: "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

/* Ring 3's two pages, and the kernel's 2 MiB. */
static void set_up_pages(void)
{
	pml4[0] = PHYSICAL(pdpt_low) | X86_PTE_P | X86_PTE_W | X86_PTE_U;
	pdpt_low[0] = PHYSICAL(directory_low) | X86_PTE_P | X86_PTE_W | X86_PTE_U;
	directory_low[USER_CODE_PAGE >> 21] = PHYSICAL(table_low) | PDE_FLAGS;
	table_low[USER_CODE_PAGE >> 12 & 511] = USER_CODE_PAGE | X86_PTE_P | X86_PTE_W | X86_PTE_U;
	table_low[USER_STACK_PAGE >> 12 & 511] = USER_STACK_PAGE | STACK_PTE_FLAGS;
	pml4[511] = PHYSICAL(pdpt_high) | X86_PTE_P | X86_PTE_W;
	pdpt_high[510] = PHYSICAL(directory_high) | X86_PTE_P | X86_PTE_W;
	directory_high[0] = X86_PTE_P | X86_PTE_W | X86_PTE_PS;
	asm volatile("mov %0, %%cr3" :: "r"(PHYSICAL(pml4)) : "memory");
}

struct table_register {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static uint64_t segment(unsigned access, unsigned dpl, unsigned flags)
{
	return X86_DESCRIPTOR(UINT64_C(0), UINT64_C(0xfffff), (uint64_t)(X86_DESC_P | X86_DESC_S | access | dpl << 5),
	                      (uint64_t)(X86_DESC_G | flags));
}

static void set_up_segments(void)
{
	struct table_register gdtr = { sizeof(gdt) - 1, (uint64_t)gdt };
	uint64_t base = (uint64_t)&tss;

	gdt[ROW_CODE32] = segment(X86_TYPE_CODE_ER, 0, X86_DESC_DB);
	gdt[ROW_CODE] = segment(X86_TYPE_CODE_ER, 0, X86_DESC_L);
	gdt[ROW_DATA] = segment(X86_TYPE_DATA_RW, 0, X86_DESC_DB);
	gdt[ROW_USER32] = segment(X86_TYPE_CODE_ER, 3, X86_DESC_DB);
	gdt[USER_DATA_ROW] = segment(X86_TYPE_DATA_RW, 3, X86_DESC_DB);
	gdt[USER_CODE_ROW] = segment(X86_TYPE_CODE_ER, 3, X86_DESC_L);
	gdt[ROW_TSS] = X86_DESCRIPTOR(base & 0xffffffff, (uint64_t)sizeof(tss) - 1,
	                              (uint64_t)(X86_DESC_P | X86_TYPE_TSS_AVAILABLE), UINT64_C(0));
	gdt[ROW_TSS + 1] = base >> 32;
	tss.rsp[0] = RSP0;
	tss.ist[0] = tss.ist[1] = tss.ist[2] = (uint64_t)spare_stack_top;
	tss.iomap = sizeof(tss);
	asm volatile("lgdt %0\n"
	             "	pushq	%1\n"
	             "	lea	1f(%%rip), %%rax\n"
	             "	push	%%rax\n"
	             "	lretq\n"
	             "1:	mov	%2, %%ss\n"
	             "	mov	%3, %%ds\n"
	             "	mov	%3, %%es\n"
	             "	ltr	%4\n"
	             :: "m"(gdtr), "i"(ROW_CODE << 3), "r"(ROW_DATA << 3), "r"(0), "r"((uint16_t)(ROW_TSS << 3))
	             : "rax", "memory");
}

static void gate(unsigned vector, const char *handler, unsigned dpl, unsigned ist)
{
	uint64_t to = (uint64_t)handler;

	idt[vector][0] = (to & 0xffff) | (uint64_t)(ROW_CODE << 3) << 16 | (uint64_t)ist << 32 |
	                 (uint64_t)(X86_DESC_P | X86_TYPE_INTERRUPT_GATE | dpl << 5) << 40 | (to >> 16 & 0xffff) << 48;
	idt[vector][1] = to >> 32;
}

static void set_up_interrupts(void)
{
	struct table_register idtr = { sizeof(idt) - 1, (uint64_t)idt };

	gate(X86_VECTOR_DB, stopped, 0, IST_DB);
	gate(X86_VECTOR_NMI, stopped, 0, 2);
	gate(X86_VECTOR_MC, stopped, 0, 3);
	gate(0x80, int80_entry, 3, 0);
	asm volatile("lidt %0" :: "m"(idtr));
}

static void set_up_syscall(void)
{
	wrmsr(X86_MSR_EFER, rdmsr(X86_MSR_EFER) | SET_SCE);
	wrmsr(X86_MSR_STAR, STAR);
	wrmsr(X86_MSR_LSTAR, (uint64_t)syscall_entry);
	wrmsr(X86_MSR_CSTAR, CSTAR);
	wrmsr(X86_MSR_FMASK, FMASK);
	kernel_rsp = (uint64_t)kernel_stack_top;
}

_Noreturn static void leave(uint32_t code)
{
	for (;;)
		asm volatile("out %0, %1" :: "a"(code), "i"(ABI_PORT_EXIT));
}

/* Service 0: the guest ends with code a.  Service 1: the sum of a numbers from 1, and deep in the stack. */
__attribute__((noinline)) static long sum(long n)
{
	volatile char deep[64] = { 0 };

	return n ? n + sum(n - 1) + deep[n & 63] : 0;
}

long dispatch(long number, long a);
long dispatch(long number, long a)
{
	if (!number)
		leave((uint32_t)a);
	return sum(a);
}

_Noreturn void kernel(void);
_Noreturn void kernel(void)
{
	set_up_pages();
	set_up_segments();
	set_up_interrupts();
	set_up_syscall();
	OWN_SETUP;
	asm volatile("mov %0, %%r11d\n"
	             "	mov	%1, %%rsp\n"
	             "	" SYSRET "\n"
	             :: "i"(X86_RFLAGS_IF | X86_RFLAGS_FIXED), "r"((uint64_t)user_stack_top), "c"((uint64_t)user)
	             : "r11", "memory");
	__builtin_unreachable();
}

#include "centry.h"

#endif
