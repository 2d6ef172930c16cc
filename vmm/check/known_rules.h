/*
 * What the files of the known deviations share.  Only vmm/check/known*.c
 * include this.
 */
#ifndef CHECK_KNOWN_RULES_H
#define CHECK_KNOWN_RULES_H

#include "check/known.h"

#include "x86.h"

struct place {
	const struct check_context *context;
	const struct transition *t;
	const struct check *check;
};

/* A fault that the manual demands and the emulator does not raise. */
bool missing_fault(const struct place *p, uint8_t vector);

/* known_frames.c: gates that go through memory.  First what IRET or far RET loads CS and SS from, and where it leads. */
struct x86_segment returned_cs(const struct place *p);
uint16_t returned_ss(const struct place *p);
bool returns_beyond_limit(const struct place *p);
bool ret_through_esp(const struct place *p);
bool iretd_to_v86(const struct place *p);
bool iret_without_vif(const struct place *p);
bool ret_to_long_and_d(const struct place *p);
bool ret_with_null_ss(const struct place *p);
bool ret_ss_not_present(const struct place *p);
bool ret_beyond_limit(const struct place *p);
bool target_not_canonical(const struct place *p);
bool stack_not_canonical(const struct place *p);

/* known_bochs.c */
bool sysret_restores_rf(const struct place *p);
bool sysret_keeps_ss_size(const struct place *p);
bool stack_error_names_ss(const struct place *p);
bool iret_pops_three(const struct place *p);
bool ret_drops_upper_half(const struct place *p);
bool iret_with_other_null_ss(const struct place *p);

#endif
