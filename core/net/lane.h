/* core/net/lane.h - outbound: one party's connections, bounded queue, deadlines.
 *
 * The worker opens one lane per party (process/worker_parties.c); the engine asks it to send one request and
 * hears exactly one end of it, and perhaps a late answer after LANE_TIMED_OUT.  Connections are pooled,
 * kept alive, over TLS with our client certificate where the party wants one; HTTP/1.1, one request at a time,
 * or HTTP/2 where both want it, many at a time; or the format's own frames, one request at a time, with heartbeats. */
#ifndef YT_NET_LANE_H
#define YT_NET_LANE_H

#include <uv.h>

#include "yitong/plugin.h"

/* A party that speaks in frames on the stream instead of HTTP. */
struct lane_framing {
	/* As yt_codec_api.frame_next; NULL: HTTP.  id: of the request whose answer is awaited; 0: none is. */
	int (*next)(void *ctx, uint64_t id, struct yt_str octets, struct yt_frame *out);
	void *ctx;
	struct yt_str heartbeat; /* as it stands on the stream; copied by lane_open() */
	uint32_t heartbeat_ms;   /* sent on a connection that rests for this long; 0: never */
	uint32_t heartbeat_timeout_ms;
};

struct lane_conf {
	const char *name;
	const char *host, *port;          /* names are resolved at connect, off the loop */
	const char *server_name;          /* checked against the certificate; NULL: host */
	const char *ca_file;              /* PEM that the party's certificate must chain to */
	const char *crl_file;             /* PEM, or NULL */
	const char *cert_file, *key_file; /* ours; NULL: none */
	uint32_t connections;             /* pool size of this worker */
	uint32_t queue;                   /* requests waiting for a connection; more are LANE_NOT_SENT */
	uint32_t connect_ms;              /* TCP and TLS together */
	uint32_t idle_ms;                 /* an idle connection is closed after this */
	uint32_t response_bytes;          /* a larger answer ends as LANE_LOST */
	bool http2;                       /* offered beside HTTP/1.1; then: */
	uint32_t streams, buffered_bytes, control_frames; /* of one connection, net/http2.h */
	uint32_t late_ms; /* how long after LANE_TIMED_OUT a late answer is still read; with frames never */
	struct lane_framing framing;
};

enum lane_end {
	LANE_NOT_SENT = 1, /* surely no effect: no socket took a byte of it, or the party ended the TLS
	                    * handshake by refusing our certificate before it read any (tls_was_refused()) */
	LANE_ANSWERED,     /* status and body are whole */
	LANE_LOST,         /* it may have left; the connection ended or the answer could not be read */
	LANE_TIMED_OUT     /* it may have left; no whole answer by the deadline */
};

struct lane_result {
	enum lane_end end;
	int status;         /* HTTP status; LANE_ANSWERED only; 0 with frames */
	struct yt_str body; /* of frames the message; borrowed until the callback returns, as are these: */
	const struct yt_header *headers;
	size_t n_headers;
	const char *why; /* static words for log and journal: "connection refused", "timeout" */
	int64_t took_ms; /* LANE_ANSWERED: since it was sent */
	bool late;       /* an answer after LANE_TIMED_OUT had been told */
};

struct lane_request {         /* with frames: body is one whole frame, and all else but the deadline is not looked at */
	struct yt_str method; /* empty: POST */
	struct yt_str target; /* path, with its query */
	const char *content_type;
	const struct yt_header *headers; /* extra, such as a signature */
	size_t n_headers;
	struct yt_str body;  /* all of these are copied by lane_send() */
	int64_t deadline_ms; /* monotonic */
};

/* Called once per lane_send(), never from inside it; once more with late = true if an answer comes
 * between LANE_TIMED_OUT and late_ms after it. */
typedef void (*lane_done)(void *arg, uint64_t id, const struct lane_result *result);

struct lane;
int lane_open(struct lane **out, uv_loop_t *loop, const struct lane_conf *conf, lane_done done, void *arg);
/* id: the caller's name for it, handed back to done. */
void lane_send(struct lane *lane, uint64_t id, const struct lane_request *request);
/* Of a worker that is to end: connections in frames, of which a party grants few, are closed as soon as they rest, so
 * that its successor can have them.  What is still sent opens others. */
void lane_drain(struct lane *lane);
void lane_close(struct lane *lane); /* open requests end as LANE_LOST or LANE_NOT_SENT; frees after the loop has run */

struct lane_state {
	uint32_t connections, busy, queued;
	uint64_t sent, answered, lost, timed_out, not_sent;
};
void lane_state(const struct lane *lane, struct lane_state *out);

#endif
