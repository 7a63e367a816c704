/*-------------------------------------------------------------------------
 *
 * circuit_saved.c
 *	  Circuits that are open or forced, on disk; see circuit_saved.h.
 *
 * One file holds them all. Whoever changes a circuit to a state that must
 * outlive a crash writes it before the call returns; that a circuit has closed
 * again, the worker writes within a second. A crash in between finds it OPEN.
 *
 * Writers come one after the other, by a lock of their own; each writes what
 * is when it has the lock, so the last one has it all, and one that finds its
 * change on disk has nothing to do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "circuit/circuit_saved.h"
#include "core/clock.h"
#include "core/saved_state.h"

#define STATE_FILE			"circuits"
#define STATE_FORMAT		1

typedef struct SavedHead
{
	int32		format;
	int32		n;
} SavedHead;

typedef struct SavedCircuit
{
	char		name[CIRCUIT_NAME_MAX];
	int32		state;
	int32		resume;
	int32		step;
	int32		unused;			/* 0 */
	int64		duration;		/* forced: in all, CIRCUIT_FOR_EVER without end */
	TimestampTz ends;			/* forced: when, on the wall clock */
	TimestampTz forced_at;
	char		forced_by[NAMEDATALEN];
	char		forced_reason[CIRCUIT_REASON_MAX];
} SavedCircuit;

/* False: nothing to be saved. */
static bool
save_circuit(Circuit *c, SavedCircuit *saved)
{
	const Machine *m = &c->machine;
	bool		wanted;

	memset(saved, 0, sizeof(*saved));
	circuit_lock_shared(c);
	/* forced by service.yaml comes back from there; trials that were not finished prove nothing */
	wanted = c->config_generation > 0 &&
		(m->state == CIRCUIT_OPEN || m->state == CIRCUIT_HALF_OPEN ||
		 (m->state >= CIRCUIT_FORCED_OPEN && !m->configured));
	if (wanted)
	{
		strlcpy(saved->name, c->name, sizeof(saved->name));
		saved->state = m->state == CIRCUIT_HALF_OPEN ? CIRCUIT_OPEN : m->state;
		saved->resume = m->resume;
		saved->step = m->step;
		if (saved->state != CIRCUIT_OPEN && m->until != CIRCUIT_FOR_EVER)
		{
			saved->duration = m->until - m->since;
			saved->ends = clock_wall_of(m->until);
		}
		else
			saved->duration = CIRCUIT_FOR_EVER;
		saved->forced_at = c->forced_at;
		strlcpy(saved->forced_by, c->forced_by, sizeof(saved->forced_by));
		strlcpy(saved->forced_reason, c->forced_reason, sizeof(saved->forced_reason));
	}
	else if (c->config_generation == 0 && c->restored)
	{
		/* nobody has looked at it since the server started */
		strlcpy(saved->name, c->name, sizeof(saved->name));
		saved->state = c->restored_state;
		saved->resume = c->restored_resume;
		saved->step = c->restored_step;
		saved->duration = c->restored_rest;
		if (c->restored_rest != CIRCUIT_FOR_EVER)
			saved->ends = clock_wall_of(c->restored_at + c->restored_rest);
		saved->forced_at = c->forced_at;
		strlcpy(saved->forced_by, c->forced_by, sizeof(saved->forced_by));
		strlcpy(saved->forced_reason, c->forced_reason, sizeof(saved->forced_reason));
		wanted = true;
	}
	circuit_unlock_shared(c);
	return wanted;
}

/* upto: circuits->to_save as the caller found it; nothing to do where that is on disk. */
static void
save_all(uint64 upto)
{
	int			max = circuits->max;
	char	   *bytes;
	SavedHead  *head;
	SavedCircuit *saved;
	int			i;

	bytes = palloc_extended(sizeof(SavedHead) + sizeof(SavedCircuit) * max, MCXT_ALLOC_NO_OOM);
	if (bytes == NULL)
		return;					/* dirty still: the worker tries again */
	head = (SavedHead *) bytes;
	saved = (SavedCircuit *) (bytes + sizeof(SavedHead));
	LWLockAcquire(circuits_saved_lock(), LW_EXCLUSIVE);
	if (circuits->saved < upto)
	{
		/* what others have changed goes along, and they need not write */
		upto = pg_atomic_read_u64(&circuits->to_save);
		pg_atomic_write_u32(&circuits->dirty, 0);
		pg_memory_barrier();
		head->format = STATE_FORMAT;
		head->n = 0;
		for (i = 0; i < circuit_count(); i++)
			if (save_circuit(circuit_number(i), &saved[head->n]))
				head->n++;
		if (saved_state_write(STATE_FILE, bytes, sizeof(SavedHead) + sizeof(SavedCircuit) * head->n))
			circuits->saved = upto;
		else
			pg_atomic_write_u32(&circuits->dirty, 1);
	}
	LWLockRelease(circuits_saved_lock());
	pfree(bytes);
}

void
circuits_save_change(void)
{
	save_all(pg_atomic_add_fetch_u64(&circuits->to_save, 1));
}

void
circuits_save_if_dirty(void)
{
	if (pg_atomic_read_u32(&circuits->dirty) != 0)
		circuits_save_change();
}

void
circuits_restore(void)
{
	size_t		len;
	char	   *bytes = saved_state_read(STATE_FILE, &len);
	SavedHead  *head = (SavedHead *) bytes;
	SavedCircuit *saved;
	TimestampTz wall = clock_wall();
	int			i;

	if (bytes == NULL)
		return;
	if (len < sizeof(SavedHead) || head->format != STATE_FORMAT || head->n < 0 ||
		len != sizeof(SavedHead) + sizeof(SavedCircuit) * (size_t) head->n)
	{
		ereport(LOG,
				(errmsg("the saved states of circuits are of another version, circuits begin anew")));
		pfree(bytes);
		return;
	}
	saved = (SavedCircuit *) (bytes + sizeof(SavedHead));
	for (i = 0; i < head->n; i++)
	{
		SavedCircuit *s = &saved[i];
		Circuit    *c;

		s->name[CIRCUIT_NAME_MAX - 1] = '\0';
		c = circuit_append(s->name, (int) strlen(s->name), NULL, 0);
		if (c == NULL)
		{
			ereport(LOG,
					(errmsg("no room for the saved state of circuit \"%s\"", s->name),
					 errhint("Raise \"fraud_fallback.max_circuits\".")));
			continue;
		}
		c->restored = true;
		c->restored_state = (CircuitState) s->state;
		c->restored_resume = (CircuitState) s->resume;
		c->restored_step = s->step;
		c->restored_at = clock_now();
		/* a clock set back must not make it longer */
		c->restored_rest = s->duration == CIRCUIT_FOR_EVER ? CIRCUIT_FOR_EVER :
			Max(0, Min(s->ends - wall, s->duration));
		c->forced_at = s->forced_at;
		strlcpy(c->forced_by, s->forced_by, sizeof(c->forced_by));
		strlcpy(c->forced_reason, s->forced_reason, sizeof(c->forced_reason));
	}
	pfree(bytes);
}
