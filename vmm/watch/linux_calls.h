/*
 * Linux' system calls by number: names, what their arguments are, and where
 * they lead.  Tables of public facts; knows no guest.
 */
#ifndef WATCH_LINUX_CALLS_H
#define WATCH_LINUX_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#define LINUX_X32_BIT   UINT32_C(0x40000000)    /* of RAX: the number is one of the x32 ABI */
#define LINUX_ERRNO_MAX 4095                    /* a result from -4095 to -1 is an error */

/* What a call does besides returning once behind the instruction that made it. */
enum linux_effect {
	LINUX_RETURNS,
	LINUX_ENDS,                     /* the caller does not come back: exit, exit_group */
	LINUX_FORKS,                    /* comes back in two threads: fork, vfork, clone, clone3 */
	LINUX_EXECS,                    /* comes back at the start of another program, if at all: execve, execveat */
	LINUX_SIGRETURNS                /* comes back where a signal had come: sigreturn, rt_sigreturn */
};

/*
 * A letter for each argument:
 *	f  file descriptor                      s  address of a string
 *	d  the same, or AT_FDCWD                p  any other address
 *	i  int, signed                          z  size, length or count
 *	x  flags, bits, and what has no type    o  offset, signed, 64 bits
 *	m  file mode                            t  id of a process or thread
 * and behind '>' one for the result where it is no int: p.
 */
struct linux_call {
	const char *name;
	const char *kinds;
};

/* By the whole of RAX's low half; NULL: no call has that number. */
const struct linux_call *linux_call64(uint32_t number);
const struct linux_call *linux_call32(uint32_t number);

/* How many letters stand before '>'. */
unsigned linux_argument_count(const struct linux_call *call);

enum linux_effect linux_effect(const struct linux_call *call);

#endif
