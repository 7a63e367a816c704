-- The journal where the library is not preloaded. With a server of its own: test/tap/009_journal.pl.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET timezone = 'UTC';

-- what needs shared memory says so
SELECT * FROM fraud_journal_status;
SELECT * FROM fraud_journal_segments();
SELECT * FROM fraud_journal_lookup('t1');
SELECT fraud_journal_append('{}');

-- settings are known, so that a configuration file may have them
SELECT name, setting, context FROM pg_settings WHERE name = 'fraud_fallback.journal_directory';

-- a file by name, and nothing else
SELECT fraud_journal_read('../../postgresql.conf');
SELECT fraud_journal_read(repeat('0', 32) || '-0000000001.journal/..');
SELECT fraud_journal_read(NULL) IS NULL AS strict;

-- records need no preloading: they come from another server. Four of them, in two days
CREATE FUNCTION records() RETURNS bytea LANGUAGE sql AS $$ SELECT string_agg(decode(b, 'base64'), '' ORDER BY n) FROM (VALUES
	(1, '/0ZKMYEBAAALEO32CwAAAAARIjNEVWZ3iJmqu8zd7v8BAAAAAAAAAAAwC2EYyAoAb2xkIHByaW1hcnl7ImRlY2lkZWRfYXQiOiAiMjA5Ni0wMy0wMVQxMjowMDowMC4wMDBaIiwgImRhdGFiYXNlIjogImJhbmsiLCAicm9sZSI6ICJhcHAiLCAiYXBwbGljYXRpb25fbmFtZSI6ICJjaGVja291dCIsICJ0eG5faWQiOiAidDEiLCAidHhuIjogeyJhbW91bnQiOiAxMi41MH0sICJkZWNpc2lvbiI6IHsicmlza19zY29yZSI6IDYxfSwgInJ1bGVzIjogW3sicnVsZSI6ICJsYXJnZV9hbW91bnQifV0sICJmZWF0dXJlcyI6IHsibiI6IDF9LCAibWwiOiB7InJpc2tfc2NvcmUiOiAzfSwgIm1sX3N0YXR1cyI6IDIwMCwgIm1sX2xhdGVuY3kiOiAiMDA6MDA6MDAuMTIwIiwgInN1cGVyc2VkZXMiOiAicjAiLCAicXVldWVkIjogdHJ1ZSwgInBvbGljeV9oYXNoIjogImFiYyIsICJvdGhlciI6IDF9'),
	(2, '/0ZKMS0AAABNFs+ICwAAAAARIjNEVWZ3iJmqu8zd7v8CAAAAAAAAAAXg9m8iyAoAb2xkIHByaW1hcnl7InR4bl9pZCI6IDE3LCAibWxfbGF0ZW5jeSI6IDAuNSwgIm1sIjogbnVsbH0='),
	(3, '/0ZKMQ4AAAD9R4jsCwAAAAARIjNEVWZ3iJmqu8zd7v8DAAAAAAAAAAbg9m8iyAoAb2xkIHByaW1hcnl7InR4bl9pZCI6IHt9fQ=='),
	(4, '/0ZKMSoAAABToQgbCwAAAAARIjNEVWZ3iJmqu8zd7v8EAAAAAAAAAAfg9m8iyAoAb2xkIHByaW1hcnl7CgkidHhuX2lkIjogInRcdTAwZTRcbiIsDQoicm9sZSI6ICLDpH8ifQo=')
) v (n, b) $$;
SELECT fraud_journal_import(records());
SELECT * FROM fraud_journal ORDER BY record_id \gx
SELECT fraud_journal_import(records());
-- cut off, with rubbish between
SELECT fraud_journal_import(substr(records(), 1, 300) || '\xff464a31' || 'and so on'::bytea || records() || substr(records(), 1, 60));
SELECT fraud_journal_import('');
SELECT fraud_journal_import('no records at all');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT fraud_journal_import('');
ROLLBACK;
BEGIN READ ONLY;
SELECT fraud_journal_import('');
ROLLBACK;

-- partitions of days, which are no members of the extension
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid),
	   (SELECT count(*) FROM pg_index x WHERE x.indrelid = c.oid) AS indexes,
	   (SELECT string_agg(tgname || ' ' || tgenabled::text, ', ' ORDER BY tgname) FROM pg_trigger t WHERE t.tgrelid = c.oid) AS triggers,
	   EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') AS member
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'fraud_journal'::regclass ORDER BY 1;
SELECT day, part, records, closing FROM fraud_journal_open ORDER BY 1, 2;
SELECT * FROM fraud_journal_verify();
SELECT * FROM fraud_journal_verify('2096-03-02', '2096-03-02');

-- what was written stays
UPDATE fraud_journal SET txn = NULL;
DELETE FROM fraud_journal;
DELETE FROM fraud_journal WHERE false;
TRUNCATE fraud_journal;
UPDATE fraud_journal_20960301 SET txn = NULL;
DELETE FROM fraud_journal_20960301;
TRUNCATE fraud_journal_20960301;
SET session_replication_role = replica;
DELETE FROM fraud_journal;
DELETE FROM fraud_journal_20960301;
TRUNCATE fraud_journal_20960301;
DELETE FROM fraud_journal_days;
TRUNCATE fraud_journal_days;
RESET session_replication_role;

-- nobody reads it but the owner and those who were granted it
SELECT grantee, table_name, privilege_type FROM information_schema.table_privileges
	WHERE table_name ~ '^fraud_journal' AND grantee IN ('PUBLIC', 'pg_monitor') ORDER BY table_name, 1, 3;
SELECT proname, has_function_privilege('public', oid, 'EXECUTE') AS public, has_function_privilege('pg_monitor', oid, 'EXECUTE') AS monitor
	FROM pg_proc WHERE proname ~ '^fraud_journal' ORDER BY 1;
CREATE ROLE regress_auditor;
GRANT SELECT ON fraud_journal TO regress_auditor;
SET ROLE regress_auditor;
SELECT count(*) FROM fraud_journal;
SELECT count(*) FROM fraud_journal_20960301;
SELECT fraud_journal_import('');
SELECT * FROM fraud_journal_verify();
SELECT fraud_journal_append('{}');
RESET ROLE;
DROP OWNED BY regress_auditor;
DROP ROLE regress_auditor;

-- and whoever may import does so with the owner's rights
CREATE ROLE regress_importer;
GRANT EXECUTE ON FUNCTION fraud_journal_import(bytea) TO regress_importer;
SET ROLE regress_importer;
SELECT fraud_journal_import(records());
RESET ROLE;
DROP OWNED BY regress_importer;
DROP ROLE regress_importer;

-- everything has a comment
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
	WHERE c.relname ~ '^fraud_journal' AND c.relkind IN ('r', 'p', 'v') AND col_description(c.oid, a.attnum) IS NULL ORDER BY 1, 2;
SELECT c.relname FROM pg_class c WHERE c.relname ~ '^fraud_journal' AND c.relkind <> 't' AND obj_description(c.oid, 'pg_class') IS NULL ORDER BY 1;

DROP FUNCTION records;
