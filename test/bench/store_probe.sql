-- Payments to be scored: new ones of customers with about 100, an hour after all others; nothing waits to be folded.
\set ON_ERROR_STOP on
\set QUIET on
CREATE TABLE probe AS
	SELECT :n + row_number() OVER (ORDER BY customer_id) AS txn_id, customer_id
	FROM (SELECT customer_id FROM payments GROUP BY customer_id HAVING count(*) BETWEEN 80 AND 120
		  ORDER BY u(customer_id, 50) LIMIT :probes) c;
CREATE TABLE arrived AS
	SELECT p.* FROM probe, LATERAL (SELECT * FROM payments p WHERE p.customer_id = probe.customer_id AND p.ip IS NOT NULL
									ORDER BY p.occurred_at DESC LIMIT 1) p;
UPDATE arrived SET txn_id = probe.txn_id, status = 'pending', occurred_at = (SELECT max(occurred_at) + interval '1 hour' FROM payments)
FROM probe WHERE probe.customer_id = arrived.customer_id;
INSERT INTO payments SELECT * FROM arrived;
SELECT fraud_fold() \g /dev/null
VACUUM (ANALYZE) payments, fraud_profiles, fraud_profile_deltas;
