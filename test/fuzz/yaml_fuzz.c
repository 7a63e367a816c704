/*-------------------------------------------------------------------------
 *
 * yaml_fuzz.c
 *	  Fuzz target: bytes as a policy.
 *
 * The bytes are read as YAML over the shipped policy, replacing and merging;
 * with a NUL in them, what stands before it is a path and what follows the
 * value for policy_set(). What is refused must say so; what is accepted must
 * be a valid image whose text reads back to the same bytes. The image is then
 * damaged: policy_image_ok() must refuse it or everything must work on it.
 * The same bytes are also read as a service file.
 *
 * With libFuzzer:
 *	  clang -g -O1 -fsanitize=fuzzer,address,undefined -DFRONTEND -Isrc
 *		-I"$(pg_config --includedir-server)" test/fuzz/yaml_fuzz.c
 *		the files of PURE_OBJS -L"$(pg_config --pkglibdir)" -lpgcommon -lpgport -lyaml -lm
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "circuit/circuit_config.h"
#include "config/settings_image.h"
#include "journal/journal_config.h"
#include "ml/ml_config.h"
#include "driver.h"
#include "policy/policy_draft.h"
#include "policy/policy_scalar.h"
#include "service/service_config.h"

static Policy *shipped;
static SettingsImage *shipped_settings;

/* Cheap, and both answers happen. */
static bool
zone_ok(const char *name)
{
	return strchr(name, ' ') == NULL;
}

static void
check_error(const YamlError *error)
{
	FUZZ_CHECK(error->message[0] != '\0');
	FUZZ_CHECK(error->line >= 0 && error->column >= 0);
	FUZZ_CHECK((error->line == 0) == (error->column == 0));
	FUZZ_CHECK(memchr(error->message, '\0', sizeof(error->message)) != NULL);
	FUZZ_CHECK(memchr(error->detail, '\0', sizeof(error->detail)) != NULL);
	FUZZ_CHECK(memchr(error->hint, '\0', sizeof(error->hint)) != NULL);
	FUZZ_CHECK(yaml_utf8_ok(error->message, strlen(error->message)));
	FUZZ_CHECK(yaml_utf8_ok(error->detail, strlen(error->detail)));
	FUZZ_CHECK(yaml_utf8_ok(error->hint, strlen(error->hint)));
}

/* Every look-up, with values that are there and some that are not. */
static void
look_up(const Policy *policy, const uint8 *data, size_t size)
{
	static const uint8 mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3};
	const PolicyNotice *notices;
	uint32		i;
	int			id;

	for (id = 0; id < NLISTS; id++)
	{
		PolicyArray values = policy->lists[id].values;
		const PolicyStr *strs = policy_array(policy, values, PolicyStr);
		const PolicyCidr *cidrs = policy_array(policy, values, PolicyCidr);

		if (list_defs[id].kind == LIST_CIDR)
		{
			for (i = 0; i < values.n; i++)
				FUZZ_CHECK(policy_list_has_ip(policy, id, cidrs[i].family, cidrs[i].addr));
			policy_list_has_ip(policy, id, 6, mapped);
			policy_list_has_ip(policy, id, 4, mapped + 12);
		}
		else if (list_defs[id].kind != LIST_NOTICE)
		{
			for (i = 0; i < values.n; i++)
				FUZZ_CHECK(policy_list_has(policy, id, policy_str(policy, strs[i]),
										   strs[i].len));
			policy_list_has(policy, id, (const char *) data, size);
		}
	}
	notices = policy_array(policy, policy->lists[LIST_TRAVEL_NOTICES].values, PolicyNotice);
	for (i = 0; i < policy->lists[LIST_TRAVEL_NOTICES].values.n; i++)
		FUZZ_CHECK(policy_has_travel_notice(policy, policy_str(policy, notices[i].customer),
											notices[i].customer.len,
											notices[i].country, notices[i].last_day));
	for (i = 0; i < policy->status_values.n; i++)
	{
		const PolicyWord *word = policy_array(policy, policy->status_values, PolicyWord) + i;

		FUZZ_CHECK(policy_word(policy, policy->status_values,
							   policy_str(policy, word->word), word->word.len) == (int) word->code);
	}
	for (i = 0; i < policy->rates.n; i++)
	{
		const PolicyRate *rate = policy_array(policy, policy->rates, PolicyRate) + i;

		FUZZ_CHECK(policy_rate(policy, rate->currency, rate->day) == rate->rate);
		policy_rate(policy, rate->currency, rate->day - 1);
	}
	policy_word(policy, policy->channel_values, (const char *) data, size);
	policy_rate(policy, "XXX", 0);
}

static void
read_back(const Policy *policy, const Policy *base)
{
	YamlError	error;
	size_t		len;
	char	   *text = policy_write(policy, &len);
	Policy	   *again;

	FUZZ_CHECK(strlen(text) == len);
	again = policy_read(text, len, base, false, zone_ok, &error);
	if (again == NULL)
		fprintf(stderr, "%d:%d: %s\n", error.line, error.column, error.message);
	FUZZ_CHECK(again != NULL);
	FUZZ_CHECK(again->size == policy->size);
	FUZZ_CHECK(memcmp(again, policy, policy->size) == 0);
	pfree(again);
	pfree(text);
}

/* Bytes of an image changed here and there, with the hashes put right. */
static void
damage(const Policy *policy, const uint8 *data, size_t size)
{
	Policy	   *image = palloc(policy->size);
	uint64		random = policy->hash;
	int			round;

	for (round = 0; round < 16; round++)
	{
		int			changes;

		memcpy(image, policy, policy->size);
		for (changes = 1 + round % 3; changes > 0; changes--)
		{
			size_t		at;

			random = random * UINT64CONST(6364136223846793005) + UINT64CONST(1442695040888963407);
			/* the rules are most of it: go for the rest half the time */
			at = (random >> 33) % policy->size;
			if (random & (UINT64CONST(1) << 32))
				at = offsetof(Policy, basis_hash) +
					at % (offsetof(Policy, rules) - offsetof(Policy, basis_hash));
			((uint8 *) image)[at] ^= (uint8) (1 << ((random >> 24) % 8));
		}
		if (image->size == policy->size)
			image->hash = policy_image_hash(image);
		if (policy_image_ok(image, policy->size))
		{
			YamlError	error;
			size_t		len;
			char	   *text = policy_write(image, &len);
			Policy	   *again = policy_read(text, len, shipped, false, NULL, &error);

			/* such a text may be refused, as with a rate of the base currency */
			if (again != NULL)
				pfree(again);
			else
				check_error(&error);
			look_up(image, data, size);
			pfree(text);
		}
	}
	pfree(image);
}

static void
check_accepted(Policy *policy, const uint8 *data, size_t size)
{
	FUZZ_CHECK(policy_image_ok(policy, policy->size));
	FUZZ_CHECK(!policy_image_ok(policy, policy->size - 8));
	read_back(policy, shipped);
	read_back(policy, NULL);
	look_up(policy, data, size);
	damage(policy, data, size);
	pfree(policy);
	if (fuzz_interesting != NULL)
		fuzz_interesting();
}

static void
try_set(const uint8 *data, size_t size)
{
	char	   *text = palloc(size + 1);
	size_t		path;
	YamlError	error;
	Policy	   *policy;

	memcpy(text, data, size);
	text[size] = '\0';
	path = strlen(text);
	policy = policy_set(shipped, text, text + (path < size ? path + 1 : size),
						zone_ok, &error);
	if (policy == NULL)
		check_error(&error);
	else
		check_accepted(policy, data, size);
	pfree(text);
}

/* What is accepted is in order, and its text gives the same bytes. */
static void
check_settings(SettingsImage *image)
{
	const CircuitSettings *circuits = (const CircuitSettings *)
		((const char *) image + settings_offset(&circuit_section));
	int			complete;
	int			i;

	FUZZ_CHECK(circuits->n >= 0 && circuits->n <= CIRCUIT_NAMED_MAX);
	for (i = -1; i < circuits->n; i++)
	{
		const CircuitConfig *config = i < 0 ? &circuits->template : &circuits->named[i].config;
		int			step;

		FUZZ_CHECK(config->nsteps >= 1 && config->nsteps <= CIRCUIT_STEPS_MAX);
		for (step = 1; step < config->nsteps; step++)
			FUZZ_CHECK(config->open_for[step] >= config->open_for[step - 1]);
		FUZZ_CHECK(config->retry_cap >= config->retry_base);
		if (i > 0)
			FUZZ_CHECK(strcmp(circuits->named[i - 1].name, circuits->named[i].name) < 0);
		if (i >= 0)
			FUZZ_CHECK(circuit_config_of(circuits, circuits->named[i].name) == config);
	}
	FUZZ_CHECK(circuit_config_of(circuits, "\t") == &circuits->template);
	for (complete = 0; complete < 2; complete++)
	{
		YamlError	error;
		size_t		len;
		char	   *text = settings_write(image, &len);
		SettingsImage *again;

		again = settings_read(text, len, complete ? NULL : shipped_settings, &error);
		if (again == NULL)
			fprintf(stderr, "%d:%d: %s\n", error.line, error.column, error.message);
		FUZZ_CHECK(again != NULL);
		FUZZ_CHECK(memcmp(again, image, settings_image_size()) == 0);
		pfree(again);
		pfree(text);
	}
	pfree(image);
	if (fuzz_interesting != NULL)
		fuzz_interesting();
}

static void
try_settings(const uint8 *data, size_t size)
{
	YamlError	error;
	SettingsImage *image;

	if (shipped_settings == NULL)
	{
		settings_register(&circuit_section);
		settings_register(&journal_section);
		settings_register(&dependency_section);
		settings_register(&tier_section);
		settings_register(&ml_section);
		shipped_settings = settings_read(settings_default_yaml, settings_default_yaml_len,
										 NULL, &error);
		FUZZ_CHECK(shipped_settings != NULL);
	}
	image = settings_read((const char *) data, size, shipped_settings, &error);
	if (image == NULL)
		check_error(&error);
	else
		check_settings(image);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	YamlError	error;
	int			merge;

	try_settings(data, size);
	if (shipped == NULL)
	{
		shipped = policy_read(policy_default_yaml, policy_default_yaml_len, NULL,
							  false, zone_ok, &error);
		FUZZ_CHECK(shipped != NULL);
	}
	if (memchr(data, '\0', size) != NULL)
		try_set(data, size);
	for (merge = 0; merge < 2; merge++)
	{
		Policy	   *policy = policy_read((const char *) data, size, shipped,
										 merge == 1, zone_ok, &error);

		if (policy == NULL)
			check_error(&error);
		else
			check_accepted(policy, data, size);
	}
	return 0;
}
