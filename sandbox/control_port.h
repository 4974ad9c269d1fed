/* sandbox/control_port.h - what every counterpart has besides its wire: a control port (plain HTTP on loopback, JSON
 * both ways), and a beginning and an end. */
#ifndef SANDBOX_CONTROL_PORT_H
#define SANDBOX_CONTROL_PORT_H

#include "fault.h"
#include "http.h"

#include <pthread.h>

struct control_call {
	const char *method, *path;
	/* Under the lock.  body: NULL, where nothing was sent.  Returns what it answers, or anything, with *wrong set
	 * to what is wrong with the call, static. */
	json_t *(*run)(void *of, const json_t *body, const char **wrong);
};

/* The counterpart as its control port sees it; lives as long as the port. */
struct control_port {
	const char *name;                 /* "the bank", for people */
	const struct control_call *calls; /* besides /fault and /quiesce, which all have; up to one without a path */
	const enum fault_kind *playable;  /* up to FAULT_NONE; NULL: all */
	struct faults *faults;
	pthread_mutex_t *lock;
	const int64_t *n_requests;     /* that came so far */
	int64_t (*now_ms)(void *of);   /* by its clock; NULL: the wall's */
	void (*advance)(void *of);     /* what is due by then happens, before each call; may be NULL */
	int64_t (*n_moving)(void *of); /* effects still to come without a request */
	void *of;
};

/* On 127.0.0.1; NULL after telling on stderr. */
struct http_server *control_port_start(const struct control_port *control, uint16_t port);

/* Of the program: SIGINT and SIGTERM are kept for control_wait(), in all threads that come after. */
void control_keep_signals(void);
/* Writes the ports to the file (NULL: none), "9443 9480"; what was printed is seen. */
void control_tell_ports(const char *ports_path, const char *ports);
void control_wait(void); /* for one of the signals */
/* Takes the ledger; path NULL: nowhere.  -1: told. */
int control_write_ledger(const char *path, json_t *ledger);

#endif
