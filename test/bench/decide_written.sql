-- What :few decisions write: on their own path, into the files, and when the worker moves those into the table.

\set ON_ERROR_STOP on
CREATE FUNCTION wal_of(query text) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, WAL, TIMING OFF, FORMAT json) ' || query INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'WAL Bytes';
END $$;
SELECT bytes AS before, pg_current_wal_insert_lsn() AS lsn FROM fraud_journal_status \gset
INSERT INTO bytes SELECT 'path', wal_of('SELECT fraud_decide(t) FROM txns t WHERE txn_id <= ' || :few) / :few;
INSERT INTO bytes SELECT 'journal', (bytes - :before)::double precision / :few FROM fraud_journal_status;
SELECT fraud_test_advance('1 min') \g /dev/null
-- with the rows above, a few bytes
INSERT INTO bytes SELECT 'drain', pg_wal_lsn_diff(pg_current_wal_insert_lsn(), :'lsn')::double precision / :few;
