/* sandbox/frames.h - a server of frames over TLS: eight digits, then as many octets; 00000000 is a heartbeat.
 *
 * On OpenSSL, a thread a connection, client certificates wanted.  Carries the bank's direct link (bank_serve.c). Frames
 * that came in one segment are answered in one. */
#ifndef SANDBOX_FRAMES_H
#define SANDBOX_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frames_answer {
	char *octets; /* malloc, freed by the server */
	size_t len;
	int64_t delay_ms;
	int64_t cut_at;  /* octets of the frame, its digits included, after which the connection is closed; -1: none */
	bool is_silent;  /* no answer, ever; the connection stays */
	bool is_doubled; /* the same answer twice */
};

/* On the connection's thread. */
typedef void (*frames_handler)(void *context, const char *octets, size_t len, struct frames_answer *answer);

struct frames_options {
	const char *address; /* IPv4 */
	uint16_t port;       /* 0: any */
	const char *cert_path, *key_path, *client_ca_path;
	size_t frame_max; /* octets; more, or what is no digit, closes the connection at once */
	size_t slice;     /* octets written at once; 0: all */
	frames_handler handler;
	void *context;
};

struct frames_server; /* opaque */

/* NULL after telling on stderr. */
struct frames_server *frames_start(const struct frames_options *options);
uint16_t frames_port(const struct frames_server *server);
void frames_stop(struct frames_server *server); /* ends all connections and waits for their threads */

#endif
