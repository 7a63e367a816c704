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

/*
 * A circuit has changed to what must outlive a crash: returns when that is on
 * disk. Of many at a time one writes for all. Outside circuits' locks. Never
 * fails: where the disk refuses, the worker tries again.
 */
extern void circuits_save_change(void);

/* The worker's: writes if something changed since. */
extern void circuits_save_if_dirty(void);

/* While the server starts. */
extern void circuits_restore(void);

/* circuits.c, for these: */
extern LWLock *circuits_saved_lock(void);
extern Circuit *circuit_append(const char *name, int len, const CircuitSettings *settings,
							   uint64 generation);

#endif							/* FRAUD_CIRCUIT_CIRCUIT_SAVED_H */
