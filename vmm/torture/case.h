/*
 * Cases of the torture: what decides one (include/torture.h), how it is made
 * from a seed, made simpler, named and printed.  Knows neither KVM nor what
 * the outcome should be.
 */
#ifndef TORTURE_CASE_H
#define TORTURE_CASE_H

#include "model/model.h"
#include "torture.h"

#include <stdbool.h>
#include <stdio.h>

/* How an instruction is encoded and what it is to the model. */
struct insn_kind {
	const char *name;
	enum gate_kind gate;
	uint8_t length, operand_size;
	bool only_64;                   /* in other code these bytes are another instruction */
	bool never_64;                  /* the other way round */
};
const struct insn_kind *insn_kind(uint8_t insn);

/* The rows of the GDT, as the processor finds them for a selector.  A null one, or one outside, is not valid. */
struct raw_descriptor case_descriptor(uint16_t selector);

/* The caller: its privilege, and whether its code is 64-bit code. */
uint8_t case_cpl(const struct torture_case *c);
bool case_is_64(const struct torture_case *c);

/* Case number index of a seed.  Depends on nothing else. */
void case_generate(enum vendor vendor, uint64_t seed, uint64_t index, struct torture_case *c);

/* A dull case of the same instruction: every gate as a kernel would have it, every register 0. */
void case_neutral(const struct torture_case *c, struct torture_case *neutral);

/*
 * Bring the inputs of c to the neutral ones, one after the other, as long as
 * holds says that the case still shows what it showed.
 */
void case_reduce(struct torture_case *c, bool (*holds)(void *context, const struct torture_case *c), void *context);

/* One line for the instruction and its caller, and one for each input that is not neutral. */
void case_print(FILE *out, const struct torture_case *c);

#endif
