/*-------------------------------------------------------------------------
 *
 * policy_catalog.c
 *	  fraud_rules_catalog(): the rules of a policy as rows.
 *
 * The 19 rules in the order of their numbers, then the policy's own. Names,
 * needs and descriptions come from rule_defs, the numbers from the policy.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "config/yaml_server.h"
#include "core/compat.h"
#include "policy/policy_check.h"
#include "policy/policy_type.h"

enum
{
	OUT_RULE,
	OUT_NUMBER,
	OUT_CATEGORY,
	OUT_ENABLED,
	OUT_CRITICAL,
	OUT_WEIGHT,
	OUT_PARAMETERS,
	OUT_NEEDS,
	OUT_DESCRIPTION,
	OUT_COLUMNS
};

static const char *const action_names[] = {
	[ACTION_NONE] = "none", [ACTION_REVIEW] = "review", [ACTION_BLOCK] = "block"
};

PG_FUNCTION_INFO_V1(fraud_rules_catalog);

/* ---- parameters ---- */

static void
put_key(StringInfo json, const char *key)
{
	if (json->data[json->len - 1] != '{')
		appendStringInfoString(json, ", ");
	escape_json(json, key);
	appendStringInfoString(json, ": ");
}

static void
put_number(StringInfo json, const char *key, double v)
{
	char		buf[DOUBLE_SHORTEST_DECIMAL_LEN];

	put_key(json, key);
	double_to_shortest_decimal_buf(v, buf);
	appendStringInfoString(json, buf);
}

static void
put_text(StringInfo json, const char *key, const char *value)
{
	put_key(json, key);
	escape_json(json, value);
}

static void
put_bool(StringInfo json, const char *key, bool value)
{
	put_key(json, key);
	appendStringInfoString(json, value ? "true" : "false");
}

static void
put_bands(StringInfo json, const char *key, const PolicyBands *bands)
{
	uint32		i;

	put_key(json, key);
	appendStringInfoChar(json, '[');
	for (i = 0; i < bands->n; i++)
	{
		const PolicyBand *band = &bands->band[i];

		appendStringInfoString(json, i > 0 ? ", {" : "{");
		if (band->test != BAND_ALWAYS)
			put_number(json, band->test == BAND_ABOVE ? "above" : "at_least", band->threshold);
		put_number(json, "points", band->points);
		put_text(json, "action", action_names[band->action]);
		appendStringInfoChar(json, '}');
	}
	appendStringInfoChar(json, ']');
}

static Datum
jsonb_from(StringInfo json)
{
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json->data));
}

static Datum
rule_parameters(const RuleDef *def, const PolicyRule *rule)
{
	StringInfoData json;
	int			i;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	put_bool(&json, "shadow", rule->shadow);
	for (i = 0; i < RULE_MAX_PARAMS && def->params[i].name != NULL; i++)
		put_number(&json, def->params[i].name, rule->params[i]);
	for (i = 0; i < RULE_MAX_BANDLISTS && def->bandlists[i] != NULL; i++)
		put_bands(&json, def->bandlists[i], &rule->bands[i]);
	appendStringInfoChar(&json, '}');
	return jsonb_from(&json);
}

static char *
pool_text(const Policy *policy, PolicyStr s)
{
	return yaml_text(policy_str(policy, s), s.len);
}

static Datum
custom_parameters(const Policy *policy, const PolicyCustom *custom)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	put_bool(&json, "shadow", custom->shadow);
	put_text(&json, "when", pool_text(policy, custom->when));
	put_text(&json, "action", action_names[custom->action]);
	appendStringInfoChar(&json, '}');
	return jsonb_from(&json);
}

/* ---- rows ---- */

static Datum
needs_array(const RuleDef *def)
{
	uint32		needs[RULE_MAX_NEEDS + 1];
	Datum		names[RULE_MAX_NEEDS + 1];
	int			n = policy_rule_needs(def, needs);
	int			i;

	for (i = 0; i < n; i++)
		names[i] = CStringGetTextDatum(policy_needs_text(needs[i], NULL, "|"));
	return PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
put_rule(ReturnSetInfo *rsinfo, const Policy *policy, RuleId id)
{
	const RuleDef *def = &rule_defs[id];
	const PolicyRule *rule = &policy->rules[id];
	Datum		values[OUT_COLUMNS];
	bool		nulls[OUT_COLUMNS] = {false};

	values[OUT_RULE] = CStringGetTextDatum(def->name);
	values[OUT_NUMBER] = Int32GetDatum(id + 1);
	values[OUT_CATEGORY] = CStringGetTextDatum(category_names[def->category]);
	values[OUT_ENABLED] = BoolGetDatum(rule->enabled);
	values[OUT_CRITICAL] = BoolGetDatum(def->critical);
	values[OUT_WEIGHT] = Int32GetDatum(rule->weight);
	values[OUT_PARAMETERS] = rule_parameters(def, rule);
	values[OUT_NEEDS] = needs_array(def);
	values[OUT_DESCRIPTION] = CStringGetTextDatum(def->description);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
put_custom(ReturnSetInfo *rsinfo, const Policy *policy, uint32 i)
{
	const PolicyCustom *custom = &policy_array(policy, policy->custom, PolicyCustom)[i];
	Datum		values[OUT_COLUMNS];
	bool		nulls[OUT_COLUMNS] = {false};

	values[OUT_RULE] = CStringGetTextDatum(pool_text(policy, custom->name));
	values[OUT_NUMBER] = Int32GetDatum(NRULES + 1 + (int) i);
	values[OUT_CATEGORY] = CStringGetTextDatum(category_names[CAT_CUSTOM]);
	values[OUT_ENABLED] = BoolGetDatum(custom->enabled);
	values[OUT_CRITICAL] = BoolGetDatum(false);
	values[OUT_WEIGHT] = Int32GetDatum(custom->points);
	values[OUT_PARAMETERS] = custom_parameters(policy, custom);
	values[OUT_NEEDS] = PointerGetDatum(construct_empty_array(TEXTOID));
	nulls[OUT_DESCRIPTION] = policy_str(policy, custom->description) == NULL;
	if (!nulls[OUT_DESCRIPTION])
		values[OUT_DESCRIPTION] = CStringGetTextDatum(pool_text(policy, custom->description));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

Datum
fraud_rules_catalog(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	PolicyArg	arg = {0};
	const Policy *policy = policy_arg(fcinfo, 0, &arg);
	uint32		i;

	InitMaterializedSRF(fcinfo, 0);
	for (i = 0; i < NRULES; i++)
		put_rule(rsinfo, policy, (RuleId) i);
	for (i = 0; i < policy->custom.n; i++)
		put_custom(rsinfo, policy, i);
	return (Datum) 0;
}
