/* core/process/worker_parts.h - what the files of a worker share; nobody else includes it.
 *
 *   worker_process.c   ring and loop, its life
 *   worker_world.c     what the engine does to the world
 *   worker_doors.c     listeners: requests come in
 *   worker_parties.c   parties: legs go out, and how they end
 *   worker_conf.c      what the engine asks of the configuration
 *   worker_enrolled.c  ... and of the parties' enrolment lists */
#ifndef YT_PROCESS_WORKER_PARTS_H
#define YT_PROCESS_WORKER_PARTS_H

#include <openssl/evp.h>
#include <uv.h>

#include "engine/engine.h"
#include "format/keys.h"
#include "net/drop.h"
#include "net/lane.h"
#include "net/server.h"
#include "process/process.h"
#include "process/ring.h"
#include "process/slow.h"
#include "process/worker_files.h"
#include "process/worker_sending.h"

struct worker_listener {
	struct worker *worker;
	const struct conf_listener *conf;
	struct engine_codec codec;
	struct server *server;        /* NULL: it is a folder, and ... */
	struct worker_folder *folder; /* ... this, NULL: another worker has it */
	struct net_range *allow;
	uint32_t index;
	struct yt_pace strays; /* lines about requests for other paths */
};

struct worker_party {
	struct worker *worker;
	const struct conf_party *conf;
	struct engine_party engine;
	struct board_lane *board;
	struct lane *lane;                /* NULL: it is handed files, by ... */
	struct drop *drop;                /* ... this */
	struct enrolment_watch enrolment; /* file NULL: it keeps no list */
};

struct failed_leg { /* ended before it began; told on the next turn, never from inside the engine */
	uint64_t leg;
	struct failed_leg *next;
};

struct worker {
	uv_loop_t *loop;
	uv_poll_t ring;
	uv_timer_t tick;
	uv_signal_t sigterm;
	struct conf *conf;
	struct yt_keys *keys;
	struct engine *engine;
	struct area area;
	struct ring_reader down;
	struct slow *slow; /* NULL: no codec is */
	struct box *box;   /* of the loop */
	const struct quarantine *quarantine;
	struct worker_listener *listeners;
	struct worker_party *parties;
	struct engine_origin *origins;
	struct engine_institution *institutions;
	struct engine_flow *flows;
	struct engine_origin *tellers; /* parties, as whom that what they told is kept that was fetched */
	struct engine_fetch *fetches;  /* of the first worker */
	uint32_t n_fetches;
	struct failed_leg *failed;
	struct sent *sent;
	struct yt_arena *scratch; /* headers of one leg */
	EVP_MAC_CTX *person_mac;
	uint32_t slot, generation, n_draining;
	int64_t drain_until, warned_on;
	bool doors_open, draining;
};

/* worker_process.c: one instance of a format; told when it fails. */
int worker_load_plugin(struct worker *w, struct engine_codec *codec, const char *format, const char *instance,
        const struct conf_settings *settings);

/* worker_world.c */
int worker_open_engine(struct worker *w);
uint64_t worker_token(uint32_t listener, struct server_token t); /* as the engine knows a request */

/* worker_doors.c.  0; YT_ECONF after telling */
int worker_open_listeners(struct worker *w); /* codecs; nobody comes in yet */
int worker_open_doors(struct worker *w);     /* when the engine is up */

/* worker_parties.c */
int worker_open_parties(struct worker *w); /* 0; YT_ECONF after telling */
void worker_write_lanes(struct worker *w); /* on the board */

/* worker_conf.c */
void worker_take_flows(struct worker *w);   /* after the parties, which they point at */
void worker_take_fetches(struct worker *w); /* after the parties, too */
void worker_take_people(struct worker *w);  /* origins and institutions */
/* What the engine goes by; w outlives it. */
void worker_engine_conf(struct worker *w, struct engine_conf *conf);

/* worker_enrolled.c */
void worker_enrolled_open(struct worker_party *p); /* looks at the list, if the party keeps one */
/* engine_world.enrolled(), of a struct worker */
enum enrolment_state worker_enrolled(
        void *ctx, const struct engine_party *party, struct yt_str certno, bool *is_on, int64_t *day);

#endif
