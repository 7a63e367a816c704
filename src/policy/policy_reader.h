/*-------------------------------------------------------------------------
 *
 * policy_reader.h
 *	  What yaml_reader.h lacks for nodes of a policy. Internal to
 *	  policy_read*.c.
 *
 * Every function returns false with *reader->yaml.error filled.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_POLICY_POLICY_READER_H
#define FRAUD_POLICY_POLICY_READER_H

#include "config/yaml_reader.h"
#include "policy/policy_draft.h"

typedef struct PolicyReader
{
	YamlReader	yaml;
	Draft	   *draft;
	PolicyZoneCheck zone_ok;
} PolicyReader;

extern bool policy_reader_day(PolicyReader *reader, const YamlNode *node,
							  int32 *day);

/* none, review or block. */
extern bool policy_reader_action(PolicyReader *reader, const YamlNode *node,
								 uint8 *action);

/* Room for `more` elements behind those of a free map or list. */
extern void *policy_reader_extend(PolicyReader *reader, DraftArray *array,
								  uint32 more, size_t size);

/* draft_settle(), with a value that stands twice as an error. */
extern bool policy_reader_settle(PolicyReader *reader, DraftArray *array, size_t size,
								 DraftCompare compare);

/* Sections of the policy, one file each. */
extern bool policy_read_history(PolicyReader *reader, const YamlNode *node);
extern bool policy_read_lists(PolicyReader *reader, const YamlNode *node);
extern bool policy_read_rules(PolicyReader *reader, const YamlNode *node);
extern bool policy_read_custom(PolicyReader *reader, const YamlNode *node);

/* policy_write(), which also counts the nodes of what it wrote. */
extern char *policy_write_counted(const Policy *policy, size_t *len, int *nodes);

#endif							/* FRAUD_POLICY_POLICY_READER_H */
