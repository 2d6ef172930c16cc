/*
 * A QEMU plugin that counts the instructions that a guest of the emulated host
 * executes, exceptions' handlers and all, in eight bytes of the file of the
 * argument out=FILE.  Blocks are counted as they begin: one that is left early counts whole.
 *
 * Guest and host are told apart in vmrun.h.
 */
#include "vmrun.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t *count;

static void block_executed(unsigned vcpu, void *data)
{
	(void)vcpu;
	if (in_guest)
		*count += (uintptr_t)data;
}

static void block_translated(plugin_id id, struct qemu_plugin_tb *block)
{
	const size_t insns = qemu_plugin_tb_n_insns(block);

	(void)id;
	for (size_t n = 0; n < insns; n++) {
		/* A block that begins behind VMRUN is the host's. */
		if (follow_vmrun(qemu_plugin_tb_get_insn(block, n)) && n == 0)
			return;
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
