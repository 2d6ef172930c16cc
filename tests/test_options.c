/*
 * The command line: every option, every bound, and one line for each mistake.
 */
#include "options.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct options o;
static char *printed;

/* Words separated by blanks, behind "vmm". */
static enum options_result parse(const char *words)
{
	char *argv[32] = { (char *)"vmm" }, *rest = strdup(words), *word;
	int argc = 1;
	size_t size;
	FILE *out = open_memstream(&printed, &size);
	enum options_result result;

	while ((word = strsep(&rest, " ")))
		argv[argc++] = word;
	result = options_parse(&o, argc, argv, out);
	fclose(out);
	return result;
}

static void assert_runs(const char *words)
{
	cr_assert_eq(parse(words), OPTIONS_RUN, "%s: %s", words, o.error);
	cr_assert_eq(o.error[0], 0);
}

static void assert_bad(const char *words, const char *why)
{
	cr_assert_eq(parse(words), OPTIONS_BAD, "%s", words);
	cr_assert_not_null(strstr(o.error, why), "%s: \"%s\" does not say \"%s\"", words, o.error, why);
	cr_assert_null(strchr(o.error, '\n'));
	cr_assert_not_null(strstr(o.error, "--help"));
}

Test(options, defaults)
{
	assert_runs("guest.elf");
	cr_assert_str_eq(o.guest, "guest.elf");
	cr_assert_not(o.trace);
	cr_assert_not(options_traces(&o, GATE_SYSCALL));
	cr_assert_eq(o.format, FORMAT_TEXT);
	cr_assert_null(o.output);
	cr_assert_eq(o.engine, ENGINE_AUTO);
	cr_assert_eq(o.watch, WATCH_AUTO);
	cr_assert_not(o.cpu_set);
	cr_assert_eq(o.memory, 64 << 20);
	cr_assert_not(o.memory_set);
	cr_assert_eq(o.timeout, 0);
	cr_assert_eq(o.boot, BOOT_AUTO);
	cr_assert_null(o.append);
	cr_assert_eq(o.modules, 0);
	cr_assert_null(o.initrd.path);
	cr_assert_eq(o.cpus, 1);
	cr_assert_not(o.lint);
}

Test(options, all_of_them)
{
	assert_runs("-t -f json -o x.json -e box -w step --cpu=intel -m 128M --timeout 5 guest.elf");
	cr_assert(o.trace);
	cr_assert_eq(o.format, FORMAT_JSON);
	cr_assert_str_eq(o.output, "x.json");
	cr_assert_eq(o.engine, ENGINE_BOX);
	cr_assert_eq(o.watch, WATCH_STEP);
	cr_assert(o.cpu_set);
	cr_assert_eq(o.cpu, VENDOR_INTEL);
	cr_assert_eq(o.memory, 128 << 20);
	cr_assert_eq(o.timeout, 5);
	assert_runs("--lint g");
	cr_assert(o.lint && !o.trace);
	assert_runs("--cpu=amd g");
	cr_assert_not(o.lint);
	cr_assert(o.cpu_set && o.cpu == VENDOR_AMD);
	assert_runs("--cpu=host g");
	cr_assert_not(o.cpu_set);
	assert_runs("--engine=box-intel --watch=ring g");
	cr_assert_eq(o.engine, ENGINE_BOX_INTEL);
	cr_assert_eq(o.watch, WATCH_RING);
	assert_runs("-- -odd-name");
	cr_assert_str_eq(o.guest, "-odd-name");
}

Test(options, order_does_not_matter)
{
	assert_runs("guest.elf --trace");
	cr_assert(o.trace);
	cr_assert_str_eq(o.guest, "guest.elf");
}

Test(options, format_and_output_ask_for_a_trace)
{
	assert_runs("-f json g");
	cr_assert(options_traces(&o, GATE_FAULT));
	assert_runs("-o f g");
	cr_assert(options_traces(&o, GATE_WRMSR));
}

Test(options, reading_a_recorded_trace)
{
	assert_runs("read dir");
	cr_assert(o.read && o.trace && !o.check);
	cr_assert_str_eq(o.guest, "dir");
	assert_runs("read --trace=far -f perfetto -o x --filter=ring==3 dir");
	cr_assert_eq(o.format, FORMAT_PERFETTO);
	cr_assert(options_traces(&o, GATE_FAR) && !options_traces(&o, GATE_INT));
	cr_assert_eq(o.filter.count, 1);
	assert_runs("read dir --check");
	cr_assert(o.check);
	assert_runs("./read");
	cr_assert_not(o.read);
	assert_bad("read", "no recorded trace");
	assert_bad("read a b", "one trace only");
	assert_bad("read dir -e box", "alone");
	assert_bad("read dir --timeout=5", "alone");
	assert_bad("read dir --cpus=2", "alone");
	assert_bad("--check g", "--check is for reading");
}

Test(options, recording)
{
	assert_runs("-f ctf -o dir g");
	cr_assert_eq(o.format, FORMAT_CTF);
	assert_runs("-f ctf -o dir --filter=number==1 g");
	assert_bad("-f ctf -o dir --trace=far g", "records every kind");
	assert_bad("-f ctf -o dir --lint g", "--lint is for reading");
	assert_bad("-f perfetto --lint g", "--lint");
	assert_bad("--filter=ring g", "column 5");
}

Test(options, kinds)
{
	assert_runs("--trace g");
	for (unsigned k = GATE_NONE + 1; k < GATE_KINDS; k++)
		cr_assert(options_traces(&o, (enum gate_kind)k));
	cr_assert_not(options_traces(&o, GATE_NONE));
	cr_assert_not(options_traces(&o, GATE_KINDS));

	assert_runs("--trace=msr g");
	cr_assert(options_traces(&o, GATE_WRMSR) && options_traces(&o, GATE_RDMSR));
	cr_assert_not(options_traces(&o, GATE_SYSCALL));
	assert_runs("--trace=syscall,far g");
	cr_assert(options_traces(&o, GATE_SYSCALL) && options_traces(&o, GATE_SYSRET));
	cr_assert(options_traces(&o, GATE_SWAPGS) && options_traces(&o, GATE_FAR));
	cr_assert_not(options_traces(&o, GATE_INT));
	assert_runs("-tint,sysenter,fault g");
	cr_assert(options_traces(&o, GATE_INT) && options_traces(&o, GATE_IRET));
	cr_assert(options_traces(&o, GATE_SYSENTER) && options_traces(&o, GATE_SYSEXIT));
	cr_assert(options_traces(&o, GATE_FAULT));
	cr_assert_not(options_traces(&o, GATE_FAR));

	assert_bad("--trace=sys g", "'sys'");
	assert_bad("--trace= g", "''");
	assert_bad("--trace=msr, g", "''");
	assert_bad("--trace=msr,,far g", "''");
	assert_bad("--trace=MSR g", "'MSR'");
}

Test(options, memory)
{
	static const struct { const char *text; uint64_t bytes; } good[] = {
		{ "2M", 2 << 20 }, { "2048K", 2 << 20 }, { "2097152", 2 << 20 }, { "64m", 64 << 20 },
		{ "1G", 1 << 30 }, { "3G", UINT64_C(3) << 30 }, { "3221225472", UINT64_C(3) << 30 },
		{ "2052k", 2052 << 10 },
	};
	static const char *const bad[] = {
		"0", "1M", "2097151", "4G", "3221229568", "18446744073709551615", "18446744073709551616K",
		"17179869184G", "99999999999999999999999", "", "M", "-1", "-64M", "+64M", "64MB", "0x40M",
		"64T", "2097153", "2049.5K", "1e9",
	};
	char words[64];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(words, sizeof(words), "-m %s g", good[i].text);
		assert_runs(words);
		cr_assert_eq(o.memory, good[i].bytes, "%s", words);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(words, sizeof(words), "--memory=%s", bad[i]);
		assert_bad(words, "--memory=");
	}
}

Test(options, timeout)
{
	assert_runs("--timeout=1 g");
	cr_assert_eq(o.timeout, 1);
	assert_runs("--timeout=604800 g");
	assert_bad("--timeout=0 g", "--timeout=0");
	assert_bad("--timeout=-1 g", "--timeout=-1");
	assert_bad("--timeout=604801 g", "--timeout=");
	assert_bad("--timeout=4294967297 g", "--timeout=");
	assert_bad("--timeout=1.5 g", "--timeout=");
	assert_bad("--timeout= g", "--timeout=");
	assert_bad("--timeout=5s g", "--timeout=");
}

Test(options, mistakes)
{
	assert_bad("-f xml g", "text, json");
	assert_bad("-e qemu g", "auto, kvm, box, box-intel");
	assert_bad("-w guess g", "auto, step, break, gates, ring");
	assert_bad("--cpu=via g", "intel, amd, host");
	assert_bad("--output= g", "--output");
	assert_bad("a b", "'a' and 'b'");
	assert_bad("--tracer g", "unknown option '--tracer'");
	assert_bad("g --nonsense=4", "unknown option '--nonsense=4'");
	assert_bad("--probe=1", "takes no argument");
	assert_bad("g --output", "'--output' needs an argument");
	assert_bad("--t g", "ambiguous");
	assert_bad("-x g", "unknown option '-x'");
	assert_bad("g -tq", "'q'");
	assert_bad("g -m", "'-m' needs an argument");
	assert_bad("-X -t g", "unknown option '-X'");
	assert_bad("-t -Xq g", "unknown option '-X'");
	assert_bad("-t --engine=bad --alsobad g", "--engine=bad");
}

Test(options, guest_is_needed_unless_none_runs)
{
	char *argv[] = { (char *)"vmm", NULL };

	cr_assert_eq(options_parse(&o, 1, argv, stdout), OPTIONS_BAD);
	cr_assert_not_null(strstr(o.error, "no guest"));
	assert_bad("--trace", "no guest");
	assert_runs("--probe");
	cr_assert(o.probe);
	assert_runs("--claims");
	cr_assert(o.claims);
}

Test(options, long_words_fit_the_line)
{
	char words[2000];

	memset(words, 'x', sizeof(words));
	memcpy(words, "--format=", 9);
	words[sizeof(words) - 1] = '\0';
	cr_assert_eq(parse(words), OPTIONS_BAD);
	cr_assert_lt(strlen(o.error), sizeof(o.error));
	cr_assert_not_null(strstr(o.error, "--help"));
}

Test(options, help_and_version)
{
	static const char *const parts[] = {
		"Usage: vmm", "GUEST", "--trace", "--format", "--output", "--engine", "--watch", "--cpu",
		"--memory", "--boot", "--append", "--module", "--initrd", "--cpus", "--lint", "--timeout", "--probe", "--claims", "--version", "--help", "Exit status",
		"contradicted", "timeout",
	};

	cr_assert_eq(parse("--help"), OPTIONS_DONE);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		cr_assert_not_null(strstr(printed, parts[i]), "%s", parts[i]);
	cr_assert_eq(parse("--version"), OPTIONS_DONE);
	cr_assert_eq(strncmp(printed, "vmm ", 4), 0);
	cr_assert_eq(parse("g --help --nonsense"), OPTIONS_DONE);
}

/* What the program inside a box is given says the same again. */
Test(options, inner_argv)
{
	struct options inner;
	char **argv;
	int argc = 0;

	assert_runs("--lint --trace=far,msr -f json -o x -e box -w step --cpu=intel -m 3M --timeout 7 dir/g.elf");
	argv = options_inner_argv(&o, "vmm");
	cr_assert_not_null(argv);
	while (argv[argc])
		argc++;
	cr_assert_lt(argc, 16);
	argv = realloc(argv, 20 * sizeof(*argv));
	argv[argc] = strdup("/run/g.elf");
	argv[argc + 1] = NULL;
	cr_assert_eq(options_parse(&inner, argc + 1, argv, stdout), OPTIONS_RUN, "%s", inner.error);
	cr_assert_eq(inner.kinds, o.kinds);
	cr_assert_eq(inner.format, o.format);
	cr_assert_eq(inner.memory, o.memory);
	cr_assert_eq(inner.timeout, o.timeout);
	cr_assert_eq(inner.watch, o.watch);
	cr_assert(inner.cpu_set && inner.cpu == VENDOR_INTEL);
	cr_assert(inner.trace && inner.lint);
	cr_assert_null(inner.output);
	cr_assert_eq(inner.engine, ENGINE_KVM);
	options_free_argv(argv);

	assert_runs("g");
	argv = options_inner_argv(&o, "vmm");
	for (char **p = argv; *p; p++)
		cr_assert_null(strstr(*p, "trace"));
	options_free_argv(argv);
}

Test(options, boot_protocols)
{
	static const struct { const char *word; enum boot_protocol protocol; } words[] = {
		{ "--boot=auto g", BOOT_AUTO }, { "--boot=elf g", BOOT_ELF64 }, { "--boot=multiboot g", BOOT_MULTIBOOT },
		{ "--boot=multiboot2 g", BOOT_MULTIBOOT2 }, { "--boot=pvh g", BOOT_PVH }, { "--boot=linux g", BOOT_LINUX },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		assert_runs(words[i].word);
		cr_assert_eq(o.boot, words[i].protocol, "%s", words[i].word);
	}
	assert_bad("--boot=grub g", "auto, elf, multiboot, multiboot2, pvh, linux");
	assert_bad("--boot= g", "--boot=");
}

Test(options, processors_and_lint)
{
	assert_runs("--cpus=8 --lint g");
	cr_assert_eq(o.cpus, 8);
	cr_assert(o.lint);
	cr_assert_not(o.trace);
	assert_bad("--cpus=0 g", "--cpus=0");
	assert_bad("--cpus=9 g", "1 to 8");
	assert_bad("--cpus=two g", "--cpus=two");
	assert_bad("--cpus=1x g", "--cpus=1x");
}

/* As from a shell: words may have blanks. */
static char *const given[] = {
	"vmm", "--append=root=/dev/ram0 quiet", "--module=dir/mod.o  a 'b'", "--module=mod.o", "--initrd=../x/an initrd",
	"--boot=pvh", "--cpus=2", "--lint", "g", NULL,
};

Test(options, files)
{
	char inner[OPTIONS_INNER_PATH_MAX];

	cr_assert_eq(options_parse(&o, 9, (char **)given, stdout), OPTIONS_RUN, "%s", o.error);
	cr_assert_str_eq(o.append, "root=/dev/ram0 quiet");
	cr_assert_eq(o.modules, 2);
	cr_assert_str_eq(o.module[0].path, "dir/mod.o");
	cr_assert_str_eq(o.module[0].text, "dir/mod.o  a 'b'");
	cr_assert_str_eq(o.module[1].path, "mod.o");
	cr_assert_str_eq(o.module[1].text, "mod.o");
	cr_assert_str_eq(o.initrd.path, "../x/an initrd");
	cr_assert_str_eq(o.initrd.text, "an initrd");
	/* In the box no two have one name. */
	cr_assert_str_eq(options_inner_path(&o, 0, inner), "dir/mod.o");
	cr_assert_str_eq(inner, "/tmp/0/mod.o");
	cr_assert_str_eq(options_inner_path(&o, 1, inner), "mod.o");
	cr_assert_str_eq(inner, "/tmp/1/mod.o");
	cr_assert_str_eq(options_inner_path(&o, 2, inner), "../x/an initrd");
	cr_assert_str_eq(inner, "/tmp/2/an initrd");
	cr_assert_null(options_inner_path(&o, 3, inner));
	options_free(&o);
	assert_runs("g");
	cr_assert_null(options_inner_path(&o, 0, inner));
}

Test(options, files_that_cannot_be)
{
	char *argv[BOOT_MODULES_MAX + 3] = { (char *)"vmm" };
	int argc = 1;

	assert_bad("--module= g", "--module");
	assert_bad("--initrd= g", "--initrd");
	assert_bad("--initrd=a --initrd=b g", "--initrd is given twice");
	options_free(&o);
	assert_bad("--append=a --append=b g", "--append is given twice");
	assert_bad("--module-text=x g", "without a module");
	while (argc < BOOT_MODULES_MAX + 1)
		argv[argc++] = (char *)"--module=m";
	argv[argc] = (char *)"g";
	cr_assert_eq(options_parse(&o, argc + 1, argv, stdout), OPTIONS_RUN);
	cr_assert_eq(o.modules, BOOT_MODULES_MAX);
	options_free(&o);
	argv[argc++] = (char *)"--module=m";
	argv[argc] = (char *)"g";
	cr_assert_eq(options_parse(&o, argc + 1, argv, stdout), OPTIONS_BAD);
	cr_assert_not_null(strstr(o.error, "more than 32 modules"));
	options_free(&o);
}

/* The guest is told the same of its modules as outside, whatever they are called in the box. */
Test(options, inner_files)
{
	struct options inner;
	char **argv;
	int argc = 0;

	cr_assert_eq(options_parse(&o, 9, (char **)given, stdout), OPTIONS_RUN, "%s", o.error);
	argv = options_inner_argv(&o, "vmm");
	cr_assert_not_null(argv);
	while (argv[argc])
		argc++;
	argv = realloc(argv, 100 * sizeof(*argv));
	argv[argc] = strdup("/run/g");
	argv[argc + 1] = NULL;
	cr_assert_eq(options_parse(&inner, argc + 1, argv, stdout), OPTIONS_RUN, "%s", inner.error);
	cr_assert_str_eq(inner.append, o.append);
	cr_assert_eq(inner.modules, 2);
	for (unsigned i = 0; i < 2; i++) {
		char path[OPTIONS_INNER_PATH_MAX];

		options_inner_path(&o, i, path);
		cr_assert_str_eq(inner.module[i].path, path);
		cr_assert_str_eq(inner.module[i].text, o.module[i].text);
	}
	cr_assert_str_eq(inner.initrd.path, "/tmp/2/an initrd");
	cr_assert_str_eq(inner.initrd.text, o.initrd.text);
	cr_assert_eq(inner.boot, BOOT_PVH);
	cr_assert_eq(inner.cpus, 2);
	cr_assert(inner.lint);
	cr_assert(inner.memory_set, "the outer program has decided on it");
	options_free(&inner);
	options_free(&o);
	options_free_argv(argv);
}
