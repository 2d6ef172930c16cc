/*
 * Recognises 32-bit stubs by their instructions, around the one that enters the
 * kernel and around the return address on the user's stack.  Judges nothing.
 */
#include "check/stub32.h"

#include "check/evidence.h"

#include <string.h>

#define RET 0xc3
#define RET_IMM16 0xc2
#define POP_EBP 0x5d
#define MOV_EAX 0xb8
#define MOV_ECX 0xb9
#define MOV_EDX 0xba
#define POINTER_SIZE 12                 /* B8 imm32, B9|BA imm32, FF 11|12 */
#define DIRECT_BEFORE 24                /* bytes before INT that may hold the rest of a direct stub */

static uint32_t dword(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static bool read_user(const struct evidence *e, uint32_t address, void *to, size_t size)
{
	return evidence_read(e, &e->t->before, address, to, size);
}

/* RET or RET imm16 at address. */
static bool returns(const struct evidence *e, uint32_t address, uint16_t *release)
{
	uint8_t code[3] = { 0 };

	if (!read_user(e, address, code, 1))
		return false;
	*release = 0;
	if (code[0] == RET)
		return true;
	if (code[0] != RET_IMM16 || !read_user(e, address, code, sizeof(code)))
		return false;
	memcpy(release, code + 1, sizeof(*release));
	return true;
}

/* What sets EDX right before the entering instruction: mov edx,esp (two encodings), lea edx,[esp+8]. */
static uint32_t wrapper_start(const struct evidence *e)
{
	uint32_t eip = (uint32_t)e->t->before.rip;
	uint8_t code[4];
	uint16_t release;

	if (!returns(e, eip + e->t->gate.length, &release))
		return 0;
	if (e->t->gate.kind == GATE_SYSENTER && read_user(e, eip - 2, code, 2) &&
	    (memcmp(code, "\x8b\xd4", 2) == 0 || memcmp(code, "\x89\xe2", 2) == 0))
		return eip - 2;
	if (e->t->gate.kind == GATE_INT && read_user(e, eip - 4, code, 4) &&
	    memcmp(code, "\x8d\x54\x24\x08", 4) == 0)
		return eip - 4;
	return 0;
}

static bool find_pointer(const struct evidence *e, struct stub32 *stub)
{
	uint8_t code[POINTER_SIZE];
	uint32_t back;

	if (!read_user(e, (uint32_t)e->t->before.gpr[GPR_RSP], &back, sizeof(back)) ||
	    !read_user(e, back - POINTER_SIZE, code, sizeof(code)) || !returns(e, back, &stub->release))
		return false;
	if (code[0] != MOV_EAX || dword(code + 1) != (uint32_t)e->t->before.gpr[GPR_RAX] || code[10] != 0xff)
		return false;
	if (code[5] == MOV_EDX && code[11] == 0x12)
		stub->base = GPR_RDX;
	else if (code[5] == MOV_ECX && code[11] == 0x11)
		stub->base = GPR_RCX;
	else
		return false;
	stub->kind = STUB32_POINTER;
	stub->code = back - POINTER_SIZE;
	stub->pointer = dword(code + 6);
	stub->wrapper = wrapper_start(e);
	return true;
}

static bool find_direct(const struct evidence *e, struct stub32 *stub)
{
	uint32_t eip = (uint32_t)e->t->before.rip, eax = (uint32_t)e->t->before.gpr[GPR_RAX];
	uint8_t code[DIRECT_BEFORE], next;
	bool loads_eax = false, from_ebp = false;

	if (e->t->gate.kind != GATE_INT || !read_user(e, eip - sizeof(code), code, sizeof(code)) ||
	    !read_user(e, eip + e->t->gate.length, &next, 1) || next != POP_EBP ||
	    !returns(e, eip + e->t->gate.length + 1, &stub->release))
		return false;
	for (size_t i = 0; i + 3 <= sizeof(code); i++) {
		if (i + 5 <= sizeof(code) && code[i] == MOV_EAX && dword(code + i + 1) == eax)
			loads_eax = true;
		if (memcmp(code + i, "\x8d\x55\x08", 3) == 0)
			from_ebp = true;
	}
	if (!loads_eax)
		return false;
	stub->kind = STUB32_DIRECT;
	stub->from_ebp = from_ebp;
	stub->code = eip;
	return true;
}

struct stub32 stub32_find(const struct evidence *e)
{
	struct stub32 stub = { 0 };

	if (!find_direct(e, &stub) && !find_pointer(e, &stub))
		return (struct stub32){ 0 };
	return stub;
}
