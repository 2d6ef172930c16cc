/*
 * Plays of 32-bit calls for the tests of claims, and one thing changed in each:
 * the change is done right before the last transition of a play is judged.
 */
#ifndef TESTS_CLAIMS_PLAYS32_H
#define TESTS_CLAIMS_PLAYS32_H

#include "claims_plays.h"
#include "claims_scenes32.h"

static struct transition enter32(struct transition t)
{
	t.seq = judge(t);
	return t;
}

static void by_int32(void) { fake_write32(SHARED_USER + 0x300, BY_INT32); }
static struct transition int_of_wrapper(void) { return scene32_int(BY_INT32 + 4, ESP32, ESP32 + 8); }
/* After scene32_memory(): on its stack lies the caller's EBP. */
static struct transition int_of_stub(void)
{
	struct transition t = scene32_int(DIRECT32 + 11, ESP32, ESP32 + 8);

	fake_write32(ESP32, ESP32 + 0x80);
	t.before.gpr[GPR_RBP] = ESP32;
	return t;
}

/* --- entries --- */
static void fast32(void) { scene32_memory(); judge_changed(scene32_sysenter()); }
static void int32(void) { scene32_memory(); by_int32(); judge_changed(int_of_wrapper()); }
static void direct32(void) { scene32_memory(); judge_changed(int_of_stub()); }

static void ecx32(void)
{
	scene32_memory();
	fake_write32(ESP32, ECX32 + 12);
	judge_changed(scene32_sysenter());
}

static void hidden_rows32(void)
{
	scene32_memory();
	fake_write64(GDT32 + 0x08, 0);
	fake_write64(GDT32 + 0x10, 0);
	judge_changed(scene32_sysenter());
}

static void boot_msr32(void)
{
	struct transition t = scene32_inside();

	scene32_memory();
	t.msr_index = 0x174;
	t.before.gpr[GPR_RCX] = 0x174;
	t.before.gpr[GPR_RAX] = t.msr_readback = 8;
	judge_changed(t);
}

/* --- inside a call --- */
static void inside_fast32(void)
{
	struct transition in;

	scene32_memory();
	in = enter32(scene32_sysenter());
	scene32_frame(&in, ESP32 + 8);
	judge_changed(scene32_inside());
}

static void inside_int32(void)
{
	struct transition in;

	scene32_memory();
	by_int32();
	in = enter32(int_of_wrapper());
	scene32_frame(&in, ESP32 + 8);
	judge_changed(scene32_inside());
}

/* The kernel calls a service itself. */
static void inside_nested32(void)
{
	struct transition in;

	scene32_memory();
	in = enter32(scene32_sysenter());
	scene32_frame(&in, ESP32 + 8);
	fake_write32(THREAD32 + 0x128, FRAME32 - 0x200);
	fake_write32(FRAME32 - 0x200 + 0x6c, 8);
	fake_write32(THREAD32 + 0x13a, 0);
	judge_changed(scene32_inside());
}

/* --- returns --- */
static void return_by(struct transition in, enum gate_kind kind, uint32_t source, uint32_t status)
{
	struct transition out;

	in = enter32(in);
	scene32_frame(&in, source);
	judge(scene32_inside());
	out = scene32_return(kind, &in);
	out.after.gpr[GPR_RAX] = status;
	judge_changed(out);
}

static void sysexit32(void) { scene32_memory(); return_by(scene32_sysenter(), GATE_SYSEXIT, ESP32 + 8, 0); }
static void fast_iret32(void) { scene32_memory(); return_by(scene32_sysenter(), GATE_IRET, ESP32 + 8, 0); }
static void iret32(void)
{
	scene32_memory();
	by_int32();
	return_by(int_of_wrapper(), GATE_IRET, ESP32 + 8, 0);
}

static void sysexit_cs_0b(void)
{
	struct transition in = scene32_sysenter();

	scene32_memory();
	in.before.msr.sysenter_cs = 0x0b;
	return_by(in, GATE_SYSEXIT, ESP32 + 8, 0);
}

static void call_number32(uint32_t number, uint32_t status)
{
	struct transition in = scene32_sysenter();

	in.before.gpr[GPR_RAX] = number;
	return_by(in, GATE_SYSEXIT, ESP32 + 8, status);
}

static void refused32(void) { scene32_memory(); call_number32(0x191, 0xc000001c); }
static void served_with_bit_13(void) { scene32_memory(); call_number32(0x2111, 0); }

/* A GUI call with a batch that waits; the flush clears it. */
static void gui32(void)
{
	struct transition in = scene32_sysenter(), out;

	scene32_memory();
	fake_write32(THREAD32 + 0xbc, SHADOW32);
	fake_write32(TEB32 + 0xf70, 3);
	in.before.gpr[GPR_RAX] = 0x1000;
	in = enter32(in);
	scene32_frame(&in, 0);
	fake_write32(TEB32 + 0xf70, 0);
	fake_write32(THREAD32 + 0x13c, 0x1000);
	out = scene32_return(GATE_SYSEXIT, &in);
	judge_changed(out);
}

/* Parameters at MmUserProbeAddress: nothing but the comparison keeps ring 0 from reading there, */
static void probed32(void)
{
	struct transition in = int_of_wrapper();

	scene32_memory();
	by_int32();
	fake_map(0x7fff0000, 9, false, true);
	in.before.gpr[GPR_RDX] = 0x7fff0000;
	return_by(in, GATE_IRET, 0, 0xc0000005);
}

/* or the copy would fail by itself. */
static void probed_unmapped32(void)
{
	struct transition in = int_of_wrapper();

	scene32_memory();
	by_int32();
	in.before.gpr[GPR_RDX] = 0x7fff0000;
	return_by(in, GATE_IRET, 0, 0xc0000005);
}

static void below_the_probe32(void)
{
	struct transition in = int_of_wrapper();

	scene32_memory();
	by_int32();
	in.before.gpr[GPR_RDX] = 0x7ffeffff;
	return_by(in, GATE_IRET, 0, 0xc0000005);
}

/* A user APC in place of the return, and the context that it interrupts. */
static struct transition to_apc(const struct transition *in)
{
	struct transition out = scene32_return(GATE_IRET, in);

	out.entry = 0;                                  /* it goes back to another place, on another stack */
	out.after.rip = APC32;
	out.after.gpr[GPR_RSP] = ESP32 - 0x400;
	fake_write32(ESP32 - 0x400 + 0x10 + 0xb8, FAST32 + 4);
	fake_write32(ESP32 - 0x400 + 0x10 + 0xc4, ESP32);
	return out;
}

static void apc32(void)
{
	struct transition in;

	scene32_memory();
	in = enter32(scene32_sysenter());
	scene32_frame(&in, ESP32 + 8);
	judge_changed(to_apc(&in));
}

static void after_apc32(void)
{
	struct transition in;

	scene32_memory();
	in = enter32(scene32_sysenter());
	scene32_frame(&in, ESP32 + 8);
	judge(to_apc(&in));
	return_by(scene32_sysenter(), GATE_SYSEXIT, ESP32 + 8, 0);
}

static void yield32(void)
{
	struct transition in;

	scene32_memory();
	in = enter32(scene32_sysenter());
	scene32_frame(&in, ESP32 + 8);
	fake_write32(PCR32 + 0x120 + 0x86c, 1);
	fake_write32(PCR32 + 0x120 + 0x4fc, 2);
	judge_changed(scene32_return(GATE_SYSEXIT, &in));
}

/* CreateFileW, as document 000 follows it. */
static void create_file32(void)
{
	struct transition t = scene32_sysenter();

	scene32_memory();
	t.before.gpr[GPR_RAX] = 0x42;
	fake_write(CODE32 + 0x500, "\xb8\x42\0\0\0\xba\0\x03\xfe\x7f\xff\x12\xc2\x2c\0", 15);
	fake_write(CODE32 + 0x600, "\xe9\xfb\x01\0\0", 5);
	fake_symbol("ntdll.NtCreateFile", CODE32 + 0x500);
	fake_symbol("kernel32.CreateFileW", CODE32 + 0x600);
	fake_symbol("kernelbase.CreateFileW", CODE32 + 0x800);
	fake_symbol("NtCreateFile", READFILE32 + 0x40);
	fake_write32(ESP32, CODE32 + 0x50c);
	judge_changed(t);
}

/* ret 9 behind nine parameters, and where the guest shows what it did to ESP. */
static void ret9_measured(void)
{
	struct transition in, t = scene32_int(CODE32 + 0x700, ESP32 + 4 + 4 + 9, 0);

	scene32_memory();
	in = int_of_stub();
	fake_symbol("app.AfterReadFile", CODE32 + 0x700);
	fake_write(DIRECT32 + 14, "\xc2\x09\0", 3);
	judge(in);
	t.before.gpr[GPR_RAX] = 0x174;
	judge_changed(t);
}

static void conventions32(void)
{
	static const uint32_t results[6] = { 0x123, 0, 0x123, 12, 0x123, 4 };

	scene32_memory();
	fake_symbol("app.CallResults", STACK32 + 0x100);
	judge(scene32_sysenter());
	fake_write(STACK32 + 0x100, results, sizeof(results));
	judge_changed(scene32_sysenter());
}

/* --- changes --- */
#define IN_MEMORY(name, address, value)                                 \
	static void name(struct transition *t)                          \
	{                                                               \
		(void)t;                                                \
		fake_write32(address, value);                           \
	}
IN_MEMORY(frame_err, FRAME32 + 0x64, 7)
IN_MEMORY(frame_ebp, FRAME32 + 0x60, 7)
IN_MEMORY(frame_ebx, FRAME32 + 0x5c, 7)
IN_MEMORY(frame_esi, FRAME32 + 0x58, 7)
IN_MEMORY(frame_edi, FRAME32 + 0x54, 7)
IN_MEMORY(frame_fs, FRAME32 + 0x50, 0x30)
IN_MEMORY(frame_list, FRAME32 + 0x4c, 7)
IN_MEMORY(frame_mode, FRAME32 + 0x48, 0)
IN_MEMORY(frame_chain, FRAME32 + 0x3c, 0)
IN_MEMORY(frame_of_other_call, FRAME32 + 0x74, 0x12345678)
IN_MEMORY(list_kept, PCR32, 0x80140000)
IN_MEMORY(irql_2, PCR32 + 0x24, 2)
IN_MEMORY(mode_kernel, THREAD32 + 0x13a, 0)
IN_MEMORY(trap_frame_elsewhere, THREAD32 + 0x128, FRAME32 + 4)
IN_MEMORY(other_thread, PCR32 + 0x124, THREAD32 + 0x200)
IN_MEMORY(other_prcb, PCR32 + 0x20, PCR32)
IN_MEMORY(other_self, PCR32 + 0x1c, 0)
IN_MEMORY(other_idt, PCR32 + 0x38, 0)
IN_MEMORY(other_gdt, PCR32 + 0x3c, 0)
IN_MEMORY(other_tss, PCR32 + 0x40, 0)
IN_MEMORY(prologue, SERVICE32 + 0x13, 0)
IN_MEMORY(not_counted, PCR32 + 0x6b0, 40)
IN_MEMORY(counted_twice, PCR32 + 0x6b0, 42)
IN_MEMORY(routine_elsewhere, TABLES32 + 4 * NUMBER32, READFILE32 + 4)
IN_MEMORY(eight_parameters, TABLES32 + 0x800 + NUMBER32, 0x20)
IN_MEMORY(table_elsewhere, THREAD32 + 0xbc, PLAIN32 + 0x10)
IN_MEMORY(table_of_gui, THREAD32 + 0xbc, SHADOW32)
IN_MEMORY(batch_left, TEB32 + 0xf70, 3)
IN_MEMORY(number_lost, THREAD32 + 0x13c, 0)
IN_MEMORY(first_lost, THREAD32 + 0x12c, 0)
IN_MEMORY(copy_wrong, FRAME32 - 4, 0)
IN_MEMORY(call_by_address, CALL32 - 3, 0x000000e8)
IN_MEMORY(call_by_eax, CALL32, 0xd0ff)
IN_MEMORY(jump_by_ebx, CALL32, 0xe3ff)
IN_MEMORY(apc_left, THREAD32 + 0x54, 0x10000)
IN_MEMORY(context_lost, ESP32 - 0x400 + 0x10 + 0xb8, 0)
IN_MEMORY(context_esp_lost, ESP32 - 0x400 + 0x10 + 0xc4, 0)
IN_MEMORY(dpc_left, PCR32 + 0x120 + 0x870, 1)
IN_MEMORY(quantum_left, PCR32 + 0x120 + 0x88c, 1)
IN_MEMORY(no_switch, PCR32 + 0x120 + 0x4fc, 0)
IN_MEMORY(no_dpc, PCR32 + 0x120 + 0x86c, 0)
IN_MEMORY(no_sti, EXIT32, 0x350f90)
IN_MEMORY(stub_loads_edx_otherwise, STUB32 + 6, 0x7ffe0308)
IN_MEMORY(stub_ret_9, STUB32 + 13, 9)
IN_MEMORY(wrapper_changed, FAST32, 0x340f9090)
IN_MEMORY(lea_ebp_minus_8, DIRECT32 + 8, 0xcdf8558d)
IN_MEMORY(page_leads_elsewhere, SHARED_USER + 0x300, CODE32 + 0x700)
IN_MEMORY(return_elsewhere, SHARED_USER + 0x304, CODE32 + 0x700)
IN_MEMORY(ticks_torn, SHARED_USER + 0x324, 1)
IN_MEMORY(version_5, SHARED_USER + 0x26c, 5)
IN_MEMORY(not_to_kernelbase, CODE32 + 0x601, 0x300)
IN_MEMORY(caller_elsewhere, ESP32 + 4, CODE32 + 0x105)
IN_MEMORY(cdecl_cleans, STACK32 + 0x104, 12)
IN_MEMORY(stdcall_leaves, STACK32 + 0x10c, 0)
IN_MEMORY(fastcall_by_stack, STACK32 + 0x114, 12)
IN_MEMORY(other_order, STACK32 + 0x100, 0x321)
IN_MEMORY(one_result_missing, STACK32 + 0x110, 0)
#undef IN_MEMORY

static void nine_released(struct transition *t) { t->before.gpr[GPR_RSP] = ESP32 + 4 + 4 + 36; }
static void edx32(struct transition *t) { t->before.gpr[GPR_RDX] -= 4; }
static void number_152(struct transition *t)
{
	fake_write32(TABLES32 + 4 * 152, READFILE32);
	fake_write32(STUB32 + 1, 152);
	t->before.gpr[GPR_RAX] = 152;
}
static void other_service_152(struct transition *t)
{
	number_152(t);
	fake_write32(TABLES32 + 4 * 152, READFILE32 + 4);
}
static void fs_user(struct transition *t) { t->before.fs.selector = 0x3b; }
static void fs_base(struct transition *t) { t->before.fs.base = TEB32; }
static void esp_above(struct transition *t) { t->before.gpr[GPR_RSP] = ESP0_32; }
static void eip32(struct transition *t) { t->after.rip += 2; }
static void esp32(struct transition *t) { t->after.gpr[GPR_RSP] += 4; }
static void ebx32(struct transition *t) { t->after.gpr[GPR_RBX]++; }
static void if_on(struct transition *t) { t->before.rflags |= 0x200; }
static void msr_0b(struct transition *t) { t->msr_readback = 0x0b; }
static void page_apart(struct transition *t) { (void)t; fake_page(SHARED_KERNEL32)->map.gpa += 0x1000; }
static void user_page_writable32(struct transition *t) { (void)t; fake_page(SHARED_USER)->map.writable = true; }
static void invalid32(struct transition *t) { t->after.gpr[GPR_RAX] = 0xc000001c; }
static void success32(struct transition *t) { t->after.gpr[GPR_RAX] = 0; }
static void stub_in_page32(struct transition *t)
{
	(void)t;
	fake_write(SHARED_USER + 0x400, fake_page(STUB32)->bytes, 15);
	fake_write32(ESP32, (uint32_t)SHARED_USER + 0x40c);
}
static void sysenter_refused(struct transition *t)
{
	t->faulted = true;
	t->delivery = (struct gate){ .kind = GATE_FAULT, .vector = 13, .has_error = true };
}

#endif
