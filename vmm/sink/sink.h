/*
 * Where a trace goes.  One header, then transitions in order of seq, each behind
 * the findings that belong before it, then why the guest died if it did, then the
 * claims, then one summary.  A sink writes to a FILE that it does not own;
 * write errors are found by the caller with ferror.
 */
#ifndef SINK_SINK_H
#define SINK_SINK_H

#include "check/check.h"
#include "check/claims.h"
#include "lint/lint.h"
#include "watch/ring_account.h"
#include "watch/ring_record.h"
#include "watch/transition.h"

#include <stdio.h>

/* A path that this run's machine does not pass as a processor would. */
struct trace_limit {
	const char *path;               /* "SYSENTER and SYSEXIT in long mode" */
	const char *what;               /* what happens instead */
	const char *engine;             /* what can run it */
	const char *claims;             /* claims that want it, "C91 C92", or NULL */
};

struct trace_header {
	const char *guest;              /* as named on the command line, base name */
	const char *engine;             /* "kvm", "box" */
	const char *processor;          /* "amd", "intel" */
	const char *watch;              /* "step" */
	unsigned cpus;                  /* vCPUs of the guest */
	const char *provenance;         /* "QEMU 7.2 TCG, Linux 6.1.0-56-cloud-amd64, kvm_amd" */
	const struct trace_limit *limits;       /* ends with path NULL; NULL: none known */
	const struct trace_limit *unseen;       /* the same, of the watch method: what it does not see */
	bool returns;                   /* method "ring": it records them */
};

struct trace_summary {
	uint64_t events;
	uint64_t checks_held, checks_contradicted;
	unsigned findings[3];           /* by enum lint_severity */
	unsigned claims_held, claims_refuted, claims_not_exercised;
	const char *end;                /* "exit", "halt", "triple-fault", "timeout" ... */
	uint64_t code;                  /* end "exit": the value the guest wrote to the exit port */
	const char *account;            /* one sentence for a person, or NULL */
	uint64_t free_runs;             /* how often it ran freely up to the next gate, between which not all is seen */
	const struct ring_account *ring;        /* method "ring", or NULL */
	int end_status;                 /* the exit status as the end alone has it, */
	int status;                     /* and that of the program */
};

struct sink_options {
	bool colour;                    /* text: SGR sequences */
	unsigned width;                 /* text: columns, 0 unknown */
	bool lint_only;                 /* text: findings alone, neither header nor summary */
};

struct death;                           /* death/death.h */
struct sink;
struct sink_ops {
	void (*header)(struct sink *, const struct trace_header *);
	void (*transition)(struct sink *, const struct transition *, const struct check_list *);
	/*
	 * So many records of method "ring", from this one of the batch on, as they are; NULL: each is told as a
	 * transition.
	 */
	void (*records)(struct sink *, const struct ring_batch *, size_t first, size_t count);
	void (*finding)(struct sink *, const struct finding *);
	void (*death)(struct sink *, const struct death *);
	void (*claim)(struct sink *, const struct claim *, const struct claim_result *);
	void (*summary)(struct sink *, const struct trace_summary *);
	void (*flush)(struct sink *);   /* what was told so far goes out; NULL: flushing the FILE does that */
	void (*close)(struct sink *);   /* frees the sink; flushes nothing of the FILE */
};

struct sink {
	const struct sink_ops *ops;
	FILE *file;
	bool reads_checks;              /* each of them; otherwise those that do not hold, and how many do */
};

static inline void sink_flush(struct sink *sink)
{
	if (sink->ops->flush)
		sink->ops->flush(sink);
	else
		fflush(sink->file);
}

struct sink *text_sink(FILE *file, const struct sink_options *options);
struct sink *json_sink(FILE *file, const struct sink_options *options);
/* frequency: of the time-stamp counter, in Hz; 0: not known. */
struct sink *perfetto_sink(FILE *file, uint64_t frequency);

/* For a person who asked for no trace: the report without its last sentence. */
void text_death_short(FILE *file, const struct sink_options *options, const struct death *death);

/* limits.c: those of the box, or of a processor (none). */
const struct trace_limit *trace_limits(enum emulator emulator);
/* Those of method "ring", which may record returns. */
const struct trace_limit *ring_limits(bool returns);
/* The limit that keeps a claim from being exercised, or NULL. */
const struct trace_limit *limit_of_claim(const struct trace_limit *limits, const char *id);

/* --- names.c: tables that every sink shares --- */

const char *gate_kind_name(enum gate_kind kind);        /* "wrmsr", "far", "fault" ... as in JSON */
const char *mode_name(enum x86_mode mode);              /* "64", "compat", "32", "real" */
const char *msr_name(uint32_t index);                   /* "IA32_STAR", or NULL */
const char *status_name(uint32_t status);               /* "STATUS_INVALID_SYSTEM_SERVICE", or NULL */
const char *vector_name(uint8_t vector);                /* "#GP", or NULL */
/* "ZF PF IF IOPL=3": the set bits by name into text; returns text. */
const char *rflags_text(uint64_t rflags, char *text, size_t size);

/* A field's value: "#GP", "1B", "64", "0x246"; "none" where there is none.  text of 24 holds any. */
const char *field_text(enum field f, uint64_t value, bool none, char *text, size_t size);

/* The names of single bits, lowest first; ends with mask 0. */
struct bit_name {
	uint64_t mask;
	const char *name;
};
extern const struct bit_name rflags_bits[];     /* without IOPL, which is two bits wide */
extern const struct bit_name efer_bits[];
/* The flags that an MSR's value is made of (EFER, FMASK), or NULL. */
const struct bit_name *msr_bits(uint32_t index);

#endif
