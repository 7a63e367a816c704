/*-------------------------------------------------------------------------
 *
 * answer.c
 *	  An answer as a row of type fraud_decision, and such rows read again.
 *
 * Decisions are remembered as the bytes of their row, so that a repeat is the
 * same answer to the last byte.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "config/config_file.h"
#include "core/compat.h"
#include "decide/answer.h"
#include "live/kept.h"
#include "score/score_call.h"

const char *const answer_sources[] = {
	[SOURCE_ML] = "ML",
	[SOURCE_CACHED_ML] = "CACHED_ML",
	[SOURCE_RULES] = "RULES",
	[SOURCE_CRITICAL_RULES] = "CRITICAL_RULES",
	[SOURCE_AMOUNT_CAP] = "AMOUNT_CAP",
	[SOURCE_NONE] = "NONE"
};

const char *const answer_modes[TIERS + 1] = {
	[TIER_FULL] = "FULL",
	[TIER_DEGRADED] = "DEGRADED",
	[TIER_MINIMAL] = "MINIMAL",
	[TIER_EMERGENCY] = "EMERGENCY_MODE",
	[TIER_MAINTENANCE] = "MAINTENANCE"
};

/* Columns of fraud_decision. */
enum
{
	ANSWER_TXN_ID,
	ANSWER_IS_FRAUD,
	ANSWER_RISK_SCORE,
	ANSWER_RISK_LEVEL,
	ANSWER_RISK_FACTORS,
	ANSWER_RECOMMENDATION,
	ANSWER_MODE,
	ANSWER_SOURCE,
	ANSWER_TIER,
	ANSWER_DEGRADED,
	ANSWER_COVERAGE,
	ANSWER_POLICY_HASH,
	ANSWER_REASON,
	ANSWER_RETRY_AFTER,
	ANSWER_DECIDED_AT,
	ANSWER_DETAIL
};

StaticAssertDecl(ANSWER_DETAIL + 1 == DECISION_COLUMNS, "all columns of fraud_decision");

/* ---- in C ---- */

void
answer_set_score(Answer *answer, const Policy *policy, int score)
{
	answer->score = score;
	answer->level = score <= policy->low_max ? LEVEL_LOW : score <= policy->medium_max ? LEVEL_MEDIUM : LEVEL_HIGH;
}

void
answer_raise(Answer *answer, const Policy *policy, RiskLevel least)
{
	if (answer->level < least)
		answer_set_score(answer, policy, (least == LEVEL_HIGH ? policy->medium_max : policy->low_max) + 1);
}

void
answer_add_factor(Answer *answer, const char *factor)
{
	for (int i = 0; i < answer->nfactors; i++)
		if (strcmp(answer->factors[i], factor) == 0)
			return;
	if (answer->nfactors < ANSWER_FACTORS_MAX)
		answer->factors[answer->nfactors++] = factor;
}

/* ---- as a row ---- */

/* Words are made once a session. */
static Datum
word(Datum *kept, const char *text)
{
	if (unlikely(*kept == (Datum) 0))
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		*kept = CStringGetTextDatum(text);
		MemoryContextSwitchTo(old);
	}
	return *kept;
}

static Datum
hash_datum(uint64 hash)
{
	static uint64 kept_hash;
	static struct
	{
		int32		header;
		char		text[CONFIG_HASH_CHARS + 1];
	}			kept;

	if (kept_hash != hash || kept.header == 0)
	{
		config_hash_text(hash, kept.text);
		SET_VARSIZE(&kept, VARHDRSZ + CONFIG_HASH_CHARS);
		kept_hash = hash;
	}
	return PointerGetDatum(&kept);
}

static Datum
factors_datum(const Answer *answer)
{
	Datum		texts[ANSWER_FACTORS_MAX];

	for (int i = 0; i < answer->nfactors; i++)
		texts[i] = CStringGetTextDatum(answer->factors[i]);
	return PointerGetDatum(construct_array(texts, answer->nfactors, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * Mostly the same few rules are not evaluated, so the same details come again.
 * By hash of the text; what is seldom or long is made anew.
 */
#define DETAILS			32
#define DETAIL_MAX		1000

static Datum
detail_datum(const char *text)
{
	static struct
	{
		char	   *text;		/* NULL: none yet */
		Datum		value;
	}			kept[DETAILS];
	size_t		len = strlen(text);
	Datum		value;
	int			i = (int) (hash_bytes((const unsigned char *) text, (int) len) % DETAILS);
	MemoryContext old;

	if (kept[i].text != NULL && strcmp(kept[i].text, text) == 0)
		return kept[i].value;
	value = DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
	if (len > DETAIL_MAX)
		return value;
	if (kept[i].text != NULL)
	{
		pfree(kept[i].text);
		kept[i].text = NULL;
		pfree(DatumGetPointer(kept[i].value));
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	kept[i].value = datumCopy(value, false, -1);
	kept[i].text = pstrdup(text);
	MemoryContextSwitchTo(old);
	return value;
}

/* A reason that is so many bytes shorter, with dots at the end. */
static Datum
cut_reason(const char *reason, int less)
{
	int			len = (int) strlen(reason);
	int			keep = pg_mbcliplen(reason, len, Max(len - less - 3, 0));

	return CStringGetTextDatum(psprintf("%.*s...", keep, reason));
}

Datum
answer_datum(TupleDesc desc, const Answer *answer)
{
	static const char *const levels[] = {"LOW", "MEDIUM", "HIGH"};
	static const char *const recommendations[] = {"APPROVE", "REVIEW", "BLOCK"};
	static Datum level_words[lengthof(levels)];
	static Datum recommendation_words[lengthof(recommendations)];
	static Datum mode_words[lengthof(answer_modes)];
	static Datum source_words[lengthof(answer_sources)];
	Datum		values[DECISION_COLUMNS];
	bool		nulls[DECISION_COLUMNS] = {false};
	Interval	retry_after = {.time = answer->retry_after};
	HeapTuple	tuple;

	nulls[ANSWER_TXN_ID] = answer->txn_id.len == 0;
	if (!nulls[ANSWER_TXN_ID])
		values[ANSWER_TXN_ID] = txn_id_datum(&answer->txn_id);
	values[ANSWER_IS_FRAUD] = BoolGetDatum(answer->level == LEVEL_HIGH);
	values[ANSWER_RISK_SCORE] = Int32GetDatum(answer->score);
	values[ANSWER_RISK_LEVEL] = word(&level_words[answer->level], levels[answer->level]);
	values[ANSWER_RISK_FACTORS] = factors_datum(answer);
	values[ANSWER_RECOMMENDATION] = word(&recommendation_words[answer->level], recommendations[answer->level]);
	values[ANSWER_MODE] = word(&mode_words[answer->tier], answer_modes[answer->tier]);
	values[ANSWER_SOURCE] = word(&source_words[answer->source], answer_sources[answer->source]);
	values[ANSWER_TIER] = Int32GetDatum(answer->tier);
	values[ANSWER_DEGRADED] = BoolGetDatum(answer->degraded);
	values[ANSWER_COVERAGE] = Float4GetDatum(answer->coverage);
	values[ANSWER_POLICY_HASH] = hash_datum(answer->policy_hash);
	values[ANSWER_REASON] = CStringGetTextDatum(answer->reason);
	nulls[ANSWER_RETRY_AFTER] = answer->retry_after == 0;
	values[ANSWER_RETRY_AFTER] = IntervalPGetDatum(&retry_after);
	values[ANSWER_DECIDED_AT] = TimestampTzGetDatum(answer->decided_at);
	nulls[ANSWER_DETAIL] = answer->detail == NULL;
	values[ANSWER_DETAIL] = nulls[ANSWER_DETAIL] ? (Datum) 0 :
		detail_datum(answer->detail);

	tuple = heap_form_tuple(desc, values, nulls);
	if (unlikely(tuple->t_len > KEPT_MAX))
	{
		values[ANSWER_REASON] = cut_reason(answer->reason, (int) (tuple->t_len - KEPT_MAX) + MAXIMUM_ALIGNOF);
		tuple = heap_form_tuple(desc, values, nulls);
	}
	return HeapTupleGetDatum(tuple);
}

/* ---- rows read again ---- */

static bool
open_row(TupleDesc desc, const char *bytes, int len, Datum *values, bool *nulls)
{
	HeapTupleData tuple;

	if (len < (int) SizeofHeapTupleHeader)
		return false;
	tuple.t_data = palloc(len);
	memcpy(tuple.t_data, bytes, len);
	/* the type was another one before the extension was created anew */
	if ((int) HeapTupleHeaderGetDatumLength(tuple.t_data) != len ||
		HeapTupleHeaderGetTypeId(tuple.t_data) != desc->tdtypeid ||
		HeapTupleHeaderGetTypMod(tuple.t_data) != desc->tdtypmod ||
		HeapTupleHeaderGetNatts(tuple.t_data) != desc->natts)
		return false;
	tuple.t_len = len;
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	heap_deform_tuple(&tuple, desc, values, nulls);
	return true;
}

Datum
answer_repeat(TupleDesc desc, const char *bytes, int len)
{
	static Datum repeat;
	Datum		values[DECISION_COLUMNS];
	bool		nulls[DECISION_COLUMNS];

	if (!open_row(desc, bytes, len, values, nulls))
		return (Datum) 0;
	if (repeat == (Datum) 0)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		repeat = DirectFunctionCall1(jsonb_in, CStringGetDatum("{\"repeat\": true}"));
		MemoryContextSwitchTo(old);
	}
	values[ANSWER_DETAIL] = nulls[ANSWER_DETAIL] ? repeat :
		DirectFunctionCall2(jsonb_concat, values[ANSWER_DETAIL], repeat);
	nulls[ANSWER_DETAIL] = false;
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

bool
answer_read(TupleDesc desc, const char *bytes, int len, Verdict *verdict)
{
	Datum		values[DECISION_COLUMNS];
	bool		nulls[DECISION_COLUMNS];
	Datum	   *factors;
	bool	   *no_factor;
	int			n;

	if (!open_row(desc, bytes, len, values, nulls) || nulls[ANSWER_RISK_SCORE] || nulls[ANSWER_RISK_FACTORS])
		return false;
	verdict->score = DatumGetInt32(values[ANSWER_RISK_SCORE]);
	deconstruct_array(DatumGetArrayTypeP(values[ANSWER_RISK_FACTORS]), TEXTOID, -1, false, TYPALIGN_INT,
					  &factors, &no_factor, &n);
	verdict->nfactors = Min(n, VERDICT_FACTORS_MAX);
	for (int i = 0; i < verdict->nfactors; i++)
		verdict->factors[i] = no_factor[i] ? "" : TextDatumGetCString(factors[i]);
	return true;
}
