/*-------------------------------------------------------------------------
 *
 * state_image.h
 *	  What a saved file looks like: a header that tells damage, then the bytes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_STATE_IMAGE_H
#define FRAUD_CORE_STATE_IMAGE_H

#include "core/c_base.h"

#include "port/pg_crc32c.h"

typedef struct StateHeader
{
	uint32		magic;
	uint32		version;
	uint64		length;			/* of the bytes behind */
	pg_crc32c	crc;			/* of all that stands before, and the bytes */
	uint32		zero;
} StateHeader;

extern void state_header_make(StateHeader *header, const void *bytes, size_t len);

/* NULL where header and bytes belong together, else what is wrong. */
extern const char *state_header_check(const StateHeader *header, const void *bytes, size_t len);

#endif							/* FRAUD_CORE_STATE_IMAGE_H */
