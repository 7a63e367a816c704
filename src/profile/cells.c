/*-------------------------------------------------------------------------
 *
 * cells.c
 *	  Counts on the clock: cells that coarsen with age, and the three-day grid.
 *
 * The rules of the game are in profile.h. Blocks of a level start at whole
 * multiples of its length since 2000-01-01 UTC, and each length divides the
 * next, so blocks nest.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "profile/profile.h"

/*
 * Blocks of each level that are kept fine, the anchor's own among them: one
 * more than 24 hours, 7 and 30 days, because the old edge of such a window cuts
 * a block as well.
 */
#define BLOCKS_1H	25
#define BLOCKS_6H	29
#define BLOCKS_DAY	31

static inline int32
block_start(int32 hour, int hours)
{
	return floor_div(hour, hours) * hours;
}

/* The level of the cell that covers an hour, or -1 if it is too old. */
static inline int
cell_level(const ProfileState *state, int32 hour)
{
	int			level;

	for (level = 0; level < CELL_LEVELS; level++)
		if (hour >= state->level_first[level])
			return level;
	return -1;
}

static inline int32
cell_start(int level, int32 hour)
{
	switch (level)
	{
		case 0:
			return hour;
		case 1:
			return block_start(hour, 6);
		case 2:
			return block_start(hour, 24);
		default:
			return block_start(hour, 72);
	}
}

/* Sets the anchor and what follows from it: where each level begins. */
void
cells_set_anchor(ProfileState *state, int32 anchor)
{
	state->summary = true;
	state->anchor = anchor;
	state->level_first[0] = anchor - (BLOCKS_1H - 1);
	state->level_first[1] = block_start(anchor, 6) - (BLOCKS_6H - 1) * 6;
	state->level_first[2] = block_start(anchor, 24) - (BLOCKS_DAY - 1) * 24;
	state->level_first[3] = block_start(anchor, 72) - (PROFILE_GRID - 1) * 72;
}

/*
 * Start of the youngest block that holds hours of each level. Together with
 * the level's length this numbers all cells there can be (image.c).
 */
void
cells_youngest(const ProfileState *state, int32 youngest[CELL_LEVELS])
{
	int			level;

	youngest[0] = state->anchor;
	for (level = 1; level < CELL_LEVELS; level++)
		youngest[level] = cell_start(level, state->level_first[level - 1] - 1);
}

/* First hour after a cell: the block's end, or where finer cells take over. */
int32
cell_end(const ProfileState *state, const Cell *cell)
{
	static const int hours[CELL_LEVELS] = {1, 6, 24, 72};
	int32		end = cell->start + hours[cell->level];

	if (cell->level > 0)
		end = Min(end, state->level_first[cell->level - 1]);
	return end;
}

static inline bool
cell_before(const Cell *a, int32 start, int level)
{
	/* the coarser of two with one start holds the older hours */
	return a->start < start || (a->start == start && a->level > level);
}

static inline void
cell_sum(Cell *to, uint64 attempts, uint64 declined, uint64 spend)
{
	to->attempts = add_capped(to->attempts, attempts, CELL_COUNT_MAX);
	to->declined = add_capped(to->declined, declined, CELL_COUNT_MAX);
	to->spend = add_capped(to->spend, spend, CELL_SPEND_MAX);
}

/* Marks the days of spend that are about to vanish into a three-day cell. */
static void
mark_spend_day(ProfileState *state, int32 hour)
{
	int32		base = 3 * (block_of_hour(state->anchor) - PROFILE_GRID + 1);
	int32		bit = floor_div(hour, 24) - base;

	Assert(bit >= 0 && bit < 64);
	state->spend_days |= UINT64_C(1) << bit;
}

/*
 * Adds to the cell that covers start_hour under the present anchor. What comes
 * from a three-day cell (from_level 3) no longer knows its day of spend.
 */
void
cells_add(ProfileState *state, int32 start_hour, int from_level,
		  uint64 attempts, uint64 declined, uint64 spend)
{
	int			level = cell_level(state, start_hour);
	int32		start;
	int			i;

	if (level < 0)
		return;
	if (level == 3 && from_level < 3 && spend > 0)
		mark_spend_day(state, start_hour);
	if (attempts == 0 && declined == 0 && spend == 0)
		return;
	start = cell_start(level, start_hour);

	/* mostly the newest one: search from the end */
	for (i = state->ncells; i > 0; i--)
	{
		if (cell_before(&state->cells[i - 1], start, level))
			break;
		if (state->cells[i - 1].start == start && state->cells[i - 1].level == level)
		{
			cell_sum(&state->cells[i - 1], attempts, declined, spend);
			return;
		}
	}
	memmove(&state->cells[i + 1], &state->cells[i],
			(state->ncells - i) * sizeof(Cell));
	state->ncells++;
	Assert(state->ncells <= PROFILE_CELLS);
	state->cells[i].start = start;
	state->cells[i].level = level;
	state->cells[i].attempts = 0;
	state->cells[i].declined = 0;
	state->cells[i].spend = 0;
	cell_sum(&state->cells[i], attempts, declined, spend);
}

/* Moves the anchor on: relabels cells, adds up what coarsens, drops the old. */
void
cells_advance(ProfileState *state, int32 anchor)
{
	int			shift;
	int			i;
	int			n = 0;

	if (!state->summary)
	{
		cells_set_anchor(state, anchor);
		return;
	}
	if (anchor <= state->anchor)
		return;

	shift = block_of_hour(anchor) - block_of_hour(state->anchor);
	if (shift > 0)
	{
		state->spend_days = 3 * (int64) shift < 64 ? state->spend_days >> (3 * shift) : 0;
		for (i = 0; i < state->ngrid; i++)
			if (block_of_hour(anchor) - state->grid[i].block < PROFILE_GRID)
				break;
		state->ngrid -= i;
		memmove(state->grid, state->grid + i, state->ngrid * sizeof(GridCell));
	}
	cells_set_anchor(state, anchor);

	for (i = 0; i < state->ncells; i++)
	{
		Cell		cell = state->cells[i];
		int			level = cell_level(state, cell.start);
		int32		start;

		if (level < 0)
			continue;
		Assert(level >= cell.level);
		start = cell_start(level, cell.start);
		if (level == 3 && cell.level < 3 && cell.spend > 0)
			mark_spend_day(state, cell.start);
		if (n > 0 && state->cells[n - 1].start == start && state->cells[n - 1].level == level)
			cell_sum(&state->cells[n - 1], cell.attempts, cell.declined, cell.spend);
		else
		{
			cell.start = start;
			cell.level = level;
			state->cells[n++] = cell;
		}
	}
	state->ncells = n;
}

/* 26 significant bits: rounding down keeps max() commutative. */
uint64
grid_largest_round(uint64 amount)
{
	int			drop = 0;

	while ((amount >> drop) >= (UINT64_C(1) << 26))
		drop++;
	return amount >> drop << drop;
}

void
grid_add(ProfileState *state, const GridCell *add)
{
	GridCell   *cell;
	uint128		squares;
	int			i;

	Assert(add->block <= block_of_hour(state->anchor));
	if (block_of_hour(state->anchor) - add->block >= PROFILE_GRID)
		return;

	for (i = state->ngrid; i > 0 && state->grid[i - 1].block >= add->block; i--)
		;
	cell = &state->grid[i];
	if (i == state->ngrid || cell->block != add->block)
	{
		memmove(cell + 1, cell, (state->ngrid - i) * sizeof(GridCell));
		memset(cell, 0, sizeof(GridCell));
		cell->block = add->block;
		state->ngrid++;
		Assert(state->ngrid <= PROFILE_GRID);
	}
	cell->count = add_capped(cell->count, add->count, GRID_COUNT_MAX);
	cell->sum = add_capped(cell->sum, add->sum, GRID_SUM_MAX);
	cell->largest = Max(cell->largest, grid_largest_round(add->largest));
	squares = cell->squares + add->squares;
	cell->squares = Min(squares, GRID_SQUARES_MAX);
}
