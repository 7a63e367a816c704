/*-------------------------------------------------------------------------
 *
 * install.h
 *	  Putting our triggers on a table, in this transaction or in one of its own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_STORE_INSTALL_H
#define FRAUD_STORE_INSTALL_H

#include "store/tables.h"

#define INSTALL_COLUMNS_MAX		4000

/* What is to be installed; travels to a background worker as it stands. */
typedef struct InstallRequest
{
	Oid			schema;
	Oid			relation;
	Oid			user;			/* who attaches */
	uint64		basis;
	bool		has_columns;
	char		columns[INSTALL_COLUMNS_MAX];	/* JSON */
} InstallRequest;

/* Whether a trigger of ours is missing, disabled or not right on the table or on what inherits from it. */
extern bool install_needed(Oid relation, int32 source, const char *columns);

/*
 * Writes the row of fraud_sources, if it is not there, and creates the
 * triggers that are missing, on the table and on what inherits from it.
 * Waits for the table's writers to finish. Returns the source's number.
 */
extern int32 install_here(const InstallRequest *request);

/*
 * The same in a transaction of a background worker, so that writers go on as
 * soon as the triggers are there. False where no worker is to be had.
 */
extern bool install_apart(const InstallRequest *request, int32 *source);

#endif							/* FRAUD_STORE_INSTALL_H */
