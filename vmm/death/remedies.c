/*
 * What would mend each cause in general, where no known mistake explains it.
 */
#include "death/sentence.h"

#include "x86.h"

#include <inttypes.h>
#include <string.h>

static bool fix_fetch(struct account *a, const struct reason *r)
{
	switch (r->cause) {
	case CAUSE_NX:
		return fix(a, "clear NX (bit 63) there, or correct the address that led here");
	case CAUSE_SMEP:
		return fix(a, "ring 0 must run code of supervisor pages: clear U there, or correct the address that "
		           "led here");
	default:
		return fix(a, "map that page executable, or correct the address that led here");
	}
}

static bool fix_page(struct account *a, const struct reason *r)
{
	if (r->subject == SUBJECT_CODE || r->subject == SUBJECT_HANDLER)
		return fix_fetch(a, r);
	switch (r->cause) {
	case CAUSE_READ_ONLY:
		return fix(a, "set W (bit 1) in that entry, or write elsewhere");
	case CAUSE_SMAP:
		rules(a, "B11", NULL, NULL);
		return fix(a, "STAC before ring 0 touches user memory and CLAC behind it, or switch to a kernel stack");
	case CAUSE_RESERVED:
		return fix(a, r->blame.value >> 63 ? "set EFER.NXE before a page table has NX" :
		           "clear the reserved bits in that entry");
	case CAUSE_TABLE_OUTSIDE:
		return fix(a, "correct the table's address in the entry above it");
	default:
		if (r->subject == SUBJECT_STACK || r->subject == SUBJECT_FRAME)
			return fix(a, "RSP = 0x%" PRIx64 " is no mapped stack (never set, or overflowed): load a "
			           "valid one, and give #DF one of its own "
			           "(IST) so that its handler can tell", a->c->s->gpr[GPR_RSP]);
		if (r->subject == SUBJECT_IDT || r->subject == SUBJECT_DESCRIPTOR || r->subject == SUBJECT_TSS)
			return fix(a, "keep the page of that table mapped in every address space");
		if (r->address < X86_PAGE_SIZE)
			return fix(a, "it uses a null pointer: find where that comes from");
		return fix(a, "map that page, or correct the address");
	}
}

static bool fix_vendor(struct account *a, const struct reason *r)
{
	rules(a, "B20", "B19", NULL);
	if (strstr(r->why, "SYSENTER") || strstr(r->why, "SYSEXIT"))
		return fix(a, "use SYSCALL in long mode on AMD (SYSENTER exists there in 32-bit kernels alone)");
	return fix(a, "use INT n or SYSENTER for 32-bit programs on Intel");
}

bool remedy_instruction(struct account *a)
{
	const struct reason *r = a->first;

	switch (r->cause) {
	case CAUSE_SCE:
		rules(a, "B05", NULL, NULL);
		return fix(a, "set EFER.SCE (bit 0 of MSR C0000080h) on every CPU before SYSCALL or SYSRET runs there");
	case CAUSE_VENDOR:
		return fix_vendor(a, r);
	case CAUSE_SYSENTER_CS:
		rules(a, "B20", NULL, NULL);
		return fix(a, "write the kernel's code selector to IA32_SYSENTER_CS (MSR 174h)");
	case CAUSE_NESTED_TASK:
		rules(a, "B10", NULL, NULL);
		return fix(a, "let FMASK (MSR C0000084h) clear NT, bit 14");
	case CAUSE_TSS_BUSY:
		return fix(a, "run LTR once for each TSS, or clear the busy bit (type B -> 9) before");
	case CAUSE_FPU_OFF:
		return fix(a, "set CR4.OSFXSR (and OSXSAVE with XCR0 for AVX) and clear CR0.EM before such code runs, "
		           "or compile the kernel with "
		           "-mgeneral-regs-only");
	case CAUSE_TASK_SWITCHED:
		return fix(a, "CLTS, or a #NM handler, before such code runs");
	case CAUSE_PRIVILEGE:
	case CAUSE_IOPL:
		return fix(a, "ring 3 has to ask the kernel for it");
	case CAUSE_UD2:
		return fix(a, "see what the code before it checks");
	case CAUSE_OPCODE:
		return fix(a, "this is no code, or code for another mode: see how RIP got here");
	case CAUSE_DIVIDE:
	case CAUSE_OVERFLOW:
		return fix(a, "check the operands before the division");
	case CAUSE_MSR:
		return fix(a, "ask CPUID whether the MSR is there, and write a value that it takes");
	case CAUSE_NONCANONICAL:
		return fix(a, "correct the address: bits 63:47 must all be equal");
	case CAUSE_ALIGNMENT:
		return fix(a, "align the operand (a stack that is off by 8 does this)");
	case CAUSE_SELECTOR_NULL:
	case CAUSE_SELECTOR_BEYOND:
	case CAUSE_SELECTOR_TYPE:
	case CAUSE_SELECTOR_DPL:
	case CAUSE_SELECTOR_RPL:
	case CAUSE_SELECTOR_ABSENT:
	case CAUSE_SELECTOR_MODE:
		return fix(a, "load a selector that fits, or correct that descriptor");
	case CAUSE_SEGMENT_NULL:
	case CAUSE_SEGMENT_LIMIT:
	case CAUSE_SEGMENT_TYPE:
		return fix(a, "load that segment register with a segment that covers the address");
	case CAUSE_IDT_LIMIT:
	case CAUSE_IDT_TYPE:
	case CAUSE_IDT_ABSENT:
		return fix(a, "put a gate for that vector in the IDT");
	case CAUSE_IDT_DPL:
		return fix(a, "set DPL 3 in that gate if ring 3 may use it");
	case CAUSE_LOCK:
		return fix(a, "remove the LOCK prefix");
	default:
		return r->cause >= CAUSE_NOT_MAPPED && r->cause <= CAUSE_TABLE_OUTSIDE && fix_page(a, r);
	}
}

bool remedy_delivery(struct account *a)
{
	const struct reason *r = a->second;

	switch (r->cause) {
	case CAUSE_IDT_LIMIT:
		if (a->c->s->idtr.limit < (a->c->s->efer & X86_EFER_LMA ? 16 : 8))
			return fix(a, "load an IDT (LIDT) with a gate for every exception before anything can fault");
		return fix(a, "make the IDT long enough for every exception: 32 gates at least, 256 to be safe");
	case CAUSE_IDT_TYPE:
	case CAUSE_IDT_ABSENT:
		return fix(a, "put a present 64-bit interrupt gate (type Eh) there: %s has none", r->blame.name);
	case CAUSE_SELECTOR_NULL:
	case CAUSE_SELECTOR_BEYOND:
	case CAUSE_SELECTOR_TYPE:
	case CAUSE_SELECTOR_DPL:
	case CAUSE_SELECTOR_RPL:
	case CAUSE_SELECTOR_ABSENT:
	case CAUSE_SELECTOR_MODE:
		if (r->subject == SUBJECT_TSS)
			return fix(a, "put a present, writable data segment of DPL %u into SS%u of the TSS",
			           a->failed->cpl == 3 ? 0 : a->failed->cpl,
			           a->failed->cpl == 3 ? 0 : a->failed->cpl);
		return fix(a, "let the gate name the kernel's own code segment");
	case CAUSE_TSS_LIMIT:
		rules(a, "B16", NULL, NULL);
		return fix(a, "load TR (LTR) with a TSS of 104 bytes that holds the kernel's stacks");
	case CAUSE_NONCANONICAL:
		if (r->subject == SUBJECT_HANDLER)
			return fix(a, "correct the offset in that gate");
		return fix(a, "RSP must be a mapped kernel stack whenever something can fault");
	default:
		return fix_page(a, r);
	}
}
