#!/bin/bash
# One truth, however it is watched: the same guest stepped, run up to breakpoints and untouched, and in both boxes.
. "$(dirname "$0")/tap.sh"

run guest --engine=box-intel "$build/exitcode.elf"
if grep -q 'apt-get install bochs' "$work/guest.err"; then
	skip_all "no Bochs here"
fi

# The trace without the word on how it was made.
# Nor the way to a death: what a stretch ran is not known instruction by instruction.
trace() { jq -c 'del(.watch) | if .disassembly then .disassembly |= map(select(.here)) else . end' "$work/$1.out"; }
console() { grep '^guest:' "$work/$1.err"; }
same_trace() { diff <(trace "$1") <(trace "$2") | cut -c1-400; [ "${PIPESTATUS[0]}" = 0 ]; }
same_console() { diff <(console "$1") <(console "$2"); }
same_status() { diff "$work/$1.status" "$work/$2.status"; }
many_events() { json "$1" '[.[] | select(.seq)] | length > 5'; }

both_boxes() {
	local said
	said=$(jq -n --slurpfile amd "$work/amd.out" --slurpfile intel "$work/step.out" '{ $amd, $intel }' |
		jq -r -f "$here/same.jq") || return 1
	[ -z "$said" ] || { echo "$said" | cut -c1-1000; return 1; }
}

# Not here: what does not end, and the sweeps' eight thousand calls, which sweep.sh and count.sh look at.
# In one box each: legacy_syscall32 is about SYSCALL in legacy mode, which Intel's processors do not have; in QEMU's
# guest DR0 to DR3 stop nothing (SDM vol. 3B, 17.2); Bochs' SYSRET traps on the TF that it began with, not on the one
# from R11 (17.3.1.4).
for guest in "$build"/*.elf; do
	guest=$(basename "$guest" .elf)
	case $guest in
	torture | spin | *-sweep) continue ;;
	many) continue ;;                       # a thousand times the same call: a minute, for one gate; count.sh has it
	bench* | first) continue ;;             # want a command line
	boot-* | acpi | noltr-reset | smp | uart) continue ;;   # about the machine; boot.sh, machine.sh and intel.sh have them
	calls* | entries* | handlers | spaces*) continue ;;             # those of ring.sh: they show how long they took, or call for long
	absentgate | codestack32 | datagate | faultyhandler | longretry | losthandler | nogate | noidt32 | notmended | overflow | resets)
		continue ;;                             # about their deaths: death.sh
	esac
	run step -f json --engine=box-intel --watch=step "$build/$guest.elf" &
	run break -f json --engine=box-intel --watch=break "$build/$guest.elf"
	wait
	check "$guest: the same trace under step and break" same_trace step break
	check "$guest: the same console" same_console step break
	check "$guest: the same status" same_status step break
	case $guest in
	guest | guest32 | tf | tfgates | debug* | transparency* | itself | tight | strings)
		run none --engine=box-intel --watch=none "$build/$guest.elf"
		check "$guest: stepped, it sees what it sees untouched" same_console step none
		check "$guest: and ends so" same_status step none
		check "$guest: there is something to compare" many_events step ;;
	esac
	case $guest in
	legacy_syscall32 | debugregs | tfgates) continue ;;
	esac
	run amd -f json --engine=box "$build/$guest.elf"
	check "$guest: the same transitions in both boxes" both_boxes
done

run refused --engine=box --watch=break "$build/guest.elf"
check "break where breakpoints do not fire: status 3" status_is refused 3
check "and why" says refused 'breakpoints are not to be trusted'
run auto -f json --engine=box-intel "$build/exitcode.elf"
check "auto takes break where they do" json auto '.[0].watch == "break"'
run auto -f json --engine=box "$build/exitcode.elf"
check "and step where they do not" json auto '.[0].watch == "step"'

done_testing
