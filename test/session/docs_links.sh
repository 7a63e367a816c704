#!/usr/bin/env bash
# Links between the pages lead somewhere: to a file, and to a heading in it.
# What the pages of circuits name is there: functions, columns, settings.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit
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

pages=(README.md CHANGELOG.md docs/*.md docs/*/*.md)

# the headings of a page as a browser finds them
anchors()
{
	sed -n -e '/^```/,/^```/d' -e 's/^##* //p' "$1" | tr 'A-Z' 'a-z' | sed -E -e 's/[^a-z0-9_ -]//g' -e 's/ /-/g'
}

is_empty "$(for page in "${pages[@]}"; do
	sed '/^```/,/^```/d' "$page" | grep -oE '\]\([^)]+\)' | sed -E 's/^\]\((.*)\)$/\1/' | grep -vE '^[a-z]+://' | sort -u |
		while read -r link; do
			file=${link%%#*} anchor=
			[[ $link != *#* ]] || anchor=${link#*#}
			[ -z "$file" ] && file=$page || file=$(dirname "$page")/$file
			if [ ! -e "$file" ]; then
				echo "$page: no file $link"
			elif [ -n "$anchor" ] && ! anchors "$file" | grep -qxF -- "$anchor"; then
				echo "$page: no heading $link"
			fi
		done
done)" 'links lead to files and headings'

words() { grep -hoE '\b'"$1"'[a-z_]+' README.md docs/circuits.md docs/runbooks/*.md | sort -u; }
sql() { psql -XqAt -v ON_ERROR_STOP=1 -c "$1" 2>&1; }

# circuit_lock and the like are files and C, circuit_NAME.c too
is_empty "$(comm -23 <(words circuit_) <({ sql "SELECT proname FROM pg_proc WHERE proname ~ '^circuit_'
	UNION SELECT relname FROM pg_class WHERE relname ~ '^circuit_'"; } | sort -u))" 'functions and views of circuits that are named are there'
is_empty "$(comm -13 <(words circuit_) <(sql "SELECT proname FROM pg_proc WHERE proname ~ '^circuit_' AND proname !~ '_rows$' ORDER BY 1" |
	sort -u))" 'and those that are there are named'
is_empty "$(sql "SELECT attname FROM pg_attribute WHERE attrelid IN ('circuit_breakers'::regclass, 'circuit_in_flight'::regclass)
	AND attnum > 0 AND NOT attisdropped" | sort -u | while read -r column; do
	grep -qE "\b$column\b" docs/runbooks/circuit-breaker.md || echo "$column"; done)" 'the runbook names every column'
is_empty "$(sed -n 's/^## circuits$/&/; /<!-- keys:begin -->/,/<!-- keys:end -->/s/^| `\([a-z_]*\).*/\1/p' docs/service-file.md | sort -u |
	while read -r key; do grep -qE "\b$key\b" docs/circuits.md || echo "$key"; done)" 'docs/circuits.md speaks of every setting'

echo "1..$tests"
