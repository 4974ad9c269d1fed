/* core/process/conf_tls.c - whether the certificates, keys and CA files of a configuration can be used.
 *
 * Called by conf_check_plugins(): by `yitong check` and in the supervisor's short-lived child, never inside the
 * supervisor.  Loads each listener's and party's files with the calls a worker makes (net/tls.c), so that a pair
 * that does not fit is refused at the reload instead of killing every new worker; and looks at what OpenSSL would
 * let pass here but the other side would not: dates and purpose. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "base/words.h"
#include "process/conf_parts.h"

#define WARN_DAYS 30 /* a certificate that ends sooner is warned about */

struct files { /* of one listener or party */
	const char *what, *name;
	const char *cert, *key, *ca, *crl; /* NULL: not given */
	bool is_server;
	struct conf_place place;
	struct conf_errors *errors;
};

/* A worker would ask the terminal, where nobody sits. */
static int no_password(char *out, int size, int is_write, void *arg)
{
	(void)out, (void)size, (void)is_write, (void)arg;
	return -1;
}

/* What OpenSSL was unhappy with first; later entries only say who called whom. */
static const char *reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_error());

	return text == NULL ? _("unreadable") : text;
}

static bool is_mismatch(void)
{
	unsigned long code = ERR_peek_last_error();
	int why = ERR_GET_REASON(code);

	return ERR_GET_LIB(code) == ERR_LIB_X509 &&
	       (why == X509_R_KEY_VALUES_MISMATCH || why == X509_R_KEY_TYPE_MISMATCH);
}

static void tell_mismatch(const struct files *f)
{
	conf_error_add(f->errors, f->place.line, f->place.column,
	        "%s %s: the key \"%.100s\" is not the key of the certificate \"%.100s\": give the two that were made "
	        "together",
	        _(f->what), f->name, f->key, f->cert);
}

static bool use_pair(SSL_CTX *ctx, const struct files *f)
{
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, f->cert) != 1) {
		conf_error_add(f->errors, f->place.line, f->place.column,
		        "%s %s: cert \"%.100s\" is no certificate chain (%s): PEM, our certificate first", _(f->what),
		        f->name, f->cert, reason());
		return false;
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, f->key, SSL_FILETYPE_PEM) != 1) {
		if (is_mismatch())
			tell_mismatch(f);
		else
			conf_error_add(f->errors, f->place.line, f->place.column,
			        "%s %s: key \"%.100s\" of cert \"%.100s\" is no private key that can be used (%s): "
			        "PEM, without a password",
			        _(f->what), f->name, f->key, f->cert, reason());
		return false;
	}
	if (SSL_CTX_check_private_key(ctx) != 1) {
		tell_mismatch(f);
		return false;
	}
	return true;
}

/* "2026-11-22 09:00:00" would be nicer, but OpenSSL prints "Nov 22 09:00:00 2026 GMT", and so do its tools. */
static void print_time(const ASN1_TIME *time, char *out, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = 0;

	if (bio != NULL && ASN1_TIME_print(bio, time) == 1)
		n = BIO_read(bio, out, (int)size - 1);
	out[n > 0 ? n : 0] = 0;
	BIO_free(bio);
}

/* Warnings only: a gateway with one ended certificate, or a clock not yet set, must still start and serve the others.
 */
static void check_dates(const X509 *cert, const struct files *f)
{
	const ASN1_TIME *from = X509_get0_notBefore(cert), *until = X509_get0_notAfter(cert);
	char when[64];
	int days = 0, seconds = 0;

	if (X509_cmp_current_time(from) > 0) {
		print_time(from, when, sizeof(when));
		conf_warning_add(f->errors, f->place.line, f->place.column,
		        "%s %s: cert \"%.100s\" is not valid before %s: correct this machine's clock, or use another "
		        "certificate",
		        _(f->what), f->name, f->cert, when);
	}
	print_time(until, when, sizeof(when));
	if (ASN1_TIME_diff(&days, &seconds, NULL, until) != 1 || days < 0 || seconds < 0 || (days == 0 && seconds == 0))
		conf_warning_add(f->errors, f->place.line, f->place.column,
		        "%s %s: cert \"%.100s\" ended on %s: put a new one there, and its key in \"%.100s\"",
		        _(f->what), f->name, f->cert, when, f->key);
	else if (days < WARN_DAYS)
		conf_warning_add(f->errors, f->place.line, f->place.column,
		        days == 1 ? "%s %s: cert \"%.100s\" ends in %d day, on %s: ask for a new one now"
		                  : "%s %s: cert \"%.100s\" ends in %d days, on %s: ask for a new one now",
		        _(f->what), f->name, f->cert, days, when);
}

static void check_purpose(X509 *cert, const struct files *f)
{
	if (X509_check_purpose(cert, f->is_server ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT, 0) == 1)
		return;
	conf_error_add(f->errors, f->place.line, f->place.column,
	        "%s %s: cert \"%.100s\" may not be used as a TLS %s: have one made with extendedKeyUsage %s",
	        _(f->what), f->name, f->cert, f->is_server ? "server" : "client",
	        f->is_server ? "serverAuth" : "clientAuth");
}

static void check_ca(SSL_CTX *ctx, const struct files *f)
{
	ERR_clear_error();
	if (SSL_CTX_load_verify_file(ctx, f->ca) != 1)
		conf_error_add(f->errors, f->place.line, f->place.column,
		        "%s %s: %s \"%.100s\" holds no certificate that can be read (%s): PEM of the authority",
		        _(f->what), f->name, f->is_server ? "client_ca" : "ca", f->ca, reason());
}

/* All lists of the file; one out of date is a warning, as its names still count. */
static void check_crl(const struct files *f)
{
	FILE *file = fopen(f->crl, "r");
	X509_CRL *crl;
	char when[64];
	int n = 0;

	ERR_clear_error();
	while (file != NULL && (crl = PEM_read_X509_CRL(file, NULL, no_password, NULL)) != NULL) {
		const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

		n++;
		if (next != NULL && X509_cmp_current_time(next) < 0) {
			print_time(next, when, sizeof(when));
			conf_warning_add(f->errors, f->place.line, f->place.column,
			        "%s %s: crl \"%.100s\" is out of date since %s: get a new list from the authority",
			        _(f->what), f->name, f->crl, when);
		}
		X509_CRL_free(crl);
	}
	if (n == 0)
		conf_error_add(f->errors, f->place.line, f->place.column,
		        "%s %s: crl \"%.100s\" holds no revocation list that can be read (%s): PEM of the authority",
		        _(f->what), f->name, f->crl, reason());
	if (file != NULL)
		fclose(file);
}

static void check_files(const struct files *f)
{
	SSL_CTX *ctx = SSL_CTX_new(f->is_server ? TLS_server_method() : TLS_client_method());

	if (ctx == NULL) {
		conf_error_add(f->errors, f->place.line, f->place.column, "%s %s: out of memory", _(f->what), f->name);
		return;
	}
	SSL_CTX_set_default_passwd_cb(ctx, no_password);
	if (f->cert != NULL && f->key != NULL && use_pair(ctx, f)) {
		check_dates(SSL_CTX_get0_certificate(ctx), f);
		check_purpose(SSL_CTX_get0_certificate(ctx), f);
	}
	if (f->ca != NULL)
		check_ca(ctx, f);
	if (f->crl != NULL)
		check_crl(f);
	SSL_CTX_free(ctx);
	ERR_clear_error();
}

void conf_check_tls(const struct conf *conf, struct conf_errors *errors)
{
	uint32_t i;

	for (i = 0; i < conf->n_listeners; i++) {
		const struct conf_listener *l = &conf->listeners[i];

		check_files(&(struct files){
		        "listener", l->name, l->cert, l->key, l->client_ca, l->crl, true, l->place, errors });
	}
	for (i = 0; i < conf->n_parties; i++) {
		const struct conf_party *p = &conf->parties[i];

		if (conf_party_is_files(p))
			continue; /* a key of SSH's */
		check_files(
		        &(struct files){ "party", p->name, p->cert, p->key, p->ca, p->crl, false, p->place, errors });
	}
}
