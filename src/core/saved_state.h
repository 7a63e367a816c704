/*-------------------------------------------------------------------------
 *
 * saved_state.h
 *	  Small files below the data directory that outlive a crash.
 *
 * Each is written whole, into a new file that is flushed and then takes the
 * old one's place. Of two writers of one name the last to finish wins: callers
 * see to it that this is the one with the newer state.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_SAVED_STATE_H
#define FRAUD_CORE_SAVED_STATE_H

/*
 * True when the bytes are on disk under this name. Never raises an error:
 * false, with a message in the server's log at most once a minute, where the
 * disk refuses.
 */
extern bool saved_state_write(const char *name, const void *bytes, size_t len);

/*
 * What was written last, in memory of the current context; NULL where there is
 * none. What is damaged counts as none, is set aside as NAME.damaged and
 * logged. Also for the postmaster.
 */
extern void *saved_state_read(const char *name, size_t *len);

/* Is there a file, be it one that cannot be read? True too where nobody can tell. */
extern bool saved_state_exists(const char *name);

#endif							/* FRAUD_CORE_SAVED_STATE_H */
