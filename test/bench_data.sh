#!/usr/bin/env bash
# make bench-data: how well the rules detect fraud in labelled data. Every
# *-dev.csv.gz in FRAUD_DATA (../shared/data beside the checkout) is loaded
# into the table data_txn of test/bench/data_table.sql and measured by
# test/bench/data.sql. Without data there is nothing to measure.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
: "${FRAUD_DATA:=$FF_ROOT/../shared/data}"
shopt -s nullglob
files=("$FRAUD_DATA"/*-dev.csv.gz)
if [ "${#files[@]}" -eq 0 ]; then
	ff_say "skipped: no data directory with *-dev.csv.gz at $FRAUD_DATA (FRAUD_DATA names another)"
	exit 0
fi
ff_enter "$@"
ff_prepare_bench
for file in "${files[@]}"; do
	name=$(basename "$file" -dev.csv.gz)
	psql -X -q -d bench -v ON_ERROR_STOP=1 -f test/bench/data_table.sql
	zcat "$file" | psql -X -q -d bench -v ON_ERROR_STOP=1 -c 'COPY data_txn FROM STDIN (FORMAT csv, HEADER)'
	psql -X -q -d bench -v ON_ERROR_STOP=1 -P pager=off -v name="$name" -v file="$file" -f test/bench/data.sql
done
ff_stop
