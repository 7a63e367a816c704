/*-------------------------------------------------------------------------
 *
 * yaml_error.h
 *	  What is wrong with a text in YAML: what was found, where it stands, what
 *	  is allowed.
 *
 * Every function that fills an error returns false, so that readers can
 * `return yaml_fail(...)`. None allocates.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CONFIG_YAML_ERROR_H
#define FRAUD_CONFIG_YAML_ERROR_H

typedef struct YamlNode YamlNode;

/* What is being read, as messages speak of it. */
typedef struct YamlSubject
{
	const char *name;			/* "policy": stands behind "a" and "the" */
	const char *example;		/* of its top level, on one line */
} YamlSubject;

/* Messages follow PostgreSQL's style. All texts are UTF-8. */
typedef struct YamlError
{
	const YamlSubject *subject; /* set by yaml_tree_parse() */
	int			line;			/* 1-based; 0 where there is no place */
	int			column;			/* 1-based */
	char		message[256];	/* what was found */
	char		detail[512];	/* where in the text, as a sentence */
	char		hint[512];		/* what is allowed, as a sentence */
} YamlError;

/* Place and path come from the node; NULL: no place. hint may be NULL. */
extern bool yaml_fail(YamlError *error, const YamlNode *at,
					  const char *hint, const char *fmt,...)
			pg_attribute_printf(4, 5);

/* `allowed` completes the sentence '"weight" must be ...'. */
extern bool yaml_bad_value(YamlError *error, const YamlNode *at,
						   const char *allowed);

/* `what` is "key", "rule", ...; `at` is the value under the unknown key. */
extern bool yaml_unknown_key(YamlError *error, const YamlNode *at,
							 const char *what,
							 const char *const *names, int n);

/* A key that cannot be a `what`, or stands twice where `what` is NULL. */
extern bool yaml_bad_key(YamlError *error, const YamlNode *at,
						 const char *what, const char *hint);

/* Text as it may stand in a message: clipped, on one line. */
extern const char *yaml_clip(char *dst, size_t size,
							 const char *text, size_t len);

/* The nearest of the names, or NULL where none is near. */
extern const char *yaml_nearest(const char *text, size_t len,
								const char *const *names, int n);

#endif							/* FRAUD_CONFIG_YAML_ERROR_H */
