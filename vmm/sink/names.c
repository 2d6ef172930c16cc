/*
 * Names of numbers, for every sink: gates, modes, MSRs, NTSTATUS values,
 * vectors and flag bits.  Tables only; knows nothing of any format.
 */
#include "sink/sink.h"

#include "sink/format.h"
#include "x86.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const kinds[GATE_KINDS] = {
	[GATE_NONE] = "none",
	[GATE_WRMSR] = "wrmsr",
	[GATE_RDMSR] = "rdmsr",
	[GATE_SWAPGS] = "swapgs",
	[GATE_SYSCALL] = "syscall",
	[GATE_SYSRET] = "sysret",
	[GATE_SYSENTER] = "sysenter",
	[GATE_SYSEXIT] = "sysexit",
	[GATE_INT] = "int",
	[GATE_IRET] = "iret",
	[GATE_FAR] = "far",
	[GATE_FAULT] = "fault",
};

const char *gate_kind_name(enum gate_kind kind)
{
	return (unsigned)kind < GATE_KINDS && kinds[kind] ? kinds[kind] : "unknown";
}

const char *mode_name(enum x86_mode mode)
{
	static const char *const names[] = {
		[MODE_REAL] = "real", [MODE_32] = "32", [MODE_COMPAT] = "compat", [MODE_64] = "64",
	};

	return (unsigned)mode < COUNT(names) ? names[mode] : "unknown";
}

struct number_name {
	uint32_t number;
	const char *name;
};

static const char *find(const struct number_name *table, size_t count, uint32_t number)
{
	for (size_t i = 0; i < count; i++) {
		if (table[i].number == number)
			return table[i].name;
	}
	return NULL;
}

const char *msr_name(uint32_t index)
{
	/* SDM vol. 4, table 2-2. */
	static const struct number_name names[] = {
		{ X86_MSR_SYSENTER_CS, "IA32_SYSENTER_CS" },
		{ X86_MSR_SYSENTER_ESP, "IA32_SYSENTER_ESP" },
		{ X86_MSR_SYSENTER_EIP, "IA32_SYSENTER_EIP" },
		{ X86_MSR_EFER, "IA32_EFER" },
		{ X86_MSR_STAR, "IA32_STAR" },
		{ X86_MSR_LSTAR, "IA32_LSTAR" },
		{ X86_MSR_CSTAR, "IA32_CSTAR" },
		{ X86_MSR_FMASK, "IA32_FMASK" },
		{ X86_MSR_FS_BASE, "IA32_FS_BASE" },
		{ X86_MSR_GS_BASE, "IA32_GS_BASE" },
		{ X86_MSR_KERNEL_GS_BASE, "IA32_KERNEL_GS_BASE" },
	};

	return find(names, COUNT(names), index);
}

const char *status_name(uint32_t status)
{
	/* Microsoft, [MS-ERREF] 2.3.1. */
	static const struct number_name names[] = {
		{ 0x00000000, "STATUS_SUCCESS" },
		{ 0x00000102, "STATUS_TIMEOUT" },
		{ 0x00000103, "STATUS_PENDING" },
		{ 0x80000002, "STATUS_DATATYPE_MISALIGNMENT" },
		{ 0x80000005, "STATUS_BUFFER_OVERFLOW" },
		{ 0x80000006, "STATUS_NO_MORE_FILES" },
		{ 0xc0000001, "STATUS_UNSUCCESSFUL" },
		{ 0xc0000002, "STATUS_NOT_IMPLEMENTED" },
		{ 0xc0000003, "STATUS_INVALID_INFO_CLASS" },
		{ 0xc0000004, "STATUS_INFO_LENGTH_MISMATCH" },
		{ 0xc0000005, "STATUS_ACCESS_VIOLATION" },
		{ 0xc0000006, "STATUS_IN_PAGE_ERROR" },
		{ 0xc0000008, "STATUS_INVALID_HANDLE" },
		{ 0xc000000d, "STATUS_INVALID_PARAMETER" },
		{ 0xc000000f, "STATUS_NO_SUCH_FILE" },
		{ 0xc0000010, "STATUS_INVALID_DEVICE_REQUEST" },
		{ 0xc0000011, "STATUS_END_OF_FILE" },
		{ 0xc0000017, "STATUS_NO_MEMORY" },
		{ 0xc000001c, "STATUS_INVALID_SYSTEM_SERVICE" },
		{ 0xc000001d, "STATUS_ILLEGAL_INSTRUCTION" },
		{ 0xc0000022, "STATUS_ACCESS_DENIED" },
		{ 0xc0000023, "STATUS_BUFFER_TOO_SMALL" },
		{ 0xc0000024, "STATUS_OBJECT_TYPE_MISMATCH" },
		{ 0xc0000033, "STATUS_OBJECT_NAME_INVALID" },
		{ 0xc0000034, "STATUS_OBJECT_NAME_NOT_FOUND" },
		{ 0xc0000035, "STATUS_OBJECT_NAME_COLLISION" },
		{ 0xc000003a, "STATUS_OBJECT_PATH_NOT_FOUND" },
		{ 0xc0000043, "STATUS_SHARING_VIOLATION" },
		{ 0xc000007f, "STATUS_DISK_FULL" },
		{ 0xc0000096, "STATUS_PRIVILEGED_INSTRUCTION" },
		{ 0xc000009a, "STATUS_INSUFFICIENT_RESOURCES" },
		{ 0xc00000ba, "STATUS_FILE_IS_A_DIRECTORY" },
		{ 0xc00000bb, "STATUS_NOT_SUPPORTED" },
		{ 0xc0000103, "STATUS_NOT_A_DIRECTORY" },
		{ 0xc000010a, "STATUS_PROCESS_IS_TERMINATING" },
		{ 0xc000011f, "STATUS_TOO_MANY_OPENED_FILES" },
		{ 0xc0000120, "STATUS_CANCELLED" },
		{ 0xc0000225, "STATUS_NOT_FOUND" },
	};

	return find(names, COUNT(names), status);
}

const char *vector_name(uint8_t vector)
{
	/* SDM vol. 3A, table 6-1; 28 to 30 are AMD's: APM vol. 2, table 8-1. */
	static const char *const names[X86_VECTOR_COUNT] = {
		[X86_VECTOR_DE] = "#DE", [X86_VECTOR_DB] = "#DB", [X86_VECTOR_NMI] = "NMI",
		[X86_VECTOR_BP] = "#BP", [X86_VECTOR_OF] = "#OF", [X86_VECTOR_BR] = "#BR",
		[X86_VECTOR_UD] = "#UD", [X86_VECTOR_NM] = "#NM", [X86_VECTOR_DF] = "#DF",
		[X86_VECTOR_TS] = "#TS", [X86_VECTOR_NP] = "#NP", [X86_VECTOR_SS] = "#SS",
		[X86_VECTOR_GP] = "#GP", [X86_VECTOR_PF] = "#PF", [X86_VECTOR_MF] = "#MF",
		[X86_VECTOR_AC] = "#AC", [X86_VECTOR_MC] = "#MC", [X86_VECTOR_XM] = "#XM",
		[X86_VECTOR_VE] = "#VE", [X86_VECTOR_CP] = "#CP",
		[28] = "#HV", [29] = "#VC", [30] = "#SX",
	};

	return vector < X86_VECTOR_COUNT ? names[vector] : NULL;
}

const struct bit_name rflags_bits[] = {
	{ X86_RFLAGS_CF, "CF" }, { X86_RFLAGS_PF, "PF" }, { X86_RFLAGS_AF, "AF" }, { X86_RFLAGS_ZF, "ZF" },
	{ X86_RFLAGS_SF, "SF" }, { X86_RFLAGS_TF, "TF" }, { X86_RFLAGS_IF, "IF" }, { X86_RFLAGS_DF, "DF" },
	{ X86_RFLAGS_OF, "OF" }, { X86_RFLAGS_NT, "NT" }, { X86_RFLAGS_RF, "RF" }, { X86_RFLAGS_VM, "VM" },
	{ X86_RFLAGS_AC, "AC" }, { X86_RFLAGS_VIF, "VIF" }, { X86_RFLAGS_VIP, "VIP" },
	{ X86_RFLAGS_ID, "ID" },
	{ 0, NULL },
};

const struct bit_name efer_bits[] = {
	{ X86_EFER_SCE, "SCE" }, { X86_EFER_LME, "LME" }, { X86_EFER_LMA, "LMA" }, { X86_EFER_NXE, "NXE" },
	{ X86_BIT(12), "SVME" }, { X86_BIT(13), "LMSLE" }, { X86_BIT(14), "FFXSR" }, { X86_BIT(15), "TCE" },
	{ 0, NULL },
};

const struct bit_name *msr_bits(uint32_t index)
{
	switch (index) {
	case X86_MSR_EFER:
		return efer_bits;
	case X86_MSR_FMASK:
		return rflags_bits;
	default:
		return NULL;
	}
}

const char *rflags_text(uint64_t rflags, char *text, size_t size)
{
	size_t length = 0;
	unsigned iopl = (rflags & X86_RFLAGS_IOPL) >> X86_RFLAGS_IOPL_SHIFT;

	if (size)
		text[0] = '\0';
	for (const struct bit_name *b = rflags_bits; b->mask && length < size; b++) {
		if (rflags & b->mask)
			length += format_to(text + length, size - length, length ? " %s" : "%s", b->name);
	}
	if (iopl && length < size)
		format_to(text + length, size - length, length ? " IOPL=%u" : "IOPL=%u", iopl);
	return text;
}

static bool is_selector(enum field f)
{
	return f == FIELD_CS || f == FIELD_SS || f == FIELD_FRAME_CS || f == FIELD_FRAME_SS;
}

const char *field_text(enum field f, uint64_t value, bool none, char *text, size_t size)
{
	if (none)
		return "none";
	if (f == FIELD_MODE)
		return mode_name((enum x86_mode)value);
	if (f == FIELD_VECTOR && value < X86_VECTOR_COUNT && vector_name((uint8_t)value))
		return vector_name((uint8_t)value);
	if (is_selector(f))
		snprintf(text, size, "%02" PRIX64, value);
	else
		snprintf(text, size, "0x%" PRIx64, value);
	return text;
}
