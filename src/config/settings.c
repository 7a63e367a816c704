/*-------------------------------------------------------------------------
 *
 * settings.c
 *	  The service file, and the settings in force; see settings.h.
 *
 * What config_file.c has to know of the file, and SQL. Settings change for
 * everybody at once, within statements too: they say how to run, not what to
 * decide.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "config/config_file.h"
#include "config/settings_image.h"
#include "config/yaml_server.h"
#include "core/compat.h"

#define WHAT				"fraud service settings"

static char *service_file;

PG_FUNCTION_INFO_V1(fraud_service_check);
PG_FUNCTION_INFO_V1(fraud_service_active);

/* What is built into the library; valid for ever. */
static const SettingsImage *
settings_default(void)
{
	static const SettingsImage *shipped;

	if (unlikely(shipped == NULL))
	{
		MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
		YamlError	error;

		shipped = settings_read(settings_default_yaml, settings_default_yaml_len,
								NULL, &error);
		MemoryContextSwitchTo(caller);
		if (shipped == NULL)
			elog(ERROR, "invalid built-in " WHAT ": %s", yaml_error_text(&error));
	}
	return shipped;
}

static void
describe(const SettingsImage *image, ConfigImage *file)
{
	file->bytes = image;
	file->size = (uint32) image->size;
	file->hash = image->hash;
	file->basis_hash = 0;
}

static bool
parse_service(const char *bytes, size_t len, ConfigImage *file, YamlError *error)
{
	const SettingsImage *image = settings_read(bytes, len, settings_default(), error);

	if (image == NULL)
		return false;
	describe(image, file);
	return true;
}

static void
shipped_service(ConfigImage *file)
{
	describe(settings_default(), file);
}

static ConfigFile service = {
	.name = "service",
	.title = "fraud service file",
	.content = WHAT,
	.stays = "The settings in force stay.",
	.still = "The settings read before stay in force.",
	.path = &service_file,
	.image_max = settings_image_size,
	.parse = parse_service,
	.shipped = shipped_service,
};

uint64
settings_generation(void)
{
	return config_file_generation(&service);
}

uint64
settings_copy(const SettingsSection *section, void *part)
{
	Size		offset = settings_offset(section);
	uint64		generation;

	(void) config_file_generation(&service);
	if (!config_file_copy(&service, offset, part, section->size, &generation))
		memcpy(part, (const char *) settings_default() + offset, section->size);
	return generation;
}

/* ---- SQL ---- */

static text *
write_text(const SettingsImage *image)
{
	size_t		len;
	char	   *utf8 = settings_write(image, &len);

	return cstring_to_text(pg_any_to_server(utf8, (int) len, PG_UTF8));
}

/* All settings as they would be with this text in the service file. */
Datum
fraud_service_check(PG_FUNCTION_ARGS)
{
	text	   *given = PG_GETARG_TEXT_PP(0);
	char	   *yaml = text_to_cstring(given);
	size_t		len = strlen(yaml);
	const SettingsImage *image;
	YamlError	error;

	yaml = yaml_from_server(yaml, &len);
	image = settings_read(yaml, len, settings_default(), &error);
	if (image == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 yaml_errmsg(WHAT, &error), yaml_errdetail(&error), yaml_errhint(&error)));
	PG_RETURN_TEXT_P(write_text(image));
}

Datum
fraud_service_active(PG_FUNCTION_ARGS)
{
	const SettingsImage *image;
	uint64		generation;

	(void) config_file_generation(&service);
	image = config_file_take(&service, &generation);
	if (image == NULL)
		image = settings_default();
	PG_RETURN_TEXT_P(write_text(image));
}

void
settings_init(void)
{
	DefineCustomStringVariable("fraud_fallback.service_file",
							   "File with the settings of the service, in YAML.",
							   "Empty for the shipped default. A relative path is below the data directory.",
							   &service_file,
							   "",
							   PGC_SIGHUP,
							   GUC_SUPERUSER_ONLY | GUC_ALLOW_IN_PARALLEL,
							   NULL, NULL, NULL);
	config_file_register(&service);
}
