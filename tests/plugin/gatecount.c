/*
 * A QEMU plugin that counts independently: every SYSCALL, SYSRET, SYSENTER,
 * SYSEXIT, INT n and IRET that a guest of the emulated host executes, one line
 * each, with its linear address, in the file of the argument out=FILE.
 *
 * The emulated host's kernel and programs execute such instructions too.  They
 * are told apart in vmrun.h.
 */
#include "vmrun.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What an execution callback is told, in one pointer: the kind above the 48 bits of a sign-extended address. */
enum kind { SYSCALL = 1, SYSRET, SYSENTER, SYSEXIT, INT, IRET };
#define KIND_SHIFT 48

static const char *const names[] = {
	[SYSCALL] = "syscall", [SYSRET] = "sysret", [SYSENTER] = "sysenter", [SYSEXIT] = "sysexit", [INT] = "int",
	[IRET] = "iret",
};

static int out = -1;

static enum kind two_byte(const uint8_t *code)
{
	switch (code[0]) {
	case 0x05: return SYSCALL;
	case 0x07: return SYSRET;
	case 0x34: return SYSENTER;
	case 0x35: return SYSEXIT;
	default: return 0;
	}
}

/* 0 for every other instruction. */
static enum kind kind_of(const uint8_t *code, size_t size)
{
	/* 66h operand size, F2h, F3h and segments; REX counts as one where more bytes follow it. */
	while (size > 1 && (memchr("\x66\x67\xf2\xf3\x26\x2e\x36\x3e\x64\x65", code[0], 10) || (code[0] & 0xf0) == 0x40)) {
		code++;
		size--;
	}
	if (size > 1 && code[0] == 0x0f)
		return two_byte(code + 1);
	if (size == 2 && code[0] == 0xcd)
		return INT;
	switch (size == 1 ? code[0] : 0) {
	case 0xcc:                      /* INT3 */
	case 0xce:                      /* INTO: counts though OF may be clear */
		return INT;
	case 0xcf:
		return IRET;
	default:
		return 0;
	}
}

static void gate_executed(unsigned vcpu, void *data)
{
	const uint64_t word = (uintptr_t)data;
	char line[64];
	int length;

	(void)vcpu;
	if (!in_guest)
		return;
	length = snprintf(line, sizeof(line), "%s 0x%llx\n", names[word >> KIND_SHIFT],
			  (unsigned long long)((int64_t)(word << (64 - KIND_SHIFT)) >> (64 - KIND_SHIFT)));
	/* QEMU is killed in the end: nothing may wait in a buffer. */
	if (write(out, line, (size_t)length) != length)
		_exit(1);
}

static void watch(struct qemu_plugin_insn *insn)
{
	const uint64_t address = qemu_plugin_insn_vaddr(insn);
	const enum kind kind = kind_of(qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn));
	const uint64_t word = (uint64_t)kind << KIND_SHIFT | (address & ((UINT64_C(1) << KIND_SHIFT) - 1));

	follow_vmrun(insn);
	if (kind)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, gate_executed, CALLBACK_READS_NO_REGISTERS,
						       (void *)(uintptr_t)word);
}

static void block_translated(plugin_id id, struct qemu_plugin_tb *block)
{
	(void)id;
	for (size_t n = 0; n < qemu_plugin_tb_n_insns(block); n++)
		watch(qemu_plugin_tb_get_insn(block, n));
}

EXPORT int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4) != 0)
		return -1;
	out = open(argv[0] + 4, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (out < 0)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
	return 0;
}
