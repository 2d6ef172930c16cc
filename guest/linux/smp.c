/*
 * A first program for a Linux kernel with two processors: a process on each,
 * which wait for one another in turn, and one that moves from the first to the
 * second within a call.  tests/program/smp.sh knows the calls.
 */
#include "expect.h"

#include <linux/reboot.h>

#define ROUNDS  4

void init_main(void);

/* From here on the process runs on that processor: where it is another, the call itself ends there. */
static void go_to(unsigned cpu)
{
	unsigned long mask = 1UL << cpu;
	unsigned now = -1U;

	expect(call(__NR_sched_setaffinity, 0, sizeof mask, &mask) == 0, "sched_setaffinity");
	expect(call(__NR_getcpu, &now, 0, 0) == 0 && now == cpu, "getcpu");
}

/* Each byte that comes in goes out, one more than it was. */
static void echo(int in, int out)
{
	char byte = 0;

	for (unsigned n = 0; n < ROUNDS; n++) {
		if (call(__NR_read, in, &byte, 1) != 1)
			call(__NR_exit_group, 1);
		byte++;
		call(__NR_write, out, &byte, 1);
	}
}

static void two_processes(void)
{
	int there[2], back[2];
	char byte = 'a';
	long pid;

	call(__NR_pipe2, there, 0);
	call(__NR_pipe2, back, 0);
	pid = call(__NR_fork);
	if (!pid) {
		go_to(1);
		echo(there[0], back[1]);
		call(__NR_exit_group, 7);
	}
	for (unsigned n = 0; n < ROUNDS; n++) {
		call(__NR_write, there[1], &byte, 1);
		expect(call(__NR_read, back[0], &byte, 1) == 1, "read of a pipe");
	}
	expect(byte == 'a' + ROUNDS, "what came back");
	wait_for(pid, 7);
}

void init_main(void)
{
	say("smp: hello\n");
	go_to(0);
	two_processes();
	go_to(1);
	go_to(0);
	say(wrong ? "smp: wrong\n" : "smp: all as expected\n");
	call(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, 0);
	for (;;)
		call(__NR_pause);
}
