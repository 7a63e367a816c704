/*-------------------------------------------------------------------------
 *
 * decide_health.c
 *	  Checks of fraud_health() for what decisions need: that they can be
 *	  recorded, and that histories can be read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "core/worker_tables.h"
#include "decide/decide_health.h"
#include "journal/journal_files.h"
#include "service/health_checks.h"
#include "store/lookup.h"

static bool
can_be_recorded(StringInfo says)
{
	bool		writable = journal_writable();

	appendStringInfoString(says, writable ? "decisions are recorded" :
						   "decisions cannot be recorded, see fraud_journal_status");
	return writable;
}

/* Looks into the store as a decision does, so that the first of them finds it open. */
static bool
histories_are_there(StringInfo says)
{
	Oid			schema = extension_schema();
	StoreReader reader;
	StoreContent content;

	if (!OidIsValid(schema))
	{
		appendStringInfoString(says, "the extension is not created in this database");
		return false;
	}
	if (!store_reader_open(&reader, schema))
	{
		appendStringInfoString(says, "the store of histories is locked");
		return false;
	}
	store_content(&reader, &content);
	store_reader_close(&reader);
	appendStringInfoString(says, content.filling ? "histories are being filled from an attached table" :
						   content.attached || content.remembered ? "histories can be read" :
						   "no table is attached and nothing was learned");
	return !content.filling;
}

void
decide_health_init(void)
{
	health_check_register(CHECK_READY, "journal", can_be_recorded);
	health_check_register(CHECK_STARTUP, "histories", histories_are_there);
}
