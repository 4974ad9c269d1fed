/* tests/net_peer.c - see net_peer.h. */
#include "net_peer.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* ---- certificates ---- */

static char folder[64];

static const char *path_of(const char *name, const char *ending)
{
	static char paths[8][160];
	static unsigned turn;
	char *path = paths[turn++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s%s", folder, name, ending);
	return path;
}

const char *pki_cert(const char *name)
{
	return path_of(name, ".crt");
}

const char *pki_key(const char *name)
{
	return path_of(name, ".key");
}

const char *pki_crl(const char *name)
{
	return path_of(name, ".crl");
}

static const struct pair {
	const char *name, *issuer, *san;
	long from_s, to_s; /* from now */
} pairs[] = {
	{ "ca", "ca", NULL, -3600, 86400 },
	{ "other-ca", "other-ca", NULL, -3600, 86400 },
	{ "server", "ca", "DNS:localhost,IP:127.0.0.1", -3600, 86400 },
	{ "elsewhere", "ca", "DNS:elsewhere.example", -3600, 86400 },
	{ "expired-server", "ca", "DNS:localhost,IP:127.0.0.1", -7200, -3600 },
	{ "hospital-one", "ca", NULL, -3600, 86400 },
	{ "hospital-two", "ca", NULL, -3600, 86400 },
	{ "expired", "ca", NULL, -7200, -3600 },
	{ "stranger", "other-ca", "DNS:localhost,IP:127.0.0.1", -3600, 86400 },
};

static int add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;
	int rv;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	rv = extension != NULL && X509_add_ext(cert, extension, -1) == 1 ? 0 : -1;
	X509_EXTENSION_free(extension);
	return rv;
}

static int write_pair(const char *name, X509 *cert, EVP_PKEY *key)
{
	FILE *f = fopen(pki_cert(name), "w");
	int rv = f != NULL && PEM_write_X509(f, cert) == 1 ? 0 : -1;

	if (f != NULL)
		fclose(f);
	f = fopen(pki_key(name), "w");
	if (f == NULL || PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) != 1)
		rv = -1;
	if (f != NULL)
		fclose(f);
	return rv;
}

static int make_pair(const struct pair *pair, long serial, X509 **cas, EVP_PKEY **ca_keys)
{
	bool is_ca = strcmp(pair->name, pair->issuer) == 0;
	int ca = strcmp(pair->issuer, "ca") == 0 ? 0 : 1, rv;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new(), *issuer = is_ca ? cert : cas[ca];
	X509_NAME *name = X509_get_subject_name(cert);

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), pair->from_s);
	X509_gmtime_adj(X509_getm_notAfter(cert), pair->to_s);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)pair->name, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(issuer));
	X509_set_pubkey(cert, key);
	rv = add_extension(cert, issuer, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (pair->san != NULL && add_extension(cert, issuer, NID_subject_alt_name, pair->san) != 0)
		rv = -1;
	if (X509_sign(cert, is_ca ? key : ca_keys[ca], EVP_sha256()) == 0 || write_pair(pair->name, cert, key) != 0)
		rv = -1;
	if (is_ca) {
		cas[ca] = cert;
		ca_keys[ca] = key;
	} else {
		X509_free(cert);
		EVP_PKEY_free(key);
	}
	return rv;
}

/* hospital-two's serial, its place in pairs + 1, is on it. */
static int make_crl(const char *name, long next_s, X509 *ca, EVP_PKEY *key)
{
	X509_CRL *crl = X509_CRL_new();
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_INTEGER *serial = ASN1_INTEGER_new();
	ASN1_TIME *when = X509_gmtime_adj(NULL, -3600);
	FILE *f = fopen(pki_crl(name), "w");
	int rv;

	ASN1_INTEGER_set(serial, 7);
	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca));
	X509_CRL_set1_lastUpdate(crl, when);
	X509_REVOKED_set_serialNumber(revoked, serial);
	X509_REVOKED_set_revocationDate(revoked, when);
	X509_gmtime_adj(when, next_s);
	X509_CRL_set1_nextUpdate(crl, when);
	X509_CRL_add0_revoked(crl, revoked);
	rv = X509_CRL_sign(crl, key, EVP_sha256()) != 0 && f != NULL && PEM_write_X509_CRL(f, crl) == 1 ? 0 : -1;
	if (f != NULL)
		fclose(f);
	ASN1_TIME_free(when);
	ASN1_INTEGER_free(serial);
	X509_CRL_free(crl);
	return rv;
}

int pki_make(void **state)
{
	X509 *cas[2] = { NULL, NULL };
	EVP_PKEY *ca_keys[2] = { NULL, NULL };
	int rv = 0;

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/yitong-pki-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]) && rv == 0; i++)
		rv = make_pair(&pairs[i], (long)i + 1, cas, ca_keys);
	if (rv == 0)
		rv = make_crl("new", 86400, cas[0], ca_keys[0]) | make_crl("old", -1800, cas[0], ca_keys[0]);
	for (int i = 0; i < 2; i++) {
		X509_free(cas[i]);
		EVP_PKEY_free(ca_keys[i]);
	}
	return rv;
}

int pki_remove(void **state)
{
	(void)state;
	unlink(pki_crl("new"));
	unlink(pki_crl("old"));
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		unlink(pki_cert(pairs[i].name));
		unlink(pki_key(pairs[i].name));
	}
	return rmdir(folder);
}

/* ---- threads ---- */

struct act {
	void (*play)(void *arg);
	void *arg;
	uv_async_t done;
	bool is_done;
};

static void *run_act(void *arg)
{
	struct act *act = arg;

	act->play(act->arg);
	OPENSSL_thread_stop();
	uv_async_send(&act->done);
	return NULL;
}

static void on_act_done(uv_async_t *async)
{
	struct act *act = async->data;

	act->is_done = true;
	uv_stop(async->loop);
}

void peer_play(uv_loop_t *loop, void (*play)(void *arg), void *arg)
{
	struct act act = { play, arg, .is_done = false };
	pthread_t thread;

	uv_async_init(loop, &act.done, on_act_done);
	act.done.data = &act;
	YT_REQUIRE(pthread_create(&thread, NULL, run_act, &act) == 0);
	while (!act.is_done)
		uv_run(loop, UV_RUN_DEFAULT);
	pthread_join(thread, NULL);
	uv_close((uv_handle_t *)&act.done, NULL);
	for (int i = 0; i < 20; i++)
		uv_run(loop, UV_RUN_NOWAIT);
}

/* ---- sockets ---- */

static int limit_patience(int fd)
{
	struct timeval never = { PEER_NEVER_S, 0 };

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &never, sizeof(never));
	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &never, sizeof(never));
}

int peer_listen(int *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&address, n) != 0 || listen(fd, 128) != 0 ||
	        getsockname(fd, (struct sockaddr *)&address, &n) != 0)
		return -1;
	*port = ntohs(address.sin_port);
	return fd;
}

int peer_bind(int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	YT_REQUIRE(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

int peer_tcp(struct peer *peer, int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)
	};

	memset(peer, 0, sizeof(*peer));
	peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	limit_patience(peer->fd);
	return connect(peer->fd, (struct sockaddr *)&address, sizeof(address));
}

static int shake_hands(struct peer *peer, SSL_CTX *ctx, int (*shake)(SSL *ssl))
{
	int rv;

	if (peer->ssl == NULL)
		return -1;
	SSL_set_fd(peer->ssl, peer->fd);
	ERR_clear_error();
	rv = shake(peer->ssl);
	if (rv != 1)
		peer->error = ERR_peek_last_error();
	SSL_CTX_free(ctx);
	return rv == 1 ? 0 : -1;
}

static void use_pair(SSL_CTX *ctx, const char *name)
{
	YT_REQUIRE(SSL_CTX_use_certificate_file(ctx, pki_cert(name), SSL_FILETYPE_PEM) == 1);
	YT_REQUIRE(SSL_CTX_use_PrivateKey_file(ctx, pki_key(name), SSL_FILETYPE_PEM) == 1);
}

int peer_connect(struct peer *peer, int port, const struct peer_conf *conf)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (peer_tcp(peer, port) != 0) {
		SSL_CTX_free(ctx);
		return -1;
	}
	if (conf->cert != NULL)
		use_pair(ctx, conf->cert);
	SSL_CTX_set_max_proto_version(ctx, conf->max_version);
	SSL_CTX_load_verify_file(ctx, pki_cert("ca"));
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	peer->ssl = SSL_new(ctx);
	if (conf->alpn != NULL)
		SSL_set_alpn_protos(peer->ssl, (const unsigned char *)conf->alpn, (unsigned)strlen(conf->alpn));
	if (conf->sni != NULL)
		SSL_set_tlsext_host_name(peer->ssl, conf->sni);
	if (conf->session != NULL)
		SSL_set_session(peer->ssl, conf->session);
	return shake_hands(peer, ctx, SSL_connect);
}

bool peer_accepts_http2;

static int on_alpn(
        SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned in_n, void *arg)
{
	(void)ssl, (void)arg;
	return SSL_select_next_proto((unsigned char **)out, out_n, (const unsigned char *)"\x02h2", 3, in, in_n) ==
	                       OPENSSL_NPN_NEGOTIATED
	               ? SSL_TLSEXT_ERR_OK
	               : SSL_TLSEXT_ERR_NOACK;
}

int peer_accept(struct peer *peer, int listener, const char *cert, bool asks, int max_version)
{
	struct pollfd poll_fd = { .fd = listener, .events = POLLIN };
	SSL_CTX *ctx;

	memset(peer, 0, sizeof(*peer));
	peer->fd = -1;
	if (poll(&poll_fd, 1, PEER_NEVER_S * 1000) != 1)
		return -1;
	peer->fd = accept(listener, NULL, NULL);
	limit_patience(peer->fd);
	if (cert == NULL)
		return 0;
	ctx = SSL_CTX_new(TLS_server_method());
	use_pair(ctx, cert);
	SSL_CTX_set_max_proto_version(ctx, max_version);
	SSL_CTX_load_verify_file(ctx, pki_cert("ca"));
	if (peer_accepts_http2)
		SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	if (asks)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	peer->ssl = SSL_new(ctx);
	return shake_hands(peer, ctx, SSL_accept);
}

int peer_send(struct peer *peer, const void *p, size_t n)
{
	if (peer->ssl == NULL)
		return send(peer->fd, p, n, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -1;
	ERR_clear_error();
	return SSL_write(peer->ssl, p, (int)n) == (int)n ? 0 : -1;
}

void peer_read_some(struct peer *peer)
{
	size_t room = sizeof(peer->got) - 1 - peer->n_got;
	ssize_t n;

	if (room == 0) {
		peer->ended = true;
		return;
	}
	ERR_clear_error();
	if (peer->ssl != NULL)
		n = SSL_read(peer->ssl, peer->got + peer->n_got, (int)room);
	else
		n = recv(peer->fd, peer->got + peer->n_got, room, 0);
	if (n > 0) {
		peer->n_got += (size_t)n;
		peer->got[peer->n_got] = '\0';
		return;
	}
	peer->ended = true;
	if (peer->ssl != NULL) {
		peer->clean = SSL_get_error(peer->ssl, (int)n) == SSL_ERROR_ZERO_RETURN;
		peer->error = ERR_peek_last_error();
	}
}

void peer_read_to_end(struct peer *peer)
{
	while (!peer->ended)
		peer_read_some(peer);
}

static int count_messages(const char *p)
{
	int n = 0;

	for (;;) {
		const char *end = strstr(p, "\r\n\r\n"), *length = strcasestr(p, "Content-Length: ");
		size_t body = length != NULL && end != NULL && length < end ? strtoul(length + 16, NULL, 10) : 0;

		if (end == NULL || strlen(end + 4) < body)
			return n;
		p = end + 4 + body;
		n++;
	}
}

void peer_read_messages(struct peer *peer, int want)
{
	while (!peer->ended && count_messages(peer->got) < want)
		peer_read_some(peer);
}

void peer_read_raw(struct peer *peer)
{
	char junk[4096];

	if (peer->fd < 0)
		return;
	shutdown(peer->fd, SHUT_WR);
	while (recv(peer->fd, junk, sizeof(junk), 0) > 0)
		;
}

void peer_hang_up(struct peer *peer, bool clean)
{
	if (peer->ssl != NULL && clean)
		SSL_shutdown(peer->ssl);
	SSL_free(peer->ssl);
	if (peer->fd >= 0)
		close(peer->fd);
	peer->ssl = NULL;
	peer->fd = -1;
}
