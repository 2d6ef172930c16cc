/*
 * The machine that the probe's rows run on: a guest of 64 KiB in Windows'
 * selectors, and comparisons that turn into one line for a person.
 */
#ifndef KVM_PROBE_MACHINE_H
#define KVM_PROBE_MACHINE_H

#include "kvm/kvm.h"
#include "model/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * GDT.  IA32_STAR holds 10h for SYSCALL (CS 10h, SS +8) and 20h with RPL 3 for
 * SYSRET (SS +8, 64-bit CS +16), which pins the order.
 */
#define PROBE_CS0       0x10
#define PROBE_SS0       0x18
#define PROBE_CS3_32    0x23
#define PROBE_SS3       0x2b
#define PROBE_CS3       0x33
#define PROBE_TSS       0x40
#define PROBE_GUEST_STAR        0x0023001000000000
#define PROBE_GUEST_FMASK       0x4700  /* NT DF IF TF, as Windows has it */

#define PROBE_RSP3      0x7000          /* stack tops */
#define PROBE_RSP0      0x8000
#define PROBE_CODE      0x8000          /* where probe_guest.S goes */

/* A label of probe_guest.S in the host's memory, and in the guest's. */
extern const uint8_t probe_guest_start[], probe_guest_end[], probe_guest_handlers[], probe_guest_lstar[];
uint64_t probe_address(const uint8_t *label);

struct probe {
	struct vm *vm;
	struct x86_state base;          /* ring 0, ready to run */
	struct x86_state s;             /* what to start from, and after a run what there is */
	struct vm_exit exit;
	bool off;                       /* something was not as it must be */
	bool spoiled;                   /* the VM cannot be trusted any more */
	bool timed_out;
	char seen[128];                 /* all that was compared, */
	char wrong[128], wanted[128];   /* and what was off, with what was expected */
};

bool probe_machine_open(struct probe *p, const char *device);
void probe_machine_close(struct probe *p);

/* Prepare p->s to start at a label in ring 0 or 3; run it. */
void probe_start(struct probe *p, const uint8_t *label, unsigned ring);
/* The first or a further entry.  True when it ended with an exit of this kind; p->s is sampled then. */
bool probe_run_start(struct probe *p, enum vm_run_mode mode, enum vm_exit_kind kind);
bool probe_run_on(struct probe *p, enum vm_run_mode mode, enum vm_exit_kind kind);

/* One value beside what the manuals say it is. */
void probe_compare(struct probe *p, const char *name, uint64_t seen, uint64_t expected);
/* The guest halted just before this label; or in the handler of this vector. */
void probe_halted_at(struct probe *p, const uint8_t *label);
void probe_halted_in_handler(struct probe *p, unsigned vector);

/* A word of guest memory at p->s's RSP; all ones outside of it. */
uint64_t probe_stack(struct probe *p, unsigned word);
void probe_push(struct probe *p, uint64_t value);

/* probe_rows.c */
struct probe_row_test {
	const char *name;
	bool required;                  /* by watch method step */
	void (*run)(struct probe *p);
};
extern const struct probe_row_test probe_row_tests[PROBE_ROWS];

#endif
