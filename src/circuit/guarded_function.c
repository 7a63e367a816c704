/*-------------------------------------------------------------------------
 *
 * guarded_function.c
 *	  Functions that may be called behind a circuit, by name.
 *
 * A name has its schema in it: search_path is the session's, and would decide
 * which function of that name is called. The last name asked for is kept with
 * what it means until a function or a schema changes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "parser/scansup.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "circuit/guarded_call.h"
#include "core/compat.h"
#include "core/shared_text.h"

#define NAME_BYTES_MAX		256 /* with NUL */

bool
guarded_shape(HeapTuple procedure)
{
	Form_pg_proc proc = (Form_pg_proc) GETSTRUCT(procedure);

	return proc->prokind == PROKIND_FUNCTION && !proc->proretset && proc->prorettype == JSONBOID &&
		proc->pronargs == 1 && proc->proargtypes.values[0] == JSONBOID;
}

/* ---- a name and its parts ---- */

static const char *
skip_space(const char *s)
{
	while (scanner_isspace(*s))
		s++;
	return s;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || IS_HIGHBIT_SET(c);
}

/* Reads an identifier as SQL does; NULL: there is none. */
static const char *
read_identifier(const char *s, char **identifier)
{
	const char *start = skip_space(s);
	const char *p = start;
	char	   *out;

	if (*p != '"')
	{
		if (!is_letter(*p))
			return NULL;
		while (is_letter(*p) || (*p >= '0' && *p <= '9') || *p == '$')
			p++;
		*identifier = downcase_identifier(start, (int) (p - start), false, true);
		return skip_space(p);
	}
	*identifier = out = palloc(strlen(start));
	for (p++; *p != '"' || p[1] == '"'; p++)
	{
		if (*p == '\0')
			return NULL;
		p += *p == '"';
		*out++ = *p;
	}
	*out = '\0';
	if (out == *identifier)
		return NULL;
	truncate_identifier(*identifier, (int) (out - *identifier), false);
	return skip_space(p + 1);
}

/* "(jsonb)", and that is all. */
static bool
is_argument_list(const char *s)
{
	char	   *type;
	char	   *part;

	if (*s != '(')
		return false;
	s = read_identifier(s + 1, &type);
	if (s != NULL && *s == '.' && strcmp(type, "pg_catalog") == 0)
	{
		s = read_identifier(s + 1, &part);
		type = part;
	}
	return s != NULL && strcmp(type, "jsonb") == 0 && *s == ')' && *skip_space(s + 1) == '\0';
}

/* False, with why in the server's encoding: it is no such name. */
static bool
split(const char *name, char **schema, char **function, const char **why)
{
	const char *s = read_identifier(name, schema);

	if (s != NULL && *s != '.')
	{
		*why = *s == '\0' || *s == '(' ? "must be schema-qualified" : "is not a name such as schema.function";
		return false;
	}
	s = s != NULL ? read_identifier(s + 1, function) : NULL;
	if (s == NULL || (*s != '\0' && !is_argument_list(s)))
	{
		*why = "is not a name such as schema.function";
		return false;
	}
	return true;
}

/* ---- what it means ---- */

static struct
{
	bool		valid;			/* no catalog has changed since */
	char		name[NAME_BYTES_MAX];	/* UTF-8 */
	Oid			schema;
	Oid			function;		/* InvalidOid: why not */
	char		why[2 * NAME_BYTES_MAX + 64];	/* server's encoding, which may need more bytes */
}			kept;

static void
forget(Datum arg, int cacheid, uint32 hashvalue)
{
	(void) arg;
	(void) cacheid;
	(void) hashvalue;
	kept.valid = false;
}

static void
find(const char *name)
{
	char	   *schema;
	char	   *function;
	const char *why;
	Oid			jsonb = JSONBOID;
	HeapTuple	procedure;

	kept.schema = kept.function = InvalidOid;
	if (!split(name, &schema, &function, &why))
	{
		snprintf(kept.why, sizeof(kept.why), "\"%s\" %s", name, why);
		return;
	}
	kept.schema = get_namespace_oid(schema, true);
	if (!OidIsValid(kept.schema))
	{
		snprintf(kept.why, sizeof(kept.why), "there is no schema \"%s\"", schema);
		return;
	}
	procedure = SearchSysCache3(PROCNAMEARGSNSP, CStringGetDatum(function),
								PointerGetDatum(buildoidvector(&jsonb, 1)), ObjectIdGetDatum(kept.schema));
	if (!HeapTupleIsValid(procedure))
	{
		snprintf(kept.why, sizeof(kept.why), "there is no function %s(jsonb)",
				 quote_qualified_identifier(schema, function));
		return;
	}
	if (guarded_shape(procedure))
		kept.function = ((Form_pg_proc) GETSTRUCT(procedure))->oid;
	else
		snprintf(kept.why, sizeof(kept.why), "%s(jsonb) is no function that returns one jsonb",
				 quote_qualified_identifier(schema, function));
	ReleaseSysCache(procedure);
}

/*
 * The questions of privileges raise errors for what is gone. What is found and
 * held just before is not: nothing between reads messages of other sessions,
 * superuser() having been asked.
 */
static bool
may_use(void)
{
	HeapTuple	schema;
	HeapTuple	procedure;
	bool		may;

	if (superuser())
		return true;
	schema = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(kept.schema));
	may = HeapTupleIsValid(schema) && MAY_USE_SCHEMA(kept.schema);
	if (HeapTupleIsValid(schema))
		ReleaseSysCache(schema);
	if (!may)
		return false;
	procedure = SearchSysCache1(PROCOID, ObjectIdGetDatum(kept.function));
	may = HeapTupleIsValid(procedure) && MAY_EXECUTE(kept.function);
	if (HeapTupleIsValid(procedure))
		ReleaseSysCache(procedure);
	return may;
}

Oid
guarded_function(const char *name, const char **why)
{
	static bool listening;

	if (!listening)
	{
		CacheRegisterSyscacheCallback(PROCOID, forget, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, forget, (Datum) 0);
		listening = true;
	}
	if (!kept.valid || strcmp(kept.name, name) != 0)
	{
		if (strlen(name) >= sizeof(kept.name))
		{
			*why = "the name of the function is too long";
			return InvalidOid;
		}
		kept.valid = true;		/* first: a change meanwhile counts */
		kept.name[0] = '\0';
		find(shared_text_from_utf8(name));
		strlcpy(kept.name, name, sizeof(kept.name));
	}
	if (!OidIsValid(kept.function))
		*why = kept.why;
	else if (!may_use())
		*why = "the role has no EXECUTE on the function, or no USAGE on its schema";
	else
		return kept.function;
	return InvalidOid;
}
