#!/bin/bash
# Recorded traces: what is read from one is what the run itself tells, byte for byte, without a guest; every reader of
# Common Trace Format sees the same events; what is not whole or not ours is said in one line.
. "$(dirname "$0")/tap.sh"

record() { # NAME ARGUMENTS...: into $work/NAME.trace
	local name=$1
	shift
	rm -rf "$work/$name.trace"
	run "$name" -f ctf -o "$work/$name.trace" "$@"
}
same() { cmp "$work/$1.$2" "$work/$1.read.$2"; }
status_as() { # NAME OTHER
	[ "$(cat "$work/$1.status")" = "$(cat "$work/$2.status")" ] ||
		{ echo "$1: $(cat "$work/$1.status"), $2: $(cat "$work/$2.status")"; return 1; }
}

# told NAME STATUS GUEST OPTIONS...: the run as JSON, as text, and recorded; then read both ways.
told() {
	local name=$1 status=$2 guest=$3
	shift 3
	run "$name.json" "$@" -f json "$guest"
	run "$name.text" "$@" -t "$guest"
	record "$name" "$@" "$guest"
	mv "$work/$name.json.out" "$work/$name.j"
	mv "$work/$name.text.out" "$work/$name.t"
	check "$name: recorded with the status of the run" status_is "$name" "$status"
	check "$name: nothing on stdout" empty "$work/$name.out"
	run "$name.read.json" read "$work/$name.trace" -f json
	run "$name.read.text" read "$work/$name.trace"
	mv "$work/$name.read.json.out" "$work/$name.read.j"
	mv "$work/$name.read.text.out" "$work/$name.read.t"
	check "$name: read as JSON, byte for byte" same "$name" j
	check "$name: read as text, byte for byte" same "$name" t
	check "$name: JSON with the run's status" status_as "$name.read.json" "$name.json"
	check "$name: text with the run's status" status_as "$name.read.text" "$name.text"
}

told guest 0 "$build/guest.elf"
told guest32 0 "$build/guest32.elf"
told triple 4 "$build/bugs/16-tss-stack.elf"
told note 0 "$build/bugs/01-gdt-order.elf"
told loop 4 "$build/faultyhandler.elf"
told cpus 0 "$build/guest.elf" --cpus=2
told faults32 0 "$build/faults32.elf"
told other_vendor 0 "$build/segments32.elf"
told timeout 5 "$build/spin.elf" --timeout=1
# STAR[63:48] without RPL 3, which the AMD box contradicts.
check "a guest that the AMD box contradicts: made" mutant star_user 810000c0000000000000000010002300 \
	810000c0000000000000000010002000
told contradicted 1 "$work/star_user.elf" --timeout=20



run kinds_live -f json --trace=far,int "$build/guest.elf"
run kinds read "$work/guest.trace" -f json --trace=far,int
check "-t KINDS when reading: as the run" cmp "$work/kinds_live.out" "$work/kinds.out"
run lint_live --lint "$build/bugs/01-gdt-order.elf"
run lint read "$work/note.trace" --lint
check "--lint when reading: as the run" cmp "$work/lint_live.out" "$work/lint.out"
run file read "$work/guest.trace" -f json -o "$work/guest.file"
check "-o FILE when reading: the same bytes" cmp "$work/guest.j" "$work/guest.file"

# Method ring: its records carry the time, which is another in every run.
without_time() { sed -E 's/"tsc":"0x[0-9a-f]*"/"tsc":/; s/"ticks":[0-9]+,?//; s/  TSC=0x[0-9a-f]*//; s/ in [0-9]+ ticks//; s/ran freely, [0-9]+ times/ran freely/; s/"free_runs":[0-9]+/"free_runs":/' "$1"; }
for guest in entries guest32 guest; do
	returns=--returns
	[ $guest != entries ] || returns=
	run ring.json --watch=ring $returns -f json "$build/$guest.elf"
	run ring.text --watch=ring $returns --trace "$build/$guest.elf"
	record ring --watch=ring $returns "$build/$guest.elf"
	check "method ring, $guest.elf: status 0" status_is ring 0
	run ring.read.json read "$work/ring.trace" -f json
	run ring.read.text read "$work/ring.trace"
	check "method ring, $guest.elf: records are in it" grep -q '"recorded":"ring"' "$work/ring.read.json.out"
	for how in json text; do
		# Where a line is wrapped depends on how many digits the time has.
		without_time "$work/ring.$how.out" | tr -s ' \n' ' ' >"$work/live"
		without_time "$work/ring.read.$how.out" | tr -s ' \n' ' ' >"$work/read"
		check "method ring, $guest.elf: read as $how, but for the time" cmp "$work/live" "$work/read"
	done
done
check "method ring, guest.elf: returns are in it" json ring.read.json \
	'map(select(.kind == "sysret" and .recorded)) | length > 15 and all(.entry and .service)'
run status.live --watch=ring --returns -f json --filter 'result == STATUS_ACCESS_VIOLATION' "$build/guest.elf"
run status.read read "$work/ring.trace" -f json --filter 'result == STATUS_ACCESS_VIOLATION'
check "  by their results, which come with the call: some" json status.read 'map(select(.recorded)) | length > 0 and
	all(.kind == "sysret" and .before.rax == "0xc0000005" and .entry)'
check "  and those that a run tells" cmp <(jq -c 'select(.recorded) | del(.tsc, .ticks)' "$work/status.live.out") \
	<(jq -c 'select(.recorded) | del(.tsc, .ticks)' "$work/status.read.out")
record picked --watch=ring --filter 'number == 0x55' "$build/guest.elf"
run picked.read read "$work/picked.trace" -f json
run picked.live --watch=ring -f json --filter 'number == 0x55' "$build/guest.elf"
check "method ring with a filter: other records are not in the trace" json picked.read \
	'map(select(.recorded)) | length > 0 and all(.service.number == 85)'
check "method ring with a filter: the records that the run tells" cmp \
	<(jq -c 'select(.recorded) | del(.tsc)' "$work/picked.live.out") <(jq -c 'select(.recorded) | del(.tsc)' "$work/picked.read.out")
record both --watch=ring --returns --filter 'number == 0x55' "$build/guest.elf"
run both.read read "$work/both.trace" -f json --filter 'number == 0x55'
run both.live --watch=ring --returns -f json --filter 'number == 0x55' "$build/guest.elf"
check "  with returns: those of its calls, and their calls" json both.read 'map(select(.recorded)) |
	(map(select(.kind == "sysret")) | length > 1 and all(.entry and .service.number == 85)) and any(.kind == "syscall")'
check "  and those that the run tells" cmp \
	<(jq -c 'select(.recorded) | del(.tsc, .ticks)' "$work/both.live.out") <(jq -c 'select(.recorded) | del(.tsc, .ticks)' "$work/both.read.out")

# --- how fast, in how much memory ---

records=2000000
"$build/tests/trace_records" "$work/many" $records
check "a trace of $records records" test -s "$work/many/stream"
# rate NAME LEAST ARGUMENTS...: records a second of processor time.  Half of what is promised: the machine may be busy.
rate() {
	local name=$1 least=$2 seconds
	shift 2
	TIMEFORMAT='%U %S'
	seconds=$({ time "$vmm" read "$work/many" "$@" >/dev/null 2>"$work/rate.err"; } 2>&1 | awk '{ print $1 + $2 + 0.001 }')
	echo "# $name: $(awk -v n=$records -v s="$seconds" 'BEGIN { printf "%d", n / s }') records a second"
	check "$name: $least records a second at least" awk -v n=$records -v s="$seconds" -v least="$least" 'BEGIN { exit n / s < least }'
}
rate "checked" 2500000 --check
check "checked: all of them" grep -q " $records gates, $records checks held" "$work/rate.err"
rate "as JSON" 500000 -f json
rate "as text" 500000
rate "as JSON, none wanted" 1000000 -f json --filter 'number == 1000'
for how in --check '-f json' '-f perfetto' --trace; do
	check "$how of 256 MB in 64 MiB of memory" sh -c "ulimit -v 65536; '$vmm' read '$work/many' $how >/dev/null 2>&1"
done
rm -r "$work/many"

# --- other readers ---

if command -v babeltrace2 >/dev/null; then
	babeltrace2 "$work/guest.trace" >"$work/bt" 2>"$work/bt.err"
	check "babeltrace2 reads it" test -s "$work/bt"
	check "babeltrace2 complains of nothing" empty "$work/bt.err"
	# Number and gate, by babeltrace2 and by our own text.
	sed -nE 's/^\[[^]]*\] \([^)]*\) ([a-z]+): \{ cpu = [0-9]+ \}, \{ seq = ([0-9]+), .*/\2 \1/p' "$work/bt" >"$work/bt.gates"
	sed -nE 's/^ {0,4}([0-9]+) +([a-z]+) .*(held|WRONG|unchecked|recorded) .*/\1 \2/p' "$work/guest.t" >"$work/text.gates"
	check "babeltrace2 has events" test "$(wc -l <"$work/bt.gates")" -gt 150
	check "babeltrace2 and the text: the same gates in the same order" cmp "$work/bt.gates" "$work/text.gates"
	# Both states, register by register, and the call that was made.
	registers='rip rsp rflags cs ss cpl rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 r15'
	pattern=$(for r in $registers; do printf '%s = (0x)?([0-9A-F]+), ' "$r"; done)
	for side in before after; do
		sed -nE "s/.* \{ seq = ([0-9]+), .* $side = \{ ($pattern)cs_hidden.*/\1 \2/p" "$work/bt" |
			sed 's/[a-z0-9]* = //g; s/0x//g; s/,//g; s/ $//' | tr A-F a-f >"$work/bt.$side"
		jq -r --arg side $side --arg names "$registers" 'select(.before) | .seq as $seq | .[$side] as $s |
			[$seq, ($names | split(" ")[] | $s[.])] | map(tostring | ltrimstr("0x")) | join(" ")' \
			"$work/guest.j" >"$work/json.$side"
		check "babeltrace2 and the JSON: the state $side, register by register" cmp "$work/bt.$side" "$work/json.$side"
	done
	sed -nE 's/.* \{ seq = ([0-9]+), .* service_count = 1, .* name = "([^"]*)", args_count = ([0-9]+),.*strings_count.*/\1 \2 \3/p' \
		"$work/bt" >"$work/bt.calls"
	jq -r 'select(.service) | "\(.seq) \(.service.name // "-") \(.service.args | length)"' "$work/guest.j" >"$work/json.calls"
	check "babeltrace2 and the JSON: the calls" cmp "$work/bt.calls" "$work/json.calls"
	for name in guest32 triple note cpus timeout; do
		check "babeltrace2 reads $name" sh -c "babeltrace2 '$work/$name.trace' 2>&1 >/dev/null | grep . && exit 1 || exit 0"
	done
else
	echo "# babeltrace2 is not installed: other readers are not tried"
fi

# --- writers that were killed ---

# killed NAME BYTES: kill -9 once the stream is that long.
killed() {
	local pid try
	rm -rf "$work/$1.trace"
	"$vmm" -f ctf -o "$work/$1.trace" "$build/many.elf" >/dev/null 2>&1 </dev/null &
	pid=$!
	for ((try = 0; try < 1500; try++)); do
		[ "$(stat -c %s "$work/$1.trace/stream" 2>/dev/null || echo 0)" -ge "$2" ] && break
		sleep 0.02
	done
	kill -9 $pid
	wait $pid 2>/dev/null
}
for bytes in 1 600000; do
	killed "killed$bytes" $bytes
	run cut read "$work/killed$bytes.trace" -f json
	check "killed at $bytes bytes: read up to there" status_is cut 0
	check "killed at $bytes bytes: says so" says cut 'recording was stopped'
	check "killed at $bytes bytes: the summary says so" json cut 'last.end == "cut" and (map(.kind) | index("header") == 0)'
	if command -v babeltrace2 >/dev/null; then
		check "killed at $bytes bytes: babeltrace2 reads the same events" sh -c "
			babeltrace2 '$work/killed$bytes.trace' 2>'$work/bt.err' | grep -c '{ seq = ' >'$work/bt.count' || true
			[ ! -s '$work/bt.err' ] && [ \$(cat '$work/bt.count') = \$(jq -s 'map(select(.before)) | length' '$work/cut.out') ]"
	fi
done

# --- what is not whole, or not ours ---

refused() { # NAME PATTERN: the copy of a trace in $work/bad
	run bad read "$work/bad" -f json
	check "$1: status 3" status_is bad 3
	check "$1: one line" says bad "$2"
	check "$1: nothing on stdout but what was whole" sh -c "! grep -q summary '$work/bad.out'"
}
copy() { rm -rf "$work/bad"; cp -r "$work/guest.trace" "$work/bad"; }
size=$(stat -c %s "$work/guest.trace/stream")
copy; truncate -s $((size - 100)) "$work/bad/stream"
run cut read "$work/bad" -f json
check "the last packet not whole: what stands before it" status_is cut 0
check "the last packet not whole: says so" says cut 'recording was stopped'
copy; truncate -s 0 "$work/bad/stream"; refused "an empty stream" 'stream: empty'
copy; printf 'X' | dd of="$work/bad/stream" conv=notrunc status=none; refused "no magic" 'packet 0: not a packet'
copy; printf '\377' | dd of="$work/bad/stream" bs=1 seek=64 conv=notrunc status=none; refused "another event in the header's place" 'packet 0, event 0: the header is not the first'
copy; dd if="$work/guest.trace/stream" bs=1 skip="$(od -An -tu8 -j32 -N8 "$work/guest.trace/stream" | awk '{print $1/8}')" \
	of="$work/bad/stream" status=none; refused "the first packet missing" 'packets are missing'
copy; sed -i 's/u16 evidence_count/u32 evidence_count/' "$work/bad/metadata"; refused "other metadata" 'metadata: not the metadata'
copy; rm "$work/bad/metadata"; refused "no metadata" 'metadata: No such file'
copy; rm "$work/bad/stream"; refused "no stream" 'stream: No such file'
rm -rf "$work/bad"; refused "no such directory" 'No such file'
: >"$work/bad"; refused "a file" 'Not a directory'
rm "$work/bad"

run usage -f ctf "$build/minimal.elf"
check "-f ctf without a directory: status 2" status_is usage 2
check "-f ctf without a directory: one line" says usage 'wants a directory'
run usage -f ctf -o "$work/new" --trace=far "$build/minimal.elf"
check "-f ctf with kinds: status 2" status_is usage 2
run usage -f ctf -o "$work/new" --lint "$build/minimal.elf"
check "-f ctf --lint: status 2" status_is usage 2
run usage read "$work/guest.trace" --engine=box
check "read with an engine: status 2" status_is usage 2
run usage read
check "read without a directory: status 2" status_is usage 2
mkdir "$work/full"; : >"$work/full/something"
run usage -f ctf -o "$work/full" "$build/minimal.elf"
check "a directory with something in it: status 3" status_is usage 3
check "a directory with something in it: one line" says usage 'new directory, or an empty one'
check "a directory with something in it: left alone" test "$(ls "$work/full")" = something
mkdir "$work/empty"
run usage -f ctf -o "$work/empty" "$build/minimal.elf"
check "an empty directory: status 0" status_is usage 0
run usage -f ctf -o "$work/no/such" "$build/minimal.elf"
check "no directory to make it in: status 3" status_is usage 3
run usage -f ctf -o "$work/new" "$work/no-such-guest"
check "no guest: status 3" status_is usage 3
check "no guest: nothing is left" test ! -e "$work/new"

done_testing
