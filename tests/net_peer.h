/* tests/net_peer.h - the other side of a connection in tests: certificates, and blocking TLS in a thread.
 *
 * test_server.c's clients and test_lane.c's parties are plain blocking OpenSSL code that runs beside the
 * loop under test.  A peer's thread must not assert: it notes what it saw, the test asserts. */
#ifndef NET_PEER_H
#define NET_PEER_H

#include <openssl/ssl.h>
#include <uv.h>

#include "yitong/base.h"

#define PEER_NEVER_S 20 /* a peer that waits longer gives up: the test fails, it does not hang */

/* Makes, in a new folder under /tmp: ca, other-ca; server (for localhost and 127.0.0.1), elsewhere (for
 * another name), hospital-one, hospital-two, expired; stranger (signed by other-ca).  0 or -1. */
int pki_make(void **state);
int pki_remove(void **state);
const char *pki_crl(const char *name);  /* "new" or "old" (out of date): lists of ca, in which hospital-two is */
const char *pki_cert(const char *name); /* path; the last eight stay valid */
const char *pki_key(const char *name);

/* Runs play(arg) in a thread and the loop until it has returned; then until the loop has nothing
 * that is ready. */
void peer_play(uv_loop_t *loop, void (*play)(void *arg), void *arg);

struct peer {
	int fd;
	SSL *ssl;
	char got[1 << 16]; /* what peer_read_... read, NUL-terminated */
	size_t n_got;
	bool ended;          /* close_notify or FIN was read */
	bool clean;          /* it was close_notify */
	unsigned long error; /* of OpenSSL, 0: none */
};

struct peer_conf {
	const char *cert;     /* name in the pki; NULL: none */
	int max_version;      /* 0: TLS 1.3 */
	const char *alpn;     /* with its length octet; NULL: none */
	SSL_SESSION *session; /* to resume; may be NULL */
	const char *sni;      /* the name it asks for; NULL: none */
};

int peer_listen(int *port);                /* listening socket on loopback, port chosen */
int peer_bind(int port);                   /* a socket at that port which does not listen yet */
int peer_tcp(struct peer *peer, int port); /* connects; 0 or -1 */
/* Connects and shakes hands as client; 0 or -1.  A TLS 1.3 server's refusal shows at the first read. */
int peer_connect(struct peer *peer, int port, const struct peer_conf *conf);
/* Accepts and shakes hands as server with a pair of the pki, asking for a certificate if it must;
 * -1 if there is none within PEER_NEVER_S or the handshake fails. */
extern bool peer_accepts_http2; /* peer_accept() takes HTTP/2 if it is offered */
int peer_accept(struct peer *peer, int listener, const char *cert, bool asks, int max_version);
int peer_send(struct peer *peer, const void *p, size_t n); /* over TLS, or plain when there is none */
void peer_read_some(struct peer *peer);                    /* one read more */
void peer_read_to_end(struct peer *peer);
/* Reads until want HTTP messages with Content-Length (or none) have come, or the end. */
void peer_read_messages(struct peer *peer, int want);
void peer_read_raw(struct peer *peer);            /* says no more and throws away what TLS has not read, to the end */
void peer_hang_up(struct peer *peer, bool clean); /* clean: close_notify first */

#endif
