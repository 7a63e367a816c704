/*-------------------------------------------------------------------------
 *
 * event_table.h
 *	  The table fraud_events; see event_table.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_EVENT_TABLE_H
#define FRAUD_CORE_EVENT_TABLE_H

#include "core/events.h"

/* The table of the extension in this schema; InvalidOid: there is none. */
extern Oid	event_table(Oid schema);

/*
 * Writes n events with the rights of the table's owner. With notify, listeners
 * of the channel fraud_fallback get each as JSON when the transaction commits.
 */
extern void event_table_insert(Oid table, const FraudEvent *events, int n, bool notify);

#endif							/* FRAUD_CORE_EVENT_TABLE_H */
