/* core/engine/asking.c - a request from the listener's hand until its leg leaves: who asks, may he, where to.
 *
 * engine_request() is called by process/worker_doors.c.  A query's leg leaves at once, a state-changing one only
 * after the keeper said DOWN_ADMITTED (P1, engine.c). */
#include <stdio.h>

#include <stdlib.h>

#include "engine/work.h"

/* -- sending ------------------------------------------------------------------------------------ */

/* How long a leg may take: its party's time-out, always less than the origin has left. */
static int64_t leg_deadline(const struct engine *e, const struct work *w, int64_t timeout_ms)
{
	int64_t own = engine_mono(e) + timeout_ms;
	int64_t origin = w->begun_mono + w->origin->timeout_ms - e->conf.margin_ms;

	return own < origin ? own : origin;
}

/* A query may be one that its origin is not to be kept waiting for (yt_codec_api.patience). */
static int64_t query_timeout(struct engine *e, struct work *w)
{
	const struct engine_codec *codec = &w->party->codec;
	struct yt_reply *unused;
	int64_t ms = 0;

	if (codec->api->patience == NULL)
		return w->party->query_timeout_ms;
	unused = yt_reply_new(w->arena);
	YT_REQUIRE(unused != NULL);
	engine_box(e, codec, "patience", w->id, w->request);
	ms = codec->api->patience(codec->plugin, w->outward, unused);
	engine_unbox(e);
	return ms > 0 && ms < w->party->query_timeout_ms ? ms : w->party->query_timeout_ms;
}

void asking_send(struct engine *e, struct work *w)
{
	int64_t timeout = w->msg->op->changes_state ? w->party->change_timeout_ms : query_timeout(e, w);

	w->state = WORK_OUT;
	w->leg_mono = engine_mono(e);
	trace_parent(w->trace_id, w->trace, e->traceparent);
	engine_send(e, w->party, w->id, w->id, w->request, w->outward->wire_op, yt_buf_view(&w->sent),
	        leg_deadline(e, w, timeout));
	e->traceparent[0] = '\0';
}

/* Asks the keeper whether it may leave. */
void asking_admission(struct engine *e, struct work *w)
{
	written_accepted(&e->records, e, w);
	if (w->flow == NULL) /* a flow's steps are written one by one */
		written_sending(&e->records, e, w);
	w->state = WORK_ADMITTING;
	work_await(e, w, engine_submit_records(e, UP_BEGIN, w->id));
}

/* No room to ask the keeper.  The same number may have been asked before, with an effect, so this must not
 * read as a refusal of it: a transport error means "unknown, ask again" (nhsa.md 5.3). */
static void turn_away(struct engine *e, struct work *w)
{
	e->counts.refused++;
	e->world.answer(e->world.ctx, w->token, 503, "text/plain; charset=utf-8", YT_STR("busy; ask the same again\n"));
	work_free(e, w);
}

static void go_admitted(struct engine *e, struct work *w)
{
	if (e->outbox != NULL)
		turn_away(e, w);
	else
		asking_admission(e, w);
}

/* A query leaves at once, a change when it is durable. */
static void encoded(struct engine *e, struct call *c)
{
	struct work *w = c->w;

	if (w->token == 0) { /* gone meanwhile; nothing was written down yet */
		work_free(e, w);
	} else if (c->rv == YT_ENOSPC) {
		turn_away(e, w);
	} else if (c->rv != 0) {
		work_refuse(e, w, TEXT_CANNOT_EXPRESS, yt_arena_printf(w->arena, "%s %s", c->fault.path, c->fault.why));
	} else {
		w->outward->sent = yt_buf_view(&w->sent);
		if (w->msg->op->changes_state) {
			work_digest(w);
			go_admitted(e, w);
		} else {
			e->counts.reads++;
			asking_send(e, w);
		}
	}
}

void asking_go(struct engine *e, struct work *w)
{
	struct call c = call_encode_request(&w->party->codec, w->outward, w->id, w->request, &w->sent);

	w->state = WORK_CODING;
	c.w = w;
	c.then = encoded;
	c.job.is_new = true;
	call_begin(e, &c);
}

/* Institutions with sign_in: own leave the sign_no to us. */
bool asking_is_signed(struct engine *e, struct work *w, const struct engine_institution *institution)
{
	const char *sign_no;

	if (w->party->codec.api->sign_in_for == NULL || institution == NULL) /* no sign-ins there, or not by us */
		return true;
	if (institution->signs_in_itself || w->msg->op->id == YT_OP_SIGN_IN || w->msg->op->id == YT_OP_SIGN_OUT)
		return true;
	sign_no = session_get(e, w->party, w->msg->institution, w->msg->operator_id, NULL, &w->signing);
	if (sign_no == NULL) {
		w->state = WORK_SIGNING;
		return false;
	}
	w->msg->sign_no = yt_arena_copy(w->arena, yt_str(sign_no));
	return true;
}

/* There is no sign_no to be had, so it cannot be sent.  A change is admitted all the same, and then refused
 * as not sent: its number may have been asked before, and then it must hear what became of that. */
void asking_go_unsigned(struct engine *e, struct work *w)
{
	w->lacks_sign_no = true;
	if (w->msg->op->changes_state)
		asking_go(e, w);
	else
		work_refuse(e, w, TEXT_NOT_CONNECTED, (struct yt_str){ 0 });
}

/* -- who asks, and may he ----------------------------------------------------------------------- */

/* Only where we send messages of our own in the institution's name. */
static bool uses_reserved_serial(const struct engine *e, const struct work *w)
{
	struct yt_str number = w->msg->number;
	unsigned serial = 0;
	size_t i;

	if (number.n < 4 || w->codec.api->sign_in_for == NULL)
		return false;
	for (i = number.n - 4; i < number.n; i++) {
		if (number.p[i] < '0' || number.p[i] > '9')
			return false;
		serial = serial * 10 + (unsigned)(number.p[i] - '0');
	}
	return serial >= e->conf.serial_from && serial <= e->conf.serial_to;
}

/* An institution's code as far as it looks like one: no name and no id number can pass for it. */
static struct yt_str institution_of(const struct work *w)
{
	struct yt_str code = w != NULL ? w->msg->institution : (struct yt_str){ 0 };
	size_t i;

	for (i = 0; i < code.n && i < 13; i++) {
		if ((code.p[i] < '0' || code.p[i] > '9') && (code.p[i] < 'A' || code.p[i] > 'Z'))
			break;
	}
	return i == code.n && i > 0 && i <= 12 ? code : YT_STR("?");
}

/* One line for the operator, whether somebody has the wrong certificate or tries what he may not: who, from where, for
 * whom.  w: NULL before there is a message. */
static void note_denied(
        struct engine *e, const struct engine_request *r, const struct work *w, const char *whose, const char *why)
{
	if (!yt_pace(&e->denials, engine_mono(e), "engine", "requests of who may not"))
		return;
	yt_log(YT_WARN, "engine",
	        "denied on %s to \"%.*s\" from %.*s: %s%s; institution %.*s, exchange %016llx, trace %s", r->listener,
	        YT_FMT(r->subject), YT_FMT(r->peer), whose, why, YT_FMT(institution_of(w)),
	        (unsigned long long)(w != NULL ? w->id : 0), w != NULL ? w->trace : "-");
}

/* What a header signature covers and says: all that its codec sees before there is a message. */
static struct yt_str head_of(struct engine *e, const struct engine_request *r)
{
	yt_buf_clear(&e->head);
	if (r->codec.api->http_verify != NULL)
		yt_buf_printf(&e->head, "%.*s %.*s\n", YT_FMT(r->method), YT_FMT(r->path));
	for (size_t i = 0; i < r->n_headers; i++)
		yt_buf_printf(&e->head, "%.*s: %.*s\n", YT_FMT(r->headers[i].name), YT_FMT(r->headers[i].value));
	return yt_buf_view(&e->head);
}

/* Who asks.  key: the name of his secret; *known: who it would be, NULL if nobody is known by what he says. */
static const struct engine_origin *identify(struct engine *e, const struct engine_request *r,
        const struct engine_origin **known, struct yt_str *key, struct yt_fault *fault)
{
	const struct engine_origin *origin;
	struct yt_str caller;

	*known = NULL;
	if (r->origin != NULL)
		return r->origin;
	if (r->by_certificate)
		return e->conf.origin_by_subject(e->conf.ctx, r->subject);
	if (r->codec.api->sender == NULL || (r->codec.api->verify == NULL && r->codec.api->http_verify == NULL))
		return NULL;
	engine_box(e, &r->codec, "sender", work_next_id(e), yt_buf_view(&e->head));
	caller = r->codec.api->sender(r->codec.plugin, r->headers, r->n_headers);
	engine_unbox(e);
	origin = caller.n != 0 ? e->conf.origin_by_caller(e->conf.ctx, caller, key) : NULL;
	if (origin == NULL && caller.n != 0)
		snprintf(fault->why, sizeof(fault->why), "no origin has the caller id \"%.*s\"",
		        (int)(caller.n < 40 ? caller.n : 40), caller.p);
	if (origin == NULL)
		return NULL;
	*known = origin;
	return whole_verify(e, r, *key, fault) == 0 ? origin : NULL;
}

static void refuse_plain(struct engine *e, const struct engine_request *r, int status, const char *text)
{
	e->counts.refused++;
	e->world.answer(e->world.ctx, r->token, status, "text/plain; charset=utf-8", yt_str(text));
}

/* Nobody we know, or somebody who may only say he is one: nothing is written down. */
static void refuse_stranger(struct engine *e, const struct engine_request *r, const struct engine_origin *known,
        struct yt_str key, const struct yt_fault *fault)
{
	char whose[sizeof(fault->path) + 80] = "";

	if (known != NULL && r->codec.api->http_verify != NULL)
		snprintf(whose, sizeof(whose), "the signature of %s: %s ", known->name, fault->path);
	else if (known != NULL)
		snprintf(whose, sizeof(whose), "the signature of %s: ", known->name);
	note_denied(e, r, NULL, whose, fault->why[0] != 0 ? fault->why : "nobody we know");
	if (whole_deny(e, r, known != NULL ? key : (struct yt_str){ 0 }, fault))
		e->counts.refused++;
	else
		refuse_plain(e, r, 403, "unknown certificate, caller or signature\n");
}

static void deny(struct engine *e, struct work *w, const char *why, enum text_id text)
{
	const struct engine_request r = { .listener = w->listener, .subject = w->subject, .peer = w->peer };

	note_denied(e, &r, w, "", why);
	work_refuse(e, w, text, (struct yt_str){ 0 });
}

/* What must hold before a message is sent on; false after having refused it. */
static bool may_go(struct engine *e, struct work *w)
{
	char why[200] = "";

	if (!e->conf.speaks_for(e->conf.ctx, w->origin, w->msg)) {
		deny(e, w, "may not speak for this institution", TEXT_NOT_ALLOWED);
	} else if (uses_reserved_serial(e, w)) {
		deny(e, w, "uses a message number of ours", TEXT_RESERVED_NUMBER);
	} else if (notice_is(w->msg->op->id) && w->origin->party == NULL) {
		deny(e, w, "tells what became of something and is no party (party of its origin)", TEXT_NOT_ALLOWED);
	} else if (w->msg->op->request_money != 0 && !notice_is(w->msg->op->id) &&
	           yt_money_check(w->msg->op->request_money, w->msg->body, why, sizeof(why)) != 0) {
		work_refuse(e, w, TEXT_DOES_NOT_ADD_UP, yt_str(why));
	} else {
		return true;
	}
	return false;
}

static bool is_valid_now(const struct engine *e, const struct engine_institution *institution)
{
	char time[15];
	uint32_t today;

	if (institution->from_day == 0 && institution->to_day == 0)
		return true;
	yt_time_compact(engine_wall(e), time);
	time[8] = '\0';
	today = (uint32_t)strtoul(time, NULL, 10);
	return today >= institution->from_day && (institution->to_day == 0 || today <= institution->to_day);
}

/* What something may follow from; no cancel of one. */
static bool is_settlement(enum yt_operation op)
{
	return op == YT_OP_OUTPATIENT_SETTLE || op == YT_OP_INPATIENT_SETTLE || op == YT_OP_PHARMACY_SETTLE;
}

/* What an insurer may be asked about before it is settled. */
static bool is_presettlement(enum yt_operation op)
{
	return op == YT_OP_OUTPATIENT_PRESETTLE || op == YT_OP_INPATIENT_PRESETTLE || op == YT_OP_PHARMACY_PRESETTLE;
}

/* Its party, or one of its flow's. */
static bool is_stopped(const struct engine *e, const struct work *w)
{
	bool any = engine_is_stopped(e, w->party);

	for (unsigned i = 0; w->flow != NULL && i < w->flow->n; i++)
		any = any || engine_is_stopped(e, w->flow->steps[i].party);
	return any;
}

/* Nothing leaves.  A change is admitted all the same, and then refused as not sent: its number may have been asked
 * before, and then it must hear what became of that. */
static void go_stopped(struct engine *e, struct work *w)
{
	if (!w->msg->op->changes_state) {
		work_refuse(e, w, TEXT_STOPPED, (struct yt_str){ 0 });
		return;
	}
	w->is_stopped = true;
	w->joins_only = w->msg->op->id == YT_OP_REVERSE && (w->flow != NULL || cross_is_foreign(&w->codec, w->party));
	w->flow = w->then = NULL;
	yt_buf_str(&w->sent, w->request);
	work_digest(w);
	go_admitted(e, w);
}

/* What is told can never be paid: it is refused at once, and not when people look at it some day.  Its number may have
 * been asked before, so the keeper is asked first, as of whatever is not sent. */
static void refuse_unless_known(struct engine *e, struct work *w, const struct yt_fault *fault)
{
	w->unless_known = yt_arena_printf(w->arena, "%s %s", fault->path, fault->why);
	YT_REQUIRE(w->unless_known.p != NULL);
	w->joins_only = true;
	w->flow = w->then = NULL;
	yt_buf_clear(&w->sent);
	yt_buf_str(&w->sent, w->request);
	go_admitted(e, w);
}

static void payout_tried(struct engine *e, struct call *c)
{
	struct work *w = c->w;

	if (w->token == 0) { /* gone meanwhile; nothing was written down yet */
		work_free(e, w);
	} else if (c->rv == YT_ENOSPC) {
		turn_away(e, w);
	} else if (c->rv != 0) {
		refuse_unless_known(e, w, &c->fault);
	} else {
		yt_buf_clear(&w->sent); /* it is made anew when it leaves */
		go_admitted(e, w);
	}
}

/* A payout stays here until what follows pays it.  Its order is made once now: what its bank's format or its payer's
 * limit does not take is told while somebody listens. */
static void keep_payout(struct engine *e, struct work *w)
{
	struct yt_fault fault = { { 0 }, { 0 } };
	const struct engine_party *bank;
	struct yt_msg *order = pay_order_try(e, w, &bank, &fault);
	struct call c;

	if (order == NULL) {
		refuse_unless_known(e, w, &fault);
		return;
	}
	c = call_encode_request(&bank->codec, order, w->id, w->request, &w->sent);
	w->state = WORK_CODING;
	c.w = w;
	c.then = payout_tried;
	c.job.is_new = true;
	call_begin(e, &c);
}

static void try_rows(struct engine *e, struct work *w, unsigned row);

static void refuse_row(struct engine *e, struct work *w, struct yt_fault *fault, unsigned row)
{
	pay_batch_blame(fault, row);
	refuse_unless_known(e, w, fault);
}

/* The next row, in memory that the one before it needs no more: all of thousands would be more than a request may have.
 * NULL: there is none. */
static const struct yt_node *next_row(struct engine *e, struct work *w, unsigned row)
{
	w->row = row == 0 ? pay_batch_first(w->msg) : w->row->next;
	if (w->row_arena == NULL)
		w->row_arena = engine_arena(e);
	yt_arena_reset(w->row_arena);
	return w->row;
}

static void row_tried(struct engine *e, struct call *c)
{
	struct work *w = c->w;

	if (w->token == 0) /* gone meanwhile; nothing was written down yet */
		work_free(e, w);
	else if (c->rv == YT_ENOSPC)
		turn_away(e, w);
	else if (c->rv != 0)
		refuse_row(e, w, &c->fault, c->step);
	else
		try_rows(e, w, c->step + 1);
}

/* So does a list of them: all of it, or nothing.  A slow format's rows are jobs, one after the other. */
static void try_rows(struct engine *e, struct work *w, unsigned row)
{
	struct yt_fault fault = { { 0 }, { 0 } };
	const struct engine_party *bank;
	struct yt_msg *order;
	struct call c;

	for (; next_row(e, w, row) != NULL; row++) {
		yt_buf_clear(&w->sent);
		order = pay_batch_order(e, w, w->row_arena, w->row, &bank, &fault);
		if (order == NULL) {
			refuse_row(e, w, &fault, row);
			return;
		}
		c = call_encode_request(&bank->codec, order, w->id, w->request, &w->sent);
		c.w = w;
		c.step = row;
		c.then = row_tried;
		c.job.is_new = row == 0;
		if (call_is_slow(e, &bank->codec)) {
			w->state = WORK_CODING;
			call_begin(e, &c);
			return;
		}
		call_here(e, &c);
		if (c.rv != 0) {
			refuse_row(e, w, &c.fault, row);
			return;
		}
	}
	yt_buf_clear(&w->sent);
	go_admitted(e, w);
}

static void keep_list(struct engine *e, struct work *w)
{
	struct yt_fault fault = { { 0 }, { 0 } };

	if (pay_batch_is_too_long(e, w->msg, &fault))
		refuse_unless_known(e, w, &fault);
	else
		try_rows(e, w, 0);
}

static void route(struct engine *e, struct work *w)
{
	const struct engine_institution *institution = e->conf.institution(e->conf.ctx, w->msg->institution);
	struct yt_fault fault = { { 0 }, { 0 } };
	struct engine_way way = { 0 };

	if ((institution == NULL && w->codec.api->sign_in_for != NULL) ||
	        (institution != NULL && !is_valid_now(e, institution))) {
		work_refuse(e, w, TEXT_UNKNOWN_INSTITUTION, (struct yt_str){ 0 });
		return;
	}
	if (pay_is_asked(w->msg)) { /* of what was taken here */
		cross_begin(e, w);
		return;
	}
	if (notice_is(w->msg->op->id) && notice_is_too_long(e, w->msg, &fault)) {
		work_refuse(e, w, TEXT_UNREADABLE, yt_arena_printf(w->arena, "%s %s", fault.path, fault.why));
		return;
	}
	if (w->msg->op->stays_here) {
		if (w->msg->op->id == YT_OP_ACCOUNT_PUT &&
		        e->conf.route(e->conf.ctx, w->msg, w->origin, w->listener, &way) != NULL && way.stays_here)
			w->then = way.then;
		w->flow = &flow_here;
		work_digest(w);
		go_admitted(e, w);
		return;
	}
	w->party = e->conf.route(e->conf.ctx, w->msg, w->origin, w->listener, &way);
	w->flow = way.flow;
	w->then = is_settlement(w->msg->op->id) || way.stays_here ? way.then : NULL;
	w->insurer = is_presettlement(w->msg->op->id) ? way.quote : is_settlement(w->msg->op->id) ? way.one_stop : NULL;
	w->quote_member = is_settlement(w->msg->op->id) ? way.one_stop_member : way.quote_member;
	if (w->party == NULL) {
		work_refuse(e, w, TEXT_NO_ROUTE, (struct yt_str){ 0 });
	} else if (way.stays_here) {
		w->tells = way.tells;
		w->flow = &flow_here;
		work_digest(w);
		if (w->msg->op->id == YT_OP_PAY_ORDER && w->then != NULL)
			keep_payout(e, w);
		else if (w->msg->op->id == YT_OP_PAY_BATCH && w->then != NULL)
			keep_list(e, w);
		else
			go_admitted(e, w);
	} else if (is_stopped(e, w)) {
		go_stopped(e, w);
	} else if (w->msg->op->id == YT_OP_REVERSE && (w->flow != NULL || cross_is_foreign(&w->codec, w->party))) {
		w->joins_only = true; /* the keeper knows what it speaks of, and undoes that as its party wants it */
		w->flow = NULL;
		yt_buf_str(&w->sent, w->request);
		work_digest(w);
		go_admitted(e, w);
	} else if (w->flow != NULL) {
		work_digest(w);
		go_admitted(e, w);
	} else if (cross_is_foreign(&w->codec, w->party)) {
		cross_begin(e, w);
	} else if (asking_is_signed(e, w, institution)) {
		asking_go(e, w);
	}
}

/* A genuine message that may not be executed (any more): its stored answer counts more than that
 * (crossprovince.md 7.3), so the keeper is asked; only if it knows of none is the message refused, by leg.c, unsent. */
static bool may_be_known(struct engine *e, struct work *w)
{
	struct engine_way way = { 0 };

	if (!e->conf.speaks_for(e->conf.ctx, w->origin, w->msg))
		return false;
	w->party = e->conf.route(e->conf.ctx, w->msg, w->origin, w->listener, &way);
	w->joins_only = true;
	yt_buf_str(&w->sent, w->request);
	work_digest(w);
	return w->party != NULL;
}

/* Formats whose messages say how long they may be executed (crossprovince.md 7.4, U3). */
static bool is_out_of_time(struct engine *e, struct yt_msg *msg, struct yt_fault *fault)
{
	bool is_late = msg->expires_ms != 0 && engine_wall(e) > msg->expires_ms;

	if (!is_late && (msg->valid_from_ms == 0 || engine_wall(e) >= msg->valid_from_ms))
		return false;
	msg->refusal = is_late ? msg->too_late : msg->too_early;
	snprintf(fault->path, sizeof(fault->path), "(message)");
	snprintf(
	        fault->why, sizeof(fault->why), "%s", is_late ? "came after it had expired" : "was sent in the future");
	return true;
}

static void decoded(struct engine *e, struct call *c)
{
	struct work *w = c->w;
	struct yt_str where;
	int rv = c->rv;

	if (w->token == 0) { /* gone meanwhile */
		work_free(e, w);
		return;
	}
	if (rv == YT_ENOSPC) {
		turn_away(e, w);
		return;
	}
	if (rv == 0 && is_out_of_time(e, w->msg, &c->fault))
		rv = YT_EFORMAT;
	where = rv == 0 ? (struct yt_str){ 0 } : yt_arena_printf(w->arena, "%s %s", c->fault.path, c->fault.why);
	if (rv != 0 && rv != YT_ENOMEM && w->msg->is_authentic && w->msg->op->changes_state && may_be_known(e, w)) {
		w->unless_known = where;
		go_admitted(e, w);
	} else if (rv != 0) {
		work_refuse(e, w, rv == YT_ELIMIT || rv == YT_ENOMEM ? TEXT_TOO_LARGE : TEXT_UNREADABLE, where);
	} else if (may_go(e, w)) {
		route(e, w);
	}
}

/* Of what is borrowed from the connection, what it takes to go on. */
static struct yt_str keep(struct work *w, bool is_slow, struct yt_str s)
{
	return is_slow ? yt_arena_copy(w->arena, s) : s;
}

static void decode(struct engine *e, struct work *w, const struct engine_request *r)
{
	bool is_slow = call_is_slow(e, &r->codec);
	struct call c;

	w->request = yt_arena_copy(w->arena, whole_octets(r));
	w->msg->path = yt_arena_copy(w->arena, r->path);
	w->subject = keep(w, is_slow, r->subject);
	w->peer = keep(w, is_slow, r->peer);
	c = call_decode_request(&r->codec, w->msg, w->id, w->request);
	c.w = w;
	c.then = decoded;
	c.job.is_new = true;
	c.is_bare = r->body.n == 0;
	c.rv = w->request.p == NULL ? YT_ENOMEM : 0;
	if (c.rv == 0)
		call_begin(e, &c);
	else
		decoded(e, &c);
}

void engine_request(struct engine *e, const struct engine_request *r)
{
	const struct engine_origin *origin, *known;
	struct yt_fault fault = { { 0 }, { 0 } };
	struct yt_str key = { 0 };
	struct work *w;

	e->counts.requests++;
	if (!whole_has_method(r)) {
		refuse_plain(e, r, 405, "only POST is served here\n");
		return;
	}
	if (!r->by_certificate && e->world.quarantined(e->world.ctx, head_of(e, r))) {
		refuse_plain(e, r, 503, "not accepted now, nothing was sent; try later\n");
		return;
	}
	origin = identify(e, r, &known, &key, &fault);
	if (origin == NULL) {
		refuse_stranger(e, r, known, key, &fault);
		return;
	}
	if (HASH_CNT(hh_id, e->by_id) >= e->conf.exchanges || e->world.quarantined(e->world.ctx, whole_octets(r))) {
		refuse_plain(e, r, 503, "not accepted now, nothing was sent; try later\n");
		return;
	}
	w = work_new(e, r);
	w->origin = origin;
	w->key = key;
	w->hold_until = w->begun_mono + origin->timeout_ms - e->conf.margin_ms;
	decode(e, w, r);
}
