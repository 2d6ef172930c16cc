/*
 * A first program for a Linux kernel: makes calls in an order that is known
 * from outside, of every kind that pairs in its own way, and ends the machine.
 * tests/program/linux.sh knows the order.  What a call gives is compared here
 * too, and told on the console.
 */
#include "expect.h"

#include <asm/unistd_64.h>
#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <linux/signal.h>

#define ENOENT          2
#define EINTR           4
#define PROT_READ_WRITE 3
#define MAP_PRIVATE_ANONYMOUS 0x22
#define SIGACTION_RESTORER 0x04000000   /* <asm/signal.h> has it for other headers only */

struct action { void (*handler)(int); unsigned long flags; void (*restorer)(void); unsigned long mask; };

void init_main(void);
long vfork_and_exit(long code);
long call_by_int80(long number);
long call_by_compat(long number);
long start_thread(unsigned long flags, void *stack, int *tid, void *data, void (*run)(void));
void restorer(void);

static char compat_program[] = "/compat";
static volatile int handled, thread_ran;
static int thread_tid;
static char thread_stack[16384] __attribute__((aligned(16))), thread_data[64] __attribute__((aligned(16)));

/* From here on a process keeps the one processor until it waits or yields, however slow it is under trace. */
static void take_turns(void)
{
	int priority = 1;

	expect(call(__NR_sched_setscheduler, 0, SCHED_FIFO, &priority) == 0, "sched_setscheduler");
}

static void files_and_memory(void)
{
	char head[4] = { 0 };
	volatile char *memory;
	long fd;

	expect(call(__NR_openat, AT_FDCWD, "/missing \"file\"", O_RDONLY, 0) == -ENOENT, "openat of what is not there");
	fd = call(__NR_openat, AT_FDCWD, "/init", O_RDONLY, 0);
	expect(fd >= 0 && call(__NR_read, fd, head, sizeof head) == 4 && head[1] == 'E', "openat and read");
	call(__NR_close, fd);
	memory = (char *)call(__NR_mmap, 0, 65536, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
	memory[4096] = 1;                       /* a page fault */
	call(__NR_munmap, memory, 65536);
	expect(call(__NR_execve, "/missing", 0, 0) == -ENOENT, "execve of what is not there");
}

static void processes(void)
{
	long pid = call(__NR_fork);

	if (!pid) {
		call(__NR_getppid);
		call(__NR_exit_group, 7);
	}
	wait_for(pid, 7);
	wait_for(vfork_and_exit(8), 8);
	compat_program[0] = '/';                /* its page becomes the parent's own, which the child has from the start */
	pid = call(__NR_fork);
	if (!pid) {
		call(__NR_execve, compat_program, 0, 0);
		call(__NR_exit_group, 1);       /* a kernel without 32-bit programs */
	}
	wait_for(pid, 9);
}

/* The reader is first in and last out. */
static void blocked_reader(void)
{
	int ends[2];
	char byte = 0;
	long pid;

	call(__NR_pipe2, ends, 0);
	pid = call(__NR_fork);
	if (!pid) {
		call(__NR_getppid);
		call(__NR_write, ends[1], "!", 1);
		call(__NR_exit_group, 0);
	}
	expect(call(__NR_read, ends[0], &byte, 1) == 1 && byte == '!', "read of a pipe");
	wait_for(pid, 0);
}

static void thread_main(void)
{
	call(__NR_gettid);
	thread_ran = 1;
	call(__NR_exit, 0);                     /* wakes who waits for thread_tid */
}

static void thread(void)
{
	const unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
		CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
	int tid = thread_tid = -1;

	expect(start_thread(flags, thread_stack + sizeof thread_stack, &thread_tid, thread_data, thread_main) > 0, "clone");
	while ((tid = __atomic_load_n(&thread_tid, __ATOMIC_ACQUIRE)) != 0)
		call(__NR_futex, &thread_tid, FUTEX_WAIT, tid, 0, 0, 0);
	expect(thread_ran, "the thread");
}

static void handler(int number)
{
	call(__NR_getpid);
	handled += number;
}

/* A child that sends the signal once its parent waits, lets it wait again, and then writes what it may wait for. */
static long signaller(int number, int fd)
{
	long parent = call(__NR_getpid), pid = call(__NR_fork);

	if (!pid) {
		call(__NR_kill, parent, number);
		call(__NR_sched_yield);
		if (fd >= 0)
			call(__NR_write, fd, "!", 1);
		call(__NR_exit_group, 0);
	}
	return pid;
}

static void signals(void)
{
	struct action again = { handler, SA_RESTART | SIGACTION_RESTORER, restorer, 0 }, once = again;
	int ends[2];
	char byte = 0;
	long pid;

	once.flags = SIGACTION_RESTORER;
	call(__NR_rt_sigaction, SIGUSR1, &again, 0, 8);
	call(__NR_rt_sigaction, SIGUSR2, &once, 0, 8);
	expect(call(__NR_kill, call(__NR_getpid), SIGUSR1) == 0 && handled == SIGUSR1, "a signal of one's own");
	call(__NR_pipe2, ends, 0);
	pid = signaller(SIGUSR1, ends[1]);
	expect(call(__NR_read, ends[0], &byte, 1) == 1 && handled == 2 * SIGUSR1, "read, made again behind a signal");
	wait_for(pid, 0);
	pid = signaller(SIGUSR2, -1);
	expect(call(__NR_pause) == -EINTR && handled == 2 * SIGUSR1 + SIGUSR2, "pause, ended by a signal");
	wait_for(pid, 0);
}

void init_main(void)
{
	say("init: hello\n");
	expect(call(__NR_getpid) == 1, "getpid");
	files_and_memory();
	processes();
	take_turns();
	blocked_reader();
	thread();
	signals();
	expect(call_by_int80(20) == 1, "getpid by INT 80h");
	expect(call_by_compat(20) == 1, "getpid by INT 80h of 32-bit code");
	say(wrong ? "init: wrong\n" : "init: all as expected\n");
	call(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, 0);
	for (;;)
		call(__NR_pause);
}
