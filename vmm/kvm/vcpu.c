/*
 * Enters the guest and turns KVM's exits into ours, with every size and
 * offset checked.  What an exit means is not known here.
 */
#include "kvm/internal.h"

#include "message.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

static bool decode_io(struct vm *vm, struct vm_exit *e)
{
	struct kvm_run *run = vm->run;
	uint64_t bytes = (uint64_t)run->io.size * run->io.count;

	if ((run->io.size != 1 && run->io.size != 2 && run->io.size != 4) || run->io.count == 0 ||
	    run->io.data_offset > vm->run_size || bytes > vm->run_size - run->io.data_offset)
		return false;
	e->pio.port = run->io.port;
	e->pio.size = run->io.size;
	e->pio.out = run->io.direction == KVM_EXIT_IO_OUT;
	e->pio.count = run->io.count;
	e->pio.data = (char *)run + run->io.data_offset;
	return true;
}

static bool decode_mmio(struct vm *vm, struct vm_exit *e)
{
	struct kvm_run *run = vm->run;

	if (run->mmio.len == 0 || run->mmio.len > sizeof(run->mmio.data))
		return false;
	e->mmio.gpa = run->mmio.phys_addr;
	e->mmio.size = run->mmio.len;
	e->mmio.write = run->mmio.is_write;
	e->mmio.data = run->mmio.data;
	return true;
}

static bool decode_msr(struct vm *vm, struct vm_exit *e)
{
	e->msr.index = vm->run->msr.index;
	e->msr.value = vm->run->msr.data;
	return true;
}

static bool decode_debug(struct vm *vm, struct vm_exit *e)
{
	const struct kvm_debug_exit_arch *arch = &vm->run->debug.arch;

	e->debug.exception = arch->exception;
	e->debug.pc = arch->pc;
	e->debug.dr6 = arch->dr6;
	e->debug.dr7 = arch->dr7;
	return true;
}

static bool decode_fail_entry(struct vm *vm, struct vm_exit *e)
{
	e->fail_entry.hardware_reason = vm->run->fail_entry.hardware_entry_failure_reason;
	return true;
}

static bool decode_internal(struct vm *vm, struct vm_exit *e)
{
	e->internal.suberror = vm->run->internal.suberror;
	return true;
}

static const struct {
	uint32_t reason;
	enum vm_exit_kind kind;
	bool (*decode)(struct vm *vm, struct vm_exit *e);
} exits[] = {
	{ KVM_EXIT_DEBUG, EXIT_DEBUG, decode_debug },
	{ KVM_EXIT_IO, EXIT_PIO, decode_io },
	{ KVM_EXIT_X86_WRMSR, EXIT_WRMSR, decode_msr },
	{ KVM_EXIT_X86_RDMSR, EXIT_RDMSR, decode_msr },
	{ KVM_EXIT_HLT, EXIT_HLT, NULL },
	{ KVM_EXIT_MMIO, EXIT_MMIO, decode_mmio },
	{ KVM_EXIT_SHUTDOWN, EXIT_SHUTDOWN, NULL },
	{ KVM_EXIT_FAIL_ENTRY, EXIT_FAIL_ENTRY, decode_fail_entry },
	{ KVM_EXIT_INTERNAL_ERROR, EXIT_INTERNAL_ERROR, decode_internal },
	{ KVM_EXIT_INTR, EXIT_INTERRUPTED, NULL },
};

static int decode_exit(struct vm *vm, struct vm_exit *e)
{
	uint32_t reason = vm->run->exit_reason;

	*e = (struct vm_exit) { .kind = EXIT_OTHER, .reason = reason };
	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
		if (exits[i].reason != reason)
			continue;
		e->kind = exits[i].kind;
		if (exits[i].decode && !exits[i].decode(vm, e)) {
			message("KVM_RUN: exit %u with impossible sizes", reason);
			return -EPROTO;
		}
		return 0;
	}
	return 0;
}

/* A signal may come at any point here: what it asks for is neither lost nor told twice. */
static int enter(struct vm *vm)
{
	struct vm_machine *m = vm->machine;
	int r;

	m->entered = vm;
	vm->run->immediate_exit = 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (m->interrupted)
		vm->run->immediate_exit = 1;
	r = ioctl(vm->vcpu, KVM_RUN, 0) < 0 ? -errno : 0;
	m->exits++;
	if (r == -EINTR)
		m->interrupted = 0;
	return r;
}

/*
 * Whether KVM was interrupted between taking an interrupt from its controller and the guest, or with an exception that it
 * raises on the guest's behalf.  The next entry would deliver it, whichever mode and state that has: so the guest gets it
 * first, and the interruption waits for the next tick.
 */
static bool is_delivering(struct vm *vm)
{
	struct kvm_vcpu_events events = { 0 };

	return vm_ioctl(vm->vcpu, KVM_GET_VCPU_EVENTS, &events) == 0 &&
	       ((events.interrupt.injected && !events.interrupt.soft) || events.nmi.injected || events.exception.injected);
}

int vm_run(struct vm *vm, enum vm_run_mode mode, struct vm_exit *e)
{
	int r = vm_prepare_debug(vm, mode);

	if (r < 0)
		return r;
	do
		r = enter(vm);
	while (r == -EAGAIN ||                  /* a vCPU that waited has got its start */
	       (r == -EINTR && mode == RUN_LOOSE && is_delivering(vm)));
	if (r < 0 && r != -EINTR && !(r == -EFAULT && vm->machine->protected)) {
		message("KVM_RUN: %s", strerror(-r));
		return r;
	}
	vm->kernel_rip = vm->run->s.regs.regs.rip;
	/* KVM adds the interrupt that it is delivering and never clears one that it was: handed back, it would come twice. */
	memset(vm->run->s.regs.sregs.interrupt_bitmap, 0, sizeof(vm->run->s.regs.sregs.interrupt_bitmap));
	if (r == -EFAULT) {                     /* KVM's own word for memory that the host does not let it write */
		*e = (struct vm_exit) { .kind = EXIT_PROTECTED };
		return 0;
	}
	if (r == -EINTR) {
		if ((r = vm_machine_let_ticks_go(vm->machine)) < 0)
			return r;
		*e = (struct vm_exit) { .kind = EXIT_INTERRUPTED, .reason = KVM_EXIT_INTR };
		return 0;
	}
	return decode_exit(vm, e);
}

uint64_t vm_exits(const struct vm *vm)
{
	return vm->machine->exits;
}

void vm_interrupt(struct vm *vm)
{
	struct vm_machine *m = vm->machine;

	m->interrupted = 1;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (m->entered)
		m->entered->run->immediate_exit = 1;
}
