/*
 * What the kernel shows before it starts the first process: the gate MSRs as
 * RDMSR returns them, an MSR that is not there, the two calling conventions of
 * document 004, and a gate passed on an unaligned stack.
 */
#include "kernel.h"
#include "layout.h"
#include "x86.h"

#define MSR(name) { X86_MSR_##name, sizeof(#name) - 1, #name " " }

static const struct {
	uint32_t index;
	uint8_t length;
	char name[19];
} shown_msrs[] = {
	MSR(EFER), MSR(STAR), MSR(LSTAR), MSR(CSTAR), MSR(FMASK), MSR(KERNEL_GS_BASE),
	MSR(SYSENTER_EIP),
};

/*
 * RDMSR with all ones in RAX and RDX before it: in 64-bit mode it must clear
 * the upper halves, so they are not masked here.  False: it took #GP.
 */
static bool read_msr(uint32_t index, uint64_t *value)
{
	uint64_t low = UINT64_MAX, high = UINT64_MAX;
	bool ok = false;

	__asm__ volatile("1: rdmsr\n\t"
			 "mov $1, %b2\n"
			 "2:\n\t"
			 ".pushsection .extable, \"a\"; .quad 1b, 2b; .popsection"
			 : "+a"(low), "+d"(high), "+r"(ok) : "c"(index));
	*value = high << 32 | low;
	return ok;
}

/* The demo "ShowMSR" of document 003. */
static void show_msrs(void)
{
	uint64_t value;

	for (size_t i = 0; i < ARRAY_SIZE(shown_msrs); i++) {
		DbgText(shown_msrs[i].name, shown_msrs[i].length + 1);
		if (read_msr(shown_msrs[i].index, &value))
			DbgHex(value);
		DBG("\n");
	}
	if (read_msr(MSR_UNIMPLEMENTED, &value))
		DBG("MSR 40000fff exists\n");
}

struct call_record {
	uint64_t rdi, rsi, rdx, rcx, r8, r9, rsp, fifth;
};

/* One routine under two names, because a declaration fixes the convention. */
NTAPI const struct call_record *ms_show_call(int, int, int, int, int, int) __asm__("KiShowCall");
const struct call_record *sysv_show_call(int, int, int, int, int, int) __asm__("KiShowCall");

static void show_register(const char *name, uint64_t value)
{
	DbgText(name, 4);
	DbgHex(value);
}

/* RSP at the first instruction: a multiple of 16 before CALL leaves 8. */
static void show_stack(const struct call_record *r)
{
	DBG(" rsp mod 16 ");
	DbgHex(r->rsp & 15);
	DBG("\n");
}

static void show_conventions(void)
{
	const struct call_record *r = ms_show_call(1, 2, 3, 4, 5, 6);

	DBG("microsoft:");
	show_register(" cx ", r->rcx);
	show_register(" dx ", r->rdx);
	show_register(" r8 ", r->r8);
	show_register(" r9 ", r->r9);
	DBG(" [rsp+28] ");
	DbgHex((uint32_t)r->fifth);
	DBG(" home ");
	DbgHex(r->rsp + 8);
	show_stack(r);

	r = sysv_show_call(1, 2, 3, 4, 5, 6);
	DBG("system v:");
	show_register(" di ", r->rdi);
	show_register(" si ", r->rsi);
	show_register(" dx ", r->rdx);
	show_register(" cx ", r->rcx);
	show_register(" r8 ", r->r8);
	show_register(" r9 ", r->r9);
	show_stack(r);
}

void KiInitSystem(void)
{
	show_msrs();
	show_conventions();
	DbgBreakPointUnaligned();
	KiStartNextProcess();
}
