#!/bin/bash
# Every line of every guest's trace fits tools/trace.schema.json, and the schema refuses what no trace has.
. "$(dirname "$0")/tap.sh"
tools=$(cd "$here/../../tools" && pwd)
"$tools/validate" /dev/null >/dev/null 2>&1
[ $? = 3 ] && skip_all "python3-jsonschema is not installed"

# Those of guest/bugs and of others' kernels are looked at where they are run: tap.sh.
names=()
for guest in "$build"/*.elf "$build"/boot-*; do
	[ -f "$guest" ] || continue
	case $guest in
	*sweep.elf | *torture.elf | *bench*.elf | *first.elf | */calls*.elf) continue ;;      # much of the same
	esac
	names+=("$(basename "$guest")")
	run "${names[-1]}" -f json --timeout=3 "$guest"
done
run cpus -f json --cpus=2 "$build/guest.elf"
run gates -f json --watch=gates "$build/guest32.elf"
for guest in guest guest32 entries; do
	run ring.$guest -f json --watch=ring --returns "$build/$guest.elf"
done

"$tools/validate" "$work"/*.out >"$work/said" 2>"$work/said.err"
fits() { empty "$work/said.err" && ! grep -m5 "^$work/$1.out:" "$work/said"; }
for name in "${names[@]}"; do
	check "$name: $(wc -l <"$work/$name.out") lines fit" fits "$name"
done
check "two processors: lines fit" fits cpus
check "method gates: lines fit" fits gates
for guest in guest guest32 entries; do
	check "method ring, $guest.elf: lines fit" fits ring.$guest
done
check "a record was among them" grep -qm1 '"recorded":"ring"' "$work/ring.guest.out"

# Each kind of line was among them, so that no part of the schema went unused.
cat "$work"/*.out >"$work/all"
for kind in header lint death claim summary wrmsr rdmsr swapgs syscall sysret sysenter sysexit int iret far fault; do
	check "a $kind was among them" grep -qm1 "^{\"kind\":\"$kind\"" "$work/all"
done

# refuses DESCRIPTION KIND JQ-CHANGE: the first line of that kind, changed, is refused; as it is, it fits.
changes=()
refuses() {
	local n=${#changes[@]}
	changes+=("$1")
	grep -m1 "^{\"kind\":\"$2\"" "$work/all" >"$work/$n.good"
	jq -c "$3" "$work/$n.good" >"$work/$n.bad"
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

"$tools/validate" "$work"/*.good >"$work/said.good" 2>"$work/said.err"
"$tools/validate" "$work"/*.bad >"$work/said.bad" 2>>"$work/said.err"
check "all of them were looked at" empty "$work/said.err"
for n in "${!changes[@]}"; do
	check "${changes[n]}: made" sh -c "! jq -c . '$work/$n.good' | cmp -s - '$work/$n.bad'"
	check "${changes[n]}: as it was, it fits" sh -c "[ -s '$work/$n.good' ] && ! grep '^$work/$n.good:' '$work/said.good'"
	check "${changes[n]}: refused" grep -q "^$work/$n.bad:1:" "$work/said.bad"
done

done_testing
