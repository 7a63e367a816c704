/*-------------------------------------------------------------------------
 *
 * timeline.h
 *	  The history of one entity while its rows pass in order of time: events
 *	  when they occur, confirmed frauds when they become known.
 *
 * At any moment `state` is the profile of the events up to then, of which the
 * frauds known by then are frauds and the others still ordinary payments. It
 * is so exactly, however long ago a fraud was when it became known: a second
 * profile leaves frauds out until they are known, and is what `state` becomes
 * then, with those still unknown on top. Without such frauds there is only
 * the one.
 *
 * No fmgr.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SCORE_TIMELINE_H
#define FRAUD_SCORE_TIMELINE_H

#include "profile/profile.h"

/* A payment that will turn out to be fraud. */
typedef struct PendingFraud
{
	Event		event;
	int64		known;
} PendingFraud;

typedef struct Timeline
{
	ProfileState *state;		/* to read */
	int64		end;			/* nobody asks for later times */
	int			first;			/* of pending */
	int			n;				/* up to here; first == n: none */
	int			room;
	PendingFraud *pending;		/* palloc'd, soonest known first */
	Event		last_fraud;		/* the one observed last */
	ProfileState settled;		/* without pending; valid if there are any */
} Timeline;

extern void timeline_init(Timeline *timeline, ProfileState *state, int64 end);
extern void timeline_end(Timeline *timeline);

/* Begins the history of another entity. */
extern void timeline_start(Timeline *timeline, uint64 basis);

/* Moves on to a time: what is known by then counts. Before events of that time. */
extern void timeline_advance(Timeline *timeline, int64 time);

/* An event of the time moved on to; a repeat of the last one does nothing. */
extern void timeline_observe(Timeline *timeline, const Event *event);

/* The same of an approved one that turned out to be fraud, known since a whole second. */
extern void timeline_observe_fraud(Timeline *timeline, const Event *event, int64 known);

#endif							/* FRAUD_SCORE_TIMELINE_H */
