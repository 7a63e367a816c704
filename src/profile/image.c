/*-------------------------------------------------------------------------
 *
 * image.c
 *	  The flat form of a profile: what is stored, sent and compared.
 *
 * Numbers are little-endian on every machine. Only what is there takes space;
 * counters are columns whose width in bytes is that of their largest value.
 * One state has one image, so equality is memcmp().
 *
 *	header		varlena length; version, flags, events in the ring, cards (a
 *				byte each); basis (8)
 *	labels		if flagged: number of labels, newest block (4), bitmap of
 *				blocks (4), width; counts; labels (13 each)
 *	summary		if flagged: newest event that left, first seen, last approved
 *				(7 each), days of spend (8), approved (3), odd statuses (2),
 *				bitmaps of cells (12) and grid (4), countries (1), widths (4)
 *	located		if flagged: time (7), card (4), position (6)
 *	cards 8, countries 4 each; merchants 256 and hours, if flagged
 *	cells		columns attempts, declined, spend
 *	grid		columns count, sum, largest, squares
 *	ring		35 each (event.h); last, so that columns can be read by words
 *
 * The version byte is 1. A later layout gets the next number and reads this.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "port/pg_bitutils.h"

#include "profile/profile.h"

#define IMAGE_VERSION		1

#define FLAG_UNAVAILABLE	0x01
#define FLAG_SUMMARY		0x02
#define FLAG_LOCATED		0x04
#define FLAG_APPROVED		0x08
#define FLAG_MERCHANTS		0x10
#define FLAG_HOURS			0x20
#define FLAG_LABELS			0x40

#define HEADER_SIZE			16
#define LABELS_SIZE			10
#define LABEL_SIZE			13
#define SUMMARY_SIZE		55
#define LOCATED_SIZE		17
#define BLOOM_SIZE			(PROFILE_BLOOM_BITS / 8)

/* First slot of each level in the numbering of all cells there can be. */
#define SLOT_6H				25
#define SLOT_DAY			50
#define SLOT_3D				74
#define LABEL_BLOCK_MAX		(0x3FFFFF / 72) /* hours of labels have 22 bits */

/* Columns in the order of their widths; the largest width of each. */
enum
{
	W_ATTEMPTS, W_DECLINED, W_SPEND,
	W_COUNT, W_SUM, W_LARGEST, W_SQUARES,
	W_HOURS, NWIDTHS
};
static const uint8 max_width[NWIDTHS] = {2, 2, 6, 3, 6, 4, 10, 2};

/* Every part at its largest. */
StaticAssertDecl(HEADER_SIZE +
				 LABELS_SIZE + 2 * PROFILE_GRID + LABEL_SIZE * PROFILE_LABELS +
				 SUMMARY_SIZE + LOCATED_SIZE +
				 8 * PROFILE_CARDS + 4 * PROFILE_COUNTRIES + BLOOM_SIZE +
				 2 * 24 + 2 * 3 +
				 (2 + 2 + 6) * PROFILE_CELLS +
				 (3 + 6 + 4 + 10) * PROFILE_GRID +
				 EVENT_SIZE * PROFILE_RING <= PROFILE_MAX_SIZE,
				 "a profile may not outgrow 3500 bytes");

static inline uint64
to_le64(uint64 v)
{
#ifdef WORDS_BIGENDIAN
	return pg_bswap64(v);
#else
	return v;
#endif
}

/* Writes a whole word and claims `width` bytes of it. */
static inline char *
put(char *p, uint64 v, int width)
{
	v = to_le64(v);
	memcpy(p, &v, 8);
	return p + width;
}

/* Reads a word; 8 bytes must be readable. */
static inline uint64
get(const char *p, int width)
{
	static const uint64 mask[] = {
		0, 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF, UINT64_C(0xFFFFFFFFFF),
		UINT64_C(0xFFFFFFFFFFFF), UINT64_C(0xFFFFFFFFFFFFFF), UINT64_C(0xFFFFFFFFFFFFFFFF)
	};
	uint64		v;

	memcpy(&v, p, 8);
	return to_le64(v) & mask[width];
}

/* The same where fewer than 8 bytes may be left. */
static inline uint64
get_near_end(const char *p, int width)
{
	uint64		v = 0;

	while (width-- > 0)
		v = v << 8 | (uint8) p[width];
	return v;
}

static inline int
width_of(uint64 v)
{
	return v == 0 ? 0 : (pg_leftmost_one_pos64(v) + 8) / 8;
}

/* 26 bits and how far they were shifted, in 31 bits. */
static inline uint32
largest_pack(uint64 v)
{
	uint32		shift = 0;

	if (v >= (UINT64_C(1) << 26))
		shift = pg_leftmost_one_pos64(v) - 25;
	return (uint32) (v >> shift) << 5 | shift;
}

static inline uint64
largest_unpack(uint32 v)
{
	return (uint64) (v >> 5) << (v & 31);
}

static inline int
slot_of(const Cell *cell, const int32 *youngest)
{
	int32		age = youngest[cell->level] - cell->start;

	switch (cell->level)
	{
		case 0:
			return age;
		case 1:
			return SLOT_6H + age / 6;
		case 2:
			return SLOT_DAY + age / 24;
		default:
			return SLOT_3D + age / 72;
	}
}

static inline void
cell_at(int slot, const int32 *youngest, Cell *cell)
{
	if (slot >= SLOT_3D)
	{
		cell->level = 3;
		cell->start = youngest[3] - (slot - SLOT_3D) * 72;
	}
	else if (slot >= SLOT_DAY)
	{
		cell->level = 2;
		cell->start = youngest[2] - (slot - SLOT_DAY) * 24;
	}
	else if (slot >= SLOT_6H)
	{
		cell->level = 1;
		cell->start = youngest[1] - (slot - SLOT_6H) * 6;
	}
	else
	{
		cell->level = 0;
		cell->start = youngest[0] - slot;
	}
}

static char *
encode_labels(const ProfileState *state, char *p)
{
	int32		newest = state->nfrauds > 0 ? state->frauds[state->nfrauds - 1].block : 0;
	uint32		bitmap = 0;
	uint32		all = 0;
	int			i;

	for (i = 0; i < state->nfrauds; i++)
	{
		bitmap |= UINT32_C(1) << (newest - state->frauds[i].block);
		all |= state->frauds[i].count;
	}
	p = put(p, state->nlabels, 1);
	p = put(p, (uint32) newest, 4);
	p = put(p, bitmap, 4);
	p = put(p, width_of(all), 1);
	for (i = 0; i < state->nfrauds; i++)
		p = put(p, state->frauds[i].count, width_of(all));
	for (i = 0; i < state->nlabels; i++)
	{
		p = put(p, state->labels[i].id, 6);
		p = put(p, state->labels[i].hour, 3);
		p = put(p, state->labels[i].known, 4);
	}
	return p;
}

static char *
encode_summary(const ProfileState *state, char *p)
{
	uint64		all[NWIDTHS] = {0};
	uint8		width[NWIDTHS];
	uint64		cellmap[2] = {0, 0};
	uint32		gridmap = 0;
	uint128		squares = 0;
	int32		youngest[CELL_LEVELS];
	int			i;

	cells_youngest(state, youngest);
	for (i = 0; i < state->ncells; i++)
	{
		const Cell *c = &state->cells[i];
		int			slot = slot_of(c, youngest);

		cellmap[slot / 64] |= UINT64_C(1) << (slot % 64);
		all[W_ATTEMPTS] |= c->attempts;
		all[W_DECLINED] |= c->declined;
		all[W_SPEND] |= c->spend;
	}
	for (i = 0; i < state->ngrid; i++)
	{
		const GridCell *g = &state->grid[i];

		gridmap |= UINT32_C(1) << (block_of_hour(state->anchor) - g->block);
		all[W_COUNT] |= g->count;
		all[W_SUM] |= g->sum;
		all[W_LARGEST] |= largest_pack(g->largest);
		squares |= g->squares;
	}
	for (i = 0; i < 24; i++)
		all[W_HOURS] |= state->hours[i];
	for (i = 0; i < NWIDTHS; i++)
		width[i] = width_of(all[i]);
	width[W_SQUARES] = (uint64) (squares >> 64) != 0 ?
		8 + width_of((uint64) (squares >> 64)) : width_of((uint64) squares);

	p = put(p, (uint64) (state->newest_left + EVENT_TIME_BIAS), 7);
	p = put(p, (uint64) (state->first_seen + EVENT_TIME_BIAS), 7);
	p = put(p, (uint64) (state->last_approved + EVENT_TIME_BIAS), 7);
	p = put(p, state->spend_days, 8);
	p = put(p, state->approved_ever, 3);
	p = put(p, state->odd_statuses, 2);
	p = put(p, cellmap[0], 8);
	p = put(p, cellmap[1], 4);
	p = put(p, gridmap, 4);
	p = put(p, state->ncountries, 1);
	for (i = 0; i < NWIDTHS; i += 2)
		p = put(p, width[i] | width[i + 1] << 4, 1);

	if (state->located)
	{
		p = put(p, (uint64) (state->last_located.time + EVENT_TIME_BIAS), 7);
		p = put(p, state->last_located.card, 4);
		p = put(p, (uint64) state->last_located.lat << 23 | state->last_located.lon, 6);
	}
	for (i = 0; i < state->ncards; i++)
		p = put(p, (uint64) state->cards[i].second << 32 | state->cards[i].card, 8);
	for (i = 0; i < state->ncountries; i++)
		p = put(p, (uint64) state->countries[i].hour << 10 | state->countries[i].country, 4);
	if (state->merchants)
		for (i = 0; i < PROFILE_BLOOM_WORDS; i++)
			p = put(p, state->bloom[i], 8);
	if (state->hours_known)
	{
		for (i = 0; i < 24; i++)
			p = put(p, state->hours[i], width[W_HOURS]);
		p = put(p, state->day_kind[0], 3);
		p = put(p, state->day_kind[1], 3);
	}

	for (i = 0; i < state->ncells; i++)
		p = put(p, state->cells[i].attempts, width[W_ATTEMPTS]);
	for (i = 0; i < state->ncells; i++)
		p = put(p, state->cells[i].declined, width[W_DECLINED]);
	for (i = 0; i < state->ncells; i++)
		p = put(p, state->cells[i].spend, width[W_SPEND]);
	for (i = 0; i < state->ngrid; i++)
		p = put(p, state->grid[i].count, width[W_COUNT]);
	for (i = 0; i < state->ngrid; i++)
		p = put(p, state->grid[i].sum, width[W_SUM]);
	for (i = 0; i < state->ngrid; i++)
		p = put(p, largest_pack(state->grid[i].largest), width[W_LARGEST]);
	for (i = 0; i < state->ngrid; i++)
	{
		p = put(p, (uint64) state->grid[i].squares, Min(width[W_SQUARES], 8));
		if (width[W_SQUARES] > 8)
			p = put(p, (uint64) (state->grid[i].squares >> 64), width[W_SQUARES] - 8);
	}
	return p;
}

size_t
profile_encode(const ProfileState *state, char *image)
{
	char	   *p = image + 4;
	uint8		flags = 0;
	size_t		size;

	if (state->unavailable)
		flags |= FLAG_UNAVAILABLE;
	if (state->nlabels > 0 || state->nfrauds > 0)
		flags |= FLAG_LABELS;
	if (state->summary)
	{
		flags |= FLAG_SUMMARY;
		if (state->located)
			flags |= FLAG_LOCATED;
		if (state->has_approved)
			flags |= FLAG_APPROVED;
		if (state->merchants)
			flags |= FLAG_MERCHANTS;
		if (state->hours_known)
			flags |= FLAG_HOURS;
	}
	p = put(p, IMAGE_VERSION, 1);
	p = put(p, flags, 1);
	p = put(p, state->n, 1);
	p = put(p, state->ncards, 1);
	p = put(p, state->basis, 8);
	if (flags & FLAG_LABELS)
		p = encode_labels(state, p);
	if (state->summary)
		p = encode_summary(state, p);
	memcpy(p, state->ring, state->n * EVENT_SIZE);
	size = p - image + state->n * EVENT_SIZE;
	Assert(size <= PROFILE_MAX_SIZE);
	return size;
}

/* ---- reading ---- */

/* What is left to read; `bad` once something claimed more than there is. */
typedef struct Reader
{
	const char *p;
	const char *end;
	bool		bad;
} Reader;

static inline bool
want(Reader *r, size_t bytes)
{
	if (r->bad || (size_t) (r->end - r->p) < bytes)
		r->bad = true;
	return !r->bad;
}

static inline uint64
take(Reader *r, int width)
{
	uint64		v;

	if (!want(r, width))
		return 0;
	v = r->end - r->p >= 8 ? get(r->p, width) : get_near_end(r->p, width);
	r->p += width;
	return v;
}

static void
decode_labels(Reader *r, ProfileState *state)
{
	int32		newest;
	uint32		bitmap;
	int			width;
	int			i;

	state->nlabels = (int) take(r, 1);
	newest = (int32) take(r, 4);
	bitmap = (uint32) take(r, 4);
	width = (int) take(r, 1);
	if (state->nlabels > PROFILE_LABELS || width > 2 || (bitmap >> PROFILE_GRID) != 0 ||
		newest < 0 || newest > LABEL_BLOCK_MAX)
		r->bad = true;
	for (i = PROFILE_GRID - 1; i >= 0 && !r->bad; i--)
	{
		if ((bitmap & (UINT32_C(1) << i)) == 0)
			continue;
		state->frauds[state->nfrauds].block = (int32) ((uint32) newest - i);
		state->frauds[state->nfrauds++].count = (uint32) take(r, width);
	}
	for (i = 0; i < state->nlabels && !r->bad; i++)
	{
		state->labels[i].id = take(r, 6);
		state->labels[i].hour = (uint32) take(r, 3);
		state->labels[i].known = (uint32) take(r, 4);
	}
}

/* Cells from three columns; the oldest has the highest slot. False if a slot
 * stands for no cell under this anchor. */
static bool
decode_cells(const char *p, const uint8 *width, const uint64 *cellmap, int ncells,
			 ProfileState *state)
{
	const int	wa = width[W_ATTEMPTS];
	const int	wd = width[W_DECLINED];
	const int	ws = width[W_SPEND];
	const char *attempts = p;
	const char *declined = attempts + wa * ncells;
	const char *spend = declined + wd * ncells;
	Cell	   *cell = state->cells;
	int32		youngest[CELL_LEVELS];
	bool		bad = false;
	int			i;

	cells_youngest(state, youngest);
	state->ncells = ncells;
	for (i = 1; i >= 0; i--)
	{
		uint64		map = cellmap[i];

		while (map != 0)
		{
			int			bit = pg_leftmost_one_pos64(map);

			map ^= UINT64_C(1) << bit;
			cell_at(i * 64 + bit, youngest, cell);
			bad |= cell->start < state->level_first[cell->level];
			cell->attempts = (uint32) get(attempts, wa);
			cell->declined = (uint32) get(declined, wd);
			cell->spend = get(spend, ws);
			attempts += wa;
			declined += wd;
			spend += ws;
			cell++;
		}
	}
	return !bad;
}

static void
decode_grid(const char *p, const uint8 *width, uint32 gridmap, int ngrid,
			ProfileState *state)
{
	const int	wq = Min(width[W_SQUARES], 8);
	const int	wq2 = width[W_SQUARES] - wq;
	const char *count = p;
	const char *sum = count + width[W_COUNT] * ngrid;
	const char *largest = sum + width[W_SUM] * ngrid;
	const char *squares = largest + width[W_LARGEST] * ngrid;
	int32		newest = block_of_hour(state->anchor);
	GridCell   *cell = state->grid;

	state->ngrid = ngrid;
	while (gridmap != 0)
	{
		int			bit = pg_leftmost_one_pos32(gridmap);

		gridmap ^= UINT32_C(1) << bit;
		cell->block = newest - bit;
		cell->count = (uint32) get(count, width[W_COUNT]);
		cell->sum = get(sum, width[W_SUM]);
		cell->largest = largest_unpack((uint32) get(largest, width[W_LARGEST]));
		cell->squares = get(squares, wq);
		if (wq2 > 0)
			cell->squares |= (uint128) get(squares + wq, wq2) << 64;
		count += width[W_COUNT];
		sum += width[W_SUM];
		largest += width[W_LARGEST];
		squares += wq + wq2;
		cell++;
	}
}

static void
decode_summary(Reader *r, int flags, ProfileState *state)
{
	uint8		width[NWIDTHS];
	uint64		cellmap[2];
	uint32		gridmap;
	int			ncells;
	int			ngrid;
	int			i;

	if (!want(r, SUMMARY_SIZE))
		return;
	state->newest_left = (int64) take(r, 7) - EVENT_TIME_BIAS;
	state->first_seen = (int64) take(r, 7) - EVENT_TIME_BIAS;
	state->last_approved = (int64) take(r, 7) - EVENT_TIME_BIAS;
	cells_set_anchor(state, hour_of(state->newest_left));
	state->spend_days = take(r, 8);
	state->approved_ever = (uint32) take(r, 3);
	state->odd_statuses = (uint32) take(r, 2);
	cellmap[0] = take(r, 8);
	cellmap[1] = take(r, 4);
	gridmap = (uint32) take(r, 4);
	state->ncountries = (int) take(r, 1);
	for (i = 0; i < NWIDTHS; i += 2)
	{
		uint8		pair = (uint8) take(r, 1);

		width[i] = pair & 15;
		width[i + 1] = pair >> 4;
		if (width[i] > max_width[i] || width[i + 1] > max_width[i + 1])
			r->bad = true;
	}
	if (state->ncards > PROFILE_CARDS || state->ncountries > PROFILE_COUNTRIES ||
		(cellmap[1] >> (PROFILE_CELLS - 64)) != 0 || (gridmap >> PROFILE_GRID) != 0)
		r->bad = true;
	if (r->bad)
		return;

	if (flags & FLAG_LOCATED)
	{
		uint64		position;

		state->located = true;
		state->last_located.time = (int64) take(r, 7) - EVENT_TIME_BIAS;
		state->last_located.card = (uint32) take(r, 4);
		position = take(r, 6);
		state->last_located.lat = (uint32) (position >> 23) & EVENT_POSITION_MAX;
		state->last_located.lon = (uint32) position & EVENT_POSITION_MAX;
	}
	state->has_approved = (flags & FLAG_APPROVED) != 0;

	/* the ring follows, so whole words can be read from here on */
	if (!want(r, 8 * state->ncards + 4 * state->ncountries))
		return;
	for (i = 0; i < state->ncards; i++, r->p += 8)
	{
		uint64		v = get(r->p, 8);

		state->cards[i].card = (uint32) v;
		state->cards[i].second = (uint32) (v >> 32);
	}
	for (i = 0; i < state->ncountries; i++, r->p += 4)
	{
		uint32		v = (uint32) get_near_end(r->p, 4);

		state->countries[i].country = v & 0x3FF;
		state->countries[i].hour = v >> 10;
		if (state->countries[i].country == 0 || state->countries[i].country > EVENT_COUNTRY_MAX)
			r->bad = true;
	}
	if (flags & FLAG_MERCHANTS)
	{
		if (!want(r, BLOOM_SIZE))
			return;
		state->merchants = true;
		memcpy(state->bloom, r->p, BLOOM_SIZE);
		r->p += BLOOM_SIZE;
#ifdef WORDS_BIGENDIAN
		for (i = 0; i < PROFILE_BLOOM_WORDS; i++)
			state->bloom[i] = to_le64(state->bloom[i]);
#endif
	}
	if (flags & FLAG_HOURS)
	{
		int			w = width[W_HOURS];

		/* two more than that is, for the last word */
		if (!want(r, 24 * w + 8))
			return;
		state->hours_known = true;
		for (i = 0; i < 24; i++, r->p += w)
			state->hours[i] = (uint32) get(r->p, w);
		state->day_kind[0] = (uint32) take(r, 3);
		state->day_kind[1] = (uint32) take(r, 3);
	}

	ncells = pg_popcount64(cellmap[0]) + pg_popcount64(cellmap[1]);
	ngrid = pg_popcount32(gridmap);
	if (!want(r, (width[W_ATTEMPTS] + width[W_DECLINED] + width[W_SPEND]) * ncells +
			  (width[W_COUNT] + width[W_SUM] + width[W_LARGEST] + width[W_SQUARES]) * ngrid +
			  8))
		return;
	if (!decode_cells(r->p, width, cellmap, ncells, state))
	{
		r->bad = true;
		return;
	}
	r->p += (width[W_ATTEMPTS] + width[W_DECLINED] + width[W_SPEND]) * ncells;
	decode_grid(r->p, width, gridmap, ngrid, state);
	r->p += (width[W_COUNT] + width[W_SUM] + width[W_LARGEST] + width[W_SQUARES]) * ngrid;
}

bool
profile_decode(const char *image, size_t size, ProfileState *state,
			   const char **why)
{
	Reader		r = {image + 4, image + size, false};
	uint8		flags;

	*why = NULL;
	profile_init(state, 0);
	if (size < HEADER_SIZE || size > PROFILE_MAX_SIZE)
	{
		*why = "its size is impossible";
		return false;
	}
	if (take(&r, 1) != IMAGE_VERSION)
	{
		*why = "its version is unknown";
		return false;
	}
	flags = (uint8) take(&r, 1);
	state->n = (int) take(&r, 1);
	state->ncards = (int) take(&r, 1);
	state->basis = take(&r, 8);
	if (state->n > PROFILE_RING || (!(flags & FLAG_SUMMARY) && state->ncards > 0))
		r.bad = true;
	/* an event leaves only when 32 newer ones stay */
	if ((flags & FLAG_SUMMARY) && state->n != PROFILE_RING)
		r.bad = true;
	if (!r.bad && (flags & FLAG_LABELS))
		decode_labels(&r, state);
	if (!r.bad && (flags & FLAG_SUMMARY))
		decode_summary(&r, flags, state);
	state->unavailable = (flags & FLAG_UNAVAILABLE) != 0;
	if (r.bad || (size_t) (r.end - r.p) != (size_t) state->n * EVENT_SIZE)
	{
		*why = "its parts do not add up to its size";
		return false;
	}
	memcpy(state->ring, r.p, state->n * EVENT_SIZE);
	return true;
}

bool
profile_decode_foreign(const char *image, size_t size, ProfileState *state,
					   const char **why)
{
	char		again[PROFILE_BUFFER_SIZE];
	int			i;

	if (!profile_decode(image, size, state, why))
		return false;
	for (i = 0; i < state->n; i++)
	{
		const uint8 *e = state->ring + i * EVENT_SIZE;

		if (!event_ok(e))
			*why = "an event is impossible";
		else if (i > 0 && memcmp(e - EVENT_SIZE, e, EVENT_KEY_SIZE) >= 0)
			*why = "its events are out of order";
	}
	if (state->unavailable && (size != HEADER_SIZE || state->basis != 0))
		*why = "its parts do not add up to its size";
	if (*why == NULL && !profile_state_ok(state))
		*why = "its summary is impossible";
	if (*why == NULL &&
		(profile_encode(state, again) != size || memcmp(again + 4, image + 4, size - 4) != 0))
		*why = "it is not in canonical form";
	return *why == NULL;
}

bool
profile_image_unavailable(const char *image)
{
	return (image[5] & FLAG_UNAVAILABLE) != 0;
}
