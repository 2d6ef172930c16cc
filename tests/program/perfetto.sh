#!/bin/bash
# -f perfetto: protoc knows every field of it, slices are whole and nested, flows lead from one event to another, and
# calls have their names.
. "$(dirname "$0")/tap.sh"
command -v protoc >/dev/null || skip_all "protoc (protobuf-compiler) is not installed"
proto=$here/../perfetto.proto

decode() { protoc --decode=perfetto.protos.Trace -I "$here/.." "$proto" <"$work/$1" >"$work/$1.text" 2>"$work/$1.said"; }

# As lines: time, type, track, name, flows, last flows; of tracks: "track" uuid parent name.
flat() {
	awk '
	/^packet \{/ { time = type = track = name = flows = ends = parent = uuid = "" }
	/^  timestamp:/ { time = $2 }
	/^    type:/ { type = $2 }
	/^    track_uuid:/ { track = $2 }
	/^    name:/ { name = substr($0, index($0, ": ") + 2) }
	/^    flow_ids:/ { flows = flows "," $2 }
	/^    terminating_flow_ids:/ { ends = ends "," $2 }
	/^    uuid:/ { uuid = $2 }
	/^    parent_uuid:/ { parent = $2 }
	/^\}/ { if (uuid != "") printf "track\t%s\t%s\t%s\n", uuid, parent, name
		else printf "%s\t%s\t%s\t%s\t%s\t%s\n", time, type, track, name, flows, ends }' "$work/$1.text" >"$work/$1.flat"
}

# check_trace NAME: of any trace.
check_trace() {
	check "$1: protoc decodes it" decode "$1"
	check "$1: protoc says nothing" empty "$work/$1.said"
	check "$1: no field that the description does not have" sh -c "! grep -Em1 '^ *[0-9]+[:{ ]' '$work/$1.text'"
	flat "$1"
	check "$1: has events" test "$(grep -c TYPE_INSTANT "$work/$1.flat")" -gt 1
	check "$1: time does not go back" awk -F'\t' '$1 != "track" { if ($1 + 0 < last) exit 1; last = $1 + 0 }' "$work/$1.flat"
	check "$1: every track is described, before it is used" awk -F'\t' '
		$1 == "track" { known[$2] = 1; next } !($3 in known) { exit 1 }' "$work/$1.flat"
	check "$1: slices end as often as they begin, and not before" awk -F'\t' '
		$2 == "TYPE_SLICE_BEGIN" { open[$3]++ } $2 == "TYPE_SLICE_END" { if (--open[$3] < 0) exit 1 }
		END { for (t in open) if (open[t]) exit 1 }' "$work/$1.flat"
	check "$1: a flow ends where another event began it" awk -F'\t' '
		{ n = split($6, e, ","); for (i = 2; i <= n; i++) if (!(e[i] in begun) || e[i] in ended) exit 1; else ended[e[i]]
		  n = split($5, f, ","); for (i = 2; i <= n; i++) if (f[i] in begun) exit 1; else begun[f[i]] }' "$work/$1.flat"
}

run json -f json "$build/guest.elf"
run live -f perfetto -o "$work/live" "$build/guest.elf"
check "a run: status 0" status_is live 0
run record -f ctf -o "$work/trace" "$build/guest.elf"
run read read "$work/trace" -f perfetto -o "$work/read"
check "a recorded trace: status 0" status_is read 0
run stdout read "$work/trace" -f perfetto
check "on stdout: the same bytes" cmp "$work/read" "$work/stdout.out"
check_trace live
check_trace read
without_time() { sed 's/^  timestamp:.*//' "$work/$1.text"; }
check "a run and its recording differ in time alone" cmp <(without_time live) <(without_time read)

printf 'CPU 0\nring 3, 32-bit\nring 3, 64-bit\nring 0\n' >"$work/tracks"
check "the tracks" cmp "$work/tracks" <(awk -F'\t' '$1 == "track" { gsub(/"/, "", $4); print $4 }' "$work/read.flat")
# By number: the vCPU's track, then ring 3 in 32 bits, in 64 bits, ring 0.
track() { awk -F'\t' -v n="$1" '$1 == "track" && i++ == n { print $2 }' "$work/read.flat"; }
gates() { awk -F'\t' -v track="$(track "$1")" '$2 == "TYPE_INSTANT" && $3 == track { gsub(/"/, "", $4); print $4 }' "$work/read.flat"; }
jq_gates='def v: {"6": "#UD", "13": "#GP", "14": "#PF", "3": "#BP", "0": "#DE", "1": "#DB", "7": "#NM"}[tostring] // "?";
	if .kind == "fault" then .vector | v elif .kind == "int" then "int " + (.vector | [(. / 16 | floor), . % 16] |
	map("0123456789ABCDEF"[.:. + 1]) | join("")) elif .kind == "wrmsr" or .kind == "rdmsr" then "\(.kind) \(.name // "?")" else .kind end'
n=0
for where in '.before.cpl == 3 and .before.mode == "compat"' '.before.cpl == 3 and .before.mode == "64"' '.before.cpl == 0'; do
	n=$((n + 1))
	jq -r "select(.before) | select($where) | $jq_gates" "$work/json.out" >"$work/wanted"
	gates $n >"$work/got"
	check "track $n has some" test -s "$work/wanted"
	check "track $n: the gates that were passed there, in order" cmp "$work/wanted" "$work/got"
done
jq -r 'select(.service and .before.cpl == 3 and .after.cpl == 0) | .service.name //
	"service 0x\(.service.number | [. / 4096, . / 256, . / 16, .] | map(floor % 16 | "0123456789abcdef"[.:. + 1]) | join(""))"' \
	"$work/json.out" >"$work/wanted"
awk -F'\t' '$2 == "TYPE_SLICE_BEGIN" && $5 != "" { gsub(/"/, "", $4); print $4 }' "$work/read.flat" >"$work/got"
check "the slices of calls have their services' names, in order" cmp "$work/wanted" "$work/got"
returns=$(jq -s 'map(select(.entry and .service and .after.cpl == 3)) | length' "$work/json.out")
check "a flow from each call that returned to its return ($returns)" test "$returns" = "$(
	awk -F'\t' '{ n = split($6, e, ","); for (i = 2; i <= n; i++) if (e[i] % 2) print e[i] }' "$work/read.flat" | wc -l)"

run died -f perfetto -o "$work/died" "$build/bugs/16-tss-stack.elf"
check "a guest that died: status 4" status_is died 4
check_trace died
check "a guest that died: its end, and what lint found" sh -c "
	grep -q 'name: \"triple-fault\"' '$work/died.text' && grep -q 'name: \"B16 tss-stack\"' '$work/died.text'"
run cpus -f perfetto -o "$work/cpus" "$build/guest32.elf"
check_trace cpus
# Recorded calls whose returns are recorded are slices, too.
run ring --watch=ring --returns -f json "$build/guest.elf"
run ring.p --watch=ring --returns -f perfetto -o "$work/ring" "$build/guest.elf"
check_trace ring
pairs=$(jq -s 'map(select(.entry and .service)) | length' "$work/ring.out")
check "a flow from each recorded call to its recorded return ($pairs)" test "$pairs" -gt 15 -a "$pairs" = "$(
	awk -F'\t' '{ n = split($6, e, ","); for (i = 2; i <= n; i++) if (e[i] % 2) print e[i] }' "$work/ring.flat" | wc -l)"
run picked read "$work/trace" -f perfetto -o "$work/picked" --filter 'service =~ Nt*File'
check_trace picked
run usage -f perfetto --lint "$build/minimal.elf"
check "-f perfetto --lint: status 2" status_is usage 2

done_testing
