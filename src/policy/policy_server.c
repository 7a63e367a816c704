/*-------------------------------------------------------------------------
 *
 * policy_server.c
 *	  What the server adds to policies: its zones, the shipped default as a
 *	  value, and the check of custom rules.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "pgtime.h"
#include "utils/memutils.h"

#include "config/yaml_server.h"
#include "core/compat.h"
#include "policy/policy_server.h"

void		(*policy_check_custom) (const Policy *policy) = NULL;
bool		(*policy_custom_ok) (const Policy *policy, YamlError *error) = NULL;

/* ---- time zones ---- */

/*
 * The server also takes POSIX specifications, in which UTC+3 lies west of
 * Greenwich and any misspelt name with a digit is a zone of its own. Those
 * have a digit and no slash; these are all the real names that look so.
 */
bool
policy_zone_ok(const char *name)
{
	static const char *const real[] = {
		"CST6CDT", "EST5EDT", "GMT+0", "GMT-0", "GMT0", "MST7MDT", "PST8PDT"
	};
	pg_tz	   *zone;
	int			i;

	if (name[0] == '\0' || strlen(name) > TZ_STRLEN_MAX)
		return false;
	zone = pg_tzset(name);
	if (zone == NULL || !pg_tz_acceptable(zone))
		return false;
	if (strchr(name, '/') != NULL || strpbrk(name, "0123456789") == NULL)
		return true;
	for (i = 0; i < (int) lengthof(real); i++)
		if (pg_strcasecmp(name, real[i]) == 0)
			return true;
	return false;
}

/* ---- the shipped default ---- */

static const Policy *shipped;

const Policy *
policy_default(void)
{
	if (unlikely(shipped == NULL))
	{
		MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext,
												  "fraud shipped policy",
												  ALLOCSET_DEFAULT_SIZES);
		MemoryContext caller = MemoryContextSwitchTo(cxt);
		YamlError	error;
		Policy	   *policy;
		Policy	   *copy;

		policy = policy_read(policy_default_yaml, policy_default_yaml_len, NULL,
							 false, policy_zone_ok, &error);
		if (policy == NULL)
			elog(ERROR, "invalid built-in fraud policy: %s", yaml_error_text(&error));
		copy = MemoryContextAlloc(TopMemoryContext, policy->size);
		memcpy(copy, policy, policy->size);
		SET_VARSIZE(copy, copy->size);
		shipped = copy;
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(cxt);
	}
	return shipped;
}
