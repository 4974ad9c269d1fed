/* tests/sim_hub.c - the hub that settles across provinces: another format's name, another book.
 *
 * The gateway reaches it by flows (sim_gateway.c: an admission is told to the platform and to the hub, a settlement
 * is a fee upload there, a registration and a settlement here) and by single legs (cancels).  It knows every
 * message by its number: a repeat gets the stored answer, and what it was asked about before it came (FINDNUM,
 * REVERSE) it does not execute any more (crossprovince.md 5.2).  Now and then it refuses for reasons of its own,
 * so that flows have something to undo. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* -- its format ------------------------------------------------------------------------------------ */

static const struct yt_wire_op ops[] = {
	{ "ADMIT", YT_OP_INPATIENT_ADMIT, YT_RESOLVE_ADOPT },
	{ "REGISTER", YT_OP_OUTPATIENT_REGISTER, YT_RESOLVE_ADOPT },
	{ "SETTLE", YT_OP_OUTPATIENT_SETTLE, YT_RESOLVE_ADOPT },
	{ "CANCEL", YT_OP_OUTPATIENT_SETTLE_CANCEL, YT_RESOLVE_ADOPT },
	{ "CLAIM", YT_OP_CLAIM_SUBMIT, YT_RESOLVE_ADOPT },
	{ "REVERSE", YT_OP_REVERSE, YT_RESOLVE_RESEND },
	{ "FINDNUM", YT_OP_OUTCOME_QUERY, YT_RESOLVE_NONE },
	{ NULL, YT_OP_UNREAD, YT_RESOLVE_PARK },
};

static int make_number(
        struct yt_plugin *self, struct yt_arena *arena, int64_t wall_ms, uint64_t serial, struct yt_str *number)
{
	*number = yt_arena_printf(arena, "T%010llu", (unsigned long long)serial);
	return 0;
}

static int encode_request(struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	struct yt_msg numbered = *msg;

	numbered.number = msg->own_number;
	return fake_codec.encode_request(self, &numbered, out, fault);
}

static void about(struct yt_msg *msg, const struct yt_msg *original, enum yt_operation op, const char *wire)
{
	msg->op = yt_op(op);
	msg->wire_op = yt_str(wire);
	msg->institution = yt_arena_copy(msg->arena, original->institution);
	msg->original_number = yt_arena_copy(msg->arena, /* read back from what was sent it is the number */
	        original->own_number.n != 0 ? original->own_number : original->number);
}

static int query_for(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query)
{
	about(query, original, YT_OP_OUTCOME_QUERY, "FINDNUM");
	return 0;
}

static int reversal_of(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *reversal)
{
	about(reversal, original, YT_OP_REVERSE, "REVERSE");
	return 0;
}

static enum yt_judgement judge(
        struct yt_plugin *self, const struct yt_msg *original, const struct yt_reply *answer, struct yt_reply *adopted)
{
	struct yt_str state = yt_node_text(answer->body, "state");

	if (answer->outcome != YT_DONE || state.n == 0)
		return YT_UNSURE;
	if (yt_str_is(state, "absent"))
		return YT_ABSENT;
	adopted->outcome = yt_str_is(state, "found") ? YT_DONE : YT_REFUSED;
	adopted->code = yt_str_is(state, "found") ? YT_STR("0") : YT_STR("-1");
	adopted->settlement = answer->settlement;
	return YT_FOUND;
}

/* An insurer that decides a claim at once, and pays the institution. */
static int decode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, int status, struct yt_str octets, struct yt_reply *reply)
{
	int rv = fake_codec.decode_reply(self, msg, status, octets, reply);
	struct yt_node *data = yt_node_get(reply->body, "data");

	if (rv != 0 || reply->outcome != YT_DONE || msg->op->id != YT_OP_CLAIM_SUBMIT ||
	        memmem(octets.p, octets.n, "decided", 7) == NULL)
		return rv;
	yt_node_add_text(reply->arena, data, "claim_state", YT_STR("ADJUDICATED"));
	yt_node_add_text(reply->arena, data, "pay_by", YT_STR("INSURER"));
	yt_node_add_text(reply->arena, data, "pay_to", YT_STR("INSTITUTION"));
	yt_node_add_text(reply->arena, data, "payable_amt", YT_STR("2.50"));
	return 0;
}

const struct yt_codec_api *hub_codec(bool is_slow)
{
	static struct yt_codec_api api;

	api = fake_codec;
	api.name = "other";
	api.ops = ops;
	api.sign_in_for = NULL;
	api.make_number = make_number;
	api.encode_request = encode_request;
	api.decode_reply = decode_reply;
	api.query_for = query_for;
	api.reversal_of = reversal_of;
	api.judge = judge;
	api.is_slow = is_slow;
	return &api;
}

/* -- its book -------------------------------------------------------------------------------------- */

static struct hub_row *row_of(struct sim *s, const char *inst, const char *num)
{
	for (size_t i = 0; i < s->hub.n; i++) {
		struct hub_row *r = &s->hub.rows[i];

		if (strcmp(r->b.num, num) == 0 && strcmp(r->b.inst, inst) == 0)
			return r;
	}
	return NULL;
}

const struct booked *hub_find(const struct sim *s, const char *num, enum booked_kind kind)
{
	for (size_t i = 0; i < s->hub.n; i++) {
		if (s->hub.rows[i].b.kind == kind && strcmp(s->hub.rows[i].b.num, num) == 0)
			return &s->hub.rows[i].b;
	}
	return NULL;
}

static struct hub_row *row_new(struct sim *s, const struct booked *like)
{
	struct hub_row *r;

	s->hub.rows = sim_more(s->hub.rows, s->hub.n, sizeof(*s->hub.rows));
	r = &s->hub.rows[s->hub.n++];
	r->b = *like;
	return r;
}

static struct booked *active(struct sim *s, enum booked_kind kind, const struct booked *like)
{
	for (size_t i = 0; i < s->hub.n; i++) {
		struct booked *b = &s->hub.rows[i].b;

		if (b->kind == kind && b->active && strcmp(b->inst, like->inst) == 0 &&
		        (kind == BOOKED_ADMISSION
		                        ? strcmp(b->own, like->own) == 0
		                        : strcmp(b->visit, like->visit) == 0 && strcmp(b->batch, like->batch) == 0))
			return b;
	}
	return NULL;
}

static struct booked *settlement(struct sim *s, const char *setl)
{
	for (size_t i = 0; i < s->hub.n; i++) {
		if (s->hub.rows[i].b.kind == BOOKED_SETTLEMENT && strcmp(s->hub.rows[i].b.setl, setl) == 0)
			return &s->hub.rows[i].b;
	}
	return NULL;
}

static const char *do_cancel(struct sim *s, const struct booked *w)
{
	struct booked *b = settlement(s, w->setl);

	if (b == NULL || !b->active)
		return "REFUSED why=notactive .";
	b->active = false;
	b->cancelled = true;
	s->told.cancelled++;
	return "DONE .";
}

static const char *do_reverse(struct sim *s, const struct booked *w, const char *orig)
{
	struct hub_row *r = row_of(s, w->inst, orig);
	struct booked never = *w, *revived;

	if (r == NULL) { /* it will not be executed any more */
		never.active = false;
		snprintf(never.num, sizeof(never.num), "%s", orig);
		row_new(s, &never)->is_tombstone = true;
		return "REFUSED why=absent .";
	}
	if (r->b.cancelled)
		return "REFUSED why=cancelled .";
	if (r->is_tombstone || !r->b.active)
		return "REFUSED why=absent .";
	if (r->b.kind == BOOKED_CANCEL) {
		revived = settlement(s, r->b.setl);
		if (active(s, BOOKED_SETTLEMENT, revived) != NULL)
			return "REFUSED why=settled .";
		revived->active = true;
		revived->cancelled = false;
	}
	r->b.active = false;
	s->told.reversed++;
	return "DONE .";
}

static void find_number(struct sim *s, const struct booked *w, const char *orig, char reply[400])
{
	const struct hub_row *r = row_of(s, w->inst, orig);
	struct booked never = *w;

	if (r == NULL) {
		never.active = false;
		snprintf(never.num, sizeof(never.num), "%s", orig);
		row_new(s, &never)->is_tombstone = true;
		r = &s->hub.rows[s->hub.n - 1];
	}
	if (r->is_tombstone)
		snprintf(reply, 400, "DONE state=absent .");
	else if (r->b.active || r->b.cancelled)
		snprintf(reply, 400, "DONE state=found setl=%s .", r->b.setl);
	else
		snprintf(reply, 400, "DONE state=refused .");
}

static const char *decide(struct sim *s, struct yt_str body, struct booked *w, const char *orig)
{
	if (fake_is(body, "CANCEL")) {
		w->kind = BOOKED_CANCEL;
		return do_cancel(s, w);
	}
	if (fake_is(body, "REVERSE")) {
		w->kind = BOOKED_REVERSAL;
		return do_reverse(s, w, orig);
	}
	w->kind = fake_is(body, "ADMIT")    ? BOOKED_ADMISSION
	          : fake_is(body, "SETTLE") ? BOOKED_SETTLEMENT
	          : fake_is(body, "CLAIM")  ? BOOKED_CLAIM
	                                    : BOOKED_VISIT;
	if (sim_fault(s, 60)) /* a definite no: of this message for ever (7.7), whatever else may bring it */
		return "REFUSED why=busy .";
	if (w->kind == BOOKED_CLAIM) /* each settlement's own */
		return sim_chance(s, 800) ? "DONE decided ." : "DONE .";
	if (sim_fault(s, 120))
		return "REFUSED why=quota .";
	if (w->kind != BOOKED_VISIT && active(s, w->kind, w) != NULL)
		return "REFUSED why=settled .";
	if (w->kind == BOOKED_SETTLEMENT && active(s, BOOKED_VISIT, w) == NULL)
		return "REFUSED why=unregistered .";
	if (w->kind == BOOKED_SETTLEMENT) {
		snprintf(w->setl, sizeof(w->setl), "R%u", ++s->hub.next_id);
		s->told.remote++;
	}
	return "DONE .";
}

void hub_handle(struct sim *s, struct yt_str body, char reply[400])
{
	struct booked w = { 0 };
	struct hub_row *known;
	char orig[40];

	fake_value(body, "inst", w.inst, sizeof(w.inst));
	fake_value(body, "num", w.num, sizeof(w.num));
	fake_value(body, "visit", w.visit, sizeof(w.visit));
	fake_value(body, "own", w.own, sizeof(w.own));
	fake_value(body, "batch", w.batch, sizeof(w.batch));
	fake_value(body, "setl", w.setl, sizeof(w.setl));
	fake_value(body, "orig", orig, sizeof(orig));
	known = row_of(s, w.inst, w.num);
	if (s->now > s->hub.refuses_until && sim_fault(s, 10))
		s->hub.refuses_until = s->now + (int64_t)sim_random(s, 400);
	if (s->now <= s->hub.refuses_until) {
		snprintf(reply, 400, "REFUSED why=gateway .");
	} else if (known != NULL && sim_fault(s, 60)) { /* said before it looks whether it knows the message */
		snprintf(reply, 400, "REFUSED why=busynow .");
	} else if (fake_is(body, "FINDNUM")) {
		find_number(s, &w, orig, reply);
	} else if (known != NULL) {
		snprintf(reply, 400, "%s", known->is_tombstone ? "REFUSED why=tomb ." : known->answer);
	} else {
		const char *says = decide(s, body, &w, orig);

		w.active = says[0] == 'D';
		known = row_new(s, &w);
		if (w.active && w.kind == BOOKED_SETTLEMENT)
			snprintf(known->answer, sizeof(known->answer), "DONE setl=%s amt=1200 .", w.setl);
		else
			snprintf(known->answer, sizeof(known->answer), "%s", says);
		snprintf(reply, 400, "%s", known->answer);
	}
	sim_trace(s, "hub: %.*s -> %s", YT_FMT(body), reply);
}

/* -- what must hold in the end ---------------------------------------------------------------------- */

/* A cancel of it was reversed: people see to the claim then. */
static bool was_revived(const struct sim *s, const char *setl)
{
	for (size_t i = 0; i < s->platform.n; i++) {
		const struct booked *b = &s->platform.rows[i];

		if (b->kind == BOOKED_CANCEL && !b->active && strcmp(b->setl, setl) == 0)
			return true;
	}
	return false;
}

/* Each settlement that stands at the platform is claimed once, and none that does not. */
static void check_claims(struct sim *s)
{
	for (size_t i = 0; i < s->platform.n; i++) {
		const struct booked *b = &s->platform.rows[i];
		unsigned claims = 0;

		if (b->kind != BOOKED_SETTLEMENT || was_revived(s, b->setl))
			continue;
		for (size_t h = 0; h < s->hub.n; h++) {
			const struct booked *c = &s->hub.rows[h].b;

			claims += c->kind == BOOKED_CLAIM && c->active && strcmp(c->setl, b->setl) == 0;
		}
		if (claims != (b->active ? 1 : 0))
			sim_fail(s, "settlement %s %s and is claimed %u times", b->setl,
			        b->active ? "stands" : "does not stand", claims);
	}
}

/* Everybody who is admitted is so at both; who is registered for a settlement has one. */
void hub_check(struct sim *s)
{
	check_claims(s);
	for (uint32_t v = 0; v < s->n_visits; v++) {
		unsigned here = 0, there = 0, registered = 0, settled = 0;

		for (size_t i = 0; i < s->hub.n; i++) {
			const struct booked *b = &s->hub.rows[i].b;

			here += b->kind == BOOKED_ADMISSION && b->active && strcmp(b->own, s->visits[v].own) == 0;
			if (strcmp(b->batch, s->visits[v].batch) != 0)
				continue;
			registered += b->kind == BOOKED_VISIT && b->active;
			settled += b->kind == BOOKED_SETTLEMENT && (b->active || b->cancelled);
		}
		for (size_t i = 0; i < s->platform.n; i++) {
			const struct booked *b = &s->platform.rows[i];

			there += b->kind == BOOKED_ADMISSION && b->active && strcmp(b->own, s->visits[v].own) == 0;
		}
		if (here != there || here > 1)
			sim_fail(s, "one-sided: %s is admitted %u times at the platform, %u times at the hub",
			        s->visits[v].own, there, here);
		if (registered != settled)
			sim_fail(s, "one-sided: batch %s has %u registrations and %u settlements at the hub",
			        s->visits[v].batch, registered, settled);
	}
}
