/*
 * Plays for the tests of claims: short sequences of hand-made transitions,
 * whose last one (or the guest's memory before it) a test may change.
 */
#ifndef TESTS_CLAIMS_PLAYS_H
#define TESTS_CLAIMS_PLAYS_H

#include "claims_scenes.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* A play, what is changed in it, and what then becomes of a claim. */
struct row {
	const char *id;
	void (*play)(void);
	void (*change)(struct transition *t);
	enum claim_verdict verdict;
};

static struct claims *claims;
static struct guest_view view;
static uint64_t seq;
static enum emulator emulator;
static void (*change)(struct transition *t);    /* done to the last transition of a play, or NULL */

static uint64_t judge(struct transition t)
{
	t.seq = ++seq;
	claims_transition(claims, &t, &view);
	return seq;
}

static void judge_changed(struct transition t)
{
	if (change)
		change(&t);
	judge(t);
}

static size_t index_of(const char *id)
{
	const struct claim *c;
	size_t count;

	c = claims_catalogue(&count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(c[i].id, id) == 0)
			return i;
	cr_assert(false, "%s is not in the catalogue", id);
	abort();
}

static void set_stage(void)
{
	const struct check_context context = { .vendor = VENDOR_AMD, .emulator = emulator };

	scene_memory();
	claims = claims_new(&context);
	view.symbols = (struct symbols *)&view;         /* present; the fake does not look into it */
	seq = 0;
	change = NULL;
}

/* --- plays: the last transition is the one that is changed --- */

static void syscall_play(void) { judge_changed(scene_syscall()); }
static void int_play(void) { judge_changed(scene_int2e()); }
static void sysret_play(void) { judge_changed(scene_sysret(0)); }
static void round_trip(void) { judge_changed(scene_sysret(judge(scene_syscall()))); }
static void write_star(void) { judge_changed(scene_msr(GATE_WRMSR, 0xc0000081, 0x0023001000000000)); }
static void read_star(void) { judge_changed(scene_msr(GATE_RDMSR, 0xc0000081, 0x0023001000000000)); }
static void write_shared(void) { judge_changed(scene_page_fault(SHARED_USER + 0x10, 7)); }
static void read_kernel_alias(void) { judge_changed(scene_page_fault(SHARED_KERNEL, 5)); }

static void write_efer(void)
{
	struct transition t = scene_msr(GATE_WRMSR, 0xc0000080, 0x901);

	t.msr_readback = 0xd01;                         /* LMA is the processor's */
	judge_changed(t);
}

static void read_unimplemented(void)
{
	struct transition t = scene_msr(GATE_RDMSR, 0x40000fff, 0);

	t.faulted = true;
	t.delivery = (struct gate){ .kind = GATE_FAULT, .vector = 13, .has_error = true };
	judge_changed(t);
}

static void write_unimplemented(void)
{
	struct transition t = scene_msr(GATE_WRMSR, 0x40000fff, 0);

	t.faulted = true;
	t.delivery = (struct gate){ .kind = GATE_FAULT, .vector = 13, .has_error = true };
	judge_changed(t);
}

/* INT 2Eh of a 32-bit kernel: ESP0 and SS0 from a 32-bit TSS, words of 4 bytes. */
static void int_play32(void)
{
	struct transition t = scene_int2e();

	t.before.efer = t.after.efer = 0;
	t.gate.tss_rsp = (uint32_t)KSTACK;
	fake_write64(TSS + 8, 0x10);
	fake_write64(IDT + 0x170, UINT64_C(0x1234ee0000085678));
	t.after.rip = 0x12345678;
	t.after.gpr[GPR_RSP] = (uint32_t)KSTACK - 20;
	t.after.ss.selector = 0x10;
	judge_changed(t);
}

static void sysret32_play(void)
{
	struct transition t = scene_sysret(0);

	t.gate.operand_size = 4;
	scene_mode(&t.after, 0x23, 0x2b, 3);
	judge_changed(t);
}

static void sysenter_play(void)
{
	struct transition t = scene(GATE_SYSENTER, 2);

	judge(scene_msr(GATE_WRMSR, 0x174, 0x0b));
	judge(scene_msr(GATE_WRMSR, 0x175, KSTACK));
	judge(scene_msr(GATE_WRMSR, 0x176, ENTRY64));
	t.after.rip = ENTRY64;
	t.after.gpr[GPR_RSP] = KSTACK;
	scene_mode(&t.after, 0x08, 0x10, 0);
	judge_changed(t);
}

static void sysenter_with_two_msrs(void)
{
	judge(scene_msr(GATE_WRMSR, 0x174, 0x0b));
	judge(scene_msr(GATE_WRMSR, 0x176, ENTRY64));
	judge_changed(scene(GATE_SYSENTER, 2));
}

static void int_without_dpl(void)
{
	struct transition t = scene_int2e();

	t.faulted = true;
	t.delivery = (struct gate){ .kind = GATE_FAULT, .vector = 13, .has_error = true, .error = 0x172 };
	judge_changed(t);
}

static void thunked_call(void)
{
	judge(scene_far(0x23, 0x33));
	judge_changed(scene_syscall());
}

static void call_after_going_back(void)
{
	judge(scene_far(0x23, 0x33));
	judge(scene_far(0x33, 0x23));
	judge_changed(scene_syscall());
}

static void call_of_another_process(void)
{
	struct transition t = scene_syscall();

	judge(scene_far(0x23, 0x33));
	t.before.cr3 = t.after.cr3 = 0x121000;
	judge_changed(t);
}

static void call_number(uint32_t number, uint32_t status)
{
	struct transition in = scene_syscall(), out;

	in.before.gpr[GPR_RAX] = in.after.gpr[GPR_RAX] = number;
	out = scene_sysret(judge(in));
	out.before.gpr[GPR_RAX] = out.after.gpr[GPR_RAX] = status;
	judge_changed(out);
}

static void call_past_the_limit(void) { call_number(0x1d0, 0xc000001c); }
static void call_in_the_limit(void) { call_number(0x1cf, 0xc0000002); }
static void call_win32k(void) { call_number(0x1000, 1); }

static void call_win32k_as_gui_thread(void)
{
	fake_write64(KTHREAD + 0x78, 0x80);
	call_number(0x1000, 1);
}

/* NtReadFile with RSP where ring 0 could read: its stack arguments begin 28h above. */
static void read_on_stack(uint64_t rsp)
{
	struct transition in = scene_syscall(), out;

	in.before.gpr[GPR_RSP] = in.after.gpr[GPR_RSP] = rsp;
	out = scene_sysret(judge(in));
	out.before.gpr[GPR_RAX] = out.after.gpr[GPR_RAX] = 0xc0000005;
	judge_changed(out);
}

static void read_on_kernel_stack(void) { read_on_stack(KERNEL + 0x800); }
static void read_on_user_stack(void) { read_on_stack(USER_RSP); }
static void read_on_no_stack(void) { read_on_stack(KERNEL + 0x5000); }

static void call_without_stack_arguments(void)
{
	fake_write64(KERNEL + 0xb00 + 4 * 6, 0x1000);
	read_on_kernel_stack();
}

static void call_at_the_probe_address(void)
{
	fake_write64(KERNEL + 0xf00, KERNEL + 0x828);
	read_on_kernel_stack();
}

static void call_below_the_probe_address(void)
{
	fake_write64(KERNEL + 0xf00, KERNEL + 0x829);
	read_on_kernel_stack();
}

static void file_call(uint32_t number)
{
	struct transition in = scene_syscall(), out;
	uint64_t entry;

	in.before.gpr[GPR_RAX] = number;
	entry = judge(in);
	fake_write64(STACK + 0x800, 0);                 /* status, */
	fake_write64(STACK + 0x808, 32);                /* information */
	out = scene_sysret(entry);
	judge_changed(out);
}

static void read_file(void) { file_call(6); }
static void write_file(void) { file_call(8); }
static void create_file(void) { file_call(0x55); }

static void read_nothing(void)
{
	fake_write64(USER_RSP + 0x38, 0);
	file_call(6);
}

static void after_a_recorded_call(void)
{
	static const uint64_t record[8] = { 1, 2, 3, 4, 5, 6, KSTACK - 0x48, 0 };

	fake_symbol("KiCallRecord", RECORD);
	judge(scene_msr(GATE_RDMSR, 0xc0000082, ENTRY64));
	fake_write(RECORD, record, sizeof(record));
	judge_changed(scene_msr(GATE_RDMSR, 0xc0000081, 0));
}

static void number_in_the_page(void)
{
	fake_write64(SHARED_KERNEL + 0x308, 6);
	judge_changed(scene_syscall());
}

static void int_with_one(void) { fake_write64(SHARED_KERNEL + 0x308, 1); judge_changed(scene_int2e()); }

#endif
