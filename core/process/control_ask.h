/* core/process/control_ask.h - the keeper's control socket: what is said over it, and the asking side (control.c
 * answers).  The command asks, and the desk.
 *
 * A unix stream socket, <run_dir>/keeper.sock, for the user the gateway runs as only (mode 0600), or, where operators
 * have Unix users of their own, for all, of whom the keeper lets in these (control_people.c).  One JSON object in one
 * line is a request, of less than CONTROL_REQUEST_MAX bytes, one JSON object in one line its answer, at most
 * CONTROL_LINE_MAX; then the connection is over.
 *
 *   {"ok":false,"error":"..."}        whatever was asked: it was not done; error is one English sentence
 *
 *   {"do":"status"}
 *     {"ok":true,"generation":1,"pid":71,"version":"0.1.0","accepting":true,
 *      "why_closed":"",                         when accepting is false
 *      "journal":{"position":"3:81920","commits":120,"room_bytes":1048576,"sealed":true},
 *      "index":{"position":"3:81920","lag_bytes":0,"usable":true},
 *      "workers":[{"incarnation":7,"pid":72,"generation":1,"connections":2,"in_flight":0,"requests":310,
 *                  "answered":300,"refused":8,"reads":150,"unknown":2,"leases":0,"notes_dropped":0,"quotes":0,
 *                  "quotes_missed":0,"one_stops":0,"one_stops_missed":0}],
 *      "exchanges":{"sent":0,"unknown":0,"reversing":0,"parked":0,"undelivered":0,"follow_ups":0,"leased":0,
 *                   "open":0,"in_memory":0,"follow_ups_full":false}}
 *
 *   {"do":"decide","exchange":"0000000100000002","result":"done","operator":"li","reason":"seen on their screen"}
 *     {"ok":true}                               result: done, refused, reversed, or retry, with which the
 *                                               gateway tries again to find out; durable when answered
 *
 *     {"ok":true,"expires_s":86400,"proposal":"3f9a21"}
 *                                               it needs two persons (release always; done, refused, reversed where the
 *                                               configuration has operators): nothing is decided yet
 *
 *   {"do":"confirm","proposal":"3f9a21","operator":"wang"}
 *     {"ok":true}                               decided; refused for who proposed it
 *
 *   {"do":"proposals"}
 *     {"ok":true,"proposals":[{"exchange":"0000000100000002","since_ms":1795312800123,"expires_s":86000,
 *      "proposal":"3f9a21","result":"done","operator":"li","reason":"seen on their screen",
 *      "number":"+/330200S0000000000012","waits":"waits: release of 7500.00 yuan: no rule releases it"}]}
 *
 *   {"do":"audit","act":"show raw","exchange":"0000000100000002","operator":"root","reason":"complaint 17"}
 *     {"ok":true}                               durable when answered; operator is the asking user's name; of
 *                                               "enrolment check tianyi" too, without an exchange
 *
 *   {"do":"enrolment","party":"tianyi","operator":"zhao","reason":"of 2026-11-22, 2013406 people"}
 *     {"ok":true}                               the list may be replaced now; durable when answered
 *
 *   {"do":"erase","day":"2026-11-22","operator":"li","reason":"term over"}
 *     {"ok":true}                               that day's key is destroyed; refused before the day is over, and while
 *                                               an exchange is open that came by its end
 *
 *   {"do":"lanes"}
 *     {"ok":true,"lanes":[{"party":"zhejiang","format":"nhsa","stopped":true,"connections":4,"busy":0,"queued":0,
 *      "sent":310,"answered":300,"lost":2,"timed_out":5,"not_sent":3,"failed_ms":1795312800123,
 *      "failed_why":"timeout","since_ms":1795312800456,"operator":"li","reason":"their maintenance"}]}
 *                                               counts of all workers; the last three of stopped ones only
 *
 *   {"do":"lane","party":"zhejiang","act":"stop","operator":"li","reason":"their maintenance"}
 *     {"ok":true}                               act: stop or start; durable, and workers know, when answered
 *
 *   {"do":"reindex"}
 *     {"ok":true}                               the index is being made anew beside traffic; state changes
 *                                               are refused until status says usable
 *
 * Exchanges are texts: sixteen hexadecimal digits, as in log lines. */
#ifndef YT_PROCESS_CONTROL_ASK_H
#define YT_PROCESS_CONTROL_ASK_H

#include "yitong/json.h"

#define CONTROL_SOCKET "keeper.sock" /* in gateway.run_dir */
#define CONTROL_REQUEST_MAX 4096
#define CONTROL_LINE_MAX (1 << 20)
#define CONTROL_TIMEOUT_MS 10000

/* Asks the keeper that listens in run_dir.  request: one JSON object, without the line end.
 * On 0 *answer lives in arena and says "ok": true.  Else why is a sentence for the user:
 * YT_ENOTFOUND: no keeper is there; YT_EDENIED: it is there and refused, or we may not connect;
 * YT_EIO: it did not answer in time or the connection broke; YT_EFORMAT: the answer is no such object. */
int control_ask(const char *run_dir, struct yt_str request, struct yt_arena *arena, struct yt_node **answer, char *why,
        size_t size);

/* Values of an answer by path, "journal.commits"; empty or 0 when missing. */
struct yt_str control_text(const struct yt_node *answer, const char *path);
/* A whole sentence of the keeper's in the chosen language; valid until the next call. */
const char *control_words(const struct yt_node *answer, const char *path);
uint64_t control_number(const struct yt_node *answer, const char *path);
const struct yt_node *control_node(const struct yt_node *answer, const char *path);

#endif
