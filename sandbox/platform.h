/* sandbox/platform.h - the provincial platform: HTTPS in, transactions, faults, its control port.
 *
 * A request runs through platform.c (who sends it, signature, fault), transactions.c (what it says)
 * and book.c (what is booked).  control.c reads and steers the rest through the members below, under
 * the lock. */
#ifndef SANDBOX_PLATFORM_H
#define SANDBOX_PLATFORM_H

#include "book.h"
#include "control_port.h"
#include "fault.h"
#include "http.h"
#include "transactions.h"

#define PLATFORM_CALLERS_MAX 16
#define PLATFORM_WINDOW_S 180 /* how far a signature's time may be from the platform's */

struct platform_options {
	const char *address;
	uint16_t port, control_port;
	const char *path;
	const char *cert, *key, *client_ca;        /* client_ca NULL: no client certificate needed */
	const char *callers[PLATFORM_CALLERS_MAX]; /* "paasid:file of its token" */
	size_t n_callers;
	const char *region;
	enum sign_check sign_check;
	const char *ledger_path; /* written when the program ends */
	const char *ports_path;  /* written when the ports are open */
	bool tombstone;
};

struct platform {
	const struct platform_options *options;
	pthread_mutex_t lock;
	struct book *book;
	struct faults faults;
	json_t *tokens;   /* paasid -> token */
	json_t *requests; /* infno -> how many arrived */
	enum sign_check sign_check;
	int64_t clock_offset_ms;
	int64_t n_requests, n_refused_unheard; /* of these: certificate, signature, form */
	int64_t n_pending;                     /* effects still to come: held, or running */
	struct http_server *server;
	struct control_port control;
};

/* The whole life: opens the ports, prints them, serves until SIGINT or SIGTERM, writes the ledger.
 * Returns the exit code. */
int platform_main(const struct platform_options *options);

/* Time as this platform believes it to be. */
int64_t platform_now_ms(const struct platform *platform);

/* Serves the control port.  NULL after telling on stderr. */
struct http_server *control_start(struct platform *platform, uint16_t port);

#endif
