/*
 * Random values for the inputs of a case.
 */
#ifndef TORTURE_VALUES_H
#define TORTURE_VALUES_H

#include "torture/random.h"

#include <stdbool.h>
#include <stdint.h>

/* Anything, often an edge. */
uint64_t value_any64(struct random *r);
/* Bits 63:48 made equal to bit 47. */
uint64_t value_canonical(uint64_t address);
/* Whether code lies where the low half of this address points to. */
bool value_hits_code(uint64_t address);
/* One of the targets, in the block at this address. */
uint64_t value_slot(struct random *r, uint64_t block);
/* Where a gate may lead: a target, or anywhere without code; and the same as an MSR takes it. */
uint64_t value_target(struct random *r);
uint64_t value_canonical_target(struct random *r);

/* The plain rows of the GDT, with RPL = ring. */
uint16_t value_code_of_ring(unsigned ring, bool is_64);
uint16_t value_data_of_ring(unsigned ring);
/* For CS, and for SS beside a CS of this ring: good, special, or any. */
uint16_t value_code_selector(struct random *r);
uint16_t value_stack_selector(struct random *r, unsigned ring);

/* A stack that can be pushed to and popped from; or one to which pushes are not canonical. */
uint64_t value_stack(struct random *r);
uint64_t value_stack_or_not(struct random *r);

/* The caller's RFLAGS; and what IRET and SYSRET are given for RFLAGS, reserved bits too. */
uint64_t value_flags(struct random *r);
uint64_t value_flags_image(struct random *r);

#endif
