#!/bin/bash
# Debian's own kernel, with a first program whose calls are known: each by its name, with its strings and its result,
# and every return with its entry, whatever lies between.
. "$(dirname "$0")/tap.sh"
every_line_fits=yes

kernel=$(ls "$build"/box/boot/vmlinuz-* 2>/dev/null | head -1)
[ -n "$kernel" ] || skip_all "no kernel in $build/box/boot: tools/box puts one there"
"$build/tests/initramfs" "$work/initrd" init="$build/linux-init" compat="$build/linux-compat" || exit 1

run linux -f json -m 256M --watch=gates --timeout=240 --initrd="$work/initrd" \
	--append="console=ttyS0 panic=-1 reboot=t quiet" "$kernel"
check "it runs to the end: by a triple fault, as reboot=t has it" status_is linux 4
check "nothing is contradicted" json linux '.[-1].checks | .contradicted == 0 and .held > 1000'

# What the checks below look at, and nothing else: jq reads the whole once for each of them.
jq -c 'if .seq and .kind != "lint" then {seq, cpu, kind, rip, vector, entry, unpaired, way, program, again, signal, result, error, service, thread,
	after: {cpl: .after.cpl}} | with_entries(select(.value != null or .key == "entry")) else . end' \
	"$work/linux.out" >"$work/short.out"
mv "$work/short.out" "$work/linux.out"

cat >"$work/linux.jq" <<'E2'
def calls: map(select(.service and .entry == null and (.kind != "sysret" and .kind != "iret")));
def named($name): calls | map(select(.service.name == $name));
def returns($seq): map(select(.entry == $seq));
# The first program's own: in the address space of its first call, but for its thread, which has an FS.base.
def first_space: calls[0].thread.space;
def own: first_space as $s | calls | map(select(.thread.space == $s and .thread.fs_base == "0x0"));
E2
linux() { json linux "$(cat "$work/linux.jq") $1"; }

order='["write","getpid","openat","openat","read","close","mmap","munmap","execve","fork","wait4","vfork","exit_group",
	"wait4","fork","wait4","sched_setscheduler","pipe2","fork","read","wait4","clone","rt_sigaction","rt_sigaction","getpid","kill","getpid",
	"rt_sigreturn","pipe2","getpid","fork","read","getpid","rt_sigreturn","read","wait4","getpid","fork","pause","getpid",
	"rt_sigreturn","wait4","getpid","getpid","write","reboot"]'
check "the first program's calls, in its order" linux "own | map(.service.name) | map(select(. != \"futex\")) == $order"
check "its 32-bit program's calls" linux 'map(select(.way == "program" and .program == "/compat")) | length == 1'
check "its 32-bit program's calls, by name" linux '
	. as $all | (map(select(.way == "program"))[0].thread.space) as $s | ($all | map(select(.way == "program"))[0].seq) as $q |
	calls | map(select(.thread.space == $s and .seq > $q)) |
	map(.service.name)[0:5] == ["write","mmap2","open","getpid","exit"] and (.[0:5] | all(.service.abi == "i386"))'
check "and all six arguments" linux 'named("mmap2")[0].service.args == ["0x0","0x2000","0x3","0x22","0xffffffff","0x0"]'
check "by SYSCALL or SYSENTER, and INT 80h" linux 'named("mmap2")[0].kind as $k | ($k == "syscall" or $k == "sysenter") and
	(calls | map(select(.kind == "int")) | length == 4 and all(.service.abi == "i386" and .vector == 128))'

check "every call returns once, a fork twice, an exit never" linux '
	. as $all | calls | map(. as $c | ($all | returns($c.seq) | length) as $n |
		if .service.name == "exit" or .service.name == "exit_group" or .service.name == "reboot" then $n == 0
		elif .service.name == "fork" or .service.name == "vfork" or .service.name == "clone" then $n == 2
		else $n == 1 end) | length > 50 and all'
check "every SYSRET has its entry" linux 'map(select(.kind == "sysret")) | length > 40 and all(.entry != null)'
check "a return without one says why" linux '
	map(select(.kind == "iret" and .entry == null and .after.cpl == 3)) | length > 0 and all(.unpaired | type == "string")'
check "no return comes before its entry" linux 'map(select(.entry) | .entry < .seq) | all'
check "a return is its own thread's, but a new thread's and a new program's" linux '
	. as $all | (map({key: (.seq | tostring), value: .thread?}) | from_entries) as $thread |
	map(select(.entry and .way != "child" and .way != "program")) | all(.thread == $thread[.entry | tostring])'

check "what is not there: ENOENT, and its name" linux '
	named("openat")[0] as $c | $c.service.strings["1"] == "/missing \"file\"" and
	(returns($c.seq)[0] | .error == "ENOENT" and .result == "0xfffffffffffffffe")'
check "what is there: a descriptor" linux 'named("openat")[1] as $c | returns($c.seq)[0] | .result == "0x3" and (has("error") | not)'
check "execve fails behind its instruction" linux 'named("execve")[0] as $c | returns($c.seq)[0] | .error == "ENOENT" and (has("way") | not)'
check "children: a result of 0, in a space of their own, but vfork's and a thread's" linux '
	. as $all | map(select(.way == "child")) | length == 7 and all(.result == "0x0" and (.entry as $e | .thread.space as $s |
		$all | map(select(.seq == $e))[0] | (.thread.space == $s) == (.service.name != "fork")))'
check "a blocked read returns behind the calls of another process" linux '
	. as $all | own | map(select(.service.name == "read"))[1] as $c | ($all | returns($c.seq)[0]) as $r | $r.result == "0x1" and
	($all | calls | map(select(.seq > $c.seq and .seq < $r.seq and .thread.space != $c.thread.space)) | map(.service.name)
		== ["getppid","write","exit_group"])'
check "a signal at the end of a call" linux '
	named("kill")[0] as $c | returns($c.seq)[0] | .way == "signal" and .signal == 10 and .result == "0x0"'
check "a signal that ends a call" linux '
	named("pause")[0] as $c | returns($c.seq)[0] | .way == "signal" and .signal == 12 and .error == "EINTR"'
check "a signal behind which the call is made again, and then is" linux '
	. as $all | own | map(select(.service.name == "read")) as $r |
	($all | returns($r[2].seq)[0] | .way == "signal" and .again) and ($all | returns($r[3].seq)[0].result == "0x1") and
	$r[2].rip == $r[3].rip'
check "a handler returns to what it interrupted" linux '
	. as $all | named("rt_sigreturn") | length == 3 and all(.seq as $s | $all | returns($s)[0].way == "resumed")'
check "no claim about Windows is exercised" linux '
	map(select(.kind == "claim" and .observed != "not_exercised").id) - ["C15","C21","C22","C23","C36","C60","C70","C76","C80",
		"C82","C83","C84","C85","C86","C87","C88"] == []'
check "nor a name of Windows'" linux '[.. | strings | select(startswith("STATUS_"))] == []'

# Written down by the kernel's own processor, returns, too.
run recorded -f json -m 256M --watch=ring --returns --timeout=240 --initrd="$work/initrd" \
	--append="console=ttyS0 panic=-1 reboot=t quiet" "$kernel"
recorded() { json recorded "def calls: map(select(.recorded and .kind == \"syscall\")); def space: calls[0].after.cr3; $1"; }
check "method ring: it runs to the same end" status_is recorded 4
check "  every place where it returns by SYSRET has room, and nothing is lost" json recorded '.[-1] | .checks.contradicted == 0 and
	(.ring | .returns_changed == 2 and .returns_left == 0 and .lost == 0 and .returns > 40)'
check "  the first program's calls but the first and two by INT 80h, in its order" recorded "
	space as \$s | (calls | map(select(.after.cr3 == \$s).service.name)) - [\"futex\", \"gettid\", \"exit\"] ==
	($order | .[1:-4] + .[-2:])"
check "  every SYSRET is some call's, those of the 32-bit program, too" recorded 'map(select(.recorded and .kind == "sysret")) |
	all(.entry) and (map(select(.service.abi == "i386").service.name) == ["write", "mmap2", "open"])'
check "  with its result" recorded 'map(select(.recorded and .kind == "sysret")) |
	(map(select(.service.name == "openat")) | map([.result, .error]) == [["0xfffffffffffffffe", "ENOENT"], ["0x3", null]]) and
	(map(select(.service.name == "getpid")) | length > 5 and all(.result == "0x1"))'

done_testing
