-- fraud_rebuild() of single customers.
\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
SELECT format('SELECT once(''rebuild'', %s, %L)', n, format('SELECT fraud_rebuild(''payments'', %L)', customer_id))
FROM (SELECT row_number() OVER () AS n, customer_id FROM probe LIMIT 4 * :rounds) c
\gexec
