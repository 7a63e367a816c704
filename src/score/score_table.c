/*-------------------------------------------------------------------------
 *
 * score_table.c
 *	  fraud_score_table(): every row of a table as of its own past.
 *
 * Labels are used where the caller may read them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "core/compat.h"
#include "score/score_pass.h"

static void
return_row(ScoreCall *call, bool is_fraud, void *arg)
{
	ReturnSetInfo *result = arg;
	const TxnText *id = &call->txn.txn_id;
	Datum		values[2];
	bool		nulls[2] = {id->len == 0, false};

	values[0] = nulls[0] ? (Datum) 0 : PointerGetDatum(cstring_to_text_with_len(id->p, id->len));
	values[1] = decision_datum(call);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* fraud_score_table(relation, policy, since, until) */
PG_FUNCTION_INFO_V1(fraud_score_table);
Datum
fraud_score_table(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ScorePass	pass = {0};

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("relation must not be NULL")));
	pass.relation = PG_GETARG_OID(0);
	pass.since = PG_ARGISNULL(2) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(2);
	pass.until = PG_ARGISNULL(3) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(3);
	InitMaterializedSRF(fcinfo, 0);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	pass.call = score_call_for_rows(TXN_FOR_DECISION);
	pass.call->policy = policy_arg(fcinfo, 1, NULL);
	pass.call->desc = lookup_rowtype_tupdesc_copy(TupleDescAttr(result->setDesc, 1)->atttypid, -1);
	if (pass.call->desc->natts != DECISION_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("row type of the result does not fit this library"),
				 errhint("Run ALTER EXTENSION fraud_fallback UPDATE.")));
	pass.labels = fraud_labels_load(fcinfo->flinfo->fn_oid, false);
	pass.sink = return_row;
	pass.arg = result;
	score_pass(&pass);
	SPI_finish();
	return (Datum) 0;
}
