/*
 * The report's last sentence: what happened, what rule was broken, and what
 * would mend it.  Looks for the mistakes that kernels' gates really have
 * before it falls back on what each cause has in general.
 */
#include "death/death.h"

#include "x86.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FIX_SIZE 320
/* As far as calls of ring 0 get below the RSP that a SYSCALL came with. */
#define USER_STACK_REACH 0x10000

/* What the sentence is made from. */
struct account {
	const struct death_input *in;
	const struct scene *c;
	struct death *d;
	const struct link *instruction;         /* or NULL: an exception without one */
	const struct link *failed;              /* the first delivery that failed, or handler that could not run; or NULL */
	const struct reason *first;             /* why the instruction faulted; or NULL */
	const struct reason *second;            /* why its handler could not be entered; or NULL */
	uint64_t deep;                  /* so many handlers of exceptions were under way on this stack */
	char fix[FIX_SIZE];
	const char *rules[4];           /* of the linter, that may explain it; ends with NULL */
};

static bool fix(struct account *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool fix(struct account *a, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(a->fix, sizeof a->fix, format, list);
	va_end(list);
	return true;
}

static void rules(struct account *a, const char *one, const char *two, const char *three)
{
	a->rules[0] = one;
	a->rules[1] = two;
	a->rules[2] = three;
}

/* --- mistakes that have a name --- */

/* The last gate of that kind, with nothing behind it that led to ring 3, and few others. */
static const struct record *last_gate(const struct account *a, enum gate_kind kind)
{
	for (unsigned n = 0; n < 8; n++) {
		const struct record *r = recorder_last_on(a->in->recorder, a->in->end->cpu, n);

		if (r && r->kind == kind && !r->exception)
			return r;
		if (!r || r->target_cpl > r->cpl)
			return NULL;
	}
	return NULL;
}

/* Since the last SYSCALL nothing has moved RSP away from the user's stack. */
static bool on_user_stack(struct account *a)
{
	const struct record *entry = last_gate(a, GATE_SYSCALL);
	const uint64_t rsp = a->c->s->gpr[GPR_RSP];
	const bool stack = (a->first && a->first->subject == SUBJECT_STACK) || (a->second && a->second->subject == SUBJECT_FRAME);

	if (!entry || a->c->s->cpl || !stack)
		return false;
	if (entry->rsp - rsp > USER_STACK_REACH && rsp - entry->rsp > X86_PAGE_SIZE)
		return false;
	rules(a, "B12", "B06", "B13");
	return fix(a, "the kernel is still on the user's stack (RSP = 0x%" PRIx64 "), as SYSCALL switches none: load a kernel stack before "
	           "the first push, and let FMASK clear IF until then", rsp);
}

static bool tss_stack(struct account *a)
{
	const struct reason *r = a->second && a->second->subject == SUBJECT_FRAME ? a->second : a->first;
	const struct blame *b = r ? &r->blame : NULL;

	if (!b || r->subject != SUBJECT_FRAME || b->kind != BLAME_TSS)
		return false;
	rules(a, "B16", NULL, NULL);
	return fix(a, "write the top of a mapped, writable kernel stack to %s (0x%" PRIx64 " in memory) before ring 3 runs", b->name,
	           b->address);
}

/* A frame on a stack from the TSS that is not mapped, though the slot is filled. */
static bool tss_stack_unmapped(struct account *a)
{
	if (!a->second || a->second->subject != SUBJECT_FRAME || !strstr(a->second->why, "(from TSS."))
		return false;
	rules(a, "B16", NULL, NULL);
	return fix(a, "map that stack writable for ring 0, or write another one's top to the TSS");
}

/* A loaded selector that is one of those that SYSCALL or SYSRET makes from STAR. */
static bool star_order(struct account *a)
{
	const struct reason *r = a->first;
	const uint64_t star = a->c->s->msr.star;
	const uint16_t user = (uint16_t)(star >> 48), kernel = (uint16_t)(star >> 32);
	const uint16_t ss = (uint16_t)((user + 8) & ~X86_SELECTOR_RPL), cs = (uint16_t)((user + 16) & ~X86_SELECTOR_RPL);
	const uint16_t named = r ? r->selector & (uint16_t)~X86_SELECTOR_RPL : 0;

	if (!r || !star || r->cause < CAUSE_SELECTOR_NULL || r->cause > CAUSE_SELECTOR_MODE || !named)
		return false;
	if (r->names_ss && r->cause == CAUSE_SELECTOR_RPL && named == ss && !(user & X86_SELECTOR_RPL)) {
		rules(a, "B02", NULL, NULL);
		return fix(a, "STAR[63:48] = %02X has RPL 0, and AMD's SYSRET loads SS with STAR[63:48]+8 = %02X as it is: write %02X there (RPL 3)",
		           user, (uint16_t)(user + 8), user | 3);
	}
	if (r->names_ss && r->cause == CAUSE_SELECTOR_RPL && kernel & X86_SELECTOR_RPL &&
	    named == ((kernel + 8) & ~X86_SELECTOR_RPL)) {
		rules(a, "B25", NULL, NULL);
		return fix(a, "STAR[47:32] = %02X has RPL %u, and SYSCALL loads SS with STAR[47:32]+8 = %02X as it is: write %02X there (RPL 0)",
		           kernel, kernel & 3, (uint16_t)(kernel + 8), kernel & ~3);
	}
	if ((named == ss && r->names_ss) || (named == cs && !r->names_ss)) {
		rules(a, "B01", "B22", NULL);
		return fix(a, "SYSRET makes CS %02X from STAR[63:48]+16 and SS %02X from STAR[63:48]+8, so the GDT must have there, in this order "
		           "from %02Xh on: user code32, user data, user code64", cs | 3, ss | 3, user & ~3);
	}
	if (r->cause == CAUSE_SELECTOR_RPL || r->cause == CAUSE_SELECTOR_DPL)
		rules(a, "B25", "B02", "B01");
	return false;
}

/* SYSCALL or SYSENTER led to where no code can be fetched. */
static bool entry_not_mapped(struct account *a)
{
	const struct x86_state *s = a->c->s;
	const struct reason *r = a->first;
	const char *name = NULL;

	if (!r || r->subject != SUBJECT_CODE || s->cpl || !(r->cause <= CAUSE_NONCANONICAL && r->cause != CAUSE_UNKNOWN))
		return false;
	if (last_gate(a, GATE_SYSCALL))
		name = s->rip == s->msr.lstar ? "LSTAR" : s->rip == s->msr.cstar ? "CSTAR" : NULL;
	else if (last_gate(a, GATE_SYSENTER) && s->rip == s->msr.sysenter_eip)
		name = "SYSENTER_EIP";
	if (!name)
		return false;
	rules(a, "B23", "B19", "B20");
	if (!s->rip)
		return fix(a, "IA32_%s is 0: write the entry's address to it before ring 3 can get there", name);
	return fix(a, "IA32_%s must lead to code that is mapped and executable for ring 0 in the page tables that the user runs on "
	           "(CR3 = 0x%" PRIx64 "): map it there", name, s->cr3);
}

/* The same for SYSEXIT, which has 32-bit segments behind IA32_SYSENTER_CS and 64-bit ones behind these. */
static bool sysenter_order(struct account *a)
{
	const struct reason *r = a->first;
	const uint16_t base = (uint16_t)(a->c->s->msr.sysenter_cs & ~(uint64_t)X86_SELECTOR_RPL);
	const uint16_t named = r ? r->selector & (uint16_t)~X86_SELECTOR_RPL : 0;

	if (!r || !base || r->cause < CAUSE_SELECTOR_NULL || r->cause > CAUSE_SELECTOR_MODE ||
	    named < base || named > base + 40)
		return false;
	rules(a, "B20", "B01", NULL);
	return fix(a, "SYSENTER and SYSEXIT make their selectors from IA32_SYSENTER_CS = %02X by adding, so the GDT must have there, in this "
	           "order from %02Xh on: kernel code, kernel data, user code32, user data", base, base);
}

/* SYSCALL let the program's TF into ring 0. */
static bool trap_flag(struct account *a)
{
	const struct x86_state *s = a->c->s;

	if (!a->first || a->first->vector != X86_VECTOR_DB || s->cpl || !last_gate(a, GATE_SYSCALL))
		return false;
	rules(a, "B09", "B21", NULL);
	if (s->msr.fmask & X86_RFLAGS_TF)
		return fix(a, "a debug exception of the program's was due behind SYSCALL: give #DB a stack of its own (IST), and let its handler "
		           "find out whose GS it has");
	return fix(a, "FMASK = 0x%" PRIx64 " lets the program's TF into ring 0: let it clear TF, bit 8", s->msr.fmask);
}

static bool at_cstar_zero(struct account *a)
{
	const struct record *entry = last_gate(a, GATE_SYSCALL);

	if (!entry || entry->target || a->c->s->cpl)
		return false;
	rules(a, "B19", "B23", NULL);
	return fix(a, "SYSCALL led to address 0, as IA32_%s was never written: point it at an entry",
	           a->c->s->msr.lstar ? "CSTAR" : "LSTAR");
}

static bool swapgs(struct account *a)
{
	const struct x86_state *s = a->c->s;
	const struct reason *r = a->first;

	if (!r || !a->instruction || s->cpl || !strstr(a->instruction->text, "gs:") ||
	    (r->vector != X86_VECTOR_PF && r->vector != X86_VECTOR_GP))
		return false;
	rules(a, "B14", "B15", NULL);
	return fix(a, "GS.base is 0x%" PRIx64 " and KERNEL_GS_BASE 0x%" PRIx64 ": %s", s->gs.base, s->msr.kernel_gs_base,
	           s->msr.kernel_gs_base ? "SWAPGS must run once on each entry from ring 3, before the first GS access, and once before each return" :
	           "write the kernel's block to KERNEL_GS_BASE, and run SWAPGS once on each entry from ring 3");
}

static bool user_page(struct account *a)
{
	const struct reason *r = a->first;

	if (!r || r->cause != CAUSE_SUPERVISOR)
		return false;
	rules(a, "B24", NULL, NULL);
	return fix(a, "set U (bit 2) in %s: a page is ring 3's only if U is set at every level", r->blame.name);
}

/* Ring 3 is where no code can be, right after a return. */
static bool bad_return(struct account *a)
{
	const struct x86_state *s = a->c->s;
	const struct record *back = last_gate(a, GATE_SYSRET);
	const struct reason *r = a->first;

	if (r && r->cause == CAUSE_NONCANONICAL && a->instruction && strstr(a->instruction->text, "sysret")) {
		rules(a, "B04", NULL, NULL);
		return fix(a, "check that RCX is canonical before SYSRET and return by IRETQ otherwise: this #GP comes in ring 0, on the user's stack");
	}
	if (!back || !r || s->cpl != 3 || back->target != s->rip)
		return false;
	if (x86_mode(s) == MODE_COMPAT) {
		rules(a, "B03", NULL, NULL);
		return fix(a, "SYSRET without REX.W went to compatibility mode with RIP cut to 32 bits: use SYSRETQ (48 0F 07) for 64-bit code");
	}
	if (r->cause == CAUSE_NONCANONICAL) {
		rules(a, "B04", NULL, NULL);
		return fix(a, "SYSRET was given a non-canonical RCX, which Intel refuses in ring 0: check it before the return");
	}
	return false;
}

/* --- what each cause has in general --- */

static bool fix_fetch(struct account *a, const struct reason *r)
{
	switch (r->cause) {
	case CAUSE_NX:
		return fix(a, "clear NX (bit 63) there, or correct the address that led here");
	case CAUSE_SMEP:
		return fix(a, "ring 0 must run code of supervisor pages: clear U there, or correct the address that led here");
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
		return fix(a, r->blame.value >> 63 ? "set EFER.NXE before a page table has NX" : "clear the reserved bits in that entry");
	case CAUSE_TABLE_OUTSIDE:
		return fix(a, "correct the table's address in the entry above it");
	default:
		if (r->subject == SUBJECT_STACK || r->subject == SUBJECT_FRAME)
			return fix(a, "RSP = 0x%" PRIx64 " is no mapped stack (never set, or overflowed): load a valid one, and give #DF one of its own "
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

static bool fix_instruction(struct account *a)
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
		return fix(a, "set CR4.OSFXSR (and OSXSAVE with XCR0 for AVX) and clear CR0.EM before such code runs, or compile the kernel with "
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

static bool fix_delivery(struct account *a)
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
			return fix(a, "put a present, writable data segment of DPL %u into SS%u of the TSS", a->failed->cpl == 3 ? 0 : a->failed->cpl,
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

static void find_fix(struct account *a)
{
	/* With no handler at all any exception is fatal: what raised it is the news. */
	const bool no_handler = a->second && reason_no_handler(a->second);

	if (on_user_stack(a) || tss_stack(a) || tss_stack_unmapped(a) || entry_not_mapped(a) || bad_return(a) || star_order(a) ||
	    sysenter_order(a) || trap_flag(a) || at_cstar_zero(a) || swapgs(a) || user_page(a))
		return;
	if (no_handler && a->first && a->first->cause != CAUSE_UD2 && fix_instruction(a)) {
		snprintf(a->fix + strlen(a->fix), sizeof a->fix - strlen(a->fix), "; and %s, so that a handler can tell",
		         a->second->cause == CAUSE_IDT_LIMIT ? "load an IDT (LIDT) early" : "put a gate for it into the IDT");
		return;
	}
	if (a->second)
		fix_delivery(a);
	else if (a->first)
		fix_instruction(a);
}

static const char *end_text(const struct account *a)
{
	const char *end = a->d->end;

	if (!strcmp(end, "triple-fault"))
		return "triple fault";
	if (!strcmp(end, "fault-loop"))
		return "endless fault";
	if (!strcmp(end, "lost"))
		return "it got away";
	return a->d->note ? "its last exception" : end;
}

static void put(struct account *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct account *a, const char *format, ...)
{
	char *text = a->d->sentence;
	const size_t length = strlen(text);
	va_list list;

	va_start(list, format);
	vsnprintf(text + length, sizeof a->d->sentence - length, format, list);
	va_end(list);
}

static void put_why(struct account *a, const struct reason *r)
{
	put(a, "%.*s", r->brief ? (int)r->brief : (int)sizeof r->why, r->why);
}

static bool is_transfer(const char *text)
{
	static const char *const begins[] = { "j", "call", "ret", "iret", "sys", "int", "loop" };

	for (unsigned n = 0; n < sizeof begins / sizeof *begins; n++)
		if (!strncmp(text, begins[n], strlen(begins[n])))
			return true;
	return false;
}

/* Where an instruction that cannot be fetched was jumped to from. */
static void put_way(struct account *a)
{
	for (unsigned n = 1; n < a->d->line_count; n++) {
		const struct disassembled *from = &a->d->line[n - 1];

		if (!a->d->line[n].here || !a->d->line[n].gap || !is_transfer(from->text))
			continue;
		if (from->symbol)
			put(a, " (by way of %s at %.80s)", from->text, from->symbol);
		else
			put(a, " (by way of %s at 0x%" PRIx64 ")", from->text, from->rip);
	}
}

static void put_instruction(struct account *a)
{
	const struct link *l = a->instruction;
	const bool fetched = a->first->subject != SUBJECT_CODE;
	char name[16];

	if (fetched)
		put(a, "%s at ", l->text);
	else
		put(a, "the code at ");
	if (l->symbol)
		put(a, "%.80s", l->symbol);
	else
		put(a, "0x%" PRIx64, l->rip);
	if (!fetched)
		put_way(a);
	if (a->deep > 1)
		put(a, ", %" PRIu64 " handlers deep,", a->deep);
	put(a, " raised %s: ", vector_text(a->first->vector, name, sizeof name));
	put_why(a, a->first);
}

static void put_delivery(struct account *a)
{
	const struct reason *r = a->second;

	if (a->failed->kind == LINK_HANDLER) {
		put(a, "; its handler cannot run, as ");
		put_why(a, r);
	} else if (a->first && !strcmp(r->why, a->first->why)) {
		put(a, "; and its handler would be entered the same way");
	} else if (a->first && r->has_cr2 && a->first->has_cr2 && r->cr2 >> 12 == a->first->cr2 >> 12) {
		put(a, "; and its frame would go to the same page");
	} else {
		put(a, "; its handler could not be entered, as ");
		put_why(a, r);
	}
}

static void put_finding(struct account *a)
{
	for (unsigned n = 0; n < 3 && a->rules[n]; n++) {
		const struct recorded_finding *f = recorder_find(a->in->recorder, a->rules[n]);

		if (!f)
			continue;
		a->d->finding = *f;
		put(a, " (rule %s %s)", f->id, f->name);
		return;
	}
}

static void put_sentence(struct account *a)
{
	struct fault_loop loop;
	char name[16];

	put(a, "%s: ", end_text(a));
	if (a->instruction)
		put_instruction(a);
	else
		put(a, "%s was due", vector_text(a->failed->vector, name, sizeof name));
	if (a->second)
		put_delivery(a);
	else if (recorder_loops(a->in->recorder, a->in->end->cpu, &loop))
		put(a, loop.nested ? "; and this is inside its own handler, again and again" : "; its handler returns with nothing mended");
	if (*a->fix)
		put(a, "; fix: %s", a->fix);
	put_finding(a);
}

/* An end that no exception made: what it was, how the guest got there, and what the linter saw coming. */
static void put_account(struct account *a)
{
	const struct recorded_finding *f = recorder_finding_last(a->in->recorder);

	put(a, "%s", a->in->end->account);
	put_way(a);
	if (!f)
		return;
	a->d->finding = *f;
	put(a, "; before that: %s (rule %s %s)", f->text, f->id, f->name);
}

void death_sentence(const struct death_input *in, const struct scene *c, struct death *d)
{
	struct account a = { .in = in, .c = c, .d = d, .instruction = chain_find(&d->chain, LINK_INSTRUCTION) };

	for (unsigned n = 0; n < d->chain.count && !a.failed; n++) {
		const struct link *l = &d->chain.link[n];

		if ((l->kind == LINK_DELIVERY && !l->entered) || l->kind == LINK_HANDLER)
			a.failed = l;
	}
	if (chain_find(&d->chain, LINK_EARLIER))
		a.deep = recorder_depth(in->recorder, in->end->cpu);
	a.first = a.instruction && a.instruction->reason.raised ? &a.instruction->reason : NULL;
	a.second = a.failed ? &a.failed->reason : NULL;
	if (!a.first && !(d->chain.no_instruction && a.failed)) {
		put_account(&a);
		return;
	}
	find_fix(&a);
	put_sentence(&a);
}
