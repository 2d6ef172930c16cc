/*
 * Guest debugging: single steps, breakpoints, exceptions put into the guest or
 * kept from it.
 * What a stop means is not known here.
 */
#include "kvm/internal.h"

#include <string.h>

/* DR7, SDM vol. 3B, 17.2.4: Gn, and bit 10 which reads as one; RWn and LENn of 0: on execution. */
#define DR7_G(n)        (UINT64_C(2) << 2 * (n))
#define DR7_FIXED       0x400

int vm_prepare_debug(struct vm *vm, enum vm_run_mode mode)
{
	struct kvm_guest_debug debug = { 0 };
	int r;

	if (vm->machine->config.irqchip && mode != RUN_LOOSE)
		debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_BLOCKIRQ;
	if (mode == RUN_STEP)
		debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
	if (vm->intercept_int3)
		debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
	if (vm->breakpoints || vm->breakpoints_held) {
		debug.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
		debug.arch.debugreg[7] = DR7_FIXED;
		for (unsigned n = 0; n < vm->breakpoints; n++) {
			debug.arch.debugreg[n] = vm->breakpoint[n];
			debug.arch.debugreg[7] |= DR7_G(n);
		}
	}

	/*
	 * A step is armed for one RIP, the one that KVM has when the ioctl
	 * is made.  So it is made before every step, and after a RIP that
	 * still waits in run->s.regs has reached KVM.
	 */
	if (mode != RUN_STEP && !memcmp(&debug, &vm->debug, sizeof(debug)))
		return 0;
	if (mode == RUN_STEP && vm->run->s.regs.regs.rip != vm->kernel_rip) {
		r = vm_flush_registers(vm);
		if (r < 0)
			return r;
	}
	r = vm_ioctl(vm->vcpu, KVM_SET_GUEST_DEBUG, &debug);
	if (r < 0)
		return r;
	vm->debug = debug;
	return 0;
}

void vm_breakpoints(struct vm *vm, const uint64_t *linear, unsigned count)
{
	vm->breakpoints = count < VM_BREAKPOINTS ? count : VM_BREAKPOINTS;
	for (unsigned n = 0; n < vm->breakpoints; n++)
		vm->breakpoint[n] = linear[n];
}

void vm_hold_breakpoints(struct vm *vm, bool hold)
{
	vm->breakpoints_held = hold;
}

void vm_intercept_int3(struct vm *vm, bool intercept)
{
	vm->intercept_int3 = intercept;
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

int vm_put_back_nmi(struct vm *vm)
{
	struct kvm_vcpu_events events;
	int r = vm_ioctl(vm->vcpu, KVM_GET_VCPU_EVENTS, &events);

	if (r < 0)
		return r;
	events.nmi.pending = 1;
	events.nmi.masked = 0;
	events.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	return vm_ioctl(vm->vcpu, KVM_SET_VCPU_EVENTS, &events);
}

int vm_clear_events(struct vm *vm)
{
	struct kvm_vcpu_events events = {
		.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW,
	};

	return vm_ioctl(vm->vcpu, KVM_SET_VCPU_EVENTS, &events);
}

int vm_get_debug(struct vm *vm, struct vm_debug *debug)
{
	struct kvm_debugregs registers;
	int r = vm_ioctl(vm->vcpu, KVM_GET_DEBUGREGS, &registers);

	if (r < 0)
		return r;
	*debug = (struct vm_debug) { .dr6 = registers.dr6, .dr7 = registers.dr7 };
	memcpy(debug->dr, registers.db, sizeof(debug->dr));
	return 0;
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

/* Both wait in run->s.regs for the next entry. */
void vm_withhold_idt(struct vm *vm)
{
	struct kvm_sregs *sregs = &vm->run->s.regs.sregs;

	if (vm->idt_withheld)
		return;
	vm->idt_withheld = true;
	vm->idt_limit = sregs->idt.limit;
	vm->cr2 = sregs->cr2;
	sregs->idt.limit = 0;                   /* no room for any gate: SDM vol. 3A, 6.10 */
	vm->run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
}

void vm_return_idt(struct vm *vm)
{
	struct kvm_sregs *sregs = &vm->run->s.regs.sregs;

	if (!vm->idt_withheld)
		return;
	vm->idt_withheld = false;
	sregs->idt.limit = vm->idt_limit;
	sregs->cr2 = vm->cr2;
	vm->run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
}
