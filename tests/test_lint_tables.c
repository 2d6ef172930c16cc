/*
 * Lint: the TSS and its stacks, SYSENTER, the page tables.
 */
#include "lint_support.h"

Test(tss, rsp0)
{
	good_kernel();
	fake_write64(TSS + X86_TSS64_RSP0, 0);
	enter();
	FOUND("B16/error");
	good_kernel();
	fake_write64(TSS + X86_TSS64_RSP0, UINT64_C(0x800000000000));
	enter();
	FOUND("B16/error");
	good_kernel();
	fake_write64(TSS + X86_TSS64_RSP0, 0x900000);
	enter();
	FOUND("B23/error");
}

/* RSP0 is each thread's. */
Test(tss, rsp0_of_a_later_thread)
{
	good_kernel();
	enter();
	pass(syscall_from(USER, USER_STACK));
	fake_write64(TSS + X86_TSS64_RSP0, 0);
	pass(sysret_to(USER + 2, USER_STACK, 8));
	FOUND("B16/error");
}

Test(tss, ist)
{
	good_kernel();
	fake_write64(TSS + X86_TSS64_IST1, 0);
	enter();
	FOUND("B16/error");
	good_kernel();
	kernel.tr.limit = 40;
	enter();
	FOUND("B16/error");
}

Test(tss, none)
{
	good_kernel();
	kernel.tr = (struct x86_segment){ .unusable = true };
	enter();
	FOUND("B16/error");
	good_kernel();
	kernel.tr = (struct x86_segment){ .unusable = true };
	kernel.idtr.limit = 0;
	enter();
	FOUND("");
}

/* --- a 32-bit kernel --- */

#define TSS32_SS0       0x10

static void kernel32(void)
{
	good_kernel_on(VENDOR_INTEL, EMULATOR_NONE);
	fake_write64(GDT + 0x08, KERNEL32);
	fake_write64(GDT + 0x18, USER32);
	fake_write32(TSS + X86_TSS32_ESP0, (uint32_t)KERNEL_STACK);
	fake_write32(TSS + X86_TSS32_SS0, TSS32_SS0);
	for (unsigned vector = 0; vector < 32; vector++)
		fake_write64(IDT + vector * 8, (HANDLERS & 0xffff) | 8u << 16 | UINT64_C(0x8e00) << 32 | HANDLERS >> 16 << 48);
	PUT(CODE, "\x51\x52" "\xfb" "\x0f\x35");        /* push ecx, edx; sti; sysexit */
	kernel.efer = 0;
	kernel.cr4 = 0;
	kernel.cs = segment(KERNEL32, 8);
	kernel.idtr.limit = 32 * 8 - 1;
	kernel.msr = (struct x86_gate_msrs){ .sysenter_cs = 8, .sysenter_eip = CODE, .sysenter_esp = KERNEL_STACK };
}

static void enter32(void)
{
	struct transition t = iret_to(USER, USER_STACK);

	t.gate.popped[1] = 0x1b;
	t.gate.operand_size = 4;
	t.gate.target.lo = USER32;
	t.after.cs = segment(USER32, 0x1b);
	pass(t);
}

Test(sysenter, clean)
{
	kernel32();
	enter32();
	FOUND("");
}

Test(sysenter, cs)
{
	kernel32();
	kernel.msr.sysenter_cs = 0;
	enter32();
	FOUND("B20/error");
	kernel32();
	kernel.msr.sysenter_cs = 0x10;
	enter32();
	FOUND("B20/error B20/error");
}

Test(sysenter, exit_rows)
{
	kernel32();
	fake_write64(GDT + 0x18, USER_DATA);
	fake_write64(GDT + 0x20, USER32);
	enter32();
	FOUND("B20/error");
	cr_assert_eq(last.value, 8);
	/* A kernel that goes back by IRET does not need them there. */
	kernel32();
	fake_write64(GDT + 0x18, USER_DATA);
	fake_write64(GDT + 0x20, USER32);
	PUT(CODE, "\x51\x52\xcf\xcf\xcf");
	enter32();
	FOUND("");
}

Test(sysenter, esp)
{
	kernel32();
	kernel.msr.sysenter_esp = 0;
	enter32();
	FOUND("B20/error");
	kernel32();
	kernel.msr.sysenter_esp = 0;
	PUT(CODE, "\x8b\x25\x00\x50\x10\x00" "\x0f\x35");       /* mov 105000h, esp; sysexit */
	enter32();
	FOUND("");
}

/* SYSEXIT to 64-bit code has rows of its own: SYSENTER_CS + 32 and + 40. */
static void sysexitq(bool has_rows)
{
	good_kernel_on(VENDOR_INTEL, EMULATOR_NONE);
	kernel.msr.sysenter_cs = 8;
	kernel.msr.sysenter_eip = HELPERS;
	kernel.msr.sysenter_esp = KERNEL_STACK;
	PUT(HELPERS, "\x48\x0f\x35");
	if (has_rows) {
		fake_write64(GDT + 0x28, USER64);
		fake_write64(GDT + 0x30, USER_DATA);
	}
	enter();
}

Test(sysenter, exit_rows_of_64_bit_code)
{
	sysexitq(false);
	FOUND("B20/error");
	cr_assert_eq(last.value, 8);
	sysexitq(true);
	FOUND("");
}

Test(sysenter, in_long_mode)
{
	struct transition t;

	good_kernel();
	kernel.msr.sysenter_cs = 8;
	kernel.msr.sysenter_eip = UINT64_C(0xffff800000001000);
	enter();
	FOUND("");                              /* Linux has it so on AMD, too */
	t = syscall_from(USER, USER_STACK);
	t.gate.kind = GATE_SYSENTER;
	lint_about(lint, &t, &view);
	FOUND("B20/error");
	cr_assert_str_eq(last.vendor, "amd");
}

Test(tss32, esp0_and_ss0)
{
	kernel32();
	fake_write32(TSS + X86_TSS32_ESP0, 0);
	enter32();
	FOUND("B16/error");
	kernel32();
	fake_write32(TSS + X86_TSS32_SS0, 0x20);
	enter32();
	FOUND("B16/error");
}

/* --- page tables --- */

static struct fake_page *page_of(uint64_t linear)
{
	return fake_page(linear);
}

Test(paging, lstar)
{
	good_kernel();
	kernel.msr.lstar = 0x900000;
	enter();
	FOUND("B23/error");
	cr_assert_eq(last.value, 0x900000);
	good_kernel();
	page_of(CODE)->map.nx = true;
	enter();
	FOUND("B23/error B23/error B23/error");   /* LSTAR, CSTAR, and the handlers in that page */
	good_kernel();
	kernel.cr4 |= X86_CR4_SMEP;
	page_of(CODE)->map.user = true;
	enter();
	FOUND("B23/error B23/error B23/error");
}

Test(paging, tables)
{
	good_kernel();
	kernel.idtr.base = 0x900000;
	enter();
	FOUND("B23/error");
	good_kernel();
	kernel.gdtr.base = 0x900000;
	enter();
	cr_assert_not_null(strstr(found, "B23/error"));
}

/* A page that #PF can bring in, where #PF has a stack. */
Test(paging, lazily)
{
	good_kernel();
	put_gate(X86_VECTOR_UD, 0x900000, 0);
	enter();
	FOUND("B23/warning");
	good_kernel();
	put_gate(X86_VECTOR_DF, 0x900000, 1);
	enter();
	FOUND("B23/error");
	good_kernel();
	kernel.msr.lstar = 0x900000;
	put_gate(X86_VECTOR_PF, HANDLERS, 1);
	enter();
	FOUND("B23/warning");
}

#define BLOCK_AWAY      UINT64_C(0x900000)      /* not mapped */
#define LOAD_CR3        "\x0f\x22\xd8"                                 /* mov %rax, %cr3 */

static void block_away(const char *code, size_t size)
{
	good_kernel();
	kernel.msr.kernel_gs_base = BLOCK_AWAY;
	put_code(CODE, code, size);
	enter();
}
#define AWAY(code)      block_away(code, sizeof(code) - 1)

Test(paging, what_the_entry_uses_first)
{
	AWAY(GOOD_ENTRY);
	FOUND("B23/error");
	cr_assert_eq(last.value, BLOCK_AWAY + 8);
	cr_assert_eq(last.rip, CODE + 3);
	/* Seen once it has loaded the page tables of the kernel. */
	AWAY(SWAPGS LOAD_CR3 SAVE_RSP LOAD_RSP PUSH_SAVED PUSH_RETURN R10_TO_RCX CALL POP_RETURN POP_RSP SWAPGS
	     SYSRETQ);
	FOUND("");
	/* mov %rsp, 900000h */
	good_kernel();
	PUT(CODE, "\x48\x89\x24\x25\x00\x00\x90\x00" "\x48\xc7\xc4\x00\x40\x10\x00" PUSH_RETURN R10_TO_RCX SYSRETQ);
	enter();
	FOUND("B23/error");
}

Test(paging, user_page)
{
	good_kernel();
	page_of(USER)->map.user = false;
	enter();
	FOUND("B24/error");
	cr_assert_eq(last.expected, last.value | X86_PTE_U);
	/* Its stack, if it is the kernel's and the program uses it: push %rax. */
	good_kernel();
	page_of(USER_STACK - 8)->map.user = false;
	enter();
	FOUND("");
	good_kernel();
	page_of(USER_STACK - 8)->map.user = false;
	PUT(USER, "\x50\xeb\xfd");
	enter();
	FOUND("B24/error");
	/* One that is not there yet is the kernel's to bring. */
	good_kernel();
	write_msrs();
	pass(iret_to(0x900000, USER_STACK));
	FOUND("");
}
