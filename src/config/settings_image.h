/*-------------------------------------------------------------------------
 *
 * settings_image.h
 *	  All settings as one flat image: YAML in and out. Internal to settings.c
 *	  and the tests.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CONFIG_SETTINGS_IMAGE_H
#define FRAUD_CONFIG_SETTINGS_IMAGE_H

#include "config/settings.h"

/* The parts follow in the order of registration, each aligned. */
typedef struct SettingsImage
{
	uint64		hash;			/* of the canonical text */
	uint64		size;			/* bytes in all */
} SettingsImage;

/* Of every image; known when all sections are registered. */
extern Size settings_image_size(void);

/* Where a section's part begins. */
extern Size settings_offset(const SettingsSection *section);

/*
 * Reads YAML over `base`: absent keys keep its values. NULL base: every key
 * must stand. A palloc'd image, or NULL and *error filled.
 */
extern SettingsImage *settings_read(const char *yaml, size_t len,
									const SettingsImage *base, YamlError *error);

/* Canonical YAML: every key; reads back to the same bytes. */
extern char *settings_write(const SettingsImage *image, size_t *len);

/* The shipped service.yaml, as built in. */
extern const char settings_default_yaml[];
extern const size_t settings_default_yaml_len;

#endif							/* FRAUD_CONFIG_SETTINGS_IMAGE_H */
