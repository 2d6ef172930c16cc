/*
 * The text sink: columns, widths, and what a person must not miss.
 */
#include "sample_trace.h"
#include "sink/pen.h"

#include <criterion/criterion.h>
#include <ctype.h>

static char *render(void (*write)(struct sink *), unsigned width, bool colour)
{
	const struct sink_options options = { .width = width, .colour = colour };
	static char *text;             /* static: gcc 12 takes what open_memstream stores for the address of a local */
	static size_t size;
	FILE *file = open_memstream(&text, &size);
	struct sink *sink = text_sink(file, &options);

	write(sink);
	sink->ops->close(sink);
	fclose(file);
	return text;
}

static void assert_contains(const char *text, const char *part)
{
	cr_assert_not_null(strstr(text, part), "no \"%s\" in\n%s", part, text);
}

static void assert_fits(char *text, unsigned width)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		size_t length = strlen(line);

		cr_assert_leq(text_columns(line), width, "%zu: %s", length, line);
		cr_assert(!length || line[length - 1] != ' ', "trailing blank: '%s'", line);
	}
}

Test(text, no_line_is_longer_than_asked)
{
	static const unsigned widths[] = { 80, 81, 90, 99, 100, 120, 132, 200 };

	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++)
		assert_fits(render(sample_trace, widths[i], false), widths[i]);
	assert_fits(render(sample_trace, 0, false), 100);
	assert_fits(render(sample_trace, 10, false), 80);
}

Test(text, findings)
{
	const struct sink_options alone = { .width = 80, .lint_only = true };
	char *text = render(sample_findings, 80, false), *only;
	size_t size;
	FILE *file;
	struct sink *sink;

	assert_contains(text, "      error         B02 star-rpl  at KiInitializeMsrs+2E  event 10  on AMD\n");
	assert_contains(text, "\n                    value 0x18000800000000  right 0x1b000800000000\n");
	assert_contains(text, "      warning       B06 fmask-if  at 0xffffffffffffffff  event 11  vCPU 3\n");
	assert_fits(text, 80);
	assert_fits(render(sample_findings, 200, false), 200);

	file = open_memstream(&only, &size);
	sink = text_sink(file, &alone);
	sample_trace(sink);                     /* header, claims and summary are not for it; transitions are not sent */
	fflush(file);
	cr_assert_null(strstr(only, "guest.elf"));
	cr_assert_null(strstr(only, "claims"));
	sink->ops->close(sink);
	fclose(file);

	file = open_memstream(&only, &size);
	sink = text_sink(file, &alone);
	sample_findings(sink);
	sink->ops->close(sink);
	fclose(file);
	assert_contains(only, "error    B02 star-rpl  at KiInitializeMsrs+2E  event 10  on AMD\n         STAR[63:48]");
	assert_fits(only, 80);
}

Test(text, colour_only_where_wanted)
{
	cr_assert_null(strchr(render(sample_trace, 80, false), '\33'));
	cr_assert_not_null(strchr(render(sample_trace, 80, true), '\33'));
}

/* Colour changes nothing but colour. */
Test(text, colour_keeps_the_layout)
{
	char *plain = render(sample_trace, 90, false), *coloured = render(sample_trace, 90, true);
	char *to = coloured;

	for (char *from = coloured; *from; from++) {
		if (*from == '\33')
			from = strchr(from, 'm');
		else
			*to++ = *from;
	}
	*to = '\0';
	cr_assert_str_eq(coloured, plain);
}

/* At 200 columns a gate takes one line: where its columns begin is fixed. */
Test(text, columns_are_aligned)
{
	char *text = render(sample_trace, 200, false), *line;
	const char *heading = strstr(text, "  seq");
	size_t at, changed;

	at = (size_t)(strstr(heading, "at ") - heading);
	changed = (size_t)(strstr(heading, "what changed") - heading);
	for (line = strchr(heading, '\n') + 1; *line && *line != '\n'; line = strchr(line, '\n') + 1) {
		if (!isdigit((unsigned char)line[4]))
			continue;
		cr_assert(line[at] != ' ' && line[at - 1] == ' ', "%.100s", line);
		cr_assert(line[changed] != ' ' && line[changed - 1] == ' ', "%.100s", line);
	}
}

/* Ring 0 stands deepest, 32-bit ring 3 leftmost. */
Test(text, indentation_is_privilege)
{
	const char *text = render(sample_trace, 200, false);

	assert_contains(text, "\n    8 far ");
	assert_contains(text, "\n    9   syscall ");
	assert_contains(text, "\n   12     sysret ");
	assert_contains(text, "\n   20   int 2E ");
	assert_contains(text, "\n   31   fault #PF ");
}

Test(text, what_changed)
{
	const char *text = render(sample_trace, 200, false);

	assert_contains(text, "IA32_EFER = 0xd01 SCE LME LMA");
	assert_contains(text, "IA32_STAR = 0x23001000000000  SYSCALL CS 10 SS 18  "
			"SYSRET 32-bit CS 23, 64-bit CS 33, SS 2B");
	assert_contains(text, "IA32_FMASK = 0x4700 TF IF DF NT");
	assert_contains(text, "CS 33->10  SS 2B->18  RIP -> KiSystemCall64  RCX=0x140001002 (next)  "
			"R11=0x246 (RFLAGS)  RFLAGS -IF");
	assert_contains(text, "CS 23->33  compat->64  RIP -> KiFastSystemCall64Thunk");
	assert_contains(text, "MSR 40000FFF  #GP  error 0");
	assert_contains(text, "error 6  write by user, not present  CR2=0xdead000");
	assert_contains(text, "frame RIP 33:0x140001000  RSP 2B:0x7fffe000  RFLAGS PF ZF IF RF");
	assert_contains(text, "9 held");
}

/* A frame of a 32-bit kernel, by INT 2Eh from ring 3 or from ring 0 itself. */
static void write_dwords(struct sink *sink)
{
	struct transition t = {
		.seq = 1, .gate = {
			.kind = GATE_INT, .length = 2, .vector = 0x2e, .tss_valid = true, .tss_rsp = 0x8010f000, .tss_ss = 0x10,
			.idt = { .lo = UINT64_C(0x8000ee0000081000), .valid = true },
			.target = { .lo = UINT64_C(0x00cf9b000000ffff), .valid = true },
		},
		.before = { .cr0 = 1, .cpl = 3 }, .after = { .cr0 = 1 },
		.frame = { .address = 0x8010efec, .word_size = 4, .count = 5, .rip = 0x401002, .cs = 0x1b, .rflags = 0x202,
		           .rsp = 0x12ff00, .ss = 0x23 },
		.named[NAMED_FRAME] = { "KTRAP_FRAME", "Eip" }, .named[NAMED_RSP] = { "KTRAP_FRAME", "Eip" },
	};

	t.after.gpr[GPR_RSP] = 0x8010efec;
	sample_event(sink, t);
	t.before.cpl = 0;
	t.gate.tss_valid = false;
	t.frame.count = 3;
	sample_event(sink, t);
}

Test(text, dwords_gate_and_fields)
{
	const char *text = render(write_dwords, 200, false);

	assert_contains(text, "ESP=0x8010efec (KTRAP_FRAME.Eip)");
	assert_contains(text, "frame 0x8010efec  EIP 0x401002  CS 1B  EFLAGS IF  ESP 0x12ff00  SS 23  at KTRAP_FRAME.Eip\n");
	assert_contains(text, "gate 2E: 08:0x80001000 interrupt DPL 3  CS 08 code32 DPL 0  TSS SS0:ESP0 10:0x8010f000\n");
	assert_contains(text, "EFLAGS IF  at KTRAP_FRAME.Eip\n");
	assert_contains(text, "CS 08 code32 DPL 0\n");
}

Test(text, header_says_what_is_not_faithful)
{
	assert_contains(render(sample_trace, 200, false), "not faithful here: SYSENTER and SYSEXIT in long mode;");
}

Test(text, services)
{
	const char *text = render(sample_trace, 200, false);

	assert_contains(text, "service 0x0055 (table 0, index 0x055)  "
			"NtCreateFile(0x7fffe100, 0xc0100080, 0x7fffe140, 0x7fffe120)\n");
	assert_contains(text, "return from 9  NtCreateFile = STATUS_SUCCESS");
	assert_contains(text, "STATUS_INVALID_SYSTEM_SERVICE");
}

Test(text, contradictions_are_loud)
{
	const char *text = render(sample_trace, 80, false);

	assert_contains(text, "2 WRONG");
	assert_contains(text, "CONTRADICTED  ss  expected 28  observed 2B\n");
	assert_contains(text, "CONTRADICTED  rflags  expected 0x4046  observed 0x246  differs in IF NT\n");
	assert_contains(text, "CONTRADICTED  vector  expected #UD  observed none\n");
	assert_contains(text, "source: SDM vol. 2B SYSCALL");
	assert_contains(text, "known: QEMU 7.2: SYSRET forces SS.RPL");
	assert_contains(text, "2 CONTRADICTED");
}

static void write_unchecked(struct sink *sink)
{
	struct transition t = syscall_transition();
	struct check_list none = { 0 };

	sink->ops->transition(sink, &t, &none);
}

Test(text, nothing_compared_is_said)
{
	assert_contains(render(write_unchecked, 80, false), "unchecked");
}

Test(text, claims_and_summary)
{
	const char *text = render(sample_trace, 100, false);
	const char *refuted = strstr(text, "refuted  C24"), *held = strstr(text, "held     C82");

	cr_assert_not_null(refuted);
	cr_assert_not_null(held);
	cr_assert_lt(refuted, held);
	assert_contains(text, "document 002 line 8  on paper: wrong  event 20");
	assert_contains(text, "not exercised by this guest: C70\n");
	assert_contains(text, "not exercised by any guest (--claims says why): C13\n");
	assert_contains(text, "On the other vendor, Intel\n  1x    sysret    ss 2B  28 here  event 12\n                  SDM vol. 2B SYSRET\n");
	assert_contains(text, "14 transitions  4 wrmsr  1 rdmsr");
	assert_contains(text, "lint    no finding\n");
	assert_contains(text, "end     exit  code 0  status 1\n");
	assert_contains(text, "The guest wrote 0 to its exit port.");
}

/* Names of a guest must not reach the terminal as they are, nor break a line. */
#define UMLAUTS "\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6"

static void write_hostile(struct sink *sink)
{
	static char name[5000];
	struct transition t = syscall_transition();

	memset(name, 'A', sizeof(name) - 1);
	t.symbol = "\33[2J\nfake line\r\x9b";
	t.target = name;
	t.service.name = name;
	for (unsigned i = 0; i < SERVICE_ARGS; i++)
		t.service.args[i] = ~UINT64_C(0);
	t.service.arg_count = 1000;
	sample_event(sink, t);
	t.symbol = name;
	t.target = "x+" UMLAUTS UMLAUTS UMLAUTS UMLAUTS UMLAUTS;
	t.before.rip = t.after.rip = t.after.gpr[GPR_R11] = ~UINT64_C(0);
	t.seq = ~UINT64_C(0);
	sample_event(sink, t);
}

Test(text, hostile_names)
{
	char *text = render(write_hostile, 80, false);

	for (const char *c = text; *c; c++)
		cr_assert(*c == '\n' || (unsigned char)*c >= 0x20);
	cr_assert_null(strchr(text, '\x9b'));
	assert_contains(text, "?[2J?fake line");
}

Test(text, symbols_are_cut_in_the_name)
{
	char out[64];

	cr_assert_str_eq(shorten_symbol("KiSystemService+2F", 18, out, sizeof(out)), "KiSystemService+2F");
	cr_assert_str_eq(shorten_symbol("KiSystemService+2F", 12, out, sizeof(out)), "KiSystem~+2F");
	cr_assert_str_eq(shorten_symbol("KiSystemServiceExit", 6, out, sizeof(out)), "KiSys~");
	cr_assert_str_eq(shorten_symbol("a+bbbbbbbbbbbb", 6, out, sizeof(out)), "a+bbb~");
	cr_assert_str_eq(shorten("lo+8 is SS", 6, out, sizeof(out)), "lo+8 ~");
}

Test(names, tables)
{
	char text[64];

	cr_assert_str_eq(gate_kind_name(GATE_FAR), "far");
	cr_assert_str_eq(gate_kind_name((enum gate_kind)1000), "unknown");
	for (unsigned k = 0; k < GATE_KINDS; k++)
		cr_assert_str_neq(gate_kind_name((enum gate_kind)k), "unknown");
	cr_assert_str_eq(mode_name(MODE_COMPAT), "compat");
	cr_assert_str_eq(msr_name(X86_MSR_FMASK), "IA32_FMASK");
	cr_assert_null(msr_name(0x10));
	cr_assert_str_eq(status_name(0xc000001c), "STATUS_INVALID_SYSTEM_SERVICE");
	cr_assert_null(status_name(0x12345678));
	cr_assert_str_eq(vector_name(14), "#PF");
	cr_assert_null(vector_name(9));
	cr_assert_null(vector_name(0x2e));
	cr_assert_str_eq(rflags_text(0x3246, text, sizeof(text)), "PF ZF IF IOPL=3");
	cr_assert_str_eq(rflags_text(2, text, sizeof(text)), "");
	cr_assert_str_eq(rflags_text(~UINT64_C(0), text, 8), "CF PF A");
}
