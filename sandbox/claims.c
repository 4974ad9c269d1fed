/* sandbox/claims.c - stays of people who agreed that their insurer is told: what follows from the settlement (play.h).
 *
 * Before the settlement the hospital tells the gateway consent, account and invoices (format intake); after it nobody
 * asks for anything any more.  What became of the claim is read from the insurer's own ledger. */
#include "play.h"
#include "text.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLAIM_WAIT_MS 60000 /* for what follows, with all that goes wrong on the way */

/* What the person bears of it is far above any deductible, so that the insurer has something to pay; and bills whose
 * last two digits ask the insurer for trouble (--amount-faults). */
#define BIG_LINES(cents)                                                                                               \
	(struct bill_line[])                                                                                           \
	{                                                                                                              \
		{ "XJ01DDT999A001010199901", "示例药", 150000, 20000, 300000 },                                        \
		{                                                                                                      \
			"XB01ACT999A001010199909", "示例药（目录外）", 2000000 + (cents), 10000, 2000000 + (cents)     \
		}                                                                                                      \
	}
static const struct bill big_bill = { 2, BIG_LINES(0), 2300000 }, refused_bill = { 2, BIG_LINES(82), 2300082 },
                         known_bill = { 2, BIG_LINES(89), 2300089 }, untold_bill = { 2, BIG_LINES(83), 2300083 },
                         backwards_bill = { 2, BIG_LINES(84), 2300084 };

static size_t on_answer(char *data, size_t size, size_t n, void *context)
{
	char *text = context;
	size_t used = strlen(text), room = 500 - used;

	text_format(text + used, room, "%.*s", (int)(size * n), data);
	return size * n;
}

int play_intake(struct play *play, json_t *message)
{
	const struct origin *origin = play->care->origin;
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	char *body = must(json_dumps(message, JSON_COMPACT)), answer[501] = "";
	CURL *curl = must(curl_easy_init());
	long status = 0;
	CURLcode code;

	json_decref(message);
	curl_easy_setopt(curl, CURLOPT_URL, play->demo->options->intake_url);
	curl_easy_setopt(curl, CURLOPT_CAINFO, origin->ca);
	curl_easy_setopt(curl, CURLOPT_SSLCERT, origin->cert);
	curl_easy_setopt(curl, CURLOPT_SSLKEY, origin->key);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)play->demo->options->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	free(body);
	if (code == CURLE_OK && status == 200 && strstr(answer, "\"code\":\"0\"") != NULL)
		return 0;
	return play_fail(play, "the intake was not taken: %s %ld %.200s", curl_easy_strerror(code), status, answer);
}

static json_t *intake(const struct play *play, const char *operation, const char *part)
{
	char number[64];

	text_format(number, sizeof(number), "%s-%c", play->care->own_number, part[0]);
	return must(json_pack("{s:s, s:s, s:s, s:s, s:s}", "operation", operation, "number", number, "institution",
	        play->care->origin->institution, "psn_no", play->care->psn_no, "mdtrt_id", play->care->visit));
}

static int tell_consent(struct play *play)
{
	json_t *message = intake(play, "consent.put", "consent");
	char auth_no[33];

	text_format(auth_no, sizeof(auth_no), "SQ%s", play->care->own_number);
	json_object_set_new(message, "consent",
	        must(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "auth_no", auth_no, "auth_time", play->care->begntime,
	                "scope", "1111", "channel", "1", "expire_date", "2099-12-31", "evidence_sm3",
	                "651b96df59518f631ae23117c3b0db0b6971200a242f4dbc39f7be3065420a69")));
	return play_intake(play, message);
}

void play_account(const char *seed, char out[20])
{
	uint64_t state = 0;
	unsigned sum = 0;

	for (const char *p = seed; *p != '\0'; p++)
		state = state * 31 + (unsigned char)*p;
	text_format(out, 20, "629999%012llu", (unsigned long long)random_below(&state, 1000000000000u));
	for (unsigned i = 0; i < 18; i++) {
		unsigned digit = (unsigned)(out[i] - '0') * (i % 2 == 0 ? 1 : 2);

		sum += digit > 9 ? digit - 9 : digit;
	}
	out[18] = (char)('0' + (10 - sum % 10) % 10);
	out[19] = '\0';
}

/* At the bank whose claims 天一甬宁保 leaves to the gateway to pay, where a mandate is played. */
int play_tell_account(struct play *play, const char *what, const char *account)
{
	json_t *message = intake(play, "account.put", what);

	json_object_set_new(message, "payee",
	        must(json_pack("{s:s, s:s, s:s, s:s, s:s}", "relation", "00", "name", play->care->patient->name,
	                "bank_acct_no", account, "bank_no", play->is_mandate ? "105332099046" : "313332099026",
	                "bank_name", play->is_mandate ? "示例建设银行宁波分行" : "示例甬江银行营业部")));
	return play_intake(play, message);
}

static int tell_account(struct play *play)
{
	char account[20];

	play_account(play->care->own_number, account);
	if (play->demo->options->bank_url != NULL && play_open_account(play, account, play->care->patient->name) != 0)
		return -1;
	return play_tell_account(play, "payee", account);
}

static int tell_invoice(struct play *play)
{
	json_t *message = intake(play, "invoice.notice", "bill");
	char now[20], amount[24], number[33];

	time_text(clock_wall_ms(), now);
	now[10] = '\0';
	fen_text(play->care->bill->total_fen, amount);
	text_format(number, sizeof(number), "%s", play->care->own_number);
	json_object_set_new(message, "bill",
	        must(json_pack("[{s:s, s:s, s:s, s:s, s:s}]", "elec_bill_code", "33060126", "elec_billno_code", number,
	                "elec_bill_chkcode", "a1b2c3", "bill_date", now, "bill_amt", amount)));
	return play_intake(play, message);
}

static json_t *row_of(const json_t *rows, const char *setl_id)
{
	json_t *row, *found = NULL;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)rows, i, row)
	{
		if (strcmp(json_text(row, "setlId"), setl_id) == 0)
			found = row;
	}
	return json_incref(found);
}

/* The insurer's own row of this settlement's claim, taken in or refused at the door; NULL: it has none.  To be
 * released. */
static json_t *claim_of(struct play *play, const char *setl_id)
{
	json_t *ledger = client_control(play->desk.client, play->insurer_url, "/ledger", NULL);
	json_t *row = row_of(json_object_get(ledger, "claims"), setl_id);

	if (row == NULL)
		row = row_of(json_object_get(ledger, "refused"), setl_id);
	json_decref(ledger);
	return row;
}

/* How it stands there; REFUSED: at the door; "none". */
static void claim_status(struct play *play, const char *setl_id, char status[40])
{
	json_t *row = claim_of(play, setl_id);

	text_format(status, 40, "%s", row == NULL ? "none" : json_text(row, "status"));
	if (*status == '\0')
		text_format(status, 40, "REFUSED");
	json_decref(row);
}

/* Until the claim stands so at the insurer. */
static int await_claim(struct play *play, const char *setl_id, const char *status)
{
	int64_t end = clock_steady_ms() + CLAIM_WAIT_MS;
	char seen[40];

	for (;;) {
		claim_status(play, setl_id, seen);
		if (strcmp(seen, status) == 0)
			return 0;
		if (clock_steady_ms() > end)
			return play_fail(play, "the claim is %s at the insurer, expected %s", seen, status);
		sleep_ms(200);
	}
}

void play_big_bill(struct play *play)
{
	play->care->bill = &big_bill;
}

int play_agree_but_account(struct play *play)
{
	if (tell_consent(play) != 0 || tell_invoice(play) != 0)
		return -1;
	play->care->is_claimed = true;
	return 0;
}

int play_agree(struct play *play)
{
	return tell_account(play) != 0 ? -1 : play_agree_but_account(play);
}

json_t *play_claim_of(struct play *play, const char *setl_id)
{
	return claim_of(play, setl_id);
}

json_t *play_claim(struct play *play)
{
	return claim_of(play, play->care->setl_id);
}

int play_await_claim(struct play *play, const char *status)
{
	return await_claim(play, play->care->setl_id, status);
}

static int open_big(struct play *play, const struct bill *bill)
{
	play->care->bill = bill;
	return care_open(&play->desk, play->care);
}

static int open_agreed(struct play *play, const struct bill *bill)
{
	return open_big(play, bill) != 0 ? -1 : play_agree(play);
}

/* Told what a claim needs, then settled. */
static int settle_agreed(struct play *play, const struct bill *bill)
{
	if (open_agreed(play, bill) != 0)
		return -1;
	return play_settle(play);
}

/* Whichever call of that kind comes next meets it: this one's settlement has no number yet, and all are to end well. */
static int arm(struct play *play, const char *url, const char *op, const char *kind)
{
	json_t *spec = must(json_pack("{s:s, s:s, s:i}", "kind", kind, "op", op, "count", 1)), *answer;

	if (url == play->insurer_url) /* where another hospital waits for a decision, a lost one is people's */
		json_object_set_new(spec, "institution", json_string(play->care->origin->institution));
	answer = client_control(play->desk.client, url, "/fault", spec);
	json_decref(spec);
	if (answer == NULL)
		return play_fail(play, "the fault %s could not be armed", kind);
	json_decref(answer);
	return 0;
}

int play_arm_insurer(struct play *play, const char *op, const char *kind)
{
	return arm(play, play->insurer_url, op, kind);
}

/* The question about this visit, and no other. */
static int arm_quote(struct play *play, const char *kind)
{
	json_t *spec = must(
	        json_pack("{s:s, s:s, s:s, s:i}", "kind", kind, "op", "quote", "visit", play->care->visit, "count", 1));
	json_t *answer = client_control(play->desk.client, play->insurer_url, "/fault", spec);

	json_decref(spec);
	json_decref(answer);
	return answer != NULL ? 0 : play_fail(play, "the fault %s could not be armed", kind);
}

static int paid(struct play *play, const struct bill *bill)
{
	return settle_agreed(play, bill) == 0 ? await_claim(play, play->care->setl_id, "PAID") : -1;
}

static int case_paid(struct play *play)
{
	return paid(play, &big_bill);
}

/* Ends as the argument says: REJECTED, or REFUSED at the door. */
static int case_refused(struct play *play)
{
	return settle_agreed(play, &refused_bill) == 0 ? await_claim(play, play->care->setl_id, play->argument) : -1;
}

/* Taken, but told that it had been before: the gateway takes the case's number over. */
static int case_known(struct play *play)
{
	return paid(play, &known_bill);
}

/* The insurer tells nothing of it: it is found out by asking. */
static int case_untold(struct play *play)
{
	return paid(play, &untold_bill);
}

/* It is told when all is over, the last first, each twice. */
static int case_backwards(struct play *play)
{
	return paid(play, &backwards_bill);
}

/* The claim meets the fault named by the argument, and is paid once all the same. */
static int case_claim_trouble(struct play *play)
{
	if (open_agreed(play, &big_bill) != 0 || play_arm_insurer(play, "claims", play->argument) != 0 ||
	        play_settle(play) != 0)
		return -1;
	return await_claim(play, play->care->setl_id, "PAID");
}

/* The person has agreed before the pre-settlement: the desk sees what the insurer would pay, and so it decides. */
static int case_quoted(struct play *play)
{
	int64_t paid = 0;
	json_t *claim;

	play->care->bill = &big_bill;
	if (care_register(&play->desk, play->care) != 0 || tell_consent(play) != 0 || tell_account(play) != 0 ||
	        care_charge(&play->desk, play->care) != 0)
		return -1;
	if (play->care->quote_fen < 0)
		return play_fail(play, "the pre-settlement did not show what the insurer would pay");
	play->care->is_claimed = true;
	if (tell_invoice(play) != 0 || play_settle(play) != 0 || await_claim(play, play->care->setl_id, "PAID") != 0)
		return -1;
	claim = claim_of(play, play->care->setl_id);
	paid = json_number(claim, "payable", -1);
	json_decref(claim);
	return paid == play->care->quote_fen ? 0
	                                     : play_fail(play, "quoted were %lld fen, decided %lld",
	                                               (long long)play->care->quote_fen, (long long)paid);
}

/* The insurer says nothing to the question: the desk hears the platform alone, and goes on. */
static int case_no_quote(struct play *play)
{
	play->care->bill = &big_bill;
	if (care_register(&play->desk, play->care) != 0 || tell_consent(play) != 0 || tell_account(play) != 0 ||
	        arm_quote(play, play->argument) != 0 || care_charge(&play->desk, play->care) != 0)
		return -1;
	if (play->care->quote_fen >= 0)
		return play_fail(play, "a quote was shown that never came");
	play->care->is_claimed = true;
	if (tell_invoice(play) != 0 || play_settle(play) != 0)
		return -1;
	return await_claim(play, play->care->setl_id, "PAID");
}

/* The invoice comes when all is settled: the claim waits for it rather than leave with blanks. */
static int case_late_invoice(struct play *play)
{
	char seen[40];

	if (open_big(play, &big_bill) != 0 || tell_consent(play) != 0 || tell_account(play) != 0 ||
	        play_settle(play) != 0)
		return -1;
	sleep_ms(1500);
	claim_status(play, play->care->setl_id, seen);
	if (strcmp(seen, "none") != 0)
		return play_fail(play, "a claim without invoice reached the insurer");
	play->care->is_claimed = true;
	return tell_invoice(play) == 0 ? await_claim(play, play->care->setl_id, "PAID") : -1;
}

static int case_withdrawn(struct play *play)
{
	char setl_id[31];

	if (settle_agreed(play, &big_bill) != 0)
		return -1;
	text_format(setl_id, sizeof(setl_id), "%s", play->care->setl_id);
	if (await_claim(play, setl_id, play->argument) != 0)
		return -1;
	care_cancel(&play->desk, play->care);
	if (play_expect(play, BELIEF_CANCELLED) != 0)
		return -1;
	return await_claim(play, setl_id, "REJECTED");
}

/* Who has agreed to nothing is known to no insurer. */
int claim_case_silent(struct play *play)
{
	char seen[40];

	if (open_big(play, &big_bill) != 0 || tell_account(play) != 0 || tell_invoice(play) != 0 ||
	        play_settle(play) != 0)
		return -1;
	sleep_ms(2000);
	claim_status(play, play->care->setl_id, seen);
	return strcmp(seen, "none") == 0 ? 0 : play_fail(play, "the insurer knows of a person who has not agreed");
}

/* Told all that a claim needs, of who is no customer of the insurer: it must not even hear of him. */
int claim_case_stranger(struct play *play)
{
	char seen[40];

	if (open_agreed(play, &big_bill) != 0)
		return -1;
	play->care->is_claimed = false;
	if (play_settle(play) != 0)
		return -1;
	sleep_ms(2000);
	claim_status(play, play->care->setl_id, seen);
	return strcmp(seen, "none") == 0 ? 0 : play_fail(play, "the insurer knows of a person who is not on its list");
}

static const struct case_kind kinds[] = {
	{ "claim-withdrawn", "claimed, then the settlement is cancelled: the claim is withdrawn", 6, "RECEIVED",
	        case_withdrawn, 0, 'i', true },
	{ "claim-lost-after", "taken by the insurer, its answer is lost", 4, "effect_then_silence", case_claim_trouble,
	        0, 'i', true },
	{ "claim-lost-cut", "likewise, the connection is cut", 3, "effect_then_cut", case_claim_trouble, 0, 'i', true },
	{ "claim-lost-before", "never reaches the insurer", 3, "cut", case_claim_trouble, 0, 'i', true },
	{ "claim-busy", "the insurer is busy", 3, "busy", case_claim_trouble, 0, 'i', true },
	{ "claim-signature", "the insurer's answer is signed wrongly", 2, "wrong_signature", case_claim_trouble, 0, 'i',
	        true },
	{ "claim-late-invoice", "the invoice comes after the settlement", 3, NULL, case_late_invoice, 0, 'i', true },
	{ "claim-no-consent", "the person has not agreed: nothing is told", 3, NULL, claim_case_silent, 0, 'i', true },
	{ "claim-not-enrolled", "agreed, but not on the insurer's list: nothing is told", 4, NULL, claim_case_stranger,
	        0, 'i', true },
	{ "claim-quoted", "the pre-settlement shows what the insurer would pay", 6, NULL, case_quoted, 0, 'i', true },
	{ "claim-no-quote", "the insurer says nothing before the settlement", 2, "effect_then_silence", case_no_quote,
	        0, 'i', true },
	{ "claim-refused", "the insurer rejects it: not insured", 3, "REJECTED", case_refused, 0, 'i', true },
	{ "claim-untold", "the insurer tells nothing by itself", 3, NULL, case_untold, 0, 'i', true },
	{ "claim-backwards", "it tells all at the end, the last first, twice", 3, NULL, case_backwards, 0, 'i', true },
	{ "claim-known", "taken, but told that it had been before", 2, NULL, case_known, 0, 'i', true },
	{ "claim", "settled, claimed, decided, paid by the insurer", 20, NULL, case_paid, 0, 'i', true },
};

const struct case_table claim_cases = { kinds, sizeof(kinds) / sizeof(*kinds), WHO_CLAIM };

static const struct case_kind jinhui_kinds[] = {
	{ "jinhui-withdrawn", "claimed at 金惠保, then the settlement is cancelled", 5, "RECEIVED", case_withdrawn, 0,
	        'i', true },
	{ "jinhui-lost-after", "taken there, its answer is lost", 3, "effect_then_silence", case_claim_trouble, 0, 'i',
	        true },
	{ "jinhui-lost-cut", "likewise, the connection is cut", 2, "effect_then_cut", case_claim_trouble, 0, 'i',
	        true },
	{ "jinhui-lost-before", "never reaches it", 2, "cut", case_claim_trouble, 0, 'i', true },
	{ "jinhui-502", "taken there, a proxy answers 502", 3, "http_502_html", case_claim_trouble, 0, 'i', true },
	{ "jinhui-busy", "it is busy", 2, "busy", case_claim_trouble, 0, 'i', true },
	{ "jinhui-signature", "its answer is signed wrongly", 2, "wrong_signature", case_claim_trouble, 0, 'i', true },
	{ "jinhui-chunked", "its answer does not say its length", 2, "chunked", case_claim_trouble, 0, 'i', true },
	{ "jinhui-pieces", "its answer comes a few octets at a time", 2, "pieces", case_claim_trouble, 0, 'i', true },
	{ "jinhui-beyond-gbk", "its answer has characters of four octets", 2, "beyond_gbk", case_claim_trouble, 0, 'i',
	        true },
	{ "jinhui-refused", "not insured there", 4, "REFUSED", case_refused, 0, 'i', true },
	{ "jinhui-known", "taken there, but told that it had been before", 2, NULL, case_known, 0, 'i', true },
	{ "jinhui-late-invoice", "the invoice comes after the settlement", 2, NULL, case_late_invoice, 0, 'i', true },
	{ "jinhui-no-consent", "the person has not agreed: nothing is told", 2, NULL, claim_case_silent, 0, 'i', true },
	{ "jinhui-not-enrolled", "agreed, but not on its list: nothing is told", 2, NULL, claim_case_stranger, 0, 'i',
	        true },
	{ "jinhui", "settled, claimed, decided, paid by 金惠保", 10, NULL, case_paid, 0, 'i', true },
};

const struct case_table jinhui_cases = { jinhui_kinds, sizeof(jinhui_kinds) / sizeof(*jinhui_kinds), WHO_JINHUI };

/* The number under which the insurer was told that the gateway has paid; 0, or -1 with desk.why. */
static int payout_of(struct play *play, char ref[31])
{
	json_t *claim = claim_of(play, play->care->setl_id);
	const json_t *payment = json_array_get(json_object_get(claim, "payments"), 0);

	text_format(
	        ref, 31, "%s", strcmp(json_text(payment, "by"), "GATEWAY") == 0 ? json_text(payment, "payoutNo") : "");
	json_decref(claim);
	return *ref != '\0' ? 0 : play_fail(play, "the insurer was not told of a payment of ours");
}

/* Whatever is ordered next where this one's claim is paid; files have no such faults. */
static int arm_order(struct play *play, const char *kind)
{
	const char *op = strcmp(play->care->paid_over, "iso20022") == 0 ? "pain.001" : "BD1001";

	return arm(play, play->demo->options->bank_url, op, kind);
}

/* Decided by the insurer, paid by the gateway through the bank, whatever happens to the order on its way; once, to the
 * account that the hospital told. */
static int case_mandate(struct play *play)
{
	char ref[31], account[20];
	json_t *ledger, *row;
	int rv = -1;
	size_t i;

	if (open_agreed(play, &big_bill) != 0 || (play->argument != NULL && arm_order(play, play->argument) != 0) ||
	        play_settle(play) != 0 || await_claim(play, play->care->setl_id, "PAID") != 0 ||
	        payout_of(play, ref) != 0)
		return -1;
	play_account(play->care->own_number, account);
	ledger = client_control(play->desk.client, play->demo->options->bank_url, "/ledger", NULL);
	json_array_foreach(json_object_get(ledger, "payouts"), i, row)
	{
		if (strcmp(json_text(row, "pay_ref"), ref) == 0)
			rv = json_number(row, "booked", 0) == 1 && strcmp(json_text(row, "payee"), account) == 0 ? 0
			                                                                                         : -1;
	}
	json_decref(ledger);
	return rv == 0 ? 0 : play_fail(play, "payout %s is not booked once to %s", ref, account);
}

static const struct case_kind mandate_kinds[] = {
	{ "mandate-lost-after", "we pay for the insurer; the bank's answer is lost", 3, "effect_then_silence",
	        case_mandate, 0, 'i', true },
	{ "mandate-lost-cut", "likewise, the connection is cut", 2, "effect_then_cut", case_mandate, 0, 'i', true },
	{ "mandate-cut-body", "likewise, in the middle of the answer", 2, "cut_body", case_mandate, 0, 'i', true },
	{ "mandate-lost-before", "the order never reaches the bank", 2, "cut", case_mandate, 0, 'i', true },
	{ "mandate-busy", "the bank is busy", 2, "busy", case_mandate, 0, 'i', true },
	{ "mandate-signature", "the bank's answer is signed wrongly", 2, "wrong_signature", case_mandate, 0, 'i',
	        true },
	{ "mandate-iso-lost-after", "we pay by ISO 20022; the bank's answer is lost", 2, "effect_then_silence",
	        case_mandate, 1, 'i', true },
	{ "mandate-iso-lost-cut", "likewise, the connection is cut", 2, "effect_then_cut", case_mandate, 1, 'i', true },
	{ "mandate-iso-lost-before", "the order never reaches the bank", 2, "cut", case_mandate, 1, 'i', true },
	{ "mandate-iso", "decided by the insurer, paid by us by ISO 20022", 6, NULL, case_mandate, 1, 'i', true },
	{ "mandate-file", "decided by the insurer, paid by us by files", 6, NULL, case_mandate, 2, 'i', true },
	{ "mandate", "decided by the insurer, paid by us through the bank", 8, NULL, case_mandate, 0, 'i', true },
};

const struct case_table mandate_cases = { mandate_kinds, sizeof(mandate_kinds) / sizeof(*mandate_kinds), WHO_MANDATE };
