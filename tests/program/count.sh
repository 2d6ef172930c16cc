#!/bin/bash
# Nothing is lost and nothing invented: a plugin in the QEMU of the box counts
# the gate instructions that each guest executes, in the very run that is
# traced.  The trace has exactly these, at the same addresses, in that order.
. "$(dirname "$0")/tap.sh"

# A build directory of its own: its snapshots are of a QEMU with the plugin.
mkdir -p "$work/build/box" "$work/bin"
cp "$vmm" "$work/build"
ln -s "$build"/box/{boot,lib} "$work/build/box"
plugin=$(find "$build" -name gatecount.so)
qemu=$(command -v qemu-system-x86_64)
printf '#!/bin/sh\nexec %s "$@" -plugin %s,out=%s\n' "$qemu" "$plugin" "$work/executed" >"$work/bin/qemu-system-x86_64"
chmod +x "$work/bin/qemu-system-x86_64"

hex='def hex: ltrimstr("0x") | explode | reduce .[] as $c (0; . * 16 + (if $c > 96 then $c - 87 else $c - 48 end));
     def digits: if . < 16 then "0123456789abcdef"[.:. + 1] else (. / 16 | floor | digits) + (. % 16 | digits) end;'
# Where an instruction lies is its offset plus the base of CS, which only segmented guests have.
gates="$hex"'select(.seq and (.kind | test("^(syscall|sysret|sysenter|sysexit|int|iret)$")))
	| "\(.kind) \(if .before.cs_base then "0x" + (((.rip | hex) + (.before.cs_base | hex)) % 4294967296 | digits) else .rip end)"'

counted() { # GUEST ARGUMENTS...: the lines traced and executed, in $work/traced and $work/executed
	: >"$work/executed"
	PATH=$work/bin:$PATH "$work/build/vmm" "$@" --engine=box -f json >"$work/trace.out" 2>"$work/trace.err" </dev/null
	jq -r "$gates" "$work/trace.out" >"$work/traced"
	# Before the guest a probe of one SYSRET, at an address that no guest has, finds what the machine makes of TF.
	[[ $(head -1 "$work/executed") = "sysret 0x80"?? ]] && sed -i 1d "$work/executed"
}
same() { diff "$work/traced" "$work/executed"; }
at_least() { [ "$(wc -l <"$work/executed")" -ge "$1" ] || { echo "only $(wc -l <"$work/executed") executed"; return 1; }; }

for guest in "$build"/*.elf; do
	name=$(basename "$guest" .elf)
	case $name in
	torture) continue ;;            # the guest of another program
	bench* | first) continue ;;     # want a command line
	calls* | entries* | handlers | spaces*) continue ;;             # those of ring.sh: millions of calls
	*-sweep) continue ;;            # half an hour's worth of steps; the kernel is that of guest.elf or guest32.elf
	smp | spin | uart) counted "$guest" --timeout=2 ;;        # wait for ever: for a processor, for nothing, for input
	*) counted "$guest" ;;
	esac
	case $name in
	lost | codestack32) sed -i '$d' "$work/executed" ;;     # the tracer loses it, or it dies, at the last gate
	esac
	check "$name: $(wc -l <"$work/executed") gates, all of them and no other" same
	case $name in                   # what cannot be by accident
	guest) check "  and they are many" at_least 70 ;;
	guest32) check "  and they are many" at_least 80 ;;
	many) check "  and they are many" at_least 2000 ;;
	esac
done

done_testing
