#!/bin/bash
# ./vmm guest32.elf --trace: the system calls of 32-bit Windows, and what the
# documents say of them.  Numbers are the documents' and the manuals'.
. "$(dirname "$0")/tap.sh"
every_line_fits=yes

run text --trace "$build/guest32.elf"
check "text: status 0" status_is text 0
check "text: 0 contradicted" grep -Eq '^checks .* 0 contradicted' "$work/text.out"
check "text: the frame's words and the field where it lies" \
	grep -Eq 'frame 0x[0-9a-f]+  EIP 0x[0-9a-f]+  CS 1B  EFLAGS .*' "$work/text.out"
check "text: names of structures' fields" grep -q 'KTRAP_FRAME.Eip' "$work/text.out"
check "text: the gate, its code segment and the stack of the TSS" sh -c \
	"grep -Eq 'gate 2E: 08:0x[0-9a-f]+ interrupt DPL 3  CS 08 code32 DPL 0' '$work/text.out' &&
	 grep -Eq 'TSS SS0:ESP0 10:0x[0-9a-f]+' '$work/text.out'"
COLUMNS=80 run narrow --trace "$build/guest32.elf"
check "text: nothing over 80 columns in 80 columns" sh -c "! grep -Eq '.{81}' '$work/narrow.out'"

run json -f json "$build/guest32.elf"
check "json: status 0" status_is json 0
check "json: 0 contradicted, and not for want of checks" json json '.[-1].checks | .contradicted == 0 and .held > 1500'
check "json: all of it in 32-bit mode" json json 'all(.[] | select(.seq); .before.mode == "32" and .after.mode == "32")'

check "SYSENTER_CS, _ESP and _EIP are written, CS as 8" json json \
	'[.[] | select(.kind == "wrmsr") | "\(.name) \(.value)"][0:3] | .[0] == "IA32_SYSENTER_CS 0x8"
	 and (.[1] | startswith("IA32_SYSENTER_ESP ")) and (.[2] | startswith("IA32_SYSENTER_EIP "))'
check "SYSENTER: CS 8, SS 10, ring 0, at the MSRs' EIP and ESP, IF clear" json json \
	'([.[] | select(.kind == "wrmsr")] | map({(.name): .value}) | add) as $msr
	 | [.[] | select(.kind == "sysenter").after] | length > 10 and all(.cs == "0x8" and .ss == "0x10" and .cpl == 0
	   and .rip == $msr.IA32_SYSENTER_EIP and .rsp == $msr.IA32_SYSENTER_ESP
	   and (.rflags | ltrimstr("0x") | test("[2367abef]..$") | not))'
check "SYSENTER leaves EAX and EDX, and EDX is the caller's ESP where a stub came" json json \
	'[.[] | select(.kind == "sysenter")] | all(.before.rax == .after.rax and .before.rdx == .after.rdx)
	 and ([.[] | select(.symbol == "KiFastSystemCall+2")] | length > 10 and all(.before.rdx == .before.rsp))'
check "SYSEXIT: CS 1B, SS 23, ring 3, EIP = EDX, ESP = ECX" json json \
	'[.[] | select(.kind == "sysexit")] | length > 10 and all(.after.cs == "0x1b" and .after.ss == "0x23"
	   and .after.cpl == 3 and .after.rip == .before.rdx and .after.rsp == .before.rcx)'
check "SYSENTER and SYSEXIT with IA32_SYSENTER_CS = 0Bh are the same: its RPL is masked" json json \
	'[.[] | select(.kind == "wrmsr" and .name == "IA32_SYSENTER_CS")] as $w
	 | ($w[] | select(.value == "0xb").seq) as $b | ($w[] | select(.seq > $b)) as $back
	 | [.[] | select(.seq and .seq > $b and .seq < $back.seq)]
	 | any(.[]; .kind == "sysexit" and .after.cs == "0x1b" and .after.ss == "0x23")
	   and any(.[]; .kind == "sysenter" and .after.cs == "0x8" and .after.ss == "0x10")'

# "80112de0" - 14h: without 64-bit arithmetic in jq, numbers of 32 bits are exact.
hex='def hex: ltrimstr("0x") | explode | reduce .[] as $c (0; . * 16 + (if $c > 96 then $c - 87 else $c - 48 end));'
check "INT 2Eh: EIP, CS, EFLAGS, ESP and SS from ESP0-14h on, the EIP behind CD 2E" json json \
	"$hex"'[.[] | select(.kind == "int" and .fault == null)] | length > 10 and all(.vector == 46
	   and (.frame.address | hex) == (.stack.rsp | hex) - 20 and .frame.address == .after.rsp and .stack.slot == "SS0:ESP0"
	   and (.frame.rip | hex) == (.before.rip | hex) + 2 and .frame.cs == "0x1b" and .frame.ss == "0x23"
	   and .frame.rsp == .before.rsp and .frame.rflags == .before.rflags)'
check "through an interrupt gate with DPL 3: IF is clear behind it" json json \
	'[.[] | select(.kind == "int" and .fault == null)] | all(.gate.type == "interrupt" and .gate.dpl == 3
	   and .gate.selector == "0x8" and (.after.rflags | ltrimstr("0x") | test("[2367abef]..$") | not))'
check "an interrupt gate with DPL 0: #GP with its vector * 8 + 2" json json \
	'any(.[]; .kind == "int" and .fault.name == "#GP" and .vector * 8 + 2 == 386 and .fault.error == "0x182")'
check "every return names its entry, and goes behind it" json json \
	'(map(select(.seq)) | map({("\(.seq)"): .}) | add) as $at
	 | [.[] | select((.kind == "sysexit" or .kind == "iret") and .after.cpl == 3 and .entry)]
	 | length > 30 and all($at["\(.entry)"].before.cpl == 3)'

# The choice by the shared page: the same stub, the other gate.
check "NtReadFile goes by SYSENTER, and by INT 2Eh once SystemCall of the shared page says so" json json \
	'[.[] | select((.kind == "sysenter" or .kind == "int") and .service.name == "NtReadFile"
	   and (.symbol | startswith("KiFastSystemCall") or startswith("KiIntSystemCall"))) | .kind] | .[0:2] == ["sysenter", "int"]'
check "CreateFile by both: NtCreateFile has its eleven parameters" json json \
	'[.[] | select((.kind == "sysenter" or .kind == "int") and .service.name == "NtCreateFile") | "\(.kind) \(.service.args | length)"]
	 == ["sysenter 11", "int 11"]'
check "NtReadFile has nine, the same by either gate" json json \
	'[.[] | select(.service.name == "NtReadFile" and (.kind == "sysenter" or .kind == "int")).service.args]
	 | .[0] == .[1] and (.[0] | length == 9)'
check "ret 9 leaves 1Bh bytes of parameters on the stack, ret 24h none" json json \
	"$hex"'[.[] | select(.kind == "int" and (.symbol | test("NtReadFileRet9|NtReadFileInt2e|AfterReadFile")))]
	 | (map(.symbol | test("Ret9")) | index(true)) as $n | .[$n:$n + 4]
	 | (.[1].before.rsp | hex) - (.[0].before.rsp | hex) == 4 + 4 + 9
	   and (.[3].before.rsp | hex) - (.[2].before.rsp | hex) == 4 + 4 + 36'
check "a user APC takes the place of a return, and NtContinue makes up for it" json json \
	'[.[] | select(.kind == "sysenter" and .service.name == "NtTestAlert").seq][0] as $in
	 | [.[] | select(.seq and .seq > $in and (.kind == "iret" or .kind == "sysenter"))][0:3]
	 | .[0].kind == "iret" and .[0].after.cpl == 3 and .[0].entry == null and .[1].service.name == "NtContinue"
	   and .[2].kind == "iret" and .[2].entry == $in'

refuted() { # ID...
	local id
	for id; do
		json json "any(.[]; .id == \"$id\" and .observed == \"refuted\" and (.events | length > 0))" || return 1
	done
}
check "what is wrong on paper and can be run is refuted: C07 C08 C24 C109" refuted C07 C08 C24 C109
run guest64 -f json "$build/guest.elf"
jq -s 'map(select(.kind == "claim")) | group_by(.id)
       | map({id: .[0].id, paper: .[0].paper, said: map(select(.observed != "not_exercised")), why: .[0].why})' \
	"$work/json.out" "$work/guest64.out" >"$work/claims.out"
check "by both guests at least 75 claims are decided, by events that are named" json claims \
	'.[0] | [.[] | select(.said | length > 0)] | length >= 75 and all(.[].said[]; .events | length > 0)'
check "wrong on paper: refuted, or beyond any guest" json claims \
	'.[0] | [.[] | select(.paper == "wrong")] | length == 6
	 and all(if .said == [] then .id == "C14" else all(.said[]; .observed == "refuted") end)'
check "the rest say why not" json claims '.[0] | all(.[] | select(.said == []); .why | length > 15)'

done_testing
