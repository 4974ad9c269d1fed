/* core/process/control.c - answers `yitong status`, `parked decide`, `show --raw`'s audit, see control_ask.h; lanes are
 * in control_lanes.c.
 *
 * Runs on the keeper's loop.  A client that sends more than a line may have is cut off, as is one that has not sent
 * its line, or not taken its answer, within CLIENT_MS; more than CLIENTS_MAX at once are not let in, of one Unix user
 * CLIENTS_OF_USER.  The gateway's own user and root have room of their own, so nobody keeps them out.  An answer that
 * waits for the disk takes as long as the disk does; more than WAITING_MAX of these are refused.  A day's key is
 * destroyed only when it is on disk who wanted that. */
#include "process/control_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/seal.h"
#include "process/indexer.h"
#include "process/process.h"
#include <utlist.h>

#define CLIENTS_MAX 16
#define CLIENTS_OF_USER 4
#define WAITING_MAX 64
#define CLIENT_MS 10000
#define DAY_MS (24 * 3600 * 1000)

static uint32_t n_waiting(const struct control *control)
{
	const struct client *c;
	uint32_t n = 0;

	DL_FOREACH(control->clients, c)
	n += c->waits;
	return n;
}

void control_put_text(struct yt_buf *out, const char *name, struct yt_str value)
{
	yt_buf_printf(out, "\"%s\":", name);
	yt_json_write_string(value, out);
}

void control_error(struct yt_buf *out, const char *error)
{
	yt_buf_text(out, "{\"ok\":false,");
	control_put_text(out, "error", yt_str(error));
	yt_buf_text(out, "}\n");
}

static void put_workers(struct yt_buf *out, const struct keeper_process *p)
{
	const struct kp_worker *w;

	yt_buf_text(out, "\"workers\":[");
	for (w = p->workers; w != NULL; w = w->next) {
		const struct board *b = w->area.board;

		yt_buf_printf(out,
		        "%s{\"incarnation\":%u,\"pid\":%u,\"generation\":%u,\"connections\":%u,\"in_flight\":%llu,"
		        "\"requests\":%llu,\"answered\":%llu,\"refused\":%llu,\"reads\":%llu,\"unknown\":%llu,\"leases\":%llu,"
		        "\"notes_dropped\":%llu,\"quotes\":%llu,\"quotes_missed\":%llu,\"one_stops\":%llu,\"one_stops_missed\":%llu}",
		        w == p->workers ? "" : ",", b->incarnation, w->pid, w->generation, b->connections,
		        (unsigned long long)b->in_flight, (unsigned long long)b->requests,
		        (unsigned long long)b->answered, (unsigned long long)b->refused, (unsigned long long)b->reads,
		        (unsigned long long)b->unknown, (unsigned long long)b->leases,
		        (unsigned long long)b->dropped + w->n_dropped, (unsigned long long)b->quotes,
		        (unsigned long long)b->quotes_missed, (unsigned long long)b->one_stops,
		        (unsigned long long)b->one_stops_missed);
	}
	yt_buf_text(out, "]");
}

static void answer_status(struct keeper_process *p, struct yt_buf *out)
{
	log_pos end = log_end(p->log), indexed = indexer_position(p->indexer);
	const char *closed = keeper_closed(p);
	struct keeper_counts c;

	keeper_count(p->keeper, &c);
	yt_buf_printf(out, "{\"ok\":true,\"generation\":%llu,\"pid\":%d,\"accepting\":%s,",
	        (unsigned long long)p->generation, (int)getpid(), closed == NULL ? "true" : "false");
	control_put_text(out, "version", YT_STR(YT_VERSION));
	yt_buf_text(out, ",");
	control_put_text(out, "why_closed", yt_str(closed));
	yt_buf_printf(out,
	        ",\"journal\":{\"position\":\"%llu:%llu\",\"commits\":%llu,\"room_bytes\":%llu,\"sealed\":%s},",
	        (unsigned long long)(end >> 32), (unsigned long long)(end & 0xffffffffu),
	        (unsigned long long)log_commit_no(p->log), (unsigned long long)log_room(p->log),
	        p->seal != NULL ? "true" : "false");
	yt_buf_printf(out, "\"index\":{\"position\":\"%llu:%llu\",\"lag_bytes\":%llu,\"usable\":%s},",
	        (unsigned long long)(indexed >> 32), (unsigned long long)(indexed & 0xffffffffu),
	        (unsigned long long)(end - indexed), indexer_is_usable(p->indexer) ? "true" : "false");
	put_workers(out, p);
	yt_buf_printf(out,
	        ",\"exchanges\":{\"sent\":%llu,\"unknown\":%llu,\"reversing\":%llu,\"parked\":%llu,"
	        "\"undelivered\":%llu,\"follow_ups\":%llu,\"leased\":%llu,\"open\":%llu,\"in_memory\":%llu,\"follow_ups_full\":%s}}\n",
	        (unsigned long long)c.sent, (unsigned long long)c.unknown, (unsigned long long)c.reversing,
	        (unsigned long long)c.parked, (unsigned long long)c.undelivered, (unsigned long long)c.follow_ups,
	        (unsigned long long)c.leased, (unsigned long long)keeper_open(p->keeper),
	        (unsigned long long)c.in_memory, c.has_enough ? "true" : "false");
}

void control_after_commit(struct client *c)
{
	c->after = c->process->n_commits + (committer_is_idle(c->process->committer) ? 1 : 2);
}

void control_when_durable(struct client *c)
{
	control_after_commit(c);
	yt_buf_text(&c->answer, "{\"ok\":true}\n");
}

bool control_says_who(const struct client *c, const struct yt_node *q, struct yt_buf *out)
{
	if (c->who.n == 0 || yt_node_text(q, "reason").n == 0)
		control_error(out, N_("operator and reason are needed"));
	else if (yt_str_is(c->who, "keeper"))
		control_error(out, N_("\"keeper\" stands for the gateway itself: give the name of a person"));
	else
		return true;
	return false;
}

/* Who, what and why go into the chain before it is done. */
static void write_audit(struct client *c, const struct yt_node *q, struct yt_str act)
{
	struct keeper_process *p = c->process;
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_AUDIT, 0, 0, yt_wall_ms());

	rec_str(&buf, REC_T_OPERATOR, c->who);
	rec_str(&buf, REC_T_REASON, yt_node_text(q, "reason"));
	rec_str(&buf, REC_T_RESULT, act);
	rec_str(&buf, REC_T_NUMBER, yt_node_text(q, "exchange"));
	rec_end(&buf, at);
	keeper_note(p->keeper, yt_buf_view(&buf));
	yt_buf_free(&buf);
	control_when_durable(c);
}

/* Somebody reveals raw octets. */
static void answer_audit(struct client *c, const struct yt_node *q, struct yt_buf *out)
{
	if (control_says_who(c, q, out))
		write_audit(c, q, yt_node_text(q, "act"));
}

/* Another list is about to take the place of the one that is there; it may come before its party does. */
static void answer_enrolment(struct client *c, const struct yt_node *q, struct yt_buf *out)
{
	struct yt_str party = yt_node_text(q, "party");
	char act[80];

	snprintf(act, sizeof(act), "enrolment load %.*s", YT_FMT(party));
	if (control_says_who(c, q, out))
		write_audit(c, q, yt_str(act));
}

/* The bodies of a day are erased by destroying its key.  What is still open needs its octets, whichever day they were
 * written on since it came. */
static void answer_erase(struct client *c, const struct yt_node *q, struct yt_buf *out)
{
	struct keeper_process *p = c->process;
	struct yt_str day = yt_node_text(q, "day");
	char digits[15], act[24], why[120];
	int64_t from_ms;
	uint64_t n;

	if (!control_says_who(c, q, out))
		return;
	if (day.n != 10 || yt_time_parse(day, &from_ms) != 0) {
		control_error(out, N_("day is a date such as 2026-11-22"));
	} else if (p->seal == NULL) {
		control_error(
		        out, N_("bodies are in the clear here (journal.keys is not set): there is no key to destroy"));
	} else if (from_ms + DAY_MS > yt_wall_ms()) {
		control_error(out, N_("that day is not over: bodies are still being written under its key"));
	} else if ((n = keeper_open_before(p->keeper, from_ms + DAY_MS)) > 0) {
		snprintf(why, sizeof(why),
		        "%llu exchanges that came by the end of that day are still open and need their octets",
		        (unsigned long long)n);
		control_error(out, why);
	} else {
		yt_time_compact(from_ms, digits);
		digits[8] = '\0';
		c->erases = (uint32_t)strtoul(digits, NULL, 10);
		snprintf(act, sizeof(act), "erase %.*s", YT_FMT(day));
		write_audit(c, q, yt_str(act));
	}
}

static void erase(struct client *c)
{
	int rv = seal_destroy(c->process->seal, SEAL_BODY, c->erases);

	keeper_forget(c->process->keeper);
	kp_fetch_forget(c->process);
	if (rv == 0) {
		yt_log(YT_INFO, "keeper", "the bodies of %u are erased: their key is destroyed", (unsigned)c->erases);
		return;
	}
	yt_buf_clear(&c->answer);
	control_error(&c->answer,
	        rv == YT_ENOTFOUND
	                ? N_("there is no key of that day: nothing was written then, or it is erased already")
	                : N_("the key file cannot be overwritten: see journal.data_keys"));
}

/* The keeper ends in order and is started again without an index, which it makes anew before it serves. */
static void answer_reindex(struct client *c, const struct yt_node *q, struct yt_buf *out)
{
	c->process->reindexing = true;
	yt_buf_text(out, "{\"ok\":true}\n");
}

static const struct {
	const char *what;
	void (*answer)(struct client *c, const struct yt_node *q, struct yt_buf *out);
} acts[] = { { "decide", control_decide }, { "confirm", control_confirm }, { "audit", answer_audit },
	{ "enrolment", answer_enrolment }, { "erase", answer_erase }, { "lane", control_lane },
	{ "reindex", answer_reindex } };

static void act(struct client *c, const struct yt_node *q, struct yt_str what)
{
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (!yt_str_is(what, acts[i].what))
			continue;
		if (control_may(c, q, acts[i].what, &c->answer))
			acts[i].answer(c, q, &c->answer);
		return;
	}
	control_error(&c->answer, N_("no such request"));
}

static void answer(struct client *c, struct yt_str line)
{
	struct yt_node *q = NULL;
	struct yt_str what;

	if (yt_json_read(c->arena, line, NULL, &q, NULL) != 0 || q->kind != YT_OBJECT) {
		control_error(&c->answer, N_("one JSON object a line"));
		return;
	}
	what = yt_node_text(q, "do");
	if (!control_knows(c))
		control_error(&c->answer, N_("you are no operator: operators in the configuration has all of them"));
	else if (yt_str_is(what, "status"))
		answer_status(c->process, &c->answer);
	else if (yt_str_is(what, "lanes"))
		control_lanes(c->process, &c->answer);
	else if (yt_str_is(what, "proposals"))
		control_proposals(c, &c->answer);
	else if (!yt_str_is(what, "reindex") && n_waiting(c->process->control) >= WAITING_MAX)
		control_error(&c->answer, N_("too many wait for the journal's disk; try again later"));
	else
		act(c, q, what);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct client *c = handle->data;

	yt_buf_free(&c->answer);
	yt_arena_free(c->arena);
	free(c);
}

static void on_closed(uv_handle_t *handle)
{
	struct client *c = handle->data;

	uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

static void cut_off(struct client *c)
{
	if (uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	DL_DELETE(c->process->control->clients, c);
	uv_close((uv_handle_t *)&c->pipe, on_closed);
}

static void on_late(uv_timer_t *timer)
{
	cut_off(timer->data);
}

static void on_written(uv_write_t *write, int status)
{
	cut_off(write->data);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct client *c = handle->data;

	*buf = uv_buf_init(c->line + c->n, (unsigned)(sizeof(c->line) - c->n));
}

static void send_answer(struct client *c)
{
	uv_buf_t out = uv_buf_init((char *)c->answer.p, (unsigned)c->answer.n);

	c->write.data = c;
	uv_timer_start(&c->timer, on_late, CLIENT_MS, 0);
	if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &out, 1, on_written) != 0)
		cut_off(c);
}

void control_durable(struct keeper_process *p)
{
	struct client *c, *next;

	if (p->control == NULL)
		return;
	DL_FOREACH_SAFE(p->control->clients, c, next)
	{
		if (!c->waits || c->after > p->n_commits)
			continue;
		c->waits = false;
		if (c->erases != 0)
			erase(c);
		if (c->marks_lanes)
			control_mark_lanes(p);
		send_answer(c);
	}
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = stream->data;
	char *end;

	if (n < 0 || (c->n += (size_t)n) == sizeof(c->line)) {
		cut_off(c);
		return;
	}
	end = memchr(c->line, '\n', c->n);
	if (end == NULL)
		return;
	uv_read_stop(stream);
	answer(c, (struct yt_str){ c->line, (size_t)(end - c->line) });
	if (c->after == 0) {
		send_answer(c);
		return;
	}
	uv_timer_stop(&c->timer);
	c->waits = true;
	kp_turn(c->process);
}

/* One more that has not said its line yet, or not taken its answer, may stay. */
static bool has_room(const struct control *control, const struct client *c)
{
	bool is_ours = control_is_ours(c);
	uint32_t n_alike = 0, n_same = 0;
	const struct client *other;

	DL_FOREACH(control->clients, other)
	{
		n_alike += !other->waits && control_is_ours(other) == is_ours;
		n_same += !other->waits && other->uid == c->uid;
	}
	return n_alike <= CLIENTS_MAX && (is_ours || n_same <= CLIENTS_OF_USER);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct control *control = server->data;
	struct client *c;

	if (status != 0)
		return;
	c = calloc(1, sizeof(*c));
	YT_REQUIRE(c != NULL);
	c->process = control->process;
	c->arena = yt_arena_new(1 << 20);
	uv_pipe_init(server->loop, &c->pipe, 0);
	c->pipe.data = c;
	uv_timer_init(server->loop, &c->timer);
	c->timer.data = c;
	uv_timer_start(&c->timer, on_late, CLIENT_MS, 0);
	DL_APPEND(control->clients, c);
	if (uv_accept(server, (uv_stream_t *)&c->pipe) != 0) {
		cut_off(c);
		return;
	}
	control_learn_peer(c);
	if (!has_room(control, c) || uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) != 0)
		cut_off(c);
}

/* Operators with Unix users of their own come to it as these; who they are, and what they may, is asked of each. */
void control_open_to(struct keeper_process *p)
{
	bool has_users = false;

	for (uint32_t i = 0; i < p->conf->n_operators; i++)
		has_users = has_users || p->conf->operators[i].user != NULL;
	if (p->control == NULL)
		return;
	control_learn_users(p);
	if (chmod(p->control->path, has_users ? 0666 : 0600) != 0 ||
	        (has_users && chmod(p->conf->gateway.run_dir, 0711) != 0))
		yt_log(YT_WARN, "keeper", "%s cannot be opened to operators: %s", p->control->path, strerror(errno));
}

int control_open(struct keeper_process *p, const char *run_dir)
{
	struct control *control = calloc(1, sizeof(*control));
	mode_t mask;
	int rv;

	YT_REQUIRE(control != NULL);
	if ((size_t)snprintf(control->path, sizeof(control->path), "%s/%s", run_dir, CONTROL_SOCKET) >=
	        sizeof(control->path)) {
		free(control);
		return YT_ECONF;
	}
	unlink(control->path);
	control->process = p;
	uv_pipe_init(p->loop, &control->pipe, 0);
	control->pipe.data = control;
	mask = umask(0177);
	rv = uv_pipe_bind(&control->pipe, control->path);
	umask(mask);
	p->control = control;
	control_open_to(p);
	return rv != 0 || uv_listen((uv_stream_t *)&control->pipe, 16, on_connection) != 0 ? YT_EIO : 0;
}

static void on_control_closed(uv_handle_t *handle)
{
	struct control *control = handle->data;

	free(control->users);
	free(control);
}

void control_close(struct keeper_process *p)
{
	struct client *c, *next;

	if (p->control == NULL)
		return;
	DL_FOREACH_SAFE(p->control->clients, c, next)
	cut_off(c);
	unlink(p->control->path);
	control_forget_proposals(p->control);
	uv_close((uv_handle_t *)&p->control->pipe, on_control_closed);
	p->control = NULL;
}
