/*-------------------------------------------------------------------------
 *
 * shared_text.h
 *	  Texts in shared memory, which databases of all encodings share: UTF-8.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_SHARED_TEXT_H
#define FRAUD_CORE_SHARED_TEXT_H

/*
 * Palloc'd copies that never fail: what the other side cannot have becomes a
 * question mark. Outside transactions, in databases of other encodings, that
 * is all but ASCII.
 */
extern char *shared_text_to_utf8(const char *text);
extern char *shared_text_from_utf8(const char *utf8);

/* The same of what should be UTF-8 and stays that. */
extern char *shared_text_mended(const char *utf8);

/* The former into a buffer, cut between two letters where it is too long. */
extern void shared_text_store(char *dst, size_t size, const char *text);

/* The latter for one line of a log: no control characters. Texts may be cut inside a letter. */
extern char *shared_text(const char *utf8);

#endif							/* FRAUD_CORE_SHARED_TEXT_H */
