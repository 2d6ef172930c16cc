/*
 * What the box cannot run faithfully: QEMU 7.2's emulated AMD host, as
 * measured.  check/known.c has what a check may run into; here is what no run
 * there should rely on.
 */
#include "sink/sink.h"

#include <string.h>

#define PROCESSOR "engine kvm on an Intel or AMD host"

static const struct trace_limit box[] = {
	{ "SYSENTER and SYSEXIT in long mode",
	  "SYSENTER is accepted where AMD has #UD, and the next entry of the guest fails",
	  "engine kvm on an AMD host; on an Intel host they are legal", NULL },
	{ "PAE paging in 32-bit guests", "a reload of CR0 is a triple fault; paging without PAE works", PROCESSOR, NULL },
	{ "hardware and software breakpoints of the host", "never reached; stops are HLTs instead", PROCESSOR, NULL },
	{ "SMAP", "far returns and IRET from ring 3 read the stack as a supervisor", PROCESSOR, NULL },
	{ "time", "no processor's", PROCESSOR, "C79" },
	{ 0 },
};

#define GATES "--watch=gates"

#define STRINGS \
	{ "a call's strings, and arguments on the caller's stack", "not sampled: records are read later", GATES, NULL }
#define TABLES \
	{ "the guest's page tables and IDT handlers", \
	  "one entry that was zero leads to the stub; where there can be more than one address space, the handlers of #PF and " \
	  "#DF begin with a stop: code that reads these finds it", GATES, NULL }
#define NOT_MAPPED \
	{ "an address space in which the stub is not mapped", \
	  "at its first entry a frame of #PF is pushed below the caller's RSP and taken back, and CR2 is changed (summary: " \
	  "mapped_late)", GATES, NULL }
#define IN_STUB \
	{ "an NMI, or a #DB by a TF that FMASK leaves set", \
	  "can be taken within the stub, whose address its handler sees", GATES, NULL }

static const struct trace_limit ring_entries[] = {
	{ "what is not an entry by SYSCALL or SYSENTER",
	  "returns (but see --returns), INT n, IRET, far transfers and exceptions are not seen once entries are recorded, and "
	  "of an entry only registers behind it", GATES, NULL },
	STRINGS, TABLES, NOT_MAPPED, IN_STUB,
	{ 0 },
};

static const struct trace_limit ring_returns[] = {
	{ "what is not an entry by SYSCALL or SYSENTER, nor a return by SYSRET or SYSEXIT",
	  "INT n, IRET, far transfers and exceptions are not seen once entries are recorded; of an entry only registers behind "
	  "it, and of a return only those before it", GATES, NULL },
	{ "a return whose code has no room for a jump, or is reached through a pointer",
	  "not recorded (summary: returns_left, as far as they were found)", GATES, NULL },
	{ "an unused entry of the guest's page tables that leads to no memory",
	  "may lead to the stub, where no zero one is within a jump's reach", "--watch=ring without --returns", NULL },
	{ "the kernel's code before its returns",
	  "a jump stands there, and the stub runs what it replaced: code that reads it finds it; one that writes there goes on "
	  "with what stood there until it is looked at; another mapping of it leads nowhere; and an exception of what was moved, "
	  "or an interrupt or a TF that it lets through, is taken within the stub, with IF clear; a thread that waits there does not "
	  "come back once the stub has moved", "--watch=ring without --returns", NULL },
	STRINGS, TABLES, NOT_MAPPED, IN_STUB,
	{ 0 },
};

static const struct trace_limit none[] = { { 0 } };

const struct trace_limit *trace_limits(enum emulator emulator)
{
	return emulator == EMULATOR_QEMU ? box : none;
}

const struct trace_limit *ring_limits(bool returns)
{
	return returns ? ring_returns : ring_entries;
}

const struct trace_limit *limit_of_claim(const struct trace_limit *limits, const char *id)
{
	const size_t length = strlen(id);

	for (; limits && limits->path; limits++) {
		const char *at = limits->claims;

		while (at && (at = strstr(at, id))) {
			if (at[length] == ' ' || !at[length])
				return limits;
			at += length;
		}
	}
	return NULL;
}
