/*-------------------------------------------------------------------------
 *
 * circuit_read.c
 *	  The section `circuits` of the service file: YAML in and out.
 *
 * `template` says how every circuit works. Each other key is the name of a
 * circuit that works like the template but for what it lists, wherever the
 * template stands in the file.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "circuit/circuit_config.h"
#include "config/setting_keys.h"
#include "config/yaml_scalar.h"
#include "config/yaml_write.h"

#define MS				INT64CONST(1000)
#define SEC				INT64CONST(1000000)
#define MINUTE			(60 * SEC)
#define HOUR			(3600 * SEC)
#define DAY				(86400 * SEC)

static const char *const modes[] = {
	[MODE_NORMAL] = "normal", [MODE_DISABLED] = "disabled",
	[MODE_METRICS_ONLY] = "metrics_only", [MODE_FORCED_OPEN] = "forced_open"
};

#define PLACE(one, other)	setting_place(keys, lengthof(keys), at, AT(one), AT(other), node)
#define AT(member)		offsetof(CircuitConfig, member)
#define KEY(group, name, kind, member, min, max) \
	{group, name, SETTING_##kind, AT(member), min, max, false, 0, NULL, 0, 0, 0}
#define OR_OFF(group, name, kind, member, min, max, off) \
	{group, name, SETTING_##kind, AT(member), min, max, true, off, NULL, 0, 0, 0}
#define WORD(group, name, member, words) \
	{group, name, SETTING_CHOICE, AT(member), 0, 0, false, 0, words, lengthof(words), 0, 0}
#define STEPS(group, name, member, min, max, number, most) \
	{group, name, SETTING_DURATIONS, AT(member), min, max, false, 0, NULL, 0, AT(number), most}

/* In the order of the file. */
static const SettingKey keys[] = {
	WORD(NULL, "mode", mode, modes),
	OR_OFF(NULL, "failures", WHOLE, failures, 1, CIRCUIT_FAILURES_MAX, 0),
	KEY(NULL, "window", DURATION, window, MS, HOUR),
	KEY(NULL, "reporters", WHOLE, reporters, 1, CIRCUIT_REPORTERS_MAX),
	OR_OFF("failure_rate", "percent", PERCENT, rate_percent_x100, 1, 10000, 0),
	KEY("failure_rate", "minimum_calls", WHOLE, rate_calls, 1, 1000),
	OR_OFF("slow", "after", DURATION, slow_after, MS, HOUR, 0),
	OR_OFF("slow", "percent", PERCENT, slow_percent_x100, 1, 10000, 0),
	KEY("slow", "minimum_calls", WHOLE, slow_calls, 1, 1000),
	STEPS(NULL, "open_for", open_for, 100 * MS, DAY, nsteps, CIRCUIT_STEPS_MAX),
	KEY(NULL, "step_back", DURATION, step_back, SEC, DAY),
	KEY(NULL, "jitter", WHOLE, jitter_percent, 0, 50),
	KEY(NULL, "trials", WHOLE, trials, 1, 100),
	KEY(NULL, "successes", WHOLE, successes, 1, 100),
	KEY(NULL, "timeout", DURATION, timeout, MS, HOUR),
	KEY(NULL, "grace", DURATION, grace, 0, HOUR),
	OR_OFF(NULL, "max_concurrent", WHOLE, max_concurrent, 0, 100000, -1),
	KEY("retry", "attempts", WHOLE, retry_attempts, 1, 10),
	KEY("retry", "base", DURATION, retry_base, MS, MINUTE),
	KEY("retry", "cap", DURATION, retry_cap, MS, 10 * MINUTE),
	KEY("retry", "deadline", DURATION, retry_deadline, MS, HOUR),
	KEY("retry", "budget_percent", WHOLE, retry_budget_percent, 0, 100),
	KEY("retry", "budget_minimum", WHOLE, retry_budget_min, 0, 1000),
};

StaticAssertDecl(lengthof(keys) <= SETTING_MAX_KEYS, "the table is not too long");

/* What is allowed alone but makes no sense together. */
static bool
check_config(YamlReader *reader, const YamlNode *node, const YamlNode *const *at,
			 const CircuitConfig *config)
{
	if (config->retry_cap < config->retry_base)
	{
		char		base[YAML_PRINT_LEN];
		char		cap[YAML_PRINT_LEN];

		yaml_print_duration(config->retry_base, base);
		yaml_print_duration(config->retry_cap, cap);
		return yaml_fail(reader->error, PLACE(retry_cap, retry_base),
						 "The wait grows from \"base\" to \"cap\", so \"cap\" must be at least \"base\".",
						 "retry.cap %s is shorter than retry.base %s", cap, base);
	}
	if (config->failures > 0 && config->reporters > config->failures)
		return yaml_fail(reader->error, PLACE(reporters, failures),
						 "So few failures cannot come from so many: \"reporters\" must be at most \"failures\".",
						 "reporters %d is more than failures %d",
						 config->reporters, config->failures);
	if (config->slow_percent_x100 > 0 && config->slow_after == 0)
		return yaml_fail(reader->error, PLACE(slow_percent_x100, slow_after),
						 "Say with \"after\" from when on an answer is slow, or let \"percent\" be off.",
						 "slow.percent is given, but slow.after is off");
	if (config->failures == 0 && config->rate_percent_x100 == 0 && config->slow_percent_x100 == 0)
		return yaml_fail(reader->error, PLACE(failures, rate_percent_x100),
						 "Give \"failures\", \"failure_rate.percent\" or \"slow.percent\"; \"mode: disabled\" lets all through.",
						 "nothing opens this circuit");
	return true;
}

static bool
read_config(YamlReader *reader, const YamlNode *node, CircuitConfig *config)
{
	const YamlNode *at[lengthof(keys)];

	return setting_keys_read(reader, node, keys, lengthof(keys), config, at) &&
		check_config(reader, node, at, config);
}

static bool
check_name(YamlReader *reader, const YamlNode *node)
{
	return setting_name_ok(node->key->text, node->key->len, CIRCUIT_NAME_MAX) ||
		yaml_bad_key(reader->error, node, "name of a circuit", CIRCUIT_NAME_HINT);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, b);		/* the first member */
}

static bool
read_named(YamlReader *reader, const YamlNode *node, CircuitSettings *settings)
{
	const YamlNode *child;
	bool		complete = reader->complete;

	settings->n = 0;
	memset(settings->named, 0, sizeof(settings->named));
	reader->complete = false;	/* the template has the rest */
	for (child = node->first; child != NULL; child = child->next)
	{
		if (strcmp(child->key->text, "template") == 0)
			continue;
		if (!check_name(reader, child))
			return false;
		if (settings->n == CIRCUIT_NAMED_MAX)
		{
			char		hint[80];

			snprintf(hint, sizeof(hint), "At most %d circuits can be named.",
					 CIRCUIT_NAMED_MAX);
			return yaml_fail(reader->error, child, hint, "too many circuits");
		}
		memcpy(settings->named[settings->n].name, child->key->text, child->key->len);
		memcpy(&settings->named[settings->n].config, &settings->template,
			   sizeof(CircuitConfig));
		if (!read_config(reader, child, &settings->named[settings->n].config))
			return false;
		settings->n++;
	}
	reader->complete = complete;
	qsort(settings->named, settings->n, sizeof(settings->named[0]), compare_names);
	return true;
}

/*
 * The circuits of the base do not stay: nothing says any more what of theirs
 * was the base's template.
 */
static bool
read_circuits(YamlReader *reader, const YamlNode *node, void *part)
{
	CircuitSettings *settings = part;
	const YamlNode *template = NULL;
	const YamlNode *child;
	bool		given;

	if (!reader_free_map(reader, node, &given))
		return false;
	for (child = node->first; child != NULL; child = child->next)
	{
		if (strcmp(child->key->text, "template") == 0)
			template = child;
	}
	if (template == NULL && reader->complete)
		return yaml_fail(reader->error, node, "\"template\" must be given here.",
						 "missing key \"template\"");
	return (template == NULL || read_config(reader, template, &settings->template)) &&
		read_named(reader, node, settings);
}

static void
write_circuits(const void *part, StringInfo out)
{
	const CircuitSettings *settings = part;

	appendStringInfoString(out, "  template:\n");
	setting_keys_write(keys, lengthof(keys), &settings->template, 2, out);
	for (int i = 0; i < settings->n; i++)
	{
		const char *name = settings->named[i].name;

		appendStringInfoString(out, "  ");
		yaml_put_text(out, name, strlen(name), false);
		appendStringInfoString(out, ":\n");
		setting_keys_write(keys, lengthof(keys), &settings->named[i].config, 2, out);
	}
}

const SettingsSection circuit_section = {
	"circuits", sizeof(CircuitSettings), read_circuits, write_circuits
};

const CircuitConfig *
circuit_config_of(const CircuitSettings *settings, const char *name)
{
	int			low = 0;
	int			high = settings->n;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = strcmp(name, settings->named[middle].name);

		if (order == 0)
			return &settings->named[middle].config;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return &settings->template;
}
