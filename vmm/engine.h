/*
 * Which machine runs the guest: this one's /dev/kvm, or the box.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include "check/check.h"
#include "kvm/kvm.h"
#include "options.h"

enum place {
	PLACE_HERE,
	PLACE_BOX,
	PLACE_BOX_INTEL,
	PLACE_NONE                      /* a message said why */
};

/* Choose by option and by what the probe finds; says on stderr, in one line, why the box is taken. */
enum place engine_choose(enum engine engine);

/* Inside a box: its engine's name, "box" or "box-intel".  Otherwise NULL. */
const char *engine_box(void);
/* What emulates the processor: its deviations are known (check/known.h). */
enum emulator engine_emulator(void);

/*
 * The watch method for this machine: auto becomes break where breakpoints fire,
 * else step.  *ways: what the machine makes of a watched guest's own TF and breakpoints.
 * False: break cannot be had here; a message said why.
 */
bool engine_watch(enum watch_method *method, struct debug_ways *ways);

/* "QEMU 7.2.22 TCG, Linux 6.1.0-56-cloud-amd64, kvm_amd": what a trace made here was made on. */
const char *engine_provenance(void);

/* --probe: a table of rows for this machine's KVM, and the box's when there is one.  An exit status. */
int engine_probe(void);

#endif
