#!/usr/bin/env bash
# make bench: test/bench/bench.sql in a server with room to measure in. The
# arguments go to psql: test/bench.sh -v n=100000 (make bench BENCH_OPTS=...).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
ff_enter "$@"
ff_prepare_bench
psql -X -q -d bench -v ON_ERROR_STOP=1 -P pager=off "$@" -f test/bench/bench.sql
ff_stop
