/* tests/bench/bench_stub.c - the platform and the hub behind the bench: answers at once, as cheaply as it can.
 *
 *   bench_stub PORT CA CERT KEY SM2_KEYS
 * One thread, epoll, mutual TLS like the gateway's outbound side.  What is answered to what: bench_nhsa.c, and for
 * messages between provinces bench_hub.c.  Keeps no books: how often something was settled is asked of the sandbox, not
 * of this. */
#include "bench_stub.h"
#include "bench_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_BYTES 32768

struct conn {
	int fd;
	SSL *ssl;
	bool waits_to_write; /* as epoll knows it */
	size_t n_in, n_out, out_sent;
	char in[IN_BYTES], out[8192 + 256];
};

static uint64_t n_answers;

static void answer(struct conn *c, const char *body, size_t n)
{
	static char text[8192];
	bool is_xml = n > 0 && *body == '<';
	size_t n_text = is_xml ? hub_answer(text, sizeof(text), ++n_answers, body, n)
	                       : nhsa_answer(text, sizeof(text), ++n_answers, body, n);

	c->n_out = (size_t)snprintf(c->out, sizeof(c->out),
	        "HTTP/1.1 200 OK\r\nContent-Type: application/%s; charset=utf-8\r\nContent-Length: %zu\r\n\r\n%.*s",
	        is_xml ? "xml" : "json", n_text, (int)n_text, text);
	c->out_sent = 0;
}

static void conn_end(struct conn *c)
{
	SSL_free(c->ssl);
	close(c->fd);
	free(c);
}

static bool flush(struct conn *c)
{
	while (c->out_sent < c->n_out) {
		int n = SSL_write(c->ssl, c->out + c->out_sent, (int)(c->n_out - c->out_sent));

		if (n <= 0)
			return SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_WRITE;
		c->out_sent += (size_t)n;
	}
	return true;
}

/* Answers every whole request in the buffer; false when the connection is of no more use. */
static bool serve(struct conn *c)
{
	size_t body;
	long len;

	while (c->out_sent == c->n_out && (len = bench_http_length(c->in, c->n_in, &body)) != 0) {
		if (len < 0)
			return false;
		answer(c, c->in + body, (size_t)len - body);
		memmove(c->in, c->in + len, c->n_in - (size_t)len);
		c->n_in -= (size_t)len;
		if (!flush(c))
			return false;
	}
	return true;
}

static bool on_ready(struct conn *c)
{
	int n;

	if (!flush(c) || !serve(c))
		return false;
	while ((n = SSL_read(c->ssl, c->in + c->n_in, (int)(IN_BYTES - c->n_in))) > 0) {
		c->n_in += (size_t)n;
		if (!serve(c) || c->n_in == IN_BYTES)
			return false;
		if (SSL_pending(c->ssl) == 0)
			return true; /* one system call less than reading until it would block */
	}
	n = SSL_get_error(c->ssl, n);
	return n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE;
}

static void watch(int epoll, struct conn *c)
{
	bool waits = c->out_sent < c->n_out;

	if (waits == c->waits_to_write)
		return;
	c->waits_to_write = waits;
	epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd,
	        &(struct epoll_event){ .events = waits ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c });
}

static void on_accept(int listener, int epoll, SSL_CTX *tls)
{
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct conn *c = calloc(1, sizeof(*c));

		if (c == NULL) {
			close(fd);
			return;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->fd = fd;
		c->ssl = SSL_new(tls);
		SSL_set_fd(c->ssl, fd);
		SSL_set_accept_state(c->ssl);
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = EPOLLIN, .data.ptr = c });
	}
}

static int listen_on(int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(fd, 1024) == 0)
		return fd;
	fprintf(stderr, "bench_stub: port %d: %s\n", port, strerror(errno));
	exit(1);
}

int main(int argc, char **argv)
{
	struct epoll_event events[256];
	int epoll = epoll_create1(EPOLL_CLOEXEC), listener;
	SSL_CTX *tls;

	if (argc != 6) {
		fprintf(stderr, "usage: bench_stub PORT CA CERT KEY SM2_KEYS\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	tls = bench_tls(1, argv[2], argv[3], argv[4]);
	SSL_CTX_set_num_tickets(tls, 1);
	hub_open(argv[5]);
	listener = listen_on(atoi(argv[1]));
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){ .events = EPOLLIN, .data.ptr = NULL });
	for (;;) {
		int n = epoll_wait(epoll, events, 256, -1);

		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;

			if (c == NULL)
				on_accept(listener, epoll, tls);
			else if (!on_ready(c))
				conn_end(c);
			else
				watch(epoll, c);
		}
	}
}
