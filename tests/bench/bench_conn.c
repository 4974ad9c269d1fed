/* tests/bench/bench_conn.c - the generator's connections: kept alive, mutual TLS, HTTP/1.1 with one request at a time
 * or HTTP/2 with some (bench_h2.c). */
#include "bench_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void handshake(struct load_conn *c)
{
	static const unsigned char offered[] = { 2, 'h', '2' };
	const unsigned char *taken;
	unsigned n_taken;

	SSL_set_fd(c->ssl, c->fd);
	if (c->target->h2)
		SSL_set_alpn_protos(c->ssl, offered, sizeof(offered));
	if (SSL_connect(c->ssl) != 1) {
		fprintf(stderr, "bench_load: no TLS with %s at port %d:\n", c->target->name, c->target->port);
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	SSL_get0_alpn_selected(c->ssl, &taken, &n_taken);
	if (c->target->h2 && n_taken != 2) {
		fprintf(stderr, "bench_load: %s at port %d speaks no HTTP/2\n", c->target->name, c->target->port);
		exit(1);
	}
}

static void open_conn(struct load_conn *c)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)c->target->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	c->ssl = SSL_new(c->target->tls);
	ERR_clear_error();
	if (c->fd < 0 || c->ssl == NULL || connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		fprintf(stderr, "bench_load: %s at port %d: %s\n", c->target->name, c->target->port, strerror(errno));
		exit(1);
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	handshake(c);
	fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
	c->n_out = c->out_sent = 0;
	for (int i = 0; i < c->n_slots; i++) {
		c->slots[i].busy = false;
		c->slots[i].n_in = 0;
	}
	if (c->target->h2)
		load_h2_open(c);
	epoll_ctl(c->target->epoll, EPOLL_CTL_ADD, c->fd, &(struct epoll_event){ .events = EPOLLIN, .data.ptr = c });
}

void load_connect(struct load_target *target)
{
	target->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < target->n_conns; i++) {
		struct load_conn *c = target->conns[i] = calloc(1, sizeof(*c));

		if (c == NULL || (c->slots = calloc((size_t)target->n_streams, sizeof(*c->slots))) == NULL)
			abort();
		c->target = target;
		c->n_slots = target->n_streams;
		for (int s = 0; s < c->n_slots; s++)
			c->slots[s].conn = c;
		open_conn(c);
	}
}

void load_reconnect(struct load_conn *c)
{
	load_h2_close(c);
	SSL_free(c->ssl);
	close(c->fd);
	open_conn(c);
}

bool load_flush(struct load_conn *c)
{
	while (c->out_sent < c->n_out) {
		int n;

		ERR_clear_error();
		n = SSL_write(c->ssl, c->out + c->out_sent, (int)(c->n_out - c->out_sent));
		if (n <= 0)
			return SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_WRITE;
		c->out_sent += (size_t)n;
	}
	c->n_out = c->out_sent = 0;
	return true;
}

bool load_send(struct load_slot *slot, enum load_op op, uint64_t visit, int64_t due_ns)
{
	struct load_conn *c = slot->conn;

	slot->n_body = load_body(op, visit, slot->body, sizeof(slot->body));
	slot->body_sent = slot->n_in = 0;
	slot->due_ns = due_ns;
	slot->busy = true;
	if (c->session != NULL)
		return load_h2_send(slot);
	c->n_out = (size_t)snprintf(c->out, sizeof(c->out),
	        "POST " LOAD_PATH " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json; charset=utf-8\r\n"
	        "Content-Length: %zu\r\n\r\n%.*s",
	        slot->n_body, (int)slot->n_body, slot->body);
	c->out_sent = 0;
	return load_flush(c);
}

static void complain(const struct load_conn *c, const char *p, size_t n)
{
	static int complaints;

	if (complaints++ < 5)
		fprintf(stderr, "bench_load: %s answered: %.*s\n", c->target->name, (int)(n < 900 ? n : 900), p);
}

void load_answered(struct load_slot *slot, bool is_200, const char *body, size_t n)
{
	size_t n_code;
	const char *code = bench_json_value(body, n, "infcode", &n_code);
	bool is_good = is_200 && n_code == 1 && *code == '0';

	if (!is_good)
		complain(slot->conn, slot->in, slot->n_in);
	slot->n_in = 0;
	slot->busy = false;
	slot->conn->done(slot->conn->ctx, slot, is_good);
}

static bool receive_http1(struct load_conn *c, struct load_slot *slot)
{
	size_t body = 0;
	long len = bench_http_length(slot->in, slot->n_in, &body);

	if (len == 0)
		return slot->n_in < sizeof(slot->in);
	if (len < 0 || (size_t)len != slot->n_in || !slot->busy) {
		complain(c, slot->in, slot->n_in);
		return false;
	}
	load_answered(slot, memcmp(slot->in + 9, "200", 3) == 0, slot->in + body, slot->n_in - body);
	return true;
}

bool load_receive(struct load_conn *c, load_done_cb done, void *ctx)
{
	static char frames[LOAD_IN_BYTES];
	struct load_slot *slot = &c->slots[0];
	bool h2 = c->session != NULL;
	int n;

	c->done = done;
	c->ctx = ctx;
	if (!load_flush(c))
		return false;
	ERR_clear_error();
	n = SSL_read(c->ssl, h2 ? frames : slot->in + slot->n_in,
	        (int)(h2 ? sizeof(frames) : sizeof(slot->in) - slot->n_in));
	if (n <= 0)
		return SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ;
	if (h2)
		return load_h2_received(c, frames, (size_t)n);
	slot->n_in += (size_t)n;
	return receive_http1(c, slot);
}
