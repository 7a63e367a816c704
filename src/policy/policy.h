/*-------------------------------------------------------------------------
 *
 * policy.h
 *	  A compiled policy: the flat image behind the type fraud_rules.
 *
 * One contiguous piece of memory: the fixed part below, then a pool that
 * PolicyStr and PolicyArray point into by offset. Nothing in it is a pointer,
 * so it is a datum, a file, or shared memory as it stands. Every byte follows
 * from the meaning of the YAML (map keys sorted, padding zero), so equality is
 * memcmp().
 *
 * No fmgr. policy_read() and policy_write() allocate with palloc().
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_POLICY_POLICY_H
#define FRAUD_POLICY_POLICY_H

#include "config/yaml_error.h"
#include "policy/catalog.h"

#define POLICY_VERSION			1	/* of the image, not of the YAML */
#define POLICY_MAX_BANDS		5
#define POLICY_MAX_POINTS		30	/* per rule, and the largest weight */
#define POLICY_NO_CAP			(-1)
#define POLICY_MAX_CUSTOM		32
#define POLICY_RATE_SCALE		INT64_C(1000000000)

/* Bytes in the pool, NUL-terminated there; off is from the image's start. */
typedef struct PolicyStr
{
	uint32		off;			/* 0: absent */
	uint32		len;			/* without the NUL */
} PolicyStr;

/* n fixed-size elements in the pool, 8-byte aligned. */
typedef struct PolicyArray
{
	uint32		off;
	uint32		n;
} PolicyArray;

typedef enum TxnStatus
{
	STATUS_LIVE,				/* being decided now; shared memory only */
	STATUS_PENDING,
	STATUS_FAILED,
	STATUS_BLOCKED,
	STATUS_DECLINED,
	STATUS_APPROVED,
	STATUS_FRAUD				/* approved, and since confirmed to be fraud; no policy word */
} TxnStatus;					/* in order of rank */

typedef enum TxnChannel
{
	CHANNEL_NONE,				/* no channel known */
	CHANNEL_PRESENT,
	CHANNEL_ONLINE,
	CHANNEL_OTHER
} TxnChannel;

typedef enum BandAction
{
	ACTION_NONE,
	ACTION_REVIEW,
	ACTION_BLOCK
} BandAction;

typedef enum BandTest
{
	BAND_ALWAYS,				/* first band only */
	BAND_ABOVE,
	BAND_AT_LEAST
} BandTest;

typedef struct PolicyBand
{
	double		threshold;		/* 0 for BAND_ALWAYS */
	int16		points;			/* 0 .. 30 */
	uint8		test;			/* BandTest */
	uint8		action;			/* BandAction */
	uint32		reserved;		/* 0 */
} PolicyBand;

typedef struct PolicyBands
{
	uint32		n;				/* 1 .. POLICY_MAX_BANDS where the rule has the list */
	uint32		reserved;		/* 0 */
	PolicyBand	band[POLICY_MAX_BANDS];	/* thresholds strictly rising */
} PolicyBands;

typedef struct PolicyRule
{
	bool		enabled;
	bool		shadow;
	int16		weight;			/* 0 .. 30 */
	uint32		reserved;		/* 0 */
	double		params[RULE_MAX_PARAMS];	/* in RuleDef order */
	PolicyBands bands[RULE_MAX_BANDLISTS];	/* in RuleDef order */
} PolicyRule;

/* history.columns entry: canonical column -> the user's name. */
/* history.status_values and channel_values: word (lower case) -> code. */
typedef struct PolicyWord
{
	PolicyStr	word;
	uint32		code;			/* TxnStatus or TxnChannel */
	uint32		reserved;		/* 0 */
} PolicyWord;

/* One day's rate, sorted by (currency, day). */
typedef struct PolicyRate
{
	char		currency[4];	/* three upper-case letters and NUL */
	int32		day;			/* days since 2000-01-01, proleptic Gregorian */
	int64		rate;			/* base units for one foreign unit * POLICY_RATE_SCALE, > 0 */
} PolicyRate;

/* LIST_CIDR element, sorted bytewise after `family`. Host bits are zero. */
typedef struct PolicyCidr
{
	uint8		family;			/* 4 or 6 */
	uint8		bits;			/* 0 .. 32 or 0 .. 128 */
	uint8		addr[16];		/* network order; first 4 for v4, the rest 0 */
	uint8		reserved[6];	/* 0 */
} PolicyCidr;

/* LIST_NOTICE element, sorted by (customer, country, days). */
typedef struct PolicyNotice
{
	PolicyStr	customer;
	char		country[4];		/* two upper-case letters, NULs */
	int32		first_day;		/* days since 2000-01-01, inclusive */
	int32		last_day;		/* inclusive */
	uint32		reserved;		/* 0 */
} PolicyNotice;

typedef struct PolicyList
{
	PolicyStr	as_of;			/* ISO date as written, may be absent */
	PolicyStr	source;			/* may be absent */
	/* LIST_COUNTRY, LIST_MCC, LIST_TEXT: PolicyStr, sorted bytewise, distinct.
	 * LIST_CIDR: PolicyCidr. LIST_NOTICE: PolicyNotice. */
	PolicyArray values;
} PolicyList;

/* A rule of the user's own. */
typedef struct PolicyCustom
{
	PolicyStr	name;			/* [a-z_][a-z0-9_]{0,62}, no rule's name */
	PolicyStr	when;			/* SQL boolean expression over fraud_features */
	PolicyStr	description;	/* may be absent */
	bool		enabled;
	bool		shadow;
	int16		points;			/* 0 .. 30 */
	uint8		action;			/* BandAction */
	uint8		reserved[3];	/* 0 */
} PolicyCustom;

typedef struct Policy
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	uint32		version;		/* POLICY_VERSION */
	uint32		size;			/* bytes in all, this struct included */
	uint32		reserved;		/* 0 */
	uint64		hash;			/* of every byte from `basis_hash` on */
	uint64		basis_hash;		/* of what changes what is remembered */

	PolicyStr	description;

	/* history */
	PolicyStr	columns[TXN_NCOLUMNS];	/* absent: the canonical name itself */
	PolicyArray status_values;	/* PolicyWord, sorted by word */
	PolicyArray channel_values; /* PolicyWord, sorted by word */
	PolicyStr	timezone;		/* as written; known to the server */
	PolicyStr	base_currency;	/* three upper-case letters */
	PolicyArray rates;			/* PolicyRate */
	uint8		weekend;		/* bit d - 1 for ISO day d */
	bool		short_circuit;
	int16		low_max;		/* 0 <= low_max < medium_max <= 99 */
	int16		medium_max;
	int16		category_caps[NCATEGORIES]; /* 0 .. 100 or POLICY_NO_CAP */
	int16		reserved2;		/* 0 */
	uint32		reserved3;		/* 0 */
	double		min_coverage;	/* 0 .. 1 */

	PolicyList	lists[NLISTS];
	PolicyArray custom;			/* PolicyCustom, sorted by name */
	PolicyRule	rules[NRULES];
	/* the pool follows */
} Policy;

#define policy_str(p, s)		((s).off == 0 ? NULL : (const char *) (p) + (s).off)
#define policy_array(p, a, type) ((const type *) ((const char *) (p) + (a).off))

/* Tells whether a zone is known; the server asks pg_tzset(), a test may guess. */
typedef bool (*PolicyZoneCheck) (const char *name);

/*
 * Reads YAML over `base` (absent keys keep base's values; NULL base: the text
 * must have every key, which is how the shipped defaults are read). With
 * merge_maps the free maps (columns, status_values, channel_values, rates,
 * custom) gain keys instead of being replaced. Returns NULL and fills *error.
 */
extern Policy *policy_read(const char *yaml, size_t len, const Policy *base,
						   bool merge_maps, PolicyZoneCheck zone_ok,
						   YamlError *error);

/* Canonical YAML; reads back to the same bytes. *len may be NULL. */
extern char *policy_write(const Policy *policy, size_t *len);

/* The same policy with what stands at a dotted path replaced by a YAML value. */
extern Policy *policy_set(const Policy *policy, const char *path,
						  const char *value, PolicyZoneCheck zone_ok,
						  YamlError *error);

/* The shipped rules.yaml, as built in. */
extern const char policy_default_yaml[];
extern const size_t policy_default_yaml_len;

/* Binary search in a LIST_COUNTRY, LIST_MCC or LIST_TEXT list. */
extern bool policy_list_has(const Policy *policy, ListId list,
							const char *value, size_t len);

/* addr: 4 or 16 bytes in network order. */
extern bool policy_list_has_ip(const Policy *policy, ListId list,
							   int family, const uint8 *addr);

extern bool policy_has_travel_notice(const Policy *policy,
									 const char *customer, size_t len,
									 const char *country, int32 day);

/* -1 where the word stands nowhere; word is folded to lower case. */
extern int	policy_word(const Policy *policy, PolicyArray words,
						const char *word, size_t len);

/* Rate for a day * POLICY_RATE_SCALE; 0 where there is none on or before it. */
extern int64 policy_rate(const Policy *policy, const char *currency, int32 day);

/* Whether the bytes can be a Policy image at all (not only our own version). */
extern bool policy_image_ok(const void *image, size_t size);

#endif							/* FRAUD_POLICY_POLICY_H */
