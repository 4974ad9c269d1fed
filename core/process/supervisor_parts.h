/* core/process/supervisor_parts.h - what the parts of the supervisor share; nobody else includes it.
 *
 *   supervisor.c           start, signals, the clock, the end
 *   supervisor_sockets.c   listening sockets, one per listener and worker slot
 *   supervisor_workers.c   workers: started, buried, drained, watched
 *   supervisor_keeper.c    the keeper and the channel to it
 *   supervisor_reload.c    a configuration: checked by a child (reload.c), asked of the keeper, activated
 */
#ifndef YT_PROCESS_SUPERVISOR_PARTS_H
#define YT_PROCESS_SUPERVISOR_PARTS_H

#include <utlist.h>
#include <uv.h>

#include "process/channel.h"
#include "process/process.h"
#include "process/ring.h"

#define TIMER_MS 20
#define LISTENERS_MAX 64
#define MEMBERS_MAX 512 /* workers, dead and alive, with which a reload may begin; the keeper's BURIED_MAX is above */

struct member { /* one worker process, living or not yet buried */
	uint32_t id, slot, generation;
	uv_process_t process;
	struct area area;
	int area_fd, wake_keeper, wake_worker;
	bool alive, drains, told_up;
	int64_t kill_at;
	uint32_t beats;        /* as last seen on its board ... */
	int64_t silent_ms;     /* ... and for how long, as far as we ourselves were awake */
	struct telling *crash; /* what it died of, told to every keeper until it is buried */
	struct member *prev, *next;
};

struct telling { /* a message to the keeper, kept */
	struct telling *prev, *next;
	uint32_t n_text;
	char bytes[]; /* struct channel_msg up to its text, and the text */
};

struct slot {
	int fds[LISTENERS_MAX];
	int64_t start_at; /* monotonic; 0: nothing to start */
	uint32_t young_deaths;
	int64_t started_at;
};

struct supervisor {
	uv_loop_t *loop;
	uv_signal_t sigterm, sigint, sighup;
	uv_timer_t timer;
	uv_process_t keeper;
	uv_poll_t channel;
	int channel_fd, quarantine_fd, meters_fd;
	struct quarantine *quarantine;
	struct conf *conf;      /* active */
	const char *conf_file;  /* as named by the operator */
	char active_file[512];  /* the checked copy that children read */
	struct conf *next_conf; /* checked, waiting for the keeper's word */
	struct member *members;
	struct telling *untold; /* no room on the channel yet, in order */
	struct slot *slots;
	uint32_t n_slots, next_id, generation;
	uint32_t check_no; /* of the CHANNEL_CHECK that next_conf waits for */
	bool keeper_alive, keeper_ready, keeper_was_ready, channel_open, stopping, finishing, announced, was_up;
	bool waits_for_keeper; /* said so in the log */
	bool keeper_ended_well;
	int64_t keeper_start_at, stop_deadline, ticked_at;
	uint32_t keeper_young_deaths;
	int64_t keeper_started_at;
	int exit_code;
	struct channel_msg msg;
};

extern struct supervisor sup;

/* ---- supervisor.c ---- */

/* Starts this same program with other arguments; fds[i] becomes descriptor 3 + i. */
int supervisor_spawn(uv_process_t *process, char **args, const int *fds, int n_fds, uv_exit_cb on_exit);
void supervisor_give_up(const char *why); /* a first start that cannot succeed ends at once */
/* How long to wait before a child that lived so long is started again, ms: the first that die young in a row are back
 * at once, then pauses grow.  *young_deaths is the caller's to keep. */
int64_t supervisor_restart_pause(uint32_t *young_deaths, int64_t lived_ms);
int64_t supervisor_restart_at(uint32_t *young_deaths, int64_t started_at); /* the same as a time, monotonic */

/* ---- supervisor_sockets.c ---- */

/* Sockets for a configuration: those that stay are taken over, so that no connection is refused.  0, or YT_ECONF
 * after having said why. */
int sockets_bind(const struct conf *conf, struct slot **out);
void sockets_shut(struct slot *slots, uint32_t n);  /* we go: who connects is refused once no worker listens either */
void sockets_close(struct slot *slots, uint32_t n); /* and frees them */

/* ---- supervisor_workers.c ---- */

void worker_start(uint32_t slot);
void worker_drain(struct member *m);
void worker_bury(struct member *m);    /* what was on its ring is written down */
struct member *worker_of(uint32_t id); /* NULL: buried, or never was */
uint32_t workers_count(bool dead_only);
bool workers_are_dead(void);
void workers_watch_generations(void); /* when the newest is up, older ones drain */
void workers_watch_beats(int64_t passed_ms);

/* ---- supervisor_keeper.c ---- */

void supervisor_begin_msg(enum channel_kind kind); /* sup.msg, to be filled in and told */
struct telling *supervisor_keep_msg(void);         /* a copy of it, the caller's to free() */
void supervisor_take_msg(const struct telling *t);
/* What it must know is told in order, however slow it is.  A keeper that is not up hears all when it is. */
void supervisor_tell(void);
void supervisor_tell_untold(void);
void supervisor_tell_up(struct member *m);
void supervisor_tell_about(struct member *m, enum channel_kind kind);
void supervisor_tell_generation(void);
void supervisor_start_keeper(void);

/* ---- supervisor_desk.c ---- */

void desk_renew(void); /* another configuration: the old one ends, a new one starts */
void desk_watch(void); /* by the clock */

/* ---- supervisor_reload.c ---- */

void reload_path(char *path, size_t size, const struct conf *conf, uint32_t generation); /* of the copy children read */
void reload_remove(uint32_t generation);             /* ... that nobody reads any more */
void reload_drop(void);                              /* what waits for the keeper's word is forgotten */
void reload_answered(const struct channel_msg *msg); /* the keeper's word */
void reload_on_sighup(uv_signal_t *signal, int number);
int reload_first(void); /* checks and activates before anything runs; 0, or YT_ECONF after having said why */

#endif
