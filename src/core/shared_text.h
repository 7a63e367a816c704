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

/*
 * A text of this database in UTF-8, as shared memory has those that people
 * write, and back. Never fail: what the other side cannot have becomes a
 * question mark.
 */
extern char *shared_text_to_utf8(const char *text);
extern char *shared_text_from_utf8(const char *utf8);

#endif							/* FRAUD_CORE_SHARED_TEXT_H */
