/*
 * What does not concern a claim says nothing about it: for every kind of
 * transition the claims that may speak are listed, and all others must not.
 */
#include "claims_scenes32.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct claims *claims;
static struct guest_view view;

static void set_stage(void)
{
	const struct check_context context = { .vendor = VENDOR_AMD };

	scene_memory();
	claims = claims_new(&context);
	view.symbols = (struct symbols *)&view;
}

static enum claim_verdict verdict_of(const char *id)
{
	const struct claim *c;
	size_t count;

	c = claims_catalogue(&count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(c[i].id, id) == 0)
			return claims_result(claims, i).verdict;
	cr_assert(false, "%s is not in the catalogue", id);
	abort();
}

/* --- transitions beside those of claims_scenes.h --- */

static struct transition sysret(void) { return scene_sysret(0); }
static struct transition sysret_of_nobody(void) { return scene_sysret(99); }
static struct transition far_to_64(void) { return scene_far(0x23, 0x33); }
static struct transition write_lstar(void) { return scene_msr(GATE_WRMSR, 0xc0000082, ENTRY64); }
static struct transition user_fault_elsewhere(void) { return scene_page_fault(0x1000, 6); }

static struct transition swapgs(void)
{
	struct transition t = scene(GATE_SWAPGS, 3);

	scene_mode(&t.before, 0x10, 0x18, 0);
	scene_mode(&t.after, 0x10, 0x18, 0);
	return t;
}

static struct transition compat_syscall(void)
{
	struct transition t = scene_syscall();

	scene_mode(&t.before, 0x23, 0x2b, 3);
	t.after.rip = t.before.msr.cstar;
	return t;
}

/* #UD, because EFER.SCE is clear. */
static struct transition syscall_fault(void)
{
	struct transition t = scene_syscall();

	t.faulted = true;
	t.delivery = (struct gate){ .kind = GATE_FAULT, .vector = 6 };
	scene_delivery(&t, &t.delivery, t.before.rip, false);
	return t;
}

/* INT3 and INT 20h: other vectors than the documents'. */
static struct transition int3(void)
{
	struct transition t = scene_int2e();

	t.gate.vector = 3;
	return t;
}

static struct transition int80(void)
{
	struct transition t = scene_int2e();

	t.gate.vector = 0x80;
	return t;
}

/* INT3 in the kernel: no change of stack, CS 10h in the frame. */
static struct transition kernel_int3(void)
{
	struct transition t = int3();

	scene_mode(&t.before, 0x10, 0x18, 0);
	t.frame.cs = 0x10;
	return t;
}

static struct transition kernel_fault(void)
{
	struct transition t = scene_page_fault(SHARED_USER, 2);

	scene_mode(&t.before, 0x10, 0x18, 0);
	t.frame.cs = 0x10;
	return t;
}

/* RDMSR in ring 3, which always faults, whatever the number. */
static struct transition user_rdmsr(void)
{
	struct transition t = scene_msr(GATE_RDMSR, 0x40000fff, 0);

	scene_mode(&t.before, 0x33, 0x2b, 3);
	t.faulted = true;
	t.delivery = (struct gate){ .kind = GATE_FAULT, .vector = 13, .has_error = true };
	scene_delivery(&t, &t.delivery, t.before.rip, true);
	return t;
}

/* A gate whose samples could not be taken. */
static struct transition unsampled_int(void)
{
	struct transition t = scene_int2e();

	t.frame.count = 0;
	t.gate.idt.valid = t.gate.tss_valid = false;
	t.target = NULL;
	return t;
}

#define STUB "C11 C104 C105 C106 C107 C109 C133 C134 "
#define PAGE "C101 C110 "

static const struct { const char *name; struct transition (*make)(void); const char *speak; } scenes[] = {
	{ "syscall", scene_syscall, "C77 C82 C83 C84 C90 C93 " STUB PAGE },
	{ "compat syscall", compat_syscall, "C77 C90 C91 C105 " PAGE },
	{ "syscall #UD", syscall_fault, "C22 C36 C90 " },
	{ "int 2e", scene_int2e, "C20 C21 C22 C23 C24 C26 C36 C60 C90 " STUB PAGE },
	{ "int 80", int80, "C21 C22 C23 C36 C60 C90 " STUB PAGE },
	{ "int3", int3, "C36 C90 " },
	{ "int3 in the kernel", kernel_int3, "C36 " },
	{ "int without samples", unsampled_int, "C26 C90 " STUB PAGE },
	{ "sysret", sysret, "C77 C85 C87 C88 " },
	{ "sysret, entry unknown", sysret_of_nobody, "C77 C85 C87 C88 " },
	{ "far", far_to_64, "C90 " },
	{ "wrmsr", write_lstar, "C80 " },
	{ "swapgs", swapgs, "" },
	{ "user fault", user_fault_elsewhere, "C22 C36 C90 " },
	{ "kernel fault", kernel_fault, "C36 " },
	{ "user rdmsr", user_rdmsr, "C22 C36 C90 " },
};

static void assert_who_speaks(bool all_asked)
{
	const struct claim *c;
	size_t count;

	c = claims_catalogue(&count);
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		struct transition t = scenes[i].make();

		set_stage();
		if (all_asked)
			claims_ask_all(claims);
		t.seq = 1;
		claims_transition(claims, &t, &view);
		for (size_t j = 0; j < count; j++) {
			char word[16];
			bool may, spoke = claims_result(claims, j).verdict != CLAIM_NOT_EXERCISED;

			snprintf(word, sizeof(word), "%s ", c[j].id);
			may = strstr(scenes[i].speak, word);
			cr_expect_eq(spoke, may, "%s%s: %s %s", scenes[i].name, all_asked ? " (all asked)" : "", c[j].id, spoke ? "spoke" : "was silent");
		}
		claims_free(claims);
	}
}

/* Code that enters the kernel without being a stub speaks for no stub. */

Test(claims_silence, only_what_concerns_them)
{
	assert_who_speaks(false);
}

/* They are silent by themselves, and are not silenced. */
Test(claims_silence, even_if_asked)
{
	assert_who_speaks(true);
}

Test(claims_silence, a_bare_syscall_is_no_stub)
{
	static const char *const ids[] = { "C11", "C93", "C104", "C106", "C107", "C109", "C133", "C134" };
	static const uint8_t code[] = { 0xb8, 6, 0, 0, 0, 0xfd, 0x0f, 0x05, 0x9c };
	struct transition t = scene_syscall();

	set_stage();
	fake_write(CODE + 0x400, code, sizeof(code));
	t.before.rip = CODE + 0x406;
	t.before.gpr[GPR_R10] = 0;
	t.seq = 1;
	claims_transition(claims, &t, &view);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		cr_expect_eq(verdict_of(ids[i]), CLAIM_NOT_EXERCISED, "%s", ids[i]);
	cr_expect_eq(verdict_of("C84"), CLAIM_HELD);
	claims_free(claims);
}

/* A stub at the start of the first mapped page: what lies before it cannot be read. */
Test(claims_silence, a_stub_at_the_start_of_a_page)
{
	struct transition t = scene_syscall();

	set_stage();
	t.seq = 1;
	claims_transition(claims, &t, &view);
	cr_expect_eq(verdict_of("C107"), CLAIM_HELD);
	claims_free(claims);
}

/* A guest without any of Windows' structures, and no view at all, refute nothing of Windows. */
Test(claims_silence, nothing_to_read_is_no_evidence)
{
	static const char *const ids[] = {
		"C04", "C11", "C22", "C26", "C51", "C55", "C93", "C101", "C104", "C105", "C106", "C107", "C108", "C109",
		"C110", "C131", "C132", "C133", "C134",
	};

	for (int with_view = 0; with_view < 2; with_view++) {
		struct transition in = scene_syscall(), gate = scene_int2e(), out = scene_sysret(1);

		set_stage();
		fake_reset();
		in.seq = 1;
		gate.seq = 2;
		out.seq = 3;
		claims_transition(claims, &in, with_view ? &view : NULL);
		claims_transition(claims, &gate, with_view ? &view : NULL);
		claims_transition(claims, &out, with_view ? &view : NULL);
		for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
			cr_expect_eq(verdict_of(ids[i]), CLAIM_NOT_EXERCISED, "%s", ids[i]);
		claims_free(claims);
	}
}

/* Such a guest may have memory at 7FFE0000h all the same: nobody said that it is the shared page. */
Test(claims_silence, any_page_at_that_address_is_no_evidence)
{
	static const char *const ids[] = { "C20", "C101", "C105", "C110" };
	struct transition in = scene_syscall(), gate = scene_int2e();

	set_stage();
	fake_reset();
	fake_map(SHARED_USER, 2, true, true);
	in.seq = 1;
	gate.seq = 2;
	claims_transition(claims, &in, &view);
	claims_transition(claims, &gate, &view);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		cr_expect_eq(verdict_of(ids[i]), CLAIM_NOT_EXERCISED, "%s", ids[i]);
	claims_free(claims);
}

/* A kernel of its own making, with stubs as anybody would write them: nothing there is Windows' doing. */
Test(claims_silence, another_system_is_no_evidence)
{
	static const char *const ids[] = {
		"C11", "C58", "C77", "C89", "C90", "C91", "C93", "C101", "C104", "C105", "C106", "C107", "C108", "C109",
		"C110", "C131", "C133", "C134",
	};
	struct transition play[] = {
		scene_msr(GATE_WRMSR, 0xc0000081, 0x001b001000000000), scene_syscall(), scene_sysret(2),
		compat_syscall(), scene_page_fault(SHARED_KERNEL, 5), scene_page_fault(SHARED_USER, 7),
	};

	set_stage();
	fake_symbol_count = 0;
	fake_page(SHARED_KERNEL)->linear = 0x1000;
	for (size_t i = 0; i < sizeof(play) / sizeof(play[0]); i++) {
		play[i].seq = i + 1;
		play[i].before.cs.selector ^= 8;
		claims_transition(claims, &play[i], &view);
	}
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		cr_expect_eq(verdict_of(ids[i]), CLAIM_NOT_EXERCISED, "%s", ids[i]);
	/* What is the processor's is. */
	cr_expect_eq(verdict_of("C84"), CLAIM_HELD);
	claims_free(claims);
}

static void play32(struct guest_view *v)
{
	struct transition in = scene32_sysenter(), inside, out;

	in.seq = 1;
	claims_transition(claims, &in, v);
	scene32_frame(&in, ESP32 + 8);
	inside = scene32_inside();
	inside.seq = 2;
	claims_transition(claims, &inside, v);
	out = scene32_return(GATE_SYSEXIT, &in);
	out.seq = 3;
	claims_transition(claims, &out, v);
}

static void expect_only(const char *speak, const char *where)
{
	const struct claim *c;
	size_t count;

	c = claims_catalogue(&count);
	for (size_t i = 0; i < count; i++) {
		char word[16];
		bool spoke = claims_result(claims, i).verdict != CLAIM_NOT_EXERCISED;

		snprintf(word, sizeof(word), "%s ", c[i].id);
		cr_expect_eq(spoke, strstr(speak, word) != NULL, "%s: %s %s", where, c[i].id,
			     spoke ? "spoke" : "was silent");
	}
}

/* A 32-bit guest that is no Windows: what the processor does, and nothing of Windows. */
Test(claims_silence, a_32_bit_guest_of_another_kind)
{
	for (int with_view = 0; with_view < 2; with_view++) {
		set_stage();
		scene32_memory();
		fake_symbol_count = 0;
		play32(with_view ? &view : NULL);
		expect_only("C15 C76 C80 ", with_view ? "no symbols" : "no view");
		claims_free(claims);
	}
}

/* Windows' symbols, but row 30h of the GDT is absent or for ring 3. */
Test(claims_silence, no_processor_block)
{
	static const uint64_t rows[] = { 0, UINT64_C(0x8040731100000fff), UINT64_C(0x8040f31100000fff) };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_stage();
		scene32_memory();
		fake_write64(GDT32 + 0x30, rows[i]);
		play32(&view);
		expect_only("C15 C76 C80 ", "row 30h");
		claims_free(claims);
	}
}

/* SYSENTER and INT 2Eh without a stub around them speak for no stub. */
Test(claims_silence, a_bare_32_bit_gate_is_no_stub)
{
	struct transition t = scene32_sysenter();

	set_stage();
	scene32_memory();
	fake_write32(ESP32, CODE32 + 0x900);
	t.seq = 1;
	claims_transition(claims, &t, &view);
	t = scene32_int(CODE32 + 0x902, ESP32, ESP32);
	t.seq = 2;
	claims_transition(claims, &t, &view);
	expect_only("C21 C22 C23 C24 C26 C36 C40 C75 C76 C100 C110 ", "bare");
	claims_free(claims);
}
