/*-------------------------------------------------------------------------
 *
 * arena.h
 *	  Memory of one reading, given back in one go.
 *
 * Blocks come from palloc(), so in the server a longjmp loses nothing, and
 * arena_free() leaves nothing behind where there are no memory contexts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRAUD_CONFIG_ARENA_H
#define FRAUD_CONFIG_ARENA_H

typedef struct ArenaBlock ArenaBlock;

typedef struct Arena
{
	ArenaBlock *blocks;
	char	   *next;
	size_t		left;
} Arena;

/* Zeroed, 8-byte aligned. Out of memory: the server's error. */
extern void *arena_alloc(Arena *arena, size_t size);

/* The same, but NULL when out of memory: for callers that must clean up. */
extern void *arena_try(Arena *arena, size_t size);

extern void arena_free(Arena *arena);

#endif							/* FRAUD_CONFIG_ARENA_H */
