/*
 * A short whole trace through a sink, with every kind of line: what the tests
 * of the sinks look at.
 */
#ifndef TESTS_SAMPLE_TRACE_H
#define TESTS_SAMPLE_TRACE_H

#include "gates.h"
#include "model_fields.h"
#include "sink/sink.h"

#include <stdlib.h>
#include <string.h>

/* Where a test is linked without the claims. */
__attribute__((weak)) const char *paper_name(enum paper p)
{
	static const char *const names[] = { "true", "imprecise", "wrong" };

	return names[p];
}

__attribute__((weak)) const char *claim_verdict_name(enum claim_verdict v)
{
	static const char *const names[] = { "not_exercised", "held", "refuted" };

	return names[v];
}

static inline struct check held_check(enum field field, uint64_t value)
{
	return (struct check) {
		.field = field, .expected = value, .observed = value, .mask = ~UINT64_C(0), .held = true,
		.source = "SDM vol. 2B SYSCALL; APM vol. 3 SYSCALL",
	};
}

static inline struct check_list sample_checks(const struct transition *t)
{
	static const enum field fields[] = {
		FIELD_RIP, FIELD_RSP, FIELD_RFLAGS, FIELD_RCX, FIELD_R11, FIELD_CS, FIELD_SS, FIELD_CPL,
		FIELD_MODE,
	};
	struct check_list list = { 0 };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		list.check[list.count++] = held_check(fields[i], x86_field(&t->after, fields[i]));
	return list;
}

static inline void sample_event(struct sink *sink, struct transition t)
{
	struct check_list list = sample_checks(&t);

	sink->ops->transition(sink, &t, &list);
}

static const struct claim sample_claims[] = {
	{ "C24", "002", "8",
	  "The user SS, ESP, EFLAGS, CS and EIP are pushed on the user's stack when an interrupt enters "
	  "the kernel through a gate", PAPER_WRONG,
	  "delivery switches to the stack that the TSS names before it pushes anything", NULL },
	{ "C82", "003", "74",
	  "SYSCALL puts LSTAR in RIP, the address of the next instruction in RCX, RFLAGS in R11, and clears "
	  "the bits of RFLAGS that FMASK has", PAPER_TRUE, NULL, NULL },
	{ "C84", "003", "78", "SYSCALL does not save RSP", PAPER_TRUE, NULL, NULL },
	{ "C70", "000, 003", "35-37",
	  "MSRs 174h, 175h and 176h hold CS, ESP and EIP", PAPER_TRUE, NULL, NULL },
	{ "C13", "002", "6, 398",
	  "The Pentium II added SYSENTER, SYSEXIT and three MSRs", PAPER_TRUE, NULL, "history of processors" },
};

static const struct claim_result sample_results[] = {
	{ .verdict = CLAIM_REFUTED, .refuted = 1, .events = { 20 }, .event_count = 1 },
	{ .verdict = CLAIM_HELD, .held = 2, .events = { 9, 31 }, .event_count = 2 },
	{ .verdict = CLAIM_HELD, .held = 1, .events = { 9 }, .event_count = 1 },
	{ .verdict = CLAIM_NOT_EXERCISED },
	{ .verdict = CLAIM_NOT_EXERCISED },
};

static inline struct transition far_transition(void)
{
	struct transition t = {
		.seq = 8, .gate = { .kind = GATE_FAR, .length = 7 }, .before = user64(), .after = user64(),
		.symbol = "Wow64SystemServiceCallStubWithALongName+1B", .target = "KiFastSystemCall64Thunk",
	};

	t.before.cs = flat(0x23, 11, 3, false);
	t.after.rip = USER_CODE + 0x400;
	return t;
}

/* Two findings, one with all there is to say. */
static inline void sample_findings(struct sink *sink)
{
	struct finding f = {
		.id = "B02", .name = "star-rpl", .severity = LINT_ERROR, .seq = 10, .rip = KERNEL_ENTRY, .symbol = "KiInitializeMsrs+2E",
		.value = UINT64_C(0x18000800000000), .has_value = true, .expected = UINT64_C(0x1b000800000000), .has_expected = true,
		.vendor = "amd", .text = "STAR[63:48] = 18 without RPL 3: AMD loads SS from the sum as it is, user code runs with SS 20, "
		"and the next IRET to it raises #GP(20); Intel forces RPL 3", .source = "APM vol. 3 SYSRET; APM vol. 2, 6.1.1",
	};

	sink->ops->finding(sink, &f);
	f = (struct finding){
		.id = "B06", .name = "fmask-if", .severity = LINT_WARNING, .seq = 11, .cpu = 3, .rip = ~UINT64_C(0),
		.text = "STI before RSP is loaded", .source = "SDM vol. 2B SYSCALL",
	};
	sink->ops->finding(sink, &f);
}

/* As a run tells it: header, events, claims, summary. */
static inline void sample_trace(struct sink *sink)
{
	const struct trace_header header = {
		"guest.elf", "box", "amd", "step", 1, "QEMU 7.2 TCG, Linux 6.1.0-56-cloud-amd64, kvm_amd",
		trace_limits(true),
	};
	const struct trace_summary summary = {
		.events = 14, .checks_held = 117, .checks_contradicted = 2,
		.claims_held = 2, .claims_refuted = 1, .claims_not_exercised = 1, .end = "exit", .code = 0,
		.account = "The guest wrote 0 to its exit port.", .status = 1,
	};
	struct transition t;
	struct check_list list;

	sink->ops->header(sink, &header);
	sample_event(sink, wrmsr_transition(X86_MSR_EFER, 0xd01));
	sample_event(sink, wrmsr_transition(X86_MSR_STAR, STAR));
	sample_event(sink, wrmsr_transition(X86_MSR_FMASK, 0x4700));
	sample_event(sink, wrmsr_transition(X86_MSR_KERNEL_GS_BASE, UINT64_C(0xfffff80000105000)));
	t = refused(GATE_RDMSR, X86_VECTOR_GP, true, 0);
	t.msr_index = 0x40000fff;
	sample_event(sink, t);
	t = kernel64().cpl ? t : wrmsr_transition(0, 0);
	t.gate = (struct gate) { .kind = GATE_SWAPGS, .length = 3 };
	t.symbol = "KiSystemCall64";
	t.after.rip++;
	t.after.gs.base = UINT64_C(0xfffff80000105000);
	sample_event(sink, t);
	sample_event(sink, far_transition());
	sample_event(sink, syscall_transition());
	sample_event(sink, sysret_transition());
	t = sysret_transition();
	t.before.gpr[GPR_RAX] = 0xc000001c;
	t.service.name = NULL;
	t.symbol = t.target = NULL;
	sample_event(sink, t);
	sample_event(sink, int_transition());
	sample_event(sink, page_fault_transition());

	t = sysret_transition();
	t.after.ss.selector = 0x2b;
	list = sample_checks(&t);
	list.check[6].expected = 0x28;
	list.check[6].held = false;
	list.check[6].known = "QEMU 7.2: SYSRET forces SS.RPL to 3; AMD silicon takes STAR[63:48]+8 as it is";
	list.check[2].expected ^= X86_RFLAGS_IF | X86_RFLAGS_NT;
	list.check[2].held = false;
	list.other_vendor.count = 1;
	list.other_vendor.difference[0] = (struct vendor_difference) {
		.field = FIELD_SS, .here = 0x28, .there = 0x2b, .source = "SDM vol. 2B SYSRET",
	};
	sink->ops->transition(sink, &t, &list);
	list.other_vendor.count = 0;

	t = syscall_transition();
	list.count = 1;
	list.check[0] = (struct check) {
		.field = FIELD_VECTOR, .mask = ~UINT64_C(0), .expected = X86_VECTOR_UD,
		.observed = ~UINT64_C(0), .observed_none = true, .source = "SDM vol. 2B SYSCALL",
	};
	sink->ops->transition(sink, &t, &list);

	for (size_t i = 0; i < sizeof(sample_claims) / sizeof(sample_claims[0]); i++)
		sink->ops->claim(sink, &sample_claims[i], &sample_results[i]);
	sink->ops->summary(sink, &summary);
}

#endif
