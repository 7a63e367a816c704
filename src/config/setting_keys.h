/*-------------------------------------------------------------------------
 *
 * setting_keys.h
 *	  Keys of a mapping as a table: what each may be and where it goes. Reader
 *	  and writer both follow the table, so a key is one line.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CONFIG_SETTING_KEYS_H
#define FRAUD_CONFIG_SETTING_KEYS_H

#include "config/yaml_reader.h"
#include "lib/stringinfo.h"

typedef enum SettingKind
{
	SETTING_WHOLE,				/* int32 */
	SETTING_EITHER,				/* int32, min or max and nothing between */
	SETTING_PERCENT,			/* int32, hundredths of a percent */
	SETTING_CHOICE,				/* int32, position in words */
	SETTING_DURATION,			/* int64, microseconds */
	SETTING_DURATIONS,			/* int64[], their number an int32; not falling */
	SETTING_SIZE,				/* int64, bytes */
	SETTING_NUMBER,				/* double */
	SETTING_TEXT,				/* char[max + 1], zero-padded UTF-8 of min to max bytes */
	SETTING_OTHER				/* the section itself reads and writes it; last, no group */
} SettingKind;

typedef struct SettingKey
{
	const char *group;			/* key of the mapping it stands in, or NULL */
	const char *name;
	SettingKind kind;
	size_t		offset;			/* in the part */
	int64		min;			/* of DURATIONS: each; of TEXT: bytes */
	int64		max;
	bool		can_be_off;
	int64		off;			/* what `off` stores */
	const char *const *words;	/* CHOICE: nwords */
	int			nwords;
	size_t		number_offset;	/* DURATIONS: 1 .. max_number */
	int			max_number;
} SettingKey;

#define SETTING_MAX_KEYS	64	/* of one table; keys of a group together */

/*
 * Reads a mapping. at[i] becomes the value of keys[i], NULL where it does not
 * stand.
 */
extern bool setting_keys_read(YamlReader *reader, const YamlNode *node,
							  const SettingKey *keys, int n, void *part,
							  const YamlNode **at);

/*
 * For what is allowed alone but makes no sense together: where the key with
 * the offset `one` stands, else the other one's, else node. What is wrong is
 * never inherited.
 */
extern const YamlNode *setting_place(const SettingKey *keys, int n, const YamlNode *const *at,
									 size_t one, size_t other, const YamlNode *node);

/*
 * Whether it can be the name of something that databases of all encodings
 * share: printable ASCII, not empty, with room for the NUL.
 */
extern bool setting_name_ok(const char *name, size_t len, size_t room);

/* A line each, groups as {}, at this depth. */
extern void setting_keys_write(const SettingKey *keys, int n, const void *part,
							   int depth, StringInfo out);

#endif							/* FRAUD_CONFIG_SETTING_KEYS_H */
