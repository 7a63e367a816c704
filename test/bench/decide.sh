#!/usr/bin/env bash
# The fourth part of make bench, on a server with the library preloaded and its clock
# in our hands: what a decision costs, how long it takes at 1,000 a second, and what
# callers see while the ML service is up, fails and comes back. Takes the arguments of
# psql: -v n=200000 for more payments, -v rounds=3 for fewer rounds. BENCH_SECONDS (60)
# and BENCH_LOAD_SECONDS (20) are the times of the other two. A missed bar is printed,
# it is no error. load.c says what a line of a scenario is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

scripts=$(mktemp -d)
trap 'rm -rf "$scripts"' EXIT

say() { printf '%s\n' "$*"; }
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -d decide "$@"; }
quietly() { "$@" >/dev/null; }
variable() { psql -X -q -A -t -v "$1=$2" "${arguments[@]}" -f - <<<"\\echo :$1"; }
advance() { quietly sql -c "SELECT fraud_test_advance('61 min')"; }

# ---------------------------------------------------------------- what a decision costs

# kind KEY TENTH [WARM]: the query on stdin, for the payments of a tenth of all ids.
# The first transaction is not measured: it decides others of the same customers, so that
# the session has touched the memory it needs, and lets all of that become old.
kind()
{
	local key=$1 low=$((n / 10 * $2)) warm
	warm=${3:-"SELECT count(fraud_decide(t)) FROM txns t WHERE txn_id BETWEEN $((n / 10 * 9 + 1)) AND $((n / 10 * 9 + short));
		SELECT fraud_test_advance('61 min');"}
	cat >"$scripts/$key" <<-SQL
		\\set i :i + 1
		\\set id permute(:i, $short, 7) + 1 + $low
		\\if :i = 1
		$warm
		\\else
		$(cat)
		\\endif
	SQL
}

# one_round ROUND KEY: seconds of its query, on the average
one_round()
{
	rm -f "$scripts"/log.*
	pgbench -n -M prepared -D i=0 -t "$short" -f "$scripts/$2" -l --log-prefix="$scripts/log" -d decide >>"$scripts/out" 2>&1 ||
		{ tail -n 20 "$scripts/out"; return 1; }
	awk -v key="$2" -v round="$1" 'NR > 1 { n++; sum += $3 } END { printf "%s,%s,%.9f\n", key, round, sum / n / 1e6 }' "$scripts"/log.* |
		sql -c "COPY timing (key, round, seconds) FROM STDIN (FORMAT csv)"
}

# one_tier ROUND TIER: the same query where the server is lower
one_tier()
{
	if [ "$2" -eq 5 ]; then
		quietly sql -c "SELECT maintenance_schedule(evaluated_at, evaluated_at + interval '1 day', 'to be measured') FROM fraud_tier_status"
	else
		quietly sql -c "SELECT tier_override($2, '1 day', 'to be measured')"
	fi
	one_round "$1" "tier_$2"
	sql -c "INSERT INTO said SELECT 'tier_$2', d.tier, d.source FROM txns t, fraud_decide(t) d WHERE t.txn_id = $n"
	quietly sql -c 'SELECT tier_override_clear()' -c 'SELECT maintenance_cancel(id) FROM fraud_maintenance'
	advance
}

costs()
{
	local round
	kind read 7 <<<'SELECT * FROM txns WHERE txn_id = :id;'
	kind score 8 <<<'SELECT fraud_score(t) FROM txns t WHERE txn_id = :id;'
	kind decide 0 <<<'SELECT fraud_decide(t) FROM txns t WHERE txn_id = :id;'
	kind columns 1 <<<'SELECT d.* FROM txns t, fraud_decide(t) d WHERE t.txn_id = :id;'
	# what was decided a moment ago by the query before
	kind repeat 0 'SELECT 1;' <<<'SELECT fraud_decide(t) FROM txns t WHERE txn_id = :id;'
	kind verdict 2 <<<"SELECT fraud_decide(t, '{\"is_fraud\": false, \"risk_score\": 12, \"risk_factors\": [], \"recommendation\": \"APPROVE\"}', 200, '5 ms') FROM txns t WHERE txn_id = :id;"
	kind route 3 <<<'SELECT r.*, circuit_ignore(r.ticket) FROM txns t, fraud_route(t) r WHERE t.txn_id = :id;'
	kind document 4 <<<'SELECT fraud_decide(document) FROM documents WHERE txn_id = :id;'
	kind tier_3 5 <<<'SELECT fraud_decide(t) FROM txns t WHERE txn_id = :id;'
	kind tier_4 6 <<<'SELECT fraud_decide(t) FROM txns t WHERE txn_id = :id;'
	kind tier_5 7 <<<'SELECT fraud_decide(t) FROM txns t WHERE txn_id = :id;'
	for ((round = 1; round <= rounds; round++)); do
		for key in read score columns decide repeat verdict route document; do
			one_round "$round" "$key"
		done
		for tier in 3 4 5; do
			one_tier "$round" "$tier"
		done
	done
}

# what is written: by the path itself, into the journal's files, and when the worker moves that into the table
written()
{
	advance
	sql -v few=$((n / 20)) -f decide_written.sql
}

# ---------------------------------------------------------------- 1,000 a second

# paced KEY QUERY
paced()
{
	local share=$((n / 10))
	cat >"$scripts/$1" <<-SQL
		\\set i :i + 1
		\\set id permute(:i, $share, 7) + 1 + :client_id * $share
		$2
	SQL
	rm -f "$scripts"/log.*
	advance
	pgbench -n -M prepared -D i=0 -c 10 -j 2 -R 1000 -T "$seconds" -f "$scripts/$1" -l --log-prefix="$scripts/log" -d decide \
		>>"$scripts/out" 2>&1 || { tail -n 20 "$scripts/out"; return 1; }
	awk -v key="$1" '{ print key "," $3 "," $7 }' "$scripts"/log.* | sql -c "COPY paced FROM STDIN (FORMAT csv)"
}

# ---------------------------------------------------------------- with a ML service

# shortened, so that a scenario sees the service come back: open_for (60 s), recover_after (5 min), and with
# recovery_rate (1) more calls meanwhile
service_file()
{
	cat >"$PGDATA/service.yaml" <<-'YAML'
		circuits:
		  ml: {timeout: 250 ms, open_for: [2 s]}
		tiers:
		  recover_after: {full: 3 s}
		  recovery_rate: 20
	YAML
	quietly sql -c "ALTER SYSTEM SET fraud_fallback.service_file = 'service.yaml'" -c 'SELECT pg_reload_conf()'
	advance
	[ "$(sql -c "SELECT error IS NULL AND loaded_at IS NOT NULL FROM fraud_config_status WHERE file = 'service'")" = t ] ||
		{ sql -c "SELECT * FROM fraud_config_status"; return 1; }
}

# at tier 1, nothing known of the payments
begin_scenario()
{
	local end=$((SECONDS + 30))
	advance
	quietly sql -c "SELECT circuit_reset('ml') WHERE EXISTS (SELECT FROM circuit_breakers WHERE name = 'ml')"
	while [ "$(sql -c 'SELECT fraud_tier()')" != 1 ] && [ "$SECONDS" -lt "$end" ]; do
		advance
	done
}

# scenario NAME A_SECOND QUIET [503|silent]: it fails after a fifth of the time, and is back after half of it
scenario()
{
	local name=$1 options=(-d dbname=decide -r "$2" -q "$3" -t "$load_seconds" -m 250)
	local fails
	fails=$(awk "BEGIN { print $3 + $load_seconds / 5 }")
	local back
	back=$(awk "BEGIN { print $3 + $load_seconds / 2 }")
	[ -z "${4:-}" ] || options+=(-f "$fails" -u "$back" -k "$4")
	begin_scenario
	"$scripts/load" "${options[@]}" >"$scripts/$name.csv"
	sql -c "COPY load (n, due, waited, took, db, ml, ml_at, tier, source, error) FROM STDIN (FORMAT csv)" <"$scripts/$name.csv"
	sql -c "UPDATE load SET scenario = '$name' WHERE scenario IS NULL" \
		-c "INSERT INTO scenario VALUES ('$name', $2, '${4:-}', $([ -z "${4:-}" ] && echo NULL, NULL || echo "$fails, $back"))"
}

under_load()
{
	gcc -std=gnu11 -O2 -Wall -Wextra -I"$(pg_config --includedir)" -o "$scripts/load" load.c ml_service.c \
		-L"$(pg_config --libdir)" -lpq -lpthread -lm
	service_file
	scenario L1 100 0
	scenario L2 500 0
	scenario L3 100 0 503
	scenario L4 500 0 503
	scenario L4s 500 0 silent
	scenario L5 1000 2
	scenario L6 1000 2 503
	scenario L6s 1000 2 silent
}

# ---------------------------------------------------------------- the run

arguments=("$@")
seconds=${BENCH_SECONDS:-60}
load_seconds=${BENCH_LOAD_SECONDS:-20}
n=$(variable n 100000)
rounds=$(variable rounds 7)
# no transaction twice within ten minutes
for least in 10000 $((1300 * seconds)) $((1300 * load_seconds)); do
	[ "$n" -ge "$least" ] || n=$least
done
n=$((n / 10 * 10))
short=$((n / 20 < 5000 ? n / 20 : 5000))
started=$SECONDS

sql -v n="$n" -f decide_tables.sql
say
say "Decisions: $n payments of $((n / 10)) customers"
say 'Timing single decisions'
costs
written
say "1,000 a second, for $seconds seconds each"
paced paced_read 'SELECT * FROM txns WHERE txn_id = :id;'
paced paced_decide 'SELECT fraud_decide(t) FROM txns t WHERE txn_id = :id;'
say "With a ML service, eight times $load_seconds seconds"
under_load
psql -X -q -P pager=off -v ON_ERROR_STOP=1 -d decide -v n="$n" -v short="$short" -v rounds="$rounds" -v seconds="$seconds" \
	-v load_seconds="$load_seconds" -v took=$((SECONDS - started)) -f decide_report.sql
