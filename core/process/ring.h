/* core/process/ring.h - shared memory between one worker and the keeper: two rings and a board.
 *
 * The supervisor makes one area per worker (a memfd) and hands it to both.  Each ring has one writer and
 * one reader in different processes and is hostile input to its reader: a message is copied out once,
 * then its bounds, sequence and CRC are checked.  A slot of the upward ring is given back only when what
 * it held is durable (ring_release), so a keeper that dies leaves it for the next one.
 *
 * The board is written by the worker and read by the supervisor: counters, and the black box (box.h). */
#ifndef YT_PROCESS_RING_H
#define YT_PROCESS_RING_H

#include "journal/talk.h"
#include "process/box.h"

#define BOARD_LANES 256 /* parties of a configuration, at most */

/* One party's lane in one worker.  The worker writes all but is_stopped, which is the keeper's. */
struct board_lane {
	char name[32]; /* written once, before the worker says hello */
	_Atomic uint32_t is_stopped;
	_Atomic uint32_t connections, busy, queued;
	_Atomic uint64_t sent, answered, lost, timed_out, not_sent;
	_Atomic int64_t failed_ms; /* wall clock of the newest leg that was not answered; 0: none */
	char why[64];              /* and why: may be half another's for a moment, so only for people */
};

struct board {
	_Atomic uint32_t incarnation; /* written by the keeper; 0: the worker is not yet welcome */
	_Atomic uint32_t connections;
	_Atomic uint32_t beats; /* turns of its loop's clock, some a second: no thread of it is stuck */
	_Atomic uint64_t requests, answered, refused, reads, unknown, in_flight, leases, dropped, quotes, quotes_missed,
	        one_stops, one_stops_missed;
	struct board_lane lanes[BOARD_LANES];
	struct boxes boxes;
};

#define QUARANTINE_SLOTS 64

struct quarantine {         /* written by the supervisor, read by all workers */
	_Atomic uint32_t n; /* slots ever filled; the newest 64 are kept */
	struct {
		uint8_t digest[32]; /* SHA-256 of octets that killed a worker */
		int64_t until_mono_ms;
	} slot[QUARANTINE_SLOTS];
};

struct ring; /* lives in the area */

struct area { /* one process's view of a worker's shared memory */
	struct board *board;
	struct ring *up, *down;
	size_t size;
	uint32_t ring_bytes;
};

/* A new area's memfd, sized: each ring has as many MiB, rounded up to a power of two; -1 with errno. */
int area_make(uint32_t ring_mib);
/* Maps it.  YT_ECORRUPT: it is no area of ours. */
int area_map(struct area *area, int fd);
void area_unmap(struct area *area);

/* Puts a message; wake: an eventfd written when the reader sleeps.  YT_ENOSPC: it does not fit now;
 * YT_ELIMIT: it never will. */
int ring_put(struct ring *ring, uint32_t ring_bytes, const struct talk *talk, int wake_fd);
/* The same for what nobody waits for: a reader that sleeps is left alone, as it looks by itself every few
 * milliseconds, until the ring is a quarter full. */
int ring_put_quietly(struct ring *ring, uint32_t ring_bytes, const struct talk *talk, int wake_fd);

struct ring_reader {
	struct ring *ring;
	uint32_t bytes;     /* its size as the area was made: what is in it may be altered */
	uint64_t at;        /* next byte to read, not yet released */
	bool stays_awake;   /* it will look again soon by itself: writers need not wake it */
	struct yt_buf copy; /* the message read last */
};
/* Starts at the first byte that was not released. */
void ring_reader_init(struct ring_reader *reader, struct ring *ring, uint32_t ring_bytes);
/* The next message, copied; payload is borrowed until the next call.  YT_ENOTFOUND: none; the reader then
 * counts as asleep, unless stays_awake.  YT_ECORRUPT: nonsense; the writer must be killed. */
int ring_get(struct ring_reader *reader, struct talk *talk);
bool ring_is_empty(const struct ring_reader *reader);
void ring_release(struct ring_reader *reader, uint64_t up_to); /* up_to: a former reader->at */
void ring_reader_free(struct ring_reader *reader);

#endif
