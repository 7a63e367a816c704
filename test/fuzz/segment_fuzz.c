/*-------------------------------------------------------------------------
 *
 * segment_fuzz.c
 *	  Fuzz target: bytes as a journal file.
 *
 * Every byte must be told of exactly once, what is called a record must be the
 * bytes that segment_head() makes of it, and reading the file in two parts, as
 * while it is being written, must find the same records or, where what follows
 * damage was not seen yet, stop before it.
 *
 * With FRAUD_FUZZ_SEEDS=DIR in the environment, the seeds are written to DIR.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <string.h>

#include "driver.h"
#include "journal/segment.h"

static void
write_seeds(const char *dir)
{
	static const char payload[] = "{\"txn_id\": \"t1\", \"decision\": {\"risk_score\": 61}}";

	for (int i = 0; i < 3; i++)
	{
		char		path[1024];
		FILE	   *file;

		snprintf(path, sizeof(path), "%s/records_%d", dir, i);
		file = fopen(path, "wb");
		if (file == NULL)
			abort();
		for (int j = 0; j <= i; j++)
		{
			SegmentRecord record = {.sequence = j + 1,.written = 800000000000000,.node = "alpha",
				.node_len = 5,.payload = payload,.len = sizeof(payload) - 1
			};
			char		head[SEGMENT_HEAD_MAX];
			size_t		n = segment_head(&record, head);

			fwrite(head, 1, n, file);
			fwrite(payload, 1, sizeof(payload) - 1, file);
			if (j == 1)
				fwrite(head, 1, n - 3, file);	/* cut short */
		}
		fclose(file);
	}
}

static void
check_record(const SegmentRecord *record, const char *begin, const char *end)
{
	char		head[SEGMENT_HEAD_MAX];
	size_t		n = segment_head(record, head);
	char		id[SEGMENT_ID_LEN + 1];

	FUZZ_CHECK(begin + n == record->payload && record->payload + record->len == end);
	FUZZ_CHECK(memcmp(head, begin, n) == 0);
	segment_id_text(record->start, record->sequence, id);
	FUZZ_CHECK(strlen(id) == SEGMENT_ID_LEN);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *) data;
	SegmentScan scan = {.bytes = bytes,.len = size,.whole = true};
	SegmentScan part = {.bytes = bytes,.len = size / 2};
	SegmentRecord record;
	SegmentStep step;
	size_t		records = 0;
	size_t		again = 0;
	size_t		before;

	if (getenv("FRAUD_FUZZ_SEEDS") != NULL)
	{
		write_seeds(getenv("FRAUD_FUZZ_SEEDS"));
		exit(0);
	}
	for (before = 0; (step = segment_next(&scan, &record)) != SEGMENT_END; before = scan.at)
	{
		FUZZ_CHECK(step != SEGMENT_MORE);
		FUZZ_CHECK(scan.at > before && scan.at <= size);
		if (step != SEGMENT_RECORD)
			continue;
		records++;
		check_record(&record, bytes + before, bytes + scan.at);
	}
	FUZZ_CHECK(scan.at == size);

	for (before = 0;; before = part.at)
	{
		step = segment_next(&part, &record);
		if (step == SEGMENT_MORE && part.len < size)
			part.len = size;
		else if (step == SEGMENT_MORE && !part.whole)
			part.whole = true;
		else if (step == SEGMENT_END)
			break;
		else if (step == SEGMENT_MORE)
			FUZZ_CHECK(false);
		else
		{
			FUZZ_CHECK(part.at > before && part.at <= size);
			again += step == SEGMENT_RECORD;
		}
	}
	FUZZ_CHECK(again == records);
	if (records > 0 && fuzz_interesting != NULL)
		fuzz_interesting();
	return 0;
}
