/*-------------------------------------------------------------------------
 *
 * policy_image.c
 *	  policy_image_ok(): whether bytes from outside are a policy image.
 *
 * Everything policy_write(), the look-ups and the evaluator rely on is checked
 * here, so that they need not: places inside the image, values within their
 * limits, arrays in order, and the hashes over it all. The bytes must be
 * 8-byte aligned.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <math.h>

#include "policy/policy_draft.h"
#include "policy/policy_scalar.h"

/* A byte that must be 0 or 1 before it may be read as a bool. */
static bool
bool_ok(const bool *value)
{
	return *(const unsigned char *) value <= 1;
}

static bool
str_ok(const Policy *policy, PolicyStr s, bool absent_ok, size_t max)
{
	const char *text = (const char *) policy + s.off;

	if (s.off == 0)
		return s.len == 0 && absent_ok;
	return s.off >= sizeof(Policy) && s.off < policy->size &&
		s.len >= 1 && s.len <= max && s.len < policy->size - s.off &&
		text[s.len] == '\0' && memchr(text, '\0', s.len) == NULL &&
		yaml_utf8_ok(text, s.len);
}

static bool
array_ok(const Policy *policy, PolicyArray array, size_t size)
{
	return array.off >= sizeof(Policy) && array.off <= policy->size &&
		array.off % 8 == 0 && array.n <= (policy->size - array.off) / size;
}

static int
compare_strs(const Policy *policy, PolicyStr a, PolicyStr b)
{
	int			c = memcmp((const char *) policy + a.off,
						   (const char *) policy + b.off, Min(a.len, b.len));

	return c != 0 ? c : a.len < b.len ? -1 : a.len > b.len;
}

static bool
letters_ok(const char *s, size_t n)
{
	size_t		i;

	for (i = 0; i < n; i++)
	{
		if (s[i] < 'A' || s[i] > 'Z')
			return false;
	}
	return true;
}

static bool
day_ok(int32 day)
{
	return day >= POLICY_FIRST_DAY && day <= POLICY_LAST_DAY;
}

static bool
words_ok(const Policy *policy, PolicyArray array, uint32 first, uint32 last)
{
	const PolicyWord *words = policy_array(policy, array, PolicyWord);
	uint32		i;

	if (!array_ok(policy, array, sizeof(PolicyWord)))
		return false;
	for (i = 0; i < array.n; i++)
	{
		char		folded[POLICY_MAX_WORD + 1];

		if (!str_ok(policy, words[i].word, false, POLICY_MAX_WORD) ||
			policy_fold_word((const char *) policy + words[i].word.off,
							 words[i].word.len, folded) != words[i].word.len ||
			memcmp(folded, (const char *) policy + words[i].word.off,
				   words[i].word.len) != 0 ||
			words[i].code < first || words[i].code > last || words[i].reserved != 0 ||
			(i > 0 && compare_strs(policy, words[i - 1].word, words[i].word) >= 0))
			return false;
	}
	return true;
}

static bool
rates_ok(const Policy *policy)
{
	const PolicyRate *rates = policy_array(policy, policy->rates, PolicyRate);
	uint32		i;

	if (!array_ok(policy, policy->rates, sizeof(PolicyRate)))
		return false;
	for (i = 0; i < policy->rates.n; i++)
	{
		if (!letters_ok(rates[i].currency, 3) || rates[i].currency[3] != '\0' ||
			memcmp(rates[i].currency, (const char *) policy + policy->base_currency.off, 3) == 0 ||
			!day_ok(rates[i].day) ||
			rates[i].rate <= 0 || rates[i].rate > POLICY_MAX_RATE)
			return false;
		if (i > 0)
		{
			int			c = memcmp(rates[i - 1].currency, rates[i].currency, 4);

			if (c > 0 || (c == 0 && rates[i - 1].day >= rates[i].day))
				return false;
		}
	}
	return true;
}

static bool
history_ok(const Policy *policy)
{
	PolicyStr	currency = policy->base_currency;
	int			i;

	for (i = 0; i < TXN_NCOLUMNS; i++)
	{
		if (!str_ok(policy, policy->columns[i], true, YAML_MAX_TEXT))
			return false;
	}
	return words_ok(policy, policy->status_values, STATUS_PENDING, STATUS_APPROVED) &&
		words_ok(policy, policy->channel_values, CHANNEL_PRESENT, CHANNEL_ONLINE) &&
		str_ok(policy, policy->timezone, false, YAML_MAX_TEXT) &&
		str_ok(policy, currency, false, 3) && currency.len == 3 &&
		letters_ok(policy_str(policy, currency), 3) &&
		rates_ok(policy) && policy->weekend < 0x80;
}

static bool
scoring_ok(const Policy *policy)
{
	int			i;

	for (i = 0; i < NCATEGORIES; i++)
	{
		if (policy->category_caps[i] < POLICY_NO_CAP || policy->category_caps[i] > 100)
			return false;
	}
	return policy->low_max >= 0 && policy->low_max < policy->medium_max &&
		policy->medium_max <= 99 && bool_ok(&policy->short_circuit) &&
		policy->min_coverage >= 0 && policy->min_coverage <= 1 &&
		policy->reserved2 == 0 && policy->reserved3 == 0;
}

static bool
notice_ok(const Policy *policy, const PolicyNotice *notice)
{
	return str_ok(policy, notice->customer, false, YAML_MAX_TEXT) &&
		letters_ok(notice->country, 2) && notice->country[2] == '\0' &&
		notice->country[3] == '\0' && day_ok(notice->first_day) &&
		day_ok(notice->last_day) && notice->first_day <= notice->last_day &&
		notice->reserved == 0;
}

static int
compare_notices(const Policy *policy, const PolicyNotice *a, const PolicyNotice *b)
{
	int			c = compare_strs(policy, a->customer, b->customer);

	if (c == 0)
		c = memcmp(a->country, b->country, sizeof(a->country));
	if (c == 0)
		c = a->first_day < b->first_day ? -1 : a->first_day > b->first_day;
	if (c == 0)
		c = a->last_day < b->last_day ? -1 : a->last_day > b->last_day;
	return c;
}

/* A block that policy_scan_cidr() could have made. */
static bool
cidr_ok(const PolicyCidr *cidr)
{
	char		text[YAML_PRINT_LEN];
	PolicyCidr	again;

	if ((cidr->family != 4 && cidr->family != 6) ||
		cidr->bits > (cidr->family == 4 ? 32 : 128))
		return false;
	policy_print_cidr(cidr, text);
	return policy_scan_cidr(text, strlen(text), &again) &&
		memcmp(cidr, &again, sizeof(again)) == 0;
}

static bool
list_value_ok(const Policy *policy, PolicyArray values, ListKind kind, uint32 i)
{
	if (kind == LIST_CIDR)
	{
		const PolicyCidr *cidr = policy_array(policy, values, PolicyCidr) + i;

		return cidr_ok(cidr) && (i == 0 || memcmp(cidr - 1, cidr, sizeof(*cidr)) < 0);
	}
	else if (kind == LIST_NOTICE)
	{
		const PolicyNotice *notice = policy_array(policy, values, PolicyNotice) + i;

		return notice_ok(policy, notice) &&
			(i == 0 || compare_notices(policy, notice - 1, notice) < 0);
	}
	else
	{
		const PolicyStr *s = policy_array(policy, values, PolicyStr) + i;
		const char *text = (const char *) policy + s->off;

		if (!str_ok(policy, *s, false, YAML_MAX_TEXT) ||
			(i > 0 && compare_strs(policy, s[-1], *s) >= 0))
			return false;
		if (kind == LIST_COUNTRY)
			return s->len == 2 && letters_ok(text, 2);
		if (kind == LIST_MCC)
			return s->len == 4 && strspn(text, "0123456789") == 4;
		return true;
	}
}

static bool
list_ok(const Policy *policy, ListId id)
{
	const PolicyList *list = &policy->lists[id];
	ListKind	kind = list_defs[id].kind;
	uint32		i;
	int32		day;

	if (!str_ok(policy, list->as_of, true, POLICY_DATE_LEN) ||
		(list->as_of.off != 0 &&
		 !policy_scan_date(policy_str(policy, list->as_of), list->as_of.len, &day)) ||
		!str_ok(policy, list->source, true, YAML_MAX_TEXT) ||
		!array_ok(policy, list->values,
				  kind == LIST_CIDR ? sizeof(PolicyCidr) :
				  kind == LIST_NOTICE ? sizeof(PolicyNotice) : sizeof(PolicyStr)))
		return false;
	for (i = 0; i < list->values.n; i++)
	{
		if (!list_value_ok(policy, list->values, kind, i))
			return false;
	}
	return true;
}

static bool
custom_ok(const Policy *policy)
{
	const PolicyCustom *custom = policy_array(policy, policy->custom, PolicyCustom);
	uint32		i;

	if (!array_ok(policy, policy->custom, sizeof(PolicyCustom)) ||
		policy->custom.n > POLICY_MAX_CUSTOM)
		return false;
	for (i = 0; i < policy->custom.n; i++)
	{
		const PolicyCustom *rule = &custom[i];
		static const uint8 zero[sizeof(rule->reserved)] = {0};

		if (!str_ok(policy, rule->name, false, 63) ||
			strspn((const char *) policy + rule->name.off,
				   "abcdefghijklmnopqrstuvwxyz0123456789_") != rule->name.len ||
			!str_ok(policy, rule->when, false, YAML_MAX_TEXT) ||
			!str_ok(policy, rule->description, true, YAML_MAX_TEXT) ||
			!bool_ok(&rule->enabled) || !bool_ok(&rule->shadow) ||
			rule->points < 0 || rule->points > POLICY_MAX_POINTS ||
			rule->action > ACTION_BLOCK ||
			memcmp(rule->reserved, zero, sizeof(zero)) != 0 ||
			(i > 0 && compare_strs(policy, custom[i - 1].name, rule->name) >= 0))
			return false;
	}
	return true;
}

static bool
bands_ok(const PolicyBands *bands)
{
	uint32		i;

	if (bands->n < 1 || bands->n > POLICY_MAX_BANDS || bands->reserved != 0)
		return false;
	for (i = 0; i < bands->n; i++)
	{
		const PolicyBand *band = &bands->band[i];

		if (!isfinite(band->threshold) || band->points < 0 ||
			band->points > POLICY_MAX_POINTS || band->test > BAND_AT_LEAST ||
			band->action > ACTION_BLOCK || band->reserved != 0 ||
			(i > 0 && band->test == BAND_ALWAYS) ||
			(i > 0 && band[-1].test != BAND_ALWAYS &&
			 band->threshold <= band[-1].threshold))
			return false;
	}
	return true;
}

static bool
rule_ok(const PolicyRule *rule, const RuleDef *def)
{
	bool		known = true;
	int			i;

	if (!bool_ok(&rule->enabled) || !bool_ok(&rule->shadow) ||
		rule->weight < 0 || rule->weight > POLICY_MAX_POINTS || rule->reserved != 0)
		return false;
	for (i = 0; i < RULE_MAX_PARAMS && def->params[i].name != NULL; i++)
	{
		double		value = rule->params[i];

		/* written so that nan fails */
		if (!(value >= def->params[i].min && value <= def->params[i].max) ||
			(def->params[i].integer && value != floor(value)))
			return false;
	}
	for (i = 0; i < RULE_MAX_BANDLISTS; i++)
	{
		known = known && def->bandlists[i] != NULL;
		if (known ? !bands_ok(&rule->bands[i]) : rule->bands[i].n != 0)
			return false;
	}
	return true;
}

bool
policy_image_ok(const void *image, size_t size)
{
	const Policy *policy = image;
	int			i;

	if (size < sizeof(Policy) || size > PG_INT32_MAX || size % 8 != 0 ||
		policy->version != POLICY_VERSION || policy->size != size ||
		policy->reserved != 0 || policy->hash != policy_image_hash(policy))
		return false;
	if (!str_ok(policy, policy->description, true, YAML_MAX_TEXT) ||
		!history_ok(policy) || !scoring_ok(policy) || !custom_ok(policy))
		return false;
	for (i = 0; i < NLISTS; i++)
	{
		if (!list_ok(policy, i))
			return false;
	}
	for (i = 0; i < NRULES; i++)
	{
		if (!rule_ok(&policy->rules[i], &rule_defs[i]))
			return false;
	}
	return policy->basis_hash == policy_image_basis_hash(policy);
}
