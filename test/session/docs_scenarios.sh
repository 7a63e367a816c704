#!/usr/bin/env bash
# docs/scenarios.md: every scenario is there once, the files it names exist, and
# the tests in them bear its number. Names of tests, there and in the runbook of
# degradation, are those of tests.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit
page=docs/scenarios.md
tests=0

# is_empty TEXT NAME: ok when there is nothing to complain about
is_empty()
{
	tests=$((tests + 1))
	if [ -z "$1" ]; then
		echo "ok $tests - $2"
	else
		echo "not ok $tests - $2"
		sed 's/^/#   /' <<<"$1"
	fi
}

files() { grep -oE '`(test|sql)/[^` ]+\.[a-z]+`' <<<"$1" | tr -d '`'; }
names() { grep -oE '`: "[^"]+"(, "[^"]+")*|; "[^"]+"' <<<"$1" | grep -oE '"[^"]+"' | tr -d '"'; }

# what is wrong with a scenario's line; behind the first semicolon stands what
# shows it besides
scenario()
{
	local id=$1 line file pattern
	line=$(grep -E "^\| $id \|" "$page")
	[ "$(grep -c . <<<"$line")" = 1 ] || { echo "$id does not have one line"; return; }
	[ -n "$(files "${line%%;*}")" ] || echo "$id names no file"
	for file in $(files "${line%%;*}"); do
		# a number begins the name of a test, or is an argument in a benchmark
		[[ $file == test/bench/* ]] && pattern="\b$id\b" || pattern="['\"]([A-Z][0-9]+, )*$id[ :,]"
		grep -qE "$pattern" "$file" 2>/dev/null || echo "$id: nothing in $file has its number"
	done
}

for group in C:10 F:10 D:10 L:6 I:10; do
	is_empty "$(for ((n = 1; n <= ${group#*:}; n++)); do scenario "${group%:*}$n"; done)" "scenarios ${group%:*}1 to ${group%:*}${group#*:}"
done
is_empty "$(grep -oE '^\| [A-Z][0-9]+ \|' "$page" | sort | uniq -d)" 'each once'

for text in "$page" docs/runbooks/degradation.md; do
	is_empty "$(files "$(cat "$text")" | sort -u | while read -r file; do [ -e "$file" ] || echo "no file $file"; done)" "files that $text names are there"
	is_empty "$(grep -E '^\|.*`(test|sql)/' "$text" | while read -r line; do
		names "$line" | while read -r name; do
			# shellcheck disable=SC2046
			grep -qF -- "$name" $(files "$line") 2>/dev/null || echo "no test \"$name\""
		done
	done)" "tests that $text names are there"
done
[ "$(grep -cE '^\|.*`(test|sql)/.*`: "' docs/runbooks/degradation.md)" -gt 7 ] || is_empty 'none' 'the runbook names tests'

echo "1..$tests"
