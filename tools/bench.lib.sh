# Sourced by tools/bench: the measurements.  Each prints its results as JSON objects, one a line.

progress() { # [TEXT...]
	[ ! -t 2 ] || printf '\r\033[K%s' "${*:+$tool: $*}" >&2
}

now() { date +%s%N; }

# statistics FILE: of a run of a bench guest, what it printed: [minimum, median, p99, mean, trips kept]
statistics() {
	sed -n 's/^guest: \([0-9a-f]\{8,16\}\)$/\1/p' "$1" | awk -v trips="$2" '
		function number(text,   n, value) {
			for (n = 1; n <= length(text); n++)
				value = value * 16 + index("0123456789abcdef", substr(text, n, 1)) - 1
			return value
		}
		NR == 1 { all = number($1); next }
		{ print number($1) | "sort -n >" sorted }
		END { close("sort -n >" sorted); printf "%.1f\n", all / trips }' sorted="$work/sorted" >"$work/mean"
	awk -v mean="$(cat "$work/mean")" '{ v[NR] = $1 }
		END { printf "%d %d %d %s %d\n", v[1], v[int((NR + 1) / 2)], v[int((NR * 99 + 99) / 100)], mean, NR }' "$work/sorted"
}

# one_run ENGINE WATCH GUEST TRIP COUNT: "MINIMUM MEDIAN P99 MEAN KEPT GATES EXITS SECONDS"
one_run() {
	local begin end gates exits
	progress "$1: $4, watched by $2"
	begin=$(now)
	timeout 600 ./vmm --engine="$1" --watch="$2" --timeout=500 --append="$4 $5" "$3.elf" >/dev/null 2>"$work/said" || return 1
	end=$(now)
	gates=$(sed -n 's/.*: \([0-9]*\) gates.*/\1/p' "$work/said")
	exits=$(sed -n 's/.*; \([0-9]*\) exits$/\1/p' "$work/said")
	echo "$(statistics "$work/said" "$5") ${gates:-0} ${exits:-0} $(((end - begin) / 1000000))"
}

# How many trips: enough for a p99 where they cost little.
trips_of() { # WATCH
	case $1 in
	none) echo 4000 ;;
	ring) echo 40000 ;;
	*) echo 200 ;;
	esac
}

unit_of() { # ENGINE
	case $1 in
	kvm) echo 'cycles (TSC)' ;;
	box-intel) echo 'instructions (Bochs counts them)' ;;
	box) echo 'ticks of the real TSC (QEMU is emulating: time, no cycles of a processor)' ;;
	esac
}

# measure_trips ENGINE: every gate under every method that has it; what the same run without a gate costs is taken off
# its gates and exits.
measure_trips() {
	local engine=$1 guest trip watch count idle busy clock
	local ways="none gates break step"
	[ "$engine" != box ] || ways="none gates step"  # breakpoints do not fire there
	for guest in bench bench32; do
		for watch in $ways; do
			count=$(trips_of "$watch")
			idle=$(one_run "$engine" "$watch" $guest empty "$count") || continue
			[ "$watch" != none ] || clock=$idle
			for trip in $(trips "$guest"); do
				busy=$(one_run "$engine" "$watch" $guest "$trip" "$count") || continue
				row "$engine" "$guest" "$trip" "$watch" "$count" "$busy" "$idle"
			done
		done
		count=$(trips_of ring)
		for trip in $(trips "$guest"); do
			[ "$trip" != int2e ] || continue        # not its business
			busy=$(one_run "$engine" ring $guest "$trip" "$count") &&
				idle=$(ring_idle "$engine" $guest "$trip" "$count" "$busy" "$clock") || continue
			row "$engine" "$guest" "$trip" ring "$count" "$busy" "$idle"
		done
	done
	busy=$(one_run "$engine" none bench exit 2000) || return 0
	idle=$(one_run "$engine" none bench empty 2000) || return 0
	row "$engine" bench exit none 2000 "$busy" "$idle"
}

# ring_idle ENGINE GUEST TRIP COUNT BUSY CLOCK: what is to be taken off a run under ring, which has one event a trip; the
# exits are those of the summary.
ring_idle() {
	local calls exits busy clock
	read -ra busy <<<"$5"
	read -ra clock <<<"$6"
	read -r calls exits < <(timeout 600 ./vmm --engine="$1" --watch=ring --timeout=500 -f json --trace=far --append="$3 $4" "$2.elf" \
		2>/dev/null | jq -r 'select(.kind == "summary") | "\(.ring.calls) \(.ring.exits)"')
	[ "$calls" = "$4" ] && echo "0 ${clock[1]} 0 0 0 $((busy[5] - calls)) $((busy[6] - exits)) 0"
}

# measure_perf ENGINE: what the processor's counters and KVM's tracepoints say of the same, where they are supported: on a
# KVM of this machine, not in a box.
measure_perf() {
	local watch count run
	[ "$1" = kvm ] && perf stat true >/dev/null 2>&1 || return 0
	for watch in none ring gates break step; do
		progress "perf: syscall, watched by $watch"
		count=$(trips_of "$watch")
		run=(./vmm --engine=kvm --watch="$watch" --timeout=500 --append="syscall $count" bench.elf)
		perf stat -x, -o "$work/perf" -e instructions:G,cycles:G,instructions:H,cycles:H "${run[@]}" >/dev/null 2>&1 || continue
		awk -F, '$1 ~ /^[0-9]+$/ { print $3 "\t" $1 }' "$work/perf" | jq -cRn --arg watch "$watch" --argjson count "$count" '
			[inputs | split("\t") | { key: .[0], value: (.[1] | tonumber) }] | select(length > 0) |
			{ kind: "perf", $watch, trip: "syscall", $count, counters: from_entries }'
		perf kvm stat record -o "$work/kvm" "${run[@]}" >/dev/null 2>&1 &&
			perf kvm -i "$work/kvm" stat report 2>/dev/null |
			awk '$2 ~ /^[0-9]+$/ && $4 ~ /%$/ { print $1 "\t" $2 "\t" $7 }' |
			jq -cRn --arg watch "$watch" --argjson count "$count" '
				[inputs | split("\t") | { reason: .[0], exits: (.[1] | tonumber), average_us: (.[2] | rtrimstr("us") | tonumber) }] |
				select(length > 0) | { kind: "perf kvm", $watch, trip: "syscall", $count, reasons: . }' || true
	done
}

trips() { # GUEST
	case $1 in
	bench) echo syscall int2e wow64 ;;
	bench32) echo sysenter int2e ;;
	esac
}

row() { # ENGINE GUEST TRIP WATCH COUNT BUSY IDLE
	local busy idle
	read -ra busy <<<"$6"
	read -ra idle <<<"$7"
	jq -cn --arg engine "$1" --arg unit "$(unit_of "$1")" --arg guest "$2" --arg trip "$3" --arg watch "$4" --argjson count "$5" \
		--argjson minimum "${busy[0]}" --argjson median "${busy[1]}" --argjson p99 "${busy[2]}" --argjson mean "${busy[3]}" \
		--argjson clock "${idle[1]}" --argjson events $((busy[5] - idle[5])) --argjson exits $((busy[6] - idle[6])) \
		--argjson ms "${busy[7]}" '{ kind: "trip", $engine, $unit, $guest, $trip, $watch, $count, $minimum, $median, $p99, $mean,
			$clock, $events, $exits, $ms }'
}

# --- What else a user has: QEMU by itself, on the same guest.  In time: the clock that it shows a guest is the real one. ---

# qemu TRIP COUNT ARGUMENTS...: what the guest prints goes to $work/console
qemu() {
	local status=0 trip=$1 count=$2
	shift 2
	timeout 600 qemu-system-x86_64 -M q35 -accel tcg -m 64 -display none -no-reboot -nodefaults -kernel bench.elf \
		-append "$trip $count" -chardev file,path="$work/console",id=console -device isa-debugcon,chardev=console \
		-device isa-debug-exit,iobase=0xf4,iosize=4 "$@" </dev/null >/dev/null 2>&1 || status=$?
	# The code that the guest writes to that device becomes 2 * code + 1.
	[ "$status" = 1 ]
}

# nanoseconds FILE COUNT: a trip, of what a bench guest printed
nanoseconds() { statistics "$1" "$2" | awk -v khz="$tsc_khz" '{ printf "%.0f\n", $4 * 1e6 / khz }'; }

qemu_time() { # TRIP COUNT ARGUMENTS...
	qemu "$@" || return 1
	sed -i 's/^/guest: /' "$work/console"
	nanoseconds "$work/console" "$2"
}

# gdb at the address in LSTAR: it prints what our record has, and goes on.  The guest's clock stands still meanwhile:
# milliseconds of a clock on the wall, start and all.
gdb_run() { # COUNT
	local begin end
	rm -f "$work/gdb.socket"
	begin=$(now)
	qemu syscall "$1" -S -chardev socket,path="$work/gdb.socket",server=on,wait=off,id=gdb -gdb chardev:gdb &
	until [ -S "$work/gdb.socket" ]; do sleep 0.02; done
	timeout 600 gdb -q -nx -batch -ex 'set pagination off' -ex 'set confirm off' -ex "target remote $work/gdb.socket" \
		-x "$root/tools/bench.gdb" bench.elf </dev/null >"$work/gdb.out" 2>&1 || true
	wait $! || return 1
	end=$(now)
	[ "$(grep -Ec '^([0-9a-f]+ ){3}[0-9a-f]+$' "$work/gdb.out")" = "$1" ] && echo $(((end - begin) / 1000000))
}

gdb_time() {
	local few many
	# A connection that gdb loses now and then is no measurement.
	few=$(gdb_run 10 || gdb_run 10) && many=$(gdb_run 1010 || gdb_run 1010) && echo $(((many - few) * 1000))
}

box_time() { # WATCH COUNT
	timeout 600 ./vmm --engine=box --watch="$1" --timeout=500 --append="syscall $2" bench.elf >/dev/null 2>"$work/said" &&
		nanoseconds "$work/said" "$2"
}

alternative() { # NAME TRIP COMMAND...
	local name=$1 trip=$2 ns
	shift 2
	progress "$name"
	ns=$("$@") || { say "could not measure: $name"; return 0; }
	jq -cn --arg name "$name" --arg trip "$trip" --argjson ns "$ns" '{ kind: "alternative", $name, $trip, $ns }'
}

measure_alternatives() {
	local watch
	install_packages gdb >&2
	alternative "QEMU TCG, nothing watched" syscall qemu_time syscall 2000000
	alternative "QEMU TCG, gdb breaking at LSTAR" syscall gdb_time
	alternative "QEMU TCG, nothing watched" int2e qemu_time int2e 200000
	alternative "QEMU TCG -d int" int2e qemu_time int2e 20000 -d int -D "$work/int.log"
	works box || return 0
	alternative "vmm, AMD box, nothing watched" syscall box_time none 2000000
	alternative "vmm, AMD box, ring" syscall box_time ring 400000
	for watch in gates step; do             # breakpoints do not fire there
		alternative "vmm, AMD box, $watch" syscall box_time $watch 400
	done
}

# --- Start-up on /dev/kvm, whatever that is: no gate is passed, and nothing is said of one. ---
measure_start() {
	[ -w /dev/kvm ] || return 0
	progress "start-up"
	./bench_start 50 ./vmm first.elf || true
}

# --- Reading recorded traces: of method ring, and of full transitions, each as long as is worth a measurement. ---

reading() { # WHAT DIRECTORY EVENTS ARGUMENTS...
	local what=$1 directory=$2 events=$3 took
	shift 3
	progress "reading: $what"
	took=$(taskset -c 0 ./bench_start run ./vmm read "$directory" "$@") || { say "could not measure: $what"; return 0; }
	jq -c --arg what "$what" --argjson events "$events" \
		'{ kind: "reading", $what, $events, per_second: ($events / .seconds), seconds, peak_kib }' <<<"$took"
}

# record WATCH COUNT: a trace of so many calls, in $work/WATCH; prints how many events it has
record() {
	progress "recording: $1"
	timeout 900 ./vmm --engine=box --watch="$1" --timeout=800 -f ctf -o "$work/$1" --append="syscall $2" bench.elf \
		>/dev/null 2>"$work/said" || { say "could not record: $1"; return 1; }
	./vmm read "$work/$1" -f json | tail -n 1 | jq .events
}

measure_reading() {
	local watch what events
	works box || return 0
	for watch in ring step; do
		case $watch in
		ring) what="records of method ring" events=$(record ring 400000) || continue ;;
		step) what="full transitions" events=$(record step 6000) || continue ;;
		esac
		reading "$what, checked" "$work/$watch" "$events" --check
		reading "$what, as JSON" "$work/$watch" "$events" -f json
		reading "$what, as text" "$work/$watch" "$events" -f text
	done
}
