/*
 * Numbers to names and arguments, the way Windows' dispatchers find them:
 * table from EAX bits 13:12, index from 11:0.  Reads the guest; decides
 * nothing about it.
 *
 *          descriptor   entry                                arguments
 *   x64    20h bytes    offset << 4 | stack arguments        R10 RDX R8 R9, then the caller's stack
 *   x86    10h bytes    address; a byte of the argument      the caller's stack, to which EDX points
 *                       table says how many bytes
 */
#include "watch/service.h"

#include "image/image.h"
#include "watch/linux_service.h"
#include "x86.h"

#include <string.h>

#define STACK_ARGUMENTS         0x28    /* x64, above the caller's RSP: return address and home space */
#define REGISTER_ARGUMENTS      4
#define RETURN_ADDRESSES        8       /* x86: two of them lie at EDX, but not with INT 2Eh */

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

/* KSERVICE_TABLE_DESCRIPTOR: four words; count is the number of services. */
struct table { uint64_t base, count, arguments; };

static bool read_table(struct guest_view *v, const struct x86_state *s, unsigned number, size_t word,
                       struct table *t)
{
	const char *symbol = number ? "KeServiceDescriptorTableShadow" : "KeServiceDescriptorTable";
	uint64_t address;

	*t = (struct table){ 0 };
	if (number > 1 || !v->symbols || !symbols_address(v->symbols, symbol, &address))
		return false;
	address += number * 4 * word;
	return view_read(v, s, address, &t->base, word) == word &&
	       view_read(v, s, address + 2 * word, &t->count, 4) == 4 &&
	       view_read(v, s, address + 3 * word, &t->arguments, word) == word;
}

/* The handler's name, if a symbol stands at that very address. */
static const char *exact_name(struct guest_view *v, uint64_t handler)
{
	uint64_t offset;
	const char *name = symbols_find(v->symbols, handler, &offset);

	return offset ? NULL : name;
}

/* The tables are the kernel's: they are read as the kernel sees them, after the entry. */
static void call64(struct guest_view *v, struct transition *t)
{
	const struct x86_state *s = &t->before;
	struct service *service = &t->service;
	unsigned registers, stack = 0;
	struct table table;
	int32_t entry;

	if (read_table(v, &t->after, service->table, 8, &table) && service->index < table.count &&
	    view_read(v, &t->after, table.base + 4 * (uint64_t)service->index, &entry, sizeof entry) == sizeof entry) {
		service->name = exact_name(v, table.base + (uint64_t)(entry >> 4));
		stack = (unsigned)entry & 15;
	}
	registers = stack ? REGISTER_ARGUMENTS : register_arguments(service->name);
	if (t->recorded)
		stack = 0;
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

/* The caller's words at address, as far as its own pages reach: EDX may point anywhere. */
static unsigned user_words(struct guest_view *v, const struct x86_state *s, uint32_t address, uint64_t *words,
                           unsigned count)
{
	struct mapping first, last;
	unsigned n;

	for (n = 0; n < count; n++) {
		uint32_t at = address + 4 * n, value;

		if (!view_translate(v, s, at, &first) || !view_translate(v, s, (uint32_t)(at + 3), &last) ||
		    !first.user || !last.user || view_read(v, s, at, &value, sizeof value) != sizeof value)
			break;
		words[n] = value;
	}
	return n;
}

static void call32(struct guest_view *v, struct transition *t)
{
	struct service *service = &t->service;
	uint32_t stack = (uint32_t)t->before.gpr[GPR_RDX];
	struct table table;
	uint32_t handler;
	uint8_t bytes;

	if (!read_table(v, &t->after, service->table, 4, &table) || service->index >= table.count ||
	    view_read(v, &t->after, table.base + 4 * (uint64_t)service->index, &handler, 4) != 4)
		return;
	service->name = exact_name(v, handler);
	if (t->recorded || view_read(v, &t->after, table.arguments + service->index, &bytes, 1) != 1)
		return;
	if (t->gate.kind != GATE_INT)
		stack += RETURN_ADDRESSES;
	service->arg_count = bytes / 4 < SERVICE_ARGS ? bytes / 4 : SERVICE_ARGS;
	service->arg_count = user_words(v, &t->before, stack, service->args, service->arg_count);
}

static void windows_service(struct guest_view *v, struct transition *t)
{
	const struct x86_state *s = &t->before;
	struct service *service = &t->service;

	service->valid = true;
	service->number = (uint32_t)s->gpr[GPR_RAX];
	service->table = service->number >> 12 & 3;
	service->index = service->number & 0xfff;
	if (x86_mode(s) == MODE_64)
		call64(v, t);
	else if (x86_mode(s) == MODE_32)        /* a 64-bit kernel finds the arguments of its 32-bit callers elsewhere */
		call32(v, t);
}

void service_of_entry(struct guest_view *v, struct transition *t)
{
	if (t->faulted || t->before.cpl != 3 || t->after.cpl == 3 ||
	    !(t->gate.kind == GATE_SYSCALL || t->gate.kind == GATE_SYSENTER ||
	      (t->gate.kind == GATE_INT && t->gate.vector >= X86_VECTOR_COUNT)))
		return;
	if (v->kernel == KERNEL_LINUX)
		linux_service(v, t);
	else
		windows_service(v, t);
}

/* The caller as far as it was sampled, in the mode that its entry tells: what the conventions above want to know. */
static void make_caller(const struct x86_state *now, const struct transition *t, struct x86_state *caller)
{
	const bool was_64 = t->gate.kind == GATE_SYSCALL && !t->recorded_compat;

	*caller = *now;
	memcpy(caller->gpr, t->after.gpr, sizeof caller->gpr);
	caller->cpl = 3;
	caller->cs = (struct x86_segment){ .l = was_64, .db = !was_64 };
}

void service_of_record(struct guest_view *v, const struct x86_state *now, struct transition *t)
{
	struct transition call = { .recorded = true, .gate = { .kind = t->gate.kind }, .after = *now };

	call.after.cpl = 0;
	make_caller(now, t, &call.before);
	service_of_entry(v, &call);
	t->service = call.service;
}

void service_of_return(struct guest_view *v, struct transition *t)
{
	if (v->kernel == KERNEL_LINUX && !t->faulted && t->after.cpl == 3 && t->before.cpl < 3)
		linux_way_out(v, t);
}
