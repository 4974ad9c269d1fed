/* core/message/enrolment.h - who is insured at a commercial insurer: its list, as a sorted file of keyed hashes.
 *
 * An insurer hands over who is enrolled, each day, as numbers of identity papers or as their SM3 (insurer.md 3 and 6.2;
 * neither profile has such a list, so its form is ours):
 *  - enrolment_read(), enrolment_write()   `yitong enrolment load`: the text is checked whole, hashed, sorted, and
 * takes the place of the file at once                   (enrolment_load.c)
 *  - enrolment_now()                       a worker, before anything of a person leaves for the insurer: the file is
 *                                          mapped for reading, and a newer one noticed      (enrolment.c)
 * On the disk is no number and no plain digest of one, since these can be tried out one after the other: a row is the
 * first 16 octets of HMAC-SM3(key, party LF SM3-hex(number)).  A file made with another key, or for another party, is
 * told from its head and refused. */
#ifndef YT_MESSAGE_ENROLMENT_H
#define YT_MESSAGE_ENROLMENT_H

#include "format/keys.h"

#define ENROLMENT_ROW 16            /* octets */
#define ENROLMENT_ROWS_MAX 20000000 /* of one list: 320 MB */
#define ENROLMENT_LOOK_MS 1000      /* a worker looks so often whether there is a newer file */

/* With what a list is hashed; all borrowed. */
struct enrolment_key {
	const struct yt_keys *keys;
	struct yt_str name; /* of a secret */
	struct yt_str party;
};

/* The row of one paper's number, small letters as capital ones, or of the 64 hex digits of its SM3.  YT_EFORMAT: no
 * paper has such a number; YT_ENOTFOUND, YT_ESTATE: the key, as keys_hmac(). */
int enrolment_row(const struct enrolment_key *key, struct yt_str certno, uint8_t row[ENROLMENT_ROW]);

struct enrolment; /* an open list; the file may be replaced, but never written into, while it is open */

/* Maps the file and checks it whole: head, key, checksum, order.  YT_ENOTFOUND: there is none; YT_ECORRUPT, YT_EDENIED
 * (made with another key or for another party), YT_EIO, with why; YT_ENOMEM. */
int enrolment_open(struct enrolment **out, const char *file, const struct enrolment_key *key, char *why, size_t size);
void enrolment_close(struct enrolment *list); /* NULL is fine */
uint64_t enrolment_count(const struct enrolment *list);
int64_t enrolment_day(const struct enrolment *list);       /* that it is of, as calendar_day() */
int64_t enrolment_loaded_ms(const struct enrolment *list); /* when it was made, wall clock */
/* It is of a day more than max_age_days before that of wall_ms. */
bool enrolment_is_old(const struct enrolment *list, int64_t wall_ms, uint32_t max_age_days);
bool enrolment_has(const struct enrolment *list, const uint8_t row[ENROLMENT_ROW]);

/* A file that may be replaced at any time. */
struct enrolment_watch {
	const char *file; /* borrowed, as what key points to */
	struct enrolment_key key;
	uint32_t max_age_days;
	/* enrolment_now()'s own, zeroed */
	struct enrolment *list;
	int error; /* of enrolment_open() */
	int64_t look_ms;
	uint64_t device, inode, size;
	int64_t changed_ns;
};

enum enrolment_state {
	ENROLMENT_CURRENT,
	ENROLMENT_MISSING,
	ENROLMENT_UNUSABLE, /* the log says why */
	ENROLMENT_OLD       /* of a day that is more than max_age_days ago */
};

/* The list as it is now; *list: for ENROLMENT_CURRENT and ENROLMENT_OLD, until the next call; else NULL. */
enum enrolment_state enrolment_now(
        struct enrolment_watch *watch, int64_t mono_ms, int64_t wall_ms, const struct enrolment **list);
void enrolment_watch_end(struct enrolment_watch *watch);

/* -- making one ------------------------------------------------------------------------------------------- */

/* Text in UTF-8, a number in each line, LF or CRLF.  A line "#day 2026-11-22" says which day it is of, "#count 3" how
 * many numbers there are; other lines that begin with #, and empty ones, say nothing.  A first line "certno" is a
 * heading. */
struct enrolment_load {
	struct enrolment_key key;
	struct yt_str text;
	/* Each fault of the text, and how far reading is (octets of all): may be NULL. */
	void (*fault)(void *ctx, uint64_t line, const char *why);
	void (*progress)(void *ctx, uint64_t done, uint64_t all);
	void *ctx;
	uint64_t most; /* numbers; 0: ENROLMENT_ROWS_MAX */
	int64_t day;   /* as calendar_day(); INT64_MIN: the text says it.  Where both do they agree, or it is a fault */
	/* What came of it; rows the caller's to free(). */
	uint8_t *rows;
	uint64_t n_rows, n_twice, n_faults; /* n_twice: were there before and count once */
};

/* Reads, hashes and sorts.  YT_EFORMAT: it has faults; YT_ENOTFOUND, YT_ESTATE: the key; YT_ENOMEM. */
int enrolment_read(struct enrolment_load *load);
/* Replaces the file, whole or not at all, and durably; by root, as the file of the user and group of its folder.
 * YT_EIO; YT_ENOTFOUND, YT_ESTATE: the key; always with why. */
int enrolment_write(const struct enrolment_load *load, const char *file, int64_t wall_ms, char *why, size_t size);

#endif
