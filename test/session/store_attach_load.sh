#!/usr/bin/env bash
# fraud_attach() on a large table while others insert into it: nothing is lost,
# nothing counted twice, and the inserts go on. STORE_ROWS: rows of the table.
set -uo pipefail

rows=${STORE_ROWS:-200000}
tests=0
dir=$(mktemp -d)
trap 'touch "$dir/stop"; wait; rm -rf "$dir"' EXIT

# is GOT WANTED NAME
is()
{
	tests=$((tests + 1))
	if [ "$1" = "$2" ]; then
		echo "ok $tests - $3"
	else
		echo "not ok $tests - $3"
		echo "#   got: $1"
		echo "#   wanted: $2"
	fi
}

sql() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }

# arrived NUMBER: waits until as many rows came from the inserting sessions
arrived()
{
	local i
	for ((i = 0; i < 1000; i++)); do
		[ "$(sql -c "SELECT count(*) >= $1 FROM txn WHERE came IS NOT NULL")" != t ] || return 0
	done
	echo "# only $(sql -c 'SELECT count(*) FROM txn WHERE came IS NOT NULL') rows come, not $1"
	return 1
}

sql >/dev/null <<SQL
SET client_min_messages = warning;
CREATE TABLE txn (txn_id text DEFAULT gen_random_uuid() PRIMARY KEY, customer_id text, merchant_id text, ip inet,
	amount numeric, occurred_at timestamptz, status text, came timestamptz);
INSERT INTO txn SELECT n, 'c' || n % ($rows / 10), 'm' || n % 500, '10.0.0.0'::inet + n % 2000, n % 300,
	now() - n % 2400 * interval '1 hour', CASE WHEN n % 9 = 0 THEN 'declined' ELSE 'approved' END
	FROM generate_series(1, $rows) n;
CREATE INDEX ON txn (came) WHERE came IS NOT NULL;
CREATE VIEW wrong AS
	SELECT entity, key FROM (
		SELECT v.entity, v.key, fraud_profile(t) AS p
		FROM txn t, LATERAL (VALUES ('customer', customer_id), ('ip', host(ip)), ('merchant', merchant_id)) v (entity, key)
		GROUP BY v.entity, v.key) truth
	FULL JOIN (SELECT entity, key FROM fraud_profiles UNION SELECT entity, key FROM fraud_profile_deltas WHERE slot <> 0) s USING (entity, key)
	WHERE fraud_profile_of(entity, key) IS DISTINCT FROM p;
ANALYZE txn;
SQL
cat >"$dir/insert.sql" <<END
\\set old random(0, $((rows / 10 - 1)))
\\set new random(1, 1000000)
\\set which random(1, 2)
INSERT INTO txn (customer_id, merchant_id, ip, amount, occurred_at, status, came)
SELECT CASE :which WHEN 1 THEN 'c' || :old ELSE 'new' || :new % 3000 END, CASE :which WHEN 1 THEN 'm' || :old % 500 ELSE 'new' || :new % 70 END,
	CASE :which WHEN 1 THEN '10.0.0.0'::inet + :old % 2000 ELSE '10.9.0.0'::inet + :new % 100 END, :new % 300, now(), 'approved', clock_timestamp();
END

# four sessions, again and again, until there is a file that says stop
(
	cd "$dir" || exit
	while [ ! -e stop ] && [ ! -s errors ]; do
		pgbench -n -c 4 -t 250 -f insert.sql --log --log-prefix=latency >>out 2>>errors || echo "pgbench ends with status $?" >>errors
	done
) &
arrived 500

started=$(sql -c 'SELECT clock_timestamp()')
answer=$(sql -c "SET client_min_messages = warning; SELECT fraud_attach('txn')" 2>&1)
ended=$(sql -c 'SELECT clock_timestamp()')
during=$(sql -c "SELECT count(*) FROM txn WHERE came BETWEEN '$started' AND '$ended'")
is "${answer%%:*}" attached "fraud_attach() on $rows rows"
is "$([ "$during" -gt 100 ] && echo yes)" yes "others inserted meanwhile"
before=$(sql -c "SELECT count(*) FROM txn WHERE came IS NOT NULL")
arrived $((before + 500))
touch "$dir/stop"
wait
echo "# $(sql -c "SELECT extract(milliseconds FROM '$ended'::timestamptz - '$started'::timestamptz)::int") ms, $during inserts meanwhile, $(sql -c 'SELECT count(*) FROM txn WHERE came IS NOT NULL') in all"

is "$(cat "$dir/errors")" '' 'no insert failed'
largest=$(cat "$dir"/latency.* | awk '$3 > max { max = $3 } END { print int(max / 1000) }')
echo "# the longest insert took $largest ms"
is "$([ "$largest" -lt 2000 ] && echo yes)" yes 'no insert took 2 seconds'

is "$(sql -c 'SELECT count(*), min(entity || key) FROM wrong')" '0|' 'every customer, address and merchant is right'
is "$(sql -c 'SELECT waiting > 0 FROM fraud_attached')" t 'of what came meanwhile deltas wait'
sql -c 'SELECT fraud_fold()' >/dev/null
is "$(sql -c 'SELECT count(*), min(entity || key) FROM wrong')" '0|' 'and folded, all are right'
is "$(sql -c 'SELECT state, gaps IS NULL, waiting, stale_keys FROM fraud_attached')" 'ready|t|0|0' 'fraud_attached says so'
