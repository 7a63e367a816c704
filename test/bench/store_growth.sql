-- A store of its own, with nothing in it.
\set ON_ERROR_STOP on
\set QUIET on
CREATE EXTENSION fraud_fallback;
CREATE FUNCTION u(bigint, int) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN (hashint8extended($1, $2) & 2147483647)::double precision / 2147483648;
\set table payments
\set rows 1000
\ir bench_rows.sql
\ir store_inserts.sql
