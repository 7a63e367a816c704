/*-------------------------------------------------------------------------
 *
 * yaml_reader.h
 *	  Reading one node of the tree as what it must be.
 *
 * Every function returns false with *reader->error filled.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CONFIG_YAML_READER_H
#define FRAUD_CONFIG_YAML_READER_H

#include "config/yaml_tree.h"

typedef struct YamlReader
{
	Arena		arena;
	bool		complete;		/* no base: every key must stand */
	bool		merge_maps;		/* free maps gain keys */
	YamlError  *error;
} YamlReader;

typedef struct YamlText
{
	const char *text;			/* NULL: absent */
	uint32		len;
} YamlText;

#define READER_MAX_KEYS		32
#define KEY_BIT(i)			(UINT32_C(1) << (i))
#define ALL_KEYS(n)			((uint32) ((UINT64_C(1) << (n)) - 1))

/* "~", "null" or nothing at all. */
extern bool reader_is_null(const YamlNode *node);

/*
 * A mapping with the given keys: found[i] is the value of keys[i] or NULL.
 * Null counts as an empty mapping. Keys in `required` must stand. `what` says
 * what an unknown key is: "key", "rule", ...
 */
extern bool reader_map(YamlReader *reader, const YamlNode *node,
					   const char *what, const char *const *keys, int n,
					   uint32 required, const YamlNode **found);

/* As reader_map(), where every key must stand if there is no base. */
extern bool reader_section(YamlReader *reader, const YamlNode *node,
						   const char *what, const char *const *keys, int n,
						   uint32 optional, const YamlNode **found);

/* A mapping with keys of the user's own, or null; *given false for null. */
extern bool reader_free_map(YamlReader *reader, const YamlNode *node,
							bool *given);

/* Whether what the base has in a free map stays. */
extern bool reader_keeps(const YamlReader *reader, const YamlNode *node);

extern bool reader_list(YamlReader *reader, const YamlNode *node,
						const char *allowed);
extern bool reader_bool(YamlReader *reader, const YamlNode *node, bool *value);
extern bool reader_number(YamlReader *reader, const YamlNode *node,
						  double min, double max, bool whole, double *value);
extern bool reader_whole(YamlReader *reader, const YamlNode *node,
						 int min, int max, int16 *value);

/* Not null, not empty, at most max bytes. */
extern bool reader_text(YamlReader *reader, const YamlNode *node,
						const char *allowed, size_t max, YamlText *text);

/* The same, but empty text is allowed and means absent. */
extern bool reader_remark(YamlReader *reader, const YamlNode *node,
						  YamlText *text);

/* One of the words, as its position. */
extern bool reader_choice(YamlReader *reader, const YamlNode *node,
						  const char *allowed, const char *const *words,
						  int n, int *choice);

#endif							/* FRAUD_CONFIG_YAML_READER_H */
