/*
 * A small 32-bit Windows, made by hand for the tests of claims: its memory and
 * its transitions, as documents 000, 001 and 002 have them.  Numbers are
 * written out, not computed by the model.
 */
#ifndef TESTS_CLAIMS_SCENES32_H
#define TESTS_CLAIMS_SCENES32_H

#include "claims_scenes.h"

#define CODE32 0x400000u                /* stubs, each at an address of its own */
#define STUB32 CODE32                   /* ntdll.NtReadFile */
#define FAST32 (CODE32 + 0x100)
#define BY_INT32 (CODE32 + 0x110)
#define ECX32 (CODE32 + 0x200)
#define DIRECT32 (CODE32 + 0x300)
#define APC32 (CODE32 + 0x400)          /* ntdll.KiUserApcDispatcher */
#define STACK32 0x405000u
#define ESP32 (STACK32 + 0xf00)
#define TEB32 0x7ffde000u
#define SHARED_KERNEL32 0xffdf0000u
#define KERNEL32 0x80100000u
#define GDT32 KERNEL32
#define TSS32 (KERNEL32 + 0x200)
#define IDT32 (KERNEL32 + 0x300)
#define SERVICE32 (KERNEL32 + 0x400)    /* KiSystemService */
#define FASTENTRY32 (KERNEL32 + 0x500)  /* KiFastCallEntry */
#define CALL32 (KERNEL32 + 0x803)       /* call ebx */
#define EXIT32 (KERNEL32 + 0x900)       /* sti; sysexit */
#define READFILE32 (KERNEL32 + 0xa00)
#define PROBE32 (KERNEL32 + 0xf00)      /* MmUserProbeAddress */
#define PCR32 0x80110000u
#define THREAD32 0x80120000u
#define TABLES32 0x80130000u
#define PLAIN32 (TABLES32 + 0xa00)
#define SHADOW32 (TABLES32 + 0xa20)
#define KSTACK32 0x80140000u
#define ESP0_32 (KSTACK32 + 0xf00)
#define FRAME32 (KSTACK32 + 0xe84)      /* ESP0 - 7Ch */
#define NUMBER32 0x111u                 /* NtReadFile of Windows 7 */
#define FLAT_CODE UINT64_C(0x00cf9b000000ffff)
#define FLAT_DATA UINT64_C(0x00cf93000000ffff)

static inline void scene32_stubs(void)
{
	fake_write(STUB32, "\xb8\x11\x01\0\0\xba\0\x03\xfe\x7f\xff\x12\xc2\x24\0", 15);
	fake_write(FAST32, "\x8b\xd4\x0f\x34\xc3", 5);
	fake_write(BY_INT32, "\x8d\x54\x24\x08\xcd\x2e\xc3", 7);
	fake_write(ECX32, "\xb8\x11\x01\0\0\xb9\0\x03\xfe\x7f\xff\x11\xc2\x09\0", 15);
	fake_write(DIRECT32, "\x55\x8b\xec\xb8\x11\x01\0\0\x8d\x55\x08\xcd\x2e\x5d\xc2\x24\0", 17);
	fake_symbol("ntdll.NtReadFile", STUB32);
	fake_symbol("KiFastSystemCall", FAST32);
	fake_symbol("KiFastSystemCallRet", FAST32 + 4);
	fake_symbol("KiIntSystemCall", BY_INT32);
	fake_symbol("app.NtReadFile002", ECX32);
	fake_symbol("app.NtReadFileOld", DIRECT32);
	fake_symbol("ntdll.KiUserApcDispatcher", APC32);
}

static inline void scene32_kernel(void)
{
	fake_write64(GDT32 + 0x08, FLAT_CODE);
	fake_write64(GDT32 + 0x10, FLAT_DATA);
	fake_write64(GDT32 + 0x30, UINT64_C(0x8040931100000fff));       /* base 80110000 */
	fake_write32(TSS32 + 4, ESP0_32);
	fake_write32(TSS32 + 8, 0x10);
	fake_write(SERVICE32 + 0x12, "\x64\x8b\x35\x24\x01\0\0", 7);    /* mov esi,fs:[124h] */
	fake_write(CALL32, "\xff\xd3", 2);
	fake_write(EXIT32, "\xfb\x0f\x35", 3);
	fake_write32(PROBE32, 0x7fff0000);
	fake_write32(PCR32, 0xffffffff);
	fake_write32(PCR32 + 0x1c, PCR32);
	fake_write32(PCR32 + 0x20, PCR32 + 0x120);
	fake_write32(PCR32 + 0x38, IDT32);
	fake_write32(PCR32 + 0x3c, GDT32);
	fake_write32(PCR32 + 0x40, TSS32);
	fake_write32(PCR32 + 0x124, THREAD32);
	fake_write32(PCR32 + 0x6b0, 40);
	fake_write32(THREAD32 + 0xbc, PLAIN32);
	fake_write32(THREAD32 + 0x128, 0x80140f77);                     /* an older frame */
	fake_write32(THREAD32 + 0x13a, 1);
	fake_write32(PLAIN32, TABLES32);
	fake_write32(PLAIN32 + 8, 0x191);
	fake_write32(PLAIN32 + 12, TABLES32 + 0x800);
	fake_write32(SHADOW32, TABLES32);
	fake_write32(SHADOW32 + 8, 0x191);
	fake_write32(SHADOW32 + 12, TABLES32 + 0x800);
	fake_write32(SHADOW32 + 0x10, TABLES32 + 0xb00);
	fake_write32(SHADOW32 + 0x18, 4);
	fake_write32(SHADOW32 + 0x1c, TABLES32 + 0xb40);
	fake_write32(TABLES32 + 4 * NUMBER32, READFILE32);
	fake_write(TABLES32 + 0x800 + NUMBER32, "\x24", 1);
	fake_symbol("KiSystemService", SERVICE32);
	fake_symbol("KiFastCallEntry", FASTENTRY32);
	fake_symbol("NtReadFile", READFILE32);
	fake_symbol("MmUserProbeAddress", PROBE32);
	fake_symbol("KeServiceDescriptorTable", PLAIN32);
	fake_symbol("KeServiceDescriptorTableShadow", SHADOW32);
}

static inline void scene32_memory(void)
{
	fake_reset();
	fake_map(CODE32, 0, true, false);
	fake_map(STACK32, 1, true, true);
	fake_map(SHARED_USER, 2, true, false);
	fake_map(SHARED_KERNEL32, 2, false, true);
	fake_map(KERNEL32, 3, false, true);
	fake_map(TEB32, 4, true, true);
	fake_map(PCR32, 5, false, true);
	fake_map(THREAD32, 6, false, true);
	fake_map(TABLES32, 7, false, true);
	fake_map(KSTACK32, 8, false, true);
	scene32_stubs();
	scene32_kernel();
	fake_write32(TEB32 + 0x18, TEB32);
	fake_write32(SHARED_USER + 0x26c, 6);
	fake_write32(SHARED_USER + 0x270, 1);
	fake_write32(SHARED_USER + 0x300, FAST32);
	fake_write32(SHARED_USER + 0x304, FAST32 + 4);
	fake_write32(ESP32, STUB32 + 12);               /* back into the stub, */
	fake_write32(ESP32 + 4, CODE32 + 0x805);        /* to its caller; */
	for (uint32_t i = 0; i < 9; i++)
		fake_write32(ESP32 + 8 + 4 * i, 0x1000 + i);
}

static inline void scene32_ring(struct x86_state *s, uint8_t cpl)
{
	s->cpl = cpl;
	s->cs.selector = cpl ? 0x1b : 0x08;
	s->ss.selector = cpl ? 0x23 : 0x10;
	s->cs.db = s->ss.db = true;
	s->fs.selector = cpl ? 0x3b : 0x30;
	s->fs.base = cpl ? TEB32 : PCR32;
}

static inline struct x86_state scene32_user(void)
{
	struct x86_state s = {
		.rip = FAST32 + 2, .rflags = 0x246, .cr0 = 0x80000001, .cr3 = 0x120000,
		.msr = { .sysenter_cs = 8, .sysenter_esp = KERNEL32 + 0xff0, .sysenter_eip = FASTENTRY32 },
		.tr.base = TSS32, .idtr.base = IDT32, .gdtr.base = GDT32,
		.gpr = { [GPR_RAX] = NUMBER32, [GPR_RCX] = 0xc1, [GPR_RDX] = ESP32, [GPR_RBX] = 0xb1,
			 [GPR_RSP] = ESP32, [GPR_RBP] = 0xb2, [GPR_RSI] = 0xb3, [GPR_RDI] = 0xb4 },
	};

	scene32_ring(&s, 3);
	return s;
}

static inline struct transition scene32(enum gate_kind kind)
{
	struct transition t = { .gate = { .kind = kind, .length = 2, .operand_size = 4 } };

	t.before = t.after = scene32_user();
	return t;
}

static inline struct transition scene32_sysenter(void)
{
	struct transition t = scene32(GATE_SYSENTER);

	scene32_ring(&t.after, 0);
	t.after.fs = t.before.fs;                       /* not yet switched */
	t.after.rip = FASTENTRY32;
	t.after.gpr[GPR_RSP] = KERNEL32 + 0xff0;
	t.after.rflags = 0x46;
	return t;
}

/* INT 2Eh at address; EDX has to point to the parameters. */
static inline struct transition scene32_int(uint32_t address, uint32_t esp, uint32_t edx)
{
	struct transition t = scene32(GATE_INT);

	t.gate.vector = 0x2e;
	t.gate.idt.valid = true;
	t.before.rip = address;
	t.before.gpr[GPR_RSP] = esp;
	t.before.gpr[GPR_RDX] = edx;
	t.after = t.before;
	scene32_ring(&t.after, 0);
	t.after.fs = t.before.fs;
	t.after.rip = SERVICE32;
	t.after.gpr[GPR_RSP] = ESP0_32 - 20;
	t.after.rflags = 0x46;
	t.frame = (struct frame){
		.address = ESP0_32 - 20, .word_size = 4, .count = 5, .rip = address + 2, .cs = 0x1b,
		.rflags = 0x246, .rsp = esp, .ss = 0x23,
	};
	return t;
}

/* What the prologue and the dispatcher leave in memory for this entry, until the service returns. */
static inline void scene32_frame(const struct transition *in, uint32_t source)
{
	bool fast = in->gate.kind == GATE_SYSENTER;
	const uint64_t *gpr = in->before.gpr;
	uint32_t eip = fast ? FAST32 + 4 : (uint32_t)in->before.rip + 2, word;
	const uint32_t fields[] = {             /* from 48h on */
		1, 0xffffffff, 0x3b, (uint32_t)gpr[GPR_RDI], (uint32_t)gpr[GPR_RSI], (uint32_t)gpr[GPR_RBX],
		(uint32_t)gpr[GPR_RBP], 0, eip, 0x1b, 0x246, (uint32_t)gpr[GPR_RSP], 0x23,
	};

	fake_write(FRAME32 + 0x48, fields, sizeof(fields));
	fake_write32(FRAME32 + 0x3c, 0x80140f77);
	fake_write32(THREAD32 + 0x128, FRAME32);
	fake_write32(THREAD32 + 0x13c, NUMBER32);
	fake_write32(THREAD32 + 0x12c, 0x1000);
	for (uint32_t i = 0; i < 9 && source; i++) {
		memcpy(&word, fake_page(source)->bytes + (source & 0xfff) + 4 * i, 4);
		fake_write32(FRAME32 - 0x24 + 4 * i, word);
	}
	fake_write32(FRAME32 - 0x28, CALL32 + 2);
	fake_write32(PCR32 + 0x6b0, 41);
}

/* An MSR written by the service. */
static inline struct transition scene32_inside(void)
{
	struct transition t = scene32(GATE_WRMSR);

	t.before.rip = KERNEL32 + 0xb00;
	t.before.gpr[GPR_RSP] = FRAME32 - 0x80;
	t.before.gpr[GPR_RCX] = 0x10;
	t.msr_index = 0x10;
	scene32_ring(&t.before, 0);
	t.after = t.before;
	t.after.rip += 2;
	return t;
}

/* The way back of this entry, by SYSEXIT or IRETD. */
static inline struct transition scene32_return(enum gate_kind kind, const struct transition *in)
{
	struct transition t = scene32(kind);

	t.entry = in->seq;
	t.before = t.after = in->before;
	scene32_ring(&t.before, 0);
	t.before.rip = EXIT32 + 1;
	t.before.fs = t.after.fs;
	t.before.rflags = kind == GATE_SYSEXIT ? 0x202 : 2;
	t.after.gpr[GPR_RAX] = t.before.gpr[GPR_RAX] = 0;
	t.after.rip = in->gate.kind == GATE_SYSENTER ? FAST32 + 4 : (uint32_t)in->before.rip + 2;
	t.before.gpr[GPR_RCX] = t.after.gpr[GPR_RCX] = t.after.gpr[GPR_RSP];
	t.before.gpr[GPR_RDX] = t.after.gpr[GPR_RDX] = t.after.rip;
	t.before.gpr[GPR_RSP] = ESP0_32 - (kind == GATE_IRET ? 20 : 0);
	fake_write32(THREAD32 + 0x128, 0x80140f77);
	return t;
}

#endif
