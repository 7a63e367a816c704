-- How large the store is, as a row for table growth of the other database. A transaction of pgbench inserted :rows.
SELECT format('INSERT INTO growth VALUES (%L, %s, %s, %s, %s, %s, %s, %s, %s)',
			  :'held', (SELECT count(*) FROM paid_kept), :rate * :rows,
			  pg_table_size('fraud_profiles'), pg_indexes_size('fraud_profiles'),
			  pg_table_size('fraud_profile_deltas'), pg_indexes_size('fraud_profile_deltas'),
			  (SELECT count(*) FROM fraud_profile_deltas),
			  (SELECT autovacuum_count FROM pg_stat_user_tables WHERE relname = 'fraud_profile_deltas'));
