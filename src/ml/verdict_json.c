/*-------------------------------------------------------------------------
 *
 * verdict_json.c
 *	  The ML service's answer out of jsonb; see verdict_json.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "core/compat.h"
#include "core/shared_text.h"
#include "ml/verdict_json.h"

/* Bytes of a nested value that are still written out, to be cut then. */
#define FACTOR_JSON_MAX		65536

/* A member by its name in the settings; NULL: not there, null, or not looked at. */
static const JsonbValue *
member(Jsonb *answer, const char *field, JsonbValue *found)
{
	const char *name;

	if (field[0] == '\0')
		return NULL;
	name = shared_text_from_utf8(field);
	if (getKeyJsonValueFromContainer(&answer->root, name, (int) strlen(name), found) == NULL ||
		found->type == jbvNull)
		return NULL;
	return found;
}

static void
read_score(const JsonbValue *v, VerdictInput *input)
{
	if (v == NULL)
		return;
	input->score_member = MEMBER_WRONG;
	if (v->type != jbvNumeric)
		return;
	input->score_member = MEMBER_VALUE;
	input->score = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
													  NumericGetDatum(v->val.numeric)));
	/* JSON has no infinity: a number beyond what a double holds is out of range */
	if (isinf(input->score))
		input->score = copysign(DBL_MAX, input->score);
}

static void
read_is_fraud(const JsonbValue *v, VerdictInput *input)
{
	if (v == NULL)
		return;
	input->is_fraud_member = v->type == jbvBool ? MEMBER_VALUE : MEMBER_WRONG;
	input->is_fraud = v->type == jbvBool && v->val.boolean;
}

static void
read_recommendation(const JsonbValue *v, VerdictInput *input)
{
	if (v == NULL)
		return;
	input->recommendation_member = v->type == jbvString &&
		verdict_word(v->val.string.val, v->val.string.len, &input->recommendation) ? MEMBER_VALUE : MEMBER_WRONG;
}

/* A text as it is, anything else as its JSON. */
static const char *
factor_text(const JsonbValue *v)
{
	const char *text = "null";
	int			len;

	if (v->type == jbvNumeric)
		text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(v->val.numeric)));
	else if (v->type == jbvBool)
		text = v->val.boolean ? "true" : "false";
	else if (v->type == jbvBinary && v->val.binary.len > FACTOR_JSON_MAX)
		text = "...";
	else if (v->type == jbvBinary)
		text = JsonbToCString(NULL, v->val.binary.data, v->val.binary.len);
	else if (v->type == jbvString)
		text = v->val.string.val;
	len = v->type == jbvString ? v->val.string.len : (int) strlen(text);
	return pnstrdup(text, pg_mbcliplen(text, len, VERDICT_FACTOR_MAX));
}

/* The array of an input that says there is one. */
static void
copy_factors(const JsonbValue *v, Verdict *verdict)
{
	JsonbContainer *array = v->val.binary.data;
	uint32		n = Min(JsonContainerSize(array), VERDICT_FACTORS_MAX);

	for (uint32 i = 0; i < n; i++)
		verdict->factors[verdict->nfactors++] = factor_text(getIthJsonbValueFromContainer(array, i));
}

const char *
verdict_read(Datum ml, const MlSettings *settings, const Policy *policy, Verdict *verdict)
{
	Jsonb	   *answer = DatumGetJsonbP(ml);
	VerdictInput input = {0};
	JsonbValue	found;
	JsonbValue	factors_found;
	const JsonbValue *factors = NULL;
	const char *problem;

	input.object = JB_ROOT_IS_OBJECT(answer);
	if (input.object)
	{
		read_score(member(answer, settings->field_score, &found), &input);
		read_is_fraud(member(answer, settings->field_is_fraud, &found), &input);
		read_recommendation(member(answer, settings->field_recommendation, &found), &input);
		factors = member(answer, settings->field_factors, &factors_found);
		if (factors != NULL)
			input.factors_member = factors->type == jbvBinary && JsonContainerIsArray(factors->val.binary.data) ?
				MEMBER_VALUE : MEMBER_WRONG;
	}
	problem = verdict_judge(&input, settings->score_scale, policy->low_max, policy->medium_max, verdict);
	if (problem == NULL && factors != NULL)
		copy_factors(factors, verdict);
	return problem;
}
