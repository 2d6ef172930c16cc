/*
 * The code of a 32-bit stub and its wrapper, as documents 000 and 002 print it.
 */
#ifndef CHECK_STUB32_H
#define CHECK_STUB32_H

#include <stdbool.h>
#include <stdint.h>

struct evidence;

enum stub32_kind {
	STUB32_NONE,
	STUB32_POINTER,                 /* mov eax,N; mov edx,X; call [edx]; ret n -- or ecx for edx */
	STUB32_DIRECT                   /* mov eax,N ... int 2Eh; pop ebp; ret n */
};

struct stub32 {
	enum stub32_kind kind;
	uint32_t code;                  /* an address inside the stub, to find its name by */
	uint16_t release;               /* RET n; 0 for a plain RET */
	/* STUB32_POINTER: */
	unsigned base;                  /* the register that is loaded and called through: GPR_RDX, GPR_RCX */
	uint32_t pointer;               /* with this address */
	uint32_t wrapper;               /* where the code begins that the pointer led to; 0: not recognised */
	/* STUB32_DIRECT: */
	bool from_ebp;                  /* lea edx,[ebp+8] comes before INT */
};

/* The stub that an entry from ring 3 came through. */
struct stub32 stub32_find(const struct evidence *e);

#endif
