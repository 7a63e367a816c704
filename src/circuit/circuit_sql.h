/*-------------------------------------------------------------------------
 *
 * circuit_sql.h
 *	  Shared by the SQL functions of circuits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CIRCUIT_CIRCUIT_SQL_H
#define FRAUD_CIRCUIT_CIRCUIT_SQL_H

#include "circuit/circuits.h"

/* Microseconds, a month as 30 days; 0 for negative ones. */
extern int64 circuit_interval(const Interval *interval);

/*
 * What circuit_refusal() answers: why there was no room, why a call was
 * refused, what made one fail; nothing where all went well.
 */
extern void circuit_note_no_room(const text *name);
extern void circuit_note_refusal(const Circuit *c, Admission why);
extern void circuit_note_failure(const Circuit *c, const char *kind);
extern void circuit_note_success(void);

/* Why a call was refused, for people; palloc'd. */
extern char *circuit_refusal_text(const char *name, Admission why);

#endif							/* FRAUD_CIRCUIT_CIRCUIT_SQL_H */
