/*
 * The VM of the torture.  It is set back to where it waits for a batch
 * whenever a case has killed it; memory stays, as the guest makes everything
 * anew that a case can spoil.
 */
#include "torture/machine.h"

#include "deadline.h"
#include "message.h"

#include <stdlib.h>
#include <string.h>

struct machine {
	struct vm *vm;
	struct torture_control *control;
	struct torture_record *records;
	struct x86_state ready;         /* at its OUT: the batch is done */
	uint64_t refused;
};

static const char *const words[] = {
	[EXIT_DEBUG] = "a debug exit", [EXIT_HLT] = "a halt", [EXIT_PIO] = "port I/O", [EXIT_MMIO] = "access to no memory",
	[EXIT_RDMSR] = "an RDMSR exit", [EXIT_WRMSR] = "a WRMSR exit", [EXIT_SHUTDOWN] = "a shutdown",
	[EXIT_FAIL_ENTRY] = "a state that the next entry refuses", [EXIT_INTERNAL_ERROR] = "KVM's internal error",
	[EXIT_INTERRUPTED] = "no end", [EXIT_OTHER] = "an unknown exit",
};

const char *machine_exit_name(enum vm_exit_kind kind)
{
	return words[kind];
}

static bool is_ready(const struct vm_exit *exit)
{
	return exit->kind == EXIT_PIO && exit->pio.port == TORTURE_PORT;
}

/* Until the guest says that its batch is done, or something else happens. */
static int run(struct machine *m, struct vm_exit *exit)
{
	int r;

	do
		r = vm_run(m->vm, RUN_FREE, exit);
	while (!r && exit->kind == EXIT_INTERRUPTED && !limit_reached);
	return r;
}

static bool boot(struct machine *m, const struct image *image, const char *name)
{
	struct vm_exit exit;

	if (vm_boot_elf(m->vm, image, name))
		return false;
	m->control = vm_memory(m->vm, TORTURE_CONTROL, sizeof(*m->control));
	m->records = vm_memory(m->vm, TORTURE_CASES, TORTURE_BATCH * sizeof(*m->records));
	if (!m->control || !m->records) {
		message("%s: guest memory is too small", name);
		return false;
	}
	*m->control = (struct torture_control){ 0 };
	if (run(m, &exit))
		return false;
	if (!is_ready(&exit)) {
		message("%s: ended in %s instead of waiting for cases", name, words[exit.kind]);
		return false;
	}
	return !vm_get_state(m->vm, &m->ready, VM_ALL);
}

struct machine *machine_open(const struct image *image, const char *name)
{
	const struct vm_config config = { .device = "/dev/kvm", .memory_size = TORTURE_MEMORY };
	struct machine *m = calloc(1, sizeof(*m));

	if (!m) {
		message("out of memory");
		return NULL;
	}
	if (vm_open(&m->vm, &config) || !boot(m, image, name)) {
		machine_close(m);
		return NULL;
	}
	return m;
}

void machine_close(struct machine *m)
{
	if (m && m->vm)
		vm_close(m->vm);
	free(m);
}

struct vm *machine_vm(struct machine *m)
{
	return m->vm;
}

struct torture_record *machine_records(struct machine *m)
{
	return m->records;
}

const struct x86_state *machine_base(const struct machine *m)
{
	return &m->ready;
}

uint64_t machine_refused(const struct machine *m)
{
	return m->refused;
}

static bool set_back(struct machine *m)
{
	return !vm_clear_events(m->vm) && !vm_set_state(m->vm, &m->ready, VM_ALL);
}

enum machine_end machine_run(struct machine *m, unsigned first, unsigned end, unsigned *at,
                             enum vm_exit_kind *how)
{
	uint64_t refused_at = UINT64_MAX;
	struct vm_exit exit;

	for (unsigned i = first; i < end; i++)
		memset(&m->records[i].out, 0, sizeof(m->records[i].out));
	m->control->next = first;
	m->control->end = end;
	while (m->control->next < end) {
		if (run(m, &exit))
			return MACHINE_FAILED;
		*at = (unsigned)m->control->next;
		if (limit_reached)
			return MACHINE_STOPPED;
		/* Ready before the end: it wants to be set back. */
		if (is_ready(&exit) && m->control->next == end)
			continue;
		if (!set_back(m))
			return MACHINE_FAILED;
		if (is_ready(&exit))
			continue;
		/* The host's interrupt may have met a state that lasts one instruction: once more. */
		if (exit.kind == EXIT_FAIL_ENTRY && refused_at != *at) {
			refused_at = *at;
			m->refused++;
			continue;
		}
		m->refused -= refused_at == *at;
		*how = exit.kind;
		return MACHINE_DIED;
	}
	return MACHINE_DONE;
}
