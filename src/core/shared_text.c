/*-------------------------------------------------------------------------
 *
 * shared_text.c
 *	  Texts out of shared memory; see shared_text.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

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
