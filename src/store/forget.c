/*-------------------------------------------------------------------------
 *
 * forget.c
 *	  Forgetting one key; see forget.h.
 *
 * With the shard's lock nobody else turns deltas into histories: what the
 * statements below see is all there is, and they see it as of the moment the
 * lock was had. A delta that commits later is of a payment that came later.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "store/forget.h"
#include "store/tables.h"

int64
store_forget_key(Oid schema, const StoreKey *key)
{
	Oid			types[3] = {TEXTOID, TEXTOID, INT8OID};
	Datum		values[3];
	int64		rows;

	values[0] = CStringGetTextDatum(store_entity_names[key->entity]);
	values[1] = PointerGetDatum(cstring_to_text_with_len(key->text, key->len));
	values[2] = Int64GetDatum(key->slot);
	(void) store_lock_shard(schema, store_shard(key->slot), STORE_WAIT);
	/* another key may have the same slot */
	rows = (int64) store_run(schema, psprintf("DELETE FROM %s WHERE slot OPERATOR(pg_catalog.=) $3"
											  " AND entity OPERATOR(pg_catalog.=) $1 AND key OPERATOR(pg_catalog.=) $2",
											  store_name(schema, "fraud_profile_deltas")), NULL, 3, types, values);
	rows += (int64) store_run(schema, psprintf("DELETE FROM %s WHERE entity OPERATOR(pg_catalog.=) $1"
											   " AND key OPERATOR(pg_catalog.=) $2",
											   store_name(schema, "fraud_profiles")), NULL, 2, types, values);
	return rows;
}
