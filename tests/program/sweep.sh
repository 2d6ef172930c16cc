#!/bin/bash
# Every service number from 0 to 1FFFh, by every gate that takes one, on both
# kernels: the table and the slot to which the dispatcher went, or the status
# with which it refused.  The sweeping guests say what arrived; what should have
# is worked out here, number by number, by the documents' formulas:
#   the table's descriptor lies (EAX >> 8) & 10h behind the first, 10h bytes each,
#   and (EAX >> 7) & 20h, 20h bytes each, in a 64-bit kernel;
#   the index is EAX & FFFh; from the table's limit on it is refused with C000001C.
. "$(dirname "$0")/tap.sh"
guest=$here/../../guest
NUMBERS=$((0x2000))

# constant NAME FILE...: what a header defines it as, be it another constant
constant() {
	local value
	value=$(sed -n "s/^#define $1[[:space:]]\+\([0-9A-Za-z_]*\).*/\1/p" "${@:2}")
	case $value in
	'') echo "no $1" >&2 ;;
	[0-9]*) echo $((value)) ;;
	*) constant "$value" "${@:2}" ;;
	esac
}

# formulas GATE SHIFT DESCRIPTOR-SIZE LIMIT LIMIT: a line a number
formulas() {
	local gate=$1 shift=$2 size=$3 limits=("$4" "$5") eax offset index
	for ((eax = 0; eax < NUMBERS; eax++)); do
		offset=$((eax >> shift & size))
		index=$((eax & 0xfff))
		if ((index >= limits[offset / size])); then
			printf '%s %04x status c000001c\n' "$gate" "$eax"
		else
			printf '%s %04x table %x slot %04x\n' "$gate" "$eax" $((offset / size)) "$index"
		fi
	done
}

# arrived NAME: the ranges on the guest's console, a line a number
arrived() {
	local gate range what value word slot eax
	while read -r gate range what value word slot; do
		for ((eax = 0x${range%-*}; eax <= 0x${range#*-}; eax++)); do
			if [ "$what" = status ]; then
				printf '%s %04x status %s\n' "$gate" "$eax" "$value"
			else
				printf '%s %04x table %s slot %04x\n' "$gate" "$eax" "$value" \
					$((0x$slot + eax - 0x${range%-*}))
			fi
		done
	done < <(sed -nE 's/^guest: ((syscall|sysenter|int2e) [0-9a-f]{4}-[0-9a-f]{4} .*)/\1/p' "$work/$1.err")
}

sweep() { # NAME GUEST
	run "$1" --watch=none --timeout=20 "$2"
	arrived "$1" >"$work/$1.arrived"
}
agrees() { # ARCHITECTURE GATE
	diff <(grep "^$2 " "$work/$1") <(grep "^$2 " "$work/$1.arrived")
}
complete() { [ "$(grep -c "^$2 " "$work/$1.arrived")" = $NUMBERS ]; } # ARCHITECTURE GATE
# 1000h is the first number that wants table 1, of a thread without it: one conversion, between 0FFFh and 1000h.
converts_once() {
	sed -n 's/^guest: //p' "$work/$1.err" | grep -A1 -B1 '^win32k attached$' >"$work/$1.attached"
	[ "$(wc -l <"$work/$1.attached")" = 3 ] && sed -n 1p "$work/$1.attached" | grep -q -- '-0fff ' &&
		sed -n 3p "$work/$1.attached" | grep -q ' 1000-' || { cat "$work/$1.attached"; return 1; }
}

limit64=$(constant NT_SERVICE_LIMIT "$guest/x64/layout.h")
limit64_win32k=$(constant W32_SERVICE_LIMIT "$guest/x64/layout.h")
limit32=$(constant NT_SERVICE_LIMIT "$guest/x86/layout.h")
limit32_win32k=$(constant W32_SERVICE_LIMIT "$guest/x86/layout.h" "$here/../../include/nt32.h")
for gate in syscall int2e; do formulas $gate 7 $((0x20)) "$limit64" "$limit64_win32k"; done >"$work/x64"
for gate in sysenter int2e; do formulas $gate 8 $((0x10)) "$limit32" "$limit32_win32k"; done >"$work/x86"

while read -r architecture elf gates; do
	sweep "$architecture" "$build/$elf.elf"
	check "$elf: status 0" status_is "$architecture" 0
	for gate in $gates; do
		check "$gate: all 2000h numbers were called" complete "$architecture" "$gate"
		check "  and end where the formulas say" agrees "$architecture" "$gate"
	done
	check "  table 1 is attached once, on its first use" converts_once "$architecture"
done <<-END
	x64 guest-sweep syscall int2e
	x86 guest32-sweep sysenter int2e
END

# With one byte of the dispatcher changed the comparison fails, at the number that tells: a shift
# too short takes bit 11 for bit 12, so 0800h is beyond table 1 instead of table 0 and 1000h is in
# table 0; a mask too short makes 0800h slot 0; JA for JAE lets the limit itself pass.
first_astray() { # NAME ARCHITECTURE NUMBER
	local number
	number=$(diff "$work/$2" "$work/$1.arrived" | sed -nE 's/^[<>] [a-z0-9]+ ([0-9a-f]{4}) .*/\1/p' | head -1)
	[ "$number" = "$3" ] || { echo "first astray: $number"; return 1; }
}
while read -r architecture elf name before after number; do
	check "$elf, $name: made" mutant "$name" "$before" "$after" "$elf.elf"
	sweep "$name" "$work/$name.elf"
	check "  astray from $number on" first_astray "$name" "$architecture" "$number"
done <<-END
	x64 guest-sweep shift64 c1ef0783e720 c1ef0683e720 1000
	x64 guest-sweep mask64 83e72025ff0f0000 83e72025ff070000 0800
	x64 guest-sweep limit64 413b443a100f83 413b443a100f87 01d0
	x86 guest32-sweep shift32 c1ef0883e710 c1ef0783e710 1000
	x86 guest32-sweep mask32 89c325ff0f0000 89c325ff070000 0800
	x86 guest32-sweep limit32 3b47080f83 3b47080f87 0194
END

done_testing
