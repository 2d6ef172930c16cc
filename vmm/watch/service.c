/*
 * Numbers to names and arguments, the way Windows' x64 dispatcher finds them:
 * table from EAX bits 13:12, index from 11:0, entry = offset << 4 | stack
 * arguments.  Reads the guest; decides nothing about it.
 */
#include "watch/service.h"

#include "image/image.h"
#include "x86.h"

#include <string.h>

#define DESCRIPTOR_SIZE         0x20    /* base, counters, limit, argument table */
#define DESCRIPTOR_LIMIT        0x10
#define STACK_ARGUMENTS         0x28    /* above the caller's RSP: return address and home space */
#define REGISTER_ARGUMENTS      4

/* How many of the four register arguments a service has, where it is not all of them. */
static const struct { const char *name; unsigned count; } arity[] = {
	{ "NtClose", 1 }, { "NtDisplayString", 1 }, { "NtTerminateProcess", 2 }, { "NtUserGetThreadState", 1 },
	{ "NtYieldExecution", 0 }, { "NtDelayExecution", 2 }, { "NtWaitForSingleObject", 3 },
	{ "GuestSetSystemCall", 1 },
};

static unsigned register_arguments(const char *name)
{
	for (unsigned n = 0; name && n < sizeof arity / sizeof *arity; n++)
		if (!strcmp(arity[n].name, name))
			return arity[n].count;
	return REGISTER_ARGUMENTS;
}

/* The handler's address and the count of stack arguments.  False: no such table, or out of its limit. */
static bool look_up(struct guest_view *v, const struct x86_state *s, const struct service *service,
                    uint64_t *handler, unsigned *stack)
{
	const char *symbol = service->table ? "KeServiceDescriptorTableShadow" : "KeServiceDescriptorTable";
	uint64_t descriptor, base;
	uint32_t limit;
	int32_t entry;

	if (service->table > 1 || !v->symbols || !symbols_address(v->symbols, symbol, &descriptor))
		return false;
	descriptor += (uint64_t)service->table * DESCRIPTOR_SIZE;
	if (view_read(v, s, descriptor, &base, sizeof base) != sizeof base ||
	    view_read(v, s, descriptor + DESCRIPTOR_LIMIT, &limit, sizeof limit) != sizeof limit ||
	    service->index >= limit ||
	    view_read(v, s, base + 4 * (uint64_t)service->index, &entry, sizeof entry) != sizeof entry)
		return false;
	*handler = base + (uint64_t)(entry >> 4);
	*stack = (unsigned)entry & 15;
	return true;
}

void service_of_entry(struct guest_view *v, struct transition *t)
{
	const struct x86_state *s = &t->before;
	struct service *service = &t->service;
	unsigned registers, stack = 0;
	uint64_t handler, offset;

	if (t->faulted || s->cpl != 3 || t->after.cpl == 3 ||
	    !(t->gate.kind == GATE_SYSCALL || t->gate.kind == GATE_SYSENTER ||
	      (t->gate.kind == GATE_INT && t->gate.vector >= X86_VECTOR_COUNT)))
		return;
	service->valid = true;
	service->number = (uint32_t)s->gpr[GPR_RAX];
	service->table = service->number >> 12 & 3;
	service->index = service->number & 0xfff;
	if (x86_mode(s) != MODE_64)             /* arguments of 32-bit callers lie elsewhere */
		return;
	/* The tables are the kernel's: read them as the kernel sees them, after the entry. */
	if (look_up(v, &t->after, service, &handler, &stack)) {
		service->name = symbols_find(v->symbols, handler, &offset);
		if (offset)
			service->name = NULL;
	}
	registers = stack ? REGISTER_ARGUMENTS : register_arguments(service->name);
	const uint64_t first[REGISTER_ARGUMENTS] = {
		s->gpr[GPR_R10], s->gpr[GPR_RDX], s->gpr[GPR_R8], s->gpr[GPR_R9]
	};
	memcpy(service->args, first, registers * sizeof *first);
	service->arg_count = registers;
	if (stack > SERVICE_ARGS - registers)
		stack = SERVICE_ARGS - registers;
	service->arg_count += (unsigned)(view_read(v, s, s->gpr[GPR_RSP] + STACK_ARGUMENTS, service->args + registers,
	                                           stack * 8) / 8);
}
