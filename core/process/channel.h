/* core/process/channel.h - the supervisor's line to the keeper: who is up, who is gone, what is to be checked.
 *
 * A SOCK_SEQPACKET pair; one packet is one struct channel_msg, its text, and up to three descriptors. */
#ifndef YT_PROCESS_CHANNEL_H
#define YT_PROCESS_CHANNEL_H

#include "yitong/base.h"

#define CHANNEL_TEXT (80u << 10) /* a black box fits */
#define CHANNEL_FDS 3

enum channel_kind {
	CHANNEL_WORKER_UP = 1, /* fds: area, eventfd up, eventfd down */
	CHANNEL_WORKER_GONE,   /* reaped: its ring is to be drained, its legs are unknown */
	CHANNEL_WORKER_DRAINS, /* no new leases for it */
	CHANNEL_CRASHED,       /* text: plugin NUL what NUL octets: what a dead worker was handling */
	CHANNEL_CHECK,         /* text: path of a configuration; generation: which check; answered by CHANNEL_CHECKED */
	CHANNEL_CONFIGURE,     /* text: path of the configuration that is active now; number: generation */
	CHANNEL_FINISH,        /* all workers are gone: write down what is left and end */
	CHANNEL_READY,         /* keeper: the journal is open */
	/* keeper; number: open exchanges that need what it drops, UINT64_MAX: it cannot be read; text: what they
	 * need; generation: which check */
	CHANNEL_CHECKED,
	CHANNEL_BURIED, /* keeper: what this dead worker had on its ring is on disk */
	CHANNEL_KILL    /* keeper: this worker's ring holds nonsense */
};

struct channel_msg {
	uint32_t kind;
	uint32_t worker;
	uint64_t number; /* exchange, generation or count */
	uint32_t pid, incarnation, generation;
	uint32_t n_fds;
	int fds[CHANNEL_FDS]; /* received: the receiver's to close */
	char text[CHANNEL_TEXT];
	uint32_t n_text;
};

/* 0; YT_EAGAIN: no room now, to be sent again later and before all that follows; YT_EIO: never. */
int channel_send(int fd, const struct channel_msg *msg);
/* 0, YT_ENOTFOUND when the other side is gone, YT_EAGAIN when nothing is there, YT_ECORRUPT. */
int channel_receive(int fd, struct channel_msg *msg);

#endif
