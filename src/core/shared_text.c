/*-------------------------------------------------------------------------
 *
 * shared_text.c
 *	  Texts in shared memory; see shared_text.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "mb/pg_wchar.h"

#include "core/shared_text.h"

/* Bytes that are no letter of the encoding become question marks. */
static void
mend(char *text, int encoding)
{
	int			left = (int) strlen(text);

	while (left > 0)
	{
		int			n = pg_encoding_verifymbchar(encoding, text, left);

		if (n < 1)
			*text = '?';
		text += Max(n, 1);
		left -= Max(n, 1);
	}
}

static bool
is_ascii(const char *text)
{
	while (*text != '\0' && !IS_HIGHBIT_SET(*text))
		text++;
	return *text == '\0';
}

static char *
convert(const char *text, int from, int to)
{
	char	   *src = pstrdup(text);
	int			len = (int) strlen(src);
	int			room = (len + 1) * MAX_CONVERSION_GROWTH;
	char	   *dst;
	int			done = 0;
	int			out = 0;
	Oid			conversion;

	if (is_ascii(src))
		return src;
	mend(src, from == PG_SQL_ASCII ? to : from);
	if (from == to || from == PG_SQL_ASCII || to == PG_SQL_ASCII)
		return src;
	/* a look into the catalogs */
	conversion = IsTransactionState() ? FindDefaultConversionProc(from, to) : InvalidOid;
	dst = palloc(room);
	while (done < len)
	{
		if (OidIsValid(conversion))
			done += pg_do_encoding_conversion_buf(conversion, from, to, (unsigned char *) src + done, len - done,
												  (unsigned char *) dst + out, room - out, true);
		else
			dst[out] = '\0';
		out += (int) strlen(dst + out);
		if (done < len)
		{
			/* what it stopped at */
			dst[out++] = IS_HIGHBIT_SET(src[done]) ? '?' : src[done];
			done += pg_encoding_mblen(from, src + done);
		}
	}
	dst[out] = '\0';
	return dst;
}

char *
shared_text_to_utf8(const char *text)
{
	return convert(text, GetDatabaseEncoding(), PG_UTF8);
}

char *
shared_text_mended(const char *utf8)
{
	char	   *text = pstrdup(utf8);

	mend(text, PG_UTF8);
	return text;
}

void
shared_text_store(char *dst, size_t size, const char *text)
{
	char	   *utf8 = shared_text_to_utf8(text);
	int			len = pg_encoding_mbcliplen(PG_UTF8, utf8, (int) strlen(utf8), (int) size - 1);

	memcpy(dst, utf8, len);
	dst[len] = '\0';
	pfree(utf8);
}

char *
shared_text_from_utf8(const char *utf8)
{
	return convert(utf8, PG_UTF8, GetDatabaseEncoding());
}

char *
shared_text(const char *utf8)
{
	char	   *text = shared_text_from_utf8(utf8);

	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char) *p < ' ' || *p == 0x7F)
			*p = '?';
	return text;
}
