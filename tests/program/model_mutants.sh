#!/bin/bash
# One number changed in the model: the checks of a real trace are contradicted.
. "$(dirname "$0")/tap.sh"

edited model/selectors.c ''
check "unchanged, it builds" remade vmm model/selectors.c
vmm=$work/mutants/vmm
run sound --trace "$build/minimal.elf"
check "unchanged: status 0" status_is sound 0

# wrong FILE SED-EXPRESSION FIELD: the mutated model contradicts this field
wrong() {
	check "$1 $2: changes the model" edited "model/$1" "$2"
	check "  builds" remade vmm "model/$1"
	run mutant -f json "$build/minimal.elf"
	check "  status 1" status_is mutant 1
	check "  $3 is contradicted" json mutant \
		"any(.[] | select(.seq).checks[]; .field == \"$3\" and .verdict == \"contradicted\")"
}

wrong selectors.c 's/\.ss = base + 8 }/.ss = base + 16 }/' ss
wrong selectors.c 's/base + 16 : base/base + 8 : base/' cs
wrong rflags.c 's/rflags & ~fmask/rflags/' rflags
wrong predict_syscall.c 's/GPR_RCX, next_rip(before, gate))/GPR_RCX, next_rip(before, gate) + 1)/' rcx

done_testing
