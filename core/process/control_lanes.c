/* core/process/control_lanes.c - `yitong lane`: what the workers' lanes do, and which of them an operator stops.
 *
 *   control.c -> control_lane()        written down by the machine (journal/keeper_lanes.c)
 *   control_durable()                  it is on disk -> control_mark_lanes(): each worker's board says so
 *   kp_tell(DOWN_WELCOME)              a new worker's board does before its doors open -> control_mark_worker()
 * A worker asks its board before anything new leaves (world_stopped() in worker_world.c). */
#include "process/control_parts.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

void control_mark_worker(struct keeper_process *p, struct kp_worker *w)
{
	struct board_lane *lanes = w->area.board->lanes;

	for (size_t i = 0; i < BOARD_LANES; i++) {
		char name[sizeof(lanes[i].name)];

		memcpy(name, lanes[i].name, sizeof(name)); /* a worker may write what it likes */
		name[sizeof(name) - 1] = '\0';
		lanes[i].is_stopped = name[0] != '\0' && keeper_lane_is_stopped(p->keeper, name);
	}
}

void control_mark_lanes(struct keeper_process *p)
{
	struct kp_worker *w;

	DL_FOREACH(p->workers, w)
	control_mark_worker(p, w);
	keeper_wake_stopped(p->keeper);
}

struct sum {
	uint64_t connections, busy, queued, sent, answered, lost, timed_out, not_sent;
	int64_t failed_ms;
	char why[64];
};

static void add_board(struct sum *sum, const struct board_lane *b)
{
	sum->connections += b->connections;
	sum->busy += b->busy;
	sum->queued += b->queued;
	sum->sent += b->sent;
	sum->answered += b->answered;
	sum->lost += b->lost;
	sum->timed_out += b->timed_out;
	sum->not_sent += b->not_sent;
	if (b->failed_ms <= sum->failed_ms)
		return;
	sum->failed_ms = b->failed_ms;
	memcpy(sum->why, b->why, sizeof(sum->why));
	sum->why[sizeof(sum->why) - 1] = '\0';
}

/* Of all workers that have the party, those of an older generation too. */
static void add_workers(const struct keeper_process *p, const char *party, struct sum *sum)
{
	const struct kp_worker *w;

	memset(sum, 0, sizeof(*sum));
	DL_FOREACH(p->workers, w)
	for (size_t i = 0; i < BOARD_LANES; i++)
		if (strncmp(w->area.board->lanes[i].name, party, sizeof(w->area.board->lanes[i].name)) == 0)
			add_board(sum, &w->area.board->lanes[i]);
}

struct finding {
	const char *party;
	const struct keeper_lane *found;
};

static void on_stopped(void *arg, const struct keeper_lane *lane)
{
	struct finding *f = arg;

	if (strcmp(lane->party, f->party) == 0)
		f->found = lane;
}

static void put_lane(const struct keeper_process *p, const char *party, const char *format, struct yt_buf *out)
{
	struct finding f = { party, NULL };
	struct sum sum;

	add_workers(p, party, &sum);
	keeper_each_stopped(p->keeper, on_stopped, &f);
	yt_buf_text(out, "{");
	control_put_text(out, "party", yt_str(party));
	yt_buf_text(out, ",");
	control_put_text(out, "format", yt_str(format));
	yt_buf_printf(out,
	        ",\"stopped\":%s,\"connections\":%llu,\"busy\":%llu,\"queued\":%llu,\"sent\":%llu,\"answered\":%llu,"
	        "\"lost\":%llu,\"timed_out\":%llu,\"not_sent\":%llu,\"failed_ms\":%lld,",
	        f.found != NULL ? "true" : "false", (unsigned long long)sum.connections, (unsigned long long)sum.busy,
	        (unsigned long long)sum.queued, (unsigned long long)sum.sent, (unsigned long long)sum.answered,
	        (unsigned long long)sum.lost, (unsigned long long)sum.timed_out, (unsigned long long)sum.not_sent,
	        (long long)sum.failed_ms);
	control_put_text(out, "failed_why", yt_str(sum.why));
	if (f.found != NULL) {
		yt_buf_printf(out, ",\"since_ms\":%lld,", (long long)f.found->since_ms);
		control_put_text(out, "operator", yt_str(f.found->operator_name));
		yt_buf_text(out, ",");
		control_put_text(out, "reason", yt_str(f.found->reason));
	}
	yt_buf_text(out, "}");
}

struct leftovers {
	const struct keeper_process *p;
	struct yt_buf *out;
	bool is_first;
};

/* Stopped, and no party of the configuration any more: it is to be seen, or nobody would let it go on again. */
static void put_leftover(void *arg, const struct keeper_lane *lane)
{
	struct leftovers *l = arg;

	if (conf_party(l->p->conf, yt_str(lane->party)) != NULL)
		return;
	yt_buf_text(l->out, l->is_first ? "" : ",");
	put_lane(l->p, lane->party, "", l->out);
	l->is_first = false;
}

void control_lanes(struct keeper_process *p, struct yt_buf *out)
{
	struct leftovers l = { p, out, p->conf->n_parties == 0 };

	yt_buf_text(out, "{\"ok\":true,\"lanes\":[");
	for (uint32_t i = 0; i < p->conf->n_parties; i++) {
		yt_buf_text(out, i == 0 ? "" : ",");
		put_lane(p, p->conf->parties[i].name, p->conf->parties[i].format, out);
	}
	keeper_each_stopped(p->keeper, put_leftover, &l);
	yt_buf_text(out, "]}\n");
}

void control_lane(struct client *c, const struct yt_node *q, struct yt_buf *out)
{
	struct keeper_process *p = c->process;
	struct yt_str party = yt_node_text(q, "party"), act = yt_node_text(q, "act");
	bool stops = yt_str_is(act, "stop");
	int rv;

	if (!control_says_who(c, q, out))
		return;
	if (!stops && !yt_str_is(act, "start")) {
		control_error(out, N_("act is one of stop, start"));
		return;
	}
	if (stops && conf_party(p->conf, party) == NULL) {
		control_error(out, N_("there is no such party in the active configuration"));
		return;
	}
	rv = keeper_set_lane(p->keeper, party, stops, c->who, yt_node_text(q, "reason"));
	if (rv == YT_ESTATE) {
		control_error(out, stops ? N_("that lane is stopped already") : N_("that lane is not stopped"));
	} else if (rv != 0) {
		control_error(out, N_("too many lanes are stopped"));
	} else {
		c->marks_lanes = true;
		control_when_durable(c);
	}
}
