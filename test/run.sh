#!/usr/bin/env bash
# Runs the tests: test/run.sh [suite ...], all suites when none is named.
# The last line is "N passed, N failed"; exit status 0 means N passed, none
# failed. Files of a failed run stay in build/test-output.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

shopt -s nullglob extglob
all_suites=(unit fuzz regress isolation property session tap)
for suite in "$@"; do
	[[ " ${all_suites[*]} " == *" $suite "* ]] || ff_die "no suite '$suite'; there are: ${all_suites[*]}"
done
ff_enter "$@"

exec 2>&1
out=$FF_RUN/out
passed=0 failed=0 skipped=0

now() { ff_say $((10#${EPOCHREALTIME/./} / 1000)); }

seconds() { printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100)); }

fail()
{
	failed=$((failed + 1))
	ff_say "  not ok - $1"
}

# what a log says about the failure of its program
excerpt()
{
	if grep -qE 'Sanitizer|runtime error' "$1"; then
		grep -E -A16 -m1 'Sanitizer|runtime error' "$1"
	else
		tail -n 25 "$1"
	fi | sed 's/^/    /'
}

# count NAME LOG STATUS MILLISECONDS: adds up the ok and not ok lines of one
# program; a bad exit status, a short plan or no line at all fails as well
count()
{
	local name=$1 log=$2 status=$3 good bad skip plan
	read -r good bad skip plan < <(awk '
		tolower($0) ~ /^(not )?ok .*# *(skip|todo)/	{ skip++; next }
		/^ok( |$)/						{ good++ }
		/^not ok( |$)/					{ bad++ }
		/^1\.\.[0-9]+/					{ plan = substr($1, 4) }
		END { print good + 0, bad + 0, skip + 0, (plan == "" ? -1 : plan) }' "$log")
	printf '  %-40s %5d ok  %s\n' "$name" "$good" "$(seconds "$4")"
	passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + skip))
	if [ "$bad" -gt 0 ]; then
		awk '/^not ok/ { n = 5 } !/^not ok|^#/ { n = 0 } n-- > 0 { print "    " substr($0, 1, 400) }' "$log" | head -n 60
	fi
	if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
		fail "$name ends with exit status $status"
		excerpt "$log"
	elif [ $((good + bad + skip)) -eq 0 ] && [ "$plan" -ne 0 ]; then
		fail "$name prints no result"
		excerpt "$log"
	elif [ "$plan" -ge 0 ] && [ "$plan" -ne $((good + bad + skip)) ]; then
		fail "$name: planned $plan tests, ran $((good + bad + skip))"
	fi
}

# launch NAME COMMAND...: starts a program that prints ok and not ok, or waits
# until one of as many programs as there are processors has ended
launched=()
launch()
{
	local name=$1 log=$out/${1//\//-}.log
	shift
	while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
		wait -n || true
	done
	{
		status=0 start=$(now)
		"$@" >"$log" 2>&1 || status=$?
		ff_say "$status $(($(now) - start))" >"$log.end"
	} &
	launched+=("$! $name")
}

# collect: waits for what was launched and counts it
collect()
{
	local pid name log status ms
	for name in "${launched[@]}"; do
		pid=${name%% *} name=${name#* }
		log=$out/${name//\//-}.log
		wait "$pid" || true
		read -r status ms <"$log.end"
		rm "$log.end"
		count "$name" "$log" "$status" "$ms"
	done
	launched=()
}

# pg_regress NAME MAKE-ARGUMENTS...: each of its files is one test
pg_regress()
{
	local name=$1 log=$out/$1.log status=0 start
	shift
	start=$(now)
	mkdir "$out/$name"
	timeout -k 10 300 make -s installcheck "PG_CONFIG=$PG_CONFIG" "$@" 2>&1 | tee "$log" |
		sed -nE 's/^(test|(not )?ok) .*/  &/p' || status=$?
	sed -nE -e '/^(not )?ok /p' -e 's/^test +([^ ]+) +\.\.\. +ok .*/ok - \1/p' \
		-e 's/^test +([^ ]+) +\.\.\. +FAILED.*/not ok - \1/p' "$log" >"$out/$name.results"
	[ -s "$out/$name.results" ] || cat "$log"
	count "$name" "$out/$name.results" "$status" $(($(now) - start))
	[ ! -s "$out/$name/regression.diffs" ] || head -n 200 "$out/$name/regression.diffs"
}

# a crashed server is a failed test, whatever the tests of the suite say
log_seen=0
check_server_log()
{
	local news=$out/server-news.log
	tail -n +"$((log_seen + 1))" "$FF_LOG" >"$news"
	log_seen=$(wc -l <"$FF_LOG")
	if grep -nE '\] PANIC:  |was terminated by signal|^TRAP: ' "$news"; then
		fail "the server crashed during the suite $1"
	elif ! pg_isready -q; then
		fail "the server is down after the suite $1"
	fi
}

# a fresh database with the extension for one file
fresh_database()
{
	psql -Xqc "CREATE DATABASE \"$1\"" && psql -Xqc 'CREATE EXTENSION fraud_fallback' "$1" && return
	fail "a database for ${1/_/\/}"
	return 1
}

suite_unit()
{
	local file
	make -s -j"$(nproc)" "PG_CONFIG=$PG_CONFIG" unit-programs || { fail 'the unit programs compile'; return; }
	for file in "$@"; do
		launch "unit/$(basename "$file" .c)" timeout -k 10 120 "${no_aslr[@]}" "build/${file%.c}"
	done
	collect
}

# fuzz PROGRAM: one test, of FUZZ_SECONDS
fuzz()
{
	local seconds=${FUZZ_SECONDS:-15}
	timeout -k 10 $((seconds + 60)) "${no_aslr[@]}" "$1" --seconds "$seconds" --save "$out" &&
		ff_say "ok - no failure in $seconds seconds"
}

suite_fuzz()
{
	local file
	make -s -j"$(nproc)" "PG_CONFIG=$PG_CONFIG" fuzz-programs || { fail 'the fuzz programs compile'; return; }
	for file in "$@"; do
		launch "fuzz/$(basename "$file" _fuzz.c)" fuzz "build/${file%.c}"
	done
	collect
}

suite_regress()
{
	pg_regress regress ISOLATION= "EXTRA_REGRESS_OPTS=--outputdir=$out/regress"
}

suite_isolation()
{
	pg_regress isolation REGRESS= "EXTRA_REGRESS_OPTS=--outputdir=$out/isolation"
}

suite_property()
{
	local file name
	for file in "$@"; do
		name=$(basename "$file" .sql)
		fresh_database "property_$name" || continue
		launch "property/$name" timeout -k 10 600 psql -XqAt -v ON_ERROR_STOP=1 -d "property_$name" -f "$file"
	done
	collect
}

suite_session()
{
	local file name
	for file in "$@"; do
		name=$(basename "$file" .sh)
		fresh_database "session_$name" || continue
		launch "session/$name" env "PGDATABASE=session_$name" timeout -k 10 300 bash "$file"
		collect
	done
}

suite_tap()
{
	local file name pgxs logs before
	pgxs=$(dirname "$("$PG_CONFIG" --pgxs)")/..
	for file in "$@"; do
		name=$(basename "$file" .pl)
		mkdir -p "$FF_RUN/tap/$name"
		before=$failed
		launch "tap/$name" env -u PGHOST -u PGPORT -u PGDATA -u PGUSER -u PGDATABASE \
			"TESTDIR=$FF_RUN/tap/$name" "PG_REGRESS=$pgxs/test/regress/pg_regress" \
			timeout -k 10 600 perl -I "$pgxs/test/perl" "$file"
		collect
		logs=$FF_RUN/tap/$name/tmp_check/log
		[ -d "$logs" ] || continue
		# why it died stands only here
		[ "$failed" -eq "$before" ] || tail -n 25 "$logs/regress_log_$name" | sed 's/^/    /'
		cp -r "$logs" "$out/tap-$name-log"
	done
}

# run_suite NAME FILES...: left out when its folder has no file
run_suite()
{
	local suite=$1 start before
	shift
	[ -e "${1:-}" ] || return 0
	if [ -n "$wanted" ] && [[ " $wanted " != *" $suite "* ]]; then
		return 0
	fi
	ff_say "== $suite"
	start=$(now) before="$passed $failed"
	case $suite in
		unit | fuzz) "suite_$suite" "$@" ;;
		*)
			[ -n "${FF_LOG:-}" ] || ff_start 'jit = off' || { fail 'the server starts'; return; }
			"suite_$suite" "$@"
			check_server_log "$suite"
			;;
	esac
	ff_say "   $suite: $((passed - ${before% *})) passed, $((failed - ${before#* })) failed, $(seconds $(($(now) - start)))"
}

# at the end, however it comes
finish()
{
	local skips=
	[ "$finished" = yes ] || fail 'the test driver reaches its end'
	[ "$failed" -eq 0 ] || ff_say 'the files of this run are in build/test-output'
	[ "$skipped" -eq 0 ] || skips=", $skipped skipped"
	ff_say "$passed passed, $failed failed$skips"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ] || exit 1
}
finished=no
trap finish EXIT

wanted=$*
# the sanitizers of gcc 12 dislike some kernels' address layout
no_aslr=()
! setarch -R true 2>/dev/null || no_aslr=(setarch -R)
export WERROR=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

ff_say '== build'
start=$(now)
build=ff_build
[[ ! $wanted =~ ^((unit|fuzz)\ ?)+$ ]] || build=ff_private_postgres	# all they need
if "$build" >"$out/build.log" 2>&1; then
	ff_say "   $(seconds $(($(now) - start)))"
	run_suite unit test/unit/*.c
	run_suite fuzz test/fuzz/*_fuzz.c
	run_suite regress sql/!(*--*).sql
	run_suite isolation test/isolation/specs/*.spec
	run_suite property test/property/!(oracle).sql	# oracle.sql: included by the others
	run_suite session test/session/*.sh
	run_suite tap test/tap/*.pl
	[ -z "${FF_LOG:-}" ] || ff_stop
else
	fail 'the extension builds without a warning'
	tail -n 60 "$out/build.log"
fi
finished=yes
