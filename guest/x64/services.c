/*
 * Services that are not about files: text to the debug port, the way into the
 * kernel that user stubs take, and win32k's one service.
 */
#include "abi.h"
#include "kernel.h"
#include "layout.h"

#define STRING_MAX 96                   /* characters that one call shows */

/* The low byte of each UTF-16 unit. */
static void show(const uint16_t *text, size_t count)
{
	__asm__ volatile("1: lodsw; outb %%al, %%dx; loop 1b"
			 : "+S"(text), "+c"(count) : "d"(ABI_PORT_DEBUG) : "rax", "memory");
}

NTAPI ntstatus KxDisplayString(uint64_t string)
{
	struct unicode_string s;
	uint16_t text[STRING_MAX];

	if (!KiCopyFromUser(&s, string, sizeof(s)))
		return STATUS_ACCESS_VIOLATION;
	if (s.length > sizeof(text) || s.length & 1)
		return STATUS_INVALID_PARAMETER;
	if (!KiCopyFromUser(text, s.buffer, s.length))
		return STATUS_ACCESS_VIOLATION;
	if (s.length)
		show(text, s.length / 2);
	return STATUS_SUCCESS;
}

/* Ours: Windows writes this word once, when it starts. */
NTAPI ntstatus KxSetSystemCall(uint64_t value)
{
	*(volatile uint32_t *)(NT_SHARED_KERNEL + KUSER_SYSTEM_CALL) = (uint32_t)value;
	return STATUS_SUCCESS;
}

/* A number in table 1 from a thread that has only table 0. */
void KiConvertToGuiThread(struct kthread *thread)
{
	thread->misc_flags |= KTHREAD_GUI_THREAD;
	DBG("win32k attached\n");
}

/* This win32k keeps one thing about a thread: how often it has called. */
NTAPI uint64_t xxxGetThreadState(uint64_t routine)
{
	if (routine)
		return 0;
	return ++current_thread()->win32k_calls;
}
