/*
 * The tables of Linux' system calls as arrays, indexed by number.
 */
#include "watch/linux_calls.h"

#include <stddef.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define CALL(number, name, kinds) [number] = { #name, kinds },
#define NEWER(number, name, kinds) [number] = { #name, kinds },
#define X32(number, name)

static const struct linux_call calls64[] = {
#include "watch/linux_calls64.def"
};

static const struct linux_call calls32[] = {
#include "watch/linux_calls32.def"
};

#undef CALL
#undef NEWER
#undef X32
#define CALL(number, name, kinds)
#define NEWER(number, name, kinds)
#define X32(number, name) { number, #name },

/* Numbers that the x32 ABI has for itself: the same calls, with pointers of 32 bits in what they point to. */
static const struct { uint32_t number; const char *name; } calls_x32[] = {
#include "watch/linux_calls64.def"
};

static const struct linux_call *by_number(const struct linux_call *calls, size_t count, uint32_t number)
{
	return number < count && calls[number].name ? &calls[number] : NULL;
}

static const struct linux_call *by_name(const char *name)
{
	for (size_t n = 0; n < COUNT(calls64); n++)
		if (calls64[n].name && !strcmp(calls64[n].name, name))
			return &calls64[n];
	return NULL;
}

const struct linux_call *linux_call64(uint32_t number)
{
	if (number & LINUX_X32_BIT) {
		number &= ~LINUX_X32_BIT;
		for (size_t n = 0; n < COUNT(calls_x32); n++)
			if (calls_x32[n].number == number)
				return by_name(calls_x32[n].name);
	}
	return by_number(calls64, COUNT(calls64), number);
}

const struct linux_call *linux_call32(uint32_t number)
{
	return by_number(calls32, COUNT(calls32), number);
}

unsigned linux_argument_count(const struct linux_call *call)
{
	return (unsigned)strcspn(call->kinds, ">");
}

enum linux_effect linux_effect(const struct linux_call *call)
{
	static const struct { const char *name; enum linux_effect effect; } effects[] = {
		{ "exit", LINUX_ENDS }, { "exit_group", LINUX_ENDS },
		{ "fork", LINUX_FORKS }, { "vfork", LINUX_FORKS }, { "clone", LINUX_FORKS }, { "clone3", LINUX_FORKS },
		{ "execve", LINUX_EXECS }, { "execveat", LINUX_EXECS },
		{ "sigreturn", LINUX_SIGRETURNS }, { "rt_sigreturn", LINUX_SIGRETURNS },
	};

	for (size_t n = 0; n < COUNT(effects); n++)
		if (!strcmp(effects[n].name, call->name))
			return effects[n].effect;
	return LINUX_RETURNS;
}
