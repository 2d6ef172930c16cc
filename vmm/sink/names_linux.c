/*
 * Names and forms of what Linux' system calls take and give: errors, and an
 * argument or a result by its kind (watch/linux_calls.h).
 */
#include "sink/calls.h"

#include "sink/format.h"
#include "sink/utf8.h"

#include <asm/errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define AT_FDCWD -100                   /* <linux/fcntl.h> */

#define E(name) [name] = #name
/* <asm-generic/errno-base.h>, <asm-generic/errno.h>. */
static const char *const errors[] = {
	E(EPERM), E(ENOENT), E(ESRCH), E(EINTR), E(EIO), E(ENXIO), E(E2BIG), E(ENOEXEC), E(EBADF), E(ECHILD), E(EAGAIN),
	E(ENOMEM), E(EACCES), E(EFAULT), E(ENOTBLK), E(EBUSY), E(EEXIST), E(EXDEV), E(ENODEV), E(ENOTDIR), E(EISDIR),
	E(EINVAL), E(ENFILE), E(EMFILE), E(ENOTTY), E(ETXTBSY), E(EFBIG), E(ENOSPC), E(ESPIPE), E(EROFS), E(EMLINK),
	E(EPIPE), E(EDOM), E(ERANGE), E(EDEADLK), E(ENAMETOOLONG), E(ENOLCK), E(ENOSYS), E(ENOTEMPTY), E(ELOOP),
	E(ENOMSG), E(EIDRM), E(ECHRNG), E(EL2NSYNC), E(EL3HLT), E(EL3RST), E(ELNRNG), E(EUNATCH), E(ENOCSI), E(EL2HLT),
	E(EBADE), E(EBADR), E(EXFULL), E(ENOANO), E(EBADRQC), E(EBADSLT), E(EBFONT), E(ENOSTR), E(ENODATA), E(ETIME),
	E(ENOSR), E(ENONET), E(ENOPKG), E(EREMOTE), E(ENOLINK), E(EADV), E(ESRMNT), E(ECOMM), E(EPROTO), E(EMULTIHOP),
	E(EDOTDOT), E(EBADMSG), E(EOVERFLOW), E(ENOTUNIQ), E(EBADFD), E(EREMCHG), E(ELIBACC), E(ELIBBAD), E(ELIBSCN),
	E(ELIBMAX), E(ELIBEXEC), E(EILSEQ), E(ERESTART), E(ESTRPIPE), E(EUSERS), E(ENOTSOCK), E(EDESTADDRREQ),
	E(EMSGSIZE), E(EPROTOTYPE), E(ENOPROTOOPT), E(EPROTONOSUPPORT), E(ESOCKTNOSUPPORT), E(EOPNOTSUPP),
	E(EPFNOSUPPORT), E(EAFNOSUPPORT), E(EADDRINUSE), E(EADDRNOTAVAIL), E(ENETDOWN), E(ENETUNREACH), E(ENETRESET),
	E(ECONNABORTED), E(ECONNRESET), E(ENOBUFS), E(EISCONN), E(ENOTCONN), E(ESHUTDOWN), E(ETOOMANYREFS),
	E(ETIMEDOUT), E(ECONNREFUSED), E(EHOSTDOWN), E(EHOSTUNREACH), E(EALREADY), E(EINPROGRESS), E(ESTALE),
	E(EUCLEAN), E(ENOTNAM), E(ENAVAIL), E(EISNAM), E(EREMOTEIO), E(EDQUOT), E(ENOMEDIUM), E(EMEDIUMTYPE),
	E(ECANCELED), E(ENOKEY), E(EKEYEXPIRED), E(EKEYREVOKED), E(EKEYREJECTED), E(EOWNERDEAD), E(ENOTRECOVERABLE),
	E(ERFKILL), E(EHWPOISON),
};

const char *errno_name(unsigned number)
{
	return number < sizeof(errors) / sizeof(*errors) ? errors[number] : NULL;
}

bool linux_has_result(const struct transition *t)
{
	return t->kernel == KERNEL_LINUX && t->entry && t->service.valid && !t->again && t->way != RETURN_PROGRAM &&
	       t->way != RETURN_RESUMED;
}

int64_t linux_result(const struct transition *t)
{
	return t->service.is_32bit ? (int32_t)t->result : (int64_t)t->result;
}

const char *linux_error(const struct transition *t)
{
	const int64_t result = linux_result(t);

	return result < 0 && result >= -LINUX_ERRNO_MAX ? errno_name((unsigned)-result) : NULL;
}

static void put_number(char kind, uint64_t value, bool is_32bit, char *text, size_t size)
{
	const int number = (int)value;

	switch (kind) {
	case 'd':
		if (number == AT_FDCWD) {
			format_to(text, size, "AT_FDCWD");
			break;
		}
		/* fallthrough */
	case 'f':
	case 'i':
	case 't':
		format_to(text, size, "%d", number);
		break;
	case 'o':
		format_to(text, size, "%" PRId64, is_32bit ? number : (int64_t)value);
		break;
	case 'z':
		format_to(text, size, "%" PRIu64, value);
		break;
	case 'm':
		snprintf(text, size, "%#o", (unsigned)value);
		break;
	default:
		if (value || kind == 'x')
			format_to(text, size, "0x%" PRIx64, value);
		else
			format_to(text, size, "NULL");
	}
}

/* In quotes, with C's escapes for what cannot be printed. */
static void put_quoted(const struct call_string *string, char *text, size_t size)
{
	const char *from = string->text;
	size_t length = 0;

	text[length++] = '"';
	/* The longest of what follows: an escape, a quote, dots and the end. */
	while (*from && length + 12 < size) {
		size_t bytes = utf8_printable(from);

		if (*from == '"' || *from == '\\') {
			text[length++] = '\\';
			bytes = 1;
		}
		if (bytes) {
			memcpy(text + length, from, bytes);
			length += bytes;
			from += bytes;
		} else {
			length += (size_t)snprintf(text + length, size - length, "\\x%02x", (unsigned char)*from++);
		}
	}
	snprintf(text + length, size - length, "\"%s", *from || string->cut ? "..." : "");
}

const char *linux_argument(const struct transition *t, unsigned n, char *text, size_t size)
{
	const struct service *s = &t->service;
	const char kind = s->call && n < linux_argument_count(s->call) ? s->call->kinds[n] : 'x';

	for (unsigned i = 0; i < t->string_count && i < CALL_STRINGS; i++) {
		if (t->strings[i].argument == n) {
			put_quoted(&t->strings[i], text, size);
			return text;
		}
	}
	put_number(kind, s->args[n], s->is_32bit, text, size);
	return text;
}

const char *linux_result_text(const struct transition *t, char *text, size_t size)
{
	const char *error = linux_error(t), *kinds = t->service.call ? t->service.call->kinds : "";
	const bool address = strchr(kinds, '>');

	if (error)
		format_to(text, size, "-%s", error);
	else if (address)
		format_to(text, size, "0x%" PRIx64, t->service.is_32bit ? (uint32_t)t->result : t->result);
	else
		format_to(text, size, "%" PRId64, linux_result(t));
	return text;
}
