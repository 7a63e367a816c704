/*-------------------------------------------------------------------------
 *
 * yaml_server.c
 *	  Texts in YAML and the server; see yaml_server.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "config/yaml_server.h"

char *
yaml_text(const char *utf8, size_t len)
{
	char	   *text = pg_any_to_server(utf8, (int) len, PG_UTF8);

	return text == utf8 ? pnstrdup(utf8, len) : text;
}

char *
yaml_message(const char *utf8)
{
	char	   *text = pstrdup(utf8);
	char	   *p;

	if (GetDatabaseEncoding() == PG_UTF8 &&
		pg_verify_mbstr(PG_UTF8, text, (int) strlen(text), true))
		return text;
	for (p = text; *p != '\0'; p++)
		if (IS_HIGHBIT_SET(*p))
			*p = '?';
	return text;
}

char *
yaml_from_server(const char *s, size_t *len)
{
	char	   *utf8;

	/* bytes of an SQL_ASCII database mean what they are; the reader checks them */
	if (GetDatabaseEncoding() == PG_SQL_ASCII)
		return unconstify(char *, s);
	utf8 = pg_server_to_any(s, (int) *len, PG_UTF8);
	if (utf8 != s)
		*len = strlen(utf8);
	return utf8;
}

char *
yaml_error_text(const YamlError *error)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (error->line > 0)
		appendStringInfo(&buf, "line %d, column %d: ", error->line, error->column);
	appendStringInfo(&buf, "%s.", error->message);
	if (error->detail[0] != '\0')
		appendStringInfo(&buf, " %s", error->detail);
	if (error->hint[0] != '\0')
		appendStringInfo(&buf, " %s", error->hint);
	return buf.data;
}

int
yaml_errmsg(const char *what, const YamlError *error)
{
	const char *message = yaml_message(error->message);

	if (error->line > 0)
		return errmsg("invalid %s at line %d, column %d: %s",
					  what, error->line, error->column, message);
	return errmsg("invalid %s: %s", what, message);
}

int
yaml_errdetail(const YamlError *error)
{
	return error->detail[0] != '\0' ? errdetail("%s", yaml_message(error->detail)) : 0;
}

int
yaml_errhint(const YamlError *error)
{
	return error->hint[0] != '\0' ? errhint("%s", yaml_message(error->hint)) : 0;
}
