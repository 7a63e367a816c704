/*-------------------------------------------------------------------------
 *
 * facts.h
 *	  Which transaction it is, and everything known of it, as two hashes.
 *
 * No fmgr.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_LIVE_FACTS_H
#define FRAUD_LIVE_FACTS_H

#include "live/kept.h"
#include "txn/txn.h"

/*
 * The key of a decision about it. False where nothing says that two such
 * transactions are one: no txn_id, and no time of day either.
 */
extern bool kept_key_of_txn(const Txn *txn, const Hash128 *seeds, KeptKey *key);

/*
 * The identity under which a transaction counts whose id was used already for
 * other facts: a new attempt. It goes into Txn.identity before anything else is
 * made of it, so that it leaves out itself and counts the others.
 */
extern uint64 identity_of_reused(uint64 identity, const KeptKey *key);

#endif							/* FRAUD_LIVE_FACTS_H */
