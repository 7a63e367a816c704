#!/usr/bin/env bash
# The third part of make bench, on a server with the library preloaded: what a
# call through a circuit costs. Takes the arguments of psql: -v n=100000 makes all
# of it smaller. A missed bar is printed, it is no error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

scripts=$(mktemp -d)
trap 'rm -rf "$scripts"' EXIT
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -d circuits "$@"; }

# one_round ROUND SESSIONS KEY: seconds of a query in so many sessions at a time, each
one_round()
{
	local seconds
	seconds=$(pgbench -n -c "$2" -j "$2" -t 3 -f "$scripts/$3" -d circuits 2>>"$scripts/log" |
		sed -n 's/^latency average = \([0-9.]*\) ms/\1/p')
	sql -c "INSERT INTO timing VALUES ('$3 in $2', $1, $seconds / 1000)"
}

psql -Xqc 'CREATE DATABASE circuits'
sql "$@" -f circuits_prepare.sql
n=$(sql -c 'SELECT n FROM size')
names="(SELECT 'bench'::text AS name FROM generate_series(1, $n) OFFSET 0) x"
echo "SELECT count(int4up(octet_length(name))) FROM $names" >"$scripts/nothing"
echo "SELECT count(circuit_success(circuit_acquire(name))) FROM $names" >"$scripts/call"
for round in 1 2 3 4 5 6 7; do
	one_round "$round" 1 nothing
	one_round "$round" 1 call
	one_round "$round" 2 nothing
	one_round "$round" 2 call
	sql -v round="$round" -f circuits_round.sql
done
psql -X -q -v ON_ERROR_STOP=1 -P pager=off -d circuits -f circuits_report.sql
