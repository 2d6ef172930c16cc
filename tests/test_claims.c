/*
 * Every predicate of the claims, driven both ways by transitions made by hand:
 * what a faithful processor under a Windows-like guest does, and the same with
 * one thing changed.
 */
#include "claims_changes.h"
#include "claims_plays.h"
#include "claims_plays32.h"

#define HELD CLAIM_HELD
#define REFUTED CLAIM_REFUTED
#define SILENT CLAIM_NOT_EXERCISED

#include "claims_rows32.h"

static const struct row rows[] = {
	{ "C04", round_trip, NULL, HELD }, { "C04", round_trip, invalid_service, REFUTED },
	{ "C04", call_past_the_limit, NULL, HELD }, { "C04", call_past_the_limit, served, REFUTED },
	{ "C04", call_win32k, NULL, HELD }, { "C04", syscall_play, NULL, SILENT },
	{ "C11", syscall_play, NULL, HELD }, { "C11", syscall_play, other_twin, REFUTED },
	{ "C15", round_trip, NULL, HELD }, { "C15", round_trip, cpl, REFUTED },
	{ "C15", syscall_play, NULL, SILENT }, { "C15", syscall_play, cpl, REFUTED },
	{ "C15", sysret_play, NULL, SILENT }, { "C15", round_trip, faulted, SILENT },
	{ "C20", int_play, NULL, HELD }, { "C20", int_play, handler, REFUTED },
	{ "C20", int_play, trap_gate, REFUTED }, { "C20", int_play, gate_dpl0, REFUTED },
	{ "C20", int_play, rflags, REFUTED }, { "C20", syscall_play, NULL, SILENT },
	{ "C21", int_play, NULL, HELD }, { "C21", int_play, frame_rip, REFUTED },
	{ "C21", int_play, frame_cs, REFUTED },
	{ "C22", int_play, NULL, HELD }, { "C22", int_play, tss, REFUTED }, { "C22", int_play, rsp, REFUTED },
	{ "C22", write_shared, NULL, HELD }, { "C22", write_shared, rsp, REFUTED },
	{ "C22", int_play32, NULL, HELD }, { "C22", int_play32, rsp, REFUTED }, { "C22", int_play32, ss, REFUTED },
	{ "C23", int_play, NULL, HELD }, { "C23", int_play, frame_ss, REFUTED },
	{ "C23", int_play, frame_rsp, REFUTED }, { "C23", int_play, frame_flags, REFUTED },
	{ "C23", int_play, frame_cs, REFUTED }, { "C23", int_play, frame_rip, REFUTED },
	{ "C23", int_play, frame_elsewhere, REFUTED },
	{ "C24", int_play, NULL, REFUTED }, { "C24", int_play, push_on_user_stack, HELD },
	{ "C24", int_play, user_stack, REFUTED },
	{ "C26", int_play, NULL, HELD }, { "C26", int_play, idt, REFUTED }, { "C26", int_play, rip, REFUTED },
	{ "C26", int_without_dpl, NULL, HELD }, { "C26", int_without_dpl, error_of_other, REFUTED },
	{ "C26", int_without_dpl, gate_absent, HELD }, { "C26", int_without_dpl, other_fault, SILENT },
	{ "C26", int_without_dpl, no_idt_bit, SILENT }, { "C26", int_play32, NULL, HELD },
	{ "C26", int_play32, rip, REFUTED },
	{ "C36", int_play, NULL, HELD }, { "C36", int_play, frame_cs, REFUTED }, { "C36", write_shared, NULL, HELD },
	{ "C51", call_win32k, NULL, HELD }, { "C51", call_win32k, invalid_service, REFUTED },
	{ "C51", round_trip, NULL, SILENT }, { "C51", call_win32k, no_gui_table, REFUTED },
	{ "C51", call_win32k, one_table_twice, REFUTED },
	{ "C55", call_past_the_limit, NULL, HELD }, { "C55", call_past_the_limit, served, REFUTED },
	{ "C55", call_in_the_limit, NULL, SILENT }, { "C55", call_in_the_limit, invalid_service, REFUTED },
	{ "C55", call_win32k, NULL, REFUTED }, { "C55", call_win32k_as_gui_thread, NULL, SILENT },
	{ "C58", read_on_kernel_stack, NULL, HELD }, { "C58", read_on_kernel_stack, served, REFUTED },
	{ "C58", read_on_kernel_stack, invalid_service, REFUTED }, { "C58", read_on_user_stack, NULL, SILENT },
	{ "C58", read_on_no_stack, NULL, SILENT }, { "C58", call_without_stack_arguments, NULL, SILENT },
	{ "C58", call_at_the_probe_address, NULL, HELD }, { "C58", call_below_the_probe_address, NULL, SILENT },
	{ "C60", int_play, NULL, HELD }, { "C60", int_play, rsp, REFUTED },
	{ "C60", int_play32, NULL, HELD }, { "C60", int_play32, rsp, REFUTED },
	{ "C70", sysenter_play, NULL, HELD }, { "C70", sysenter_play, rip, REFUTED },
	{ "C70", sysenter_play, rsp, REFUTED }, { "C70", sysenter_play, cs, REFUTED },
	{ "C70", sysenter_with_two_msrs, NULL, SILENT },
	{ "C77", syscall_play, NULL, HELD }, { "C77", sysret_play, NULL, HELD },
	{ "C77", sysenter_play, NULL, REFUTED }, { "C77", int_play, NULL, SILENT },
	{ "C80", write_star, NULL, HELD }, { "C80", write_star, readback, REFUTED },
	{ "C80", read_star, NULL, HELD }, { "C80", read_star, rdx, REFUTED },
	{ "C80", write_efer, NULL, HELD }, { "C80", write_efer, readback, REFUTED },
	{ "C81", read_unimplemented, NULL, HELD }, { "C81", read_unimplemented, no_fault, REFUTED },
	{ "C81", read_unimplemented, fault_code, REFUTED }, { "C81", write_unimplemented, NULL, HELD },
	{ "C81", read_star, NULL, SILENT },
	{ "C82", syscall_play, NULL, HELD }, { "C82", syscall_play, rip, REFUTED },
	{ "C82", syscall_play, rcx, REFUTED }, { "C82", syscall_play, r11, REFUTED },
	{ "C82", syscall_play, rflags, REFUTED }, { "C82", syscall_play, lent_tf, HELD },
	{ "C82", syscall_play, compat, SILENT }, { "C82", syscall_play, no_status_flags, REFUTED },
	{ "C83", syscall_play, NULL, HELD }, { "C83", syscall_play, cs, REFUTED },
	{ "C83", syscall_play, ss, REFUTED },
	{ "C84", syscall_play, NULL, HELD }, { "C84", syscall_play, rsp, REFUTED },
	{ "C84", syscall_play, user_stack, REFUTED },
	{ "C85", sysret_play, NULL, HELD }, { "C85", sysret_play, rip, REFUTED },
	{ "C85", sysret_play, rflags, REFUTED }, { "C85", sysret_play, r11_before, REFUTED },
	{ "C85", sysret_play, lent_tf, HELD },
	{ "C86", sysret32_play, NULL, HELD }, { "C86", sysret32_play, cs, REFUTED },
	{ "C86", sysret32_play, ss_rpl0, REFUTED }, { "C86", sysret_play, NULL, SILENT },
	{ "C87", sysret_play, NULL, HELD }, { "C87", sysret_play, cs, REFUTED },
	{ "C87", sysret_play, ss_rpl0, REFUTED }, { "C87", sysret32_play, NULL, SILENT },
	{ "C88", sysret_play, NULL, HELD }, { "C88", sysret_play, rsp, REFUTED },
	{ "C89", write_star, NULL, HELD }, { "C89", write_star, star_1b, REFUTED },
	{ "C89", read_star, NULL, HELD }, { "C89", read_star, star_1b, REFUTED },
	{ "C89", write_efer, NULL, SILENT },
	{ "C90", syscall_play, NULL, HELD }, { "C90", syscall_play, user_cs, REFUTED },
	{ "C90", syscall_play, user_ss, REFUTED }, { "C90", syscall_play, compat, HELD },
	{ "C90", syscall_play, compat_cs, REFUTED }, { "C90", sysret_play, NULL, SILENT },
	{ "C91", thunked_call, NULL, HELD }, { "C91", thunked_call, compat, REFUTED },
	{ "C91", int_play, compat, REFUTED }, { "C91", syscall_play, NULL, SILENT },
	{ "C91", call_after_going_back, NULL, SILENT }, { "C91", call_of_another_process, NULL, SILENT },
	{ "C93", syscall_play, NULL, HELD }, { "C93", syscall_play, r10_before, REFUTED },
	{ "C93", syscall_play, r10_after, REFUTED },
	{ "C101", syscall_play, NULL, HELD }, { "C101", syscall_play, kernel_page_elsewhere, REFUTED },
	{ "C101", int_play, kernel_page_gone, REFUTED },
	{ "C104", syscall_play, NULL, HELD }, { "C104", int_play, NULL, HELD },
	{ "C104", syscall_play, tests_300, REFUTED },
	{ "C105", syscall_play, NULL, REFUTED }, { "C105", number_in_the_page, NULL, HELD },
	{ "C105", number_in_the_page, value_in_page, REFUTED },
	{ "C106", syscall_play, NULL, HELD }, { "C106", syscall_play, value_one, REFUTED },
	{ "C106", syscall_play, value_in_page, HELD }, { "C106", int_with_one, NULL, HELD },
	{ "C106", int_play, NULL, REFUTED }, { "C106", int_play, value_three, REFUTED },
	{ "C106", int_with_one, vector_80, REFUTED },
	{ "C107", syscall_play, NULL, HELD }, { "C107", syscall_play, relative_test, REFUTED },
	{ "C107", syscall_play, tests_300, SILENT },
	{ "C108", read_kernel_alias, NULL, HELD }, { "C108", syscall_play, kernel_page_for_users, REFUTED },
	{ "C108", syscall_play, NULL, SILENT },
	{ "C109", syscall_play, NULL, REFUTED }, { "C109", syscall_play, stub_in_page, HELD },
	{ "C110", syscall_play, NULL, HELD }, { "C110", syscall_play, user_page_writable, REFUTED },
	{ "C110", syscall_play, user_page_hidden, REFUTED }, { "C110", write_shared, NULL, HELD },
	{ "C110", write_shared, error_6, REFUTED }, { "C110", write_shared, error_5, REFUTED },
	{ "C131", read_file, NULL, HELD }, { "C131", read_file, block_unmapped, REFUTED },
	{ "C131", read_file, block_empty, REFUTED }, { "C131", read_file, block_too_much, REFUTED },
	{ "C131", read_file, invalid_service, SILENT },
	{ "C131", write_file, NULL, HELD }, { "C131", create_file, NULL, SILENT },
	{ "C131", read_nothing, NULL, SILENT }, { "C131", call_win32k, NULL, SILENT },
	{ "C132", after_a_recorded_call, NULL, HELD }, { "C132", after_a_recorded_call, record_microsoft, REFUTED },
	{ "C132", read_star, NULL, SILENT },
	{ "C133", syscall_play, NULL, HELD }, { "C133", syscall_play, misaligned, REFUTED },
	{ "C133", syscall_play, called_by_register, HELD }, { "C133", syscall_play, called_by_memory, HELD },
	{ "C133", syscall_play, not_called, SILENT }, { "C133", syscall_play, other_number, SILENT },
	{ "C134", syscall_play, NULL, HELD }, { "C134", syscall_play, releases, REFUTED },
	{ "C134", int_play, NULL, HELD },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct row *row_at(size_t i)
{
	return i < ROWS ? &rows[i] : &rows32[i - ROWS];
}

Test(claims, every_predicate_both_ways)
{
	for (size_t i = 0; i < ROWS + ROWS32; i++) {
		const struct row *r = row_at(i);
		struct claim_result result;

		set_stage();
		change = r->change;
		r->play();
		result = claims_result(claims, index_of(r->id));
		cr_expect_eq(result.verdict, r->verdict, "row %zu, %s: %s, expected %s", i, r->id,
			     claim_verdict_name(result.verdict), claim_verdict_name(r->verdict));
		if (r->verdict != SILENT)
			cr_expect(result.event_count > 0 && result.events[result.event_count - 1] == seq,
				  "row %zu, %s: decided elsewhere", i, r->id);
		claims_free(claims);
	}
}

/* No predicate can only hold: the table has both verdicts for each, and none for the others. */
Test(claims, the_table_leaves_no_predicate_out)
{
	const struct claim *c;
	size_t count;

	c = claims_catalogue(&count);
	for (size_t i = 0; i < count; i++) {
		unsigned held = 0, refuted = 0;

		for (size_t j = 0; j < ROWS + ROWS32; j++) {
			if (strcmp(row_at(j)->id, c[i].id) != 0)
				continue;
			held += row_at(j)->verdict == HELD;
			refuted += row_at(j)->verdict == REFUTED;
		}
		cr_expect_eq(claim_has_predicate(c[i].id), held > 0, "%s", c[i].id);
		cr_expect_eq(held > 0, refuted > 0, "%s", c[i].id);
	}
}

/* What an emulator is known to do otherwise is no evidence in the box. */
Test(claims, known_deviations_of_the_box)
{
	emulator = EMULATOR_QEMU;
	set_stage();
	change = no_status_flags;
	syscall_play();
	cr_expect_eq(claims_result(claims, index_of("C82")).verdict, CLAIM_HELD);
	change = error_of_other;
	int_without_dpl();
	cr_expect_eq(claims_result(claims, index_of("C26")).verdict, CLAIM_NOT_EXERCISED);
	change = rflags;
	syscall_play();
	cr_expect_eq(claims_result(claims, index_of("C82")).verdict, CLAIM_REFUTED);
	claims_free(claims);
}

Test(claims, one_contradiction_refutes_for_good)
{
	struct transition bad = scene_sysret(0);
	struct claim_result r;

	set_stage();
	for (int i = 0; i < 20; i++)
		judge(scene_sysret(0));
	r = claims_result(claims, index_of("C88"));
	cr_expect_eq(r.verdict, CLAIM_HELD);
	cr_expect_eq(r.held, 20);
	cr_expect_eq(r.event_count, CLAIM_EVENTS);
	cr_expect_eq(r.events[0], 1);
	bad.after.gpr[GPR_RSP]++;
	judge(bad);
	judge(scene_sysret(0));
	r = claims_result(claims, index_of("C88"));
	cr_expect_eq(r.verdict, CLAIM_REFUTED);
	cr_expect_eq(r.held, 21);
	cr_expect_eq(r.refuted, 1);
	cr_expect_eq(r.event_count, 1);
	cr_expect_eq(r.events[0], 21);
	claims_free(claims);
}

/* The record of a call: each register counts, and only the first event that has it speaks. */
Test(claims, every_register_of_a_recorded_call)
{
	for (unsigned i = 0; i < 6; i++) {
		uint64_t record[8] = { 1, 2, 3, 4, 5, 6, KSTACK, 0 };

		set_stage();
		fake_symbol("KiCallRecord", RECORD);
		record[i] = 0;
		fake_write(RECORD, record, sizeof(record));
		judge(scene_syscall());
		cr_expect_eq(claims_result(claims, index_of("C132")).verdict, CLAIM_NOT_EXERCISED, "not from ring 3");
		judge(scene_msr(GATE_RDMSR, 0xc0000081, 0));
		record[i] = i + 1;
		fake_write(RECORD, record, sizeof(record));
		judge(scene_msr(GATE_RDMSR, 0xc0000081, 0));
		cr_expect_eq(claims_result(claims, index_of("C132")).refuted, 1, "register %u", i);
		cr_expect_eq(claims_result(claims, index_of("C132")).held, 0);
		claims_free(claims);
	}
}
