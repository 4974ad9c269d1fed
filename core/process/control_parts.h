/* core/process/control_parts.h - what the files of the control socket share; nobody else includes it.
 *
 *   control_ask.c     the other side, in the processes that ask
 *   control.c         connections, one line in, one line out; status, decisions, audit, erasing
 *   control_people.c  who asks, whether he may, and what needs two persons
 *   control_lanes.c   outbound lanes: their state, stopping and starting them */
#ifndef YT_PROCESS_CONTROL_PARTS_H
#define YT_PROCESS_CONTROL_PARTS_H

#include "base/words.h"
#include "process/control.h"
#include "process/control_ask.h"
#include "yitong/json.h"

struct control {
	uv_pipe_t pipe;
	char path[108];
	struct keeper_process *process;
	struct client *clients;
	struct known_user *users; /* of the configuration's operators, in its order; NULL: not looked up */
	uint32_t n_users;
	struct proposal *proposals; /* decisions that wait for a second person, oldest first */
};

struct known_user { /* an operator's Unix user, looked up when the configuration came: a directory may take its time */
	char name[33]; /* of the Unix user; empty: the operator has none */
	uid_t uid;
	bool is_there;
};

struct client {
	struct client *prev, *next;
	uid_t uid;        /* of the other end */
	bool has_uid;     /* it is known */
	bool waits;       /* for a commit */
	uint64_t after;   /* answered when this many commits are durable; 0: at once */
	uint32_t erases;  /* yyyymmdd, whose key is destroyed then; 0: none */
	bool marks_lanes; /* workers are told then which lanes are stopped */
	uv_pipe_t pipe;
	uv_timer_t timer;
	uv_write_t write;
	struct yt_str who; /* the operator, after control_may() */
	struct keeper_process *process;
	char line[CONTROL_REQUEST_MAX];
	size_t n;
	struct yt_buf answer;
	struct yt_arena *arena;
};

void control_put_text(struct yt_buf *out, const char *name, struct yt_str value); /* "name":"value" */
void control_error(struct yt_buf *out, const char *error);                        /* the whole answer */
/* {"ok":true}, said only when what was written down for it is on disk. */
void control_when_durable(struct client *c);
/* The same; what is said then is already in c->answer, or will be. */
void control_after_commit(struct client *c);
/* Who and why are there and no fiction; else out says so. */
bool control_says_who(const struct client *c, const struct yt_node *q, struct yt_buf *out);

/* control_people.c */
/* Looks the operators' Unix users up, for a configuration that is in use from now on. */
void control_learn_users(struct keeper_process *p);
void control_learn_peer(struct client *c); /* uid, has_uid */
/* The gateway's own user, or root. */
bool control_is_ours(const struct client *c);
/* He may look: the gateway's own user, root, or an operator. */
bool control_knows(const struct client *c);
/* Finds out who asks (c->who) and whether his roles allow the act; else out says so. */
bool control_may(struct client *c, const struct yt_node *q, const char *act, struct yt_buf *out);
void control_decide(struct client *c, const struct yt_node *q, struct yt_buf *out);
void control_confirm(struct client *c, const struct yt_node *q, struct yt_buf *out);
void control_proposals(struct client *c, struct yt_buf *out);
void control_forget_proposals(struct control *control);

/* control_lanes.c */
void control_lanes(struct keeper_process *p, struct yt_buf *out);
void control_lane(struct client *c, const struct yt_node *q, struct yt_buf *out);

#endif
