/*
 * One guest, from file to summary.
 */
#ifndef RUN_H
#define RUN_H

#include "check/check.h"
#include "check/tape.h"
#include "kvm/kvm.h"
#include "options.h"
#include "sink/sink.h"

#include <stdbool.h>
#include <stdint.h>

struct image;
struct ring_record;
struct boot_files;

enum exit_status {
	EXIT_STATUS_OK = 0,
	EXIT_STATUS_CONTRADICTED = 1,
	EXIT_STATUS_USAGE = 2,
	EXIT_STATUS_CANNOT_RUN = 3,
	EXIT_STATUS_DIED = 4,
	EXIT_STATUS_TIMEOUT = 5
};

struct run_request {
	const struct image *image;
	const struct boot_files *files;
	uint64_t memory_size;
	unsigned cpus;
	bool cpu_vendor_set;
	enum vendor cpu_vendor;
	unsigned timeout_seconds;       /* 0: none */
	enum watch_method watch;        /* WATCH_STEP, WATCH_BREAK, WATCH_GATES, WATCH_RING, or WATCH_NONE: the guest runs untouched */
	bool patient;                   /* WATCH_STEP, WATCH_BREAK: asked for by name, so leave nothing out */
	struct debug_ways debug_ways;
	struct sink *sink;              /* where the transitions go; NULL: only checked */
	bool (*wanted)(const void *options, const struct transition *t);       /* which ones are told */
	bool (*wants_record)(const void *options, const struct ring_record *record);    /* whether one may be */
	const void *options;
	struct tape *tape;              /* keeps what claims read of the guest; NULL: nobody wants it */
	bool timed;                     /* transitions have their time-stamp counter */
	bool lint_only;                 /* the sink gets findings, and neither transitions nor claims */
	struct sink_options look;       /* of what is told on stderr */
	bool progress;                  /* say on stderr how far it is */
	bool one_terminal;              /* the trace and stderr go to one */
	bool typed;                     /* stdin is the terminal that stderr goes to */
	struct trace_header header;
	struct check_context context;
};

/* The vCPUs of one machine. */
struct run_machine {
	struct vm *cpu[VM_CPUS_MAX];
	unsigned cpus;
};

/* Returns an enum exit_status.  A terminating signal that came is left in limit_signal (deadline.h). */
int run_guest(const struct run_request *request);

/* --- for a second run of the same guest (autopsy.c) --- */

struct ports;
struct watch;
struct run_end;

/* A machine with the guest in it, at its start.  0, or a negative errno after a message: then there is none. */
int run_start_machine(const struct run_request *request, struct run_machine *machine);
void run_stop_machine(struct run_machine *machine);
/* Its devices; what stdin brings goes to the one whose console is stderr. */
void run_ports(const struct run_request *request, const struct run_machine *machine, FILE *console, struct ports *ports);
/* Watch it to its end by the method asked for: fills what of *watch is the machine's, and stops the deadline. */
int run_watched(const struct run_request *request, const struct run_machine *machine, struct watch *watch,
                struct run_end *end);

#endif
