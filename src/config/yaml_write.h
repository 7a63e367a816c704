/*-------------------------------------------------------------------------
 *
 * yaml_write.h
 *	  Texts in canonical YAML: without quotes where nobody can take them for
 *	  something else, and in ASCII, which every server encoding can hold.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CONFIG_YAML_WRITE_H
#define FRAUD_CONFIG_YAML_WRITE_H

#include "lib/stringinfo.h"

/* A value or a key; in_list: within [] or {}, where commas separate. */
extern void yaml_put_text(StringInfo out, const char *s, size_t len, bool in_list);

#endif							/* FRAUD_CONFIG_YAML_WRITE_H */
