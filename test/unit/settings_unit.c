/*-------------------------------------------------------------------------
 *
 * settings_unit.c
 *	  Times, sizes and percentages as text, the shipped settings as numbers,
 *	  and look-up by name, without a server. TAP output.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "circuit/circuit_config.h"
#include "config/settings_image.h"
#include "config/yaml_scalar.h"
#include "journal/journal_config.h"
#include "ml/ml_config.h"
#include "service/service_config.h"
#include "tap.h"

#define SEC					INT64CONST(1000000)

static void
check_text(bool good, const char *what, const char *text)
{
	char		line[80];

	snprintf(line, sizeof(line), "%s \"%s\"", what, text);
	check(good, line);
}

static void
test_durations(void)
{
	static const struct
	{
		const char *text;
		YamlDuration result;
		int64		usec;
		const char *printed;
	}			cases[] = {
		{"0 s", DURATION_OK, 0, "0 s"},
		{"0.001ms", DURATION_OK, 1, "0.001 ms"},
		{"1 ms", DURATION_OK, 1000, "1 ms"},
		{"1.5 ms", DURATION_OK, 1500, "1.5 ms"},
		{"1.010 ms", DURATION_OK, 1010, "1.01 ms"},
		{"1.0000000000000000 s", DURATION_OK, SEC, "1 s"},
		{"10\ts", DURATION_OK, 10 * SEC, "10 s"},
		{"90s", DURATION_OK, 90 * SEC, "90 s"},
		{"0.25 h", DURATION_OK, 900 * SEC, "15 min"},
		{"0.00000625 d", DURATION_OK, 540000, "540 ms"},
		{"9999 d", DURATION_OK, 9999 * 86400 * SEC, "9999 d"},
		{"863999999 s", DURATION_OK, 863999999 * SEC, "863999999 s"},
		{"10", DURATION_NO_UNIT, 0, NULL},
		{"10 ", DURATION_NO_UNIT, 0, NULL},
		{"", DURATION_BAD, 0, NULL},
		{"s", DURATION_BAD, 0, NULL},
		{"-1 s", DURATION_BAD, 0, NULL},
		{"+1 s", DURATION_BAD, 0, NULL},
		{"01 s", DURATION_BAD, 0, NULL},
		{"1. s", DURATION_BAD, 0, NULL},
		{".5 s", DURATION_BAD, 0, NULL},
		{"1e3 s", DURATION_BAD, 0, NULL},
		{"1 S", DURATION_BAD, 0, NULL},
		{"1 sec", DURATION_BAD, 0, NULL},
		{"1 s ", DURATION_BAD, 0, NULL},
		{"0.0001 ms", DURATION_BAD, 0, NULL},
		{"0.000000001 h", DURATION_BAD, 0, NULL},
		{"10000 d", DURATION_BAD, 0, NULL},
		{"1000000000 ms", DURATION_BAD, 0, NULL},
		{"99999999999999999999 ms", DURATION_BAD, 0, NULL},
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		int64		usec = 0;
		char		printed[YAML_PRINT_LEN];
		bool		good = yaml_scan_duration(cases[i].text, &usec) == cases[i].result;

		if (good && cases[i].result == DURATION_OK)
		{
			yaml_print_duration(usec, printed);
			good = usec == cases[i].usec && strcmp(printed, cases[i].printed) == 0;
		}
		check_text(good, "time", cases[i].text);
	}
}

static void
test_sizes(void)
{
	static const struct
	{
		const char *text;
		YamlDuration result;
		int64		bytes;
		const char *printed;
	}			cases[] = {
		{"0 kB", DURATION_OK, 0, "0 GB"},
		{"1kB", DURATION_OK, 1024, "1 kB"},
		{"1.5 kB", DURATION_OK, 1536, "1.5 kB"},
		{"0.0009765625 kB", DURATION_BAD, 0, NULL},
		{"0.125 kB", DURATION_OK, 128, "0.125 kB"},
		{"1024 kB", DURATION_OK, 1048576, "1 MB"},
		{"0.5 GB", DURATION_OK, 536870912, "512 MB"},
		{"999999999 GB", DURATION_OK, INT64CONST(999999999) << 30, "999999999 GB"},
		{"1000000000 kB", DURATION_BAD, 0, NULL},
		{"16", DURATION_NO_UNIT, 0, NULL},
		{"16 mb", DURATION_BAD, 0, NULL},
		{"16 B", DURATION_BAD, 0, NULL},
		{"-1 MB", DURATION_BAD, 0, NULL},
		{"", DURATION_BAD, 0, NULL},
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		int64		bytes = 0;
		char		printed[YAML_PRINT_LEN];
		bool		good = yaml_scan_size(cases[i].text, &bytes) == cases[i].result;

		if (good && cases[i].result == DURATION_OK)
		{
			yaml_print_size(bytes, printed);
			good = bytes == cases[i].bytes && strcmp(printed, cases[i].printed) == 0;
		}
		check_text(good, "size", cases[i].text);
	}
}

static void
test_percentages(void)
{
	static const char *const bad[] = {
		"", "-1", "100.01", "101", "0.001", "5%", "1e1", "0x1", "1.", "00.5"
	};
	int			failed = 0;
	int32		got;

	for (int32 i = 0; i <= 10000; i++)
	{
		char		text[YAML_PRINT_LEN];

		yaml_print_percent(i, text);
		failed += !yaml_scan_percent(text, &got) || got != i;
	}
	check(failed == 0, "every percentage reads back");
	for (size_t i = 0; i < lengthof(bad); i++)
		check_text(!yaml_scan_percent(bad[i], &got), "no percentage", bad[i]);
}

static void
test_shipped(const SettingsImage *shipped)
{
	const CircuitSettings *circuits = (const CircuitSettings *)
		((const char *) shipped + settings_offset(&circuit_section));
	static const CircuitConfig wanted = {	/* zero between members */
		.mode = MODE_NORMAL, .failures = 5, .window = 10 * SEC, .reporters = 1,
		.rate_calls = 20, .slow_calls = 20, .nsteps = 1, .open_for = {60 * SEC},
		.step_back = 600 * SEC, .trials = 3, .successes = 3, .max_concurrent = -1,
		.timeout = 30 * SEC, .grace = 5 * SEC, .retry_attempts = 1,
		.retry_budget_percent = 20, .retry_budget_min = 3, .retry_base = SEC / 10,
		.retry_cap = 2 * SEC, .retry_deadline = 60 * SEC
	};

	check(memcmp(&circuits->template, &wanted, sizeof(wanted)) == 0, "the shipped template");

	/* a file of one's own replaces the named circuits: none may be shipped */
	check(circuits->n == 0, "no circuit is shipped by name");
}

static void
test_named(const SettingsImage *shipped)
{
	static const char yaml[] =
		"circuits: {b: {mode: disabled}, a: {open_for: [1 s, 2 s]}, ab: {timeout: 2 s},\n"
		"  template: {open_for: [3 s, 4 s, 5 s]}}";
	YamlError	error;
	SettingsImage *image = settings_read(yaml, strlen(yaml), shipped, &error);
	const CircuitSettings *circuits;

	check(image != NULL, "named circuits");
	if (image == NULL)
		return;
	circuits = (const CircuitSettings *)
		((const char *) image + settings_offset(&circuit_section));
	check(circuits->n == 3 && strcmp(circuits->named[0].name, "a") == 0 &&
		  strcmp(circuits->named[1].name, "ab") == 0 &&
		  strcmp(circuits->named[2].name, "b") == 0, "in order");
	check(circuit_config_of(circuits, "a")->nsteps == 2 &&
		  circuit_config_of(circuits, "a")->open_for[2] == 0,
		  "a shorter list leaves nothing of the template's");
	check(circuit_config_of(circuits, "ab")->timeout == 2 * SEC &&
		  circuit_config_of(circuits, "ab")->open_for[2] == 5 * SEC,
		  "the rest is the template's");
	check(circuit_config_of(circuits, "b")->mode == MODE_DISABLED, "the last one");
	check(circuit_config_of(circuits, "") == &circuits->template &&
		  circuit_config_of(circuits, "aa") == &circuits->template &&
		  circuit_config_of(circuits, "c") == &circuits->template, "others: the template");
	check(image->hash != shipped->hash, "another hash");
	pfree(image);
}

static void
test_journal(const SettingsImage *shipped)
{
	static const char yaml[] = "journal: {sync: each, max_size: 2 GB, fields: {name: drop, card_id: keep, account: hash}}";
	const JournalSettings *journal = (const JournalSettings *)
		((const char *) shipped + settings_offset(&journal_section));
	YamlError	error;
	SettingsImage *image;

	check(journal->sync == JOURNAL_SYNC_INTERVAL && journal->interval == SEC &&
		  journal->segment_size == 16 << 20 && journal->max_size == 1 << 30 &&
		  journal->on_full == JOURNAL_DROP_AND_COUNT && journal->keep == 600 * SEC &&
		  journal->retention == 365 * 86400 * SEC, "the shipped journal");
	check(journal_field_rule(journal, "card_id") == JOURNAL_FIELD_HASH &&
		  journal_field_rule(journal, "card_number") == JOURNAL_FIELD_HASH &&
		  journal_field_rule(journal, "pan") == JOURNAL_FIELD_HASH, "cards are hashed");
	check(journal_field_rule(journal, "amount") == JOURNAL_FIELD_KEEP &&
		  journal_field_rule(journal, "") == JOURNAL_FIELD_KEEP &&
		  journal_field_rule(journal, "card") == JOURNAL_FIELD_KEEP, "the rest is kept");
	image = settings_read(yaml, strlen(yaml), shipped, &error);
	check(image != NULL, "a journal of one's own");
	if (image == NULL)
		return;
	journal = (const JournalSettings *) ((const char *) image + settings_offset(&journal_section));
	check(journal->sync == JOURNAL_SYNC_EACH && journal->max_size == INT64CONST(2) << 30, "what it says");
	check(journal->nfields == 5 && journal_field_rule(journal, "name") == JOURNAL_FIELD_DROP &&
		  journal_field_rule(journal, "account") == JOURNAL_FIELD_HASH &&
		  journal_field_rule(journal, "card_id") == JOURNAL_FIELD_KEEP, "fields that are named");
	check(journal_field_rule(journal, "pan") == JOURNAL_FIELD_HASH, "shipped ones stay when others are named");
	pfree(image);
	check(settings_read("journal: {fields: {pan: keep}}", 30, shipped, &error) == NULL &&
		  strcmp(error.message, "card numbers are never kept in clear") == 0, "card numbers are never kept");
	check(settings_read("journal: {segment_size: 256 MB, max_size: 300 MB}", 49, shipped, &error) == NULL &&
		  strcmp(error.message, "max_size 300 MB is less than two segments of 256 MB") == 0, "room for two segments");
}

static void
test_dependencies(const SettingsImage *shipped)
{
	static const char yaml[] =
		"dependencies: {template: {interval: 20 s}, ml: {kind: push, timeout: 3 s},\n"
		"  edge: {kind: tcp, role: cache, host: \"::1\", port: 6379, send: \"PING\\r\\n\", expect: +PONG}}";
	const DependencySettings *d = (const DependencySettings *)
		((const char *) shipped + settings_offset(&dependency_section));
	YamlError	error;
	SettingsImage *image;

	check(d->n == 1 && strcmp(d->named[0].name, "database") == 0 &&
		  d->named[0].config.kind == PROBE_SQL && d->named[0].config.role == ROLE_DATABASE &&
		  strcmp(d->named[0].config.query, PROBE_BUILT_IN_QUERY) == 0, "shipped: only the database is probed");
	check(d->template.interval == 10 * SEC && d->template.rules.degraded_after == SEC / 10 &&
		  d->template.rules.unhealthy_after == SEC && d->template.rules.degraded_failures == 2 &&
		  d->template.rules.degraded_of == 3 && d->template.rules.unhealthy_of == 1, "shipped: the template of probes");

	image = settings_read(yaml, strlen(yaml), shipped, &error);
	if (!check(image != NULL, "named dependencies"))
		return;
	d = (const DependencySettings *) ((const char *) image + settings_offset(&dependency_section));
	check(d->n == 3 && strcmp(d->named[0].name, "database") == 0 && strcmp(d->named[1].name, "edge") == 0 &&
		  strcmp(d->named[2].name, "ml") == 0, "in order, the database among them");
	check(d->named[0].config.interval == 20 * SEC && d->named[0].config.kind == PROBE_SQL,
		  "the database follows the template");
	check(d->named[1].config.role == ROLE_CACHE && strcmp(d->named[1].config.send, "PING\r\n") == 0 &&
		  d->named[2].config.role == ROLE_ML && d->named[2].config.timeout == 3 * SEC, "roles by key or by name");
	pfree(image);
}

static void
test_tiers(const SettingsImage *shipped)
{
	const TierSettings *t = (const TierSettings *)
		((const char *) shipped + settings_offset(&tier_section));

	check(t->review_above == 1000 && t->high_above == 5000 && t->approve_below == 100 &&
		  t->retry_after == 3600 * SEC, "shipped: numbers of tiers 3 to 5");
	check(t->recover_minimal == 300 * SEC && t->recover_degraded == 300 * SEC && t->recover_full == 300 * SEC &&
		  t->recovery_rate == 1 && t->standby_tier == 3, "shipped: recovery");
}

/* What the service file says of ML, which must be good. */
static SettingsImage *
ml_of(const char *yaml, const SettingsImage *shipped, const MlSettings **ml)
{
	YamlError	error;
	SettingsImage *image = settings_read(yaml, strlen(yaml), shipped, &error);

	check_text(image != NULL, "accepted:", yaml);
	if (image != NULL)
		*ml = (const MlSettings *) ((const char *) image + settings_offset(&ml_section));
	return image;
}

static void
test_ml(const SettingsImage *shipped)
{
	static const MlSettings wanted = {	/* zero between members */
		.score_scale = 100, .combine = COMBINE_ML, .on_open = ON_OPEN_RULES, .attempts = 1, .timeout = 2 * SEC,
		.cache_ttl = 600 * SEC, .cache_stale_ttl = 3600 * SEC, .low_risk_score = 10,
		.field_score = "risk_score", .field_is_fraud = "is_fraud", .field_factors = "risk_factors",
		.field_recommendation = "recommendation"
	};
	static const struct
	{
		const char *yaml;
		int			column;
		const char *message;
		const char *hint;
	}			bad[] = {
		{"ml: {score_scale: 10}", 19, "invalid value for \"score_scale\": 10", "\"score_scale\" must be 1 or 100."},
		{"ml: {score_scale: 50.5}", 19, "invalid value for \"score_scale\": 50.5", "\"score_scale\" must be 1 or 100."},
		{"ml: {score_scale: \"1\"}", 19, "invalid value for \"score_scale\": text \"1\"", "\"score_scale\" must be 1 or 100."},
		{"ml: {combine: rules}", 15, NULL, "\"combine\" must be ml, strictest, ml_with_blocks or shadow."},
		{"ml: {on_open: off}", 15, NULL, "\"on_open\" must be rules, cached or refuse."},
		{"ml: {fields: {risk_score: ''}}", 27, NULL, "\"risk_score\" must be a text."},
		{"ml: {function: ask_ml}", 16, NULL, "\"function\" must be none, or a function with its schema, such as scoring.ask_ml."},
		{"ml: {function: .ask_ml}", 16, NULL, NULL},
		{"ml: {function: scoring.}", 16, NULL, NULL},
		{"ml: {attempts: 0}", 16, NULL, "\"attempts\" must be a whole number from 1 to 10."},
		{"ml: {timeout: 61 s}", 15, NULL, NULL},
		{"ml: {timeout: 0 s}", 15, NULL, NULL},
		{"ml: {low_risk: {amount_below: -1}}", 31, NULL, "\"amount_below\" must be off, or a number from 0 to 1000000000000."},
		{"ml: {low_risk: {max_score: off}}", 28, NULL, "\"max_score\" must be a whole number from 0 to 30."},
		{"ml: {low_risk: {max_score: 31}}", 28, NULL, NULL},
		{"ml: {cache: {ttl: 61 min}}", 19, NULL, NULL},
		{"ml: {cache: {stale_ttl: 9 min}}", 25, "cache.stale_ttl 9 min is less than cache.ttl 10 min",
		"What is as good as new is usable, so \"stale_ttl\" must be at least \"ttl\"."},
		{"ml: {cache: {ttl: 30 min, stale_ttl: 10 min}}", 38, "cache.stale_ttl 10 min is less than cache.ttl 30 min", NULL},
		{"ml: {fields: {score: a}}", 15, NULL, NULL},
	};
	const MlSettings *ml = (const MlSettings *) ((const char *) shipped + settings_offset(&ml_section));
	SettingsImage *image;
	YamlError	error;
	size_t		len;
	char	   *text;

	check(memcmp(ml, &wanted, sizeof(wanted)) == 0, "the shipped section ml");

	image = ml_of("ml: {score_scale: 1, fields: {risk_score: p, is_fraud: '', risk_factors: why, recommendation: ''},\n"
				  "  function: scoring.ask_ml, timeout: 1 ms, attempts: 10, combine: ml_with_blocks, on_open: cached,\n"
				  "  cache: {ttl: 1 h, stale_ttl: 1 d}, low_risk: {amount_below: 0.5, max_score: 30}}", shipped, &ml);
	if (image == NULL)
		return;
	check(ml->score_scale == 1 && ml->combine == COMBINE_ML_WITH_BLOCKS && ml->on_open == ON_OPEN_CACHED &&
		  ml->attempts == 10 && ml->timeout == SEC / 1000 && strcmp(ml->function, "scoring.ask_ml") == 0 &&
		  ml->cache_ttl == 3600 * SEC && ml->cache_stale_ttl == 86400 * SEC &&
		  ml->low_risk_amount == 0.5 && ml->low_risk_score == 30, "what it says of ML");
	check(strcmp(ml->field_score, "p") == 0 && ml->field_is_fraud[0] == '\0' &&
		  strcmp(ml->field_factors, "why") == 0 && ml->field_recommendation[0] == '\0', "and its fields");
	text = settings_write(image, &len);
	pfree(image);
	image = ml_of(text, shipped, &ml);
	check(image != NULL && ml->low_risk_amount == 0.5 && ml->score_scale == 1, "and reads back");
	pfree(text);

	/* what switches off again: over a file that has it on */
	for (int i = 0; i < 3 && image != NULL; i++)
	{
		static const char *const off[] = {
			"ml: {function: none, low_risk: {amount_below: off}}",
			"ml: {function: 'none', low_risk: {amount_below: 0}}",
			"ml: {function: '', low_risk: {amount_below: 0.0}}",
		};
		SettingsImage *base = image;
		SettingsImage *without = ml_of(off[i], base, &ml);

		check(without != NULL && ml->function[0] == '\0' && ml->low_risk_amount == 0, "no function, no low risk");
		text = without == NULL ? NULL : settings_write(without, &len);
		check(text != NULL && strstr(text, "amount_below: off") != NULL && strstr(text, "function: ''") != NULL,
			  "and says so");
		if (text != NULL)
			pfree(text);
		if (without != NULL)
			pfree(without);
	}
	if (image != NULL)
		pfree(image);

	for (size_t i = 0; i < lengthof(bad); i++)
	{
		image = settings_read(bad[i].yaml, strlen(bad[i].yaml), shipped, &error);
		if (!check(image == NULL && error.line == 1 && error.column == bad[i].column &&
				   (bad[i].message == NULL || strcmp(error.message, bad[i].message) == 0) &&
				   (bad[i].hint == NULL || strcmp(error.hint, bad[i].hint) == 0), bad[i].yaml) && image == NULL)
			printf("# %d:%d: %s / %s\n", error.line, error.column, error.message, error.hint);
	}
	/* an error of two keys is where the one stands that is there */
	image = ml_of("ml: {cache: {ttl: 1 h}}", shipped, &ml);
	check(image != NULL && ml->cache_ttl == ml->cache_stale_ttl, "ttl as long as stale_ttl");
	if (image != NULL)
		pfree(image);
	image = ml_of("ml: {cache: {ttl: 1 min, stale_ttl: 2 min}}", shipped, &ml);
	check(image != NULL && settings_read("ml:\n  cache:\n    ttl: 3 min\n", 27, image, &error) == NULL &&
		  error.line == 3 && error.column == 10, "ttl longer than the stale_ttl there was");
	if (image != NULL)
		pfree(image);
}

static void
test_complete(void)
{
	YamlError	error;
	static const struct
	{
		const char *yaml;
		const char *missing;
	}			cases[] = {
		{"{}", "circuits"},
		{"circuits: {}", "journal"},
		{"{circuits: {}, journal: {}}", "dependencies"},
		{"{circuits: {}, journal: {}, dependencies: {}}", "tiers"},
		{"{circuits: {}, journal: {}, dependencies: {}, tiers: {}}", "ml"},
		{"{circuits: {}, journal: {}, dependencies: {}, tiers: {}, ml: {}}", "template"},
		{"{circuits: {template: {mode: normal}}, journal: {}, dependencies: {}, tiers: {}, ml: {}}", "failures"},
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		char		message[80];

		snprintf(message, sizeof(message), "missing key \"%s\"", cases[i].missing);
		check(settings_read(cases[i].yaml, strlen(cases[i].yaml), NULL, &error) == NULL &&
			  strcmp(error.message, message) == 0, message);
	}
}

int
main(void)
{
	YamlError	error;
	SettingsImage *shipped;

	test_durations();
	test_sizes();
	test_percentages();
	settings_register(&circuit_section);
	settings_register(&journal_section);
	settings_register(&dependency_section);
	settings_register(&tier_section);
	settings_register(&ml_section);
	test_complete();
	shipped = settings_read(settings_default_yaml, settings_default_yaml_len, NULL, &error);
	check(shipped != NULL, "the shipped file is complete");
	if (shipped == NULL)
		printf("# %d:%d: %s\n", error.line, error.column, error.message);
	else
	{
		test_shipped(shipped);
		test_named(shipped);
		test_journal(shipped);
		test_dependencies(shipped);
		test_tiers(shipped);
		test_ml(shipped);
		pfree(shipped);
	}
	return tap_end();
}
