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

/* Error 22023 unless the profile was built under this basis. */
extern void profile_require_basis(const ProfileState *state, uint64 basis);

#endif							/* FRAUD_PROFILE_PROFILE_TYPE_H */
