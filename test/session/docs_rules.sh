#!/usr/bin/env bash
# docs/rules.md against the extension: the catalogue, the sections and their
# examples, the features. "docs_rules.sh --print" prints what should stand
# there instead: the catalogue's rows, and each example with its result.
set -uo pipefail

page=$(dirname "$0")/../../docs/rules.md
tests=0

# is GOT WANTED NAME
is()
{
	tests=$((tests + 1))
	if [ "$1" = "$2" ]; then
		echo "ok $tests - $3"
	else
		echo "not ok $tests - $3"
		diff <(echo "$1") <(echo "$2") | sed 's/^/#   /'
	fi
}

sql() { psql -XqAt -v ON_ERROR_STOP=1 "$@" 2>&1; }

# rows of a table between two markers, without its head
rows() { sed -n "/<!-- $1:begin -->/,/<!-- $1:end -->/p" "$page" | sed -e '1,3d' -e '$d'; }

catalogue()
{
	sql <<'EOF'
WITH band AS
(
	SELECT rule, p.key AS list, string_agg(
		concat_ws(' ', 'above ' || (b.value ->> 'above'), 'at least ' || (b.value ->> 'at_least'),
				  CASE WHEN NOT b.value ?| '{above,at_least}' THEN 'always' END) || ': ' || (b.value ->> 'points') ||
		CASE WHEN b.value ->> 'action' <> 'none' THEN ' ' || (b.value ->> 'action') ELSE '' END, ', ' ORDER BY b.n) AS words
	FROM fraud_rules_catalog(fraud_rules_default()), jsonb_each(parameters) p,
		 jsonb_array_elements(CASE jsonb_typeof(p.value) WHEN 'array' THEN p.value ELSE '[]' END) WITH ORDINALITY b (value, n)
	GROUP BY rule, p.key
),
parts AS
(
	SELECT rule, string_agg(p.key || ' ' || (p.value #>> '{}'), ', ' ORDER BY p.key COLLATE "C") AS numbers
	FROM fraud_rules_catalog(fraud_rules_default()), jsonb_each(parameters) p
	WHERE jsonb_typeof(p.value) = 'number' GROUP BY rule
)
SELECT format('| %s | `%s` | %s | %s | %s | %s | %s |', number, rule, category, weight, CASE WHEN critical THEN 'yes' ELSE 'no' END,
			  replace(array_to_string(needs, ', '), '|', ' or '),
			  concat_ws('; ', (SELECT numbers FROM parts WHERE parts.rule = c.rule),
						(SELECT string_agg(list || ': ' || words, '; ' ORDER BY list COLLATE "C") FROM band WHERE band.rule = c.rule)))
FROM fraud_rules_catalog(fraud_rules_default()) c ORDER BY number;
EOF
}

# The examples' language: a line each
#	past: N x {JSON} every INTERVAL [ending TIME]	# in it is 1 for the newest, 2 ...
#	frauds: N, known since TIME						the N newest of the past
#	payment: {JSON}
# The past serves as the customer's, the address's and the merchant's history.
# example NUMBER TEXT
example()
{
	sql -v rule="$1" -v text="$2" <<'EOF'
WITH line AS
(
	SELECT l, n FROM string_to_table(:'text', E'\n') WITH ORDINALITY AS t (l, n)
),
payment AS
(
	SELECT '{"txn_id": "this", "customer_id": "C1", "occurred_at": "2026-03-04T12:00:00Z"}'::jsonb ||
		   regexp_replace(l, '^payment: *', '')::jsonb AS txn
	FROM line WHERE l ~ '^payment:'
),
said AS
(
	SELECT n, regexp_match(l, '^past: *(\d+) x (\{.*\}) every (\d+ \w+)(?: ending (\S+))?$') AS m
	FROM line WHERE l ~ '^past:'
),
past AS
(
	SELECT i, jsonb_build_object('txn_id', said.n || '/' || i, 'customer_id', 'C1', 'occurred_at',
			CASE WHEN m[4] IS NULL THEN (txn ->> 'occurred_at')::timestamptz - i * m[3]::interval
				 ELSE m[4]::timestamptz - (i - 1) * m[3]::interval END) || replace(m[2], '#', i::text)::jsonb AS txn
	FROM said, payment, generate_series(1, m[1]::int) i
),
frauds AS
(
	SELECT m[1]::int AS n, m[2]::timestamptz AS known
	FROM line, regexp_match(l, '^frauds: *(\d+), known since (\S+)$') m WHERE l ~ '^frauds:'
),
history AS
(
	SELECT (SELECT fraud_profile(txn, fraud_rules_default()) FROM past) ||
		   (SELECT fraud_profile_merge(fraud_observe_fraud(NULL, txn, known, fraud_rules_default())) FROM past, frauds WHERE i <= n) AS h
)
SELECT format(E'result:  %s, %s points, value %s, threshold %s\nreason:  %s', status, points,
			  coalesce(trim_scale(round(value::numeric, 4))::text, 'NULL'),
			  coalesce(trim_scale(round(threshold::numeric, 4))::text, 'NULL'), reason)
FROM payment, history, fraud_explain(txn, h, fraud_rules_default(), h, h)
WHERE number = :'rule'
EOF
}

# sections: "number name", and example_of[number]
declare -A example_of
sections=
while IFS= read -r line; do
	if [[ $line =~ ^'### '([0-9]+)'. '([a-z0-9_]+)$ ]]; then
		number=${BASH_REMATCH[1]} inside=
		sections+="$number ${BASH_REMATCH[2]}"$'\n'
	elif [ "$line" = '```example' ]; then
		inside=yes
		example_of[$number]=
	elif [[ $line = '```'* ]]; then
		inside=
	elif [ -n "${inside:-}" ]; then
		example_of[$number]+="$line"$'\n'
	fi
done <"$page"

if [ "${1:-}" = --print ]; then
	catalogue
	for number in $(seq 1 "$(sql -c 'SELECT count(*) FROM fraud_rules_catalog(fraud_rules_default())')"); do
		echo "== $number"
		grep -vE '^(result|reason):' <<<"${example_of[$number]%$'\n'}"
		example "$number" "${example_of[$number]}"
	done
	exit
fi

is "$(rows catalogue)" "$(catalogue)" 'the catalogue is that of the shipped policy'
is "${sections%$'\n'}" "$(sql -c "SELECT number || ' ' || rule FROM fraud_rules_catalog(fraud_rules_default()) ORDER BY number")" \
	'each rule has its section'
while read -r number name; do
	is "$(grep -E '^(result|reason):' <<<"${example_of[$number]:-}")" "$(example "$number" "${example_of[$number]:-}")" "the example of rule $number, $name"
done <<<"${sections%$'\n'}"
is "$(for name in $(sql -c "SELECT jsonb_object_keys(parameters - 'shadow') FROM fraud_rules_catalog(fraud_rules_default())" | sort -u); do
	grep -q "\`$name\`" "$page" || echo "$name"; done)" '' 'each parameter is spoken of'
is "$(rows features | sed -nE 's/^\| `([a-z0-9_]+)` \| ([a-z ]+) \| .*\| .+ \|$/\1 \2/p')" \
	"$(sql -c "SELECT attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute
		WHERE attrelid = 'fraud_features'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum")" \
	'the features are the columns of the type'
is "$(sed -n '/^## Lists/,/^## Features/p' "$page" | sed -n 's/^| \(`.*\) | .* | .* |$/\1/p' | grep -oE '[a-z_]+' | sort)" \
	"$(sql -c "SELECT substring(l FROM '^  ([a-z_]+):') FROM string_to_table(fraud_rules_default()::text, E'\n') WITH ORDINALITY t (l, n)
		WHERE n > (SELECT m FROM string_to_table(fraud_rules_default()::text, E'\n') WITH ORDINALITY t (k, m) WHERE k ~ '^lists:')
		AND n < (SELECT m FROM string_to_table(fraud_rules_default()::text, E'\n') WITH ORDINALITY t (k, m) WHERE k ~ '^rules:')
		AND l ~ '^  [a-z_]+:'" | sort)" 'the lists are those of the shipped policy'

echo "1..$tests"
