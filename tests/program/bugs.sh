#!/bin/bash
# The guests of guest/bugs, each with one thing wrong in its gates: how each ends, which rule finds what is wrong, and
# what the account of its death says; and that nothing is found in their neighbours without the bug.
# Usage: bugs.sh BUILD-DIRECTORY [PATTERN]: of the guests whose names match, or of all.
. "$(dirname "$0")/tap.sh"
every_line_fits=yes
table=$here/../../guest/bugs/expected
bugs=$build/bugs
pattern=${2:-.}

# in_box NAME GUEST ARGUMENTS...: a run of it in JSON, all of it in one.
in_box() {
	local name=$1 guest=$2
	shift 2
	run "$name" --trace -f json --timeout=30 "$@" "$bugs/$guest.elf"
}

ends_as() { # NAME END:CODE:STATUS
	local end code status
	IFS=: read -r end code status <<<"$2"
	[ "$code" = - ] && code=null || code=$((16#$code))
	status_is "$1" "$status" && json "$1" ".[-1] | .kind == \"summary\" and .end == \"$end\" and .code == $code" ||
		{ tail -n 1 "$work/$1.out" | head -c 600; return 1; }
}

found() { # NAME RULES: these and no other, as the table has them
	local rules=$2
	[ "$rules" = - ] && rules=
	json "$1" "[.[] | select(.kind == \"lint\") | .id + (if .vendor then \":\" + .vendor else \"\" end)]
		| unique == (\"$rules\" | split(\",\") | unique)" ||
		{ grep -h '"kind":"lint"' "$work/$1.out" | head -n 8; return 1; }
}

# An account is of the kind "death", or, where the guest ended itself in an exception's handler, "last-exception".
accounted() { # NAME PATTERNS: one account, whose sentence has all of them
	local sentence pattern
	[ "$(grep -Ec '"kind":"(death|last-exception)"' "$work/$1.out")" = 1 ] ||
		{ echo "not one account"; tail -n 3 "$work/$1.err"; return 1; }
	sentence=$(jq -r 'select(.kind == "death" or .kind == "last-exception").sentence' "$work/$1.out")
	while read -r pattern; do
		grep -Eiq -- "$pattern" <<<"$sentence" || { echo "not in it: $pattern"; echo "$sentence"; return 1; }
	done <<<"${2//&&/$'\n'}"
}

unaccounted() { # NAME: it did not die
	! grep -Eh '"kind":"(death|last-exception)"' "$work/$1.out"
}

sound() { found "$1" - && unaccounted "$1"; }

rows() { grep -Ev '^(#|$)' "$table" | awk -v pattern="$pattern" '$1 ~ pattern'; }

# The table is the directory: nothing that is built goes untried.
check "each guest has its row, each row its guest" diff \
	<(grep -Ev '^(#|$)' "$table" | awk '{ print $1; print $1 ".good" }' | sort) \
	<(cd "$bugs" && ls -- *.elf | sed 's/\.elf$//' | sort)

while read -r name amd intel good lint account; do
	watch=auto
	case $name in
	15b-*) watch=gates ;;            # NMIs, which a guest that is stepped does not get
	esac
	dies_in=
	[ "$account" = - ] || dies_in=amd
	[ "${account#intel: }" = "$account" ] || dies_in=intel

	in_box "$name" "$name" --watch=$watch
	check "$name: ends as it should" ends_as "$name" "$amd"
	check "$name: finds $lint" found "$name" "$lint"
	if [ "$dies_in" = amd ]; then
		check "$name: the account says what happened" accounted "$name" "$account"
	elif [ -z "$dies_in" ]; then
		check "$name: no account of a death" unaccounted "$name"
	fi
	in_box good "$name.good" --watch=$watch
	check "$name.good: ends by itself, nothing contradicted" ends_as good "exit:$good:0"
	check "$name.good: finds nothing, and no death" sound good
done < <(rows)

run plain --lint "$bugs/00-clean.elf"
check "00-clean: --lint says nothing" empty "$work/plain.out"
check "00-clean: --lint: status 0" status_is plain 0

# What shows there alone, or must be foreseen there.
run probe -f json --engine=box-intel "$bugs/00-clean.elf"
if ! grep -q 'apt-get install bochs' "$work/probe.err"; then
	check "Intel box: 00-clean: finds nothing" found probe -
	while read -r name amd intel good lint account; do
		[ "$intel" = - ] && continue
		in_box "$name" "$name" --engine=box-intel
		check "Intel box: $name: ends as it should" ends_as "$name" "$intel"
		check "Intel box: $name: finds $lint" found "$name" "$lint"
		[ "${account#intel: }" = "$account" ] ||
			check "Intel box: $name: the account says what happened" accounted "$name" "${account#intel: }"
	done < <(rows)
fi

done_testing
