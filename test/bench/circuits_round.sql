-- One round of what circuits.sh measures inside one session.

SET client_min_messages = warning;
SELECT n, n / 50 AS few FROM size \gset

CALL time_query('length', 'SELECT count(octet_length(name)) FROM (SELECT ''bench open''::text AS name FROM generate_series(1, ' || :n || ') OFFSET 0) x', :n, :round);
CALL time_query('refusal', 'SELECT count(circuit_acquire(name)) FROM (SELECT ''bench open''::text AS name FROM generate_series(1, ' || :n || ') OFFSET 0) x', :n, :round);
CALL time_calls('nothing', :few, :round);
CALL time_calls('circuit', :few, :round);
CALL time_calls('row', :few, :round);
