/*-------------------------------------------------------------------------
 *
 * label_source.c
 *	  Confirmed frauds of fraud_labels, for src/score/fraud_labels.h.
 *
 * Read with the snapshot of the running statement and only for who may SELECT
 * from fraud_labels: scores would tell others of labels. A lock on the table
 * is waited for, as any query would: an answer that leaves labels out because
 * vacuum was just there would be a wrong one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "score/fraud_labels.h"
#include "store/label_source.h"
#include "store/tables.h"

static bool
may_read(Relation labels, bool required)
{
	AclResult	result = pg_class_aclcheck(RelationGetRelid(labels), GetUserId(), ACL_SELECT);

	if (result != ACLCHECK_OK && required)
		aclcheck_error(result, OBJECT_TABLE, RelationGetRelationName(labels));
	return result == ACLCHECK_OK;
}

static void
read_frauds(Oid function, bool required, TakeFraud take, void *arg)
{
	Relation	labels = store_open(store_schema(function), STORE_LABELS, AccessShareLock, STORE_WAIT);
	TableScanDesc scan;
	TupleTableSlot *slot;

	if (labels == NULL)
		return;
	if (may_read(labels, required))
	{
		slot = table_slot_create(labels, NULL);
		scan = table_beginscan(labels, GetActiveSnapshot(), 0, NULL);
		while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		{
			bool		isnull;
			Datum		value;
			text	   *id;

			CHECK_FOR_INTERRUPTS();
			if (!DatumGetBool(slot_getattr(slot, LABELS_IS_FRAUD, &isnull)))
				continue;
			value = slot_getattr(slot, LABELS_TXN_ID, &isnull);
			id = DatumGetTextPP(value);
			take(arg, VARDATA_ANY(id), (int) VARSIZE_ANY_EXHDR(id),
				 DatumGetTimestampTz(slot_getattr(slot, LABELS_KNOWN_AT, &isnull)));
			if (PointerGetDatum(id) != value)
				pfree(id);
		}
		table_endscan(scan);
		ExecDropSingleTupleTableSlot(slot);
	}
	relation_close(labels, AccessShareLock);
}

void
label_source_init(void)
{
	fraud_labels_source = read_frauds;
}
