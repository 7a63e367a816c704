/*-------------------------------------------------------------------------
 *
 * policy_read_rules.c
 *	  The sections `rules` and `custom`.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <math.h>

#include "config/yaml_error.h"
#include "policy/policy_reader.h"
#include "policy/policy_scalar.h"

StaticAssertDecl(3 + RULE_MAX_PARAMS + RULE_MAX_BANDLISTS <= READER_MAX_KEYS,
				 "a rule's keys fit");
StaticAssertDecl(TXN_NCOLUMNS <= READER_MAX_KEYS && NRULES <= READER_MAX_KEYS &&
				 NLISTS <= READER_MAX_KEYS, "every mapping's keys fit");

/* ---- the shipped rules ---- */

static bool
read_band(PolicyReader *reader, const YamlNode *node, PolicyBand *band)
{
	static const char *const keys[] = {"above", "at_least", "points", "action"};
	const YamlNode *found[lengthof(keys)];

	if (!reader_map(&reader->yaml, node, "key", keys, lengthof(keys), KEY_BIT(2), found))
		return false;
	if (found[0] != NULL && found[1] != NULL)
		return yaml_fail(reader->yaml.error,
						 found[0]->index > found[1]->index ? found[0] : found[1],
						 "A band has one threshold: \"above\" or \"at_least\".",
						 "band with both \"above\" and \"at_least\"");
	memset(band, 0, sizeof(*band));
	band->test = found[0] != NULL ? BAND_ABOVE :
		found[1] != NULL ? BAND_AT_LEAST : BAND_ALWAYS;
	if (band->test != BAND_ALWAYS &&
		!reader_number(&reader->yaml, found[0] != NULL ? found[0] : found[1],
					   -INFINITY, INFINITY, false, &band->threshold))
		return false;
	if (!reader_whole(&reader->yaml, found[2], 0, POLICY_MAX_POINTS, &band->points))
		return false;
	return found[3] == NULL || policy_reader_action(reader, found[3], &band->action);
}

static bool
read_bands(PolicyReader *reader, const YamlNode *node, PolicyBands *bands)
{
	const YamlNode *child;

	if (!reader_list(&reader->yaml, node,
					 "a list of bands, such as [{above: 5, points: 30}]"))
		return false;
	memset(bands, 0, sizeof(*bands));
	if (node->n == 0)
		return yaml_fail(reader->yaml.error, node,
						 "A rule is switched off by \"enabled: false\"; a list of bands has 1 to 5.",
						 "no bands");
	for (child = node->first; child != NULL; child = child->next)
	{
		PolicyBand *band = &bands->band[bands->n];

		if (bands->n == POLICY_MAX_BANDS)
			return yaml_fail(reader->yaml.error, child,
							 "A list of bands has 1 to 5.", "too many bands");
		if (!read_band(reader, child, band))
			return false;
		if (bands->n > 0 && band->test == BAND_ALWAYS)
			return yaml_fail(reader->yaml.error, child,
							 "Only the first band may stand without \"above\" or \"at_least\".",
							 "band without a threshold");
		if (bands->n > 0 && band[-1].test != BAND_ALWAYS &&
			band->threshold <= band[-1].threshold)
		{
			char		here[YAML_PRINT_LEN];
			char		last[YAML_PRINT_LEN];

			yaml_print_number(band->threshold, here);
			yaml_print_number(band[-1].threshold, last);
			return yaml_fail(reader->yaml.error, child,
							 "Each band's threshold must be greater than that of the band before.",
							 "bands out of order: %s after %s", here, last);
		}
		bands->n++;
	}
	return true;
}

static bool
read_rule(PolicyReader *reader, const YamlNode *node, RuleId id)
{
	const RuleDef *def = &rule_defs[id];
	PolicyRule *rule = &reader->draft->fixed.rules[id];
	const char *keys[READER_MAX_KEYS] = {"enabled", "shadow", "weight"};
	const YamlNode *found[READER_MAX_KEYS];
	int			nparams;
	int			nbands;
	int			n = 3;
	int			i;

	for (nparams = 0; def->params[nparams].name != NULL; nparams++)
		keys[n++] = def->params[nparams].name;
	for (nbands = 0; def->bandlists[nbands] != NULL; nbands++)
		keys[n++] = def->bandlists[nbands];
	if (!reader_section(&reader->yaml, node, "key", keys, n, 0, found))
		return false;

	if (found[0] != NULL && !reader_bool(&reader->yaml, found[0], &rule->enabled))
		return false;
	if (found[1] != NULL && !reader_bool(&reader->yaml, found[1], &rule->shadow))
		return false;
	if (found[2] != NULL &&
		!reader_whole(&reader->yaml, found[2], 0, POLICY_MAX_POINTS, &rule->weight))
		return false;
	for (i = 0; i < nparams; i++)
	{
		const RuleParam *param = &def->params[i];

		if (found[3 + i] != NULL &&
			!reader_number(&reader->yaml, found[3 + i], param->min, param->max,
						   param->integer, &rule->params[i]))
			return false;
	}
	for (i = 0; i < nbands; i++)
	{
		if (found[3 + nparams + i] != NULL &&
			!read_bands(reader, found[3 + nparams + i], &rule->bands[i]))
			return false;
	}
	return true;
}

bool
policy_read_rules(PolicyReader *reader, const YamlNode *node)
{
	const char *keys[NRULES];
	const YamlNode *found[NRULES];
	int			i;

	for (i = 0; i < NRULES; i++)
		keys[i] = rule_defs[i].name;
	if (!reader_section(&reader->yaml, node, "rule", keys, NRULES, 0, found))
		return false;
	for (i = 0; i < NRULES; i++)
	{
		if (found[i] != NULL && !read_rule(reader, found[i], i))
			return false;
	}
	return true;
}

/* ---- rules of the user's own ---- */

/* A name in risk_factors must say which rule or list it was. */
static bool
check_custom_name(PolicyReader *reader, const YamlNode *node)
{
	const char *name = node->key->text;
	const char *hint = "The name of a custom rule has lower-case letters, digits and _, starts with no digit and has at most 63 bytes.";
	bool		taken = false;
	int			i;

	for (i = 0; i < NRULES; i++)
		taken = taken || strcmp(name, rule_defs[i].name) == 0;
	for (i = LIST_DENY_CUSTOMERS; i < NLISTS; i++)
		taken = taken || strcmp(name, list_defs[i].name) == 0;
	if (!taken && node->key->len <= 63 && (name[0] < '0' || name[0] > '9') &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == node->key->len)
		return true;
	if (taken)
		hint = "A custom rule must not be named like a shipped rule or a deny or review list.";
	return yaml_bad_key(reader->yaml.error, node, "name", hint);
}

static bool
read_when(PolicyReader *reader, const YamlNode *node, YamlText *when)
{
	const char *allowed = "an SQL boolean expression over the numbers of fraud_features";

	if (!reader_text(&reader->yaml, node, allowed, YAML_MAX_TEXT, when))
		return false;
	/* block scalars end with a line feed */
	while (when->len > 0 && yaml_is_space(when->text[when->len - 1]))
		when->len--;
	while (when->len > 0 && yaml_is_space(when->text[0]))
	{
		when->text++;
		when->len--;
	}
	return when->len > 0 || yaml_bad_value(reader->yaml.error, node, allowed);
}

static bool
read_custom_rule(PolicyReader *reader, const YamlNode *node, DraftCustom *rule)
{
	static const char *const keys[] = {
		"when", "points", "action", "enabled", "shadow", "description"
	};
	const YamlNode *found[lengthof(keys)];
	bool		fresh = rule->name.text == NULL;

	rule->name.text = node->key->text;
	rule->name.len = node->key->len;
	return reader_map(&reader->yaml, node, "key", keys, lengthof(keys),
					  fresh ? KEY_BIT(0) | KEY_BIT(1) : 0, found) &&
		(found[0] == NULL || read_when(reader, found[0], &rule->when)) &&
		(found[1] == NULL ||
		 reader_whole(&reader->yaml, found[1], 0, POLICY_MAX_POINTS, &rule->points)) &&
		(found[2] == NULL || policy_reader_action(reader, found[2], &rule->action)) &&
		(found[3] == NULL || reader_bool(&reader->yaml, found[3], &rule->enabled)) &&
		(found[4] == NULL || reader_bool(&reader->yaml, found[4], &rule->shadow)) &&
		(found[5] == NULL || reader_remark(&reader->yaml, found[5], &rule->description));
}

bool
policy_read_custom(PolicyReader *reader, const YamlNode *node)
{
	DraftArray *custom = &reader->draft->custom;
	const YamlNode *child;
	DraftCustom *item;
	bool		given;
	uint32		nbase;
	uint32		order = 0;
	uint32		i;

	if (!reader_free_map(&reader->yaml, node, &given))
		return false;
	if (!given)
		return true;
	if (!reader_keeps(&reader->yaml, node))
		custom->n = 0;
	nbase = custom->n;
	item = policy_reader_extend(reader, custom, node->n, sizeof(DraftCustom));
	for (child = node->first; child != NULL; child = child->next, item++)
	{
		const DraftCustom *base = custom->items;

		if (!check_custom_name(reader, child))
			return false;
		item->enabled = true;
		/* an entry that is merged starts from the one it joins */
		for (i = 0; i < nbase && reader_keeps(&reader->yaml, child); i++)
		{
			if (strlen(child->key->text) == base[i].name.len &&
				memcmp(child->key->text, base[i].name.text, base[i].name.len) == 0)
				*item = base[i];
		}
		if (!read_custom_rule(reader, child, item))
			return false;
		item->head.at = child;
		item->head.order = ++order;
		custom->n++;
	}
	if (!policy_reader_settle(reader, custom, sizeof(DraftCustom), draft_compare_custom))
		return false;
	if (custom->n > POLICY_MAX_CUSTOM)
		return yaml_fail(reader->yaml.error, node,
						 "A policy has at most 32 custom rules.",
						 "too many custom rules: %u", custom->n);
	return true;
}
