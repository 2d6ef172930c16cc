/*
 * Where the emulators under the boxes are known to differ from silicon.
 */
#ifndef CHECK_KNOWN_H
#define CHECK_KNOWN_H

#include "check/check.h"

#define KNOWN(name, box, whose, does, silicon, spared, reach) KNOWN_##name,
enum known {
#include "check/known.def"
	KNOWN_COUNT
};
#undef KNOWN

struct known_row {
	enum emulator emulator;         /* in whose box */
	const char *whose, *does, *silicon;
	const char *text;               /* the three as one sentence */
	bool spared;                    /* counted and not compared, whatever the guest */
	const char *out_of_reach;       /* why the torture cannot meet it, or NULL */
};
const struct known_row *known_row(enum known known);
/* The row of a text that known_deviation gave; KNOWN_COUNT for any other. */
enum known known_of(const char *text);

/*
 * Why a check of this transition that does not hold is the emulator's own
 * doing, in one sentence; NULL when no rule fits exactly.  *spared: the bits
 * of the field that the emulator spoils for every guest and that therefore
 * say nothing of this one; 0 where the check stays contradicted.
 */
const char *known_deviation(const struct check_context *context, const struct transition *t,
                            const struct check *check, uint64_t *spared);

/* How a guest ended at an instruction, where no state is left to compare. */
enum guest_end {
	GUEST_ENDED_REFUSED,            /* the next VM entry was refused for the guest's state */
	GUEST_ENDED_INTERNAL,           /* KVM's internal error */
	GUEST_ENDED_OTHERWISE
};
/* The deviation that makes a guest end so at this gate; KNOWN_COUNT: none.  Of t: before, gate. */
enum known known_end(const struct check_context *context, const struct transition *t, enum guest_end end);

#endif
