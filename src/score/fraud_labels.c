/*-------------------------------------------------------------------------
 *
 * fraud_labels.c
 *	  Confirmed frauds in memory, by the hash of their txn_id (64 bits).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "score/fraud_labels.h"

void		(*fraud_labels_source) (Oid function, bool required, TakeFraud take, void *arg) = NULL;

typedef struct FraudLabel
{
	uint64		id;
	int64		known;
	char		status;
} FraudLabel;

#define SH_PREFIX labels
#define SH_ELEMENT_TYPE FraudLabel
#define SH_KEY_TYPE uint64
#define SH_KEY id
#define SH_HASH_KEY(tb, key) ((uint32) (key))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct FraudLabels
{
	labels_hash *hash;
};

static void
take_fraud(void *arg, const char *txn_id, int len, TimestampTz known)
{
	FraudLabels *labels = arg;
	FraudLabel *label;
	bool		found;

	label = labels_insert(labels->hash, value_hash(COL_TXN_ID, txn_id, len), &found);
	/* rounded up, as histories keep it */
	if (known > EVENT_TIME_MAX)
		label->known = PG_INT64_MAX;
	else if (known < EVENT_TIME_MIN)
		label->known = EVENT_TIME_MIN;
	else
	{
		int64		over = known % INT64CONST(1000000);

		label->known = over > 0 ? known + INT64CONST(1000000) - over : known - over;
	}
}

FraudLabels *
fraud_labels_load(Oid function, bool required)
{
	FraudLabels *labels = palloc(sizeof(FraudLabels));

	labels->hash = labels_create(CurrentMemoryContext, 256, NULL);
	if (fraud_labels_source != NULL)
		fraud_labels_source(function, required, take_fraud, labels);
	return labels;
}

bool
fraud_labels_find(const FraudLabels *labels, const TxnText *txn_id, int64 *known)
{
	FraudLabel *label;

	if (labels->hash->members == 0 || txn_id->len == 0)
		return false;
	label = labels_lookup(labels->hash, value_hash(COL_TXN_ID, txn_id->p, txn_id->len));
	if (label == NULL)
		return false;
	*known = label->known;
	return true;
}

bool
fraud_labels_none(const FraudLabels *labels)
{
	return labels->hash->members == 0;
}
