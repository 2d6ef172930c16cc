/*
 * The texts of the 32-bit process, in its own pages.
 */
#include "app32.h"

#include <stddef.h>
#include <stdint.h>

#define USER32_DATA_SECTION __attribute__((section(".user32.data"), aligned(4)))

/* What the program reads from its file lands between the quotes. */
struct message {
	uint16_t before[13], content[APP32_CONTENT_SIZE / 2], after[6], path[APP32_PATH_SIZE / 2];
};
_Static_assert(offsetof(struct message, content) == APP32_MESSAGE_CONTENT, "content");
_Static_assert(offsetof(struct message, path) == APP32_MESSAGE_PATH, "path");
_Static_assert(sizeof(struct message) == APP32_MESSAGE_SIZE, "message");

extern struct message App32Message;
extern uint16_t App32FileName[], App32Content[], App32ByInt[];

USER32_DATA_SECTION struct message App32Message = {
	.before = u"wow64: read '", .after = u"' via ", .path = u"syscall\n",
};
USER32_DATA_SECTION uint16_t App32FileName[] = u"\\??\\C:\\note";
USER32_DATA_SECTION uint16_t App32Content[] = u"hello from wow64";
USER32_DATA_SECTION uint16_t App32ByInt[] = u"int 2eh\n";
_Static_assert(sizeof(App32Content) == APP32_CONTENT_SIZE + 2, "content");
_Static_assert(sizeof(App32ByInt) == APP32_PATH_SIZE + 2, "path");
