/*-------------------------------------------------------------------------
 *
 * arena.c
 *	  Memory of one reading; see arena.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "config/arena.h"

#define ARENA_BLOCK			((size_t) 16 * 1024)
#define ARENA_ALIGN(n)		TYPEALIGN(8, n)

struct ArenaBlock
{
	ArenaBlock *older;
	uint64		pad;			/* keeps what follows aligned */
};

static void *
arena_get(Arena *arena, size_t size, int flags)
{
	char	   *result;

	size = ARENA_ALIGN(Max(size, 1));
	if (size > arena->left)
	{
		size_t		room = Max(size, ARENA_BLOCK);
		ArenaBlock *block;

		block = palloc_extended(sizeof(ArenaBlock) + room,
								flags | MCXT_ALLOC_ZERO);
		if (block == NULL)
			return NULL;
		block->older = arena->blocks;
		arena->blocks = block;
		arena->next = (char *) (block + 1);
		arena->left = room;
	}
	result = arena->next;
	arena->next += size;
	arena->left -= size;
	return result;
}

void *
arena_alloc(Arena *arena, size_t size)
{
	return arena_get(arena, size, 0);
}

void *
arena_try(Arena *arena, size_t size)
{
	return arena_get(arena, size, MCXT_ALLOC_NO_OOM);
}

void
arena_free(Arena *arena)
{
	while (arena->blocks != NULL)
	{
		ArenaBlock *block = arena->blocks;

		arena->blocks = block->older;
		pfree(block);
	}
	arena->next = NULL;
	arena->left = 0;
}
