/*
 * Why a guest died, as the sinks tell it.
 */
#ifndef DEATH_DEATH_H
#define DEATH_DEATH_H

#include "death/chain.h"
#include "image/image.h"
#include "watch/watch.h"

#define DEATH_LINES     12              /* of disassembly */
#define DEATH_GATES     8               /* of the recorder */

struct disassembled {
	uint64_t rip, linear;
	uint8_t bytes[15], length;      /* 0: could not be read */
	char text[96];
	const char *symbol;             /* or NULL */
	struct source_line source;
	bool here;                      /* the instruction under way */
	bool gap;                       /* does not follow from the one above */
};

struct death {
	const char *end;                /* "triple-fault", "fault-loop" ... */
	unsigned cpu;
	bool note;                      /* the guest did not die: it ended itself, right after an exception */
	bool rerun;                     /* found by running it again, */
	uint64_t rerun_from;            /* stepping from behind this gate; 0: from its start */
	const char *rerun_failed;       /* the second run did not show it: why.  NULL: it did, or there was none */
	struct chain chain;
	struct source_line source[CHAIN_LINKS];         /* of the links' addresses */
	struct blame blame;             /* kind BLAME_NONE: none */
	unsigned line_count;
	struct disassembled line[DEATH_LINES];
	unsigned gate_count;            /* of the recorder, oldest first */
	struct record gate[DEATH_GATES];
	struct recorded_finding finding;        /* of the linter, that explains it; id empty: none */
	char sentence[640];
};

struct death_input {
	const struct image *image;
	struct guest_view *view;
	enum vendor vendor;
	const struct recorder *recorder;
	const struct run_end *end;      /* of the run that is looked at */
	const char *told;               /* how the guest ended, if that was another run; or NULL */
	bool rerun;
	uint64_t rerun_from;
	const char *rerun_failed;
};

/* Fill *d.  Its pointers are good for as long as the image and the recorder are. */
void death_report(const struct death_input *in, struct death *d);

/* --- disassembly.c --- */
void disassemble(const struct death_input *in, const struct x86_state *here, struct death *d);

/* --- sentence.c --- */
/* The last sentence, and the finding that explains the end. */
void death_sentence(const struct death_input *in, const struct scene *c, struct death *d);

#endif
