#!/bin/bash
# The guest must not be able to tell that it is traced: what it sees of
# itself, untouched and stepped, is the same to the last bit.
. "$(dirname "$0")/tap.sh"

run untouched --watch=none "$build/transparency.elf"
run stepped --trace --watch=step "$build/transparency.elf"
console() { grep '^guest:' "$work/$1.err"; }
same() { diff <(console untouched) <(console stepped); }
enough() { [ "$(console untouched | wc -l)" -ge 10 ] || { console untouched; return 1; }; }

check "untouched: status 0" status_is untouched 0
check "stepped: status 0" status_is stepped 0
check "the guest reports what it sees" enough
check "it sees the same" same

for guest in debugregs guest itself lazy minimal onehandler sharedhandler shadow strings tf tfgates tight; do
	run untouched --watch=none "$build/$guest.elf"
	run stepped --trace "$build/$guest.elf"
	check "$guest: the same console, untouched and stepped" same
	check "$guest: the same status" diff "$work/untouched.status" "$work/stepped.status"
done

# passes GUEST DESCRIPTION KIND...: these transitions but far and WRMSR, in this order; KIND!NAME raised an exception.
passes() {
	local guest=$1 description=$2
	shift 2
	run "$guest" -f json "$build/$guest.elf"
	check "$guest: $description" json "$guest" \
		"([.[] | select(.seq and .kind != \"lint\" and .kind != \"far\" and .kind != \"wrmsr\")
		  | if .kind == \"fault\" then .name elif .fault then .kind + \"!\" + .fault.name else .kind end]
		  == (\"$*\" | split(\" \"))) and .[-1].checks.contradicted == 0"
}

turn="int iret int iret #UD iret int!#GP iret syscall sysret"
passes onehandler "gates and exceptions with one handler are told apart" iret $turn $turn int
turn="int iret syscall sysret #GP iret"
passes tight "stops among stack, handlers and tables disturb none of them" iret $turn $turn "#UD"
passes strings "string instructions outrun no stop" "#UD" iret "#UD" iret "#PF" iret
passes lazy "a handler that must be paged in is reached first" iret "#UD" "#PF" iret iret \
	int "#PF" iret iret syscall "#PF" iret sysret "#UD" "#PF" iret iret int
passes selfmod "gates that the guest writes over its own code" iret syscall sysret int
passes itself "a gate that leads to its own instruction" iret int int int int int int!#GP
passes tfgates "the guest's own TF traps where each gate leaves it" syscall!#UD iret sysret "#DB" iret "#DB" iret \
	syscall "#DB" iret "#DB" iret "#DB" iret sysret int

# A guest that steps itself: its traps are its own, and transitions like any other.
run tf -f json "$build/tf.elf"
check "tf: the guest's eight single-step traps" json tf \
	'[.[] | select(.kind == "fault" and .name == "#DB")] | length == 8'
check "tf: IRET brings TF back, unseen by the tracer's own" json tf '.[-1].checks.contradicted == 0'
run shadow -f json "$build/shadow.elf"
check "shadow: every gate behind STI and MOV SS is seen" json shadow \
	'[.[] | select(.kind == "syscall" or .kind == "sysret" or .kind == "swapgs").kind]
	 == ["sysret", "syscall", "swapgs", "swapgs", "sysret", "syscall", "swapgs", "swapgs"]'
run shared -f json "$build/sharedhandler.elf"
check "sharedhandler: one handler for all, and each exception by its name" json shared \
	'[.[] | select(.kind == "fault").name] | sort == ["#GP", "#GP", "#PF", "#PF", "#UD", "#UD"]'

done_testing
