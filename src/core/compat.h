/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Every difference between PostgreSQL 15, 16, 17 and 18, and the only
 *	  place that tests PG_VERSION_NUM.
 *
 * Bodies are written in the newest style; older servers get a shim here.
 * Include after postgres.h and fmgr.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CORE_COMPAT_H
#define FRAUD_CORE_COMPAT_H

#include "utils/guc.h"

#if PG_VERSION_NUM < 150000
#error "fraud_fallback needs PostgreSQL 15 or later"
#endif

/*
 * Soft errors of input functions (16). FRAUD_ESCONTEXT(fcinfo) goes first
 * into ereturn(); before 16 the error is an ordinary one.
 */
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#include "varatt.h"
#define FRAUD_ESCONTEXT(fcinfo)		((fcinfo)->context)
#else
#define FRAUD_ESCONTEXT(fcinfo)		((struct Node *) NULL)
#define ereturn(escontext, dummy, ...) \
	do { \
		(void) (escontext); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy; \
	} while (0)
#endif

/*
 * Only functions for SQL leave the library; everything else is hidden, since
 * a server has other libraries loaded, some with our names (profile_init() is
 * Kerberos' as well). 16 declares the functions exported by itself.
 */
#if PG_VERSION_NUM < 160000
#undef PG_FUNCTION_INFO_V1
#define PG_FUNCTION_INFO_V1(funcname) \
	extern PGDLLEXPORT Datum funcname(PG_FUNCTION_ARGS); \
	extern PGDLLEXPORT const Pg_finfo_record *CppConcat(pg_finfo_, funcname) (void); \
	const Pg_finfo_record * \
	CppConcat(pg_finfo_, funcname) (void) \
	{ \
		static const Pg_finfo_record my_finfo = {1}; \
		return &my_finfo; \
	} \
	extern int no_such_variable
#endif

/*
 * ExecInsertIndexTuples() and simple_table_tuple_update() tell summarising
 * indexes apart since 16; we have none.
 */
#if PG_VERSION_NUM >= 160000
#define EXEC_INSERT_INDEX_TUPLES(result, slot, estate) \
	ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL, false)
#define UPDATE_INDEXES_TYPE			TU_UpdateIndexes
#else
#define EXEC_INSERT_INDEX_TUPLES(result, slot, estate) \
	ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL)
#define UPDATE_INDEXES_TYPE			bool
#endif

/* Ownership of relations is asked like that of any object since 16. */
#if PG_VERSION_NUM >= 160000
#define OWNS_RELATION(relation, role) \
	object_ownercheck(RelationRelationId, relation, role)
#else
#define OWNS_RELATION(relation, role)	pg_class_ownercheck(relation, role)
#endif

#if PG_VERSION_NUM >= 160000
#define MAY_EXECUTE(function) \
	(object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK)
#define MAY_USE_SCHEMA(schema) \
	(object_aclcheck(NamespaceRelationId, schema, GetUserId(), ACL_USAGE) == ACLCHECK_OK)
#else
#define MAY_EXECUTE(function)		(pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK)
#define MAY_USE_SCHEMA(schema)		(pg_namespace_aclcheck(schema, GetUserId(), ACL_USAGE) == ACLCHECK_OK)
#endif

/* A process's place in shared memory has a name of its own since 17. */
#if PG_VERSION_NUM >= 170000
#define FRAUD_PROC_NUMBER			MyProcNumber
#else
#define FRAUD_PROC_NUMBER			(MyProc->pgprocno)
#endif

/* ExecutorRun() lost its last argument in 18. */
#if PG_VERSION_NUM >= 180000
#define EXECUTOR_RUN_PARAMS \
	struct QueryDesc *queryDesc, ScanDirection direction, uint64 count
#define EXECUTOR_RUN_ARGS			queryDesc, direction, count
#else
#define EXECUTOR_RUN_PARAMS \
	struct QueryDesc *queryDesc, ScanDirection direction, uint64 count, bool execute_once
#define EXECUTOR_RUN_ARGS			queryDesc, direction, count, execute_once
#endif

/*
 * A setting that may change in parallel mode, which is where a library loaded
 * by a worker finds itself. Late minor releases of 2024 have it; before them
 * the server warns and the worker keeps the setting's default.
 */
#ifndef GUC_ALLOW_IN_PARALLEL
#define GUC_ALLOW_IN_PARALLEL		0
#endif

/* Wait events of extensions have names since 17. */
#include "utils/wait_event.h"
#if PG_VERSION_NUM >= 170000
#define CUSTOM_WAIT_EVENT(name)		WaitEventExtensionNew(name)
#else
#define CUSTOM_WAIT_EVENT(name)		((void) (name), PG_WAIT_EXTENSION)
#endif

/* The magic block carries a name and a version since 18. */
#if PG_VERSION_NUM >= 180000
#define FRAUD_MODULE_MAGIC(name_, version_) \
	PG_MODULE_MAGIC_EXT(.name = name_, .version = version_)
#else
#define FRAUD_MODULE_MAGIC(name_, version_)	PG_MODULE_MAGIC
#endif

#endif							/* FRAUD_CORE_COMPAT_H */
