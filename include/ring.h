/*
 * The record that watch method ring's stub in the guest writes at an entry, and
 * where it may change the kernel's code at a return: 128 bytes, which are at once an event of a recorded trace (Common Trace
 * Format), as its metadata describes it.  Recording is a copy.
 *
 *	offset	field		written by
 *	0	timestamp	the stub: RDTSC
 *	8	id		the VMM, once, when the ring is made
 *	12	cpu		the VMM, once
 *	16	rax ... r11	the stub
 *	112	cr3		the stub
 *	120	target		entries: the VMM: the handler that LSTAR, CSTAR or SYSENTER_EIP names;
 *				returns: the stub: where SYSRET or SYSEXIT stands
 */
#ifndef RING_H
#define RING_H

/* What was executed, by the register that its handler is named in. */
#define RING_SYSCALL            1       /* LSTAR */
#define RING_SYSCALL_COMPAT     2       /* CSTAR */
#define RING_SYSENTER           3
/* What was about to be. */
#define RING_SYSRET             4       /* to 64-bit code */
#define RING_SYSRET_COMPAT      5       /* without REX.W: to 32-bit code */
#define RING_SYSEXIT            6       /* without REX.W: to 32-bit code */
#define RING_SYSEXIT64          7
#define RING_IDS                7

#define RING_TIMESTAMP  0
#define RING_ID         8
#define RING_CPU        12
#define RING_RAX        16
#define RING_RCX        24
#define RING_RDX        32
#define RING_RBX        40
#define RING_RBP        48
#define RING_RSI        56
#define RING_RDI        64
#define RING_RSP        72
#define RING_R8         80
#define RING_R9         88
#define RING_R10        96
#define RING_R11        104
#define RING_CR3        112
#define RING_TARGET     120
#define RING_RECORD     128

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring_record {
	uint64_t timestamp;
	uint32_t id, cpu;
	uint64_t rax, rcx, rdx, rbx, rbp, rsi, rdi, rsp, r8, r9, r10, r11;
	uint64_t cr3;
	uint64_t target;
};

static inline bool ring_is_return(uint32_t id)
{
	return id >= RING_SYSRET && id <= RING_IDS;
}

_Static_assert(sizeof(struct ring_record) == RING_RECORD, "the stub's stride");
_Static_assert(offsetof(struct ring_record, id) == RING_ID && offsetof(struct ring_record, cpu) == RING_CPU &&
	       offsetof(struct ring_record, rax) == RING_RAX && offsetof(struct ring_record, rsp) == RING_RSP &&
	       offsetof(struct ring_record, r11) == RING_R11 && offsetof(struct ring_record, cr3) == RING_CR3 &&
	       offsetof(struct ring_record, target) == RING_TARGET, "as the stub writes it");
#endif

#endif
