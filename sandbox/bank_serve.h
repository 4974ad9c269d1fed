/* sandbox/bank_serve.h - the bank as a running server: what bank_serve.c has and bank_control.c reads and steers. */
#ifndef SANDBOX_BANK_SERVE_H
#define SANDBOX_BANK_SERVE_H

#include "bank.h"
#include "control_port.h"

struct bank_document { /* told unasked */
	char *octets;
	int64_t next_ms; /* steady clock */
	unsigned n_tries;
	struct bank_document *next;
};

struct bank_server {
	struct bank bank;
	pthread_mutex_t lock;
	struct faults faults;
	json_t *calls;     /* BD1001, pain.001 ... -> how many arrived */
	json_t *documents; /* the texts of those told, the last BANK_DOCUMENTS */
	struct bank_document *outbox;
	struct http_server *iso;
	int64_t n_requests, n_delivered, n_undelivered;
	bool is_stopping, reverses_reports, doubles_reports;
	struct control_port control;
};

#define BANK_DOCUMENTS 1000

/* bank_control.c.  NULL after telling on stderr. */
struct http_server *bank_control_start(struct bank_server *server, uint16_t port);
json_t *bank_whole_ledger(const struct bank_server *server);

#endif
