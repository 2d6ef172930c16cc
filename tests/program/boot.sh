#!/bin/bash
# Boot protocols: a guest of each finds the state and the information that its
# specification promises, and says so with code 0; the Linux kernel of the box
# starts; options and files that cannot be are refused before anything boots.
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1

mkdir a b c
printf 'the first module' >a/mod
printf 'another' >b/mod
printf 'this is no archive' >c/mod
line='root=/dev/ram0  quiet "two words"'
modules=(--module='a/mod first=1' --module=b/mod)

boots() { # GUEST ARGUMENTS...
	local guest=$1
	shift
	run "$guest" -f json --append="$line" "$@" "$build/$guest"
	check "$guest: status 0" status_is "$guest" 0
	check "$guest: it says that all is right" grep -q 'guest: .*: all is right' "$work/$guest.err"
	check "$guest: code 0" json "$guest" '.[-1] | .end == "exit" and .code == 0'
}

boots boot-multiboot.elf "${modules[@]}"
boots boot-multiboot64.elf "${modules[@]}"
boots boot-multiboot.bin "${modules[@]}"
boots boot-multiboot2.elf "${modules[@]}"
boots boot-pvh.elf --initrd=c/mod "${modules[@]}"
boots boot-linux.img --initrd=c/mod
boots boot-linux32.img --initrd=c/mod

# The guests notice: another command line, other modules, none.
run other --append=other "${modules[@]}" -f json "$build/boot-multiboot2.elf"
check "another command line: the guest's code names it" json other '.[-1].code == 10'
run swapped --append="$line" --module=b/mod --module='a/mod first=1' -f json "$build/boot-multiboot.elf"
check "other modules: the guest's code names it" json swapped '.[-1].code == 26'
run none --append="$line" -f json "$build/boot-pvh.elf"
check "no modules: the guest's code names it" json none '.[-1].code == 10'

# A guest, its module and its initrd of one name, in the box.
mkdir d
cp "$build/boot-pvh.elf" d/mod
run names --append="$line" --engine=box --initrd=c/mod "${modules[@]}" -f json d/mod
check "files of one name do not collide" json names '.[-1].code == 0 and .[0].guest == "mod"'

# --boot overrides what the file says; without such a header it says so.
run forced --boot=elf --watch=none "$build/boot-multiboot.elf"
check "--boot=elf: started as a plain ELF guest, which finds no magic" says forced 'exit, code 1'
for p in pvh multiboot2 linux; do
	run "not-$p" --boot=$p "$build/boot-multiboot.elf"
	check "--boot=$p: status 3" status_is "not-$p" 3
	check "--boot=$p: one line" says "not-$p" 'no (PVH entry|Multiboot 2 header|Linux kernel image)'
done
run badboot --boot=grub "$build/boot-multiboot.elf"
check "--boot=grub: status 2" status_is badboot 2

# What cannot be: one line, before anything boots.
refused() { # NAME PATTERN ARGUMENTS...
	local name=$1 pattern=$2
	shift 2
	run "$name" --trace "$@"
	check "$name: status 3" status_is "$name" 3
	check "$name: one line" says "$name" "$pattern"
	check "$name: nothing on stdout" empty "$name.out"
}
: >empty
truncate -s 1025M huge
mkfifo fifo
refused missing-module '^vmm: no/such: No such file' --module='no/such args' "$build/boot-multiboot.elf"
refused missing-initrd '^vmm: no/such: No such file' --initrd=no/such "$build/boot-linux.img"
refused directory '^vmm: a: a directory' --module=a "$build/boot-multiboot.elf"
refused empty-module '^vmm: empty: an empty file' --module=empty "$build/boot-multiboot.elf"
refused fifo-module '^vmm: fifo: not a regular file' --module=fifo "$build/boot-multiboot.elf"
refused huge-module '^vmm: huge: larger than 1 GiB' --module=huge "$build/boot-multiboot.elf"
refused plain-append 'plain ELF guest is given no command line' --append=x "$build/minimal.elf"
refused plain-module 'plain ELF guest is given no modules' --module=a/mod "$build/minimal.elf"
refused linux-module 'takes no modules' --module=a/mod "$build/boot-linux.img"
refused small 'needs memory up to' --memory=20M "$build/boot-linux.img"
truncate -s 40M large
refused no-room 'large: no room' --initrd=large "$build/boot-linux.img"
refused long-line 'takes 255 at most' --append="$(printf 'x%.0s' {1..256})" "$build/boot-linux.img"
run output -o a/mod --module=a/mod "$build/boot-multiboot.elf"
check "an output that is a module: status 3" status_is output 3
check "an output that is a module: it is still there" grep -q 'the first module' a/mod

# A module of a size that needs a box of its own arrives whole.
head -c 200M /dev/zero >big
printf 'the first module' | dd of=big bs=16 conv=notrunc status=none
run big --append="$line" --module=big --watch=none "$build/boot-multiboot.elf"
check "200 MiB: more memory, said on stderr" grep -q '64M of memory are too little: it gets 256M' big.err
check "200 MiB: it goes in" grep -q 'guest: multiboot: something is wrong' big.err
check "200 MiB: and ends with the guest's code" grep -q 'exit, code 8' big.err

# The kernel of the box: how far it comes is not the loader's, but beyond its decompression it does.
kernel=$(ls "$build"/box/boot/vmlinuz-* /boot/vmlinuz-*-cloud-amd64 2>/dev/null | head -1)
if [ -n "$kernel" ]; then
	run kernel -f json --watch=none --timeout=60 --append='earlyprintk=ttyS0,115200 console=ttyS0 nokaslr panic=-1' "$kernel"
	check "Linux: more memory, said on stderr" grep -q 'it gets 128M' kernel.err
	check "Linux: it comes beyond its decompression" grep -Eq 'Linux version|at 0xffffffff8' kernel.err
fi

done_testing
