#!/bin/bash
# Every line of every guest's trace fits tools/trace.schema.json, and the schema refuses what no trace has.
. "$(dirname "$0")/tap.sh"
tools=$(cd "$here/../../tools" && pwd)
"$tools/validate" /dev/null >/dev/null 2>&1
[ $? = 3 ] && skip_all "python3-jsonschema is not installed"

# Those of guest/bugs and of others' kernels are looked at where they are run: tap.sh.
for guest in "$build"/*.elf "$build"/boot-*; do
	[ -f "$guest" ] || continue
	case $guest in
	*sweep.elf | *torture.elf | *bench*.elf | *first.elf | */calls*.elf) continue ;;      # much of the same
	esac
	name=$(basename "$guest")
	run "$name" -f json --timeout=5 "$guest"
	check "$name: $(wc -l <"$work/$name.out") lines fit" "$tools/validate" "$work/$name.out"
done
run cpus -f json --cpus=2 "$build/guest.elf"
check "two processors: lines fit" "$tools/validate" "$work/cpus.out"
run gates -f json --watch=gates "$build/guest32.elf"
check "method gates: lines fit" "$tools/validate" "$work/gates.out"

for guest in guest guest32 entries; do
	run ring.$guest -f json --watch=ring --returns "$build/$guest.elf"
	check "method ring, $guest.elf: lines fit" "$tools/validate" "$work/ring.$guest.out"
done
check "a record was among them" grep -qm1 '"recorded":"ring"' "$work/ring.guest.out"

# Each kind of line was among them, so that no part of the schema went unused.
cat "$work"/*.out >"$work/all"
for kind in header lint death claim summary wrmsr rdmsr swapgs syscall sysret sysenter sysexit int iret far fault; do
	check "a $kind was among them" grep -qm1 "^{\"kind\":\"$kind\"" "$work/all"
done

# refuses DESCRIPTION KIND JQ-CHANGE: the first line of that kind, changed, is refused; as it is, it fits.
refuses() {
	jq -c "select(.kind == \"$2\")" "$work/all" | head -1 >"$work/good"
	jq -c "$3" "$work/good" >"$work/bad"
	check "$1: made" sh -c "! cmp -s '$work/good' '$work/bad'"
	check "$1: as it was, it fits" "$tools/validate" "$work/good"
	check "$1: refused" sh -c "'$tools/validate' '$work/bad' >'$work/said'; [ \$? = 1 ]"
}
refuses "an unknown kind" syscall '.kind = "sysfoo"'
refuses "an unknown member" syscall '.colour = 1'
refuses "a member less" syscall 'del(.checks)'
refuses "a register less" syscall 'del(.before.r9)'
refuses "a number for a string" syscall '.before.rax = 5'
refuses "upper case" syscall '.before.rax = "0xABC"'
refuses "a leading zero" syscall '.before.rax = "0x012"'
refuses "65 bits" syscall '.before.rax = "0x10000000000000000"'
refuses "CPL 4" syscall '.after.cpl = 4'
refuses "another verdict" syscall '.checks[0].verdict = "maybe"'
refuses "a check of no field" syscall '.checks[0].field = "xmm0"'
refuses "both states missing" syscall 'del(.before, .after)'
refuses "a return without its entry" sysret 'del(.entry)'
refuses "an entry 0" sysret '.entry = 0'
refuses "a claim without its reason" claim '.observed = "not_exercised" | .events = [] | del(.why)'
refuses "a claim held by no event" claim '.observed = "held" | .events = [] | del(.why, .engine)'
refuses "an end that there is not" summary '.end = "bored"'
refuses "a status that there is not" summary '.status = 6'
refuses "a gate without its code segment" int 'del(.gate.code)'
refuses "a rule that there is not" lint '.id = "X1"'
refuses "a step that there is not" death '.chain[0].step = "guess"'
refuses "no version" header 'del(.version)'
grep -hm1 '"syscall".*"recorded"' "$work"/ring.*.out >>"$work/records"
grep -hm1 '"sysret".*"recorded"' "$work"/ring.*.out >>"$work/records"
cp "$work/records" "$work/all"
refuses "a record with a state before" syscall '.before = .after'
refuses "a record with a register that is not sampled" syscall '.after.r12 = "0x0"'
refuses "a recorded return with a state after" sysret '.after = .before'
refuses "a recorded return with a check" sysret '.checks = [{}]'

done_testing
