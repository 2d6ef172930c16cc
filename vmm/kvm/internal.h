/*
 * Shared by the files behind kvm.h and by nobody else: the VM and its vCPUs, and the
 * one way to call an ioctl.
 */
#ifndef KVM_INTERNAL_H
#define KVM_INTERNAL_H

#include "kvm/kvm.h"
#include "x86.h"

#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* What the vCPUs of one VM share. */
struct vm_machine {
	int device;                     /* /dev/kvm: system ioctls */
	int fd;                         /* the VM: memory, capabilities, MSR filter, interrupt lines */
	struct vm_config config;        /* without its device; cpus is 1 at least */
	unsigned handles;               /* struct vm that refer to it */

	uint8_t *memory;                /* ours */
	uint8_t *guest_memory;          /* the same bytes as KVM maps them: parts can be read-only */
	uint64_t memory_size;
	bool protected;                 /* some of it is */
	uint8_t *private;               /* private.c; NULL: none */
	uint64_t private_size;

	struct vm *volatile entered;    /* the vCPU that runs or ran last, or NULL */
	volatile sig_atomic_t interrupted;      /* vm_interrupt, which no vm_run has told of yet */
	uint64_t exits;                 /* how often KVM_RUN came back */
	bool reinjects;                 /* the PIT makes up for ticks that the guest has missed */
};

struct vm {
	struct vm_machine *machine;
	int vcpu;                       /* registers, debug, KVM_RUN */
	unsigned index;                 /* its number, and its APIC id */

	struct kvm_run *run;            /* mapped from vcpu; run->s.regs holds the registers, see state.c */
	size_t run_size;
	uint64_t kernel_rip;            /* RIP in KVM; run->s.regs may be ahead of it */
	bool waits;                     /* it waited for its start when vm_is_halted looked last, or is new */

	struct kvm_guest_debug debug;   /* of the last KVM_SET_GUEST_DEBUG */
	uint64_t breakpoint[VM_BREAKPOINTS];
	unsigned breakpoints;
	bool breakpoints_held;
	bool intercept_int3;

	bool idt_withheld;
	uint16_t idt_limit;             /* the guest's own, and its CR2, meanwhile */
	uint64_t cr2;
};

/*
 * ioctl(2), restarted after signals.  Returns its result, or a negative errno
 * after a message that names the request.
 */
#define vm_ioctl(fd, request, argument) \
	vm_ioctl_named((fd), (request), #request, (unsigned long)(argument))
int vm_ioctl_named(int fd, unsigned long request, const char *name, unsigned long argument);

/* machine.c: all that is there before the first vCPU.  vm_machine_close closes what was opened, after a failure too. */
struct vm_machine *vm_machine_new(void);
int vm_machine_open(struct vm_machine *machine, const char *device);
void vm_machine_close(struct vm_machine *machine);
/*
 * From now on ticks of the PIT that fall into a time when the guest does not run are lost, and not made up for in a
 * burst.  KVM takes up to 15 ms for that, longer than all of the start: so not before the first interruption.
 */
int vm_machine_let_ticks_go(struct vm_machine *machine);

/*
 * supported.c: what KVM can have CPUID say.  vm_supported_begin may ask for it ahead, of a device that stays open until
 * vm_supported_end.
 */
#define VM_CPUID_ENTRIES        256     /* as many as KVM has ever taken or given */
void vm_supported_begin(int device);
void vm_supported_end(void);
int vm_supported(int device, const struct kvm_cpuid2 **supported);

/* cpuid.c: what the guest's CPUID says. */
int vm_setup_cpuid(struct vm *vm);

/* state.c: take the registers from KVM once; KVM_RUN keeps them up to date from then on. */
int vm_setup_registers(struct vm *vm);
/* The same TR that a reset leaves, in a form that every machine below can do with. */
int vm_settle_reset(struct vm *vm);
/* Hand changed registers to KVM now, not at the next KVM_RUN. */
int vm_flush_registers(struct vm *vm);

/* msr.c: all of struct x86_gate_msrs in one ioctl. */
int vm_get_gate_msrs(struct vm *vm, struct x86_gate_msrs *msrs);
int vm_set_gate_msrs(struct vm *vm, const struct x86_gate_msrs *msrs);

/* debug.c: arm or disarm guest debugging for one entry. */
int vm_prepare_debug(struct vm *vm, enum vm_run_mode mode);

#endif
