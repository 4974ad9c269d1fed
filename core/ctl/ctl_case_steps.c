/* core/ctl/ctl_case_steps.c - an exchange's legs as steps of the way of the money, see ctl_case.h.
 *
 * What a party said is in its own format and encrypted: with the keys, and the party's plugin, numbers, states and
 * amounts of it are read; without them the clear fields of the records still tell who was asked when, under which
 * number, and what came of it.  Shown is only what the list below names and mask.c holds harmless (P9). */
#include "ctl/ctl_case.h"

#include <stdio.h>
#include <string.h>

#include "yitong/json.h"
#include "yitong/plugin.h"

/* Of the canonical messages of claims and payments (docs/claims.md, docs/payments.md). */
static const char *const shown[] = { N_("claim_no"), N_("claim_state"), N_("payable_amt"), N_("refuse_code"),
	N_("pay_by"), N_("pay_to"), N_("expect_pay_date"), N_("paid_amt"), N_("pay_time"), N_("pay_no"), N_("pay_type"),
	N_("pay_amt"), N_("pay_date"), N_("batch_no"), N_("pay_state"), N_("bank_status"), N_("bank_code"),
	N_("pay_advice"), N_("bank_serial"), N_("acct_date"), N_("return_code"), N_("return_date"), "uetr",
	"check_result" };

/* Those whose values are words, and the words. */
static const char *const states[] = { "claim_state", "pay_state", "pay_by", "pay_to" };
static const char *const words[] = { N_("SENT"), N_("RECEIVED"), N_("ACCEPTED"), N_("PENDING_DOCS"), N_("ADJUDICATED"),
	N_("REJECTED"), N_("PROCESSING"), N_("UNKNOWN"), N_("PAID"), N_("FAILED"), N_("CANCELLED"), N_("RETURNED"),
	N_("GATEWAY"), N_("INSURER"), N_("PERSON"), N_("INSTITUTION") };

const char *case_word(struct yt_str member, struct yt_str value)
{
	bool is_state = false;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		is_state = is_state || yt_str_is(member, states[i]);
	for (size_t i = 0; is_state && i < sizeof(words) / sizeof(words[0]); i++)
		if (yt_str_is(value, words[i]))
			return _(words[i]);
	return NULL;
}

/* -- folding -------------------------------------------------------------------------------------- */

static void copy(char *to, size_t size, struct yt_str text)
{
	if (text.n > 0)
		snprintf(to, size, "%.*s", YT_FMT(text));
}

/* An order that what is asked in this leg of this step may be about: what was asked before it was of another payout. */
static bool is_its_order(const struct case_step *s, enum rec_leg leg, unsigned step)
{
	return s->leg == REC_LEG_STEP && s->pay_no[0] != '\0' &&
	       (s->step < step || (s->step == step && leg != REC_LEG_STEP));
}

/* The same leg of the same step is the same thing asked again, but for another payout, where one came to nothing and is
 * made anew; NULL: there are too many different ones. */
static struct case_step *step_of(struct case_steps *s, const struct rec *rec)
{
	enum rec_leg leg = (enum rec_leg)rec_get_u64(rec, REC_T_LEG);
	unsigned step = (unsigned)rec_get_u64(rec, REC_T_STEP);
	struct yt_str pay_no = rec_get(rec, REC_T_PAY_NO);
	struct case_step *new;

	for (size_t i = s->n; i-- > 0;) {
		const struct case_step *old = &s->item[i];

		if (old->leg == leg && old->step == step) {
			if (pay_no.n == 0 || old->pay_no[0] == '\0' || yt_str_is(pay_no, old->pay_no))
				return &s->item[i];
			break;
		}
		if (is_its_order(old, leg, step))
			break;
	}
	if (s->n == CASE_STEPS_MAX)
		return NULL;
	new = &s->item[s->n++];
	memset(new, 0, sizeof(*new));
	new->leg = leg;
	new->step = step;
	new->first_ms = rec->wall_ms;
	return new;
}

static void take_octets(struct case_step *step, const struct rec *rec)
{
	struct yt_str sent = rec_get(rec, step->leg == REC_LEG_MAIN   ? REC_T_SENT
	                                  : step->leg == REC_LEG_STEP ? (enum rec_tag)(REC_T_STEP_SENT + step->step - 1)
	                                                              : REC_T_UNDO_SENT);
	struct yt_str got = step->leg == REC_LEG_STEP ? rec_get(rec, (enum rec_tag)(REC_T_STEP_GOT + step->step - 1))
	                                              : rec_get(rec, REC_T_RECEIVED);

	if (rec->type == REC_SENDING && sent.n > 0)
		step->sent = sent;
	if (rec->type == REC_OUTCOME && got.n > 0)
		step->got = got;
}

static void take(struct case_steps *s, const struct rec *rec)
{
	struct case_step *step;

	if (rec->type == REC_RESOLVED) {
		s->is_refused = yt_str_is(rec_get(rec, REC_T_RESULT), "refused");
		if (s->is_refused || yt_str_is(rec_get(rec, REC_T_RESULT), "done"))
			copy(s->ended_why, sizeof(s->ended_why), rec_get(rec, REC_T_REASON));
	}
	if (rec->type != REC_SENDING && rec->type != REC_OUTCOME)
		return;
	if (rec_get_u64(rec, REC_T_STEP) > REC_STEPS_MAX || (step = step_of(s, rec)) == NULL)
		return;
	copy(step->party, sizeof(step->party), rec_get(rec, REC_T_PARTY));
	take_octets(step, rec);
	step->last_ms = rec->wall_ms;
	if (rec->type == REC_SENDING) {
		copy(step->number, sizeof(step->number), rec_get(rec, REC_T_NUMBER));
		copy(step->pay_no, sizeof(step->pay_no), rec_get(rec, REC_T_PAY_NO));
		copy(step->orig_pay_no, sizeof(step->orig_pay_no), rec_get(rec, REC_T_ORIG_PAY_NO));
		copy(step->note, sizeof(step->note), rec_get(rec, REC_T_REASON));
		step->n_sent++;
		return;
	}
	step->outcome = (enum yt_outcome)rec_get_u64(rec, REC_T_OUTCOME);
	step->is_awaited = step->outcome == YT_DONE && (rec_get_u64(rec, REC_T_FLAGS) & REC_X_ANEW) != 0;
	step->is_found = yt_str_is(rec_get(rec, REC_T_RESULT), "found");
	step->code[0] = step->reason[0] = '\0';
	copy(step->code, sizeof(step->code), rec_get(rec, REC_T_CODE));
	copy(step->reason, sizeof(step->reason), rec_get(rec, REC_T_REASON));
}

/* A bank's word names the payment; an insurer's, which speaks of a claim, does not. */
static bool is_banks_word(const struct rec *rec)
{
	return rec_get(rec, REC_T_BOOKED).n != 0 ||
	       (rec_get(rec, REC_T_PAY_NO).n != 0 && rec_get(rec, REC_T_NUMBER).n != 0 &&
	               rec_get(rec, REC_T_RESULT).n != 0);
}

static void take_line(struct case_steps *s, const struct rec *rec)
{
	struct case_line line = { .wall_ms = rec->wall_ms, .statement = rec_get_u64(rec, REC_T_JOINS), .fen = -1 };

	if (rec->type != REC_NOTICE || line.statement == 0 || !is_banks_word(rec))
		return;
	copy(line.number, sizeof(line.number), rec_get(rec, REC_T_NUMBER));
	copy(line.serial, sizeof(line.serial), rec_get(rec, REC_T_REFERENCE));
	copy(line.booked, sizeof(line.booked), rec_get(rec, REC_T_BOOKED));
	line.is_listing = (rec_get_u64(rec, REC_T_FLAGS) & REC_X_LISTING) != 0;
	copy(line.state, sizeof(line.state), rec_get(rec, line.is_listing ? REC_T_CODE : REC_T_RESULT));
	if (line.is_listing)
		copy(line.why, sizeof(line.why), rec_get(rec, REC_T_REASON));
	copy(line.pay_no, sizeof(line.pay_no), rec_get(rec, REC_T_PAY_NO));
	if (rec_get(rec, REC_T_AMOUNT).n != 0)
		line.fen = rec_get_i64(rec, REC_T_AMOUNT);
	for (size_t i = 0; i < s->n_lines; i++)
		if (strcmp(s->line[i].serial, line.serial) == 0 && strcmp(s->line[i].booked, line.booked) == 0 &&
		        strcmp(s->line[i].state, line.state) == 0 &&
		        (line.booked[0] != '\0' || strcmp(s->line[i].pay_no, line.pay_no) == 0))
			return;
	if (s->n_lines < CASE_LINES_MAX)
		s->line[s->n_lines++] = line;
}

/* -- what was said ---------------------------------------------------------------------------------- */

static void show_members(struct desk *desk, struct yt_node *said, const struct yt_node *from)
{
	if (from != NULL && from->kind == YT_ARRAY)
		from = from->n == 1 ? from->child : NULL; /* of several none speaks for all */
	for (size_t i = 0; from != NULL && i < sizeof(shown) / sizeof(shown[0]); i++) {
		struct yt_str value = yt_node_text(from, shown[i]);

		if (value.n == 0 || !ctl_is_harmless(yt_str(shown[i]), value))
			continue;
		if (yt_node_get(said, shown[i]) != NULL) /* the answer's word counts */
			YT_REQUIRE(yt_node_set_text(desk->arena, said, shown[i], value) == 0);
		else
			desk_put(desk, said, shown[i], value);
	}
}

static void show_body(struct desk *desk, struct yt_node *said, const struct yt_node *body)
{
	show_members(desk, said, yt_node_get(body, "data"));
	show_members(desk, said, yt_node_get(body, "payout"));
}

/* What its party answered: in its own octets, nothing where it was handed a file, in ours where it was found out. */
static void read_got(struct desk *desk, struct case_step *step, const struct desk_codec *codec, struct yt_msg *msg)
{
	bool is_file = codec->api->file_name != NULL;
	struct yt_reply *reply = yt_reply_new(desk->arena);
	struct yt_json_error err;
	struct yt_node *found;

	YT_REQUIRE(reply != NULL);
	if (step->got.n == 0)
		return;
	step->got = yt_arena_copy(desk->arena, step->got);
	if (step->is_found) {
		if (yt_json_read(desk->arena, step->got, NULL, &found, &err) == 0)
			show_members(desk, step->said, found);
	} else if (codec->api->decode_reply(codec->plugin, msg, is_file ? YT_FILE_HANDED_OVER : 200,
	                   is_file ? (struct yt_str){ 0 } : step->got, reply) == 0 &&
	           reply->outcome != YT_UNKNOWN) {
		show_body(desk, step->said, reply->body);
	}
}

/* The octets as their party's plugin reads them; false: it cannot be loaded here, which has been told. */
static bool read_said(struct desk *desk, struct case_step *step)
{
	const struct desk_codec *codec = desk_codec(desk, step->party);
	struct yt_fault fault = { { 0 }, { 0 } };
	struct yt_msg *msg = yt_msg_new(desk->arena);

	YT_REQUIRE(msg != NULL);
	if (codec == NULL)
		return false;
	msg->sent = step->sent = yt_arena_copy(desk->arena, step->sent); /* ours: addressed to another */
	if (codec->api->decode_request(codec->plugin, step->sent, msg, &fault) != 0)
		return true;
	if (step->op != NULL)
		msg->op = step->op; /* two operations may share their number there */
	step->op = msg->op;
	step->said = yt_node_new(desk->arena, YT_OBJECT);
	YT_REQUIRE(step->said != NULL);
	show_body(desk, step->said, msg->body);
	read_got(desk, step, codec, msg);
	return true;
}

/* By the flow as it is configured now. */
static const struct yt_op *op_of_step(const struct conf *conf, const struct exchange *x, const struct case_step *step)
{
	const struct conf_flow *flow = conf_flow(conf, yt_str(x->flow));

	if (step->leg != REC_LEG_STEP || step->step == 0)
		return NULL;
	if (flow == NULL || step->step > flow->n_steps || flow->step[step->step - 1].op == YT_OP_COUNT)
		return flow != NULL && step->step <= flow->n_steps ? yt_op(x->op) : NULL;
	return yt_op((enum yt_operation)flow->step[step->step - 1].op);
}

/* Few, and nearly so already. */
static void by_time(struct case_steps *s)
{
	for (size_t i = 1; i < s->n; i++)
		for (size_t k = i; k > 0 && s->item[k].last_ms < s->item[k - 1].last_ms; k--) {
			struct case_step later = s->item[k - 1];

			s->item[k - 1] = s->item[k];
			s->item[k] = later;
		}
}

void case_steps_read(struct case_steps *out, struct desk *desk, const struct ctl_records *r)
{
	struct yt_str rest = yt_buf_view(&r->records);
	bool can_read = (r->x.flags & REC_X_FOLLOW_UP) != 0 || r->x.flow[0] != '\0';
	struct rec rec;
	size_t used;

	out->n = out->n_lines = 0;
	out->ended_why[0] = '\0';
	out->is_refused = false;
	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used) {
		take(out, &rec);
		take_line(out, &rec);
	}
	by_time(out);
	for (size_t i = 0; i < out->n; i++) {
		struct case_step *step = &out->item[i];

		step->op = op_of_step(desk->ctl->conf, &r->x, step);
		if (can_read && step->sent.n > 0 && step->party[0] != '\0')
			can_read = read_said(desk, step);
	}
}

void case_step_name(const struct case_step *step, char *text, size_t size)
{
	static const char *const legs[] = { [REC_LEG_MAIN] = N_("asked"),
		[REC_LEG_QUERY] = N_("query"),
		[REC_LEG_REVERSAL] = N_("reversal"),
		[REC_LEG_SIGN_IN] = N_("sign-in"),
		[REC_LEG_RESEND] = N_("same octets again"),
		[REC_LEG_STEP] = N_("step"),
		[REC_LEG_UNDO] = N_("undoing"),
		[REC_LEG_TAKE] = N_("taking back") };
	const char *leg = (size_t)step->leg < sizeof(legs) / sizeof(legs[0]) && legs[step->leg] != NULL
	                          ? legs[step->leg]
	                          : N_("asked");

	if (step->op != NULL && step->leg == REC_LEG_STEP)
		snprintf(text, size, "%u %s", step->step, step->op->name);
	else if (step->step > 0 && step->op != NULL)
		snprintf(text, size, "%u %s: %s", step->step, _(leg), step->op->name);
	else if (step->step > 0)
		snprintf(text, size, "%u %s", step->step, _(leg));
	else
		snprintf(text, size, "%s", _(leg));
}
