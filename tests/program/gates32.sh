#!/bin/bash
# The gates of 32-bit kernels, by small guests: each once, refused, through
# segments with bases, under paging, and unseen by the guest.
. "$(dirname "$0")/tap.sh"
every_line_fits=yes

sound() { # NAME: it ended by itself, and all that was compared held
	status_is "$1" 0 && json "$1" '.[-1] | .code == 0 and .checks.contradicted == 0' &&
		json "$1" 'all(.[] | select(.seq and .kind != "lint"); (.checks | length) > 5 and .before.mode == "32" and .after.mode == "32")'
}
has() { # NAME KIND COUNT
	json "$1" "[.[] | select(.kind == \"$2\")] | length == $3"
}

run minimal -f json "$build/minimal32.elf"
check "minimal32: sound" sound minimal
check "SYSENTER goes to 08/10, SYSEXIT back to 1B/23" json minimal \
	'([.[] | select(.kind == "sysenter").after] | length == 2 and all(.cs == "0x8" and .ss == "0x10" and .cpl == 0))
	 and ([.[] | select(.kind == "sysexit").after] | length == 1 and all(.cs == "0x1b" and .ss == "0x23" and .cpl == 3))'
check "SYSEXIT and IRETD name their entries" json minimal \
	'[.[] | select(.kind == "sysexit" or .kind == "iret").entry] == [null, 5, 7, 9]'
check "INT 2Eh: five dwords, the lowest at ESP0-14h" json minimal \
	'.[] | select(.kind == "int") | .frame.cs == "0x1b" and .frame.ss == "0x23" and .frame.rsp == .before.rsp
	 and .frame.address == .after.rsp and .stack.slot == "SS0:ESP0" and .stack.ss == "0x10"'
check "its gate: interrupt, DPL 3, in the code segment 08" json minimal \
	'.[] | select(.kind == "int").gate | .selector == "0x8" and .type == "interrupt" and .dpl == 3 and .present'

run legacy -f json "$build/legacy_syscall32.elf"
check "legacy_syscall32: sound" sound legacy
check "legacy SYSCALL: EIP = STAR[31:0], ECX = next EIP" json legacy \
	'([.[] | select(.kind == "wrmsr" and .name == "IA32_STAR").decoded.eip32][0]) as $eip
	 | [.[] | select(.kind == "syscall" and .fault == null)] | length == 2 and all(.after.rip == $eip and .after.cs == "0x8")'
check "legacy SYSCALL while SCE = 0 is #UD, SYSRET in ring 3 is #GP(0)" json legacy \
	'any(.[]; .kind == "syscall" and .fault.name == "#UD")
	 and any(.[]; .kind == "sysret" and .fault.name == "#GP" and .fault.error == "0x0")'
check "SYSRET names its entry" json legacy '[.[] | select(.kind == "sysret" and .fault == null).entry] == [8]'

run faults -f json "$build/faults32.elf"
check "faults32: sound" sound faults
check "ring 0: SYSEXIT, SYSENTER, nine IRETDs and six INTs, each refused as the manual says" json faults \
	'[.[] | select(.before.cpl == 0 and .fault) | "\(.kind) \(.fault.name) \(.fault.error)"]
	 == ["sysexit #GP 0x0", "sysenter #GP 0x0", "iret #GP 0x0", "iret #GP 0x8", "iret #GP 0x20", "iret #GP 0x7ff8",
	     "iret #GP 0x0", "iret #GP 0x10", "iret #GP 0x10", "iret #GP 0x40", "iret #GP 0x7ff8", "int #NP 0x18a",
	     "int #GP 0x0", "int #GP 0x10", "int #NP 0x38", "int #GP 0x402", "int #GP 0xc"]'
check "ring 3: by DPL, task gate, code segment, table limit and inner stack" json faults \
	'[.[] | select(.before.cpl == 3 and .fault) | "\(.kind) \(.fault.name) \(.fault.error)"]
	 == ["sysenter #GP 0x0", "sysexit #GP 0x0", "int #GP 0x182", "int #NP 0x18a", "int #GP 0x192", "int #GP 0x0",
	     "int #GP 0x10", "int #NP 0x38", "int #GP 0x402", "int #TS 0x0", "int #TS 0x10", "int #TS 0x20",
	     "int #TS 0x7ff8"]'
check "the gates that refused are shown" json faults \
	'any(.[]; .fault.error == "0x182" and .gate.dpl == 0) and any(.[]; .fault.error == "0x192" and .gate.type == "task")'

run segments -f json "$build/segments32.elf"
check "segments32: sound" sound segments
check "symbols, where offsets are no addresses" json segments \
	'[.[] | select(.kind == "int" or .kind == "fault").symbol | sub("\\+.*"; "")] == ["user", "user", "user"]'
check "IRETD finds its entry where the stack has a base" json segments \
	'[.[] | select(.kind == "iret").entry] == [null, 2, 4]'

run absentstack -f json "$build/absentstack32.elf"
check "absentstack32: #SS by the manual; QEMU's #TS is contradicted and named" json absentstack \
	'[.[] | select(.kind == "int").checks[]] | .[0].expected == "0xc"
	 and (.[0].verdict == "held" or (.[0].observed == "0xa" and (.[0].known | test("#TS"))))'

run paging -f json "$build/paging32.elf"
check "paging32: sound" sound paging
check "an entry to a page that is not there: the gate, then #PF at its first byte" json paging \
	'[.[] | select(.kind == "int" or .kind == "sysenter" or .kind == "fault")] as $e
	 | [range(1; $e | length) | select($e[.].kind == "fault" and $e[.].name == "#PF" and $e[.].before.cpl == 0)
	    | "\($e[. - 1].kind) \($e[. - 1].after.rip == $e[.].rip) \($e[.].cr2 == $e[.].rip)"]
	 == ["int true true", "sysenter true true", "fault true true"]'

for guest in faults32 legacy_syscall32 minimal32 paging32 segments32 transparency32; do
	run untouched --watch=none "$build/$guest.elf"
	run stepped --trace "$build/$guest.elf"
	check "$guest: the same console and end, untouched and stepped" bash -c \
		"diff <(grep '^guest:' '$work/untouched.err') <(grep '^guest:' '$work/stepped.err') 2>&1 && \
		 diff '$work/untouched.status' '$work/stepped.status'"
	check "$guest: status 0" status_is stepped 0
done
check "transparency32 reports what it sees" sh -c "[ \$(grep -c '^guest:' '$work/stepped.err') = 32 ]"

done_testing
