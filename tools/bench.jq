# What tools/bench measured, as a table for people.  Input: its JSON.

def pad($width): tostring | if length < $width then . + " " * ($width - length) else . end;
def lpad($width): tostring | if length < $width then " " * ($width - length) + . else . end;
def thousands: tostring | if length > 3 then (.[:-3] | thousands) + "," + .[-3:] else . end;
def count: if . == null then "-" else floor | if . < 0 then "-" + (-. | thousands) else thousands end end;
def two: if . == null then "-" else . * 100 | round / 100 | tostring end;

def gate: { bench: { syscall: "SYSCALL, SYSRET", int2e: "INT 2Eh, IRETQ", wow64: "WOW64 there and back" },
	bench32: { sysenter: "SYSENTER, SYSEXIT", int2e: "INT 2Eh, IRETD" } }[.guest][.trip];

# Beside the same trip untouched.
def beside($bare): . + { cost: (if .events > 0 then (.median - $bare.median) * .count / .events else null end),
	exits_each: (if .events > 0 then .exits / .events else null end) };

"\(.date), \(.machine)",
(.rows | map(select(.kind == "trip" and .trip != "exit")) | group_by(.engine) | .[] |
	"",
	"Round trips, engine \(.[0].engine): \(.[0].unit)",
	("gate" | pad(22)) + ("watch" | pad(7)) + (["minimum", "median", "p99", "per event", "exits/event"] | map(lpad(13)) | add),
	(group_by([.guest, .trip]) | .[] | . as $trips | ($trips[] | select(.watch == "none")) as $bare | $trips[] | beside($bare) |
		(gate | pad(22)) + (.watch | pad(7)) + ([(.minimum | count), (.median | count), (.p99 | count), (.cost | count),
			(if .exits_each == null then "-" else .exits_each * 10000 | round / 10000 end)] | map(lpad(13)) | add))),
(.rows | map(select(.trip == "exit")) | select(length > 0) |
	"", "One exit to the VMM and back",
	(.[] | (.engine | pad(22)) + (.median - .clock | count | lpad(20)) + "  \(.unit)")),
(.rows | map(select(.kind == "perf" or .kind == "perf kvm")) | select(length > 0) |
	"", "SYSCALL, SYSRET as perf sees them (of guest :G and host :H), and exits by reason",
	(.[] | (.watch | pad(7)) + "\(.count | count) trips  " + if .kind == "perf"
		then .counters | to_entries | map("\(.key) \(.value | count)") | join("  ")
		else .reasons | map("\(.reason) \(.exits | count) (\(.average_us) us)") | join("  ") end)),
(.rows | map(select(.kind == "alternative")) | select(length > 0) |
	(map(select(.name | test("ring$")))[0].ns // null) as $ring |
	"", "The same guest under what else there is, in time: nanoseconds a round trip" + (if $ring then "; times that of ring" else "" end),
	(.[] | (.name | pad(40)) + (.trip | pad(10)) + (.ns | count | lpad(14)) +
		(if $ring and $ring > 0 then (.ns / $ring | two | lpad(12)) else "" end))),
(.rows[] | select(.kind == "start") |
	"", "Start-up on this /dev/kvm, 64 MiB of guest memory, \(.count) times, to the guest's first instruction",
	"minimum \(.minimum_us) us, median \(.median_us) us, p99 \(.p99_us) us; peak memory \(.peak_kib) KiB"),
(.rows | map(select(.kind == "reading")) | select(length > 0) |
	"", "Reading a recorded trace, one core",
	(.[] | (.what | pad(44)) + (.per_second | count | lpad(14)) + " events a second, peak \(.peak_kib) KiB"))
