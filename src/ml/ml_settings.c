/*-------------------------------------------------------------------------
 *
 * ml_settings.c
 *	  The section `ml` of the service file, as it is in force.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "ml/ml_config.h"

const MlSettings *
ml_settings(void)
{
	static MlSettings settings;
	static uint64 copied;
	uint64		generation = settings_generation();

	if (unlikely(generation != copied))
		copied = settings_copy(&ml_section, &settings);
	return &settings;
}

void
ml_settings_init(void)
{
	settings_register(&ml_section);
}
