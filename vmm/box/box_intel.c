/*
 * Running the program in the Intel box.  Its machine has no way in: the
 * request is on the disc that it boots.
 */
#include "box/box_intel.h"

#include "box/bochs.h"
#include "box/initramfs.h"
#include "box/iso.h"
#include "box/kernel.h"
#include "box/relay.h"
#include "box/request.h"
#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	MIB = 1 << 20,
	MEMORY_OWN = 256 * MIB,         /* of the machine's memory, for its kernel and its program */
	MEMORY_MAX = 2048,              /* MiB that Bochs can be given */
	PROGRESS_AFTER_MS = 2000
};

struct parts {
	char bochs[PATH_MAX], maker[PATH_MAX];
	struct box_kernel kernel;
};

static bool find_all(struct parts *parts, char *why, size_t why_size)
{
	if (!program_find(BOCHS_PROGRAM, parts->bochs) || !program_find(ISO_PROGRAM, parts->maker) ||
	    access(BOCHS_BIOS, R_OK) != 0 || access(BOCHS_VGA_BIOS, R_OK) != 0)
		snprintf(why, why_size, "no bochs, firmware or %s: run tools/box --intel, or apt-get install bochs "
			 "bochs-term bochsbios vgabios grub-common grub-pc-bin xorriso", ISO_PROGRAM);
	else if (!box_kernel_find(box_modules_intel, &parts->kernel))
		snprintf(why, why_size,
			 "no kernel for it: run tools/box, or apt-get install linux-image-cloud-amd64");
	else
		return true;
	return false;
}

bool box_intel_available(char *why, size_t why_size)
{
	struct parts parts;

	return find_all(&parts, why, why_size);
}

/* The disc, with program and request on it, and how much memory its machine should have. */
static int make_disc(const struct parts *parts, const struct box_request *request, uint64_t *memory_size)
{
	struct outbox outbox = { .size = 0 };
	int archive, disc = -1;
	uint64_t size = 0;

	if (outbox_fill(&outbox, request, BOCHS_NAME) == 0) {
		archive = initramfs_make(&parts->kernel, box_modules_intel,
					 &(struct initramfs_request){ outbox.bytes, outbox.size }, &size);
		if (archive >= 0) {
			disc = iso_make(parts->maker, parts->kernel.image, archive);
			close(archive);
		}
	}
	free(outbox.bytes);
	*memory_size = (MEMORY_OWN + request->memory_size + 2 * size) & -(uint64_t)MIB;
	return disc;
}

static void run(struct relay *relay, const struct parts *parts)
{
	enum relay_state state = RELAY_NOT_UP;
	struct bochs_config config;
	struct bochs bochs;
	char words[1024];

	config.disc = make_disc(parts, relay->request, &config.memory_size);
	if (config.disc < 0)
		return;
	if (config.memory_size > (uint64_t)MEMORY_MAX * MIB) {
		message("the Intel box has room for a guest of %d MiB at most", MEMORY_MAX - MEMORY_OWN / MIB - 64);
		close(config.disc);
		return;
	}
	if (bochs_start(&bochs, parts->bochs, &config))
		state = relay_run(relay, &bochs.machine, true);
	if (state == RELAY_NOT_UP) {
		machine_last_words(&bochs.machine, words, sizeof(words));
		message("the box did not start%s%s", words[0] ? "; its last words:\n" : "", words);
	}
	bochs_stop(&bochs);
	close(config.disc);
}

enum box_result box_intel_run(const struct box_request *request, int *status)
{
	struct relay relay = { .request = request, .result = BOX_UNUSABLE, .progress_at = UINT64_MAX };
	struct parts parts;
	char why[200];
	sigset_t before;

	if (!find_all(&parts, why, sizeof(why))) {
		message("the Intel box cannot run: %s", why);
		return BOX_UNUSABLE;
	}
	if (isatty(STDERR_FILENO))
		relay.progress_at = relay_clock() + PROGRESS_AFTER_MS;
	relay.signals = relay_signals_hold(&before);
	if (relay.signals >= 0)
		run(&relay, &parts);
	else
		message("the Intel box cannot run: %s", strerror(errno));
	if (relay.signals >= 0)
		close(relay.signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	*status = relay.status;
	return relay.result;
}
