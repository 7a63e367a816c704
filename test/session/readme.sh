#!/usr/bin/env bash
# The SQL of README.md: its ```sql blocks run in their order in one new
# database, a session each, and each must print what the ```text block right
# behind it shows. Blanks at line ends do not count. Its roles go with the
# database. Blocks that need a preloaded server are test/tap/010_runbook.pl's.
set -uo pipefail

blocks=$(dirname "$0")/../blocks.sh
readme=$(dirname "$0")/../../README.md
database=${PGDATABASE}_blocks
tests=0
dir=$(mktemp -d)
trap finish EXIT

finish()
{
	psql -Xq -c "DROP DATABASE IF EXISTS \"$database\""
	PGOPTIONS='-c client_min_messages=warning' psql -Xq \
		-c 'DROP ROLE IF EXISTS fraud_operator, fraud_analyst, fraud_application'
	rm -rf "$dir"
}

# ok STATUS NAME
ok()
{
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then echo "ok $tests - $2"; else echo "not ok $tests - $2"; fi
}

bash "$blocks" split "$readme" "$dir"
psql -Xq -c "CREATE DATABASE \"$database\""
ok $? 'a new database'

n=0 run=0
while [ -e "$dir/$((n + 1)).kind" ]; do
	n=$((n + 1))
	[ "$(cat "$dir/$n.kind")" = sql ] || continue
	run=$((run + 1))
	result=$(bash "$blocks" run "$dir" "$n" exactly -d "$database")
	ok $? "$(cat "$dir/$n.name"): $(grep -v '^--' "$dir/$n.body" | head -n 1)"
	[ -z "$result" ] || sed 's/^/# /' <<<"$result"
done
[ "$run" -gt 10 ]
ok $? 'README.md has its SQL'

echo "1..$tests"
