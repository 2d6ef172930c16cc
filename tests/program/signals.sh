#!/bin/bash
# Ctrl-C, SIGTERM, SIGKILL and time limits end everything: no QEMU outlives
# the program, and no partial trace looks whole.
. "$(dirname "$0")/tap.sh"
set -m          # children get SIGINT as from a terminal, not ignored

# QEMU processes that descend from nobody but us carry this mark in their environment.
export VMM_TEST_MARK=$work
ours() {
	local pid
	for pid in $(pgrep -f qemu-system-x86_64); do
		grep -qzF "VMM_TEST_MARK=$work" "/proc/$pid/environ" 2>/dev/null && echo "$pid"
	done
}
no_qemu() {
	local try
	for try in 1 2 3 4 5 6 7 8 9 10; do
		[ -z "$(ours)" ] && return 0
		sleep 0.2
	done
	echo "still there: $(ours)"
	return 1
}

ended_by() { # SIGNAL-NAME SECONDS-BEFORE
	local name=$1 status
	"$vmm" --engine=box -f json -o "$work/trace.$name" "$build/spin.elf" 2>"$work/$name.err" &
	local pid=$!
	sleep "$2"
	check "SIG$name: a box was running" test -n "$(ours)"
	kill -"$name" "$pid"
	wait "$pid" 2>/dev/null
	status=$?
	check "SIG$name: the status says so ($status)" test "$status" = $((128 + $(kill -l "$name")))
	check "SIG$name: no QEMU is left" no_qemu
	check "SIG$name: no trace under its name" test ! -e "$work/trace.$name"
}

ended_by INT 2
ended_by TERM 0.3
ended_by HUP 1
ended_by KILL 2
rm -f "$work"/*partial*

start=$(date +%s)
run limit --engine=box --trace --timeout=1 "$build/spin.elf"
check "--timeout=1: status 5" status_is limit 5
check "--timeout=1: in good time" test $(($(date +%s) - start)) -le 12
check "--timeout=1: no QEMU is left" no_qemu

for n in 1 2 3; do
	"$vmm" -f json -o "$work/parallel.$n" "$build/minimal.elf" 2>"$work/parallel.$n.err" &
done
wait
for n in 2 3; do
	check "runs side by side do not disturb each other ($n)" cmp "$work/parallel.1" "$work/parallel.$n"
done
check "and leave no QEMU" no_qemu

done_testing
