/*-------------------------------------------------------------------------
 *
 * ticket_unit.c
 *	  Tickets as numbers: there and back, and what is not one. TAP output.
 *
 * The dice are the same each time, and so are the counts; the bounds are five
 * standard deviations around what is expected.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <math.h>

#include "circuit/ticket.h"
#include "tap.h"

#define MARKS				16384	/* one in so many is right by chance */
#define SECRET				UINT64CONST(0x5DEECE66D1234567)

static uint64 dice = 1;

static uint64
draw(void)
{
	uint64		z = (dice += UINT64CONST(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64CONST(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static Ticket
any_ticket(void)
{
	uint64		r = draw();

	return (Ticket)
	{
		.circuit = r % TICKET_CIRCUITS, .slot = (r >> 10) % TICKET_SLOTS, .use = (r >> 25) % TICKET_USES
	};
}

static bool
same(const Ticket *a, const Ticket *b)
{
	return a->circuit == b->circuit && a->slot == b->slot && a->use == b->use;
}

static bool
there_and_back(Ticket t, uint64 secret)
{
	Ticket		back;
	int64		number = ticket_encode(&t, secret);

	t.use %= TICKET_USES;
	return number >= 0 && ticket_decode(number, secret, &back) && same(&t, &back);
}

static bool
about(int64 n, int64 of)
{
	double		expected = (double) of / MARKS;

	return fabs(n - expected) <= 5 * sqrt(expected);
}

static void
test_round_trip(void)
{
	static const uint32 circuits[] = {0, 1, 511, TICKET_CIRCUITS - 1};
	static const uint32 slots[] = {0, 1, 16384, TICKET_SLOTS - 1};
	static const uint32 uses[] = {0, 1, TICKET_USES - 1, TICKET_USES, TICKET_USES + 1, PG_UINT32_MAX};
	bool		good = true;
	int			i;
	int			j;
	int			k;

	for (i = 0; i < (int) lengthof(circuits); i++)
		for (j = 0; j < (int) lengthof(slots); j++)
			for (k = 0; k < (int) lengthof(uses); k++)
			{
				Ticket		t = {circuits[i], slots[j], uses[k]};

				good = good && there_and_back(t, SECRET) && there_and_back(t, 0) &&
					there_and_back(t, PG_UINT64_MAX);
			}
	check(good, "the first and last circuits, slots and uses come back; uses modulo their number");
	for (i = 0; i < 1000000 && good; i++)
		good = there_and_back(any_ticket(), draw());
	check(good, "any ticket comes back with any secret");
	for (i = 0; i < 1000000 && good; i++)
	{
		Ticket		t = any_ticket();

		good = ticket_encode(&t, draw()) >= 0;
	}
	check(good, "no number is negative");
	for (i = 0; i < 100000 && good; i++)
	{
		Ticket		t = {0, 0, 1};

		good = ticket_encode(&t, draw()) > 0;
	}
	check(good, "that of the first use is not 0");
}

static void
test_different(void)
{
	bool		good = true;
	int			i;

	for (i = 0; i < 100000 && good; i++)
	{
		Ticket		t = any_ticket();
		Ticket		next = t;

		next.use = (t.use + 1) % TICKET_USES;
		good = ticket_encode(&t, SECRET) != ticket_encode(&next, SECRET);
		next = t;
		next.slot ^= 1;
		good = good && ticket_encode(&t, SECRET) != ticket_encode(&next, SECRET);
		next = t;
		next.circuit ^= 1;
		good = good && ticket_encode(&t, SECRET) != ticket_encode(&next, SECRET);
	}
	check(good, "another use, slot or circuit is another number");
}

static void
test_refused(void)
{
	int64		n = 1 << 22;
	int64		passed = 0;
	int64		by_bit[64] = {0};
	bool		good;
	Ticket		back;
	int64		i;
	int			bit;

	for (i = 0; i < n; i++)
		passed += ticket_decode((int64) (draw() >> 1), SECRET, &back);
	check(about(passed, n), "of numbers that were made up one in 16,384 passes");
	passed = 0;
	for (i = 0; i < n; i++)
		passed += ticket_decode((int64) (draw() | UINT64CONST(1) << 63), SECRET, &back);
	check(passed == 0, "no negative one");
	passed = 0;
	for (i = 1; i <= n; i++)
		passed += ticket_decode(i, SECRET, &back);
	/* all have the mark 0: as many as happen to have it */
	check(about(passed, n), "nor more of small ones");

	n = 1 << 15;
	for (i = 0; i < n; i++)
	{
		Ticket		t = any_ticket();
		int64		number = ticket_encode(&t, SECRET);

		for (bit = 0; bit < 64; bit++)
			by_bit[bit] += ticket_decode((int64) ((uint64) number ^ UINT64CONST(1) << bit), SECRET, &back);
	}
	good = true;
	passed = 0;
	for (bit = 0; bit < 49; bit++)
	{
		/* two are expected, of each */
		good = good && by_bit[bit] <= 16;
		passed += by_bit[bit];
	}
	check(good, "a flipped bit of the place is refused, whichever it is");
	check(about(passed, n * 49), "but for one in 16,384");
	good = true;
	for (; bit < 64; bit++)
		good = good && by_bit[bit] == 0;
	check(good, "a flipped bit of the mark, or the sign, always");

	n = 1 << 21;
	passed = 0;
	for (i = 0; i < n; i++)
	{
		Ticket		t = any_ticket();

		passed += ticket_decode(ticket_encode(&t, SECRET), draw(), &back);
	}
	check(about(passed, n), "a ticket of another secret does not decode, but for one in 16,384");
	passed = 0;
	for (i = 0; i < n; i++)
	{
		Ticket		t = any_ticket();

		passed += ticket_decode(ticket_encode(&t, SECRET), SECRET ^ UINT64CONST(1) << (i % 64), &back);
	}
	check(about(passed, n), "nor one of a secret that differs in a bit");
	passed = 0;
	for (i = 0; i < n; i++)
	{
		Ticket		t = any_ticket();
		uint64		other = draw() >> 15;
		int64		number = ticket_encode(&t, SECRET) ^ (int64) other;

		passed += ticket_decode(number, SECRET ^ other, &back);
	}
	check(about(passed, n), "nor one that differs by what the secrets do");
	passed = 0;
	for (i = 0; i < n; i++)
	{
		Ticket		t = any_ticket();
		int64		number = ticket_encode(&t, SECRET);

		/* the next use, guessed from a ticket that was good */
		passed += ticket_decode(number + 1, SECRET, &back);
	}
	check(about(passed, n), "nor the number after one that is good");
}

int
main(void)
{
	test_round_trip();
	test_different();
	test_refused();
	return tap_end();
}
