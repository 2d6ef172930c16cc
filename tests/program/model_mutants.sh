#!/bin/bash
# One number changed in the model: the checks of a real trace are contradicted.
. "$(dirname "$0")/tap.sh"
source=$(cd "$here/../.." && pwd)

mkdir "$work/source"
(cd "$source" && tar -cf - --exclude=./build --exclude=./.git .) | tar -xf - -C "$work/source"
[ -e "$build/box" ] && mkdir "$work/build" && cp -as "$(readlink -f "$build/box")" "$work/build/box"
cd "$work" || exit 1
check "a copy builds" sh -c "meson setup build source >setup.log 2>&1 && ninja -C build vmm minimal.elf >ninja.log 2>&1 ||
	{ tail -5 setup.log ninja.log; exit 1; }"
vmm=$work/build/vmm
run sound --trace build/minimal.elf
check "unchanged: status 0" status_is sound 0

# wrong FILE SED-EXPRESSION FIELD: the mutated model contradicts this field
wrong() {
	cp "$source/vmm/model/$1" "source/vmm/model/$1"
	sed -i "$2" "source/vmm/model/$1"
	check "$1 $2: changes the model" sh -c "! cmp -s '$source/vmm/model/$1' 'source/vmm/model/$1'"
	check "  builds" sh -c "ninja -C build vmm >ninja.log 2>&1 || { tail -5 ninja.log; exit 1; }"
	run mutant -f json build/minimal.elf
	check "  status 1" status_is mutant 1
	check "  $3 is contradicted" json mutant \
		"any(.[] | select(.seq).checks[]; .field == \"$3\" and .verdict == \"contradicted\")"
	cp "$source/vmm/model/$1" "source/vmm/model/$1"
}

wrong selectors.c 's/\.ss = base + 8 }/.ss = base + 16 }/' ss
wrong selectors.c 's/base + 16 : base/base + 8 : base/' cs
wrong rflags.c 's/rflags & ~fmask/rflags/' rflags
wrong predict_syscall.c 's/GPR_RCX, next_rip(before, gate))/GPR_RCX, next_rip(before, gate) + 1)/' rcx

done_testing
