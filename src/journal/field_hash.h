/*-------------------------------------------------------------------------
 *
 * field_hash.h
 *	  What stands in the journal for values that are not kept in clear.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_JOURNAL_FIELD_HASH_H
#define FRAUD_JOURNAL_FIELD_HASH_H

#define FIELD_HASH_LEN		37	/* "hmac:" and 32 hexadecimal digits */

/*
 * Of a text in UTF-8. dst has FIELD_HASH_LEN bytes, without a NUL. False where
 * there is no key: without preload, or where it could neither be read nor made.
 * Raises nothing but out of memory.
 */
extern bool field_hash(const char *utf8, size_t len, char *dst);

extern void field_hash_init(void);

#endif							/* FRAUD_JOURNAL_FIELD_HASH_H */
