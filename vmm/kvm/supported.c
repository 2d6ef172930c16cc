/*
 * What CPUID can say to a guest here: asked of KVM once for all machines of this process.  KVM executes dozens of CPUIDs to
 * answer, and on a host that is a guest itself each of them is trapped: so a thread asks, while the machine is made.
 */
#include "kvm/internal.h"

#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>

#define STACK_SIZE      0x10000         /* for one ioctl */

union list {
	struct kvm_cpuid2 header;
	struct {
		uint32_t count, padding;
		struct kvm_cpuid_entry2 entry[VM_CPUID_ENTRIES];
	};
};

static union list list;
static enum { NOT_ASKED, ASKING, ANSWERED } progress;
static int failure;                     /* errno of the asking */
static pthread_t asker;

static void *ask(void *device)
{
	list.count = VM_CPUID_ENTRIES;
	failure = ioctl((int)(intptr_t)device, KVM_GET_SUPPORTED_CPUID, &list) < 0 ? errno : 0;
	return NULL;
}

/* It takes no signal: those are for who knows what they mean. */
static bool start_asker(int device)
{
	pthread_attr_t attributes;
	sigset_t all;
	bool started;

	if (pthread_attr_init(&attributes))
		return false;
	sigfillset(&all);
	started = !pthread_attr_setstacksize(&attributes, STACK_SIZE) && !pthread_attr_setsigmask_np(&attributes, &all) &&
		  !pthread_create(&asker, &attributes, ask, (void *)(intptr_t)device);
	pthread_attr_destroy(&attributes);
	return started;
}

void vm_supported_begin(int device)
{
	if (progress == NOT_ASKED && start_asker(device))
		progress = ASKING;
}

void vm_supported_end(void)
{
	if (progress != ASKING)
		return;
	pthread_join(asker, NULL);
	progress = failure ? NOT_ASKED : ANSWERED;
}

/* Where no thread could be had, or it failed, it is asked here, and a failure is said. */
int vm_supported(int device, const struct kvm_cpuid2 **supported)
{
	int r;

	vm_supported_end();
	if (progress == NOT_ASKED) {
		list.count = VM_CPUID_ENTRIES;
		r = vm_ioctl(device, KVM_GET_SUPPORTED_CPUID, &list);
		if (r < 0)
			return r;
		progress = ANSWERED;
	}
	*supported = &list.header;
	return 0;
}
