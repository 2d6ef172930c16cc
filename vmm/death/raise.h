/*
 * What the files of raise_find share: one decoded instruction, and the groups
 * of rules that it is held against.  Only vmm/death/raise*.c and
 * disassembly.c include this.
 */
#ifndef DEATH_RAISE_H
#define DEATH_RAISE_H

#include "death/reason.h"
#include "watch/insn.h"

#include <Zydis/Zydis.h>

struct decoded {
	uint8_t bytes[INSN_MAX];
	unsigned size;                  /* that could be read */
	ZyanStatus status;              /* of decoding these */
	ZydisDecodedInstruction z;
	ZydisDecodedOperand operand[ZYDIS_MAX_OPERAND_COUNT];
};

void decode_bytes(struct decoded *d, enum x86_mode mode, bool db, bool stack_db, const uint8_t *bytes, unsigned size);
/* Intel syntax. */
void decoded_text(const struct decoded *d, uint64_t rip, char *text, size_t size);

/* The offset that a memory operand names, before its segment's base. */
uint64_t operand_offset(const struct scene *c, const struct decoded *d, const ZydisDecodedOperand *o);
const struct x86_segment *operand_segment(const struct scene *c, const ZydisDecodedOperand *o);
uint64_t register_of(const struct x86_state *s, ZydisRegister r);
/* An integer operand's value.  False: it could not be read. */
bool operand_value(const struct scene *c, const struct decoded *d, const ZydisDecodedOperand *o, uint64_t *value);

/* Each says whether the instruction raises an exception by its rules, and then fills *r. */
bool raise_undefined(const struct scene *c, const struct decoded *d, struct reason *r);     /* raise_system.c */
bool raise_privilege(const struct scene *c, const struct decoded *d, struct reason *r);
bool raise_control(const struct scene *c, const struct decoded *d, struct reason *r);
bool raise_selector(const struct scene *c, const struct decoded *d, struct reason *r);
bool raise_gate(const struct scene *c, const struct decoded *d, struct reason *r);          /* raise_gate.c */
bool raise_memory(const struct scene *c, const struct decoded *d, struct reason *r);        /* raise_operands.c */
bool raise_arithmetic(const struct scene *c, const struct decoded *d, struct reason *r);
bool raise_branch(const struct scene *c, const struct decoded *d, struct reason *r);

#endif
