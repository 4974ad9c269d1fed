/* sandbox/cases.c - the demonstration, case by case (cases.h).
 *
 * hospitals_main makes the plan (one entry per visit), threads take entries until none is left, then
 * the platform is asked for quiet and the two ledgers are compared.  Each case is a function that
 * plays one visit, sets the faults for exactly that visit by the control port, and says whether what
 * it saw is what must come out. */
#include "cases.h"
#include "compare.h"
#include "hospital.h"
#include "text.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct demo;

struct play { /* one visit being played by one thread */
	struct demo *demo;
	struct desk desk;
	struct care *care;
	const char *argument; /* of the case */
};

struct case_kind {
	const char *name, *what;
	int count; /* visits in the full demonstration */
	const char *argument;
	int (*run)(struct play *play);
	int origin;    /* -1: in turn */
	char patients; /* 'o' out, 'i' in, 'b' both in turn */
	bool needs_gateway;
};

struct plan {
	const struct case_kind *kind;
	size_t number;
};

struct demo {
	const struct hospitals_options *options;
	struct hospital_run run;
	struct traffic traffic;
	struct plan *plans;
	size_t n_plans;
	atomic_size_t next, n_finished;
	bool has_colour;
	pthread_mutex_t print_lock; /* also of unexpected and by_case */
	json_t *unexpected;
	json_t *by_case; /* name -> {"visits", "as_expected", ...} */
};

static int fail(struct play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(struct play *play, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(play->desk.why, sizeof(play->desk.why), format, args);
	va_end(args);
	return -1;
}

/* Arms one fault for exactly this visit and transaction. */
static int arm(struct play *play, const char *infno, const char *visit, const char *kind, int64_t ms)
{
	/* What is held is booked whatever has been settled since: no real platform is sure to notice. */
	json_t *spec = must(json_pack("{s:s, s:s, s:s, s:I, s:b}", "infno", infno, "visit", visit, "kind", kind, "ms",
	        (json_int_t)ms, "no_dedup", strcmp(kind, "held") == 0));
	json_t *answer = client_control(play->desk.client, play->demo->options->control_url, "/fault", spec);

	json_decref(spec);
	if (answer == NULL)
		return fail(play, "the fault %s could not be armed", kind);
	json_decref(answer);
	return 0;
}

static const char *settle_infno(const struct care *care)
{
	return care->is_inpatient ? "2304" : "2207";
}

static int expect(struct play *play, enum belief belief)
{
	static const char *const names[] = { "not settled", "settled", "cancelled", "unknown" };

	if (play->care->belief == belief)
		return play->desk.why[0] == '\0' ? 0 : -1;
	return fail(play, "%s, expected %s; last refusal: %s", names[play->care->belief], names[belief],
	        play->care->refusal[0] == '\0' ? "none" : play->care->refusal);
}

static int open_and_arm(struct play *play, const char *kind, int64_t ms)
{
	if (care_open(&play->desk, play->care) != 0)
		return -1;
	return arm(play, settle_infno(play->care), play->care->visit, kind, ms);
}

static int settle_and_expect(struct play *play)
{
	care_settle(&play->desk, play->care, play->care->origin->policy, NULL, NULL);
	return expect(play, BELIEF_SETTLED);
}

/* The cases. */

static int case_normal(struct play *play)
{
	return care_open(&play->desk, play->care) == 0 ? settle_and_expect(play) : -1;
}

static int case_cancel(struct play *play)
{
	if (case_normal(play) != 0)
		return -1;
	care_cancel(&play->desk, play->care);
	if (expect(play, BELIEF_CANCELLED) != 0 || care_undo_lines(&play->desk, play->care) != 0)
		return -1;
	return care_undo_visit(&play->desk, play->care);
}

/* The settlement meets the fault named by the argument, and is settled once all the same. */
static int case_trouble(struct play *play)
{
	play->care->may_break_sums = strcmp(play->argument, "sums_break_r2") == 0;
	if (open_and_arm(play, play->argument, play->demo->options->held_ms) != 0)
		return -1;
	return settle_and_expect(play);
}

static int case_refused(struct play *play)
{
	if (open_and_arm(play, "refuse", 0) != 0)
		return -1;
	care_settle(&play->desk, play->care, play->care->origin->policy, NULL, NULL);
	return expect(play, BELIEF_OPEN);
}

static int case_lost_cancel(struct play *play)
{
	if (case_normal(play) != 0 ||
	        arm(play, play->care->is_inpatient ? "2305" : "2208", play->care->visit, play->argument, 0) != 0)
		return -1;
	care_cancel(&play->desk, play->care);
	return expect(play, BELIEF_CANCELLED);
}

static int case_lost_register(struct play *play)
{
	if (arm(play, play->care->is_inpatient ? "2401" : "2201", play->care->own_number, "effect_then_cut", 0) != 0)
		return -1;
	return case_normal(play);
}

static int case_lost_fees(struct play *play)
{
	if (care_register(&play->desk, play->care) != 0 ||
	        arm(play, play->care->is_inpatient ? "2301" : "2204", play->care->visit, "effect_then_cut", 0) != 0 ||
	        care_charge(&play->desk, play->care) != 0)
		return -1;
	return settle_and_expect(play);
}

static int case_query_again(struct play *play)
{
	if (care_register(&play->desk, play->care) != 0 ||
	        arm(play, play->care->is_inpatient ? "2303" : "2206", play->care->visit, "http_502_html", 0) != 0 ||
	        care_charge(&play->desk, play->care) != 0)
		return -1;
	return settle_and_expect(play);
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

	if (open_and_arm(play, fault, fault_ms) != 0)
		return -1;
	origin_msgid(play->care->origin, msgid);
	input = care_settle_input(play->care);
	send_once(play, msgid, input, patience_ms, &answer);
	json_decref(input);
	care_settle(&play->desk, play->care, policy, msgid, &answer);
	return expect(play, BELIEF_SETTLED);
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
		return fail(
		        play, "one message, two answers of different kind: \"%.80s\" and \"%.80s\"", a->why, b->why);
	if (a->len == b->len && memcmp(a->text, b->text, a->len) == 0)
		return 0;
	return fail(play, "one message, two different answers:\n  %.300s\n  %.300s", a->text, b->text);
}

static int case_twice_at_once(struct play *play)
{
	struct other_line other;
	struct answer answer;
	char msgid[31];
	json_t *input;
	int rv;

	/* The delay keeps the first one running when the second one comes. */
	if (open_and_arm(play, "delay", 300) != 0)
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
	return rv != 0 ? rv : expect(play, BELIEF_SETTLED);
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
	fail(play, "%s was not done: %s", settle_infno(play->care), answer->why);
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
	return fail(play, "%s must be refused, and was %s: %s", what,
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
	return rv == 0 ? settle_and_expect(play) : rv;
}

/* While the first is unknown, a second settlement of the visit must not leave. */
static int case_second_while_unknown(struct play *play)
{
	struct other_line other;
	struct answer answer;
	char msgid[31], second[31];
	json_t *input;
	int rv;

	if (open_and_arm(play, "effect_then_silence", 0) != 0)
		return -1;
	origin_msgid(play->care->origin, msgid);
	input = care_settle_input(play->care);
	other_line_start(&other, play, msgid, input);
	sleep_ms(700);
	origin_msgid(play->care->origin, second);
	send_once(play, second, input, 0, &answer);
	rv = expect_refused(play, &answer, "a second settlement while the first is unknown");
	if (rv == 0 && strstr(answer.why, "正在核实") == NULL)
		rv = fail(play, "refused in other words than 上一笔结算正在核实: %s", answer.why);
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
	return rv != 0 ? rv : expect(play, BELIEF_SETTLED);
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
		return expect(play, BELIEF_SETTLED);
	}
	if (expect_refused(play, &answer, "a body in GBK") != 0) {
		care_settle(&play->desk, play->care, POLICY_ASK_AGAIN, msgid, &answer);
		return -1;
	}
	answer_clear(&answer);
	return settle_and_expect(play);
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
	call->infno = settle_infno(play->care);
	call->insuplc = play->care->patient->insuplc;
	call->input = input;
	desk_send(&play->desk, call, play->care->bill->total_fen, &answer);
	json_decref(input);
	rv = expect_refused(play, &answer, what);
	answer_clear(&answer);
	return rv == 0 ? settle_and_expect(play) : rv;
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
		return case_normal(play);
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
		fail(play, "a request with the certificate %s was served", play->argument);
	answer_clear(&answer);
	return play->desk.why[0] != '\0' ? -1 : case_normal(play);
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
	{ "in-cancel", "in-patient, settled, cancelled, undone", 4, NULL, case_cancel, -1, 'i', false },
	{ "in", "in-patient over several days", 12, NULL, case_normal, -1, 'i', false },
	{ "out-cancel", "out-patient, settled, cancelled, undone", 8, NULL, case_cancel, -1, 'o', false },
	{ "out", "out-patient", 32, NULL, case_normal, -1, 'o', false },
};

#define N_KINDS (sizeof(kinds) / sizeof(*kinds))

void cases_print(void)
{
	for (size_t i = 0; i < N_KINDS; i++)
		printf("  %-20s %2d  %s%s\n", kinds[i].name, kinds[i].count, kinds[i].what,
		        kinds[i].needs_gateway ? " (not with --direct)" : "");
}

/* The plan. */

/* A name that no case has, in --only; NULL: all are known. */
static const char *unknown_name(const char *only)
{
	static char name[64];
	size_t i;

	for (const char *at = only; at != NULL && *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
		text_format(name, sizeof(name), "%.*s", (int)strcspn(at, ","), at);
		for (i = 0; i < N_KINDS && strcmp(kinds[i].name, name) != 0; i++)
			;
		if (i == N_KINDS)
			return name;
	}
	return NULL;
}

static bool is_wanted(const struct hospitals_options *options, const struct case_kind *kind)
{
	const char *at = options->only;
	size_t len = strlen(kind->name);

	if (options->is_direct && kind->needs_gateway)
		return false;
	for (; at != NULL && *at != '\0'; at += strcspn(at, ","), at += *at == ',')
		if (strncmp(at, kind->name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	return options->only == NULL;
}

static void plan_add(struct demo *demo, const struct case_kind *kind, size_t count)
{
	demo->plans = must(realloc(demo->plans, (demo->n_plans + count + 1) * sizeof(*demo->plans)));
	for (size_t i = 0; i < count; i++) {
		demo->plans[demo->n_plans].kind = kind;
		demo->plans[demo->n_plans++].number = i;
	}
}

static void plan_make(struct demo *demo)
{
	const struct case_kind *filler = &kinds[N_KINDS - 1];

	for (size_t i = 0; i < N_KINDS; i++)
		if (is_wanted(demo->options, &kinds[i]))
			plan_add(demo, &kinds[i], (size_t)kinds[i].count);
	if (is_wanted(demo->options, filler) && (long)demo->n_plans < demo->options->visits)
		plan_add(demo, filler, (size_t)demo->options->visits - demo->n_plans);
}

/* Playing it. */

static struct origin *origin_for(const struct demo *demo, const struct plan *plan, size_t index)
{
	size_t which = plan->kind->origin >= 0 ? (size_t)plan->kind->origin : (index + plan->number) % ORIGINS_MAX;

	return &demo->options->origins[which];
}

static void tell(struct demo *demo, const struct play *play, const struct case_kind *kind, int rv, int64_t ms)
{
	static const char *const beliefs[] = { "not settled", "settled", "cancelled", "unknown" };
	const struct care *care = play->care;
	char amount[24], fund[24], cash[24];
	size_t n_finished = atomic_fetch_add(&demo->n_finished, 1) + 1;
	const char *colour = !demo->has_colour ? "" : rv == 0 ? "\033[32m" : "\033[31m";

	if (demo->options->is_quiet && rv == 0)
		return;
	fen_text(care->total_fen, amount);
	fen_text(care->fund_fen, fund);
	fen_text(care->account_fen + care->cash_fen, cash);
	printf("%4zu/%zu %s%-4s%s %-18s %s %s %s %-11s %10s = %s + %s%s%s  %lld ms%s%s\n", n_finished, demo->n_plans,
	        colour, rv == 0 ? "ok" : "BAD", demo->has_colour ? "\033[0m" : "", kind->name,
	        care->is_inpatient ? "in " : "out", care->origin->institution,
	        care->visit[0] == '\0' ? "-" : care->visit, beliefs[care->belief], amount, fund, cash,
	        care->n_reversed > 0 ? ", reversed" : "", care->n_resettled > 0 ? ", settled again" : "", (long long)ms,
	        rv == 0 ? "" : "  ", rv == 0 ? "" : play->desk.why);
	fflush(stdout);
}

static void take_down(struct demo *demo, const struct play *play, const struct case_kind *kind, int rv, int64_t ms)
{
	json_t *row;
	char text[600];

	pthread_mutex_lock(&demo->print_lock);
	row = json_object_get(demo->by_case, kind->name);
	if (row == NULL) {
		row = must(json_pack("{s:i, s:i, s:i, s:i, s:i}", "visits", 0, "as_expected", 0, "reversed", 0,
		        "resettled", 0, "slowest_ms", 0));
		json_object_set_new(demo->by_case, kind->name, row);
	}
	json_object_set_new(row, "visits", json_integer(json_number(row, "visits", 0) + 1));
	json_object_set_new(row, "as_expected", json_integer(json_number(row, "as_expected", 0) + (rv == 0)));
	json_object_set_new(row, "reversed", json_integer(json_number(row, "reversed", 0) + play->care->n_reversed));
	json_object_set_new(row, "resettled", json_integer(json_number(row, "resettled", 0) + play->care->n_resettled));
	if (ms > json_number(row, "slowest_ms", 0))
		json_object_set_new(row, "slowest_ms", json_integer(ms));
	if (rv != 0) {
		text_format(text, sizeof(text), "%s, visit %s (%s): %s", kind->name, play->care->visit,
		        play->care->own_number, play->desk.why);
		json_array_append_new(demo->unexpected, json_string(text));
	}
	tell(demo, play, kind, rv, ms);
	pthread_mutex_unlock(&demo->print_lock);
}

static void play_plan(struct demo *demo, struct client *client, size_t index)
{
	const struct plan *plan = &demo->plans[index];
	const struct traffic *traffic = &demo->traffic;
	bool is_inpatient = plan->kind->patients == 'i' || (plan->kind->patients == 'b' && plan->number % 3 == 2);
	struct play play = {
		.demo = demo, .argument = plan->kind->argument, .desk = { .client = client, .run = &demo->run }
	};
	int64_t start_ms = clock_steady_ms();
	int rv;

	play.care = care_new(&demo->run, origin_for(demo, plan, index), &traffic->patients[index % traffic->n_patients],
	        &traffic->bills[index % traffic->n_bills], is_inpatient, plan->kind->name);
	rv = plan->kind->run(&play);
	if (rv != 0 && play.desk.why[0] == '\0')
		fail(&play, "not as expected");
	take_down(demo, &play, plan->kind, rv, clock_steady_ms() - start_ms);
}

static void *clerk(void *context)
{
	struct demo *demo = context;
	struct client *client = client_new();
	size_t index;

	while ((index = atomic_fetch_add(&demo->next, 1)) < demo->n_plans)
		play_plan(demo, client, index);
	client_free(client);
	return NULL;
}

static void play_all(struct demo *demo)
{
	size_t n_threads = (size_t)demo->options->threads;
	pthread_t *threads = must(calloc(n_threads, sizeof(*threads)));

	for (size_t i = 0; i < n_threads; i++)
		if (pthread_create(&threads[i], NULL, clerk, demo) != 0)
			must(NULL);
	for (size_t i = 0; i < n_threads; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

/* Before and after. */

static int people_come(struct demo *demo)
{
	if (demo->options->traffic_path != NULL)
		return traffic_read(&demo->traffic, demo->options->traffic_path);
	traffic_invent(&demo->traffic, demo->options->seed, demo->n_plans);
	return 0;
}

static int prepare(struct demo *demo, struct client *client)
{
	const struct hospitals_options *options = demo->options;
	struct desk desk = { .client = client, .run = &demo->run };
	json_t *persons, *answer;

	persons = traffic_persons(&demo->traffic);
	answer = client_control(client, options->control_url, "/persons", persons);
	json_decref(persons);
	if (answer == NULL)
		return -1;
	json_decref(answer);
	for (size_t i = 0; i < ORIGINS_MAX; i++) {
		if (!options->origins[i].signs_in || desk_sign_in(&desk, &options->origins[i], "") == 0)
			continue;
		fprintf(stderr, "yitong-sandbox: the hospital could not sign in: %s\n", desk.why);
		return -1;
	}
	return 0;
}

/* What a judge may ask for, to see that the comparison finds it: one of this run's settlements. */
static void alter_ledger(struct demo *demo, struct client *client)
{
	json_t *body;

	for (size_t i = 0; i < demo->run.n_cares; i++) {
		const struct care *care = demo->run.cares[i];

		if (care->belief != BELIEF_SETTLED)
			continue;
		body = must(
		        json_pack("{s:I, s:s}", "fen", (json_int_t)demo->options->alter_fen, "setl_id", care->setl_id));
		json_decref(client_control(client, demo->options->control_url, "/alter", body));
		json_decref(body);
		return;
	}
}

/* After quiescence; NULL when the platform's ledger cannot be had. */
static json_t *compare(struct demo *demo, struct client *client)
{
	const char *url = demo->options->control_url;
	json_t *body = must(json_pack("{s:i}", "timeout_ms", 30000));
	json_t *quiet = client_control(client, url, "/quiesce", body), *platform, *hospitals, *result = NULL;
	char *text;

	json_decref(body);
	json_decref(quiet);
	if (demo->options->alter_fen != 0)
		alter_ledger(demo, client);
	platform = client_control(client, url, "/ledger", NULL);
	hospitals = hospital_ledger(&demo->run);
	if (demo->options->ledger_path != NULL) {
		text = must(json_dumps(hospitals, JSON_INDENT(1)));
		file_write(demo->options->ledger_path, text, strlen(text));
		free(text);
	}
	if (platform != NULL)
		result = ledgers_compare(hospitals, platform);
	json_decref(platform);
	json_decref(hospitals);
	return result;
}

static void print_tables(struct demo *demo, const json_t *result)
{
	json_t *row, *difference;
	const char *name;
	char amount[24];
	size_t i;

	printf("\n%-8s %7s %8s %8s %9s %16s\n", "message", "done", "refused", "unknown", "not sent", "yuan");
	json_object_foreach(demo->run.exchanges, name, row)
	{
		fen_text(json_number(row, "amount_fen", 0), amount);
		printf("%-8s %7lld %8lld %8lld %9lld %16s\n", name, (long long)json_number(row, "done", 0),
		        (long long)json_number(row, "refused", 0), (long long)json_number(row, "unknown", 0),
		        (long long)json_number(row, "not_sent", 0), amount);
	}
	printf("\n%-20s %7s %12s %9s %14s %11s\n", "case", "visits", "as expected", "reversed", "settled again",
	        "slowest ms");
	json_object_foreach(demo->by_case, name, row)
	        printf("%-20s %7lld %12lld %9lld %14lld %11lld\n", name, (long long)json_number(row, "visits", 0),
	                (long long)json_number(row, "as_expected", 0), (long long)json_number(row, "reversed", 0),
	                (long long)json_number(row, "resettled", 0), (long long)json_number(row, "slowest_ms", 0));
	putchar('\n');
	json_array_foreach(demo->unexpected, i, difference) printf("unexpected: %s\n", json_string_value(difference));
	json_array_foreach(json_object_get(result, "differences"), i, difference)
	        printf("one-sided: %s\n", json_string_value(difference));
	printf("one-sided settlements: %lld of %lld compared; double bookings: %lld; undecided: %lld; unexpected: "
	       "%zu\n",
	        (long long)json_number(result, "one_sided", -1), (long long)json_number(result, "compared", 0),
	        (long long)json_number(result, "double_bookings", -1), (long long)json_number(result, "undecided", 0),
	        json_array_size(demo->unexpected));
}

static int report_write(struct demo *demo, json_t *result)
{
	json_int_t n_reversed = 0, n_resettled = 0;
	json_t *report;
	char *text;
	int rv;

	if (demo->options->report_path == NULL)
		return 0;
	for (size_t i = 0; i < demo->run.n_cares; i++) {
		n_reversed += demo->run.cares[i]->n_reversed;
		n_resettled += demo->run.cares[i]->n_resettled;
	}
	report = must(
	        json_pack("{s:O, s:O, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O, s:O}", "exchanges", demo->run.exchanges,
	                "cases", demo->by_case, "one_sided", (json_int_t)json_number(result, "one_sided", -1),
	                "compared", (json_int_t)json_number(result, "compared", 0), "double_bookings",
	                (json_int_t)json_number(result, "double_bookings", -1), "undecided",
	                (json_int_t)json_number(result, "undecided", 0), "reversed", n_reversed, "resettled",
	                n_resettled, "visits", (json_int_t)demo->run.n_cares, "unexpected", demo->unexpected,
	                "differences", json_object_get(result, "differences")));
	text = must(json_dumps(report, JSON_INDENT(1)));
	rv = file_write(demo->options->report_path, text, strlen(text));
	free(text);
	json_decref(report);
	return rv;
}

static int conclude(struct demo *demo, struct client *client)
{
	json_t *result = compare(demo, client);
	bool is_good;

	if (result == NULL)
		return 1;
	print_tables(demo, result);
	is_good = json_number(result, "one_sided", -1) == 0 && json_number(result, "double_bookings", -1) == 0 &&
	          (demo->options->is_tolerant ||
	                  (json_array_size(demo->unexpected) == 0 && json_number(result, "undecided", -1) == 0));
	if (report_write(demo, result) != 0)
		is_good = false;
	json_decref(result);
	return is_good ? 0 : 1;
}

int hospitals_main(const struct hospitals_options *options)
{
	struct demo demo = { .options = options,
		.print_lock = PTHREAD_MUTEX_INITIALIZER,
		.run = { .timeout_ms = options->timeout_ms,
		        .budget_ms = options->budget_ms,
		        .lock = PTHREAD_MUTEX_INITIALIZER },
		.has_colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL };
	struct client *client = client_new();
	int code = 1;

	/* Own numbers of different runs against one platform must differ: time and process make them so. */
	text_format(demo.run.prefix, sizeof(demo.run.prefix), "%08llx%04x",
	        (unsigned long long)(clock_wall_ms() / 1000) & 0xffffffffu, (unsigned)getpid() & 0xffffu);
	demo.run.exchanges = must(json_object());
	demo.unexpected = must(json_array());
	demo.by_case = must(json_object());
	plan_make(&demo);
	if (unknown_name(options->only) != NULL) {
		fprintf(stderr,
		        "yitong-sandbox: --only: there is no case \"%s\"; see yitong-sandbox hospitals --help\n",
		        unknown_name(options->only));
		code = 2;
	} else if (demo.n_plans == 0) {
		fputs("yitong-sandbox: no case is left to play; see yitong-sandbox hospitals --help for their names\n",
		        stderr);
		code = 2;
	} else if (people_come(&demo) != 0) {
		code = 2;
	} else if (prepare(&demo, client) == 0) {
		play_all(&demo);
		code = conclude(&demo, client);
	}
	client_free(client);
	traffic_free(&demo.traffic);
	hospital_run_free(&demo.run);
	free(demo.plans);
	json_decref(demo.unexpected);
	json_decref(demo.by_case);
	return code;
}
