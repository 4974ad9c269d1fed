/* core/process/worker_sending.h - one try of a message made ready for its lane, and its answer held against it.
 *
 *   engine_send() -> world_send() in worker_world.c -> sending_make(): path, signature, method, by the party's codec
 *   lane -> sent_frame_next(): where an answer in frames ends
 *   lane -> on_lane() -> sent_is_answered(): is the answer the party's, where the format signs it over HTTP */
#ifndef YT_PROCESS_WORKER_SENDING_H
#define YT_PROCESS_WORKER_SENDING_H

#include <uthash.h>

#include "engine/engine.h"
#include "format/keys.h"
#include "net/lane.h"
#include "process/box.h"
#include "process/conf.h"

#define SENDING_HEADERS 16 /* that a codec may add */

struct sending {
	char *box; /* where the black box says which function runs; set by the caller */
	size_t box_size;
	struct lane_request request; /* all but the deadline; texts live in scratch, in frame, or are the caller's */
	struct yt_buf frame;         /* of a party that speaks in frames; the caller frees it */
	struct yt_header headers[SENDING_HEADERS + 2];
};

/* What goes to the party: its codec's path and signature, or the whole request where the codec makes that, or one
 * frame. NULL; or why it cannot be sent, static. */
const char *sending_make(struct sending *s, const struct engine_codec *codec, const struct conf_party *party,
        struct yt_str wire_op, struct yt_str octets, struct yt_arena *scratch);
/* The trace (empty: none) and the party's own header, as configured. */
void sending_add_conf(
        struct sending *s, const struct conf_party *party, struct yt_str traceparent, const struct yt_keys *keys);

/* What was sent to parties whose answers are signed together with it, or are cut by their codec, until they are there.
 */
struct sent {
	uint64_t leg, exchange;
	struct yt_str path, octets, request; /* of one block with this */
	UT_hash_handle hh;
};

/* Only where the codec is asked about the answer (http_verify_reply, frame_next).  box: still says whose it is, as
 * engine_send() filled it. */
void sent_remember(struct sent **all, const struct box *box, const struct engine_party *party, uint64_t leg,
        const struct lane_request *request, struct yt_str octets);
/* Whether this end of a leg counts as it is: false where its answer is not proved to be the party's, with *why.  box:
 * says so again meanwhile (P8). */
bool sent_is_answered(struct sent **all, struct box *box, const struct engine_party *party, uint64_t leg,
        const struct lane_result *result, const char **why);
/* Where the answer to a leg ends in what has come (yt_codec_api.frame_next); leg 0: none is awaited.  box: as above. */
int sent_frame_next(struct sent **all, struct box *box, const struct engine_party *party, uint64_t leg,
        struct yt_str octets, struct yt_frame *out);
void sent_forget_all(struct sent **all);

#endif
