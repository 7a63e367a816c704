/*-------------------------------------------------------------------------
 *
 * segment.c
 *	  Records of a journal file; see segment.h.
 *
 * Whatever bytes come, nothing is read outside them. Bytes that cannot be a
 * record are skipped up to the next place where one fits with its checksum.
 * The magic's first byte is not in any text in UTF-8, so that place is not
 * inside a payload.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "port/pg_crc32c.h"

#include "journal/segment.h"

static const uint8 magic[4] = {0xFF, 'F', 'J', '1'};

#define AT_LENGTH		4
#define AT_CRC			8
#define AT_NODE			12
#define AT_ZERO			13
#define AT_START		16
#define AT_SEQUENCE		32
#define AT_WRITTEN		40

/* What may be at a place. */
typedef enum Verdict
{
	GOOD,						/* a record */
	BAD,						/* none */
	CUT							/* the beginning of one, as far as it goes */
} Verdict;

static void
put(char *dst, uint64 value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		dst[i] = (char) (value >> (8 * i));
}

static uint64
get(const char *src, int bytes)
{
	uint64		value = 0;

	for (int i = 0; i < bytes; i++)
		value |= (uint64) (uint8) src[i] << (8 * i);
	return value;
}

/* Of the header but for the place of the checksum, and what follows. */
static pg_crc32c
checksum(const char *head, size_t head_len, const char *payload, size_t len)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, head, AT_CRC);
	COMP_CRC32C(crc, head + AT_NODE, head_len - AT_NODE);
	COMP_CRC32C(crc, payload, len);
	FIN_CRC32C(crc);
	return crc;
}

size_t
segment_head(const SegmentRecord *record, char *head)
{
	size_t		len = SEGMENT_HEADER_LEN + record->node_len;

	Assert(record->node_len <= SEGMENT_NODE_MAX && record->len <= SEGMENT_PAYLOAD_MAX);
	memcpy(head, magic, sizeof(magic));
	put(head + AT_LENGTH, record->len, 4);
	put(head + AT_NODE, record->node_len, 1);
	put(head + AT_ZERO, 0, 3);
	memcpy(head + AT_START, record->start, SEGMENT_START_LEN);
	put(head + AT_SEQUENCE, record->sequence, 8);
	put(head + AT_WRITTEN, (uint64) record->written, 8);
	memcpy(head + SEGMENT_HEADER_LEN, record->node, record->node_len);
	put(head + AT_CRC, checksum(head, len, record->payload, record->len), 4);
	return len;
}

static Verdict
judge(const char *p, size_t left, SegmentRecord *record)
{
	size_t		head;

	if (memcmp(p, magic, Min(left, sizeof(magic))) != 0)
		return BAD;
	if (left < SEGMENT_HEADER_LEN)
		return CUT;
	record->len = get(p + AT_LENGTH, 4);
	record->node_len = get(p + AT_NODE, 1);
	record->sequence = get(p + AT_SEQUENCE, 8);
	head = SEGMENT_HEADER_LEN + record->node_len;
	if (record->len > SEGMENT_PAYLOAD_MAX || record->node_len > SEGMENT_NODE_MAX ||
		get(p + AT_ZERO, 3) != 0 || record->sequence == 0)
		return BAD;
	if (head + record->len > left)
		return CUT;
	if (get(p + AT_CRC, 4) != checksum(p, head, p + head, record->len))
		return BAD;
	memcpy(record->start, p + AT_START, SEGMENT_START_LEN);
	record->written = (int64) get(p + AT_WRITTEN, 8);
	record->node = p + SEGMENT_HEADER_LEN;
	record->payload = p + head;
	return GOOD;
}

SegmentStep
segment_next(SegmentScan *scan, SegmentRecord *record)
{
	const char *begin = scan->bytes + scan->at;
	const char *end = scan->bytes + scan->len;
	const char *cut = NULL;		/* the first beginning of a record */
	const char *next = end;		/* up to here there is none */
	const char *p;

	if (begin == end)
		return scan->whole ? SEGMENT_END : SEGMENT_MORE;
	for (p = begin; p < end; p++)
	{
		Verdict		verdict = judge(p, end - p, record);

		if (verdict == GOOD && p == begin)
		{
			scan->at = record->payload + record->len - scan->bytes;
			return SEGMENT_RECORD;
		}
		if (verdict == CUT && cut == NULL)
			cut = p;
		if (verdict == GOOD)
			break;
		/* to the next place that looks like one */
		p = memchr(p + 1, magic[0], end - p - 1);
		if (p == NULL)
			break;
		p--;
	}
	if (p != NULL && p < end)
		next = p;				/* a record that is there proves that an earlier one is cut short */
	else if (cut == begin)
	{
		if (!scan->whole)
			return SEGMENT_MORE;
		scan->at = scan->len;
		return SEGMENT_TORN;
	}
	else if (cut != NULL)
		next = cut;
	scan->at = next - scan->bytes;
	return SEGMENT_SKIPPED;
}

void
segment_id_text(const uint8 *start, uint64 sequence, char dst[SEGMENT_ID_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	char	   *p = dst;

	for (int i = 0; i < SEGMENT_START_LEN; i++)
	{
		*p++ = digits[start[i] >> 4];
		*p++ = digits[start[i] & 15];
	}
	*p++ = '-';
	for (int shift = 60; shift >= 0; shift -= 4)
		*p++ = digits[(sequence >> shift) & 15];
	*p = '\0';
}
