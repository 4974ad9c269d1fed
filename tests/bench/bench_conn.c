/* tests/bench/bench_conn.c - the generator's connections: kept alive, mutual TLS, one request at a time. */
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
	SSL_set_fd(c->ssl, c->fd);
	if (SSL_connect(c->ssl) != 1) {
		fprintf(stderr, "bench_load: no TLS with %s at port %d:\n", c->target->name, c->target->port);
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
	c->n_in = c->n_out = c->out_sent = 0;
	c->busy = false;
	epoll_ctl(c->target->epoll, EPOLL_CTL_ADD, c->fd, &(struct epoll_event){ .events = EPOLLIN, .data.ptr = c });
}

void load_connect(struct load_target *target)
{
	target->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < LOAD_CONNECTIONS; i++) {
		target->conns[i] = calloc(1, sizeof(struct load_conn));
		if (target->conns[i] == NULL)
			abort();
		target->conns[i]->target = target;
		open_conn(target->conns[i]);
	}
}

void load_reconnect(struct load_conn *c)
{
	SSL_free(c->ssl);
	close(c->fd);
	open_conn(c);
}

static bool flush(struct load_conn *c)
{
	while (c->out_sent < c->n_out) {
		int n;

		ERR_clear_error();
		n = SSL_write(c->ssl, c->out + c->out_sent, (int)(c->n_out - c->out_sent));
		if (n <= 0)
			return SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_WRITE;
		c->out_sent += (size_t)n;
	}
	return true;
}

bool load_send(struct load_conn *c, enum load_op op, int64_t due_ns)
{
	c->n_out = load_request(op, c->out, sizeof(c->out));
	c->out_sent = 0;
	c->due_ns = due_ns;
	c->busy = true;
	return flush(c);
}

static bool is_good(const char *p, size_t n, size_t body)
{
	size_t n_code;
	const char *code = bench_json_value(p + body, n - body, "infcode", &n_code);

	return n > 12 && memcmp(p + 9, "200", 3) == 0 && n_code == 1 && *code == '0';
}

static void complain(const struct load_conn *c, const char *p, size_t n)
{
	static int complaints;

	if (complaints++ < 5)
		fprintf(stderr, "bench_load: %s answered: %.*s\n", c->target->name, (int)(n < 900 ? n : 900), p);
}

enum load_got load_receive(struct load_conn *c)
{
	bool good;
	size_t body = 0;
	long len;
	int n;

	if (!flush(c))
		return LOAD_BROKEN;
	ERR_clear_error();
	n = SSL_read(c->ssl, c->in + c->n_in, (int)(sizeof(c->in) - c->n_in));
	if (n <= 0)
		return SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ ? LOAD_NOTHING : LOAD_BROKEN;
	c->n_in += (size_t)n;
	len = bench_http_length(c->in, c->n_in, &body);
	if (len == 0)
		return c->n_in == sizeof(c->in) ? LOAD_BROKEN : LOAD_NOTHING;
	if (len < 0 || (size_t)len != c->n_in || !c->busy) {
		complain(c, c->in, c->n_in);
		return LOAD_BROKEN;
	}
	good = is_good(c->in, c->n_in, body);
	if (!good)
		complain(c, c->in, c->n_in);
	c->n_in = 0;
	c->busy = false;
	return good ? LOAD_GOOD : LOAD_BAD;
}
