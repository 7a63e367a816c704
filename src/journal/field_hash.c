/*-------------------------------------------------------------------------
 *
 * field_hash.c
 *	  Values hashed with a secret of the server; see field_hash.h.
 *
 * There are so few numbers of cards that a hash anybody can compute would be
 * as good as the number. So it is an HMAC, with 32 random bytes that are made
 * when the server first starts with the library and kept in a saved state
 * file. Base backups and standbys have the file too, and thus the same hashes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hmac.h"
#include "common/sha2.h"
#include "miscadmin.h"

#include "core/compat.h"
#include "core/saved_state.h"
#include "core/shmem.h"
#include "journal/field_hash.h"

#define STATE_FILE			"journal_key"
#define KEY_LEN				32
#define HASH_BYTES			16	/* of the HMAC */

typedef struct HashKey
{
	bool		known;			/* never changes */
	uint8		key[KEY_LEN];
} HashKey;

static HashKey *hash_key = NULL;

static Size
key_size(void)
{
	return sizeof(HashKey);
}

/* In the postmaster, while the server starts. */
static void
key_setup(void *memory, LWLockPadded *locks, bool found)
{
	size_t		len;
	uint8	   *saved;

	hash_key = memory;
	if (found)
		return;
	memset(hash_key, 0, sizeof(HashKey));
	saved = saved_state_read(STATE_FILE, &len);
	if (saved != NULL && len == KEY_LEN)
	{
		memcpy(hash_key->key, saved, KEY_LEN);
		hash_key->known = true;
	}
	/* a file that cannot be read stays for those who can help it */
	else if (saved == NULL && !saved_state_exists(STATE_FILE))
		hash_key->known = pg_strong_random(hash_key->key, KEY_LEN) &&
			saved_state_write(STATE_FILE, hash_key->key, KEY_LEN);
	if (saved != NULL)
		pfree(saved);
	if (!hash_key->known)
		ereport(LOG,
				(errmsg("the journal has no key to hash with"),
				 errdetail("Fields that are to be hashed are left out until the server is started with one.")));
}

static bool
hmac(const char *value, size_t len, uint8 *result)
{
	pg_hmac_ctx *ctx = pg_hmac_create(PG_SHA256);
	bool		ok;

	if (ctx == NULL)
		return false;
	ok = pg_hmac_init(ctx, hash_key->key, KEY_LEN) >= 0 &&
		pg_hmac_update(ctx, (const uint8 *) value, len) >= 0 &&
		pg_hmac_final(ctx, result, PG_SHA256_DIGEST_LENGTH) >= 0;
	pg_hmac_free(ctx);
	return ok;
}

bool
field_hash(const char *utf8, size_t len, char *dst)
{
	static const char digits[] = "0123456789abcdef";
	uint8		result[PG_SHA256_DIGEST_LENGTH];

	if (hash_key == NULL || !hash_key->known || !hmac(utf8, len, result))
		return false;
	memcpy(dst, "hmac:", 5);
	for (int i = 0; i < HASH_BYTES; i++)
	{
		dst[5 + 2 * i] = digits[result[i] >> 4];
		dst[6 + 2 * i] = digits[result[i] & 15];
	}
	return true;
}

void
field_hash_init(void)
{
	shmem_register("fraud_fallback_journal_key", key_size, key_setup, 0);
}
