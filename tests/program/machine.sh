#!/bin/bash
# The machine around a kernel: it speaks and listens on its serial port, waits
# for interrupts, finds its tables, wakes a second processor, and puts itself out.
. "$(dirname "$0")/tap.sh"
every_line_fits=yes

ended() { # NAME END
	said "$1" | grep -q "ended ($2, " || { echo "not $2:"; said "$1"; return 1; }
}
console() { # NAME LINE...: what the guest said, and nothing else
	local name=$1
	shift
	diff <(printf 'guest: %s\n' "$@") <(grep '^guest:' "$work/$name.err")
}

for watch in none auto; do
	printf 'Ada\n' | "$vmm" --watch=$watch "$build/uart.elf" >"$work/piped.out" 2>"$work/piped.err"
	echo $? >"$work/piped.status"
	check "--watch=$watch: what is piped in is heard" console piped "name? hello Ada"
	check "--watch=$watch: the guest puts out the machine" ended piped power-off
	check "--watch=$watch: status 0" status_is piped 0
done

# A conversation: the question is there before the answer, though its line is not finished.
mkfifo "$work/typed"
"$vmm" --watch=none "$build/uart.elf" >"$work/asked.out" 2>"$work/asked.err" <"$work/typed" &
exec 3>"$work/typed"
for _ in $(seq 600); do
	grep -q '^guest: name? $' "$work/asked.err" && break
	sleep 0.1
done
check "an unfinished line is shown while the guest waits" grep -q '^guest: name? $' "$work/asked.err"
printf 'Grace\n' >&3
wait $!
echo $? >"$work/asked.status"
exec 3>&-
check "the answer is heard, and the line goes on" console asked "name? hello Grace"
check "a conversation: status 0" status_is asked 0

# Nobody answers.
run silent --watch=none --timeout=2 "$build/uart.elf"
check "no input: the guest waits" console silent "name? "
check "no input: status 5" status_is silent 5

run acpi --watch=none "$build/acpi.elf"
check "the tables lead to the register that puts out the machine" ended acpi power-off

run smp --watch=none --cpus=2 --timeout=20 "$build/smp.elf"
check "a second processor starts where the first one says" console smp 2
check "both halt: that is the end" ended smp halt
check "both halt: status 0" status_is smp 0
run alone --watch=none --timeout=2 "$build/smp.elf"
check "without a second processor nobody answers: status 5" status_is alone 5

run halted --watch=none "$build/hlt.elf"
check "a halt without interrupts is the end, with interrupt controllers too" ended halted halt
done_testing
