/*-------------------------------------------------------------------------
 *
 * circuit_saved.h
 *	  Circuits that are open or forced, on disk.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CIRCUIT_CIRCUIT_SAVED_H
#define FRAUD_CIRCUIT_CIRCUIT_SAVED_H

#include "circuit/circuits.h"

/* Writes what must outlive a crash; outside circuits' locks. Never fails. */
extern void circuits_save(void);

/* The worker's: writes if something changed since. */
extern void circuits_save_if_dirty(void);

/* While the server starts. */
extern void circuits_restore(void);

/* circuits.c, for these: */
extern LWLock *circuits_saved_lock(void);
extern Circuit *circuit_append(const char *name, int len);

#endif							/* FRAUD_CIRCUIT_CIRCUIT_SAVED_H */
