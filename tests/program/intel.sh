#!/bin/bash
# The Intel box: the same two guests, on a processor of the other vendor.
. "$(dirname "$0")/tap.sh"
mkdir "$work/tmp"
export TMPDIR=$work/tmp                 # others have boxes of their own under way

run guest -f json --engine=box-intel "$build/guest.elf"
if grep -q 'apt-get install bochs' "$work/guest.err"; then
	skip_all "no Bochs here"
fi
check "guest.elf: status 0" status_is guest 0
check "guest.elf: the header says on what it ran" json guest \
	'.[0] | .engine == "box-intel" and .processor == "intel" and (.provenance | test("^Bochs .*, Linux .*, kvm_intel$"))'
check "guest.elf: 0 contradicted, and not for want of checks" json guest '.[-1].checks | .contradicted == 0 and .held > 2000'
check "guest.elf: every source is Intel's" json guest 'all(.[] | select(.seq).checks[]; .source | test("SDM"))'
check "SYSCALL in compatibility mode is #UD" json guest \
	'[.[] | select(.kind == "syscall" and .before.mode == "compat").fault.name] == ["#UD"]'
check "an error code names gate 2Eh and the like by the vector itself: vector * 8 + 2" json guest \
	'[.[] | select(.kind == "int" and .fault.name == "#GP")] | length > 0 and all((.vector * 8 + 2) as $e | .fault.error
	   | ltrimstr("0x") | explode | reduce .[] as $c (0; . * 16 + (if $c > 96 then $c - 87 else $c - 48 end)) == $e)'

run guest32 -f json --engine=box-intel "$build/guest32.elf"
check "guest32.elf: status 0" status_is guest32 0
check "guest32.elf: 0 contradicted" json guest32 '.[-1].checks | .contradicted == 0 and .held > 1500'
check "SYSENTER and SYSEXIT: 8/10 in, 1B/23 out" json guest32 \
	'([.[] | select(.kind == "sysenter").after] | length > 10 and all(.cs == "0x8" and .ss == "0x10"))
	 and ([.[] | select(.kind == "sysexit").after] | length > 10 and all(.cs == "0x1b" and .ss == "0x23"))'
check "no SYSCALL outside 64-bit mode" json guest32 \
	'[.[] | select(.kind == "syscall").fault.name] | length > 0 and all(. == "#UD")'

# Several files go in, whatever else is on the disc.
(cd "$work" && mkdir a b c && printf 'the first module' >a/mod && printf 'another' >b/mod && printf 'this is no archive' >c/mod)
cd "$work" || exit 1
run files -f json --engine=box-intel --append='root=/dev/ram0  quiet "two words"' --initrd=c/mod \
	--module='a/mod first=1' --module=b/mod "$build/boot-pvh.elf"
check "a PVH kernel with its command line, modules and initrd" json files '.[-1] | .end == "exit" and .code == 0'

# kvm-intel does what an AMD processor would for a guest that is told that it has one.
run amd -f json --engine=box-intel --cpu=amd "$build/guest.elf"
check "--cpu=amd: SYSCALL in compatibility mode passes: contradicted, and KVM's own doing" json amd \
	'[.[] | select(.kind == "syscall" and .before.mode == "compat")]
	 | length == 1 and .[0].fault == null and ([.[0].checks[] | select(.verdict == "contradicted")]
	   | length == 1 and .[0].field == "vector" and (.[0].known | test("KVM itself")))'
check "--cpu=amd: as on the other vendor" json amd \
	'[.[] | select(.kind == "syscall" and .before.mode == "compat").other_vendor[] | [.field, .there]] == [["vector", "none"]]'
check "--cpu=amd: status 1" status_is amd 1

# The machine around the kernel; input goes in by a disc.
printf 'Ada\n' | "$vmm" --engine=box-intel "$build/uart.elf" >"$work/uart.out" 2>"$work/uart.err"
echo $? >"$work/uart.status"
check "uart.elf: what is piped in is heard" grep -qx 'guest: name? hello Ada' "$work/uart.err"
check "uart.elf: status 0" status_is uart 0
run smp --engine=box-intel --watch=none --cpus=2 "$build/smp.elf"
check "smp.elf: a second processor starts" grep -qx 'guest: 2' "$work/smp.err"
check "smp.elf: status 0" status_is smp 0

# It has interrupts off, and runs freely: only the host's clock can end it.
begin=$SECONDS
run bad -f json --engine=box-intel --timeout=2 "$build/spin.elf"
check "a guest that does not end: status 5" status_is bad 5
check "and its trace does end" json bad '.[-1] | .kind == "summary" and .end == "timeout" and .status == 5'
check "after our seconds, not the box' own" test $((SECONDS - begin)) -lt 25
check "nothing is left behind" sh -c '! ls -d "${TMPDIR:-/tmp}"/vmm-box-* 2>/dev/null'

done_testing
