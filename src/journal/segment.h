/*-------------------------------------------------------------------------
 *
 * segment.h
 *	  Records of a journal file: how they look, and finding them again.
 *
 * A record is a header, the name of the server that wrote it, and the payload.
 * Numbers are little-endian, so files can be read anywhere:
 *
 *	  0	 magic		FF 46 4A 31, of which the first byte is never in UTF-8
 *	  4	 length		of the payload
 *	  8	 checksum	CRC-32C of all other bytes of the record
 *	 12	 node		length of the server's name, 0 to 63
 *	 13	 zero		3 bytes
 *	 16	 start		16 random bytes of a start of the server
 *	 32	 sequence	1, 2, ... within that start
 *	 40	 written	microseconds since 2000-01-01 00:00 UTC
 *	 48	 the server's name, then the payload
 *
 * Start and sequence are the record's id. Writers append, each record with one
 * write, so what a file holds is records, with bytes between them that are none
 * where a write was cut short or the disk lost something.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_JOURNAL_SEGMENT_H
#define FRAUD_JOURNAL_SEGMENT_H

#include "core/c_base.h"

#define SEGMENT_START_LEN		16
#define SEGMENT_HEADER_LEN		48
#define SEGMENT_NODE_MAX		63
#define SEGMENT_RECORD_MAX		65536	/* bytes in all */
#define SEGMENT_PAYLOAD_MAX		(SEGMENT_RECORD_MAX - SEGMENT_HEADER_LEN - SEGMENT_NODE_MAX)

typedef struct SegmentRecord
{
	uint8		start[SEGMENT_START_LEN];
	uint64		sequence;		/* > 0 */
	int64		written;
	const char *node;			/* not NUL-terminated */
	size_t		node_len;
	const char *payload;		/* not NUL-terminated */
	size_t		len;
} SegmentRecord;

/*
 * The bytes that go before record->payload: header and name. Node and payload
 * must not be longer than they may. Returns how many bytes.
 */
#define SEGMENT_HEAD_MAX		(SEGMENT_HEADER_LEN + SEGMENT_NODE_MAX)
extern size_t segment_head(const SegmentRecord *record, char *head);

typedef enum SegmentStep
{
	SEGMENT_RECORD,				/* a record */
	SEGMENT_SKIPPED,			/* bytes that are of no record */
	SEGMENT_TORN,				/* the rest: a record whose end is missing */
	SEGMENT_MORE,				/* nothing can be told before there are more bytes */
	SEGMENT_END					/* all bytes were told of */
} SegmentStep;

typedef struct SegmentScan
{
	const char *bytes;
	size_t		len;
	size_t		at;				/* told of up to here */
	bool		whole;			/* no bytes will follow */
} SegmentScan;

/*
 * What is at scan->at, which moves behind it: `step` bytes, a record filled in
 * that points into them. Unless `whole`, SEGMENT_MORE and not SEGMENT_END is
 * what ends it, and with SEGMENT_RECORD_MAX bytes before it something can
 * always be told.
 */
extern SegmentStep segment_next(SegmentScan *scan, SegmentRecord *record);

/* The id as text: start and sequence in hexadecimal, in the order of bytes. */
#define SEGMENT_ID_LEN			(2 * SEGMENT_START_LEN + 1 + 16)
extern void segment_id_text(const uint8 *start, uint64 sequence, char dst[SEGMENT_ID_LEN + 1]);

#endif							/* FRAUD_JOURNAL_SEGMENT_H */
