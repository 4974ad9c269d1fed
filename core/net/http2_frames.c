/* core/net/http2_frames.c - what libnghttp2 tells of an HTTP/2 connection, frame by frame.
 *
 * Fields and body of each stream are gathered until its message is whole, checked against the limits, and given to
 * the owner's on_message; on the way out it is noted what has left.  http2.c makes the calls that these
 * callbacks come from. */
#include <string.h>

#include "net/http1.h"
#include "net/http2_parts.h"

enum {
	TINY_DATA = 128,   /* a DATA frame shorter than this, not the last, is no progress worth its cost */
	CONTROL_BACK = 16, /* control frames that a whole message makes good */
	HEAD_FLOOD = 4     /* times head_bytes: not refused any more but cut */
};

/* ---- whole messages ---- */

/* Sets the slices of all fields, names the pseudo fields; the others are moved to the front. */
static void take_fields(
        struct http2_stream *s, struct http2_message *m, struct yt_str *scheme, struct yt_str *authority)
{
	const char *p = (const char *)s->head.p;
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n_fields; i++) {
		struct yt_header f = s->fields[i];

		f.name.p = p;
		f.value.p = p + f.name.n;
		p += f.name.n + f.value.n;
		if (f.name.p[0] != ':')
			s->fields[n++] = f;
		else if (yt_str_is(f.name, ":method"))
			m->method = f.value;
		else if (yt_str_is(f.name, ":path"))
			m->target = f.value;
		else if (yt_str_is(f.name, ":scheme"))
			*scheme = f.value;
		else if (yt_str_is(f.name, ":authority"))
			*authority = f.value;
		else if (yt_str_is(f.name, ":status") && f.value.n == 3)
			m->status = (f.value.p[0] - '0') * 100 + (f.value.p[1] - '0') * 10 + (f.value.p[2] - '0');
	}
	m->fields = s->fields;
	m->n_fields = n;
	m->body = yt_buf_view(&s->body);
}

/* What libnghttp2 lets pass and HTTP/1.1 on the next port would not; 0: nothing. */
static int request_fault(const struct http2_message *m, struct yt_str scheme, struct yt_str authority, const char **why)
{
	struct yt_str host = http1_field(m->fields, m->n_fields, "host");
	struct yt_str expected = http1_field(m->fields, m->n_fields, "expect");

	*why = "the target is not a path";
	if (yt_str_is(m->method, "CONNECT"))
		return 501;
	if (!http1_is_target(m->target))
		return 400;
	*why = "the scheme is not https";
	if (!yt_str_is(scheme, "https"))
		return 400;
	*why = "host and :authority differ";
	if (host.n > 0 && authority.n > 0 && !yt_str_eq(host, authority))
		return 400;
	*why = "the expectation is unknown";
	return expected.n == 0 || yt_str_is(expected, "100-continue") ? 0 : 417;
}

static void message_is_whole(struct http2_stream *s)
{
	struct http2 *h2 = s->h2;
	struct http2_message m = { .method = { 0 } };
	struct yt_str scheme = { 0 }, authority = { 0 };
	const char *why;
	int status;

	if (s->told || s->refusal != 0 || s->drops || h2->wire->closing)
		return;
	take_fields(s, &m, &scheme, &authority);
	if (h2->env->is_client && (m.status < 200 || m.status > 599)) { /* libnghttp2 takes any three digits */
		h2->env->events.on_lost(s, "the answer's status is none");
		http2_drop(s, NGHTTP2_PROTOCOL_ERROR);
		return;
	}
	status = h2->env->is_client ? 0 : request_fault(&m, scheme, authority, &why);
	if (status != 0) {
		http2_refuse(s, status, why);
		return;
	}
	h2->control.left += CONTROL_BACK;
	if (h2->control.left > h2->env->limits.control_frames)
		h2->control.left = h2->env->limits.control_frames;
	s->told = true;
	s->is_head = yt_str_is(m.method, "HEAD");
	http2_count_buffered(s);
	h2->env->events.on_message(s, &m);
}

/* ---- what libnghttp2 tells of what came ---- */

/* A stream that was passed over is closed for good (RFC 9113 5.1.1).  libnghttp2 does not tell one from a stream that
 * was there and whose late frames are to be passed over, so what was never there is remembered. */
static bool was_passed_over(struct http2 *h2, int32_t id)
{
	if (id > h2->last_id) {
		if (id > h2->last_id + 2)
			h2->gaps[h2->n_gaps++ % HTTP2_GAPS] = (struct http2_gap){ h2->last_id + 2, id - 2 };
		h2->last_id = id;
		return false;
	}
	for (uint32_t i = 0; i < HTTP2_GAPS && i < h2->n_gaps; i++)
		if (id >= h2->gaps[i].from && id <= h2->gaps[i].to)
			return true;
	return false;
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *arg)
{
	struct http2 *h2 = arg;
	struct http2_stream *s = nghttp2_session_get_stream_user_data(session, hd->stream_id);
	bool is_free =
	        (hd->type == NGHTTP2_HEADERS && s == NULL) || hd->type == NGHTTP2_RST_STREAM ||
	        (hd->type == NGHTTP2_HEADERS && h2->env->is_client && !s->head_is_whole) ||
	        (hd->type == NGHTTP2_DATA && (hd->length >= TINY_DATA || (hd->flags & NGHTTP2_FLAG_END_STREAM) != 0));

	if (hd->type == NGHTTP2_HEADERS && !h2->env->is_client && hd->stream_id % 2 == 1 && h2->why == NULL &&
	        was_passed_over(h2, hd->stream_id)) {
		h2->why = "a stream lower than one before it";
		nghttp2_session_terminate_session(session, NGHTTP2_PROTOCOL_ERROR);
	}
	if (hd->type == NGHTTP2_CONTINUATION && s != NULL && ++s->n_continuations > h2->env->limits.continuations)
		http2_flood(h2, "too many CONTINUATION frames");
	if (!is_free && !http2_spend(h2, &h2->control, h2->env->limits.control_frames))
		http2_flood(h2, "too many frames that carry no message");
	return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct http2 *h2 = arg;
	struct http2_stream *s;

	if (h2->env->is_client || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	if (h2->n_open >= h2->env->limits.streams || h2->buffered > h2->env->limits.buffered_bytes) {
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
		return 0;
	}
	s = http2_stream_new(h2, frame->hd.stream_id);
	if (s == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	nghttp2_session_set_stream_user_data(session, s->id, s);
	h2->env->events.on_open(s);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
        const uint8_t *value, size_t value_n, uint8_t flags, void *arg)
{
	struct http2 *h2 = arg;
	const struct http2_limits *limits = &h2->env->limits;
	struct http2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)flags;
	if (s == NULL)
		return 0;
	s->head_n += (uint32_t)(name_n + value_n + 32); /* as RFC 9113 6.5.2 counts */
	if (s->head_n > HEAD_FLOOD * limits->head_bytes)
		http2_flood(h2, "header fields without end");
	if (s->head_is_whole || s->refusal != 0 || h2->why != NULL)
		return 0; /* trailers are counted, never used */
	if (s->head_n > limits->head_bytes || s->n_fields >= limits->fields + HTTP2_PSEUDO) {
		s->refusal = 431; /* answered when the block is whole */
		return 0;
	}
	s->fields[s->n_fields].name.n = name_n;
	s->fields[s->n_fields++].value.n = value_n;
	yt_buf_add(&s->head, name, name_n);
	yt_buf_add(&s->head, value, value_n);
	if (s->head.failed)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	return 0;
}

/* libnghttp2 would leave out a field that it finds malformed; two readers must not see two messages. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
        const uint8_t *value, size_t value_n, uint8_t flags, void *arg)
{
	(void)session, (void)frame, (void)name, (void)name_n, (void)value, (void)value_n, (void)flags, (void)arg;
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* An interim answer (1xx) is read and forgotten: the next block is the answer's, or the next interim one. */
static bool forget_interim(struct http2_stream *s)
{
	const char *status = (const char *)s->head.p;

	/* libnghttp2 lets no answer through whose first field is not ":status" of three digits. */
	if (s->head.n < 10 || memcmp(status, ":status", 7) != 0 || status[7] != '1')
		return false;
	yt_buf_clear(&s->head);
	s->n_fields = 0;
	return true;
}

static bool wants_continue(const struct http2_stream *s)
{
	const char *p = (const char *)s->head.p;

	for (uint32_t i = 0; i < s->n_fields; i++) {
		const struct yt_header *f = &s->fields[i];

		if (f->name.n == 6 && memcmp(p, "expect", 6) == 0 && f->value.n == 12)
			return true;
		p += f->name.n + f->value.n;
	}
	return false;
}

static void head_is_whole(struct http2_stream *s, bool ends)
{
	static const nghttp2_nv go_on = { (uint8_t *)":status", (uint8_t *)"100", 7, 3, NGHTTP2_NV_FLAG_NONE };
	struct http2 *h2 = s->h2;

	if (h2->env->is_client && s->refusal != 0) {
		s->refusal = 0;
		h2->env->events.on_lost(s, "the answer's header fields are too many or too large");
		http2_drop(s, NGHTTP2_CANCEL);
		return;
	}
	if (s->refusal == 431 && !s->head_is_whole) {
		s->refusal = 0;
		s->head_is_whole = true;
		http2_refuse(s, 431, "header fields are too many or too large");
		return;
	}
	if (h2->env->is_client && !s->head_is_whole && forget_interim(s))
		return;
	if (!s->head_is_whole && !ends && !h2->env->is_client && wants_continue(s))
		nghttp2_submit_headers(h2->session, NGHTTP2_FLAG_NONE, s->id, NULL, &go_on, 1, NULL);
	s->head_is_whole = true;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct http2 *h2 = arg;
	struct http2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

	if (frame->hd.type == NGHTTP2_RST_STREAM)
		http2_spend_reset(h2);
	if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && h2->draining)
		http2_last_goaway(h2); /* it has heard the notice: what it sent before is here */
	if (s == NULL || h2->why != NULL)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS) {
		s->n_continuations = 0;
		head_is_whole(s, ends);
	}
	if (ends && (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA))
		message_is_whole(s);
	return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	struct http2 *h2 = arg;
	struct http2_stream *s = nghttp2_session_get_stream_user_data(session, id);

	(void)flags;
	if (s == NULL || s->refusal != 0 || s->told || s->drops)
		return 0;
	if (s->body.n + n > h2->env->limits.body_bytes) {
		if (h2->env->is_client) {
			h2->env->events.on_lost(s, "the answer is too large");
			http2_drop(s, NGHTTP2_CANCEL);
		} else {
			http2_refuse(s, 413, "the body is too large");
		}
		return 0;
	}
	yt_buf_add(&s->body, p, n);
	http2_count_buffered(s);
	if (s->body.failed || h2->buffered > h2->env->limits.buffered_bytes) {
		h2->env->events.on_lost(s, "no room for its body");
		http2_drop(s, h2->env->is_client ? NGHTTP2_CANCEL : NGHTTP2_REFUSED_STREAM);
		http2_spend_reset(h2);
	}
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	struct http2 *h2 = arg;
	struct http2_stream *s = nghttp2_session_get_stream_user_data(session, id);

	if (s == NULL)
		return 0;
	nghttp2_session_set_stream_user_data(session, id, NULL);
	if (!h2->env->is_client && s->sent && !s->drops) {
		http2_stream_leaves(s);
		return 0;
	}
	if (code == NGHTTP2_REFUSED_STREAM)
		s->left = false; /* RFC 9113 8.7: nothing of it was processed */
	if (!s->drops && !(h2->env->is_client && s->told))
		h2->env->events.on_lost(
		        s, code == NGHTTP2_NO_ERROR ? "the stream ended" : nghttp2_http2_strerror(code));
	http2_stream_free(s, false);
	return 0;
}

/* ---- what libnghttp2 tells of what leaves ---- */

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct http2 *h2 = arg;
	struct http2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR && h2->why == NULL)
		h2->why = nghttp2_http2_strerror(frame->goaway.error_code);
	if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.last_stream_id == INT32_MAX)
		nghttp2_submit_ping(
		        session, NGHTTP2_FLAG_NONE, NULL); /* whose answer tells that the notice was heard */
	if (frame->hd.type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR &&
	        (s == NULL || !s->drops))
		http2_spend_reset(h2); /* not the owner's wish: the peer made us do it */
	if (s == NULL || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
		return 0;
	s->left = true;
	if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
		return 0;
	s->sent = true;
	http2_count_buffered(s);
	if (!h2->env->is_client && nghttp2_session_get_stream_remote_close(session, s->id) == 0)
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR); /* RFC 9113 8.1 */
	return 0;
}

/* A request that libnghttp2 would not begin any more: GOAWAY came in between.  Its stream never was. */
static int on_frame_not_send(nghttp2_session *session, const nghttp2_frame *frame, int error, void *arg)
{
	struct http2 *h2 = arg;

	(void)error;
	if (frame->hd.type != NGHTTP2_HEADERS || !h2->env->is_client ||
	        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id) != NULL)
		return 0;
	for (struct http2_stream *s = h2->open; s != NULL; s = s->next) {
		if (s->id != frame->hd.stream_id)
			continue;
		if (!s->drops)
			h2->env->events.on_lost(s, "the party is going away");
		http2_stream_free(s, false);
		break;
	}
	return 0;
}

bool http2_set_callbacks(struct http2_env *env)
{
	nghttp2_session_callbacks *c;

	if (nghttp2_session_callbacks_new(&env->callbacks) != 0)
		return false;
	c = env->callbacks;
	nghttp2_session_callbacks_set_on_begin_frame_callback(c, on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(c, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(c, on_invalid_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data_chunk);
	nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_send);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(c, on_frame_not_send);
	return true;
}
