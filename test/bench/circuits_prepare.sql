-- Circuits to measure, and a breaker as it is kept in a table.

SET client_min_messages = warning;
\if :{?n}
\else
	\set n 1000000
\endif

CREATE EXTENSION fraud_fallback;
CREATE TABLE size AS SELECT :n AS n;
CREATE TABLE timing (key text, round int, seconds double precision);

SELECT circuit_success(circuit_acquire('bench')) \g /dev/null
SELECT circuit_success(circuit_acquire('bench open')) \g /dev/null
SELECT circuit_force_open('bench open', 'to be measured', '1 day') \g /dev/null

-- as breakers in tables are written: the row says whether, and counts
CREATE TABLE breaker (name text PRIMARY KEY, state text NOT NULL, open_until timestamptz, admitted bigint NOT NULL, successes bigint NOT NULL, failures int NOT NULL) WITH (fillfactor = 50);
INSERT INTO breaker VALUES ('bench', 'CLOSED', NULL, 0, 0, 0);

CREATE FUNCTION row_acquire(name text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	UPDATE breaker b SET admitted = admitted + 1
		WHERE b.name = row_acquire.name AND (state = 'CLOSED' OR open_until <= clock_timestamp());
	RETURN FOUND;
END $$;

CREATE FUNCTION row_success(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE breaker b SET successes = successes + 1, failures = 0, state = 'CLOSED' WHERE b.name = row_success.name;
END $$;

-- n times: nothing, a call through a circuit, one through the row; each a transaction
CREATE PROCEDURE calls(what text, n int) LANGUAGE plpgsql AS $$
DECLARE
	name text := 'bench';
	result text;
	admitted boolean;
BEGIN
	FOR i IN 1 .. n LOOP
		IF what = 'circuit' THEN
			result := circuit_success(circuit_acquire(name));
		ELSIF what = 'row' THEN
			admitted := row_acquire(name);
			PERFORM row_success(name);
		END IF;
		COMMIT;
	END LOOP;
END $$;

CREATE PROCEDURE time_calls(what text, n int, round int) LANGUAGE plpgsql AS $$
DECLARE
	start timestamptz := clock_timestamp();
BEGIN
	CALL calls(what, n);
	INSERT INTO timing VALUES (what || ' in a transaction', round, extract(epoch FROM clock_timestamp() - start) / n);
	COMMIT;
END $$;

CREATE PROCEDURE time_query(key text, query text, n int, round int) LANGUAGE plpgsql AS $$
DECLARE
	start timestamptz := clock_timestamp();
BEGIN
	EXECUTE query;
	INSERT INTO timing VALUES (key, round, extract(epoch FROM clock_timestamp() - start) / n);
	COMMIT;
END $$;
