/*
 * Which page of which manual says what a gate does to a field.  Text only.
 *
 * Section numbers are those of the SDM of 2020 to 2022, where chapter 6 of
 * volume 3A is on interrupts and 7 on tasks; later editions count from 7 and 8
 * on.  Pages of instructions have kept their places.
 */
#include "model/model.h"

#define ALL_KINDS       (~0u)
#define KIND(k)         (1u << (k))
#define F(f)            FIELD_BIT(FIELD_##f)

#define CS_PARTS        (F(CS_BASE) | F(CS_LIMIT) | F(CS_TYPE))
#define SS_PARTS        (F(SS_BASE) | F(SS_LIMIT) | F(SS_TYPE))
#define GPRS                                                                            \
	(F(RCX) | F(R11) | F(RAX) | F(RDX) | F(RBX) | F(RBP) | F(RSI) | F(RDI) | F(R8) |       \
	 F(R9) | F(R10) | F(R12) | F(R13) | F(R14) | F(R15))
#define FRAME                                                                           \
	(F(FRAME_RIP) | F(FRAME_CS) | F(FRAME_RFLAGS) | F(FRAME_RSP) | F(FRAME_SS))
#define FAULT           (F(VECTOR) | F(ERROR))
#define EVENTS          (KIND(GATE_INT) | KIND(GATE_FAULT))
#define RETURNS         (KIND(GATE_IRET) | KIND(GATE_FAR))
#define ANY_FIELD       UINT64_MAX

/* The first row that fits wins. */
static const struct {
	unsigned kinds;
	uint64_t fields;
	const char *manual[2];          /* by vendor */
} sources[] = {
	{ EVENTS, F(RFLAGS),
	  { "SDM vol. 3A, 6.12.1.3; vol. 2A INT n", "APM vol. 2, 8.9.1; vol. 3 INT" } },
	{ EVENTS, F(RIP) | F(CS) | CS_PARTS | F(MODE) | F(CPL),
	  { "SDM vol. 3A, 6.14.1; vol. 2A INT n", "APM vol. 2, 8.9.1; vol. 3 INT" } },
	{ EVENTS, F(RSP) | F(SS) | SS_PARTS,
	  { "SDM vol. 3A, 6.14.2 and 6.14.4; vol. 2A INT n", "APM vol. 2, 8.9.3; vol. 3 INT" } },
	{ EVENTS, F(FRAME_ERROR),
	  { "SDM vol. 3A, 6.13", "APM vol. 2, 8.4" } },
	{ KIND(GATE_FAULT), F(FRAME_RIP),
	  { "SDM vol. 3A, 6.5 and table 6-1", "APM vol. 2, 8.1 and 8.2" } },
	{ KIND(GATE_FAULT), F(FRAME_RFLAGS),
	  { "SDM vol. 3A, 6.14.2; vol. 3B, 17.3.1.1", "APM vol. 2, 8.2.2 and 8.9.3" } },
	{ EVENTS, FRAME,
	  { "SDM vol. 3A, 6.14.2; vol. 2A INT n", "APM vol. 2, 8.9.3; vol. 3 INT" } },
	{ EVENTS, FAULT,
	  { "SDM vol. 2A INT n; vol. 3A, 6.15", "APM vol. 3 INT; APM vol. 2, 8.2" } },
	{ EVENTS, ANY_FIELD,
	  { "SDM vol. 2A INT n", "APM vol. 3 INT" } },

	/* A register that no page of the gate names stays, but for 3.4.1.1's upper halves. */
	{ RETURNS, GPRS,
	  { "SDM vol. 2A IRET, JMP, CALL; vol. 2B RET; vol. 1, 3.4.1.1",
	    "APM vol. 3 IRET, JMP (Far), CALL (Far), RET (Far); APM vol. 1, 3.1.2" } },
	{ KIND(GATE_IRET), F(RSP) | F(SS) | SS_PARTS,
	  { "SDM vol. 2A IRET; vol. 3A, 6.14.3", "APM vol. 3 IRET; APM vol. 2, 8.9.5" } },
	{ KIND(GATE_IRET), ANY_FIELD,
	  { "SDM vol. 2A IRET", "APM vol. 3 IRET" } },
	{ KIND(GATE_FAR), F(CS) | F(CPL) | F(MODE) | CS_PARTS,
	  { "SDM vol. 2A JMP, CALL; vol. 2B RET; vol. 3A, 5.8.1",
	    "APM vol. 3 JMP (Far), CALL (Far), RET (Far); APM vol. 2, 4.11" } },
	{ KIND(GATE_FAR), ANY_FIELD,
	  { "SDM vol. 2A JMP, CALL; vol. 2B RET", "APM vol. 3 JMP (Far), CALL (Far), RET (Far)" } },

	{ KIND(GATE_SYSCALL), F(RFLAGS) | F(CS) | F(SS) | F(RIP),
	  { "SDM vol. 2B SYSCALL; vol. 3A, 5.8.8", "APM vol. 3 SYSCALL; APM vol. 2, 6.1.1" } },
	{ KIND(GATE_SYSCALL), ANY_FIELD,
	  { "SDM vol. 2B SYSCALL", "APM vol. 3 SYSCALL" } },
	{ KIND(GATE_SYSRET), F(RFLAGS) | F(CS) | F(SS) | F(RIP),
	  { "SDM vol. 2B SYSRET; vol. 3A, 5.8.8", "APM vol. 3 SYSRET; APM vol. 2, 6.1.1" } },
	{ KIND(GATE_SYSRET), ANY_FIELD,
	  { "SDM vol. 2B SYSRET", "APM vol. 3 SYSRET" } },
	{ KIND(GATE_SYSENTER), ANY_FIELD,
	  { "SDM vol. 2B SYSENTER; vol. 3A, 5.8.7", "APM vol. 3 SYSENTER; APM vol. 2, 6.1.2" } },
	{ KIND(GATE_SYSEXIT), ANY_FIELD,
	  { "SDM vol. 2B SYSEXIT; vol. 3A, 5.8.7", "APM vol. 3 SYSEXIT; APM vol. 2, 6.1.2" } },

	{ KIND(GATE_WRMSR), F(MSR) | FAULT,
	  { "SDM vol. 2D WRMSR; vol. 4, table 2-2", "APM vol. 3 WRMSR; APM vol. 2, 3.1.7 and 6.1" } },
	{ KIND(GATE_WRMSR), ANY_FIELD,
	  { "SDM vol. 2D WRMSR", "APM vol. 3 WRMSR" } },
	{ KIND(GATE_RDMSR), ANY_FIELD,
	  { "SDM vol. 2B RDMSR", "APM vol. 3 RDMSR" } },
	{ KIND(GATE_SWAPGS), ANY_FIELD,
	  { "SDM vol. 2B SWAPGS", "APM vol. 3 SWAPGS" } },
	{ ALL_KINDS, ANY_FIELD,
	  { "SDM vol. 3A", "APM vol. 2" } },
};
_Static_assert(VENDOR_INTEL == 0 && VENDOR_AMD == 1, "order of manual[]");
_Static_assert(sizeof(sources) / sizeof(sources[0]) < UINT8_MAX, "a row's number is a byte");

static unsigned find_row(enum gate_kind kind, enum field field)
{
	uint64_t bit = field < FIELD_COUNT ? FIELD_BIT(field) : ANY_FIELD;
	unsigned kinds = kind < GATE_KINDS ? KIND(kind) : ALL_KINDS, i = 0;

	/* The last row fits everything. */
	while (!(sources[i].kinds & kinds) || !(sources[i].fields & bit))
		i++;
	return i;
}

const char *model_source(enum vendor vendor, enum gate_kind kind, enum field field)
{
	/* Which row it is, and 1; 0: nobody has looked yet.  Every check asks, and the answer never changes. */
	static uint8_t found[GATE_KINDS][FIELD_COUNT];
	unsigned row;

	if (kind >= GATE_KINDS || field >= FIELD_COUNT)
		return sources[find_row(kind, field)].manual[vendor == VENDOR_AMD];
	row = found[kind][field];
	if (!row)
		found[kind][field] = row = (uint8_t)(find_row(kind, field) + 1);
	return sources[row - 1].manual[vendor == VENDOR_AMD];
}
