/* core/net/wire.h - one TLS connection over a libuv TCP handle: ciphertext in and out, nothing else; or a plain one.
 *
 * server.c's connections and lane.c's links each begin with a struct wire.  All wires of an owner
 * share its hub: one buffer that reads go to and one that collects what TLS wants written, so that an
 * idle connection has no buffers at all, and a whole answer leaves with one system call. */
#ifndef YT_NET_WIRE_H
#define YT_NET_WIRE_H

#include <openssl/ssl.h>
#include <sys/types.h>
#include <uv.h>

#include "yitong/base.h"

struct wire;

/* Never called from inside a wire_ function. */
struct wire_events {
	void (*on_input)(struct wire *wire);   /* read until YT_EAGAIN, or pause; what is left over is kept */
	void (*on_end)(struct wire *wire);     /* the peer closed its side of TCP, or the connection broke */
	void (*on_drained)(struct wire *wire); /* all that was written is now with the socket */
	void (*on_closed)(struct wire *wire);  /* libuv is done with it: free it */
};

struct wire_hub {
	uv_loop_t *loop;
	const struct wire_events *events;
	uint8_t *read_buf;
	struct yt_buf out;
};

struct wire {
	uv_tcp_t tcp;
	SSL *ssl; /* NULL until wire_start(), and always when the wire is plain */
	struct wire_hub *hub;
	const uint8_t *in; /* ciphertext that TLS has not taken yet */
	size_t in_n;
	struct yt_buf held;   /* ... kept while paused */
	struct yt_buf queued; /* to be written when flight has left */
	struct yt_buf flight;
	uv_write_t write;
	uv_shutdown_t shutdown;
	bool paused;     /* the owner does not want input now */
	bool discarding; /* what comes is thrown away */
	bool writing, stopped, broken, closing;
};

int wire_hub_init(struct wire_hub *hub, uv_loop_t *loop, const struct wire_events *events);
void wire_hub_free(struct wire_hub *hub);

void wire_init(struct wire *wire, struct wire_hub *hub); /* then accept or connect wire->tcp */
/* Begins to read; ssl is the wire's from here on, in accept or connect state; NULL: no TLS, no handshake.
 * 0 or YT_EIO. */
int wire_start(struct wire *wire, SSL *ssl);
/* 0: done; YT_EAGAIN: needs input; YT_EIO: failed, what the peer must hear about it has been written. */
int wire_handshake(struct wire *wire);
/* Plaintext: its length; 0 at an authenticated end (close_notify); YT_EAGAIN or YT_EIO. */
ssize_t wire_read(struct wire *wire, uint8_t *p, size_t n);
/* All n bytes are taken, copied; wire->writing tells whether the socket has them all.  0; YT_EIO: the connection is
 * broken and the socket took none of them; YT_ENOMEM: it is broken, some may have left. */
int wire_write(struct wire *wire, const void *p, size_t n);
/* While paused input is kept unread, up to a limit, then the socket is left alone. */
void wire_pause(struct wire *wire);
/* If input is waiting then, call wire_pump() soon, from outside of the owner's callbacks. */
void wire_resume(struct wire *wire);
void wire_pump(struct wire *wire); /* on_input with what was kept */
static inline bool wire_has_input(const struct wire *wire)
{
	return wire->in_n > 0 || wire->held.n > 0 || (wire->ssl != NULL && SSL_pending(wire->ssl) > 0);
}
/* Says goodbye (close_notify, FIN after what is queued) and throws away what comes: the peer can
 * read what we sent last before wire_close(). */
void wire_finish(struct wire *wire);
void wire_close(struct wire *wire); /* at once; on_closed follows */

#endif
