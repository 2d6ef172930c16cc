/*
 * Builds the probe's guest, enters it and words the differences.  What a gate
 * must do is not known here: that is probe_rows.c.
 */
#include "kvm/probe_machine.h"

#include "x86.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MEMORY_SIZE     0x10000
#define PML4            0x1000
#define PDPT            0x2000
#define DIRECTORY       0x3000
#define GDT             0x4000
#define TSS             0x4100
#define IDT             0x5000

#define GDT_SIZE        0x50
#define VECTORS         48
#define HANDLER_SIZE    8
#define INT_VECTOR      0x2e            /* the gates that ring 3 may call */

#define DESCRIPTOR(base, limit, access, flags) \
	X86_DESCRIPTOR((uint64_t)(base), (uint64_t)(limit), (uint64_t)(access), (uint64_t)(flags))
#define FLAT(access, flags)     DESCRIPTOR(0, 0xfffff, access, flags)
#define CODE0   (X86_DESC_P | X86_DESC_S | X86_TYPE_CODE_ER)
#define DATA0   (X86_DESC_P | X86_DESC_S | X86_TYPE_DATA_RW)

static const uint64_t flat_descriptors[] = {
	[PROBE_CS0 / 8] = FLAT(CODE0, X86_DESC_G | X86_DESC_L),
	[PROBE_SS0 / 8] = FLAT(DATA0, X86_DESC_G | X86_DESC_DB),
	[PROBE_CS3_32 / 8] = FLAT(CODE0 | X86_DESC_DPL3, X86_DESC_G | X86_DESC_DB),
	[PROBE_SS3 / 8] = FLAT(DATA0 | X86_DESC_DPL3, X86_DESC_G | X86_DESC_DB),
	[PROBE_CS3 / 8] = FLAT(CODE0 | X86_DESC_DPL3, X86_DESC_G | X86_DESC_L),
};

uint64_t probe_address(const uint8_t *label)
{
	return PROBE_CODE + (uint64_t)(label - probe_guest_start);
}

static uint64_t handler(unsigned vector)
{
	return probe_address(probe_guest_handlers) + vector * HANDLER_SIZE;
}

static void put64(struct probe *p, uint64_t gpa, uint64_t value)
{
	void *to = vm_memory(p->vm, gpa, sizeof(value));

	if (to)
		memcpy(to, &value, sizeof(value));
}

static void build_tables(struct probe *p)
{
	uint64_t flags = X86_PTE_P | X86_PTE_W | X86_PTE_U;

	put64(p, PML4, PDPT | flags);
	put64(p, PDPT, DIRECTORY | flags);
	put64(p, DIRECTORY, X86_PTE_PS | flags);

	for (size_t i = 0; i < sizeof(flat_descriptors) / sizeof(flat_descriptors[0]); i++)
		put64(p, GDT + 8 * i, flat_descriptors[i]);
	put64(p, GDT + PROBE_TSS, DESCRIPTOR(TSS, X86_TSS64_SIZE - 1, X86_DESC_P | X86_TYPE_TSS_BUSY, 0));
	put64(p, TSS + X86_TSS64_RSP0, PROBE_RSP0);

	/* Interrupt gates, SDM vol. 3A, figure 6-8. */
	for (unsigned i = 0; i < VECTORS; i++) {
		uint64_t access = X86_DESC_P | X86_TYPE_INTERRUPT_GATE |
		                  (i == INT_VECTOR || i == X86_VECTOR_BP ? X86_DESC_DPL3 : 0);

		put64(p, IDT + 16 * i, (handler(i) >> 16) << 48 | access << 40 | PROBE_CS0 << 16 |
		                       (handler(i) & 0xffff));
	}
	memcpy(vm_memory(p->vm, PROBE_CODE, MEMORY_SIZE - PROBE_CODE), probe_guest_start,
	       probe_guest_end - probe_guest_start);
}

static struct x86_segment flat(uint16_t selector, uint8_t type, uint8_t dpl, bool l)
{
	return (struct x86_segment) {
		.selector = selector, .limit = UINT32_MAX, .type = type, .dpl = dpl,
		.s = true, .p = true, .l = l, .db = !l, .g = true,
	};
}

static void fill_base_state(struct x86_state *s)
{
	s->cs = flat(PROBE_CS0, X86_TYPE_CODE_ER, 0, true);
	s->ss = s->ds = s->es = s->fs = s->gs = flat(PROBE_SS0, X86_TYPE_DATA_RW, 0, false);
	s->tr = (struct x86_segment) {
		.selector = PROBE_TSS, .base = TSS, .limit = X86_TSS64_SIZE - 1,
		.type = X86_TYPE_TSS_BUSY, .p = true,
	};
	s->ldtr = (struct x86_segment) { .type = X86_TYPE_LDT, .unusable = true };
	s->gdtr = (struct x86_table) { .base = GDT, .limit = GDT_SIZE - 1 };
	s->idtr = (struct x86_table) { .base = IDT, .limit = VECTORS * 16 - 1 };
	s->cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_PG;
	s->cr3 = PML4;
	s->cr4 = X86_CR4_PAE;
	s->efer = X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA;
	s->rflags = X86_RFLAGS_FIXED;
	s->gpr[GPR_RSP] = PROBE_RSP0;
	s->msr.star = PROBE_GUEST_STAR;
	s->msr.lstar = probe_address(probe_guest_lstar);
	s->msr.fmask = PROBE_GUEST_FMASK;
}

bool probe_machine_open(struct probe *p, const char *device)
{
	struct vm_config config = { .device = device, .memory_size = MEMORY_SIZE };

	if (vm_open(&p->vm, &config) < 0)
		return false;
	p->spoiled = false;
	build_tables(p);
	fill_base_state(&p->base);
	return true;
}

void probe_machine_close(struct probe *p)
{
	vm_close(p->vm);
	p->vm = NULL;
}

void probe_start(struct probe *p, const uint8_t *label, unsigned ring)
{
	p->s = p->base;
	p->s.rip = probe_address(label);
	if (ring == 3) {
		p->s.cs = flat(PROBE_CS3, X86_TYPE_CODE_ER, 3, true);
		p->s.ss = p->s.ds = p->s.es = p->s.fs = p->s.gs = flat(PROBE_SS3, X86_TYPE_DATA_RW, 3, false);
		p->s.gpr[GPR_RSP] = PROBE_RSP3;
	}
}

/* --- words --- */

__attribute__((format(printf, 3, 4)))
static void append(char *text, size_t size, const char *format, ...)
{
	size_t length = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + length, size - length, format, args);
	va_end(args);
}

void probe_compare(struct probe *p, const char *name, uint64_t seen, uint64_t expected)
{
	append(p->seen, sizeof(p->seen), "%s%s %" PRIX64, p->seen[0] ? " " : "", name, seen);
	if (seen == expected)
		return;
	append(p->wrong, sizeof(p->wrong), "%s%s %" PRIX64, p->off ? " " : "", name, seen);
	append(p->wanted, sizeof(p->wanted), "%s%s %" PRIX64, p->off ? " " : "", name, expected);
	p->off = true;
}

static void unexpected(struct probe *p, const char *what, const char *expected)
{
	append(p->wrong, sizeof(p->wrong), "%s%s", p->off ? " " : "", what);
	append(p->wanted, sizeof(p->wanted), "%s%s", p->off ? " " : "", expected);
	p->off = true;
}

/* Where a HLT ended: in a handler, or in the row's own code. */
static void describe_halt(const struct probe *p, char *text, size_t size)
{
	uint64_t at = p->s.rip - handler(0);

	if (p->s.rip > handler(0) && at < VECTORS * HANDLER_SIZE)
		snprintf(text, size, "vector %" PRIX64, at / HANDLER_SIZE);
	else
		snprintf(text, size, "a halt at +%" PRIX64, p->s.rip - PROBE_CODE);
}

static const char *const exit_name[] = {
	[EXIT_DEBUG] = "a debug exit", [EXIT_HLT] = "a halt", [EXIT_PIO] = "port I/O", [EXIT_MMIO] = "MMIO",
	[EXIT_RDMSR] = "an RDMSR exit", [EXIT_WRMSR] = "a WRMSR exit", [EXIT_SHUTDOWN] = "a shutdown",
	[EXIT_FAIL_ENTRY] = "a failed entry", [EXIT_INTERNAL_ERROR] = "KVM's internal error",
	[EXIT_INTERRUPTED] = "no exit in time", [EXIT_PROTECTED] = "a refused write", [EXIT_OTHER] = "an unknown exit",
};

/* After these the vCPU may be in any state. */
static bool spoils(enum vm_exit_kind kind)
{
	return kind == EXIT_SHUTDOWN || kind == EXIT_FAIL_ENTRY || kind == EXIT_INTERNAL_ERROR ||
	       kind == EXIT_INTERRUPTED || kind == EXIT_OTHER;
}

/* --- running --- */

bool probe_run_on(struct probe *p, enum vm_run_mode mode, enum vm_exit_kind kind)
{
	char halt[32];

	if (vm_run(p->vm, mode, &p->exit) < 0 || vm_get_state(p->vm, &p->s, VM_REGS | VM_SREGS) < 0) {
		p->spoiled = true;
		unexpected(p, "KVM_RUN fails", exit_name[kind]);
		return false;
	}
	p->spoiled = p->spoiled || spoils(p->exit.kind);
	p->timed_out = p->timed_out || p->exit.kind == EXIT_INTERRUPTED;
	if (p->exit.kind == kind)
		return true;
	if (p->exit.kind == EXIT_HLT) {
		describe_halt(p, halt, sizeof(halt));
		unexpected(p, halt, exit_name[kind]);
	} else {
		unexpected(p, exit_name[p->exit.kind], exit_name[kind]);
	}
	return false;
}

bool probe_run_start(struct probe *p, enum vm_run_mode mode, enum vm_exit_kind kind)
{
	if (vm_clear_events(p->vm) < 0 || vm_set_state(p->vm, &p->s, VM_ALL) < 0) {
		p->spoiled = true;
		unexpected(p, "KVM refuses the start state", exit_name[kind]);
		return false;
	}
	return probe_run_on(p, mode, kind);
}

static void halted(struct probe *p, uint64_t rip, const char *expected)
{
	char halt[32];

	/* What is off already says more than where it led. */
	if (p->off || p->s.rip == rip)
		return;
	describe_halt(p, halt, sizeof(halt));
	unexpected(p, halt, expected);
}

void probe_halted_at(struct probe *p, const uint8_t *label)
{
	char expected[32];

	snprintf(expected, sizeof(expected), "a halt at +%" PRIX64, probe_address(label) - PROBE_CODE);
	halted(p, probe_address(label), expected);
}

void probe_halted_in_handler(struct probe *p, unsigned vector)
{
	char expected[32];

	snprintf(expected, sizeof(expected), "vector %X", vector);
	halted(p, handler(vector) + 1, expected);
}

uint64_t probe_stack(struct probe *p, unsigned word)
{
	uint64_t value = UINT64_MAX;
	const void *at = vm_memory(p->vm, p->s.gpr[GPR_RSP] + 8 * word, sizeof(value));

	if (at)
		memcpy(&value, at, sizeof(value));
	return value;
}

void probe_push(struct probe *p, uint64_t value)
{
	p->s.gpr[GPR_RSP] -= sizeof(value);
	put64(p, p->s.gpr[GPR_RSP], value);
}
