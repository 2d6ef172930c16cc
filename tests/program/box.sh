#!/bin/bash
# The box itself: whatever becomes of its snapshot and its QEMU, the trace is
# the same, or one line says why there is none.
. "$(dirname "$0")/tap.sh"

# A program of its own, with a box directory of its own: its snapshot can be damaged.
cp "$vmm" "$build/minimal.elf" "$work"
mkdir "$work/box"
for part in boot lib; do
	[ ! -e "$build/box/$part" ] || ln -s "$build/box/$part" "$work/box/$part"
done
vmm=$work/vmm

snapshot() { find "$work/box" -maxdepth 1 -name 'snapshot-*'; }

# box NAME ARGUMENTS...: the minimal guest in the box
box() { run "$1" --engine=box -f json "${@:2}" "$work/minimal.elf"; }

same() { # NAME DESCRIPTION
	check "$2: status 0" status_is "$1" 0
	check "$2: the same trace" cmp "$work/first.out" "$work/$1.out"
}

box first
check "the first run: status 0" status_is first 0
check "the first run: a whole trace" json first '.[0].engine == "box" and .[-1].kind == "summary"'
check "the first run: names QEMU, Linux and kvm_amd" \
	json first '.[0].provenance | test("^QEMU [0-9.]+ TCG, Linux [0-9.]+-[0-9]+-cloud-amd64, kvm_amd$")'
check "the first run leaves one snapshot" test "$(snapshot | wc -l)" = 1

made=$(snapshot)
box second
same second "the second run"
check "the second run: the snapshot stays" test "$(snapshot)" = "$made"

memory=$((512 << 20))
# Behind the memory: QEMU's state of the devices.
printf 'garbage' | dd of="$made" bs=1 seek=$((memory + 100)) conv=notrunc status=none
box garbled
same garbled "garbage in the snapshot's state"
check "garbage in the snapshot's state: it is removed" test ! -e "$made"

box again
made=$(snapshot)
truncate -s $((memory + 1000)) "$made"
box truncated
same truncated "a truncated snapshot"

box again
made=$(snapshot)
dd if=/dev/zero of="$made" bs=1M count=512 conv=notrunc status=none
box zeroed
same zeroed "a snapshot without memory"

# More than the machine of the snapshot has: one that boots for this run alone.
box large -m 1G
check "a guest with 1 GiB of memory: status 0" status_is large 0
check "a guest with 1 GiB of memory: a whole trace" json large '.[-1].kind == "summary"'

# QEMUs that do not do.
fake() { # NAME SHELL-COMMANDS
	mkdir "$work/$1.bin"
	printf '#!/bin/sh\n%s\n' "$2" >"$work/$1.bin/qemu-system-x86_64"
	chmod +x "$work/$1.bin/qemu-system-x86_64"
	PATH=$work/$1.bin:$PATH box "$1"
	check "$1: status 3" status_is "$1" 3
	check "$1: nothing on stdout" empty "$work/$1.out"
}
fake "fails" 'echo "no such machine" >&2; exit 1'
check "a QEMU that fails: its own words are passed on" grep -q 'no such machine' "$work/fails.err"
fake "silent" 'exit 0'
check "a QEMU that says nothing: one line" says silent 'box did not start'

done_testing
