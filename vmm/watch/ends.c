/*
 * The ways a run ends, in words for a person, and the watch method that
 * watches nothing.
 */
#include "watch/watch.h"

#include "image/image.h"
#include "watch/turns.h"
#include "x86.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

const uint32_t watch_msrs[] = {
	X86_MSR_EFER, X86_MSR_STAR, X86_MSR_LSTAR, X86_MSR_CSTAR, X86_MSR_FMASK,
	X86_MSR_SYSENTER_CS, X86_MSR_SYSENTER_ESP, X86_MSR_SYSENTER_EIP,
	X86_MSR_GS_BASE, X86_MSR_KERNEL_GS_BASE,
};
const unsigned watch_msr_count = sizeof watch_msrs / sizeof *watch_msrs;

bool watch_is_gate_msr(uint32_t index)
{
	for (unsigned n = 0; n < watch_msr_count; n++)
		if (watch_msrs[n] == index)
			return true;
	return false;
}

static void ended(struct run_end *end, const char *how, bool died, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void ended(struct run_end *end, const char *how, bool died, const char *format, ...)
{
	va_list list;

	end->end = how;
	end->died = died;
	va_start(list, format);
	vsnprintf(end->account, sizeof end->account, format, list);
	va_end(list);
}

/* "KiSystemCall64+1A (0xfffff80000001234)" or the bare address. */
static const char *place(struct guest_view *view, uint64_t rip, char *text, size_t size)
{
	const char *symbol = view->symbols ? symbols_text(view->symbols, rip) : NULL;

	if (symbol)
		snprintf(text, size, "%s (0x%" PRIx64 ")", symbol, rip);
	else
		snprintf(text, size, "0x%" PRIx64, rip);
	return text;
}

void end_by_exit(struct run_end *end, const struct vm_exit *exit, const struct x86_state *last,
                 struct guest_view *view)
{
	char text[128];
	const char *where = place(view, last->rip, text, sizeof text);

	switch (exit->kind) {
	case EXIT_HLT:
		ended(end, "halt", false, "halted at %s, and nothing can wake it", where);
		break;
	case EXIT_SHUTDOWN:
		ended(end, "triple-fault", true, "triple fault: an exception could not be delivered at or after %s",
		      where);
		break;
	case EXIT_MMIO:
		end->has_gpa = true;
		end->gpa = exit->mmio.gpa;
		ended(end, "outside-memory", true,
		      "%s guest-physical address 0x%" PRIx64 ", where there is neither memory (0x%" PRIx64
		      " bytes) nor a device, at %s",
		      exit->mmio.write ? "wrote to" : "read from", exit->mmio.gpa, vm_memory_size(view->vm), where);
		break;
	case EXIT_FAIL_ENTRY:
		ended(end, "entry-failure", true,
		      "the processor refused to enter the guest (hardware reason 0x%" PRIx64 ") at %s",
		      exit->fail_entry.hardware_reason, where);
		break;
	case EXIT_INTERNAL_ERROR:
		ended(end, "internal-error", true, "KVM cannot go on (suberror %u) at %s: %s", exit->internal.suberror,
		      where, exit->internal.suberror == 1 ? "an instruction that it cannot emulate, or code outside memory" :
		      "an exit that it does not expect");
		break;
	default:
		ended(end, "unhandled-exit", true, "KVM exit %u, which is not handled, at %s", exit->reason, where);
	}
}

void end_lost(struct run_end *end, const struct x86_state *last, uint64_t rip, struct guest_view *view)
{
	char from[96], at[96];

	end->has_found = true;
	end->found = rip;
	ended(end, "lost", true,
	      "the tracer lost the guest: it was to run one instruction at %s, and was found at %s",
	      place(view, last->rip, from, sizeof from), place(view, rip, at, sizeof at));
}

/* KVM lets the host change LME under paging, which is #GP to the guest.  SDM vol. 3A, 2.2.1; APM vol. 2, 3.1.7. */
static bool efer_refused(struct vm *vm, uint64_t value)
{
	struct x86_state s;

	return vm_get_state(vm, &s, VM_SREGS) || (s.cr0 & X86_CR0_PG && (s.efer ^ value) & X86_EFER_LME);
}

bool watch_serve_msr(struct vm *vm, const struct vm_exit *exit, uint64_t *value)
{
	bool fault;

	*value = exit->msr.value;
	if (exit->kind == EXIT_RDMSR)
		fault = vm_get_msr(vm, exit->msr.index, value) != 0;
	else
		fault = (exit->msr.index == X86_MSR_EFER && efer_refused(vm, *value)) ||
		        vm_set_msr(vm, exit->msr.index, *value) != 0;
	vm_answer_msr(vm, *value, fault);
	return !fault;
}

static int account_for(const struct watch *w, struct vm *vm, const struct vm_exit *exit, struct run_end *end)
{
	struct x86_state last = { 0 };
	int err = vm_get_state(vm, &last, VM_REGS);

	if (exit->kind == EXIT_HLT)
		last.rip--;                     /* it stands behind it */
	end_by_exit(end, exit, &last, w->view);
	return err;
}

int watch_nothing(const struct watch *w, struct run_end *end)
{
	struct turns turns;
	struct vm_exit exit;
	uint64_t value;
	int err;

	turns_begin(&turns, w);
	while (!(err = vm_run(turns_now(&turns), RUN_LOOSE, &exit))) {
		switch (exit.kind) {
		case EXIT_PIO:
			ports_access(w->ports, &exit);
			if (w->ports->ended)
				return 0;
			break;
		case EXIT_RDMSR:
		case EXIT_WRMSR:
			watch_serve_msr(turns_now(&turns), &exit, &value);
			break;
		case EXIT_INTERRUPTED:
			if (*w->stop) {
				end->interrupted = true;
				return 0;
			}
			ports_tick(w->ports);
			if (turns_next(&turns))
				break;
			exit.kind = EXIT_HLT;
			return account_for(w, turns_now(&turns), &exit, end);
		case EXIT_MMIO:
			if (ports_memory(&exit))
				break;
			/* fall through */
		default:
			return account_for(w, turns_now(&turns), &exit, end);
		}
	}
	return err;
}
