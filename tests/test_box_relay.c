/*
 * The outside of the box against an inside that we play: well behaved,
 * broken, hostile.
 */
#include "box/relay.h"

#include "box/frame.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char *const argv[] = { "vmm", NULL };
static char *printed;
static size_t printed_size;
static struct relay relay;
static struct box_request request = { .argv = argv };

/* What the inside does with its end of the port; then it closes it. */
typedef void inside(int port);

static enum relay_state play(inside *act, bool boots)
{
	struct machine machine = {
		.console = -1, .errors = -1, .name = "QEMU 7.2.1 TCG", .boot_patience_ms = 20000, .grace_ms = 10000,
	};
	enum relay_state state;
	int ends[2];
	pid_t pid;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		act(ends[1]);
		_exit(0);
	}
	close(ends[1]);
	machine.port = ends[0];
	state = relay_run(&relay, &machine, boots);
	close(ends[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	fflush(request.out);
	return state;
}

static void setup(void)
{
	sigset_t set;

	cr_redirect_stderr();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	request.out = open_memstream(&printed, &printed_size);
	relay = (struct relay){ .request = &request, .result = BOX_UNUSABLE, .progress_at = UINT64_MAX,
				.signals = signalfd(-1, &set, SFD_NONBLOCK) };
}

TestSuite(box_relay, .init = setup, .timeout = 60);

static void say(int port, enum frame_type type, const void *bytes, size_t size)
{
	if (frame_send(port, type, bytes, size) != 0)
		_exit(1);
}

static void say_hello(int port)
{
	say(port, FRAME_HELLO, &(uint32_t){ FRAME_VERSION }, sizeof(uint32_t));
}

static void say_status(int port, uint32_t status)
{
	say(port, FRAME_STATUS, &status, sizeof(status));
}

/* Take a request up to FRAME_START, then say that it was understood. */
static void start(int port)
{
	static struct frame_reader reader;
	struct frame frame = { .type = FRAME_HELLO };

	while (frame.type != FRAME_START) {
		int got = frame_next(&reader, &frame);

		if (got < 0 || (got == 0 && frame_fill(&reader, port) <= 0))
			_exit(1);
	}
	say(port, FRAME_STARTED, NULL, 0);
}

static void well_behaved(int port)
{
	start(port);
	say(port, FRAME_OUT, "one ", 4);
	say(port, FRAME_ERR, "aside", 5);
	say(port, FRAME_OUT, "two", 3);
	say_status(port, 7 << 8);
	pause();
}

static void boots_and_behaves(int port)
{
	say_hello(port);
	well_behaved(port);
}

Test(box_relay, output_and_status_come_out)
{
	cr_assert_eq(play(well_behaved, false), RELAY_ENDED);
	cr_assert_eq(relay.result, BOX_DONE);
	cr_assert_eq(relay.status, 7);
	cr_assert_str_eq(printed, "one two");
}

Test(box_relay, so_they_do_after_a_boot)
{
	cr_assert_eq(play(boots_and_behaves, true), RELAY_ENDED);
	cr_assert_eq(relay.result, BOX_DONE);
	cr_assert_str_eq(printed, "one two");
}

Test(box_relay, a_boot_for_a_snapshot_stops_at_hello)
{
	relay.stop_when_ready = true;
	cr_assert_eq(play(boots_and_behaves, true), RELAY_READY);
	cr_assert_str_eq(printed, "");
}

static void much(int port)
{
	static uint8_t bytes[FRAME_PAYLOAD_MAX];

	start(port);
	for (int i = 0; i < 64; i++) {
		memset(bytes, i, sizeof(bytes));
		say(port, FRAME_OUT, bytes, sizeof(bytes));
	}
	say_status(port, 0);
}

Test(box_relay, nothing_is_lost_of_much)
{
	cr_assert_eq(play(much, false), RELAY_ENDED);
	cr_assert_eq(relay.result, BOX_DONE);
	cr_assert_eq(printed_size, 64 * FRAME_PAYLOAD_MAX);
	for (size_t i = 0; i < printed_size; i++)
		cr_assert_eq(printed[i], (char)(i / FRAME_PAYLOAD_MAX));
}

/* Says back what comes in, up to its end. */
static void echo(int port)
{
	static struct frame_reader reader;
	struct frame frame;

	start(port);
	for (;;) {
		int got = frame_next(&reader, &frame);

		if (got < 0 || (got == 0 && frame_fill(&reader, port) <= 0))
			_exit(1);
		if (got == 0)
			continue;
		if (frame.type != FRAME_INPUT || frame.length == 0)
			break;
		say(port, FRAME_OUT, frame.payload, frame.length);
	}
	say_status(port, frame.type == FRAME_INPUT ? 0 : 1 << 8);
}

Test(box_relay, what_stdin_brings_goes_in)
{
	const size_t size = 20000;
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	for (size_t i = 0; i < size; i++)
		cr_assert_eq(write(ends[1], &(char){ 'a' + i % 26 }, 1), 1);
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	request.input = true;
	cr_assert_eq(play(echo, false), RELAY_ENDED);
	cr_assert_eq(relay.result, BOX_DONE);
	cr_assert_eq(relay.status, 0);
	cr_assert_eq(printed_size, size);
	for (size_t i = 0; i < size; i++)
		cr_assert_eq(printed[i], 'a' + i % 26);
}

/* --- before anything has come out, another machine may do better --- */

static void silent_death(int port) { (void)port; }
static void wrong_version(int port) { say(port, FRAME_HELLO, &(uint32_t){ FRAME_VERSION + 1 }, 4); pause(); }
static void short_hello(int port) { say(port, FRAME_HELLO, "", 0); pause(); }
static void early_output(int port) { say(port, FRAME_OUT, "x", 1); pause(); }
static void early_start(int port) { say(port, FRAME_STARTED, "", 0); pause(); }
static void to_us(int port) { say(port, FRAME_ARGUMENT, "x", 1); pause(); }
static void no_frame(int port) { if (write(port, "garbage garbage", 15) != 15) _exit(1); pause(); }
static void two_hellos(int port) { say_hello(port); say_hello(port); pause(); }
static void dies_when_asked(int port) { say_hello(port); }

Test(box_relay, machines_that_do_not_come_up)
{
	inside *const all[] = {
		silent_death, wrong_version, short_hello, early_output, early_start, to_us, no_frame,
		two_hellos, dies_when_asked,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		cr_assert_eq(play(all[i], true), RELAY_NOT_UP, "number %zu", i);
	cr_assert_eq(printed_size, 0);
}

/* --- afterwards the run is lost --- */

static void dies(int port) { start(port); say(port, FRAME_OUT, "part", 4); }
static void breaks(int port) { start(port); if (write(port, "garbage garbage", 15) != 15) _exit(1); pause(); }
static void greets_late(int port) { start(port); say_hello(port); pause(); }
static void starts_twice(int port) { start(port); say(port, FRAME_STARTED, "", 0); pause(); }
static void short_status(int port) { start(port); say(port, FRAME_STATUS, "ab", 2); pause(); }
static void long_status(int port) { start(port); say(port, FRAME_STATUS, "abcdefgh", 8); pause(); }
static void crashes(int port) { start(port); say_status(port, SIGSEGV); pause(); }
static void fails(int port) { start(port); say(port, FRAME_FAILED, "no /dev/kvm", 11); pause(); }

Test(box_relay, runs_that_are_lost)
{
	inside *const all[] = {
		dies, breaks, greets_late, starts_twice, short_status, long_status, crashes, fails,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		relay.result = BOX_DONE;
		cr_assert_eq(play(all[i], false), RELAY_ENDED, "number %zu", i);
		cr_assert_eq(relay.result, BOX_UNUSABLE, "number %zu", i);
	}
}

/* --- the outside ends it --- */

static void endless(int port)
{
	start(port);
	for (;;)
		say(port, FRAME_OUT, "spin\n", 5);
}

static void idle(int port)
{
	start(port);
	pause();
}

Test(box_relay, a_full_disk_ends_it)
{
	request.out = fopen("/dev/full", "w");
	cr_assert_eq(play(endless, false), RELAY_ENDED);
	cr_assert_eq(relay.result, BOX_OUTPUT);
	cr_assert_eq(relay.status, ENOSPC);
}

Test(box_relay, a_signal_ends_it)
{
	raise(SIGUSR1);
	cr_assert_eq(play(idle, false), RELAY_ENDED);
	cr_assert_eq(relay.result, BOX_INTERRUPTED);
	cr_assert_eq(relay.status, SIGUSR1);
}

Test(box_relay, a_time_limit_that_is_not_kept_ends_it)
{
	request.timeout_seconds = 1;
	cr_assert_eq(play(idle, false), RELAY_ENDED);
	cr_assert_eq(relay.result, BOX_TIMEOUT);
}
