/*
 * A QEMU plugin that counts the instructions that a guest of the emulated host
 * executes, exceptions' handlers and all, in eight bytes of the file of the
 * argument out=FILE.  Blocks are counted as they begin: one that is left early counts whole.
 *
 * Guest and host are told apart as in gatecount.c.
 */
#include "qemu.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t *count;
static bool in_guest;
static uint64_t behind_vmrun;

static void block_executed(unsigned vcpu, void *data)
{
	(void)vcpu;
	if (in_guest)
		*count += (uintptr_t)data;
}

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

static void block_translated(plugin_id id, struct qemu_plugin_tb *block)
{
	const size_t insns = qemu_plugin_tb_n_insns(block);

	(void)id;
	for (size_t n = 0; n < insns; n++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(block, n);
		const uint64_t address = qemu_plugin_insn_vaddr(insn);
		const size_t size = qemu_plugin_insn_size(insn);

		if (address == behind_vmrun) {
			qemu_plugin_register_vcpu_insn_exec_cb(insn, exit_reached, CALLBACK_READS_NO_REGISTERS, NULL);
			if (n == 0)
				return;
		}
		if (size == 3 && !memcmp(qemu_plugin_insn_data(insn), "\x0f\x01\xd8", 3)) {
			behind_vmrun = address + size;
			qemu_plugin_register_vcpu_insn_exec_cb(insn, vmrun_executed, CALLBACK_READS_NO_REGISTERS, NULL);
		}
	}
	qemu_plugin_register_vcpu_tb_exec_cb(block, block_executed, CALLBACK_READS_NO_REGISTERS, (void *)(uintptr_t)insns);
}

EXPORT int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc, char **argv)
{
	int fd;

	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4) != 0)
		return -1;
	/* QEMU is killed in the end: what is in the file is there. */
	fd = open(argv[0] + 4, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*count)))
		return -1;
	count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (count == MAP_FAILED)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
	return 0;
}
