/*-------------------------------------------------------------------------
 *
 * policy_reader.h
 *	  Reading one node of the tree as what it must be. Internal to
 *	  policy_read*.c.
 *
 * Every function returns false with *reader->error filled.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_POLICY_POLICY_READER_H
#define FRAUD_POLICY_POLICY_READER_H

#include "policy/policy_draft.h"

typedef struct PolicyReader
{
	PolicyArena arena;
	Draft	   *draft;
	bool		complete;		/* no base: every key must stand */
	bool		merge_maps;		/* free maps gain keys */
	PolicyZoneCheck zone_ok;
	PolicyError *error;
} PolicyReader;

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
extern bool reader_map(PolicyReader *reader, const YamlNode *node,
					   const char *what, const char *const *keys, int n,
					   uint32 required, const YamlNode **found);

/* As reader_map(), where every key must stand if there is no base. */
extern bool reader_section(PolicyReader *reader, const YamlNode *node,
						   const char *what, const char *const *keys, int n,
						   uint32 optional, const YamlNode **found);

/* A mapping with keys of the user's own, or null; *given false for null. */
extern bool reader_free_map(PolicyReader *reader, const YamlNode *node,
							bool *given);

/* Whether what the base has in a free map stays. */
extern bool reader_keeps(const PolicyReader *reader, const YamlNode *node);

extern bool reader_list(PolicyReader *reader, const YamlNode *node,
						const char *allowed);
extern bool reader_bool(PolicyReader *reader, const YamlNode *node, bool *value);
extern bool reader_number(PolicyReader *reader, const YamlNode *node,
						  double min, double max, bool whole, double *value);
extern bool reader_whole(PolicyReader *reader, const YamlNode *node,
						 int min, int max, int16 *value);
extern bool reader_day(PolicyReader *reader, const YamlNode *node, int32 *day);

/* Not null, not empty, at most max bytes. */
extern bool reader_text(PolicyReader *reader, const YamlNode *node,
						const char *allowed, size_t max, DraftText *text);

/* The same, but empty text is allowed and means absent. */
extern bool reader_remark(PolicyReader *reader, const YamlNode *node,
						  DraftText *text);

/* One of the words, as its position. */
extern bool reader_choice(PolicyReader *reader, const YamlNode *node,
						  const char *allowed, const char *const *words,
						  int n, int *choice);

/* none, review or block. */
extern bool reader_action(PolicyReader *reader, const YamlNode *node,
						  uint8 *action);

/* Room for `more` elements behind those of a free map or list. */
extern void *reader_extend(PolicyReader *reader, DraftArray *array,
						   uint32 more, size_t size);

/* draft_settle(), with a value that stands twice as an error. */
extern bool reader_settle(PolicyReader *reader, DraftArray *array, size_t size,
						  DraftCompare compare);

/* Sections of the policy, one file each. */
extern bool policy_read_history(PolicyReader *reader, const YamlNode *node);
extern bool policy_read_lists(PolicyReader *reader, const YamlNode *node);
extern bool policy_read_rules(PolicyReader *reader, const YamlNode *node);
extern bool policy_read_custom(PolicyReader *reader, const YamlNode *node);

/* policy_write(), which also counts the nodes of what it wrote. */
extern char *policy_write_counted(const Policy *policy, size_t *len, int *nodes);

#endif							/* FRAUD_POLICY_POLICY_READER_H */
