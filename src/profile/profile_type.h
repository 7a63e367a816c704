/*-------------------------------------------------------------------------
 *
 * profile_type.h
 *	  Profiles as datums (server side).
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_PROFILE_PROFILE_TYPE_H
#define FRAUD_PROFILE_PROFILE_TYPE_H

#include "fmgr.h"

#include "profile/profile.h"

/* Reads a datum; error XX001 if its bytes are damaged. */
extern void profile_from_datum(Datum value, ProfileState *state);

/* A new datum in the current memory context. */
extern Datum profile_to_datum(const ProfileState *state);

/*
 * The same, remembering the state: profile_read() of an equal datum returns it
 * as it stands instead of reading 2 kB into another one. Whoever changes or
 * frees the state calls profile_forget() first.
 */
extern Datum profile_to_datum_remember(const ProfileState *state);
extern void profile_forget(const ProfileState *state);

/* Reads a datum as profile_from_datum() does, into *room if need be. */
extern const ProfileState *profile_read(struct varlena *image, ProfileState *room);

/* Error 22023 unless the profile was built under this basis. */
extern void profile_require_basis(const ProfileState *state, uint64 basis);

#endif							/* FRAUD_PROFILE_PROFILE_TYPE_H */
