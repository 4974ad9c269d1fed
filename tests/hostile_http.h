/* tests/hostile_http.h - octets that two HTTP readers could understand differently, and what ours must make of them.
 *
 * The facts are those of RFC 9110 and 9112 and of what is publicly known to have parted readers (request smuggling,
 * response splitting, parser test collections); rows and words are our own.  test_http1.c holds the reader to them at
 * every split, test_server.c a listener: nothing reaches the engine beyond what row says, and the next is served. */
#ifndef HOSTILE_HTTP_H
#define HOSTILE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hostile_end {
	HOSTILE_REFUSED, /* after the whole ones: refused, whatever follows */
	HOSTILE_TAKEN,   /* nothing is left over */
	HOSTILE_WAITS,   /* not whole: it is never acted on */
	HOSTILE_ENDLESS  /* answers: its body ends with the connection */
};

struct hostile {
	const char *why; /* completes "refused (taken, ...) as ..." */
	const char *bytes;
	size_t n;
	int whole; /* messages before the end */
	enum hostile_end end;
};

/* What the rows count on. */
#define HOSTILE_HEAD_BYTES 4096
#define HOSTILE_FIELDS 32
#define HOSTILE_BODY_BYTES 4096

/* The i-th; false behind the last.  out points into static memory until the next call. */
bool hostile_request(size_t i, struct hostile *out);
bool hostile_answer(size_t i, struct hostile *out);
/* So many rows are written out by hand and stand first; behind them come those that are made, octet by octet. */
size_t hostile_requests_by_hand(void);

#endif
