-- Part of demo.sql: histories that keep themselves, and payments scored as they arrive.

\echo
\echo 8. Payments as they arrive
\echo '   Attached, a table keeps the histories of its customers, addresses and merchants by itself, with triggers:'
\echo '   SELECT fraud_attach(\'transactions\')'
SELECT fraud_attach('transactions') AS attached \gset
\echo '  ' :attached
\echo

\echo '   A customer pays at a streaming shop. The histories are stored, so one argument is enough:'
\echo '   INSERT INTO transactions ...;  SELECT d.* FROM transactions t, fraud_score(t) d WHERE txn_id = ...'
SELECT max(txn_id) + 1 AS new FROM transactions \gset
INSERT INTO transactions (txn_id, customer_id, card_id, amount, currency, occurred_at, timezone, country, home_country,
						  channel, merchant_id, merchant_category, mcc, ip, status)
SELECT :new, customer_id, card_id, 79.00, currency, '2025-07-07 19:30+00', timezone, home_country, home_country,
	   'online', 'M796', 'streaming', '5968', '203.0.113.200', 'pending'
FROM transactions WHERE customer_id = 'C0012' ORDER BY txn_id DESC LIMIT 1;
SELECT t.customer_id AS "customer", t.merchant_id AS "merchant", t.amount, d.risk_score AS "score", d.recommendation, d.risk_factors
FROM transactions t, fraud_score(t) d WHERE t.txn_id = :new;

\echo '   Then cardholders dispute what card testers charged them at this shop. Each is labelled, with the day it became known:'
\echo '   SELECT fraud_label(txn_id, is_fraud => true, known_at => occurred_at + interval \'2 days\')'
SELECT count(*) FILTER (WHERE fraud_label(t.txn_id::text, true, t.occurred_at + interval '2 days')) AS "payments labelled"
FROM transactions t JOIN truth USING (txn_id) WHERE t.merchant_id = 'M796' AND t.status = 'approved';

\echo '   The same payment again: the shop has a reputation now.'
SELECT f.merchant_approved_90d AS "approved there, 90 days", f.merchant_frauds_90d AS "frauds", d.risk_score AS "score", d.recommendation, d.risk_factors
FROM transactions t, fraud_score(t) d, fraud_features(t) f WHERE t.txn_id = :new;

\echo '   Inserts and labels only append; scoring reads what waits as well. SELECT fraud_fold() now and then tidies up:'
SELECT fraud_fold() AS "folded";
\echo '   What is attached, and how it is. A key is stale where a label came too late to be put in exactly: fraud_rebuild() does it.'
SELECT relation, state, filled_events AS "events built from", stale_keys AS "stale keys", waiting, missed FROM fraud_attached;
