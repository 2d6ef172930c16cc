#!/bin/bash
# What --lint finds in the guests of the other tests, and how it is shown.  bugs.sh has the guests with one thing wrong.
. "$(dirname "$0")/tap.sh"
every_line_fits=yes

ids() { jq -r 'select(.kind == "lint") | .id' "$work/$1.out" | sort -u | paste -sd ' '; }
has_only() { # NAME IDS
	local found
	found=$(ids "$1")
	[ "$found" = "$2" ] || { echo "found '$found', expected '$2'"; jq -c 'select(.kind == "lint")' "$work/$1.out"; return 1; }
}

for guest in guest guest32 minimal minimal32 transparency transparency32 many onehandler sharedhandler debugregs segments32; do
	run "$guest" --lint "$build/$guest.elf"
	check "$guest: clean" empty "$work/$guest.out"
	check "$guest: status 0" status_is "$guest" 0
done

# What these do is what they are there for: a trap at LSTAR, a handler that is not mapped, an early STI, SYSCALL before SCE.
while read -r guest found; do
	run "$guest" --lint -f json "$build/$guest.elf"
	check "$guest: $found" has_only "$guest" "$found"
done <<END
tfgates B09
lazy B23
paging32 B23
shadow B06
legacy_syscall32 B05
END

run json --lint -f json "$build/tfgates.elf"
check "json: header, findings, summary" json json '[.[].kind] == ["header", "lint", "summary"]'
check "json: the summary counts them" json json '.[-1].lint == {"errors": 0, "warnings": 1, "notes": 0}'
run traced -f json "$build/tfgates.elf"
check "a trace has them before the transition at which they were found" json traced \
	'[.[] | select(.seq != null)] as $e | ($e | map(.kind) | index("lint")) as $n | $e[$n].seq == $e[$n + 1].seq'
run quiet "$build/tfgates.elf"
check "without a trace: how many, on stderr" says quiet '; 1 finding;'
run text --lint "$build/tfgates.elf"
check "text: nothing but findings" sh -c "head -1 '$work/text.out' | grep -q '^warning  B09 fmask-tf  at _start+'"
COLUMNS=80 run narrow --lint "$build/tfgates.elf"
check "80 columns" sh -c "! grep -q '.\{81\}' '$work/narrow.out'"

done_testing
