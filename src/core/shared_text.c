/*-------------------------------------------------------------------------
 *
 * shared_text.c
 *	  Texts out of shared memory; see shared_text.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"

#include "core/shared_text.h"

char *
shared_text(const char *text)
{
	int			encoding = GetDatabaseEncoding();
	char	   *copy = pstrdup(text);
	char	   *p = copy;
	char	   *end = copy + strlen(copy);

	while (p < end)
	{
		int			len = pg_encoding_verifymbchar(encoding, p, (int) (end - p));

		if (len < 1 || (unsigned char) *p < ' ' || *p == 0x7F)
		{
			*p = '?';
			len = 1;
		}
		p += len;
	}
	return copy;
}

char *
shared_utf8(const char *text)
{
	int			encoding = GetDatabaseEncoding();
	int			len = (int) strlen(text);
	char	   *copy;
	Oid			conversion;

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII || !pg_verify_mbstr(PG_UTF8, text, len, true))
		return shared_text(text);
	copy = palloc(len * MAX_CONVERSION_GROWTH + 1);
	conversion = FindDefaultConversionProc(PG_UTF8, encoding);
	if (OidIsValid(conversion) &&
		pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding, (unsigned char *) unconstify(char *, text), len,
									  (unsigned char *) copy, len * MAX_CONVERSION_GROWTH + 1, true) == len)
		return copy;
	strcpy(copy, text);
	for (char *p = copy; *p != '\0'; p++)
		if (IS_HIGHBIT_SET(*p))
			*p = '?';
	return copy;
}
