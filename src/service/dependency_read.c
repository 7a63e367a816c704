/*-------------------------------------------------------------------------
 *
 * dependency_read.c
 *	  The section `dependencies` of the service file: YAML in and out.
 *
 * `template` says how every dependency is probed. Each other key is the name
 * of one, with what it is and what is different. The database is always there:
 * a file that does not name it has it as shipped.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <arpa/inet.h>

#include "config/setting_keys.h"
#include "config/yaml_scalar.h"
#include "config/yaml_write.h"
#include "service/service_config.h"

#define MS				INT64CONST(1000)
#define SEC				INT64CONST(1000000)
#define MINUTE			(60 * SEC)
#define HOUR			(3600 * SEC)

const char *const role_names[SERVICE_ROLES] = {
	[ROLE_ML] = "ml", [ROLE_DATABASE] = "database", [ROLE_CACHE] = "cache",
	[ROLE_SEARCH] = "search", [ROLE_OTHER] = "other"
};

const char *const probe_kind_names[PROBE_KINDS] = {
	[PROBE_OFF] = "off", [PROBE_SQL] = "sql", [PROBE_TCP] = "tcp", [PROBE_PUSH] = "push"
};

#define PLACE(one, other)	setting_place(keys, lengthof(keys), at, AT(one), AT(other), node)
#define AT(member)		offsetof(DependencyConfig, member)
#define KEY(group, name, kind, member, min, max) \
	{group, name, SETTING_##kind, AT(member), min, max, false, 0, NULL, 0, 0, 0}
#define OR_OFF(group, name, kind, member, min, max, off) \
	{group, name, SETTING_##kind, AT(member), min, max, true, off, NULL, 0, 0, 0}
#define WORD(name, member, words) \
	{NULL, name, SETTING_CHOICE, AT(member), 0, 0, false, 0, words, lengthof(words), 0, 0}

/* In the order of the file: what one alone may say, then what the template says. */
static const SettingKey keys[] = {
	WORD("role", role, role_names),
	WORD("kind", kind, probe_kind_names),
	KEY(NULL, "query", TEXT, query, 0, PROBE_QUERY_MAX),
	KEY(NULL, "host", TEXT, host, 0, PROBE_HOST_MAX),
	OR_OFF(NULL, "port", WHOLE, port, 1, 65535, 0),
	KEY(NULL, "send", TEXT, send, 0, PROBE_SEND_MAX),
	KEY(NULL, "expect", TEXT, expect, 0, PROBE_EXPECT_MAX),
	KEY(NULL, "interval", DURATION, interval, SEC, HOUR),
	KEY(NULL, "timeout", DURATION, timeout, MS, MINUTE),
	KEY("degraded", "after", DURATION, rules.degraded_after, MS, MINUTE),
	KEY("degraded", "failures", WHOLE, rules.degraded_failures, 1, HEALTH_SAMPLES_MAX),
	KEY("degraded", "of", WHOLE, rules.degraded_of, 1, HEALTH_SAMPLES_MAX),
	KEY("unhealthy", "after", DURATION, rules.unhealthy_after, MS, MINUTE),
	KEY("unhealthy", "failures", WHOLE, rules.unhealthy_failures, 1, HEALTH_SAMPLES_MAX),
	KEY("unhealthy", "of", WHOLE, rules.unhealthy_of, 1, HEALTH_SAMPLES_MAX),
	KEY("recover", "percent", WHOLE, rules.recover_percent, 1, 100),
	KEY("recover", "samples", WHOLE, rules.recover_samples, 1, HEALTH_SAMPLES_MAX),
};

#define OWN_KEYS		7
#define TEMPLATE_KEYS	(lengthof(keys) - OWN_KEYS)

static bool
check_count(YamlReader *reader, const YamlNode *at, const char *group, int failures, int of)
{
	return failures <= of ||
		yaml_fail(reader->error, at, "\"failures\" counts among the last \"of\" samples, so it cannot be more.",
				  "%s.failures %d is more than %s.of %d", group, failures, group, of);
}

static bool
check_order(YamlReader *reader, const YamlNode *at, const char *hint,
			const char *less, int64 a, const char *more, int64 b)
{
	char		first[YAML_PRINT_LEN];
	char		second[YAML_PRINT_LEN];

	if (a <= b)
		return true;
	yaml_print_duration(a, first);
	yaml_print_duration(b, second);
	return yaml_fail(reader->error, at, hint, "%s %s is longer than %s %s", less, first, more, second);
}

/* What is allowed alone but makes no sense together. */
static bool
check_config(YamlReader *reader, const YamlNode *node, const YamlNode *const *at,
			 const DependencyConfig *config)
{
	const HealthRules *rules = &config->rules;

	return check_order(reader, PLACE(timeout, interval),
					   "A probe has to end before the next one begins.",
					   "timeout", config->timeout, "interval", config->interval) &&
		check_order(reader, PLACE(rules.degraded_after, rules.unhealthy_after),
					"What is slow comes before what counts as a failure.",
					"degraded.after", rules->degraded_after, "unhealthy.after", rules->unhealthy_after) &&
		check_count(reader, PLACE(rules.degraded_failures, rules.degraded_of),
					"degraded", rules->degraded_failures, rules->degraded_of) &&
		check_count(reader, PLACE(rules.unhealthy_failures, rules.unhealthy_of),
					"unhealthy", rules->unhealthy_failures, rules->unhealthy_of);
}

/* ---- one dependency ---- */

/* Only addresses: looking a name up may take long, and nobody may wait for it. */
static bool
is_address(const char *host)
{
	unsigned char address[16];

	return strcmp(host, "localhost") == 0 || inet_pton(AF_INET, host, address) == 1 ||
		inet_pton(AF_INET6, host, address) == 1;
}

static bool
missing(YamlReader *reader, const YamlNode *node, const char *key, const char *hint)
{
	return yaml_fail(reader->error, node, hint, "missing key \"%s\"", key);
}

static bool
not_for_kind(YamlReader *reader, const YamlNode *at, const char *key, int kind)
{
	return yaml_fail(reader->error, at, "\"query\" is for kind sql; \"host\", \"port\", \"send\" and \"expect\" are for kind tcp.",
					 "\"%s\" does not go with kind %s", key, probe_kind_names[kind]);
}

static bool
check_kind(YamlReader *reader, const YamlNode *node, const YamlNode *const *at,
		   const DependencyConfig *config)
{
	if (config->kind != PROBE_SQL && config->query[0] != '\0' && at[2] != NULL)
		return not_for_kind(reader, at[2], "query", config->kind);
	if (config->kind != PROBE_TCP)
	{
		if (config->host[0] != '\0')
			return not_for_kind(reader, at[3], "host", config->kind);
		if (config->port != 0)
			return not_for_kind(reader, at[4], "port", config->kind);
		if (config->send[0] != '\0')
			return not_for_kind(reader, at[5], "send", config->kind);
		if (config->expect[0] != '\0')
			return not_for_kind(reader, at[6], "expect", config->kind);
	}
	if (config->kind == PROBE_SQL && config->query[0] == '\0')
		return missing(reader, node, "query", "\"query\" must be given here: kind sql runs it.");
	if (config->kind == PROBE_TCP && config->host[0] == '\0')
		return missing(reader, node, "host", "\"host\" must be given here: kind tcp connects to it.");
	if (config->kind == PROBE_TCP && config->port == 0)
		return missing(reader, node, "port", "\"port\" must be given here: kind tcp connects to it.");
	if (config->host[0] != '\0' && !is_address(config->host))
		return yaml_bad_value(reader->error, at[3],
							  "an IP address, or localhost: looking up a name may take long, and no probe may wait");
	return true;
}

static bool
read_dependency(YamlReader *reader, const YamlNode *node, const char *name, DependencyConfig *config)
{
	const YamlNode *at[lengthof(keys)];

	if (!setting_keys_read(reader, node, keys, lengthof(keys), config, at))
		return false;
	if (config->kind < 0)
		return missing(reader, node, "kind", "\"kind\" must be given here: off, sql, tcp or push.");
	if (config->role < 0)
	{
		config->role = ROLE_OTHER;
		for (int i = 0; i < SERVICE_ROLES; i++)
			if (strcmp(name, role_names[i]) == 0)
				config->role = i;
	}
	/* another kind than the shipped one: its query does not stay */
	if (config->kind != PROBE_SQL && at[2] == NULL)
		memset(config->query, 0, sizeof(config->query));
	return check_kind(reader, node, at, config) && check_config(reader, node, at, config);
}

/* ---- the section ---- */

static bool
check_name(YamlReader *reader, const YamlNode *node)
{
	return setting_name_ok(node->key->text, node->key->len, DEPENDENCY_NAME_MAX) ||
		yaml_bad_key(reader->error, node, "name of a dependency", DEPENDENCY_NAME_HINT);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, b);		/* the first member */
}

/* One more, as the template and the shipped file have it. */
static DependencyConfig *
append(DependencySettings *settings, const char *name, size_t len)
{
	DependencyConfig *config = &settings->named[settings->n].config;

	memcpy(settings->named[settings->n++].name, name, len);
	memcpy(config, &settings->template, sizeof(*config));
	config->role = config->kind = -1;
	if (strcmp(name, "database") == 0)
	{
		config->kind = PROBE_SQL;
		strcpy(config->query, PROBE_BUILT_IN_QUERY);
	}
	return config;
}

static bool
read_named(YamlReader *reader, const YamlNode *node, DependencySettings *settings)
{
	const YamlNode *child;
	bool		complete = reader->complete;
	bool		database = false;

	settings->n = 0;
	memset(settings->named, 0, sizeof(settings->named));
	reader->complete = false;	/* the template has the rest */
	for (child = node->first; child != NULL; child = child->next)
	{
		const char *name = child->key->text;

		if (strcmp(name, "template") == 0)
			continue;
		if (!check_name(reader, child))
			return false;
		database |= strcmp(name, "database") == 0;
		/* one place is the database's */
		if (settings->n == DEPENDENCIES_MAX - !database)
		{
			char		hint[80];

			snprintf(hint, sizeof(hint), "There may be at most %d dependencies, \"database\" among them.",
					 DEPENDENCIES_MAX);
			return yaml_fail(reader->error, child, hint, "too many dependencies");
		}
		if (!read_dependency(reader, child, name, append(settings, name, child->key->len)))
			return false;
	}
	if (!database)
		append(settings, "database", strlen("database"))->role = ROLE_DATABASE;
	reader->complete = complete;
	qsort(settings->named, settings->n, sizeof(settings->named[0]), compare_names);
	return true;
}

static bool
read_template(YamlReader *reader, const YamlNode *node, DependencyConfig *template)
{
	const YamlNode *at[lengthof(keys)] = {NULL};

	return setting_keys_read(reader, node, keys + OWN_KEYS, TEMPLATE_KEYS, template, at + OWN_KEYS) &&
		check_config(reader, node, at, template);
}

/*
 * The dependencies of the base do not stay: nothing says any more what of
 * theirs was the base's template.
 */
static bool
read_dependencies(YamlReader *reader, const YamlNode *node, void *part)
{
	DependencySettings *settings = part;
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
		return missing(reader, node, "template", "\"template\" must be given here.");
	return (template == NULL || read_template(reader, template, &settings->template)) &&
		read_named(reader, node, settings);
}

static void
write_dependencies(const void *part, StringInfo out)
{
	const DependencySettings *settings = part;

	appendStringInfoString(out, "  template:\n");
	setting_keys_write(keys + OWN_KEYS, TEMPLATE_KEYS, &settings->template, 2, out);
	for (int i = 0; i < settings->n; i++)
	{
		const char *name = settings->named[i].name;

		appendStringInfoString(out, "  ");
		yaml_put_text(out, name, strlen(name), false);
		appendStringInfoString(out, ":\n");
		setting_keys_write(keys, lengthof(keys), &settings->named[i].config, 2, out);
	}
}

const SettingsSection dependency_section = {
	"dependencies", sizeof(DependencySettings), read_dependencies, write_dependencies
};
