/*-------------------------------------------------------------------------
 *
 * yaml_write.c
 *	  Texts in canonical YAML; see yaml_write.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "config/yaml_scalar.h"
#include "config/yaml_write.h"

/* What a YAML reader might take for a number, a date, a boolean or null. */
static bool
looks_typed(const char *s, size_t len)
{
	static const char *const words[] = {
		"null", "true", "false", "yes", "no", "on", "off", "y", "n"
	};
	bool		digit = false;
	size_t		i;

	for (i = 0; i < lengthof(words); i++)
	{
		if (strlen(words[i]) == len && pg_strncasecmp(s, words[i], len) == 0)
			return true;
	}
	if (len > 4 && strspn(s, "0123456789") >= 4 && s[4] == '-')
		return true;
	if (len > 2 && s[0] == '0' && strchr("xXoObB", s[1]) != NULL)
		return true;
	for (i = 0; i < len; i++)
	{
		if (s[i] >= '0' && s[i] <= '9')
			digit = true;
		else if (strchr("+-._eE", s[i]) == NULL)
			return false;
	}
	return digit && memchr(s, '.', len) == strrchr(s, '.');
}

static bool
is_plain(const char *s, size_t len, bool in_list)
{
	size_t		i;

	if (looks_typed(s, len) || s[len - 1] == ' ')
		return false;
	for (i = 0; i < len; i++)
	{
		if ((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
			(s[i] >= '0' && s[i] <= '9') || s[i] == '_' || s[i] == '/')
			continue;
		if (i > 0 && strchr(" .@+-()<>=%*;$~^", s[i]) != NULL)
			continue;
		if (i > 0 && s[i] == ',' && !in_list)
			continue;
		return false;
	}
	return true;
}

void
yaml_put_text(StringInfo out, const char *s, size_t len, bool in_list)
{
	bool		single = true;
	size_t		i;

	for (i = 0; i < len; i++)
		single = single && s[i] >= ' ' && s[i] <= '~' && s[i] != '\'';
	if (len > 0 && is_plain(s, len, in_list))
		appendBinaryStringInfo(out, s, (int) len);
	else if (single)
	{
		appendStringInfoChar(out, '\'');
		appendBinaryStringInfo(out, s, (int) len);
		appendStringInfoChar(out, '\'');
	}
	else
	{
		appendStringInfoChar(out, '"');
		for (i = 0; i < len;)
		{
			uint32		cp = 0;
			size_t		n = yaml_utf8_next(s + i, len - i, &cp);

			if (n == 0)
				break;			/* readers refuse such texts */
			i += n;
			if (cp == '"' || cp == '\\')
				appendStringInfo(out, "\\%c", (char) cp);
			else if (cp >= ' ' && cp <= '~')
				appendStringInfoChar(out, (char) cp);
			else if (cp == '\n')
				appendStringInfoString(out, "\\n");
			else if (cp == '\t')
				appendStringInfoString(out, "\\t");
			else if (cp <= 0xff)
				appendStringInfo(out, "\\x%02X", cp);
			else if (cp <= 0xffff)
				appendStringInfo(out, "\\u%04X", cp);
			else
				appendStringInfo(out, "\\U%08X", cp);
		}
		appendStringInfoChar(out, '"');
	}
}
