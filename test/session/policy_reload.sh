#!/usr/bin/env bash
# The rules file without shared_preload_libraries: what each session sees of it
# when it changes, is reloaded, is bad, and while statements run.
# Needs a throw-away server: sets fraud_fallback.rules_file for all of it.
set -uo pipefail

tests=0
failures=0
dir=$(mktemp -d)
file=$PGDATA/policy_reload.yaml
trap finish EXIT

finish()
{
	psql -Xq -c "LOAD 'fraud_fallback'" -c 'ALTER SYSTEM RESET fraud_fallback.rules_file' \
		-c 'SELECT pg_reload_conf()' >/dev/null
	rm -rf "$dir" "$file"
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

# session NAME: a psql that takes statements one by one
declare -A in out
session()
{
	local fd
	mkfifo "$dir/$1.in" "$dir/$1.out"
	psql -XqAt -v VERBOSITY=verbose <"$dir/$1.in" >"$dir/$1.out" 2>&1 &
	exec {fd}>"$dir/$1.in"
	in[$1]=$fd
	exec {fd}<"$dir/$1.out"
	out[$1]=$fd
}

# tell NAME SQL: without waiting; answer NAME: what came, up to its end
tell()
{
	printf '%s\n;\n\\echo end-of-answer\n' "$2" >&"${in[$1]}"
}
answer()
{
	local line
	while IFS= read -r -t 60 -u "${out[$1]}" line; do
		[ "$line" = end-of-answer ] && return
		echo "$line"
	done
	echo "no answer from session $1"
}
ask()
{
	tell "$1" "$2"
	answer "$1"
}
end_session()
{
	local fd=${in[$1]}
	exec {fd}>&-
	fd=${out[$1]}
	exec {fd}<&-
}

# poll SQL WANTED: until the answer of a new connection is this, for a minute
poll()
{
	local end=$((SECONDS + 60))
	until [ "$(psql -XqAtc "$1")" = "$2" ]; do
		[ "$SECONDS" -lt "$end" ] || { echo "# never: $1"; return 1; }
		psql -Xqc 'SELECT pg_sleep(0.02)' >/dev/null
	done
}

hash_of() { psql -XqAtc "SELECT fraud_rules_hash('$1')"; }
write() { printf '%s\n' "$1" >"$file.new" && mv "$file.new" "$file"; }

active='SELECT fraud_rules_hash(fraud_rules_active())'

# reload the server; session $1 has noticed when its statement gives $2
reload()
{
	local end=$((SECONDS + 60)) got
	psql -Xqc 'SELECT pg_reload_conf()' >/dev/null
	until got=$(ask "$1" "$active"); [ "$got" = "$2" ]; do
		[ "$SECONDS" -lt "$end" ] || break
		psql -Xqc 'SELECT pg_sleep(0.02)' >/dev/null
	done
	is "$got" "$2" "$3"
}
# the same where nothing is to change: wait until the reload has arrived
reloaded()
{
	local before end=$((SECONDS + 60))
	before=$(ask "$1" 'SELECT pg_conf_load_time()')
	psql -Xqc 'SELECT pg_reload_conf()' >/dev/null
	until [ "$(ask "$1" 'SELECT pg_conf_load_time()')" != "$before" ]; do
		[ "$SECONDS" -lt "$end" ] || { echo '# no reload'; break; }
	done
}

default=$(hash_of '{}')
one=$(hash_of 'description: one')
two=$(hash_of 'description: two')
three=$(hash_of 'description: three')

session a
session b
is "$(ask a "$active")" "$default" 'without a file the shipped default is active'
is "$(ask a 'SELECT path, hash, loaded_at, error FROM fraud_config_status WHERE basis_hash IS NOT NULL')" "|$default||" 'and the status says so'

# ---- a file, SIGHUP

write 'description: one'
psql -Xq -c "LOAD 'fraud_fallback'" -c "ALTER SYSTEM SET fraud_fallback.rules_file = '${file##*/}'"
reload a "$one" 'SIGHUP: an open session reads the file, named relative to the data directory'
is "$(ask a "SELECT file, path, hash, hash <> basis_hash, loaded_at > now() - interval '1 minute', error IS NULL, rebuild_needed FROM fraud_config_status WHERE basis_hash IS NOT NULL")" \
	"rules|$file|$one|t|t|t|f" 'the status shows path, hash and time'
is "$(psql -XqAtc "$active")" "$one" 'a new session too'
is "$(ask a "SELECT basis_hash <> hash FROM fraud_config_status WHERE basis_hash IS NOT NULL")" t 'the basis has its own hash'

write 'description: two'
is "$(ask a "$active")" "$one" 'a changed file without a reload changes nothing'
reload a "$two" 'SIGHUP again: the changed file'
is "$(ask b "$active")" "$two" 'every session'

# ---- fraud_reload

write 'description: three'
is "$(ask a 'SELECT fraud_reload()')" "$three" 'fraud_reload() returns the hash of what is now in force'
is "$(ask a "$active")" "$three" 'and the next statement uses it'
is "$(ask b "$active")" "$two" 'other sessions wait for SIGHUP'
is "$(psql -XqAtc "SELECT fraud_reload(); $active")" "$three
$three" 'statements of one message are statements'
reload b "$three" 'which then reaches them'

# ---- bad files

# bad NAME PATTERN: the file as it stands is refused, by reload and SIGHUP
bad()
{
	local before
	before=$(ask a 'SELECT hash, basis_hash, loaded_at FROM fraud_config_status WHERE basis_hash IS NOT NULL')
	like "$(ask a 'SELECT fraud_reload()')" "$2" "fraud_reload() refuses $1"
	is "$(ask a "SELECT hash, basis_hash, loaded_at FROM fraud_config_status WHERE basis_hash IS NOT NULL")" "$before" 'and leaves all as it was'
	reloaded b
	is "$(ask b "$active")" "$three" "SIGHUP: the good policy stays, with $1"
	like "$(ask b 'SELECT error FROM fraud_config_status WHERE basis_hash IS NOT NULL')" "${3:-.*The policy read before stays in force.}" 'and the status shows the error'
	is "$(psql -XqAtc "SELECT $4 hash, loaded_at IS NULL, error ~ 'The shipped default is in force' FROM fraud_config_status WHERE basis_hash IS NOT NULL")" \
		"$default|t|t" 'a new session has the shipped default and says so'
}

write $'rules:\n  large_amount:\n    weight: 99'
bad 'a wrong value' '22023: invalid fraud policy in file ".*" at line 3, column 13: ' \
	'^line 3, column 13: .*99.* In rules.large_amount.weight\. .* The policy read before stays in force\.$' ''
printf 'description: \xe9t\xe9\n' >"$file"
bad 'bytes that are not UTF-8' '22023: .*line 1, column 1[0-9]: .*UTF-8' '' ''
printf 'description: "%s"\n' "$(head -c 300000 /dev/zero | tr '\0' x)" >"$file"
bad 'a file that is too long' '22023: .*262144' '' ''
: >"$file"
bad 'an empty file' '22023: .*empty' '' ''
printf 'version: 1\n---\nversion: 1\n' >"$file"
bad 'several documents' '22023: .*line 2, column 1: ' '' ''
printf 'version: 1\0\n' >"$file"
bad 'a NUL byte' '22023: .*line 1, ' '' ''
write 'custom: {x: {when: "nosuch > 3", points: 10}}'
bad 'a custom rule that does not compile' '22023: .*column "nosuch" does not exist' \
	'^column "nosuch" does not exist. The place is custom rule "x". The policy read before stays in force\.$' ''
rm "$file"
bad 'a missing file' '58P01: could not use fraud policy file ".*": could not open the file: ' '' ''
mkdir "$file"
bad 'a directory' '22023: .*not a regular file' '' ''
rmdir "$file"
mkfifo "$file"
bad 'a pipe' '22023: .*not a regular file' '' ''
rm "$file"

write 'description: three'
reloaded b
is "$(ask b "SELECT hash, error FROM fraud_config_status WHERE basis_hash IS NOT NULL")" "$three|" 'a good file clears the error'
is "$(ask a "SELECT fraud_reload(); SELECT error IS NULL FROM fraud_config_status WHERE basis_hash IS NOT NULL")" "$three
t" 'so does fraud_reload()'

# ---- statements that run keep their policy

ask a "CREATE TABLE seen (n serial, hash text)" >/dev/null
ask a "BEGIN; DECLARE c CURSOR FOR $active FROM generate_series(1, 9); DECLARE unread CURSOR FOR $active" >/dev/null
is "$(ask a 'FETCH 1 FROM c')" "$three" 'a cursor has the policy of its beginning'
write 'description: one'
reload b "$one" 'the file changes'
is "$(ask a "$active")" "$one" 'new statements of the transaction have the new policy'
is "$(ask a 'FETCH 2 FROM c')" "$three
$three" 'the cursor keeps its own'
is "$(ask a 'FETCH FROM unread')" "$three" 'one that was only declared too'
ask a "DO \$\$
DECLARE
	c refcursor := 'c';
	h text;
BEGIN
	INSERT INTO seen (hash) $active;
	FETCH c INTO h;
	INSERT INTO seen (hash) VALUES (h);
	INSERT INTO seen (hash) $active;
END \$\$" >/dev/null
is "$(ask a 'SELECT hash FROM seen ORDER BY n; TRUNCATE seen')" "$one
$three
$one" 'also inside another statement'
ask a "COMMIT" >/dev/null
is "$(ask a "$active")" "$one" 'and it is gone with the cursor'

# B holds a lock that A's statement waits for in its middle
ask b 'SELECT pg_advisory_lock(4711)' >/dev/null
tell a "DO \$\$
DECLARE
	h text;
	r record;
	c CURSOR FOR $active AS hash;
BEGIN
	h := fraud_rules_hash(fraud_rules_active());
	INSERT INTO seen (hash) VALUES (h);
	PERFORM pg_advisory_xact_lock_shared(4711);
	PERFORM fraud_reload();
	h := fraud_rules_hash(fraud_rules_active());
	INSERT INTO seen (hash) VALUES (h);
	INSERT INTO seen (hash) $active;
	FOR r IN $active AS hash LOOP
		INSERT INTO seen (hash) VALUES (r.hash);
	END LOOP;
	OPEN c;
	FETCH c INTO r;
	INSERT INTO seen (hash) VALUES (r.hash);
	COMMIT;
	INSERT INTO seen (hash) $active;
END \$\$"
poll "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted" 1
write 'description: two'
reload b "$two" 'another policy while a DO runs'
ask b 'SELECT pg_advisory_unlock(4711)' >/dev/null
is "$(answer a)" '' 'the DO ends'
is "$(ask a 'SELECT hash, count(*) FROM seen GROUP BY hash')" "$one|6" 'and has had one policy all along, even past its own fraud_reload()'
is "$(ask a "$active")" "$two" 'the next statement has the new one'

ask a "TRUNCATE seen; CREATE PROCEDURE watch() LANGUAGE plpgsql AS \$\$ BEGIN
	FOR i IN 1 .. 3 LOOP
		INSERT INTO seen (hash) VALUES (fraud_rules_hash(fraud_rules_active()));
		COMMIT;
		PERFORM fraud_reload();
	END LOOP; END \$\$" >/dev/null
write 'description: three'
ask a 'CALL watch()' >/dev/null
is "$(ask a 'SELECT hash, count(*) FROM seen GROUP BY hash')" "$two|3" 'CALL over several transactions'
ask a 'DROP PROCEDURE watch' >/dev/null

# ---- parallel workers use their leader's policy and read no file

ask a "CREATE TABLE some_rows AS SELECT n FROM generate_series(1, 20000) n;
CREATE FUNCTION process() RETURNS integer LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN RETURN pg_backend_pid(); END';
CREATE FUNCTION hidden() RETURNS text LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN RETURN fraud_rules_hash(fraud_rules_active()); END'" >/dev/null
parallel="SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off"
ask a "$parallel; ANALYZE some_rows" >/dev/null
in_workers="SELECT hash, bool_and(worker) FROM (SELECT fraud_rules_hash(fraud_rules_active()) AS hash, process() <> (SELECT pg_backend_pid()) AS worker FROM some_rows) s GROUP BY hash"
like "$(ask a "EXPLAIN (COSTS off) SELECT fraud_rules_hash(fraud_rules_active()), process() FROM some_rows")" 'Gather' 'the plan is parallel'
is "$(ask a "$in_workers")" "$three|t" 'workers have the policy of the leader'
write 'rules: {'
is "$(ask a "$in_workers")" "$three|t" 'and read no file'
write 'description: one'
ask a 'SELECT fraud_reload()' >/dev/null
is "$(ask a "$in_workers")" "$one|t" 'they follow the leader'
write 'description: two'
is "$(ask a "SELECT fraud_reload(); $in_workers")" "$two
$two|t" 'statement by statement'
is "$(ask a "BEGIN; SELECT fraud_reload(); $in_workers; ROLLBACK; $in_workers")" "$two
$two|t
$two|t" 'a rollback changes nothing'
is "$(ask a 'SHOW ALL' | grep -c statement_policy)" 0 'the setting that carries it is not listed'
is "$(ask a "DISCARD ALL; $parallel; $in_workers")" "$two|t" 'DISCARD ALL leaves it'
is "$(psql -XqAt -c "$parallel" -c "SELECT DISTINCT hidden() FROM some_rows" | tail -n 1)" "$two" \
	'a leader that has not loaded the library hands nothing over: workers look themselves'
psql -Xq -c "LOAD 'fraud_fallback'" -c 'ALTER SYSTEM RESET fraud_fallback.rules_file'
reload a "$default" 'without a file again: the shipped default'
is "$(ask a "$in_workers")" "$default|t" 'in workers as well'
is "$(ask a 'SELECT path, loaded_at, error FROM fraud_config_status WHERE basis_hash IS NOT NULL')" '||' 'the status knows'

end_session a
end_session b
wait
echo "1..$tests"
exit "$((failures > 0))"
