/*
 * Where Linux leads ring 3 to when it is not back behind a call: to a signal's
 * handler, whose frame on the user's stack keeps what was interrupted, and to
 * the start of a program, whose stack names its file.  The layouts are those of
 * <asm/ucontext.h>, <asm/sigcontext.h> and getauxval(3).
 */
#include "watch/linux_service.h"

#include "x86.h"

#include <asm/sigcontext.h>
#include <linux/auxvec.h>
#include <stddef.h>
#include <string.h>

#define UCONTEXT_SIZE   304             /* of the kernel's, with a signal mask of 64 bits */
#define UCONTEXT_MCONTEXT 40            /* uc_flags, uc_link, uc_stack before it */
#define UCONTEXT32_MCONTEXT 20
#define SIGNALS         64
#define STACK_WORDS     512             /* argc, argv, envp and auxv of a program, as far as they are read */

static bool read64(struct guest_view *v, const struct x86_state *s, uint64_t linear, uint64_t *word)
{
	return linux_user_read(v, s, linear, word, 8) == 8;
}

static bool read32(struct guest_view *v, const struct x86_state *s, uint32_t linear, uint64_t *word)
{
	*word = 0;
	return linux_user_read(v, s, linear, word, 4) == 4;
}

bool linux_context64(struct guest_view *v, const struct x86_state *s, uint64_t ucontext, struct linux_context *c)
{
	const uint64_t at = ucontext + UCONTEXT_MCONTEXT;

	return read64(v, s, at + offsetof(struct sigcontext_64, ip), &c->rip) &&
	       read64(v, s, at + offsetof(struct sigcontext_64, sp), &c->rsp) &&
	       read64(v, s, at + offsetof(struct sigcontext_64, ax), &c->rax);
}

bool linux_context32(struct guest_view *v, const struct x86_state *s, uint32_t address, bool ucontext,
                     struct linux_context *c)
{
	const uint32_t at = address + (ucontext ? UCONTEXT32_MCONTEXT : 0);

	return read32(v, s, (uint32_t)(at + offsetof(struct sigcontext_32, ip)), &c->rip) &&
	       read32(v, s, (uint32_t)(at + offsetof(struct sigcontext_32, sp)), &c->rsp) &&
	       read32(v, s, (uint32_t)(at + offsetof(struct sigcontext_32, ax)), &c->rax);
}

/* A handler begins with the address of its frame's parts in RDX and RSI, and its signal in RDI. */
static bool signal64(struct guest_view *v, const struct x86_state *s, struct linux_context *c)
{
	const uint64_t ucontext = s->gpr[GPR_RSP] + 8;

	return s->gpr[GPR_RDX] == ucontext && s->gpr[GPR_RSI] == ucontext + UCONTEXT_SIZE &&
	       linux_context64(v, s, ucontext, c);
}

/* i386: EAX, EDX and ECX have what the frame's words have; or EDX and ECX 0, and the frame is of the older kind. */
static bool signal32(struct guest_view *v, const struct x86_state *s, struct linux_context *c)
{
	const uint32_t esp = (uint32_t)s->gpr[GPR_RSP];
	uint64_t signal, info, ucontext;

	if (!read32(v, s, esp + 4, &signal) || signal != (uint32_t)s->gpr[GPR_RAX] || !signal ||
	    !read32(v, s, esp + 8, &info) || !read32(v, s, esp + 12, &ucontext))
		return false;
	if (info == (uint32_t)s->gpr[GPR_RDX] && ucontext == (uint32_t)s->gpr[GPR_RCX] && info == esp + 16)
		return linux_context32(v, s, (uint32_t)ucontext, true, c);
	return !s->gpr[GPR_RDX] && !s->gpr[GPR_RCX] && linux_context32(v, s, esp + 8, false, c);
}

static void find_signal(struct guest_view *v, struct transition *t)
{
	const struct x86_state *s = &t->after;
	const bool wide = x86_mode(s) == MODE_64;
	const uint64_t signal = (uint32_t)s->gpr[wide ? GPR_RDI : GPR_RAX];
	struct linux_context c;

	if (!signal || signal > SIGNALS || !(wide ? signal64(v, s, &c) : signal32(v, s, &c)))
		return;
	t->out.signal = (unsigned)signal;
	t->out.rip = c.rip;
	t->out.rsp = c.rsp;
	t->out.rax = c.rax;
}

/* A program begins with no register but RSP set. */
static bool registers_clear(const struct x86_state *s)
{
	for (unsigned n = 0; n < GPR_COUNT; n++)
		if (n != GPR_RSP && s->gpr[n])
			return false;
	return true;
}

/* Behind argc, argv and envp, each ended by 0, lie pairs: AT_EXECFN has the name that execve had. */
static void find_program(struct guest_view *v, struct transition *t)
{
	const struct x86_state *s = &t->after;
	const unsigned size = x86_mode(s) == MODE_64 ? 8 : 4;
	const uint64_t mask = size == 8 ? UINT64_MAX : UINT32_MAX;
	uint64_t at = s->gpr[GPR_RSP], word, value;
	unsigned zeroes = 0;

	if (!registers_clear(s))
		return;
	for (unsigned n = 0; n < STACK_WORDS; n++, at += size) {
		word = value = 0;
		if (linux_user_read(v, s, at & mask, &word, size) != size)
			return;
		if (zeroes < 2) {
			zeroes += n && !word;
			continue;
		}
		if (linux_user_read(v, s, (at + size) & mask, &value, size) != size || word == AT_NULL)
			return;
		at += size;
		if (word == AT_EXECFN) {
			t->out.program = linux_user_string(v, s, value, &t->out.file);
			return;
		}
	}
}

void linux_way_out(struct guest_view *v, struct transition *t)
{
	const struct x86_state *s = &t->after;
	uint8_t code[2];

	find_program(v, t);
	if (!t->out.program)
		find_signal(v, t);
	if (x86_mode(s) != MODE_64)
		t->out.at_int80 = linux_user_read(v, s, code_linear(s, s->rip), code, 2) == 2 && code[0] == 0xcd &&
		                  code[1] == 0x80;
}
