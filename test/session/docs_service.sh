#!/usr/bin/env bash
# docs/service-file.md against the extension: the table of keys with shipped
# values and what is allowed, and the examples. "docs_service.sh --print"
# prints the first columns of the table as they should stand there.
set -uo pipefail

page=$(dirname "$0")/../../docs/service-file.md
shipped=$(dirname "$0")/../../rules/service.yaml
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

# keys SECTION PART: key, shipped value, and what the error says is allowed where
# a mapping stands; PART is the mapping of the section, or nothing
keys()
{
	sql -v section="$1" -v part="$2" <<'SQL'
SELECT set_config('docs.section', :'section', false), set_config('docs.part', :'part', false) \g /dev/null
CREATE FUNCTION pg_temp.hint(value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	section text := current_setting('docs.section');
	part text := current_setting('docs.part');
	hint text;
BEGIN
	PERFORM fraud_service_check(section || ': {' || CASE WHEN part <> '' THEN part || ': {' || value || '}' ELSE value END || '}');
	RETURN 'anything';
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN regexp_replace(substring(hint FROM 'must be (.*)\.$'), ' \(in (ms|kB)[^)]*\)| with at most two decimals', '', 'g');
END $$;
CREATE FUNCTION pg_temp.allowed(key text, value text) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(', each ',
		pg_temp.hint(replace(key, '.', ': {') || ': {}' || CASE WHEN key ~ '\.' THEN '}' ELSE '' END),
		CASE WHEN value ~ '^\[' THEN pg_temp.hint(key || ': [{}]') END)
$$;
WITH numbered AS
(
	SELECT n, line, max(n) FILTER (WHERE line ~ '^\w+:$') OVER (ORDER BY n) AS section, max(n) FILTER (WHERE line ~ '^  \w+:$') OVER (ORDER BY n) AS part
	FROM string_to_table(fraud_service_check('{}'), E'\n') WITH ORDINALITY l (line, n)
), line AS
(
	SELECT n, m[1] AS key, m[2] AS value
	FROM numbered AS l, regexp_match(line, '^ +(\w+): (.*)$') m
	WHERE m IS NOT NULL AND (m[1] <> 'fields' OR :'section' <> 'journal') AND (SELECT line FROM numbered s WHERE s.n = l.section) = :'section' || ':'
		AND (:'part' = '' OR (SELECT line FROM numbered p WHERE p.n = l.part) = '  ' || :'part' || ':')
)
SELECT format('| `%s` | %s | %s |', key, value, pg_temp.allowed(key, value))
FROM (
	SELECT n, 0 AS k, key, value FROM line WHERE value !~ '^{'
	UNION ALL
	SELECT n, k, key || '.' || split_part(part, ': ', 1), split_part(part, ': ', 2)
	FROM line, string_to_table(trim(value, '{}'), ', ') WITH ORDINALITY p (part, k) WHERE value ~ '^{'
) key ORDER BY n, k;
SQL
}

tables=('circuits template' 'journal ' 'dependencies database' 'tiers ' 'ml ')

if [ "${1:-}" = --print ]; then
	for table in "${tables[@]}"; do
		echo "${table% *}"
		keys "${table% *}" "${table#* }"
	done
	exit
fi

for table in "${tables[@]}"; do
	name=${table% *}
	rows=$(sed -n "/<!-- keys:$name:begin -->/,/<!-- keys:$name:end -->/p" "$page" | sed -e '1,3d' -e '$d')
	is "$(sed -E 's/^((\|[^|]*){3}\|).*/\1/' <<<"$rows")" "$(keys "$name" "${table#* }")" "the table of keys: $name"
	is "$(grep -vcE '^(\| [^|]+ ){4}\|$' <<<"$rows")" 0 "each key has its meaning: $name"
done

# every example is a service file; block N is the Nth
blocks=$(grep -c '^```yaml' "$page")
for ((n = 1; n <= blocks; n++)); do
	text=$(awk -v n="$n" '/^```yaml/ { on = ++i == n; next } /^```/ { on = 0 } on' "$page")
	is "$(sql -v yaml="$text" <<<"SELECT fraud_service_check(:'yaml') <> fraud_service_check('{}')")" t "example $n says something"
done
[ "$blocks" -gt 1 ]
is "$?" 0 'there are examples'

# the file that is installed is what is built in
is "$(sql -v yaml="$(cat "$shipped")" <<<"SELECT fraud_service_check(:'yaml') = fraud_service_check('{}')")" t 'rules/service.yaml has the shipped settings'

echo "1..$tests"
