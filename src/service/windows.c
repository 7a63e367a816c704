/*-------------------------------------------------------------------------
 *
 * windows.c
 *	  Maintenance windows; see windows.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "service/windows.h"

bool
window_occurrence(const Window *window, int64 wall, int64 *starts, int64 *ends)
{
	int64		later = 0;

	/* the first one that has not ended */
	if (window->every > 0 && wall >= window->ends)
		later = ((wall - window->ends) / window->every + 1) * window->every;
	*starts = window->starts + later;
	*ends = window->ends + later;
	return wall < *ends;
}

bool
window_open(const Window *window, int64 wall)
{
	int64		starts;
	int64		ends;

	return window_occurrence(window, wall, &starts, &ends) && wall >= starts;
}

int
windows_current(const WindowTable *table, int64 wall, int64 *ends)
{
	int			current = -1;
	int64		at = wall;
	bool		longer = true;

	/* from the end of each the next one, as long as there is one */
	for (int rounds = 0; longer && rounds < WINDOWS_MAX; rounds++)
	{
		longer = false;
		for (int i = 0; i < table->n; i++)
		{
			int64		starts;
			int64		over;

			if (!window_occurrence(&table->window[i], at, &starts, &over) || starts > at)
				continue;
			if (rounds == 0 && (current < 0 || over > *ends))
			{
				current = i;
				*ends = over;
				longer = true;
			}
			else if (rounds > 0 && over > *ends)
			{
				*ends = over;
				longer = true;
			}
		}
		if (current < 0)
			return -1;
		at = *ends;
	}
	return current;
}

int64
windows_add(WindowTable *table, const Window *window)
{
	if (table->n == WINDOWS_MAX)
		return 0;
	table->window[table->n] = *window;
	table->window[table->n].announced = false;
	table->window[table->n].id = ++table->last_id;
	table->n++;
	return table->last_id;
}

int
windows_find(const WindowTable *table, int64 id)
{
	for (int i = 0; i < table->n; i++)
		if (table->window[i].id == id)
			return i;
	return -1;
}

void
windows_remove(WindowTable *table, int i)
{
	table->n--;
	memmove(&table->window[i], &table->window[i + 1], sizeof(Window) * (table->n - i));
}

int
windows_over(const WindowTable *table, int64 wall)
{
	for (int i = 0; i < table->n; i++)
	{
		int64		starts;
		int64		ends;

		if (!window_occurrence(&table->window[i], wall, &starts, &ends))
			return i;
	}
	return -1;
}
