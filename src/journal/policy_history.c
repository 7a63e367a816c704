/*-------------------------------------------------------------------------
 *
 * policy_history.c
 *	  The table fraud_policy_history: every policy that was in force, so that
 *	  the hash of a record leads to its rules.
 *
 * Before records become rows the worker looks whether the policy in force is
 * another than the last one it wrote. Policies are kept as text: what a later
 * version of the extension cannot read any more is still there to be read by
 * people.
 *
 * What is missed: a policy in force for less than a second, and one that only
 * a standby had, and not any more when it was promoted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "config/config_file.h"
#include "core/clock.h"
#include "core/worker.h"
#include "journal/journal_tables.h"
#include "journal/policy_history.h"
#include "policy/policy_active.h"
#include "policy/policy_file.h"
#include "policy/policy_type.h"

static bool
keep_policy(Oid schema)
{
	/* what is in the table for certain: a look found it there */
	static uint64 kept_hash;
	static Oid	kept_in = InvalidOid;

	const Policy *policy = policy_active();
	Oid			table = get_relname_relid("fraud_policy_history", schema);
	Oid			types[4] = {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID};
	char		nulls[4] = {' ', ' ', ' ', ' '};
	char		hash[CONFIG_HASH_CHARS + 1];
	JournalSession session;
	Datum		values[4];
	char	   *author;

	/* not there: objects of an older version */
	if (!OidIsValid(table) || (table == kept_in && policy->hash == kept_hash))
		return false;
	config_hash_text(policy->hash, hash);
	author = policy_file_author(policy->hash);
	values[0] = CStringGetTextDatum(hash);
	values[1] = CStringGetTextDatum(policy_text(policy));
	values[2] = author != NULL ? CStringGetTextDatum(author) : (Datum) 0;
	nulls[2] = author != NULL ? ' ' : 'n';
	values[3] = TimestampTzGetDatum(clock_wall());
	journal_begin(schema, &session);
	/* the last one stays the last one when the clock is set back */
	if (journal_run(schema, "INSERT INTO %s.fraud_policy_history (hash, policy, author, activated_at)"
					" SELECT $1, $2, $3, greatest($4, h.activated_at OPERATOR(pg_catalog.+) '1 us'::pg_catalog.interval)"
					" FROM (SELECT) AS one LEFT JOIN (SELECT l.hash, l.activated_at FROM %s.fraud_policy_history AS l"
					" ORDER BY l.activated_at DESC LIMIT 1) AS h ON true WHERE $1 IS DISTINCT FROM h.hash",
					false, 4, types, values, nulls) == 0)
	{
		kept_hash = policy->hash;
		kept_in = table;
	}
	journal_end(&session);
	return false;
}

void
policy_history_init(void)
{
	static const WorkerTask task = {
		.name = "policy history",.interval = 1000,.on_wake = true,.tables = true,.run = keep_policy
	};

	worker_task(&task);
}
