/*-------------------------------------------------------------------------
 *
 * rebuild.h
 *	  Histories anew, from the rows of an attached table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_STORE_REBUILD_H
#define FRAUD_STORE_REBUILD_H

#include "store/tables.h"

typedef struct RebuildResult
{
	int64		events;			/* by entity and key, of all entities */
	int64		keys[LAST_ENTITY + 1];
} RebuildResult;

/*
 * Replaces what is remembered of a source, or of one key of it (NULL: all),
 * by what its table says now. columns: the table's own names as JSON, or NULL.
 * Rows written meanwhile are neither lost nor counted twice; writers do not
 * wait, folding does.
 */
extern void rebuild(Oid schema, Relation table, int32 source, const char *columns,
					const char *key, RebuildResult *result);

/* An attached table's source; false where it is not attached. */
typedef struct Source
{
	int32		id;
	Oid			relation;
	char	   *columns;		/* JSON or NULL */
	bool		filled;
} Source;

extern bool source_of(Oid schema, Oid relation, Source *source);

/* Every attached table, in memory of the current context; returns how many. */
extern int	sources(Oid schema, Source **list);

#endif							/* FRAUD_STORE_REBUILD_H */
