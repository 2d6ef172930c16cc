/*
 * Linux' system calls as their callers make them:
 *
 *	                     number   arguments                     comes back
 *	SYSCALL, 64-bit      EAX      RDI RSI RDX R10 R8 R9         behind it
 *	INT 80h              EAX      EBX ECX EDX ESI EDI EBP       behind it
 *	SYSENTER             EAX      the same, the sixth at EBP    at one place of the vDSO, with ESP from EBP
 *	SYSCALL, 32-bit      EAX      EBX EBP EDX ESI EDI, at ESP   at that place, with its ESP
 *
 * (man 2 syscall; for the last two, the vDSO's own code.)
 */
#include "watch/linux_service.h"

#include "x86.h"

#include <string.h>

#define INT80 0x80
#define CLONE_VM 0x100
#define REGISTERS 6

size_t linux_user_read(struct guest_view *v, const struct x86_state *s, uint64_t linear, void *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		uint64_t at = linear + done, left = X86_PAGE_SIZE - at % X86_PAGE_SIZE;
		size_t want = size - done < left ? size - done : (size_t)left;
		struct mapping m;

		if (!view_translate(v, s, at, &m) || !m.user || view_read(v, s, at, (uint8_t *)to + done, want) != want)
			break;
		done += want;
	}
	return done;
}

bool linux_user_string(struct guest_view *v, const struct x86_state *s, uint64_t linear, struct call_string *string)
{
	size_t size = linux_user_read(v, s, linear, string->text, sizeof string->text);
	const char *end = memchr(string->text, 0, size);

	string->cut = !end;
	if (!end && size)
		string->text[size < sizeof string->text ? size : sizeof string->text - 1] = '\0';
	return size;
}

static bool is_32bit(const struct transition *t)
{
	return t->gate.kind != GATE_SYSCALL || x86_mode(&t->before) != MODE_64;
}

static void arguments64(const struct x86_state *s, uint64_t *args)
{
	static const enum x86_gpr order[REGISTERS] = { GPR_RDI, GPR_RSI, GPR_RDX, GPR_R10, GPR_R8, GPR_R9 };

	for (unsigned n = 0; n < REGISTERS; n++)
		args[n] = s->gpr[order[n]];
}

/* Returns how many could be had: the last may lie on the caller's stack. */
static unsigned arguments32(struct guest_view *v, const struct transition *t, uint64_t *args)
{
	static const enum x86_gpr order[REGISTERS] = { GPR_RBX, GPR_RCX, GPR_RDX, GPR_RSI, GPR_RDI, GPR_RBP };
	const struct x86_state *s = &t->before;
	uint32_t sixth;

	for (unsigned n = 0; n < REGISTERS; n++)
		args[n] = (uint32_t)s->gpr[order[n]];
	if (t->gate.kind == GATE_INT)
		return REGISTERS;
	if (t->gate.kind == GATE_SYSCALL)       /* which takes ECX for itself */
		args[1] = (uint32_t)s->gpr[GPR_RBP];
	if (t->recorded || linux_user_read(v, s, (uint32_t)s->gpr[t->gate.kind == GATE_SYSCALL ? GPR_RSP : GPR_RBP], &sixth, 4) != 4)
		return REGISTERS - 1;
	args[REGISTERS - 1] = sixth;
	return REGISTERS;
}

static void read_strings(struct guest_view *v, struct transition *t)
{
	const char *kinds = t->service.call->kinds;

	for (unsigned n = 0; n < t->service.arg_count && t->string_count < CALL_STRINGS; n++) {
		struct call_string *s = &t->strings[t->string_count];

		if (kinds[n] != 's' || !linux_user_string(v, &t->before, t->service.args[n], s))
			continue;
		s->argument = n;
		t->string_count++;
	}
}

/* clone(2): the stack is an argument, or two of a struct. */
static void find_child(struct guest_view *v, struct transition *t)
{
	const struct service *c = &t->service;
	uint64_t words[8];              /* struct clone_args: flags, ..., stack, stack_size, tls */

	if (!strcmp(c->name, "vfork")) {
		t->back.child_shares = true;
	} else if (!strcmp(c->name, "clone")) {
		t->back.child_shares = c->args[0] & CLONE_VM;
		t->back.child_rsp = c->args[1];
	} else if (!strcmp(c->name, "clone3") &&
	           linux_user_read(v, &t->before, c->args[0], words, sizeof words) == sizeof words) {
		t->back.child_shares = words[0] & CLONE_VM;
		t->back.child_rsp = words[5] ? words[5] + words[6] : 0;
	}
}

/* sigreturn(2): what it restores lies where the handler's RET, or RET and POP EAX, left the stack. */
static void find_interrupted(struct guest_view *v, struct transition *t)
{
	const struct x86_state *s = &t->before;
	const uint64_t rsp = s->gpr[GPR_RSP];
	struct linux_context c;
	bool found;

	if (!t->service.is_32bit)
		found = linux_context64(v, s, rsp, &c);
	else if (!strcmp(t->service.name, "sigreturn"))
		found = linux_context32(v, s, (uint32_t)rsp, false, &c);
	else    /* behind three words of the frame and 128 bytes of siginfo */
		found = linux_context32(v, s, (uint32_t)(rsp + 12 + 128), true, &c);
	t->back.elsewhere = true;
	if (!found)
		c = (struct linux_context){ 0 };
	t->back.rip = c.rip;
	t->back.rsp = c.rsp;
}

static void find_way_back(struct guest_view *v, struct transition *t)
{
	const struct x86_state *s = &t->before;

	if (t->service.is_32bit && t->gate.kind != GATE_INT) {
		t->back.any_rip = true;
		t->back.rsp = (uint32_t)s->gpr[t->gate.kind == GATE_SYSCALL ? GPR_RSP : GPR_RBP];
	}
	t->back.effect = t->service.call ? linux_effect(t->service.call) : LINUX_RETURNS;
	if (t->back.effect == LINUX_FORKS)
		find_child(v, t);
	else if (t->back.effect == LINUX_SIGRETURNS)
		find_interrupted(v, t);
}

void linux_service(struct guest_view *v, struct transition *t)
{
	struct service *service = &t->service;
	unsigned count = REGISTERS;

	if (t->gate.kind == GATE_INT && t->gate.vector != INT80)
		return;
	service->valid = true;
	service->is_32bit = is_32bit(t);
	service->number = service->index = (uint32_t)t->before.gpr[GPR_RAX];
	if (service->is_32bit) {
		count = arguments32(v, t, service->args);
		service->call = linux_call32(service->number);
	} else {
		arguments64(&t->before, service->args);
		service->call = linux_call64(service->number);
	}
	service->arg_count = service->call ? linux_argument_count(service->call) : count;
	if (service->arg_count > count)
		service->arg_count = count;
	if (service->call) {
		service->name = service->call->name;
		if (!t->recorded)
			read_strings(v, t);
	}
	if (!t->recorded)
		find_way_back(v, t);
}
