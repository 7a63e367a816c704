/*-------------------------------------------------------------------------
 *
 * policy_draft.h
 *	  A policy while it is being read: pointers instead of offsets.
 *
 * policy_read() starts a draft from the base image, changes what the text
 * names, and lays the result out as a new image. Texts point into the base
 * image or the arena, both of which outlive the draft.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_POLICY_POLICY_DRAFT_H
#define FRAUD_POLICY_POLICY_DRAFT_H

#include "config/yaml_reader.h"
#include "policy/policy.h"

/* First member of everything that draft_settle() sorts. */
typedef struct DraftHead
{
	const YamlNode *at;			/* NULL: from the base, may be replaced */
	uint32		order;
} DraftHead;

typedef struct DraftWord
{
	DraftHead	head;
	YamlText	word;
	uint32		code;
} DraftWord;

typedef struct DraftRate
{
	DraftHead	head;
	PolicyRate	rate;
} DraftRate;

/* A list value of any kind; members that the kind does not use are zero. */
typedef struct DraftValue
{
	DraftHead	head;
	YamlText	text;			/* or a notice's customer */
	PolicyCidr	cidr;
	char		country[4];
	int32		first_day;
	int32		last_day;
} DraftValue;

typedef struct DraftCustom
{
	DraftHead	head;
	YamlText	name;
	YamlText	when;
	YamlText	description;
	bool		enabled;
	bool		shadow;
	int16		points;
	uint8		action;
} DraftCustom;

/* n elements of one of the types above. */
typedef struct DraftArray
{
	void	   *items;
	uint32		n;
} DraftArray;

typedef struct DraftList
{
	YamlText	as_of;
	YamlText	source;
	DraftArray	values;			/* DraftValue */
} DraftList;

typedef struct Draft
{
	Policy		fixed;			/* what is no text, array or hash */
	YamlText	description;
	YamlText	columns[TXN_NCOLUMNS];
	DraftArray	status_values;	/* DraftWord */
	DraftArray	channel_values; /* DraftWord */
	YamlText	timezone;
	YamlText	base_currency;
	DraftArray	rates;			/* DraftRate */
	DraftList	lists[NLISTS];
	DraftArray	custom;			/* DraftCustom */
} Draft;

/* base may be NULL. */
extern Draft *draft_start(const Policy *base, Arena *arena);

/* Orders of the arrays, on the draft's elements. */
typedef int (*DraftCompare) (const void *a, const void *b);
extern int	draft_compare_word(const void *a, const void *b);
extern int	draft_compare_rate(const void *a, const void *b);
extern int	draft_compare_value(const void *a, const void *b);
extern int	draft_compare_custom(const void *a, const void *b);

/*
 * Sorts, and lets elements with a place replace equal ones from the base.
 * Returns the place of an element that stands twice in the text, the first such
 * one in order of the text, or NULL.
 */
extern const YamlNode *draft_settle(DraftArray *array, size_t size,
									DraftCompare compare);

/* A palloc'd image with both hashes set. */
extern Policy *draft_image(const Draft *draft);

/* What the image's hashes must be. */
extern uint64 policy_image_basis_hash(const Policy *policy);
extern uint64 policy_image_hash(const Policy *policy);

#endif							/* FRAUD_POLICY_POLICY_DRAFT_H */
