#!/bin/bash
# Kernels that nobody here wrote, as Debian has them: each boots unchanged, and its gates are seen.
. "$(dirname "$0")/tap.sh"
every_line_fits=yes

xen=$build/kernels/xen
gnumach=$build/kernels/gnumach
memtest=$build/kernels/memtest86
linux686=$build/kernels/linux686

# have NAME FILE: whether that kernel is there; if not, it is skipped
have() {
	[ -s "$2" ] && return
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP no ${2##*/} in $build/kernels: tools/kernels puts it there"
	return 1
}

# Xen: Multiboot, moves itself, and runs its first guest in ring 3.  It takes the first word for its own name.
test_xen() {
	run xen -f json -m 256M --timeout=300 --module="$build/xen-dom0 dom0" \
		--append="xen console=com1 com1=115200,8n1 dom0_mem=64M reboot=k no-real-mode" "$xen"
	check "Xen: ends by itself" status_is xen 0
	check "Xen: by a reset, nothing contradicted" json xen '.[-1] | .end == "reset" and .checks.contradicted == 0'
	check "Xen: its guest says hello" grep -q '^guest: dom0: hello' "$work/xen.err"
	check "Xen: the hypercalls of its guest, out of ring 3" json xen '
		map(select(.kind == "syscall" and .before.cpl == 3) | .service.number) == [18, 17, 29, 29, 29, 29]'
	check "Xen: to where LSTAR says, a stub of this processor" json xen '
		(map(select(.name == "IA32_LSTAR")) | last.value) as $to |
		map(select(.kind == "syscall")) | all(.after.rip == $to and .after.cs == "0xe008")'
	check "Xen: each returns to its caller, but the last" json xen '
		map(select(.kind == "syscall").seq) as $calls | map(select(.kind == "sysret") | .entry) == $calls[:-1]'
	check "Xen: nothing to find fault with" json xen '.[-1].lint.errors == 0'
}
! have "Xen" "$xen" || test_xen

# GNU Mach: an ELF64 file with a Multiboot header, segments of an LDT in ring 3, and a call gate that leads to UD2.
# When it has said so it loops for ever: it is ended there, and its trace has no summary.
test_gnu_mach() {
	local mach second
	: >"$work/gnumach.err"
	"$vmm" -f json -m 64M --timeout=400 --module="$build/mach-task \$(task-create) \$(task-resume)" \
		--append="console=com0" "$gnumach" >"$work/gnumach.out" 2>"$work/gnumach.err" </dev/null &
	mach=$!
	for ((second = 0; second < 400; second++)); do
		! grep -q '^guest: panic' "$work/gnumach.err" || break
		kill -0 $mach 2>/dev/null || break
		sleep 1
	done
	sleep 3                         # what was seen is written once a second
	kill -TERM $mach 2>/dev/null
	wait $mach
	# Its last line may be half a one.
	[ -z "$(tail -c 1 "$work/gnumach.out")" ] || sed -i '$d' "$work/gnumach.out"
	cat "$work/gnumach.out" >>"$work/every.json"
	check "GNU Mach: nothing contradicted" json gnumach \
		'map(.checks // [] | .[]?) | length > 1000 and all(.verdict == "held")'
	check "GNU Mach: starts its first task" grep -q "^guest: start .*mach-task:" "$work/gnumach.err"
	check "GNU Mach: to 32-bit code of an LDT" json gnumach '
		map(select(.kind == "iret" and .after.cpl == 3))[0] | .after.cs == "0x17" and .after.mode == "compat" and .popped.cs.dpl == 3'
	check "GNU Mach: in by its call gate" json gnumach '
		map(select(.kind == "far" and .before.cpl == 3)) | length == 1 and all(.after.cpl == 0 and .after.mode == "64")'
	check "GNU Mach: whose code is broken: an instruction that is none, a few bytes on" json gnumach '
		map(select(.kind == "far" and .before.cpl == 3))[0] as $in | map(select(.seq > $in.seq and .kind == "fault"))[0] |
		.name == "#UD" and .before.cpl == 0 and .rip != $in.after.rip and .rip[:-2] == $in.after.rip[:-2]'
	check "GNU Mach: and says so itself" grep -q '^guest: .*Kernel Invalid opcode trap' "$work/gnumach.err"
}
! have "GNU Mach" "$gnumach" || test_gnu_mach

# Linux for i386 without PAE: the 32-bit boot protocol, SYSENTER through the vDSO, and INT 80h.
test_linux_i386() {
	"$build/tests/initramfs" "$work/initramfs" init="$build/linux-compat"
	run linux686 -f json -m 256M --timeout=200 --initrd="$work/initramfs" --append="console=ttyS0 panic=-1 reboot=k quiet" "$linux686"
	check "Linux i386: ends by itself" status_is linux686 0
	check "Linux i386: its program speaks" grep -q '^guest: compat: hello' "$work/linux686.err"
	check "Linux i386: nothing contradicted, nothing to find fault with" json linux686 '
		.[-1] | .end == "reset" and .checks.contradicted == 0 and .lint == { errors: 0, warnings: 0, notes: 0 }'
	check "Linux i386: the calls of its program, by both gates" json linux686 '
		map(select(.service and .before.cpl == 3) | [.kind, .service.abi, .service.name]) == [["sysenter", "i386", "write"],
			["sysenter", "i386", "mmap2"], ["sysenter", "i386", "open"], ["int", "i386", "getpid"], ["int", "i386", "reboot"]]'
	check "Linux i386: each returns, but the last" json linux686 '
		map(select((.kind == "sysenter" or .kind == "int") and .service).seq) as $calls |
		map(select(.kind == "sysexit" or (.kind == "iret" and .service)).entry) == $calls[:-1]'
}
! have "Linux i386" "$linux686" || test_linux_i386

# Memtest86+: the boot protocol of Linux, and no gate at all.  ESC ends it, once it listens.
test_memtest() {
	escape() {
		local second
		for ((second = 0; second < 180; second++)); do
			! grep -aq "Memtest86+ v.*Testing" "$work/memtest.err" || printf '\033' || break
			sleep 1
		done
	}
	: >"$work/memtest.err"
	timeout 200 "$vmm" -m 64M --timeout=180 --append="console=ttyS0,115200 nosmp nobench" \
		"$memtest" >"$work/memtest.out" 2>"$work/memtest.err" < <(escape 2>/dev/null)
	echo $? >"$work/memtest.status"
	check "Memtest86+: ends when it is told to" status_is memtest 0
	check "Memtest86+: shows its screen and tests" grep -aq 'Memtest86+ v.*Testing' "$work/memtest.err"
}
! have "Memtest86+" "$memtest" || test_memtest

done_testing
