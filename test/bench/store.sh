#!/usr/bin/env bash
# The second part of make bench, on the server that test/bench.sh started: what
# keeping histories costs those who write payments, and what scoring with them
# costs those who read. Takes the arguments of psql: -v n=100000 makes all of
# it smaller. A missed bar is printed, it is no error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

scripts=$(mktemp -d)
background=()
trap end_background EXIT

say() { printf '%s\n' "$*"; }
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
quietly() { "$@" >/dev/null; }

end_background()
{
	local pid
	for pid in "${background[@]}"; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	background=()
}

# script NAME <<SQL: for pgbench
script() { cat >"$scripts/$1"; }

# transactions_a_second SCRIPT OPTION...: one client unless an option says more
transactions_a_second()
{
	local name=$1
	shift
	pgbench -n -M prepared -D "customers=$customers" -f "$scripts/$name" "$@" 2>>"$scripts/log" |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

# note KEY ROUND SECONDS [THINGS]: expressions of SQL
note() { sql -d store -c "INSERT INTO timing VALUES ('$1', $2, $3, ${4:-1})"; }

# timed KEY ROUND ROWS SCRIPT OPTION...: seconds a transaction, of so many rows
timed()
{
	local key=$1 round=$2 rows=$3 rate
	shift 3
	rate=$(transactions_a_second "$@")
	note "$key" "$round" "1 / $rate::double precision" "$rows"
}

# wal_of KEY ROUND ROWS COMMAND...: bytes of WAL, from a checkpoint on
wal_of()
{
	local key=$1 round=$2 rows=$3 before
	shift 3
	sql -c CHECKPOINT
	before=$(sql -c 'SELECT pg_current_wal_insert_lsn()')
	quietly "$@"
	note "$key" "$round" "pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '$before')" "$rows"
}

# folds again and again, as a scheduler does; pauses while little waits
start_folding()
{
	pgbench -n -M prepared -T 86400 -f "$scripts/fold" >>"$scripts/log" 2>&1 &
	background+=($!)
}

# until nothing waits, at most two minutes
await_folding()
{
	local end=$((SECONDS + 120))
	while [ "$(sql -c 'SELECT count(*) FROM fraud_profile_deltas')" -gt 0 ] && [ "$SECONDS" -lt "$end" ]; do
		quietly sql -c 'SELECT pg_sleep(0.05)'
	done
}

# a transaction that goes on seeing what is there now, until release_snapshot
hold_snapshot()
{
	local pipe=$scripts/held
	mkfifo "$pipe"
	PGAPPNAME=held quietly sql <"$pipe" &
	background+=($!)
	exec 9>"$pipe"
	say 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM fraud_profiles;' >&9
	until [ "$(sql -c "SELECT count(*) FROM pg_stat_activity
			WHERE application_name = 'held' AND state = 'idle in transaction'")" = 1 ]; do
		quietly sql -c 'SELECT pg_sleep(0.05)'
	done
}

release_snapshot() { exec 9>&-; }

# server SETTING...: of the server, at once
server()
{
	local setting
	for setting in "$@"; do
		sql -c "ALTER SYSTEM SET $setting"
	done
	quietly sql -c 'SELECT pg_reload_conf()'
}

# variable NAME DEFAULT: as the arguments set it
variable() { sql -v "$1=$2" "${arguments[@]}" -f - <<<"\\echo :$1"; }

# ---------------------------------------------------------------- scripts

script read <<'SQL'
\set id random(:low, :high)
SELECT * FROM payments WHERE txn_id = :id;
SQL
script score <<'SQL'
\set id random(:low, :high)
SELECT fraud_score(t) FROM payments t WHERE txn_id = :id;
SQL
# planned again in every query
script plain_value <<'SQL'
\set id random(:low, :high)
SELECT plain_now(t) FROM payments t WHERE txn_id = :id;
SQL
# planned once
script plain_table <<'SQL'
\set id random(:low, :high)
SELECT f FROM payments t, plain_now(t) f WHERE txn_id = :id;
SQL
script read_paid <<'SQL'
\set id random(:low, :high)
SELECT * FROM paid_kept WHERE txn_id = :id;
SQL
script score_paid <<'SQL'
\set id random(:low, :high)
SELECT fraud_score(t) FROM paid_kept t WHERE txn_id = :id;
SQL
script fold <<'SQL'
SELECT fraud_fold(20000) AS folded \gset
\if :folded < 2000
\sleep 20 ms
\endif
SQL
for variant in plain kept; do
	script "insert_$variant" <<-SQL
		\set customer random(1, :customers)
		\set merchant random(1, :customers / 2)
		\set amount random(20, 70)
		\set online random(1, 5)
		INSERT INTO paid_$variant (customer_id, card_id, amount, currency, occurred_at, country, home_country, lat, lon, channel,
			merchant_id, merchant_category, mcc, ip, status, timezone)
		VALUES (:customer, 'K' || :customer, :amount, 'USD', clock_timestamp(), 'US', 'US', 40.7, -74.0, 'online',
			'M' || :merchant, 'grocery', '5411',
			CASE WHEN :online < 3 THEN inet '11.0.0.0' + :customer * 2 / 3 END, 'approved', 'UTC');
	SQL
	script "hot_$variant" <<-SQL
		\set customer random(1, 5)
		\set amount random(20, 70)
		INSERT INTO paid_$variant (customer_id, card_id, amount, currency, occurred_at, country, home_country, lat, lon, channel,
			merchant_id, merchant_category, mcc, ip, status, timezone)
		VALUES (:customer, 'K' || :customer, :amount, 'USD', clock_timestamp(), 'US', 'US', 40.7, -74.0, 'online',
			'M', 'grocery', '5411', inet '11.0.0.0' + :customer, 'approved', 'UTC');
	SQL
	script "pay_$variant" <<-SQL
		CALL pay_$variant(:rows, :customers);
	SQL
done

# ---------------------------------------------------------------- measurements

# score_here KEY ROUND LOW HIGH: in one query, without a client between
score_here()
{
	quietly sql -c "SELECT once('$1', $2, 'SELECT count(fraud_score(t)) FROM payments t, generate_series(1, 20)
		WHERE txn_id BETWEEN $3 AND $4', 20 * ($4 - $3 + 1))"
}

on_line()
{
	local round low high range
	sql -v n="$n" -v probes=$((n / 1000)) -f store_probe.sql
	low=$(sql -c 'SELECT min(txn_id) FROM probe')
	high=$(sql -c 'SELECT max(txn_id) FROM probe')
	range=(-D "low=$low" -D "high=$high")
	for ((round = 1; round <= rounds; round++)); do
		timed read "$round" 1 read -t "$short" "${range[@]}"
		timed score "$round" 1 score -t "$short" "${range[@]}"
		score_here score_here "$round" "$low" "$high"
		timed plain_value "$round" 1 plain_value -t $((short / 40)) "${range[@]}"
		timed plain_table "$round" 1 plain_table -t $((short / 20)) "${range[@]}"
	done
	sql -f store_waiting.sql
	for ((round = 1; round <= rounds; round++)); do
		timed read_waiting "$round" 1 read -t "$short" "${range[@]}"
		timed score_waiting "$round" 1 score -t "$short" "${range[@]}"
		score_here score_here_waiting "$round" "$low" "$high"
	done
	quietly sql -c 'SELECT fraud_fold()'
}

inserts()
{
	local round variant
	for variant in plain kept; do
		wal_of "wal_insert_$variant" 0 "$short" transactions_a_second "insert_$variant" -t "$short"
	done
	for ((round = 1; round <= rounds; round++)); do
		quietly sql -c "SELECT fold_once($round)"
		for variant in plain kept; do
			timed "insert_$variant" "$round" 1 "insert_$variant" -t "$short"
			timed "pay_$variant" "$round" $((short / 20)) "pay_$variant" -t 10 -D "rows=$((short / 20))"
		done
	done
	quietly sql -v rounds="$rounds" -f store_rebuild.sql
}

copy_rows() { sql -c "SELECT once('copy_$1', $2, 'COPY paid_$1 FROM ''$scripts/rows''', $n)"; }

copies()
{
	local round variant
	sql -c "COPY (SELECT * FROM payments LIMIT $n) TO '$scripts/rows'"
	for ((round = 1; round <= 3; round++)); do
		sql -c 'TRUNCATE paid_plain' -c 'TRUNCATE paid_kept' -c 'VACUUM fraud_profiles, fraud_profile_deltas'
		for variant in plain kept; do
			wal_of "wal_copy_$variant" "$round" "$n" copy_rows "$variant" "$round"
		done
	done
	sql -c 'CREATE TABLE copied AS SELECT count(*) AS deltas FROM fraud_profile_deltas'
	rm "$scripts/rows"
}

# growth_of HELD: n inserts in a new database, folded all the time, measured at every quarter
growth_of()
{
	local held=$1 rate round range
	export PGDATABASE=growth
	sql -d postgres -c 'DROP DATABASE IF EXISTS growth' -c 'CREATE DATABASE growth'
	sql -f store_growth.sql
	! $held || hold_snapshot
	start_folding
	for _ in 1 2 3 4; do
		rate=$(transactions_a_second pay_kept -c 2 -j 1 -t 5 -D "rows=$((n / 40))")
		sql -v held="$held" -v rate="$rate" -v rows=$((n / 40)) -f store_size.sql | sql -d store
	done
	await_folding
	range=(-D "low=$((n - n / 100))" -D "high=$n")
	for ((round = 1; round <= rounds; round++)); do
		timed "read_$held" "$round" 1 read_paid -t $((short / 4)) "${range[@]}"
		timed "score_$held" "$round" 1 score_paid -t $((short / 4)) "${range[@]}"
	done
	! $held || release_snapshot
	end_background
	export PGDATABASE=store
}

# 50 sessions that all write payments of five customers to one merchant
hot_keys()
{
	local round variant
	export PGDATABASE=growth
	start_folding
	for ((round = 1; round <= 3; round++)); do
		for variant in plain kept; do
			await_folding
			timed "hot_$variant" "$round" 1 "hot_$variant" -c 50 -j 2 -t $((n / 1000))
		done
	done
	end_background
	export PGDATABASE=store
}

# ---------------------------------------------------------------- the run

export PGDATABASE=postgres
arguments=("$@")
n=$(variable n 1000000)
rounds=$(variable store_rounds 7)
customers=$((n / 100))
short=$((n / 50 > 1000 ? n / 50 : 1000))	# transactions of a short round
started=$SECONDS

say
say "The store: making $n payments of about 100 a customer"
sql -c 'CREATE DATABASE store'
export PGDATABASE=store
sql -v n="$n" -f store_tables.sql
say 'Timing scans, CREATE INDEX, fraud_attach, aggregates'
quietly sql -v rounds=3 -f store_passes.sql
say 'Timing reads and scores by key'
on_line
say 'Timing inserts, fold, rebuild'
inserts
say 'Timing COPY'
copies
say 'Inserting with autovacuum on, and again under an open snapshot'
server 'autovacuum = on' "autovacuum_naptime = '5s'"
growth_of false
growth_of true
say 'Inserting for hot keys in 50 sessions'
hot_keys
server 'autovacuum = off'
psql -X -q -P pager=off -v ON_ERROR_STOP=1 -v n="$n" -v short="$short" -v seconds=$((SECONDS - started)) -f store_report.sql
rm -rf -- "$scripts"
