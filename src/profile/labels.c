/*-------------------------------------------------------------------------
 *
 * labels.c
 *	  Confirmed frauds: counts by block, and the ones known last.
 *
 * Counts run over the newest block with a fraud and the 90 days before it.
 * A count says nothing about when a fraud became known; the labels kept whole
 * answer that for the most recent ones (view.c subtracts those that were not
 * known at the time asked).
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "profile/profile.h"

void
frauds_add(ProfileState *state, int32 block, uint32 count)
{
	FraudCell  *cells = state->frauds;
	int			n = state->nfrauds;
	int			i;

	if (n > 0 && cells[n - 1].block - block >= PROFILE_GRID)
		return;
	for (i = n; i > 0 && cells[i - 1].block >= block; i--)
		;
	if (i < n && cells[i].block == block)
	{
		cells[i].count = add_capped(cells[i].count, count, FRAUDS_COUNT_MAX);
		return;
	}
	if (i == n)
	{
		/* a new newest block: the oldest may fall out first */
		int			drop = 0;

		while (drop < n && block - cells[drop].block >= PROFILE_GRID)
			drop++;
		n -= drop;
		memmove(cells, cells + drop, n * sizeof(FraudCell));
		i = n;
	}
	memmove(&cells[i + 1], &cells[i], (n - i) * sizeof(FraudCell));
	cells[i].block = block;
	cells[i].count = Min(count, FRAUDS_COUNT_MAX);
	state->nfrauds = n + 1;
	Assert(state->nfrauds <= PROFILE_GRID);
}

void
labels_add(ProfileState *state, const Label *label)
{
	Label	   *set = state->labels;
	int			n = state->nlabels;
	int			i;

	for (i = n; i > 0; i--)
	{
		const Label *l = &set[i - 1];

		if (l->known > label->known ||
			(l->known == label->known &&
			 (l->id > label->id || (l->id == label->id && l->hour >= label->hour))))
			break;
	}
	memmove(&set[i + 1], &set[i], (n - i) * sizeof(Label));
	set[i] = *label;
	state->nlabels = Min(n + 1, PROFILE_LABELS);
}

void
labels_merge(ProfileState *state, const ProfileState *other)
{
	int			i;

	for (i = 0; i < other->nfrauds; i++)
		frauds_add(state, other->frauds[i].block, other->frauds[i].count);
	for (i = 0; i < other->nlabels; i++)
		labels_add(state, &other->labels[i]);
}
