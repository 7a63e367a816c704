#!/usr/bin/env bash
# make bench: test/bench/bench.sql, store.sh and circuits.sh, each in a server with
# room to measure in. A first argument scoring, store or circuits runs one of them;
# the others go to psql: test/bench.sh store -v n=100000 (make bench BENCH_OPTS=...).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
ff_enter "$@"
part=all
case ${1:-} in
	scoring | store | circuits)
		part=$1
		shift
		;;
esac
wanted() { [ "$part" = all ] || [ "$part" = "$1" ]; }
ff_prepare_bench
! wanted scoring || psql -X -q -d bench -v ON_ERROR_STOP=1 -P pager=off "$@" -f test/bench/bench.sql
! wanted store || bash test/bench/store.sh "$@"
if wanted circuits; then
	# shared memory and a worker; the other parts are measured without
	psql -Xqc "ALTER SYSTEM SET shared_preload_libraries = 'fraud_fallback'"
	pg_ctl -s -w -t 120 -l "$FF_LOG" restart
	bash test/bench/circuits.sh "$@"
fi
ff_stop
