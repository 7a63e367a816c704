/*-------------------------------------------------------------------------
 *
 * rule_stats.c
 *	  fraud_rule_stats(): what each rule finds, and how much of it is fraud.
 *
 * Rows are scored as fraud_score_table() does; a row counts as fraud by its
 * label, whenever that became known.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "config/yaml_server.h"
#include "core/compat.h"
#include "score/score_pass.h"
#include "store/rebuild.h"

PG_FUNCTION_INFO_V1(fraud_rule_stats);

typedef struct RuleStats
{
	int64		evaluated;
	int64		hits;
	int64		labelled_frauds;	/* among the hits */
} RuleStats;

typedef struct Stats
{
	int64		frauds;			/* labelled, among all rows */
	RuleStats	rules[MAX_RESULTS];
} Stats;

static void
count_row(ScoreCall *call, bool is_fraud, void *arg)
{
	Stats	   *stats = arg;
	int			i;

	stats->frauds += is_fraud;
	for (i = 0; i < call->decision.nresults; i++)
	{
		RuleStatus	status = (RuleStatus) call->decision.results[i].status;
		RuleStats  *r = &stats->rules[i];

		if (status == RULE_HIT || status == RULE_SHADOW_HIT)
		{
			r->evaluated++;
			r->hits++;
			r->labelled_frauds += is_fraud;
		}
		else if (status == RULE_NO_HIT)
			r->evaluated++;
	}
}

/* Tables dropped since they were attached are left out. */
static void
count_attached(ScorePass *pass, Oid schema)
{
	Source	   *list;
	int			n = sources(schema, &list);
	int			i;

	for (i = 0; i < n; i++)
	{
		Relation	rel = try_relation_open(list[i].relation, AccessShareLock);

		if (rel == NULL)
			continue;
		pass->relation = list[i].relation;
		score_pass(pass);
		relation_close(rel, NoLock);
	}
}

static Datum
share(int64 part, int64 whole, bool *isnull)
{
	*isnull = whole == 0;
	return Float8GetDatum(*isnull ? 0 : (double) part / whole);
}

static void
return_stats(ReturnSetInfo *result, const Policy *policy, const Stats *stats)
{
	int			n = NRULES + (int) policy->custom.n;
	int			i;

	for (i = 0; i < n; i++)
	{
		const RuleStats *r = &stats->rules[i];
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = CStringGetTextDatum(yaml_message(result_name(policy, i)));
		values[1] = Int64GetDatum(r->evaluated);
		values[2] = Int64GetDatum(r->hits);
		values[3] = Int64GetDatum(r->labelled_frauds);
		values[4] = share(r->labelled_frauds, r->hits, &nulls[4]);
		values[5] = share(r->labelled_frauds, stats->frauds, &nulls[5]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/* fraud_rule_stats(relation, policy, since, until) */
Datum
fraud_rule_stats(PG_FUNCTION_ARGS)
{
	Oid			function = fcinfo->flinfo->fn_oid;
	ScorePass	pass = {0};
	Stats	   *stats;

	InitMaterializedSRF(fcinfo, 0);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	stats = palloc0(sizeof(Stats));
	pass.since = PG_ARGISNULL(2) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(2);
	pass.until = PG_ARGISNULL(3) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(3);
	pass.call = score_call_for_rows(TXN_FOR_DECISION);
	pass.call->policy = policy_arg(fcinfo, 1, NULL);
	pass.labels = fraud_labels_load(function, true);
	pass.sink = count_row;
	pass.arg = stats;
	if (PG_ARGISNULL(0))
		count_attached(&pass, store_schema(function));
	else
	{
		pass.relation = PG_GETARG_OID(0);
		score_pass(&pass);
	}
	return_stats((ReturnSetInfo *) fcinfo->resultinfo, pass.call->policy, stats);
	SPI_finish();
	return (Datum) 0;
}
