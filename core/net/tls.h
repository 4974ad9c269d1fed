/* core/net/tls.h - what TLS must prove before anybody listens to a peer: contexts and identities.
 *
 * server.c makes one context per listener, lane.c one per party; wire.c moves the bytes. */
#ifndef YT_NET_TLS_H
#define YT_NET_TLS_H

#include <openssl/ssl.h>

#include "net/lane.h"
#include "net/server.h"

/* A listener's context: TLS 1.2 and 1.3, no renegotiation, no compression.  SERVER_MTLS asks for a
 * certificate that chains to client_ca_file and never resumes a session: every connection proves its
 * key anew, so nothing remembered can speak for a certificate that is not there.  SERVER_SIGNED may
 * resume with one ticket, within this listener only.
 * Returns 0, or YT_ECONF after logging which file is at fault. */
int tls_server_ctx(SSL_CTX **out, const struct server_conf *conf);

/* A party's context; host: name or numeric address its certificate must be for, set per connection by
 * tls_client_new().  cert_file and key_file may be NULL. */
int tls_client_ctx(SSL_CTX **out, const struct lane_conf *conf);
int tls_offer_http2(SSL_CTX *ctx);                   /* as a client, beside HTTP/1.1; 0 or YT_ENOMEM */
SSL *tls_client_new(SSL_CTX *ctx, const char *host); /* NULL when out of memory */

bool tls_speaks_http2(SSL *ssl); /* after the handshake: what ALPN chose */

struct tls_identity {
	char certificate[65]; /* SHA-256 of the DER, lower-case hex; empty without certificate */
	char subject[128];    /* CN in UTF-8; empty when there is none, several, or an unprintable one */
	int64_t not_after_s;  /* seconds since 1970 UTC */
};

/* Who the peer of a finished handshake is.  Returns 0, or YT_EDENIED for a resumed session: it shows
 * no key, and is_needed says that one must be shown. */
int tls_identify(SSL *ssl, bool is_needed, struct tls_identity *out);

/* Of a client's SSL: true if the peer ended a TLS 1.3 handshake that was over for us by refusing our
 * certificate, so that nothing we sent behind it was read.  That is proof (RFC 8446 2, 4.4.2, 6.2): our certificate
 * stands before our data in one ordered stream, the alerts in question only answer a certificate, whoever sends one
 * ends the connection there, and we neither offer post-handshake authentication, which could ask again later, nor
 * send early data.  A peer that showed in any way that it had let us in (a session ticket, any data) proves nothing
 * by an alert after that; nor does TLS 1.2, where the certificate is judged before our handshake ends. */
bool tls_was_refused(SSL *ssl);

/* Static words on why the last call on ssl failed, for log and journal; clears the error queue. */
const char *tls_why(SSL *ssl);

/* Whole days until the first certificate in a PEM file ends, negative when it has.  YT_ENOTFOUND: it cannot be read. */
int tls_days_left(const char *file, int *days);

#endif
