/* yitong/base.h - what every room and every plugin stands on: results, slices, arena, buffer.
 *
 * Knows nothing above it.  Implemented in core/base/. */
#ifndef YITONG_BASE_H
#define YITONG_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define YT_EXPORT __attribute__((visibility("default")))
#define YT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Results: 0 or one of these.  Whose fault it is decides what the caller does next. */
enum yt_error {
	YT_ENOMEM = -1,  /* ours: no memory, or an arena's limit is reached */
	YT_EFORMAT = -2, /* the peer's fault: answer it with a refusal */
	YT_ELIMIT = -3,  /* the peer's fault: larger, deeper or longer than a configured limit */
	YT_ECONF = -4,   /* the configuration's fault; the log names file, line and key */
	YT_EIO = -5,     /* the world's: a read, write, sync or socket failed */
	YT_ENOSPC = -6,  /* the world's: disk or ring is full; try later */
	YT_EAGAIN = -7,  /* not now; nothing was done */
	YT_ENOTFOUND = -8,
	YT_ECORRUPT = -9, /* what we wrote is not what we read: stop and say where */
	YT_EDENIED = -10, /* the peer may not do this */
	YT_ESTATE = -11   /* called in a state that does not allow it */
};

/* A short English word for an error, static storage. */
const char *yt_strerror(int error);

/* Aborts with file and line: a broken invariant of our own, never a peer's fault. */
#define YT_REQUIRE(cond) ((cond) ? (void)0 : yt_require_failed(#cond, __FILE__, __LINE__))
void yt_require_failed(const char *cond, const char *file, int line) __attribute__((noreturn));

/* A slice: n bytes at p, not NUL-terminated, borrowed from whoever owns the bytes. */
struct yt_str {
	const char *p;
	size_t n;
};

#define YT_STR(literal) ((struct yt_str){ (literal), sizeof(literal) - 1 })
#define YT_FMT(s) (int)(s).n, (s).p /* for "%.*s" */
/* These three stand here so that a name known to the compiler costs no call. */
static inline struct yt_str yt_str(const char *nul_terminated) /* NULL gives the empty slice */
{
	return (struct yt_str){ nul_terminated, nul_terminated != NULL ? strlen(nul_terminated) : 0 };
}
static inline bool yt_str_eq(struct yt_str a, struct yt_str b)
{
	/* The empty slice may have no pointer, which memcmp() must not see. */
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool yt_str_is(struct yt_str a, const char *nul_terminated)
{
	return yt_str_eq(a, yt_str(nul_terminated));
}
bool yt_str_starts(struct yt_str s, const char *prefix);

/* An arena: allocations that all end together.  Memory is not cleared between uses of
 * yt_arena_reset() but every allocation is returned zeroed. */
struct yt_arena;
/* limit: bytes it may hand out in all, 0 for none.  NULL when out of memory. */
struct yt_arena *yt_arena_new(size_t limit);
void yt_arena_free(struct yt_arena *arena);  /* NULL is fine */
void yt_arena_reset(struct yt_arena *arena); /* keeps memory for a next message of usual size */
/* 16-byte aligned, zeroed; NULL when the limit or memory is exhausted. */
void *yt_arena_alloc(struct yt_arena *arena, size_t size);
/* A NUL-terminated copy; .p is NULL when out of memory. */
struct yt_str yt_arena_copy(struct yt_arena *arena, struct yt_str s);
struct yt_str yt_arena_printf(struct yt_arena *arena, const char *fmt, ...) YT_PRINTF(2, 3);

/* A growing byte buffer.  A failed append sets .failed and keeps what was there; check once at
 * the end.  Zero-initialised is empty and valid. */
struct yt_buf {
	uint8_t *p;
	size_t n;   /* bytes in use */
	size_t cap; /* bytes allocated */
	bool failed;
};
void yt_buf_add(struct yt_buf *buf, const void *bytes, size_t n);
void yt_buf_byte(struct yt_buf *buf, uint8_t byte);
void yt_buf_str(struct yt_buf *buf, struct yt_str s);
void yt_buf_text(struct yt_buf *buf, const char *nul_terminated);
void yt_buf_printf(struct yt_buf *buf, const char *fmt, ...) YT_PRINTF(2, 3);
/* Room for n more bytes, uninitialised, counted as used; NULL (and .failed) when out of memory. */
uint8_t *yt_buf_room(struct yt_buf *buf, size_t n);
void yt_buf_clear(struct yt_buf *buf); /* n = 0, not failed, keeps the memory */
void yt_buf_free(struct yt_buf *buf);  /* back to the zero state */
static inline struct yt_str yt_buf_view(const struct yt_buf *buf)
{
	return (struct yt_str){ (const char *)buf->p, buf->n };
}

/* Money: integer fen, exact.  Source: nhsa.md 3.1 ("never as floating point"). */
/* Reads "12", "12.3", "-12.30", also "12.300" (further digits must be 0).  YT_EFORMAT if it is
 * not a plain decimal or has a part below one fen; |value| is at most 99 999 999 999 999.99. */
int yt_fen_parse(struct yt_str text, int64_t *fen);
/* "-12.30", at most 24 bytes with the NUL. */
void yt_fen_print(int64_t fen, char out[24]);

/* Time: business time is UTC+8 whatever TZ says. */
int64_t yt_wall_ms(void); /* ms since 1970 UTC */
int64_t yt_mono_ms(void); /* ms of the monotonic clock: deadlines */
/* yyyyMMddHHmmss (14 characters and NUL) of wall_ms in UTC+8. */
void yt_time_compact(int64_t wall_ms, char out[15]);
/* "yyyy-MM-dd HH:mm:ss" (19 characters and NUL) of wall_ms in UTC+8. */
void yt_time_print(int64_t wall_ms, char out[20]);
/* Reads yyyyMMddHHmmss[SSS], "yyyy-MM-dd HH:mm:ss" or "yyyy-MM-dd" as UTC+8. */
int yt_time_parse(struct yt_str text, int64_t *wall_ms);

/* Log: one line each to stderr, "2026-11-22 10:00:00.123 level process room: text".  Never pass
 * names, id numbers, cards, accounts, phones or tokens (promise P9). */
enum yt_level { YT_DEBUG, YT_INFO, YT_WARN, YT_ERROR };
void yt_log_setup(const char *process, enum yt_level least);
void yt_log(enum yt_level level, const char *room, const char *fmt, ...) YT_PRINTF(3, 4);
/* watch hears the text of each line of any level too, until it is NULL again; for programs of one thread. */
void yt_log_watch(void (*watch)(void *ctx, enum yt_level level, const char *text), void *ctx);

/* Bounds lines whose number others decide: ten a second of one kind.  True if one more may be written; the first of a
 * later second says before it how many were left out, "N more <what> are not shown". */
struct yt_pace {
	int64_t second;
	uint32_t n;
};
bool yt_pace(struct yt_pace *pace, int64_t mono_ms, const char *room, const char *what);

#endif
