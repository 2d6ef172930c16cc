#!/bin/bash
# --filter: what it leaves is what jq leaves of the whole trace, from a run and from a recorded one; what is left out is
# checked all the same; a mistake is one line that says where.
. "$(dirname "$0")/tap.sh"

run whole -f json "$build/guest.elf"
run recorded -f ctf -o "$work/trace" "$build/guest.elf"
check "the whole trace" status_is whole 0
check "the recorded trace" status_is recorded 0

events() { jq -c 'select(.before)' "$1"; }

# filters EXPRESSION JQ-CONDITION LEAST: by reading, the events that jq picks, and LEAST of them at least.
filters() {
	local wanted
	run read read "$work/trace" -f json --filter "$1"
	jq -c "select(.before) | select($2)" "$work/whole.out" >"$work/wanted"
	events "$work/read.out" >"$work/got"
	wanted=$(wc -l <"$work/wanted")
	check "$1: $wanted events" test "$wanted" -ge "$3"
	check "$1: not all" test "$wanted" -lt "$(events "$work/whole.out" | wc -l)"
	check "$1: as jq" cmp "$work/wanted" "$work/got"
	check "$1: status 0" status_is read 0
}

filters 'service == NtCreateFile' '.service.name == "NtCreateFile"' 2
filters 'service =~ Nt*File' '(.service.name // "") | test("^Nt.*File$")' 4
filters 'service != NtCreateFile' '.service.name and .service.name != "NtCreateFile"' 10
filters 'not service == NtCreateFile' '.service.name != "NtCreateFile"' 10
filters 'number == 0x55' '.service.number == 85' 2
filters 'number >= 0x1000' '(.service.number // 0) >= 4096' 1
filters 'number == 0..0x20 or number == 0x55' '.service and (.service.number <= 32 or .service.number == 85)' 2
filters 'result == STATUS_SUCCESS' '.entry and .after.cpl == 3 and .service and (.before.rax | test("^0x0$|00000000$"))' 2
filters 'result >= 0xc0000000' '.entry and .after.cpl == 3 and .service and (.before.rax | test("^0x(ffffffff)?[c-f].......$"))' 1
filters 'ring == 3' '.before.cpl == 3' 10
filters 'ring < 3 and not ring == 1..2' '.before.cpl == 0' 10
filters 'address == KiSystemCall64' '(.symbol // "" | test("^KiSystemCall64([+]|$)")) or .kind == "syscall" and .after.cs == "0x10" and .before.cs == "0x33"' 5
filters 'address =~ "ntdll.*" and (ring == 3 and number >= 0)' '.service and .before.cpl == 3 and (.symbol // "" | startswith("ntdll."))' 5
filters "address == $(jq -rs 'map(select(.kind == "syscall"))[0].after.rip' "$work/whole.out")" \
	"[.before.rip, .after.rip] | index(\"$(jq -rs 'map(select(.kind == "syscall"))[0].after.rip' "$work/whole.out")\")" 2

run live -f json --filter 'service =~ Nt*File and ring == 3' "$build/guest.elf"
run read read "$work/trace" -f json --filter 'service =~ Nt*File and ring == 3'
check "a run and a recorded trace: the same lines" cmp "$work/live.out" "$work/read.out"
check "what is left out is checked and judged" sh -c "
	[ \"\$(jq -c 'select(.kind == \"claim\")' '$work/live.out')\" = \"\$(jq -c 'select(.kind == \"claim\")' '$work/whole.out')\" ] &&
	[ \"\$(tail -1 '$work/live.out' | jq -c .checks)\" = \"\$(tail -1 '$work/whole.out' | jq -c .checks)\" ]"
check "the summary counts what is printed" json live 'last.events == (map(select(.before)) | length) and last.events < 60'
run none read "$work/trace" -f json --filter 'number == 0x12345'
check "nothing fits: no event, status 0" json none 'map(select(.before)) == []'
run filtered -f ctf -o "$work/filtered" --filter 'ring == 1' "$build/guest.elf"
run refilter read "$work/filtered" -f json
check "recording leaves no transition out" cmp "$work/whole.out" "$work/refilter.out"

refused() { # EXPRESSION PATTERN
	run bad read "$work/trace" --filter "$1"
	check "'$1': status 2" status_is bad 2
	check "'$1': one line" says bad "$2"
}
refused '' 'column 1: a comparison is missing'
refused 'service' 'column 8: no operator'
refused 'servce == x' "column 1: 'servce' is not service"
refused 'service == 5' 'column 12: a service is a name'
refused 'service < NtClose' 'column 11: a service is a name'
refused 'number == NtClose' 'column 11: number is compared with numbers'
refused 'number == 0x1g' "column 11: '0x1g' is no number"
refused 'number == 99999999999999999999' 'is no number'
refused 'result < STATUS_SUCCESS' 'column 10: an order wants a number'
refused 'ring == 4' 'column 9: rings are 0 to 3'
refused '(ring == 0' 'column 11: a parenthesis is not closed'
refused 'ring == 0)' "column 10: '\)' behind a whole"
refused 'ring == 0 ring == 3' "column 11: 'ring == 3' behind a whole"
refused 'ring == 0 and' 'column 14: a comparison is missing'
refused 'service == "x' 'column 12: the quote is not closed'
refused "$(printf '(%.0s' {1..40})ring == 0" 'nested more than'
refused "ring == 0$(printf ' or ring == 0%.0s' {1..40})" 'more than 64'

done_testing
