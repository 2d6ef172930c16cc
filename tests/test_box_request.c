/*
 * The request as the init of the box will read it.
 */
#include "box/request.h"

#include "box/frame.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char *const argv[] = { "vmm", "--trace", "", NULL };
static char path[] = "/tmp/test-box-request-XXXXXX";
static struct outbox outbox;

static void make_guest(size_t size)
{
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	for (size_t i = 0; i < size; i++)
		cr_assert_eq(write(fd, &(uint8_t){ (uint8_t)(i % 253) }, 1), 1);
	close(fd);
}

/* The next frame of the outbox. */
static struct frame take(size_t *offset)
{
	struct frame_header header;
	struct frame frame;

	cr_assert_leq(*offset + sizeof(header), outbox.size);
	memcpy(&header, outbox.bytes + *offset, sizeof(header));
	*offset += sizeof(header);
	cr_assert_leq(*offset + header.length, outbox.size);
	frame = (struct frame){ .type = header.type, .length = header.length,
				.payload = (const uint8_t *)outbox.bytes + *offset };
	*offset += header.length;
	return frame;
}

static void expect(size_t *offset, enum frame_type type, const char *text)
{
	struct frame frame = take(offset);

	cr_assert_eq(frame.type, type, "type %d for %s", frame.type, text);
	cr_assert_eq(frame.length, strlen(text), "%.*s for %s", (int)frame.length,
		     (const char *)frame.payload, text);
	cr_assert_eq(memcmp(frame.payload, text, frame.length), 0, "%.*s for %s", (int)frame.length,
		     (const char *)frame.payload, text);
}

Test(box_request, arguments_and_environment)
{
	const struct box_request request = {
		.argv = argv, .colour = true, .width = 120, .one_terminal = true, .typed = true,
	};
	size_t offset = 0;
	struct frame start;
	uint64_t now;

	cr_assert_eq(outbox_fill(&outbox, &request, "QEMU 7.2.1 TCG"), 0);
	expect(&offset, FRAME_ARGUMENT, "vmm");
	expect(&offset, FRAME_ARGUMENT, "--trace");
	expect(&offset, FRAME_ARGUMENT, "");
	expect(&offset, FRAME_ENVIRONMENT, "VMM_ENGINE=box");
	expect(&offset, FRAME_ENVIRONMENT, "VMM_COLOUR=1");
	expect(&offset, FRAME_ENVIRONMENT, "VMM_TERMINAL=1");
	expect(&offset, FRAME_ENVIRONMENT, "VMM_TYPED=1");
	expect(&offset, FRAME_ENVIRONMENT, "COLUMNS=120");
	expect(&offset, FRAME_MACHINE, "QEMU 7.2.1 TCG");
	start = take(&offset);
	cr_assert_eq(start.type, FRAME_START);
	cr_assert_eq(start.length, sizeof(now));
	memcpy(&now, start.payload, sizeof(now));
	cr_assert_lt((uint64_t)time(NULL) - now, 10);
	cr_assert_eq(offset, outbox.size);
}

Test(box_request, the_guest_goes_in_byte_by_byte_under_its_own_name)
{
	const size_t size = 2 * FRAME_PAYLOAD_MAX + 17;
	const struct box_request request = { .argv = argv, .guest_path = path };
	size_t offset = 0, got = 0;
	struct frame frame;
	char inner[64];

	make_guest(size);
	cr_assert_eq(outbox_fill(&outbox, &request, "QEMU 7.2.1 TCG"), 0);
	unlink(path);
	snprintf(inner, sizeof(inner), "/run/%s", path + strlen("/tmp/"));
	for (int i = 0; i < 3; i++)
		take(&offset);
	expect(&offset, FRAME_ARGUMENT, inner);
	expect(&offset, FRAME_FILE, inner);
	while ((frame = take(&offset)).type == FRAME_DATA)
		for (uint32_t i = 0; i < frame.length; i++, got++)
			cr_assert_eq(frame.payload[i], got % 253);
	cr_assert_eq(got, size);
}

/* Behind the guest, each under the name that it is to have. */
Test(box_request, further_files_go_in_too)
{
	char second[] = "/tmp/test-box-request-XXXXXX";
	int fd = mkstemp(second);
	const struct box_file files[] = { { path, "/tmp/0/mod" }, { second, "/tmp/1/mod" } };
	const struct box_request request = { .argv = argv, .guest_path = second, .files = files, .file_count = 2 };
	size_t offset = 0;
	char inner[64];

	cr_assert_eq(write(fd, "second", 6), 6);
	close(fd);
	make_guest(3);
	cr_assert_eq(request_files_size(&request), 6 + 3 + 6);
	cr_assert_eq(outbox_fill(&outbox, &request, "QEMU 7.2.1 TCG"), 0);
	unlink(path);
	unlink(second);
	snprintf(inner, sizeof(inner), "/run/%s", second + strlen("/tmp/"));
	for (int i = 0; i < 3; i++)
		take(&offset);
	expect(&offset, FRAME_ARGUMENT, inner);
	expect(&offset, FRAME_FILE, inner);
	expect(&offset, FRAME_DATA, "second");
	expect(&offset, FRAME_FILE, "/tmp/0/mod");
	cr_assert_eq(take(&offset).length, 3);
	expect(&offset, FRAME_FILE, "/tmp/1/mod");
	expect(&offset, FRAME_DATA, "second");
	expect(&offset, FRAME_ENVIRONMENT, "VMM_ENGINE=box");
}

Test(box_request, a_further_file_that_is_gone, .init = cr_redirect_stderr)
{
	const struct box_file files[] = { { "/no/such/module", "/tmp/0/module" } };
	const struct box_request request = { .argv = argv, .files = files, .file_count = 1 };

	cr_assert_eq(outbox_fill(&outbox, &request, "QEMU 7.2.1 TCG"), -ENOENT);
	fflush(stderr);
	cr_assert_stderr_eq_str("vmm: /no/such/module: cannot send it into the box: No such file or directory\n");
}

Test(box_request, a_guest_that_is_gone, .init = cr_redirect_stderr)
{
	const struct box_request request = { .argv = argv, .guest_path = "/no/such/guest" };

	cr_assert_eq(outbox_fill(&outbox, &request, "QEMU 7.2.1 TCG"), -ENOENT);
}

Test(box_request, a_directory, .init = cr_redirect_stderr)
{
	const struct box_request request = { .argv = argv, .guest_path = "/tmp" };

	cr_assert_eq(outbox_fill(&outbox, &request, "QEMU 7.2.1 TCG"), -EISDIR);
}

Test(box_request, an_argument_that_fits_no_frame, .init = cr_redirect_stderr)
{
	char *const text = malloc(FRAME_PAYLOAD_MAX + 2);
	char *const long_argv[] = { "vmm", text, NULL };
	const struct box_request request = { .argv = long_argv };

	memset(text, 'a', FRAME_PAYLOAD_MAX + 1);
	text[FRAME_PAYLOAD_MAX + 1] = '\0';
	cr_assert_eq(outbox_fill(&outbox, &request, "QEMU 7.2.1 TCG"), -E2BIG);
	text[FRAME_PAYLOAD_MAX] = '\0';
	cr_assert_eq(outbox_fill(&outbox, &request, "QEMU 7.2.1 TCG"), 0);
}
