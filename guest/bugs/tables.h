/*
 * The kernel's tables: GDT, TSS, IDT, per-CPU block, threads, stacks, pages.
 * Included by bug.h alone.
 */
	.balign	16
gdt:	.quad	0
#ifndef OWN_GDT
	.quad	FLAT_CODE64(0), FLAT_DATA(0), FLAT_CODE32(3), FLAT_DATA(3), FLAT_CODE64(3)
#else
	.quad	OWN_GDT
#endif
	.short	X86_TSS64_SIZE - 1, tss - image
	.byte	IMAGE >> 16, X86_DESC_P | X86_TYPE_TSS_AVAILABLE, 0, 0
	.quad	0
gdt_register:
	.short	gdt_register - gdt - 1
	.quad	gdt

	.balign	128
	.skip	12				/* so that RSP0 is aligned, and the whole in one page */
tss:	.long	0
	.quad	TSS_RSP0, 0, 0, 0
	.quad	TSS_IST1, stack_nmi, stack_db, stack_mc, 0, 0, 0
	.quad	0
	.short	0, X86_TSS64_SIZE

	.macro	gate handler, ist=0, dpl=0
	.short	\handler - image, CS0
	.byte	\ist, X86_DESC_P | \dpl << 5 | X86_TYPE_INTERRUPT_GATE
	.short	IMAGE >> 16
	.long	0, 0
	.endm
	.balign	16
idt:	.set	vector, 0
	.rept	32
	.if	vector == X86_VECTOR_DF
	gate	stubs+vector*16, 1
	.elseif	vector == X86_VECTOR_NMI
	gate	stubs+vector*16, 2
	.elseif	vector == X86_VECTOR_DB
	gate	stubs+vector*16, IST_DB
	.elseif	vector == X86_VECTOR_MC
	gate	stubs+vector*16, 4
	.else
	gate	stubs+vector*16
	.endif
	.set	vector, vector + 1
	.endr
#ifdef OWN_IRQ
	gate	own_irq
#else
	.quad	0, 0
#endif
	.fill	(0x80 - 33) * 2, 8, 0
	gate	int80_entry, 0, 3
idt_register:
	.short	idt_register - idt - 1
	.quad	idt

	.balign	16
percpu:	.quad	stack_a, 0, thread_a, 0
thread_a:
	.quad	0, stack_a, thread_b
thread_b:
	.quad	stack_b_now, stack_b, thread_a

	stack	stack_df
	stack	stack_nmi
	stack	stack_db
	stack	stack_mc
	.skip	512
stack_b_now:
	.quad	0, 0, 0, 0, 0, 0, thread_start
	.quad	user_b, CS3, FLAGS_USER, user_stack_b, DS3
stack_b:

/* The kernel's 2 MiB, and ring 3's. */
#ifndef OWN_PAGING
	.balign	X86_PAGE_SIZE
pml4:	.quad	pdpt + PML4E_FLAGS
	.fill	511, 8, 0
pdpt:	.quad	page_directory + (X86_PTE_P | X86_PTE_W | X86_PTE_U)
	.fill	511, 8, 0
page_directory:
	.quad	0
#ifdef ENTRY_PTE
	.quad	page_table + (X86_PTE_P | X86_PTE_W)
#else
	.quad	IMAGE + (X86_PTE_P | X86_PTE_W | X86_PTE_PS)
#endif
	.quad	USER_IMAGE + (X86_PTE_P | X86_PTE_W | X86_PTE_U | X86_PTE_PS)
	.fill	509, 8, 0
#ifdef ENTRY_PTE
page_table:
	.set	page, IMAGE
	.rept	16
	.quad	page + (X86_PTE_P | X86_PTE_W)
	.set	page, page + X86_PAGE_SIZE
	.endr
	.quad	ENTRY_PTE			/* .entry, bugs.ld */
	.fill	495, 8, 0
#endif
#endif
