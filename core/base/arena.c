/* core/base/arena.c - memory of one message: many allocations, one end.
 *
 * Blocks in a chain, the newest handed out from front to back.  The arena itself stands at the head
 * of its first block, so a small message costs one malloc and a reset arena, which keeps its largest
 * block of usual size too, mostly costs none.
 *
 * Zeroes are promised but seldom written: a block comes zeroed from calloc(), which costs nothing
 * for fresh pages, and only what an earlier use had handed out (below `dirty`) is cleared again.
 *
 * Under ASan the bytes not handed out are poisoned, with a gap after each allocation, so that running
 * over the end of one and using one after yt_arena_reset() are reported. */
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/arena_guard.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define GUARD 16 /* bytes left poisoned after each allocation */
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)0)
#define GUARD 0
#endif

enum {
	ALIGN = 16,
	FIRST_BLOCK = 8192,      /* a 2 KB message with its tree fits */
	KEPT_BLOCK = 1 << 16,    /* a reset arena keeps one more block of up to so many bytes */
	TRIMMED = 1 << 24,       /* a message that took so much gives it back to the system, some ms of work */
	LARGEST_BLOCK = 1 << 18, /* blocks double up to here; larger allocations get a block of their own size */
};

struct block {
	struct block *older;
	size_t size;  /* bytes in data */
	size_t used;  /* handed out, gaps included */
	size_t dirty; /* handed out at any time since calloc(): beyond it there are only zeroes */
	_Alignas(16) uint8_t data[];
};

struct fenced;

struct yt_arena {
	struct block *newest;
	struct block *first; /* holds this struct too */
	struct block *kept;  /* by the last reset, not in use; or NULL */
	size_t limit;        /* bytes, 0 for none */
	size_t more;         /* allowed beyond it until the next reset */
	size_t handed_out;
	bool is_guarded; /* arena_guard.h */
	struct fenced *fenced;
};

static struct block *block_new(size_t size)
{
	struct block *b;

	if (size > SIZE_MAX - sizeof(*b))
		return NULL;
	b = calloc(1, sizeof(*b) + size);
	if (b == NULL)
		return NULL;
	b->size = size;
	ASAN_POISON_MEMORY_REGION(b->data, b->size);
	return b;
}

static void block_free(struct block *b)
{
	ASAN_UNPOISON_MEMORY_REGION(b->data, b->size);
	free(b);
}

/* Bytes that an allocation of size takes in a block; size is at most SIZE_MAX / 2. */
static size_t taken_by(size_t size)
{
	/* An allocation of nothing gets an address of its own too. */
	return (size + (size == 0) + ALIGN - 1) / ALIGN * ALIGN + GUARD;
}

/* The block must have room for taken_by(size).  *soiled: so many bytes from the start may not be zero. */
static void *block_take(struct block *b, size_t size, size_t *soiled)
{
	uint8_t *p = b->data + b->used;
	size_t was_used = b->dirty - b->used;

	ASAN_UNPOISON_MEMORY_REGION(p, size);
	*soiled = size < was_used ? size : was_used;
	b->used += taken_by(size);
	if (b->dirty < b->used)
		b->dirty = b->used;
	return p;
}

struct yt_arena *yt_arena_new(size_t limit)
{
	struct block *b = block_new(FIRST_BLOCK);
	struct yt_arena *arena;
	size_t soiled;

	if (b == NULL)
		return NULL;
	arena = block_take(b, sizeof(*arena), &soiled);
	arena->newest = b;
	arena->first = b;
	arena->limit = limit;
	return arena;
}

/* -- arena_guard.h ------------------------------------------------------------------------------ */

void arena_allow(struct yt_arena *arena, size_t more)
{
	arena->more += more;
}

struct fenced { /* one allocation with pages of its own; stands at their beginning */
	struct fenced *older;
	size_t size; /* of the mapping */
};

void arena_guard(struct yt_arena *arena)
{
	arena->is_guarded = true;
	arena->newest->used = arena->newest->size; /* whatever is asked for needs a new block */
}

static void *take_fenced(struct yt_arena *arena, size_t size)
{
	const size_t page = 4096;
	size_t taken = (taken_by(size) + sizeof(struct fenced) + page - 1) / page * page;
	uint8_t *map = mmap(NULL, taken + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct fenced *f = (struct fenced *)map;

	if (map == MAP_FAILED)
		return NULL;
	if (mprotect(map + taken, page, PROT_NONE) != 0) {
		munmap(map, taken + page);
		return NULL;
	}
	*f = (struct fenced){ arena->fenced, taken + page };
	arena->fenced = f;
	return map + taken - taken_by(size);
}

static void free_fenced(struct yt_arena *arena)
{
	for (struct fenced *f = arena->fenced, *older; f != NULL; f = older) {
		older = f->older;
		munmap(f, f->size);
	}
	arena->fenced = NULL;
}

/* Leaves the first block only, and the largest of those worth keeping. */
static void free_all_but_first(struct yt_arena *arena)
{
	for (struct block *b = arena->newest, *older; b != NULL; b = older) {
		older = b->older;
		if (b == arena->first)
			continue;
		if (b->size <= KEPT_BLOCK && (arena->kept == NULL || arena->kept->size < b->size)) {
			if (arena->kept != NULL)
				block_free(arena->kept);
			arena->kept = b;
		} else {
			block_free(b);
		}
	}
	arena->newest = arena->first;
	arena->first->older = NULL;
	if (arena->handed_out >= TRIMMED)
		malloc_trim(0); /* else the allocator keeps what a day's statement took until the process ends */
}

void yt_arena_free(struct yt_arena *arena)
{
	if (arena == NULL)
		return;
	free_fenced(arena);
	free_all_but_first(arena);
	if (arena->kept != NULL)
		block_free(arena->kept);
	block_free(arena->first);
}

static void block_empty(struct block *b, size_t used)
{
	b->used = used;
	ASAN_POISON_MEMORY_REGION(b->data + used, b->size - used);
}

void yt_arena_reset(struct yt_arena *arena)
{
	free_fenced(arena);
	free_all_but_first(arena);
	block_empty(arena->first, arena->is_guarded ? arena->first->size : taken_by(sizeof(*arena)));
	if (arena->kept != NULL)
		block_empty(arena->kept, 0);
	arena->handed_out = 0;
	arena->more = 0;
}

static struct block *take_kept(struct yt_arena *arena)
{
	struct block *b = arena->kept;

	arena->kept = NULL;
	return b;
}

/* The newest block is full. */
static void *take_in_plain_block(struct yt_arena *arena, size_t size, size_t *soiled)
{
	struct block *newest = arena->newest;
	size_t next_size = newest->size < LARGEST_BLOCK ? newest->size * 2 : LARGEST_BLOCK;
	bool fits_kept = arena->kept != NULL && taken_by(size) <= arena->kept->size;
	bool is_large = !fits_kept && taken_by(size) > next_size / 2;
	struct block *b = fits_kept ? take_kept(arena) : block_new(is_large ? taken_by(size) : next_size);

	if (b == NULL)
		return NULL;
	if (is_large) { /* goes behind, so that the open block's rest is not lost */
		b->older = newest->older;
		newest->older = b;
	} else {
		b->older = newest;
		arena->newest = b;
	}
	return block_take(b, size, soiled);
}

static __attribute__((noinline)) void *take_in_new_block(struct yt_arena *arena, size_t size, size_t *soiled)
{
	if (!arena->is_guarded)
		return take_in_plain_block(arena, size, soiled);
	*soiled = 0;
	return take_fenced(arena, size);
}

/* As yt_arena_alloc(), but its first *soiled bytes hold anything.  Inline with block_take(): a message takes hundreds
 * of pieces, nearly all from the open block. */
static inline __attribute__((always_inline)) void *arena_take(struct yt_arena *arena, size_t size, size_t *soiled)
{
	struct block *b = arena->newest;
	void *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	if (arena->limit != 0 && size > arena->limit + arena->more - arena->handed_out)
		return NULL;
	if (taken_by(size) <= b->size - b->used)
		p = block_take(b, size, soiled);
	else
		p = take_in_new_block(arena, size, soiled);
	if (p != NULL)
		arena->handed_out += size;
	return p;
}

void *yt_arena_alloc(struct yt_arena *arena, size_t size)
{
	size_t soiled = 0;
	void *p = arena_take(arena, size, &soiled);

	if (soiled > 0)
		memset(p, 0, soiled);
	return p;
}

struct yt_str yt_arena_copy(struct yt_arena *arena, struct yt_str s)
{
	size_t soiled;
	char *p = s.n < SIZE_MAX / 2 ? arena_take(arena, s.n + 1, &soiled) : NULL;

	if (p == NULL)
		return (struct yt_str){ NULL, 0 };
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (struct yt_str){ p, s.n };
}

struct yt_str yt_arena_printf(struct yt_arena *arena, const char *fmt, ...)
{
	char small[256]; /* nearly all are; what is longer is made a second time */
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(small))
		return yt_arena_copy(arena, (struct yt_str){ small, (size_t)n });
	p = n >= 0 ? yt_arena_alloc(arena, (size_t)n + 1) : NULL;
	if (p == NULL)
		return (struct yt_str){ NULL, 0 };
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return (struct yt_str){ p, (size_t)n };
}
