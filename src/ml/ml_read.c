/*-------------------------------------------------------------------------
 *
 * ml_read.c
 *	  The section `ml` of the service file: YAML in and out.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "config/setting_keys.h"
#include "config/yaml_scalar.h"
#include "ml/ml_config.h"

#define MSEC			INT64CONST(1000)
#define SEC				(1000 * MSEC)
#define MINUTE			(60 * SEC)
#define HOUR			(60 * MINUTE)
#define DAY				(24 * HOUR)
#define AMOUNT_MAX		INT64CONST(1000000000000)

static const char *const combine_words[] = {
	[COMBINE_ML] = "ml", [COMBINE_STRICTEST] = "strictest", [COMBINE_ML_WITH_BLOCKS] = "ml_with_blocks",
	[COMBINE_SHADOW] = "shadow"
};

static const char *const open_words[] = {
	[ON_OPEN_RULES] = "rules", [ON_OPEN_CACHED] = "cached", [ON_OPEN_REFUSE] = "refuse"
};

#define AT(member)		offsetof(MlSettings, member)
#define KEY(group, name, kind, member, min, max) \
	{group, name, SETTING_##kind, AT(member), min, max, false, 0, NULL, 0, 0, 0}
#define OR_OFF(group, name, kind, member, min, max, off) \
	{group, name, SETTING_##kind, AT(member), min, max, true, off, NULL, 0, 0, 0}
#define WORD(name, member, words) \
	{NULL, name, SETTING_CHOICE, AT(member), 0, 0, false, 0, words, lengthof(words), 0, 0}

/* In the order of the file. */
static const SettingKey keys[] = {
	KEY(NULL, "score_scale", EITHER, score_scale, 1, 100),
	KEY("fields", "risk_score", TEXT, field_score, 1, ML_FIELD_MAX - 1),
	KEY("fields", "is_fraud", TEXT, field_is_fraud, 0, ML_FIELD_MAX - 1),
	KEY("fields", "risk_factors", TEXT, field_factors, 0, ML_FIELD_MAX - 1),
	KEY("fields", "recommendation", TEXT, field_recommendation, 0, ML_FIELD_MAX - 1),
	KEY(NULL, "function", TEXT, function, 0, ML_FUNCTION_MAX - 1),
	KEY(NULL, "timeout", DURATION, timeout, MSEC, MINUTE),
	KEY(NULL, "attempts", WHOLE, attempts, 1, 10),
	WORD("combine", combine, combine_words),
	WORD("on_open", on_open, open_words),
	KEY("cache", "ttl", DURATION, cache_ttl, 0, HOUR),
	KEY("cache", "stale_ttl", DURATION, cache_stale_ttl, 0, DAY),
	OR_OFF("low_risk", "amount_below", NUMBER, low_risk_amount, 0, AMOUNT_MAX, 0),
	KEY("low_risk", "max_score", WHOLE, low_risk_score, 0, 30),
};

#define PLACE(one, other)	setting_place(keys, lengthof(keys), at, AT(one), AT(other), node)

/* "none" is as good as ''. What has no schema would be found by search_path. */
static bool
read_function(YamlReader *reader, const YamlNode *node, MlSettings *settings)
{
	const char *dot = strchr(settings->function, '.');

	if (strcmp(settings->function, "none") == 0)
		memset(settings->function, 0, sizeof(settings->function));
	if (settings->function[0] != '\0' && (dot == NULL || dot == settings->function || dot[1] == '\0'))
		return yaml_bad_value(reader->error, node, "none, or a function with its schema, such as scoring.ask_ml");
	return true;
}

static bool
read_ml(YamlReader *reader, const YamlNode *node, void *part)
{
	MlSettings *settings = part;
	const YamlNode *at[lengthof(keys)];

	if (!setting_keys_read(reader, node, keys, lengthof(keys), settings, at) ||
		!read_function(reader, PLACE(function, function), settings))
		return false;
	if (settings->cache_stale_ttl < settings->cache_ttl)
	{
		char		ttl[YAML_PRINT_LEN];
		char		stale[YAML_PRINT_LEN];

		yaml_print_duration(settings->cache_ttl, ttl);
		yaml_print_duration(settings->cache_stale_ttl, stale);
		return yaml_fail(reader->error, PLACE(cache_stale_ttl, cache_ttl),
						 "What is as good as new is usable, so \"stale_ttl\" must be at least \"ttl\".",
						 "cache.stale_ttl %s is less than cache.ttl %s", stale, ttl);
	}
	return true;
}

static void
write_ml(const void *part, StringInfo out)
{
	setting_keys_write(keys, lengthof(keys), part, 1, out);
}

const SettingsSection ml_section = {
	"ml", sizeof(MlSettings), read_ml, write_ml
};
