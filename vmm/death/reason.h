/*
 * Why a processor raised an exception: one finding of the analysis, and the
 * bits in memory or in a register that are to blame for it.
 */
#ifndef DEATH_REASON_H
#define DEATH_REASON_H

#include "watch/guest_view.h"

/* Where the analysis looks: a state, memory through its page tables, and a vendor's rules. */
struct scene {
	struct guest_view *view;
	const struct x86_state *s;
	enum vendor vendor;
};

enum cause {
	CAUSE_UNKNOWN,
	/* page tables */
	CAUSE_NOT_MAPPED, CAUSE_READ_ONLY, CAUSE_SUPERVISOR, CAUSE_NX, CAUSE_SMEP, CAUSE_SMAP, CAUSE_RESERVED,
	CAUSE_TABLE_OUTSIDE,
	/* addresses and segments */
	CAUSE_NONCANONICAL, CAUSE_SEGMENT_NULL, CAUSE_SEGMENT_LIMIT, CAUSE_SEGMENT_TYPE,
	/* instructions */
	CAUSE_UD2, CAUSE_OPCODE, CAUSE_LOCK, CAUSE_TOO_LONG, CAUSE_SCE, CAUSE_VENDOR, CAUSE_MODE, CAUSE_FPU_OFF,
	CAUSE_PRIVILEGE,
	CAUSE_IOPL, CAUSE_DIVIDE, CAUSE_OVERFLOW, CAUSE_BOUND, CAUSE_TASK_SWITCHED, CAUSE_ALIGNMENT, CAUSE_CONTROL,
	CAUSE_MSR,
	CAUSE_SYSENTER_CS, CAUSE_NESTED_TASK, CAUSE_TRAP,
	/* selectors and what they name */
	CAUSE_SELECTOR_NULL, CAUSE_SELECTOR_BEYOND, CAUSE_SELECTOR_TYPE, CAUSE_SELECTOR_DPL, CAUSE_SELECTOR_RPL,
	CAUSE_SELECTOR_ABSENT, CAUSE_SELECTOR_MODE, CAUSE_TSS_BUSY,
	/* delivery */
	CAUSE_IDT_LIMIT, CAUSE_IDT_TYPE, CAUSE_IDT_DPL, CAUSE_IDT_ABSENT, CAUSE_TSS_LIMIT
};

/* What was touched, to say what a page or an address is of. */
enum subject {
	SUBJECT_DATA, SUBJECT_CODE, SUBJECT_STACK, SUBJECT_BRANCH, SUBJECT_DESCRIPTOR, SUBJECT_IDT, SUBJECT_TSS,
	SUBJECT_FRAME,
	SUBJECT_HANDLER
};

enum blame_kind { BLAME_NONE, BLAME_GDT, BLAME_LDT, BLAME_IDT, BLAME_TSS, BLAME_PTE, BLAME_MSR, BLAME_REGISTER };

struct blame {
	enum blame_kind kind;
	char name[48];                  /* "GDT entry 28h", "PDPTE", "IA32_EFER" */
	bool has_address;               /* linear of descriptors and the TSS, physical of page-table entries */
	uint64_t address;
	uint64_t value, high;           /* high: the upper half of a 16-byte descriptor */
	bool wide;
	char decoded[160];
};

struct reason {
	bool raised;
	uint8_t vector;
	bool has_error, has_cr2;
	uint32_t error;
	uint64_t cr2;
	enum cause cause;
	enum subject subject;
	uint64_t address;               /* linear, or the target of a branch: what could not be used */
	uint16_t selector;              /* CAUSE_SELECTOR_... */
	bool names_ss;                  /* of SS */
	char why[352];                  /* a clause: "0x8 is not mapped (PTE 0 at ...)" */
	unsigned brief;                 /* so much of it is enough for a sentence; 0: all */
	struct blame blame;
};

/* Fill an exception; why is printf's. */
void reason_raise(struct reason *r, uint8_t vector, enum cause cause, const char *why, ...)
	__attribute__((format(printf, 4, 5)));
void reason_error(struct reason *r, uint32_t error);

#define REASON_TEXT(field, ...) snprintf(field, sizeof(field), __VA_ARGS__)

/* --- describe.c --- */

/* "#GP" or "vector 29h". */
const char *vector_text(uint8_t vector, char *text, size_t size);
/* "present, 64-bit code, DPL 3" ... */
void describe_segment(struct raw_descriptor raw, char *text, size_t size);
void describe_idt_gate(struct raw_descriptor raw, bool is_long, char *text, size_t size);
/* "PML4E": the entry of that level in a table of so many levels. */
const char *table_name(unsigned level);
/* Fill blame from what a selector names, a gate of the IDT, a page-table entry, a register. */
void blame_selector(struct blame *b, const struct scene *c, uint16_t selector, struct raw_descriptor raw);
void blame_idt(struct blame *b, const struct scene *c, uint8_t vector, struct raw_descriptor raw);
void blame_entry(struct blame *b, const struct page_walk_entry *e, unsigned entry_size);
void blame_register(struct blame *b, enum blame_kind kind, const char *name, uint64_t value, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* --- access.c --- */

struct access {
	uint64_t linear;
	uint64_t size;
	bool write, fetch;
	bool user;                      /* by ring 3: neither a descriptor table's nor a frame's */
	bool implicit;                  /* of the processor's own accord: RFLAGS.AC does not lift SMAP */
	enum subject subject;
};
/* Whether page tables let it pass.  True: they do not, and *r is the #PF. */
bool page_fault(const struct scene *c, const struct access *a, struct reason *r);
/* The same for an offset into a segment: limits and types, canonical addresses, then pages. */
bool segment_fault(const struct scene *c, const struct x86_segment *segment, bool is_stack, uint64_t offset,
                   const struct access *a, struct reason *r);
/* A table's 8 or 16 bytes at base + offset, which selector or vector names, by the processor's own accord. */
bool table_fault(const struct scene *c, uint64_t linear, unsigned size, enum subject subject, struct reason *r);
/* "0x1234 (symbol+5)". */
const char *address_text(const struct scene *c, uint64_t address, char *text, size_t size);

/* --- raise.c --- */

/*
 * Which exception the instruction at RIP raises in this state, and why.  Not
 * raised: none that can be seen from here.
 */
void raise_find(const struct scene *c, struct reason *r);
/* What the bytes at RIP are, as text; "(cannot be fetched)". */
void raise_text(const struct scene *c, char *text, size_t size);
/* Whether its code can be fetched at all: first bytes of a handler. */
bool fetch_fault(const struct scene *c, enum subject subject, struct reason *r);

/* --- deliver.c --- */

struct event {
	uint8_t vector;
	bool software;                  /* INT n */
	bool has_error;
	uint32_t error;
	uint8_t length;                 /* of the INT */
};
/* Deliver it.  False: *r is the exception that this raised.  True: *after is the state at the handler, where the model has it. */
bool deliver_event(const struct scene *c, const struct event *event, struct x86_state *after, bool *known,
                   struct reason *r);

/* --- selector.c --- */

/* A selector loaded as code or stack of this privilege, by a return or a far branch: why it is refused. */
struct wanted { bool code, stack; uint8_t cpl; bool far_branch; };
bool selector_fault(const struct scene *c, uint16_t selector, const struct wanted *want, struct reason *r);
/* MOV and POP of a data or stack segment; LTR and LLDT. */
bool data_selector_fault(const struct scene *c, uint16_t selector, bool is_stack, struct reason *r);
bool system_selector_fault(const struct scene *c, uint16_t selector, bool is_tss, struct reason *r);

#endif
