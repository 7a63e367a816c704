#!/usr/bin/env bash
# The service file without shared_preload_libraries: what sessions see of it
# when it changes, is reloaded, or is bad, alone and beside the rules file.
# Needs a throw-away server: sets fraud_fallback.service_file for all of it.
set -uo pipefail

tests=0
failures=0
dir=$(mktemp -d)
file=$PGDATA/service_reload.yaml
rules=$PGDATA/service_reload_rules.yaml
trap finish EXIT

finish()
{
	psql -Xq -c "LOAD 'fraud_fallback'" -c 'ALTER SYSTEM RESET fraud_fallback.service_file' \
		-c 'ALTER SYSTEM RESET fraud_fallback.rules_file' -c 'SELECT pg_reload_conf()' >/dev/null
	rm -rf "$dir" "$file" "$rules"
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

# like GOT PATTERN NAME
like()
{
	if [[ $1 =~ $2 ]]; then is yes yes "$3"; else is "$1" "/$2/" "$3"; fi
}

# one session that stays; ask SQL: what it answers
mkfifo "$dir/in" "$dir/out"
psql -XqAt -v VERBOSITY=verbose <"$dir/in" >"$dir/out" 2>&1 &
exec {in}>"$dir/in" {out}<"$dir/out"
ask()
{
	local line
	printf '%s\n;\n\\echo end-of-answer\n' "$1" >&"$in"
	while IFS= read -r -t 60 -u "$out" line; do
		[ "$line" = end-of-answer ] && return
		echo "$line"
	done
	echo 'no answer'
}

# SIGHUP, until it has reached the session
reload()
{
	local before end=$((SECONDS + 60))
	before=$(ask 'SELECT pg_conf_load_time()')
	psql -Xqc 'SELECT pg_reload_conf()' >/dev/null
	until [ "$(ask 'SELECT pg_conf_load_time()')" != "$before" ]; do
		[ "$SECONDS" -lt "$end" ] || { echo '# no reload'; break; }
		psql -Xqc 'SELECT pg_sleep(0.02)' >/dev/null
	done
}

write() { printf '%s\n' "$1" >"$file.new" && mv "$file.new" "$file"; }

failures_now="SELECT line FROM string_to_table(fraud_service_active(), E'\n') line WHERE line ~ 'failures' LIMIT 1"
status="FROM fraud_config_status WHERE file = 'service'"
set_file() { psql -Xq -c "LOAD 'fraud_fallback'" -c "ALTER SYSTEM SET fraud_fallback.$1_file = '$2'"; }

is "$(ask "$failures_now")" '    failures: 5' 'without a file the shipped settings are in force'
shipped=$(ask "SELECT hash $status")
is "$(ask "SELECT path, loaded_at, error, basis_hash, rebuild_needed $status")" '||||' 'and the status says so'

write 'circuits: {template: {failures: 6}}'
set_file service "${file##*/}"
reload
is "$(ask "$failures_now")" '    failures: 6' 'SIGHUP: the file is read, named relative to the data directory'
is "$(ask "SELECT path, hash <> '$shipped', loaded_at > now() - interval '1 minute', error $status")" "$file|t|t|" 'the status shows it'
write 'circuits: {template: {failures: 7}}'
is "$(ask "$failures_now")" '    failures: 6' 'a changed file without a reload changes nothing'
reload
is "$(ask "$failures_now")" '    failures: 7' 'SIGHUP again'
is "$(psql -XqAtc "$failures_now")" '    failures: 7' 'a new session has it as well'
write 'circuits: {template: {failures: 8}}'
is "$(ask 'SELECT fraud_reload() = fraud_rules_hash(fraud_rules_active())')" t 'fraud_reload() returns the hash of the policy'
is "$(ask "$failures_now")" '    failures: 8' 'and reads the service file'
is "$(ask "DO \$\$ BEGIN PERFORM fraud_reload(); END \$\$; $failures_now")" '    failures: 8' 'inside a statement too'

# bad NAME PATTERN: the file as it stands is refused, by fraud_reload and SIGHUP
bad()
{
	local before
	before=$(ask "SELECT hash, loaded_at $status")
	like "$(ask 'SELECT fraud_reload()')" "$2" "fraud_reload() refuses $1"
	reload
	is "$(ask "$failures_now; SELECT hash, loaded_at $status")" "    failures: 8
$before" 'the good settings stay, after SIGHUP too'
	like "$(ask "SELECT error $status")" 'The settings read before stay in force\.$' 'and the status says so'
	is "$(psql -XqAtc "SELECT hash = '$shipped', loaded_at, error ~ 'The shipped default is in force' $status")" 't||t' \
		'a new session has the shipped settings and says so'
}
write $'circuits:\n  template:\n    failures: 0'
bad 'a wrong value' '22023: invalid fraud service settings in file ".*" at line 3, column 15: invalid value for "failures": 0'
write 'circuits: {'
bad 'broken YAML' '22023: invalid fraud service settings in file ".*" at line 2, column 1: '
printf 'circuits: {"\xe9": }\n' >"$file"
bad 'bytes that are not UTF-8' '22023: .* line 1, column 13: invalid UTF-8'
printf '#%s\n' "$(head -c 300000 /dev/zero | tr '\0' x)" >"$file"
bad 'a file that is too long' '22023: .*service file is too long'
rm "$file"
bad 'a missing file' '58P01: could not use fraud service file ".*": could not open the file: '
mkdir "$file"
bad 'a directory' '22023: could not use fraud service file .*not a regular file'
rmdir "$file"

# what an answer of ML is follows the file
verdict() { ask "SELECT coalesce(problem, concat_ws(' ', risk_score, risk_level, risk_factors)) FROM fraud_verdict('$1')"; }
write 'ml: {score_scale: 1, fields: {risk_score: "p \u00e4", risk_factors: reasons, is_fraud: "", recommendation: ""}}'
reload
is "$(verdict '{"p ä": 0.62, "reasons": ["ip"], "is_fraud": "?", "recommendation": 7}')" '62 HIGH {ip}' \
	'an answer from 0 to 1 with names of its own; what is not looked at may be anything'
is "$(verdict '{"p ä": 0.285}')" '29 LOW {}' 'halves are rounded as they are written'
is "$(verdict '{"p ä": 1}')" '100 HIGH {}' 'the greatest score'
is "$(verdict '{"p ä": 62}')" 'risk_score is not from 0 to 1' 'another scale is no verdict'
is "$(verdict '{"risk_score": 0.62}')" 'risk_score is missing' 'nor is another name'
printf 'scoring: {low_max: 61, medium_max: 62}\n' >"$rules"
set_file rules "$rules"
reload
is "$(verdict '{"p ä": 0.62}')" '62 MEDIUM {}' 'the bands are those of the policy'

# two files: each for itself
write 'circuits: {template: {failures: 9}}'
echo 'nonsense: 1' >"$rules"
set_file rules "$rules"
reload
is "$(ask "$failures_now")" '    failures: 9' 'a bad rules file does not keep the service file from being read'
is "$(ask "SELECT file, error IS NULL FROM fraud_config_status ORDER BY file")" $'rules|f\nservice|t' 'the status tells them apart'
write 'circuits: {template: {failures: 10}}'
like "$(ask 'SELECT fraud_reload()')" '22023: invalid fraud policy in file' 'fraud_reload() raises the error of the rules'
is "$(ask "$failures_now")" '    failures: 10' 'and has read the service file'
write 'nonsense: 1'
like "$(ask 'SELECT fraud_reload()')" 'WARNING: .*invalid fraud policy in file.*ERROR: .*invalid fraud service settings in file' \
	'both bad: one is a warning, the other the error'
set_file rules ''
set_file service ''
reload
is "$(ask "SELECT hash = '$shipped', path, loaded_at, error $status")" 't|||' 'without a file again: the shipped settings'
is "$(ask 'SELECT fraud_service_check(fraud_service_active()) = fraud_service_active()')" t 'as text'

exec {in}>&- {out}<&-
wait
echo "1..$tests"
exit "$((failures > 0))"
