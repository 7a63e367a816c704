#!/usr/bin/env bash
# make demo: a throw-away server, the extension, and test/demo/demo.sql in psql.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
ff_enter "$@"

ff_build_quietly
ff_start 'jit = off'
psql -Xqc 'CREATE DATABASE demo'
psql -X -q -d demo -v ON_ERROR_STOP=1 -P pager=off -P null='' -f test/demo/demo.sql
ff_stop
