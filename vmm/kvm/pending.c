/*
 * Whether an interrupt waits for a vCPU that is kept from taking it: the state
 * of the controllers in KVM, read as the manuals say they choose.
 */
#include "kvm/internal.h"

#include <string.h>

/* Registers of the local APIC, 16 bytes apart.  SDM vol. 3A, table 10-1. */
#define APIC_PPR        0x0a0
#define APIC_IRR        0x200
#define APIC_LVT_LINT0  0x350
#define LVT_MASKED      (1u << 16)

static uint32_t apic_register(const struct kvm_lapic_state *apic, unsigned offset)
{
	uint32_t value;

	memcpy(&value, apic->regs + offset, sizeof(value));
	return value;
}

/* The highest vector requested must be of a higher class than what runs.  SDM vol. 3A, 10.8.3.1. */
static bool apic_waits(const struct kvm_lapic_state *apic)
{
	for (unsigned n = 8; n-- > 0; ) {
		const uint32_t irr = apic_register(apic, APIC_IRR + 16 * n);

		if (irr)
			return (32 * n + 31 - (unsigned)__builtin_clz(irr)) >> 4 > (apic_register(apic, APIC_PPR) & 0xff) >> 4;
	}
	return false;
}

/* Requested, not masked, and of higher priority (a lower number) than what is in service. */
static bool pic_waits(struct vm *vm)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_PIC_MASTER };
	uint8_t waiting;

	if (vm_ioctl(vm->machine->fd, KVM_GET_IRQCHIP, &chip) < 0)
		return false;
	waiting = chip.chip.pic.irr & (uint8_t)~chip.chip.pic.imr;
	if (chip.chip.pic.isr)
		waiting &= (uint8_t)((chip.chip.pic.isr & -chip.chip.pic.isr) - 1);
	return waiting;
}

bool vm_interrupt_waits(struct vm *vm)
{
	struct kvm_lapic_state apic;

	if (!vm->machine->config.irqchip || vm_ioctl(vm->vcpu, KVM_GET_LAPIC, &apic) < 0)
		return false;
	return apic_waits(&apic) || (!(apic_register(&apic, APIC_LVT_LINT0) & LVT_MASKED) && pic_waits(vm));
}
