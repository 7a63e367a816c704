/*-------------------------------------------------------------------------
 *
 * shared_text.h
 *	  Texts out of shared memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_SHARED_TEXT_H
#define FRAUD_CORE_SHARED_TEXT_H

/*
 * A palloc'd copy that this database can take and a log line as well: they
 * come from sessions of databases in other encodings, and may be cut inside a
 * letter. What does not fit becomes a question mark.
 */
extern char *shared_text(const char *text);

/* The same of a text in UTF-8; for transactions. */
extern char *shared_utf8(const char *text);

#endif							/* FRAUD_CORE_SHARED_TEXT_H */
