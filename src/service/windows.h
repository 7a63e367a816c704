/*-------------------------------------------------------------------------
 *
 * windows.h
 *	  Maintenance windows: when the service is off, as announced.
 *
 * Pure. Times are wall times, microseconds as in timestamptz: people agree on
 * windows by the clock on the wall.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SERVICE_WINDOWS_H
#define FRAUD_SERVICE_WINDOWS_H

#include "service/service_config.h"

#define WINDOWS_MAX			32

typedef struct Window
{
	int64		id;
	int64		starts;			/* the first one */
	int64		ends;
	int64		every;			/* again after so long; 0: once */
	int64		created_at;
	bool		announced;		/* it is open, and that was told */
	char		by[NAMEDATALEN];
	char		message[NOTICE_MESSAGE_MAX];	/* UTF-8; empty: the setting's */
	char		contact[NOTICE_CONTACT_MAX];
} Window;

typedef struct WindowTable
{
	int64		last_id;
	int32		n;
	Window		window[WINDOWS_MAX];	/* in order of their ids */
} WindowTable;

/* The one it is in, or that comes next: false where there is none any more. */
extern bool window_occurrence(const Window *window, int64 wall, int64 *starts, int64 *ends);

/* Is it open? */
extern bool window_open(const Window *window, int64 wall);

/*
 * The open one that ends last, -1 for none, and when all is over: windows that
 * follow one another without a gap count as one.
 */
extern int	windows_current(const WindowTable *table, int64 wall, int64 *ends);

/* Adds a copy and gives it an id; 0: there is no room. */
extern int64 windows_add(WindowTable *table, const Window *window);
extern int	windows_find(const WindowTable *table, int64 id);	/* -1: none */
extern void windows_remove(WindowTable *table, int i);

/* The first one that will never be open again, -1 for none. */
extern int	windows_over(const WindowTable *table, int64 wall);

#endif							/* FRAUD_SERVICE_WINDOWS_H */
