/*-------------------------------------------------------------------------
 *
 * verdict_sql.c
 *	  SQL: fraud_verdict(), what a decision would make of an answer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/compat.h"
#include "ml/verdict_json.h"
#include "policy/policy_active.h"

#define VERDICT_COLUMNS		7

PG_FUNCTION_INFO_V1(fraud_verdict);
Datum
fraud_verdict(PG_FUNCTION_ARGS)
{
	static const char *const levels[] = {"LOW", "MEDIUM", "HIGH"};
	static const char *const recommendations[] = {"APPROVE", "REVIEW", "BLOCK"};
	Datum		values[VERDICT_COLUMNS] = {0};
	bool		nulls[VERDICT_COLUMNS];
	Datum		factors[VERDICT_FACTORS_MAX];
	const char *problem;
	Verdict		verdict;
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	problem = verdict_read(PG_GETARG_DATUM(0), ml_settings(), policy_active(), &verdict);
	memset(nulls, problem != NULL, sizeof(nulls));
	nulls[0] = false;
	values[0] = BoolGetDatum(problem == NULL);
	if (problem == NULL)
	{
		for (int i = 0; i < verdict.nfactors; i++)
			factors[i] = CStringGetTextDatum(verdict.factors[i]);
		values[1] = Int32GetDatum(verdict.score);
		values[2] = CStringGetTextDatum(levels[verdict.level]);
		values[3] = CStringGetTextDatum(recommendations[verdict.level]);
		values[4] = BoolGetDatum(verdict.level == LEVEL_HIGH);
		values[5] = PointerGetDatum(construct_array(factors, verdict.nfactors, TEXTOID, -1, false, TYPALIGN_INT));
	}
	nulls[6] = problem == NULL;
	if (problem != NULL)
		values[6] = CStringGetTextDatum(problem);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}
