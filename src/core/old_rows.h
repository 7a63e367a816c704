/*-------------------------------------------------------------------------
 *
 * old_rows.h
 *	  Removing old rows of tables whose triggers refuse DELETE.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_OLD_ROWS_H
#define FRAUD_CORE_OLD_ROWS_H

#include "datatype/timestamp.h"
#include "utils/relcache.h"

/*
 * Deletes rows whose timestamptz in a column is earlier, below the triggers.
 * Returns how many. The caller has the table open for writing, and sees to it
 * that nobody else deletes.
 */
extern int64 old_rows_delete(Relation rel, int column, TimestampTz before);

#endif							/* FRAUD_CORE_OLD_ROWS_H */
