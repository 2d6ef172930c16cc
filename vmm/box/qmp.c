/*
 * QMP over a socket: one JSON object a line (docs/interop/qmp-spec of QEMU).
 */
#include "box/qmp.h"

#include <jansson.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MAX = 65536, PATIENCE_S = 10, POLL_NS = 2000000 };

FILE *qmp_open(int fd)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fdopen(fd, "r");
}

static json_t *read_object(FILE *monitor)
{
	static char line[ANSWER_MAX];

	if (!monitor || !fgets(line, sizeof(line), monitor))
		return NULL;
	return json_loads(line, 0, NULL);
}

bool qmp_greeting(FILE *monitor, char *version, size_t size)
{
	json_t *greeting = read_object(monitor);
	int major, minor, micro, failed;

	failed = json_unpack(greeting, "{s:{s:{s:{s:i,s:i,s:i}}}}", "QMP", "version", "qemu",
			     "major", &major, "minor", &minor, "micro", &micro);
	if (!failed)
		snprintf(version, size, "%d.%d.%d", major, minor, micro);
	json_decref(greeting);
	return !failed;
}

static bool send_text(int fd, const char *text, int passed)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .bytes = { 0 } };
	struct iovec part = { .iov_base = (void *)text, .iov_len = strlen(text) };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (passed >= 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = sizeof(control.bytes);
		c = CMSG_FIRSTHDR(&header);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &passed, sizeof(int));
	}
	/* Commands are a few hundred bytes: the socket takes them whole. */
	return sendmsg(fd, &header, MSG_NOSIGNAL) == (ssize_t)part.iov_len;
}

/* The answer to one command, past the events before it; NULL for an error. */
static json_t *command(FILE *monitor, const char *text, int passed)
{
	json_t *object, *result = NULL;

	if (!send_text(fileno(monitor), text, passed))
		return NULL;
	while (!result && (object = read_object(monitor)) != NULL) {
		bool error = json_object_get(object, "error") != NULL;

		result = json_incref(json_object_get(object, "return"));
		json_decref(object);
		if (error)
			break;
	}
	return result;
}

static bool done(FILE *monitor, const char *text, int passed)
{
	json_t *result = command(monitor, text, passed);

	json_decref(result);
	return result != NULL;
}

/* Memory is in a file that both machines map: it has no place in the state. */
static bool prepare(FILE *monitor)
{
	return done(monitor, "{\"execute\":\"qmp_capabilities\"}\n", -1) &&
	       done(monitor, "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":"
		    "[{\"capability\":\"x-ignore-shared\",\"state\":true}]}}\n", -1);
}

static bool migration_completed(FILE *monitor)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };

	for (int i = 0; i < PATIENCE_S * (1000000000 / POLL_NS); i++) {
		json_t *result = command(monitor, "{\"execute\":\"query-migrate\"}\n", -1);
		const char *status = json_string_value(json_object_get(result, "status"));
		bool completed = status && strcmp(status, "completed") == 0;
		bool over = !status || completed || strcmp(status, "failed") == 0;

		json_decref(result);
		if (over)
			return completed;
		nanosleep(&pause, NULL);
	}
	return false;
}

bool qmp_save(FILE *monitor, int fd)
{
	return prepare(monitor) &&
	       done(monitor, "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"state\"}}\n", fd) &&
	       done(monitor, "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"fd:state\"}}\n", -1) &&
	       migration_completed(monitor);
}

bool qmp_restore(FILE *monitor, int fd)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "{\"execute\":\"migrate-incoming\",\"arguments\":{\"uri\":\"fd:%d\"}}\n", fd);
	return prepare(monitor) && done(monitor, text, -1);
}
