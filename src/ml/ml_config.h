/*-------------------------------------------------------------------------
 *
 * ml_config.h
 *	  How the ML service answers and what its answer is worth: the section
 *	  `ml` of the service file.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_ML_ML_CONFIG_H
#define FRAUD_ML_ML_CONFIG_H

#include "config/settings.h"

/* What a valid verdict and the rules make together. */
typedef enum MlCombine
{
	COMBINE_ML,					/* the verdict alone */
	COMBINE_STRICTEST,			/* the stricter of both */
	COMBINE_ML_WITH_BLOCKS,		/* the verdict, but rules that block and deny lists stand above it */
	COMBINE_SHADOW				/* the verdict; rules run beside and are only recorded */
} MlCombine;

/* What answers while the ML service cannot. */
typedef enum MlOnOpen
{
	ON_OPEN_RULES,
	ON_OPEN_CACHED,				/* an earlier verdict of the same transaction, else the rules */
	ON_OPEN_REFUSE				/* REVIEW, with the time to try again */
} MlOnOpen;

#define ML_FIELD_MAX		64	/* with NUL */
#define ML_FUNCTION_MAX		200 /* with NUL */

/* Times in microseconds, amounts in units of the base currency. */
typedef struct MlSettings
{
	int32		score_scale;	/* risk_score is 0 .. 100 or 0 .. 1: 100 or 1 */
	int32		combine;		/* MlCombine */
	int32		on_open;		/* MlOnOpen */
	int32		attempts;		/* of calls of the function, 1 .. 10 */
	int64		timeout;		/* of such a call, 1 ms .. 1 min */
	int64		cache_ttl;		/* a verdict is as good as new for so long, 0 .. 1 h */
	int64		cache_stale_ttl;	/* and usable for so long, cache_ttl .. 1 d */
	double		low_risk_amount;	/* less than that may be decided by rules alone; 0: none */
	int32		low_risk_score; /* where their score is not more than that, 0 .. 30 */
	int32		unused;			/* 0 */
	char		function[ML_FUNCTION_MAX];	/* asked where the caller brings no verdict; empty: none */

	/* members of the answer, UTF-8; empty: not looked at, but the score must be */
	char		field_score[ML_FIELD_MAX];
	char		field_is_fraud[ML_FIELD_MAX];
	char		field_factors[ML_FIELD_MAX];
	char		field_recommendation[ML_FIELD_MAX];
} MlSettings;

extern const SettingsSection ml_section;

/* Those in force; this session's copy, until it asks again. May read the service file. */
extern const MlSettings *ml_settings(void);

extern void ml_settings_init(void);

#endif							/* FRAUD_ML_ML_CONFIG_H */
