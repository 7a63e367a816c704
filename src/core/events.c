/*-------------------------------------------------------------------------
 *
 * events.c
 *	  The ring of events in shared memory; see events.h.
 *
 * No locks: the ring is ring.c's, the rest are atomics. Positions and counts
 * of readers are written by the worker only; they are here so that a new
 * worker goes on where the last one ended. A crash of the server loses what is
 * in the ring.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/guc.h"

#include "core/clock.h"
#include "core/event_reader.h"
#include "core/events.h"
#include "core/ring.h"
#include "core/shmem.h"
#include "core/worker.h"

#define EVENTS				256

/*
 * A place that its writer has not filled after so long is given up: whoever
 * took it failed on the way. Others wait behind it until then.
 */
#define PENDING_MAX			(5 * USECS_PER_SEC)

typedef struct EventsShared
{
	pg_atomic_uint64 position[EVENT_READERS];
	pg_atomic_uint64 dropped[EVENT_READERS];
	Ring		ring;			/* last: its cells follow */
} EventsShared;

static EventsShared *shared;	/* NULL without preload */

/* where a reader found a place that is not filled, and since when; the worker's */
static struct
{
	uint64		place;
	int64		since;			/* 0: nowhere */
}			pending[EVENT_READERS];

/* ---- writers ---- */

uint64
events_reserve(void)
{
	return shared != NULL ? ring_reserve(&shared->ring) : 0;
}

void
events_publish(uint64 place, const FraudEvent *event)
{
	void	   *cell;

	if (shared == NULL)
		return;
	cell = ring_begin(&shared->ring, place);
	if (cell != NULL)
	{
		memcpy(cell, event, sizeof(FraudEvent));
		ring_publish(&shared->ring, place);
	}
	worker_wake();
}

const char *
events_who(void)
{
	/* no catalog is read for it; processes nobody logged into have none */
	const char *role = GetConfigOption("session_authorization", true, false);

	return role != NULL && role[0] != '\0' ? role : "worker";
}

/* ---- readers, in the worker ---- */

uint64
events_position(EventReader reader)
{
	return pg_atomic_read_u64(&shared->position[reader]);
}

void
events_advance(EventReader reader, uint64 position, uint64 lost)
{
	pg_atomic_write_u64(&shared->position[reader], position);
	if (lost > 0)
		(void) pg_atomic_fetch_add_u64(&shared->dropped[reader], lost);
}

bool
events_next(EventReader reader, uint64 *place, uint64 *lost, FraudEvent *event)
{
	for (;; (*place)++, (*lost)++)
	{
		switch (ring_read(&shared->ring, *place, event))
		{
			case RING_READ:
				pending[reader].since = 0;
				(*place)++;
				return true;
			case RING_END:
				return false;
			case RING_LOST:
				break;
			case RING_PENDING:
				if (pending[reader].since == 0 || pending[reader].place != *place)
				{
					pending[reader].place = *place;
					pending[reader].since = clock_now();
				}
				if (clock_now() - pending[reader].since < PENDING_MAX)
					return false;
				break;
		}
	}
}

/* ---- shared memory ---- */

static Size
events_size(void)
{
	return offsetof(EventsShared, ring) + ring_size(EVENTS, sizeof(FraudEvent));
}

static void
events_setup(void *memory, LWLockPadded *locks, bool found)
{
	shared = memory;
	if (found)
		return;
	for (int i = 0; i < EVENT_READERS; i++)
	{
		pg_atomic_init_u64(&shared->position[i], 0);
		pg_atomic_init_u64(&shared->dropped[i], 0);
	}
	ring_init(&shared->ring, EVENTS, sizeof(FraudEvent));
}

void
events_init(void)
{
	shmem_register("fraud_fallback events", events_size, events_setup, 0);
}
