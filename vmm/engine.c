/*
 * The choice of engine, and the table that --probe prints.  Trusts no name:
 * a /dev/kvm counts as a processor when the probe guest says so.
 */
#include "engine.h"

#include "box/box.h"
#include "kvm/kvm.h"
#include "message.h"
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define DEVICE          "/dev/kvm"

const char *engine_box(void)
{
	static const char *const names[] = { "box", "box-intel" };
	const char *engine = getenv("VMM_ENGINE");

	for (size_t i = 0; engine && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(engine, names[i]))
			return names[i];
	return NULL;
}

enum emulator engine_emulator(void)
{
	if (!engine_box())
		return EMULATOR_NONE;
	return !strcmp(engine_box(), "box") ? EMULATOR_QEMU : EMULATOR_BOCHS;
}

/* "model name" of /proc/cpuinfo. */
static void processor_name(char *name, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256], *value;

	snprintf(name, size, "unknown processor");
	while (f && fgets(line, sizeof line, f)) {
		if (strncmp(line, "model name", 10) || !(value = strchr(line, ':')))
			continue;
		value[strcspn(value, "\n")] = '\0';
		snprintf(name, size, "%s", value + 1 + (value[1] == ' '));
		break;
	}
	if (f)
		fclose(f);
}

const char *engine_provenance(void)
{
	static char text[320];
	const char *box = getenv("VMM_PROVENANCE");
	char processor[128];
	struct utsname host;

	if (engine_box() && box)
		return box;
	processor_name(processor, sizeof processor);
	if (uname(&host))
		return processor[0] ? strcpy(text, processor) : "unknown";
	snprintf(text, sizeof text, "%s, Linux %s, %s", processor, host.release, kvm_module());
	return text;
}

/* What the probe found of /dev/kvm, which is asked once: its machines take longer to make than the guest's. */
static struct probe_result found;
static bool looked;

/* What is wrong with /dev/kvm, in words that follow its name; false when nothing is. */
static bool kvm_is_off(char *why, size_t size)
{
	kvm_probe(DEVICE, &found);
	looked = true;
	if (probe_faithful(&found))
		return false;
	if (found.opened) {
		int used = snprintf(why, size, "is not a processor to be trusted (");

		probe_explain(&found, why + used, size - (size_t)used - 1);
		strcat(why, ")");
	} else {
		snprintf(why, size, "cannot be used (%s)", found.reason);
	}
	return true;
}

static enum place box_or_none(const char *kvm_off)
{
	char why[256];

	if (!box_available(false, why, sizeof why)) {
		if (kvm_off)
			message(DEVICE " %s, and the box cannot be used: %s", kvm_off, why);
		else
			message("the box cannot be used: %s", why);
		return PLACE_NONE;
	}
	if (kvm_off)
		message(DEVICE " %s: using the box", kvm_off);
	return PLACE_BOX;
}

enum place engine_choose(enum engine engine)
{
	char why[256];

	if (engine_box())
		return PLACE_HERE;
	switch (engine) {
	case ENGINE_BOX:
		return box_or_none(NULL);
	case ENGINE_BOX_INTEL:
		if (box_available(true, why, sizeof why))
			return PLACE_BOX_INTEL;
		message("the Intel box cannot be used: %s", why);
		return PLACE_NONE;
	case ENGINE_KVM:
		if (!kvm_is_off(why, sizeof why))
			return PLACE_HERE;
		message("--engine=kvm: " DEVICE " %s; --engine=box works anywhere", why);
		return PLACE_NONE;
	default:
		return kvm_is_off(why, sizeof why) ? box_or_none(why) : PLACE_HERE;
	}
}

bool engine_watch(enum watch_method *method, struct debug_ways *ways)
{
	char why[160];

	if (*method == WATCH_NONE)
		return true;
	if (!looked || !probe_knows_debug(&found))
		kvm_probe_debug(DEVICE, &found);
	*ways = probe_debug_ways(&found);
	if (*method == WATCH_STEP || *method == WATCH_GATES || *method == WATCH_RING)
		return true;
	if (probe_breaks(&found, why, sizeof why)) {
		*method = WATCH_BREAK;
	} else if (*method == WATCH_AUTO) {
		*method = WATCH_STEP;
	} else {
		message("--watch=break: this machine's breakpoints are not to be trusted (%s); --watch=step works", why);
		return false;
	}
	return true;
}

static void probe_here(const char *engine)
{
	static const char *const verdict[] = { [PROBE_OK] = "ok", [PROBE_OFF] = "OFF", [PROBE_NOT_RUN] = "not run" };
	struct probe_result result;

	kvm_probe(DEVICE, &result);
	printf("%s: %s\n", engine, engine_provenance());
	if (!result.opened) {
		printf("  cannot be used: %s\n", result.reason);
		return;
	}
	for (enum probe_row row = 0; row < PROBE_ROWS; row++)
		printf("  %-22s %-8s%s\n", probe_row_name(row), verdict[result.row[row].verdict], result.row[row].detail);
	printf("  %s, found in %u.%u ms\n", probe_faithful(&result) ? "faithful: good for --trace" :
	       "not a processor to be trusted", result.microseconds / 1000, result.microseconds / 100 % 10);
}

int engine_probe(void)
{
	static char *const inner[] = { "vmm", "--probe", NULL };
	struct box_request request = { .argv = inner, .memory_size = 64 << 20, .out = stdout };
	char why[256];
	int status = 0;

	if (engine_box()) {
		probe_here(engine_box());
		return 0;
	}
	probe_here("kvm");
	fflush(stdout);
	for (int intel = 0; intel < 2; intel++) {
		const char *name = intel ? "box-intel" : "box";

		request.intel = intel;
		if (!box_available(intel, why, sizeof why))
			printf("%s: cannot be used: %s\n", name, why);
		else if (box_run(&request, &status) != BOX_DONE)
			printf("%s: did not run\n", name);
		fflush(stdout);
	}
	return fflush(stdout) || ferror(stdout) ? EXIT_STATUS_CANNOT_RUN : status;
}
