/*-------------------------------------------------------------------------
 *
 * kept_unit.c
 *	  Recent decisions and claims against a naive model; what is a fact of a
 *	  transaction. TAP output.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "live/facts.h"
#include "tap.h"

#define SECOND				INT64CONST(1000000)

static uint64 seed = 20260102;

static uint64
draw(uint64 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

static const Hash128 seeds = {{17, 19}};

static KeptKey
key_of(uint64 txn, uint64 facts)
{
	KeptKey		key;

	key.txn = hash128(&txn, sizeof(txn), &seeds);
	key.facts = hash128(&facts, sizeof(facts), &seeds);
	return key;
}

static Kept *
new_kept(uint32 sets)
{
	Kept	   *k = malloc(kept_size(sets));

	memset(k, 0x5A, kept_size(sets));
	kept_init(k, sets);
	return k;
}

static KeptPut
put(Kept *k, const KeptKey *key, uint32 token, const char *answer, bool verdict, int64 now)
{
	uint8		record[KEPT_RECORD] = {0};
	KeptPut		result;

	strncpy((char *) record, answer, KEPT_RECORD - 1);
	kept_put(k, key, token, answer, (int) strlen(answer), verdict, record, now, &result);
	return result;
}

static bool
is(const KeptAnswer *answer, const char *text)
{
	return answer->len == (int) strlen(text) && memcmp(answer->bytes, text, answer->len) == 0 &&
		strcmp((const char *) answer->record, text) == 0;
}

/* ---- by hand: who does what ---- */

static void
claims(void)
{
	Kept	   *k = new_kept(2);
	KeptKey		a = key_of(1, 1);
	KeptKey		b = key_of(1, 2);
	KeptAnswer	answer;
	KeptPut		result;
	KeptCounters counters;
	uint32		token;
	uint32		other;
	bool		reused;

	check(kept_find(k, &a, 0, &reused, &answer) == KEPT_NONE && !reused, "nothing is there at first");
	check(kept_claim(k, &a, false, 0, &reused, &token, &answer) == CLAIM_FIRST && token != 0 && !reused, "who claims is the first");
	check(kept_claim(k, &a, false, 1, &reused, &other, &answer) == CLAIM_BUSY && other == 0 && answer.len == 0, "a second one is told that it is being decided");
	check(kept_find(k, &a, 1, &reused, &answer) == KEPT_BUSY, "who only looks, too");
	check(kept_claim(k, &b, false, 1, &reused, &other, &answer) == CLAIM_FIRST && reused, "the id with other facts is the first of these, and reused");
	kept_release(k, &b, other);
	check(kept_claim(k, &a, false, 1, &reused, &other, &answer) == CLAIM_BUSY && !reused, "a claim given up leaves no trace");
	result = put(k, &a, token, "A", false, 2);
	check(result.kept && !result.other, "the answer");
	check(kept_claim(k, &a, false, 3, &reused, &other, &answer) == CLAIM_REPEAT && is(&answer, "A") && !answer.verdict && answer.at == 2, "is repeated");
	check(kept_find(k, &b, 3, &reused, &answer) == KEPT_OTHER && reused && answer.len == 0, "but not for other facts");
	check(kept_claim(k, &b, false, 3, &reused, &other, &answer) == CLAIM_FIRST && reused, "which get an answer of their own");
	(void) put(k, &b, other, "B", false, 3);
	check(kept_claim(k, &a, false, 4, &reused, &other, &answer) == CLAIM_REPEAT && is(&answer, "A") && reused, "beside the first");
	check(kept_claim(k, &b, false, 4, &reused, &other, &answer) == CLAIM_REPEAT && is(&answer, "B") && reused, "and repeated like it");

	/* verdicts */
	check(kept_claim(k, &a, true, 5, &reused, &token, &answer) == CLAIM_SUPERSEDES && token != 0 && is(&answer, "A"), "a verdict supersedes an answer without");
	check(kept_claim(k, &a, true, 5, &reused, &other, &answer) == CLAIM_BUSY && other == 0, "once at a time");
	check(kept_claim(k, &a, false, 5, &reused, &other, &answer) == CLAIM_REPEAT && is(&answer, "A"), "meanwhile the first answer is repeated");
	result = put(k, &a, token, "verdict", true, 6);
	check(result.kept && result.other && strcmp((char *) result.record, "A") == 0, "what it supersedes is named");
	check(kept_claim(k, &a, true, 7, &reused, &other, &answer) == CLAIM_REPEAT && is(&answer, "verdict") && answer.verdict, "a second verdict changes nothing");
	result = put(k, &a, 0, "late", false, 8);
	check(!result.kept && result.other && strcmp((char *) result.record, "verdict") == 0, "nor does an answer without that comes late");

	/* a verdict while the answer is being made */
	a = key_of(2, 1);
	(void) kept_claim(k, &a, false, 0, &reused, &token, &answer);
	check(kept_claim(k, &a, true, 0, &reused, &other, &answer) == CLAIM_SUPERSEDES && other != token && answer.len == 0, "a verdict does not wait for who has none");
	result = put(k, &a, token, "plain", false, 1);
	check(result.kept && !result.other, "whose answer stands first");
	result = put(k, &a, other, "ML", true, 2);
	check(result.kept && result.other && strcmp((char *) result.record, "plain") == 0, "and is superseded");
	a = key_of(3, 1);
	(void) kept_claim(k, &a, false, 0, &reused, &token, &answer);
	(void) kept_claim(k, &a, true, 0, &reused, &other, &answer);
	(void) put(k, &a, other, "ML", true, 1);
	result = put(k, &a, token, "plain", false, 2);
	check(!result.kept && result.other && strcmp((char *) result.record, "ML") == 0, "or comes second, and is not kept");

	a = key_of(5, 1);
	(void) kept_claim(k, &a, false, 0, &reused, &token, &answer);
	(void) kept_claim(k, &a, true, 0, &reused, &other, &answer);
	kept_release(k, &a, other);
	check(kept_claim(k, &a, false, 0, &reused, &other, &answer) == CLAIM_BUSY, "one that is given up leaves the other");

	/* time */
	a = key_of(3, 1);
	check(kept_find(k, &a, 1 + KEPT_FOR - 1, &reused, &answer) == KEPT_SAME, "an answer is there for ten minutes");
	check(kept_find(k, &a, 1 + KEPT_FOR, &reused, &answer) == KEPT_NONE, "and no longer");
	a = key_of(4, 1);
	(void) kept_claim(k, &a, false, 0, &reused, &token, &answer);
	check(kept_claim(k, &a, false, KEPT_LEASE - 1, &reused, &other, &answer) == CLAIM_BUSY, "a claim holds for a minute");
	check(kept_claim(k, &a, false, KEPT_LEASE, &reused, &other, &answer) == CLAIM_FIRST, "then another may have it");
	result = put(k, &a, token, "old", false, KEPT_LEASE + 1);
	check(result.kept, "the answer of the one that was given up is as good");
	result = put(k, &a, other, "new", false, KEPT_LEASE + 2);
	check(!result.kept && result.other, "as the one of its successor");
	a = key_of(6, 1);
	(void) kept_claim(k, &a, false, 0, &reused, &token, &answer);
	(void) put(k, &a, 0, "x", false, 0);
	(void) kept_claim(k, &a, true, KEPT_FOR - SECOND, &reused, &other, &answer);
	kept_release(k, &a, other);
	check(kept_claim(k, &a, false, KEPT_FOR, &reused, &other, &answer) == CLAIM_FIRST,
		  "a claim whose lease is over does not come back with another's");
	kept_counters(k, &counters);
	check(counters.full == 0 && counters.evicted == 0, "nobody had to make room");
	free(k);

	/* the oldest makes room */
	k = new_kept(1);
	for (uint64 i = 0; i <= LIVE_WAYS; i++)
	{
		a = key_of(20 + i, 1);
		(void) put(k, &a, 0, "x", false, 1000 - (int64) (i * 7 % LIVE_WAYS));
	}
	a = key_of(20 + 1, 1);
	b = key_of(20 + 5, 1);
	check(kept_find(k, &a, 1000, &reused, &answer) == KEPT_NONE && kept_find(k, &b, 1000, &reused, &answer) == KEPT_SAME,
		  "of a full set the oldest answer makes room");
	free(k);

	/* more at a time than there are places */
	k = new_kept(1);
	for (uint64 i = 0; i < LIVE_WAYS; i++)
	{
		a = key_of(10 + i, 1);
		(void) kept_claim(k, &a, false, 0, &reused, &token, &answer);
	}
	a = key_of(1, 1);
	check(kept_claim(k, &a, false, 0, &reused, &token, &answer) == CLAIM_FIRST && token == 0, "without a place it is decided all the same");
	result = put(k, &a, token, "x", false, 0);
	kept_counters(k, &counters);
	check(!result.kept && counters.full == 2, "not remembered, and counted");
	free(k);
}

/* ---- the model ---- */

#define TXNS				60
#define FACTS				3

typedef struct ModelDecision
{
	bool		decided;
	bool		verdict;
	int			len;
	char		bytes[KEPT_MAX];
	int64		at;
	uint32		token[2];		/* without, with a verdict; 0: not claimed */
	int64		claimed_at;
} ModelDecision;

static ModelDecision model[TXNS][FACTS];

static bool
valid(const ModelDecision *m, int64 now)
{
	return m->decided && now - m->at < KEPT_FOR;
}

static bool
claimed_by(const ModelDecision *m, bool verdict, int64 now)
{
	return m->token[verdict] != 0 && now - m->claimed_at < KEPT_LEASE;
}

static bool
claimed(const ModelDecision *m, int64 now)
{
	return claimed_by(m, false, now) || claimed_by(m, true, now);
}

static bool
others(int txn, int facts, int64 now)
{
	for (int f = 0; f < FACTS; f++)
		if (f != facts && (valid(&model[txn][f], now) || claimed(&model[txn][f], now)))
			return true;
	return false;
}

static KeptClaim
expected_claim(const ModelDecision *m, bool verdict, int64 now)
{
	if (valid(m, now) && (m->verdict || !verdict))
		return CLAIM_REPEAT;
	if (claimed_by(m, true, now) || (!verdict && claimed_by(m, false, now)))
		return CLAIM_BUSY;
	return valid(m, now) || claimed(m, now) ? CLAIM_SUPERSEDES : CLAIM_FIRST;
}

static void
fill(uint8 *record, const char *bytes, int len)
{
	memset(record, 0, KEPT_RECORD);
	memcpy(record, bytes, Min(len, KEPT_RECORD));
}

/* With room for all, every answer is known; without, only what an answer must be. */
static void
against_model(uint32 sets, int largest, int step, bool room, const char *what)
{
	Kept	   *k = new_kept(sets);
	KeptCounters counters;
	int64		now = -3 * KEPT_FOR;
	int			wrong = 0;
	int			seen[CLAIM_BUSY + 1] = {0};
	int			missing = 0;
	int			placeless = 0;

	memset(model, 0, sizeof(model));
	for (int round = 0; round < 100000 && wrong == 0; round++)
	{
		int			txn = (int) draw(TXNS);
		int			facts = draw(4) == 0 ? (int) draw(FACTS) : 0;
		ModelDecision *m = &model[txn][facts];
		KeptKey		key = key_of((uint64) txn, (uint64) (txn * 100 + facts));
		bool		verdict = draw(3) == 0;
		bool		reused;
		KeptAnswer	answer;

		now += (int64) draw((uint64) step);
		answer.len = 0;
		if (draw(4) == 0)
		{
			KeptFound	found = kept_find(k, &key, now, &reused, &answer);
			KeptFound	expected = valid(m, now) ? KEPT_SAME : claimed(m, now) ? KEPT_BUSY :
				others(txn, facts, now) ? KEPT_OTHER : KEPT_NONE;

			if (room)
				wrong += found != expected || reused != others(txn, facts, now);
			else
				wrong += found == KEPT_SAME && expected != KEPT_SAME;
		}
		else
		{
			uint32		token;
			KeptClaim	found = kept_claim(k, &key, verdict, now, &reused, &token, &answer);

			wrong += room && reused != others(txn, facts, now);
			if (!room && found != expected_claim(m, verdict, now))
			{
				/* the answer made room; a claim never does */
				missing++;
				wrong += !valid(m, now);
				m->decided = false;
			}
			wrong += found != expected_claim(m, verdict, now);
			seen[found]++;
			/* where all places are being decided, a first one gets none */
			if (room || token != 0 || found != CLAIM_FIRST)
				wrong += (token != 0) != (found == CLAIM_FIRST || found == CLAIM_SUPERSEDES);
			placeless += token == 0 && found == CLAIM_FIRST;
			if (answer.len > 0)
				wrong += !valid(m, now) || answer.len != m->len || memcmp(answer.bytes, m->bytes, m->len) != 0;
			if (token != 0)
			{
				if (!claimed(m, now))
					m->token[0] = m->token[1] = 0;
				m->token[verdict] = token;
				m->claimed_at = now;
			}
			/* the answer comes at once, later or never */
			if (token != 0 && draw(8) == 0)
			{
				kept_release(k, &key, token);
				m->token[verdict] = 0;
			}
		}
		if (answer.len > 0)
		{
			uint8		record[KEPT_RECORD];

			fill(record, m->bytes, m->len);
			wrong += answer.verdict != m->verdict || answer.at != m->at || memcmp(record, answer.record, KEPT_RECORD) != 0;
		}
		verdict = draw(2) == 0;
		if (m->token[verdict] != 0 && draw(2) == 0)
		{
			char		bytes[KEPT_MAX];
			int			len = 1 + (int) draw((uint64) largest);
			bool		stays = valid(m, now) && (m->verdict || !verdict);
			uint8		record[KEPT_RECORD];
			KeptPut		result;

			for (int i = 0; i < len; i++)
				bytes[i] = (char) draw(256);
			fill(record, bytes, len);
			kept_put(k, &key, m->token[verdict], bytes, len, verdict, record, now, &result);
			if (room)
			{
				uint8		old[KEPT_RECORD];

				fill(old, m->bytes, m->len);
				wrong += result.kept == stays || result.other != valid(m, now) ||
					(result.other && memcmp(old, result.record, KEPT_RECORD) != 0);
			}
			if (result.kept)
			{
				m->decided = true;
				m->verdict = verdict;
				m->len = len;
				memcpy(m->bytes, bytes, len);
				m->at = now;
			}
			m->token[verdict] = 0;
		}
	}
	check(wrong == 0, what);
	kept_counters(k, &counters);
	printf("# first %d, supersedes %d, repeat %d, busy %d; missing %d, evicted " UINT64_FORMAT ", no place %d\n",
		   seen[CLAIM_FIRST], seen[CLAIM_SUPERSEDES], seen[CLAIM_REPEAT], seen[CLAIM_BUSY], missing,
		   counters.evicted, placeless);
	check(room ? counters.evicted == 0 && counters.full == 0 : counters.evicted >= (uint64) missing && missing > 0 && counters.full >= (uint64) placeless,
		  "and what made room was counted");
	free(k);
}

/* Verdicts older than an answer is given again. */
static void
verdicts(void)
{
	Kept	   *k = new_kept(1);
	KeptKey		a = key_of(1, 1);
	KeptAnswer	answer;
	KeptPut		result;
	uint32		token;
	bool		reused;
	int64		later = KEPT_FOR + 1;

	(void) put(k, &a, 0, "verdict", true, 0);
	for (uint64 i = 2; i < LIVE_WAYS; i++)
	{
		KeptKey		other = key_of(i, 1);

		(void) put(k, &other, 0, "other", false, later);
	}
	check(kept_verdict(k, &a, &answer) && is(&answer, "verdict") && answer.at == 0, "an old verdict stays while there is other room");
	check(kept_claim(k, &a, false, later, &reused, &token, &answer) == CLAIM_FIRST, "it is no answer any more");
	(void) put(k, &a, token, "plain", false, later);
	check(kept_verdict(k, &a, &answer) && is(&answer, "verdict"), "it stays beside an answer without");
	check(kept_claim(k, &a, false, later, &reused, &token, &answer) == CLAIM_REPEAT && is(&answer, "plain"), "which is repeated");
	check(kept_claim(k, &a, true, later, &reused, &token, &answer) == CLAIM_SUPERSEDES && is(&answer, "plain"), "and superseded");
	result = put(k, &a, token, "newer", true, later);
	check(result.kept && kept_verdict(k, &a, &answer) && is(&answer, "newer"), "the newest verdict counts");
	a = key_of(LIVE_WAYS, 1);
	(void) put(k, &a, 0, "plain", false, later + 1);
	check(kept_find(k, &a, later + 1, &reused, &answer) == KEPT_SAME, "where there is no other room it goes");
	free(k);
}

/* Without time passing, what is not there any more was evicted, each once. */
static void
evictions(void)
{
	enum
	{
		MANY = 5000
	};
	static int	lens[MANY];
	Kept	   *k = new_kept(20);
	KeptCounters counters;
	uint64		here = 0;
	int			wrong = 0;

	for (int i = 0; i < MANY; i++)
	{
		KeptKey		key = key_of((uint64) i, 0);
		char		bytes[KEPT_MAX];
		uint8		record[KEPT_RECORD] = {0};
		KeptPut		result;

		lens[i] = draw(10) == 0 ? KEPT_MAX - (int) draw(20) : 1 + (int) draw(900);
		memset(bytes, i % 251, lens[i]);
		kept_put(k, &key, 0, bytes, lens[i], false, record, 0, &result);
		wrong += !result.kept;
	}
	for (int i = 0; i < MANY; i++)
	{
		KeptKey		key = key_of((uint64) i, 0);
		KeptAnswer	answer;
		bool		reused;

		if (kept_find(k, &key, 0, &reused, &answer) != KEPT_SAME)
			continue;
		here++;
		wrong += answer.len != lens[i];
		for (int j = 0; j < answer.len; j++)
			wrong += (uint8) answer.bytes[j] != i % 251;
	}
	kept_counters(k, &counters);
	printf("# " UINT64_FORMAT " of %u places taken\n", here, kept_capacity(20));
	check(wrong == 0, "answers of all sizes come back whole");
	check(counters.decisions == here && counters.evicted == MANY - here, "what is there and what made room are all there were");
	check(here > 80, "the ring is used well");
	free(k);
}

/* ---- facts ---- */

static TxnText
text_of(const char *s)
{
	TxnText		t = {s, (int) strlen(s)};

	return t;
}

static bool
same(const Txn *a, const Txn *b)
{
	KeptKey		ka;
	KeptKey		kb;

	return kept_key_of_txn(a, &seeds, &ka) && kept_key_of_txn(b, &seeds, &kb) &&
		hash128_equal(&ka.txn, &kb.txn) && hash128_equal(&ka.facts, &kb.facts);
}

static void
facts(void)
{
	static char longer[3][5000];
	Txn			a = {0};
	Txn			b;
	KeptKey		ka;
	KeptKey		kb;
	Hash128		elsewhere = hash128_seeds_of(&seeds, 5);
	bool		told_apart = true;

	a.known = COL_BIT(COL_TXN_ID) | COL_BIT(COL_CUSTOMER_ID) | COL_BIT(COL_AMOUNT) | COL_BIT(COL_OCCURRED_AT);
	a.txn_id = text_of("t1");
	a.customer = text_of("c1");
	a.amount = 10000;
	a.time = 5;

	b = a;
	b.txn_id = text_of("t1");
	check(same(&a, &b), "the same facts, wherever they lie");
	b.status = STATUS_DECLINED;
	b.known |= COL_BIT(COL_STATUS) | COL_BIT(COL_DECLINED) | COL_BIT(COL_IS_FRAUD);
	b.unusable |= COL_BIT(COL_STATUS);
	check(same(&a, &b), "status and label are none");
	b = a;
	b.columns = 0xFF;
	b.lat = 7;
	b.country = 3;
	b.scratch[0] = 'x';
	check(same(&a, &b), "nor what is not known");

#define CHANGED(column, change) \
	do { \
		b = a; \
		b.known |= COL_BIT(column); \
		change; \
		kept_key_of_txn(&a, &seeds, &ka); \
		kept_key_of_txn(&b, &seeds, &kb); \
		if (!hash128_equal(&ka.txn, &kb.txn) || hash128_equal(&ka.facts, &kb.facts)) \
		{ \
			told_apart = false; \
			printf("# %s\n", #column); \
		} \
	} while (0)

	a.known |= COL_BIT(COL_CARD_ID) | COL_BIT(COL_MERCHANT_ID) | COL_BIT(COL_MERCHANT_CATEGORY) |
		COL_BIT(COL_TIMEZONE) | COL_BIT(COL_COUNTRY) | COL_BIT(COL_HOME_COUNTRY) | COL_BIT(COL_LAT) | COL_BIT(COL_LON) |
		COL_BIT(COL_CHANNEL) | COL_BIT(COL_MCC) | COL_BIT(COL_IP) | COL_BIT(COL_DAILY_LIMIT) | COL_BIT(COL_WEEKLY_LIMIT);
	a.card = a.merchant = a.category = text_of("x");
	CHANGED(COL_CUSTOMER_ID, b.customer = text_of("c2"));
	CHANGED(COL_CARD_ID, b.card = text_of("y"));
	CHANGED(COL_MERCHANT_ID, b.merchant = text_of("y"));
	CHANGED(COL_MERCHANT_CATEGORY, b.category = text_of("xx"));
	CHANGED(COL_AMOUNT, b.amount++);
	CHANGED(COL_OCCURRED_AT, b.time++);
	CHANGED(COL_TIMEZONE, b.hour = 3);
	CHANGED(COL_TIMEZONE, b.day = 3);
	CHANGED(COL_COUNTRY, b.country = 9);
	CHANGED(COL_HOME_COUNTRY, b.home_country = 9);
	CHANGED(COL_LAT, b.lat = 9);
	CHANGED(COL_LON, b.lon = 9);
	CHANGED(COL_CHANNEL, b.channel = CHANNEL_ONLINE);
	CHANGED(COL_MCC, b.mcc[3] = '9');
	CHANGED(COL_IP, b.ip_family = 6);
	CHANGED(COL_IP, b.ip[15] = 1);
	CHANGED(COL_DAILY_LIMIT, b.daily_limit = 1);
	CHANGED(COL_WEEKLY_LIMIT, b.weekly_limit = 1);
	CHANGED(COL_CURRENCY, (void) 0);
	CHANGED(COL_AMOUNT, b.known &= ~COL_BIT(COL_AMOUNT));
	CHANGED(COL_COUNTRY, b.unusable |= COL_BIT(COL_HOME_LAT));
	check(told_apart, "every other value is one");
	b = a;
	b.odd_amount = 7;
	check(same(&a, &b), "an amount has no other form");
	a.known &= ~COL_BIT(COL_AMOUNT);
	a.unusable |= COL_BIT(COL_AMOUNT);
	b = a;
	b.odd_amount = 8;
	check(!same(&a, &b), "one that is none is told apart by what it is");
	a.known |= COL_BIT(COL_AMOUNT);
	a.unusable = 0;

	/* five texts of the largest size fit; a long one is not cut */
	memset(longer, 'l', sizeof(longer));
	longer[1][4998] = 'm';
	longer[0][4999] = longer[1][4999] = longer[2][4999] = '\0';
	b = a;
	a.txn_id = a.customer = a.card = a.merchant = a.category = text_of(longer[0]);
	b = a;
	b.category = text_of(longer[2]);
	check(same(&a, &b), "long texts are facts like others");
	b.category = text_of(longer[1]);
	check(!same(&a, &b), "to the last letter");
	longer[2][64] = '\0';
	a.txn_id = a.customer = a.card = a.merchant = a.category = text_of(longer[2]);
	check(same(&a, &a), "texts just short enough fit all at once");

	kept_key_of_txn(&a, &seeds, &ka);
	kept_key_of_txn(&a, &elsewhere, &kb);
	check(!hash128_equal(&ka.txn, &kb.txn), "in another database it is another transaction");

	b = a;
	b.known &= ~COL_BIT(COL_TXN_ID);
	check(same(&b, &b), "without an id the facts say which it is");
	b.date_only = true;
	check(!kept_key_of_txn(&b, &seeds, &kb), "unless only the day is known");
	b.date_only = false;
	b.known &= ~COL_BIT(COL_OCCURRED_AT);
	check(!kept_key_of_txn(&b, &seeds, &kb), "or not even that");

	b = a;
	b.amount++;
	kept_key_of_txn(&b, &seeds, &kb);
	check(identity_of_reused(42, &ka) != 42 && identity_of_reused(42, &ka) != identity_of_reused(42, &kb) &&
		  identity_of_reused(42, &ka) <= EVENT_ID_MASK, "an id used again counts by its facts");
}

int
main(void)
{
	claims();
	against_model(1000, 200, 10 * SECOND, true, "room for all: every answer as expected");
	against_model(500, KEPT_MAX, 100 * SECOND, true, "the same with large answers, and time that passes");
	against_model(8, KEPT_MAX, SECOND / 10, false, "too little room: an answer is right or missing");
	verdicts();
	evictions();
	facts();
	return tap_end();
}
