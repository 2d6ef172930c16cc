/*
 * The parts of the torture guest, and the instructions that C has no word for.
 */
#ifndef TORTURE_KERNEL_H
#define TORTURE_KERNEL_H

#include "torture.h"

#include <stddef.h>

/* What entry.S found when a handler began. */
struct torture_saved {
	uint64_t gpr[16];               /* without RSP */
	uint64_t rflags, vector;
	uint64_t frame[6];
};

_Static_assert(offsetof(struct torture_case, cs) == 45 * 8, "CASE_SELECTORS of entry.S");
_Static_assert(offsetof(struct torture_case, rip) == 16 * 8, "CASE_RIP of entry.S");

/* entry.S */
void torture_load(void);
void torture_enter(const struct torture_case *c);
/* Called by entry.S. */
void torture_main(void);
void torture_observe(const struct torture_saved *saved, uint16_t cs, uint16_t ss);

/* tables.c */
struct __attribute__((packed)) torture_register {
	uint16_t limit;
	uint64_t base;
};
extern struct torture_register torture_gdtr;
extern uint64_t torture_gdt[TORTURE_GDT_ROWS];
/* Page tables, IDTs, TSS. */
void tables_build(void);
/* What a case has changed in GDT and IDT is undone; what this one wants is put there. */
void tables_prepare(const struct torture_case *c);

static inline void wrmsr(uint32_t index, uint64_t value)
{
	__asm__ volatile("wrmsr" :: "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static inline uint64_t rdmsr(uint32_t index)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index) : "memory");
	return (uint64_t)high << 32 | low;
}

#endif
