/* core/net/tls.c - TLS contexts of listeners and lanes, and the identity in a certificate.
 *
 * A handshake runs in wire.c; OpenSSL checks the chain here by the context's settings, on_verify()
 * tells the log why one was refused, tls_identify() says who it is that passed. */
#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

enum { CHAIN_DEPTH = 4 };

static int fail(SSL_CTX *ctx, const char *name, const char *what, const char *file)
{
	unsigned long error = ERR_get_error();
	const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;

	yt_log(YT_ERROR, "net", "%s: %s %s cannot be used: %s", name, what, file, reason != NULL ? reason : "unknown");
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return YT_ECONF;
}

/* The last CN, only if it is the only one and harmless to compare and to print. */
static void read_subject(const X509 *cert, char out[128])
{
	const X509_NAME *name = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1), n;
	unsigned char *text = NULL;

	out[0] = '\0';
	if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
		return;
	n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (n > 0 && n < 128) {
		memcpy(out, text, (size_t)n);
		out[n] = '\0';
		for (int i = 0; i < n; i++) {
			if (text[i] < 0x20 || text[i] == 0x7f)
				out[0] = '\0';
		}
	}
	OPENSSL_free(text);
}

static int64_t not_after_s(const X509 *cert)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm);
}

/* A hostile peer must not be able to fill the disk with what we say about it. */
static bool may_log(void)
{
	static _Thread_local struct yt_pace pace;

	return yt_pace(&pace, yt_mono_ms(), "net", "refused certificates");
}

static int on_verify(int ok, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const X509 *cert = X509_STORE_CTX_get_current_cert(store);
	const char *name = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	char subject[128] = "", when[20] = "unknown";

	/* A list that nobody renewed still names those it names; without it the whole of a city would be cut off. */
	if (!ok && X509_STORE_CTX_get_error(store) == X509_V_ERR_CRL_HAS_EXPIRED) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		if (may_log())
			yt_log(YT_WARN, "net", "%s: the revocation list is out of date: get a new one, then reload",
			        name);
		return 1;
	}
	if (ok || !may_log())
		return ok;
	if (cert != NULL) {
		read_subject(cert, subject);
		yt_time_print(not_after_s(cert) * 1000, when);
	}
	yt_log(YT_WARN, "net", "%s: certificate \"%s\" (not after %s) is refused: %s", name, subject, when,
	        X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
	return ok;
}

static void free_name(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	(void)parent, (void)ad, (void)idx, (void)argl, (void)argp;
	OPENSSL_free(ptr);
}

/* The name in on_verify()'s lines; index 0 is what SSL_CTX_set_app_data() uses. */
static bool set_name(SSL_CTX *ctx, const char *name)
{
	static int holder = -1; /* frees the copy with the context */
	char *copy = OPENSSL_strdup(name);

	if (holder < 0)
		holder = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_name);
	if (copy == NULL || holder < 0 || SSL_CTX_set_ex_data(ctx, holder, copy) != 1) {
		OPENSSL_free(copy);
		return false;
	}
	SSL_CTX_set_app_data(ctx, copy);
	return true;
}

static SSL_CTX *new_ctx(const SSL_METHOD *method, const char *name)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx == NULL)
		return NULL;
	if (!set_name(ctx, name) || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	        SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify_depth(ctx, CHAIN_DEPTH);
	return ctx;
}

/* Each name after its length; ours in the order we like them. */
#define ONLY_HTTP1 "\x08http/1.1"
#define BOTH "\x02h2\x08http/1.1"

static int on_alpn(
        SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned in_n, void *arg)
{
	const unsigned char *ours = arg;

	(void)ssl;
	if (SSL_select_next_proto((unsigned char **)out, out_n, ours, (unsigned)strlen(arg), in, in_n) ==
	        OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_OK;
	return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 3.2: it named protocols, none of them ours */
}

static int use_own_pair(SSL_CTX *ctx, const char *name, const char *cert_file, const char *key_file)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
		return fail(ctx, name, "certificate", cert_file);
	if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1)
		return fail(ctx, name, "private key", key_file);
	if (SSL_CTX_check_private_key(ctx) != 1)
		return fail(ctx, name, "pair of certificate and private key", key_file);
	return 0;
}

/* Judges the peer's own certificate by the lists in file; a chain's authorities are few and ours to choose. */
static bool use_crl(SSL_CTX *ctx, const char *file)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());

	return lookup != NULL && X509_load_crl_file(lookup, file, X509_FILETYPE_PEM) > 0 &&
	       X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) == 1;
}

static int ask_for_certificate(SSL_CTX *ctx, const struct server_conf *conf)
{
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(conf->client_ca_file);

	if (names == NULL)
		return fail(ctx, conf->name, "client CA file", conf->client_ca_file);
	SSL_CTX_set_client_CA_list(ctx, names);
	if (SSL_CTX_load_verify_file(ctx, conf->client_ca_file) != 1)
		return fail(ctx, conf->name, "client CA file", conf->client_ca_file);
	if (conf->crl_file != NULL && !use_crl(ctx, conf->crl_file))
		return fail(ctx, conf->name, "revocation list", conf->crl_file);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_verify);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, 0);
	return 0;
}

int tls_server_ctx(SSL_CTX **out, const struct server_conf *conf)
{
	unsigned char id[32];
	SSL_CTX *ctx;
	int rv;

	ERR_clear_error();
	ctx = new_ctx(TLS_server_method(), conf->name);
	if (ctx == NULL)
		return fail(NULL, conf->name, "TLS", "context");
	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, conf->http2 ? BOTH : ONLY_HTTP1);
	if (EVP_Digest(conf->name, strlen(conf->name), id, NULL, EVP_sha256(), NULL) != 1 ||
	        SSL_CTX_set_session_id_context(ctx, id, sizeof(id)) != 1)
		return fail(ctx, conf->name, "session id", "context");
	SSL_CTX_set_num_tickets(ctx, 1);
	rv = use_own_pair(ctx, conf->name, conf->cert_file, conf->key_file);
	if (rv != 0)
		return rv;
	if (conf->kind == SERVER_MTLS) {
		rv = ask_for_certificate(ctx, conf);
		if (rv != 0)
			return rv;
	}
	*out = ctx;
	return 0;
}

int tls_client_ctx(SSL_CTX **out, const struct lane_conf *conf)
{
	const char *name = conf->name;
	SSL_CTX *ctx;
	int rv;

	ERR_clear_error();
	ctx = new_ctx(TLS_client_method(), name);
	if (ctx == NULL)
		return fail(NULL, name, "TLS", "context");
	if (SSL_CTX_load_verify_file(ctx, conf->ca_file) != 1)
		return fail(ctx, name, "CA file", conf->ca_file);
	if (conf->crl_file != NULL && !use_crl(ctx, conf->crl_file))
		return fail(ctx, name, "revocation list", conf->crl_file);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
	if (conf->cert_file != NULL) {
		rv = use_own_pair(ctx, name, conf->cert_file, conf->key_file);
		if (rv != 0)
			return rv;
	}
	*out = ctx;
	return 0;
}

int tls_offer_http2(SSL_CTX *ctx)
{
	return SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)BOTH, sizeof(BOTH) - 1) == 0 ? 0 : YT_ENOMEM;
}

bool tls_speaks_http2(SSL *ssl)
{
	const unsigned char *chosen;
	unsigned n;

	SSL_get0_alpn_selected(ssl, &chosen, &n);
	return n == 2 && memcmp(chosen, "h2", 2) == 0;
}

/* Of a client's SSL, in its app data: what came after our handshake was over. */
static char heard, refused;

static bool answers_a_certificate(int alert)
{
	static const int alerts[] = { SSL_AD_HANDSHAKE_FAILURE, SSL_AD_BAD_CERTIFICATE, SSL_AD_UNSUPPORTED_CERTIFICATE,
		SSL_AD_CERTIFICATE_REVOKED, SSL_AD_CERTIFICATE_EXPIRED, SSL_AD_CERTIFICATE_UNKNOWN, SSL_AD_UNKNOWN_CA,
		SSL_AD_ACCESS_DENIED, SSL_AD_CERTIFICATE_REQUIRED };

	for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++) {
		if (alert == alerts[i])
			return true;
	}
	return false;
}

/* The first thing the party says decides: OpenSSL's error queue would not do, it belongs to all connections.
 * UNTESTED: an alert of these behind a ticket or data, which no peer of ours can be made to send. */
static void on_record(int is_write, int version, int type, const void *p, size_t n, SSL *ssl, void *arg)
{
	const unsigned char *bytes = p;

	(void)version, (void)arg;
	if (is_write || !SSL_is_init_finished(ssl) || SSL_get_app_data(ssl) != NULL)
		return;
	if (type == SSL3_RT_INNER_CONTENT_TYPE && n == 1 && bytes[0] != SSL3_RT_ALERT)
		SSL_set_app_data(ssl, &heard);
	else if (type == SSL3_RT_ALERT && n == 2 && SSL_version(ssl) == TLS1_3_VERSION && !SSL_session_reused(ssl))
		SSL_set_app_data(ssl, answers_a_certificate(bytes[1]) ? &refused : &heard);
}

bool tls_was_refused(SSL *ssl)
{
	return ssl != NULL && SSL_get_app_data(ssl) == &refused;
}

SSL *tls_client_new(SSL_CTX *ctx, const char *host)
{
	SSL *ssl = SSL_new(ctx);
	unsigned char address[sizeof(struct in6_addr)];
	bool ok;

	if (ssl == NULL)
		return NULL;
	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1) {
		ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	} else {
		SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		ok = SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
	}
	if (!ok) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_msg_callback(ssl, on_record);
	SSL_set_connect_state(ssl);
	return ssl;
}

int tls_identify(SSL *ssl, bool is_needed, struct tls_identity *out)
{
	static const char hex[] = "0123456789abcdef";
	const X509 *cert = SSL_get0_peer_certificate(ssl);
	unsigned char digest[32];

	memset(out, 0, sizeof(*out));
	if (!is_needed)
		return 0;
	if (cert == NULL || SSL_session_reused(ssl) || SSL_get_verify_result(ssl) != X509_V_OK ||
	        X509_digest(cert, EVP_sha256(), digest, NULL) != 1)
		return YT_EDENIED;
	for (size_t i = 0; i < 32; i++) {
		out->certificate[2 * i] = hex[digest[i] >> 4];
		out->certificate[2 * i + 1] = hex[digest[i] & 15];
	}
	read_subject(cert, out->subject);
	out->not_after_s = not_after_s(cert);
	return 0;
}

const char *tls_why(SSL *ssl)
{
	unsigned long error = ERR_peek_last_error();
	long verdict = SSL_get_verify_result(ssl);
	const char *why = NULL;

	if (error != 0 && ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict != X509_V_OK)
		why = X509_verify_cert_error_string(verdict);
	else if (error != 0)
		why = ERR_reason_error_string(error);
	ERR_clear_error();
	return why != NULL ? why : "connection closed";
}

int tls_days_left(const char *file, int *days)
{
	FILE *f = fopen(file, "r");
	X509 *cert = f == NULL ? NULL : PEM_read_X509(f, NULL, NULL, NULL);
	int seconds = 0;
	bool is_read = cert != NULL && ASN1_TIME_diff(days, &seconds, NULL, X509_get0_notAfter(cert)) == 1;

	if (is_read && *days == 0 && seconds < 0)
		*days = -1;
	X509_free(cert);
	if (f != NULL)
		fclose(f);
	ERR_clear_error();
	return is_read ? 0 : YT_ENOTFOUND;
}
