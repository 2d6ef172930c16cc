/*
 * Which pages of guest memory hold anything: the others were never touched and
 * read as zero, and to read them would make them.
 */
#include "kvm/internal.h"

#include <sys/mman.h>

bool vm_memory_resident(struct vm *vm, uint64_t gpa, uint64_t pages, uint8_t *resident)
{
	void *memory = vm_memory(vm, gpa, pages * X86_PAGE_SIZE);

	return memory && mincore(memory, pages * X86_PAGE_SIZE, resident) == 0;
}
