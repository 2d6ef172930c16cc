#!/bin/bash
# One number changed in a copy of guest.elf: the trace changes, and what a
# manual objects to is flagged.
. "$(dirname "$0")/tap.sh"

# mutant NAME HEX-BEFORE HEX-AFTER: guest.elf with one byte string, which occurs once, replaced.
mutant() {
	local offset
	offset=$(LC_ALL=C grep -obUaP "$(printf '%s' "$2" | sed 's/../\\x&/g')" "$build/guest.elf" | cut -d: -f1)
	[ "$(printf '%s\n' "$offset" | grep -c .)" = 1 ] || { echo "not once: $2 at $offset"; return 1; }
	cp "$build/guest.elf" "$work/$1.elf"
	printf "$(printf '%s' "$3" | sed 's/../\\x&/g')" |
		dd of="$work/$1.elf" bs=1 seek="$offset" conv=notrunc status=none
}

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

done_testing
