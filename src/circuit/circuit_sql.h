/*-------------------------------------------------------------------------
 *
 * circuit_sql.h
 *	  Shared by the SQL functions of circuits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CIRCUIT_CIRCUIT_SQL_H
#define FRAUD_CIRCUIT_CIRCUIT_SQL_H

#include "datatype/timestamp.h"

/* Microseconds, a month as 30 days; 0 for negative ones. */
extern int64 circuit_interval(const Interval *interval);

#endif							/* FRAUD_CIRCUIT_CIRCUIT_SQL_H */
