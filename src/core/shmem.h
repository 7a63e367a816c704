/*-------------------------------------------------------------------------
 *
 * shmem.h
 *	  Shared memory of the extension's subsystems; see shmem.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_SHMEM_H
#define FRAUD_CORE_SHMEM_H

#include "storage/lwlock.h"

/*
 * Called in the postmaster, and on EXEC_BACKEND in every process, under
 * AddinShmemInitLock: remembers where its memory and its locks are, and fills
 * the memory where it was not found. Locks are NULL where none were asked for.
 */
typedef void (*ShmemInit) (void *memory, LWLockPadded *locks, bool found);

/*
 * Asks for size() bytes and a named tranche of lwlocks locks, both under
 * `name`, a literal. For init functions of subsystems; nothing happens where
 * the library is not being preloaded, and ShmemInit is not called then. size()
 * may look at settings fixed at start.
 */
extern void shmem_register(const char *name, Size (*size) (void),
						   ShmemInit init, int lwlocks);

/* Is the library preloaded? False until the server has its shared memory. */
extern bool shmem_available(void);

/* Raises an error where it is not. */
extern void shmem_required(void);

#endif							/* FRAUD_CORE_SHMEM_H */
