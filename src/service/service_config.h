/*-------------------------------------------------------------------------
 *
 * service_config.h
 *	  What the service depends on and how tiers work: the sections
 *	  `dependencies` and `tiers` of the service file.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_SERVICE_SERVICE_CONFIG_H
#define FRAUD_SERVICE_SERVICE_CONFIG_H

#include "config/settings.h"
#include "service/health.h"

/* What a dependency is to the service. */
typedef enum ServiceRole
{
	ROLE_ML,
	ROLE_DATABASE,
	ROLE_CACHE,
	ROLE_SEARCH,
	ROLE_OTHER
} ServiceRole;

#define SERVICE_ROLES			5

typedef enum ProbeKind
{
	PROBE_OFF,
	PROBE_SQL,
	PROBE_TCP,
	PROBE_PUSH
} ProbeKind;

#define PROBE_KINDS				4

extern const char *const role_names[SERVICE_ROLES];
extern const char *const probe_kind_names[PROBE_KINDS];

#define DEPENDENCY_NAME_MAX		64	/* with NUL */
#define DEPENDENCY_NAME_HINT \
	"The name of a dependency has 1 to 63 printable ASCII characters: databases of all encodings share it."
#define DEPENDENCIES_MAX		16
#define PROBE_QUERY_MAX			1000	/* bytes, without NUL */
#define PROBE_HOST_MAX			45
#define PROBE_SEND_MAX			500
#define PROBE_EXPECT_MAX		100

/* The query that needs no role. */
#define PROBE_BUILT_IN_QUERY	"SELECT 1"

/* A push says nothing any more after so many intervals. */
#define PUSH_STALE_INTERVALS	3

/* Times in microseconds. */
typedef struct DependencyConfig
{
	int64		interval;		/* 1 s .. 1 h */
	int64		timeout;		/* 1 ms .. 1 min */
	HealthRules rules;
	int32		role;			/* ServiceRole; -1: by the name */
	int32		kind;			/* ProbeKind */
	int32		port;			/* 0: none */
	char		query[PROBE_QUERY_MAX + 1];
	char		host[PROBE_HOST_MAX + 1];
	char		send[PROBE_SEND_MAX + 1];
	char		expect[PROBE_EXPECT_MAX + 1];
} DependencyConfig;

/* Names are ASCII, zero-padded and in the order of strcmp(). */
typedef struct DependencySettings
{
	DependencyConfig template;	/* only what all have */
	int32		n;
	struct
	{
		char		name[DEPENDENCY_NAME_MAX];
		DependencyConfig config;
	}			named[DEPENDENCIES_MAX];
} DependencySettings;

#define NOTICE_MESSAGE_MAX		256 /* with NUL */
#define NOTICE_CONTACT_MAX		128

typedef struct TierSettings
{
	double		review_above;	/* tier 3: more than that is at least REVIEW */
	double		high_above;		/* tier 3: more than that is HIGH */
	double		approve_below;	/* tier 4: less than that is approved */
	int64		retry_after;	/* tier 5 */
	char		message[NOTICE_MESSAGE_MAX];	/* where a window has none */
	char		contact[NOTICE_CONTACT_MAX];
	int64		recover_minimal;	/* healthy so long: up to tier 3, ... */
	int64		recover_degraded;	/* ... to tier 2 */
	int64		recover_full;	/* ... to tier 1 */
	int32		recovery_rate;	/* calls of ML a second at tier 2; 0: none */
	int32		standby_tier;	/* 2 or 3 */
	int64		standby_lag;	/* tier 2 only while replay is not further behind */
	TrafficRules traffic;
} TierSettings;

extern const SettingsSection dependency_section;
extern const SettingsSection tier_section;

#endif							/* FRAUD_SERVICE_SERVICE_CONFIG_H */
