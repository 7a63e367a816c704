/*-------------------------------------------------------------------------
 *
 * config_file.h
 *	  A configuration file and what is in force of it; see config_file.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CONFIG_CONFIG_FILE_H
#define FRAUD_CONFIG_CONFIG_FILE_H

#include "datatype/timestamp.h"
#include "storage/lwlock.h"

#include "config/yaml_error.h"

#define CONFIG_HASH_CHARS	16	/* a hash as text, without the NUL */

/* What a file means, as one piece of memory without pointers. */
typedef struct ConfigImage
{
	const void *bytes;			/* palloc'd; not asked of the shipped default */
	uint32		size;
	uint64		hash;
	uint64		basis_hash;		/* where the file has one */
} ConfigImage;

typedef struct ConfigFile
{
	/* What the owner says, in a static variable. */
	const char *name;			/* "rules": file of fraud_config_status */
	const char *title;			/* "fraud policy file": cannot be used */
	const char *content;		/* "fraud policy": is invalid */
	const char *stays;			/* sentence: what is in force stays */
	const char *still;			/* sentence: what was read before stays */
	bool		has_basis;
	char	  **path;			/* the setting */

	/* Bytes of the largest image; asked when the server starts. */
	Size		(*image_max) (void);

	/* Reads the bytes. Raises nothing: false and *error filled. */
	bool		(*parse) (const char *bytes, size_t len, ConfigImage *image,
						  YamlError *error);

	/* Hashes of what is built into the library. */
	void		(*shipped) (ConfigImage *image);

	/* Kept by config_file.c, beginning with zeros. */
	struct ConfigFile *next;
	struct ConfigBoard *board;
	char	   *image;			/* behind the board; one's own may grow */
	LWLock	   *lock;			/* NULL: the board is one's own */
	TimestampTz last_reload;	/* PgReloadTime at the last look */
	bool		looked;
} ConfigFile;

/* For init functions: one more file. */
extern void config_file_register(ConfigFile *file);

/*
 * Reads the file again if the server was told to reload. Returns a number that
 * grows whenever what is in force may have changed. Never raises an error
 * because of the file.
 */
extern uint64 config_file_generation(ConfigFile *file);

/*
 * A palloc'd copy of what is in force, and the generation it belongs to; NULL
 * where that is the shipped default.
 */
extern void *config_file_take(ConfigFile *file, uint64 *generation);

/* A part of it only; false where the shipped default is in force. */
extern bool config_file_copy(ConfigFile *file, Size offset, void *part, Size size,
							 uint64 *generation);

/*
 * Reads every file now. A bad one is raised when all have been read; where
 * there are several, the last, and the others are warnings.
 */
extern void config_files_reload(void);

/* Hash of what is in force. */
extern uint64 config_file_hash(ConfigFile *file);

/* Where what is in force came from, in the server's encoding. */
typedef struct ConfigOrigin
{
	uint64		hash;
	bool		shipped;		/* nothing else is valid then */
	uint32		owner;			/* of the file, a number of the system */
	char		loaded_by[NAMEDATALEN]; /* role that called fraud_reload(); empty: the server read it by itself */
} ConfigOrigin;

extern void config_file_origin(ConfigFile *file, ConfigOrigin *origin);

extern void config_hash_text(uint64 hash, char *buf /* CONFIG_HASH_CHARS + 1 */ );

#endif							/* FRAUD_CONFIG_CONFIG_FILE_H */
