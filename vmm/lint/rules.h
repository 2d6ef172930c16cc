/*
 * What the files of lint share: the rules' table, what is remembered of a run,
 * and how a finding is told.
 */
#ifndef LINT_RULES_H
#define LINT_RULES_H

#include "lint/entry_walk.h"
#include "lint/lint.h"

#define LINT_CPUS       64
#define LINT_TOLD       128
#define LINT_OPEN       64
#define LINT_SITES      1024            /* a power of two */
#define LINT_PER_RULE   8               /* findings of one rule: more would hide the others */

enum rule {
	B01 = 1, B02, B03, B04, B05, B06, B07, B08, B09, B10, B11, B12, B13, B14, B15, B16, B17, B18, B19, B20, B21,
	B22, B23, B24, B25, RULES
};

/* Which of the gate MSRs was written where: the place to blame. */
enum written { WROTE_EFER, WROTE_STAR, WROTE_LSTAR, WROTE_CSTAR, WROTE_FMASK, WROTE_SYSENTER, WROTE_GS, WRITTEN };

/* An entry that has not returned yet, or not long ago. */
struct lint_entry {
	uint64_t seq, rip, rsp, cr3, rcx;
	uint64_t kept[6];               /* what every kernel gives back: RBX, RBP, R12 to R15 */
	enum gate_kind kind;
	uint8_t vector, cpl;            /* of the interrupted code */
	enum x86_mode mode;
	bool closed;
	uint64_t stack;                 /* linear address of what lies below RSP, 0: not sampled, */
	uint8_t below[32];              /* as the entry found it */
};

/* What has been looked at; a second look is free, and there is a bound to first ones. */
struct seen {
	uint64_t key[LINT_SITES];
	unsigned count;
};
bool lint_seen(struct seen *s, uint64_t key);

struct lint_cpu {
	bool entered;                   /* ring 3 */
	uint64_t configured;            /* what was judged last, as a hash */
	uint64_t msrs_written;          /* bit n: enum written */
	uint64_t return_rcx, return_r10, return_r11;    /* as the last return to ring 3 left them */
	uint64_t entry_gs, entry_kernel_gs;             /* at the last entry from ring 3, */
	bool has_entry;
	bool told_sce;
	uint64_t lost_ss;               /* SYSRET that left ring 3 with an SS that is none for 32-bit code; 0: none */
};

struct lint {
	struct check_context processor;
	void (*found)(void *context, const struct finding *f);
	void *context;

	/* The call under way. */
	struct guest_view *view;
	const struct x86_state *state;
	uint64_t seq, rip;
	unsigned cpu;

	uint64_t last_seq;
	bool about_done;                /* lint_about has seen what comes next */
	struct { enum rule rule; uint64_t key; } told[LINT_TOLD];
	unsigned told_count;
	uint8_t told_of[RULES];

	struct lint_cpu cpus[LINT_CPUS];
	uint64_t writer[WRITTEN];       /* RIP of the last WRMSR; 0: none */
	struct x86_state at_lstar;      /* when LSTAR was written: page tables that show the kernel whole */
	bool has_lstar;
	bool sysret_used, sysretl_used;
	bool compat_seen;               /* 32-bit code has run in ring 3 of a 64-bit kernel */
	struct lint_entry open[LINT_OPEN];
	unsigned open_count;
	struct entry_facts facts[ENTRY_POINTS];
	struct seen cr3;                /* in which the entries have been looked for */
	struct seen sites;              /* user code looked at */
};

static inline struct lint_cpu *this_cpu(struct lint *l)
{
	return &l->cpus[l->cpu % LINT_CPUS];
}

static inline bool on_amd(const struct lint *l)
{
	return l->processor.vendor == VENDOR_AMD;
}

/* One finding.  Members left out are 0: no value, everywhere, at the transition under way. */
struct tell {
	enum rule rule;
	enum lint_severity severity;
	const char *vendor;             /* "amd", "intel": elsewhere than there a warning, whatever severity says */
	bool has_value, has_expected;
	uint64_t value, expected;
	uint64_t rip;                   /* to blame */
	uint64_t key;                   /* besides value: what makes it another finding */
};
#define VALUE(v)        .has_value = true, .value = (v)
#define EXPECTED(v)     .has_expected = true, .expected = (v)
#define WHAT(...)       (&(const struct tell){ .rule = __VA_ARGS__ })

void lint_tell(struct lint *l, const struct tell *what, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The entry code behind one of the gates, walked once. */
const struct entry_facts *lint_facts(struct lint *l, const struct x86_state *s, enum entry_point which);

/* A gate that leads to ring 3 if it passes, from further in. */
bool leads_to_user(const struct transition *t);
/* The state in ring 3 behind it, as the model has it; where it faults, as near as the frame tells. */
struct x86_state user_behind(const struct lint *l, const struct transition *t);
/* Whether anything comes back by IRET: there is an IDT with a gate that is present. */
bool has_idt(struct lint *l, const struct x86_state *s);
/* The GDT has 32-bit code for ring 3. */
bool has_compat_code(struct lint *l, const struct x86_state *s);
bool is_user_code(const struct x86_segment *s, bool is_long);
bool is_user_data(const struct x86_segment *s);
/* Row that selector names; unusable: none. */
struct x86_segment row(struct lint *l, const struct x86_state *s, uint16_t selector);

/* SYSCALL is set up: enabled, with a target. */
static inline bool has_syscall(const struct x86_state *s)
{
	return s->efer & 1 && s->efer >> 10 & 1 && s->msr.lstar;
}

/*
 * The rules.  Written: a gate MSR was.  Config: what ring 3 (*user) will find,
 * judged before it is entered and whenever it has changed.  Return: before
 * each return to ring 3.  Entry: before each gate from ring 3.  Passed: behind
 * each transition.
 */
void star_written(struct lint *l, const struct transition *t);
void star_config(struct lint *l, const struct x86_state *s);
void star_return(struct lint *l, const struct transition *t);
void fmask_written(struct lint *l, const struct transition *t);
void fmask_config(struct lint *l, const struct x86_state *s, const struct x86_state *user);
void tables_config(struct lint *l, const struct x86_state *s);
void tables_stack(struct lint *l, const struct x86_state *s);
void sysenter_config(struct lint *l, const struct x86_state *s);
void sysenter_about(struct lint *l, const struct transition *t);
void paging_config(struct lint *l, const struct x86_state *s);
void paging_return(struct lint *l, const struct x86_state *user);
/* The entry that a return to there ends; NULL: none that is open. */
const struct lint_entry *lint_open_entry(const struct lint *l, uint64_t rip, uint64_t rsp, uint64_t cr3);
void lint_kept_registers(const struct x86_state *s, uint64_t kept[6]);
/* An entry of any kind left ring 3 with this RSP: the program made it. */
bool lint_has_call(const struct lint *l, const struct x86_state *user);
void entry_config(struct lint *l, const struct x86_state *s);
void return_about(struct lint *l, const struct transition *t, const struct x86_state *user);
void thread_return(struct lint *l, const struct transition *t, const struct x86_state *user);
void user_about(struct lint *l, const struct transition *t);
void user_code(struct lint *l, const struct x86_state *user);
void user_watchpoints(struct lint *l, const struct x86_state *user);
void handlers_config(struct lint *l, const struct x86_state *s);
/* B12, once it is certain. */
void lint_stack_use(struct lint *l, const struct entry_facts *f, const char *gate, const char *vendor);
void entries_passed(struct lint *l, const struct transition *t);

/*
 * Whether the processor raises an exception in this state at all: kernels leave unfinished what never comes.
 * SDM vol. 3A, table 6-1; vol. 3B, 15.3.1.1 (MCE); vol. 1, 17.1.2 (CET).  256 and up, and interrupts: they come.
 */
bool lint_vector_comes(const struct x86_state *s, unsigned vector);

#endif
