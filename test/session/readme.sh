#!/usr/bin/env bash
# The SQL of README.md: its ```sql blocks run in their order in one new
# database, a session each, and each must print what the ```text block right
# behind it shows. Blanks at line ends do not count. Its roles go with the
# database.
set -uo pipefail

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

# N.sql holds the N-th block, N.text what it is to print, N.name where it is
awk -v dir="$dir" '
	/^```/ && kind != ""	{ close(file); kind = ""; last = NR; next }
	/^```sql$/				{ n++; kind = "sql"; file = dir "/" n ".sql"; print "line " NR > (dir "/" n ".name"); next }
	/^```text$/				{ kind = "text"; file = NR == last + 1 ? dir "/" n ".text" : "/dev/null"; next }
	/^```/					{ kind = "other"; file = "/dev/null"; next }
	kind != ""				{ sub(/[ \t]+$/, "", $0); print > file }' "$readme"

psql -Xq -c "CREATE DATABASE \"$database\""
ok $? 'a new database'

n=0
while [ -e "$dir/$((n + 1)).sql" ]; do
	n=$((n + 1))
	name="$(cat "$dir/$n.name"): $(grep -v '^--' "$dir/$n.sql" | head -n 1)"
	psql -Xq -P pager=off -v ON_ERROR_STOP=1 -d "$database" -f "$dir/$n.sql" >"$dir/out" 2>"$dir/errors"
	status=$?
	[ ! -s "$dir/errors" ] || status=1
	ok "$status" "$name"
	sed 's/^/# /' "$dir/errors"
	sed -i -e 's/[ \t]*$//' "$dir/out"
	sed -i -e '${/^$/d}' "$dir/out"
	[ -e "$dir/$n.text" ] || : >"$dir/$n.text"
	diff "$dir/$n.text" "$dir/out" >"$dir/diff"
	ok $? "$name: the output shown"
	sed 's/^/# /' "$dir/diff"
done
[ "$n" -gt 10 ]
ok $? 'README.md has its SQL'

echo "1..$tests"
