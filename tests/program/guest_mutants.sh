#!/bin/bash
# One number changed in a copy of a guest: the trace changes, and what a
# manual objects to is flagged.
. "$(dirname "$0")/tap.sh"

# IA32_STAR = C0000081h, then its value, low half first.
STAR=810000c00000000000000000
check "STAR[63:48] without RPL 3: made" mutant star_user ${STAR}10002300 ${STAR}10002000
run star_user -f json --timeout=20 "$work/star_user.elf"
check "  the trace shows the value" json star_user \
	'any(.[]; .name == "IA32_STAR" and .value == "0x20001000000000" and .decoded.sysret_cs64 == "0x33")'
check "  SYSRET's SS is flagged: AMD loads 28, without RPL" json star_user \
	'any(.[] | select(.kind == "sysret").checks[];
	     .field == "ss" and .verdict == "contradicted" and .expected == "0x28" and .observed == "0x2b")'
check "  and said to be the emulator's own where it is" json star_user \
	'.[0].engine != "box" or any(.[] | select(.kind == "sysret").checks[]; .known // "" | test("RPL"))'
check "  status 1" status_is star_user 1

check "STAR[47:32] with RPL 3: made" mutant star_kernel ${STAR}10002300 ${STAR}13002300
run star_kernel -f json --timeout=20 "$work/star_kernel.elf"
check "  SYSCALL's SS is flagged: 13h + 8 is not masked" json star_kernel \
	'any(.[] | select(.kind == "syscall").checks[]; .field == "ss" and .verdict == "contradicted" and .expected == "0x1b")'
check "  status 1" status_is star_kernel 1

check "STAR[63:48] one row too far: made" mutant star_row ${STAR}10002300 ${STAR}10002b00
run star_row -f json --timeout=20 "$work/star_row.elf"
check "  SYSRET goes to CS 3B, SS 33" json star_row \
	'any(.[] | select(.kind == "sysret"); .after.cs == "0x3b" and .after.ss == "0x33")'
check "  which claim C90 refuses" json star_row 'any(.[]; .id == "C90" and .observed == "refuted")'
check "  and C89" json star_row 'any(.[]; .id == "C89" and .observed == "refuted")'

FMASK=840000c000000000
check "FMASK leaves IF: made" mutant fmask ${FMASK}00470000 ${FMASK}00450000
run fmask -f json --timeout=20 "$work/fmask.elf"
check "  the trace shows the value" json fmask 'any(.[]; .name == "IA32_FMASK" and .value == "0x4500")'
check "  SYSCALL leaves IF set" json fmask \
	'[.[] | select(.kind == "syscall").after.rflags | ltrimstr("0x") | test("[2367abef]..$")] | length > 3 and all'
check "  as the manual says: no check is contradicted" json fmask '.[-1].checks.contradicted == 0'

# The GDT: ring 3 data, then ring 3 64-bit code.
DATA=ffff000000f3cf00
CODE=ffff000000fbaf00
check "ring 3 data with DPL 0: made" mutant gdt_dpl $DATA$CODE ffff00000093cf00$CODE
run gdt_dpl -f json --timeout=20 "$work/gdt_dpl.elf"
check "  loading 2B in ring 0 takes #GP(28)" json gdt_dpl \
	'any(.[] | select(.kind == "fault"); .name == "#GP" and .error == "0x28" and .before.cpl == 0)'
check "  as the manual says: no check is contradicted" json gdt_dpl '.[-1].checks.contradicted == 0'
check "ring 3 data and code in the wrong order: made" mutant gdt_order $DATA$CODE $CODE$DATA
run gdt_order -f json --timeout=20 "$work/gdt_order.elf"
check "  the first IRET takes #GP" json gdt_order 'any(.[] | select(.kind == "iret"); .fault.name == "#GP")'

# --- guest32.elf ---

# mov ebx,[esi+128h]; mov [ebp+3Ch],ebx, in KiFastCallEntry's prologue
check "EDX is saved in place of KTHREAD.TrapFrame: made" mutant trap_frame \
	8b9e28010000895d3cc7451000000001 89d390909090895d3cc7451000000001 guest32.elf
run trap_frame -f json --timeout=20 "$work/trap_frame.elf"
check "  which claim C37 refuses" json trap_frame 'any(.[]; .id == "C37" and .observed == "refuted")'

# push fs:[0]; mov fs:[0],-1; push [esi+13Ah], in KiSystemService's
LIST=64c70500000000ffffffff
check "ExceptionList is not saved: made" mutant list 64ff3500000000${LIST}ffb63a010000 68000000006690${LIST}ffb63a010000 guest32.elf
run list -f json --timeout=20 "$work/list.elf"
check "  which claim C32 refuses" json list 'any(.[]; .id == "C32" and .observed == "refuted")'

# 2Eh: 08:801015B0 and the like, DPL 3
GATE=$(nm "$build/guest32.elf" | sed -n 's/^\(....\)\(..\)\(..\) . KiSystemService$/\3\20800 \1/p')
LOW=${GATE% *} HIGH=${GATE#* }
HIGH=${HIGH#??}${HIGH%??}
check "gate 2Eh with DPL 0: made" mutant gate_dpl ${LOW}00ee$HIGH ${LOW}008e$HIGH guest32.elf
run gate_dpl -f json --timeout=20 "$work/gate_dpl.elf"
check "  INT 2Eh takes #GP(172)" json gate_dpl \
	'[.[] | select(.kind == "int").fault | select(. and .name == "#GP" and .error == "0x172")] | length > 0'
check "  as the manual says: no check is contradicted" json gate_dpl '.[-1].checks.contradicted == 0'

# sti; sysexit
check "SYSEXIT with IF off: made" mutant no_sti fb0f35 900f35 guest32.elf
run no_sti -f json --timeout=20 "$work/no_sti.elf"
check "  ring 3 has IF = 0" json no_sti \
	'[.[] | select(.kind == "sysexit").after.rflags | ltrimstr("0x") | test("[2367abef]..$")] | length > 3 and (any | not)'

# cli; test [ebp+6Ch],1, in KiServiceExit
check "the way out leaves interrupts on: made" mutant no_cli faf6456c01 90f6456c01 guest32.elf
run no_cli -f json --timeout=20 "$work/no_cli.elf"
check "  which claim C121 refuses" json no_cli 'any(.[]; .id == "C121" and .observed == "refuted")'

done_testing
