/*
 * Guest debugging: single steps, breakpoints, exceptions put into the guest.
 * What a stop means is not known here.
 */
#include "kvm/internal.h"

/* DR7, SDM vol. 3B, 17.2.4: G0, and bit 10 which reads as one; RW0 and LEN0 of 0: on execution. */
#define DR7_G0          0x2
#define DR7_FIXED       0x400

int vm_prepare_debug(struct vm *vm, enum vm_run_mode mode)
{
	struct kvm_guest_debug debug = { 0 };
	int r;

	if (mode == RUN_STEP)
		debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
	if (vm->intercept_int3)
		debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
	if (vm->breakpoint) {
		debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
		debug.arch.debugreg[0] = vm->breakpoint;
		debug.arch.debugreg[7] = DR7_G0 | DR7_FIXED;
	}

	/*
	 * A step is armed for one RIP, the one that KVM has when the ioctl
	 * is made.  So it is made before every step, and after a RIP that
	 * still waits in run->s.regs has reached KVM.
	 */
	if (mode == RUN_FREE && debug.control == vm->debug_control && vm->breakpoint == vm->debug_dr0)
		return 0;
	if (mode == RUN_STEP && vm->run->s.regs.regs.rip != vm->kernel_rip) {
		r = vm_flush_registers(vm);
		if (r < 0)
			return r;
	}
	r = vm_ioctl(vm->vcpu, KVM_SET_GUEST_DEBUG, &debug);
	if (r < 0)
		return r;
	vm->debug_control = debug.control;
	vm->debug_dr0 = vm->breakpoint;
	return 0;
}

int vm_breakpoint(struct vm *vm, uint64_t dr0, bool int3)
{
	vm->breakpoint = dr0;
	vm->intercept_int3 = int3;
	return 0;
}

int vm_inject(struct vm *vm, uint8_t vector, bool has_error, uint32_t error)
{
	struct kvm_vcpu_events events;
	int r = vm_ioctl(vm->vcpu, KVM_GET_VCPU_EVENTS, &events);

	if (r < 0)
		return r;
	events.exception.injected = 1;
	events.exception.nr = vector;
	events.exception.has_error_code = has_error;
	events.exception.error_code = error;
	/* Without the capability for a payload, DR6 and CR2 are not KVM's affair. */
	events.flags &= ~KVM_VCPUEVENT_VALID_PAYLOAD;
	return vm_ioctl(vm->vcpu, KVM_SET_VCPU_EVENTS, &events);
}

int vm_clear_events(struct vm *vm)
{
	struct kvm_vcpu_events events = {
		.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW,
	};

	return vm_ioctl(vm->vcpu, KVM_SET_VCPU_EVENTS, &events);
}

int vm_set_dr6(struct vm *vm, uint64_t value)
{
	struct kvm_debugregs registers;
	int r = vm_ioctl(vm->vcpu, KVM_GET_DEBUGREGS, &registers);

	if (r < 0)
		return r;
	registers.dr6 = value;
	return vm_ioctl(vm->vcpu, KVM_SET_DEBUGREGS, &registers);
}
