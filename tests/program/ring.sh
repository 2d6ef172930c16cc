#!/bin/bash
# Method ring: every entry is there, each as its handler found it, at the price that was promised; and the guest
# cannot tell.
. "$(dirname "$0")/tap.sh"

console() { grep '^guest:' "$work/$1.err"; }
same_console() { [ "$(console "$1" | wc -l)" -ge "${3:-2}" ] && diff <(console "$1") <(console "$2"); }
ring() { json "$1" ".[-1].ring | $2"; }
whole() { # NAME: it ended by itself, all held, nothing was lost
	status_is "$1" 0 && json "$1" '.[-1] | .checks.contradicted == 0 and .ring.lost == 0'
}

# --- what is recorded ---

entries='select((.kind == "syscall" or .kind == "sysenter") and .fault == null)'
called() { jq -c "$entries | [.kind, .service.number, .service.name, (.service.args[0:4] | if \$kind == 64 then . else null end), .after.rip, .after.rsp]" \
	--argjson kind "$2" "$work/$1.out"; }
same_calls() { [ "$(called "$1" "$3" | wc -l)" -gt 15 ] && diff <(called "$1" "$3") <(called "$2" "$3"); }
for guest in guest:64 guest32:32; do
	bits=${guest#*:} guest=${guest%:*}
	run step -f json --watch=step --engine=box "$build/$guest.elf"
	run ring -f json --watch=ring --engine=box "$build/$guest.elf"
	check "$guest: nothing lost, nothing contradicted" whole ring
	check "$guest: the calls that step sees, by the same names, with the same arguments, in that order" same_calls step ring "$bits"
	check "$guest: all but the first are recorded, with nothing of the state before" json ring \
		"[.[] | $entries] | length > 15 and (.[1:] | all(.recorded == \"ring\" and .before == null and .tsc and .after.cr3))"
	check "$guest: the header says what is not seen" json ring '.[0].limits | any(.path | test("not an entry"))'
	run none --watch=none --engine=box "$build/$guest.elf"
	check "$guest: the console of an untouched run" same_console none ring
done

run ring -f json --watch=ring --engine=box "$build/entries.elf"
run none --watch=none --engine=box "$build/entries.elf"
check "entries: whole" whole ring
check "entries: registers, flags, selectors, CR2, CR3 and MSRs at the handler's first instruction as untouched" \
	same_console none ring 100
registers() { # as the guest itself found them, a line a call
	console "$1" | sed 's/^guest: //' | awk 'NR % 24 >= 1 && NR % 24 <= 12 { printf "%s%s", $0, NR % 24 == 12 ? "\n" : " " }' | tail -n +2
}
recorded() {
	jq -r 'select(.recorded).after | [.rax, .rcx, .rdx, .rbx, .rsp, .rbp, .rsi, .rdi, .r8, .r9, .r10, .r11]
		| map(ltrimstr("0x") | "0" * (16 - length) + .) | join(" ")' "$work/$1.out"
}
same_registers() { [ "$(recorded "$1" | wc -l)" = 4 ] && diff <(registers none) <(recorded "$1"); }
check "entries: the records hold what the guest found" same_registers ring

for guest in entries-open transparency transparency32 paging32 lazy selfmod; do
	run ring -f json --watch=ring --engine=box "$build/$guest.elf"
	run none --watch=none --engine=box "$build/$guest.elf"
	check "$guest: the guest sees what it sees untouched" same_console none ring 0
	check "$guest: and ends so" diff "$work/none.status" "$work/ring.status"
	[ "$guest" != entries-open ] || check "entries-open: where FMASK leaves IF, too" ring ring '.recorded == 4 and .fallback == null'
done

run ring -f json --watch=ring --engine=box "$build/handlers.elf"
run none --watch=none --engine=box "$build/handlers.elf"
check "handlers: whole" whole ring
check "handlers: what is written to LSTAR and FMASK is read back, and leads where it says" same_console none ring 16
check "handlers: each call to the handler of its time" json ring \
	'[.[] | select(.kind == "syscall").after.rip] | [.[0:100], .[100:200], .[200:300], .[300:400]] | map(unique)
	 | all(length == 1) and .[0] == .[2] and .[1] == .[3] and .[0] != .[1]'
check "handlers: and what it writes and reads between them, in its place" json ring \
	'[.[] | select(.seq and .kind != "lint").kind][6:]
	 == ([range(4)] | map([range(100) | "syscall"] + ["wrmsr", "wrmsr", "rdmsr", "rdmsr"]) | add)'

# --- many ---

run calls -t -f json --watch=ring --engine=box --trace=msr "$build/calls.elf"
check "200,000 calls: whole" whole calls
check "  all of them, at least 1,000 for each exit" ring calls '.calls == 200000 and .recorded == 199999 and .exits * 1000 <= .calls'
run calls -f json --watch=ring --engine=box "$build/calls.elf"
check "  and in JSON, each with its own number" json calls \
	'[.[] | select(.kind == "syscall").service.number] == [range(199999; -1; -1)]'
run many -f json --watch=ring --engine=box --trace=msr "$build/calls-10m.elf"
check "10,000,000 calls: whole" whole many
check "  all of them, at least 1,000 for each exit" ring many '.calls == 10000000 and .exits * 1000 <= .calls'
run calls32 -f json --watch=ring --engine=box --trace=msr "$build/calls32.elf"
run none --watch=none --engine=box "$build/calls32.elf"
check "200,000 calls of a 32-bit kernel: whole" whole calls32
check "  all of them" ring calls32 '.calls == 200000 and .recorded == 199999'
check "  what its handler finds is the same" same_console none calls32 10

# What a plugin counts: instructions of the guest, untouched and recorded.
mkdir -p "$work/build/box" "$work/bin"
cp "$vmm" "$work/build"
ln -s "$build"/box/{boot,lib} "$work/build/box"
printf '#!/bin/sh\nexec %s "$@" -plugin %s,out=%s\n' "$(command -v qemu-system-x86_64)" "$(find "$build" -name insncount.so)" \
	"$work/count" >"$work/bin/qemu-system-x86_64"
chmod +x "$work/bin/qemu-system-x86_64"
instructions() { # GUEST METHOD OPTIONS...
	local guest=$1 watch=$2
	shift 2
	rm -f "$work/count"
	PATH=$work/bin:$PATH "$work/build/vmm" "$build/$guest.elf" --engine=box --watch="$watch" "$@" >/dev/null 2>&1 </dev/null
	od -An -tu8 "$work/count" | tr -d ' '
}
cheap() { # GUEST CALLS
	local none ring
	none=$(instructions "$1" none) ring=$(instructions "$1" ring)
	echo "$none untouched, $ring recorded"
	[ "$none" -gt "$2" ] && [ "$ring" -gt "$((none + 10 * $2))" ] && [ "$((ring - none))" -le "$((40 * $2))" ]
}
check "at most 40 instructions for each call, 64-bit" cheap calls 200000
check "at most 40 instructions for each call, where FMASK leaves IF" cheap calls-open 200000
check "at most 40 instructions for each call, 32-bit" cheap calls32 200000
cheap_returns() {
	local ring returns
	ring=$(instructions calls-returns ring) returns=$(instructions calls-returns ring --returns)
	echo "$ring with calls alone, $returns with returns"
	[ "$returns" -gt "$((ring + 10 * 200000))" ] && [ "$((returns - ring))" -le "$((43 * 200000))" ]
}
check "42 instructions more for each return" cheap_returns

# --- processors and address spaces ---

run smp -f json --watch=ring --engine=box --cpus=2 --trace=msr "$build/calls-smp.elf"
run none --watch=none --engine=box --cpus=2 "$build/calls-smp.elf"
check "two processors: whole" whole smp
check "  20,000 calls of each, all recorded" ring smp '.calls == 40000 and .recorded == 39999'
check "  the guest counts as many" same_console none smp
run smp -f json --watch=ring --engine=box --cpus=2 --trace=syscall "$build/calls-smp.elf"
check "  each to its own handler" json smp \
	'[.[] | select(.recorded)] | group_by(.cpu) | map([length, (map(.after.rip) | unique | length)]) | sort == [[19999, 1], [20000, 1]]'

for guest in spaces:1:600 spaces-later:1:600 spaces-stack:1:600 spaces-root:2:600 spaces-taken:2:6000000; do
	calls=${guest##*:} guest=${guest%:*} late=${guest#*:} guest=${guest%%:*}
	run ring -f json --watch=ring --engine=box --trace=msr "$build/$guest.elf"
	run none --watch=none --engine=box "$build/$guest.elf"
	check "$guest: whole" whole ring
	check "$guest: $calls calls, mapped late in $late address spaces" ring ring \
		".calls == $calls and .recorded == .calls - 1 and .mapped_late == $late"
	check "$guest: the same console" same_console none ring
done
check "spaces-taken: the slots moved" ring ring '.moved == 1'
# Where the third space has no room, another method takes over, behind what was recorded.
run ring -f json --watch=ring --engine=box "$build/spaces-full-own.elf"
run none --watch=none --engine=box "$build/spaces-full-own.elf"
check "spaces-full-own: whole" whole ring
check "  gate by gate from there on" ring ring '.calls == 600 and .recorded == 200 and (.fallback | test("no room for the stub"))'
check "  the same console" same_console none ring
for guest in spaces spaces-stack spaces-root spaces-directory spaces-full-own; do
	run ring -f json --watch=ring --returns --engine=box --trace=msr "$build/$guest.elf"
	run none --watch=none --engine=box "$build/$guest.elf"
	check "$guest with returns: whole" whole ring
	check "$guest with returns: 600 calls, all but the first recorded, and all returns but the last" ring ring \
		'.calls == 600 and .recorded == 599 and .returns == 599 and .returns_changed == 2'
	check "$guest with returns: the same console" same_console none ring
	[ $guest != spaces-directory ] || check "  the stub was not there at first" ring ring '.mapped_late == 1'
done

# --- returns, which are recorded where the kernel's code has room for a jump ---

returned='select((.kind == "sysret" or .kind == "sysexit") and .fault == null)'
returns() { # NAME: where, with what, and from which call, by the calls' own order
	jq -cs "[.[] | $entries | .seq] as \$calls | .[] | $returned
		| [.kind, (.before | .rip, .rax, .rcx, .rdx, .rbx, .rsp, .rbp, .rsi, .rdi, (.r8, .r9, .r10, .r11 | . // \"0x0\")),
		.service.name, .service.number, .result, (.entry as \$e | \$calls | index(\$e))]" "$work/$1.out"
}
same_returns() { [ "$(returns "$1" | wc -l)" -gt "$3" ] && diff <(returns "$1") <(returns "$2"); }
for guest in guest guest32; do
	run step -f json --watch=step --engine=box "$build/$guest.elf"
	run ring -f json --watch=ring --returns --engine=box "$build/$guest.elf"
	run none --watch=none --engine=box "$build/$guest.elf"
	check "$guest with returns: whole" whole ring
	check "  those that step sees, with the same registers and results, each from its call" same_returns step ring 15
	check "  with nothing of the state after" json ring "[.[] | $returned] | all(.recorded == \"ring\" and .after == null and .checks == [])"
	check "  with the time from call to return" json ring "(map(select(.recorded) | {key: (.seq | tostring), value: .}) | from_entries) as \$at
		| [.[] | $returned | select(.entry and \$at[.entry | tostring])] | length > 14 and all(.ticks > 0)"
	check "  counted" ring ring '.returns > 15 and .returns_changed == 2 and .returns_left == 0'
	check "  the header says what is not seen" json ring '.[0].returns and (.[0].limits | any(.path | test("nor a return")))'
	check "  the same console" same_console none ring
done

# By its exits: 2 has no room, 3 leads elsewhere, 4 is reached through a pointer.
run ring -f json --watch=ring --returns --engine=box "$build/returns.elf"
run none --watch=none --engine=box "$build/returns.elf"
check "returns: whole" whole ring
check "  registers, flags and selectors behind each call as untouched" same_console none ring 170
check "  those that can be found and have room" ring ring '.returns == 8 and .returns_changed == 4 and .returns_left == 1'
check "  each at its place, from its call" json ring '[.[] | select(.kind == "syscall").seq] as $c | [.[] | select(.recorded and .kind == "sysret")
	| [(.entry as $e | if $e then $c | index($e) else null end), (.before.rip | .[-3:])]] | map(.[0]) == [0, 1, null, 5, 6, 7, null, 9] and (map(.[1]) as $r |
	$r[0] == $r[4] and $r[1] == $r[5] and $r[2] == $r[6] and $r[3] == $r[7] and ($r | unique | length) == 4)'
run ring -f json --watch=ring --returns --engine=box "$build/returns32.elf"
run none --watch=none --engine=box "$build/returns32.elf"
check "returns32: whole" whole ring
check "  what ring 3 finds adds up to the same" same_console none ring 1
check "  those behind an STI" ring ring '.calls == 41 and .returns == 30 and .returns_changed == 2 and .returns_left == 1'
check "  each with what its call left in RAX" json ring '[.[] | select(.kind == "sysexit" and .recorded)] | length == 30 and
	all(.before.rax == ("0x" + (.service.number * 2 + 7 | [. / 256, . / 16, .] | map(floor % 16 | "0123456789abcdef"[.:. + 1]) | join("") | sub("^0+(?=.)"; ""))))'

run calls -f json --watch=ring --returns --engine=box --trace=msr "$build/calls-returns.elf"
check "200,000 calls with returns: whole" whole calls
check "  all of both, at least 1,000 for each exit" ring calls '.calls == 200000 and .recorded == 199999 and .returns == 199999 and
	.exits * 1000 <= .calls'
run smp -f json --watch=ring --returns --engine=box --cpus=2 --trace=syscall "$build/calls-smp.elf"
run none --watch=none --engine=box --cpus=2 "$build/calls-smp.elf"
check "two processors with returns: whole" whole smp
check "  of each, all" ring smp '.calls == 40000 and .recorded == 39999 and .returns >= 39997 and .returns_changed == 2'
check "  each on the processor of its call" json smp '(map(select(.recorded and .kind == "syscall") | {key: (.seq | tostring), value: .cpu}) | from_entries) as $cpu
	| [.[] | select(.recorded and .kind == "sysret" and .entry)] | length > 39900 and all(.cpu == ($cpu[.entry | tostring] // .cpu))'
check "  the guest counts as many" same_console none smp
run usage --watch=gates --returns "$build/returns.elf"
check "--returns with another method: status 2" status_is usage 2

# --- where it cannot be done ---

run full -f json --watch=ring --engine=box "$build/spaces-full.elf"
check "full page tables: whole" whole full
check "  it is watched gate by gate, and that is said" ring full '.calls == 600 and .recorded == 0 and (.fallback | test("no room"))'
check "  on stderr, too" says full 'no room.*gate by gate'
# --- a stub with one thing wrong ---

edited watch/ring_stub.S ''
check "unchanged, it builds" remade vmm watch/ring_stub.S
differs() { ! "$@" >/dev/null; }
broken() { # SED-EXPRESSION DESCRIPTION CHECK...
	local expression=$1 description=$2
	shift 2
	check "$description: changes the stub" edited watch/ring_stub.S "$expression"
	check "  builds" remade vmm watch/ring_stub.S
	vmm=$work/mutants/vmm run broken -f json --watch=ring $returning --engine=box --timeout=20 "$build/$subject"
	check "  is noticed" "$@"
}
returning='' subject=entries.elf
run none --watch=none --engine=box "$build/$subject"
broken 's/^\tlea\t-1(%rcx), %rcx/\tdec\t%rcx/' "a flag changed" differs same_console none broken 100
broken '/^\tmov\tRING_RDX(%rcx), %rdx/d' "RDX not restored" differs same_console none broken 100
broken '/^\tmov\t%r10, RING_R10(%rcx)/d' "R10 not recorded" differs same_registers broken
broken 's/^\tlea\tRING_RECORD(%rcx), %rcx/\tnop/' "a record lost" status_is broken 1
check "  and counted" ring broken '.lost == 4'
returning=--returns subject=returns.elf
run none --watch=none --engine=box "$build/$subject"
broken '/^\tmov\tRING_RAX(%rcx), %rax/d' "RAX not restored at a return" differs same_console none broken 170
broken 's/^\tmov\t%eax, RING_ID(%rcx)/\tnop/' "a return without its id" status_is broken 1
subject=returns32.elf
run none --watch=none --engine=box "$build/$subject"
broken 's/^\tlea\t-1(%edx), %edx/\tdec\t%edx/' "a flag changed at a return" differs same_console none broken 1

# --- the Intel box ---

vmm=$build/vmm
run few -f json --engine=box-intel --watch=ring --trace=msr "$build/calls-few.elf"
if grep -q 'apt-get install bochs' "$work/few.err"; then
	done_testing
	exit
fi
check "Intel: 3,000 calls: whole" whole few
run calls -f json --engine=box-intel --watch=ring --trace=msr "$build/calls.elf"
check "Intel: 200,000 calls: whole" whole calls
check "  all of them, at least 1,000 for each exit" ring calls '.calls == 200000 and .exits * 1000 <= .calls'
# Its TSC counts instructions, of guest, host and VMM together.  Of break a call and its return are two events.
run break -f json --engine=box-intel --watch=break --trace=msr "$build/calls-few.elf"
ticks() { printf '%d' "0x$(console "$1" | tail -1 | sed 's/.* //')"; }
cheaper() {
	local ring=$(($(ticks calls) / 200000)) break=$(($(ticks break) / 3000 / 2))
	echo "$ring instructions a call recorded, $break an event up to breakpoints"
	[ "$ring" -gt 32 ] && [ "$break" -ge "$((15 * ring))" ]
}
check "  15 times cheaper than break, an event for an event" cheaper
run sysenter -f json --engine=box-intel --watch=ring --trace=msr "$build/calls-sysenter.elf"
check "Intel: 200,000 calls by SYSENTER in long mode: whole" whole sysenter
check "  all of them" ring sysenter '.calls == 200000 and .recorded == 199999'
for guest in entries spaces spaces-stack returns; do
	returning=
	[ $guest != returns ] || returning=--returns
	run ring -f json --engine=box-intel --watch=ring $returning "$build/$guest.elf"
	run none --engine=box-intel --watch=none "$build/$guest.elf"
	check "Intel: $guest: whole" whole ring
	check "Intel: $guest: the same console" same_console none ring
done

done_testing
