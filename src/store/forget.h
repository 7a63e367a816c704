/*-------------------------------------------------------------------------
 *
 * forget.h
 *	  Forgetting one key.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_STORE_FORGET_H
#define FRAUD_STORE_FORGET_H

#include "store/key.h"

/*
 * Deletes the histories of a key, of all sources, and what waits to become part
 * of them. Waits for whoever folds or rebuilds its shard, and keeps the shard
 * until the transaction ends. Returns the number of rows.
 */
extern int64 store_forget_key(Oid schema, const StoreKey *key);

#endif							/* FRAUD_STORE_FORGET_H */
