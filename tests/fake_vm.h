/*
 * Guest memory without KVM, for tests of what reads it: vm_memory over a
 * static buffer.
 */
#ifndef TESTS_FAKE_VM_H
#define TESTS_FAKE_VM_H

#include "kvm/kvm.h"

#include <string.h>

#define FAKE_MEMORY     (1 << 20)

static uint8_t fake_memory[FAKE_MEMORY];

void *vm_memory(struct vm *vm, uint64_t gpa, uint64_t size)
{
	(void)vm;
	if (gpa > FAKE_MEMORY || size > FAKE_MEMORY - gpa)
		return NULL;
	return fake_memory + gpa;
}

uint64_t vm_memory_size(const struct vm *vm)
{
	(void)vm;
	return FAKE_MEMORY;
}

static inline void fake_write(uint64_t gpa, uint64_t value, size_t size)
{
	memcpy(fake_memory + gpa, &value, size);
}

#endif
