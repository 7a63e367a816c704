/*-------------------------------------------------------------------------
 *
 * permits.c
 *	  Calls in flight; see permits.h.
 *
 * Each backend has slots of its own to begin its search at, so that sessions
 * do not meet in one cache line.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "utils/memutils.h"

#include "circuit/permits.h"
#include "circuit/ticket.h"
#include "circuit/traffic.h"
#include "core/clock.h"
#include "core/compat.h"

#define HOME_SLOTS			4

/* So long an expired call is known as one, unless all other slots are taken. */
#define EXPIRED_KNOWN		(INT64CONST(600) * 1000000)

static Slot *slots;
static int	nslots;

/* Permits of the running transaction of this session. */
typedef struct Held
{
	uint32		slot;
	uint64		use;
} Held;

static Held *held;
static int	nheld;
static int	held_room;

Size
permits_size(int n)
{
	return mul_size(sizeof(Slot), n);
}

void
permits_attach(void *memory, bool found, int n)
{
	int			i;

	StaticAssertStmt(sizeof(Slot) == 64, "a slot is a cache line");
	slots = memory;
	nslots = n;
	if (found)
		return;
	memset(memory, 0, permits_size(n));
	for (i = 0; i < n; i++)
		pg_atomic_init_u64(&slots[i].word, SLOT_FREE);
}

int
permits_slots(void)
{
	return nslots;
}

Slot *
permit_slot(uint32 slot)
{
	return &slots[slot];
}

/* ---- what this session holds ---- */

static void
let_go(bool exiting)
{
	int			i;

	for (i = 0; i < nheld; i++)
	{
		Slot	   *slot = &slots[held[i].slot];
		uint64		word = pg_atomic_read_u64(&slot->word);

		/* unless finished by somebody else, and perhaps taken again */
		while (SLOT_USE(word) == held[i].use && SLOT_HELD(word))
		{
			if (!pg_atomic_compare_exchange_u64(&slot->word, &word, word & ~SLOT_HOLD))
				continue;
			if (exiting)
				permit_abandon(slot, held[i].use);
			break;
		}
	}
	nheld = 0;
}

static void
end_of_transaction(XactEvent event, void *arg)
{
	if (nheld == 0)
		return;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PREPARE:
			let_go(false);
			break;
		default:
			break;
	}
}

/* Before the transaction of a dying session is rolled back. */
static void
end_of_session(int code, Datum arg)
{
	let_go(true);
}

static pg_noinline void
make_room(void)
{
	static bool watching = false;

	if (!watching)
	{
		RegisterXactCallback(end_of_transaction, NULL);
		before_shmem_exit(end_of_session, (Datum) 0);
		watching = true;
	}
	if (held == NULL)
		held = MemoryContextAlloc(TopMemoryContext, sizeof(Held) * 16);
	else
		held = repalloc(held, sizeof(Held) * held_room * 2);
	held_room = held_room == 0 ? 16 : held_room * 2;
}

void
permit_prepare(void)
{
	if (unlikely(nheld == held_room))
		make_room();
}

void
permit_forget(const Slot *slot)
{
	uint32		number = (uint32) (slot - slots);
	int			i;

	for (i = nheld - 1; i >= 0; i--)
		if (held[i].slot == number)
		{
			held[i] = held[--nheld];
			return;
		}
}

/* ---- taking ---- */

static bool
try_slot(Slot *slot, int64 now, bool any_expired, uint64 *use)
{
	uint64		word = pg_atomic_read_u64(&slot->word);
	SlotStatus	status = SLOT_STATUS(word);

	if (status != SLOT_FREE && status != SLOT_DONE &&
		(status != SLOT_EXPIRED || !(any_expired || now - slot->deadline > EXPIRED_KNOWN)))
		return false;
	*use = SLOT_USE(word) + 1;
	return pg_atomic_compare_exchange_u64(&slot->word, &word, *use << 4 | SLOT_BUSY);
}

static Slot *
free_slot(int64 now, uint64 *use)
{
	int			home = (int) (FRAUD_PROC_NUMBER * HOME_SLOTS) % nslots;
	int			i;

	for (i = 0; i < 2 * nslots; i++)
	{
		Slot	   *slot = &slots[(home + i) % nslots];

		if (try_slot(slot, now, i >= nslots, use))
			return slot;
	}
	return NULL;
}

Slot *
permit_take(const Circuit *c, uint64 generation, int64 now, int64 *ticket)
{
	int64		timeout = (int64) pg_atomic_read_u64((pg_atomic_uint64 *) &c->timeout);
	Ticket		t;
	uint64		use;
	Slot	   *slot = free_slot(now, &use);

	if (slot == NULL)
		return NULL;
	slot->generation = generation;
	slot->since = now;
	slot->deadline = now + timeout;
	slot->reporter = circuit_reporter();
	slot->circuit = c->number;
	slot->pid = MyProcPid;
	slot->role = GetUserId();
	slot->database = MyDatabaseId;
	pg_write_barrier();
	pg_atomic_write_u64(&slot->word, use << 4 | SLOT_HOLD | SLOT_ACTIVE);

	t.slot = (uint32) (slot - slots);
	held[nheld].slot = t.slot;
	held[nheld++].use = use;
	t.circuit = c->number;
	t.use = (uint32) use;
	*ticket = ticket_encode(&t, circuits->secret);
	return slot;
}

Slot *
permit_find(int64 ticket, uint64 *word, bool *current)
{
	Ticket		t;
	Slot	   *slot;

	if (!ticket_decode(ticket, circuits->secret, &t) || t.slot >= (uint32) nslots)
		return NULL;
	slot = &slots[t.slot];
	*word = pg_atomic_read_u64(&slot->word);
	pg_read_barrier();
	*current = (SLOT_USE(*word) & (TICKET_USES - 1)) == t.use && slot->circuit == t.circuit;
	return slot;
}

bool
permit_open(int64 ticket)
{
	uint64		word;
	bool		current;
	const Slot *slot = permit_find(ticket, &word, &current);

	return slot != NULL && current &&
		(SLOT_STATUS(word) == SLOT_ACTIVE || SLOT_STATUS(word) == SLOT_OVERDUE);
}

bool
permit_move(Slot *slot, uint64 word, SlotStatus to)
{
	uint64		held_still = to == SLOT_OVERDUE ? word & SLOT_HOLD : 0;

	return pg_atomic_compare_exchange_u64(&slot->word, &word, SLOT_USE(word) << 4 | held_still | to);
}

/* ---- overdue ---- */

void
permits_sweep(Circuit *c, int64 now, CircuitAftermath *aftermath)
{
	int64		next = now + c->config.timeout;
	int			i;

	for (i = 0; i < nslots; i++)
	{
		Slot	   *slot = &slots[i];
		uint64		word = pg_atomic_read_u64(&slot->word);
		int64		lease;

		if (SLOT_STATUS(word) != SLOT_ACTIVE && SLOT_STATUS(word) != SLOT_OVERDUE)
			continue;
		pg_read_barrier();
		if (slot->circuit != c->number)
			continue;
		if (SLOT_STATUS(word) == SLOT_ACTIVE && now > slot->deadline)
		{
			Slot		call = *slot;

			if (!permit_move(slot, word, SLOT_OVERDUE))
				continue;		/* its result comes just now, or its transaction ends */
			traffic_overdue(c, &call, now, aftermath);
			word = pg_atomic_read_u64(&slot->word);
			if (SLOT_STATUS(word) != SLOT_OVERDUE)
				continue;
		}
		lease = slot->deadline + c->config.grace;
		if (SLOT_STATUS(word) == SLOT_OVERDUE && now > lease && !SLOT_HELD(word))
		{
			if (permit_move(slot, word, SLOT_EXPIRED))
				pg_atomic_fetch_add_u64(&c->counters[circuit_stripe()].ended, 1);
			continue;
		}
		next = Min(next, SLOT_STATUS(word) == SLOT_ACTIVE ? slot->deadline :
				   Max(lease, now + INT64CONST(1000000)));
	}
	pg_atomic_write_u64(&c->check_at, (uint64) next);
}
