-- Ten payments more of each customer of table probe, inserted one by one and not folded.
\set ON_ERROR_STOP on
\set QUIET on
DO $$
DECLARE
	more payments;
	id bigint := (SELECT max(txn_id) FROM payments);
BEGIN
	FOR more IN
		SELECT latest.*
		FROM probe, LATERAL (SELECT * FROM payments p WHERE p.customer_id = probe.customer_id AND p.txn_id <> probe.txn_id
							 ORDER BY p.occurred_at DESC LIMIT 10) latest
	LOOP
		id := id + 1;
		more.txn_id := id;
		more.occurred_at := more.occurred_at + interval '1 minute';
		INSERT INTO payments SELECT more.*;
		COMMIT;
	END LOOP;
END $$;
