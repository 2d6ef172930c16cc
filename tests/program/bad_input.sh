#!/bin/bash
# Guests that cannot be run: one line that names the file and what is wrong,
# status 3, nothing on stdout, no file left behind.
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1

guest=$build/guest.elf

# patched FILE OFFSET HEX...: guest.elf with bytes replaced
patched() {
	cp "$guest" "$1"
	printf "$(printf '\\x%s' "${@:3}")" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

refused() { # DESCRIPTION FILE PATTERN
	run bad --trace -o "$work/trace" "$2"
	check "$1: status 3" status_is bad 3
	check "$1: one line" says bad "^vmm: $2: .*$3"
	check "$1: nothing on stdout" empty bad.out
	check "$1: no output file" test ! -e "$work/trace"
	check "$1: no partial file" test -z "$(ls "$work" | grep partial)"
}

refused "missing" missing.elf "No such file"
mkdir directory
refused "a directory" directory "directory"
: >empty.elf
refused "empty" empty.elf "empty"
echo "This is no kernel." >text
refused "text" text "not an ELF file"
printf '#!/bin/sh\nexit 0\n' >script
refused "a script" script "script"
head -c 32 "$guest" >header.elf
refused "header cut off" header.elf "truncated"
head -c 2000 "$guest" >segments.elf
refused "segments cut off" segments.elf "truncated"
patched class.elf 4 01
refused "of the other class" class.elf "built for x86-64, not for i386"
patched machine.elf 18 b7 00
refused "foreign machine" machine.elf "AArch64"
patched entry.elf 24 f0 ff ff ff ff ff ff 7f
refused "entry outside" entry.elf "entry"
patched linear.elf 80 00 00 00 00 00 80 00 00
refused "linear address not canonical" linear.elf "canonical"
patched type.elf 16 01 00
refused "relocatable" type.elf "relocatable"
mkfifo fifo
refused "a FIFO, without waiting for a writer" fifo "not a regular file"

run usage --no-such-option
check "unknown option: status 2" status_is usage 2
check "unknown option: one line" says usage "no-such-option"
run none
check "no guest: status 2" status_is none 2
run two --trace a b
check "two guests: status 2" status_is two 2
run memory -m 1K "$guest"
check "memory too small: status 2" status_is memory 2
run timeout --timeout=never "$guest"
check "bad timeout: status 2" status_is timeout 2
run tight --trace -m 2M "$guest"
check "guest larger than its memory: status 3" status_is tight 3
run engine --engine=nonsense "$guest"
check "unknown engine: status 2" status_is engine 2

run unwritable --trace -o /no/such/directory/trace "$guest"
check "unwritable output: status 3" status_is unwritable 3
check "unwritable output: named" grep -q '/no/such/directory/trace' unwritable.err

done_testing
