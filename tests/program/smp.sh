#!/bin/bash
# Debian's own kernel on two vCPUs, both traced: its calls pair across them, also where a thread moves from one to the
# other within a call; and a small guest with two processors, by every method.
. "$(dirname "$0")/tap.sh"
every_line_fits=yes

for watch in step gates auto; do
	run small --watch=$watch --cpus=2 --timeout=60 "$build/smp.elf"
	check "--watch=$watch: a second processor starts where the first one says" grep -q '^guest: 2$' "$work/small.err"
	check "--watch=$watch: both halt, and that is the end" status_is small 0
done

kernel=$(ls "$build"/box/boot/vmlinuz-* 2>/dev/null | head -1)
if [ -z "$kernel" ]; then
	echo "# no kernel in $build/box/boot: tools/box puts one there"
	done_testing
	exit
fi
"$build/tests/initramfs" "$work/initrd" init="$build/linux-smp" || exit 1

run linux -f json -m 256M --cpus=2 --timeout=240 --initrd="$work/initrd" \
	--append="console=ttyS0 panic=-1 reboot=t quiet" "$kernel"
check "it runs to the end: by a triple fault, as reboot=t has it" status_is linux 4
check "its program has what it expects" grep -q '^guest: smp: all as expected$' "$work/linux.err"
check "nothing is contradicted" json linux '.[-1].checks | .contradicted == 0 and .held > 1000'

cat >"$work/smp.jq" <<'E2'
def calls: map(select(.service and .entry == null and (.kind != "sysret" and .kind != "iret")));
def returns($seq): map(select(.entry == $seq));
def moved: . as $all | map(select(.service.name == "sched_setaffinity" and .entry) |
	. as $r | ($all | map(select(.seq == $r.entry))[0].cpu) as $from | select($from != .cpu));
E2
smp() { json linux "$(cat "$work/smp.jq") map(select(.seq and .kind != \"lint\")) | $1"; }

rounds='["write","read","write","read","write","read","write","read"]'
check "both vCPUs enter and return" smp '
	. as $all | [0, 1] | all(. as $cpu | $all | map(select(.cpu == $cpu)) |
		(calls | length) > 8 and (map(select(.kind == "sysret")) | length) > 8)'
check "the first processor's process makes its calls in their order" smp '
	calls | .[0].thread.space as $s | map(select(.thread.space == $s)) | map(.service.name) == ["write","sched_setaffinity","getcpu",
		"pipe2","pipe2","fork"] + '"$rounds"' + ["wait4","sched_setaffinity","getcpu","sched_setaffinity","getcpu","write","reboot"]'
check "and the second one's" smp '
	calls | .[0].thread.space as $s | map(select(.thread.space != $s)) | map(.service.name) == ["sched_setaffinity","getcpu",
		"read","write","read","write","read","write","read","write","exit_group"]'
check "between them they are on both: one reads on vCPU 1 while the other one does on 0" smp '
	calls | .[0].thread.space as $s | map(select(.service.name == "read")) |
	all(.cpu == (if .thread.space == $s then 0 else 1 end))'
check "every call returns once, a fork twice, an exit never" smp '
	. as $all | calls | map(. as $c | ($all | returns($c.seq) | length) as $n |
		if .service.name == "exit_group" or .service.name == "reboot" then $n == 0
		elif .service.name == "fork" then $n == 2 else $n == 1 end) | length == 32 and all'
check "every SYSRET has its entry, which is its own thread's" smp '
	. as $all | map(select(.kind == "sysret")) | length > 25 and
	all(. as $r | $r.entry and ($all | map(select(.seq == $r.entry))[0].thread == $r.thread))'
check "a thread that moves enters on one vCPU and returns on the other" smp 'moved | length >= 3'
check "no return comes before its entry" smp 'map(select(.entry) | .entry < .seq) | all'
done_testing
