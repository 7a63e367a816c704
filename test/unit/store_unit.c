/*-------------------------------------------------------------------------
 *
 * store_unit.c
 *	  Keys of the store, and events on their way through a sort. TAP output.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "store/events.h"
#include "tap.h"

static const char *
key_text(RuleHistory entity, const char *s)
{
	static StoreKey key;

	return store_key_of_text(entity, s, (int) strlen(s), &key) ? key.text : "none";
}

static void
is(const char *got, const char *want, const char *what)
{
	if (!check(strcmp(got, want) == 0, what))
		printf("#   got: %s\n#   wanted: %s\n", got, want);
}

static void
keys(void)
{
	StoreKey	a;
	StoreKey	b;
	char		longer[400];

	is(key_text(HISTORY_CUSTOMER, " C1\t"), "C1", "blanks around an id do not count");
	is(key_text(HISTORY_CUSTOMER, "  "), "none", "a blank id is none");
	is(key_text(HISTORY_IP, "192.0.2.7"), "192.0.2.7", "an IPv4 address is its own key");
	is(key_text(HISTORY_IP, "::ffff:192.0.2.7"), "192.0.2.7", "an IPv4 address in IPv6 form is the same");
	is(key_text(HISTORY_IP, "2001:DB8:1:2:3::4"), "2001:db8:1:2::/64", "an IPv6 address counts by its /64");
	is(key_text(HISTORY_IP, "2001:db8:1:2::/64"), "2001:db8:1:2::/64", "a key is the key of itself");
	is(key_text(HISTORY_IP, "2001:db8::1/200"), "none", "what is no address has no key");
	is(key_text(HISTORY_IP, "somewhere"), "none", "nor has a word");

	memset(longer, 'x', sizeof(longer));
	check(store_key_of_text(HISTORY_MERCHANT, longer, STORE_KEY_MAX, &a) && a.len == STORE_KEY_MAX,
	   "an id of the largest length is whole");
	check(store_key_of_text(HISTORY_MERCHANT, longer, STORE_KEY_MAX + 1, &a) && a.len == STORE_KEY_MAX &&
	   store_key_of_text(HISTORY_MERCHANT, longer, STORE_KEY_MAX + 2, &b) && b.len == STORE_KEY_MAX &&
	   strcmp(a.text, b.text) != 0, "longer ones are told apart by their hashes");
	longer[STORE_KEY_MAX - 18] = (char) 0xC3;
	longer[STORE_KEY_MAX - 17] = (char) 0xA9;
	check(store_key_of_text(HISTORY_MERCHANT, longer, 300, &a) && a.text[a.len - 18] == 'x',
	   "and not cut inside a letter");

	check(store_key_of_text(HISTORY_CUSTOMER, "7", 1, &a) && store_key_of_text(HISTORY_MERCHANT, "7", 1, &b) &&
	   a.slot != b.slot, "the same text of two entities has two slots");
	check(store_entity("ip") == HISTORY_IP && store_entity("IP") == HISTORY_NONE, "entities have names");
}

static void
events(void)
{
	KeyedEvent	e;
	KeyedEvent	back;
	uint8		bytes[KEYED_MAX];
	bool		same = true;
	bool		refused = true;
	int			n;
	int			i;

	for (i = 0; i < 400; i++)
	{
		char		text[STORE_KEY_MAX + 1];

		memset(&e, 0, sizeof(e));
		memset(text, 'k', sizeof(text));
		store_key_of_text((RuleHistory) (FIRST_ENTITY + 2 * (i % 2)), text, 1 + i % STORE_KEY_MAX, &e.key);
		e.event.time = (int64) i * 1000003 - 5000;
		e.event.id = (uint64) i * 7919;
		e.event.amount = i;
		e.event.flags = EVENT_HAS_AMOUNT;
		e.event.status = STATUS_APPROVED;
		n = keyed_event_write(&e, bytes);
		same &= keyed_event_read(bytes, n, &back) && back.key.slot == e.key.slot &&
			back.key.entity == e.key.entity && strcmp(back.key.text, e.key.text) == 0 &&
			back.event.time == e.event.time && back.event.id == e.event.id;
		refused &= !keyed_event_read(bytes, n - 1, &back) && !keyed_event_read(bytes, 5, &back);
	}
	check(same, "events come back from their bytes as they went in");
	check(refused, "bytes of another length are refused");
	bytes[8] = LAST_ENTITY + 1;
	check(!keyed_event_read(bytes, n, &back), "and an unknown entity");
}

int
main(void)
{
	keys();
	events();
	return tap_end();
}
