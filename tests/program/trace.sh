#!/bin/bash
# The main job: ./vmm guest.elf --trace, as a person and as a script reads it.
. "$(dirname "$0")/tap.sh"
every_line_fits=yes

run text --trace "$build/guest.elf"
check "text: status 0" status_is text 0
check "text: 0 contradicted" grep -Eq '^checks .* 0 contradicted' "$work/text.out"
check "text: no escape sequences where there is no terminal" sh -c "! grep -q '$(printf '\033')' '$work/text.out'"
COLUMNS=80 run narrow --trace "$build/guest.elf"
check "text: nothing over 80 columns in 80 columns" sh -c "! grep -Eq '.{81}' '$work/narrow.out'"

run json -f json "$build/guest.elf"
check "json: status 0" status_is json 0
check "json: header, events, claims, summary, in this order" json json \
	'[.[].kind | if . == "header" or . == "claim" or . == "summary" then . else "event" end]
	 | . as $k | reduce $k[] as $x ([]; if .[-1] == $x then . else . + [$x] end)
	 == ["header", "event", "claim", "summary"]'
check "json: the header says on what it ran" json json \
	'.[0] | .version == 1 and .guest == "guest.elf" and .watch == "step" and (.provenance | length > 10)
	 and (.engine == "box" or .engine == "kvm") and (.processor == "amd" or .processor == "intel")'
check "json: seq counts without a gap" json json '[.[] | select(.seq).seq] == [range(1; 1 + ([.[] | select(.seq)] | length))]'
check "json: the summary counts what is there" json json \
	'.[-1] as $s | [.[] | select(.seq)] as $e | [.[] | select(.kind == "claim").observed] as $c
	 | $s.events == ($e | length)
	 and $s.checks.held == ([$e[].checks[] | select(.verdict == "held")] | length)
	 and $s.checks.contradicted == ([$e[].checks[] | select(.verdict == "contradicted")] | length)
	 and $s.claims.held == ([$c[] | select(. == "held")] | length)
	 and $s.claims.refuted == ([$c[] | select(. == "refuted")] | length)
	 and $s.claims.not_exercised == ([$c[] | select(. == "not_exercised")] | length)'
check "json: 0 contradicted, and not for want of checks" json json \
	'.[-1].checks | .contradicted == 0 and .held > 2000'
check "json: something was compared on every transition" json json 'all(.[] | select(.seq); (.checks | length) > 5)'
check "json: every check has its source" json json 'all(.[] | select(.seq).checks[]; .source | length > 5)'
check "json: 64-bit values are lower-case hexadecimal without leading zeros" json json \
	'all(.[] | select(.seq) | .before.rip, .before.rax, .after.rsp, .after.rflags; test("^0x(0|[1-9a-f][0-9a-f]*)$"))'

check "the other vendor's manual: SYSCALL from compatibility mode, and nothing else" json json \
	'[.[] | select(.other_vendor) | "\(.kind) \(.before.mode) \(.other_vendor | map(.field))"] == ["syscall compat [\"vector\"]"]
	 and ([.[] | .other_vendor // empty | .[] | [.here, .there]] | .[0] == ["none", "0x6"] or .[0] == ["0x6", "none"])'
check "text: the same" grep -Eq '1x +syscall +#UD  passed here  event [0-9]+' "$work/text.out"

# The order that the gates are passed in.
check "EFER, STAR, LSTAR, CSTAR, FMASK, KERNEL_GS_BASE are written in this order" json json \
	'[.[] | select(.kind == "wrmsr").name] | [.[] | select(. != "IA32_GS_BASE")][0:6]
	 == ["IA32_EFER", "IA32_STAR", "IA32_LSTAR", "IA32_CSTAR", "IA32_FMASK", "IA32_KERNEL_GS_BASE"]'
check "STAR is Windows' own, and decoded" json json \
	'[.[] | select(.kind == "wrmsr" and .name == "IA32_STAR")][0]
	 | .value == "0x23001000000000" and .decoded.syscall_cs == "0x10" and .decoded.syscall_ss == "0x18"
	 and .decoded.sysret_cs64 == "0x33" and .decoded.sysret_cs32 == "0x23" and .decoded.sysret_ss == "0x2b"'
check "all six are read back, the same values" json json \
	'(reduce (.[] | select(.kind == "wrmsr")) as $w ({}; if has($w.name) then . else .[$w.name] = $w.value end)) as $written
	 | [.[] | select(.kind == "rdmsr" and $written[.name // ""]) | .value == $written[.name]] | length >= 6 and all'
check "an unimplemented MSR takes #GP(0) and is survived" json json \
	'any(.[] | select(.kind == "rdmsr" and .fault); .fault.name == "#GP" and .fault.error == "0x0")'
check "23 -> 33, SYSCALL, SYSRETQ to 33 and 2B, 33 -> 23, in this order" json json \
	'[.[] | select(.seq)] | map(
	   if .kind == "far" and .before.cs == "0x23" and .after.cs == "0x33" then "in"
	   elif .kind == "syscall" then "syscall"
	   elif .kind == "sysret" and .after.cs == "0x33" and .after.ss == "0x2b" then "sysretq"
	   elif .after.cs == "0x23" and .before.cs == "0x33" then "out" else empty end)
	 | join(" ") | test("in syscall sysretq out")'
check "SYSCALL: RCX is the next instruction, R11 is RFLAGS" json json \
	'[.[] | select(.kind == "syscall")] | length > 5 and all(.[];
	   .before as $b | .after | .r11 == $b.rflags and .cs == "0x10" and .ss == "0x18" and .cpl == 0)
	 and all(.[] | .checks; any(.field == "rcx" and .verdict == "held") and any(.field == "r11" and .verdict == "held"))'
check "INT 2Eh enters and IRET returns, paired" json json \
	'[.[] | select(.kind == "iret").entry] as $returned
	 | [.[] | select(.kind == "int" and .vector == 46 and .service.name != "NtTerminateProcess").seq] | length > 3 and all(. as $s | $returned | index($s))'
check "services by name" json json \
	'[.[] | select(.service).service.name] | unique
	 | contains(["NtClose", "NtCreateFile", "NtReadFile", "NtWriteFile", "NtDisplayString", "NtTerminateProcess",
	             "NtUserGetThreadState"])'
check "NtReadFile has nine arguments" json json \
	'[.[] | select(.kind == "syscall" or .kind == "int") | select(.service.name == "NtReadFile").service.args | length]
	 | length > 0 and all(. == 9)'
check "every SYSRET names its entry" json json \
	'[.[] | select(.kind == "sysret").entry] | length > 5 and all(type == "number")'
check "what must fail does, with its NTSTATUS" sh -c \
	"grep -q STATUS_INVALID_SYSTEM_SERVICE '$work/text.out' && grep -q STATUS_ACCESS_VIOLATION '$work/text.out'"
check "the guest's own words: it read what it wrote" grep -q "^guest: .*read 'hello from" "$work/text.err"

check "claims: documents 003 and 004 are set beside the run" json json \
	'[.[] | select(.kind == "claim" and .observed != "not_exercised")] | length >= 35
	 and all(.events | length > 0)'
check "claims: what is wrong on paper and was reached is refuted" json json \
	'all(.[] | select(.kind == "claim" and .paper == "wrong" and .observed != "not_exercised"); .observed == "refuted")'
# C91, "32-bit code must set CS to 33 first", is true of Windows; on AMD the guest also shows the way without.
check "claims: what is true on paper is not refuted" json json \
	'all(.[] | select(.kind == "claim" and .paper == "true" and .id != "C91"); .observed != "refuted")'
run claims --claims
check "--claims: status 0" status_is claims 0
check "--claims lists what the trace lists" json json \
	"[.[] | select(.kind == \"claim\").id] == [$(grep -oE '^ *C[0-9]+' "$work/claims.out" | sed 's/ *\(.*\)/"\1"/' | paste -sd,)]"

run some -f json --trace=far "$build/guest.elf"
check "--trace=far: far transfers alone" json some '[.[] | select(.seq).kind] | length > 2 and all(. == "far")'

done_testing
