/*-------------------------------------------------------------------------
 *
 * trigger.h
 *	  The triggers of an attached table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_STORE_TRIGGER_H
#define FRAUD_STORE_TRIGGER_H

#include "txn/txn_read.h"
#include "utils/rel.h"

/* Makes row types of attached tables be read with the names given to attach. */
extern void trigger_init(void);

/* Reads {"occurred_at": "created", ...}; 22023 where it is something else. */
extern ColumnNames *column_names_read(const char *json);

/* What a relation's trigger of ours says; false where it has none. */
typedef struct TriggerArgs
{
	int32		source;
	const char *columns;		/* JSON, NULL: the policy's names; points into the relcache */
	bool		part;			/* a partition of the attached table, or a child */
} TriggerArgs;

extern bool trigger_args(Relation rel, TriggerArgs *args);

/* The same of one trigger; false where it is none of ours. */
struct Trigger;
extern bool trigger_read_args(const struct Trigger *trigger, TriggerArgs *args);

#endif							/* FRAUD_STORE_TRIGGER_H */
