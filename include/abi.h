/*
 * What this project chose: what a plain ELF guest finds when it starts, and
 * the ports by which it speaks and ends.  The README describes the same for
 * people who write guests.  Safe to include from assembly.
 */
#ifndef ABI_H
#define ABI_H

/* Ports. */
#define ABI_PORT_DEBUG          0xe9    /* OUT a byte: the guest's console.  IN gives E9h. */
#define ABI_PORT_EXIT           0xf4    /* OUT a byte, word or dword: the guest ends, the value is its code. */

/*
 * Boot selectors.  The GDT that a plain ELF guest starts on, until it loads
 * its own.  Flat, ring 0.
 */
#define ABI_BOOT_CS64           0x08
#define ABI_BOOT_CS32           0x08    /* a plain ELF32 guest finds 32-bit code there */
#define ABI_BOOT_DS             0x10
#define ABI_BOOT_TSS            0x18

/* "GATE" in memory: the first word of struct abi_boot_info, to which RDI (ELF64) or EBX (ELF32) points. */
#define ABI_BOOT_MAGIC          0x45544147

#ifndef __ASSEMBLER__
#include <stdint.h>

/* Handed to a plain ELF64 guest in RDI, to a plain ELF32 guest in EBX (physical = linear). */
struct abi_boot_info {
	uint32_t magic;         /* ABI_BOOT_MAGIC */
	uint32_t size;          /* of this structure, in bytes */
	uint64_t memory_size;   /* guest memory in bytes, from physical address 0 */
	uint64_t reserved_base; /* start of the VMM's own block at the top of it */
};
#endif

#endif
