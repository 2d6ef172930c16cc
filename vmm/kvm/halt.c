/*
 * Whether a vCPU is halted.  With the interrupt controller in the kernel that
 * is KVM's own affair: the vCPU waits inside KVM_RUN.  It notices only there
 * that something has come which wakes it.
 */
#include "kvm/internal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#define LOOKS           2               /* a timer that has run out is an interrupt after the first */
#define SIGNAL          SIGUSR2         /* nobody else's */
#define KERNEL_SIGSET   8               /* bytes: _NSIG / 8 of the kernel, not of the C library */

/* The signals that KVM_RUN holds off, or NULL: as the thread does. */
static int set_mask(struct vm *vm, const sigset_t *set)
{
	union {                                 /* a header that ends in a flexible array, with room */
		struct kvm_signal_mask header;
		uint8_t bytes[sizeof(struct kvm_signal_mask) + KERNEL_SIGSET];
	} mask = { .header = { .len = KERNEL_SIGSET } };

	if (!set)
		return vm_ioctl(vm->vcpu, KVM_SET_SIGNAL_MASK, NULL);
	memcpy(mask.header.sigset, set, KERNEL_SIGSET);
	return vm_ioctl(vm->vcpu, KVM_SET_SIGNAL_MASK, &mask);
}

static uint32_t activity(struct vm *vm)
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_RUNNABLE };

	return vm_ioctl(vm->vcpu, KVM_GET_MP_STATE, &state) < 0 ? KVM_MP_STATE_RUNNABLE : state.mp_state;
}

/*
 * Let KVM look.  A signal waits already, so that KVM_RUN neither waits nor runs
 * the guest: it only makes a vCPU that was woken runnable.  Not once it is, as
 * KVM would then begin to deliver what woke it.
 */
static void look(struct vm *vm)
{
	sigset_t signal, before;

	sigemptyset(&signal);
	sigaddset(&signal, SIGNAL);
	sigprocmask(SIG_BLOCK, &signal, &before);
	if (set_mask(vm, &before) == 0 && raise(SIGNAL) == 0) {
		for (unsigned n = 0; n < LOOKS && activity(vm) == KVM_MP_STATE_HALTED; n++) {
			vm->run->immediate_exit = 0;    /* vm_run sets it anew, where it is due */
			ioctl(vm->vcpu, KVM_RUN, 0);
		}
		sigtimedwait(&signal, NULL, &(struct timespec){ 0 });
	}
	set_mask(vm, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* Nothing that it takes by itself is to come: no interrupt, and no NMI is on its way. */
static bool is_deaf(struct vm *vm)
{
	struct kvm_vcpu_events events = { 0 };

	return !(vm->run->s.regs.regs.rflags & X86_RFLAGS_IF) &&
	       vm_ioctl(vm->vcpu, KVM_GET_VCPU_EVENTS, &events) == 0 && !events.nmi.pending && !events.nmi.injected;
}

bool vm_is_halted(struct vm *vm, bool *for_good)
{
	bool waits, halted = false;
	uint32_t state;

	if (for_good)
		*for_good = false;
	if (!vm->machine->config.irqchip)
		return false;
	state = activity(vm);
	waits = state == KVM_MP_STATE_UNINITIALIZED || state == KVM_MP_STATE_INIT_RECEIVED;
	if (state == KVM_MP_STATE_HALTED) {
		look(vm);
		halted = activity(vm) == KVM_MP_STATE_HALTED;
	}
	/* INIT and SIPI set registers, and to ask is where KVM takes them. */
	if ((waits || vm->waits) && (vm_setup_registers(vm) < 0 || (!waits && vm_settle_reset(vm) < 0)))
		return false;
	vm->waits = waits;
	if (for_good)
		*for_good = waits || (halted && is_deaf(vm));
	return waits || halted;
}
