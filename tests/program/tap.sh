# Sourced by the whole-program tests: TAP on stdout, one temporary directory,
# and the program under test in $vmm.  Usage: SCRIPT BUILD-DIRECTORY

set -u
build=$(cd "$1" && pwd)
vmm=$build/vmm
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tests=0
failures=0

# check DESCRIPTION COMMAND...: one test; what a failing command printed follows as comments.
check() {
	local description=$1 said
	shift
	tests=$((tests + 1))
	if said=$("$@" 2>&1); then
		echo "ok $tests - $description"
	else
		failures=$((failures + 1))
		echo "not ok $tests - $description"
		printf '%s\n' "# failed: $*" "$said" | sed 's/^/# /' | head -40
	fi
}

# run NAME ARGUMENTS...: the program, with its output in $work/NAME.out and .err and its status in .status.
run() {
	local name=$1
	shift
	"$vmm" "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null
	echo $? >"$work/$name.status"
	[ -z "${every_line_fits:-}" ] || [[ " $* " != *" json "* ]] || cat "$work/$name.out" >>"$work/every.json"
}

status_is() { # NAME STATUS
	local status
	status=$(cat "$work/$1.status")
	[ "$status" = "$2" ] || { echo "status $status, expected $2"; tail -5 "$work/$1.err"; return 1; }
}

# What the program itself said on stderr: without the guest's console and the line about the engine.
said() { grep -v -e '^guest:' -e ': using the box$' "$work/$1.err"; }

says() { # NAME PATTERN: exactly one line of its own on stderr, which matches
	local lines
	lines=$(said "$1")
	[ "$(printf '%s\n' "$lines" | wc -l)" = 1 ] && printf '%s\n' "$lines" | grep -Eq -- "$2" ||
		{ echo "stderr: $lines"; echo "expected one line: $2"; return 1; }
}

empty() { [ ! -s "$1" ] || { echo "$1 is not empty:"; head -5 "$1"; return 1; }; }

json() { # NAME JQ-FILTER: true for the trace as one array
	jq -se "$2" "$work/$1.out" >"$work/jq.said" 2>&1 || { echo "jq: $2"; tail -3 "$work/jq.said"; return 1; }
}

# mutant NAME HEX-BEFORE HEX-AFTER [GUEST]: $work/NAME.elf is the guest, guest.elf unless said, with one byte string,
# which occurs once, replaced.
mutant() {
	local offset original=$build/${4:-guest.elf}
	offset=$(LC_ALL=C grep -obUaP "$(printf '%s' "$2" | sed 's/../\\x&/g')" "$original" | cut -d: -f1)
	[ "$(printf '%s\n' "$offset" | grep -c .)" = 1 ] || { echo "not once: $2 at $offset"; return 1; }
	cp "$original" "$work/$1.elf"
	printf "$(printf '%s' "$3" | sed 's/../\\x&/g')" |
		dd of="$work/$1.elf" bs=1 seek="$offset" conv=notrunc status=none
}

# Programs with one file of vmm/ changed, made from the build's own objects: in $work/mutants, with the build's box beside them.

# edited FILE SED-EXPRESSION: its copy there, and whether it is another one now
edited() {
	mkdir -p "$work/mutants"
	sed "$2" "$here/../../vmm/$1" >"$work/mutants/${1##*/}"
	! cmp -s "$here/../../vmm/$1" "$work/mutants/${1##*/}"
}

# remade PROGRAM FILE: that program there, with that copy compiled and linked as the build does it
remade() {
	local object=$work/mutants/${2##*/}.o compile link
	[ -e "$work/mutants/box" ] || [ ! -e "$build/box" ] || cp -as "$(readlink -f "$build/box")" "$work/mutants/box"
	compile=$(jq -r --arg output "libcore.a.p/vmm_${2//\//_}.o" '.[] | select(.output == $output).command' "$build/compile_commands.json")
	link=$(ninja -C "$build" -t commands "$1" | tail -n 1)
	[[ $compile = *' -o '* && $link = *" -o $1 "* ]] || { echo "no command makes $2 or $1"; return 1; }
	compile=$(sed -E 's/ -M[DQF]( [^ ]*\.o(\.d)?)?//g; s/ -o .*//' <<<"$compile")
	# What is in the object already is not taken from the archive.
	(cd "$build" && eval "$compile -w -o '$object' -c '$work/mutants/${2##*/}'" &&
		eval "${link/ -o $1 / -o "'$work/mutants/$1' '$object'" }")
}

# skip_all REASON: nothing here can be tested on this machine.
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# Where every_line_fits is set: of each JSON trace that run has made, each line is what the schema says.
fit() {
	"$here/../../tools/validate" "$work/every.json" >"$work/fits"
	case $? in
	0) echo "ok $((tests += 1)) - every line fits tools/trace.schema.json" ;;
	3) echo "ok $((tests += 1)) - every line fits # SKIP python3-jsonschema is not installed" ;;
	*) check "every line fits tools/trace.schema.json" sh -c "head '$work/fits'; false" ;;
	esac
}

done_testing() {
	[ ! -s "$work/every.json" ] || fit
	echo "1..$tests"
	[ "$failures" = 0 ]
}
