/*-------------------------------------------------------------------------
 *
 * policy_errors_unit.c
 *	  What the policy reader refuses: place, message and hint of every kind of
 *	  error, without a server. TAP output.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "lib/stringinfo.h"
#include "config/yaml_tree.h"
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

typedef struct Refusal
{
	const char *yaml;
	int			line;
	int			column;
	const char *message;		/* exactly */
	const char *hint;			/* part of it */
} Refusal;

static const Refusal refusals[] = {
	/* keys */
	{"rules:\n  large_amuont: {weight: 3}", 2, 3,
	"unknown rule \"large_amuont\"", "Did you mean \"large_amount\"? Allowed: high_amount, unusual"},
	{"rules:\n  large_amount: {wieght: 3}", 2, 18,
	"unknown key \"wieght\"", "Did you mean \"weight\"? Allowed: enabled, shadow, weight, bands."},
	{"foo: 1", 1, 1,
	"unknown key \"foo\"", "Allowed: version, description, history, scoring, lists, rules, custom."},
	{"history: {columns: {merchant: x}}", 1, 21,
	"unknown column \"merchant\"", "Allowed: txn_id, "},
	{"lists: {deny_customer: {values: []}}", 1, 9,
	"unknown list \"deny_customer\"", "Did you mean \"deny_customers\"?"},
	{"scoring: {category_caps: {amounts: 3}}", 1, 27,
	"unknown category \"amounts\"", "Did you mean \"amount\"?"},
	{"rules: {large_amount: {bands: [{over: 3, points: 1}]}}", 1, 33,
	"unknown key \"over\"", "Allowed: above, at_least, points, action."},
	{"rules:\n  large_amount:\n    weight: 3\n    weight: 4", 4, 5,
	"duplicate key \"weight\", first given at line 3", "once"},
	{"history: {status_values: {OK: approved, ' ok': failed}}", 1, 41,
	"duplicate key \" ok\"", "once"},
	{"history: {rates: {EUR: {2024-01-01: 1}, eur: {2024-01-01: 2}}}", 1, 47,
	"duplicate key \"2024-01-01\"", "once"},
	{"[a]: 1", 1, 1, "a key that is a list", "A key must be a word."},
	{"'': 1", 1, 1, "empty key", "A key must be a word."},

	/* types and ranges */
	{"rules:\n  large_amount:\n    weight: heavy", 3, 13,
	"invalid value for \"weight\": heavy", "\"weight\" must be a whole number from 0 to 30."},
	{"rules: {large_amount: {weight: '3'}}", 1, 32,
	"invalid value for \"weight\": text \"3\"", "a whole number from 0 to 30"},
	{"rules: {large_amount: {weight: }}", 1, 32,
	"invalid value for \"weight\": nothing", "a whole number from 0 to 30"},
	{"rules: {large_amount: {weight: [3]}}", 1, 32,
	"invalid value for \"weight\": a list", "a whole number from 0 to 30"},
	{"rules: {large_amount: {weight: 31}}", 1, 32,
	"invalid value for \"weight\": 31", "a whole number from 0 to 30"},
	{"rules: {large_amount: {weight: -1}}", 1, 32,
	"invalid value for \"weight\": -1", "a whole number from 0 to 30"},
	{"rules: {large_amount: {weight: 2.5}}", 1, 32,
	"invalid value for \"weight\": 2.5", "a whole number from 0 to 30"},
	{"rules: {large_amount: {weight: 0x10}}", 1, 32,
	"invalid value for \"weight\": 0x10", "a whole number from 0 to 30"},
	{"rules: {large_amount: {weight: 010}}", 1, 32,
	"invalid value for \"weight\": 010", "a whole number from 0 to 30"},
	{"rules: {high_amount: {min_amount: .inf}}", 1, 35,
	"invalid value for \"min_amount\": .inf", "a number from 0 to 100000000000"},
	{"rules: {high_amount: {min_amount: 1e400}}", 1, 35,
	"invalid value for \"min_amount\": 1e400", "a number from 0 to 100000000000"},
	{"rules: {foreign_country: {eased_after: 4}}", 1, 40,
	"invalid value for \"eased_after\": 4", "a whole number from 1 to 3"},
	{"rules: {large_amount: {enabled: yes}}", 1, 33,
	"invalid value for \"enabled\": yes", "\"enabled\" must be true or false."},
	{"rules: {large_amount: {enabled: 'true'}}", 1, 33,
	"invalid value for \"enabled\": text \"true\"", "true or false"},
	{"rules: [large_amount]", 1, 8,
	"invalid value for \"rules\": a list", "a mapping of keys to values"},
	{"version: 2", 1, 10, "invalid value for \"version\": 2", "the number 1"},
	{"just a text", 1, 1, "invalid value for \"policy\": just a text", "The policy must be a mapping"},
	{"~", 1, 1, "invalid value for \"policy\": ~", "The policy must be a mapping"},
	{"description: {a: b}", 1, 14, "invalid value for \"description\": a mapping", "a text"},
	{"description: null", 1, 14, "invalid value for \"description\": null", "'' for none"},

	/* bands */
	{"rules:\n  large_amount:\n    bands:\n      - {above: 5, points: 3}\n      - {above: 4, points: 9}", 5, 9,
	"bands out of order: 4 after 5", "greater than that of the band before"},
	{"rules: {large_amount: {bands: [{above: 5, points: 3}, {at_least: 5, points: 9}]}}", 1, 55,
	"bands out of order: 5 after 5", "greater than that of the band before"},
	{"rules: {large_amount: {bands: [{above: 5, points: 3}, {points: 9}]}}", 1, 55,
	"band without a threshold", "Only the first band"},
	{"rules: {large_amount: {bands: [{above: 5, at_least: 6, points: 3}]}}", 1, 53,
	"band with both \"above\" and \"at_least\"", "one threshold"},
	{"rules: {large_amount: {bands: [{above: 5}]}}", 1, 32,
	"missing key \"points\"", "\"points\" must be given here."},
	{"rules: {large_amount: {bands: [{points: 31}]}}", 1, 41,
	"invalid value for \"points\": 31", "a whole number from 0 to 30"},
	{"rules: {large_amount: {bands: [{points: 3, action: deny}]}}", 1, 52,
	"invalid value for \"action\": deny", "none, review or block"},
	{"rules: {large_amount: {bands: [{above: .nan, points: 3}]}}", 1, 40,
	"invalid value for \"above\": .nan", "a finite decimal number"},
	{"rules: {large_amount: {bands: []}}", 1, 31, "no bands", "enabled: false"},
	{"rules: {large_amount: {bands: {above: 3, points: 3}}}", 1, 31,
	"invalid value for \"bands\": a mapping", "a list of bands"},
	{"rules: {large_amount: {bands: [{above: 1, points: 1}, {above: 2, points: 1}, {above: 3, points: 1}, "
	"{above: 4, points: 1}, {above: 5, points: 1}, {above: 6, points: 1}]}}", 1, 147,
	"too many bands", "1 to 5"},

	/* history */
	{"history:\n  timezone: Mars/Olympus", 2, 13,
	"unknown time zone \"Mars/Olympus\"", "pg_timezone_names"},
	{"history: {status_values: {ok: fine}}", 1, 31,
	"invalid value for \"ok\": fine", "pending, approved, declined, failed or blocked"},
	{"history: {status_values: {' ': failed}}", 1, 27, "invalid word \" \"", "1 to 63 bytes"},
	{"history: {status_values: {Approved: declined}}", 1, 37,
	"\"approved\" cannot mean \"declined\"", "Only other words"},
	{"history: {channel_values: {web: approved}}", 1, 33,
	"invalid value for \"web\": approved", "present or online"},
	{"history: {weekend: [6, 8]}", 1, 24,
	"invalid value in \"weekend\": 8", "Each value in \"weekend\" must be a whole number from 1 to 7."},
	{"history: {weekend: [6, 6]}", 1, 24, "duplicate value \"6\"", "once"},
	{"history: {base_currency: Euro}", 1, 26,
	"invalid value for \"base_currency\": Euro", "three letters"},
	{"history: {rates: {EURO: {2024-01-01: 1}}}", 1, 19,
	"invalid currency \"EURO\"", "three letters"},
	{"history: {rates: {EUR: {2023-02-29: 1}}}", 1, 25,
	"invalid day \"2023-02-29\"", "YYYY-MM-DD"},
	{"history: {rates: {EUR: {2024-01-01: 0}}}", 1, 37,
	"invalid value for \"2024-01-01\": 0", "over 0"},
	{"history: {rates: {EUR: {2024-01-01: 1.0000000001}}}", 1, 37,
	"invalid value for \"2024-01-01\": 1.0000000001", "at most 9 decimals"},
	{"history: {rates: {EUR: 1.1}}", 1, 24, "invalid value for \"EUR\": 1.1", "days to rates"},
	{"history: {rates: {USD: {2024-01-01: 1}}}", 1, 37,
	"rate for the base currency USD", "remove its rates"},

	/* scoring */
	{"scoring: {low_max: 60}", 1, 20,
	"low_max 60 is not below medium_max 60", "must be less than"},
	{"scoring: {category_caps: {time: 101}}", 1, 33,
	"invalid value for \"time\": 101", "a whole number from 0 to 100"},
	{"scoring: {category_caps: {time: all}}", 1, 33,
	"invalid value for \"time\": all", "none, or a whole number"},
	{"scoring: {min_coverage: 1.5}", 1, 25,
	"invalid value for \"min_coverage\": 1.5", "a number from 0 to 1"},

	/* lists */
	{"lists: {deny_customers: {values: [a, b, a]}}", 1, 41, "duplicate value \"a\"", "once"},
	{"lists: {deny_customers: {values: ['']}}", 1, 35,
	"invalid value in \"values\": text \"\"", "a text that is not empty"},
	{"lists: {deny_customers: {source: x}}", 1, 25, "missing key \"values\"", "must be given"},
	{"lists: {deny_customers: {as_of: 2024-13-01, values: []}}", 1, 33,
	"invalid value for \"as_of\": 2024-13-01", "YYYY-MM-DD"},
	{"lists: {high_risk_countries: {values: [IRN]}}", 1, 40,
	"invalid value in \"values\": IRN", "a country code of two letters"},
	{"lists: {crypto: {values: ['605']}}", 1, 27,
	"invalid value in \"values\": text \"605\"", "four digits"},
	{"lists: {deny_ips: {values: [10.0.0.1/8]}}", 1, 29,
	"invalid value in \"values\": 10.0.0.1/8", "no bits set to the right"},
	{"lists: {deny_ips: {values: [10.0.0.256]}}", 1, 29,
	"invalid value in \"values\": 10.0.0.256", "an IP address"},
	{"lists: {travel_notices: {values: [C/FR/2026-07-02/2026-07-01]}}", 1, 35,
	"invalid value in \"values\": C/FR/2026-07-02/2026-07-01", "customer/COUNTRY/first day/last day"},

	/* custom */
	{"custom: {Night: {when: a, points: 1}}", 1, 10, "invalid name \"Night\"", "lower-case"},
	{"custom: {large_amount: {when: a, points: 1}}", 1, 10,
	"invalid name \"large_amount\"", "like a shipped rule"},
	{"custom: {a: {points: 1}}", 1, 13, "missing key \"when\"", "must be given"},
	{"custom: {a: {when: a}}", 1, 13, "missing key \"points\"", "must be given"},
	{"custom: {a: {when: ' ', points: 1}}", 1, 20,
	"invalid value for \"when\": text \" \"", "SQL boolean expression"},

	/* YAML itself */
	{"rules:\n  large_amount: &x {weight: 3}", 2, 17, "anchor in a policy", "Anchors and aliases"},
	{"rules:\n  large_amount: *x", 2, 17, "alias in a policy", "Anchors and aliases"},
	{"rules: {large_amount: {weight: !!int 3}}", 1, 32, "tag in a policy", "Tags are not allowed"},
	{"rules: {large_amount: {weight: ! 3}}", 1, 32, "tag in a policy", "Tags are not allowed"},
	{"%TAG ! tag:x,2000:\n---\nversion: 1", 1, 1, "tag directive in a policy", "%TAG"},
	{"a: [[[[[[[[1]]]]]]]]", 1, 11, "nested too deep", "at most 8 levels"},
	{"version: 1\n---\nversion: 1", 2, 1, "more than one document", "one document"},
	{"", 1, 1, "policy is empty", "A policy is a mapping"},
	{" \n\t\n", 1, 1, "policy is empty", "A policy is a mapping"},
	{"# nothing\n", 1, 1, "policy is empty", "A policy is a mapping"},
	{"version: 1\ndescription: caf\xe9 x", 2, 17, "invalid UTF-8: byte 0xe9", "UTF-8"},
	{"description: \"\xc3\xa9\" \xed\xa0\x80", 1, 18, "invalid UTF-8: byte 0xed", "UTF-8"},
	{"description: a\x01", 1, 15, "control character U+0001", "escapes"},
	{"description: \"a\\0b\"", 1, 14, "NUL in a text", "\\0"},
	{"rules: {large_amount: {weight: 3", 2, 1,
	"invalid YAML: did not find expected ',' or '}'", "brackets"},
	{"rules:\n\tlarge_amount: {}", 2, 1,
	"invalid YAML: found character that cannot start any token", "spaces only"},
	{"description: 'a", 1, 16, "invalid YAML: found unexpected end of stream", "quotes"}
};

static void
expect_refusal(const char *yaml, size_t len, const Policy *base,
			   const Refusal *expected, const char *what)
{
	YamlError	error;
	Policy	   *policy = policy_read(yaml, len, base, false, zone_ok, &error);
	bool		ok;

	if (policy != NULL)
	{
		check(false, what);
		pfree(policy);
		return;
	}
	ok = error.line == expected->line && error.column == expected->column &&
		strcmp(error.message, expected->message) == 0 &&
		error.hint[0] != '\0' && strstr(error.hint, expected->hint) != NULL;
	if (!check(ok, what))
		say(&error);
}

static void
test_refusals(void)
{
	size_t		i;

	for (i = 0; i < lengthof(refusals); i++)
	{
		char		what[120];
		char	   *p;

		snprintf(what, sizeof(what), "refused: %.100s", refusals[i].yaml);
		/* one line, no comment, no byte that is not ASCII */
		for (p = what; *p != '\0'; p++)
		{
			if (*p < ' ' || *p > '~' || *p == '#')
				*p = '.';
		}
		expect_refusal(refusals[i].yaml, strlen(refusals[i].yaml), shipped,
					   &refusals[i], what);
	}
}

/* What does not fit into a table. */
static void
test_large_refusals(void)
{
	YamlError	error;
	StringInfoData yaml;
	Policy	   *p;
	int			i;
	Refusal		too_long = {NULL, 2, 262145 - 11, "policy is too long: 262145 bytes", "at most 262144 bytes"};
	Refusal		nul = {NULL, 1, 9, "control character U+0000", "escapes"};
	Refusal		too_many = {NULL, 1, 0, "too many values in a policy", "at most 50000 keys and values"};
	Refusal		missing = {NULL, 1, 1, "missing key \"version\"", "must be given"};
	Refusal		rule = {NULL, 0, 0, "missing key \"bands\"", "must be given"};
	Refusal		written = {NULL, 0, 0, NULL, "at most 262144 bytes"};
	Refusal		text = {NULL, 1, 14, "text is too long: 1025 bytes", "At most 1024 bytes"};
	Refusal		custom = {NULL, 1, 9, "too many custom rules: 33", "at most 32"};

	initStringInfo(&yaml);
	appendStringInfoString(&yaml, "version: 1\n#");
	while (yaml.len < YAML_MAX_BYTES)
		appendStringInfoChar(&yaml, 'x');
	p = policy_read(yaml.data, yaml.len, shipped, false, zone_ok, &error);
	if (!check(p != NULL, "a policy of 262144 bytes"))
		exit(1);
	pfree(p);
	appendStringInfoChar(&yaml, 'x');
	expect_refusal(yaml.data, yaml.len, shipped, &too_long, "refused: over-large");

	expect_refusal("version:\0001", 10, shipped, &nul, "refused: NUL byte");

	resetStringInfo(&yaml);
	appendStringInfoString(&yaml, "a: [");
	for (i = 0; i < YAML_MAX_NODES; i++)
		appendStringInfoString(&yaml, "1,");
	appendStringInfoString(&yaml, "]");
	/* map, key and list are three */
	too_many.column = 5 + 2 * (YAML_MAX_NODES - 3);
	expect_refusal(yaml.data, yaml.len, shipped, &too_many, "refused: too many nodes");

	/* within the limits, but not when written out */
	resetStringInfo(&yaml);
	appendStringInfoString(&yaml, "lists: {deny_customers: {values: [");
	for (i = 0; i < 30000; i++)
		appendStringInfo(&yaml, "%d\xc3\xa9,", i);
	appendStringInfoString(&yaml, "]}}");
	check(policy_read(yaml.data, yaml.len, shipped, false, zone_ok, &error) == NULL &&
		  strncmp(error.message, "policy is too large: ", 21) == 0 && error.line == 0 &&
		  strstr(error.hint, written.hint) != NULL, "refused: too large when written out");

	resetStringInfo(&yaml);
	appendStringInfoString(&yaml, "description: ");
	for (i = 0; i < 1025; i++)
		appendStringInfoChar(&yaml, 'x');
	expect_refusal(yaml.data, yaml.len, shipped, &text, "refused: long text");

	resetStringInfo(&yaml);
	appendStringInfoString(&yaml, "custom: {");
	for (i = 0; i < 33; i++)
		appendStringInfo(&yaml, "c%d: {when: a, points: 1}, ", i);
	appendStringInfoString(&yaml, "}");
	expect_refusal(yaml.data, yaml.len, shipped, &custom, "refused: 33 custom rules");

	/* with no base everything must stand */
	expect_refusal("description: x", 14, NULL, &missing, "refused: no version and no base");
	resetStringInfo(&yaml);
	{
		char	   *all = policy_write(shipped, NULL);
		char	   *cut = strstr(all, "    bands:\n      - {at_least: 90");
		char	   *rest = strstr(cut, "  weekend_shift:");
		const char *block;

		appendBinaryStringInfo(&yaml, all, (int) (cut - all));
		appendStringInfoString(&yaml, rest);
		rule.line = 1;
		for (block = yaml.data; block < strstr(yaml.data, "  dormant_account:"); block++)
			rule.line += *block == '\n';
		rule.line++;			/* the mapping starts below its key */
		rule.column = 5;
		expect_refusal(yaml.data, yaml.len, NULL, &rule, "refused: no bands and no base");
		pfree(all);
	}
	pfree(yaml.data);

	check(policy_set(shipped, "rules.large_amount.wait", "3", zone_ok, &error) == NULL &&
		  strcmp(error.message, "unknown key \"wait\"") == 0 && error.line == 0 &&
		  strcmp(error.detail, "In rules.large_amount.") == 0, "refused: unknown path");
	check(policy_set(shipped, "rules.large_amount.weight", "99", zone_ok, &error) == NULL &&
		  strcmp(error.message, "invalid value for \"weight\": 99") == 0 &&
		  error.line == 1 && error.column == 1 &&
		  strcmp(error.detail, "In rules.large_amount.weight.") == 0, "refused: bad value for a path");
	check(policy_set(shipped, "rules..weight", "1", zone_ok, &error) == NULL &&
		  strcmp(error.message, "invalid path") == 0 &&
		  policy_set(shipped, "", "1", zone_ok, &error) == NULL, "refused: bad path");
	check(policy_set(shipped, "custom.new.enabled", "true", zone_ok, &error) == NULL &&
		  strcmp(error.message, "missing key \"when\"") == 0, "refused: half a custom rule");
}

int
main(void)
{
	YamlError	error;

	shipped = policy_read(policy_default_yaml, policy_default_yaml_len, NULL, false,
						  zone_ok, &error);
	if (!check(shipped != NULL, "the shipped policy reads"))
		exit(1);
	test_refusals();
	test_large_refusals();
	pfree(shipped);
	return tap_end();
}
