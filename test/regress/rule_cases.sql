-- What the tests of single rules share: payments, histories, and a table of cases that shows got and want.

-- Payments are made on Wednesday 2026-03-18 at noon UTC unless they say otherwise; `ago` counts back from there.
CREATE FUNCTION stamp(ago interval) RETURNS text LANGUAGE sql IMMUTABLE AS
	$$ SELECT to_char(timestamp '2026-03-18 12:00' - ago, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;
CREATE FUNCTION tx(amount numeric, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql IMMUTABLE AS
	$$ SELECT jsonb_build_object('txn_id', 'now', 'customer_id', 'c1', 'occurred_at', stamp('0'), 'amount', amount) || more $$;

-- events: one; n alike, `step` apart from `ago` on; one an amount
CREATE FUNCTION ev(ago interval, amount numeric, more jsonb DEFAULT '{}') RETURNS jsonb[] LANGUAGE sql IMMUTABLE AS
	$$ SELECT ARRAY[jsonb_build_object('occurred_at', stamp(ago), 'amount', amount) || more] $$;
CREATE FUNCTION evs(ago interval, step interval, amounts numeric[], more jsonb DEFAULT '{}') RETURNS jsonb[] LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg(jsonb_build_object('occurred_at', stamp(ago + (i - 1) * step), 'amount', a) || more)
	   FROM unnest(amounts) WITH ORDINALITY AS u (a, i) $$;
CREATE FUNCTION evs(ago interval, step interval, n int, amount numeric, more jsonb DEFAULT '{}') RETURNS jsonb[] LANGUAGE sql IMMUTABLE AS
	$$ SELECT CASE WHEN n = 0 THEN '{}' ELSE evs(ago, step, array_fill(amount, ARRAY[n]), more) END $$;
CREATE FUNCTION hist(events jsonb[], policy fraud_rules DEFAULT NULL) RETURNS fraud_profile LANGUAGE sql STABLE AS
	$$ SELECT fraud_profile(e, policy) FROM unnest(events) AS e $$;

-- want: status, points if any; the reason (its kind) of what was not evaluated or exempt
CREATE TABLE cases (
	n int GENERATED ALWAYS AS IDENTITY, rule text, name text, want text, t jsonb, h fraud_profile, policy fraud_rules,
	ip_h fraud_profile DEFAULT fraud_profile_unavailable(), merchant_h fraud_profile DEFAULT fraud_profile_unavailable());
CREATE VIEW results AS
	SELECT n, c.rule, name,
		   status || CASE WHEN points > 0 THEN ' ' || points ELSE '' END ||
		   CASE WHEN status IN ('not_evaluated', 'off') OR reason ~ '^(exempt|card not present)'
				THEN ': ' || regexp_replace(reason, '^(insufficient history|shared address|exempt).*', '\1') ELSE '' END AS got,
		   want
	FROM cases c LEFT JOIN LATERAL fraud_explain(t, h, policy, ip_h, merchant_h) e ON e.rule = c.rule;
CREATE FUNCTION show(which text) RETURNS TABLE ("case" text, got text, want text, ok boolean) LANGUAGE sql STABLE AS
	$$ SELECT name, got, want, got IS NOT DISTINCT FROM want FROM results WHERE rule = which ORDER BY n $$;
