/*-------------------------------------------------------------------------
 *
 * c_base.h
 *	  First include of every file whose logic needs no server.
 *
 * Such files compile twice: into the extension, and with -DFRONTEND into the
 * fuzz targets, where palloc() comes from PostgreSQL's frontend library.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_C_BASE_H
#define FRAUD_CORE_C_BASE_H

#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#endif							/* FRAUD_CORE_C_BASE_H */
