/*-------------------------------------------------------------------------
 *
 * tier_read.c
 *	  The section `tiers` of the service file: YAML in and out.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "config/setting_keys.h"
#include "config/yaml_scalar.h"
#include "service/service_config.h"

#define SEC				INT64CONST(1000000)
#define HOUR			(3600 * SEC)
#define DAY				(86400 * SEC)
#define AMOUNT_MAX		INT64CONST(1000000000000)

#define PLACE(one, other)	setting_place(keys, lengthof(keys), at, AT(one), AT(other), node)
#define AT(member)		offsetof(TierSettings, member)
#define KEY(group, name, kind, member, min, max) \
	{group, name, SETTING_##kind, AT(member), min, max, false, 0, NULL, 0, 0, 0}
#define OR_OFF(group, name, kind, member, min, max, off) \
	{group, name, SETTING_##kind, AT(member), min, max, true, off, NULL, 0, 0, 0}

/* In the order of the file. */
static const SettingKey keys[] = {
	KEY("minimal", "review_above", NUMBER, review_above, 0, AMOUNT_MAX),
	KEY("minimal", "high_above", NUMBER, high_above, 0, AMOUNT_MAX),
	KEY("emergency", "approve_below", NUMBER, approve_below, 0, AMOUNT_MAX),
	KEY("maintenance", "retry_after", DURATION, retry_after, SEC, DAY),
	KEY("maintenance", "message", TEXT, message, 1, NOTICE_MESSAGE_MAX - 1),
	KEY("maintenance", "contact", TEXT, contact, 0, NOTICE_CONTACT_MAX - 1),
	KEY("recover_after", "minimal", DURATION, recover_minimal, 0, DAY),
	KEY("recover_after", "degraded", DURATION, recover_degraded, 0, DAY),
	KEY("recover_after", "full", DURATION, recover_full, 0, DAY),
	OR_OFF(NULL, "recovery_rate", WHOLE, recovery_rate, 1, 1000, 0),
	KEY(NULL, "standby_tier", WHOLE, standby_tier, 2, 3),
	KEY(NULL, "standby_lag", DURATION, standby_lag, 0, DAY),
	KEY("traffic", "minimum_calls", WHOLE, traffic.minimum_calls, 1, 100000),
	KEY("traffic", "degraded_percent", WHOLE, traffic.degraded_percent, 1, 100),
	KEY("traffic", "unhealthy_percent", WHOLE, traffic.unhealthy_percent, 1, 100),
};

static bool
read_tiers(YamlReader *reader, const YamlNode *node, void *part)
{
	TierSettings *settings = part;
	const YamlNode *at[lengthof(keys)];

	if (!setting_keys_read(reader, node, keys, lengthof(keys), settings, at))
		return false;
	if (settings->high_above < settings->review_above)
	{
		char		review[YAML_PRINT_LEN];
		char		high[YAML_PRINT_LEN];

		yaml_print_number(settings->review_above, review);
		yaml_print_number(settings->high_above, high);
		return yaml_fail(reader->error, PLACE(high_above, review_above),
						 "What is HIGH is more than what is reviewed, so \"high_above\" must be at least \"review_above\".",
						 "minimal.high_above %s is less than minimal.review_above %s", high, review);
	}
	if (settings->traffic.unhealthy_percent < settings->traffic.degraded_percent)
		return yaml_fail(reader->error,
						 PLACE(traffic.unhealthy_percent, traffic.degraded_percent),
						 "What is unhealthy is worse than degraded, so \"unhealthy_percent\" must be at least \"degraded_percent\".",
						 "traffic.unhealthy_percent %d is less than traffic.degraded_percent %d",
						 settings->traffic.unhealthy_percent, settings->traffic.degraded_percent);
	return true;
}

static void
write_tiers(const void *part, StringInfo out)
{
	setting_keys_write(keys, lengthof(keys), part, 1, out);
}

const SettingsSection tier_section = {
	"tiers", sizeof(TierSettings), read_tiers, write_tiers
};
