/*-------------------------------------------------------------------------
 *
 * policy_write.c
 *	  Policy image to canonical YAML.
 *
 * Every key in the order of rules/rules.yaml, so that the text read over any
 * base gives the same image.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "config/yaml_write.h"
#include "policy/policy_reader.h"
#include "policy/policy_scalar.h"

#define LINE_WIDTH			96	/* lists break after this many columns */

typedef struct Writer
{
	const Policy *policy;
	StringInfoData out;
	int			nodes;			/* as yaml_tree.c will count them */
} Writer;

/* ---- texts ---- */

static void
put_text(Writer *w, const char *s, size_t len, bool in_list)
{
	w->nodes++;
	yaml_put_text(&w->out, s, len, in_list);
}

static void
put_str(Writer *w, PolicyStr s, bool in_list)
{
	put_text(w, s.off != 0 ? policy_str(w->policy, s) : "", s.len, in_list);
}

/* ---- lines ---- */

static void
put_indent(Writer *w, int depth)
{
	appendStringInfoSpaces(&w->out, depth * 2);
}

/* "key: ", the value follows on the line. */
static void
put_key(Writer *w, int depth, const char *key)
{
	put_indent(w, depth);
	appendStringInfo(&w->out, "%s: ", key);
	w->nodes++;
}

/* "key:", a mapping follows; "key: {}" where it is empty. */
static void
put_map(Writer *w, int depth, const char *key, bool empty)
{
	put_indent(w, depth);
	appendStringInfo(&w->out, "%s:%s\n", key, empty ? " {}" : "");
	w->nodes += 2;
}

static void
put_line(Writer *w, int depth, const char *key, const char *value)
{
	put_key(w, depth, key);
	appendStringInfo(&w->out, "%s\n", value);
	w->nodes++;
}

static void
put_bool(Writer *w, int depth, const char *key, bool value)
{
	put_line(w, depth, key, value ? "true" : "false");
}

static void
put_number(Writer *w, int depth, const char *key, double value)
{
	char		text[YAML_PRINT_LEN];

	yaml_print_number(value, text);
	put_line(w, depth, key, text);
}

static void
put_str_line(Writer *w, int depth, const char *key, PolicyStr s)
{
	put_key(w, depth, key);
	put_str(w, s, false);
	appendStringInfoChar(&w->out, '\n');
}

static const char *
action_name(uint8 action)
{
	return action == ACTION_BLOCK ? "block" :
		action == ACTION_REVIEW ? "review" : "none";
}

/* ---- sections ---- */

static const char *
status_name(uint32 code)
{
	switch (code)
	{
		case STATUS_APPROVED:
			return "approved";
		case STATUS_DECLINED:
			return "declined";
		case STATUS_FAILED:
			return "failed";
		case STATUS_BLOCKED:
			return "blocked";
		default:
			return "pending";
	}
}

static const char *
channel_name(uint32 code)
{
	return code == CHANNEL_PRESENT ? "present" : "online";
}

static void
write_words(Writer *w, const char *key, PolicyArray array,
			const char *(*name) (uint32 code))
{
	const PolicyWord *words = policy_array(w->policy, array, PolicyWord);
	uint32		i;

	put_map(w, 1, key, array.n == 0);
	for (i = 0; i < array.n; i++)
	{
		put_indent(w, 2);
		put_str(w, words[i].word, false);
		appendStringInfo(&w->out, ": %s\n", name(words[i].code));
		w->nodes++;
	}
}

static void
write_rates(Writer *w)
{
	PolicyArray array = w->policy->rates;
	const PolicyRate *rates = policy_array(w->policy, array, PolicyRate);
	char		day[YAML_PRINT_LEN];
	char		rate[YAML_PRINT_LEN];
	uint32		i;

	put_map(w, 1, "rates", array.n == 0);
	for (i = 0; i < array.n; i++)
	{
		if (i == 0 || memcmp(rates[i - 1].currency, rates[i].currency, 4) != 0)
			put_map(w, 2, rates[i].currency, false);
		policy_print_date(rates[i].day, day);
		policy_print_rate(rates[i].rate, rate);
		put_line(w, 3, day, rate);
	}
}

static void
write_history(Writer *w)
{
	const Policy *policy = w->policy;
	bool		none = true;
	bool		first = true;
	int			i;

	put_map(w, 0, "history", false);
	for (i = 0; i < TXN_NCOLUMNS; i++)
		none = none && policy->columns[i].off == 0;
	put_map(w, 1, "columns", none);
	for (i = 0; i < TXN_NCOLUMNS; i++)
	{
		if (policy->columns[i].off != 0)
			put_str_line(w, 2, txn_column_names[i], policy->columns[i]);
	}
	write_words(w, "status_values", policy->status_values, status_name);
	write_words(w, "channel_values", policy->channel_values, channel_name);
	put_str_line(w, 1, "timezone", policy->timezone);
	put_key(w, 1, "weekend");
	w->nodes++;
	appendStringInfoChar(&w->out, '[');
	for (i = 0; i < 7; i++)
	{
		if (policy->weekend & (1 << i))
		{
			appendStringInfo(&w->out, "%s%d", first ? "" : ", ", i + 1);
			first = false;
			w->nodes++;
		}
	}
	appendStringInfoString(&w->out, "]\n");
	put_str_line(w, 1, "base_currency", policy->base_currency);
	write_rates(w);
}

static void
write_scoring(Writer *w)
{
	const Policy *policy = w->policy;
	int			i;

	put_map(w, 0, "scoring", false);
	put_number(w, 1, "low_max", policy->low_max);
	put_number(w, 1, "medium_max", policy->medium_max);
	put_number(w, 1, "min_coverage", policy->min_coverage);
	put_bool(w, 1, "short_circuit", policy->short_circuit);
	put_map(w, 1, "category_caps", false);
	for (i = 0; i < NCATEGORIES; i++)
	{
		if (policy->category_caps[i] == POLICY_NO_CAP)
			put_line(w, 2, category_names[i], "none");
		else
			put_number(w, 2, category_names[i], policy->category_caps[i]);
	}
}

static void
write_list_value(Writer *w, PolicyArray values, ListKind kind, uint32 i)
{
	if (kind == LIST_CIDR)
	{
		char		text[YAML_PRINT_LEN];

		policy_print_cidr(&policy_array(w->policy, values, PolicyCidr)[i], text);
		put_text(w, text, strlen(text), true);
	}
	else if (kind == LIST_NOTICE)
	{
		const PolicyNotice *notice;
		StringInfoData text;
		char		first[YAML_PRINT_LEN];
		char		last[YAML_PRINT_LEN];

		notice = &policy_array(w->policy, values, PolicyNotice)[i];
		policy_print_date(notice->first_day, first);
		policy_print_date(notice->last_day, last);
		initStringInfo(&text);
		appendStringInfo(&text, "%s/%s/%s/%s",
						 policy_str(w->policy, notice->customer),
						 notice->country, first, last);
		put_text(w, text.data, text.len, true);
		pfree(text.data);
	}
	else
		put_str(w, policy_array(w->policy, values, PolicyStr)[i], true);
}

static void
write_lists(Writer *w)
{
	int			i;

	put_map(w, 0, "lists", false);
	for (i = 0; i < NLISTS; i++)
	{
		const PolicyList *list = &w->policy->lists[i];
		int			line;
		uint32		j;

		put_map(w, 1, list_defs[i].name, false);
		if (list->as_of.off != 0)
		{
			put_key(w, 2, "as_of");
			appendStringInfo(&w->out, "%s\n", policy_str(w->policy, list->as_of));
			w->nodes++;
		}
		if (list->source.off != 0)
			put_str_line(w, 2, "source", list->source);
		line = w->out.len;
		put_key(w, 2, "values");
		w->nodes++;
		appendStringInfoChar(&w->out, '[');
		for (j = 0; j < list->values.n; j++)
		{
			if (j > 0 && w->out.len - line > LINE_WIDTH)
			{
				appendStringInfoString(&w->out, ",\n");
				line = w->out.len;
				put_indent(w, 4);
			}
			else if (j > 0)
				appendStringInfoString(&w->out, ", ");
			write_list_value(w, list->values, list_defs[i].kind, j);
		}
		appendStringInfoString(&w->out, "]\n");
	}
}

static void
write_bands(Writer *w, const char *key, const PolicyBands *bands)
{
	uint32		i;

	put_map(w, 2, key, false);
	for (i = 0; i < bands->n; i++)
	{
		const PolicyBand *band = &bands->band[i];

		put_indent(w, 3);
		appendStringInfoString(&w->out, "- {");
		w->nodes += 5;
		if (band->test != BAND_ALWAYS)
		{
			char		text[YAML_PRINT_LEN];

			yaml_print_number(band->threshold, text);
			appendStringInfo(&w->out, "%s: %s, ",
							 band->test == BAND_ABOVE ? "above" : "at_least", text);
			w->nodes += 2;
		}
		appendStringInfo(&w->out, "points: %d, action: %s}\n",
						 band->points, action_name(band->action));
	}
}

static void
write_rules(Writer *w)
{
	int			i;
	int			j;

	put_map(w, 0, "rules", false);
	for (i = 0; i < NRULES; i++)
	{
		const RuleDef *def = &rule_defs[i];
		const PolicyRule *rule = &w->policy->rules[i];

		put_map(w, 1, def->name, false);
		put_bool(w, 2, "enabled", rule->enabled);
		put_bool(w, 2, "shadow", rule->shadow);
		put_number(w, 2, "weight", rule->weight);
		for (j = 0; def->params[j].name != NULL; j++)
			put_number(w, 2, def->params[j].name, rule->params[j]);
		for (j = 0; def->bandlists[j] != NULL; j++)
			write_bands(w, def->bandlists[j], &rule->bands[j]);
	}
}

static void
write_custom(Writer *w)
{
	PolicyArray array = w->policy->custom;
	const PolicyCustom *custom = policy_array(w->policy, array, PolicyCustom);
	uint32		i;

	put_map(w, 0, "custom", array.n == 0);
	for (i = 0; i < array.n; i++)
	{
		/* a name may look like a word of YAML: y, null */
		put_indent(w, 1);
		put_str(w, custom[i].name, false);
		appendStringInfoString(&w->out, ":\n");
		w->nodes++;
		put_str_line(w, 2, "when", custom[i].when);
		put_number(w, 2, "points", custom[i].points);
		put_line(w, 2, "action", action_name(custom[i].action));
		put_bool(w, 2, "enabled", custom[i].enabled);
		put_bool(w, 2, "shadow", custom[i].shadow);
		if (custom[i].description.off != 0)
			put_str_line(w, 2, "description", custom[i].description);
	}
}

char *
policy_write_counted(const Policy *policy, size_t *len, int *nodes)
{
	Writer		w;

	w.policy = policy;
	w.nodes = 1;				/* the root */
	initStringInfo(&w.out);
	put_line(&w, 0, "version", "1");
	put_str_line(&w, 0, "description", policy->description);
	write_history(&w);
	write_scoring(&w);
	write_lists(&w);
	write_rules(&w);
	write_custom(&w);
	*len = w.out.len;
	*nodes = w.nodes;
	return w.out.data;
}

char *
policy_write(const Policy *policy, size_t *len)
{
	size_t		length;
	int			nodes;
	char	   *text = policy_write_counted(policy, &length, &nodes);

	if (len != NULL)
		*len = length;
	return text;
}
