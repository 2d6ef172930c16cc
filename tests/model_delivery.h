/*
 * INT 2Eh as a gate of long mode and as one of protected mode, for the tests
 * of delivery: each spoils what it wants to see refused.
 */
#ifndef TESTS_MODEL_DELIVERY_H
#define TESTS_MODEL_DELIVERY_H

#include "model_support.h"

#define RSP0            UINT64_C(0xfffff80000900008)    /* not a multiple of 16 */
#define SYSTEM_CALL     0x2e
#define SYSTEM_CALL_ERROR 0x172                         /* vector 2E, IDT */

/* A 64-bit gate to HANDLER in 10h. */
static inline struct raw_descriptor gate64(uint8_t type_and_access, uint8_t ist)
{
	return (struct raw_descriptor){
		.lo = (HANDLER & 0xffff) | (uint64_t)KERNEL_CS << 16 | (uint64_t)ist << 32 |
		      (uint64_t)type_and_access << 40 | (HANDLER >> 16 & 0xffff) << 48,
		.hi = HANDLER >> 32, .valid = true,
	};
}

/* A 32-bit gate to 08:80123456. */
static inline struct raw_descriptor gate32(uint8_t type_and_access)
{
	return raw(UINT64_C(0x8012000000083456) | (uint64_t)type_and_access << 40);
}

#define INTERRUPT_DPL3  0xee
#define INTERRUPT_DPL0  0x8e
#define TRAP_DPL3       0xef

static inline struct gate int_2e(void)
{
	return (struct gate){
		.kind = GATE_INT, .length = 2, .vector = SYSTEM_CALL, .idt = gate64(INTERRUPT_DPL3, 0),
		.target = raw(DESC_KERNEL64), .tss_valid = true, .tss_rsp = RSP0,
	};
}

static inline struct gate int_2e_legacy(void)
{
	return (struct gate){
		.kind = GATE_INT, .length = 2, .vector = SYSTEM_CALL, .idt = gate32(INTERRUPT_DPL3),
		.target = raw(DESC_KERNEL32), .target_ss = raw(DESC_KERNEL_DATA),
		.tss_valid = true, .tss_rsp = 0x80900004, .tss_ss = 0x10,
	};
}

#endif
