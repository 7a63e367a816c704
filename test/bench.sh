#!/usr/bin/env bash
# make bench: test/bench/bench.sql and then test/bench/store.sh in a server with
# room to measure in. A first argument scoring or store runs one of them; the
# others go to psql: test/bench.sh store -v n=100000 (make bench BENCH_OPTS=...).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
ff_enter "$@"
part=all
case ${1:-} in
	scoring | store)
		part=$1
		shift
		;;
esac
ff_prepare_bench
[ "$part" = store ] || psql -X -q -d bench -v ON_ERROR_STOP=1 -P pager=off "$@" -f test/bench/bench.sql
[ "$part" = scoring ] || bash test/bench/store.sh "$@"
ff_stop
