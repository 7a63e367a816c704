#!/usr/bin/env bash
# The policy's basis changes while a table is attached: histories keep theirs,
# everything goes on, and everybody says so until fraud_rebuild().
# Needs a throw-away server: sets fraud_fallback.rules_file for all of it.
set -uo pipefail

tests=0
failures=0
file=$PGDATA/store_basis.yaml
trap finish EXIT

finish()
{
	psql -Xq -c "LOAD 'fraud_fallback'" -c 'ALTER SYSTEM RESET fraud_fallback.rules_file' \
		-c 'SELECT pg_reload_conf()' >/dev/null
	rm -f "$file"
}

# is GOT WANTED NAME
is()
{
	tests=$((tests + 1))
	if [ "$1" = "$2" ]; then
		echo "ok $tests - $3"
	else
		failures=$((failures + 1))
		echo "not ok $tests - $3"
		echo "#   got: $1"
		echo "#   wanted: $2"
	fi
}

ask() { psql -XqAt -v ON_ERROR_STOP=1 -c "SET client_min_messages = warning" -c "$1" 2>&1; }

# reads the file given on standard input, in every session that begins later
policy()
{
	cat >"$file"
	psql -XqAt -c "LOAD 'fraud_fallback'" -c "ALTER SYSTEM SET fraud_fallback.rules_file = '$file'" \
		-c 'SELECT pg_reload_conf()' >/dev/null
	# the server has reloaded when new sessions have the new value
	local i
	for i in $(seq 200); do
		[ "$(ask "SELECT path FROM fraud_config_status WHERE basis_hash IS NOT NULL")" != "$file" ] || return
		perl -e 'select(undef, undef, undef, 0.02)'
	done
}

ask "CREATE TABLE payments (txn_id int, customer_id text, amount numeric, occurred_at timestamptz, status text);
	INSERT INTO payments SELECT g, 'C' || g % 3, 10, '2026-09-01 12:00+00'::timestamptz + g * interval '1 hour', 'approved'
	FROM generate_series(1, 150) g;" >/dev/null
is "$(ask "SELECT fraud_attach('payments')")" 'attached: histories of 3 customers, 0 addresses, 0 merchants' 'a table is attached'
is "$(ask "SELECT basis_current, rebuild_needed FROM fraud_attached, fraud_config_status WHERE basis_hash IS NOT NULL")" 't|f' 'the basis is that of the policy'

policy <<<'history: {weekend: [5, 6]}'
is "$(ask "SELECT basis_current, rebuild_needed FROM fraud_attached, fraud_config_status WHERE basis_hash IS NOT NULL")" 'f|t' \
	'after a change of the basis a rebuild is needed'
is "$(ask "INSERT INTO payments VALUES (201, 'C1', 10, '2026-09-20 12:00+00', 'approved')")" '' 'inserts go on'
is "$(ask "SELECT reason ~ 'built under another basis' FROM payments p, fraud_score(p) WHERE p.txn_id = 201")" 't' \
	'a decision says that the history has another basis'
is "$(ask "SELECT jsonb_array_length(fraud_profile_of('customer', 'C1')::jsonb -> 'newest'),
	fraud_profile_of('customer', 'C1')::jsonb -> 'newest' -> 0 ->> 'occurred_at'")" '32|2026-09-20T12:00:00.000000Z' \
	'the new payment is in the history'
is "$(ask 'SELECT fraud_fold()')" 1 'what is new is folded into what has the old basis'
is "$(ask "SELECT key, stale FROM fraud_profiles ORDER BY key")" $'C0|f\nC1|t\nC2|f' 'and marks it stale'
is "$(ask "SELECT fraud_rebuild('payments')")" 'rebuilt: histories of 3 customers, 0 addresses, 0 merchants' 'a rebuild'
is "$(ask "SELECT basis_current, rebuild_needed, stale_keys FROM fraud_attached, fraud_config_status WHERE basis_hash IS NOT NULL")" 't|f|0' \
	'ends all that'
is "$(ask "SELECT count(*) FROM (SELECT customer_id, fraud_profile(p) AS want FROM payments p GROUP BY 1) x
	WHERE fraud_profile_of('customer', customer_id) <> want")" 0 'histories are those of the new basis'
ask "SELECT fraud_detach('payments')" >/dev/null

echo "1..$tests"
[ "$failures" -eq 0 ]
