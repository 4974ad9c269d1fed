/* core/ctl/ctl_probe.c - `yitong probe`: every step on the way to a party, one line each, with the way out.
 *
 *   names    all addresses of its host
 *   tcp      which of them take a connection, and how fast
 *   tls      with the lane's own context (net/tls.c): version, cipher, ALPN, each certificate's days, and whether our
 *            certificate was asked for
 *   beat     of a party over a stream: a heartbeat and its answer
 *   call     one harmless message by the party's codec, signed as the gateway signs, over the same connection
 *   clock    its Date against ours, over HTTP
 *
 * Blocking calls with time-outs: nothing else happens here. */
#include "ctl/desk.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "net/sftp.h"
#include "net/tls.h"

#define DAYS_LEFT_MIN 14   /* of a certificate: fewer are a problem */
#define CLOCK_MS_MAX 60000 /* off: signatures are refused from some minutes on */
#define ANSWER_MAX (1u << 20)

struct probing {
	struct desk desk;
	const struct conf_party *party;
	const char *institution;
	bool no_message, is_wrong;
	int fd, second_fd; /* the second: whether it speaks HTTP/2 */
	SSL_CTX *ctx;
	SSL *ssl;
	bool was_asked; /* for our certificate */
};

static void fine(const char *step, const char *fmt, ...) YT_PRINTF(2, 3);
static void wrong(struct probing *p, const char *step, const char *fmt, ...) YT_PRINTF(3, 4);

static void line(const char *mark, const char *step, const char *fmt, va_list args)
{
	printf("%s%*s %-6s ", mark, (int)(6 - ctl_width(yt_str(mark))), "", step);
	vprintf(_(fmt), args);
	putchar('\n');
}

static void fine(const char *step, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	line(_("ok"), step, fmt, args);
	va_end(args);
}

static void wrong(struct probing *p, const char *step, const char *fmt, ...)
{
	va_list args;

	p->is_wrong = true;
	va_start(args, fmt);
	line(_("WRONG"), step, fmt, args);
	va_end(args);
}

/* -- names and TCP ------------------------------------------------------------------------------ */

static int connect_within(const struct addrinfo *a, int timeout_ms)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
	socklen_t n = sizeof(error);
	struct pollfd p = { fd, POLLOUT, 0 };

	if (fd < 0)
		return -1;
	if (connect(fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS)
		error = errno;
	else if (poll(&p, 1, timeout_ms) != 1)
		error = ETIMEDOUT;
	else
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n);
	if (error != 0) {
		close(fd);
		errno = error;
		return -1;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}

static void set_timeout(int fd, uint32_t ms)
{
	struct timeval tv = { ms / 1000, (suseconds_t)(ms % 1000) * 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static const char *tcp_way_out(int error)
{
	return error == ECONNREFUSED ? _("nothing listens there: is port right, and is the party up?")
	       : error == ETIMEDOUT  ? _("no answer: a firewall on the way, or a wrong address")
	                             : _("is the network of this machine up?");
}

static void probe_tcp(struct probing *p)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *all = NULL;
	char address[NI_MAXHOST];
	int64_t from;
	int rv = getaddrinfo(p->party->host, p->party->port, &hints, &all);

	p->fd = -1;
	if (rv != 0) {
		wrong(p, "names", "%s: %s; check url and /etc/resolv.conf", p->party->host, _(gai_strerror(rv)));
		return;
	}
	for (const struct addrinfo *a = all; a != NULL; a = a->ai_next) {
		int fd;

		getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof(address), NULL, 0, NI_NUMERICHOST);
		fine("names", "%s is %s", p->party->host, address);
		from = yt_mono_ms();
		fd = connect_within(a, (int)p->party->connect_timeout_ms);
		if (fd < 0)
			wrong(p, "tcp", "%s port %s: %s; %s", address, p->party->port, _(strerror(errno)),
			        tcp_way_out(errno));
		else
			fine("tcp", "%s port %s in %lld ms", address, p->party->port, (long long)(yt_mono_ms() - from));
		if (fd >= 0 && p->fd < 0) {
			p->fd = fd;
			if (p->party->http2 != 0)
				p->second_fd = connect_within(a, (int)p->party->connect_timeout_ms);
		} else if (fd >= 0) {
			close(fd);
		}
	}
	freeaddrinfo(all);
	if (p->fd >= 0)
		set_timeout(p->fd, p->party->query_timeout_ms);
}

/* -- TLS ---------------------------------------------------------------------------------------- */

static void tell_certificate(struct probing *p, const char *whose, X509 *cert)
{
	char name[256] = "?";
	int days = 0, seconds = 0;

	X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof(name));
	ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert));
	if (days < 0 || seconds < 0)
		wrong(p, "tls", "%s certificate %s has expired; a new one is needed", whose, name);
	else if (days < DAYS_LEFT_MIN)
		wrong(p, "tls", "%s certificate %s has %d days left; see to a new one", whose, name, days);
	else
		fine("tls", "%s certificate %s has %d days left", whose, name, days);
}

/* 1: go on without or with the pair that the context has. */
static int on_certificate(SSL *ssl, void *arg)
{
	struct probing *p = arg;

	(void)ssl;
	p->was_asked = true;
	return 1;
}

static void tell_tls(struct probing *p)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(p->ssl);
	const unsigned char *alpn;
	unsigned n_alpn;

	SSL_get0_alpn_selected(p->ssl, &alpn, &n_alpn);
	fine("tls", "%s, %s, ALPN %.*s", SSL_get_version(p->ssl), SSL_get_cipher_name(p->ssl),
	        n_alpn > 0 ? (int)n_alpn : 8, n_alpn > 0 ? (const char *)alpn : _("none"));
	for (int i = 0; i < sk_X509_num(chain); i++)
		tell_certificate(p, i == 0 ? _("its") : _("its issuer's"), sk_X509_value(chain, i));
	if (SSL_get_certificate(p->ssl) != NULL)
		tell_certificate(p, _("our"), SSL_get_certificate(p->ssl));
	if (p->was_asked && p->party->cert == NULL)
		wrong(p, "tls", "it asks for a client certificate and the party has none (cert, key)");
	else
		fine("tls", p->was_asked             ? "our certificate was asked for, and shown"
		            : p->party->cert != NULL ? "our certificate was not asked for"
		                                     : "no client certificate was asked for");
}

/* The message below goes by HTTP/1.1, which all speak; a lane prefers HTTP/2 where http2 is set and this says h2. */
static void probe_http2(struct probing *p, SSL_CTX *ctx, const char *name)
{
	SSL *ssl;

	set_timeout(p->second_fd, p->party->query_timeout_ms);
	if (tls_offer_http2(ctx) != 0 || (ssl = tls_client_new(ctx, name)) == NULL)
		return;
	if (SSL_set_fd(ssl, p->second_fd) == 1 && SSL_connect(ssl) == 1)
		fine("tls", tls_speaks_http2(ssl) ? "h2 was offered and chosen: lanes speak HTTP/2"
		                                  : "h2 was offered and not chosen: lanes speak HTTP/1.1");
	SSL_free(ssl);
}

static void probe_tls(struct probing *p)
{
	const struct conf_party *c = p->party;
	const struct lane_conf lane = { .name = c->name,
		.host = c->host,
		.port = c->port,
		.server_name = c->server_name,
		.ca_file = c->ca,
		.crl_file = c->crl,
		.cert_file = c->cert,
		.key_file = c->key };

	if (tls_client_ctx(&p->ctx, &lane) != 0) {
		wrong(p, "tls",
		        "ca, crl, cert or key cannot be used (`yitong check` says which); run this as the gateway's user");
		return;
	}
	SSL_CTX_set_cert_cb(p->ctx, on_certificate, p);
	p->ssl = tls_client_new(p->ctx, c->server_name != NULL ? c->server_name : c->host);
	if (p->ssl == NULL || SSL_set_fd(p->ssl, p->fd) != 1) {
		wrong(p, "tls", "out of memory");
		return;
	}
	if (SSL_connect(p->ssl) == 1) {
		tell_tls(p);
		if (p->second_fd >= 0)
			probe_http2(p, p->ctx, c->server_name != NULL ? c->server_name : c->host);
		return;
	}
	wrong(p, "tls", "%s; is its certificate for the name %s, from a CA in %s, and not expired?", tls_why(p->ssl),
	        c->server_name != NULL ? c->server_name : c->host, c->ca != NULL ? c->ca : _("(none)"));
	SSL_free(p->ssl);
	p->ssl = NULL;
}

/* -- one message -------------------------------------------------------------------------------- */

/* A heartbeat where the format has one, else a query about visits of nobody. */
static struct yt_msg *harmless(struct probing *p, const struct desk_codec *codec)
{
	const struct conf *conf = p->desk.ctl->conf;
	struct yt_msg *msg = yt_msg_new(p->desk.arena);
	const struct yt_wire_op *found = NULL;
	const struct conf_institution *in = conf_institution(conf, yt_str(p->institution));
	struct yt_node *data;
	char now[20], time[15];

	for (const struct yt_wire_op *op = codec->api->ops; op->wire != NULL; op++)
		if (op->op == YT_OP_LINK || (op->op == YT_OP_VISIT_QUERY && found == NULL))
			found = op;
	if (found == NULL || msg == NULL)
		return NULL;
	if (in == NULL && p->institution == NULL && conf->n_institutions > 0)
		in = &conf->institutions[0];
	msg->op = yt_op(found->op);
	msg->wire_op = yt_str(found->wire);
	msg->institution = yt_str(in != NULL ? in->code : NULL);
	msg->institution_name = yt_str(in != NULL ? in->name : NULL);
	msg->operator_id = msg->operator_name = yt_str(in != NULL ? in->operator_id : NULL);
	msg->treatment_area = yt_str(in != NULL ? in->area : NULL);
	msg->wall_ms = yt_wall_ms();
	yt_time_print(msg->wall_ms, now);
	yt_time_compact(msg->wall_ms, time);
	msg->time = yt_arena_copy(p->desk.arena, yt_str(now));
	msg->number = yt_arena_printf(
	        p->desk.arena, "%.*s%s%04u", YT_FMT(msg->institution), time, (unsigned)conf->numbers.serial_to);
	if (codec->api->make_number != NULL)
		(void)codec->api->make_number(codec->plugin, p->desk.arena, msg->wall_ms,
		        (uint64_t)getpid() * 100000 + (uint64_t)(msg->wall_ms % 100000), &msg->own_number);
	msg->body = yt_node_new(p->desk.arena, YT_OBJECT);
	data = yt_node_add(p->desk.arena, msg->body, YT_STR("data"), YT_OBJECT);
	yt_node_add_text(p->desk.arena, data, "psn_no", YT_STR("0"));
	yt_node_add_text(p->desk.arena, data, "begntime", msg->time);
	yt_node_add_text(p->desk.arena, data, "endtime", msg->time);
	yt_node_add_text(p->desk.arena, data, "med_type", YT_STR("11"));
	yt_node_add_text(p->desk.arena, data, "mdtrt_id", YT_STR("0"));
	yt_node_add_text(p->desk.arena, data, "kind", YT_STR("BEAT"));
	return msg;
}

static void add_head(struct probing *p, const struct desk_codec *codec, const struct yt_msg *msg, struct yt_str body,
        struct yt_buf *out)
{
	struct yt_str path = yt_str(p->party->target);
	struct yt_header headers[16];
	struct yt_str secret;
	int n = 0;

	if (codec->api->path != NULL && codec->api->path(codec->plugin, msg->wire_op, path, p->desk.arena, &path) != 0)
		path = yt_str(p->party->target);
	yt_buf_printf(out,
	        "POST %.*s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %zu\r\n",
	        YT_FMT(path), p->party->server_name != NULL ? p->party->server_name : p->party->host, p->party->port,
	        codec->api->content_type, body.n);
	if (codec->api->sign != NULL)
		n = codec->api->sign(codec->plugin, p->desk.arena, yt_wall_ms(), headers, 16);
	if (n < 0)
		wrong(p, "call", "its headers cannot be signed (%s)%s%s", _(yt_strerror(n)),
		        p->desk.key_trouble[0] != '\0' ? ": " : "", p->desk.key_trouble);
	for (int i = 0; i < n; i++)
		yt_buf_printf(out, "%.*s: %.*s\r\n", YT_FMT(headers[i].name), YT_FMT(headers[i].value));
	if (p->party->header != NULL && keys_secret(p->desk.keys, yt_str(p->party->header_secret), &secret) == 0)
		yt_buf_printf(out, "%s: %.*s\r\n", p->party->header, YT_FMT(secret));
	yt_buf_text(out, "\r\n");
	yt_buf_str(out, body);
}

static void exchange(struct probing *p, struct yt_str octets, struct yt_buf *in)
{
	char part[8192];
	int n;

	if (SSL_write(p->ssl, octets.p, (int)octets.n) != (int)octets.n) {
		wrong(p, "call", "cannot be written: %s", tls_why(p->ssl));
		return;
	}
	while (in->n < ANSWER_MAX && (n = SSL_read(p->ssl, part, sizeof(part))) > 0)
		yt_buf_add(in, part, (size_t)n);
	if (in->n == 0)
		wrong(p, "call",
		        tls_was_refused(p->ssl) ? "it refused our certificate: is it the one they know?"
		                                : "no answer within query_timeout_ms, or the connection was closed");
}

static struct yt_str header_of(struct yt_str head, const char *name)
{
	for (const char *at = head.p; at != NULL && at < head.p + head.n;) {
		const char *end = memchr(at, '\n', (size_t)(head.p + head.n - at));
		size_t n = end != NULL ? (size_t)(end - at) : (size_t)(head.p + head.n - at);

		if (n > strlen(name) && strncasecmp(at, name, strlen(name)) == 0 && at[strlen(name)] == ':') {
			struct yt_str value = { at + strlen(name) + 1, n - strlen(name) - 1 };

			while (value.n > 0 && *value.p == ' ') {
				value.p++;
				value.n--;
			}
			while (value.n > 0 && (value.p[value.n - 1] == '\r' || value.p[value.n - 1] == ' '))
				value.n--;
			return value;
		}
		at = end != NULL ? end + 1 : NULL;
	}
	return (struct yt_str){ 0 };
}

/* "1a\r\n...": in place; false when it is cut. */
static bool unchunk(struct yt_str *body)
{
	char *out = (char *)body->p, *at = out, *end = out + body->n;

	for (;;) {
		char *after;
		unsigned long n = strtoul(at, &after, 16);
		char *line_end = memchr(at, '\n', (size_t)(end - at));

		if (line_end == NULL || after == at || n > (unsigned long)(end - line_end))
			return false;
		if (n == 0)
			break;
		memmove(out, line_end + 1, n);
		out += n;
		at = line_end + 1 + n;
		while (at < end && (*at == '\r' || *at == '\n'))
			at++;
	}
	body->n = (size_t)(out - body->p);
	return true;
}

static void tell_clock(struct probing *p, struct yt_str date)
{
	struct tm tm = { 0 };
	char text[64];
	int64_t off_ms;

	snprintf(text, sizeof(text), "%.*s", (int)(date.n < 60 ? date.n : 60), date.p != NULL ? date.p : "");
	if (date.n == 0 || strptime(text, "%a, %d %b %Y %H:%M:%S", &tm) == NULL) {
		fine("clock", "it does not say its time");
		return;
	}
	off_ms = (int64_t)timegm(&tm) * 1000 - yt_wall_ms();
	if (off_ms > CLOCK_MS_MAX || off_ms < -CLOCK_MS_MAX)
		wrong(p, "clock",
		        off_ms > 0 ? "theirs is %lld s ahead of ours; is NTP running here?"
		                   : "theirs is %lld s behind ours; is NTP running here?",
		        (long long)(llabs(off_ms) / 1000));
	else
		fine("clock", "within %lld s of ours", (long long)(llabs(off_ms) / 1000 + 1));
}

static void tell_answer(
        struct probing *p, const struct desk_codec *codec, const struct yt_msg *msg, int status, struct yt_str body)
{
	struct yt_reply *reply = yt_reply_new(p->desk.arena);
	struct yt_buf clean = { 0 };
	char http[20] = "";

	if (reply == NULL || codec->api->decode_reply(codec->plugin, msg, status, body, reply) != 0) {
		wrong(p, "call", "out of memory");
		return;
	}
	if (status != 0)
		snprintf(http, sizeof(http), "HTTP %d, ", status);
	ctl_clean(&clean, reply->text);
	if (reply->outcome == YT_UNKNOWN && (status == 401 || status == 403))
		wrong(p, "call",
		        "HTTP %d: it refuses our signature or certificate; are key, paasid and cert those it knows?",
		        status);
	else if (reply->outcome == YT_UNKNOWN)
		wrong(p, "call", "%snot an answer of format %s: %.*s; are url and settings right?", http, codec->format,
		        YT_FMT(yt_buf_view(&clean)));
	else if (reply->at_gateway)
		wrong(p, "call", "refused on its way: %.*s; `yitong sign-explain` shows what is signed",
		        YT_FMT(yt_buf_view(&clean)));
	else
		fine("call", "%ssignature accepted; it says: %s%s%.*s%s%.*s", http,
		        reply->outcome == YT_DONE ? _("done") : _("refused"), reply->code.n > 0 ? " " : "",
		        YT_FMT(reply->code), clean.n > 0 ? " " : "", YT_FMT(yt_buf_view(&clean)));
	yt_buf_free(&clean);
}

static void read_answer(struct probing *p, const struct desk_codec *codec, const struct yt_msg *msg, struct yt_buf *in)
{
	struct yt_str all = yt_buf_view(in), body;
	const char *end = in->n > 0 ? memmem(all.p, all.n, "\r\n\r\n", 4) : NULL;
	int status = 0;

	if (in->n == 0)
		return;
	if (end == NULL || all.n < 12 || memcmp(all.p, "HTTP/1.", 7) != 0) {
		wrong(p, "call", "the answer is no HTTP; is it the right port?");
		return;
	}
	status = atoi(all.p + 9);
	body = (struct yt_str){ end + 4, (size_t)(all.p + all.n - end - 4) };
	all.n = (size_t)(end - all.p);
	if (strncasecmp(header_of(all, "Transfer-Encoding").p != NULL ? header_of(all, "Transfer-Encoding").p : "",
	            "chunked", 7) == 0 &&
	        !unchunk(&body)) {
		wrong(p, "call", "the answer was cut");
		return;
	}
	tell_answer(p, codec, msg, status, body);
	tell_clock(p, header_of(all, "Date"));
}

/* -- frames ------------------------------------------------------------------------------------- */

/* Sends one frame and waits for one; frame->message is of in.  False after saying what is wrong. */
static bool exchange_frames(struct probing *p, const struct desk_codec *codec, const char *step, struct yt_str message,
        struct yt_buf *in, struct yt_frame *frame)
{
	struct yt_buf out = { 0 };
	int rv = codec->api->frame_put(codec->plugin, message, &out), n = 0;
	bool is_written = rv == 0 && SSL_write(p->ssl, out.p, (int)out.n) == (int)out.n;

	yt_buf_free(&out);
	if (!is_written) {
		wrong(p, step, "cannot be written: %s", rv != 0 ? _(yt_strerror(rv)) : tls_why(p->ssl));
		return false;
	}
	while ((rv = codec->api->frame_next(codec->plugin, yt_buf_view(in), frame)) == YT_EAGAIN) {
		char part[8192];

		n = SSL_read(p->ssl, part, sizeof(part));
		if (n <= 0)
			break;
		yt_buf_add(in, part, (size_t)n);
	}
	if (rv == 0)
		return true;
	wrong(p, step,
	        rv != YT_EAGAIN           ? "the answer is no frame; is it the right port?"
	        : tls_was_refused(p->ssl) ? "it refused our certificate: is it the one they know?"
	                                  : "no answer in time, or the connection was closed");
	return false;
}

/* False: nothing more can be asked on this connection. */
static bool probe_beat(struct probing *p, const struct desk_codec *codec)
{
	struct yt_buf in = { 0 };
	struct yt_frame frame;
	int64_t from = yt_mono_ms();
	bool is_answered;

	set_timeout(p->fd, p->party->heartbeat_timeout_ms);
	is_answered = exchange_frames(p, codec, "beat", (struct yt_str){ 0 }, &in, &frame);
	if (is_answered && !frame.is_heartbeat)
		wrong(p, "beat", "a heartbeat was answered by a message; is it the right port?");
	else if (is_answered)
		fine("beat", "a heartbeat was answered in %lld ms", (long long)(yt_mono_ms() - from));
	is_answered = is_answered && frame.is_heartbeat;
	yt_buf_free(&in);
	set_timeout(p->fd, p->party->query_timeout_ms);
	return is_answered;
}

static void call_by_frames(
        struct probing *p, const struct desk_codec *codec, const struct yt_msg *msg, struct yt_str octets)
{
	struct yt_buf in = { 0 };
	struct yt_frame frame;

	if (exchange_frames(p, codec, "call", octets, &in, &frame))
		tell_answer(p, codec, msg, 0, frame.message);
	yt_buf_free(&in);
}

static void call_by_http(
        struct probing *p, const struct desk_codec *codec, const struct yt_msg *msg, struct yt_str octets)
{
	struct yt_buf out = { 0 }, in = { 0 };

	add_head(p, codec, msg, octets, &out);
	exchange(p, yt_buf_view(&out), &in);
	yt_buf_byte(&in, 0); /* so that numbers in it end somewhere */
	in.n--;
	read_answer(p, codec, msg, &in);
	yt_buf_free(&out);
	yt_buf_free(&in);
}

static void call(struct probing *p, const struct desk_codec *codec)
{
	struct yt_fault fault = { { 0 }, { 0 } };
	struct yt_buf body = { 0 };
	struct yt_msg *msg = harmless(p, codec);
	int rv;

	if (msg == NULL) {
		fine("call", "format %s has no harmless message: not tried", codec->format);
		return;
	}
	rv = codec->api->encode_request(codec->plugin, msg, &body, &fault);
	if (rv != 0) {
		wrong(p, "call", "%s cannot be written: %s %s%s%s", msg->op->name, fault.path, _(fault.why),
		        p->desk.key_trouble[0] != '\0' ? "; " : "", p->desk.key_trouble);
	} else {
		msg->sent = yt_arena_copy(p->desk.arena, yt_buf_view(&body));
		fine("call", "sends one harmless %.*s %s", YT_FMT(msg->wire_op), msg->op->name);
		if (p->party->kind == CONF_FRAMES)
			call_by_frames(p, codec, msg, yt_buf_view(&body));
		else
			call_by_http(p, codec, msg, yt_buf_view(&body));
	}
	yt_buf_free(&body);
}

static void probe_call(struct probing *p)
{
	const struct desk_codec *codec = desk_codec(&p->desk, p->party->name);

	if (codec == NULL)
		wrong(p, "call", "its format cannot be loaded");
	else if (p->party->kind == CONF_FRAMES && codec->api->frame_put == NULL)
		wrong(p, "call", "format %s does not speak over a stream; `yitong check` says more", codec->format);
	else if ((p->party->kind != CONF_FRAMES || probe_beat(p, codec)) && !p->no_message)
		call(p, codec);
}

/* Nobody is there to answer: its folders are all that can be looked at. */
static void probe_folder(struct probing *p)
{
	static const char *const names[] = { "out", "sent" };
	char path[512];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", p->party->folder, names[i]);
		if (access(path, R_OK | W_OK | X_OK) == 0)
			fine("folder", "%s can be written", path);
		else
			wrong(p, "folder", "%s: %s; make it, or give it to the user the gateway runs as", path,
			        _(strerror(errno)));
	}
}

/* Signs in, and looks at what lies there for us; nothing is put there. */
static void probe_sftp(struct probing *p)
{
	const struct conf_party *c = p->party;
	const struct sftp_conf conf = { .host = c->host,
		.port = c->port,
		.user = c->user,
		.folder = c->folder,
		.key_file = c->key,
		.known_hosts = c->known_hosts,
		.connect_ms = c->connect_timeout_ms,
		.answer_ms = c->query_timeout_ms };
	struct sftp *sftp = sftp_new(&conf);
	struct sftp_entry *entry = NULL;
	char why[DROP_WHY_MAX] = "";
	int64_t from = yt_mono_ms();
	size_t n = 0;

	if (sftp == NULL || sftp_connect(sftp, why) != 0) {
		wrong(p, "ssh", "%s", why);
	} else {
		fine("ssh", "signed in as %s at %s port %s in %lld ms", c->user, c->host, c->port,
		        (long long)(yt_mono_ms() - from));
		if (sftp_list(sftp, &entry, &n, why) != 0)
			wrong(p, "folder", "%s", why);
		else
			fine("folder", "%zu files lie in %s/in", n, c->folder);
	}
	free(entry);
	sftp_free(sftp);
}

static int probe(struct probing *p, const char *name)
{
	int rv = desk_open(&p->desk, p->desk.ctl, true);

	if (rv != CTL_OK)
		return rv;
	p->party = conf_party(p->desk.ctl->conf, yt_str(name));
	if (p->party == NULL)
		return ctl_fail(CTL_CANNOT, "there is no party %s in %s", name, p->desk.ctl->conf_file);
	setvbuf(stdout, NULL, _IOLBF, 0);
	p->fd = -1;
	if (p->party->kind == CONF_FILES)
		probe_folder(p);
	else if (p->party->kind == CONF_SFTP)
		probe_sftp(p);
	else
		probe_tcp(p);
	if (p->fd >= 0)
		probe_tls(p);
	if (p->ssl != NULL && (!p->no_message || p->party->kind == CONF_FRAMES))
		probe_call(p);
	printf(p->is_wrong ? _("%s: something is wrong\n") : _("%s: all is fine\n"), name);
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	if (p->fd >= 0)
		close(p->fd);
	if (p->second_fd >= 0)
		close(p->second_fd);
	return p->is_wrong ? CTL_FOUND : CTL_OK;
}

int ctl_probe(struct ctl *ctl, int argc, char **argv)
{
	struct probing p = { .desk.ctl = ctl, .fd = -1, .second_fd = -1 };
	const struct ctl_option own[] = { { "no-message", .flag = &p.no_message },
		{ "institution", .text = &p.institution }, { "plugins", .text = &p.desk.plugin_dir }, { NULL } };
	int rv = ctl_options(ctl, "probe", argc, argv, own, NULL);

	if (rv != CTL_GO_ON)
		return rv;
	if (argc - optind != 1)
		return ctl_usage("probe", "name one party");
	rv = probe(&p, argv[optind]);
	desk_close(&p.desk);
	return rv;
}
