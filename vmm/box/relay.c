/*
 * The loop over one machine's port, signals and clock.  Patience and
 * messages about a running box are decided here; how a machine is made is
 * not known here.
 */
#include "box/relay.h"

#include "box/request_disc.h"
#include "input.h"
#include "message.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	SECOND_MS = 1000,
	START_PATIENCE_MS = 10000,      /* it takes 100, and what its files take: */
	BYTES_PER_MS = 8192,            /* they go in at four times that */
	INPUT_PATIENCE_MS = 500,        /* while our terminal is somebody else's */
	INPUT_MAX = 4096
};

uint64_t relay_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Signals that end us are read instead of taken, except those that somebody chose to ignore. */
int relay_signals_hold(sigset_t *before)
{
	static const int all[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (sigaction(all[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&set, all[i]);
	sigprocmask(SIG_BLOCK, &set, before);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* --- progress, on a terminal only --- */

static void progress_clear(struct relay *relay)
{
	if (relay->progress_shown)
		fputs("\r\033[K", stderr);
	relay->progress_shown = false;
}

static void progress_show(struct relay *relay)
{
	relay->progress_at = UINT64_MAX;
	relay->progress_shown = true;
	fprintf(stderr, "vmm: %s the box ...",
		relay->phase == RELAY_RUNNING ? "the guest runs in" : "starting");
	fflush(stderr);
}

/* --- the end --- */

static enum relay_state ended(struct relay *relay, enum box_result result, int status)
{
	relay->result = result;
	relay->status = status;
	return RELAY_ENDED;
}

static enum relay_state broken(struct relay *relay, const char *what)
{
	char words[256];
	const char *line;

	/* As long as nothing has come out, another machine may do better. */
	if (relay->phase != RELAY_RUNNING)
		return RELAY_NOT_UP;
	progress_clear(relay);
	machine_last_words(relay->machine, words, sizeof(words));
	line = strrchr(words, '\n') ? strrchr(words, '\n') + 1 : words;
	message("the box broke: %s%s%s", what, line[0] ? ": " : "", line);
	return ended(relay, BOX_UNUSABLE, 0);
}

static enum relay_state program_ended(struct relay *relay, const struct frame *frame)
{
	uint32_t status;

	if (frame->length != sizeof(status))
		return broken(relay, "its last frame is wrong");
	memcpy(&status, frame->payload, sizeof(status));
	if (WIFEXITED(status))
		return ended(relay, BOX_DONE, WEXITSTATUS(status));
	progress_clear(relay);
	message("the program inside the box died: %s", strsignal(WTERMSIG(status)));
	return ended(relay, BOX_UNUSABLE, 0);
}

/* --- frames from the box --- */

static enum relay_state ask(struct relay *relay)
{
	if (relay->stop_when_ready)
		return RELAY_READY;
	relay->phase = RELAY_ASKED;
	relay->deadline = relay_clock() + START_PATIENCE_MS;
	if (!relay->machine->asked && outbox_fill(&relay->outbox, relay->request, relay->machine->name) != 0)
		return ended(relay, BOX_UNUSABLE, 0);
	relay->deadline += relay->outbox.size / BYTES_PER_MS;
	return RELAY_GOES_ON;
}

static enum relay_state greeted(struct relay *relay, const struct frame *frame)
{
	const uint32_t version = FRAME_VERSION;

	if (relay->phase != RELAY_BOOTING || frame->length != sizeof(version) ||
	    memcmp(frame->payload, &version, sizeof(version)) != 0)
		return broken(relay, "it speaks another protocol");
	return ask(relay);
}

static enum relay_state started(struct relay *relay)
{
	if (relay->phase != RELAY_ASKED)
		return broken(relay, "it starts what nobody asked for");
	relay->phase = RELAY_RUNNING;
	relay->deadline = UINT64_MAX;
	if (relay->request->input)
		relay->input = STDIN_FILENO;
	if (relay->machine->own_clock)
		relay->second_at = relay_clock() + SECOND_MS;
	if (relay->request->timeout_seconds > 0)
		relay->deadline = relay_clock() + relay->machine->grace_ms +
			relay->request->timeout_seconds * UINT64_C(1000);
	return RELAY_GOES_ON;
}

static enum relay_state pass_on(struct relay *relay, const struct frame *frame, FILE *file)
{
	if (relay->phase != RELAY_RUNNING)
		return broken(relay, "it prints before it starts");
	relay->progress_at = UINT64_MAX;
	progress_clear(relay);
	/* A stderr that takes nothing is no reason to stop. */
	if (fwrite(frame->payload, 1, frame->length, file) != frame->length && file == relay->request->out)
		return ended(relay, BOX_OUTPUT, errno);
	return RELAY_GOES_ON;
}

static enum relay_state take(struct relay *relay, const struct frame *frame)
{
	switch (frame->type) {
	case FRAME_HELLO:
		return greeted(relay, frame);
	case FRAME_STARTED:
		return started(relay);
	case FRAME_OUT:
		return pass_on(relay, frame, relay->request->out);
	case FRAME_ERR:
		/* In the order in which it was written, should both be one terminal. */
		if (fflush(relay->request->out) != 0)
			return ended(relay, BOX_OUTPUT, errno);
		return pass_on(relay, frame, stderr);
	case FRAME_FAILED:
		progress_clear(relay);
		message("the box: %.*s", (int)frame->length, (const char *)frame->payload);
		return ended(relay, BOX_UNUSABLE, 0);
	case FRAME_STATUS:
		return program_ended(relay, frame);
	default:
		return broken(relay, "it sent a frame that is not for us");
	}
}

static enum relay_state take_all(struct relay *relay)
{
	enum relay_state state = RELAY_GOES_ON;
	struct frame frame;
	int got = 0;

	while (state == RELAY_GOES_ON && (got = frame_next(relay->reader, &frame)) > 0)
		state = take(relay, &frame);
	if (state == RELAY_GOES_ON && got < 0)
		state = broken(relay, "it sent no frame");
	if (relay->phase == RELAY_RUNNING && fflush(relay->request->out) != 0 && relay->result != BOX_OUTPUT)
		state = ended(relay, BOX_OUTPUT, errno);
	return state;
}

/* --- what poll reports --- */

static enum relay_state on_signal(struct relay *relay)
{
	struct signalfd_siginfo info;

	if (read(relay->signals, &info, sizeof(info)) != sizeof(info))
		return RELAY_GOES_ON;
	return ended(relay, BOX_INTERRUPTED, (int)info.ssi_signo);
}

static enum relay_state on_readable(struct relay *relay)
{
	ssize_t got = frame_fill(relay->reader, relay->machine->port);

	return got > 0 ? take_all(relay) : broken(relay, "it ended too early");
}

static enum relay_state on_writable(struct relay *relay)
{
	struct outbox *outbox = &relay->outbox;
	ssize_t put = send(relay->machine->port, outbox->bytes + outbox->sent, outbox->size - outbox->sent,
			   MSG_DONTWAIT | MSG_NOSIGNAL);

	if (put < 0 && errno != EAGAIN && errno != EINTR)
		return broken(relay, "it takes no request");
	if (put > 0)
		outbox->sent += (size_t)put;
	return RELAY_GOES_ON;
}

/* Input becomes the next frame to send; none is its end. */
static void send_input(struct relay *relay, const uint8_t *bytes, size_t size)
{
	const struct frame_header header = { .type = FRAME_INPUT, .length = (uint32_t)size };
	struct outbox *outbox = &relay->outbox;
	char *frame = malloc(sizeof(header) + size);

	if (!frame)
		return;
	memcpy(frame, &header, sizeof(header));
	memcpy(frame + sizeof(header), bytes, size);
	free(outbox->bytes);
	*outbox = (struct outbox){ .bytes = frame, .size = sizeof(header) + size };
}

/* The same for a machine that has no way in but its disc. */
static void tell_input(struct relay *relay, const uint8_t *bytes, size_t size)
{
	request_disc_input(relay->machine->disc, &relay->news, bytes, size);
	if (relay->news.input == REQUEST_INPUT_MAX)
		relay->input = -1;
	relay->news.input_ended = relay->input < 0;
	request_disc_tell(relay->machine->disc, &relay->news);
}

static void on_input(struct relay *relay)
{
	uint8_t bytes[INPUT_MAX];
	const size_t got = input_read(&relay->input, bytes, sizeof(bytes));

	if (got == 0 && relay->input >= 0)
		return;
	if (relay->machine->asked)
		tell_input(relay, bytes, got);
	else
		send_input(relay, bytes, got);
}

static enum relay_state on_time(struct relay *relay)
{
	uint64_t now = relay_clock();

	if (now >= relay->progress_at)
		progress_show(relay);
	if (now >= relay->second_at) {
		relay->second_at += SECOND_MS;
		relay->news.seconds++;
		request_disc_tell(relay->machine->disc, &relay->news);
	}
	if (now < relay->deadline)
		return RELAY_GOES_ON;
	if (relay->phase != RELAY_RUNNING)
		return RELAY_NOT_UP;
	progress_clear(relay);
	message("the program inside the box did not keep its time limit of %u s",
		relay->request->timeout_seconds);
	return ended(relay, BOX_TIMEOUT, 0);
}

static int patience(const struct relay *relay)
{
	uint64_t next = relay->deadline < relay->progress_at ? relay->deadline : relay->progress_at;
	uint64_t now = relay_clock();

	if (relay->second_at < next)
		next = relay->second_at;
	if (relay->input >= 0 && now + INPUT_PATIENCE_MS < next && !input_is_ours(relay->input))
		next = now + INPUT_PATIENCE_MS;
	if (next <= now)
		return 0;
	return next - now < 60000 ? (int)(next - now) : 60000;
}

static enum relay_state look(struct relay *relay)
{
	bool more = relay->outbox.sent < relay->outbox.size;
	bool takes = !more && relay->input >= 0 && input_is_ours(relay->input);
	struct pollfd fds[] = {
		{ .fd = relay->signals, .events = POLLIN },
		{ .fd = relay->machine->port, .events = (short)(more ? POLLIN | POLLOUT : POLLIN) },
		{ .fd = takes ? relay->input : -1, .events = POLLIN },
	};
	enum relay_state state = RELAY_GOES_ON;

	if (poll(fds, 3, patience(relay)) < 0)
		return RELAY_GOES_ON;
	if (fds[0].revents & POLLIN)
		state = on_signal(relay);
	if (state == RELAY_GOES_ON && (fds[1].revents & ~POLLOUT))
		state = on_readable(relay);
	if (state == RELAY_GOES_ON && (fds[1].revents & POLLOUT))
		state = on_writable(relay);
	if (state == RELAY_GOES_ON && fds[2].revents)
		on_input(relay);
	return state == RELAY_GOES_ON ? on_time(relay) : state;
}

enum relay_state relay_run(struct relay *relay, const struct machine *machine, bool boots)
{
	enum relay_state state = RELAY_GOES_ON;

	relay->machine = machine;
	relay->phase = RELAY_BOOTING;
	relay->deadline = relay_clock() + machine->boot_patience_ms;
	relay->reader = calloc(1, sizeof(*relay->reader));
	relay->outbox = (struct outbox){ .size = 0 };
	relay->second_at = UINT64_MAX;
	relay->news = (struct request_news){ 0 };
	relay->input = -1;
	if (!relay->reader)
		return RELAY_NOT_UP;
	if (!boots)
		state = ask(relay);
	while (state == RELAY_GOES_ON)
		state = look(relay);
	progress_clear(relay);
	free(relay->reader);
	free(relay->outbox.bytes);
	return state;
}
