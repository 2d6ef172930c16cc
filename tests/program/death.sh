#!/bin/bash
# Guests that die: the chain, what is to blame, and the sentence; from a run
# that saw little, a second one.
. "$(dirname "$0")/tap.sh"
every_line_fits=yes

# dies GUEST END VECTORS BLAME SENTENCE-PATTERN ARGUMENTS...: VECTORS are what the chain goes through: the instruction's
# exception, then each delivery that failed.
dies() {
	local guest=$1 end=$2 vectors=$3 blame=$4 sentence=$5 name
	shift 5
	name=${guest##*/}$*
	run "$name" -f json "$@" "$build/$guest.elf"
	check "$name: status 4" status_is "$name" 4
	check "$name: one line says why it died" json "$name" '[.[] | select(.kind == "death")] | length == 1'
	check "$name: it died" json "$name" '(.[] | select(.kind == "death")).died == true'
	check "$name: end $end" json "$name" ".[-1].end == \"$end\" and (.[] | select(.kind == \"death\")).end == \"$end\""
	check "$name: chain $vectors" json "$name" \
		"[(.[] | select(.kind == \"death\")).chain[] | select(.step == \"instruction\" or (.step == \"delivery\" and .entered == false)) | .vector] == $vectors"
	check "$name: blame $blame" json "$name" "(.[] | select(.kind == \"death\")).blame.kind == \"$blame\""
	check "$name: sentence" json "$name" "(.[] | select(.kind == \"death\")).sentence | test(\"$sentence\")"
	check "$name: the account is the sentence" json "$name" '(.[] | select(.kind == "death")).sentence == .[-1].account'
}

dies triple triple-fault '[6, 6, 13, 8]' idt 'ud2 at _start\\+8 raised #UD.*has no gate for #UD.*fix: load an IDT'
dies nogate triple-fault '[6, 6, 13, 8]' idt 'the IDT has no gate for #UD.*fix: put a present 64-bit interrupt gate'
dies absentgate triple-fault '[6, 6, 11, 8]' idt 'gate for #UD is not present'
dies datagate triple-fault '[6, 6, 13, 8]' gdt 'names code segment 18: GDT entry 18h is writable data.*own code segment'
dies nowhere triple-fault '[14, 14, 8]' pte '0x7ff000000000 .by way of jmp rax at _start\\+A. raised #PF'
dies noncanonical triple-fault '[13, 13, 8]' idt 'not canonical'
dies overflow triple-fault '[14, 14, 8]' pte 'call .* at recurse\\+1 raised #PF: the stack at 0x21ffff8 is not mapped.*overflowed'
dies bugs/16-tss-stack triple-fault '[14, 14, 8]' tss 'write the top of a mapped, writable kernel stack to TSS.RSP0'
dies noidt32 triple-fault '[0, 0, 8]' idt 'div ecx at _start\\+9 raised #DE: it divides by zero'
dies codestack32 triple-fault '[10, 10, 8]' gdt 'SS0 = 08: GDT entry 08h is 32-bit code'
dies notmended fault-loop '[14]' pte 'its handler returns with nothing mended'
dies faultyhandler fault-loop '[14]' pte 'inside its own handler'
dies losthandler lost '[6]' pte 'raised #UD.*its handler cannot run, as the handler.s address 0x7000001[0-9a-f]* is not mapped'

check "overflow: the entry to blame is the hole's" json overflow '(.[] | select(.kind == "death")).blame |
	(.name | startswith("PDE 16")) and .value == "0x0"'
check "overflow: the code around it, with the way there" json overflow '(.[] | select(.kind == "death")).disassembly |
	any(.here == true and .symbol == "recurse+1" and .bytes == "e8faffffff") and any(.symbol == "recurse")'
check "notmended: the return is in the chain" json notmended '(.[] | select(.kind == "death")).chain |
	any(.step == "return" and (.why | test("257 times since gate 2")))'
check "16-tss-stack: source lines" json 16-tss-stack '(.[] | select(.kind == "death")) |
	.chain[0].file // "" | test("user.h")'
check "16-tss-stack: the last gates" json 16-tss-stack '(.[] | select(.kind == "death")).recorder |
	length == 8 and .[-1].kind == "sysret" and .[-1].seq == 14'
check "16-tss-stack: seen in one run" json 16-tss-stack '(.[] | select(.kind == "death")).rerun == false'

dies bugs/16-tss-stack triple-fault '[14, 14, 8]' tss 'TSS.RSP0' --watch=none
check "unwatched: found by running it again" json 16-tss-stack--watch=none '(.[] | select(.kind == "death")) |
	.rerun == true and (has("rerun_failed") | not) and .chain[0].symbol == "user+2C"'
dies triple triple-fault '[6, 6, 13, 8]' idt 'ud2' --watch=none

# Nothing of the second run is told: the guest's text once, the transitions none.
check "unwatched: no transition of the second run" json 16-tss-stack--watch=none '[.[] | select(.seq)] | length == 0'

# A guest that ends itself in an exception's handler has not died: the report is a note.
run resets -f json "$build/resets.elf"
check "resets: status 0" status_is resets 0
check "resets: the last exception is told" json resets '[.[] | select(.kind == "death")] | length == 1 and
	.[0].died == false and (.[0].end == "reset") and (.[0].chain[0].vector == 13) and (.[0].sentence | test("LDT"))'
check "resets: the account is not of a death" json resets '.[-1].end == "reset" and .[-1].account == null'
run longretry -f json "$build/longretry.elf"
check "longretry: a fault that is mended at last is no loop" status_is longretry 0
check "longretry: nothing to report" json longretry '[.[] | select(.kind == "death")] == []'

# For people: without --trace on stderr, with it in the trace, within the width.
run short "$build/triple.elf"
check "without --trace: nothing on stdout" empty "$work/short.out"
check "without --trace: why, on stderr" grep -q '^Why it died: triple-fault' "$work/short.err"
check "without --trace: the sentence ends it" grep -q '^vmm: triple.elf: triple fault: ud2 at _start+8 raised #UD' "$work/short.err"
for width in 80 200; do
	COLUMNS=$width run "wide$width" --trace "$build/bugs/16-tss-stack.elf"
	check "at $width columns: the section" grep -q '^Why it died: triple-fault' "$work/wide$width.out"
	check "at $width columns: no line is longer" awk -v width=$width 'length > width { print; bad = 1 } END { exit bad }' "$work/wide$width.out"
done

done_testing
