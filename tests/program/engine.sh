#!/bin/bash
# Engines: what is chosen, what is refused, and what is said about it.
. "$(dirname "$0")/tap.sh"

run probe --probe
check "--probe: status 0" status_is probe 0
for row in "CS and SS in ring 0" SYSCALL FMASK SYSRET "INT n" IRET "single-step" "hardware breakpoint" \
	"software breakpoint" "MSR filter"; do
	check "--probe: row '$row' for every engine" sh -c "[ \$(grep -ci -- '$row' '$work/probe.out') -ge 2 ]"
done
check "--probe: the box is faithful" sh -c "sed -n '/^box/,\$p' '$work/probe.out' | grep -q '^  faithful'"

if grep -q 'not a processor to be trusted' "$work/probe.out"; then
	run kvm --engine=kvm --trace "$build/minimal.elf"
	check "--engine=kvm is refused where KVM is unfaithful: status 3" status_is kvm 3
	check "--engine=kvm says what is off" says kvm 'engine=kvm.*(CS|SS|CPL|RFLAGS|SYSRET|INT|IRET|step)'
	run auto -f json "$build/minimal.elf"
	check "auto says in one line that the box is used" \
		sh -c "[ \$(grep -c 'using the box' '$work/auto.err') = 1 ]"
	check "auto: the header says box" json auto '.[0].engine == "box" and .[0].processor == "amd"'
fi
PATH=$work run intel --engine=box-intel --trace "$build/minimal.elf"
check "--engine=box-intel without Bochs: status 3" status_is intel 3
check "--engine=box-intel without Bochs: one line says what to do" says intel 'Intel box.*apt-get install bochs'

mkdir "$work/bin"
cp "$vmm" "$work/bin/vmm"
PATH=$work/bin "$work/bin/vmm" --engine=box --trace "$build/minimal.elf" >"$work/bare.out" 2>"$work/bare.err"
echo $? >"$work/bare.status"
check "no QEMU: status 3" status_is bare 3
check "no QEMU: one line says what to install" says bare 'qemu-system-x86'
check "no QEMU: nothing on stdout" empty "$work/bare.out"

done_testing
