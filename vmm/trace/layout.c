/*
 * The tables.  A field is named as in JSON where it is there too, so that who
 * knows the one can read the other.
 */
#include "trace/layout.h"

#include "death/death.h"

static const struct wire_field wire_hidden[] = {        /* of a segment register, SDM vol. 3A, 3.4.3 */
	HEX("base", struct x86_segment, base),
	HEX("limit", struct x86_segment, limit),
	HEX("type", struct x86_segment, type),
	UINT("dpl", struct x86_segment, dpl),
	BOOL("s", struct x86_segment, s),
	BOOL("p", struct x86_segment, p),
	BOOL("l", struct x86_segment, l),
	BOOL("db", struct x86_segment, db),
	BOOL("g", struct x86_segment, g),
	BOOL("unusable", struct x86_segment, unusable),
	{ 0 },
};

static const struct wire_field wire_segment[] = {
	HEX("selector", struct x86_segment, selector),
	{ "hidden", WIRE_STRUCT, .size = sizeof(struct x86_segment), .type = "hidden", .table = wire_hidden },
	{ 0 },
};

static const struct wire_field wire_table[] = {
	HEX("base", struct x86_table, base),
	HEX("limit", struct x86_table, limit),
	{ 0 },
};

static const struct wire_field wire_msrs[] = {
	HEX("star", struct x86_gate_msrs, star),
	HEX("lstar", struct x86_gate_msrs, lstar),
	HEX("cstar", struct x86_gate_msrs, cstar),
	HEX("fmask", struct x86_gate_msrs, fmask),
	HEX("sysenter_cs", struct x86_gate_msrs, sysenter_cs),
	HEX("sysenter_esp", struct x86_gate_msrs, sysenter_esp),
	HEX("sysenter_eip", struct x86_gate_msrs, sysenter_eip),
	HEX("kernel_gs_base", struct x86_gate_msrs, kernel_gs_base),
	{ 0 },
};

static const struct wire_field wire_state[] = {
	HEX("rip", struct x86_state, rip),
	HEX("rsp", struct x86_state, gpr[GPR_RSP]),
	HEX("rflags", struct x86_state, rflags),
	HEX("cs", struct x86_state, cs.selector),
	HEX("ss", struct x86_state, ss.selector),
	UINT("cpl", struct x86_state, cpl),
	HEX("rax", struct x86_state, gpr[GPR_RAX]),
	HEX("rbx", struct x86_state, gpr[GPR_RBX]),
	HEX("rcx", struct x86_state, gpr[GPR_RCX]),
	HEX("rdx", struct x86_state, gpr[GPR_RDX]),
	HEX("rsi", struct x86_state, gpr[GPR_RSI]),
	HEX("rdi", struct x86_state, gpr[GPR_RDI]),
	HEX("rbp", struct x86_state, gpr[GPR_RBP]),
	HEX("r8", struct x86_state, gpr[GPR_R8]),
	HEX("r9", struct x86_state, gpr[GPR_R9]),
	HEX("r10", struct x86_state, gpr[GPR_R10]),
	HEX("r11", struct x86_state, gpr[GPR_R11]),
	HEX("r12", struct x86_state, gpr[GPR_R12]),
	HEX("r13", struct x86_state, gpr[GPR_R13]),
	HEX("r14", struct x86_state, gpr[GPR_R14]),
	HEX("r15", struct x86_state, gpr[GPR_R15]),
	STRUCT("cs_hidden", struct x86_state, cs, hidden),
	STRUCT("ss_hidden", struct x86_state, ss, hidden),
	STRUCT("ds", struct x86_state, ds, segment),
	STRUCT("es", struct x86_state, es, segment),
	STRUCT("fs", struct x86_state, fs, segment),
	STRUCT("gs", struct x86_state, gs, segment),
	STRUCT("tr", struct x86_state, tr, segment),
	STRUCT("ldtr", struct x86_state, ldtr, segment),
	STRUCT("gdtr", struct x86_state, gdtr, table),
	STRUCT("idtr", struct x86_state, idtr, table),
	HEX("cr0", struct x86_state, cr0),
	HEX("cr2", struct x86_state, cr2),
	HEX("cr3", struct x86_state, cr3),
	HEX("cr4", struct x86_state, cr4),
	HEX("efer", struct x86_state, efer),
	STRUCT("msr", struct x86_state, msr, msrs),
	{ 0 },
};

static const struct wire_field wire_descriptor[] = {
	BOOL("valid", struct raw_descriptor, valid),
	HEX("lo", struct raw_descriptor, lo),
	HEX("hi", struct raw_descriptor, hi),
	{ 0 },
};

static const char *kind_name(unsigned kind)
{
	return gate_kind_name((enum gate_kind)kind);
}

static const char *far_name(unsigned far)
{
	static const char *const names[] = { [FAR_JMP] = "jmp", [FAR_CALL] = "call", [FAR_RET] = "ret" };

	return names[far];
}

static const struct wire_field wire_gate[] = {
	ENUM("kind", struct gate, kind, GATE_KINDS, kind_name),
	UINT("length", struct gate, length),
	UINT("operand_size", struct gate, operand_size),
	ENUM("far", struct gate, far, FAR_RET + 1, far_name),
	HEX("far_selector", struct gate, far_selector),
	HEX("far_offset", struct gate, far_offset),
	UINT("far_release", struct gate, far_release),
	UINT("vector", struct gate, vector),
	BOOL("has_error", struct gate, has_error),
	HEX("error", struct gate, error),
	STRUCT("idt", struct gate, idt, descriptor),
	STRUCT("code", struct gate, target, descriptor),
	STRUCT("stack", struct gate, target_ss, descriptor),
	BOOL("tss_valid", struct gate, tss_valid),
	HEX("tss_rsp", struct gate, tss_rsp),
	HEX("tss_ss", struct gate, tss_ss),
	HEX_LIST("popped", struct gate, popped, popped_count),
	{ 0 },
};

static const struct wire_field wire_frame[] = {
	HEX("address", struct frame, address),
	UINT("word_size", struct frame, word_size),
	UINT("words", struct frame, count),
	BOOL("has_error", struct frame, has_error),
	HEX("error", struct frame, error),
	HEX("rip", struct frame, rip),
	HEX("cs", struct frame, cs),
	HEX("rflags", struct frame, rflags),
	HEX("rsp", struct frame, rsp),
	HEX("ss", struct frame, ss),
	{ 0 },
};

static const struct wire_field wire_memory[] = {
	HEX("address", struct memory_sample, address),
	BYTE_LIST("before", struct memory_sample, before, size),
	BYTE_LIST("after", struct memory_sample, after, size),
	{ 0 },
};

static const struct wire_field wire_service[] = {
	BOOL("is_32bit", struct service, is_32bit),
	UINT("number", struct service, number),
	UINT("table", struct service, table),
	UINT("index", struct service, index),
	TEXT("name", struct service, name),
	HEX_LIST("args", struct service, args, arg_count),
	{ 0 },
};

static const struct wire_field wire_call_string[] = {
	UINT("argument", struct call_string, argument),
	BOOL("cut", struct call_string, cut),
	CHARS("text", struct call_string, text),
	{ 0 },
};

static const struct wire_field wire_way_out[] = {
	UINT("signal", struct way_out, signal),
	HEX("rip", struct way_out, rip),
	HEX("rsp", struct way_out, rsp),
	HEX("rax", struct way_out, rax),
	BOOL("program", struct way_out, program),
	STRUCT("file", struct way_out, file, call_string),
	BOOL("at_int80", struct way_out, at_int80),
	{ 0 },
};

static const struct wire_field wire_field_name[] = {
	TEXT("structure", struct field_name, structure),
	TEXT("field", struct field_name, field),
	{ 0 },
};

static const char *kernel_name(unsigned kernel)
{
	static const char *const names[] = {
		[KERNEL_UNKNOWN] = "unknown", [KERNEL_WINDOWS] = "windows", [KERNEL_LINUX] = "linux",
	};

	return names[kernel];
}

static const char *way_name(unsigned way)
{
	static const char *const names[] = {
		[RETURN_PLAIN] = "plain", [RETURN_SIGNAL] = "signal", [RETURN_CHILD] = "child",
		[RETURN_PROGRAM] = "program",
		[RETURN_RESUMED] = "resumed", [RETURN_MOVED] = "moved",
	};

	return names[way];
}

/* Bits that the tracer lent are cleared before: they are no observation. */
const struct wire_field wire_transition[] = {
	UINT("seq", struct transition, seq),
	TEXT("symbol", struct transition, symbol),
	TEXT("target", struct transition, target),
	STRUCT("gate", struct transition, gate, gate),
	STRUCT("before", struct transition, before, state),
	STRUCT("after", struct transition, after, state),
	BOOL("faulted", struct transition, faulted),
	OPTIONAL("delivery", struct transition, delivery, faulted, gate),
	OPTIONAL("frame", struct transition, frame, frame.count, frame),
	OPTIONAL("user_stack", struct transition, user_stack, user_stack.address, memory),
	HEX("msr_index", struct transition, msr_index),
	HEX("msr_value", struct transition, msr_value),
	HEX("msr_readback", struct transition, msr_readback),
	BOOL("msr_exit", struct transition, msr_exit),
	HEX("rflags_lent", struct transition, rflags_lent),
	HEX("r11_lent", struct transition, r11_lent),
	HEX("frame_rflags_lent", struct transition, frame_rflags_lent),
	HEX("unseen", struct transition, unseen),
	ENUM("kernel", struct transition, kernel, KERNEL_LINUX + 1, kernel_name),
	OPTIONAL("service", struct transition, service, service.valid, service),
	LIST("strings", struct transition, strings, string_count, call_string),
	STRUCT("out", struct transition, out, way_out),
	UINT("entry", struct transition, entry),
	ENUM("way", struct transition, way, RETURN_MOVED + 1, way_name),
	BOOL("again", struct transition, again),
	HEX("result", struct transition, result),
	ENUM("unpaired", struct transition, unpaired, UNPAIRED_PERHAPS + 1, NULL),
	HEXES("rivals", struct transition, rivals),
	UINT("rival_count", struct transition, rival_count),
	ARRAY("named", struct transition, named, field_name),
	{ 0 },
};

static const char *fact_name(unsigned kind)
{
	return kind == FACT_READ ? "read" : "map";
}

static const char *side_name(unsigned side)
{
	return side == SIDE_BEFORE ? "before" : "after";
}

static const struct wire_field wire_mapping[] = {
	HEX("gpa", struct mapping, gpa),
	HEX("page_size", struct mapping, page_size),
	BOOL("user", struct mapping, user),
	BOOL("writable", struct mapping, writable),
	BOOL("nx", struct mapping, nx),
	{ 0 },
};

static const struct wire_field wire_fact[] = {
	ENUM("kind", struct fact, kind, FACT_KINDS, fact_name),
	ENUM("side", struct fact, side, SIDES, side_name),
	BOOL("found", struct fact, found),
	HEX("address", struct fact, address),
	OPTIONAL("mapping", struct fact, mapping, mapped, mapping),
	UINT("wanted", struct fact, wanted),
	BYTES("bytes", struct fact, bytes, size),
	{ 0 },
};

const struct wire_field wire_facts[] = {
	LIST("evidence", struct facts, fact, count, fact),
	{ 0 },
};

static const char *question_name(unsigned question)
{
	static const char *const names[] = {
		[SYMBOL_ADDRESS] = "address", [SYMBOL_NAME] = "name", [SYMBOL_TEXT] = "text", [SYMBOL_SERVICE] = "service",
	};

	return names[question];
}

const struct wire_field wire_symbol[] = {
	ENUM("question", struct symbol_fact, question, SYMBOL_QUESTIONS, question_name),
	BOOL("found", struct symbol_fact, found),
	HEX("address", struct symbol_fact, address),
	TEXT("name", struct symbol_fact, name),
	UINT("arguments", struct symbol_fact, arguments),
	{ 0 },
};

static const char *vendor_name(unsigned vendor)
{
	return vendor == VENDOR_AMD ? "amd" : "intel";
}

static const char *emulator_name(unsigned emulator)
{
	static const char *const names[] = {
		[EMULATOR_NONE] = "none", [EMULATOR_QEMU] = "qemu", [EMULATOR_BOCHS] = "bochs",
	};

	return names[emulator];
}

const struct wire_field wire_header[] = {
	TEXT("guest", struct recorded_header, header.guest),
	TEXT("engine", struct recorded_header, header.engine),
	TEXT("processor", struct recorded_header, header.processor),
	TEXT("watch", struct recorded_header, header.watch),
	BOOL("returns", struct recorded_header, header.returns),
	UINT("cpus", struct recorded_header, header.cpus),
	TEXT("provenance", struct recorded_header, header.provenance),
	ENUM("vendor", struct recorded_header, context.vendor, VENDOR_AMD + 1, vendor_name),
	ENUM("emulator", struct recorded_header, context.emulator, EMULATOR_BOCHS + 1, emulator_name),
	ENUM("kernel", struct recorded_header, kernel, KERNEL_LINUX + 1, kernel_name),
	{ 0 },
};

static const char *severity_name(unsigned severity)
{
	return lint_severity_name((enum lint_severity)severity);
}

const struct wire_field wire_finding[] = {
	UINT("seq", struct finding, seq),
	UINT("cpu_of", struct finding, cpu),
	TEXT("id", struct finding, id),
	TEXT("name", struct finding, name),
	ENUM("severity", struct finding, severity, LINT_NOTE + 1, severity_name),
	HEX("rip", struct finding, rip),
	TEXT("symbol", struct finding, symbol),
	BOOL("has_value", struct finding, has_value),
	HEX("value", struct finding, value),
	BOOL("has_expected", struct finding, has_expected),
	HEX("expected", struct finding, expected),
	TEXT("vendor", struct finding, vendor),
	CHARS("text", struct finding, text),
	TEXT("source", struct finding, source),
	{ 0 },
};

static const struct wire_field wire_ring[] = {
	UINT("calls", struct ring_account, calls),
	UINT("recorded", struct ring_account, recorded),
	BOOL("has_returns", struct ring_account, has_returns),
	UINT("returns", struct ring_account, returns),
	UINT("returns_changed", struct ring_account, returns_changed),
	UINT("returns_left", struct ring_account, returns_left),
	UINT("exits", struct ring_account, exits),
	UINT("lost", struct ring_account, lost),
	UINT("moved", struct ring_account, moved),
	UINT("mapped_late", struct ring_account, mapped_late),
	CHARS("fallback", struct ring_account, fallback),
	{ 0 },
};

const struct wire_field wire_batch[] = {
	UINT("seq", struct recorded_batch, seq),
	HEX("cr0", struct recorded_batch, cr0),
	HEX("efer", struct recorded_batch, efer),
	HEX("sysenter_esp", struct recorded_batch, sysenter_esp),
	{ 0 },
};

const struct wire_field wire_end[] = {
	TEXT("end", struct recorded_end, end),
	UINT("code", struct recorded_end, code),
	TEXT("account", struct recorded_end, account),
	UINT("free_runs", struct recorded_end, free_runs),
	UINT("status", struct recorded_end, status),
	BOOL("has_ring", struct recorded_end, has_ring),
	OPTIONAL("ring", struct recorded_end, ring, has_ring, ring),
	{ 0 },
};

/* --- why the guest died --- */

static const struct wire_field wire_blame[] = {
	ENUM("kind", struct blame, kind, BLAME_REGISTER + 1, NULL),
	CHARS("name", struct blame, name),
	BOOL("has_address", struct blame, has_address),
	HEX("address", struct blame, address),
	HEX("value", struct blame, value),
	HEX("high", struct blame, high),
	BOOL("wide", struct blame, wide),
	CHARS("decoded", struct blame, decoded),
	{ 0 },
};

static const struct wire_field wire_reason[] = {
	BOOL("raised", struct reason, raised),
	UINT("vector", struct reason, vector),
	BOOL("has_error", struct reason, has_error),
	BOOL("has_cr2", struct reason, has_cr2),
	HEX("error", struct reason, error),
	HEX("cr2", struct reason, cr2),
	ENUM("cause", struct reason, cause, CAUSE_TSS_LIMIT + 1, NULL),
	ENUM("subject", struct reason, subject, SUBJECT_HANDLER + 1, NULL),
	HEX("address", struct reason, address),
	HEX("selector", struct reason, selector),
	BOOL("names_ss", struct reason, names_ss),
	CHARS("why", struct reason, why),
	UINT("brief", struct reason, brief),
	STRUCT("blame", struct reason, blame, blame),
	{ 0 },
};

static const struct wire_field wire_link[] = {
	ENUM("kind", struct link, kind, LINK_SHUTDOWN + 1, NULL),
	UINT("seq", struct link, seq),
	HEX("rip", struct link, rip),
	TEXT("symbol", struct link, symbol),
	UINT("cpl", struct link, cpl),
	CHARS("text", struct link, text),
	UINT("vector", struct link, vector),
	BOOL("has_error", struct link, has_error),
	BOOL("has_cr2", struct link, has_cr2),
	HEX("error", struct link, error),
	HEX("cr2", struct link, cr2),
	BOOL("entered", struct link, entered),
	BOOL("seen", struct link, seen),
	STRUCT("reason", struct link, reason, reason),
	BOOL("doubled", struct link, doubled),
	CHARS("note", struct link, note),
	{ 0 },
};

static const struct wire_field wire_chain[] = {
	LIST("links", struct chain, link, count, link),
	BOOL("shutdown", struct chain, shutdown),
	BOOL("no_instruction", struct chain, no_instruction),
	{ 0 },
};

static const struct wire_field wire_source[] = {
	CHARS("file", struct source_line, file),
	UINT("line", struct source_line, line),
	{ 0 },
};

static const struct wire_field wire_code[] = {
	HEX("rip", struct disassembled, rip),
	HEX("linear", struct disassembled, linear),
	BYTE_LIST("bytes", struct disassembled, bytes, length),
	CHARS("text", struct disassembled, text),
	TEXT("symbol", struct disassembled, symbol),
	STRUCT("source", struct disassembled, source, source),
	BOOL("here", struct disassembled, here),
	BOOL("gap", struct disassembled, gap),
	{ 0 },
};

static const struct wire_field wire_record[] = {
	UINT("seq", struct record, seq),
	UINT("cpu_of", struct record, cpu),
	ENUM("kind", struct record, kind, GATE_KINDS, kind_name),
	BOOL("exception", struct record, exception),
	UINT("vector", struct record, vector),
	BOOL("has_error", struct record, has_error),
	HEX("error", struct record, error),
	HEX("cr2", struct record, cr2),
	HEX("rip", struct record, rip),
	HEX("target", struct record, target),
	TEXT("symbol", struct record, symbol),
	TEXT("target_symbol", struct record, target_symbol),
	HEX("rsp", struct record, rsp),
	HEX("target_rsp", struct record, target_rsp),
	UINT("cpl", struct record, cpl),
	UINT("target_cpl", struct record, target_cpl),
	HEX("msr", struct record, msr),
	HEX("value", struct record, value),
	{ 0 },
};

static const struct wire_field wire_recorded_finding[] = {
	CHARS("id", struct recorded_finding, id),
	CHARS("name", struct recorded_finding, name),
	CHARS("text", struct recorded_finding, text),
	{ 0 },
};

const struct wire_field wire_death[] = {
	TEXT("end", struct death, end),
	UINT("cpu_of", struct death, cpu),
	BOOL("note", struct death, note),
	BOOL("rerun", struct death, rerun),
	UINT("rerun_from", struct death, rerun_from),
	TEXT("rerun_failed", struct death, rerun_failed),
	STRUCT("chain", struct death, chain, chain),
	ARRAY("sources", struct death, source, source),
	STRUCT("blame", struct death, blame, blame),
	LIST("code", struct death, line, line_count, code),
	LIST("gates", struct death, gate, gate_count, record),
	STRUCT("finding", struct death, finding, recorded_finding),
	CHARS("sentence", struct death, sentence),
	{ 0 },
};

#define TYPE(name) { #name, wire_##name }
const struct wire_type wire_types[] = {
	TYPE(hidden), TYPE(segment), TYPE(table), TYPE(msrs), TYPE(state), TYPE(descriptor), TYPE(gate), TYPE(frame),
	TYPE(memory), TYPE(service), TYPE(call_string), TYPE(way_out), TYPE(field_name), TYPE(mapping), TYPE(fact),
	TYPE(ring),
	TYPE(blame), TYPE(reason), TYPE(link), TYPE(chain), TYPE(source), TYPE(code), TYPE(record), TYPE(recorded_finding),
	{ 0 },
};
