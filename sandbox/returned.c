/* sandbox/returned.c - money that comes back, or must: an account that is wrong at first, and stays that are cancelled
 * after their claim was paid (play.h).
 *
 * The bank gives back what went to the wrong account; the hospital then tells another one, and the gateway pays once
 * more under another number.  What was paid for a cancelled stay stays paid: its insurer is told, and opens a case. */
#include "play.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define BACK_WAIT_MS 60000

/* The nth of what is said of payments for this claim, from 0; "" in state: there is none yet. */
static void payment_at(struct play *play, size_t n, char state[16], char ref[31])
{
	json_t *claim = play_claim(play);
	const json_t *payment = json_array_get(json_object_get(claim, "payments"), n);

	text_format(state, 16, "%s", payment == NULL ? "" : json_text(payment, "payState"));
	text_format(ref, 31, "%s", payment == NULL ? "" : json_text(payment, "payoutNo"));
	json_decref(claim);
}

static int await_payment(struct play *play, size_t n, const char *wanted, char ref[31])
{
	int64_t end = clock_steady_ms() + BACK_WAIT_MS;
	char state[16];

	for (;; sleep_ms(200)) {
		payment_at(play, n, state, ref);
		if (strcmp(state, wanted) == 0)
			return 0;
		if (*state != '\0' || clock_steady_ms() > end)
			return play_fail(play, "the insurer's payment %zu is \"%s\", expected %s", n, state, wanted);
	}
}

/* How often it is booked at the bank to that account, what came back not counted. */
static int64_t booked(struct play *play, const char *account)
{
	json_t *ledger = client_control(play->desk.client, play->demo->options->bank_url, "/ledger", NULL), *row;
	int64_t n = 0;
	size_t i;

	json_array_foreach(json_object_get(ledger, "payouts"), i, row)
	{
		if (strcmp(json_text(row, "payee"), account) == 0)
			n += json_number(row, "booked", 0) - (strncmp(json_text(row, "state"), "06", 2) == 0);
	}
	json_decref(ledger);
	return n;
}

static bool has_refused(struct play *play, const char *account)
{
	json_t *ledger = client_control(play->desk.client, play->demo->options->bank_url, "/ledger", NULL), *row;
	bool has = false;
	size_t i;

	json_array_foreach(json_object_get(ledger, "payouts"), i, row)
	{
		has = has ||
		      (strcmp(json_text(row, "payee"), account) == 0 && strcmp(json_text(row, "state"), "05") == 0);
	}
	json_decref(ledger);
	return has;
}

/* Until the insurer has decided, and the bank has refused what then left. */
static int await_refusal(struct play *play, const char *account)
{
	int64_t end = clock_steady_ms() + BACK_WAIT_MS;

	for (; !has_refused(play, account); sleep_ms(200))
		if (clock_steady_ms() > end)
			return play_fail(play, "the bank has refused no payout to %s", account);
	return 0;
}

int play_at_bank(struct play *play, const char *call, json_t *body)
{
	json_t *answer = client_control(play->desk.client, play->demo->options->bank_url, call, body);

	json_decref(body);
	json_decref(answer);
	return answer != NULL ? 0 : play_fail(play, "the bank did not take %s", call);
}

int play_open_account(struct play *play, const char *account, const char *name)
{
	return play_at_bank(play, "/accounts", must(json_pack("[{s:s, s:s}]", "account", account, "name", name)));
}

int play_paid_anew(struct play *play, const char *wrong, const char *right, const char *ref, const char *before)
{
	if (strcmp(ref, before) == 0)
		return play_fail(play, "payout %s was used twice", ref);
	if (booked(play, wrong) != 0 || booked(play, right) != 1)
		return play_fail(play, "%lld payments are at the wrong account, %lld at the right one",
		        (long long)booked(play, wrong), (long long)booked(play, right));
	return 0;
}

static int settle_with(struct play *play, const char *account)
{
	play_big_bill(play);
	if (care_open(&play->desk, play->care) != 0 || play_agree_but_account(play) != 0 ||
	        play_tell_account(play, "payee", account) != 0)
		return -1;
	return play_settle(play);
}

/* argument: the bank's code for what was wrong; the money was there, and comes back. */
static int case_returned(struct play *play)
{
	char wrong[20], right[20], seed[64], ref[31], first[31];

	text_format(seed, sizeof(seed), "%s-wrong", play->care->own_number);
	play_account(seed, wrong);
	play_account(play->care->own_number, right);
	if (settle_with(play, wrong) != 0 || await_payment(play, 0, "PAID", first) != 0 ||
	        play_at_bank(play, "/return",
	                must(json_pack("{s:s, s:s}", "pay_ref", first, "code", play->argument))) != 0 ||
	        await_payment(play, 1, "RETURNED", ref) != 0)
		return -1;
	sleep_ms(1500); /* nothing leaves before the account is another */
	if (booked(play, wrong) != 0 || play_tell_account(play, "right", right) != 0 ||
	        await_payment(play, 2, "PAID", ref) != 0)
		return -1;
	return play_paid_anew(play, wrong, right, ref, first);
}

/* The account is closed, which the bank says at once: nothing was ever there. */
static int case_closed(struct play *play)
{
	char wrong[20], right[20], seed[64], ref[31];

	text_format(seed, sizeof(seed), "%s-closed", play->care->own_number);
	play_account(seed, wrong);
	play_account(play->care->own_number, right);
	if (play_at_bank(play, "/accounts",
	            must(json_pack("[{s:s, s:s, s:b}]", "account", wrong, "name", play->care->patient->name, "closed",
	                    1))) != 0 ||
	        settle_with(play, wrong) != 0)
		return -1;
	if (await_refusal(play, wrong) != 0 || play_tell_account(play, "right", right) != 0 ||
	        await_payment(play, 0, "PAID", ref) != 0)
		return -1;
	return play_paid_anew(play, wrong, right, ref, "");
}

static bool was_ordered(struct play *play, const char *account)
{
	json_t *ledger = client_control(play->desk.client, play->demo->options->bank_url, "/ledger", NULL), *row;
	bool was = false;
	size_t i;

	json_array_foreach(json_object_get(ledger, "payouts"), i, row)
	{
		was = was || strcmp(json_text(row, "payee"), account) == 0;
	}
	json_decref(ledger);
	return was;
}

/* Until a clerk sees why it waits; where there is none to look, long enough for it to leave wrongly. */
static int await_reason(struct play *play, const char *word)
{
	int64_t end = clock_steady_ms() + BACK_WAIT_MS;

	if (play->demo->options->clerk == NULL) {
		sleep_ms(1500);
		return 0;
	}
	for (; !play_clerk_sees(play, play->care->setl_id, "unknown", word); sleep_ms(500))
		if (clock_steady_ms() > end)
			return play_fail(play, "the gateway never showed the claim as waiting: %s", word);
	return 0;
}

/* The bank knows the account under another name: nothing ever leaves for it, and the right one is paid at once. */
static int case_another_name(struct play *play)
{
	char wrong[20], right[20], seed[64], ref[31];

	text_format(seed, sizeof(seed), "%s-name", play->care->own_number);
	play_account(seed, wrong);
	play_account(play->care->own_number, right);
	if (play_open_account(play, wrong, "示例他人") != 0 ||
	        play_open_account(play, right, play->care->patient->name) != 0 || settle_with(play, wrong) != 0 ||
	        await_reason(play, "its holder has another name") != 0)
		return -1;
	if (was_ordered(play, wrong))
		return play_fail(play, "%s was paid, whose holder has another name", wrong);
	if (play_tell_account(play, "right", right) != 0 || await_payment(play, 0, "PAID", ref) != 0)
		return -1;
	return play_paid_anew(play, wrong, right, ref, "");
}

/* Paid by whomever, then the stay is cancelled: the insurer is told, and what was paid stays so. */
static int case_asked_back(struct play *play)
{
	int64_t end = clock_steady_ms() + BACK_WAIT_MS;
	bool is_told = false;
	char setl_id[31];
	json_t *claim;

	play_big_bill(play);
	if (care_open(&play->desk, play->care) != 0 || play_agree(play) != 0 || play_settle(play) != 0 ||
	        play_await_claim(play, "PAID") != 0)
		return -1;
	text_format(setl_id, sizeof(setl_id), "%s", play->care->setl_id);
	care_cancel(&play->desk, play->care);
	if (play_expect(play, BELIEF_CANCELLED) != 0)
		return -1;
	play->care->is_asked_back = true;
	for (; !is_told && clock_steady_ms() < end; sleep_ms(200)) {
		claim = play_claim_of(play, setl_id);
		is_told = json_is_true(json_object_get(claim, "is_recovered"));
		json_decref(claim);
	}
	return is_told ? 0 : play_fail(play, "the insurer does not know that it is to get its money back");
}

static const struct case_kind returned_kinds[] = {
	{ "mandate-returned", "paid by us to an account that is closed: it comes back, another is told", 4, "E20004",
	        case_returned, 0, 'i', true },
	{ "mandate-returned-name", "likewise, the name does not fit", 2, "E20005", case_returned, 0, 'i', true },
	{ "mandate-another-name", "the bank knows the account under another name: never paid to, another is told", 2,
	        NULL, case_another_name, 0, 'i', true },
	{ "mandate-closed", "the bank refuses the account, another is told", 3, NULL, case_closed, 0, 'i', true },
	{ "mandate-iso-returned", "paid by us by ISO 20022 to an account that is closed", 2, "E20004", case_returned, 1,
	        'i', true },
	{ "mandate-file-returned", "likewise by files, the name does not fit", 2, "E20005", case_returned, 2, 'i',
	        true },
	{ "mandate-iso-closed", "the bank refuses the account by ISO 20022", 1, NULL, case_closed, 1, 'i', true },
	{ "mandate-file-closed", "likewise by files", 1, NULL, case_closed, 2, 'i', true },
	{ "mandate-asked-back", "paid by us, then the stay is cancelled: it is asked back", 3, NULL, case_asked_back, 0,
	        'i', true },
	{ "mandate-iso-asked-back", "likewise by ISO 20022", 2, NULL, case_asked_back, 1, 'i', true },
	{ "mandate-file-asked-back", "likewise by files", 2, NULL, case_asked_back, 2, 'i', true },
};
const struct case_table returned_cases = { returned_kinds, sizeof(returned_kinds) / sizeof(*returned_kinds),
	WHO_MANDATE };

static const struct case_kind back_kinds[] = {
	{ "claim-asked-back", "paid by the insurer, then the stay is cancelled", 3, NULL, case_asked_back, 0, 'i',
	        true },
};
const struct case_table back_cases = { back_kinds, sizeof(back_kinds) / sizeof(*back_kinds), WHO_CLAIM };

static const struct case_kind jinhui_back_kinds[] = {
	{ "jinhui-asked-back", "paid by 金惠保, then the stay is cancelled", 2, NULL, case_asked_back, 0, 'i', true },
};
const struct case_table jinhui_back_cases = { jinhui_back_kinds, sizeof(jinhui_back_kinds) / sizeof(*jinhui_back_kinds),
	WHO_JINHUI };
