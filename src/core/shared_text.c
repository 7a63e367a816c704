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

static char *
convert(const char *text, int from, int to)
{
	int			len = (int) strlen(text);
	unsigned char *src = (unsigned char *) pstrdup(text);
	int			room = (len + 1) * MAX_CONVERSION_GROWTH;
	unsigned char *dst;
	Oid			proc;
	int			done;
	int			out = 0;

	for (done = 0; done < len;)
	{
		int			n = pg_encoding_verifymbchar(from == PG_SQL_ASCII ? to : from, (char *) src + done, len - done);

		if (n < 1)
			src[done] = '?';
		done += Max(n, 1);
	}
	if (from == to || from == PG_SQL_ASCII || to == PG_SQL_ASCII)
		return (char *) src;

	proc = FindDefaultConversionProc(from, to);
	dst = palloc(room);
	for (done = 0; done < len;)
	{
		if (OidIsValid(proc))
			done += pg_do_encoding_conversion_buf(proc, from, to, src + done, len - done,
												  dst + out, room - out, true);
		else
			dst[out] = '\0';
		out += (int) strlen((char *) dst + out);
		if (done < len)
		{
			/* what it stopped at */
			bool		ascii = src[done] < 0x80;

			dst[out++] = ascii ? src[done] : '?';
			done += pg_encoding_mblen(from, (char *) src + done);
		}
	}
	dst[out] = '\0';
	return (char *) dst;
}

char *
shared_text_to_utf8(const char *text)
{
	return convert(text, GetDatabaseEncoding(), PG_UTF8);
}

char *
shared_text_from_utf8(const char *utf8)
{
	return convert(utf8, PG_UTF8, GetDatabaseEncoding());
}
