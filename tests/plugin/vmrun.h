/*
 * Tells the guest of an emulated host from the host itself by what VMRUN does:
 * behind it the processor is the guest's, until it comes to the instruction
 * that follows VMRUN.  APM vol. 2, 15.5, 15.6.
 */
#ifndef PLUGIN_VMRUN_H
#define PLUGIN_VMRUN_H

#include "qemu.h"

#include <stdbool.h>
#include <string.h>

static bool in_guest;
static uint64_t behind_vmrun;

static void vmrun_executed(unsigned vcpu, void *data)
{
	(void)vcpu, (void)data;
	in_guest = true;
}

static void exit_reached(unsigned vcpu, void *data)
{
	(void)vcpu, (void)data;
	in_guest = false;
}

/* For each instruction as it is translated.  Whether it is the one at which the host goes on. */
static bool follow_vmrun(struct qemu_plugin_insn *insn)
{
	const uint64_t address = qemu_plugin_insn_vaddr(insn);
	const size_t size = qemu_plugin_insn_size(insn);
	const bool behind = address == behind_vmrun;

	if (behind)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, exit_reached, CALLBACK_READS_NO_REGISTERS, NULL);
	if (size == 3 && !memcmp(qemu_plugin_insn_data(insn), "\x0f\x01\xd8", 3)) {
		behind_vmrun = address + size;
		qemu_plugin_register_vcpu_insn_exec_cb(insn, vmrun_executed, CALLBACK_READS_NO_REGISTERS, NULL);
	}
	return behind;
}

#endif
