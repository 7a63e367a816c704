/*-------------------------------------------------------------------------
 *
 * yaml_tree.h
 *	  YAML bytes to a small tree, strictly.
 *
 * The subset: one document of plain mappings, lists and scalars. No anchors,
 * aliases or tags, no key that is not a scalar, no key twice in a mapping, and
 * the limits YAML_MAX_BYTES, YAML_MAX_DEPTH and YAML_MAX_NODES. What a
 * scalar means is the reader's business: here it is text and whether it was
 * written without quotes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CONFIG_YAML_TREE_H
#define FRAUD_CONFIG_YAML_TREE_H

#include "config/arena.h"
#include "config/yaml_error.h"

#define YAML_MAX_BYTES		(256 * 1024)	/* of input */
#define YAML_MAX_DEPTH		8
#define YAML_MAX_NODES		50000
#define YAML_MAX_TEXT		1024	/* bytes of a single text, where a reader says so */

typedef enum YamlKind
{
	YNODE_SCALAR,
	YNODE_MAP,
	YNODE_LIST
} YamlKind;

struct YamlNode
{
	YamlKind	kind;
	bool		plain;			/* scalar written without quotes */
	bool		partial;		/* a step of policy_set()'s path: what it does
								 * not name stays */
	int			line;			/* 1-based; 0 for the steps of a path */
	int			column;			/* 1-based, in characters */
	const char *text;			/* scalar: NUL-terminated, UTF-8 */
	uint32		len;
	uint32		n;				/* map, list: children */
	uint32		index;			/* 1-based place in the parent */
	YamlNode   *parent;
	YamlNode   *key;			/* child of a map: its key */
	YamlNode   *first;			/* children in order of the text */
	YamlNode   *last;
	YamlNode   *next;
};

/* NULL and *error filled where the bytes are not in the subset. */
extern YamlNode *yaml_tree_parse(const char *bytes, size_t len,
								 const YamlSubject *subject,
								 Arena *arena, YamlError *error);

/* Appends a child; key is NULL where the parent is a list. */
extern void yaml_tree_append(YamlNode *parent, YamlNode *key, YamlNode *child);

#endif							/* FRAUD_CONFIG_YAML_TREE_H */
