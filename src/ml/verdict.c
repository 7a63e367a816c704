/*-------------------------------------------------------------------------
 *
 * verdict.c
 *	  Whether what the ML service answered is a verdict, and which.
 *
 * What is wrong is found in a fixed order, so that one answer has one problem:
 * the object, risk_score, is_fraud, recommendation, risk_factors, then what
 * contradicts each other.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <math.h>

#include "ml/verdict.h"
#include "txn/txn.h"

static const char *const words[] = {
	[LEVEL_LOW] = "approve", [LEVEL_MEDIUM] = "review", [LEVEL_HIGH] = "block"
};

bool
verdict_word(const char *text, int len, RiskLevel *level)
{
	value_trim(&text, &len);
	for (size_t i = 0; i < lengthof(words); i++)
	{
		if (len == (int) strlen(words[i]) && pg_strncasecmp(text, words[i], len) == 0)
		{
			*level = (RiskLevel) i;
			return true;
		}
	}
	return false;
}

static const char *
bad_score(const VerdictInput *input, int score_scale)
{
	if (input->score_member == MEMBER_ABSENT)
		return "risk_score is missing";
	if (input->score_member == MEMBER_WRONG || !isfinite(input->score))
		return "risk_score is not a number";
	if (score_scale == 1)
		return input->score >= 0 && input->score <= 1 ? NULL : "risk_score is not from 0 to 1";
	/* more likely of a service that answers 0 to 1 than a risk of nearly nothing */
	if (input->score > 0 && input->score < 1)
		return "risk_score is between 0 and 1, but ml.score_scale is 100";
	return input->score >= 0 && input->score <= MAX_SCORE ? NULL : "risk_score is not from 0 to 100";
}

/* Rounded half up, as a person would who reads the decimals: 0.285 of 1 is 29. */
static int
whole_score(double score, int score_scale)
{
	double		scale = MAX_SCORE / score_scale;
	int			whole = (int) floor(score * scale);

	return score >= (whole + 0.5) / scale ? whole + 1 : whole;
}

static RiskLevel
band_of(int score, int low_max, int medium_max)
{
	return score <= low_max ? LEVEL_LOW : score <= medium_max ? LEVEL_MEDIUM : LEVEL_HIGH;
}

const char *
verdict_judge(const VerdictInput *input, int score_scale, int low_max, int medium_max,
			  Verdict *verdict)
{
	bool		stated = input->recommendation_member == MEMBER_VALUE;
	const char *problem;
	RiskLevel	band;

	memset(verdict, 0, sizeof(*verdict));
	if (!input->object)
		return "not a JSON object";
	problem = bad_score(input, score_scale);
	if (problem != NULL)
		return problem;
	if (input->is_fraud_member == MEMBER_WRONG)
		return "is_fraud is not a boolean";
	if (input->recommendation_member == MEMBER_WRONG)
		return "recommendation is not APPROVE, REVIEW or BLOCK";
	if (input->factors_member == MEMBER_WRONG)
		return "risk_factors is not an array";

	verdict->score = whole_score(input->score, score_scale);
	band = band_of(verdict->score, low_max, medium_max);
	if (input->is_fraud_member == MEMBER_VALUE)
	{
		if (input->is_fraud && stated && input->recommendation == LEVEL_LOW)
			return "is_fraud is true, but recommendation is APPROVE";
		if (input->is_fraud && !stated && band == LEVEL_LOW)
			return "is_fraud is true, but risk_score is LOW";
		if (!input->is_fraud && stated && input->recommendation == LEVEL_HIGH)
			return "is_fraud is false, but recommendation is BLOCK";
	}

	/* the stricter one; a score says no less than its level */
	if (stated && input->recommendation > band)
		verdict->score = (input->recommendation == LEVEL_HIGH ? medium_max : low_max) + 1;
	verdict->level = band_of(verdict->score, low_max, medium_max);
	return NULL;
}
