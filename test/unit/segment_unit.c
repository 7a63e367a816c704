/*-------------------------------------------------------------------------
 *
 * segment_unit.c
 *	  Records of journal files: round trip, every place where a file can end,
 *	  every bit that can flip, garbage between records. TAP output.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "journal/segment.h"
#include "tap.h"

#define RECORDS			5
#define FILE_MAX		(4 * SEGMENT_RECORD_MAX)

typedef struct File
{
	char		bytes[FILE_MAX];
	size_t		len;
	size_t		at[RECORDS + 1];	/* where records begin, and the end */
} File;

static char payloads[RECORDS][SEGMENT_PAYLOAD_MAX];

static uint64 seed = 42;

static uint64
random_number(uint64 n)
{
	seed = seed * UINT64CONST(6364136223846793005) + UINT64CONST(1442695040888963407);
	return (seed >> 33) % n;
}

static void
append(File *file, uint64 sequence, const char *node, const char *payload, size_t len)
{
	SegmentRecord record = {.sequence = sequence,.written = -(int64) sequence,
		.node = node,.node_len = strlen(node),.payload = payload,.len = len
	};
	char		head[SEGMENT_HEAD_MAX];
	size_t		n;

	memset(record.start, (uint8) (sequence * 17), sizeof(record.start));
	n = segment_head(&record, head);
	memcpy(file->bytes + file->len, head, n);
	memcpy(file->bytes + file->len + n, payload, len);
	file->len += n + len;
}

static bool
is_record(const SegmentRecord *record, uint64 sequence, const char *node, const char *payload, size_t len)
{
	return record->sequence == sequence && record->written == -(int64) sequence &&
		record->start[0] == (uint8) (sequence * 17) && record->start[15] == (uint8) (sequence * 17) &&
		record->node_len == strlen(node) && memcmp(record->node, node, record->node_len) == 0 &&
		record->len == len && memcmp(record->payload, payload, len) == 0;
}

/* Some records of 30 to 70 bytes; `between` goes before each. */
static void
make_file(File *file, const char *between, size_t len)
{
	file->len = 0;
	for (int i = 0; i < RECORDS; i++)
	{
		memcpy(file->bytes + file->len, between, len);
		file->len += len;
		file->at[i] = file->len;
		append(file, i + 1, "node", payloads[i], 30 + 10 * i);
	}
	file->at[RECORDS] = file->len;
}

/* Records of the first len bytes as a set of bits, and how many bytes were skipped or torn. */
static unsigned
read_file(const File *file, size_t len, bool whole, size_t *skipped, size_t *torn)
{
	char	   *copy = malloc(len > 0 ? len : 1);	/* its ends are watched */
	SegmentScan scan = {.bytes = copy,.len = len,.whole = whole};
	SegmentRecord record;
	unsigned	found = 0;

	memcpy(copy, file->bytes, len);
	*skipped = *torn = 0;
	for (;;)
	{
		size_t		before = scan.at;
		SegmentStep step = segment_next(&scan, &record);

		if (step == SEGMENT_MORE || step == SEGMENT_END)
			break;
		if (scan.at <= before || scan.at > len)
		{
			found = 1 << 31;
			break;
		}
		if (step == SEGMENT_SKIPPED)
			*skipped += scan.at - before;
		else if (step == SEGMENT_TORN)
			*torn += scan.at - before;
		else if (record.sequence <= RECORDS &&
				 is_record(&record, record.sequence, "node", payloads[record.sequence - 1],
						   30 + 10 * (record.sequence - 1)))
			found |= 1 << record.sequence;
		else
			found |= 1;
	}
	free(copy);
	return found;
}

#define ALL		(((1 << RECORDS) - 1) << 1)

static void
round_trip(File *file)
{
	size_t		lengths[] = {0, 1, SEGMENT_PAYLOAD_MAX};
	char		node[SEGMENT_NODE_MAX + 1];
	SegmentScan scan;
	SegmentRecord record;
	char		id[SEGMENT_ID_LEN + 1];
	bool		ok = true;

	memset(node, 'n', SEGMENT_NODE_MAX);
	node[SEGMENT_NODE_MAX] = '\0';
	file->len = 0;
	for (int i = 0; i < 3; i++)
		append(file, UINT64CONST(0x123456789abcdef0) + i, i == 1 ? "" : node, payloads[0], lengths[i]);
	scan = (SegmentScan) {.bytes = file->bytes,.len = file->len,.whole = true};
	for (int i = 0; i < 3; i++)
		ok = ok && segment_next(&scan, &record) == SEGMENT_RECORD &&
			is_record(&record, UINT64CONST(0x123456789abcdef0) + i, i == 1 ? "" : node, payloads[0], lengths[i]);
	check(ok, "records of every length come back");
	check(segment_next(&scan, &record) == SEGMENT_END && scan.at == file->len, "then comes the end");
	segment_id_text((const uint8 *) "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\xfe\xff",
					UINT64CONST(0x10203), id);
	check(strcmp(id, "000102030405060708090a0b0c0dfeff-0000000000010203") == 0, "the id as text");
	check(file->len - 3 * SEGMENT_HEADER_LEN == 2 * SEGMENT_NODE_MAX + 1 + SEGMENT_PAYLOAD_MAX, "the header has 48 bytes");
}

static void
truncations(File *file)
{
	bool		ends = true;
	bool		waits = true;
	bool		counts = true;

	make_file(file, "", 0);
	for (size_t len = 0; len <= file->len; len++)
	{
		size_t		skipped;
		size_t		torn;
		int			n = 0;

		while (n < RECORDS && file->at[n + 1] <= len)
			n++;
		ends = ends && read_file(file, len, true, &skipped, &torn) == (unsigned) ((1 << n) - 1) << 1;
		counts = counts && skipped == 0 && torn == len - file->at[n];
		waits = waits && read_file(file, len, false, &skipped, &torn) == (unsigned) ((1 << n) - 1) << 1 &&
			skipped == 0 && torn == 0;
	}
	check(ends, "a file may end anywhere: all records before are read");
	check(counts, "what is behind them is a torn tail");
	check(waits, "while more may come it is waited for");
}

static void
flipped_bits(File *file)
{
	bool		reads = true;
	bool		resumes = true;

	make_file(file, "", 0);
	for (size_t bit = 0; bit < 8 * file->len; bit++)
	{
		size_t		skipped;
		size_t		torn;
		int			hit = 0;
		unsigned	found;

		while (file->at[hit + 1] <= bit / 8)
			hit++;
		file->bytes[bit / 8] ^= 1 << bit % 8;
		found = read_file(file, file->len, true, &skipped, &torn);
		reads = reads && found == (ALL & ~(2u << hit)) &&
			skipped + torn == file->at[hit + 1] - file->at[hit];
		found = read_file(file, file->len, false, &skipped, &torn);
		/* of the last one more bytes may be missing */
		resumes = resumes && found == (ALL & ~(2u << hit)) && torn == 0 &&
			(skipped == file->at[hit + 1] - file->at[hit] || hit == RECORDS - 1);
		file->bytes[bit / 8] ^= 1 << bit % 8;
	}
	check(reads, "a flipped bit costs its record, and no other");
	check(resumes, "also while more may come");
}

static void
garbage(File *file)
{
	static const struct
	{
		const char *name;
		const char *bytes;
		size_t		len;
	}			cases[] = {
		{"zeros", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 52},
		{"one byte", "x", 1},
		{"the first byte of a record", "\xFF", 1},
		{"three of them", "\xFF\xFF\xFF", 3},
		{"a magic", "\xFF" "FJ1", 4},
		{"text", "neither more nor less than some text of some length, longer than a header", 74},
	};
	size_t		skipped;
	size_t		torn;
	char		name[80];
	char		head[200];
	size_t		len;

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		make_file(file, cases[i].bytes, cases[i].len);
		snprintf(name, sizeof(name), "between records: %s", cases[i].name);
		check(read_file(file, file->len, true, &skipped, &torn) == ALL && torn == 0 &&
			  skipped == RECORDS * cases[i].len &&
			  read_file(file, file->len, false, &skipped, &torn) == ALL &&
			  skipped == RECORDS * cases[i].len, name);
	}

	/* the beginning of a long record, as a full disk leaves it */
	file->len = 0;
	append(file, 9, "node", payloads[0], 60000);
	memcpy(head, file->bytes, sizeof(head));
	for (len = 1; len < sizeof(head); len += 9)
	{
		make_file(file, head, len);
		if (!(read_file(file, file->len, true, &skipped, &torn) == ALL && skipped == RECORDS * len && torn == 0 &&
			  read_file(file, file->len, false, &skipped, &torn) == ALL && skipped == RECORDS * len && torn == 0))
			break;
	}
	check(len >= sizeof(head), "beginnings of records between records");

	/* of it and the next record only a part is seen */
	make_file(file, head, 150);
	check(read_file(file, file->at[0] + 20, false, &skipped, &torn) == 0 && skipped == 0 && torn == 0,
		  "a record that may still grow is waited for");
	check(read_file(file, file->at[0] + 20, true, &skipped, &torn) == 0 && skipped + torn == file->at[0] + 20,
		  "at the end of the file it is torn");
}

/* Long garbage is told of in pieces that a window of one record can hold. */
static void
windows(File *file)
{
	SegmentScan scan = {.bytes = file->bytes,.len = SEGMENT_RECORD_MAX};
	SegmentRecord record;

	memset(file->bytes, 'x', FILE_MAX);
	check(segment_next(&scan, &record) == SEGMENT_SKIPPED && scan.at == SEGMENT_RECORD_MAX, "a window of garbage is skipped at once");
	file->len = 0;
	append(file, 1, "node", payloads[0], SEGMENT_PAYLOAD_MAX);
	file->bytes[1000] ^= 1;
	scan.at = 0;
	check(segment_next(&scan, &record) == SEGMENT_SKIPPED, "so is a damaged record as long as can be");
}

static void
damaged_at_random(File *file)
{
	int			failures = 0;

	for (int round = 0; round < 3000; round++)
	{
		size_t		skipped;
		size_t		torn;
		size_t		len;
		unsigned	found;
		int			n = 1 + (int) random_number(20);

		make_file(file, "", 0);
		while (n-- > 0)
			file->bytes[random_number(file->len)] = (char) (random_number(4) == 0 ? 0xFF : random_number(256));
		len = random_number(file->len + 1);
		found = read_file(file, len, true, &skipped, &torn);
		for (int i = 0; i < RECORDS; i++)
			if (found & (2u << i))
				len -= file->at[i + 1] - file->at[i];
		/* each byte is told of once, and what is called a record is one */
		failures += (found & ~(unsigned) ALL) != 0 || skipped + torn != len;
	}
	check(failures == 0, "damaged at random: records or not, and every byte accounted for");
}

int
main(void)
{
	File	   *file = malloc(sizeof(File));

	for (int i = 0; i < RECORDS; i++)
		for (size_t j = 0; j < SEGMENT_PAYLOAD_MAX; j++)
			payloads[i][j] = (char) ('a' + random_number(26));
	round_trip(file);
	truncations(file);
	flipped_bits(file);
	garbage(file);
	windows(file);
	damaged_at_random(file);
	free(file);
	return tap_end();
}
