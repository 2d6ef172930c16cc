/*
 * Whether an access to memory passes: segment limits and types, canonical
 * addresses, and the page tables level by level.
 *
 * SDM vol. 3A, 4.6, 4.7 and 5.3 to 5.5; SDM vol. 1, 3.3.7.1.
 */
#include "death/reason.h"

#include "image/image.h"
#include "kvm/kvm.h"
#include "x86.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The page fault's error code, SDM vol. 3A, figure 4-12. */
#define PF_PRESENT      0x01
#define PF_WRITE        0x02
#define PF_USER         0x04
#define PF_RESERVED     0x08
#define PF_FETCH        0x10

#define CR4_SMAP        X86_BIT(21)
#define RFLAGS_AC       X86_RFLAGS_AC

const char *address_text(const struct scene *c, uint64_t address, char *text, size_t size)
{
	const char *symbol = c->view->symbols ? symbols_text(c->view->symbols, address) : NULL;

	if (symbol)
		snprintf(text, size, "0x%" PRIx64 " (%.64s)", address, symbol);
	else
		snprintf(text, size, "0x%" PRIx64, address);
	return text;
}

static bool nx_on(const struct x86_state *s)
{
	return s->efer & X86_EFER_NXE && s->cr4 & X86_CR4_PAE;
}

static uint32_t error_code(const struct scene *c, const struct access *a, bool present, bool reserved)
{
	return (present ? PF_PRESENT : 0) | (a->write ? PF_WRITE : 0) | (a->user ? PF_USER : 0) |
	       (reserved ? PF_RESERVED : 0) | (a->fetch && (nx_on(c->s) || c->s->cr4 & X86_CR4_SMEP) ? PF_FETCH : 0);
}

static const char *touched(const struct access *a)
{
	switch (a->subject) {
	case SUBJECT_CODE:
	case SUBJECT_BRANCH:
		return "the instruction's address";
	case SUBJECT_HANDLER:
		return "the handler's address";
	case SUBJECT_STACK:
		return "the stack at";
	case SUBJECT_FRAME:
		return "the stack that the frame is pushed on, at";
	case SUBJECT_DESCRIPTOR:
		return "the descriptor table at";
	case SUBJECT_IDT:
		return "the IDT at";
	case SUBJECT_TSS:
		return "the TSS at";
	default:
		return a->write ? "the memory that it writes at" : "the memory that it reads at";
	}
}

/* What is wrong with one entry that was present: the first level whose bit forbids the access. */
static const struct page_walk_entry *without(const struct page_walk *w, uint64_t mask, bool set)
{
	for (unsigned n = 0; n < w->count; n++) {
		if (w->levels == 3 && w->entry[n].level == 3)
			continue;
		if (!(w->entry[n].value & mask) == !set)
			return &w->entry[n];
	}
	return NULL;
}

/* An entry with bits set that must be 0: SDM vol. 3A, tables 4-14 to 4-20. */
static const struct page_walk_entry *reserved_entry(const struct scene *c, const struct page_walk *w)
{
	for (unsigned n = 0; n < w->count; n++) {
		const struct page_walk_entry *e = &w->entry[n];
		const bool large = e->level > 1 && e->value & X86_PTE_PS;

		if (w->entry_size != 8 || !(e->value & X86_PTE_P) || (w->levels == 3 && e->level == 3))
			continue;
		if (e->value >> 63 && !(c->s->efer & X86_EFER_NXE))
			return e;
		if (e->level >= 4 && e->value & X86_PTE_PS)
			return e;
		if (large && e->level == 2 && e->value & 0x1fe000)
			return e;
		if (large && e->level == 3 && e->value & 0x3fffe000)
			return e;
	}
	return NULL;
}

struct verdict_page {
	enum cause cause;
	const struct page_walk_entry *entry;
	const char *what;
};

/* Rights of a page that is there.  SDM vol. 3A, 4.6.1. */
static struct verdict_page check_rights(const struct scene *c, const struct access *a, const struct page_walk *w)
{
	const struct x86_state *s = c->s;

	if (a->user && !w->map.user)
		return (struct verdict_page){ CAUSE_SUPERVISOR, without(w, X86_PTE_U, false), "is a supervisor page" };
	if (a->write && !w->map.writable && (a->user || s->cr0 & X86_CR0_WP))
		return (struct verdict_page){ CAUSE_READ_ONLY, without(w, X86_PTE_W, false), "is mapped read-only" };
	if (a->fetch && w->map.nx && nx_on(s))
		return (struct verdict_page){ CAUSE_NX, without(w, X86_PTE_NX, true), "is mapped no-execute" };
	if (a->fetch && !a->user && w->map.user && s->cr4 & X86_CR4_SMEP)
		return (struct verdict_page){ CAUSE_SMEP, NULL,
			"is a user page, and CR4.SMEP keeps ring 0 from executing those" };
	if (!a->fetch && !a->user && w->map.user && s->cr4 & CR4_SMAP && (a->implicit || !(s->rflags & RFLAGS_AC)))
		return (struct verdict_page){ CAUSE_SMAP, NULL,
			"is a user page, and CR4.SMAP keeps ring 0 from touching those while RFLAGS.AC is 0" };
	return (struct verdict_page){ CAUSE_UNKNOWN, NULL, NULL };
}

static void raise_page(const struct scene *c, const struct access *a, uint64_t linear, const struct page_walk *w,
                       const struct verdict_page *v, bool present, bool reserved, struct reason *r)
{
	const struct page_walk_entry *e = v->entry ? v->entry : w->count ? &w->entry[w->count - 1] : NULL;
	char where[96], entry[96] = "";

	if (e) {
		blame_entry(&r->blame, e, w->entry_size);
		snprintf(entry, sizeof entry, " (%s at 0x%" PRIx64 " is 0x%" PRIx64 ")", r->blame.name, e->gpa,
		         e->value);
	}
	reason_raise(r, X86_VECTOR_PF, v->cause, "%s %s %s%s", touched(a),
	             address_text(c, linear, where, sizeof where), v->what,
	             entry);
	r->brief = (unsigned)(strlen(r->why) - strlen(entry));
	reason_error(r, error_code(c, a, present, reserved));
	r->has_cr2 = true;
	r->cr2 = linear;
	r->subject = a->subject;
	r->address = linear;
}

static bool page_fault_at(const struct scene *c, const struct access *a, uint64_t linear, struct reason *r)
{
	struct verdict_page v = { CAUSE_UNKNOWN, NULL, NULL };
	const struct page_walk_entry *bad;
	struct page_walk w;

	view_walk(c->view, c->s, linear, &w);
	if (!w.levels)
		return false;
	bad = reserved_entry(c, &w);
	if (bad) {
		v = (struct verdict_page){ CAUSE_RESERVED, bad, bad->value >> 63 && !(c->s->efer & X86_EFER_NXE) ?
			"is mapped with NX set while EFER.NXE is 0" : "is mapped by an entry with a reserved bit set" };
		raise_page(c, a, linear, &w, &v, true, true, r);
		return true;
	}
	if (!w.mapped) {
		const bool outside = w.count && w.entry[w.count - 1].outside;

		v = (struct verdict_page){ outside ? CAUSE_TABLE_OUTSIDE : CAUSE_NOT_MAPPED, NULL,
			outside ? "needs a page table that lies outside memory" : "is not mapped" };
		raise_page(c, a, linear, &w, &v, false, false, r);
		return true;
	}
	v = check_rights(c, a, &w);
	if (v.cause == CAUSE_UNKNOWN)
		return false;
	raise_page(c, a, linear, &w, &v, true, false, r);
	return true;
}

bool page_fault(const struct scene *c, const struct access *a, struct reason *r)
{
	const uint64_t end = a->linear + (a->size ? a->size - 1 : 0);

	if (page_fault_at(c, a, a->linear, r))
		return true;
	/* No access of one instruction is longer than two pages but XSAVE's. */
	for (unsigned n = 0; n < 4; n++) {
		const uint64_t next = (a->linear & -(uint64_t)X86_PAGE_SIZE) + (n + 1) * (uint64_t)X86_PAGE_SIZE;

		if (end - a->linear < next - a->linear)
			break;
		if (page_fault_at(c, a, next, r))
			return true;
	}
	return false;
}

bool table_fault(const struct scene *c, uint64_t linear, unsigned size, enum subject subject, struct reason *r)
{
	return page_fault(c, &(struct access){ .linear = linear, .size = size, .implicit = true, .subject = subject },
	                  r);
}

static bool canonical_fault(const struct scene *c, bool is_stack, const struct access *a, struct reason *r)
{
	const bool la57 = c->s->cr4 & X86_CR4_LA57;
	const uint64_t last = a->linear + (a->size ? a->size - 1 : 0);
	const uint64_t bad = is_canonical(a->linear, la57) ? last : a->linear;
	char where[96];

	if (is_canonical(a->linear, la57) && is_canonical(last, la57))
		return false;
	reason_raise(r, is_stack ? X86_VECTOR_SS : X86_VECTOR_GP, CAUSE_NONCANONICAL, "%s %s %s", touched(a),
	             address_text(c, bad, where, sizeof where),
	             a->fetch ? "is not canonical" : "has no canonical address");
	reason_error(r, 0);
	r->subject = a->subject;
	r->address = bad;
	return true;
}

/* Outside 64-bit mode: SDM vol. 3A, 5.3 and 5.4. */
static bool limit_fault(const struct x86_segment *segment, bool is_stack, uint64_t offset, const struct access *a,
                        struct reason *r)
{
	const uint8_t vector = is_stack ? X86_VECTOR_SS : X86_VECTOR_GP;
	const uint64_t last = offset + (a->size ? a->size - 1 : 0);
	const bool code = segment->type & 8, down = !code && segment->type & 4;
	const uint64_t top = segment->db ? UINT32_MAX : UINT16_MAX;

	if (segment->unusable) {
		reason_raise(r, vector, CAUSE_SEGMENT_NULL, "%s 0x%" PRIx64 " is reached through a segment register "
		             "that holds a null selector",
		             touched(a), offset);
	} else if (down ? offset <= segment->limit || last > top : last > segment->limit) {
		reason_raise(r, vector, CAUSE_SEGMENT_LIMIT, "%s 0x%" PRIx64 " lies beyond the limit 0x%" PRIx32 " of "
		             "segment %02X", touched(a),
		             offset, segment->limit, segment->selector);
	} else if (segment->s && a->write && (code || !(segment->type & 2))) {
		reason_raise(r, vector, CAUSE_SEGMENT_TYPE, "it writes through segment %02X, which is %s",
		             segment->selector,
		             code ? "code" : "read-only data");
	} else if (segment->s && !a->write && !a->fetch && code && !(segment->type & 2)) {
		reason_raise(r, vector, CAUSE_SEGMENT_TYPE, "it reads through segment %02X, which is execute-only "
		             "code", segment->selector);
	} else {
		return false;
	}
	reason_error(r, 0);
	r->subject = a->subject;
	r->selector = segment->selector;
	r->address = segment->base + offset;
	return true;
}

bool segment_fault(const struct scene *c, const struct x86_segment *segment, bool is_stack, uint64_t offset,
                   const struct access *a, struct reason *r)
{
	if (x86_mode(c->s) == MODE_64 ? canonical_fault(c, is_stack, a, r) :
	    limit_fault(segment, is_stack, offset, a, r))
		return true;
	return page_fault(c, a, r);
}
