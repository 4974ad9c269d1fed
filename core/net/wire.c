/* core/net/wire.c - moves ciphertext between libuv and OpenSSL.
 *
 * OpenSSL is given a BIO of our own that reads where libuv's read left the bytes and writes to the
 * hub's buffer; a pair of memory BIOs would copy each byte once more in both directions.  A write
 * goes to the socket at once (uv_try_write); only what it does not take is copied and waits. */
#include "net/wire.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
	READ_BUF = 64 * 1024,
	HELD_MAX = 64 * 1024, /* a paused peer that sends more is not read any further */
	KEEP_OUT = 256 * 1024 /* the hub's buffer is given back when it grew beyond this */
};

/* ---- BIO ---- */

static int bio_read(BIO *bio, char *p, int n)
{
	struct wire *wire = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (wire->in_n == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	if ((size_t)n > wire->in_n)
		n = (int)wire->in_n;
	memcpy(p, wire->in, (size_t)n);
	wire->in += n;
	wire->in_n -= (size_t)n;
	return n;
}

static int bio_write(BIO *bio, const char *p, int n)
{
	struct wire *wire = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	yt_buf_add(&wire->hub->out, p, (size_t)n);
	return wire->hub->out.failed ? -1 : n;
}

static long bio_ctrl(BIO *bio, int command, long num, void *ptr)
{
	(void)bio, (void)num, (void)ptr;
	return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *bio_method(void)
{
	static BIO_METHOD *method;

	if (method == NULL) {
		BIO_METHOD *fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");

		if (fresh == NULL)
			return NULL;
		BIO_meth_set_read(fresh, bio_read);
		BIO_meth_set_write(fresh, bio_write);
		BIO_meth_set_ctrl(fresh, bio_ctrl);
		method = fresh;
	}
	return method;
}

/* ---- hub ---- */

int wire_hub_init(struct wire_hub *hub, uv_loop_t *loop, const struct wire_events *events)
{
	struct sigaction now;

	/* libuv writes without MSG_NOSIGNAL: a peer that hangs up must not end the process. */
	if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
	memset(hub, 0, sizeof(*hub));
	hub->loop = loop;
	hub->events = events;
	hub->read_buf = malloc(READ_BUF);
	return hub->read_buf != NULL && bio_method() != NULL ? 0 : YT_ENOMEM;
}

void wire_hub_free(struct wire_hub *hub)
{
	free(hub->read_buf);
	yt_buf_free(&hub->out);
}

/* ---- out ---- */

static void on_written(uv_write_t *write, int status);

/* Hands queued to libuv. */
static void launch(struct wire *wire)
{
	struct yt_buf spare = wire->flight;
	uv_buf_t buf;

	wire->flight = wire->queued;
	wire->queued = spare;
	yt_buf_clear(&wire->queued);
	buf = uv_buf_init((char *)wire->flight.p, (unsigned)wire->flight.n);
	wire->writing = true;
	if (uv_write(&wire->write, (uv_stream_t *)&wire->tcp, &buf, 1, on_written) != 0)
		wire->broken = true; /* the read side will tell */
}

static void on_written(uv_write_t *write, int status)
{
	struct wire *wire = write->data;

	if (wire->closing)
		return;
	if (status < 0) {
		wire->broken = true;
		wire->hub->events->on_end(wire);
		return;
	}
	if (wire->queued.n > 0) {
		launch(wire);
		return;
	}
	yt_buf_free(&wire->flight);
	yt_buf_free(&wire->queued);
	wire->writing = false;
	wire->hub->events->on_drained(wire);
}

/* 0 or, broken: YT_EIO if the socket took nothing of it, YT_ENOMEM if it took a part. */
static int flush(struct wire *wire)
{
	struct yt_buf *out = &wire->hub->out;
	bool failed = out->failed;
	int n = 0;

	if (!wire->writing && out->n > 0 && !failed) {
		uv_buf_t buf = uv_buf_init((char *)out->p, (unsigned)out->n);

		n = uv_try_write((uv_stream_t *)&wire->tcp, &buf, 1);
		if (n == UV_EAGAIN)
			n = 0;
	}
	if (n >= 0 && (size_t)n < out->n && !failed) {
		yt_buf_add(&wire->queued, out->p + n, out->n - (size_t)n);
		failed = wire->queued.failed;
		if (!wire->writing && !failed)
			launch(wire);
	}
	yt_buf_clear(out);
	if (out->cap > KEEP_OUT || failed)
		yt_buf_free(out);
	if (n < 0 || failed)
		wire->broken = true;
	if (!wire->broken)
		return 0;
	return n > 0 ? YT_ENOMEM : YT_EIO;
}

static inline int flush_if_any(struct wire *wire)
{
	return wire->hub->out.n > 0 ? flush(wire) : 0;
}

/* ---- in ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct wire *wire = handle->data;

	(void)suggested;
	*buf = uv_buf_init((char *)wire->hub->read_buf, READ_BUF);
}

/* Keeps what TLS did not take; in is either held itself or the hub's buffer, which the next
 * connection needs. */
static void keep_rest(struct wire *wire)
{
	if (wire->in_n == 0) {
		if (wire->held.p != NULL)
			yt_buf_free(&wire->held);
	} else if (wire->held.n > 0 && wire->in >= wire->held.p && wire->in < wire->held.p + wire->held.n) {
		memmove(wire->held.p, wire->in, wire->in_n);
		wire->held.n = wire->in_n;
	} else {
		yt_buf_add(&wire->held, wire->in, wire->in_n);
	}
	wire->in = NULL;
	wire->in_n = 0;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct wire *wire = stream->data;

	if (n == 0 || wire->closing)
		return;
	if (n < 0) {
		wire->broken = wire->broken || n != UV_EOF;
		uv_read_stop(stream);
		wire->hub->events->on_end(wire);
		return;
	}
	if (wire->discarding)
		return;
	if (!wire->paused && wire->held.n == 0) {
		wire->in = (const uint8_t *)buf->base;
		wire->in_n = (size_t)n;
		wire->hub->events->on_input(wire);
		keep_rest(wire);
		return;
	}
	yt_buf_add(&wire->held, buf->base, (size_t)n);
	if (wire->held.failed) {
		wire->broken = true;
		wire->hub->events->on_end(wire);
	} else if (!wire->paused) {
		wire_pump(wire);
	} else if (wire->held.n >= HELD_MAX) {
		uv_read_stop(stream);
		wire->stopped = true;
	}
}

void wire_pump(struct wire *wire)
{
	if (wire->closing || wire->paused || wire->discarding)
		return;
	wire->in = wire->held.p;
	wire->in_n = wire->held.n;
	wire->hub->events->on_input(wire);
	if (!wire->closing)
		keep_rest(wire);
}

void wire_pause(struct wire *wire)
{
	wire->paused = true;
}

void wire_resume(struct wire *wire)
{
	wire->paused = false;
	if (wire->stopped && !wire->closing) {
		wire->stopped = false;
		uv_read_start((uv_stream_t *)&wire->tcp, on_alloc, on_read);
	}
}

/* ---- life ---- */

void wire_init(struct wire *wire, struct wire_hub *hub)
{
	memset(wire, 0, sizeof(*wire));
	wire->hub = hub;
	uv_tcp_init(hub->loop, &wire->tcp);
	wire->tcp.data = wire;
	wire->write.data = wire;
}

int wire_start(struct wire *wire, SSL *ssl)
{
	BIO *bio = ssl == NULL ? NULL : BIO_new(bio_method());

	wire->ssl = ssl;
	if (ssl != NULL && bio == NULL)
		return YT_EIO;
	if (ssl != NULL) {
		BIO_set_data(bio, wire);
		BIO_set_init(bio, 1);
		SSL_set_bio(ssl, bio, bio);
	}
	uv_tcp_nodelay(&wire->tcp, 1);
	return uv_read_start((uv_stream_t *)&wire->tcp, on_alloc, on_read) == 0 ? 0 : YT_EIO;
}

/* What an SSL call's result below 1 means; EIO poisons the wire: no SSL call may follow it. */
static int judge(struct wire *wire, int result)
{
	int error = SSL_get_error(wire->ssl, result);
	int flushed = flush_if_any(wire);

	if (error == SSL_ERROR_WANT_READ && flushed == 0)
		return YT_EAGAIN;
	if (error == SSL_ERROR_ZERO_RETURN)
		return 0;
	wire->broken = true;
	return YT_EIO;
}

/* SSL_get_error() wants an empty queue; to look is far cheaper than to clear all its places each time. */
static inline void forget_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

int wire_handshake(struct wire *wire)
{
	int result;

	if (wire->broken)
		return YT_EIO;
	forget_errors();
	result = SSL_do_handshake(wire->ssl);
	if (result == 1)
		return flush_if_any(wire) == 0 ? 0 : YT_EIO;
	return judge(wire, result) == YT_EAGAIN ? YT_EAGAIN : YT_EIO;
}

/* What libuv read is what the peer wrote. */
static ssize_t read_plain(struct wire *wire, uint8_t *p, size_t n)
{
	if (wire->in_n == 0)
		return YT_EAGAIN;
	if (n > wire->in_n)
		n = wire->in_n;
	memcpy(p, wire->in, n);
	wire->in += n;
	wire->in_n -= n;
	return (ssize_t)n;
}

ssize_t wire_read(struct wire *wire, uint8_t *p, size_t n)
{
	int result;

	if (wire->broken)
		return YT_EIO;
	if (wire->ssl == NULL)
		return read_plain(wire, p, n);
	forget_errors();
	result = SSL_read(wire->ssl, p, (int)n);
	if (result > 0) {
		if (flush_if_any(wire) != 0)
			return YT_EIO;
		return result;
	}
	return judge(wire, result);
}

int wire_write(struct wire *wire, const void *p, size_t n)
{
	int result;

	if (wire->broken)
		return YT_EIO;
	if (wire->ssl == NULL) {
		yt_buf_add(&wire->hub->out, p, n);
		return flush(wire);
	}
	forget_errors();
	result = SSL_write(wire->ssl, p, (int)n);
	if (result != (int)n) {
		wire->broken = true;
		yt_buf_clear(&wire->hub->out);
		return YT_EIO;
	}
	return flush(wire);
}

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
	(void)shutdown, (void)status; /* the peer's FIN or the owner's deadline ends the wire */
}

void wire_finish(struct wire *wire)
{
	if (wire->closing || wire->discarding)
		return;
	wire->discarding = true;
	wire->in_n = 0;
	yt_buf_free(&wire->held);
	if (!wire->broken && wire->ssl != NULL && SSL_is_init_finished(wire->ssl)) {
		ERR_clear_error();
		SSL_shutdown(wire->ssl);
		flush_if_any(wire);
		ERR_clear_error();
	}
	uv_shutdown(&wire->shutdown, (uv_stream_t *)&wire->tcp, on_shutdown);
	if (wire->stopped)
		uv_read_start((uv_stream_t *)&wire->tcp, on_alloc, on_read);
	wire->stopped = false;
}

static void on_close(uv_handle_t *handle)
{
	struct wire *wire = handle->data;

	SSL_free(wire->ssl);
	yt_buf_free(&wire->held);
	yt_buf_free(&wire->queued);
	yt_buf_free(&wire->flight);
	wire->hub->events->on_closed(wire);
}

void wire_close(struct wire *wire)
{
	if (wire->closing)
		return;
	wire->closing = true;
	wire->in_n = 0;
	uv_close((uv_handle_t *)&wire->tcp, on_close);
}
