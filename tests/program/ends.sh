#!/bin/bash
# Guests that loop, die, jump to nowhere or write outside their memory: a
# clear account, the contract's status, a whole trace up to there.
. "$(dirname "$0")/tap.sh"

ends() { # GUEST STATUS END ACCOUNT-PATTERN ARGUMENTS...
	local guest=$1 status=$2 end=$3 account=$4
	shift 4
	run "$guest" -f json "$@" "$build/$guest.elf"
	check "$guest: status $status" status_is "$guest" "$status"
	check "$guest: the summary says $end" json "$guest" \
		".[-1] | .kind == \"summary\" and .end == \"$end\" and .status == $status"
	check "$guest: the account says why" json "$guest" ".[-1].account // \"\" | test(\"$account\")"
}

ends exitcode 0 exit ""
check "exitcode: the code is the guest's" json exitcode '.[-1].code == 42'
ends hlt 0 halt "halted at"
ends triple 4 triple-fault "triple fault"
ends nowhere 4 triple-fault "triple fault"
for watch in none auto gates; do
	ends noltr 4 triple-fault "could not be entered, as the TSS has a null selector in SS0" --watch=$watch
	ends noltr-reset 4 triple-fault "could not be entered, as the TSS has a null selector in SS0" --watch=$watch --cpus=2
done
ends outside 4 outside-memory "wrote to guest-physical"
ends lost 4 lost "lost the guest: it was to run one instruction at user .*, and was found at done"
ends spin 5 timeout "stopped after 2 s" --timeout=2
run minimal --trace "$build/minimal.elf"
check "minimal: a whole round trip, status 0" status_is minimal 0
check "minimal: in text" grep -q 'sysret' "$work/minimal.out"
run silent "$build/minimal.elf"
check "without --trace: nothing on stdout" empty "$work/silent.out"
check "without --trace: one line on stderr" says silent 'checks held, 0 contradicted'

done_testing
