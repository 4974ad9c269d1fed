/* sandbox/allowances.c - maternity allowances that an agency orders at the gateway's intake and a bank pays (play.h).
 *
 * No visit belongs to them.  What becomes of each is chosen by the last two digits of its amount (bank.h), and read
 * from the bank's own ledger.  Where the account was wrong its agency's clerk looks at the gateway's own words before
 * it is ordered anew. */
#include "play.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAID_WAIT_MS 60000 /* for the payment, with all that goes wrong on the way */
#define LOOK_MS 500        /* between two looks of a clerk */

/* The gateway chooses by the payee's bank which way an order goes (conf/province.yaml). */
struct channel {
	char letter; /* in a case's argument */
	const char *face, *bank_no, *bank_name;
};

static const struct channel channels[] = {
	{ 'L', "link", "105332099046", "示例建设银行宁波分行" },
	{ 'I', "iso20022", "102332099026", "示例工商银行宁波分行" },
	{ 'F', "file", "103332099016", "示例农业银行宁波分行" },
};

static const struct channel *channel_of(const struct play *play)
{
	size_t i = sizeof(channels) / sizeof(*channels) - 1;

	while (i > 0 && channels[i].letter != play->argument[6])
		i--;
	return &channels[i];
}

static json_t *order_message(const struct play *play, const char *pay_no, const char *account, const char *amount)
{
	const struct channel *channel = channel_of(play);
	const char *name = play->care->patient->name;

	return must(json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}}", "operation", "pay.order",
	        "number", pay_no, "institution", play->care->origin->institution, "data", "pay_no", pay_no, "pay_amt",
	        amount, "payee_acct", account, "payee_name", name, "payee_bank_no", channel->bank_no, "payee_bank_name",
	        channel->bank_name, "psn_name", name, "purpose", "生育津贴"));
}

/* PaySts of a payout and how often it was booked; "" while the bank has not taken it. */
static void bank_says(struct play *play, const char *pay_no, char state[12], int64_t *n_booked)
{
	json_t *ledger = client_control(play->desk.client, play->demo->options->bank_url, "/ledger", NULL), *row;
	size_t i;

	*state = '\0';
	*n_booked = 0;
	json_array_foreach(json_object_get(ledger, "payouts"), i, row)
	{
		if (strcmp(json_text(row, "pay_ref"), pay_no) != 0)
			continue;
		text_format(state, 12, "%s", json_text(row, "state"));
		*n_booked = json_number(row, "booked", 0);
	}
	json_decref(ledger);
}

/* Ordered twice in the same words, as who hears nothing does; one payment. */
static int order_twice(struct play *play, const char *pay_no, const char *account, const char *amount)
{
	if (play_intake(play, order_message(play, pay_no, account, amount)) != 0)
		return -1;
	return play_intake(play, order_message(play, pay_no, account, amount));
}

static void fresh_number(char pay_no[31])
{
	static atomic_uint serial;
	char digits[18];

	time_digits(clock_wall_ms(), digits);
	text_format(pay_no, 31, "MA%.8s%.9s%03u", digits, digits + 8, atomic_fetch_add(&serial, 1) % 1000);
}

/* Until the bank has it in this state, having booked it so often. */
static int await_bank(struct play *play, const char *pay_no, const char *wanted, int64_t times)
{
	int64_t end = clock_steady_ms() + PAID_WAIT_MS, n_booked = 0;
	char state[12] = "";

	for (; clock_steady_ms() < end; sleep_ms(200)) {
		bank_says(play, pay_no, state, &n_booked);
		if (*state != '\0' && strncmp(state, wanted, 2) == 0)
			return n_booked == times
			               ? 0
			               : play_fail(play, "%s is booked %lld times", pay_no, (long long)n_booked);
	}
	return play_fail(
	        play, "%s is %s at the bank, expected %.2s", pay_no, *state == '\0' ? "unknown" : state, wanted);
}

/* argument: the last two digits of the amount, the PaySts it ends in, the channel. */
static int case_allowance(struct play *play)
{
	bool is_paid = strncmp(play->argument + 3, "04", 2) == 0,
	     was_paid = is_paid || strncmp(play->argument + 3, "06", 2) == 0;
	char pay_no[31], account[20], amount[24];

	fresh_number(pay_no);
	play_account(pay_no, account);
	text_format(amount, sizeof(amount), "%zu.%.2s", 21463 + play->number, play->argument);
	play_ordered(play, &(struct ordered){ .pay_no = pay_no,
	                           .account = account,
	                           .amount = amount,
	                           .face = channel_of(play)->face,
	                           .is_paid = is_paid });
	if (order_twice(play, pay_no, account, amount) != 0)
		return -1;
	return await_bank(play, pay_no, play->argument + 3, was_paid);
}

/* -- a wrong account first -- */

bool play_clerk_sees(struct play *play, const char *pay_no, const char *state, const char *word)
{
	char command[1200];
	json_t *told, *step;
	bool is_said = false, is_over;
	FILE *out;
	size_t i;

	text_format(command, sizeof(command), "%s +/%s", play->demo->options->clerk, pay_no);
	out = must(popen(command, "re"));
	told = json_loadf(out, 0, NULL);
	pclose(out);
	json_array_foreach(json_object_get(told, "steps"), i, step) is_said |=
	        strstr(json_text(step, "what"), word) != NULL;
	is_over = strcmp(json_text(told, "state"), state) == 0;
	json_decref(told);
	return is_said && is_over;
}

static int await_clerk(struct play *play, const char *pay_no, const char *state, const char *word)
{
	int64_t end = clock_steady_ms() + PAID_WAIT_MS;

	for (; clock_steady_ms() < end; sleep_ms(LOOK_MS))
		if (play_clerk_sees(play, pay_no, state, word))
			return 0;
	return play_fail(play, "the gateway never showed %s as %s %s", pay_no, state, word);
}

/* The bank pays to a wrong account, and gives the money back; argument: as above, but the code that it gives. */
static int pay_wrongly(struct play *play, const char *pay_no, const char *account, const char *amount)
{
	play_ordered(
	        play, &(struct ordered){
	                      .pay_no = pay_no, .account = account, .amount = amount, .face = channel_of(play)->face });
	if (order_twice(play, pay_no, account, amount) != 0 || await_bank(play, pay_no, "04", 1) != 0 ||
	        await_clerk(play, pay_no, "done", "") != 0)
		return -1;
	if (play_at_bank(
	            play, "/return", must(json_pack("{s:s, s:s}", "pay_ref", pay_no, "code", play->argument + 8))) != 0)
		return -1;
	return await_clerk(play, pay_no, "refused", "RETURNED");
}

/* argument: the last two digits of the amount, the PaySts it ends in, the channel, the bank's code for what was wrong.
 * Known to have come back, it is ordered anew under another number, to the right account. */
static int case_reordered(struct play *play)
{
	char first[31], pay_no[31], wrong[20], right[20], amount[24];

	fresh_number(first);
	play_account(first, wrong);
	text_format(amount, sizeof(amount), "%zu.%.2s", 22463 + play->number, play->argument);
	if (pay_wrongly(play, first, wrong, amount) != 0)
		return -1;
	fresh_number(pay_no);
	play_account(pay_no, right);
	play_ordered(play, &(struct ordered){ .pay_no = pay_no,
	                           .account = right,
	                           .amount = amount,
	                           .face = channel_of(play)->face,
	                           .wrong = wrong,
	                           .is_paid = true });
	if (order_twice(play, pay_no, right, amount) != 0 || await_bank(play, pay_no, "04", 1) != 0 ||
	        await_clerk(play, pay_no, "done", "") != 0)
		return -1;
	return play_paid_anew(play, wrong, right, pay_no, first);
}

static const struct case_kind reordered_kinds[] = {
	{ "allowance-reordered", "paid to an account that is closed, comes back, ordered anew", 3, "50 04 L E20004",
	        case_reordered, 0, 'o', true },
	{ "allowance-reordered-name", "likewise, the name does not fit", 2, "51 04 L E20005", case_reordered, 0, 'o',
	        true },
	{ "allowance-iso-reordered", "likewise, by ISO 20022", 2, "52 04 I E20004", case_reordered, 0, 'o', true },
	{ "allowance-file-reordered", "likewise, by files", 2, "53 04 F E20005", case_reordered, 0, 'o', true },
};

const struct case_table reordered_cases = { reordered_kinds, sizeof(reordered_kinds) / sizeof(*reordered_kinds),
	WHO_CLERK };

static const struct case_kind kinds[] = {
	{ "allowance-not-taken", "ordered; no answer, and the bank has nothing", 2, "95 04 L", case_allowance, 0, 'o',
	        true },
	{ "allowance-busy", "ordered; the bank is busy", 2, "99 04 L", case_allowance, 0, 'o', true },
	{ "allowance-silence", "ordered and paid; no answer ever", 2, "94 04 L", case_allowance, 0, 'o', true },
	{ "allowance-cut", "ordered and paid; the answer is cut", 2, "96 04 L", case_allowance, 0, 'o', true },
	{ "allowance-signature", "ordered and paid; the answer is signed wrongly", 2, "97 04 L", case_allowance, 0, 'o',
	        true },
	{ "allowance-slow", "taken, paid later", 3, "90 04 L", case_allowance, 0, 'o', true },
	{ "allowance-name", "the name does not fit the account", 2, "91 05 L", case_allowance, 0, 'o', true },
	{ "allowance-closed", "the account is closed", 2, "92 05 L", case_allowance, 0, 'o', true },
	{ "allowance-unknown", "unknown at first, then failed", 2, "98 05 L", case_allowance, 0, 'o', true },
	{ "allowance-returned", "paid, and the money comes back", 2, "93 06 L", case_allowance, 0, 'o', true },
	{ "allowance-iso-not-taken", "by ISO 20022; no answer, and the bank has nothing", 2, "95 04 I", case_allowance,
	        0, 'o', true },
	{ "allowance-iso-busy", "by ISO 20022; HTTP 503, and the bank has nothing", 2, "99 04 I", case_allowance, 0,
	        'o', true },
	{ "allowance-iso-silence", "by ISO 20022, paid; no answer ever", 2, "94 04 I", case_allowance, 0, 'o', true },
	{ "allowance-iso-cut", "by ISO 20022, paid; the answer is cut", 2, "96 04 I", case_allowance, 0, 'o', true },
	{ "allowance-iso-slow", "by ISO 20022, taken, paid later", 2, "90 04 I", case_allowance, 0, 'o', true },
	{ "allowance-iso-name", "by ISO 20022; the name does not fit", 2, "91 05 I", case_allowance, 0, 'o', true },
	{ "allowance-iso-closed", "by ISO 20022; the account is closed", 2, "92 05 I", case_allowance, 0, 'o', true },
	{ "allowance-iso-unknown", "by ISO 20022; unknown at first, then failed", 2, "98 05 I", case_allowance, 0, 'o',
	        true },
	{ "allowance-iso-returned", "by ISO 20022, paid, and the money comes back", 2, "93 06 I", case_allowance, 0,
	        'o', true },
	{ "allowance-iso", "by ISO 20022, paid", 6, "50 04 I", case_allowance, 0, 'o', true },
	{ "allowance-file-slow", "by files, taken, paid later", 2, "90 04 F", case_allowance, 0, 'o', true },
	{ "allowance-file-name", "by files; the name does not fit", 2, "91 05 F", case_allowance, 0, 'o', true },
	{ "allowance-file-closed", "by files; the account is closed", 2, "92 05 F", case_allowance, 0, 'o', true },
	{ "allowance-file-unknown", "by files; unknown at first, then failed", 2, "98 05 F", case_allowance, 0, 'o',
	        true },
	{ "allowance-file", "by files, paid", 6, "50 04 F", case_allowance, 0, 'o', true },
	{ "allowance", "a maternity allowance, ordered by its agency and paid", 10, "50 04 L", case_allowance, 0, 'o',
	        true },
};

const struct case_table allowance_cases = { kinds, sizeof(kinds) / sizeof(*kinds), WHO_NOBODY };
