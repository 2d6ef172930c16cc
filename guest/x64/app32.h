/*
 * The texts of the 32-bit process: written in C, which knows UTF-16, used by
 * assembly, which knows only these sizes.  Safe to include from assembly.
 */
#ifndef APP32_H
#define APP32_H

#define APP32_CONTENT_SIZE      32              /* bytes of the file */
#define APP32_PATH_SIZE         16
#define APP32_MESSAGE_CONTENT   26              /* offsets in the message */
#define APP32_MESSAGE_PATH      (APP32_MESSAGE_CONTENT + APP32_CONTENT_SIZE + 12)
#define APP32_MESSAGE_SIZE      (APP32_MESSAGE_PATH + APP32_PATH_SIZE)

#endif
