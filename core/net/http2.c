/* core/net/http2.c - an HTTP/2 connection between a wire and its owner: libnghttp2, and limits of our own.
 *
 * Octets come by http2_input(), go through libnghttp2's frame reader, whose callbacks (http2_frames.c) gather
 * each stream's fields and body until the message is whole, and end at the owner's on_message.  Answers
 * and requests are handed to libnghttp2 at once; flush() lets it write frames as long as the socket takes
 * them, so that a slow peer leaves them with their stream, where the owner's deadline ends it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/http1.h"
#include "net/http2_parts.h"

enum {
	IN_BYTES = 16 * 1024,
	FLUSH_BYTES = 64 * 1024, /* written to the wire at once */
	KEEP_PLAIN = 256 * 1024,
	KEEP_STREAMS = 64,
	KEEP_BUF = 16 * 1024,
	WINDOW_MAX = 1 << 20
};

/* ---- budgets ---- */

bool http2_spend(const struct http2 *h2, struct http2_budget *budget, uint32_t size)
{
	int64_t now = (int64_t)uv_now(h2->wire->hub->loop);
	int64_t more = (now - budget->filled_ms) * size / 10000;

	if (more > 0) {
		budget->filled_ms = now;
		budget->left = budget->left + more < size ? budget->left + more : size;
	}
	return --budget->left >= 0;
}

void http2_flood(struct http2 *h2, const char *why)
{
	if (h2->why != NULL)
		return;
	h2->why = why;
	nghttp2_session_terminate_session(h2->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

void http2_spend_reset(struct http2 *h2)
{
	if (!h2->env->is_client && !http2_spend(h2, &h2->resets, h2->env->limits.resets))
		http2_flood(h2, "too many streams are reset");
}

/* ---- streams ---- */

struct http2_stream *http2_stream_new(struct http2 *h2, int32_t id)
{
	struct http2_env *env = h2->env;
	struct http2_stream *s = env->free;

	if (s != NULL) {
		env->free = s->next;
		env->n_free--;
	} else {
		s = calloc(1, sizeof(*s) + (env->limits.fields + HTTP2_PSEUDO) * sizeof(s->fields[0]));
		if (s == NULL)
			return NULL;
	}
	s->h2 = h2;
	s->id = id;
	s->deadline_ms = INT64_MAX;
	s->prev = NULL;
	s->next = h2->open;
	if (h2->open != NULL)
		h2->open->prev = s;
	h2->open = s;
	h2->n_open++;
	return s;
}

static void unlink_from(struct http2_stream **list, struct http2_stream *s)
{
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		*list = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
}

static void buf_keep(struct yt_buf *buf)
{
	if (buf->cap > KEEP_BUF || buf->failed)
		yt_buf_free(buf);
	else
		yt_buf_clear(buf);
}

/* What of it is held: until told, until sent. */
void http2_count_buffered(struct http2_stream *s)
{
	uint64_t n = (s->told ? 0 : s->body.n) + (s->sent ? 0 : s->out.n);

	s->h2->buffered += n - s->counted;
	s->counted = n;
}

/* Of either list: forgets it, keeps its memory for the next. */
void http2_stream_free(struct http2_stream *s, bool is_leaving)
{
	struct http2 *h2 = s->h2;
	struct http2_env *env = h2->env;
	struct yt_buf head, body, out;

	h2->buffered -= s->counted;
	unlink_from(is_leaving ? &h2->leaving : &h2->open, s);
	if (!is_leaving)
		h2->n_open--;
	buf_keep(&s->head);
	buf_keep(&s->body);
	buf_keep(&s->out);
	if (env->n_free >= KEEP_STREAMS) {
		yt_buf_free(&s->head);
		yt_buf_free(&s->body);
		yt_buf_free(&s->out);
		free(s);
		return;
	}
	head = s->head, body = s->body, out = s->out;
	memset(s, 0, sizeof(*s));
	s->head = head, s->body = body, s->out = out;
	s->next = env->free;
	env->free = s;
	env->n_free++;
}

/* All of it is written by libnghttp2; on_sent is told when the socket has it. */
void http2_stream_leaves(struct http2_stream *s)
{
	struct http2 *h2 = s->h2;

	unlink_from(&h2->open, s);
	h2->n_open--;
	s->prev = NULL;
	s->next = h2->leaving;
	if (h2->leaving != NULL)
		h2->leaving->prev = s;
	h2->leaving = s;
}

/* ---- in and out ---- */

static void tell_sent(struct http2 *h2)
{
	while (h2->leaving != NULL) {
		struct http2_stream *s = h2->leaving;

		h2->env->events.on_sent(s);
		http2_stream_free(s, true);
	}
}

/* Gathers frames until there are enough for one write; the rest on the next. */
static int gather(struct http2 *h2, struct yt_buf *plain)
{
	const uint8_t *p;
	ssize_t n = 1;

	yt_buf_clear(plain);
	while (n > 0 && plain->n < FLUSH_BYTES) {
		n = nghttp2_session_mem_send(h2->session, &p);
		if (n > 0)
			yt_buf_add(plain, p, (size_t)n);
	}
	return n < 0 || plain->failed ? YT_EIO : 0;
}

static int write_frames(struct http2 *h2)
{
	struct yt_buf *plain = &h2->env->plain;
	int rv = 0;

	while (rv == 0 && !h2->wire->writing) {
		rv = gather(h2, plain);
		if (rv != 0 || plain->n == 0)
			break;
		rv = wire_write(h2->wire, plain->p, plain->n);
	}
	if (plain->cap > KEEP_PLAIN || plain->failed)
		yt_buf_free(plain);
	return rv;
}

int http2_flush(struct http2 *h2)
{
	int rv;

	if (h2->busy)
		return 0;
	h2->busy = true;
	rv = h2->wire->broken ? YT_EIO : write_frames(h2);
	if (rv != 0 && h2->why == NULL)
		h2->why = "connection broke";
	if (rv == 0 && !h2->wire->writing)
		tell_sent(h2);
	h2->busy = false;
	if (rv == 0 && !nghttp2_session_want_read(h2->session) && !nghttp2_session_want_write(h2->session))
		rv = YT_EIO;
	if (rv != 0 && h2->why == NULL)
		h2->why = "said goodbye";
	return rv;
}

int http2_input(struct http2 *h2)
{
	int rv = 0;

	while (rv == 0 && !h2->wire->closing) {
		ssize_t n = wire_read(h2->wire, h2->env->in, IN_BYTES), used;

		if (n == YT_EAGAIN)
			break;
		if (n <= 0) {
			h2->why = n == 0 ? "closed by the peer" : "connection broke";
			return YT_EIO;
		}
		h2->busy = true;
		used = nghttp2_session_mem_recv(h2->session, h2->env->in, (size_t)n);
		h2->busy = false;
		if (used < 0) {
			if (h2->why == NULL)
				h2->why = nghttp2_strerror((int)used);
			nghttp2_session_terminate_session(h2->session,
			        used == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
			http2_flush(h2);
			return YT_EIO;
		}
		if (nghttp2_session_get_outbound_queue_size(h2->session) > 0 && wire_has_input(h2->wire))
			rv = http2_flush(h2);
	}
	return rv == 0 && !h2->wire->closing ? http2_flush(h2) : rv;
}

/* ---- messages out ---- */

static ssize_t on_data_wanted(nghttp2_session *session, int32_t id, uint8_t *p, size_t n, uint32_t *flags,
        nghttp2_data_source *source, void *arg)
{
	struct http2_stream *s = source->ptr;
	size_t left = s->out.n - s->out_at;

	(void)session, (void)id, (void)arg;
	if (n >= left) {
		n = left;
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	}
	memcpy(p, s->out.p + s->out_at, n);
	s->out_at += n;
	return (ssize_t)n;
}

static nghttp2_nv nv(struct yt_str name, struct yt_str value)
{
	return (nghttp2_nv){ (uint8_t *)name.p, (uint8_t *)value.p, name.n, value.n, NGHTTP2_NV_FLAG_NONE };
}

int http2_answer(struct http2_stream *s, int status, const struct yt_header *fields, size_t n, struct yt_str body)
{
	nghttp2_data_provider data = { .source.ptr = s, .read_callback = on_data_wanted };
	nghttp2_nv all[24];
	char digits[12], length[24];
	size_t n_all = 2;
	int rv;

	YT_REQUIRE(n + 2 <= sizeof(all) / sizeof(all[0]));
	snprintf(digits, sizeof(digits), "%03d", status % 1000);
	all[0] = nv(YT_STR(":status"), yt_str(digits));
	all[1] = nv(YT_STR("content-length"),
	        (struct yt_str){ length, (size_t)snprintf(length, sizeof(length), "%zu", body.n) });
	for (size_t i = 0; i < n; i++)
		all[n_all++] = nv(fields[i].name, fields[i].value);
	yt_buf_free(&s->body);
	if (!s->is_head)
		yt_buf_str(&s->out, body);
	if (s->out.failed)
		return YT_ENOMEM;
	http2_count_buffered(s);
	rv = nghttp2_submit_response(s->h2->session, s->id, all, n_all, s->out.n > 0 ? &data : NULL);
	return rv == 0 ? 0 : YT_ENOMEM;
}

void http2_refuse(struct http2_stream *s, int status, const char *why)
{
	struct yt_header type = { YT_STR("content-type"), YT_STR("text/plain") };
	struct http2 *h2 = s->h2;
	char text[128];
	int n = snprintf(text, sizeof(text), "%d %s: %s\n", status, http1_reason(status), why);

	s->refusal = (uint16_t)status;
	h2->env->events.on_refused(s, status, why);
	http2_spend_reset(h2);
	if (http2_answer(s, status, &type, 1, (struct yt_str){ text, (size_t)n }) != 0)
		http2_drop(s, NGHTTP2_INTERNAL_ERROR);
}

struct http2_stream *http2_request(struct http2 *h2, struct yt_str method, struct yt_str authority, struct yt_str path,
        const struct yt_header *fields, size_t n, struct yt_str body)
{
	nghttp2_data_provider data = { .read_callback = on_data_wanted };
	nghttp2_nv all[64];
	char length[24];
	size_t n_all = 5;
	int32_t id;
	struct http2_stream *s;

	if (n + n_all > sizeof(all) / sizeof(all[0]) || !http2_has_room(h2))
		return NULL;
	s = http2_stream_new(h2, 0);
	if (s == NULL)
		return NULL;
	all[0] = nv(YT_STR(":method"), method);
	all[1] = nv(YT_STR(":scheme"), YT_STR("https"));
	all[2] = nv(YT_STR(":authority"), authority);
	all[3] = nv(YT_STR(":path"), path);
	all[4] = nv(YT_STR("content-length"),
	        (struct yt_str){ length, (size_t)snprintf(length, sizeof(length), "%zu", body.n) });
	for (size_t i = 0; i < n; i++) /* libnghttp2 writes names in lower case */
		all[n_all++] = nv(fields[i].name, fields[i].value);
	yt_buf_str(&s->out, body);
	data.source.ptr = s;
	id = s->out.failed ? -1 : nghttp2_submit_request(h2->session, NULL, all, n_all, body.n > 0 ? &data : NULL, s);
	if (id < 0) {
		http2_stream_free(s, false);
		return NULL;
	}
	s->id = id;
	http2_count_buffered(s);
	return s;
}

bool http2_has_room(const struct http2 *h2)
{
	uint32_t theirs = nghttp2_session_get_remote_settings(h2->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

	return h2->why == NULL && !h2->wire->broken && h2->n_open < h2->env->limits.streams && h2->n_open < theirs &&
	       nghttp2_session_check_request_allowed(h2->session) != 0;
}

void http2_drop(struct http2_stream *s, uint32_t code)
{
	s->drops = true;
	nghttp2_submit_rst_stream(s->h2->session, NGHTTP2_FLAG_NONE, s->id, code);
}

void http2_last_goaway(struct http2 *h2)
{
	nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(h2->session),
	        NGHTTP2_NO_ERROR, NULL, 0);
}

void http2_drain(struct http2 *h2)
{
	if (h2->draining) {
		http2_last_goaway(h2);
		return;
	}
	h2->draining = true;
	nghttp2_submit_shutdown_notice(h2->session);
}

void http2_end(struct http2 *h2)
{
	nghttp2_session_terminate_session(h2->session, NGHTTP2_NO_ERROR);
}

/* ---- life ---- */

static uint32_t window(uint32_t bytes)
{
	if (bytes < NGHTTP2_INITIAL_WINDOW_SIZE)
		return NGHTTP2_INITIAL_WINDOW_SIZE;
	return bytes < WINDOW_MAX ? bytes : WINDOW_MAX;
}

static bool say_hello(struct http2 *h2)
{
	const struct http2_limits *limits = &h2->env->limits;
	nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, h2->env->is_client ? 0 : limits->streams },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window(limits->body_bytes) },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits->head_bytes },
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 }, /* a client's only */
	};

	return nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings, h2->env->is_client ? 4 : 3) == 0 &&
	       nghttp2_session_set_local_window_size(
	               h2->session, NGHTTP2_FLAG_NONE, 0, (int32_t)window(limits->buffered_bytes)) == 0;
}

struct http2 *http2_new(struct http2_env *env, struct wire *wire, void *owner)
{
	struct http2 *h2 = calloc(1, sizeof(*h2));
	int64_t now = (int64_t)uv_now(wire->hub->loop);
	int rv;

	if (h2 == NULL)
		return NULL;
	h2->env = env;
	h2->wire = wire;
	h2->owner = owner;
	h2->last_id = -1;
	h2->resets = (struct http2_budget){ env->limits.resets, now };
	h2->control = (struct http2_budget){ env->limits.control_frames, now };
	rv = env->is_client ? nghttp2_session_client_new2(&h2->session, env->callbacks, h2, env->option)
	                    : nghttp2_session_server_new2(&h2->session, env->callbacks, h2, env->option);
	if (rv != 0 || !say_hello(h2)) {
		nghttp2_session_del(h2->session);
		free(h2);
		return NULL;
	}
	return h2;
}

void http2_abandon(struct http2 *h2, bool untouched, const char *why)
{
	for (struct http2_stream *s = h2->open, *next; s != NULL; s = next) {
		next = s->next;
		if (s->drops || (h2->env->is_client && s->told))
			continue;
		s->left = s->left && !untouched;
		s->drops = true;
		h2->env->events.on_lost(s, why);
	}
}

void http2_free(struct http2 *h2, const char *why)
{
	if (h2 == NULL)
		return;
	h2->busy = true;
	while (h2->open != NULL) {
		struct http2_stream *s = h2->open;

		if (!s->drops && !(h2->env->is_client && s->told))
			h2->env->events.on_lost(s, why);
		http2_stream_free(s, false);
	}
	while (h2->leaving != NULL) {
		h2->env->events.on_lost(h2->leaving, why);
		http2_stream_free(h2->leaving, true);
	}
	nghttp2_session_del(h2->session);
	free(h2);
}

int http2_env_init(
        struct http2_env *env, bool is_client, const struct http2_limits *limits, const struct http2_events *events)
{
	memset(env, 0, sizeof(*env));
	env->limits = *limits;
	env->events = *events;
	env->is_client = is_client;
	env->in = malloc(IN_BYTES);
	if (env->in == NULL || nghttp2_option_new(&env->option) != 0 || !http2_set_callbacks(env)) {
		http2_env_free(env);
		return YT_ENOMEM;
	}
	nghttp2_option_set_max_outbound_ack(env->option, 100);
	return 0;
}

void http2_env_free(struct http2_env *env)
{
	while (env->free != NULL) {
		struct http2_stream *s = env->free;

		env->free = s->next;
		yt_buf_free(&s->head);
		yt_buf_free(&s->body);
		yt_buf_free(&s->out);
		free(s);
	}
	nghttp2_session_callbacks_del(env->callbacks);
	nghttp2_option_del(env->option);
	yt_buf_free(&env->plain);
	free(env->in);
	memset(env, 0, sizeof(*env));
}
