/*-------------------------------------------------------------------------
 *
 * policy_unit.c
 *	  The policy reader, writer and look-ups, without a server. TAP output.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <arpa/inet.h>

#include "lib/stringinfo.h"
#include "policy/policy.h"
#include "tap.h"

static Policy *shipped;

static bool
zone_ok(const char *name)
{
	return strcmp(name, "UTC") == 0 || strcmp(name, "Europe/Berlin") == 0;
}

static void
say(const YamlError *error)
{
	printf("# %d:%d: %s\n# detail: %s\n# hint: %s\n", error->line, error->column,
		   error->message, error->detail, error->hint);
}

static Policy *
read_over(const char *yaml, const Policy *base, bool merge_maps)
{
	YamlError	error;
	Policy	   *policy = policy_read(yaml, strlen(yaml), base, merge_maps, zone_ok, &error);

	if (policy == NULL)
		say(&error);
	return policy;
}

/* Reads over the shipped policy; gives up where the text is refused. */
static Policy *
need(const char *yaml)
{
	Policy	   *policy = read_over(yaml, shipped, false);

	if (policy == NULL)
	{
		check(false, yaml);
		exit(1);
	}
	return policy;
}

static bool
same(const Policy *a, const Policy *b)
{
	return a != NULL && b != NULL && a->size == b->size && memcmp(a, b, a->size) == 0;
}

/* Whether two texts mean the same; takes the policies. */
static bool
agree(Policy *a, Policy *b)
{
	bool		result = same(a, b);

	pfree(a);
	pfree(b);
	return result;
}

static Policy *
set(const Policy *policy, const char *path, const char *value)
{
	YamlError	error;
	Policy	   *result = policy_set(policy, path, value, zone_ok, &error);

	if (result == NULL)
	{
		say(&error);
		check(false, path);
		exit(1);
	}
	return result;
}

static void
check_round_trip(const Policy *policy, const char *what)
{
	char	   *text = policy_write(policy, NULL);
	Policy	   *alone = read_over(text, NULL, false);
	Policy	   *over = read_over(text, shipped, false);
	char		name[200];

	snprintf(name, sizeof(name), "%s: text reads back to the same bytes", what);
	check(same(policy, alone), name);
	snprintf(name, sizeof(name), "%s: and over another policy", what);
	check(same(policy, over), name);
	snprintf(name, sizeof(name), "%s: image is valid", what);
	check(policy_image_ok(policy, policy->size), name);
	pfree(alone);
	pfree(over);
	pfree(text);
}

static void
test_shipped(void)
{
	const PolicyRule *rule;

	shipped = read_over(policy_default_yaml, NULL, false);
	if (!check(shipped != NULL, "the shipped policy reads with no base"))
		exit(1);
	check(strlen(policy_default_yaml) == policy_default_yaml_len, "its length is right");
	check_round_trip(shipped, "shipped policy");
	rule = &shipped->rules[RULE_UNUSUAL_HOUR];
	check(rule->enabled && !rule->shadow && rule->weight == 15, "switches and weight");
	check(rule->params[PARAM_HOUR_TO] == 5 && rule->params[PARAM_HOUR_RARE_SHARE] == 0.02,
		  "parameters are where the catalogue says");
	rule = &shipped->rules[RULE_VELOCITY_10M];
	check(rule->bands[0].n == 2 && rule->bands[0].band[1].threshold == 5 &&
		  rule->bands[0].band[1].points == 30 && rule->bands[0].band[1].test == BAND_ABOVE &&
		  rule->bands[0].band[1].action == ACTION_BLOCK, "a band with an action");
	check(shipped->rules[RULE_FOREIGN_COUNTRY].bands[0].band[0].test == BAND_ALWAYS,
		  "a band without a threshold");
	check(shipped->category_caps[CAT_AMOUNT] == 50 &&
		  shipped->category_caps[CAT_TIME] == POLICY_NO_CAP, "category caps");
	check(shipped->weekend == ((1 << 5) | (1 << 6)), "weekend");
	check(shipped->description.off != 0 &&
		  strcmp((const char *) shipped + shipped->description.off, "shipped defaults") == 0,
		  "description");
}

static void
test_same_meaning(void)
{
	Policy	   *nothing = need("{}");
	Policy	   *a;
	Policy	   *b;

	check(same(nothing, shipped), "{} changes nothing");
	pfree(nothing);
	check(agree(need("rules:"), need("history: ~\nscoring: null\nlists: {deny_ips: }")),
		  "a section without a value changes nothing");
	check(agree(need("rules: {large_amount: {weight: 20, enabled: false}, daily_limit: {weight: 1}}"),
				need("# a comment\nrules:\n  daily_limit: {\"weight\": 1}\n"
					 "  large_amount:\n    enabled: false # off\n    weight: 2e1\n")),
		  "order of keys, comments and style do not matter");
	check(agree(need("lists: {deny_customers: {values: [b, a, c]}, high_risk_countries: {values: [no, ir]}}"),
				need("lists: {high_risk_countries: {values: ['IR', NO]}, deny_customers: {values: [c, 'b', \"a\"]}}")),
		  "order of list values and case of countries do not matter");
	check(agree(need("history: {status_values: {' OK ': approved, Nein: declined}}"),
				need("history: {status_values: {nein: declined, ok: approved, approved: approved}}")),
		  "words are folded, a name for itself is nothing");
	check(agree(need("history: {columns: {amount: amount, mcc: code}}"),
				need("history: {columns: {mcc: code}}")), "a column's own name is nothing");
	check(agree(need("lists: {exempt_mcc: {values: [742, 4111]}}"),
				need("lists: {exempt_mcc: {values: ['4111', '0742']}}")),
		  "merchant codes as integers");
	check(agree(need("lists: {deny_ips: {values: ['::ffff:192.0.2.0/120', 2001:DB8::/32]}}"),
				need("lists: {deny_ips: {values: ['2001:db8:0::/32', 192.0.2.0/24]}}")),
		  "one address has one form");
	check(agree(need("rules: {large_amount: {bands: [{at_least: -0.0, points: 3}]}}"),
				need("rules: {large_amount: {bands: [{points: 3, action: none, at_least: 0}]}}")),
		  "no negative zero; action none is the default");
	check(agree(need("description: ''"), need("description: \"\"")), "an empty text is none");
	check(agree(need("\xef\xbb\xbfversion: 1"), need("version: 1\r\n")),
		  "byte order mark and line ends");

	a = need("rules: {large_amount: {weight: 20}}");
	check(a->hash != shipped->hash && a->basis_hash == shipped->basis_hash,
		  "a weight changes the hash and not the basis");
	pfree(a);
	a = need("history: {weekend: [5, 6]}");
	b = need("history: {rates: {EUR: {2024-01-01: 1.1}}}");
	check(a->basis_hash != shipped->basis_hash && b->basis_hash != shipped->basis_hash &&
		  a->basis_hash != b->basis_hash, "weekend and rates change the basis");
	pfree(a);
	pfree(b);
}

static void
test_lists_and_maps(void)
{
	Policy	   *base = need("history: {columns: {mcc: code}, rates: {EUR: {2024-01-01: 1.1}}}\n"
							"custom: {one: {when: amount > 1, points: 5, shadow: true}}\n");
	Policy	   *p;
	Policy	   *q;

	p = read_over("history: {columns: {ip: addr}, status_values: {weg: failed}}\n"
				  "custom: {two: {when: amount > 2, points: 6}}", base, false);
	check(p->columns[COL_MCC].off == 0 && p->columns[COL_IP].off != 0 &&
		  p->status_values.n == 1 && p->custom.n == 1, "free maps are replaced");
	pfree(p);
	p = read_over("history: {columns: {ip: addr}, status_values: {weg: failed}, rates: {EUR: {2024-02-01: 1.2}}}\n"
				  "custom: {two: {when: amount > 2, points: 6}, one: {points: 7}}", base, true);
	check(p->columns[COL_MCC].off != 0 && p->columns[COL_IP].off != 0 &&
		  p->status_values.n == shipped->status_values.n + 1 && p->rates.n == 2 &&
		  p->custom.n == 2, "free maps gain keys with merge_maps");
	check(policy_array(p, p->custom, PolicyCustom)[0].points == 7 &&
		  policy_array(p, p->custom, PolicyCustom)[0].shadow, "an entry that is merged keeps its other keys");
	check_round_trip(p, "merged policy");
	pfree(p);

	p = need("lists: {high_risk_countries: {values: [RU]}}");
	check(p->lists[LIST_HIGH_RISK_COUNTRIES].values.n == 1 &&
		  p->lists[LIST_HIGH_RISK_COUNTRIES].as_of.off == 0 &&
		  p->lists[LIST_HIGH_RISK_COUNTRIES].source.off == 0,
		  "a list replaces values, as_of and source");
	check_round_trip(p, "list without a source");
	pfree(p);

	p = set(base, "rules.large_amount.weight", "7");
	check(p->rules[RULE_LARGE_AMOUNT].weight == 7 && p->custom.n == 1,
		  "policy_set changes one value");
	q = set(p, "custom.two", "{when: amount > 2, points: 6}");
	check(q->custom.n == 2 && q->rules[RULE_LARGE_AMOUNT].weight == 7,
		  "policy_set adds to a free map");
	pfree(p);
	p = set(q, "custom.two.enabled", "false");
	check(!policy_array(p, p->custom, PolicyCustom)[1].enabled &&
		  policy_array(p, p->custom, PolicyCustom)[1].points == 6, "and changes an entry");
	pfree(q);
	q = set(p, "custom", "{}");
	check(q->custom.n == 0, "and replaces the whole map");
	pfree(p);
	p = set(q, "lists.high_risk_countries.values", "[RU, BY]");
	check(p->lists[LIST_HIGH_RISK_COUNTRIES].values.n == 2 &&
		  p->lists[LIST_HIGH_RISK_COUNTRIES].as_of.off != 0, "values alone keep their as_of");
	pfree(q);
	q = set(p, "history.rates.EUR", "{2025-01-01: 1.3}");
	check(q->rates.n == 1 && policy_rate(q, "EUR", 9132) == INT64_C(1300000000),
		  "a currency set anew loses its days");
	pfree(p);
	p = set(q, "history.rates.EUR.2025-01-02", "1.4");
	check(p->rates.n == 2, "a day set joins the others");
	pfree(p);
	pfree(q);
	pfree(base);
}

static void
test_texts(void)
{
	static const char *const texts[] = {
		"1", "007", "1e5", "-1.5", "0x1F", "1_000", "12:30", "2024-01-01", "true", "False",
		"null", "~", "NO", "y", ".inf", "=", "<<", "", "-", "- a", "?", "a: b", "a #b", "#a",
		"a:", " a", "a ", "it's", "say \\\"x\\\"", "back\\\\slash", "a\\nb", "a\\tb", "\\n",
		"\\x01", "\\u0085", "\\xA0", "\xc3\xa9", "\\u2028", "\\uFEFF", "\\U0001F600", "[a]",
		"{a}", "a, b", "a,b", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a", "10.0.0.1", "a/b",
		"a  b", "---", "...", "\\e[0m"
	};
	StringInfoData yaml;
	Policy	   *p;
	size_t		i;

	for (i = 0; i < lengthof(texts); i++)
	{
		bool		blank = texts[i][0] == '\0' || strcmp(texts[i], "\\n") == 0;
		char		name[100];
		char		buffer[400];
		char	   *text;
		Policy	   *again;

		/* as a remark, a list value, a key */
		snprintf(buffer, sizeof(buffer), "description: \"%s\"\n"
				 "lists: {deny_customers: {values: [\"%s\", \"%s.\"]}}\n"
				 "history: {status_values: {\"%s\": failed}}",
				 texts[i], blank ? "x" : texts[i], texts[i], blank ? "x" : texts[i]);
		p = need(buffer);
		text = policy_write(p, NULL);
		again = read_over(text, shipped, false);
		snprintf(name, sizeof(name), "text \"%s\" reads back equal", texts[i]);
		check(same(p, again), name);
		if (again != NULL)
			pfree(again);
		pfree(text);
		pfree(p);
	}

	p = need("lists: {deny_customers: {values: [\"a\\tb\", C1, '5']}}\nrules: {high_amount: {min_amount: 0.1}}");
	{
		char	   *text = policy_write(p, NULL);

		check(strstr(text, "\n    values: ['5', C1, \"a\\tb\"]\n") != NULL,
			  "quotes only where needed");
		check(strstr(text, "\n    min_amount: 0.1\n") != NULL &&
			  strstr(text, "- {above: 5000, points: 30, action: none}\n") != NULL,
			  "numbers in their shortest form");
		check(strspn(text, "\n") == 0 && strpbrk(text, "\r\t") == NULL, "plain ASCII lines");
		pfree(text);
	}
	pfree(p);

	/* long lists break into lines */
	initStringInfo(&yaml);
	appendStringInfoString(&yaml, "lists: {deny_cards: {values: [");
	for (i = 0; i < 5000; i++)
		appendStringInfo(&yaml, "card-%d, ", (int) (i * 7919 % 5000));
	appendStringInfoString(&yaml, "]}}");
	p = need(yaml.data);
	check(p->lists[LIST_DENY_CARDS].values.n == 5000, "a list of 5000 values");
	check(policy_list_has(p, LIST_DENY_CARDS, "card-4999", 9) &&
		  !policy_list_has(p, LIST_DENY_CARDS, "card-5000", 9), "is searched");
	check_round_trip(p, "long list");
	pfree(p);
	pfree(yaml.data);
}

static bool
has_ip(const Policy *policy, ListId list, const char *text)
{
	uint8		addr[16];
	bool		v6 = strchr(text, ':') != NULL;

	if (inet_pton(v6 ? AF_INET6 : AF_INET, text, addr) != 1)
		return false;
	return policy_list_has_ip(policy, list, v6 ? 6 : 4, addr);
}

static void
test_lookups(void)
{
	Policy	   *p = need("lists:\n"
						 "  deny_ips: {values: [10.0.0.0/8, 192.0.2.1, 203.0.113.128/25, 2001:db8::/33, '::1']}\n"
						 "  exempt_ips: {values: [0.0.0.0/0]}\n"
						 "  travel_notices: {values: [a/b/FR/2026-07-01/2026-07-14, a/b/fr/2026-08-01/2026-08-01, a/DE/2026-07-01/2026-07-14]}\n"
						 "  high_risk_countries: {values: [no]}\n"
						 "history: {rates: {EUR: {2024-01-01: 1.1039, 2024-02-01: 1.0812}, JPY: {2024-01-01: 0.000000001}}}\n");
	const int32 jan1 = 8766;	/* 2024-01-01 */
	const int32 jul1 = 9678;	/* 2026-07-01 */

	check(has_ip(p, LIST_DENY_IPS, "10.255.0.1") && !has_ip(p, LIST_DENY_IPS, "11.0.0.0"), "a v4 block");
	check(has_ip(p, LIST_DENY_IPS, "192.0.2.1") && !has_ip(p, LIST_DENY_IPS, "192.0.2.2"), "a v4 address");
	check(has_ip(p, LIST_DENY_IPS, "203.0.113.255") && !has_ip(p, LIST_DENY_IPS, "203.0.113.127"),
		  "a prefix within a byte");
	check(has_ip(p, LIST_DENY_IPS, "2001:db8:7fff::1") && !has_ip(p, LIST_DENY_IPS, "2001:db8:8000::1") &&
		  has_ip(p, LIST_DENY_IPS, "::1") && !has_ip(p, LIST_DENY_IPS, "::2"), "v6");
	check(has_ip(p, LIST_DENY_IPS, "::ffff:10.1.2.3"), "v4 in v6 is v4");
	check(has_ip(p, LIST_EXEMPT_IPS, "8.8.8.8") && !has_ip(p, LIST_EXEMPT_IPS, "2001:db8::1"), "all of v4");
	check(!has_ip(p, LIST_REVIEW_IPS, "10.0.0.1"), "an empty list");

	check(policy_list_has(p, LIST_HIGH_RISK_COUNTRIES, "NO", 2) &&
		  !policy_list_has(p, LIST_HIGH_RISK_COUNTRIES, "N", 1), "a country called NO");

	check(policy_has_travel_notice(p, "a/b", 3, "FR", jul1) &&
		  policy_has_travel_notice(p, "a/b", 3, "FR", jul1 + 13) &&
		  !policy_has_travel_notice(p, "a/b", 3, "FR", jul1 + 14) &&
		  !policy_has_travel_notice(p, "a/b", 3, "FR", jul1 - 1), "first and last day of a journey");
	check(policy_has_travel_notice(p, "a/b", 3, "FR", jul1 + 31) &&
		  !policy_has_travel_notice(p, "a/b", 3, "DE", jul1) &&
		  policy_has_travel_notice(p, "a", 1, "DE", jul1) &&
		  !policy_has_travel_notice(p, "a", 1, "FR", jul1), "customer and country of a journey");

	check(policy_word(p, p->status_values, " Captured\n", 10) == STATUS_APPROVED &&
		  policy_word(p, p->status_values, "TIMEOUT", 7) == STATUS_FAILED &&
		  policy_word(p, p->channel_values, "pos", 3) == CHANNEL_PRESENT &&
		  policy_word(p, p->status_values, "pos", 3) == -1 &&
		  policy_word(p, p->status_values, "  ", 2) == -1, "words");

	check(policy_rate(p, "EUR", jan1 - 1) == 0 &&
		  policy_rate(p, "EUR", jan1) == INT64_C(1103900000) &&
		  policy_rate(p, "EUR", jan1 + 30) == INT64_C(1103900000) &&
		  policy_rate(p, "EUR", jan1 + 31) == INT64_C(1081200000) &&
		  policy_rate(p, "EUR", jan1 + 9999) == INT64_C(1081200000), "a rate holds until the next");
	check(policy_rate(p, "JPY", jan1) == 1 && policy_rate(p, "GBP", jan1) == 0 &&
		  policy_rate(p, "USD", jan1) == POLICY_RATE_SCALE, "smallest, unknown and base currency");
	check_round_trip(p, "look-up policy");
	pfree(p);
}

static void
test_image(void)
{
	Policy	   *copy = palloc(shipped->size);
	size_t		refused = 0;
	size_t		at;

	check(!policy_image_ok(shipped, shipped->size - 8) && !policy_image_ok(shipped, 0) &&
		  !policy_image_ok(shipped, sizeof(Policy)), "a torn image is refused");
	for (at = offsetof(Policy, version); at < shipped->size; at++)
	{
		memcpy(copy, shipped, shipped->size);
		((uint8 *) copy)[at] ^= 0x80;
		refused += !policy_image_ok(copy, copy->size == shipped->size ? copy->size : shipped->size);
	}
	check(refused == shipped->size - offsetof(Policy, version), "any changed byte is refused");
	pfree(copy);
}

int
main(void)
{
	test_shipped();
	test_same_meaning();
	test_lists_and_maps();
	test_texts();
	test_lookups();
	test_image();
	pfree(shipped);
	return tap_end();
}
