/*-------------------------------------------------------------------------
 *
 * policy_file.c
 *	  The rules file, and the policy in force: what config_file.c has to know
 *	  of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <pwd.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "config/config_file.h"
#include "config/yaml_tree.h"
#include "core/compat.h"
#include "core/shared_text.h"
#include "core/worker.h"
#include "policy/policy_file.h"
#include "policy/policy_server.h"

/*
 * The largest image YAML_MAX_BYTES of YAML can make. No element of a list or
 * map is larger than PolicyCidr but notices, which take more YAML than image,
 * and texts are in the input. The last part is for what comes from the default.
 */
#define IMAGE_MAX \
	(sizeof(Policy) + YAML_MAX_NODES * sizeof(PolicyCidr) + YAML_MAX_BYTES + 64 * 1024)

static char *rules_file;
static uint64 taken;			/* generation of the last take */

PG_FUNCTION_INFO_V1(fraud_reload);

static Size
image_max(void)
{
	return IMAGE_MAX;
}

static void
describe(const Policy *policy, ConfigImage *image)
{
	image->bytes = policy;
	image->size = policy->size;
	image->hash = policy->hash;
	image->basis_hash = policy->basis_hash;
}

static bool
parse_rules(const char *bytes, size_t len, ConfigImage *image, YamlError *error)
{
	Policy	   *policy;

	policy = policy_read(bytes, len, policy_default(), false, policy_zone_ok, error);
	if (policy == NULL)
		return false;
	SET_VARSIZE(policy, policy->size);
	if (policy->size > IMAGE_MAX)
		return yaml_fail(error, NULL, NULL, "the policy takes more than %zu bytes",
						 (size_t) IMAGE_MAX);
	describe(policy, image);
	return policy_custom_ok(policy, error);
}

static void
shipped_rules(ConfigImage *image)
{
	describe(policy_default(), image);
}

static ConfigFile rules = {
	.name = "rules",
	.title = "fraud policy file",
	.content = "fraud policy",
	.stays = "The policy in force stays.",
	.still = "The policy read before stays in force.",
	.has_basis = true,
	.path = &rules_file,
	.image_max = image_max,
	.parse = parse_rules,
	.shipped = shipped_rules,
};

bool
policy_file_changed(void)
{
	return config_file_generation(&rules) != taken;
}

Policy *
policy_file_take(void)
{
	return config_file_take(&rules, &taken);
}

char *
policy_file_author(uint64 hash)
{
	ConfigOrigin origin;
	struct passwd *entry;
	char	   *file;

	config_file_origin(&rules, &origin);
	if (origin.hash != hash)
		return NULL;
	if (origin.shipped)
		return pstrdup("shipped");
	entry = getpwuid((uid_t) origin.owner);
	file = entry != NULL ? psprintf("file of %s", shared_text(entry->pw_name)) : psprintf("file of user %u", origin.owner);
	return origin.loaded_by[0] == '\0' ? file : psprintf("%s, loaded by %s", file, origin.loaded_by);
}

/*
 * Reads the files now. The policy is in force for statements that begin after
 * this one, of every session if the library is preloaded, else of this one.
 */
Datum
fraud_reload(PG_FUNCTION_ARGS)
{
	char		hash[CONFIG_HASH_CHARS + 1];

	config_files_reload();
	worker_wake();				/* who keeps the policies */
	config_hash_text(config_file_hash(&rules), hash);
	PG_RETURN_TEXT_P(cstring_to_text(hash));
}

void
policy_file_init(void)
{
	DefineCustomStringVariable("fraud_fallback.rules_file",
							   "File with the fraud policy, in YAML.",
							   "Empty for the shipped default. A relative path is below the data directory.",
							   &rules_file,
							   "",
							   PGC_SIGHUP,
							   GUC_SUPERUSER_ONLY | GUC_ALLOW_IN_PARALLEL,
							   NULL, NULL, NULL);
	config_file_register(&rules);
}
