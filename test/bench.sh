#!/usr/bin/env bash
# make bench: test/bench/bench.sql, store.sh, circuits.sh and decide.sh, in a server with
# room to measure in. A first argument scoring, store, circuits or decide runs one of them;
# the others go to psql: test/bench.sh store -v n=100000 (make bench BENCH_OPTS=...).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
ff_enter "$@"
part=all
case ${1:-} in
	scoring | store | circuits | decide)
		part=$1
		shift
		;;
esac
wanted() { [ "$part" = all ] || [ "$part" = "$1" ]; }
ff_prepare_bench
! wanted scoring || psql -X -q -d bench -v ON_ERROR_STOP=1 -P pager=off "$@" -f test/bench/bench.sql
! wanted store || bash test/bench/store.sh "$@"
# preload SETTING...: shared memory and a worker; the other parts are measured without
preload()
{
	printf '%s\n' "shared_preload_libraries = 'fraud_fallback'" "$@" >>"$PGDATA/postgresql.conf"
	pg_ctl -s -w -t 120 -l "$FF_LOG" restart
}
if wanted circuits; then
	preload
	bash test/bench/circuits.sh "$@"
fi
if wanted decide; then
	psql -Xqc 'CREATE DATABASE decide'
	preload "fraud_fallback.database = 'decide'" 'fraud_fallback.test_mode = on'
	bash test/bench/decide.sh "$@"
fi
ff_stop
