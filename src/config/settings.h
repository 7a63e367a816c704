/*-------------------------------------------------------------------------
 *
 * settings.h
 *	  The service file: settings of the operations team, by section.
 *
 * A subsystem registers its section while the library is loaded, and copies
 * its part when the generation has moved:
 *
 *		if (settings_generation() != seen)
 *			seen = settings_copy(&my_section, &my_settings);
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CONFIG_SETTINGS_H
#define FRAUD_CONFIG_SETTINGS_H

#include "config/yaml_reader.h"
#include "lib/stringinfo.h"

typedef struct SettingsSection
{
	const char *name;			/* key at the top level */
	Size		size;			/* of its part: plain data, no pointers */

	/*
	 * Changes what the node names in a part that holds the base, or zeros
	 * where the reader wants every key. False with the reader's error filled.
	 */
	bool		(*read) (YamlReader *reader, const YamlNode *node, void *part);

	/* The lines below the section's key, every key, indented once. */
	void		(*write) (const void *part, StringInfo out);
} SettingsSection;

/* From init functions: the section must outlive the library. */
extern void settings_register(const SettingsSection *section);

/*
 * Moves whenever the settings in force may have changed, and not otherwise;
 * never 0. Cheap, but reads the file where the server was told to reload, so
 * not under a lock.
 */
extern uint64 settings_generation(void);

/* Copies a section's part; returns the generation it belongs to. */
extern uint64 settings_copy(const SettingsSection *section, void *part);

extern void settings_init(void);

#endif							/* FRAUD_CONFIG_SETTINGS_H */
