/*-------------------------------------------------------------------------
 *
 * kept.h
 *	  Decisions of the last ten minutes, and those being made: one partition of
 *	  that memory.
 *
 * A head for each transaction id and facts of it, in the places of live_key.h
 * by the id: a transaction asked again finds its decision, one that uses an id
 * again with other facts finds that out. The answers' bytes are of any size
 * and lie in a ring of bytes, where new ones overwrite the oldest.
 *
 * Claims. Whoever finds no decision claims to make it. The claim is a head
 * without an answer; others that come meanwhile are told so, decide by
 * themselves and do not count it: nobody waits. A claim ends with the answer,
 * with kept_release(), or after KEPT_LEASE, should its owner never come back.
 * One that brings a verdict may stand beside one that does not have any.
 * Whatever comes in what order, of two answers that differ in having a verdict
 * the one that has it stays, else the first.
 *
 * No locks here: decisions.c has them. No fmgr.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_LIVE_KEPT_H
#define FRAUD_LIVE_KEPT_H

#include "live/live_key.h"

#define KEPT_MAX			2000	/* bytes of an answer */
#define KEPT_USUAL			640 /* room for each in the ring, on average */
#define KEPT_RECORD			32	/* bytes of a journal record's id */
#define KEPT_FOR			(INT64CONST(600) * 1000000)
#define KEPT_LEASE			(INT64CONST(60) * 1000000)

typedef struct Kept Kept;

/* A transaction: its id, and everything known of it. */
typedef struct KeptKey
{
	Hash128		txn;
	Hash128		facts;
} KeptKey;

typedef struct KeptAnswer
{
	int64		at;				/* when it was put */
	bool		verdict;		/* of a valid ML answer */
	uint8		record[KEPT_RECORD];
	int			len;			/* 0: none */
	char		bytes[KEPT_MAX];
} KeptAnswer;

typedef enum KeptFound
{
	KEPT_NONE,
	KEPT_SAME,					/* decided; the answer is returned */
	KEPT_OTHER,					/* only this id with other facts */
	KEPT_BUSY					/* being decided */
} KeptFound;

typedef enum KeptClaim
{
	CLAIM_FIRST,				/* yours: decide it, count it, put the answer */
	CLAIM_SUPERSEDES,			/* yours: the same, in place of an answer without verdict */
	CLAIM_REPEAT,				/* the answer returned is the answer */
	CLAIM_BUSY					/* another's: decide it, but do not count it nor put the answer */
} KeptClaim;

typedef struct KeptPut
{
	bool		kept;			/* it is the answer now */
	bool		other;			/* `record` is set: there was, or stays, another answer */
	uint8		record[KEPT_RECORD];
} KeptPut;

typedef struct KeptCounters
{
	uint64		decisions;		/* answers there are, ten minutes old or more too */
	uint64		evicted;		/* answers that made room before their ten minutes */
	uint64		full;			/* claims and answers that found no place */
} KeptCounters;

extern size_t kept_size(uint32 sets);
extern void kept_init(Kept *kept, uint32 sets);
extern uint32 kept_capacity(uint32 sets);
extern void kept_counters(const Kept *kept, KeptCounters *counters);

/* reused: the id was there with other facts, whatever else was found. */
extern KeptFound kept_find(const Kept *kept, const KeptKey *key, int64 now, bool *reused, KeptAnswer *answer);

/* The newest answer with a verdict, however old, as long as nothing has taken its place. */
extern bool kept_verdict(const Kept *kept, const KeptKey *key, KeptAnswer *answer);

/*
 * As kept_find(), and claims what is not decided. token: of the claim, for what ends
 * it; 0 where there was no place for it. The answer is that returned or
 * superseded, if there is one yet.
 */
extern KeptClaim kept_claim(Kept *kept, const KeptKey *key, bool verdict, int64 now, bool *reused,
							uint32 *token, KeptAnswer *answer);

/* The answer to a claim: at least one byte, at most KEPT_MAX. */
extern void kept_put(Kept *kept, const KeptKey *key, uint32 token, const char *bytes, int len,
					 bool verdict, const uint8 *record, int64 now, KeptPut *put);

/* No answer will come. */
extern void kept_release(Kept *kept, const KeptKey *key, uint32 token);

#endif							/* FRAUD_LIVE_KEPT_H */
