/*
 * Running the program in the Intel box.  Its machine boots once, is saved, and
 * is taken up again for every run; the request is on a disc.
 */
#include "box/box_intel.h"

#include "box/bochs.h"
#include "box/identity.h"
#include "box/initramfs.h"
#include "box/iso.h"
#include "box/kernel.h"
#include "box/relay.h"
#include "box/request.h"
#include "box/request_disc.h"
#include "box/saved.h"
#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	MIB = 1 << 20,
	MEMORY_OWN = 256 * MIB,         /* of the machine's memory, for its kernel and its program */
	MEMORY_MAX = 2048,              /* MiB that Bochs can be given */
	COMMON_GUEST = 64 * MIB,
	COMMON_REQUEST = 8 * MIB,
	REQUEST_COPIES = 3,             /* as it was read, as files, and in the program */
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

/* One machine for all guests but large ones; the request lies in its memory several times. */
static bool is_common(const struct box_request *request, size_t request_size)
{
	return request->memory_size <= COMMON_GUEST && request_size <= COMMON_REQUEST;
}

/* Everything that a saved machine was made from. */
static bool key_of(const struct parts *parts, int archive, uint64_t memory_size, uint64_t *key)
{
	*key = IDENTITY_START;
	identity_of_bytes(key, &memory_size, sizeof(memory_size));
	return identity_of_file(key, parts->kernel.image) && identity_of_file(key, parts->bochs) &&
	       identity_of_file(key, BOCHS_BIOS) && identity_of_contents(key, archive);
}

static enum relay_state attempt(struct relay *relay, const struct parts *parts, const struct bochs_config *config,
				bool last)
{
	enum relay_state state = RELAY_NOT_UP;
	struct bochs bochs;
	char words[1024];

	if (bochs_start(&bochs, parts->bochs, config))
		state = relay_run(relay, &bochs.machine, true);
	if (state == RELAY_NOT_UP && last) {
		machine_last_words(&bochs.machine, words, sizeof(words));
		message("the box did not start%s%s", words[0] ? "; its last words:\n" : "", words);
	}
	bochs_stop(&bochs);
	return state;
}

/* Boot one, up to where it waits for a request: Bochs saves it and ends. */
static enum relay_state make_saved(struct relay *relay, const struct parts *parts, struct bochs_config *config,
				   struct saved *saved)
{
	enum relay_state state = RELAY_NOT_UP;
	struct bochs bochs;
	bool kept = false;

	if (!saved_begin(saved))
		return state;
	config->save = saved->making;
	if (bochs_start(&bochs, parts->bochs, config))
		state = relay_run(relay, &bochs.machine, true);
	if (state == RELAY_NOT_UP && bochs_saved(&bochs))
		kept = saved_keep(saved);
	bochs_stop(&bochs);
	if (!kept)
		saved_drop(saved);
	config->save = NULL;
	return kept ? RELAY_READY : state;
}

static enum relay_state attempt_saved(struct relay *relay, const struct parts *parts, struct bochs_config *config,
				      struct saved *saved, int archive)
{
	enum relay_state state = RELAY_READY;

	if (!saved_exists(saved)) {
		config->disc = iso_make(parts->maker, parts->kernel.image, archive);
		if (config->disc < 0)
			return RELAY_ENDED;
		state = make_saved(relay, parts, config, saved);
	}
	if (state != RELAY_READY)
		return state;
	config->restore = saved->path;
	state = attempt(relay, parts, config, false);
	config->restore = NULL;
	if (state != RELAY_ENDED)
		saved_discard(saved);
	return state;
}

static void attempts(struct relay *relay, const struct parts *parts, struct bochs_config *config, bool common,
		     int archive)
{
	struct saved saved;
	uint64_t key;

	if (common && bochs_can_keep() && key_of(parts, archive, config->memory_size, &key) &&
	    saved_place(&saved, key) && attempt_saved(relay, parts, config, &saved, archive) == RELAY_ENDED)
		return;
	if (config->disc < 0)
		config->disc = iso_make(parts->maker, parts->kernel.image, archive);
	if (config->disc >= 0)
		attempt(relay, parts, config, true);
}

static void run(struct relay *relay, const struct parts *parts)
{
	const struct box_request *request = relay->request;
	struct bochs_config config = { .disc = -1, .request = -1 };
	struct outbox outbox = { .size = 0 };
	uint64_t size = 0;
	bool common;
	int archive;

	if (outbox_fill(&outbox, request, BOCHS_NAME) != 0)
		return;
	config.request_size = outbox.size;
	common = is_common(request, outbox.size);
	archive = initramfs_make(&parts->kernel, box_modules_intel, true, &size);
	config.memory_size = MEMORY_OWN + 2 * size + (common ? COMMON_GUEST + REQUEST_COPIES * COMMON_REQUEST :
						      request->memory_size + REQUEST_COPIES * outbox.size);
	config.memory_size &= -(uint64_t)MIB;
	if (config.memory_size > (uint64_t)MEMORY_MAX * MIB)
		message("the Intel box has room for a guest of %d MiB at most, with its files", MEMORY_MAX - MEMORY_OWN / MIB - 64);
	else if (archive >= 0 && (config.request = request_disc_make(outbox.bytes, outbox.size)) >= 0)
		attempts(relay, parts, &config, common, archive);
	free(outbox.bytes);
	close_fd(&archive);
	close_fd(&config.disc);
	close_fd(&config.request);
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
