/*-------------------------------------------------------------------------
 *
 * decision_sql.c
 *	  A decision as a row of type fraud_decision.
 *
 * Texts that are the same in every answer are made once a call site; so is
 * the detail, for as long as the same rules were not evaluated.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/typcache.h"

#include "config/config_file.h"
#include "config/yaml_server.h"
#include "core/compat.h"
#include "core/shared_text.h"
#include "score/score_call.h"

/* Texts of the library, the row type, and what depends on the policy. */
static void
prepare(ScoreCall *call)
{
	static const char *const levels[] = {"LOW", "MEDIUM", "HIGH"};
	static const char *const recommendations[] = {"APPROVE", "REVIEW", "BLOCK"};
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(call));
	char		hash[CONFIG_HASH_CHARS + 1];
	int			i;

	if (call->mode == (Datum) 0)
	{
		for (i = 0; i < 3; i++)
		{
			call->levels[i] = CStringGetTextDatum(levels[i]);
			call->recommendations[i] = CStringGetTextDatum(recommendations[i]);
		}
		call->source = CStringGetTextDatum("RULES");
		call->no_rule_fired = CStringGetTextDatum("no rule fired");
		call->no_factors = PointerGetDatum(construct_empty_array(TEXTOID));
		call->mode = CStringGetTextDatum("FALLBACK");
	}
	call->nnames = 0;			/* in case of an error below */
	call->details = NULL;
	MemoryContextReset(call->texts);
	MemoryContextSwitchTo(call->texts);
	call->details = palloc0(sizeof(DetailEntry) * DETAIL_CACHE);
	config_hash_text(call->policy->hash, hash);
	call->policy_hash_text = CStringGetTextDatum(hash);
	for (i = 0; i < call->decision.nresults; i++)
		call->names[i] = CStringGetTextDatum(result_name(call->policy, i));
	call->nnames = call->decision.nresults;
	call->policy_hash = call->policy->hash;
	MemoryContextSwitchTo(old);
}

void
decision_reason(const ScoreCall *call, StringInfo s)
{
	const Decision *d = &call->decision;
	int			i;

#define NEXT()	SAY_NEXT(s, "; ")
	if (d->no_amount)
		appendStringInfo(s, "%samount is missing", NEXT());
	if (d->no_time)
		appendStringInfo(s, "%soccurred_at is missing", NEXT());
	for (i = 0; i < NLISTS; i++)
		if (d->lists & (UINT32_C(1) << i))
			appendStringInfo(s, "%son the list %s", NEXT(), list_defs[i].name);
	for (i = 0; i < d->nfactors; i++)
		appendStringInfo(s, "%s%s: %s", NEXT(), result_name(call->policy, d->factors[i]),
						 d->results[d->factors[i]].reason);
	if (d->low_coverage)
		appendStringInfo(s, "%scoverage %.2f is under %g", NEXT(), d->coverage,
						 call->policy->min_coverage);
	if (call->features.use[HISTORY_CUSTOMER] == HISTORY_NEWER)
		appendStringInfo(s, "%shistory newer than transaction", NEXT());
	if (call->histories.other_basis)
		appendStringInfo(s, "%shistory was built under another basis", NEXT());
	if (call->histories.remark != NULL)
		appendStringInfo(s, "%s%s", NEXT(), call->histories.remark);
	if (d->stopped)
		appendStringInfo(s, "%sthe rest was skipped, the answer was certain", NEXT());
}

static Datum
reason_datum(const ScoreCall *call)
{
	const Decision *d = &call->decision;
	StringInfoData s;

	/* nothing to say, in most calls */
	if (d->nfactors == 0 && d->lists == 0 && !d->low_coverage && !d->no_amount && !d->no_time &&
		!d->stopped && !call->histories.other_basis && call->histories.remark == NULL &&
		call->features.use[HISTORY_CUSTOMER] != HISTORY_NEWER)
		return call->no_rule_fired;

	initStringInfo(&s);
	decision_reason(call, &s);
	return CStringGetTextDatum(yaml_message(s.data));
}

static Datum
factors_datum(const ScoreCall *call)
{
	const Decision *d = &call->decision;
	Datum		names[MAX_RESULTS + NLISTS];
	int			n = 0;
	int			i;

	if (d->nfactors == 0 && d->lists == 0)
		return call->no_factors;
	for (i = 0; i < d->nfactors; i++)
		names[n++] = call->names[d->factors[i]];
	for (i = 0; i < NLISTS; i++)
		if (d->lists & (UINT32_C(1) << i))
			names[n++] = CStringGetTextDatum(list_defs[i].name);
	return PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static inline bool
is_missing(const RuleResult *r)
{
	return (r->status == RULE_NOT_EVALUATED || r->status == RULE_ERROR) && r->why != WHY_NONE;
}

void
decision_detail(const ScoreCall *call, StringInfo s)
{
	const Decision *d = &call->decision;
	const char *between = "";
	bool		missing = false;
	bool		shadow = false;
	int			i;

	for (i = 0; i < d->nresults; i++)
	{
		missing |= is_missing(&d->results[i]);
		shadow |= d->results[i].status == RULE_SHADOW_HIT;
	}
	if (missing)
	{
		appendStringInfo(s, "%s\"not_evaluated\": {", SAY_NEXT(s, ", "));
		for (i = 0; i < d->nresults; i++)
		{
			if (!is_missing(&d->results[i]))
				continue;
			appendStringInfoString(s, between);
			escape_json(s, result_name(call->policy, i));
			appendStringInfo(s, ": \"%s\"", not_evaluated_texts[d->results[i].why]);
			between = ", ";
		}
		appendStringInfoChar(s, '}');
	}
	if (shadow)
	{
		appendStringInfo(s, "%s\"shadow\": {", SAY_NEXT(s, ", "));
		between = "";
		for (i = 0; i < d->nresults; i++)
		{
			if (d->results[i].status != RULE_SHADOW_HIT)
				continue;
			appendStringInfoString(s, between);
			escape_json(s, result_name(call->policy, i));
			appendStringInfo(s, ": %d", d->results[i].points);
			between = ", ";
		}
		appendStringInfoChar(s, '}');
	}
}

/* {"not_evaluated": {rule: why}, "shadow": {rule: points}}; 0 for neither. */
static Datum
detail_datum(ScoreCall *call)
{
	const Decision *d = &call->decision;
	uint8		key[MAX_RESULTS];
	DetailEntry *entry;
	StringInfoData members;
	MemoryContext old;
	int			i;

	for (i = 0; i < d->nresults; i++)
	{
		const RuleResult *r = &d->results[i];

		key[i] = is_missing(r) ? r->why : r->status == RULE_SHADOW_HIT ? 128 | (uint8) r->points : 0;
	}
	entry = &call->details[hash_bytes(key, d->nresults) % DETAIL_CACHE];
	if (entry->known && memcmp(key, entry->key, d->nresults) == 0)
		return entry->detail;

	if (entry->known && entry->detail != (Datum) 0)
		pfree(DatumGetPointer(entry->detail));
	entry->known = false;
	entry->detail = (Datum) 0;
	initStringInfo(&members);
	decision_detail(call, &members);
	if (members.len > 0)
	{
		old = MemoryContextSwitchTo(call->texts);
		entry->detail = DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("{%s}", members.data)));
		MemoryContextSwitchTo(old);
	}
	memcpy(entry->key, key, d->nresults);
	entry->known = true;
	return entry->detail;
}

Datum
txn_id_datum(const TxnText *txn_id)
{
	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
		return PointerGetDatum(cstring_to_text_with_len(txn_id->p, txn_id->len));
	return CStringGetTextDatum(shared_text_from_utf8(pnstrdup(txn_id->p, txn_id->len)));
}

Datum
decision_datum(ScoreCall *call)
{
	const Decision *d = &call->decision;
	Datum		values[DECISION_COLUMNS] = {0};
	bool		nulls[DECISION_COLUMNS] = {false};

	Assert(call->desc->natts == DECISION_COLUMNS);
	if (call->policy_hash != call->policy->hash || call->nnames != d->nresults)
		prepare(call);

	nulls[0] = !(call->txn.known & COL_BIT(COL_TXN_ID));
	if (!nulls[0])
		values[0] = txn_id_datum(&call->txn.txn_id);
	values[1] = BoolGetDatum(d->level == LEVEL_HIGH);
	values[2] = Int32GetDatum(d->score);
	values[3] = call->levels[d->level];
	values[4] = factors_datum(call);
	values[5] = call->recommendations[d->level];
	values[6] = call->mode;
	values[7] = call->source;
	nulls[8] = true;			/* tier */
	values[9] = BoolGetDatum(true);
	values[10] = Float4GetDatum(d->coverage);
	values[11] = call->policy_hash_text;
	values[12] = reason_datum(call);
	nulls[13] = true;			/* retry_after */
	nulls[14] = true;			/* decided_at */
	values[15] = detail_datum(call);
	nulls[15] = values[15] == (Datum) 0;
	return HeapTupleGetDatum(heap_form_tuple(call->desc, values, nulls));
}
