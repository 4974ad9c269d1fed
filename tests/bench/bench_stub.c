/* tests/bench/bench_stub.c - the platform behind the bench: answers at once, as cheaply as it can.
 *
 *   bench_stub PORT CA CERT KEY
 * One thread, epoll, mutual TLS like the gateway's outbound side.  1101 is answered with a person, 2207
 * with a settlement of exactly the amounts that bench_load sends (they add up, R1 to R5), anything else
 * with an empty success; about 1 KB each.  Keeps no books: how often something was settled is asked of
 * the sandbox, not of this. */
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
	char in[IN_BYTES], out[4096];
};

static uint64_t n_answers;

static int settlement(char *out, size_t size, const char *body, size_t n)
{
	size_t n_visit, n_msgid, n_person;
	const char *visit = bench_json_value(body, n, "mdtrt_id", &n_visit);
	const char *msgid = bench_json_value(body, n, "msgid", &n_msgid);
	const char *person = bench_json_value(body, n, "psn_no", &n_person);

	return snprintf(out, size,
	        "\"output\":{\"setlinfo\":{\"mdtrt_id\":\"%.*s\",\"setl_id\":\"330200S%013llu\",\"psn_no\":\"%.*s\","
	        "\"psn_name\":\"示例甲\",\"psn_cert_type\":\"01\",\"certno\":\"330213197906152731\",\"gend\":\"1\","
	        "\"insutype\":\"310\",\"psn_type\":\"1101\",\"cvlserv_flag\":\"0\",\"setl_time\":\"2026-03-14 "
	        "09:41:30\","
	        "\"med_type\":\"11\",\"medfee_sumamt\":286.40,\"fulamt_ownpay_amt\":12.00,\"overlmt_selfpay\":0.00,"
	        "\"preselfpay_amt\":14.40,\"inscp_scp_amt\":260.00,\"act_pay_dedc\":0.00,\"hifp_pay\":208.00,"
	        "\"pool_prop_selfpay\":0.8000,\"cvlserv_pay\":0.00,\"hifes_pay\":0.00,\"hifmi_pay\":0.00,\"hifob_pay\":"
	        "0.00,"
	        "\"maf_pay\":0.00,\"oth_pay\":0.00,\"fund_pay_sumamt\":208.00,\"psn_part_amt\":78.40,\"acct_pay\":50."
	        "00,"
	        "\"psn_cash_pay\":28.40,\"hosp_part_amt\":0.00,\"balc\":1810.42,\"acct_mulaid_pay\":0.00,"
	        "\"medins_setl_id\":\"%.*s\",\"clr_optins\":\"330213\",\"clr_way\":\"1\",\"clr_type\":\"11\"},"
	        "\"setldetail\":[{\"fund_pay_type\":\"310100\",\"inscp_scp_amt\":260.00,\"crt_payb_lmt_amt\":20000.00,"
	        "\"fund_payamt\":208.00}]}",
	        (int)n_visit, visit, (unsigned long long)n_answers, (int)n_person, person, (int)n_msgid, msgid);
}

static int person(char *out, size_t size)
{
	return snprintf(out, size,
	        "\"output\":{\"baseinfo\":{\"psn_no\":\"33020000001000000123\",\"psn_cert_type\":\"01\","
	        "\"certno\":\"330213197906152731\",\"psn_name\":\"示例甲\",\"gend\":\"1\",\"naty\":\"01\","
	        "\"brdy\":\"1979-06-15\",\"age\":46.7},\"insuinfo\":[{\"balc\":1860.42,\"insutype\":\"310\","
	        "\"psn_type\":\"1101\",\"psn_insu_stas\":\"1\",\"psn_insu_date\":\"2004-07-01\",\"paus_insu_date\":"
	        "null,"
	        "\"cvlserv_flag\":\"0\",\"insuplc_admdvs\":\"330213\",\"emp_name\":\"示例机械有限公司\"},"
	        "{\"balc\":0.00,\"insutype\":\"510\",\"psn_type\":\"1101\",\"psn_insu_stas\":\"1\","
	        "\"psn_insu_date\":\"2004-07-01\",\"paus_insu_date\":null,\"cvlserv_flag\":\"0\","
	        "\"insuplc_admdvs\":\"330213\",\"emp_name\":\"示例机械有限公司\"}],\"idetinfo\":[{\"psn_idet_type\":"
	        "\"10\","
	        "\"psn_type_lv\":\"\",\"memo\":\"%060d\",\"begntime\":\"2020-01-01 00:00:00\",\"endtime\":\"\"}]}",
	        0);
}

static void answer(struct conn *c, const char *body, size_t n)
{
	char text[3072];
	size_t n_infno;
	const char *infno = bench_json_value(body, n, "infno", &n_infno);
	int n_text = snprintf(text, sizeof(text),
	        "{\"infcode\":0,\"inf_refmsgid\":\"33020020260314094130%010llu\",\"refmsg_time\":\"20260314094130455\","
	        "\"respond_time\":\"20260314094130666\",\"err_msg\":\"\",",
	        (unsigned long long)++n_answers);

	if (n_infno == 4 && memcmp(infno, "2207", 4) == 0)
		n_text += settlement(text + n_text, sizeof(text) - (size_t)n_text - 2, body, n);
	else if (n_infno == 4 && memcmp(infno, "1101", 4) == 0)
		n_text += person(text + n_text, sizeof(text) - (size_t)n_text - 2);
	else
		n_text += snprintf(text + n_text, sizeof(text) - (size_t)n_text - 2, "\"output\":null");
	text[n_text++] = '}';
	c->n_out = (size_t)snprintf(c->out, sizeof(c->out),
	        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n%.*s",
	        n_text, n_text, text);
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

	if (argc != 5) {
		fprintf(stderr, "usage: bench_stub PORT CA CERT KEY\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	tls = bench_tls(1, argv[2], argv[3], argv[4]);
	SSL_CTX_set_num_tickets(tls, 1);
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
