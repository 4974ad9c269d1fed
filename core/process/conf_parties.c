/* core/process/conf_parties.c - counterparts: a url says how one is spoken to, and that says what else goes with it.
 *
 * conf.c calls conf_read_url() for the key `url`, conf_check.c the rest when all keys are read.  Whether a party's
 * format can speak that way only its plugin can tell: conf_plugins.c. */
#include "base/words.h"
#include "engine/engine.h"
#include "net/http1.h"
#include "process/conf_parts.h"
#include "yitong/key.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HTTPS_CONNECTIONS = 64, FRAMES_CONNECTIONS = 8 };

/* ---- url ---- */

static bool host_is_right(const char *host)
{
	unsigned char address[16];

	if (strchr(host, ':') != NULL)
		return inet_pton(AF_INET6, host, address) == 1;
	for (const char *p = host; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && *p != '.' && *p != '-')
			return false;
	return *host != '\0' && strlen(host) <= 253;
}

static bool port_is_right(const char *port)
{
	size_t n = strlen(port);

	return n >= 1 && n <= 5 && strspn(port, "0123456789") == n && atoi(port) >= 1 && atoi(port) <= 65535;
}

static const char *keep(struct conf *conf, const char *p, const char *end)
{
	return yt_arena_copy(conf->arena, (struct yt_str){ p, (size_t)(end - p) }).p;
}

/* host[:port] from p to end; false: neither.  *port stays as it is where there is none. */
static bool read_host(struct conf *conf, const char *p, const char *end, struct conf_party *party)
{
	const char *bracket = *p == '[' ? memchr(p, ']', (size_t)(end - p)) : NULL;
	const char *host = bracket != NULL ? p + 1 : p, *host_end = bracket;
	const char *rest = bracket != NULL ? bracket + 1 : memchr(p, ':', (size_t)(end - p));

	if (rest == NULL)
		rest = end;
	if (bracket == NULL)
		host_end = rest;
	party->host = keep(conf, host, host_end);
	if (*rest == ':' && rest < end)
		party->port = keep(conf, rest + 1, end);
	else if (rest != end)
		return false;
	return party->host == NULL || party->port == NULL || (host_is_right(party->host) && port_is_right(party->port));
}

/* file:FOLDER */
static bool read_folder(struct conf *conf, const struct conf_node *v, const char *key, struct conf_party *party,
        struct conf_errors *errors)
{
	const char *p = v->text + 5, *end = v->text + v->len;

	party->kind = CONF_FILES;
	party->host = party->port = party->target = "";
	party->url = keep(conf, v->text, end);
	party->folder = keep(conf, p, end);
	if (p == end || end - p > 255 || strncmp(p, "//", 2) == 0)
		conf_error_add(errors, v->line, v->column,
		        "%s must be file:FOLDER, the folder in 1 to 255 octets, not \"%.100s\"", key, v->text);
	return party->url != NULL && party->folder != NULL;
}

/* sftp://user@host[:port]/folder */
static bool read_sftp(struct conf *conf, const struct conf_node *v, const char *key, struct conf_party *party,
        struct conf_errors *errors)
{
	const char *p = v->text + 7, *end = v->text + v->len;
	const char *at = memchr(p, '@', (size_t)(end - p)), *slash = memchr(p, '/', (size_t)(end - p));
	bool is_right = at != NULL && slash != NULL && p < at && at < slash && end - slash > 1;

	party->kind = CONF_SFTP;
	party->port = "22";
	party->host = party->target = party->user = party->folder = "";
	party->url = keep(conf, v->text, end);
	if (is_right) {
		party->user = keep(conf, p, at);
		party->folder = keep(conf, slash, end[-1] == '/' ? end - 1 : end);
		is_right = read_host(conf, at + 1, slash, party);
	}
	if (party->url == NULL || party->user == NULL || party->folder == NULL || party->host == NULL ||
	        party->port == NULL)
		return false;
	if (!is_right || strpbrk(v->text, " #?\"<>") != NULL)
		conf_error_add(errors, v->line, v->column, "%s must be sftp://user@host[:port]/folder, not \"%.100s\"",
		        key, v->text);
	return true;
}

bool conf_read_url(struct conf *conf, const struct conf_node *v, const char *key, struct conf_party *party,
        struct conf_errors *errors)
{
	const char *p, *end = v->text + v->len, *slash;
	bool is_right;

	if (strncmp(v->text, "https://", 8) == 0) {
		party->kind = CONF_HTTPS;
		p = v->text + 8;
	} else if (strncmp(v->text, "tls://", 6) == 0) {
		party->kind = CONF_FRAMES;
		p = v->text + 6;
	} else if (strncmp(v->text, "file:", 5) == 0) {
		return read_folder(conf, v, key, party, errors);
	} else if (strncmp(v->text, "sftp://", 7) == 0) {
		return read_sftp(conf, v, key, party, errors);
	} else {
		conf_error_add(errors, v->line, v->column,
		        "%s must begin with https://, tls://, file: or sftp://, not \"%.60s\": parties are only spoken to over "
		        "TLS, or by files",
		        key, v->text);
		return true;
	}
	slash = party->kind == CONF_HTTPS ? memchr(p, '/', (size_t)(end - p)) : NULL;
	party->port = party->kind == CONF_HTTPS ? "443" : "";
	party->target = slash == NULL ? "/" : keep(conf, slash, end);
	party->url = keep(conf, v->text, end);
	is_right = read_host(conf, p, slash == NULL ? end : slash, party);
	if (party->host == NULL || party->port == NULL || party->target == NULL || party->url == NULL)
		return false;
	if (!is_right || strpbrk(party->target, " #\"<>") != NULL)
		conf_error_add(errors, v->line, v->column,
		        party->kind == CONF_HTTPS ? "%s must be https://host[:port]/path, not \"%.100s\""
		                                  : "%s must be tls://host:port, not \"%.100s\"",
		        key, v->text);
	return true;
}

/* ---- what goes with what ---- */

/* What HTTP itself or we say: twice is once too often. */
static bool is_header_of_ours(const char *name)
{
	static const char *const ours[] = { "host", "connection", "content-type", "content-length", "transfer-encoding",
		"expect", "te", "upgrade", "keep-alive", "trailer", "traceparent" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcasecmp(name, ours[i]) == 0)
			return true;
	return false;
}

static void check_header(const struct conf *conf, const struct conf_party *p, struct conf_errors *errors)
{
	const struct conf_place at = p->place;

	if ((p->header == NULL) != (p->header_secret == NULL))
		conf_error_add(errors, at.line, at.column, "give header and header_secret, or neither");
	else if (p->header == NULL)
		return;
	else if (!http1_is_token(yt_str(p->header)) || is_header_of_ours(p->header))
		conf_error_add(errors, at.line, at.column,
		        "header: \"%s\" is no name of a header, or of one that is sent anyway", p->header);
	else if (conf_secret(conf, yt_str(p->header_secret)) == NULL)
		conf_error_add(errors, at.line, at.column,
		        "header_secret: no secret is called \"%s\": add it to secrets", p->header_secret);
}

/* One request at a time on a connection, and not many of those. */
static void check_frames(const struct conf *conf, struct conf_party *p, struct conf_errors *errors)
{
	const char *name = p->name == NULL ? "" : p->name;
	const char *http = p->http2 != 0 ? "http2" : p->trace != 0 ? "trace" : p->header != NULL ? "header" : NULL;

	if (p->connections == 0)
		p->connections = FRAMES_CONNECTIONS;
	if (http != NULL)
		conf_error_add(errors, p->place.line, p->place.column,
		        "party %s: %s goes with https; frames over tls have no headers: remove it", name, http);
	if (p->connections < conf->gateway.workers)
		conf_error_add(errors, p->place.line, p->place.column,
		        "party %s: %u connections are fewer than the %u workers, and one without a connection could not "
		        "ask: raise connections, or lower gateway.workers",
		        name, (unsigned)p->connections, (unsigned)conf->gateway.workers);
}

/* Neither TLS nor HTTP is spoken. */
static void check_folder(const struct conf_party *p, struct conf_errors *errors)
{
	const char *name = p->name == NULL ? "" : p->name;
	const char *extra = p->ca != NULL                                     ? "ca"
	                    : p->cert != NULL                                 ? "cert"
	                    : p->kind == CONF_FILES && p->key != NULL         ? "key"
	                    : p->crl != NULL                                  ? "crl"
	                    : p->server_name != NULL                          ? "server_name"
	                    : p->http2 != 0                                   ? "http2"
	                    : p->trace != 0                                   ? "trace"
	                    : p->header != NULL                               ? "header"
	                    : p->kind == CONF_FILES && p->spool != NULL       ? "spool"
	                    : p->kind == CONF_FILES && p->known_hosts != NULL ? "known_hosts"
	                                                                      : NULL;
	const char *lacks = p->kind == CONF_FILES    ? NULL
	                    : p->key == NULL         ? "key"
	                    : p->known_hosts == NULL ? "known_hosts"
	                    : p->spool == NULL       ? "spool"
	                                             : NULL;

	if (extra != NULL)
		conf_error_add(errors, p->place.line, p->place.column,
		        "party %s is handed files, without TLS and HTTP: remove %s", name, extra);
	if (lacks != NULL)
		conf_error_add(errors, p->place.line, p->place.column,
		        "party %s is handed files over SSH: it needs key (ours), known_hosts (theirs) and spool (a folder "
		        "here), and lacks %s",
		        name, lacks);
}

/* Two parties' people in one file would be those of the party whose list was loaded last. */
static void check_enrolment(const struct conf *conf, const struct conf_party *p, struct conf_errors *errors)
{
	const struct conf_place at = p->place;
	unsigned kind;

	if ((p->enrolment == NULL) != (p->enrolment_key == NULL)) {
		conf_error_add(errors, at.line, at.column, "give enrolment and enrolment_key, or neither");
		return;
	}
	if (p->enrolment == NULL)
		return;
	kind = conf_kind_of_key(conf, p->enrolment_key);
	if (kind == 0)
		conf_error_add(errors, at.line, at.column,
		        "enrolment_key: no secret is called \"%s\": add it to secrets", p->enrolment_key);
	else if (kind != YT_KEY_SECRET)
		conf_error_add(errors, at.line, at.column,
		        "enrolment_key: \"%s\" is of kind %s, one of kind %s is needed", p->enrolment_key,
		        conf_kind_name(kind), conf_kind_name(YT_KEY_SECRET));
	for (const struct conf_party *other = conf->parties; other < p; other++)
		if (other->enrolment != NULL && strcmp(other->enrolment, p->enrolment) == 0)
			conf_error_add(errors, at.line, at.column,
			        "enrolment: %s is that of party %s already: each needs a file of its own", p->enrolment,
			        other->name == NULL ? "" : other->name);
}

static void check_told_by(const struct conf *conf, const struct conf_party *p, struct conf_errors *errors)
{
	for (uint32_t i = 0; i < p->told_by.n; i++)
		if (conf_party(conf, p->told_by.item[i]) == NULL)
			conf_error_add(errors, p->place.line, p->place.column,
			        "told_by: no party is called \"%.*s\": add it to parties", YT_FMT(p->told_by.item[i]));
	if (p->told_by.n > ENGINE_TELLERS)
		conf_error_add(errors, p->place.line, p->place.column, "told_by: at most %d parties, not %u",
		        ENGINE_TELLERS, (unsigned)p->told_by.n);
}

bool conf_party_has_account(const struct conf *conf, const struct conf_party *p)
{
	for (uint32_t i = 0; i < conf->n_payers; i++)
		if (conf->payers[i].party != NULL && strcmp(conf->payers[i].party, p->name) == 0)
			return true;
	return false;
}

bool conf_flow_does(const struct conf_flow *flow, unsigned op)
{
	for (uint32_t i = 0; i < flow->n_steps; i++)
		if (flow->step[i].op == op)
			return true;
	return false;
}

bool conf_flow_is_listed(const struct conf_flow *flow)
{
	for (uint32_t i = 0; i < flow->n_steps; i++)
		if (flow->step[i].op == YT_OP_CLAIM_SUBMIT && flow->step[i].party->statement_at.n > 0)
			return true;
	return false;
}

bool conf_party_has_claims(const struct conf *conf, const struct conf_party *p)
{
	for (uint32_t i = 0; i < conf->n_flows; i++)
		for (uint32_t k = 0; k < conf->flows[i].n_steps; k++)
			if (conf->flows[i].step[k].party == p && conf->flows[i].step[k].op == YT_OP_CLAIM_SUBMIT)
				return true;
	return false;
}

/* Whether its format has a question for entries, or for claims, only its plugin can tell: conf_plugins.c. */
static void check_statements(const struct conf *conf, const struct conf_party *p, struct conf_errors *errors)
{
	if (p->statement_at.n == 0 || p->name == NULL)
		return;
	if (!conf_party_has_account(conf, p) && !conf_party_has_claims(conf, p))
		conf_error_add(errors, p->place.line, p->place.column,
		        "statement_at: payers has no account at party %s, and no flow hands in claims there: there is "
		        "nothing to be fetched",
		        p->name);
	if (p->statement_at.n > ENGINE_FETCH_TIMES)
		conf_error_add(errors, p->place.line, p->place.column, "statement_at: at most %d times, not %u",
		        ENGINE_FETCH_TIMES, (unsigned)p->statement_at.n);
	for (uint32_t i = 0; i < conf->n_listeners; i++)
		if (conf->listeners[i].name != NULL && strcmp(conf->listeners[i].name, p->name) == 0)
			conf_error_add(errors, p->place.line, p->place.column,
			        "statement_at: a listener is called %s, too, and what is fetched is kept under the party's "
			        "name: give it another one",
			        p->name);
}

void conf_check_statements(const struct conf *conf, struct conf_errors *errors)
{
	for (uint32_t i = 0; i < conf->n_parties; i++)
		check_statements(conf, &conf->parties[i], errors);
}

void conf_check_parties(struct conf *conf, struct conf_errors *errors)
{
	for (uint32_t i = 0; i < conf->n_parties; i++) {
		struct conf_party *p = &conf->parties[i];

		check_enrolment(conf, p, errors);
		check_told_by(conf, p, errors);
		if (conf_party_is_files(p)) {
			check_folder(p, errors);
			continue;
		}
		if (p->spool != NULL || p->known_hosts != NULL)
			conf_error_add(errors, p->place.line, p->place.column, "party %s: %s goes with sftp: remove it",
			        p->name == NULL ? "" : p->name, p->spool != NULL ? "spool" : "known_hosts");
		if (p->ca == NULL && p->url != NULL)
			conf_error_add(errors, p->place.line, p->place.column, "%s lacks \"%s\": %s", "parties", "ca",
			        _("PEM that its certificate must chain to."));
		if ((p->cert == NULL) != (p->key == NULL))
			conf_error_add(errors, p->place.line, p->place.column,
			        "party %s has %s: give cert and key, or neither", p->name == NULL ? "" : p->name,
			        p->cert == NULL ? _("a key but no cert") : _("a cert but no key"));
		check_header(conf, p, errors);
		if (p->kind == CONF_FRAMES)
			check_frames(conf, p, errors);
		else if (p->connections == 0)
			p->connections = HTTPS_CONNECTIONS;
		if (p->query_timeout_ms > p->change_timeout_ms)
			conf_warning_add(errors, p->place.line, p->place.column,
			        "query_timeout_ms is longer than change_timeout_ms: is that meant?");
	}
}

uint32_t conf_party_connections(const struct conf *conf, const struct conf_party *party, uint32_t slot)
{
	const uint32_t workers = conf->gateway.workers;

	if (party->kind != CONF_FRAMES)
		return party->connections;
	return party->connections / workers + (slot < party->connections % workers ? 1 : 0);
}
