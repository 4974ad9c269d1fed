/* core/net/drop.h - outbound by files: one party to whom messages are handed over by putting files where it takes them.
 *
 * The worker opens one per party whose url is a folder, here or over SSH (process/worker_parties.c), and gives it whole
 * files; a thread of its own puts them there, one after the other, by the order of steps in drop_put.c, which makes
 * each appear once under its name, whatever dies in between.  Ends are told as those of a lane: */
#ifndef YT_NET_DROP_H
#define YT_NET_DROP_H

#include "net/lane.h"
#include "net/sftp.h"

struct drop_conf {
	const char *name;   /* of the party, for the log */
	const char *folder; /* has the folders out (where the party takes files) and sent (our receipts) */
	uint32_t queue;     /* files waiting; more are LANE_NOT_SENT */
	/* NULL, or the party's folder over SSH: then that has out; folder has sent, and for what is fetched: */
	const struct sftp_conf *sftp; /* copied */
	uint32_t fetch_ms;            /* so often, into folder/in, with receipts in folder/fetched; 0: never */
	uint32_t file_bytes;          /* a larger one is not fetched */
};

struct drop;
/* done: LANE_ANSWERED has status YT_FILE_HANDED_OVER or YT_FILE_NAME_TAKEN and no body; LANE_NOT_SENT, LANE_LOST and
 * LANE_TIMED_OUT as with a lane; sent again, the same file under the same name finds out.  Called as in lane.h. */
int drop_open(struct drop **out, uv_loop_t *loop, const struct drop_conf *conf, lane_done done, void *arg);
/* name and octets are copied. */
void drop_send(struct drop *drop, uint64_t id, struct yt_str name, struct yt_str octets, int64_t deadline_ms);
void drop_state(struct drop *drop, struct lane_state *out);
/* What waits ends as LANE_NOT_SENT, what is being put there is waited for; frees after the loop has run. */
void drop_close(struct drop *drop);

#endif
