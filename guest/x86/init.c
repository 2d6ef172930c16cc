/*
 * What is chosen once: how user code enters the kernel, by what CPUID says; the
 * MSRs for it; and the first thread.
 */
#include "kernel.h"
#include "layout.h"
#include "x86.h"

#define INTEL_FIRST_SYSENTER 0x633      /* family 6, model 3, stepping 3: a Pentium II that works */

extern const char KiFastCallEntry[], KiAmdSystemCall[], KiSysenterStackTop[];
extern const char NtdllKiFastSystemCall[] __asm__("KiFastSystemCall");
extern const char NtdllKiFastSystemCallRet[] __asm__("KiFastSystemCallRet");
extern const char NtdllKiIntSystemCall[] __asm__("KiIntSystemCall");
extern const char UserStart[] __asm__("app.Start"), UserStackTop[];

struct cpuid { uint32_t eax, ebx, ecx, edx; };

static struct cpuid cpuid(uint32_t leaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(0));
	return r;
}

static void write_msr(uint32_t index, uint32_t high, uint32_t low)
{
	__asm__ volatile("wrmsr" : : "c"(index), "d"(high), "a"(low));
}

static uint32_t read_msr(uint32_t index)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
	return low;
}

static bool is_vendor(const struct cpuid *leaf0, const char name[12])
{
	uint32_t words[3];

	__builtin_memcpy(words, name, sizeof(words));
	return leaf0->ebx == words[0] && leaf0->edx == words[1] && leaf0->ecx == words[2];
}

/* A Pentium Pro sets SEP and has no SYSENTER (SDM vol. 2B, SYSENTER). */
static bool has_sysenter(const struct cpuid *leaf0)
{
	struct cpuid leaf1 = cpuid(1);
	uint32_t signature = leaf1.eax & 0x0fff0fff;

	if (!(leaf1.edx & X86_CPUID1_EDX_SEP))
		return false;
	return !is_vendor(leaf0, "GenuineIntel") || signature >= INTEL_FIRST_SYSENTER;
}

/* SYSCALL outside long mode is AMD's alone, with the entry in STAR[31:0]. */
static bool has_legacy_syscall(const struct cpuid *leaf0)
{
	return is_vendor(leaf0, "AuthenticAMD") && cpuid(0x80000000).eax >= 0x80000001 &&
	       cpuid(0x80000001).edx & X86_CPUID80000001_EDX_SYSCALL;
}

void KiSetSysenterCs(uint32_t selector)
{
	write_msr(X86_MSR_SYSENTER_CS, 0, selector);
}

static void enable_sysenter(void)
{
	KiSetSysenterCs(KGDT32_R0_CODE);
	write_msr(X86_MSR_SYSENTER_ESP, 0, address(KiSysenterStackTop));
	write_msr(X86_MSR_SYSENTER_EIP, 0, address(KiFastCallEntry));
	KiInitialPCR.prcb.feature_bits |= KF32_FAST_SYSCALL;
	DBG("SYSENTER cs ");
	DbgHex(read_msr(X86_MSR_SYSENTER_CS));
	DBG(" esp ");
	DbgHex(read_msr(X86_MSR_SYSENTER_ESP));
	DBG(" eip ");
	DbgHex(read_msr(X86_MSR_SYSENTER_EIP));
	DBG("\n");
}

static void enable_legacy_syscall(void)
{
	write_msr(X86_MSR_EFER, 0, X86_EFER_SCE);
	write_msr(X86_MSR_STAR, (KGDT32_R3_CODE | NT_RPL_USER) << 16 | KGDT32_R0_CODE,
		  address(KiAmdSystemCall));
}

static volatile uint32_t *shared(uint32_t offset)
{
	return (volatile uint32_t *)(NT32_SHARED_KERNEL + offset);
}

ntstatus KiSetSystemCall(bool fast)
{
	if (fast && !(KiInitialPCR.prcb.feature_bits & KF32_FAST_SYSCALL))
		return STATUS_NOT_SUPPORTED;
	*shared(KUSER32_SYSTEM_CALL) = address(fast ? NtdllKiFastSystemCall : NtdllKiIntSystemCall);
	*shared(KUSER32_SYSTEM_CALL_RETURN) = address(NtdllKiFastSystemCallRet);
	return STATUS_SUCCESS;
}

void KiInitSystem(void)
{
	struct cpuid leaf0 = cpuid(0);
	bool fast = has_sysenter(&leaf0);

	if (fast)
		enable_sysenter();
	else
		DBG("no SYSENTER\n");
	if (has_legacy_syscall(&leaf0))
		enable_legacy_syscall();
	KiSetSystemCall(fast);
	KiInitThreads();
	KiStartUserThread(address(UserStart), address(UserStackTop));
}
