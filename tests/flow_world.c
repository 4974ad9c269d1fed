/* tests/flow_world.c - see flow_world.h. */
#include "flow_world.h"
#include "engine/day_list.h"

#include <stdio.h>
#include <stdlib.h>

#include "held_jobs.h"

struct world w;

/* -- codecs: the one-line format, under two names ------------------------------------------------- */

struct yt_codec_api platform_api, hub_api, bank_api;
bool bank_is_mute, answers_none;

static int asks_nothing(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *query)
{
	return YT_ENOTFOUND;
}

enum yt_resolve bank_pays = YT_RESOLVE_PAY; /* an order of unknown outcome */
enum yt_resolve platform_settles = YT_RESOLVE_REVERSE;
enum yt_resolve platform_resolves = YT_RESOLVE_RESEND; /* a registration of unknown outcome */
bool is_native;                                        /* all but reversals goes to the platform as it came */
bool is_slow;
bool needs_consent; /* claims say it */
bool decides_at_once;
bool relays;        /* and reversals as well */
bool reads_nothing; /* answers cannot be read any more */

static const char *wire_of(enum yt_operation op)
{
	for (const struct yt_wire_op *o = fake_codec.ops; o->wire != NULL; o++)
		if (o->op == op)
			return o->wire;
	return "?";
}

/* A credential in the business part: "secret=..." */
static int wide_decode_request(struct yt_plugin *self, struct yt_str octets, struct yt_msg *msg, struct yt_fault *fault)
{
	char secret[40];

	fake_value(octets, "secret", secret, sizeof(secret));
	msg->n_secrets = secret[0] != 0;
	return fake_codec.decode_request(self, octets, msg, fault);
}

static int wide_blank(struct yt_plugin *self, struct yt_str wire_op, bool is_answer, struct yt_arena *arena,
        struct yt_str octets, yt_blank *put, void *ctx, struct yt_buf *out)
{
	const char *at = memmem(octets.p, octets.n, "secret=", 7);
	char secret[40];

	fake_value(octets, "secret", secret, sizeof(secret));
	if (at == NULL)
		return 0;
	yt_buf_add(out, octets.p, (size_t)(at - octets.p) + 7);
	put(ctx, yt_str(secret), out);
	return 1;
}

static int wide_encode_request(
        struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	struct yt_msg named = *msg;

	named.wire_op = yt_str(wire_of(msg->op->id));
	if (yt_str_is(msg->batch, "incomplete") && msg->op->id == YT_OP_OUTPATIENT_SETTLE && self == NULL &&
	        msg->facts != NULL) { /* as the hub's: it lacks what nobody brought */
		snprintf(fault->path, sizeof(fault->path), "data.inscp_scp_amt");
		snprintf(fault->why, sizeof(fault->why), "is missing: 2204 brings it");
		return YT_EFORMAT;
	}
	if (needs_consent && msg->op->id == YT_OP_CLAIM_SUBMIT) {
		struct yt_str auth = yt_node_text(yt_node_get(msg->body, "consent"), "auth_no");

		if (auth.n == 0) {
			snprintf(fault->path, sizeof(fault->path), "consent.auth_no");
			snprintf(fault->why, sizeof(fault->why), "is missing");
			return YT_EFORMAT;
		}
		yt_buf_printf(out, "CLAIM auth=%.*s name=%.*s level=%.*s inst=%.*s num=%.*s | ", YT_FMT(auth),
		        YT_FMT(yt_node_text(yt_node_get(msg->body, "data"), "fixmedins_name")),
		        YT_FMT(yt_node_text(yt_node_get(msg->body, "data"), "hosp_lv")), YT_FMT(msg->institution),
		        YT_FMT(msg->number));
		return 0;
	}
	if (needs_consent && msg->op->id == YT_OP_CLAIM_WITHDRAW) {
		yt_buf_printf(out, "WITHDRAW claim=%.*s why=%.*s inst=H1 num=T1 | ",
		        YT_FMT(yt_node_text(yt_node_get(msg->body, "data"), "claim_no")),
		        YT_FMT(yt_node_text(yt_node_get(msg->body, "data"), "withdraw_reason")));
		return 0;
	}
	if (fake_codec.encode_request(self, &named, out, fault) != 0)
		return YT_EFORMAT;
	if (msg->op->id == YT_OP_CLAIM_SUBMIT && yt_node_text(yt_node_get(msg->body, "data"), "mode").n != 0)
		yt_buf_printf(out, " mode=%.*s", YT_FMT(yt_node_text(yt_node_get(msg->body, "data"), "mode")));
	if (msg->n_secrets != 0) {
		char secret[40];

		fake_value(msg->content, "secret", secret, sizeof(secret));
		yt_buf_printf(out, " secret=%s", secret);
	}
	return 0;
}

/* An insurer's decision: who pays how much. */
static void decide_claim(struct yt_str octets, struct yt_reply *reply)
{
	struct yt_node *data = yt_node_get(reply->body, "data");
	bool other = memmem(octets.p, octets.n, "other", 5) != NULL,
	     zero = memmem(octets.p, octets.n, "zero", 4) != NULL, much = memmem(octets.p, octets.n, "much", 4) != NULL,
	     most = memmem(octets.p, octets.n, "most", 4) != NULL,
	     house = memmem(octets.p, octets.n, "house", 5) != NULL;

	yt_node_add_text(reply->arena, data, "claim_state",
	        memmem(octets.p, octets.n, "paid", 4) != NULL ? YT_STR("PAID") : YT_STR("ADJUDICATED"));
	yt_node_add_text(reply->arena, data, "pay_by", other ? YT_STR("INSURER") : YT_STR("GATEWAY"));
	yt_node_add_text(reply->arena, data, "pay_to", house ? YT_STR("INSTITUTION") : YT_STR("PERSON"));
	yt_node_add_text(reply->arena, data, "payable_amt",
	        zero   ? YT_STR("0.00")
	        : much ? YT_STR("2000.00")
	        : most ? YT_STR("9000.00")
	               : YT_STR("12.34"));
	if (memmem(octets.p, octets.n, "uneven", 6) != NULL)
		yt_node_add_text(reply->arena,
		        yt_node_add(reply->arena, yt_node_add(reply->arena, reply->body, YT_STR("liability"), YT_ARRAY),
		                YT_STR(""), YT_OBJECT),
		        "pay_amt", YT_STR("12.33"));
}

/* A registration issues a number of its own: a fact for the steps behind it. */
static int wide_decode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, int status, struct yt_str octets, struct yt_reply *reply)
{
	struct yt_str said = status == YT_FILE_HANDED_OVER  ? YT_STR("DONE pst=SENT .")
	                     : status == YT_FILE_NAME_TAKEN ? YT_STR("REFUSED no .")
	                                                    : octets;
	int rv = fake_codec.decode_reply(self, msg, status < 0 ? 200 : status, said, reply);

	reply->octets = octets;
	if (rv == 0 && fake_is(octets, "DONE") && memmem(octets.p, octets.n, "awaited", 7) != NULL)
		reply->again_ms = 20000;
	if (rv == 0 && fake_is(octets, "DONE") && memmem(octets.p, octets.n, "documents", 9) != NULL)
		yt_node_add_text(reply->arena, yt_node_get(reply->body, "data"), "claim_state", YT_STR("PENDING_DOCS"));
	if (rv == 0 && reply->outcome == YT_DONE && msg->op->id == YT_OP_CLAIM_SUBMIT)
		yt_node_add_text(reply->arena, yt_node_get(reply->body, "data"), "claim_no", YT_STR("C77"));
	if (rv == 0 && fake_is(octets, "DONE") && memmem(octets.p, octets.n, "rejected", 8) != NULL) {
		yt_node_add_text(reply->arena, yt_node_get(reply->body, "data"), "claim_state", YT_STR("REJECTED"));
		yt_node_add_text(reply->arena, yt_node_get(reply->body, "data"), "refuse_code", YT_STR("R104"));
	}
	if (rv == 0 && fake_is(octets, "DONE") && memmem(octets.p, octets.n, "decided", 7) != NULL)
		decide_claim(octets, reply);
	if (rv == 0 && reply->outcome == YT_DONE && msg->op->id == YT_OP_CLAIM_ELIGIBILITY)
		yt_node_add_text(reply->arena, yt_node_get(reply->body, "data"), "insured",
		        memmem(octets.p, octets.n, "rejected", 8) != NULL ? YT_STR("0") : YT_STR("1"));
	if (rv == 0 && reply->outcome == YT_DONE && msg->op->id == YT_OP_OUTPATIENT_SETTLE) {
		struct yt_node *settled = yt_node_add(reply->arena, reply->body, YT_STR("setlinfo"), YT_OBJECT);

		reply->cash_fen = 5000;
		yt_node_add_text(reply->arena, settled, "psn_name", YT_STR("Lin"));
		yt_node_add_text(reply->arena, settled, "certno", YT_STR("E1234567"));
	}
	if (reads_nothing)
		reply->outcome = YT_UNKNOWN;
	if (rv == 0 && reply->outcome == YT_DONE && msg->op->id == YT_OP_OUTPATIENT_REGISTER)
		yt_node_add_text(reply->arena, yt_node_get(reply->body, "data"), "ykc700", YT_STR("S1"));
	return rv;
}

static int wide_reversal_of(struct yt_plugin *self, const struct yt_msg *original, struct yt_msg *reversal)
{
	if (original->op->id == YT_OP_CLAIM_SUBMIT)
		return YT_ENOTFOUND;
	reversal->op = yt_op(YT_OP_REVERSE);
	reversal->institution = yt_arena_copy(reversal->arena, original->institution);
	reversal->original_number = yt_arena_copy(reversal->arena, original->number);
	reversal->original_wire_op = yt_arena_copy(reversal->arena, yt_str(wire_of(original->op->id)));
	return 0;
}

int wide_make_number(
        struct yt_plugin *self, struct yt_arena *arena, int64_t wall_ms, uint64_t serial, struct yt_str *number)
{
	*number = yt_arena_printf(arena, "T%010llu", (unsigned long long)serial);
	return 0;
}

static int hub_encode_request(
        struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	struct yt_msg numbered = *msg;

	numbered.number = msg->own_number;
	return wide_encode_request(self, &numbered, out, fault);
}

/* A bank takes no order with the purpose "NEVER", or none at all. */
static int bank_encode_request(
        struct yt_plugin *self, const struct yt_msg *msg, struct yt_buf *out, struct yt_fault *fault)
{
	struct yt_str purpose = yt_node_text(yt_node_get(msg->body, "data"), "purpose");

	if (msg->op->id != YT_OP_PAY_ORDER || (!bank_takes_none && !yt_str_is(purpose, "NEVER")))
		return hub_encode_request(self, msg, out, fault);
	snprintf(fault->path, sizeof(fault->path), "data.purpose");
	snprintf(fault->why, sizeof(fault->why), "is not taken");
	return YT_EFORMAT;
}

/* A review that must not hold anybody up. */
static int64_t hub_patience(struct yt_plugin *self, const struct yt_msg *msg, struct yt_reply *instead)
{
	if (msg->op->id != YT_OP_PERSON_CHECK)
		return 0;
	instead->outcome = YT_DONE;
	instead->visit = YT_STR("PASSED");
	return 300;
}

/* REGISTER at the platform is as nhsa.md has 2401: never sent again, taken back by its number. */
static struct yt_wire_op platform_ops[40], hub_ops[40], bank_ops[40];

static void make_ops(struct yt_wire_op *ops, enum yt_resolve registering, enum yt_resolve settling)
{
	size_t n = 0;

	do {
		ops[n] = fake_codec.ops[n];
		if (ops[n].op == YT_OP_OUTPATIENT_REGISTER)
			ops[n].resolve = registering;
		else if (ops[n].op == YT_OP_OUTPATIENT_SETTLE)
			ops[n].resolve = settling;
		else if (ops[n].op == YT_OP_PAY_ORDER)
			ops[n].resolve = bank_pays;
	} while (fake_codec.ops[n++].wire != NULL);
}

/* An answer is written from what the step's answer said: its octets must still be there. */
static int wide_encode_reply(
        struct yt_plugin *self, const struct yt_msg *msg, const struct yt_reply *reply, struct yt_buf *out)
{
	if (reply->octets.n != 0)
		assert_true(fake_is(reply->octets, "DONE") || fake_is(reply->octets, "REFUSED"));
	if (fake_codec.encode_reply(self, msg, reply, out) != 0)
		return YT_EFORMAT;
	if (yt_node_get(reply->body, "commercial_claim") != NULL)
		yt_buf_printf(out, " claim=%.*s collect=%.*s",
		        YT_FMT(yt_node_text(yt_node_get(reply->body, "commercial_claim"), "payable_amt")),
		        YT_FMT(yt_node_text(yt_node_get(reply->body, "commercial_claim"), "collect_amt")));
	return 0;
}

/* Of a bank by files: that it has one is what counts here. */
static int any_name(struct yt_plugin *self, struct yt_str octets, struct yt_arena *arena, struct yt_str *name)
{
	*name = YT_STR("FILE");
	return 0;
}

static void make_codecs(void)
{
	make_ops(platform_ops, platform_resolves, platform_settles);
	make_ops(hub_ops, YT_RESOLVE_ADOPT, YT_RESOLVE_ADOPT);
	platform_api = fake_codec;
	platform_api.ops = platform_ops;
	platform_api.encode_reply = wide_encode_reply;
	platform_api.decode_request = wide_decode_request;
	platform_api.blank = wide_blank;
	platform_api.encode_request = wide_encode_request;
	platform_api.decode_reply = wide_decode_reply;
	platform_api.reversal_of = wide_reversal_of;
	platform_api.is_slow = is_slow;
	hub_api = platform_api;
	hub_api.name = "other";
	hub_api.ops = hub_ops;
	hub_api.sign_in_for = NULL;
	hub_api.patience = hub_patience;
	hub_api.make_number = wide_make_number;
	hub_api.encode_request = hub_encode_request;
	make_ops(bank_ops, YT_RESOLVE_ADOPT, YT_RESOLVE_ADOPT);
	bank_api = hub_api;
	bank_api.name = "bank";
	bank_api.ops = bank_ops;
	bank_api.encode_request = bank_encode_request;
	if (!bank_is_mute)
		return;
	bank_api.query_for = answers_none ? asks_nothing : NULL;
	bank_api.file_name = any_name;
}

/* -- configuration -------------------------------------------------------------------------------- */

const struct engine_party platform = { .name = "platform",
	.codec = { &platform_api, NULL },
	.query_timeout_ms = 1000,
	.change_timeout_ms = 2000,
	.late_ms = 500,
	.server_delay_ms = 2500 };
const struct engine_party hub = { .name = "hub",
	.codec = { &hub_api, NULL },
	.query_timeout_ms = 1000,
	.change_timeout_ms = 2000,
	.late_ms = 500,
	.server_delay_ms = 500,
	.quote_timeout_ms = 1500,
	.quote_failures = 2,
	.quote_pause_ms = 20000 };
const struct engine_party bank = { .name = "bank",
	.told_by = { "its-counter" },
	.codec = { &bank_api, NULL },
	.query_timeout_ms = 1000,
	.change_timeout_ms = 2000,
	.late_ms = 500,
	.server_delay_ms = 500 };

const struct engine_flow flows[] = {
	{ "two",
	        { { &platform, YT_OP_COUNT, NULL, false, NULL, NULL }, { &hub, YT_OP_COUNT, NULL, false, NULL, NULL } },
	        2, 1 },
	{ "three",
	        { { &platform, YT_OP_OUTPATIENT_FEES, NULL, true, NULL, NULL },
	                { &hub, YT_OP_OUTPATIENT_REGISTER, "ykc700", false, NULL, NULL },
	                { &hub, YT_OP_COUNT, NULL, false, NULL, NULL } },
	        3, 3 },
};
const struct engine_flow paid_claim = { "paid",
	{ { &hub, YT_OP_CLAIM_SUBMIT, NULL, false, NULL, NULL }, { &hub, YT_OP_CLAIM_QUERY, NULL, true, NULL, NULL },
	        { &bank, YT_OP_PAY_ORDER, NULL, false, "pay_by", "GATEWAY" },
	        { &bank, YT_OP_PAY_QUERY, NULL, true, "pay_by", "GATEWAY" },
	        { &hub, YT_OP_CLAIM_PAYMENT, NULL, true, "pay_by", "GATEWAY" } },
	5, 2 };
const struct engine_flow *follows; /* settlements at the platform; NULL: nothing does */
const struct engine_flow *flow;    /* of this scenario; NULL: straight to the hub */

struct engine_origin origin = {
	.name = "hospital", .party = "hub", .unknown_style = ENGINE_HOLD, .timeout_ms = 600000
};
static const struct engine_institution institution = { H, "one", "330213", true, "YT", "gateway", 0, 0, "31" };
const struct engine_codec codec = { &platform_api, NULL };

static const struct engine_origin *c_subject(void *ctx, struct yt_str subject)
{
	return &origin;
}

static bool c_speaks_for(void *ctx, const struct engine_origin *o, const struct yt_msg *msg)
{
	return true;
}

static const struct engine_institution *c_institution(void *ctx, struct yt_str code)
{
	return &institution;
}

const struct engine_flow *follows_account;
const struct engine_flow *tells_lists;

static const struct engine_party *c_route(void *ctx, const struct yt_msg *msg, const struct engine_origin *o,
        const char *listener, struct engine_way *way)
{
	way->rule = "all";
	way->tells = tells_lists;
	way->then = msg->op->id == YT_OP_ACCOUNT_PUT ? follows_account : follows;
	way->one_stop = decides_at_once ? &hub : NULL;
	way->one_stop_member = "commercial_claim";
	way->stays_here = msg->op->id == YT_OP_PAY_ORDER || msg->op->id == YT_OP_PAY_BATCH ||
	                  msg->op->id == YT_OP_SETTLE_NOTICE ||
	                  (msg->op->id == YT_OP_ACCOUNT_PUT && follows_account != NULL);
	if (is_native && (relays || msg->op->id != YT_OP_REVERSE))
		return &platform;
	way->flow = msg->op->changes_state ? flow : NULL;
	return flow != NULL ? flow->steps[0].party : &hub;
}

static bool is_called(const struct engine_flow *f, const char *name)
{
	return f != NULL && strcmp(name, f->name) == 0;
}

static const struct engine_flow *c_flow(void *ctx, const char *name)
{
	return is_called(flow, name)              ? flow
	       : is_called(follows, name)         ? follows
	       : is_called(follows_account, name) ? follows_account
	       : is_called(tells_lists, name)     ? tells_lists
	                                          : NULL;
}

static bool c_keeps_facts(void *ctx, const struct yt_msg *msg, struct yt_str insured)
{
	return true;
}

static const struct engine_party *c_party(void *ctx, const char *name)
{
	return strcmp(name, "hub") == 0        ? &hub
	       : strcmp(name, "platform") == 0 ? &platform
	       : strcmp(name, "bank") == 0     ? &bank
	                                       : NULL;
}

static const struct engine_codec *c_listener(void *ctx, const char *name)
{
	static const struct engine_codec day_list = { &day_list_codec, NULL }; /* what was fetched at the insurer */

	return strcmp(name, "hub") == 0 ? &day_list : &codec;
}

struct engine_payer world_payers[] = {
	{ .party = "bank",
	        .pay_type = "IN",
	        .account = "6001",
	        .name = "fund",
	        .bank_no = "313332099026",
	        .bank_name = "bank",
	        .behalf_name = "insurer",
	        .purpose = "claim",
	        .order_limit_fen = 500000 },
	{ .party = "bank",
	        .pay_type = "CL",
	        .account = "6002",
	        .name = "fund",
	        .bank_no = "313332099026",
	        .bank_name = "bank" },
};
/* What it pays without people; at the world's time, September 2026, the second has expired. */
static const struct engine_release releases[] = { { "IN", 100000, 20261231 }, { "CL", 100000, 20260101 } };

struct engine_conf conf = { .origin_by_subject = c_subject,
	.speaks_for = c_speaks_for,
	.institution = c_institution,
	.route = c_route,
	.flow = c_flow,
	.keeps_facts = c_keeps_facts,
	.party = c_party,
	.listener = c_listener,
	.serial_from = 9000,
	.serial_to = 9999,
	.exchanges = 100,
	.retry_ms = 1000,
	.retry_max_ms = 4000,
	.park_after_ms = 60000,
	.follow_up_retry_max_ms = 8000,
	.follow_up_park_after_ms = 600000,
	.busy_tries = 2,
	.busy_retry_ms = 1000,
	.payers = world_payers,
	.n_payers = COUNT(world_payers),
	.releases = releases,
	.n_releases = COUNT(releases),
	.margin_ms = 100 };
static const struct keeper_conf keeper_conf = { .serial_from = 9000,
	.serial_to = 9999,
	.reverse_after_ms = 1000,
	.undelivered_ms = 30000,
	.longest_wait_ms = 10000,
	.rest_ms = 3600000,
	.leases = 8,
	.exchanges = 100 };

/* -- the world ------------------------------------------------------------------------------------ */

int64_t w_time(void *ctx)
{
	return 1790000000000 + w.now;
}

static int64_t w_wall(void *ctx)
{
	return w_time(ctx) + w.clock_ahead;
}

static void w_random(void *ctx, void *out, size_t n)
{
	memset(out, 7, n);
}

static void put(bool up, const struct talk *talk)
{
	struct message *m = &w.queue[w.last++ % COUNT(w.queue)];

	assert_true(w.last - w.first <= COUNT(w.queue));
	yt_buf_clear(&m->payload);
	yt_buf_str(&m->payload, talk->payload);
	m->talk = *talk;
	m->up = up;
}

static const char *k_step_party(void *ctx, const char *name, unsigned step)
{
	const struct engine_flow *f = c_flow(NULL, name);

	return f != NULL && step >= 1 && step <= f->n ? f->steps[step - 1].party->name : NULL;
}

static bool k_flow_asks(void *ctx, const char *name, const char *party)
{
	const struct engine_flow *f = c_flow(NULL, name);

	for (unsigned i = 0; f != NULL && i < f->n; i++)
		if (strcmp(f->steps[i].party->name, party) == 0 ||
		        (f->steps[i].party->told_by[0] != NULL && strcmp(f->steps[i].party->told_by[0], party) == 0))
			return true;
	return false;
}

static int w_submit(void *ctx, const struct talk *talk)
{
	put(true, talk);
	return 0;
}

static void k_tell(void *ctx, uint32_t worker, const struct talk *talk)
{
	put(false, talk);
}

static void w_send(void *ctx, const struct engine_party *party, uint64_t leg, struct yt_str wire_op, struct yt_str body,
        int64_t deadline_ms)
{
	assert_int_equal(w.leg, 0);
	w.leg = leg;
	w.deadline_in = deadline_ms - w_time(NULL);
	snprintf(w.sent, sizeof(w.sent), "%.*s", YT_FMT(body));
	snprintf(w.sent_to, sizeof(w.sent_to), "%s", party->name);
}

static void w_answer(void *ctx, uint64_t token, int status, const char *content_type, struct yt_str body)
{
	w.answers++;
	snprintf(w.answer, sizeof(w.answer), "%.*s", YT_FMT(body));
}

static void w_drop(void *ctx, uint64_t token)
{
	w.drops++;
}

static void w_person(void *ctx, struct yt_str person, uint8_t out[16])
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < person.n; i++)
		h = (h ^ (uint8_t)person.p[i]) * 1099511628211u;
	memcpy(out, &h, 8);
	memcpy(out + 8, &h, 8);
}

char boxed[24]; /* what is noted to be running */

static void w_box(void *ctx, const char *plugin, const char *what, uint64_t exchange, struct yt_str octets)
{
	bool is_file = bank_is_mute && plugin != NULL && strcmp(plugin, "bank") == 0; /* handed over: there are none */

	if (what != NULL && (exchange == 0 || (octets.n == 0 && !is_file)))
		fail_msg("%s stands in the black box without its exchange or octets", what);
	snprintf(boxed, sizeof(boxed), "%s", what == NULL ? "" : what);
}

static bool w_quarantined(void *ctx, struct yt_str octets)
{
	return false;
}

enum enrolment_state list_is = ENROLMENT_MISSING;
const char *list_of = "";

static enum enrolment_state w_enrolled(
        void *ctx, const struct engine_party *party, struct yt_str certno, bool *is_on, int64_t *day)
{
	assert_true(party->by_list && certno.n > 0);
	*is_on = list_is == ENROLMENT_CURRENT && yt_str_is(certno, list_of);
	*day = 20779; /* 2026-11-22 */
	return list_is;
}

bool steps_are_erased, facts_are_erased;

bool index_has_all;

static struct exchange exchange_in_log(uint64_t id)
{
	struct exchange x;

	memset(&x, 0, sizeof(x));
	for (size_t i = 0; i < w.n_commits; i++) {
		struct yt_str rest = yt_buf_view(&w.commits[i]);
		struct rec rec;
		size_t used;

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
			if (rec.exchange == id && rec.type != REC_FACTS)
				exchange_apply(&x, &rec, i + 1);
	}
	return x;
}

static int k_find(void *ctx, struct yt_str at, struct yt_str number, struct exchange *x)
{
	struct rec rec;
	size_t used;

	for (size_t i = 0; index_has_all && i < w.n_commits; i++)
		for (struct yt_str rest = yt_buf_view(&w.commits[i]); rec_read(rest, &rec, &used) == 0;
		        rest.p += used, rest.n -= used)
			if (rec.type == REC_ACCEPTED && yt_str_eq(rec_get(&rec, REC_T_NUMBER), number) &&
			        yt_str_eq(rec_get(&rec, REC_T_INSTITUTION), at)) {
				*x = exchange_in_log(rec.exchange);
				return 0;
			}
	return YT_ENOTFOUND; /* else nothing leaves memory here */
}

/* It names a payout so. */
static bool names(const struct rec *rec, struct yt_str payout)
{
	char serial[EXCHANGE_SERIAL_KEY];

	exchange_serial_key(rec_get(rec, REC_T_PAY_SERIAL), exchange_in_log(rec->exchange).pay_fen, serial);
	return yt_str_eq(rec_get(rec, REC_T_PAY_NO), payout) || yt_str_eq(rec_get(rec, REC_T_UETR), payout) ||
	       yt_str_eq(rec_get(rec, REC_T_PAY_MSG), payout) || yt_str_is(payout, serial);
}

static int k_find_follow_up(void *ctx, struct yt_str number, struct exchange *x)
{
	struct yt_str payout = { number.p + 2, number.n > 2 ? number.n - 2 : 0 };
	uint64_t id = 0;

	memset(x, 0, sizeof(*x));
	for (size_t i = 0; index_has_all && i < w.n_commits; i++) {
		struct yt_str rest = yt_buf_view(&w.commits[i]);
		struct rec rec;
		size_t used;

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
			if (rec.type == REC_ACCEPTED && yt_str_eq(rec_get(&rec, REC_T_NUMBER), number))
				x->id = rec.exchange;
			if (number.n > 2 && names(&rec, payout))
				id = rec.exchange;
			if (x->id != 0 && rec.exchange == x->id && rec.type != REC_FACTS)
				exchange_apply(x, &rec, i + 1);
		}
	}
	if (x->id == 0 && id != 0)
		*x = exchange_in_log(id);
	return x->id != 0 ? 0 : YT_ENOTFOUND;
}

bool bank_takes_none;
bool follow_ups_rest;

static int k_get(void *ctx, uint64_t id, struct exchange *x)
{
	*x = exchange_in_log(id);
	return x->id != 0 ? 0 : YT_ENOTFOUND;
}

/* Where the pieces of a case stand. */
static int k_facts(void *ctx, struct yt_str key, struct fact_place *out, size_t max, size_t *n)
{
	struct rec_field field;
	struct rec rec;
	size_t used, at;

	for (size_t i = *n = 0; index_has_all && i < w.n_commits; i++)
		for (struct yt_str rest = yt_buf_view(&w.commits[i]); rec_read(rest, &rec, &used) == 0;
		        rest.p += used, rest.n -= used)
			for (at = 0; rec.type == REC_FACTS && rec_next(&rec, &at, &field);)
				if (field.tag == REC_T_CASE && yt_str_eq(field.value, key) && *n < max)
					out[(*n)++] = (struct fact_place){ i + 1, rec.exchange, rec.wall_ms };
	return 0;
}

/* All that waits for that person, as the journal tells it. */
static int k_waiting(
        void *ctx, const uint8_t person[16], size_t max, void (*each)(void *arg, const struct exchange *x), void *arg)
{
	struct rec rec;
	size_t used;

	for (size_t i = 0; i < w.n_commits; i++)
		for (struct yt_str rest = yt_buf_view(&w.commits[i]); rec_read(rest, &rec, &used) == 0;
		        rest.p += used, rest.n -= used) {
			struct exchange x =
			        rec.type == REC_ACCEPTED ? exchange_in_log(rec.exchange) : (struct exchange){ .id = 0 };

			if (max > 0 && exchange_waits_for_facts(&x) &&
			        memcmp(x.person, person, sizeof(x.person)) == 0) {
				max--;
				each(arg, &x);
			}
		}
	return 0;
}

static int k_fetch(void *ctx, log_pos pos, uint64_t exchange, enum rec_tag tag, struct yt_buf *out)
{
	struct yt_str rest = yt_buf_view(&w.commits[pos - 1]);
	struct rec rec;
	size_t used;

	if (steps_are_erased && tag >= REC_T_STEP_SENT && tag < REC_T_STEP_SENT + REC_STEPS_MAX)
		return YT_ENOTFOUND;
	if (facts_are_erased && tag == REC_T_FACTS)
		return YT_ENOTFOUND;
	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
		if (rec.exchange == exchange && rec_get(&rec, tag).n != 0) {
			yt_buf_clear(out);
			yt_buf_str(out, rec_get(&rec, tag));
			return 0;
		}
	}
	return YT_ENOTFOUND;
}

static const char *k_closed(void *ctx)
{
	return NULL;
}

/* From what is on the disk; incarnation: of the worker that lives, 0: a new one comes. */
static void start_keeper(uint32_t incarnation)
{
	struct keeper_world kw = { .wall_ms = w_wall,
		.mono_ms = w_time,
		.tell = k_tell,
		.find = k_find,
		.find_follow_up = k_find_follow_up,
		.flow_asks = k_flow_asks,
		.step_party = k_step_party,
		.get = follow_ups_rest ? k_get : NULL,
		.waiting = k_waiting,
		.facts = k_facts,
		.fetch = k_fetch,
		.closed = k_closed };

	w.keeper = keeper_new(&keeper_conf, &kw);
	for (size_t i = 0; i < w.n_commits; i++) {
		struct yt_str rest = yt_buf_view(&w.commits[i]);
		struct rec rec;
		size_t used;

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
			keeper_replay(w.keeper, &rec, i + 1);
	}
	if (incarnation != 0)
		keeper_worker_up(w.keeper, 1, incarnation);
	keeper_start(w.keeper);
	if (incarnation == 0)
		keeper_worker_up(w.keeper, 1, 0);
}

static void start(void)
{
	struct engine_world ew = { .wall_ms = w_wall,
		.mono_ms = w_time,
		.random = w_random,
		.submit = w_submit,
		.send = w_send,
		.answer = w_answer,
		.drop = w_drop,
		.person = w_person,
		.box = w_box,
		.quarantined = w_quarantined,
		.enrolled = w_enrolled,
		.run = jobs_take };

	w.engine = engine_new(&conf, &ew);
	start_keeper(0);
	engine_start(w.engine);
}

/* The worker and the keeper die; what is on the disk is all that is left. */
void kill_all(void)
{
	jobs_forget();
	engine_free(w.engine);
	keeper_free(w.keeper);
	w.first = w.last = 0;
	w.leg = 0;
	start();
}

/* The worker's incarnation, as it was welcomed last. */
static uint32_t welcomed(void)
{
	uint32_t incarnation = 0;
	struct rec rec;
	size_t used;

	for (size_t i = 0; i < w.n_commits; i++)
		for (struct yt_str rest = yt_buf_view(&w.commits[i]); rec_read(rest, &rec, &used) == 0;
		        rest.p += used, rest.n -= used)
			if (rec.type == REC_WORKER)
				incarnation = (uint32_t)rec_get_u64(&rec, REC_T_WORKER);
	return incarnation;
}

void kill_keeper(void)
{
	keeper_free(w.keeper);
	start_keeper(welcomed());
}

void commit(void)
{
	struct yt_str records;
	bool urgent;

	if (!keeper_has_pending(w.keeper, &urgent))
		return;
	keeper_take(w.keeper, &records);
	assert_true(w.n_commits < COUNT(w.commits));
	yt_buf_str(&w.commits[w.n_commits++], records);
	keeper_committed(w.keeper, w.n_commits);
}

/* Until nothing moves any more without time or an answer. */
void pump(void)
{
	bool urgent;

	do {
		while (w.first < w.last) {
			struct message m = w.queue[w.first % COUNT(w.queue)];
			struct yt_buf copy = { 0 };

			w.first++;
			yt_buf_str(&copy, yt_buf_view(&m.payload));
			m.talk.payload = yt_buf_view(&copy);
			if (m.up)
				assert_int_equal(keeper_message(w.keeper, 1, &m.talk), 0);
			else
				engine_talk(w.engine, &m.talk);
			yt_buf_free(&copy);
		}
		commit();
		keeper_tick(w.keeper);
	} while (w.first < w.last || keeper_has_pending(w.keeper, &urgent) || jobs_run_one(w.engine));
}

void later(int64_t ms)
{
	w.now += ms;
	keeper_tick(w.keeper);
	engine_tick(w.engine);
	pump();
}

/* Until a lease begins, and the keeper has told the worker what is known of its case. */
void hold_facts(struct message *held)
{
	for (int i = 0; i < 36000 && w.first == w.last; i++) {
		w.now += 100;
		keeper_tick(w.keeper);
		commit();
	}
	for (;; run_jobs()) {
		assert_true(w.first < w.last);
		*held = w.queue[w.first++ % COUNT(w.queue)];
		held->payload = (struct yt_buf){ 0 };
		yt_buf_str(&held->payload, yt_buf_view(&w.queue[(w.first - 1) % COUNT(w.queue)].payload));
		held->talk.payload = yt_buf_view(&held->payload);
		if (!held->up && held->talk.kind == DOWN_FACTS)
			return;
		if (held->up)
			assert_int_equal(keeper_message(w.keeper, 1, &held->talk), 0);
		else
			engine_talk(w.engine, &held->talk);
		yt_buf_free(&held->payload);
	}
}

void let_go(struct message *held)
{
	engine_talk(w.engine, &held->talk);
	yt_buf_free(&held->payload);
	pump();
}

void run_jobs(void)
{
	while (jobs_run_one(w.engine))
		;
}

void ask(uint64_t token, const char *line)
{
	struct engine_request r = { .token = token,
		.listener = "door",
		.codec = codec,
		.by_certificate = true,
		.method = YT_STR("POST"),
		.subject = YT_STR("hospital"),
		.body = yt_str(line) };

	pump();
	engine_request(w.engine, &r);
	pump();
}

int setup(void **state)
{
	memset(&w, 0, sizeof(w));
	make_codecs();
	start();
	return 0;
}

int setup_slow(void **state)
{
	is_slow = true;
	return setup(state);
}

int teardown(void **state)
{
	assert_int_equal(jobs.unboxed, 0);
	jobs_forget();
	engine_free(w.engine);
	keeper_free(w.keeper);
	for (size_t i = 0; i < w.n_commits; i++)
		yt_buf_free(&w.commits[i]);
	for (size_t i = 0; i < COUNT(w.queue); i++)
		yt_buf_free(&w.queue[i].payload);
	return 0;
}

/* The exchange whose accepted record says it is the one. */
static struct exchange in_log_where(bool (*is_it)(const struct rec *accepted, const void *arg), const void *arg)
{
	struct exchange x;

	memset(&x, 0, sizeof(x));
	for (size_t i = 0; i < w.n_commits; i++) {
		struct yt_str rest = yt_buf_view(&w.commits[i]);
		struct rec rec;
		size_t used;

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
			if (rec.type == REC_ACCEPTED && is_it(&rec, arg)) {
				assert_true(x.id == 0 || x.id == rec.exchange);
				x.id = rec.exchange;
			}
			if (x.id != 0 && rec.exchange == x.id && rec.type != REC_FACTS)
				exchange_apply(&x, &rec, i + 1);
		}
	}
	return x;
}

static bool has_number(const struct rec *accepted, const void *number)
{
	return yt_str_is(rec_get(accepted, REC_T_NUMBER), number);
}

static bool has_flags(const struct rec *accepted, const void *flags)
{
	return (rec_get_u64(accepted, REC_T_FLAGS) & *(const uint32_t *)flags) != 0;
}

struct exchange in_log_of(const char *number)
{
	return in_log_where(has_number, number);
}

struct exchange in_log_flagged(uint32_t flags)
{
	return in_log_where(has_flags, &flags);
}

struct exchange in_log(void)
{
	struct exchange x;

	memset(&x, 0, sizeof(x));
	for (size_t i = 0; i < w.n_commits; i++) {
		struct yt_str rest = yt_buf_view(&w.commits[i]);
		struct rec rec;
		size_t used;

		for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
			if (rec.exchange != 0 && rec.type != REC_FACTS && (x.id == 0 || x.id == rec.exchange))
				exchange_apply(&x, &rec, i + 1);
	}
	return x;
}

enum exchange_state state_in_log(void)
{
	return in_log().state;
}

void reply(char how)
{
	bool is_cancel = fake_is(yt_str(w.sent), "CANCEL"); /* its answer has a settlement of its own */
	const char *text = how == 'd'   ? is_cancel ? "DONE visit=V1 setl=A9 ." : "DONE visit=V1 setl=A1 ."
	                   : how == 'x' ? "REFUSED why=absent ."
	                   : how == 'a' ? "REFUSED why=already ."
	                   : how == 'g' ? "REFUSED why=gateway ."
	                   : how == 'e' ? "REFUSED why=expired ."
	                   : how == 'b' ? "REFUSED why=busy ."
	                   : how == 'G' ? "REFUSED why=busynow ."
	                   : how == 'B' ? "REFUSED why=busy after=7000 ."
	                   : how == 'w' ? "DONE awaited ."
	                   : how == 'W' ? "DONE awaited documents ."
	                   : how == 'j' ? "DONE rejected ."
	                   : how == 's' ? "DONE visit=V2 setl=A2 ."
	                   : how == 't' ? "DONE visit=V3 setl=A3 ."
	                   : how == 'u' ? "DONE visit=V4 setl=A4 ."
	                   : how == 'v' ? "DONE visit=V5 setl=A5 ."
	                   : how == 'I' ? "DONE decided other house ."
	                   : how == 'E' ? "DONE decided other house much ."
	                   : how == 'H' ? "DONE decided house ."
	                   : how == 'D' ? "DONE decided ."
	                   : how == 'O' ? "DONE decided other ."
	                   : how == 'K' ? "DONE decided other paid ."
	                   : how == 'T' ? "DONE decided paid ."
	                   : how == 'L' ? "REFUSED why=late ."
	                   : how == '%' ? "DONE decided uneven ."
	                   : how == 'Z' ? "DONE decided zero ."
	                   : how == 'M' ? "DONE decided much ."
	                   : how == 'V' ? "DONE decided most ."
	                   : how == 'A' ? "DONE pst=ACCEPTED ."
	                   : how == 'P' ? "DONE pst=PROCESSING ."
	                   : how == '1' ? "DONE chk=1 ."
	                   : how == '2' ? "DONE chk=2 ."
	                   : how == '3' ? "DONE chk=3 ."
	                   : how == 'p' ? "DONE pst=PAID bserial=BK77 ."
	                   : how == 'q' ? "DONE pst=PAID pay=IN20200101000000000001 ."
	                   : how == 'F' ? "DONE pst=FAILED advice=account ."
	                   : how == '#' ? "DONE pst=PAID yuan=0.01 ."
	                   : how == '!' ? "DONE pst=FAILED advice=funds alarm=1 ."
	                   : how == 'R' ? "DONE pst=RETURNED bcode=000000 ."
	                                : "REFUSED no .";
	uint64_t leg = w.leg;

	w.leg = 0;
	if (how == 'l')
		engine_leg(w.engine, leg, LEG_TIMED_OUT, 0, (struct yt_str){ 0 }, "timed out", false);
	else if (how == 'h') /* handed over as a file: nothing is said */
		engine_leg(w.engine, leg, LEG_ANSWERED, YT_FILE_HANDED_OVER, (struct yt_str){ 0 }, NULL, false);
	else if (how == 'N') /* another file had its name */
		engine_leg(w.engine, leg, LEG_ANSWERED, YT_FILE_NAME_TAKEN, (struct yt_str){ 0 }, NULL, false);
	else if (how == 'n')
		engine_leg(w.engine, leg, LEG_NOT_SENT, 0, (struct yt_str){ 0 }, "not connected", false);
	else {
		static char lanes[64][64]; /* each answer's own, so that nothing else comes to stand there */
		char *octets = lanes[w.answered++ % COUNT(lanes)];

		snprintf(octets, sizeof(lanes[0]), "%s", text);
		engine_leg(w.engine, leg, LEG_ANSWERED, 200, yt_str(octets), NULL, false);
		memset(octets, '#', strlen(octets)); /* the lane goes on */
	}
	pump();
}

/* Waits for the next leg, at most ten minutes of the world's time. */
void await_leg(void)
{
	pump();
	for (int i = 0; (w.leg == 0 || fake_is(yt_str(w.sent), "SIGNIN")) && i < 6500; i++) {
		uint64_t leg = w.leg;
		char signed_in[24];

		if (leg == 0) {
			later(100);
			continue;
		}
		w.leg = 0; /* our operator signs in at the platform */
		snprintf(signed_in, sizeof(signed_in), "DONE sign=S%u .", ++w.sign_ins);
		engine_leg(w.engine, leg, LEG_ANSWERED, 200, yt_str(signed_in), NULL, false);
		pump();
	}
}

void expect(const char *head, char how)
{
	char got[64];

	await_leg();
	snprintf(got, sizeof(got), "%s:%.*s", w.sent_to, (int)strcspn(w.sent, " "), w.sent);
	assert_string_equal(w.leg == 0 ? "nothing" : got, head);
	reply(how);
}

bool log_has(const char *text)
{
	for (size_t i = 0; i < w.n_commits; i++)
		if (memmem(w.commits[i].p, w.commits[i].n, text, strlen(text)) != NULL)
			return true;
	return false;
}

int flow_world_run(const struct CMUnitTest *tests, size_t n)
{
	struct CMUnitTest *slow = calloc(n, sizeof(*slow));
	int rv;

	YT_REQUIRE(slow != NULL);
	for (size_t i = 0; i < n; i++) {
		slow[i] = tests[i];
		slow[i].setup_func = setup_slow;
	}
	rv = _cmocka_run_group_tests("tests", tests, n, NULL, NULL);
	rv += _cmocka_run_group_tests("slow codecs", slow, n, NULL, NULL);
	free(slow);
	return rv;
}

const char *flow_world_running(void)
{
	return jobs.running != NULL ? jobs.running : boxed;
}
