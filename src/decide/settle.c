/*-------------------------------------------------------------------------
 *
 * settle.c
 *	  What was decided in an emergency, decided again: fraud_requeue() by the
 *	  rules, fraud_reconcile() by a verdict from outside.
 *
 * The answer is a row of fraud_settlements, one a record: the first stays.
 * Whoever settles a record has locked its row of fraud_journal before, and rows
 * that somebody else has are left out; so two who settle share the work, and
 * neither waits. Locking a row changes nothing of it.
 *
 * Scoring again is fraud_score(txn): the stored histories as of the
 * transaction's own time, and nothing goes into live memory.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "config/config_file.h"
#include "core/attempt.h"
#include "core/clock.h"
#include "core/compat.h"
#include "core/events.h"
#include "journal/journal_tables.h"
#include "ml/verdict_json.h"
#include "policy/policy_active.h"
#include "service/tiers.h"

#define FETCH				100 /* records at a time */

PG_FUNCTION_INFO_V1(fraud_requeue);
PG_FUNCTION_INFO_V1(fraud_reconcile);

/* A record, and what it is settled with. Datums live as long as the call. */
typedef struct Settlement
{
	Oid			schema;
	const char *kind;
	Datum		record_id;
	Datum		decided_at;
	Datum		txn_id;
	bool		no_txn_id;
	Datum		was;			/* recommendation */
	bool		no_was;
	Datum		txn;			/* requeue */
	Datum		ml;				/* the verdict that decided it now, 0: none */
	Datum		recorded_ml;	/* requeue: what ML had answered, 0: nothing */
	Datum		decision;		/* fraud_decision, as jsonb */
	Datum		now;			/* its recommendation */
} Settlement;

/* Column i of the row, copied; false where it is NULL. */
static bool
column(SPITupleTable *rows, uint64 row, int i, int16 len, Datum *value)
{
	bool		isnull;
	Datum		d = SPI_getbinval(rows->vals[row], rows->tupdesc, i, &isnull);

	*value = isnull ? (Datum) 0 : datumCopy(d, len > 0, len);
	return !isnull;
}

static bool
changed(const Settlement *s)
{
	return s->no_was || !DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, s->was, s->now));
}

/* False: somebody has settled it meanwhile. */
static bool
write_settlement(const Settlement *s)
{
	Oid			types[11] = {TEXTOID, TIMESTAMPTZOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, BOOLOID, JSONBOID,
	TEXTOID, TIMESTAMPTZOID};
	Datum		values[11];
	char		nulls[11];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = s->record_id;
	values[1] = s->decided_at;
	values[2] = s->txn_id;
	nulls[2] = s->no_txn_id ? 'n' : ' ';
	values[3] = CStringGetTextDatum(s->kind);
	values[4] = s->decision;
	values[5] = s->was;
	nulls[5] = s->no_was ? 'n' : ' ';
	values[6] = s->now;
	values[7] = BoolGetDatum(changed(s));
	values[8] = s->ml;
	nulls[8] = s->ml == (Datum) 0 ? 'n' : ' ';
	values[9] = CStringGetTextDatum(events_who());
	values[10] = TimestampTzGetDatum(clock_wall());
	return journal_run(s->schema, "INSERT INTO %s.fraud_settlements (record_id, decided_at, txn_id, kind, decision, was, now,"
					   " changed, ml, settled_by, settled_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
					   " ON CONFLICT DO NOTHING", false, 11, types, values, nulls) > 0;
}

static void
prevent(const char *function)
{
	PreventCommandIfReadOnly(function);
	PreventCommandDuringRecovery(function);
}

/* ---- fraud_requeue() ---- */

/* As texts, as they stand in records; *others: not only what is queued. */
static ArrayType *
tiers_asked(ArrayType *array, bool *others)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	*others = false;
	deconstruct_array(array, INT4OID, sizeof(int32), true, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		int32		tier = nulls[i] ? 0 : DatumGetInt32(elements[i]);

		if (tier < TIER_DEGRADED || tier > TIER_MAINTENANCE)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("only tiers %d to %d can be decided again", TIER_DEGRADED, TIER_MAINTENANCE)));
		*others |= tier < TIER_EMERGENCY;
		elements[i] = CStringGetTextDatum(psprintf("%d", tier));
	}
	return construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT);
}

/*
 * Records that are to be settled, oldest first. Those that a later decision of
 * the same transaction has replaced are not: same id and same facts, or it
 * says so itself. Another transaction under the same id replaces nothing.
 */
static Portal
open_records(Oid schema, Datum since, bool no_since, Datum until, bool no_until, ArrayType *tiers, bool others)
{
	Oid			types[3] = {TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[3] = {PointerGetDatum(tiers), since, until};
	char		nulls[3] = {' ', no_since ? 'n' : ' ', no_until ? 'n' : ' '};
	char	   *sql;

	sql = psprintf("SELECT j.record_id, j.decided_at, j.txn_id, j.decision OPERATOR(pg_catalog.->>) 'recommendation', j.txn, j.ml"
				   " FROM %%s.fraud_journal AS j"
				   " WHERE j.decision OPERATOR(pg_catalog.->>) 'tier' OPERATOR(pg_catalog.=) ANY ($1)%s"
				   " AND ($2 IS NULL OR j.decided_at OPERATOR(pg_catalog.>=) $2)"
				   " AND ($3 IS NULL OR j.decided_at OPERATOR(pg_catalog.<) $3)"
				   " AND NOT EXISTS (SELECT FROM %%s.fraud_settlements AS s WHERE s.record_id OPERATOR(pg_catalog.=) j.record_id)"
				   " AND NOT EXISTS (SELECT FROM %%s.fraud_journal AS l WHERE l.txn_id OPERATOR(pg_catalog.=) j.txn_id"
				   " AND l.decided_at OPERATOR(pg_catalog.>=) j.decided_at"
				   " AND (l.supersedes OPERATOR(pg_catalog.=) j.record_id OR (l.txn OPERATOR(pg_catalog.=) j.txn"
				   " AND (l.decided_at OPERATOR(pg_catalog.>) j.decided_at OR l.record_id OPERATOR(pg_catalog.>) j.record_id))))"
				   " ORDER BY j.decided_at, j.record_id FOR NO KEY UPDATE OF j SKIP LOCKED",
				   others ? " AND (j.queued OR j.decision OPERATOR(pg_catalog.->>) 'tier' OPERATOR(pg_catalog.=) ANY ('{2,3}'))" :
				   " AND j.queued");
	return SPI_cursor_open_with_args(NULL, journal_statement(schema, sql), 3, types, values, nulls, false, 0);
}

static void read_verdict(Settlement *s);

/* A verdict in the record makes the answer stricter, as it did when it came. */
static void
tighten(Settlement *s, int score)
{
	Verdict		verdict;

	if (s->recorded_ml == (Datum) 0 ||
		verdict_read(s->recorded_ml, ml_settings(), policy_active(), &verdict) != NULL || verdict.score <= score)
		return;
	s->ml = s->recorded_ml;
	read_verdict(s);
}

/* For attempt(): the decision of the rules as of the transaction's own time. */
static void
score_again(void *arg)
{
	Settlement *s = arg;
	Oid			types[1] = {JSONBOID};
	Datum		score;

	if (s->txn == (Datum) 0 || !JB_ROOT_IS_OBJECT(DatumGetJsonbP(s->txn)))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the record has no transaction")));
	if (journal_run(s->schema, "SELECT pg_catalog.to_jsonb(d), d.recommendation, d.risk_score FROM %s.fraud_score($1) AS d",
					false, 1, types, &s->txn, NULL) != 1 ||
		!column(SPI_tuptable, 0, 1, -1, &s->decision) || !column(SPI_tuptable, 0, 2, -1, &s->now) ||
		!column(SPI_tuptable, 0, 3, sizeof(int32), &score))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the transaction has no decision")));
	SPI_freetuptable(SPI_tuptable);
	tighten(s, DatumGetInt32(score));
}

Datum
fraud_requeue(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	int64		most = PG_ARGISNULL(3) ? PG_INT64_MAX : PG_GETARG_INT32(3);
	int64		settled = 0;
	int64		refused = 0;
	const char *why;
	char		last_why[256];
	JournalSession session;
	MemoryContext context;
	ArrayType  *tiers;
	bool		others;
	Portal		portal;

	prevent("fraud_requeue()");
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("tiers must not be null")));
	if (most < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_rows must be at least 1")));
	tiers = tiers_asked(PG_GETARG_ARRAYTYPE_P(2), &others);
	InitMaterializedSRF(fcinfo, 0);
	journal_begin(schema, &session);
	/* look-ups do without histories they cannot have at once: here they shall have them */
	journal_run(schema, "LOCK TABLE %s.fraud_sources, %s.fraud_profiles, %s.fraud_profile_deltas IN ACCESS SHARE MODE",
				false, 0, NULL, NULL, NULL);
	portal = open_records(schema, PG_GETARG_DATUM(0), PG_ARGISNULL(0), PG_GETARG_DATUM(1), PG_ARGISNULL(1), tiers, others);
	context = AllocSetContextCreate(CurrentMemoryContext, "fraud_fallback records", ALLOCSET_DEFAULT_SIZES);
	while (settled < most)
	{
		SPITupleTable *rows;
		uint64		n;

		/* a row is locked when it is fetched */
		SPI_cursor_fetch(portal, true, (long) Min(FETCH, most - settled));
		rows = SPI_tuptable;
		n = SPI_processed;
		for (uint64 i = 0; i < n; i++)
		{
			Settlement	s = {.schema = schema,.kind = "requeue"};
			MemoryContext old = MemoryContextSwitchTo(context);

			CHECK_FOR_INTERRUPTS();
			(void) column(rows, i, 1, -1, &s.record_id);
			(void) column(rows, i, 2, sizeof(TimestampTz), &s.decided_at);
			s.no_txn_id = !column(rows, i, 3, -1, &s.txn_id);
			s.no_was = !column(rows, i, 4, -1, &s.was);
			(void) column(rows, i, 5, -1, &s.txn);
			(void) column(rows, i, 6, -1, &s.recorded_ml);
			if (!attempt(score_again, &s, &why))
			{
				refused++;
				strlcpy(last_why, why, sizeof(last_why));
			}
			else if (write_settlement(&s))
			{
				Datum		values[4] = {s.txn_id, s.was, s.now, BoolGetDatum(changed(&s))};
				bool		nulls[4] = {s.no_txn_id, s.no_was, false, false};

				tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
				settled++;
			}
			MemoryContextSwitchTo(old);
			MemoryContextReset(context);
		}
		SPI_freetuptable(rows);
		if (n == 0)
			break;
	}
	SPI_cursor_close(portal);
	journal_end(&session);
	if (refused > 0)
		ereport(WARNING,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("records that could not be decided again, and stay in the queue: " INT64_FORMAT, refused),
				 errdetail("The last one: %s", last_why)));
	return (Datum) 0;
}

/* ---- fraud_reconcile() ---- */

/* Fills the record and locks it. Raises an error where it cannot be settled. */
static void
find_record(Settlement *s, const char *name)
{
	Oid			types[1] = {TEXTOID};
	bool		there;

	if (journal_run(s->schema, "SELECT s.settled_by, s.settled_at, s.kind FROM %s.fraud_settlements AS s"
					" WHERE s.record_id OPERATOR(pg_catalog.=) $1", false, 1, types, &s->record_id, NULL) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("record \"%s\" is settled already", name),
				 errdetail("By %s, at %s (%s).", SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1),
						   SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2),
						   SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3)),
				 errhint("The first settlement stays.")));
	if (journal_run(s->schema, "SELECT j.decided_at, j.txn_id, j.decision OPERATOR(pg_catalog.->>) 'recommendation'"
					" FROM %s.fraud_journal AS j WHERE j.record_id OPERATOR(pg_catalog.=) $1 FOR NO KEY UPDATE SKIP LOCKED",
					false, 1, types, &s->record_id, NULL) > 0)
	{
		(void) column(SPI_tuptable, 0, 1, sizeof(TimestampTz), &s->decided_at);
		s->no_txn_id = !column(SPI_tuptable, 0, 2, -1, &s->txn_id);
		s->no_was = !column(SPI_tuptable, 0, 3, -1, &s->was);
		return;
	}
	there = journal_run(s->schema, "SELECT FROM %s.fraud_journal AS j WHERE j.record_id OPERATOR(pg_catalog.=) $1",
						false, 1, types, &s->record_id, NULL) > 0;
	if (there)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("record \"%s\" is being settled by another session", name)));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("there is no record \"%s\"", name),
			 errhint("Records become rows of fraud_journal a second after they were written.")));
}

/* The verdict as a fraud_decision. Raises an error where it is none. */
static void
read_verdict(Settlement *s)
{
	Oid			types[4] = {JSONBOID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[4] = {s->ml, s->txn_id};
	char		nulls[4] = {' ', s->no_txn_id ? 'n' : ' ', ' ', ' '};
	char		hash[CONFIG_HASH_CHARS + 1];
	Datum		problem;

	/* its bands made a recommendation of the score */
	config_hash_text(policy_active()->hash, hash);
	values[2] = CStringGetTextDatum(hash);
	values[3] = CStringGetTextDatum(s->recorded_ml != (Datum) 0 ? "verdict of the record, stricter than the rules" : "verdict given afterwards");

	journal_run(s->schema, "SELECT CASE WHEN v.valid THEN NULL ELSE v.problem END, v.recommendation, pg_catalog.to_jsonb(pg_catalog.jsonb_populate_record("
				"NULL::%s.fraud_decision, pg_catalog.jsonb_build_object('txn_id', $2, 'is_fraud', v.is_fraud,"
				" 'risk_score', v.risk_score, 'risk_level', v.risk_level, 'risk_factors', v.risk_factors,"
				" 'recommendation', v.recommendation, 'mode', 'FULL', 'source', 'ML', 'degraded', false,"
				" 'coverage', 1, 'policy_hash', $3, 'reason', $4)))"
				" FROM %s.fraud_verdict($1) AS v", false, 4, types, values, nulls);
	if (column(SPI_tuptable, 0, 1, -1, &problem) || !column(SPI_tuptable, 0, 2, -1, &s->now))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("this is no verdict: %s", problem != (Datum) 0 ? TextDatumGetCString(problem) : "it has no recommendation")));
	(void) column(SPI_tuptable, 0, 3, -1, &s->decision);
}

Datum
fraud_reconcile(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Settlement	s = {.kind = "reconcile"};
	JournalSession session;
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {false};
	MemoryContext caller = CurrentMemoryContext;
	Datum		result;

	prevent("fraud_reconcile()");
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	s.schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	s.record_id = PG_GETARG_DATUM(0);
	s.ml = PG_GETARG_DATUM(1);
	journal_begin(s.schema, &session);
	find_record(&s, name);
	read_verdict(&s);
	if (!write_settlement(&s))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("record \"%s\" is settled already", name),
				 errhint("The first settlement stays.")));
	values[0] = s.txn_id;
	nulls[0] = s.no_txn_id;
	values[1] = s.was;
	nulls[1] = s.no_was;
	values[2] = s.now;
	values[3] = BoolGetDatum(changed(&s));
	/* SPI takes its memory along */
	MemoryContextSwitchTo(caller);
	result = HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
	journal_end(&session);
	PG_RETURN_DATUM(result);
}
