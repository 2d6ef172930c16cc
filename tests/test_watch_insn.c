/*
 * Which bytes are a gate, in which mode, and which memory they name.  The
 * encodings are those of SDM vol. 2.
 */
#include "watch/insn.h"
#include "x86.h"

#include <criterion/criterion.h>
#include <string.h>

static struct x86_state in(enum x86_mode mode)
{
	struct x86_state s = { .cr0 = X86_CR0_PE, .ss = { .db = true } };

	if (mode != MODE_32)
		s.efer = X86_EFER_LMA;
	s.cs.l = mode == MODE_64;
	s.cs.db = mode != MODE_64;
	s.rip = 0x1000;
	s.gpr[GPR_RSP] = 0x8000;
	s.gpr[GPR_RSI] = 0x20000;
	s.gpr[GPR_RDI] = 0x30000;
	return s;
}

static const struct {
	const char *name, *bytes;
	unsigned size;
	enum x86_mode mode;
	enum gate_kind gate;
	unsigned length, operand_size, flags;
} rows[] = {
	{ "syscall", "\x0f\x05", 2, MODE_64, GATE_SYSCALL, 2, 8, 0 },
	{ "syscall, compat", "\x0f\x05", 2, MODE_COMPAT, GATE_SYSCALL, 2, 4, 0 },
	{ "sysretq", "\x48\x0f\x07", 3, MODE_64, GATE_SYSRET, 3, 8, 0 },
	{ "sysretl", "\x0f\x07", 2, MODE_64, GATE_SYSRET, 2, 4, 0 },
	{ "sysenter", "\x0f\x34", 2, MODE_32, GATE_SYSENTER, 2, 4, 0 },
	{ "sysexit", "\x0f\x35", 2, MODE_32, GATE_SYSEXIT, 2, 4, 0 },
	{ "sysexitq", "\x48\x0f\x35", 3, MODE_64, GATE_SYSEXIT, 3, 8, 0 },
	{ "int 2eh", "\xcd\x2e", 2, MODE_64, GATE_INT, 2, 0, 0 },
	{ "int3", "\xcc", 1, MODE_64, GATE_INT, 1, 0, 0 },
	{ "iretq", "\x48\xcf", 2, MODE_64, GATE_IRET, 2, 8, 0 },
	{ "iretd", "\xcf", 1, MODE_32, GATE_IRET, 1, 4, 0 },
	{ "wrmsr", "\x0f\x30", 2, MODE_64, GATE_WRMSR, 2, 0, 0 },
	{ "rdmsr", "\x0f\x32", 2, MODE_64, GATE_RDMSR, 2, 0, 0 },
	{ "swapgs", "\x0f\x01\xf8", 3, MODE_64, GATE_SWAPGS, 3, 0, 0 },
	{ "jmp far 33:", "\xea\x44\x33\x22\x11\x33\x00", 7, MODE_COMPAT, GATE_FAR, 7, 4, 0 },
	{ "jmp far m16:32", "\xff\x2c\x25\x00\x50\x00\x00", 7, MODE_64, GATE_FAR, 7, 4, 0 },
	{ "retf", "\xcb", 1, MODE_64, GATE_FAR, 1, 4, 0 },
	{ "retfq", "\x48\xcb", 2, MODE_64, GATE_FAR, 2, 8, 0 },
	{ "ret, near", "\xc3", 1, MODE_64, GATE_NONE, 1, 8, 0 },
	{ "jmp near", "\xe9\x00\x00\x00\x00", 5, MODE_64, GATE_NONE, 5, 0, 0 },
	{ "pushfq", "\x9c", 1, MODE_64, GATE_NONE, 1, 8, INSN_PUSHF },
	{ "popfq", "\x9d", 1, MODE_64, GATE_NONE, 1, 8, INSN_POPF },
	{ "hlt", "\xf4", 1, MODE_64, GATE_NONE, 1, 0, INSN_HLT },
	{ "pause", "\xf3\x90", 2, MODE_64, GATE_NONE, 2, 0, INSN_PAUSE },
	{ "sti", "\xfb", 1, MODE_64, GATE_NONE, 1, 0, INSN_SHADOW },
	{ "mov ss", "\x8e\xd0", 2, MODE_64, GATE_NONE, 2, 0, INSN_SHADOW },
	{ "pop ss", "\x17", 1, MODE_32, GATE_NONE, 1, 0, INSN_SHADOW },
	{ "mov ds", "\x8e\xd8", 2, MODE_64, GATE_NONE, 2, 0, 0 },
	{ "out", "\xe6\xf4", 2, MODE_64, GATE_NONE, 2, 0, INSN_PORT },
	{ "in", "\xed", 1, MODE_64, GATE_NONE, 1, 0, INSN_PORT },
	{ "rep outsb", "\xf3\x6e", 2, MODE_64, GATE_NONE, 2, 0, INSN_PORT | INSN_REP },
	{ "insd", "\x6d", 1, MODE_64, GATE_NONE, 1, 0, INSN_PORT },
	{ "lidt", "\x0f\x01\x1c\x25\x00\x50\x00\x00", 8, MODE_64, GATE_NONE, 8, 0, INSN_TABLES | INSN_LOADS_TABLE },
	{ "ltr ax", "\x0f\x00\xd8", 3, MODE_64, GATE_NONE, 3, 0, INSN_TABLES | INSN_LOADS_TABLE },
	{ "lldt ax", "\x0f\x00\xd0", 3, MODE_64, GATE_NONE, 3, 0, INSN_TABLES | INSN_LOADS_TABLE },
	{ "mov cr3", "\x0f\x22\xd8", 3, MODE_64, GATE_NONE, 3, 0, INSN_TABLES },
	{ "rep movsb", "\xf3\xa4", 2, MODE_64, GATE_NONE, 2, 1, INSN_REP },
	{ "rep stosq", "\xf3\x48\xab", 3, MODE_64, GATE_NONE, 3, 8, INSN_REP },
	{ "jmp far ptr, invalid in 64-bit", "\xea\x44\x33\x22\x11\x33\x00", 7, MODE_64, GATE_NONE, 0, 0, 0 },
	{ "nothing readable", "", 0, MODE_64, GATE_NONE, 0, 0, 0 },
	{ "cut off", "\x48", 1, MODE_64, GATE_NONE, 0, 0, 0 },
};

Test(insn, table)
{
	struct insn i;

	for (unsigned n = 0; n < sizeof rows / sizeof *rows; n++) {
		struct x86_state s = in(rows[n].mode);

		insn_decode(&i, &s, (const uint8_t *)rows[n].bytes, rows[n].size);
		cr_expect_eq(i.gate, rows[n].gate, "%s: gate %d", rows[n].name, i.gate);
		cr_expect_eq(i.length, rows[n].length, "%s: length %u", rows[n].name, i.length);
		cr_expect_eq(i.flags, rows[n].flags, "%s: flags %x", rows[n].name, i.flags);
		if (rows[n].operand_size)
			cr_expect_eq(i.operand_size, rows[n].operand_size, "%s: operand size %u", rows[n].name,
			             i.operand_size);
	}
}

Test(insn, vectors_and_pointers)
{
	struct x86_state s = in(MODE_COMPAT);
	struct insn i;

	insn_decode(&i, &s, (const uint8_t *)"\xea\x44\x33\x22\x11\x33\x00", 7);
	cr_expect_eq(i.far, FAR_JMP);
	cr_expect_eq(i.far_selector, 0x33);
	cr_expect_eq(i.far_offset, 0x11223344);
	insn_decode(&i, &s, (const uint8_t *)"\xcd\x2e", 2);
	cr_expect_eq(i.vector, 0x2e);
	insn_decode(&i, &s, (const uint8_t *)"\xcc", 1);
	cr_expect_eq(i.vector, 3);
	s = in(MODE_64);
	insn_decode(&i, &s, (const uint8_t *)"\xca\x10\x00", 3);
	cr_expect_eq(i.far, FAR_RET);
	cr_expect_eq(i.far_release, 0x10);
	insn_decode(&i, &s, (const uint8_t *)"\xff\x2c\x25\x00\x50\x00\x00", 7);
	cr_assert(i.far_in_memory && i.memory_count == 1);
	cr_expect_eq(i.memory[0].linear, 0x5000);
}

static bool covers(const struct insn *i, uint64_t linear, uint64_t size, bool write)
{
	for (unsigned n = 0; n < i->memory_count; n++)
		if (i->memory[n].linear <= linear && linear + size <= i->memory[n].linear + i->memory[n].size &&
		    (!write || i->memory[n].write))
			return true;
	return false;
}

Test(insn, memory)
{
	struct x86_state s = in(MODE_64);
	struct insn i;

	s.gs.base = 0xffff800000000000;
	s.ds.base = 0x777;                              /* no base in 64-bit mode */
	insn_decode(&i, &s, (const uint8_t *)"\x65\x48\x89\x24\x25\x10\x00\x00\x00", 9);        /* mov gs:[10h],rsp */
	cr_expect(covers(&i, 0xffff800000000010, 8, true));
	insn_decode(&i, &s, (const uint8_t *)"\x8b\x05\x10\x00\x00\x00", 6);                    /* mov eax,[rip+10h] */
	cr_expect(covers(&i, 0x1016, 4, false));
	cr_expect_not(covers(&i, 0x1016, 4, true));
	insn_decode(&i, &s, (const uint8_t *)"\x50", 1);                                        /* push rax */
	cr_expect(covers(&i, 0x7ff8, 8, true));
	insn_decode(&i, &s, (const uint8_t *)"\x58", 1);                                        /* pop rax */
	cr_expect(covers(&i, 0x8000, 8, false));
	insn_decode(&i, &s, (const uint8_t *)"\xf3\xa4", 2);                                    /* rep movsb */
	cr_expect(covers(&i, 0x20000, 1, false) && covers(&i, 0x30000, 1, true));
	insn_decode(&i, &s, (const uint8_t *)"\x48\x8d\x04\x24", 4);                            /* lea touches nothing */
	cr_expect_eq(i.memory_count, 0);
	s = in(MODE_32);
	s.ds.base = 0x100000;
	s.gpr[GPR_RBX] = 0xfffffff0;
	insn_decode(&i, &s, (const uint8_t *)"\x8b\x43\x20", 3);                                /* mov eax,[ebx+20h] */
	cr_expect(covers(&i, 0x100010, 4, false), "the offset wraps at 4 GiB, then the base is added");
}

/* An undefined encoding ends where the processor knows it: what follows is somebody else's. */
Test(insn, bytes_that_decide)
{
	struct x86_state s = in(MODE_64);
	struct insn i;

	insn_decode(&i, &s, (const uint8_t *)"\x06\x90\x90\x90", 4);                            /* push es */
	cr_expect(i.length == 0 && i.fetched == 1);
	insn_decode(&i, &s, (const uint8_t *)"\x66\x66\x06\x90", 4);
	cr_expect(i.length == 0 && i.fetched == 3);
	insn_decode(&i, &s, (const uint8_t *)"\x0f\x04\x90\x90", 4);
	cr_expect(i.length == 0 && i.fetched == 2);
	insn_decode(&i, &s, (const uint8_t *)"\x0f\x0b\x90", 3);                                /* ud2 */
	cr_expect(i.length == 2 && i.fetched == 2);
}

Test(insn, xlat_takes_al_alone)
{
	struct x86_state s = in(MODE_64);
	struct insn i;

	s.gpr[GPR_RBX] = 0x5000;
	s.gpr[GPR_RAX] = 0x1234567810;
	insn_decode(&i, &s, (const uint8_t *)"\xd7", 1);
	cr_expect(covers(&i, 0x5010, 1, false));
}

Test(insn, xsave_reaches_beyond_its_header)
{
	struct x86_state s = in(MODE_64);
	struct insn i;

	s.gpr[GPR_RAX] = 0x5000;
	insn_decode(&i, &s, (const uint8_t *)"\x0f\xae\x20", 3);
	cr_expect(covers(&i, 0x5000, 0x2b00, true));
}
