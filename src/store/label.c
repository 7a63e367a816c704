/*-------------------------------------------------------------------------
 *
 * label.c
 *	  fraud_label(): what a transaction turned out to be.
 *
 * fraud_labels keeps the last word on each transaction. An approved one that
 * becomes a fraud is appended to histories as a revision with the time since
 * when it is known: merchants' reputations count it, and the customer's past
 * is without it. What cannot be appended - a retraction, another time - marks
 * the keys stale.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "policy/policy_active.h"
#include "store/delta.h"
#include "store/rebuild.h"
#include "store/trigger.h"
#include "txn/txn_read.h"

typedef struct LabelChange
{
	bool		was_fraud;
	bool		is_fraud;
	bool		same;			/* nothing changes in histories */
	TimestampTz known;			/* valid if is_fraud */
} LabelChange;

/* Writes the label, or takes it back. Called within SPI as the store's owner. */
static void
write_label(Oid schema, const char *txn_id, bool retract, bool is_fraud, TimestampTz known,
			LabelChange *change)
{
	char	   *table = store_name(schema, "fraud_labels");
	Oid			types[] = {TEXTOID, BOOLOID, TIMESTAMPTZOID, TEXTOID};
	Datum		values[4];
	TimestampTz was_known = 0;
	bool		isnull;

	values[0] = CStringGetTextDatum(txn_id);
	values[1] = BoolGetDatum(is_fraud);
	values[2] = TimestampTzGetDatum(known);
	values[3] = CStringGetTextDatum(GetUserNameFromId(GetSessionUserId(), true));

	/* two who label the same transaction come one after the other */
	if (!retract)
		SPI_execute_with_args(psprintf("INSERT INTO %s (txn_id, is_fraud, known_at) VALUES ($1, false, $3)"
									   " ON CONFLICT (txn_id) DO NOTHING", table),
							  3, types, values, NULL, false, 0);
	SPI_execute_with_args(psprintf("SELECT is_fraud, known_at FROM %s WHERE txn_id OPERATOR(pg_catalog.=) $1"
								   " FOR UPDATE", table),
						  1, types, values, NULL, false, 0);
	change->was_fraud = false;
	if (SPI_processed > 0)
	{
		change->was_fraud = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		was_known = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	}
	change->is_fraud = !retract && is_fraud;
	change->known = known;
	change->same = change->is_fraud == change->was_fraud &&
		(!change->is_fraud || was_known == known);
	if (retract)
		SPI_execute_with_args(psprintf("DELETE FROM %s WHERE txn_id OPERATOR(pg_catalog.=) $1", table),
							  1, types, values, NULL, false, 0);
	else
		SPI_execute_with_args(psprintf("UPDATE %s SET is_fraud = $2, known_at = $3,"
									   " labelled_at = pg_catalog.clock_timestamp(), labelled_by = $4"
									   " WHERE txn_id OPERATOR(pg_catalog.=) $1", table),
							  4, types, values, NULL, false, 0);
}

/* What was not paid is nobody's loss: only approved ones matter. */
static void
change_histories(Oid schema, int32 source, const Txn *txn, const LabelChange *change)
{
	DeltaBatch	batch;
	Event		event;

	if (!txn_event(txn, &event) || event.status != STATUS_APPROVED)
		return;
	delta_begin(&batch, schema, source, policy_active()->basis_hash, STORE_WAIT);
	event.status = STATUS_FRAUD;
	if (change->was_fraud)
		delta_stale(&batch, txn);
	else
		delta_event(&batch, txn, &event, &change->known, DELTA_REVISIONS);
	delta_end(&batch);
}

/* The rows of an attached table with this id, into histories. Within SPI. */
static bool
label_rows(Oid schema, const Source *source, const char *txn_id, bool trimmed, const LabelChange *change)
{
	const Policy *policy = policy_active();
	ColumnNames *names = source->columns != NULL ? column_names_read(source->columns) :
		palloc0(sizeof(ColumnNames));
	const char *column = names->name[COL_TXN_ID] != NULL ? names->name[COL_TXN_ID] :
		txn_column_name(policy, COL_TXN_ID);
	Relation	table = try_relation_open(source->relation, AccessShareLock);
	SPITupleTable *rows;
	TxnReader	reader;
	Txn		   *txn;
	char	   *condition;
	char	   *name;
	bool		found = false;
	uint64		n;
	uint64		i;
	Oid			user;
	int			security;

	if (table == NULL)
		return false;
	condition = store_id_condition(table, column, txn_id, trimmed);
	name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table)),
									  RelationGetRelationName(table));
	if (condition == NULL)
	{
		relation_close(table, AccessShareLock);
		return false;
	}
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(table->rd_rel->relowner,
						   security | SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
	SPI_execute(psprintf("SELECT (t.*)::%s FROM %s AS t WHERE %s", name, name, condition), true, 0);
	SetUserIdAndSecContext(user, security);

	rows = SPI_tuptable;
	n = SPI_processed;
	txn = palloc(sizeof(Txn));
	txn_reader_init(&reader, RECORDOID, TXN_FOR_HISTORY | COL_BIT(COL_IP), CurrentMemoryContext);
	reader.names = names;
	for (i = 0; i < n; i++)
	{
		bool		isnull;
		Datum		row = SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull);

		txn_read(&reader, row, policy, txn);
		if (txn->txn_id.len != (int) strlen(txn_id) || memcmp(txn->txn_id.p, txn_id, txn->txn_id.len) != 0)
			continue;
		found = true;
		if (!change->same)
			change_histories(schema, source->id, txn, change);
	}
	relation_close(table, NoLock);
	return found;
}

/*
 * txn: given by the caller, or NULL. True where the transaction is known and
 * its histories follow.
 */
static bool
label(Oid schema, const char *txn_id, const Txn *txn, bool retract, bool is_fraud, TimestampTz known)
{
	LabelChange change;
	Source	   *list;
	bool		found = false;
	int			n;
	int			i;
	Oid			user;
	int			security;

	PreventCommandIfReadOnly("fraud_label()");
	PreventCommandDuringRecovery("fraud_label()");
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(store_owner(schema), security | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	write_label(schema, txn_id, retract, is_fraud, known, &change);
	n = sources(schema, &list);
	for (i = 0; i < n; i++)
		found |= label_rows(schema, &list[i], txn_id, false, &change);
	/* ids with blanks around them are rare, and no index finds them */
	for (i = 0; i < n && !found; i++)
		found |= store_has_blanks(schema, list[i].id) &&
			 label_rows(schema, &list[i], txn_id, true, &change);
	if (!found && txn != NULL)
	{
		/* of no attached table: learned, if remembered at all */
		if (!change.same)
			change_histories(schema, SOURCE_LEARNED, txn, &change);
		found = true;
	}
	SPI_finish();
	SetUserIdAndSecContext(user, security);
	return found;
}

static void
bad_id(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a label needs the id of a transaction")));
}

/* fraud_label(txn_id, is_fraud, known_at) */
PG_FUNCTION_INFO_V1(fraud_label);
Datum
fraud_label(PG_FUNCTION_ARGS)
{
	text	   *id = PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0);
	const char *s = id == NULL ? "" : VARDATA_ANY(id);
	int			len = id == NULL ? 0 : (int) VARSIZE_ANY_EXHDR(id);

	value_trim(&s, &len);
	if (len == 0)
		bad_id();
	PG_RETURN_BOOL(label(store_schema(fcinfo->flinfo->fn_oid), pnstrdup(s, len), NULL,
						 PG_ARGISNULL(1), !PG_ARGISNULL(1) && PG_GETARG_BOOL(1),
						 PG_ARGISNULL(2) ? GetCurrentTimestamp() : PG_GETARG_TIMESTAMPTZ(2)));
}

/* fraud_label(txn, is_fraud, known_at) */
PG_FUNCTION_INFO_V1(fraud_label_txn);
Datum
fraud_label_txn(PG_FUNCTION_ARGS)
{
	TxnReader	reader;
	Txn		   *txn = palloc(sizeof(Txn));

	if (PG_ARGISNULL(0))
		bad_id();
	txn_reader_init(&reader, get_fn_expr_argtype(fcinfo->flinfo, 0), TXN_FOR_HISTORY | COL_BIT(COL_IP),
					CurrentMemoryContext);
	txn_read(&reader, PG_GETARG_DATUM(0), policy_active(), txn);
	if (txn->txn_id.len == 0)
		bad_id();
	PG_RETURN_BOOL(label(store_schema(fcinfo->flinfo->fn_oid), pnstrdup(txn->txn_id.p, txn->txn_id.len), txn,
						 PG_ARGISNULL(1), !PG_ARGISNULL(1) && PG_GETARG_BOOL(1),
						 PG_ARGISNULL(2) ? GetCurrentTimestamp() : PG_GETARG_TIMESTAMPTZ(2)));
}
