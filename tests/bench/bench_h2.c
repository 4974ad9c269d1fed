/* tests/bench/bench_h2.c - what HTTP/2 adds to a connection of the generator: frames, by libnghttp2.
 *
 * bench_conn.c hands over what came and takes what is to be sent from conn->out.  One slot is one stream at a time.
 * h2load has no client certificates, and its requests are all the same: a settlement would be one repeated. */
#include "bench_load.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES (1 << 20)

/* Everything that is to be sent, in one write. */
static bool pump(struct load_conn *c)
{
	const uint8_t *frame;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(c->session, &frame)) > 0) {
		if (c->n_out + (size_t)n > sizeof(c->out)) {
			fprintf(stderr, "bench_load: %s does not take what it is sent\n", c->target->name);
			return false;
		}
		memcpy(c->out + c->n_out, frame, (size_t)n);
		c->n_out += (size_t)n;
	}
	return n == 0 && load_flush(c);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t n_name,
        const uint8_t *value, size_t n_value, uint8_t flags, void *user)
{
	struct load_slot *slot = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)flags;
	(void)user;
	if (slot != NULL && n_name == 7 && memcmp(name, ":status", 7) == 0)
		slot->is_200 = n_value == 3 && memcmp(value, "200", 3) == 0;
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t n, void *user)
{
	struct load_slot *slot = nghttp2_session_get_stream_user_data(session, stream);

	(void)flags;
	(void)user;
	if (slot == NULL || slot->n_in + n > sizeof(slot->in))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	memcpy(slot->in + slot->n_in, data, n);
	slot->n_in += n;
	return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t error, void *user)
{
	struct load_slot *slot = nghttp2_session_get_stream_user_data(session, stream);

	(void)user;
	if (slot != NULL && slot->busy)
		load_answered(slot, slot->is_200 && error == NGHTTP2_NO_ERROR, slot->in, slot->n_in);
	return 0;
}

static ssize_t read_body(nghttp2_session *session, int32_t stream, uint8_t *out, size_t size, uint32_t *flags,
        nghttp2_data_source *source, void *user)
{
	struct load_slot *slot = source->ptr;
	size_t n = slot->n_body - slot->body_sent;

	(void)session;
	(void)stream;
	(void)user;
	n = n < size ? n : size;
	memcpy(out, slot->body + slot->body_sent, n);
	slot->body_sent += n;
	if (slot->body_sent == slot->n_body)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

void load_h2_open(struct load_conn *c)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES },
	};
	nghttp2_session_callbacks *callbacks;

	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		abort();
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	if (nghttp2_session_client_new(&c->session, callbacks, c) != 0 ||
	        nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 2) != 0 ||
	        nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, WINDOW_BYTES) != 0)
		abort();
	nghttp2_session_callbacks_del(callbacks);
	(void)pump(c);
}

void load_h2_close(struct load_conn *c)
{
	for (int i = 0; i < c->n_slots && c->session != NULL; i++)
		c->slots[i].busy = false; /* so that on_close is silent */
	nghttp2_session_del(c->session);
	c->session = NULL;
}

bool load_h2_send(struct load_slot *slot)
{
#define FIELD(name, value)                                                                                             \
	{                                                                                                              \
		(uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name), strlen(value),              \
		        NGHTTP2_NV_FLAG_NONE                                                                           \
	}
	char length[16];
	nghttp2_data_provider body = { .source.ptr = slot, .read_callback = read_body };

	snprintf(length, sizeof(length), "%zu", slot->n_body);
	slot->is_200 = false;
	const nghttp2_nv fields[] = { FIELD(":method", "POST"), FIELD(":scheme", "https"),
		FIELD(":authority", "127.0.0.1"), FIELD(":path", LOAD_PATH),
		FIELD("content-type", "application/json; charset=utf-8"), FIELD("content-length", length) };
#undef FIELD
	return nghttp2_submit_request(
	               slot->conn->session, NULL, fields, sizeof(fields) / sizeof(fields[0]), &body, slot) > 0 &&
	       pump(slot->conn);
}

bool load_h2_received(struct load_conn *c, const char *octets, size_t n)
{
	return nghttp2_session_mem_recv(c->session, (const uint8_t *)octets, n) == (ssize_t)n && pump(c);
}
