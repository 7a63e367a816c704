/*-------------------------------------------------------------------------
 *
 * state_image.c
 *	  The header of a saved file; see state_image.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "core/state_image.h"

#define STATE_MAGIC			0x46465354	/* "FFST" */
#define STATE_VERSION		1

static pg_crc32c
crc_of(const StateHeader *header, const void *bytes, size_t len)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, header, offsetof(StateHeader, crc));
	COMP_CRC32C(crc, bytes, len);
	FIN_CRC32C(crc);
	return crc;
}

void
state_header_make(StateHeader *header, const void *bytes, size_t len)
{
	memset(header, 0, sizeof(*header));
	header->magic = STATE_MAGIC;
	header->version = STATE_VERSION;
	header->length = len;
	header->crc = crc_of(header, bytes, len);
}

const char *
state_header_check(const StateHeader *header, const void *bytes, size_t len)
{
	if (header->magic != STATE_MAGIC)
		return "it is not a file of fraud_fallback";
	if (header->version != STATE_VERSION || header->zero != 0)
		return "it has a format this version does not know";
	if (header->length != len)
		return "its length is wrong";
	if (header->crc != crc_of(header, bytes, len))
		return "its checksum is wrong";
	return NULL;
}
