/*
 * Calls and pairings as both formats tell them: Linux' in Linux' words,
 * Windows' in Windows', of another kernel none; and what is not known, said.
 */
#include "gates.h"
#include "sink/calls.h"
#include "sink/sink.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *render(const struct transition *t, bool json)
{
	static char *text;
	static size_t size;
	const struct sink_options options = { .width = 200 };
	const struct check_list list = { 0 };
	FILE *file;
	struct sink *sink;

	free(text);
	text = NULL;
	file = open_memstream(&text, &size);
	sink = json ? json_sink(file, &options) : text_sink(file, &options);
	sink->ops->transition(sink, t, &list);
	sink->ops->close(sink);
	fclose(file);
	return text;
}

static void expect(const struct transition *t, const char *text, const char *json)
{
	if (text)
		cr_expect(strstr(render(t, false), text), "%s\n not in\n%s", text, render(t, false));
	if (json)
		cr_expect(strstr(render(t, true), json), "%s\n not in\n%s", json, render(t, true));
}

static void expect_not(const struct transition *t, const char *text)
{
	cr_expect(!strstr(render(t, false), text), "%s\n in\n%s", text, render(t, false));
	cr_expect(!strstr(render(t, true), text), "%s\n in\n%s", text, render(t, true));
}

static struct transition linux_call(uint32_t number)
{
	struct transition t = syscall_transition();

	t.kernel = KERNEL_LINUX;
	t.service = (struct service){ .valid = true, .number = number, .call = linux_call64(number) };
	t.service.name = t.service.call->name;
	t.service.arg_count = linux_argument_count(t.service.call);
	return t;
}

static struct transition linux_return(uint32_t number, uint64_t result)
{
	struct transition t = sysret_transition();

	t.kernel = KERNEL_LINUX;
	t.service = linux_call(number).service;
	t.before.gpr[GPR_RAX] = t.after.gpr[GPR_RAX] = t.result = result;
	return t;
}

Test(calls, arguments_by_their_kind)
{
	struct transition t = linux_call(257);

	memcpy(t.service.args, (const uint64_t[]){ (uint64_t)-100, 0x402000, 0x80241, 0644 }, 4 * sizeof(uint64_t));
	t.string_count = 1;
	t.strings[0] = (struct call_string){ .argument = 1, .text = "/tmp/\"a\\\x1b\xc3\xb6" };
	expect(&t, "call 257  openat(AT_FDCWD, \"/tmp/\\\"a\\\\\\x1b\xc3\xb6\", 0x80241, 0644)\n",
	       "\"service\":{\"number\":257,\"abi\":\"x86-64\",\"name\":\"openat\",\"args\":[\"0xffffffffffffff9c\",\"0x402000\","
	       "\"0x80241\",\"0x1a4\"],\"strings\":{\"1\":\"/tmp/\\\"a\\\\\\u001b\xc3\xb6\"}}");
	t.strings[0].cut = true;
	expect(&t, "\xc3\xb6\"..., ", "},\"cut\":[1]}");
	t = linux_call(9);
	memcpy(t.service.args, (const uint64_t[]){ 0, 4096, 3, 0x22, (uint32_t)-1, 0 }, 6 * sizeof(uint64_t));
	expect(&t, "mmap(NULL, 4096, 0x3, 0x22, -1, 0)", NULL);
	t = linux_call(39);
	expect(&t, "getpid()", "\"args\":[]}");
}

Test(calls, a_string_of_the_worst_kind_is_bounded)
{
	struct transition t = linux_call(80);

	t.string_count = 1;
	t.strings[0].cut = true;
	memset(t.strings[0].text, 1, CALL_STRING_SIZE - 1);
	expect(&t, "\\x01\"...)", NULL);
	memset(t.strings[0].text, '"', CALL_STRING_SIZE - 1);
	expect(&t, "\\\"\"...)", NULL);
}

Test(calls, results_of_linux)
{
	struct transition t = linux_return(257, 3);

	expect(&t, "return from 9  openat = 3\n", "\"entry\":9,\"result\":\"0x3\"}");
	t = linux_return(257, (uint64_t)-2);
	expect(&t, "openat = -ENOENT\n", "\"result\":\"0xfffffffffffffffe\",\"error\":\"ENOENT\"");
	t = linux_return(9, 0x7f0000001000);
	expect(&t, "mmap = 0x7f0000001000\n", NULL);
	t = linux_return(8, (uint64_t)-4096);
	expect(&t, "lseek = -4096\n", "\"result\":\"0xfffffffffffff000\"}");
	t.service.is_32bit = true;
	t.result = 0xfffffff2;
	expect(&t, "= -EFAULT\n", "\"abi\":\"i386\"");
	expect_not(&t, "STATUS_");
}

Test(calls, every_kernel_in_its_own_words)
{
	struct transition t = sysret_transition();

	expect(&t, "NtCreateFile = STATUS_SUCCESS\n", NULL);
	t.before.gpr[GPR_RAX] = (uint64_t)-2;
	expect(&t, "NtCreateFile = 0xfffffffe\n", NULL);
	expect_not(&t, "ENOENT");
	expect_not(&t, "result");
	t.kernel = KERNEL_UNKNOWN;
	t.before.gpr[GPR_RAX] = 0;
	expect(&t, "NtCreateFile = 0x0\n", NULL);
	expect_not(&t, "STATUS_");
}

Test(calls, ways_of_coming_back)
{
	struct transition t = linux_return(56, 0);

	t.way = RETURN_CHILD;
	expect(&t, "clone = 0  in the new thread\n", "\"result\":\"0x0\",\"way\":\"child\"");
	t = linux_return(34, (uint64_t)-4);
	t.way = RETURN_SIGNAL;
	t.out.signal = 12;
	expect(&t, "pause = -EINTR  by way of the handler of signal 12\n", "\"error\":\"EINTR\",\"way\":\"signal\",\"signal\":12");
	t = linux_return(0, 0);
	t.again = true;
	expect(&t, "read to be made again\n", "\"entry\":9,\"again\":true}");
	t = linux_return(15, 7);
	t.way = RETURN_RESUMED;
	expect(&t, "rt_sigreturn  to what the signal interrupted\n", "\"entry\":9,\"way\":\"resumed\"}");
	t = linux_return(59, 0);
	t.way = RETURN_PROGRAM;
	strcpy(t.out.file.text, "/bin/sh\n");
	expect(&t, "execve  \"/bin/sh?\" begins\n", "\"way\":\"program\",\"program\":\"/bin/sh\\u000a\"");
}

Test(calls, what_is_not_known_is_said)
{
	struct transition t = sysret_transition();

	t.entry = 0;
	t.service.valid = false;
	t.unpaired = UNPAIRED_NONE;
	expect(&t, "entry not known: no open entry returns there\n", "\"entry\":null,\"unpaired\":\"no open entry returns there\"");
	t.unpaired = UNPAIRED_SEVERAL;
	t.rival_count = 2;
	t.rivals[0] = 31;
	t.rivals[1] = 12;
	expect(&t, "2 open entries return there: 12, 31\n", "\"unpaired\":\"2 open entries return there: 12, 31\"");
	t.rival_count = 9;
	t.rivals[2] = t.rivals[3] = ~UINT64_C(0);
	expect(&t, "12, 31 and older ones\n", NULL);
	t.gate.kind = GATE_IRET;
	t.unpaired = UNPAIRED_NONE;
	expect(&t, "an interrupt or exception that was not watched ends", NULL);
	t.after.cpl = 0;
	expect_not(&t, "not known");
	expect_not(&t, "unpaired");
}

Test(calls, whose_thread)
{
	struct transition t = syscall_transition();

	t.before.cr3 = 0x80000000012a5fff;
	t.before.efer = X86_EFER_LMA;
	t.before.fs.base = 0x7f1234;
	expect(&t, NULL, "\"thread\":{\"space\":\"0x12a5000\",\"fs_base\":\"0x7f1234\",\"gs_base\":\"0x");
	t.before.cpl = 0;
	expect_not(&t, "thread");
}
