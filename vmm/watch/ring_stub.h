/*
 * The stubs of watch method "ring" and the slot of memory that they work on,
 * one for each vCPU: a page of code, two of data, and the ring.
 * Safe to include from assembly.
 */
#ifndef WATCH_RING_STUB_H
#define WATCH_RING_STUB_H

#include "ring.h"

/* In the code page: the entry for record id n stands at (n - 1) * RING_ENTRY. */
#define RING_ENTRY              0x100
#define RING_ENTRIES            3
/* And that of SYSCALL (ids 1 and 2) where FMASK leaves RFLAGS.IF alone. */
#define RING_OPEN_ENTRY(id)     (((id) + 2) * RING_ENTRY)
#define RING_STI_TAIL(id)       (RING_OPEN_ENTRY(id) + 0xe0)

/*
 * In the first slot alone, as all vCPUs run the same code: what the kernel's
 * code jumps to at a return.  CLI and the code that was moved there end where the
 * stub itself begins; behind that stands what goes on: a jump back, or the return.
 */
#define RING_RETURN(n)          (0x500 + (n) * 0x100)
#define RING_RETURNS            11
#define RING_RETURN_BODY        0x18                    /* from RING_RETURN(n) */
#define RING_RETURN_TAIL        0xe0

/* Offsets into a slot. */
#define RING_DATA               0x1000
#define RING_SAVED              (RING_DATA + 0)         /* RCX meanwhile */
#define RING_HEAD               (RING_DATA + 8)         /* linear address of the next record */
#define RING_ROOM               (RING_DATA + 16)        /* how many more there is room for; never 0 at an entry */
#define RING_TARGETS            (RING_DATA + 24)        /* by id: the guest's own handlers */
#define RING_TAIL               (RING_DATA + 48)        /* where RING_OPEN_ENTRY goes on */
/* Of the first slot: */
#define RING_NOW                (RING_DATA + 56)        /* linear address of the slot of the vCPU that runs */
#define RING_RETURN_SAVED       (RING_DATA + 64)        /* RCX meanwhile */
#define RING_SITE(n)            (RING_DATA + 0x100 + (n) * 16)  /* where the return stands, and its id */
#define RING_TAILS(id)          (0x2000 + ((id) - 1) * 0x800)   /* by bits 15:8 of RFLAGS: RING_STI_TAIL or the handler */
#define RING_RECORDS            0x3000

/* The exit when no room is left: OUT of a byte, whatever AL holds. */
#define RING_PORT               0x7e

#ifndef __ASSEMBLER__
#include <stdint.h>

/* A code page's contents: position-independent in 64-bit mode. */
extern const uint8_t ring_stub64[], ring_stub64_end[];
/* For 32-bit code: at each of these offsets stands the offset into the slot, to which the slot's address is added. */
extern const uint8_t ring_stub32[], ring_stub32_end[];
extern const uint32_t ring_stub32_fixups[], ring_stub32_fixups_end[];
#endif

#endif
