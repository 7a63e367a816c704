-- A row, a jsonb object and JSON text give the same answers, and fraud_score() agrees with fraud_explain().

CREATE FUNCTION as_row(t jsonb) RETURNS fraud_txn LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN jsonb_populate_record(NULL::fraud_txn, t);
EXCEPTION WHEN data_exception THEN
	RETURN NULL;
END $$;
CREATE FUNCTION answers(t fraud_txn, h fraud_profile, p fraud_rules, i fraud_profile, m fraud_profile) RETURNS jsonb LANGUAGE sql STABLE AS
	$$ SELECT jsonb_build_array(fraud_score(t, h, p, i, m), fraud_features(t, h, p, i, m),
		(SELECT jsonb_agg(e) FROM fraud_explain(t, h, p, i, m) e)) $$;
CREATE FUNCTION answers(t jsonb, h fraud_profile, p fraud_rules, i fraud_profile, m fraud_profile) RETURNS jsonb LANGUAGE sql STABLE AS
	$$ SELECT jsonb_build_array(fraud_score(t, h, p, i, m), fraud_features(t, h, p, i, m),
		(SELECT jsonb_agg(e) FROM fraud_explain(t, h, p, i, m) e)) $$;
CREATE FUNCTION answers(t text, h fraud_profile, p fraud_rules, i fraud_profile, m fraud_profile) RETURNS jsonb LANGUAGE sql STABLE AS
	$$ SELECT jsonb_build_array(fraud_score(t, h, p, i, m), fraud_features(t, h, p, i, m),
		(SELECT jsonb_agg(e) FROM fraud_explain(t, h, p, i, m) e)) $$;
SELECT name, 'text and jsonb differ' AS trouble
FROM cases WHERE answers(t::text, h, policy, ip_h, merchant_h) IS DISTINCT FROM answers(t, h, policy, ip_h, merchant_h)
UNION ALL
-- a row has all columns: compare with an object that has all keys
SELECT name, 'row and jsonb differ'
FROM cases, LATERAL as_row(t) AS r
WHERE NOT r IS NULL AND t ->> 'occurred_at' ~ 'T' AND
	answers(r, h, policy, ip_h, merchant_h) IS DISTINCT FROM answers(to_jsonb(r), h, policy, ip_h, merchant_h)
UNION ALL
SELECT name, 'score and explain differ'
FROM cases, LATERAL fraud_score(t, h, policy, ip_h, merchant_h) d
WHERE ARRAY(SELECT f FROM unnest(d.risk_factors) f WHERE f !~ '^(deny|review)_') IS DISTINCT FROM
	(SELECT coalesce(array_agg(rule ORDER BY points DESC, number), '{}')
	 FROM fraud_explain(t, h, policy, ip_h, merchant_h) WHERE status = 'hit');
