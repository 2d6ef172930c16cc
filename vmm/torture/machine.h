/*
 * The torture guest in a VM, run batch by batch.
 */
#ifndef TORTURE_MACHINE_H
#define TORTURE_MACHINE_H

#include "kvm/kvm.h"
#include "torture.h"

#include <stdbool.h>

struct machine;
struct image;

/* After a message: NULL. */
struct machine *machine_open(const struct image *image, const char *name);
void machine_close(struct machine *m);

/* For deadline_start. */
struct vm *machine_vm(struct machine *m);
/* The batch: TORTURE_BATCH records, the case of each to be filled in. */
struct torture_record *machine_records(struct machine *m);
/* The control registers that the guest has. */
const struct x86_state *machine_base(const struct machine *m);

/* What a run of cases came to. */
enum machine_end {
	MACHINE_DONE,                   /* all of them have their outcome */
	MACHINE_DIED,                   /* *at killed the guest, which is ready for the next one again */
	MACHINE_STOPPED,                /* by limit_reached, at *at */
	MACHINE_FAILED                  /* after a message */
};

/* Run records first to end - 1.  how: after MACHINE_DIED, the exit with which the guest ended. */
enum machine_end machine_run(struct machine *m, unsigned first, unsigned end, unsigned *at, enum vm_exit_kind *how);

/* An exit in words. */
const char *machine_exit_name(enum vm_exit_kind kind);

/* Entries that the machine refused although the case was done right when it was run again. */
uint64_t machine_refused(const struct machine *m);

#endif
