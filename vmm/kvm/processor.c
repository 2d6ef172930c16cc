/*
 * What this program itself runs on: the processor's vendor and the host
 * kernel's KVM module.  Whether they keep what they promise, probe.c finds out.
 */
#include "kvm/kvm.h"

#include <cpuid.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MODULES "/sys/module"

static enum vendor read_vendor(void)
{
	/* AMD's design is sold under a second name. */
	static const char *const amd[] = { "AuthenticAMD", "HygonGenuine" };
	unsigned eax, id[3];

	__cpuid(0, eax, id[0], id[2], id[1]);
	for (size_t i = 0; i < sizeof(amd) / sizeof(amd[0]); i++) {
		if (memcmp(id, amd[i], sizeof(id)) == 0)
			return VENDOR_AMD;
	}
	return VENDOR_INTEL;
}

/* Where this host is a guest, CPUID is trapped: once is enough. */
enum vendor host_vendor(void)
{
	static enum vendor vendor;
	static bool known;

	if (!known) {
		vendor = read_vendor();
		known = true;
	}
	return vendor;
}

/* Some module named kvm_SOMETHING. */
static bool find_module(char *name, size_t size)
{
	DIR *modules = opendir(MODULES);
	bool found = false;
	struct dirent *e;

	if (!modules)
		return false;
	while (!found && (e = readdir(modules))) {
		found = strncmp(e->d_name, "kvm_", 4) == 0;
		if (found)
			snprintf(name, size, "%s", e->d_name);
	}
	closedir(modules);
	return found;
}

const char *kvm_module(void)
{
	static const char *const usual[] = { "kvm_amd", "kvm_intel" };
	static char other[256];

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		char path[64];

		snprintf(path, sizeof(path), MODULES "/%s", usual[i]);
		if (access(path, F_OK) == 0)
			return usual[i];
	}
	if (other[0] == '\0' && !find_module(other, sizeof(other)))
		return "no KVM module";
	return other;
}
