#!/bin/bash
# The torture: random gates agree with the model, a case can be had again, and
# a model with one number changed is found out.
. "$(dirname "$0")/tap.sh"
source=$(cd "$here/../.." && pwd)
program=$build/torture

# torture NAME ARGUMENTS...
torture() { vmm=$program run "$@"; }

has() { # NAME PATTERN: a line of stdout
	grep -Eq -- "$2" "$work/$1.out" || { echo "no line like $2"; head -20 "$work/$1.out"; return 1; }
}

torture short --seed=1 --count=10000 "$build/torture.elf"
check "10000 cases of seed 1: status 0" status_is short 0
check "10000 cases of seed 1: no mismatch" has short '^seed 1: 10000 cases, 0 mismatches$'
check "every case is counted" has short '^ +all +10000 '
check "the machine is named" has short '^on .*(kvm_amd|kvm_intel|kvm)'
check "no bar where stderr is no terminal" sh -c "! grep -q '#' '$work/short.err'"
if grep -q '^on QEMU' "$work/short.out"; then
	check "every deviation in reach is met" sh -c "! grep -E '^ +0 met:' '$work/short.out'"
fi
torture again --seed=1 --count=10000 "$build/torture.elf"
# An interrupt of the host comes when it comes.
check "the same seed: the same counts" sh -c "
	grep -v 'run again' '$work/short.out' >'$work/a'; grep -v 'run again' '$work/again.out' >'$work/b'; cmp '$work/a' '$work/b'"
torture other --seed=2 --count=2000 "$build/torture.elf"
check "another seed: status 0" status_is other 0

torture intel --engine=box-intel --seed=1 --count=10000 "$build/torture.elf"
if ! grep -q 'apt-get install bochs' "$work/intel.err"; then
	check "the Intel box: status 0" status_is intel 0
	check "the Intel box: no mismatch" has intel '^seed 1: 10000 cases, 0 mismatches$'
	check "the Intel box: SYSEXIT, too" has intel '^ +sysexitq '
	check "the Intel box: every deviation in reach is met" sh -c "! grep -E '^ +0 met:' '$work/intel.out'"
fi

torture one --seed=1 --case=5 "$build/torture.elf"
check "--case: status 0" status_is one 0
check "--case: names the instruction and its caller" has one '^  [a-z]+.* in ring [0-3], '
check "--case: every comparison is shown" sh -c "[ \$(grep -c '  held\$' '$work/one.out') -ge 2 ]"
check "--case: one case is counted" has one '^ +all +1 '

torture known --known
check "--known: status 0" status_is known 0
check "--known: a row for each deviation" \
	test "$(wc -l <"$work/known.out")" = "$(grep -c '^KNOWN(' "$source/vmm/check/known.def")"
while IFS= read -r row; do
	check "README has: ${row:0:60}" grep -qxF -- "$row" "$source/README.md"
done <"$work/known.out"

# refused NAME PATTERN ARGUMENTS...: status 2 and one line
refused() {
	local name=$1 pattern=$2
	shift 2
	torture "$name" "$@"
	check "$name: status 2" status_is "$name" 2
	check "$name: one line" says "$name" "$pattern"
	check "$name: nothing on stdout" empty "$work/$name.out"
}
refused no-guest 'no guest named'
refused two-guests 'one guest only' a b
refused bad-seed 'seed=x' --seed=x "$build/torture.elf"
refused negative 'count=-1' --count=-1 "$build/torture.elf"
refused huge 'seed=99999999999999999999' --seed=99999999999999999999 "$build/torture.elf"
refused nothing 'count=0' --count=0 "$build/torture.elf"
refused engine 'engine=none' --engine=none "$build/torture.elf"
refused unknown 'cannot understand' --what "$build/torture.elf"
torture absent "$work/absent.elf"
check "no such guest: status 3" status_is absent 3
torture wrong --count=1 "$build/minimal.elf"
check "a guest that is not the torture's: status 3" status_is wrong 3
check "a guest that is not the torture's: one line" says wrong 'minimal.elf'

# Mutants of the model.
edited model/selectors.c ''
check "unchanged, it builds" remade torture model/selectors.c
program=$work/mutants/torture

# found FILE SED-EXPRESSION INSN FIELD: the mutated model disagrees on this field of this instruction
found() {
	check "$1 $2: changes the model" edited "model/$1" "$2"
	check "  builds" remade torture "model/$1"
	torture mutant --seed=1 --count=5000 "$build/torture.elf"
	check "  status 1" status_is mutant 1
	check "  a case of $3 is reduced to its $4" sh -c "
		grep -A6 '^mismatch' '$work/mutant.out' | grep -A5 '^  $3 ' | grep -q '^    $4 .*CONTRADICTED'"
}

found selectors.c 's/\.cs = base & NO_RPL/.cs = base/' syscall cs
found rflags.c 's/ & ~fmask & / \& fmask \& /' syscall rflags
found predict_syscall.c 's/before->msr\.lstar : before->msr\.cstar/before->msr.cstar : before->msr.lstar/' syscall rip
found rflags.c 's/if (cpl <= iopl)/if (cpl < iopl)/' iretq rflags
found descriptor.c 's/8 \* (g->ist - 1)/8 * g->ist/' int rsp
found delivery.c 's/g->dpl < d->before->cpl/g->dpl > d->before->cpl/' int vector
found predict_return.c 's/ss\.dpl != cpl || //' iretq vector

done_testing
