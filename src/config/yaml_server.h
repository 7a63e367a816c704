/*-------------------------------------------------------------------------
 *
 * yaml_server.h
 *	  Texts in YAML and the server: its encoding, its errors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CONFIG_YAML_SERVER_H
#define FRAUD_CONFIG_YAML_SERVER_H

#include "config/yaml_error.h"

/*
 * Configuration is UTF-8 whatever the database is. yaml_text() converts to the
 * server's encoding and raises an error where that cannot be done;
 * yaml_message() never does, it replaces what cannot be shown.
 */
extern char *yaml_text(const char *utf8, size_t len);
extern char *yaml_message(const char *utf8);

/* The other way, for a reader that checks the bytes. *len may change. */
extern char *yaml_from_server(const char *s, size_t *len);

/* "line 3, column 5: message. Detail. Hint." */
extern char *yaml_error_text(const YamlError *error);

/*
 * For ereport(). `what` is "fraud policy"; the place is in the text as the
 * user gave it, so it goes into the message.
 */
extern int	yaml_errmsg(const char *what, const YamlError *error);
extern int	yaml_errdetail(const YamlError *error);
extern int	yaml_errhint(const YamlError *error);

#endif							/* FRAUD_CONFIG_YAML_SERVER_H */
