/* sandbox/cases.c - the visits of people insured here, case by case (play.h).
 *
 * Each case is a function that plays one visit, sets the faults for exactly that visit by the control port, and says
 * whether what it saw is what must come out.  demo.c chooses which are played; remote.c and abroad.c have those that
 * cross provinces. */
#include "play.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int play_fail(struct play *play, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(play->desk.why, sizeof(play->desk.why), format, args);
	va_end(args);
	return -1;
}

/* Arms one fault for exactly this visit and transaction. */
int play_arm(struct play *play, const char *infno, const char *visit, const char *kind, int64_t ms)
{
	/* What is held is booked whatever has been settled since: no real platform is sure to notice. */
	json_t *spec = must(json_pack("{s:s, s:s, s:s, s:I, s:b}", "infno", infno, "visit", visit, "kind", kind, "ms",
	        (json_int_t)ms, "no_dedup", strcmp(kind, "held") == 0));
	const struct hospitals_options *options = play->demo->options;
	bool is_at_hub = infno[0] == '0' || infno[0] == 'P';
	const char *url = !is_at_hub                            ? options->control_url
	                  : play->care->origin == options->away ? options->province_url
	                                                        : options->hub_url;
	json_t *answer = client_control(play->desk.client, url, "/fault", spec);

	json_decref(spec);
	if (answer == NULL)
		return play_fail(play, "the fault %s could not be armed", kind);
	json_decref(answer);
	return 0;
}

int play_expect(struct play *play, enum belief belief)
{
	static const char *const names[] = { "not settled", "settled", "cancelled", "unknown" };

	if (play->care->belief == belief)
		return play->desk.why[0] == '\0' ? 0 : -1;
	return play_fail(play, "%s, expected %s; last refusal: %s", names[play->care->belief], names[belief],
	        play->care->refusal[0] == '\0' ? "none" : play->care->refusal);
}

int play_open_and_arm(struct play *play, const char *kind, int64_t ms)
{
	if (care_open(&play->desk, play->care) != 0)
		return -1;
	return play_arm(play, care_settle_infno(play->care), play->care->visit, kind, ms);
}

int play_settle(struct play *play)
{
	care_settle(&play->desk, play->care, play->care->origin->policy, NULL, NULL);
	return play_expect(play, BELIEF_SETTLED);
}

int play_normal(struct play *play)
{
	return care_open(&play->desk, play->care) == 0 ? play_settle(play) : -1;
}

int play_cancel(struct play *play)
{
	if (play_normal(play) != 0)
		return -1;
	care_cancel(&play->desk, play->care);
	if (play_expect(play, BELIEF_CANCELLED) != 0 || care_undo_lines(&play->desk, play->care) != 0)
		return -1;
	return care_undo_visit(&play->desk, play->care);
}

/* The cases. */

/* The settlement meets the fault named by the argument, and is settled once all the same. */
static int case_trouble(struct play *play)
{
	play->care->may_break_sums = strcmp(play->argument, "sums_break_r2") == 0;
	if (play_open_and_arm(play, play->argument, play->demo->options->held_ms) != 0)
		return -1;
	return play_settle(play);
}

static int case_refused(struct play *play)
{
	if (play_open_and_arm(play, "refuse", 0) != 0)
		return -1;
	care_settle(&play->desk, play->care, play->care->origin->policy, NULL, NULL);
	return play_expect(play, BELIEF_OPEN);
}

static int case_lost_cancel(struct play *play)
{
	if (play_normal(play) != 0 ||
	        play_arm(play, care_cancel_infno(play->care), play->care->visit, play->argument, 0) != 0)
		return -1;
	care_cancel(&play->desk, play->care);
	return play_expect(play, BELIEF_CANCELLED);
}

static int case_lost_register(struct play *play)
{
	if (play_arm(play, play->care->is_inpatient ? "2401" : "2201", play->care->own_number, "effect_then_cut", 0) !=
	        0)
		return -1;
	return play_normal(play);
}

static int case_lost_fees(struct play *play)
{
	if (care_register(&play->desk, play->care) != 0 ||
	        play_arm(play, play->care->is_inpatient ? "2301" : "2204", play->care->visit, "effect_then_cut", 0) !=
	                0 ||
	        care_charge(&play->desk, play->care) != 0)
		return -1;
	return play_settle(play);
}

static int case_query_again(struct play *play)
{
	if (care_register(&play->desk, play->care) != 0 ||
	        play_arm(play, play->care->is_inpatient ? "2303" : "2206", play->care->visit, "http_502_html", 0) !=
	                0 ||
	        care_charge(&play->desk, play->care) != 0)
		return -1;
	return play_settle(play);
}

/* Sends the settlement once under msgid. */
static void send_once(
        struct play *play, const char *msgid, const json_t *input, int64_t timeout_ms, struct answer *answer)
{
	struct call call;

	care_settle_call(play->care, msgid, input, &call);
	call.timeout_ms = timeout_ms;
	desk_send(&play->desk, &call, play->care->bill->total_fen, answer);
}

/* The hospital has no patience: it hangs up, then does as the argument says. */
static int impatient(
        struct play *play, const char *fault, int64_t fault_ms, int64_t patience_ms, enum unknown_policy policy)
{
	struct answer answer;
	char msgid[31];
	json_t *input;

	if (play_open_and_arm(play, fault, fault_ms) != 0)
		return -1;
	origin_msgid(play->care->origin, msgid);
	input = care_settle_input(play->care);
	send_once(play, msgid, input, patience_ms, &answer);
	json_decref(input);
	care_settle(&play->desk, play->care, policy, msgid, &answer);
	return play_expect(play, BELIEF_SETTLED);
}

static int case_hang_up_first(struct play *play)
{
	return impatient(play, "delay", 1200, 400, POLICY_ASK_AGAIN);
}

static int case_own_2601(struct play *play)
{
	return impatient(play, "effect_then_silence", 0, 1000, POLICY_OWN_2601);
}

static int case_blind(struct play *play)
{
	return impatient(play, "effect_then_silence", 0, 1000, POLICY_BLIND);
}

/* A second connection that sends at the same time. */
struct other_line {
	struct play play;
	const char *msgid;
	const json_t *input;
	struct answer answer;
	pthread_t thread;
};

static void *other_line_send(void *context)
{
	struct other_line *other = context;

	send_once(&other->play, other->msgid, other->input, 0, &other->answer);
	return NULL;
}

static void other_line_start(struct other_line *other, struct play *play, const char *msgid, const json_t *input)
{
	memset(other, 0, sizeof(*other));
	other->play.demo = play->demo;
	other->play.care = play->care;
	other->play.desk.run = play->desk.run;
	other->play.desk.client = client_new();
	other->msgid = msgid;
	other->input = input;
	if (pthread_create(&other->thread, NULL, other_line_send, other) != 0)
		must(NULL);
}

static void other_line_join(struct other_line *other)
{
	pthread_join(other->thread, NULL);
	client_free(other->play.desk.client);
}

static int same_octets(struct play *play, const struct answer *a, const struct answer *b)
{
	if (a->kind != b->kind)
		return play_fail(
		        play, "one message, two answers of different kind: \"%.80s\" and \"%.80s\"", a->why, b->why);
	if (a->len == b->len && memcmp(a->text, b->text, a->len) == 0)
		return 0;
	return play_fail(play, "one message, two different answers:\n  %.300s\n  %.300s", a->text, b->text);
}

static int case_twice_at_once(struct play *play)
{
	struct other_line other;
	struct answer answer;
	char msgid[31];
	json_t *input;
	int rv;

	/* The delay keeps the first one running when the second one comes. */
	if (play_open_and_arm(play, "delay", 300) != 0)
		return -1;
	origin_msgid(play->care->origin, msgid);
	input = care_settle_input(play->care);
	other_line_start(&other, play, msgid, input);
	send_once(play, msgid, input, 0, &answer);
	other_line_join(&other);
	json_decref(input);
	rv = same_octets(play, &answer, &other.answer);
	answer_clear(&other.answer);
	care_settle(&play->desk, play->care, POLICY_ASK_AGAIN, msgid, &answer);
	return rv != 0 ? rv : play_expect(play, BELIEF_SETTLED);
}

/* Settles and keeps the answer, for cases about what comes after. */
static int settle_keeping(struct play *play, char msgid[31], struct answer *answer)
{
	json_t *input;

	if (care_open(&play->desk, play->care) != 0)
		return -1;
	origin_msgid(play->care->origin, msgid);
	input = care_settle_input(play->care);
	send_once(play, msgid, input, 0, answer);
	json_decref(input);
	if (answer->kind == ANSWER_DONE)
		return care_book(&play->desk, play->care, msgid, answer);
	play_fail(play, "%s was not done: %s", care_settle_infno(play->care), answer->why);
	care_settle(&play->desk, play->care, POLICY_ASK_AGAIN, msgid, answer);
	return -1;
}

static int case_again_later(struct play *play)
{
	struct answer answer, later;
	char msgid[31];
	json_t *input;
	int rv = 0;

	if (settle_keeping(play, msgid, &answer) != 0)
		return -1;
	input = care_settle_input(play->care);
	for (int i = 0; i < 2 && rv == 0; i++) {
		sleep_ms(200);
		send_once(play, msgid, input, 0, &later);
		rv = same_octets(play, &answer, &later);
		answer_clear(&later);
	}
	json_decref(input);
	answer_clear(&answer);
	return rv;
}

static int expect_refused(struct play *play, const struct answer *answer, const char *what)
{
	if (answer->kind == ANSWER_REFUSED)
		return 0;
	return play_fail(play, "%s must be refused, and was %s: %s", what,
	        answer->kind == ANSWER_DONE ? "done" : "not answered", answer->why);
}

static int case_other_content(struct play *play)
{
	struct answer answer, other;
	char msgid[31];
	json_t *input;
	int rv;

	if (settle_keeping(play, msgid, &answer) != 0)
		return -1;
	answer_clear(&answer);
	input = care_settle_input(play->care);
	json_object_set_new(json_object_get(input, "data"), "invono", json_string("INV00042"));
	send_once(play, msgid, input, 0, &other);
	json_decref(input);
	rv = expect_refused(play, &other, "the same number with other content");
	answer_clear(&other);
	return rv;
}

/* A hospital system that counts wrongly: one number for the settlements of two visits. */
static int case_one_number(struct play *play)
{
	struct care *first = play->care;
	struct answer answer;
	char msgid[31];
	json_t *input;
	int rv;

	if (settle_keeping(play, msgid, &answer) != 0)
		return -1;
	answer_clear(&answer);
	play->care = care_new(
	        play->desk.run, first->origin, first->patient, first->bill, first->is_inpatient, first->case_name);
	if (care_open(&play->desk, play->care) != 0)
		return -1;
	input = care_settle_input(play->care);
	send_once(play, msgid, input, 0, &answer);
	json_decref(input);
	rv = expect_refused(play, &answer, "one number for a second settlement");
	answer_clear(&answer);
	return rv == 0 ? play_settle(play) : rv;
}

/* While the first is unknown, a second settlement of the visit must not leave. */
static int case_second_while_unknown(struct play *play)
{
	struct other_line other;
	struct answer answer;
	char msgid[31], second[31];
	json_t *input;
	int rv;

	if (play_open_and_arm(play, "effect_then_silence", 0) != 0)
		return -1;
	origin_msgid(play->care->origin, msgid);
	input = care_settle_input(play->care);
	other_line_start(&other, play, msgid, input);
	sleep_ms(700);
	origin_msgid(play->care->origin, second);
	send_once(play, second, input, 0, &answer);
	rv = expect_refused(play, &answer, "a second settlement while the first is unknown");
	if (rv == 0 && strstr(answer.why, "正在核实") == NULL)
		rv = play_fail(play, "refused in other words than 上一笔结算正在核实: %s", answer.why);
	other_line_join(&other);
	json_decref(input);
	if (answer.kind == ANSWER_UNKNOWN)
		care_remember(play->care, second);
	if (answer.kind == ANSWER_DONE) {
		care_book(&play->desk, play->care, second, &answer);
		answer_clear(&other.answer);
	}
	answer_clear(&answer);
	if (play->care->belief == BELIEF_SETTLED)
		return -1;
	care_settle(&play->desk, play->care, play->care->origin->policy, msgid, &other.answer);
	return rv != 0 ? rv : play_expect(play, BELIEF_SETTLED);
}

static int case_gbk_request(struct play *play)
{
	struct answer answer;
	struct call call;
	char msgid[31];
	json_t *input;

	if (care_open(&play->desk, play->care) != 0)
		return -1;
	origin_msgid(play->care->origin, msgid);
	input = care_settle_input(play->care);
	care_settle_call(play->care, msgid, input, &call);
	call.in_gbk = true;
	desk_send(&play->desk, &call, play->care->bill->total_fen, &answer);
	json_decref(input);
	if (answer.kind == ANSWER_DONE) {
		care_settle(&play->desk, play->care, POLICY_ASK_AGAIN, msgid, &answer);
		return play_expect(play, BELIEF_SETTLED);
	}
	if (expect_refused(play, &answer, "a body in GBK") != 0) {
		care_settle(&play->desk, play->care, POLICY_ASK_AGAIN, msgid, &answer);
		return -1;
	}
	answer_clear(&answer);
	return play_settle(play);
}

/* One request that must be refused; the visit itself is settled afterwards as usual. */
static int refused_then_settled(struct play *play, struct call *call, const char *what)
{
	struct answer answer;
	char msgid[31];
	json_t *input;
	int rv;

	if (care_open(&play->desk, play->care) != 0)
		return -1;
	input = care_settle_input(play->care);
	if (call->msgid == NULL) {
		origin_msgid(play->care->origin, msgid);
		call->msgid = msgid;
	}
	call->infno = care_settle_infno(play->care);
	call->insuplc = play->care->patient->insuplc;
	call->input = input;
	desk_send(&play->desk, call, play->care->bill->total_fen, &answer);
	json_decref(input);
	rv = expect_refused(play, &answer, what);
	answer_clear(&answer);
	return rv == 0 ? play_settle(play) : rv;
}

static int case_foreign_institution(struct play *play)
{
	struct origin *origins = play->demo->options->origins;
	struct call call = { .origin = play->care->origin,
		.institution = origins[play->care->origin == &origins[0] ? 1 : 0].institution };

	return refused_then_settled(play, &call, "an institution that the certificate may not speak for");
}

static int case_reserved_number(struct play *play)
{
	char msgid[31];
	struct call call = { .origin = play->care->origin, .msgid = msgid };

	origin_msgid(play->care->origin, msgid);
	memcpy(msgid + 26, "9001", 4);
	return refused_then_settled(play, &call, "a number of the gateway's own block");
}

static int case_bad_signature(struct play *play)
{
	struct call call = { .origin = play->care->origin, .bad_signature = true };

	return refused_then_settled(play, &call, "a wrong header signature");
}

/* A connection with the wrong certificate: no answer, or a refusal, but nothing done. */
static int case_certificate(struct play *play)
{
	char cert[512], key[512];
	struct origin odd = *play->care->origin;
	struct answer answer;
	char msgid[31];
	struct client *client;
	json_t *input;
	struct call call = { .origin = &odd, .infno = "1101", .msgid = msgid, .insuplc = "" };

	if (play->demo->options->certs == NULL)
		return play_normal(play);
	text_format(cert, sizeof(cert), "%s/%s.crt", play->demo->options->certs, play->argument);
	text_format(key, sizeof(key), "%s/%s.key", play->demo->options->certs, play->argument);
	odd.cert = cert;
	odd.key = key;
	pthread_mutex_init(&odd.lock, NULL);
	origin_msgid(play->care->origin, msgid);
	input = must(json_pack(
	        "{s:{s:s, s:s}}", "data", "mdtrt_cert_type", "02", "mdtrt_cert_no", play->care->patient->certno));
	call.input = input;
	call.timeout_ms = 5000;
	client = client_new(); /* its connections must not outlive odd */
	client_call(client, &call, &answer);
	client_free(client);
	json_decref(input);
	if (answer.kind == ANSWER_DONE)
		play_fail(play, "a request with the certificate %s was served", play->argument);
	answer_clear(&answer);
	return play->desk.why[0] != '\0' ? -1 : play_normal(play);
}

/* In this order they are played: what takes long comes first. */
static const struct case_kind kinds[] = {
	{ "held", "takes effect after the connection is gone", 5, "held", case_trouble, -1, 'b', false },
	{ "lost-after", "settlement took effect, its answer is lost", 6, "effect_then_silence", case_trouble, -1, 'b',
	        false },
	{ "lost-after-cut", "likewise, the connection is cut", 4, "effect_then_cut", case_trouble, -1, 'b', false },
	{ "lost-before", "settlement never reaches the platform", 10, "cut", case_trouble, -1, 'b', false },
	{ "lost-cancel", "cancel took effect, its answer is lost", 3, "effect_then_silence", case_lost_cancel, -1, 'b',
	        true },
	{ "lost-cancel-before", "cancel never reaches the platform", 2, "cut", case_lost_cancel, -1, 'b', true },
	{ "second", "second settlement while the first is unknown", 2, NULL, case_second_while_unknown, 0, 'b', true },
	{ "blind", "after silence, again under a new number", 2, NULL, case_blind, 1, 'b', true },
	{ "own-2601", "the hospital times out and reverses itself", 2, NULL, case_own_2601, 1, 'b', false },
	{ "hang-up", "the hospital hangs up first, then asks again", 3, NULL, case_hang_up_first, -1, 'o', true },
	{ "twice", "one message on two connections at once", 4, NULL, case_twice_at_once, 0, 'b', true },
	{ "again", "one message again later", 3, NULL, case_again_later, -1, 'b', true },
	{ "conflict", "the same number with other content", 3, NULL, case_other_content, -1, 'b', true },
	{ "one-number", "one number for several settlements", 2, NULL, case_one_number, -1, 'o', true },
	{ "gbk", "a request in GBK", 2, NULL, case_gbk_request, 0, 'o', true },
	{ "foreign", "an institution the certificate may not speak for", 2, NULL, case_foreign_institution, 0, 'o',
	        true },
	{ "reserved", "a number of the gateway's own block", 1, NULL, case_reserved_number, 0, 'o', true },
	{ "signature", "a wrong header signature", 1, NULL, case_bad_signature, 2, 'o', true },
	{ "expired", "an expired certificate", 1, "hospital-expired", case_certificate, 0, 'o', false },
	{ "stranger", "a certificate of another authority", 1, "stranger", case_certificate, 0, 'o', false },
	{ "lost-register", "registration took effect, its answer is lost", 2, NULL, case_lost_register, -1, 'o', true },
	{ "lost-fees", "fee upload took effect, its answer is lost", 2, NULL, case_lost_fees, -1, 'b', true },
	{ "query-502", "a pre-settlement is answered 502", 1, NULL, case_query_again, -1, 'o', false },
	{ "refused", "the platform refuses", 1, NULL, case_refused, -1, 'o', false },
	{ "sign-expired", "the sign-in number has expired", 1, "sign_expired", case_trouble, 0, 'o', false },
	{ "http-502", "the answer is a proxy's 502 page", 1, "http_502_html", case_trouble, 0, 'o', false },
	{ "cut-json", "the answer is half a JSON text", 1, "cut_json", case_trouble, 0, 'o', false },
	{ "cut-body", "the answer ends in its middle", 1, "cut_body", case_trouble, 0, 'o', false },
	{ "garbage", "the answer is no HTTP", 1, "garbage", case_trouble, 0, 'o', false },
	{ "gbk-answer", "the answer is in GBK", 1, "gbk_body", case_trouble, 0, 'o', true },
	{ "duplicate", "the answer comes twice", 1, "duplicate_answer", case_trouble, 0, 'o', false },
	{ "code-text", "infcode is a text", 1, "infcode_string", case_trouble, 0, 'o', false },
	{ "amount-texts", "amounts are texts", 1, "amounts_as_strings", case_trouble, 0, 'o', false },
	{ "extra", "members nobody knows", 1, "extra_members", case_trouble, 0, 'o', false },
	{ "wrong-type", "the wrong Content-Type", 1, "wrong_content_type", case_trouble, 0, 'o', false },
	{ "unknown-fund", "a fund nobody knows", 1, "unknown_fund", case_trouble, 0, 'o', false },
	{ "sums", "the answer's sums break R2", 1, "sums_break_r2", case_trouble, 0, 'o', false },
	{ "in-cancel", "in-patient, settled, cancelled, undone", 4, NULL, play_cancel, -1, 'i', false },
	{ "in", "in-patient over several days", 12, NULL, play_normal, -1, 'i', false },
	{ "out-cancel", "out-patient, settled, cancelled, undone", 8, NULL, play_cancel, -1, 'o', false },
	{ "out", "out-patient", 32, NULL, play_normal, -1, 'o', false },
};

const struct case_table local_cases = { kinds, sizeof(kinds) / sizeof(*kinds), WHO_LOCAL };
