/*-------------------------------------------------------------------------
 *
 * kept.c
 *	  One partition of the memory of decisions; see kept.h.
 *
 * The ring of bytes. `head` and `tail` count all bytes ever written and
 * dropped. Each piece begins with the place of its head; the piece is that
 * head's as long as the head names its position. A piece never goes over the
 * end: what is left there becomes a piece of nobody.
 *
 * Heads are read sixteen at a time and are kept to a cache line each.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "live/kept.h"

typedef struct Head
{
	KeptKey		key;
	int64		at;				/* of the answer */
	int64		claimed_at;		/* of the later claim, if there are two */
	uint64		position:62;	/* of its piece */
	uint64		decided:1;		/* there is an answer */
	uint64		verdict:1;		/* it has one */
	uint32		claim[2];		/* tokens, 0: nobody's; of one without and one with a verdict */
} Head;

typedef struct Piece
{
	uint32		place;			/* NOBODY: none */
	uint16		words;			/* its size, in eights of bytes */
	uint16		len;			/* of the answer */
	uint8		record[KEPT_RECORD];	/* and what follows: not in a piece of nobody */
} Piece;

#define NOBODY				PG_UINT32_MAX

struct Kept
{
	uint32		sets;
	uint32		room;			/* bytes of the ring */
	uint32		token;			/* of the last claim */
	uint64		head;
	uint64		tail;
	KeptCounters counters;
	/* behind it: a Head of each place, the ring */
};

StaticAssertDecl(sizeof(Head) == 64, "a head is a cache line");
StaticAssertDecl(KEPT_MAX <= PG_UINT16_MAX, "sizes of answers are counted in 16 bits");
/* a piece and what is left at the end before it */
StaticAssertDecl(LIVE_WAYS * KEPT_USUAL >= 2 * (KEPT_MAX + 8 + sizeof(Piece)), "a ring takes any answer");

static inline uint32
ring_room(uint32 sets)
{
	return sets * LIVE_WAYS * KEPT_USUAL;
}

/* From a cache line on: heads. */
static inline size_t
heads_at(void)
{
	return TYPEALIGN(sizeof(Head), sizeof(Kept));
}

size_t
kept_size(uint32 sets)
{
	return heads_at() + (size_t) sets * LIVE_WAYS * sizeof(Head) + ring_room(sets);
}

uint32
kept_capacity(uint32 sets)
{
	return sets * LIVE_WAYS;
}

static inline Head *
head_at(const Kept *k, uint32 place)
{
	return (Head *) ((char *) k + heads_at()) + place;
}

static inline char *
ring_at(const Kept *k, uint64 position)
{
	return (char *) head_at(k, k->sets * LIVE_WAYS) + position % k->room;
}

void
kept_init(Kept *k, uint32 sets)
{
	/* the ring counts as far as heads say */
	memset(k, 0, heads_at() + (size_t) sets * LIVE_WAYS * sizeof(Head));
	k->sets = sets;
	k->room = ring_room(sets);
}

void
kept_counters(const Kept *k, KeptCounters *counters)
{
	*counters = k->counters;
}

/* ---- heads ---- */

static inline bool
has_answer(const Head *h, int64 now)
{
	return h->decided && now - h->at < KEPT_FOR;
}

static inline bool
claim_holds(const Head *h, bool verdict, int64 now)
{
	return h->claim[verdict] != 0 && now - h->claimed_at < KEPT_LEASE;
}

static inline bool
is_claimed(const Head *h, int64 now)
{
	return claim_holds(h, false, now) || claim_holds(h, true, now);
}

static inline void
end_claim(Head *h, uint32 token)
{
	int			i;

	for (i = 0; i < 2; i++)
		if (h->claim[i] == token)
			h->claim[i] = 0;
}

static Head *
find(const Kept *k, const KeptKey *key, int64 now, bool *reused)
{
	Head	   *found = NULL;
	int			choice;
	int			i;

	*reused = false;
	for (choice = 0; choice < 2; choice++)
	{
		Head	   *h = head_at(k, live_set(&key->txn, k->sets, choice) * LIVE_WAYS);

		for (i = 0; i < LIVE_WAYS; i++, h++)
		{
			if (!hash128_equal(&h->key.txn, &key->txn) || (!has_answer(h, now) && !is_claimed(h, now)))
				continue;
			if (hash128_equal(&h->key.facts, &key->facts))
				found = h;
			else
				*reused = true;
		}
	}
	return found;
}

static void
drop_answer(Kept *k, Head *h, int64 now)
{
	if (!h->decided)
		return;
	if (has_answer(h, now))
		k->counters.evicted++;
	k->counters.decisions--;
	h->decided = false;
}

/* Which of two free places is taken first: an empty one, the older answer, a verdict last. */
static inline bool
freer(const Head *a, const Head *b)
{
	bool		a_verdict = a->decided && a->verdict;
	bool		b_verdict = b->decided && b->verdict;

	if (a->decided != b->decided)
		return !a->decided;
	if (a_verdict != b_verdict)
		return b_verdict;
	return a->decided && a->at < b->at;
}

/*
 * A place for a new head: a free one in the set with more of them, else that of
 * the oldest answer. NULL where all are being decided. Free are also those of
 * answers too old to be repeated; their verdicts are of use as long as they stay.
 */
static Head *
take_place(Kept *k, const KeptKey *key, int64 now)
{
	Head	   *oldest = NULL;
	Head	   *room = NULL;
	int			most = 0;
	int			choice;
	int			i;

	for (choice = 0; choice < 2; choice++)
	{
		Head	   *h = head_at(k, live_set(&key->txn, k->sets, choice) * LIVE_WAYS);
		Head	   *unused = NULL;
		int			nfree = 0;

		for (i = 0; i < LIVE_WAYS; i++, h++)
		{
			if (is_claimed(h, now))
				continue;
			if (!has_answer(h, now))
			{
				if (unused == NULL || freer(h, unused))
					unused = h;
				nfree++;
			}
			else if (oldest == NULL || h->at < oldest->at)
				oldest = h;
		}
		if (nfree > most)
		{
			most = nfree;
			room = unused;
		}
	}
	if (room == NULL)
		room = oldest;
	if (room == NULL)
	{
		k->counters.full++;
		return NULL;
	}
	drop_answer(k, room, now);
	memset(room, 0, sizeof(*room));
	room->key = *key;
	return room;
}

/* ---- the ring of bytes ---- */

static void
drop_tail(Kept *k, int64 now)
{
	const Piece *piece = (const Piece *) ring_at(k, k->tail);

	if (piece->place != NOBODY)
	{
		Head	   *h = head_at(k, piece->place);

		if (h->decided && h->position == k->tail)
			drop_answer(k, h, now);
	}
	k->tail += piece->words * 8;
}

static Piece *
add_piece(Kept *k, uint32 size, int64 now)
{
	Piece	   *piece;

	while (k->head + size - k->tail > k->room)
		drop_tail(k, now);
	piece = (Piece *) ring_at(k, k->head);
	piece->place = NOBODY;
	piece->words = (uint16) (size / 8);
	k->head += size;
	return piece;
}

static void
store_answer(Kept *k, Head *h, const char *bytes, int len, bool verdict, const uint8 *record, int64 now)
{
	uint32		size = (uint32) TYPEALIGN(8, sizeof(Piece) + len);
	uint32		at_end = k->room - (uint32) (k->head % k->room);
	Piece	   *piece;

	if (at_end < size)
		(void) add_piece(k, at_end, now);
	h->position = k->head;
	piece = add_piece(k, size, now);
	piece->place = (uint32) (h - head_at(k, 0));
	piece->len = (uint16) len;
	memcpy(piece->record, record, KEPT_RECORD);
	memcpy(piece + 1, bytes, len);
	h->at = now;
	h->verdict = verdict;
	h->decided = true;
	k->counters.decisions++;
}

static const Piece *
piece_of(const Kept *k, const Head *h)
{
	return (const Piece *) ring_at(k, h->position);
}

static void
show(const Kept *k, const Head *h, KeptAnswer *answer)
{
	const Piece *piece = piece_of(k, h);

	answer->at = h->at;
	answer->verdict = h->verdict;
	memcpy(answer->record, piece->record, KEPT_RECORD);
	answer->len = piece->len;
	memcpy(answer->bytes, piece + 1, piece->len);
}

/* ---- finding, claiming, answering ---- */

KeptFound
kept_find(const Kept *k, const KeptKey *key, int64 now, bool *reused, KeptAnswer *answer)
{
	const Head *h = find(k, key, now, reused);

	answer->len = 0;
	if (h == NULL)
		return *reused ? KEPT_OTHER : KEPT_NONE;
	if (!has_answer(h, now))
		return KEPT_BUSY;
	show(k, h, answer);
	return KEPT_SAME;
}

bool
kept_verdict(const Kept *k, const KeptKey *key, KeptAnswer *answer)
{
	const Head *newest = NULL;
	int			choice;
	int			i;

	answer->len = 0;
	for (choice = 0; choice < 2; choice++)
	{
		const Head *h = head_at(k, live_set(&key->txn, k->sets, choice) * LIVE_WAYS);

		for (i = 0; i < LIVE_WAYS; i++, h++)
			if (h->decided && h->verdict && hash128_equal(&h->key.txn, &key->txn) &&
				hash128_equal(&h->key.facts, &key->facts) && (newest == NULL || h->at > newest->at))
				newest = h;
	}
	if (newest != NULL)
		show(k, newest, answer);
	return newest != NULL;
}

KeptClaim
kept_claim(Kept *k, const KeptKey *key, bool verdict, int64 now, bool *reused, uint32 *token,
		   KeptAnswer *answer)
{
	Head	   *h = find(k, key, now, reused);
	KeptClaim	claim = CLAIM_FIRST;

	answer->len = 0;
	*token = 0;
	if (h != NULL)
	{
		if (has_answer(h, now))
			show(k, h, answer);
		if (has_answer(h, now) && (h->verdict || !verdict))
			return CLAIM_REPEAT;
		if (claim_holds(h, true, now) || (!verdict && claim_holds(h, false, now)))
			return CLAIM_BUSY;
		claim = CLAIM_SUPERSEDES;
	}
	else
		h = take_place(k, key, now);
	if (h != NULL)
	{
		/* one whose lease is over does not come back with another's */
		if (!is_claimed(h, now))
			h->claim[0] = h->claim[1] = 0;
		if (++k->token == 0)
			k->token = 1;
		h->claim[verdict] = *token = k->token;
		h->claimed_at = now;
	}
	return claim;
}

void
kept_put(Kept *k, const KeptKey *key, uint32 token, const char *bytes, int len, bool verdict,
		 const uint8 *record, int64 now, KeptPut *put)
{
	bool		reused;
	Head	   *h = find(k, key, now, &reused);

	Assert(len > 0 && len <= KEPT_MAX);
	put->kept = put->other = false;
	if (h == NULL)
		h = take_place(k, key, now);
	if (h == NULL)
		return;
	end_claim(h, token);
	if (has_answer(h, now))
	{
		put->other = true;
		memcpy(put->record, piece_of(k, h)->record, KEPT_RECORD);
		if (h->verdict || !verdict)
			return;
	}
	/* not evicted: it has a successor */
	if (h->decided)
	{
		h->decided = false;
		k->counters.decisions--;
	}
	store_answer(k, h, bytes, len, verdict, record, now);
	put->kept = true;
}

void
kept_release(Kept *k, const KeptKey *key, uint32 token)
{
	int			choice;
	int			i;

	if (token == 0)
		return;
	/* also where its lease is over */
	for (choice = 0; choice < 2; choice++)
	{
		Head	   *h = head_at(k, live_set(&key->txn, k->sets, choice) * LIVE_WAYS);

		for (i = 0; i < LIVE_WAYS; i++, h++)
			end_claim(h, token);
	}
}
