/*-------------------------------------------------------------------------
 *
 * answer_json.c
 *	  An answer as JSON, as to_jsonb() would have its row; see record.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "config/config_file.h"
#include "core/compat.h"
#include "core/json_put.h"
#include "decide/record.h"

/* A literal of ours, or null. */
static void
put_word(StringInfo out, const char *word)
{
	if (word == NULL)
		PUT(out, "null");
	else
	{
		put_char(out, '"');
		put_bytes(out, word, (int) strlen(word));
		put_char(out, '"');
	}
}

void
answer_put(const Answer *answer, const char *txn_id, StringInfo out)
{
	static const char *const levels[] = {"LOW", "MEDIUM", "HIGH"};
	static const char *const recommendations[] = {"APPROVE", "REVIEW", "BLOCK"};
	char		hash[CONFIG_HASH_CHARS + 1];
	int			from;

	PUT(out, "{\"txn_id\":");
	if (answer->txn_id.len == 0)
		PUT(out, "null");
	else if (txn_id != NULL)
		put_bytes(out, txn_id, (int) strlen(txn_id));
	else
		put_utf8(out, answer->txn_id.p, answer->txn_id.len);
	PUT(out, ",\"is_fraud\":");
	put_bool(out, answer->level == LEVEL_HIGH);
	PUT(out, ",\"risk_score\":");
	put_int(out, answer->score);
	PUT(out, ",\"risk_level\":");
	put_word(out, levels[answer->level]);
	PUT(out, ",\"risk_factors\":[");
	for (int i = 0; i < answer->nfactors; i++)
	{
		if (i > 0)
			put_char(out, ',');
		put_text(out, answer->factors[i], strlen(answer->factors[i]));
	}
	PUT(out, "],\"recommendation\":");
	put_word(out, recommendations[answer->level]);
	PUT(out, ",\"mode\":");
	put_word(out, answer_modes[answer->tier]);
	PUT(out, ",\"source\":");
	put_word(out, answer_sources[answer->source]);
	PUT(out, ",\"tier\":");
	put_int(out, answer->tier);
	PUT(out, ",\"degraded\":");
	put_bool(out, answer->degraded);
	PUT(out, ",\"coverage\":");
	put_float(out, answer->coverage);
	PUT(out, ",\"policy_hash\":");
	config_hash_text(answer->policy_hash, hash);
	put_word(out, hash);
	PUT(out, ",\"reason\":");
	if (answer->reason == NULL)
		PUT(out, "null");
	else
		put_text(out, answer->reason, strlen(answer->reason));
	PUT(out, ",\"retry_after\":");
	if (answer->retry_after == 0)
		PUT(out, "null");
	else
		put_interval(out, answer->retry_after);
	PUT(out, ",\"decided_at\":");
	put_time(out, answer->decided_at);
	PUT(out, ",\"detail\":");
	from = out->len;
	if (answer->detail == NULL)
		PUT(out, "null");
	else
	{
		put_bytes(out, answer->detail, (int) strlen(answer->detail));
		put_json_to_utf8(out, from);
	}
	put_char(out, '}');
}

void
answer_json(const Answer *answer, StringInfo out)
{
	answer_put(answer, NULL, out);
	put_end(out);
}
