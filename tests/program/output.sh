#!/bin/bash
# Where a trace goes: whole or not at all, byte for byte, and one line when it cannot.
. "$(dirname "$0")/tap.sh"

run stdout -f json "$build/minimal.elf"
check "stdout: status 0" status_is stdout 0
run file -f json -o "$work/file.json" "$build/minimal.elf"
check "-o FILE: status 0" status_is file 0
check "-o FILE: nothing on stdout" empty "$work/file.out"
check "-o FILE: the same bytes" cmp "$work/stdout.out" "$work/file.json"

run full -f json -o /dev/full "$build/minimal.elf"
check "full disk: status 3" status_is full 3
check "full disk: named" says full '/dev/full.*No space'
run fullout -f json "$build/minimal.elf"
"$vmm" -f json "$build/minimal.elf" >/dev/full 2>"$work/fullout.err"
echo $? >"$work/fullout.status"
check "stdout on a full disk: status 3" status_is fullout 3
check "stdout on a full disk: one line" says fullout 'No space'

"$vmm" -f json "$build/many.elf" 2>"$work/pipe.err" | head -c 100 >/dev/null
echo "${PIPESTATUS[0]}" >"$work/pipe.status"
check "closed pipe: status 3" status_is pipe 3
check "closed pipe: one line" says pipe 'Broken pipe|closed'

mkfifo "$work/fifo"
cat "$work/fifo" >"$work/from_fifo" &
run fifo -f json -o "$work/fifo" "$build/minimal.elf"
wait
check "a FIFO as output gets the same bytes" cmp "$work/stdout.out" "$work/from_fifo"

cp "$build/minimal.elf" "$work/both.elf"
run both -o "$work/both.elf" "$work/both.elf"
check "the guest itself as output: status 3" status_is both 3
check "the guest itself as output: one line" says both 'overwrite the guest'
check "the guest itself as output: untouched" cmp "$build/minimal.elf" "$work/both.elf"

echo precious >"$work/old"
run died -f json -o "$work/old" "$work/no-such-guest"
check "a run that cannot be leaves an old file alone" grep -q precious "$work/old"
run died -f json -o "$work/old" "$build/triple.elf"
check "a guest that died leaves a whole trace" sh -c "tail -1 '$work/old' | grep -q '\"kind\":\"summary\"'"

done_testing
