/*
 * Running the program in a box: which machines are tried, in which order.
 * The usual one goes on from a snapshot, 0.1 s; where there is none, one is
 * made; where none can be made, a machine boots for this run alone.
 */
#include "box/box.h"

#include "box/box_intel.h"
#include "box/initramfs.h"
#include "box/kernel.h"
#include "box/qemu.h"
#include "box/relay.h"
#include "box/request.h"
#include "box/snapshot.h"
#include "box/tsc.h"
#include "message.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum {
	MIB = 1 << 20,
	MEMORY_OWN = 256 * MIB,         /* of the machine's memory, for its kernel and its program */
	FILE_COPIES = 2,                /* its files lie there as such, and in the program */
	PROGRESS_AFTER_MS = 2000
};

struct box {
	struct relay relay;
	char qemu_path[PATH_MAX];
	struct qemu_config config;
	bool small;                     /* SNAPSHOT_MEMORY is enough */
};

/* A machine that does not come up leaves its words behind, the last one says them. */
static enum relay_state attempt(struct box *box, bool last)
{
	enum relay_state state = RELAY_NOT_UP;
	char words[1024];
	struct qemu qemu;

	if (qemu_start(&qemu, box->qemu_path, &box->config))
		state = relay_run(&box->relay, &qemu.machine, box->config.snapshot < 0);
	if (state == RELAY_NOT_UP && last) {
		machine_last_words(&qemu.machine, words, sizeof(words));
		message("the box did not start%s%s", words[0] ? "; its last words:\n" : "", words);
	}
	qemu_stop(&qemu);
	return state;
}

/* Boot a machine for the snapshot alone. */
static enum relay_state make_snapshot(struct box *box, const struct snapshot_place *place)
{
	enum relay_state state = RELAY_NOT_UP;
	struct qemu qemu;

	box->relay.stop_when_ready = true;
	if (qemu_start(&qemu, box->qemu_path, &box->config))
		state = relay_run(&box->relay, &qemu.machine, true);
	if (state == RELAY_READY && !snapshot_save(place, &qemu))
		state = RELAY_NOT_UP;
	qemu_stop(&qemu);
	box->relay.stop_when_ready = false;
	return state;
}

static enum relay_state attempt_snapshot(struct box *box, const struct snapshot_place *place)
{
	enum relay_state state = RELAY_READY;

	box->config.snapshot = snapshot_open(place);
	if (box->config.snapshot < 0) {
		state = make_snapshot(box, place);
		if (state == RELAY_READY)
			box->config.snapshot = snapshot_open(place);
	}
	if (state == RELAY_ENDED || box->config.snapshot < 0)
		return state;
	state = attempt(box, false);
	close(box->config.snapshot);
	box->config.snapshot = -1;
	if (state != RELAY_ENDED)
		snapshot_discard(place);
	return state;
}

/* A boot that fails is tried once more, with the kernel telling what it does. */
static void attempts(struct box *box, const struct box_kernel *kernel)
{
	struct snapshot_place place;

	if (box->small &&
	    snapshot_place(&place, kernel, box->qemu_path, box->config.initramfs, box->config.tsc_khz) &&
	    attempt_snapshot(box, &place) == RELAY_ENDED)
		return;
	if (attempt(box, false) == RELAY_ENDED)
		return;
	box->config.verbose = true;
	attempt(box, true);
}

static void run(struct box *box, const struct box_kernel *kernel, const struct tsc_instant *start)
{
	struct qemu_config *config = &box->config;
	uint64_t archive = 0;

	*config = (struct qemu_config){ .snapshot = -1, .kernel = kernel->image };
	config->initramfs = initramfs_make(kernel, box_modules, false, &archive);
	if (config->initramfs < 0)
		return;
	config->memory_size = (MEMORY_OWN + box->relay.request->memory_size + 2 * archive +
			       FILE_COPIES * request_files_size(box->relay.request)) & -(uint64_t)MIB;
	box->small = config->memory_size <= SNAPSHOT_MEMORY;
	if (box->small)
		config->memory_size = SNAPSHOT_MEMORY;
	config->tsc_khz = tsc_khz_since(start);
	attempts(box, kernel);
	close(config->initramfs);
}

static bool find_all(char qemu[static PATH_MAX], struct box_kernel *kernel, char *why, size_t why_size)
{
	if (!program_find(QEMU_PROGRAM, qemu))
		snprintf(why, why_size, "no qemu-system-x86_64: apt-get install qemu-system-x86");
	else if (!box_kernel_find(box_modules, kernel))
		snprintf(why, why_size,
			 "no kernel for it: run tools/box, or apt-get install linux-image-cloud-amd64");
	else
		return true;
	return false;
}

bool box_available(bool intel, char *why, size_t why_size)
{
	struct box_kernel kernel;
	char qemu[PATH_MAX];

	if (intel)
		return box_intel_available(why, why_size);
	return find_all(qemu, &kernel, why, why_size);
}

enum box_result box_run(const struct box_request *request, int *status)
{
	struct tsc_instant start = tsc_now();
	struct box box = {
		.relay = { .request = request, .result = BOX_UNUSABLE, .progress_at = UINT64_MAX },
	};
	struct box_kernel kernel;
	char why[160];
	sigset_t before;

	if (request->intel)
		return box_intel_run(request, status);
	if (!find_all(box.qemu_path, &kernel, why, sizeof(why))) {
		message("the box cannot run: %s", why);
		return BOX_UNUSABLE;
	}
	if (isatty(STDERR_FILENO))
		box.relay.progress_at = relay_clock() + PROGRESS_AFTER_MS;
	box.relay.signals = relay_signals_hold(&before);
	if (box.relay.signals >= 0)
		run(&box, &kernel, &start);
	else
		message("the box cannot run: %s", strerror(errno));
	if (box.relay.signals >= 0)
		close(box.relay.signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	*status = box.relay.status;
	return box.relay.result;
}
